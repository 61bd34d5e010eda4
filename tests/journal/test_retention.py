from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.walltime import AsKnownThen
from vagalwatch.records import (
    ClockStep,
    Device,
    Gap,
    GapReason,
    Marker,
    Record,
    Run,
    Session,
    Setting,
    Stream,
    Tick,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "a-word-that-must-not-stay"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:
        yield journal


def setting(t_ns: int, key: str, value: str, wearer: str = "ada") -> Setting:
    return Setting(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, key=key, value=value)


async def fill(journal: SqliteJournal, records: list[Record]) -> list[int]:
    places = [journal.append(record) for record in records]
    await journal.committed(places[-1])
    return places


def times(journal: SqliteJournal) -> list[int]:
    return [entry.record.t_ns for entry in journal.read(limit=9999)]


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_what_is_old_goes_and_the_rest_stays(journal: SqliteJournal) -> None:
    await fill(journal, [Tick(t_ns=n, recv_ns=n) for n in range(2000)])
    assert await journal.prune(1500, []) == 1500  # three steps
    assert times(journal) == list(range(1500, 2000))
    assert await journal.prune(1500, []) == 0


async def test_nothing_goes_that_a_ledger_has_not_taken(journal: SqliteJournal) -> None:
    places = await fill(journal, [Tick(t_ns=n, recv_ns=n) for n in range(10)])
    assert await journal.prune(10, ["influx"]) == 0  # has not begun
    journal.move_cursor("influx", places[3])
    journal.move_cursor("retired", places[0])  # no longer configured: holds nothing
    await fill(journal, [Tick(t_ns=10, recv_ns=10)])
    assert await journal.prune(10, ["influx"]) == 4
    assert times(journal) == [4, 5, 6, 7, 8, 9, 10]


async def test_what_still_holds_stays_however_old(journal: SqliteJournal) -> None:
    run = Run(t_ns=0, recv_ns=0, version="1", engine_version=1, parameters_hash="x")
    await fill(
        journal,
        [
            run,
            setting(1, "baseline", "[1]"),
            setting(2, "baseline", "[2]"),
            setting(3, "baseline", "[3]", "bob"),
            setting(4, "mute", "true"),
            Session(t_ns=5, recv_ns=5, session="s", started=True, wearers=("ada",)),
            Marker(wearer="ada", t_ns=6, recv_ns=6, text="x"),
        ],
    )
    assert await journal.prune(100, []) == 2
    assert times(journal) == [0, 2, 3, 4, 5]


async def test_which_sensor_it_is_stays_since_it_is_told_once_a_run(journal: SqliteJournal) -> None:
    def device(t_ns: int, source: str, firmware: str) -> Device:
        return Device(
            wearer="ada",
            source=source,
            t_ns=t_ns,
            recv_ns=t_ns,
            model_key="heart-rate",
            firmware=firmware,
        )

    told = [device(1, "strap", "1.0"), device(2, "ring", "3.1"), device(3, "strap", "1.1")]
    await fill(journal, [*told, Tick(t_ns=4, recv_ns=4)])
    assert await journal.prune(100, []) == 2
    assert [entry.record for entry in journal.read()] == told[1:]


async def test_a_gap_stays_while_it_is_open(journal: SqliteJournal) -> None:
    def gap(t_ns: int, source: str, stream: Stream, end_ns: int | None = None) -> Gap:
        return Gap(
            wearer="ada",
            source=source,
            t_ns=t_ns,
            recv_ns=t_ns if end_ns is None else end_ns,
            stream=stream,
            reason=GapReason.LINK_LOST,
            end_ns=end_ns,
        )

    await fill(
        journal,
        [
            gap(1, "strap", Stream.HEART),
            gap(2, "band", Stream.HEART),
            gap(3, "band", Stream.EDA),
            gap(1, "strap", Stream.HEART, end_ns=4),
            gap(5, "strap", Stream.HEART),
            gap(3, "band", Stream.EDA, end_ns=6),
        ],
    )
    assert await journal.prune(100, []) == 4
    assert times(journal) == [2, 5]


async def test_a_run_whose_clock_was_behind_is_not_taken_for_old(journal: SqliteJournal) -> None:
    await fill(journal, [Tick(t_ns=n, recv_ns=n) for n in (5, 60, 2, 3, 61)])
    assert await journal.prune(50, []) == 1
    assert times(journal) == [60, 2, 3, 61]


def step(t_ns: int, delta_ns: int) -> ClockStep:
    return ClockStep(t_ns=t_ns, recv_ns=t_ns, delta_ns=delta_ns)


async def test_yesterday_is_not_old_because_the_clock_was_years_behind(tmp_path: Path) -> None:
    """The first run of a Pi without RTC: the next start took all of it for old."""
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        await fill(journal, [Tick(t_ns=1, recv_ns=1), step(2, 1000), Tick(t_ns=5, recv_ns=5)])
    with closing(SqliteJournal(path)) as journal:
        await fill(journal, [Tick(t_ns=1100, recv_ns=1100)])
        assert await journal.prune(1001, []) == 0
        assert await journal.prune(1004, []) == 1
        assert times(journal) == [2, 5, 1100]


async def test_a_clock_step_stays_while_anything_of_its_run_is_to_be_delivered(
    tmp_path: Path,
) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        places = await fill(journal, [step(0, 9), *(Tick(t_ns=n, recv_ns=n) for n in range(1, 5))])
        journal.move_cursor("influx", places[2])
        await fill(journal, [Tick(t_ns=5, recv_ns=5)])
        assert await journal.prune(100, ["influx"]) == 2
        wall = AsKnownThen(journal)
        delivered = [wall.corrected(entry).record.t_ns for entry in journal.read(places[2])]
        assert delivered == [12, 13, 14]
    with closing(SqliteJournal(path)) as journal:
        (last,) = await fill(journal, [Tick(t_ns=200, recv_ns=200)])
        journal.move_cursor("influx", last)
        await fill(journal, [Tick(t_ns=201, recv_ns=201)])
        assert await journal.prune(100, ["influx"]) == 4
        assert times(journal) == [200, 201]


async def test_a_clock_step_stays_with_a_gap_of_its_run_that_is_kept(tmp_path: Path) -> None:
    """Without it the gap of a Pi without RTC began in 1970."""
    path = tmp_path / "site.sqlite"
    lost = Gap(
        wearer="ada",
        source="strap",
        t_ns=1,
        recv_ns=1,
        stream=Stream.HEART,
        reason=GapReason.LINK_LOST,
    )
    with closing(SqliteJournal(path)) as journal:
        await fill(journal, [lost, step(2, 1000), Tick(t_ns=3, recv_ns=3)])
    with closing(SqliteJournal(path)) as journal:
        await fill(journal, [step(2000, 9), Tick(t_ns=2001, recv_ns=2001)])
    with closing(SqliteJournal(path)) as journal:
        await fill(journal, [Tick(t_ns=9000, recv_ns=9000)])
        assert await journal.prune(9000, []) == 3
        assert times(journal) == [1, 2, 9000]


async def test_no_trace_of_what_was_deleted_stays_in_any_file(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await fill(
        journal,
        [Marker(wearer="ada", t_ns=n, recv_ns=n, text=f"{WORD} {n}") for n in range(600)],
    )
    stored = all_bytes(tmp_path)
    assert WORD.encode() in stored
    await journal.prune(600, [])
    stored = all_bytes(tmp_path)
    assert WORD.encode() not in stored


async def test_tidying_that_is_broken_off_leaves_the_journal_at_work(
    journal: SqliteJournal,
) -> None:
    await fill(journal, [Tick(t_ns=n, recv_ns=n) for n in range(3000)])
    for _ in range(20):
        tidying = asyncio.create_task(journal.prune(3000, []))
        await asyncio.sleep(0.001)
        tidying.cancel()
        await asyncio.wait({tidying})
        async with asyncio.timeout(20):
            await journal.committed(journal.append(Tick(t_ns=9999, recv_ns=9999), urgent=True))
    await journal.prune(3000, [])
    assert times(journal) == [9999] * 20
