from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.clock import NS, RunClock, StoryClock


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
