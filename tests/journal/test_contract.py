"""What every journal must do: the real one and the one in memory pass the same suite."""

from __future__ import annotations

import asyncio
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_journal import MemoryJournal
from vagalwatch.journal import log
from vagalwatch.journal.codec import UnwritableError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import RUN_SHIFT, Journal, Snapshot
from vagalwatch.records import SITE, Answer, AnswerKind, Level, Record, Setting, Tick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class Begun(Journal, Protocol):
    @property
    def run(self) -> int: ...


@pytest.fixture(params=["sqlite", "memory"])
def journal(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Begun]:
    monkeypatch.setattr(log, "COMMIT_AFTER_S", 0.001)
    with opened(request.param, tmp_path) as begun:
        yield begun


@pytest.fixture(scope="module", params=["sqlite", "memory"])
def busy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Begun]:
    """A journal that all examples of a property share."""
    with opened(request.param, tmp_path_factory.mktemp("busy")) as begun:
        yield begun


def opened(kind: str, folder: Path) -> AbstractContextManager[Begun]:
    if kind == "sqlite":
        return closing(SqliteJournal(folder / "site.sqlite"))
    return nullcontext(MemoryJournal())


class Question(NamedTuple):
    wearer: str | None
    kinds: set[str]
    since_ns: int | None
    limit: int


def tick(t_ns: int) -> Tick:
    return Tick(t_ns=t_ns, recv_ns=t_ns)


def setting(wearer: str, t_ns: int, key: str = "mute") -> Setting:
    return Setting(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, key=key, value="true")


async def fill(journal: Journal, records: list[Record]) -> list[int]:
    places = [journal.append(record) for record in records]
    await journal.committed(places[-1])
    return places


async def test_an_empty_journal_has_nothing(journal: Begun) -> None:
    assert journal.newest == 0
    assert journal.read() == []
    assert journal.recording
    assert journal.cursor("influx") == 0
    assert journal.snapshot("ada") is None


async def test_what_is_committed_is_read_in_order_and_unchanged(journal: Begun) -> None:
    records: list[Record] = [tick(n) for n in range(1, 30)]
    places = await fill(journal, records)
    assert [(entry.place, entry.record) for entry in journal.read()] == list(
        zip(places, records, strict=True)
    )
    assert places == sorted(set(places))
    assert places[0] == journal.run << RUN_SHIFT | 1
    assert journal.newest == places[-1]


async def test_a_page_goes_on_after_the_one_before(journal: Begun) -> None:
    records: list[Record] = [tick(n) for n in range(10)]
    await fill(journal, records)
    read: list[Record] = []
    after = 0
    while page := journal.read(after, limit=3):
        assert len(page) <= 3
        read += [entry.record for entry in page]
        after = page[-1].place
    assert read == records


async def test_a_wearer_gets_the_sites_records_too_and_nobody_elses(journal: Begun) -> None:
    await fill(journal, [tick(1), setting("ada", 2), setting("bob", 3), setting("ada", 4)])
    assert [e.record.t_ns for e in journal.read(wearer="ada")] == [1, 2, 4]
    assert [e.record.t_ns for e in journal.read(wearer=SITE)] == [1]
    assert [e.record.t_ns for e in journal.read(wearer="eve")] == [1]


def choices() -> st.SearchStrategy[list[Record]]:
    times = st.integers(0, 5)
    who = st.sampled_from(["ada", "bob"])
    one = st.one_of(
        st.builds(tick, times),
        st.builds(setting, who, times),
        st.builds(
            lambda w, t: Level(
                wearer=w, source="s", t_ns=t, recv_ns=t, signal="dne", value=float(t)
            ),
            who,
            times,
        ),
    )
    return st.lists(one, min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    records=choices(),
    question=st.builds(
        Question,
        wearer=st.sampled_from([None, SITE, "ada", "eve"]),
        kinds=st.sets(st.sampled_from(["tick", "setting", "level", "alert"])),
        since_ns=st.one_of(st.none(), st.integers(0, 6)),
        limit=st.integers(1, 6),
    ),
    skip=st.integers(0, 3),
)
async def test_every_question_has_the_answer_that_a_plain_filter_has(
    busy: Begun, records: list[Record], question: Question, skip: int
) -> None:
    # Times are in no order, as after a clock that went back; places still are.
    for record in records[:-1]:
        busy.append(record)
    await busy.committed(busy.append(records[-1], urgent=True))
    everything = busy.read(limit=10_000)
    after = everything[min(skip, len(everything) - 1)].place
    expected = [
        entry
        for entry in everything
        if entry.place > after
        and (question.wearer is None or entry.record.wearer in {question.wearer, SITE})
        and (not question.kinds or entry.record.kind in question.kinds)
        and (question.since_ns is None or entry.record.recv_ns >= question.since_ns)
    ]
    asked = busy.read(
        after,
        wearer=question.wearer,
        kinds=question.kinds,
        since_ns=question.since_ns,
        limit=question.limit,
    )
    assert asked == expected[: question.limit]


async def test_waiting_ends_with_the_news(journal: Begun) -> None:
    before = journal.newest
    waiting = asyncio.create_task(journal.wait_beyond(before))
    await asyncio.sleep(0)
    assert not waiting.done()
    place = journal.append(tick(1), urgent=True)
    assert await waiting == place
    assert await journal.wait_beyond(before) == place


async def test_many_may_wait_and_some_may_give_up(journal: Begun) -> None:
    places = [journal.append(tick(n)) for n in range(5)]
    impatient = asyncio.create_task(journal.wait_beyond(places[-1]))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(*(journal.committed(place) for place in places))
    assert journal.newest >= places[-1]


async def test_a_record_against_the_conventions_is_refused_and_nothing_else(
    journal: Begun,
) -> None:
    bad = Level(wearer="ada", source="s", t_ns=1, recv_ns=1, signal="temp_c", value=float("nan"))
    with pytest.raises(UnwritableError):
        journal.append(bad)
    places = await fill(journal, [tick(1)])
    assert [entry.place for entry in journal.read()] == places


async def test_a_cursor_stays_where_it_was_put(journal: Begun) -> None:
    places = await fill(journal, [tick(1), tick(2)])
    journal.move_cursor("influx", places[0])
    journal.move_cursor("other", places[1])
    assert (journal.cursor("influx"), journal.cursor("other")) == tuple(places)


async def test_the_newest_snapshot_stands(journal: Begun) -> None:
    (place,) = await fill(journal, [tick(1)])
    for state in ("old", "new"):
        journal.save_snapshot("ada", Snapshot(place, 1, "hash", state))
    journal.save_snapshot("bob", Snapshot(place, 1, "hash", "his"))
    await journal.committed(journal.append(tick(2), urgent=True))
    assert journal.snapshot("ada") == Snapshot(place, 1, "hash", "new")
    assert journal.snapshot("bob") == Snapshot(place, 1, "hash", "his")


async def test_an_answer_is_on_disk_when_it_says_so(journal: Begun) -> None:
    answer = Answer(wearer="ada", t_ns=1, recv_ns=1, answer=AnswerKind.YES, about="x")
    place = journal.append(answer, urgent=True)
    await journal.committed(place)
    assert journal.newest >= place
    assert journal.read(place - 1, limit=1)[0].record == answer
