"""Sessions: a time that somebody begins and ends, and who takes part; one at a time; pure.

A session of two is looked at together (:mod:`vagalwatch.report`), so it takes both consents, and
the first setting that ends one of them, or the link, ends it: what comes later was not agreed to.
It also ends by itself after :data:`LONGEST_NS`: nobody agreed to a day because somebody forgot to
stop it. A session may go on over a restart, so all times are compared as the wall clock's
(:class:`~vagalwatch.journal.walltime.AsKnownNow`): the clocks of two runs may be years apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.consents import ConsentError
from vagalwatch.alerts.couple import Couples, may_be_joined
from vagalwatch.alerts.steps import one_line
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import Marker, Session, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vagalwatch.journal.port import Entry
    from vagalwatch.records import Record

LONGEST_NS: Final = 3 * 3600 * 1_000_000_000
"""Our choice: a double session with its breaks."""
LONGEST_NOTE: Final = 200
"""Characters of a note."""
MOST: Final = 2

KINDS: Final = ("setting", "session", "clock-step", "run")
"""Records that this module is told of; each run begins with a ``run``, so the last is of this one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """A session as it stands, in times of the wall clock; its places are as journalled."""

    id: str
    wearers: tuple[str, ...]
    place: int
    start_ns: int
    end_place: int | None = None
    end_ns: int | None = None

    def runs(self, now_ns: int) -> bool:
        """Whether it still goes on; a clock that stands before its start cannot say so."""
        return self.end_ns is None and 0 <= now_ns - self.start_ns < LONGEST_NS

    def as_json(self, now_ns: int) -> dict[str, object]:
        """What `vagalwatch session` prints."""
        end_ns = self._bounded(now_ns if self.end_ns is None else self.end_ns)
        return {
            "id": self.id,
            "wearers": list(self.wearers),
            "minutes": round((end_ns - self.start_ns) / 60_000_000_000, 1),
            "running": self.runs(now_ns),
        }

    def ended(self, place: int, end_ns: int) -> Sitting:
        """It, with an end that lies within what a session lasts, whatever the clocks said."""
        return replace(self, end_place=place, end_ns=self._bounded(end_ns))

    def _bounded(self, t_ns: int) -> int:
        return max(self.start_ns, min(t_ns, self.start_ns + LONGEST_NS))


def wall_ns(known: Sequence[Entry], now_ns: int) -> int:
    """``now_ns`` of the run that is going on, in the time of :class:`Sitting`."""
    return now_ns + AsKnownNow(known).step_ns(known[-1].place) if known else now_ns


def sittings(entries: Sequence[Entry]) -> list[Sitting]:
    """All of them, in the order they began; ``entries`` of :data:`KINDS` in order of place.

    One of two lasts as long as both consents stand: without them at its start, no time at all.
    """
    wall = AsKnownNow(entries)
    couples = Couples()
    known: dict[str, Sitting] = {}
    for place, record in entries:
        wall_step_ns = wall.step_ns(place)
        match record:
            case Session(started=True):
                begun = Sitting(
                    id=record.session,
                    wearers=record.wearers,
                    place=place,
                    start_ns=record.t_ns + wall_step_ns,
                )
                known.setdefault(record.session, begun)
                stopped = ""
            case Session():
                stopped = record.session
            case Setting():
                couples.push(record)
                stopped = ""
            case _:
                continue
        for one in list(known.values()):
            over = one.id == stopped or not _agreed(couples, one.wearers)
            if one.end_place is None and over:
                known[one.id] = one.ended(place, record.recv_ns + wall_step_ns)
    return list(known.values())


def _agreed(couples: Couples, wearers: tuple[str, ...]) -> bool:
    return len(wearers) < MOST or couples.may_be_joined(*wearers)


def said(
    do: str,
    wearers: Sequence[str],
    note: str,
    *,
    known: Sequence[Entry],
    now_ns: int,
    wall_step_ns: int,
) -> list[Session | Marker]:
    """The records of what was asked for: ``start``, ``stop``, ``mark``, or nothing to ``list``.

    The id of a session is the time of the wall clock at its start, in UTC. A note goes into the
    record of each who takes part; one of two names both, so that it is erased with either.

    Raises:
        ValueError: one sentence: another session goes on or none does, consent is missing, or the
            note is no single line.
    """
    text = one_line(note, LONGEST_NOTE)
    at_ns = wall_ns(known, now_ns)
    running = next((one for one in sittings(known) if one.runs(at_ns)), None)
    if do == "list":
        return []
    if do == "start":
        if running is not None:
            raise ValueError(f"Session {running.id} still goes on; stop it first.")
        names = tuple(dict.fromkeys(wearers))
        if not 1 <= len(names) <= MOST:
            raise ValueError("A session is of one person or of two.")
        if len(names) == MOST:
            need_consent(names[0], names[1], (entry.record for entry in known))
        wall = datetime.fromtimestamp((now_ns + wall_step_ns) // 1_000_000_000, UTC)
        name = f"{wall:%Y%m%d-%H%M%S}"
        if any(one.id == name for one in sittings(known)):
            raise ValueError("A session began in this very second; try again.")
        return [_session(name, names, now_ns, started=True), *_notes(names, text, now_ns)]
    if running is None:
        raise ValueError("No session goes on.")
    notes = _notes(running.wearers, text, now_ns)
    if do == "mark":
        if not notes:
            raise ValueError("Give the note's words with --note.")
        return notes
    return [*notes, _session(running.id, running.wearers, now_ns, started=False)]


def need_consent(one: str, other: str, records: Iterable[Record]) -> None:
    """See that both records may be looked at together, now.

    Raises:
        ConsentError: they may not; who lacks what is not said.
    """
    settings = [record for record in records if isinstance(record, Setting)]
    if not may_be_joined(settings, one, other):
        raise ConsentError(
            f"“{one}” and “{other}” can't be looked at together: that takes a link that a "
            "therapist has attested, the consent of both, each on their own page, and that neither "
            "has paused everything."
        )


def _session(name: str, wearers: tuple[str, ...], now_ns: int, *, started: bool) -> Session:
    return Session(t_ns=now_ns, recv_ns=now_ns, session=name, started=started, wearers=wearers)


def _notes(wearers: tuple[str, ...], text: str, now_ns: int) -> list[Session | Marker]:
    if not text:
        return []
    return [
        Marker(
            wearer=who,
            t_ns=now_ns,
            recv_ns=now_ns,
            text=text,
            wearers=wearers if len(wearers) == MOST else None,
        )
        for who in wearers
    ]
