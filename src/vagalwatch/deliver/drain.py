"""The loop under every ledger: behind the cursor, in order, on only after confirmation.

Guarantee: every committed entry is written at least once and in order of place, or is set aside
in the journal with the reason; whatever the other side does, nothing is skipped.
Condition: a ledger raises unless its other side has confirmed, and takes the same entry twice
without harm. Memory is bounded by one batch, however long the other side was away.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vagalwatch.clock import NS
from vagalwatch.deliver.port import PoisonedError, UnavailableError
from vagalwatch.journal.walltime import AsKnownThen

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.clock import Clock
    from vagalwatch.deliver.port import Ledger
    from vagalwatch.journal.port import Entry, Journal

logger = logging.getLogger(__name__)

BATCH: Final = 500
"""Records a write: a minute of one wearer; with EDA at 16 Hz still under 1 MB of text."""

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
LONGEST_RETRY_AFTER_S: Final = 3600.0
"""A server may ask for patience, not for being forgotten."""


@dataclass(slots=True)
class DrainStatus:
    """How a ledger stands, for `doctor` and the page."""

    last_error: str = ""
    """A sentence with the way out; empty while all is well."""
    behind_since_ns: int | None = None
    """Wall time at which the oldest unconfirmed record came; ``None`` with nothing to do."""
    set_aside: int = 0
    """Records that the other side will never take, since the start."""

    def lag_s(self, wall_ns: int) -> float:
        """Seconds that the other side is behind the journal, at wall time ``wall_ns``."""
        return 0.0 if self.behind_since_ns is None else (wall_ns - self.behind_since_ns) / NS


async def drain(
    journal: Journal,
    ledger: Ledger,
    clock: Clock,
    *,
    status: DrainStatus | None = None,
    batch: int = BATCH,
    gather_s: float = 0.0,
    chance: Callable[[], float] = random.random,
) -> None:
    """Write what is committed to ``ledger`` for as long as the task lives.

    Entries are in wall time (:class:`~vagalwatch.journal.walltime.AsKnownThen`). Cancelling loses
    nothing: a write under way is repeated by the next run. With nothing left to write it pauses
    for ``gather_s``, so that what comes meanwhile goes in one write. ``chance`` is uniform in
    [0, 1).
    """
    await _Drain(
        journal=journal,
        ledger=ledger,
        clock=clock,
        status=DrainStatus() if status is None else status,
        batch=batch,
        gather_s=gather_s,
        chance=chance,
        wall=AsKnownThen(journal),
    ).run()


@dataclass(slots=True, kw_only=True)
class _Drain:
    journal: Journal
    ledger: Ledger
    clock: Clock
    status: DrainStatus
    batch: int
    gather_s: float
    chance: Callable[[], float]
    wall: AsKnownThen

    async def run(self) -> None:
        place = self.journal.cursor(self.ledger.name)
        while True:
            newest = await self.journal.wait_beyond(place)
            entries = await self._read_patiently(place)
            if entries:
                self.status.behind_since_ns = entries[0].record.recv_ns
                await self._deliver(entries)
                place = entries[-1].place
            else:  # erased since: nothing is there up to ``newest``
                place = newest
                self.journal.move_cursor(self.ledger.name, place)
            if place >= newest:
                self.status.behind_since_ns = None
                if self.gather_s:
                    await self.clock.sleep(self.gather_s)

    async def _read_patiently(self, after: int) -> list[Entry]:
        failures = 0
        while True:
            try:
                return await asyncio.to_thread(self._read, after)
            except Exception as error:  # noqa: BLE001 - as below
                failures += 1
                await self._wait(failures, f"The journal cannot be read: {type(error).__name__}.")

    def _read(self, after: int) -> list[Entry]:
        entries = self.journal.read(after, limit=self.batch)
        return [self.wall.corrected(entry) for entry in entries]

    async def _deliver(self, entries: list[Entry]) -> None:
        """Write all of ``entries``, halving around what is poisoned, waiting while unavailable."""
        start, size, failures = 0, len(entries), 0
        while start < len(entries):
            part = entries[start : start + size]
            self.status.behind_since_ns = part[0].record.recv_ns
            try:
                await asyncio.to_thread(self.ledger.write, part)
            except PoisonedError as error:
                if len(part) > 1:
                    size = len(part) // 2
                    continue
                self._set_aside(part[0], error)
            except UnavailableError as error:
                failures += 1
                await self._wait(failures, error.advice, error.retry_after_s)
                continue
            except Exception as error:  # noqa: BLE001 - a fault in a ledger must not stop prompts
                failures += 1
                advice = f"Unexpected {type(error).__name__} in {self.ledger.name}; please report."
                await self._wait(failures, advice, LONGEST_WAIT_S)
                continue
            failures = 0
            self._confirmed(part[-1].place)
            start += len(part)
            size *= 2

    async def _wait(self, failures: int, advice: str, retry_after_s: float | None = None) -> None:
        """Exponential back-off with jitter, on top of what the other side asked for.

        Half of the step is fixed and half left to chance, so that many gateways do not come back
        at one moment (Brooker 2015, "Exponential backoff and jitter": "equal jitter").
        """
        if advice != self.status.last_error:  # once, not at every try
            logger.warning("%s: %s", self.ledger.name, advice)
        self.status.last_error = advice
        step_s = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 16), LONGEST_WAIT_S)
        asked_s = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
        await self.clock.sleep(asked_s + step_s * (0.5 + self.chance() / 2))

    def _confirmed(self, place: int) -> None:
        if self.status.last_error:
            logger.info("%s: takes records again", self.ledger.name)
        self.status.last_error = ""
        self.journal.move_cursor(self.ledger.name, place)

    def _set_aside(self, entry: Entry, error: PoisonedError) -> None:
        # The reason may quote the record, so it goes into the journal and not into the log.
        self.journal.set_aside(self.ledger.name, entry.place, str(error))
        self.status.set_aside += 1
        logger.warning("%s: place %d set aside", self.ledger.name, entry.place)
