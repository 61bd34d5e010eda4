"""What the records of two people of one session say side by side, for their therapist; pure.

Who was away from their usual first and who was back first, each with what cannot be told from
it; how long both were flooded at once; and what happened in what order. It describes two bodies
and two breaks. Who pursued, who withdrew and why is not in the record, so no word of it is here.
Never an input to an alert.

Times are UTC ns of one clock. A row that is missing is unknown, and what is unknown widens the
error; it is never bridged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

import numpy as np

from vagalwatch.hrv.linkage import STEP_S, Linkage, linkage
from vagalwatch.records import (
    LONGER,
    BreakPhase,
    BreakStep,
    Episode,
    EpisodeKind,
    Estimate,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NS: Final = 1_000_000_000

ONSET_LATE_S: Final = {EpisodeKind.FLOODING: (5.0, 30.0), EpisodeKind.SHUTDOWN: (15.0, 140.0)}
"""How late an onset is recognised: within this in 97 of 100 simulated people, after the heart set
out over the level of flooding (96 people), or was half-way down to that of a shutdown (59). The
rate is a median of 30 s and rows are 5 s apart; how fast each heart goes does the rest
(``tests/hrv/test_dyad_error.py``)."""
BACK_LATE_S: Final = {EpisodeKind.FLOODING: (115.0, 160.0), EpisodeKind.SHUTDOWN: (190.0, 330.0)}
"""The same of the way back, after the heart was within 10 % of usual (95 people), or within 3 bpm
under it (24); two to three of those minutes are what "settled" asks for."""

_AWAY: Final = frozenset({State.FLOODING, State.SHUTDOWN, State.RECOVERING})


class What(StrEnum):
    """What happened in a session (:class:`Move`)."""

    FLOODING = "flooding"
    SHUTDOWN = "shutdown"
    SETTLED = "settled"
    OWN_BREAK = "own-break"
    PROMPTED_BREAK = "prompted-break"
    MORE_TIME = "more-time"
    RETURNED = "returned"
    NOT_RESUMED = "not-resumed"


class Row(Protocol):
    """What the way back is read from."""

    @property
    def t_ns(self) -> int:
        """When."""
        ...

    @property
    def state(self) -> State:
        """What was said of it."""
        ...


class Move(NamedTuple):
    """Who did what, or whose body did, and when. What somebody declined is not among them."""

    t_ns: int
    wearer: str
    what: What


class Span(NamedTuple):
    """A moment that lies after ``low_ns`` and not after ``high_ns``; infinite: without a bound."""

    low_ns: float
    high_ns: float


class Order(NamedTuple):
    """Which of two came first: the second one ``low_s`` to ``high_s`` after the first one.

    A bound is ``None`` where there is none (it had not happened by the end, or was not seen), and
    ``after_s`` is their middle. ``first`` is ``None`` where 0 is within them: it cannot be told.
    """

    first: Literal["one", "other"] | None
    after_s: float | None
    low_s: float | None
    high_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """From the first recognised onset until both are back, or until the session ends.

    ``kinds`` of the one's and the other's episodes in it; ``onset`` and ``recovery`` only where
    both had one. ``end_ns`` is ``None`` if somebody was not seen to be back.
    """

    onset_ns: int
    end_ns: int | None
    kinds: tuple[tuple[EpisodeKind, ...], tuple[EpisodeKind, ...]]
    onset: Order | None
    recovery: Order | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dyad:
    """A session of two. ``judged_s`` is the time in which both had a state."""

    rounds: tuple[Round, ...]
    both_flooded_s: int
    judged_s: int
    linkage: Linkage | None
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One person's part of a session: rows and episodes by time, breaks as they went on.

    ``sensor_error_s``: how far the heart sensor's latency may be off; of one that nobody has
    measured it is without a bound, and so is every order.
    """

    wearer: str
    rows: tuple[Estimate, ...]
    episodes: tuple[Episode, ...]
    steps: tuple[BreakStep, ...]
    sensor_error_s: float = math.inf


def track(wearer: str, records: Iterable[object], *, sensor_error_s: float = math.inf) -> Track:
    """Of what a journal holds of ``wearer`` in a session, in its order.

    An episode counts as it stands last. Of two rows of one time (two runs whose clocks
    overlapped) the first counts.
    """
    rows: dict[int, Estimate] = {}
    episodes: dict[tuple[EpisodeKind, int], Episode] = {}
    steps: list[BreakStep] = []
    for record in records:
        match record:
            case Estimate(wearer=who) if who == wearer:
                rows.setdefault(record.t_ns, record)
            case Episode(wearer=who) if who == wearer and record.episode != EpisodeKind.SAFETY:
                episodes[record.episode, record.onset_ns] = record
            case BreakStep(wearer=who) if who == wearer:
                steps.append(record)
    return Track(
        wearer=wearer,
        rows=tuple(rows[t_ns] for t_ns in sorted(rows)),
        episodes=tuple(sorted(episodes.values(), key=lambda episode: episode.onset_ns)),
        steps=tuple(steps),
        sensor_error_s=sensor_error_s,
    )


def dyad(one: Track, other: Track) -> Dyad:
    """The two side by side. Swapped, every order is turned round and nothing else changes."""
    states = [_on_grid(one, other, both) for both in (one, other)]
    judged = [np.array([s.judged for s in told.states], dtype=bool) for told in states]
    flooded = [np.array([s is State.FLOODING for s in told.states], dtype=bool) for told in states]
    away = [_away(one), _away(other)]
    return Dyad(
        rounds=tuple(_rounds(one, other, away[0], away[1])),
        both_flooded_s=int(np.count_nonzero(flooded[0] & flooded[1])) * STEP_S,
        judged_s=int(np.count_nonzero(judged[0] & judged[1])) * STEP_S,
        linkage=linkage(states[0].hr_bpm, states[1].hr_bpm),
        moves=tuple(sorted([*_moves(one, away[0]), *_moves(other, away[1])])),
    )


# --- rows ---------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    states: list[State]
    hr_bpm: np.ndarray[tuple[int], np.dtype[np.float64]]


def _on_grid(one: Track, other: Track, which: Track) -> _Rows:
    """``which`` in a row every 5 s of the time of both; unknown where it has none."""
    times = [row.t_ns for rows in (one.rows, other.rows) for row in (*rows[:1], *rows[-1:])]
    if not times:
        return _Rows([], np.empty(0))
    step_ns = STEP_S * NS
    size = (max(times) - min(times)) // step_ns + 1
    states, hr_bpm = [State.UNKNOWN] * size, np.full(size, np.nan)
    for row in which.rows:
        index = (row.t_ns - min(times)) // step_ns
        states[index] = row.state
        if row.metrics.hr_bpm is not None:
            hr_bpm[index] = row.metrics.hr_bpm
    return _Rows(states, hr_bpm)


# --- away and back --------------------------------------------------------------------------------


class _Stretch(NamedTuple):
    """From where an onset was recognised to where the person was seen to be back (or infinity).

    ``onset`` and ``back`` are the moments as they may have been.
    """

    from_ns: int
    to_ns: float
    kind: EpisodeKind
    onset: Span
    back: Span


def _away(track: Track) -> list[_Stretch]:
    judged = [row for row in track.rows if row.state.judged]
    stretches = []
    for episode in track.episodes:
        kind, onset_ns = episode.episode, episode.onset_ns
        before = [row.t_ns for row in judged if row.t_ns < onset_ns]
        onset = Span(before[-1] if before else -math.inf, onset_ns)
        seen = back(judged, episode)
        stretches.append(
            _Stretch(
                onset_ns,
                seen.high_ns,
                kind,
                _earlier(onset, ONSET_LATE_S[kind]),
                _earlier(seen, BACK_LATE_S[kind]),
            )
        )
    return stretches


def _earlier(row: Span, late_s: tuple[float, float]) -> Span:
    """When it happened that a row told of so much later; the row's own 5 s are part of that."""
    least_ns, most_ns = (round(edge_s * NS) for edge_s in late_s)
    return Span(row.low_ns + STEP_S * NS - most_ns, row.high_ns - least_ns)


def back(judged: Sequence[Row], episode: Episode) -> Span:
    """Between the last row in which the person was away and the first in which not any more.

    ``judged``: rows with a state, by time. Without an upper bound: it was not seen.
    """
    last_ns = episode.t_ns
    for row in judged:
        if episode.end_ns is not None and row.t_ns >= episode.end_ns and row.state not in _AWAY:
            return Span(last_ns, row.t_ns)
        last_ns = max(last_ns, row.t_ns)
    return Span(last_ns, math.inf)


def _rounds(
    one: Track, other: Track, one_away: list[_Stretch], other_away: list[_Stretch]
) -> Iterable[Round]:
    """Stretches of either that overlap belong to one round."""
    error_s = one.sensor_error_s + other.sensor_error_s
    both = [(stretch, 0) for stretch in one_away] + [(stretch, 1) for stretch in other_away]
    both.sort(key=lambda item: item[0].from_ns)
    while both:
        taken: tuple[list[_Stretch], list[_Stretch]] = ([], [])
        from_ns = both[0][0].from_ns
        to_ns: float = from_ns
        while both and both[0][0].from_ns <= to_ns:
            stretch, who = both.pop(0)
            taken[who].append(stretch)
            to_ns = max(to_ns, stretch.to_ns)
        one_s, other_s = taken
        onset = recovery = None
        if one_s and other_s:
            onset = _order(one_s[0].onset, other_s[0].onset, error_s)
            recovery = _order(one_s[-1].back, other_s[-1].back, error_s)
        yield Round(
            onset_ns=from_ns,
            end_ns=None if math.isinf(to_ns) else int(to_ns),
            kinds=(tuple(s.kind for s in one_s), tuple(s.kind for s in other_s)),
            onset=onset,
            recovery=recovery,
        )


def _order(one: Span, other: Span, error_s: float) -> Order:
    """Unbounded on both sides where neither was seen."""
    low_s = -math.inf if one.high_ns == math.inf else (other.low_ns - one.high_ns) / NS - error_s
    high_s = math.inf if one.low_ns == -math.inf else (other.high_ns - one.low_ns) / NS + error_s
    bounded = math.isfinite(low_s) and math.isfinite(high_s)
    return Order(
        first="one" if low_s > 0 else "other" if high_s < 0 else None,
        after_s=(low_s + high_s) / 2 if bounded else None,
        low_s=low_s if math.isfinite(low_s) else None,
        high_s=high_s if math.isfinite(high_s) else None,
    )


# --- what happened, in its order ----------------------------------------------------------------


def _moves(track: Track, away: list[_Stretch]) -> Iterable[Move]:
    for stretch in away:
        yield Move(stretch.from_ns, track.wearer, What(stretch.kind))
        if math.isfinite(stretch.to_ns):
            yield Move(int(stretch.to_ns), track.wearer, What.SETTLED)
    last: dict[str, BreakStep] = {}
    for step in track.steps:
        before, last[step.id] = last.get(step.id), step
        if step.phase in _ENDS and (before is None or before.phase != step.phase):
            yield Move(step.t_ns, track.wearer, _ENDS[step.phase])
        elif step.phase is BreakPhase.ON and step.t_ns <= step.began_ns:
            own = step.origin == "self"
            yield Move(step.t_ns, track.wearer, What.OWN_BREAK if own else What.PROMPTED_BREAK)
        elif before is None or step.until_ns <= before.until_ns or step.reason == LONGER:
            continue  # nothing new, or the other's longer time: not this person's word
        elif step.phase is BreakPhase.ON:
            yield Move(step.t_ns, track.wearer, What.MORE_TIME)


_ENDS: Final = {
    BreakPhase.RETURNED: What.RETURNED,
    BreakPhase.NOT_RESUMED: What.NOT_RESUMED,
}
