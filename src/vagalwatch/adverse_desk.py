"""The log of adverse events as a command of the running service; see :mod:`.alerts.adverse`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.adverse import Harm, judge, log
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import AdverseEvent, Answer

if TYPE_CHECKING:
    from vagalwatch.clock import Clock
    from vagalwatch.control import Verb
    from vagalwatch.hub import Hub
    from vagalwatch.journal.port import Entry, Journal

_KINDS: Final = ("answer", "adverse-event", "clock-step")


class AdverseDesk:
    """Writes what was judged, and reads the log."""

    def __init__(self, hub: Hub, clock: Clock, journal: Journal) -> None:
        """Nothing is judged by this."""
        self._hub = hub
        self._clock = clock
        self._journal = journal
        self.verbs: Final[dict[str, Verb]] = {"adverse-event": self.judged, "adverse-log": self.log}

    async def judged(
        self, wearer: str, *, wall_ns: int, serious: bool, related: str, expected: bool, note: str
    ) -> list[dict[str, object]]:
        """Journal what was judged of an event, and return the log.

        Raises:
            ValueError: one sentence on what stands against it.
        """
        self._need(wearer)
        if [type(one) for one in (wall_ns, serious, expected, note)] != [int, bool, bool, str]:
            raise ValueError("An event takes a time, whether serious and expected, and a note.")
        record = judge(
            wearer,
            wall_ns,
            serious=serious,
            related=related,
            expected=expected,
            note=note,
            now_ns=self._clock.now_ns(),
            wall_step_ns=self._clock.wall_step_ns(),
        )
        await self._hub.submit(record)
        return await self.log(wearer)

    async def log(self, wearer: str) -> list[dict[str, object]]:
        """Every event of ``wearer``, by time.

        Raises:
            ValueError: nobody of that name is watched here.
        """
        self._need(wearer)
        return [asdict(one) for one in await asyncio.to_thread(self._log, wearer)]

    def _need(self, wearer: str) -> None:
        if wearer not in self._hub.engines:
            raise ValueError(f"“{wearer}” is not watched here.")

    def _log(self, wearer: str) -> list[Harm]:
        told: list[Entry] = []
        while batch := self._journal.read(
            told[-1].place if told else 0, wearer=wearer, kinds=_KINDS
        ):
            told += batch
        wall = AsKnownNow(told)
        records = [wall.corrected(entry).record for entry in told]
        return log(
            [one for one in records if isinstance(one, Answer)],
            [one for one in records if isinstance(one, AdverseEvent)],
        )
