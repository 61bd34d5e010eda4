"""The promise of every ledger, held against a ledger that fails in every way it can."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_journal import MemoryJournal
from helpers_ledger import T0_NS, heart
from vagalwatch.clock import NS, StoryClock
from vagalwatch.deliver.drain import (
    LONGEST_RETRY_AFTER_S,
    LONGEST_WAIT_S,
    DrainStatus,
    drain,
)
from vagalwatch.deliver.port import PoisonedError, UnavailableError
from vagalwatch.records import ClockStep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from vagalwatch.journal.port import Entry

LIMIT_S = 20.0


class FakeLedger:
    """Keeps what it confirms; each of ``script`` spoils one write; ``poison`` is never taken."""

    name = "fake"

    def __init__(
        self, script: Sequence[Exception | None] = (), poison: set[int] | None = None
    ) -> None:
        self.script = list(script)
        self.poison = poison or set()
        self.confirmed: list[Entry] = []
        self.writes: list[int] = []

    def write(self, entries: Sequence[Entry]) -> None:
        self.writes.append(len(entries))
        if self.script and (fault := self.script.pop(0)) is not None:
            raise fault
        if any(entry.place in self.poison for entry in entries):
            raise PoisonedError("never")
        self.confirmed.extend(entries)

    @property
    def places(self) -> list[int]:
        return [entry.place for entry in self.confirmed]


@contextlib.asynccontextmanager
async def draining(
    journal: MemoryJournal,
    ledger: FakeLedger,
    clock: StoryClock,
    status: DrainStatus,
    batch: int = 8,
) -> AsyncIterator[None]:
    task = asyncio.create_task(
        drain(journal, ledger, clock, status=status, batch=batch, chance=lambda: 0.5)
    )
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(happened: Callable[[], bool]) -> None:
    """Let tasks and threads run until ``happened``; time itself decides nothing here."""
    async with asyncio.timeout(LIMIT_S):
        while not happened():  # noqa: ASYNC110 - what happens, happens in a thread
            await asyncio.sleep(0)


class HastyClock(StoryClock):
    """Notes how long it was asked to sleep, and has slept."""

    def __init__(self) -> None:
        super().__init__(T0_NS)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def filled(count: int) -> MemoryJournal:
    journal = MemoryJournal()
    for n in range(count):
        journal.append(heart(start_ns=T0_NS + n * NS))
    return journal


async def test_everything_goes_in_order_and_the_cursor_follows() -> None:
    journal, ledger, status = filled(20), FakeLedger(), DrainStatus()
    clock = StoryClock(T0_NS)
    async with draining(journal, ledger, clock, status):
        await until(lambda: len(ledger.confirmed) == 20)
        journal.append(heart(start_ns=T0_NS + 20 * NS))
        await until(lambda: journal.cursor("fake") == journal.newest)
        await until(lambda: status.behind_since_ns is None)
    assert ledger.confirmed == journal.entries
    assert ledger.writes == [8, 8, 4, 1]
    assert status == DrainStatus()


async def test_the_cursor_moves_only_after_confirmation() -> None:
    journal = filled(3)
    ledger, status = FakeLedger([UnavailableError("away")]), DrainStatus()
    clock = StoryClock(T0_NS + 60 * NS)
    async with draining(journal, ledger, clock, status):
        await until(lambda: status.last_error != "")
        assert journal.cursor("fake") == 0
        assert status.last_error == "away"
        assert status.lag_s(clock.now_ns()) == pytest.approx(60 - 0.732421875 - 0.04)
        await clock.advance(1)
        await until(lambda: journal.cursor("fake") == journal.newest)
        assert status.last_error == ""
    assert ledger.confirmed == journal.entries


async def test_a_retry_waits_longer_each_time_and_never_longer_than_a_minute() -> None:
    journal, status, clock = filled(1), DrainStatus(), HastyClock()
    ledger = FakeLedger([UnavailableError("away")] * 9)
    async with draining(journal, ledger, clock, status):
        await until(lambda: len(ledger.confirmed) == 1)
    middle = [0.75, 1.5, 3.0, 6.0, 12.0, 24.0, *[0.75 * LONGEST_WAIT_S] * 3]
    assert clock.slept == pytest.approx(middle)


async def test_a_success_makes_it_patient_anew() -> None:
    journal, status, clock = filled(2), DrainStatus(), HastyClock()
    away = UnavailableError("away")
    ledger = FakeLedger([away, away, None, away])
    async with draining(journal, ledger, clock, status, batch=1):
        await until(lambda: len(ledger.confirmed) == 2)
    assert clock.slept == pytest.approx([0.75, 1.5, 0.75])


@pytest.mark.parametrize(("asked_s", "slept_s"), [(7.0, 7.75), (1e9, LONGEST_RETRY_AFTER_S + 0.75)])
async def test_what_the_server_asks_for_is_kept(asked_s: float, slept_s: float) -> None:
    journal, status, clock = filled(1), DrainStatus(), HastyClock()
    ledger = FakeLedger([UnavailableError("busy", asked_s)])
    async with draining(journal, ledger, clock, status):
        await until(lambda: len(ledger.confirmed) == 1)
    assert clock.slept == pytest.approx([slept_s])


async def test_a_poisoned_record_is_set_aside_and_the_rest_goes_through() -> None:
    journal, status, clock = filled(100), DrainStatus(), HastyClock()
    bad = journal.entries[37].place
    ledger = FakeLedger(poison={bad})
    async with draining(journal, ledger, clock, status, batch=100):
        await until(lambda: journal.cursor("fake") == journal.newest)
    assert journal.aside == [("fake", bad, "never")]
    assert status.set_aside == 1
    assert status.last_error == ""
    assert ledger.places == [entry.place for entry in journal.entries if entry.place != bad]
    assert len(ledger.writes) <= 2 * 7 + 2  # halving, not one by one
    assert clock.slept == []


async def test_a_fault_inside_a_ledger_waits_and_says_so() -> None:
    journal, status, clock = filled(2), DrainStatus(), StoryClock(T0_NS)
    ledger = FakeLedger([KeyError("rr_ms=812.5")])
    async with draining(journal, ledger, clock, status):
        await until(lambda: status.last_error != "")
        assert "KeyError" in status.last_error
        assert "812.5" not in status.last_error
        await clock.advance(LONGEST_RETRY_AFTER_S)
        await until(lambda: len(ledger.confirmed) == 2)


async def test_the_log_says_it_once_and_quotes_no_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    journal, status, clock = filled(3), DrainStatus(), HastyClock()
    ledger = FakeLedger([UnavailableError("away")] * 5, poison={journal.entries[1].place})
    async with draining(journal, ledger, clock, status):
        await until(lambda: journal.cursor("fake") == journal.newest)
    said = [record.getMessage() for record in caplog.records if "fake" in record.getMessage()]
    place = journal.entries[1].place
    assert said == ["fake: away", "fake: takes records again", f"fake: place {place} set aside"]


async def test_erased_places_are_skipped_without_a_hot_loop() -> None:
    journal, ledger, status = filled(5), FakeLedger(), DrainStatus()
    last = journal.newest
    erased = journal.entries[:]
    reads = 0

    def read_nothing(after: int = 0, **_: object) -> list[Entry]:
        nonlocal reads
        reads += 1
        return [entry for entry in journal.entries if entry.place > after and entry not in erased]

    journal.read = read_nothing  # type: ignore[method-assign]
    async with draining(journal, ledger, StoryClock(T0_NS), status):
        await until(lambda: journal.cursor("fake") == last)
        for _ in range(20):
            await asyncio.sleep(0)
    assert ledger.writes == []
    assert reads == 1


async def test_a_day_without_the_other_side_costs_one_batch_of_memory() -> None:
    journal = filled(24 * 60)  # a record a minute stands for a day
    ledger, status = FakeLedger([UnavailableError("away")] * 30), DrainStatus()
    async with draining(journal, ledger, HastyClock(), status, batch=50):
        await until(lambda: journal.cursor("fake") == journal.newest)
    assert ledger.confirmed == journal.entries
    assert max(ledger.writes) == 50


async def test_a_journal_that_cannot_be_read_now_is_read_later() -> None:
    journal, status, clock = filled(3), DrainStatus(), HastyClock()
    ledger, read = FakeLedger(), journal.read
    broken = [OSError("disk"), OSError("disk")]

    def unlucky(after: int = 0, *, limit: int = 1000, kinds: Collection[str] = ()) -> list[Entry]:
        if broken:
            raise broken.pop()
        return read(after, limit=limit, kinds=kinds)

    journal.read = unlucky  # type: ignore[method-assign, assignment]
    async with draining(journal, ledger, clock, status):
        await until(lambda: journal.cursor("fake") == journal.newest)
    assert ledger.confirmed == journal.entries
    assert clock.slept == pytest.approx([0.75, 1.5])
    assert status.last_error == ""


async def test_times_leave_as_wall_time() -> None:
    journal, ledger, status = filled(1), FakeLedger(), DrainStatus()
    step_ns = 3600 * NS
    journal.append(ClockStep(t_ns=T0_NS + 2 * NS, recv_ns=T0_NS + 2 * NS, delta_ns=step_ns))
    journal.append(heart(start_ns=T0_NS + 3 * NS))
    async with draining(journal, ledger, StoryClock(T0_NS), status):
        await until(lambda: len(ledger.confirmed) == 3)
    assert ledger.confirmed[0] == journal.entries[0]
    assert ledger.confirmed[2].record == heart(start_ns=T0_NS + 3 * NS + step_ns)


away = st.builds(UnavailableError, st.just("away"), st.none() | st.floats(0, 10))
unlucky = st.lists(st.none() | away | st.just(OSError("cut")), max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 16), unlucky, st.sets(st.integers(0, 39), max_size=6))
def test_whatever_happens_all_arrives_in_order_or_is_set_aside(
    count: int, batch: int, script: list[Exception | None], poisoned: set[int]
) -> None:
    async def story() -> None:
        journal, status, clock = filled(count), DrainStatus(), HastyClock()
        poison = {entry.place for n, entry in enumerate(journal.entries) if n in poisoned}
        ledger = FakeLedger(script, poison)
        last = journal.newest
        async with draining(journal, ledger, clock, status, batch):
            await until(lambda: journal.cursor("fake") == last)
        assert ledger.places == [e.place for e in journal.entries if e.place not in poison]
        assert {place for _, place, _ in journal.aside} == poison

    asyncio.run(story())


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(1, 8), st.integers(0, 6))
def test_a_run_that_is_cut_anywhere_is_finished_by_the_next(
    count: int, batch: int, writes: int
) -> None:
    async def story() -> None:
        journal, clock = filled(count), HastyClock()
        first, second = FakeLedger(), FakeLedger()
        last = journal.newest
        async with draining(journal, first, clock, DrainStatus(), batch):
            await until(lambda: len(first.writes) >= writes or journal.cursor("fake") == last)
        after = journal.cursor("fake")
        async with draining(journal, second, clock, DrainStatus(), batch):
            await until(lambda: journal.cursor("fake") == last)
        at_least_once = first.places + [place for place in second.places if place > after]
        assert sorted(set(at_least_once)) == [entry.place for entry in journal.entries]
        assert second.places == [entry.place for entry in journal.entries if entry.place > after]

    asyncio.run(story())
