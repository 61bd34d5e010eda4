"""One source's heart: its beats and rates as they came, and which beats to believe.

Classification is Lipponen & Tarvainen 2019 (J Med Eng Technol 43:173) made causal: the spread
that a beat is held against comes from the 91 beats up to it, and of the beats after it only
those are seen that lie before the row's time. Flagged beats and every pair that touches them
are left out, never replaced (Cajal 2022: for bursts no filling is best).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.records import Heart

_BEATS = PARAMETERS.beats
_WIRE_MAX_MS = 64_000.0
"""The most that the Heart Rate service's field can say; anything beyond is no interval."""
_KEEP_NS = PARAMETERS.figures.spectrum_s * NS
_KEEP_HR_NS = PARAMETERS.quality.frozen_hr_s * NS
_CONTEXT_NS = _BEATS.context_s * NS


@dataclass(slots=True, kw_only=True)
class HeartState:
    """Beats and device rates of one source, each ordered by time.

    Parallel lists: ``beat_t_ns`` (the beat that ends the interval), ``rr_ms``, ``linked`` (the
    interval starts at the beat before it in this list), ``drr_ms`` (difference to the interval
    before; 0 where not linked), ``mrr_ms`` (deviation from the running median), and the same
    two in units of their thresholds. The first ``measured`` beats have their last four columns.
    ``tail_ns`` is the last beat taken, in order of arrival; ``last_ns`` the newest sample.
    """

    beat_t_ns: list[int] = field(default_factory=list)
    rr_ms: list[float] = field(default_factory=list)
    linked: list[bool] = field(default_factory=list)
    drr_ms: list[float] = field(default_factory=list)
    mrr_ms: list[float] = field(default_factory=list)
    drr: list[float] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    hr_t_ns: list[int] = field(default_factory=list)
    hr_bpm: list[float] = field(default_factory=list)
    measured: int = 0
    tail_ns: int | None = None
    last_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatWindow:
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
        first = int(np.searchsorted(self.t_s, -seconds, side="right"))
        paired = self.paired[first:].copy()
        if paired.size:
            paired[0] = False
        return BeatWindow(
            t_s=self.t_s[first:], rr_ms=self.rr_ms[first:], valid=self.valid[first:], paired=paired
        )


def take(state: HeartState, heart: Heart) -> None:
    """Take one notification in. Late beats find their place; a time already held is ignored."""
    latest_ns = heart.recv_ns + PARAMETERS.rows.future_s * NS
    chained = heart.chained
    for t_ns, rr_ms in zip(heart.beat_t_ns, heart.rr_ms, strict=False):
        if t_ns <= latest_ns and 1 <= rr_ms <= _WIRE_MAX_MS:
            _take_beat(state, t_ns, rr_ms, chained=chained)
            chained = True
        else:
            chained = False
    rate = heart.hr_bpm
    if (
        rate is not None
        and _BEATS.hr_min_bpm <= rate <= _BEATS.hr_max_bpm
        and heart.t_ns <= latest_ns
    ):
        place = bisect_left(state.hr_t_ns, heart.t_ns)
        if place == len(state.hr_t_ns) or state.hr_t_ns[place] != heart.t_ns:
            state.hr_t_ns.insert(place, heart.t_ns)
            state.hr_bpm.insert(place, rate)
        state.last_ns = max(state.last_ns, heart.t_ns)


def cut_chain(state: HeartState) -> None:
    """The next beat follows on nothing (its predecessors were refused)."""
    state.tail_ns = None


def trim(state: HeartState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs."""
    times = state.beat_t_ns
    needed = bisect_right(times, t_ns - _KEEP_NS)
    drop = max(
        needed - _BEATS.deviation_beats - 2,
        bisect_right(times, t_ns - _KEEP_NS - _CONTEXT_NS),
    )
    if drop > 0:
        for column in (
            times,
            state.rr_ms,
            state.linked,
            state.drr_ms,
            state.mrr_ms,
            state.drr,
            state.mrr,
        ):
            del column[:drop]
        state.measured = max(0, state.measured - drop)
    drop = bisect_right(state.hr_t_ns, t_ns - _KEEP_HR_NS)
    del state.hr_t_ns[:drop]
    del state.hr_bpm[:drop]


def window(state: HeartState, t_ns: int, seconds: int) -> BeatWindow:
    """The beats of (t - seconds, t], classified from what lies at or before t."""
    for i in range(state.measured, len(state.beat_t_ns)):
        _measure(state, i)
    state.measured = len(state.beat_t_ns)
    end = bisect_right(state.beat_t_ns, t_ns)
    start = bisect_right(state.beat_t_ns, t_ns - seconds * NS)
    lead = min(start, 2)  # the neighbours that the first beats are judged with
    part = slice(start - lead, end)
    rr_ms = np.array(state.rr_ms[part], dtype=np.float64)
    linked = np.array(state.linked[part], dtype=np.bool_)
    flags = flagged(
        np.array(state.drr[part], dtype=np.float64),
        np.array(state.mrr[part], dtype=np.float64),
        linked,
    )
    valid = ~flags & (rr_ms >= _BEATS.rr_min_ms) & (rr_ms <= _BEATS.rr_max_ms)
    paired = np.zeros_like(valid)
    paired[lead + 1 :] = linked[lead + 1 :] & valid[lead + 1 :] & valid[lead:-1]
    return BeatWindow(
        t_s=np.array([(t - t_ns) / NS for t in state.beat_t_ns[start:end]], dtype=np.float64),
        rr_ms=rr_ms[lead:],
        valid=valid[lead:],
        paired=paired[lead:],
    )


def flagged(
    drr: NDArray[np.float64], mrr: NDArray[np.float64], linked: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Beats that are ectopic, long, short, missed or extra (Lipponen & Tarvainen, figure 1).

    ``drr`` and ``mrr`` are in units of their thresholds, shape (beats,). Beyond either end there
    is nothing to compare with (0). Missed and extra beats are a subset of long and short ones
    and need no test of their own where nothing is corrected.
    """
    size = drr.size
    if size == 0:
        return np.zeros(0, dtype=np.bool_)
    padded = np.concatenate(([0.0], drr, [0.0, 0.0]))
    before, after, after2 = padded[:size], padded[2 : size + 2], padded[3 : size + 3]
    up, down = drr > 1, drr < -1
    s12 = np.where(drr > 0, np.maximum(before, after), np.minimum(before, after))
    ectopic = (up & (s12 < -_BEATS.c1 * drr - _BEATS.c2)) | (
        down & (s12 > -_BEATS.c1 * drr + _BEATS.c2)
    )
    jumps = up | down
    follows = np.zeros_like(jumps)
    follows[1:] = (jumps & ~ectopic & (np.abs(after) < np.abs(after2)))[:-1]
    s22 = np.where(drr >= 0, np.minimum(after, after2), np.maximum(after, after2))
    odd = (up & (s22 < -1)) | (down & (s22 > 1)) | (np.abs(mrr) > _BEATS.median_factor)
    flags: NDArray[np.bool_] = ectopic | ((jumps | follows | ~linked) & odd)
    return flags


def _take_beat(state: HeartState, t_ns: int, rr_ms: float, *, chained: bool) -> None:
    times = state.beat_t_ns
    place = len(times) if not times or t_ns > times[-1] else bisect_left(times, t_ns)
    if place < len(times) and times[place] == t_ns:
        state.tail_ns = t_ns  # the same beat once more: what follows it still follows it
        return
    linked = chained and place > 0 and times[place - 1] == state.tail_ns
    times.insert(place, t_ns)
    state.rr_ms.insert(place, rr_ms)
    state.linked.insert(place, linked)
    for column in (state.drr_ms, state.mrr_ms, state.drr, state.mrr):
        column.insert(place, 0.0)
    if place + 1 < len(times):
        state.linked[place + 1] = False
    state.tail_ns = t_ns
    state.last_ns = max(state.last_ns, t_ns)
    state.measured = min(state.measured, place)


def _measure(state: HeartState, i: int) -> None:
    """Hold beat ``i`` against the beats up to it."""
    rr_ms = state.rr_ms[i]
    since = bisect_right(state.beat_t_ns, state.beat_t_ns[i] - _CONTEXT_NS)
    near = sorted(state.rr_ms[max(since, i + 1 - _BEATS.median_beats) : i + 1])
    median_ms = _quantile(near, 0.5)
    deviation = rr_ms - median_ms
    if deviation < 0:
        deviation *= 2  # their asymmetry: a short beat deviates less than a long one
    state.mrr_ms[i] = deviation
    state.drr_ms[i] = rr_ms - state.rr_ms[i - 1] if state.linked[i] else 0.0
    first = max(since, i + 1 - _BEATS.deviation_beats)
    state.drr[i] = state.drr_ms[i] / _threshold(
        [abs(state.drr_ms[k]) for k in range(first, i + 1) if state.linked[k]], median_ms
    )
    state.mrr[i] = deviation / _threshold([abs(m) for m in state.mrr_ms[first : i + 1]], median_ms)


def _threshold(deviations: list[float], median_ms: float) -> float:
    """Alpha times the quartile deviation, ms."""
    if len(deviations) < _BEATS.few_beats:
        return _BEATS.malik * median_ms
    deviations.sort()
    spread = (_quantile(deviations, 0.75) - _quantile(deviations, 0.25)) / 2
    return max(_BEATS.alpha * spread, _BEATS.coarsest_tick_ms)


def _quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between order statistics, as numpy and pandas do."""
    place = share * (len(ordered) - 1)
    low = int(place)
    if low + 1 >= len(ordered):
        return ordered[-1]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)
