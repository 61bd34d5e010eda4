"""One source's heart: its beats and rates as they came, and which beats to believe.

Beats are classified by :mod:`vagalwatch.hrv.artefacts`, each once, when the two after it are
there; the last two of a row are believed unless they jump. Flagged beats and every pair that
touches them are left out, never replaced (Cajal 2022: for bursts no filling is best).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv.artefacts import FOLLOWERS, flagged, jumps, quiet
from vagalwatch.hrv.columns import (
    WIDTH,
    floats,
    ints,
    pack_float,
    pack_int,
    row_of_ints,
    spliced,
)
from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.records import Heart

_BEATS = PARAMETERS.beats
_WIRE_MAX_MS: Final = 64_000.0
"""The most that the Heart Rate service's field can say; anything beyond is no interval."""
_FUTURE_NS: Final = PARAMETERS.rows.future_s * NS
_KEEP_NS: Final = PARAMETERS.figures.spectrum_s * NS
_KEEP_HR_NS: Final = PARAMETERS.quality.frozen_hr_s * NS
_FRESH_NS: Final = _BEATS.context_s * NS
_CONTEXT: Final = _BEATS.deviation_beats + _BEATS.median_beats
"""Beats before one that its kind depends on."""
_SLACK: Final = 32
"""Beats that may be more than needed before the oldest are dropped (dropping copies)."""
_PART: Final = 16_384
"""Beats of a series that are judged at a time: what they need stays in a core's cache."""

# What is known of a beat, a bit each.
_LINKED: Final = 1  # its interval starts at the beat before it
_IMPLAUSIBLE: Final = 2  # no heart's interval
_JUMP: Final = 4  # its step is not explained by those before
_BAD: Final = 8  # flagged, once the two beats after it were known

# Of every mark: whether such a beat is believed; whether it is while what follows it is not known
# (only without a jump); whether it is linked.
_IS_VALID: Final = bytes(not mark & (_IMPLAUSIBLE | _BAD) for mark in range(256))
_IS_VALID_LAST: Final = bytes(
    not mark & _IMPLAUSIBLE and mark & (_LINKED | _JUMP) != _LINKED | _JUMP for mark in range(256)
)
_IS_LINKED: Final = bytes(mark & _LINKED != 0 for mark in range(256))


@dataclass(slots=True, kw_only=True)
class HeartState:
    """Beats and device rates of one source, each ordered by time.

    Parallel packed columns (see :mod:`vagalwatch.hrv.columns`): ``beat_t_ns`` (the beat that
    ends the interval), ``rr_ms``; ``marks`` has a byte a beat. Of the first ``stepped`` beats it
    is marked whether they jump, and the first ``judged`` have their final marks. ``newest_ns`` is
    the latest beat; ``tail_ns`` the last one taken, in order of arrival; ``hr_quality`` weighs
    each ``hr_bpm``, up to 1; ``last_ns`` is the newest sample.
    """

    beat_t_ns: bytes = b""
    rr_ms: bytes = b""
    marks: bytes = b""
    stepped: int = 0
    judged: int = 0
    newest_ns: int = 0
    tail_ns: int | None = None
    hr_t_ns: bytes = b""
    hr_bpm: bytes = b""
    hr_quality: bytes = b""
    last_ns: int = 0


class BeatWindow(NamedTuple):
    """The beats of (t - w, t]: times in s relative to t, intervals, and what to believe.

    ``valid`` marks beats that stand; ``paired`` those that form a valid pair with the beat
    before them in this window.
    """

    t_s: NDArray[np.float64]
    rr_ms: NDArray[np.float64]
    valid: NDArray[np.bool_]
    paired: NDArray[np.bool_]

    def last(self, seconds: float) -> BeatWindow:
        """The same window cut to its last ``seconds``."""
        first = int(self.t_s.searchsorted(-seconds, side="right"))
        paired = self.paired[first:].copy()
        paired[:1] = False
        return BeatWindow(
            t_s=self.t_s[first:], rr_ms=self.rr_ms[first:], valid=self.valid[first:], paired=paired
        )

    def valid_ms(self, seconds: float) -> NDArray[np.float64]:
        """The intervals that stand, of the last ``seconds``."""
        first = int(self.t_s.searchsorted(-seconds, side="right"))
        return self.rr_ms[first:][self.valid[first:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Whole series, arrays of shape (beats,): which beats a row believes.

    ``valid`` holds for a beat that at least two others of the row's window follow; for the last
    two of a row ``valid_last`` does.
    """

    valid: NDArray[np.bool_]
    valid_last: NDArray[np.bool_]


def classify(
    t_ns: NDArray[np.int64], rr_ms: NDArray[np.float64], linked: NDArray[np.bool_]
) -> Classified:
    """What a live row would believe of the beats of a recording, ordered by time.

    ``t_ns`` is the beat that ends the interval; ``linked`` that the interval starts at the beat
    before it in this series. A beat ``context_s`` after the last is judged afresh.
    """
    marks = np.multiply(linked, _LINKED, dtype=np.uint8)
    marks[np.flatnonzero((rr_ms < _BEATS.rr_min_ms) | (rr_ms > _BEATS.rr_max_ms))] |= _IMPLAUSIBLE
    edges = (np.flatnonzero(np.diff(t_ns) > _FRESH_NS) + 1).tolist()
    for start, end in zip([0, *edges], [*edges, t_ns.size], strict=True):
        stretch, stepped = marks[start:end], 0
        for stop in range(min(_PART, end - start), end - start + _PART, _PART):
            judged = max(0, stepped - FOLLOWERS)
            _judge(rr_ms[start:end][:stop], stretch[:stop], stepped, judged)
            stepped = stop
    told = marks.tobytes()
    return Classified(
        valid=np.frombuffer(told.translate(_IS_VALID), np.bool_),
        valid_last=np.frombuffer(told.translate(_IS_VALID_LAST), np.bool_),
    )


def take(state: HeartState, heart: Heart) -> None:
    """Take one notification in. Late beats find their place; a time already held is ignored."""
    latest_ns = heart.recv_ns + _FUTURE_NS
    chained = heart.chained
    for t_ns, rr_ms in zip(heart.beat_t_ns, heart.rr_ms, strict=False):
        if t_ns <= latest_ns and 1 <= rr_ms <= _WIRE_MAX_MS:
            _take_beat(state, t_ns, rr_ms, chained=chained)
            chained = True
        else:
            chained = False
    rate = heart.hr_bpm
    quality = 1.0 if heart.hr_quality is None else min(heart.hr_quality, 1.0)
    if (
        rate is not None
        and _BEATS.hr_min_bpm <= rate <= _BEATS.hr_max_bpm
        and quality > 0
        and heart.t_ns <= latest_ns
    ):
        _take_rate(state, heart.t_ns, rate, quality)
        state.last_ns = max(state.last_ns, heart.t_ns)


def cut_chain(state: HeartState) -> None:
    """The next beat follows on nothing (its predecessors were refused)."""
    state.tail_ns = None


def trim(state: HeartState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs."""
    drop = bisect_right(row_of_ints(state.beat_t_ns), t_ns - _KEEP_NS) - _CONTEXT - FOLLOWERS
    if drop > _SLACK:
        state.beat_t_ns = state.beat_t_ns[drop * WIDTH :]
        state.rr_ms = state.rr_ms[drop * WIDTH :]
        state.marks = state.marks[drop:]
        state.stepped = max(0, state.stepped - drop)
        state.judged = max(0, state.judged - drop)
    drop = bisect_right(row_of_ints(state.hr_t_ns), t_ns - _KEEP_HR_NS)
    if drop > _SLACK:
        state.hr_t_ns = state.hr_t_ns[drop * WIDTH :]
        state.hr_bpm = state.hr_bpm[drop * WIDTH :]
        state.hr_quality = state.hr_quality[drop * WIDTH :]


def window(state: HeartState, t_ns: int, seconds: int) -> BeatWindow:
    """The beats of (t - seconds, t], classified from what lies at or before t."""
    _judge_new(state)
    times = row_of_ints(state.beat_t_ns)
    end = bisect_right(times, t_ns)
    start = bisect_right(times, t_ns - seconds * NS)
    marks = state.marks[start:end]
    last = marks[-FOLLOWERS:]
    told = marks[:-FOLLOWERS].translate(_IS_VALID) + last.translate(_IS_VALID_LAST)
    valid = np.frombuffer(told, np.bool_)
    paired = np.frombuffer(marks.translate(_IS_LINKED), np.bool_) & valid
    paired[:1] = False
    paired[1:] &= valid[:-1]
    return BeatWindow(
        t_s=(ints(state.beat_t_ns)[start:end] - t_ns) / NS,
        rr_ms=floats(state.rr_ms)[start:end],
        valid=valid,
        paired=paired,
    )


def _take_beat(state: HeartState, t_ns: int, rr_ms: float, *, chained: bool) -> None:
    mark = 0 if _BEATS.rr_min_ms <= rr_ms <= _BEATS.rr_max_ms else _IMPLAUSIBLE
    if t_ns > state.newest_ns:
        if t_ns > state.newest_ns + _FRESH_NS:  # what lies before tells nothing of the present
            state.beat_t_ns = state.rr_ms = state.marks = b""
            state.stepped = state.judged = 0
        elif chained and state.tail_ns == state.newest_ns:
            mark |= _LINKED
        state.beat_t_ns += pack_int(t_ns)
        state.rr_ms += pack_float(rr_ms)
        state.marks += bytes((mark,))
        state.newest_ns = t_ns
    else:
        _insert_beat(state, t_ns, rr_ms, mark, chained=chained)
    state.tail_ns = t_ns
    state.last_ns = max(state.last_ns, t_ns)


def _insert_beat(state: HeartState, t_ns: int, rr_ms: float, mark: int, *, chained: bool) -> None:
    times = ints(state.beat_t_ns)
    place = int(times.searchsorted(t_ns))
    if place < times.size and times[place] == t_ns:
        return  # the same beat once more: what follows it still follows it
    if chained and place > 0 and times[place - 1] == state.tail_ns:
        mark |= _LINKED
    state.beat_t_ns = spliced(state.beat_t_ns, place, pack_int(t_ns))
    state.rr_ms = spliced(state.rr_ms, place, pack_float(rr_ms))
    after = bytes((state.marks[place] & ~_LINKED,))  # it no longer follows on the one before
    state.marks = state.marks[:place] + bytes((mark,)) + after + state.marks[place + 1 :]
    state.stepped = min(state.stepped, place)
    state.judged = min(state.judged, max(0, place - FOLLOWERS))


def _take_rate(state: HeartState, t_ns: int, rate: float, quality: float) -> None:
    if not state.hr_t_ns or t_ns > row_of_ints(state.hr_t_ns)[-1]:
        state.hr_t_ns += pack_int(t_ns)
        state.hr_bpm += pack_float(rate)
        state.hr_quality += pack_float(quality)
        return
    times = ints(state.hr_t_ns)
    place = int(times.searchsorted(t_ns))
    if times[place] != t_ns:
        state.hr_t_ns = spliced(state.hr_t_ns, place, pack_int(t_ns))
        state.hr_bpm = spliced(state.hr_bpm, place, pack_float(rate))
        state.hr_quality = spliced(state.hr_quality, place, pack_float(quality))


def _judge_new(state: HeartState) -> None:
    """Bring the marks up to date with the beats that came."""
    size = len(state.marks)
    if state.stepped == size:
        return
    if _nothing_new(state):
        state.stepped = size
        state.judged = size - FOLLOWERS
        return
    marks = np.frombuffer(state.marks, np.uint8).copy()
    _judge(floats(state.rr_ms), marks, state.stepped, state.judged)
    state.marks = marks.tobytes()
    state.stepped = size
    state.judged = max(0, size - FOLLOWERS)


def _nothing_new(state: HeartState) -> bool:
    """Whether the beats that came have no mark to get: nearly all rows of a healthy heart."""
    first = state.stepped - _BEATS.deviation_beats
    if first < 0 or state.judged + FOLLOWERS < state.stepped:
        return False
    if max(state.marks[max(0, state.judged - 1) :]) >= _JUMP:
        return False
    if 0 in state.marks[first + 1 :].translate(_IS_LINKED):
        return False
    return quiet(floats(state.rr_ms)[first:], _BEATS.coarsest_tick_ms)


def _judge(rr_ms: NDArray[np.float64], marks: NDArray[np.uint8], stepped: int, judged: int) -> None:
    """Put ``marks`` right: ``_JUMP`` from ``stepped`` on, ``_BAD`` from ``judged`` on."""
    while judged > 0 and marks[judged - 1] & (_JUMP | _BAD):
        judged -= 1  # a beat may be judged together with the jump or the run before it
    first = max(0, judged - _CONTEXT)
    rr_ms, marks = rr_ms[first:], marks[first:]
    stepped, judged, end = stepped - first, judged - first, rr_ms.size - FOLLOWERS
    linked = marks & _LINKED != 0
    drr_ms = np.empty(rr_ms.size)
    drr_ms[:1] = np.nan
    np.subtract(rr_ms[1:], rr_ms[:-1], out=drr_ms[1:])
    drr_ms[np.flatnonzero(~linked)] = np.nan
    known = np.cumsum(linked, dtype=np.int32)
    known[_BEATS.deviation_beats :] -= known[: -_BEATS.deviation_beats]
    least = np.full(rr_ms.size, _BEATS.coarsest_tick_ms)
    few = np.flatnonzero(known < _BEATS.few_beats)
    least[few] = _BEATS.malik * rr_ms[few]
    marks[judged:] &= ~np.uint8(_BAD)
    marks[stepped:] &= ~np.uint8(_JUMP)
    marks[jumps(rr_ms, drr_ms, least=least, since=stepped)] |= _JUMP
    places = judged + np.flatnonzero(marks[judged:] & _JUMP)
    if places.size and places[0] <= end:
        flags = flagged(rr_ms, drr_ms, places, least=least)
        due = places[places < end]
        # A jump that leads into a hole cannot be told from an artefact.
        flags[due] |= linked[due] & ~(linked[due + 1] & linked[due + 2])
        marks[judged:end][flags[judged:end]] |= _BAD
