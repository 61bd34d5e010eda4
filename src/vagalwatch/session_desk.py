"""Sessions as a command of the running service; the rules are :mod:`vagalwatch.sessions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch import sessions

if TYPE_CHECKING:
    from vagalwatch.clock import Clock
    from vagalwatch.control import Verb
    from vagalwatch.hub import Hub
    from vagalwatch.journal.port import Entry, Journal


class SessionDesk:
    """Writes sessions and notes, and reads them."""

    def __init__(self, hub: Hub, clock: Clock, journal: Journal) -> None:
        """No session begins by this."""
        self._hub = hub
        self._clock = clock
        self._journal = journal
        self.verbs: Final[dict[str, Verb]] = {"session": self.session}

    async def session(
        self, do: str, wearers: tuple[str, ...] = (), note: str = ""
    ) -> list[dict[str, object]]:
        """Do what was asked for and return all sessions that there were.

        Raises:
            ValueError: one sentence on what stands against it.
        """
        for wearer in wearers:
            if wearer not in self._hub.engines:
                raise ValueError(f"“{wearer}” is not watched here.")
        now_ns, step_ns = self._clock.now_ns(), self._clock.wall_step_ns()
        known = self._known()
        said = sessions.said(do, wearers, note, known=known, now_ns=now_ns, wall_step_ns=step_ns)
        places = [self._hub.take(record) for record in said]  # at once: no word comes in between
        for place in places[-1:]:
            await self._journal.committed(place)
        known = self._known()
        at_ns = sessions.wall_ns(known, now_ns)
        return [one.as_json(at_ns) for one in sessions.sittings(known)]

    def _known(self) -> list[Entry]:
        known: list[Entry] = []
        while batch := self._journal.read(known[-1].place if known else 0, kinds=sessions.KINDS):
            known += batch
        return known
