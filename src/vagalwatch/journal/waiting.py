"""Coroutines that wait for a thread to reach a place."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple


class _Waiter(NamedTuple):
    place: int
    future: asyncio.Future[int]
    patient: bool


class Waiters:
    """Who waits for which place. Not thread-safe: the owner holds a lock around each call."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiters: list[_Waiter] = []

    def add(self, place: int, *, patient: bool) -> asyncio.Future[int]:
        """Wait for ``place``, from a coroutine; the patient do not mind failures."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.append(_Waiter(place, future, patient))
        return future

    def reached(self, place: int) -> None:
        """Wake who waits for ``place`` or an earlier one; they get ``place``."""
        self._wake([w for w in self._waiters if w.place <= place], place)

    def failed(self, error: Exception) -> None:
        """Wake the impatient with ``error``."""
        self._wake([w for w in self._waiters if not w.patient], error)

    def _wake(self, awake: list[_Waiter], result: int | Exception) -> None:
        if not awake:
            return
        self._waiters = [w for w in self._waiters if w not in awake and not w.future.cancelled()]
        for waiter in awake:
            with suppress(RuntimeError):  # its loop has ended, and it with it
                waiter.future.get_loop().call_soon_threadsafe(_finish, waiter.future, result)


def _finish(future: asyncio.Future[int], result: int | Exception) -> None:
    if future.done():  # cancelled
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
