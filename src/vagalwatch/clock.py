"""Time as a port: the run's clock, and a story's clock that moves only when told."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

NS = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """What the shell asks for time. Engines never see it: they get time in records."""

    def now_ns(self) -> int:
        """UTC nanoseconds of this run; never steps and never runs backwards."""
        ...

    def wall_step_ns(self) -> int:
        """How far the wall clock has moved against :meth:`now_ns` since the run began."""
        ...

    def asleep_ns(self) -> int:
        """How much of :meth:`now_ns` the machine has slept through; only grows."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of this clock have passed."""
        ...


class RunClock:
    """The real clock: the wall time at the start plus CLOCK_BOOTTIME, which counts sleep.

    Its :meth:`sleep` does not count it: a machine that wakes up finishes the pauses it was in.
    """

    def __init__(self) -> None:
        """Anchor the run at the wall clock's present reading."""
        self._boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._anchor_ns = time.time_ns()

    def now_ns(self) -> int:
        """UTC nanoseconds of this run."""
        return self._anchor_ns + time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._boot_ns

    def wall_step_ns(self) -> int:
        """Drift of the wall clock since the run began."""
        return time.time_ns() - self.now_ns()

    def asleep_ns(self) -> int:
        """Exact: CLOCK_MONOTONIC stands still in a suspend, and only there (clock_gettime(2)).

        A busy machine or a stopped process delays both clocks alike. It may hold this process up
        between the two readings; in this order that makes a sleep shorter, never one out of none.
        """
        boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return boot_ns - time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await asyncio.sleep(seconds)


class StoryClock:
    """A clock that stands still until :meth:`advance` moves it: demos, replay and tests.

    Sleepers wake in the order of their deadlines, each at exactly its deadline, and what they
    start runs before time goes on.
    """

    def __init__(self, start_ns: int) -> None:
        """Stand at ``start_ns``."""
        self._now_ns = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.step_ns = 0
        """Set by tests to play a stepping wall clock."""
        self._asleep_ns = 0

    def now_ns(self) -> int:
        """The story's present, UTC nanoseconds."""
        return self._now_ns

    def wall_step_ns(self) -> int:
        """Whatever the story says."""
        return self.step_ns

    def asleep_ns(self) -> int:
        """As much as :meth:`suspend` has been told."""
        return self._asleep_ns

    async def sleep(self, seconds: float) -> None:
        """Wait until the story has moved on by ``seconds``."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deadline_ns = self._now_ns + round(seconds * NS)
        heapq.heappush(self._sleepers, (deadline_ns, next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Move the story on, waking each sleeper at its time."""
        end_ns = self._now_ns + round(seconds * NS)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end_ns:
            deadline_ns, _, wake = heapq.heappop(self._sleepers)
            self._now_ns = max(self._now_ns, deadline_ns)
            if not wake.done():
                wake.set_result(None)
            await _settle()
        self._now_ns = end_ns

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: time goes on, and sleepers have as long to wait as before."""
        slept_ns = round(seconds * NS)
        self._now_ns += slept_ns
        self._asleep_ns += slept_ns
        self._sleepers = [(t_ns + slept_ns, n, wake) for t_ns, n, wake in self._sleepers]


async def _settle() -> None:
    """Let everything that is ready run, including what it starts in turn."""
    for _ in range(5):
        await asyncio.sleep(0)
