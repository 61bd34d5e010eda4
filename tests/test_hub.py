"""Every record passes the hub once: into the journal first, then to the engines it concerns."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers_journal import MemoryJournal
from helpers_recording import heart
from vagalwatch.alerts.policy import Policy
from vagalwatch.clock import NS
from vagalwatch.engine import Engine, is_input
from vagalwatch.hub import URGENT, Hub, UnknownWearerError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Estimate,
    Heart,
    Setting,
    State,
    Tick,
)
from vagalwatch.sensors.recording import sequence
from vagalwatch.standby import ENGINE_FAILED
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
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


async def test_nothing_is_taken_of_somebody_who_is_no_longer_configured() -> None:
    journal = MemoryJournal()
    hub = a_hub(journal, "sam")
    for refused in (beat("alex", 1), yes()):
        with pytest.raises(UnknownWearerError, match="configured"):
            hub.take(refused)
    with pytest.raises(UnknownWearerError):
        await hub.submit(yes())
    assert journal.entries == []
    assert hub.faults == {}


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


class Failing(Engine):
    """An engine that fails at the first record for which ``fails`` is true."""

    def __init__(self, wearer: str, fails: Callable[[Record], bool]) -> None:
        super().__init__(wearer)
        self.fails = fails

    def push(self, record: Record) -> list[Record]:
        if self.fails(record):
            raise KeyError(f"heart {record}")
        return super().push(record)


def start_break(second: int) -> Answer:
    t_ns = T0_NS + second * NS
    return Answer(
        wearer="alex", t_ns=t_ns, recv_ns=t_ns, answer=AnswerKind.START_BREAK, minutes=20, id="b"
    )


def test_an_engine_that_fails_is_one_wearers_trouble_and_never_a_quiet_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = MemoryJournal()
    broken = Failing("alex", lambda record: record.recv_ns >= T0_NS + 60 * NS)
    hub = Hub(journal, {"alex": broken, "sam": Engine("sam")})
    view = View("alex")
    hub.watchers.append(lambda record: None if record.wearer == "sam" else view.push(record))
    for second in range(120):
        hub.take(beat("alex", second))
        hub.take(beat("sam", second))
        hub.take(tick(second))
    told = [entry.record for entry in journal.entries]
    assert sum(isinstance(record, Heart) for record in told) == 240
    later = [row for row in rows_of(journal, "alex") if row.recv_ns >= T0_NS + 60 * NS]
    assert {(row.state, row.reason) for row in later} == {(State.UNKNOWN, ENGINE_FAILED)}
    assert [row.t_ns for row in rows_of(journal, "alex")] == sorted(
        {row.t_ns for row in rows_of(journal, "alex")}
    )
    assert rows_of(journal, "sam")[-1].reason == "no-baseline"
    measure = view.as_json()["measure"]
    assert isinstance(measure, dict)
    assert (measure["kind"], measure["say"]) == ("not-measuring", "page.engine-failed")
    assert hub.faults.keys() == {"alex"}
    assert hub.faults["alex"].startswith("KeyError at hub.py:")
    assert len(caplog.records) == 1
    assert "70" not in caplog.text  # an error's own words may quote what a body does


def test_a_break_can_be_begun_and_goes_on_where_the_estimate_fails() -> None:
    journal = MemoryJournal()
    hub = Hub(journal, {"alex": Failing("alex", lambda record: isinstance(record, Answer))})
    hub.take(tick(0))
    hub.take(start_break(1))
    for second in range(2, 25 * 60):
        hub.take(tick(second))
    steps = [entry.record for entry in journal.entries if isinstance(entry.record, BreakStep)]
    assert [step.phase for step in steps] == [BreakPhase.ON, BreakPhase.NOT_SETTLED]


def test_a_break_outlives_a_record_that_the_policy_fails_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push = Policy.push

    def poisoned(policy: Policy, record: Record) -> list[Record]:
        if isinstance(record, Setting):
            raise KeyError(record)
        return push(policy, record)

    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    view = View("alex")
    hub.watchers.append(view.push)
    hub.take(tick(0))
    hub.take(start_break(1))
    hub.take(tick(60))
    with monkeypatch.context() as broken:
        broken.setattr(Policy, "push", poisoned)
        for second in (61, 62):  # for the engine, and for the standby
            t_ns = T0_NS + second * NS
            hub.take(Setting(wearer="alex", t_ns=t_ns, recv_ns=t_ns, key="own-step", value='"x"'))
            hub.take(tick(second))
    assert hub.faults.keys() == {"alex"}
    (began,) = (e.record for e in journal.entries if isinstance(e.record, BreakStep))
    assert view.as_json()["screen"] == "break"
    t_ns = T0_NS + 70 * NS
    back = AnswerKind.IM_BACK
    hub.take(Answer(wearer="alex", t_ns=t_ns, recv_ns=t_ns, answer=back, about=began.id))
    phases = [e.record.phase for e in journal.entries if isinstance(e.record, BreakStep)]
    assert phases == [BreakPhase.ON, BreakPhase.RETURNED]
    assert view.as_json()["screen"] != "break"


def test_a_policy_that_goes_on_failing_is_never_a_page_without_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> list[Record]:
        raise ZeroDivisionError

    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    monkeypatch.setattr(Policy, "push", fail)
    for second in range(31):
        hub.take(tick(second))
    later = [row.t_ns for row in rows_of(journal, "alex")]
    assert len(later) >= 5
    assert {row.reason for row in rows_of(journal, "alex")} == {ENGINE_FAILED}


@pytest.mark.parametrize("shown", [Tick, Estimate])
def test_a_page_that_fails_is_no_fault_of_the_engine_and_ends_no_service(
    shown: type[Record], caplog: pytest.LogCaptureFixture
) -> None:
    def page(record: Record) -> None:
        if isinstance(record, shown):
            raise KeyError(f"heart {record}")

    journal = MemoryJournal()
    hub = a_hub(journal, "alex")
    seen: list[Record] = []
    hub.watchers += [page, seen.append]
    for second in range(30):
        hub.take(tick(second))
    assert hub.faults == {}
    assert seen == [entry.record for entry in journal.entries]
    assert {record.kind for record in seen} == {"tick", "estimate"}
    assert "KeyError at hub.py" in caplog.text
    assert "heart" not in caplog.text


def test_brackets_thousands_deep_are_a_setting_refused_and_no_failed_engine() -> None:
    hub = a_hub(MemoryJournal(), "alex")
    deep = "[" * 200_000
    for key in ("own-step", "steps-chosen", "prompts-per-day", "quiet-hours", "agreed-sign"):
        hub.take(Setting(wearer="alex", t_ns=T0_NS, recv_ns=T0_NS, key=key, value=deep))
    assert hub.faults == {}


def test_a_policy_that_fails_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Record]:
        raise ZeroDivisionError

    journal = MemoryJournal()
    hub = a_hub(journal, "alex", "sam")
    with monkeypatch.context() as broken:
        broken.setattr(Policy, "push", fail)
        hub.take(tick(0))
        hub.take(start_break(1))
    for second in range(2, 20):
        hub.take(tick(second))
    assert hub.faults.keys() == {"alex", "sam"}
    assert {row.reason for row in rows_of(journal, "alex")} == {ENGINE_FAILED}


def test_what_no_journal_can_hold_is_a_failed_engine_too(tmp_path: Path) -> None:
    class Wild(Engine):
        def push(self, record: Record) -> list[Record]:
            said = super().push(record)
            return [
                replace(one, arousal=math.nan) if isinstance(one, Estimate) else one for one in said
            ]

    with closing(SqliteJournal(tmp_path / "home.sqlite")) as journal:
        hub = Hub(journal, {"alex": Wild("alex")})
        for second in range(20):
            hub.take(tick(second))
        assert hub.faults.keys() == {"alex"}


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
