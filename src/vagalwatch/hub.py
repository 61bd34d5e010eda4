"""Where every record passes once: into the journal, through the engines, onto the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.records import SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vagalwatch.engine import Engine
    from vagalwatch.journal.port import Journal
    from vagalwatch.records import Answer, Marker, Record, Setting

URGENT: Final = frozenset({"alert", "answer", "break", "episode", "setting", "marker"})
"""Kinds that are committed at once; the others within a second."""


class Hub:
    """Takes records in the order they come; engines and watchers see each at once.

    What leaves the house does not pass here: ledgers and mailboxes read what is committed.
    """

    def __init__(self, journal: Journal, engines: Mapping[str, Engine]) -> None:
        """``engines`` by wearer."""
        self.watchers: list[Callable[[Record], None]] = []
        """Called with every record, the engines' own included."""
        self._journal = journal
        self._engines = engines

    def take(self, record: Record) -> int:
        """Journal ``record`` and what the engines say of it; return its place."""
        place = self.keep(record)
        for wearer in self._engines if record.wearer == SITE else (record.wearer,):
            for said in self._engines[wearer].push(record):
                self.keep(said)
        return place

    def keep(self, record: Record) -> int:
        """Journal ``record`` without asking the engines; return its place."""
        place = self._journal.append(record, urgent=record.kind in URGENT)
        for watch in self.watchers:
            watch(record)
        return place

    async def submit(self, record: Answer | Setting | Marker) -> None:
        """Take what a person said and return when it is on disk."""
        await self._journal.committed(self.take(record))
