"""What a person sees of their own last weeks: prompts and breaks, and how long was measured; pure.

No score, no streak and no number of the body: what happened, what the person said of it, and
where nothing is known. A day in which nothing was measured says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.afterwards import CHOICES, Question
from vagalwatch.alerts.table import AGAIN, EXTENDED, FINAL
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Gap,
    Run,
    Stream,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Record

KINDS: Final = ("alert", "answer", "break", "gap", "run")
"""The records that it is made of."""

DAYS: Final = 28
"""What "the last weeks" are; older records are in the person's own copy (``/record``)."""
READ_DAYS: Final = DAYS + 7
"""A stream counts as measured only from its first gap that was read: see :func:`measured`."""
EVENTS: Final = 400
"""Most prompts and breaks that are told; at three prompts a day there are a hundred."""

_MINUTE_NS: Final = 60_000_000_000

Span = tuple[int, int]
"""From and to, wall time in UTC ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One prompt, break or rapid fall, as the page gets it: no number of the body."""

    id: str
    at_ms: int
    kind: str = "break"
    by: str = "prompt"
    about: str | None = None
    end: str = ""
    reason: str = ""
    minutes: int | None = None
    """How long the break was; ``None``: none was taken, or it still runs."""
    more: int = 0
    """How often a new time was agreed on."""
    answers: tuple[str, ...] = ()
    words: str = ""


@dataclass(slots=True)
class _Event:
    """A prompt or a break as its last step left it."""

    first: BreakStep
    last: BreakStep
    began_ns: int = 0
    """When the break itself began; 0: none was taken."""
    more: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)


def history(
    records: Iterable[Record], now_ns: int, zone: tzinfo, known_from_ns: int = 0
) -> list[dict[str, object]]:
    """The last :data:`DAYS` days, newest first, by the calendar of ``zone``.

    ``records`` are one wearer's of :data:`KINDS`, in the journal's order, in wall time, from
    :data:`READ_DAYS` before ``now_ns`` on. A day is ``{"date", "measured_min", "events"}``; events
    are :class:`Told`, the newest first. Of a day that begins before ``known_from_ns`` not all
    gaps were read: its ``measured_min`` is ``None``, not known.
    """
    events: dict[str, _Event] = {}
    falls: dict[str, Alert] = {}
    seen: set[str] = set()
    gaps: list[Gap] = []
    started_ns = known_from_ns  # while the gaps that a start ends are read; it may be cut off
    for record in records:
        match record:
            case BreakStep():
                _step(events, record)
            case Alert(alert=EpisodeKind.SAFETY):
                falls[record.id] = record
            case Answer(answer=AnswerKind.SEEN):
                seen.add(record.about)
            case Answer():
                _answer(events, record)
            case Run(ended=False):
                started_ns = record.t_ns
            case Gap(stream=Stream.HEART):
                # A start ends the gap over it for every source of before; then each link that
                # there still is opens its own. Without one (the sensor was taken away) it lasts.
                if record.end_ns is None or record.recv_ns > started_ns:
                    started_ns = 0
                gaps.append(replace(record, end_ns=None) if started_ns else record)
            case _:
                pass
    told = [_told(event) for event in events.values()]
    told += [_fall(alert, seen=alert.id in seen) for alert in falls.values()]
    told.sort(key=lambda each: each.at_ms, reverse=True)
    by_day: dict[date, list[dict[str, object]]] = {}
    for each in told[:EVENTS]:
        by_day.setdefault(_local(each.at_ms, zone).date(), []).append(asdict(each))
    spans = measured(gaps, now_ns)
    days = {day: _day_ns(day, zone) for day in _days(now_ns, zone)}
    return [
        {
            "date": day.isoformat(),
            "measured_min": (
                None if begin < known_from_ns else round(_within(spans, begin, end) / _MINUTE_NS)
            ),
            "events": by_day.get(day, []),
        }
        for day, (begin, end) in days.items()
    ]


def measured(gaps: Iterable[Gap], now_ns: int) -> list[Span]:
    """When a heart sensor delivered, as spans in order that do not touch.

    Every stretch without samples is a gap, also that of a service that did not run, so what lies
    between the gaps of a source was measured; what lies before its first one that was read is not
    known and does not count. A gap that was told again with its end replaces the open one; one
    whose end was never told (the clock was set meanwhile) lasts until the next begins.
    """
    by_source: dict[str, dict[int, int]] = {}
    open_: dict[str, int] = {}
    for gap in gaps:
        each, begun_ns = by_source.setdefault(gap.source, {}), open_.pop(gap.source, gap.t_ns)
        if begun_ns != gap.t_ns:
            each[begun_ns] = max(begun_ns, gap.t_ns)
        each[gap.t_ns] = now_ns if gap.end_ns is None else gap.end_ns
        if gap.end_ns is None:
            open_[gap.source] = gap.t_ns
    spans: list[Span] = []
    for each in by_source.values():
        missing = [*_joined(sorted(each.items())), (now_ns, now_ns)]
        spans += [(end, begin) for (_, end), (begin, _) in pairwise(missing) if begin > end]
    return _joined(sorted(spans))


def _joined(spans: Iterable[Span]) -> list[Span]:
    out: list[Span] = []
    for begin_ns, end_ns in spans:
        if out and begin_ns <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], end_ns)
        else:
            out.append((begin_ns, end_ns))
    return out


def _step(events: dict[str, _Event], step: BreakStep) -> None:
    event = events.setdefault(step.id, _Event(step, step))
    if step.phase == BreakPhase.ON:
        event.began_ns = event.began_ns or step.began_ns
        event.more += step.reason in {EXTENDED, AGAIN}
    event.last = step


def _answer(events: dict[str, _Event], answer: Answer) -> None:
    """The latest answer to each question; what is said in the break itself is no such answer."""
    for question, kinds in CHOICES.items():
        if answer.answer in kinds:
            for event in events.values():
                if answer.about in {event.first.id, event.last.alert_id} - {""}:
                    event.answers[question] = answer


def _minutes(lasted_ns: int) -> int:
    """To the nearest; 0 for all that is shorter than one, which the page says in words."""
    return round(lasted_ns / _MINUTE_NS) if lasted_ns >= _MINUTE_NS else 0


def _told(event: _Event) -> Told:
    last, over, began_ns = event.last, event.last.phase in FINAL, event.began_ns
    own = event.answers.get(Question.SET_OFF)
    said = (each.answer for each in event.answers.values() if each is not own)
    lasted_ns = max(last.t_ns - began_ns, 0) if began_ns and over else None
    return Told(
        id=last.id,
        at_ms=(began_ns or event.first.t_ns) // 1_000_000,
        by=last.origin,
        about=last.about,
        end=last.phase,
        reason=last.reason if over else "",
        minutes=None if lasted_ns is None else _minutes(lasted_ns),
        more=event.more,
        answers=tuple(dict.fromkeys(said)),
        words=(own and own.text) or "",
    )


def _fall(alert: Alert, *, seen: bool) -> Told:
    return Told(
        id=alert.id,
        at_ms=alert.t_ns // 1_000_000,
        kind="safety",
        about=alert.alert,
        end=AnswerKind.SEEN if seen else "",
    )


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _days(now_ns: int, zone: tzinfo) -> list[date]:
    today = _local(now_ns // 1_000_000, zone).date()
    return [today - timedelta(days=back) for back in range(DAYS)]


def _day_ns(day: date, zone: tzinfo) -> Span:
    """A day has 23 or 25 hours where the clocks are put forward or back."""
    midnights = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (day, day + timedelta(1)))
    begin, end = (round(midnight.timestamp()) * 1_000_000_000 for midnight in midnights)
    return begin, end


def _within(spans: Iterable[Span], begin_ns: int, end_ns: int) -> int:
    return sum(max(min(end, end_ns) - max(begin, begin_ns), 0) for begin, end in spans)
