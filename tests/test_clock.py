from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.clock import NS, RunClock, StoryClock

if TYPE_CHECKING:
    import pytest


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=12))
def test_sleepers_wake_in_order_and_exactly_on_time(naps: list[float]) -> None:
    async def story() -> list[tuple[int, int]]:
        clock = StoryClock(1_000)
        woke: list[tuple[int, int]] = []

        async def sleeper(nap: float) -> None:
            await clock.sleep(nap)
            woke.append((1_000 + round(nap * NS), clock.now_ns()))

        async with asyncio.TaskGroup() as group:
            for nap in naps:
                group.create_task(sleeper(nap))
            await clock.advance(60)
            await clock.advance(60)
        assert clock.now_ns() == 1_000 + 120 * NS
        return woke

    woke = asyncio.run(story())
    assert all(due == at for due, at in woke)
    assert woke == sorted(woke)
    assert len(woke) == len(naps)


async def test_a_sleeper_that_sleeps_again_wakes_within_the_same_advance() -> None:
    clock = StoryClock(0)
    seen: list[int] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(1)
            seen.append(clock.now_ns())

    task = asyncio.create_task(ticker())
    await clock.advance(5)
    task.cancel()
    assert seen == [s * NS for s in range(1, 6)]


async def test_a_cancelled_sleeper_does_not_stop_the_story() -> None:
    clock = StoryClock(0)
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(2)
    assert clock.now_ns() == 2 * NS


def test_the_run_clock_starts_at_the_wall_clock_and_only_grows() -> None:
    clock = RunClock()
    first = clock.now_ns()
    assert abs(first - time.time_ns()) < NS
    assert clock.now_ns() >= first
    assert abs(clock.wall_step_ns()) < NS


async def test_a_suspended_machine_counts_the_time_and_finishes_its_pauses() -> None:
    clock = StoryClock(0)
    task = asyncio.create_task(clock.sleep(3))
    await clock.advance(1)
    clock.suspend(100)
    assert (clock.now_ns(), clock.asleep_ns()) == (101 * NS, 100 * NS)
    await clock.advance(1.9)
    assert not task.done()
    await clock.advance(0.1)
    assert task.done()


def test_the_run_clock_tells_sleep_from_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 50 * NS, time.CLOCK_MONOTONIC: 50 * NS}

    def read(which: int) -> int:
        for each in clocks:  # held up by a second at each reading
            clocks[each] += NS
        return clocks[which]

    monkeypatch.setattr(time, "clock_gettime_ns", read)
    clock = RunClock()
    before = clock.asleep_ns()
    for each in clocks:
        clocks[each] += 60 * NS  # busy, or stopped
    assert clock.asleep_ns() == before
    clocks[time.CLOCK_BOOTTIME] += 8 * 3600 * NS
    assert clock.asleep_ns() == before + 8 * 3600 * NS


def test_a_machine_that_is_awake_does_not_sleep_by_the_real_clocks() -> None:
    clock = RunClock()
    before = clock.asleep_ns()
    busy_until = time.monotonic() + 0.05
    while time.monotonic() < busy_until:
        assert clock.asleep_ns() - before < NS // 100
