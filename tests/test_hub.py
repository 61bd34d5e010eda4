"""Every record passes the hub once: into the journal first, then to the engines it concerns."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from helpers_journal import MemoryJournal
from helpers_recording import heart
from vagalwatch.clock import NS
from vagalwatch.engine import Engine, is_input
from vagalwatch.hub import URGENT, Hub
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.records import Alert, Answer, AnswerKind, Estimate, Heart, Setting, Tick
from vagalwatch.sensors.recording import sequence

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.records import Record

T0_NS = 1_795_446_000 * NS
FLOODS = list(sequence(heart([(8, 70), (4, 112)], eda=False)))


def a_hub(journal: MemoryJournal, *wearers: str) -> Hub:
    return Hub(journal, {wearer: Engine(wearer) for wearer in wearers})


def beat(wearer: str, second: int) -> Heart:
    t_ns = T0_NS + second * NS
    return Heart(wearer=wearer, source="strap", t_ns=t_ns, recv_ns=t_ns, hr_bpm=70.0)


def tick(second: int) -> Tick:
    return Tick(t_ns=T0_NS + second * NS, recv_ns=T0_NS + second * NS)


def yes() -> Answer:
    return Answer(wearer="alex", t_ns=T0_NS, recv_ns=T0_NS, answer=AnswerKind.YES, id="a")


def rows_of(journal: MemoryJournal, wearer: str) -> list[Estimate]:
    records = (entry.record for entry in journal.entries)
    return [one for one in records if isinstance(one, Estimate) and one.wearer == wearer]


def test_what_an_engine_says_stands_right_behind_what_it_was_told() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "recording")
    for record in FLOODS:
        hub.take(record)
    engine = Engine("recording")
    expected: list[Record] = []
    for record in FLOODS:
        expected += [record, *engine.push(record)]
    assert [entry.record for entry in journal.entries] == expected
    assert any(isinstance(record, Alert) for record in expected)
    inputs = [entry.record for entry in journal.entries if is_input(entry.record)]
    assert inputs == [one for one in FLOODS if is_input(one)]


def test_a_place_is_that_of_the_record_and_not_of_what_was_said_of_it() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    told: list[Record] = [beat("alex", 1), *(tick(second) for second in range(2, 30))]
    places = [hub.take(record) for record in told]
    by_place = {entry.place: entry.record for entry in journal.entries}
    assert [by_place[place] for place in places] == told
    assert len(journal.entries) > len(told)


def test_a_wearers_record_concerns_that_wearer_and_the_sites_concerns_all() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "alex", "sam")
    for second in range(40):
        hub.take(beat("alex", second))
        hub.take(tick(second))
    alex, sam = rows_of(journal, "alex"), rows_of(journal, "sam")
    assert [row.t_ns for row in alex] == [row.t_ns for row in sam]  # the ticks are everybody's
    assert alex[-1].metrics.hr_bpm == pytest.approx(70.0)
    assert all(row.metrics.hr_bpm is None for row in sam)
    assert {row.reason for row in sam} == {"heart-missing"}


def test_watchers_see_everything_in_the_order_of_the_journal() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "recording")
    seen: list[Record] = []
    also: list[Record] = []
    hub.watchers += [seen.append, also.append]
    for record in FLOODS[:2000]:
        hub.take(record)
    assert seen == also == [entry.record for entry in journal.entries]


def test_what_is_only_kept_is_told_to_no_engine() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    seen: list[Record] = []
    hub.watchers.append(seen.append)
    kept = [tick(second) for second in range(30)]
    for record in kept:
        hub.keep(record)
    assert [entry.record for entry in journal.entries] == kept
    assert seen == kept


async def test_an_answer_is_taken_only_once_it_is_on_disk(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "home.sqlite")) as journal:
        hub = Hub(journal, {"alex": Engine("alex")})
        hub.take(beat("alex", 0))  # on its own it would wait for company
        await hub.submit(yes())
        kinds = [entry.record.kind for entry in journal.read()]
    assert kinds == ["heart", "answer"]


async def test_an_answer_that_the_disk_refuses_is_heard_by_the_engine_and_told() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    seen: list[Record] = []
    hub.watchers.append(seen.append)
    journal.recording = False
    start = Answer(
        wearer="alex", t_ns=T0_NS, recv_ns=T0_NS, answer=AnswerKind.START_BREAK, minutes=20, id="b"
    )
    with pytest.raises(NotRecordingError):
        await hub.submit(start)
    assert [record.kind for record in seen] == ["answer", "break"]
    journal.recording = True
    assert [entry.record for entry in journal.entries] == seen


def test_only_what_a_person_waits_for_is_urgent() -> None:
    class Noting(MemoryJournal):
        def append(self, record: Record, *, urgent: bool = False) -> int:
            noted[record.kind] = urgent
            return super().append(record)

    noted: dict[str, bool] = {}
    hub = a_hub(Noting(), "recording")
    for record in FLOODS:
        hub.take(record)
    hub.take(Setting(wearer="recording", t_ns=T0_NS, recv_ns=T0_NS, key="mute-until", value="null"))
    assert {kind for kind, urgent in noted.items() if urgent} == noted.keys() & URGENT
    assert noted.keys() >= {"alert", "episode", "break", "setting", "heart", "tick", "estimate"}
