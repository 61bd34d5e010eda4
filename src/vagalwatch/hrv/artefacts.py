"""Which beats of a series are ectopic, missed, extra, long or short.

Lipponen & Tarvainen 2019 (J Med Eng Technol 43:173), figure 1. One function serves the live row
(trailing windows: of what follows a beat only the two steps that its pattern needs) and the
published, centred form; the windows' placement is the only difference, and that no threshold may
fall under what a coarse clock rounds away. What is ours is added apart, in :func:`flagged`.

Most beats are plainly no jump. So the spread of a long series' steps is bounded from every sixth
window, and worked out exactly only where the bound does not settle it.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BEATS = PARAMETERS.beats
_SHIFT: Final = 3
"""Windows so far from one another share all but three values at either end."""
_BLOCK: Final = 512
"""Windows that are sorted at a time: as many as stay in a core's cache."""

_HALF_DIGITS: Final = 1e-6
"""Over the relative error of a number in single precision."""

_AROUND: Final = np.array([-1, 0, 1, 2, 3])[:, np.newaxis]
_NEAR: Final = np.array([-2, -1, 0, 1, 2])[:, np.newaxis]
FOLLOWERS: Final = 2
"""Beats that have to follow before it is known what a beat is."""


class Kind(IntEnum):
    """What an interval is."""

    NORMAL = 0
    ECTOPIC = 1
    LONG_OR_SHORT = 2
    MISSED = 3  # two intervals told as one
    EXTRA = 4  # one interval told as two


def jumps(
    rr: NDArray[np.float64],
    drr: NDArray[np.float64],
    *,
    centred: bool = False,
    least: NDArray[np.float64] | float = 0.0,
    since: int = 0,
) -> NDArray[np.intp]:
    """Places from ``since`` on whose step the steps around it do not explain.

    ``rr`` are intervals and ``drr`` the steps from the interval before (NaN where that is not
    known: such a beat is among the places), both of shape (beats,) in one unit, which is also
    that of ``least``: no threshold falls under it. ``centred`` puts a beat into the middle of its
    window, as published; else it ends it. Windows are cut at the ends of the series.
    """
    floor = np.broadcast_to(least, drr.shape)
    size = np.abs(drr)
    steps = _Windows(size, _BEATS.deviation_beats, centred=centred)
    if drr.size - since < _BLOCK:
        maybe = np.arange(since, drr.size)
    else:
        maybe = since + np.flatnonzero(~(size[since:] <= steps.bound(rr, floor, since)))
    low, high = steps.quartiles(maybe)
    limit = np.fmin(_threshold(low, high, floor[maybe]), _far(low, rr[maybe], floor[maybe]))
    return maybe[~(_ratio(size[maybe], limit) <= 1)]


def quiet(rr: NDArray[np.float64], least: float) -> bool:
    """Whether none of the beats after the first 91 is a jump, where every step is known.

    What :func:`jumps` would say of a live row's few new beats, and nearly all that it costs.
    """
    width = _BEATS.deviation_beats
    sizes = np.abs(rr[1:] - rr[:-1])
    if _plainly_quiet(rr[width:].tolist(), sizes.tolist(), least):
        return True
    ordered: NDArray[np.float64] = np.ndarray(
        (sizes.size - width + 1, width), np.float64, sizes, strides=(8, 8)
    ).copy()
    ordered.sort(axis=1)
    low, high = _quantile_of_full(ordered, 0.25), _quantile_of_full(ordered, 0.75)
    new = sizes[width - 1 :]
    limit = np.fmin(_threshold(low, high, least), _far(low, rr[width:], least))
    return bool((new <= limit).all())


def _plainly_quiet(rr: list[float], sizes: list[float], least: float) -> bool:
    """Whether :func:`quiet` is true by the steps alone that all the windows share, sorted once.

    The windows of n new beats share all but n - 1 steps, so a quartile of any of them lies between
    two of the shared steps that are at most so many places apart. Nearly always that settles it.
    """
    width, others = _BEATS.deviation_beats, len(rr) - 1
    low, high = (width - 1) // 4, 3 * (width - 1) // 4
    if others > low:
        return False
    shared = sorted(sizes[others:width])
    threshold = max(_BEATS.alpha * ((shared[high - others] - shared[low + 1]) / 2), least)
    far = max(_BEATS.far_quartiles * shared[low - others], least)
    return all(
        size <= threshold and size <= max(far, _BEATS.far_share * interval)
        for size, interval in zip(sizes[width - 1 :], rr, strict=True)
    )


def kinds(
    rr: NDArray[np.float64],
    drr: NDArray[np.float64],
    places: NDArray[np.intp],
    *,
    centred: bool = False,
    least: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.uint8]:
    """Each beat's :class:`Kind`, shape (beats,), where ``places`` are the jumps to be judged.

    The rest is as in :func:`jumps`. The last two beats of a series are never told to be anything.
    The beat before the first of ``places`` must be no jump.
    """
    floor = np.broadcast_to(least, rr.shape)
    x, _ = _steps(drr, places, floor, centred=centred)
    median = _Windows(rr, _BEATS.median_beats, centred=centred).median()
    return _kinds(rr, median, x, places, floor, centred=centred)


def flagged(
    rr: NDArray[np.float64],
    drr: NDArray[np.float64],
    places: NDArray[np.intp],
    *,
    least: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.bool_]:
    """Beats that :func:`kinds` names but a sound heart's own, and two sorts that are ours.

    Beats between far steps that undo one another: an early one and its pause, a single long one
    (a missed beat), one interval told as two. They ask for less than the paper's patterns, and of
    the spread only the lower quartile, which many ectopics do not widen. And what comes after a
    flagged beat as early against the running median as Malik allows no step to be: runs.
    """
    floor = np.broadcast_to(least, rr.shape)
    x, low = _steps(drr, places, floor, centred=False)
    flags = np.zeros(rr.size + 1, dtype=np.bool_)
    median = _Windows(rr, _BEATS.median_beats, centred=False).median()
    kind = _kinds(rr, median, x, places, floor, centred=False)
    flags[:-1] = kind
    limit = _far(low[places], rr[places], floor[places])
    far = np.abs(drr[places]) > limit
    if far.any():
        places, limit = places[far], limit[far]
        steps = np.concatenate((drr, (np.nan, np.nan)))
        before, here, after, after2 = steps[places + _AROUND[:4]]
        up = here > 0
        paused = up & (before < -limit / 2)
        flags[places[paused] - 1] = True
        flags[places[(paused & (after < -limit / 2)) | (up & (after < -limit))]] = True
        split = places[~up & (after2 > limit) & (np.abs(after) < np.minimum(-here, after2))]
        flags[split] = True
        flags[split + 1] = True
    # Before the runs: what a sound heart does begins none.
    if (odd := np.flatnonzero(flags[2:-3]) + 2).size:
        natural = _natural(rr, drr, odd, median=median[odd], kind=kind[odd], floor=floor[odd])
        flags[odd[natural]] = False
    if flags.any():
        early = rr < (1 - _BEATS.malik) * median
        while (more := flags[:-2] & early[1:] & ~flags[1:-1]).any():
            flags[1:-1] |= more
    return flags[:-1]


def _natural(
    rr: NDArray[np.float64],
    drr: NDArray[np.float64],
    places: NDArray[np.intp],
    *,
    median: NDArray[np.float64],
    kind: NDArray[np.uint8],
    floor: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which of the flagged ``places``, two from either end and more, a sound heart can do itself.

    Two sorts, and neither where both beats two away are more like this one than like the one
    between: that is every second beat. ``median``, ``kind`` and ``floor`` are those of the places.

    Late alone: the vagus holds a beat back at once (a sigh, slow breathing when young), but nothing
    brings one forward so fast. A late beat is an artefact after or before an early one (a pause,
    a misplaced beat), or where its half is no earlier than Malik allows (a missed beat).

    Slightly off: named by steps within alpha quartile deviations of the *signed* steps. Only of
    those it is true, what the paper chose alpha for, that 99.95 % of normal beats are within (3.5
    standard deviations); of the steps' sizes, which its formula takes, it is 97 % (2.2).
    """
    before2, before, here, after, after2 = rr[places + _NEAR]
    known = ~np.isnan(drr[places + _NEAR[1:]].sum(axis=0))
    single = (np.abs(before2 - here) >= np.abs(before2 - before)) | (
        np.abs(after2 - here) >= np.abs(after2 - after)
    )
    malik, early = (1 - _BEATS.malik) * median, (1 - _BEATS.far_share) * median
    late = (here >= median) & (here / 2 < malik) & (np.minimum(before, after) >= early)
    spread = _Windows(drr, _BEATS.deviation_beats, centred=False).quartiles(places)
    step = np.maximum(np.abs(drr[places]), np.abs(drr[places + 1]))
    slight = (kind > Kind.ECTOPIC) & (here >= malik) & (step < _threshold(*spread, floor))
    natural: NDArray[np.bool_] = known & single & (late | slight)
    return natural


def _steps(
    drr: NDArray[np.float64],
    places: NDArray[np.intp],
    floor: NDArray[np.float64],
    *,
    centred: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Around ``places`` the steps in units of their thresholds, and their lower quartiles."""
    x, low = np.zeros(drr.size), np.zeros(drr.size)
    near = _each(_mirrored(places + _AROUND, drr.size), drr.size)
    windows = _Windows(np.abs(drr), _BEATS.deviation_beats, centred=centred)
    low[near], high = windows.quartiles(near)
    x[near] = _ratio(drr[near], _threshold(low[near], high, floor[near]))
    return x, low


def _kinds(
    rr: NDArray[np.float64],
    median: NDArray[np.float64],
    x: NDArray[np.float64],
    places: NDArray[np.intp],
    floor: NDArray[np.float64],
    *,
    centred: bool,
) -> NDArray[np.uint8]:
    """Figure 1 of the paper. Beyond an end the series is mirrored."""
    size = rr.size
    kind = np.zeros(size, dtype=np.uint8)
    deviation = rr - median
    deviation[deviation < 0] *= 2  # theirs: a short beat deviates less than a long one
    spread = _Windows(np.abs(deviation), _BEATS.deviation_beats, centred=centred)
    limit, odd = np.zeros(size), np.zeros(size, dtype=np.bool_)
    near = _each(_mirrored(places + _AROUND[1:3], size), size)
    limit[near] = _threshold(*spread.quartiles(near), floor[near])
    odd[near] = np.abs(_ratio(deviation[near], limit[near])) > _BEATS.median_factor

    taken = -1
    around = x[_mirrored(places + _AROUND, size)].T.tolist()
    for place, (before, here, after, after2, after3) in zip(places.tolist(), around, strict=True):
        if place >= size - FOLLOWERS or place == taken or abs(here) <= 1:
            continue
        if math.isnan(here) and not odd[place]:
            continue
        edge = _BEATS.c1 * abs(here) + _BEATS.c2
        if (here > 1 and before < -edge and after < -edge) or (
            here < -1 and before > edge and after > edge
        ):
            kind[place] = Kind.ECTOPIC
            continue
        candidates = [(place, here, after, after2)]
        if abs(after) < abs(after2):
            taken = place + 1  # judged with this one, so it takes no other along
            candidates.append((taken, after, after2, after3))
        for i, step, next_step, last_step in candidates:
            known = not math.isnan(next_step + last_step)
            long = known and step > 1 and (next_step < -1 or last_step < -1)
            short = known and step < -1 and (next_step > 1 or last_step > 1)
            if short and abs(rr[i] + rr[i + 1] - median[i]) < limit[i]:
                kind[i] = Kind.EXTRA
            elif long and abs(rr[i] / 2 - median[i]) < limit[i]:
                kind[i] = Kind.MISSED
            elif long or short or odd[i]:
                kind[i] = Kind.LONG_OR_SHORT
    return kind


class _Windows:
    """The window of every beat over one series, cut at the ends; NaN is nothing known."""

    def __init__(self, values: NDArray[np.float64], width: int, *, centred: bool) -> None:
        ahead = width // 2 if centred else 0
        padded = np.full(values.size + width - 1, np.nan)
        padded[width - 1 - ahead : padded.size - ahead] = values
        # What sliding_window_view gives, without the 15 us that it takes.
        strides = (padded.itemsize, padded.itemsize)
        self._windows = np.ndarray((values.size, width), np.float64, padded, strides=strides)

    def median(self) -> NDArray[np.float64]:
        """Of every window; NaN where it is empty."""
        out = np.empty(self._windows.shape[0])
        for start in range(0, out.size, _BLOCK):
            ordered = np.sort(self._windows[start : start + _BLOCK], axis=1)
            if not np.isnan(ordered[:, -1]).any():
                out[start : start + _BLOCK] = ordered[:, ordered.shape[1] // 2]  # an odd width
                continue
            count = np.maximum(_count(ordered), 1)
            rows = np.arange(count.size)
            out[start : start + _BLOCK] = (
                ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]
            ) / 2
        return out

    def quartiles(
        self, places: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lower and the upper one of the windows at ``places``."""
        low, high = np.empty(places.size), np.empty(places.size)
        for start in range(0, places.size, _BLOCK):
            ordered = np.sort(self._windows[places[start : start + _BLOCK]], axis=1)
            low[start : start + _BLOCK] = _quantile(ordered, 0.25)
            high[start : start + _BLOCK] = _quantile(ordered, 0.75)
        return low, high

    def bound(
        self, rr: NDArray[np.float64], floor: NDArray[np.float64], since: int
    ) -> NDArray[np.float64]:
        """What no jump from ``since`` on is under; -1 where nothing is known of it."""
        width = self._windows.shape[1]
        step = 2 * _SHIFT
        above_low = -(-(width - 1) // 4) + _SHIFT
        below_low = (width - 1) // 4 - _SHIFT
        below_high = 3 * (width - 1) // 4 - _SHIFT
        wide = np.zeros(self._windows.shape[0] - since)
        low = np.zeros_like(wide)
        middles = self._windows[since + _SHIFT :: step]
        for start in range(0, middles.shape[0], _BLOCK):
            # Half the digits sort in half the time; a bound may be a little low.
            ordered = np.sort(middles[start : start + _BLOCK].astype(np.float32), axis=1)
            ordered[np.isnan(ordered[:, -1])] = 0.0
            part = slice(start * step, (start + ordered.shape[0]) * step)
            ranks = ordered[:, [above_low, below_high, below_low]].astype(np.float64)
            ranks = ranks.repeat(step, axis=0)[: wide[part].size]
            wide[part] = (1 - _HALF_DIGITS) * _threshold(
                (1 + _HALF_DIGITS) * ranks[:, 0], (1 - _HALF_DIGITS) * ranks[:, 1], 0.0
            )
            low[part] = (1 - _HALF_DIGITS) * ranks[:, 2]
        out = np.minimum(np.fmax(wide, floor[since:]), _far(low, rr[since:], floor[since:]))
        out[out == 0] = -1.0
        return out


def _threshold(
    low: NDArray[np.float64], high: NDArray[np.float64], floor: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Alpha times the quartile deviation, at least the floor."""
    threshold: NDArray[np.float64] = np.fmax(_BEATS.alpha * ((high - low) / 2), floor)
    return threshold


def _far(
    low: NDArray[np.float64], rr: NDArray[np.float64], floor: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    far: NDArray[np.float64] = np.fmax(_BEATS.far_quartiles * low, _BEATS.far_share * rr)
    return np.fmax(far, floor)


def _quantile(ordered: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Of each row's numbers, interpolated linearly (as numpy and pandas do); NaN for none."""
    if not np.isnan(ordered[:, -1]).any():
        return _quantile_of_full(ordered, share)
    last = np.maximum(_count(ordered) - 1, 0)
    rows = np.arange(last.size)
    places = share * last
    lows = places.astype(np.intp)
    below, above = ordered[rows, lows], ordered[rows, np.minimum(lows + 1, last)]
    cut: NDArray[np.float64] = below + (above - below) * (places - lows)
    return cut


def _quantile_of_full(ordered: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    place = share * (ordered.shape[1] - 1)
    low = int(place)
    below, above = ordered[:, low], ordered[:, low + 1]
    quantile: NDArray[np.float64] = below + (above - below) * (place - low)
    return quantile


def _count(ordered: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many numbers each row holds; NaN are at its end."""
    count: NDArray[np.intp] = ordered.shape[1] - np.count_nonzero(np.isnan(ordered), axis=1)
    return count


def _ratio(values: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in units of their thresholds; NaN where that is 0."""
    out = np.full(values.size, np.nan)
    np.divide(values, thresholds, out=out, where=thresholds != 0)
    return out


def _mirrored(places: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """The places; beyond the ends of the series their mirror's."""
    inside: NDArray[np.intp] = np.abs(places)
    over = inside >= size
    if over.any():
        inside[over] = np.maximum(2 * (size - 1) - inside[over], 0)
    return inside


def _each(places: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """In order, each once."""
    marks = np.zeros(size, dtype=np.bool_)
    marks[places] = True
    return np.flatnonzero(marks)
