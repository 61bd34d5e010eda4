"""A session of two, out of a journal: nothing is read before both consents are seen to stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vagalwatch.hrv.dyad import Dyad, Track, dyad, track
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import SITE, Device, Heart, Marker
from vagalwatch.report.gather import ReportError
from vagalwatch.sensors.latency import UNKNOWN, latency_of
from vagalwatch.sessions import KINDS, LONGEST_NS, Sitting, need_consent, sittings

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.journal.reader import Reader
    from vagalwatch.records import Record

_TOLD: Final = ("estimate", "episode", "break", "marker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A session of two and what it says; every time is the wall clock's.

    ``too_late``: whose sensor may tell too late for any order. ``markers`` are the notes made in
    it, once each (t_ns, text).
    """

    session: str
    wearers: tuple[str, str]
    start_ns: int
    end_ns: int
    tracks: tuple[Track, Track]
    too_late: tuple[str, ...]
    dyad: Dyad
    markers: tuple[tuple[int, str], ...]


def read_joint(path: Path, one: str, other: str, session: str | None = None) -> Joint:
    """The ``session`` (else the last one) of ``one`` and ``other``.

    Raises:
        ConsentError: it takes both consents and an attested link; nothing was read.
        ReportError: there is no such session.
        JournalError: no such file, not a journal, or of a newer version.
    """
    with open_reader(path) as reader:
        events = list(entries(reader, None, KINDS))
        need_consent(one, other, (entry.record for entry in events))
        known = [each for each in sittings(events) if set(each.wearers) == {one, other}]
        chosen = [each for each in known if session in {None, each.id}]
        if not chosen:
            names = ", ".join(each.id for each in known) or "none"
            raise ReportError(
                f"There is no such session of “{one}” and “{other}”; there are: {names}."
            )
        sitting = chosen[-1]
        wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
        records = {who: _within(reader, who, sitting, wall, _TOLD) for who in (one, other)}
        errors_s = {who: _sensor_error_s(reader, who, sitting, wall) for who in (one, other)}
    first = track(one, records[one], sensor_error_s=errors_s[one])
    second = track(other, records[other], sensor_error_s=errors_s[other])
    told = [r.t_ns for each in records.values() for r in each]
    latest_ns = max([sitting.start_ns, *told])
    markers = {(r.t_ns, r.text) for each in records.values() for r in each if isinstance(r, Marker)}
    return Joint(
        session=sitting.id,
        wearers=(one, other),
        start_ns=sitting.start_ns,
        end_ns=latest_ns if sitting.end_ns is None else sitting.end_ns,
        tracks=(first, second),
        too_late=tuple(who for who in (one, other) if math.isinf(errors_s[who])),
        dyad=dyad(first, second),
        markers=tuple(sorted(markers)),
    )


def _within(
    reader: Reader, wearer: str, sitting: Sitting, wall: AsKnownNow, kinds: tuple[str, ...]
) -> list[Record]:
    """What came of ``wearer`` between start and end, and at most as long as a session lasts.

    A run whose clock stood before the start tells of no known time: nothing of it is read.
    """
    latest_ns = sitting.start_ns + LONGEST_NS
    records: list[Record] = []
    for entry in entries(reader, wearer, kinds, after=sitting.place):
        place, record = wall.corrected(entry)
        if record.recv_ns > latest_ns or (sitting.end_place and place > sitting.end_place):
            break
        if record.wearer == wearer and record.recv_ns >= sitting.start_ns:
            records.append(record)
    return records


def _sensor_error_s(reader: Reader, wearer: str, sitting: Sitting, wall: AsKnownNow) -> float:
    """0 where each source of the session's beats is of a measured model, else without a bound.

    What is left of a measured one is far under a row of 5 s; of others nobody knows, and a sensor
    at the wrist may trail by 30 s and more.
    """
    hearts = _within(reader, wearer, sitting, wall, ("heart",))
    sources = {each.source for each in hearts if isinstance(each, Heart) and each.beat_t_ns}
    measured: dict[str, bool] = {}
    for place, record in entries(reader, wearer, ("device",)):
        if sitting.end_place and place > sitting.end_place:
            break
        if isinstance(record, Device) and record.wearer == wearer:
            latency = latency_of(record.manufacturer, record.model)
            measured[record.source] = latency != UNKNOWN
    known = bool(sources) and all(measured.get(source, False) for source in sources)
    return 0.0 if known else math.inf
