r"""Journal records as InfluxDB points; pure.

========== =============== =================================================================
measurement tags            fields (one point ...)
========== =============== =================================================================
beat       source          ``rr_ms`` (a beat, at the beat's own time)
level      source          what a device itself reports, each at its own time: ``hr_bpm`` (its
                           running average), ``contact``, ``on_body``, ``battery_percent``,
                           ``temp_c``, ``dne``
eda        source          ``eda_us`` (a sample)
motion     source          ``acc_x_mg``, ``acc_y_mg``, ``acc_z_mg``: the mean over one
                           notification, and ``samples``, how many it stands for
estimate                   ``state``, ``state_code``, ``reason``, ``reasons``, ``gates``,
                           ``arousal``, ``usual_hr_bpm`` and every figure of ``Metrics``
event      source, kind,   ``text`` in plain words, and what the kind has of ``id``,
           what, slot      ``reason``, ``reasons``, ``onset_ns``, ``end_ns``, ``until_ns``,
                           ``peak_hr_bpm``, ``minutes``
========== =============== =================================================================

Every point has the tags ``site`` and, unless it concerns the whole site, ``wearer``. Times are
integer nanoseconds. Measured values are always floats, so that no field changes its type (InfluxDB
fixes it at the first write); what is not known has no field, and a gap has no point.

**Identity.** InfluxDB keeps one point per measurement, tag set and time, and a second one
overwrites it (*InfluxDB line protocol reference*, "Duplicate points"). That makes a repeated
write harmless, and it must never merge two different things:

* no two beats or samples of a source share a time (see :mod:`vagalwatch.records`);
* an event carries its ``kind`` and ``what`` (stream, phase, answer, ...) as tags. Gaps and
  episodes are written again with their end and replace themselves; every other event also has a
  ``slot``, the last digit of its place in the journal, so that two like events in one
  nanosecond stay two.

**Not sent.** Ticks; settings (they hold agreements and consent) and what was judged of harm, which
are not for every reader of a database; device names; raw bytes; single acceleration samples (a
hundred a second in three axes would be most of the database and no chart here can show them). The
journal keeps all of it.
"""

from __future__ import annotations

from dataclasses import fields
from math import fsum
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.records import (
    Alert,
    Answer,
    BreakPhase,
    BreakStep,
    ClockStep,
    Contact,
    Eda,
    Episode,
    EpisodeKind,
    Estimate,
    Gap,
    Heart,
    Level,
    Marker,
    Metrics,
    Motion,
    Refused,
    Run,
    Session,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vagalwatch.journal.port import Entry
    from vagalwatch.records import Reason, Record

Value = bool | int | float | str

STATE_CODES: Final[Mapping[State, int]] = {
    State.UNKNOWN: 0,
    State.CALIBRATING: 1,
    State.SETTLED: 2,
    State.RISING: 3,
    State.FLOODING: 4,
    State.SHUTDOWN: 5,
    State.RECOVERING: 6,
}
"""``estimate.state_code``: a name as a number, for tools that draw only numbers. No order."""

EPISODE_WORDS: Final[Mapping[EpisodeKind, str]] = {
    EpisodeKind.FLOODING: "possible flooding",
    EpisodeKind.SHUTDOWN: "possible shutdown",
    EpisodeKind.SAFETY: "rapid fall of the heart rate",
}
"""What a reader of the dashboard sees; it claims no more than the evidence."""

BREAK_WORDS: Final[Mapping[BreakPhase, str]] = {
    BreakPhase.OFFERED: "Break offered",
    BreakPhase.STEADYING: "Far away: small steps, break still offered",
    BreakPhase.ON: "On a break",
    BreakPhase.SETTLED: "Break time is up, heart settled",
    BreakPhase.NOT_SETTLED: "Break time is up, heart not settled yet",
    BreakPhase.RETURNED: "Back from the break",
    BreakPhase.NOT_RESUMED: "Break ended, not resumed",
    BreakPhase.DECLINED: "Break declined: not now",
    BreakPhase.THINKING: "Thinking: time needed, no break",
    BreakPhase.WRONG: "Prompt judged wrong",
    BreakPhase.EXPIRED: "Prompt expired unanswered",
}

_METRICS: Final = tuple(field.name for field in fields(Metrics))


class Point(NamedTuple):
    """One InfluxDB point; ``tags`` and ``fields`` in a fixed order, ``t_ns`` UTC."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, Value], ...]
    t_ns: int


def points(entry: Entry, site: str) -> Iterator[Point]:
    """Everything that InfluxDB is told of one journal entry."""
    record = entry.record
    match record:
        case Heart():
            yield from _heart(record, site)
        case Eda():
            tags = _tags(site, record.wearer, record.source)
            for t_ns, eda_us in zip(record.sample_t_ns, record.eda_us, strict=True):
                yield Point("eda", tags, (("eda_us", float(eda_us)),), t_ns)
        case Motion() if record.sample_t_ns:
            yield _motion(record, site)
        case Level():
            yield _level(record, site, ((record.signal, float(record.value)),))
        case Contact():
            yield _level(record, site, (("on_body", record.on_body),))
        case Estimate():
            yield _estimate(record, site)
        case _:
            yield from _events(entry, site)


def line(point: Point) -> str:
    """``point`` in line protocol: floats in round-trip digits, the time in nanoseconds."""
    tags = "".join(f",{key}={value.translate(_TAG_ESCAPES)}" for key, value in point.tags)
    values = ",".join(f"{key}={_field(value)}" for key, value in point.fields)
    return f"{point.measurement}{tags} {values} {point.t_ns}"


# Escapes of the line protocol. A tag value can hold neither a line end nor a final backslash, so
# those two are replaced.
_TAG_ESCAPES: Final = str.maketrans(
    {",": r"\,", "=": r"\=", " ": r"\ ", "\\": "/", "\n": r"\ ", "\r": r"\ "}
)


def _field(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value}i"
        case float():
            return repr(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'


def _tags(site: str, wearer: str, source: str = "", **more: str) -> tuple[tuple[str, str], ...]:
    named = {"site": site, "source": source, "wearer": wearer, **more}
    return tuple((key, value) for key, value in named.items() if value)


def _heart(record: Heart, site: str) -> Iterator[Point]:
    tags = _tags(site, record.wearer, record.source)
    for t_ns, rr_ms in zip(record.beat_t_ns, record.rr_ms, strict=True):
        yield Point("beat", tags, (("rr_ms", float(rr_ms)),), t_ns)
    values = _known(
        hr_bpm=_float(record.hr_bpm),
        hr_quality=_float(record.hr_quality),
        contact=record.contact,
    )
    if values:
        yield _level(record, site, values)


def _level(
    record: Heart | Level | Contact, site: str, values: tuple[tuple[str, Value], ...]
) -> Point:
    return Point("level", _tags(site, record.wearer, record.source), values, record.t_ns)


def _motion(record: Motion, site: str) -> Point:
    return Point(
        "motion",
        _tags(site, record.wearer, record.source),
        (
            ("acc_x_mg", _mean(record.acc_x_mg)),
            ("acc_y_mg", _mean(record.acc_y_mg)),
            ("acc_z_mg", _mean(record.acc_z_mg)),
            ("samples", len(record.sample_t_ns)),
        ),
        record.t_ns,
    )


def _estimate(record: Estimate, site: str) -> Point:
    figures = {name: _float(getattr(record.metrics, name)) for name in _METRICS}
    return Point(
        "estimate",
        _tags(site, record.wearer),
        _known(
            state=record.state.value,
            state_code=STATE_CODES[record.state],
            reason=record.reason,
            reasons=_codes(record.reasons),
            gates=",".join(record.gates),
            arousal=_float(record.arousal),
            usual_hr_bpm=_float(record.usual_hr_bpm),
            **figures,
        ),
        record.t_ns,
    )


class _Event(NamedTuple):
    what: str
    text: str
    fields: tuple[tuple[str, Value], ...] = ()
    replaces: bool = False  # written again under the same name, to replace itself


def _events(entry: Entry, site: str) -> Iterator[Point]:
    record = entry.record
    event = _event(record)
    if event is None:
        return
    # A session belongs to each who takes part, so that each one's chart shows it.
    taking_part = record.wearers if isinstance(record, Session) else ()
    slot = "" if event.replaces else str(entry.place % 10)
    source = record.source if isinstance(record, Gap | Refused) else ""
    for wearer in taking_part or (record.wearer,):
        tags = _tags(site, wearer, source, kind=record.kind, what=event.what, slot=slot)
        yield Point("event", tags, (("text", event.text), *event.fields), record.t_ns)


def _event(record: Record) -> _Event | None:
    match record:
        case Gap():
            return _Event(
                record.stream,
                f"No {record.stream} signal: {record.reason}",
                _known(reason=record.reason.value, end_ns=record.end_ns),
                replaces=True,
            )
        case Episode():
            return _Event(
                record.episode,
                EPISODE_WORDS[record.episode].capitalize(),
                _known(
                    onset_ns=record.onset_ns,
                    end_ns=record.end_ns,
                    peak_hr_bpm=_float(record.peak_hr_bpm),
                    reasons=_codes(record.reasons),
                ),
                replaces=True,
            )
        case Alert():
            return _Event(
                record.alert,
                f"Prompt: {EPISODE_WORDS[record.alert]}",
                _known(
                    id=record.id,
                    onset_ns=record.onset_ns,
                    until_ns=record.valid_until_ns,
                    reasons=_codes(record.reasons),
                ),
            )
        case BreakStep():
            by = " (self-started)" if record.origin == "self" else ""
            why = f": {record.reason.replace('-', ' ')}" if record.reason else ""
            return _Event(
                record.phase,
                BREAK_WORDS[record.phase] + why + by,
                _known(
                    id=record.id,
                    reason=record.reason,
                    onset_ns=record.began_ns,
                    until_ns=record.until_ns,
                ),
            )
        case Answer():
            return _Event(
                record.answer,
                f"Answer: {record.answer.value.replace('-', ' ')}",
                _known(id=record.id, minutes=record.minutes),
            )
        case _:
            return _plain_event(record)


def _plain_event(record: Record) -> _Event | None:
    match record:
        case Marker(wearers=None):  # one of two could not be erased there with the other
            return _Event("", record.text)
        case Session():
            what = "started" if record.started else "stopped"
            return _Event(what, f"Session {what}", (("id", record.session),))
        case Refused():
            return _Event("", "Frame refused", (("reason", record.reason),))
        case Run():
            what = "stopped" if record.ended else "started"
            return _Event(what, f"vagalwatch {what}", (("id", record.version),))
        case ClockStep():
            return _Event("", "Clock set", (("delta_ns", record.delta_ns),))
        case _:
            return None


def _known(**values: Value | None) -> tuple[tuple[str, Value], ...]:
    return tuple((key, value) for key, value in values.items() if value is not None and value != "")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _codes(reasons: Sequence[Reason]) -> str:
    return ",".join(reason.code for reason in reasons)
