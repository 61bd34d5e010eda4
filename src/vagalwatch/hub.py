"""Where every record passes once: into the journal, through the engines, onto the page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.couple import Couples
from vagalwatch.records import SITE
from vagalwatch.standby import Standby, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vagalwatch.engine import Engine
    from vagalwatch.journal.port import Journal
    from vagalwatch.records import AdverseEvent, Answer, Marker, Record, Session, Setting

_log: Final = logging.getLogger(__name__)

URGENT: Final = frozenset({"alert", "answer", "break", "episode", "setting", "together", "marker"})
"""Kinds that are committed at once; the others within a second."""

_MAY_LENGTHEN: Final = frozenset({"answer", "setting", "run"})
"""Kinds after which a couple's two breaks may have become one: something was accepted, extended or
agreed to, or a crash came between the one's word and what it means for the other."""


class UnknownWearerError(LookupError):
    """A record of somebody who is not, or no longer, configured; it is not taken."""


def show(watch: Callable[[Record], object], record: Record) -> None:
    """Call ``watch``; where it fails, say so: what only shows must not stop what measures."""
    try:
        watch(record)
    except Exception as error:  # noqa: BLE001 - as above
        _log.error("not shown (%s): %s", record.kind, fault_of(error))


class Hub:
    """Takes records in the order they come; engines and watchers see each at once.

    What leaves the house does not pass here: ledgers and mailboxes read what is committed. An
    engine that fails is that wearer's trouble alone: a standby takes its place until a restart.
    A watcher that fails is nobody's: it missed one record.
    """

    def __init__(self, journal: Journal, engines: Mapping[str, Engine | Standby]) -> None:
        """``engines`` by wearer."""
        self.engines = dict(engines)
        self.couples = Couples()
        self.watchers: list[Callable[[Record], None]] = []
        """Called with every record, the engines' own included."""
        self._journal = journal

    @property
    def faults(self) -> dict[str, str]:
        """What failed, by wearer for whom nothing is measured until a restart."""
        return {w: e.fault for w, e in self.engines.items() if isinstance(e, Standby)}

    def take(self, record: Record) -> int:
        """Journal ``record`` and what the engines say of it; return its place.

        Raises:
            UnknownWearerError: nobody of that name is configured; nothing was journalled.
        """
        if record.wearer != SITE and record.wearer not in self.engines:
            raise UnknownWearerError("Nobody of that name is configured.")
        place = self.keep(record)
        for wearer in list(self.engines) if record.wearer == SITE else (record.wearer,):
            try:
                self._tell(wearer, record)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must go on
                self._stand_in(wearer, error, record)
        if record.kind in _MAY_LENGTHEN:
            pauses = {wearer: engine.pause for wearer, engine in self.engines.items()}
            for longer in self.couples.longer(pauses, record.recv_ns):
                self.take(longer)
        return place

    def keep(self, record: Record) -> int:
        """Journal ``record`` without asking the engines; return its place."""
        place = self._journal.append(record, urgent=record.kind in URGENT)
        if record.kind in {"setting", "break"}:
            self.couples.push(record)
        for watch in self.watchers:
            show(watch, record)
        return place

    def forget(self, wearer: str) -> None:
        """``wearer`` is erased: from now on this is nobody, and nothing is kept in memory."""
        self.engines.pop(wearer, None)
        self.couples.forget(wearer)

    def _tell(self, wearer: str, record: Record) -> None:
        for said in self.engines[wearer].push(record):
            self.keep(said)

    def _stand_in(self, wearer: str, error: Exception, record: Record) -> None:
        """Put a standby in the place of what failed; it is told ``record``, which may be a wish."""
        failed, fault = self.engines[wearer], fault_of(error)
        _log.error("%s: nothing is measured until a restart: %s (%s)", wearer, fault, record.kind)
        if isinstance(failed, Standby):
            return  # what it said cannot be kept; what it knows of the break stands
        self.engines[wearer] = Standby(wearer, fault, failed.state.policy)
        try:
            self._tell(wearer, record)
        except Exception as again:  # noqa: BLE001 - as in take
            self._stand_in(wearer, again, record)

    async def submit(self, record: Answer | Setting | Marker | Session | AdverseEvent) -> None:
        """Take what a person said and return when it is on disk.

        Raises:
            UnknownWearerError: as :meth:`take`.
            NotRecordingError: the disk refuses; it was heard all the same.
        """
        await self._journal.committed(self.take(record))
