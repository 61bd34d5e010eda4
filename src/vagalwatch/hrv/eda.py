"""Skin conductance of one source: quarter seconds on arrival, level and responses at a row.

Samples of any rate from 3 to 32 Hz are summed into bins ((k - 1)/4 s, k/4 s] of UTC as exact
integers, so the order of arrival and the cut into chunks cannot change a digit. The smallest
value of each bin stands for the raw signal where its noise is judged.

Responses are found from trough to peak with an absolute threshold (Boucsein 2012): a relative
one, as 10 % of the largest peak, finds dozens of responses a minute in a flat line.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.records import Eda

_SKIN = PARAMETERS.skin
BINS_PER_S: Final = 4
_BIN_NS: Final = NS // BINS_PER_S
_UNIT: Final = 2**40
"""Fixed point: 2**-40 uS, finer than a double's rounding of any sensor."""
_LIMIT_US: Final = 1000.0
_KEEP_BINS: Final = (_SKIN.nsr_s + _SKIN.lead_s) * BINS_PER_S
_SCL_BINS: Final = _SKIN.scl_s * BINS_PER_S
_SECOND_DIFFERENCE: Final = math.sqrt(6.0)
"""White noise of sd 1 has second differences of this sd."""


@dataclass(slots=True, kw_only=True)
class EdaState:
    """Bins of one source, ordered: number ``k``, samples, sum, smallest (unit 2**-40 uS)."""

    k: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    last_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """What a row knows of the skin: figures, or the gate that withholds them."""

    gate: Gate | None = None
    scl_us: float | None = None
    nsr_per_min: float | None = None


def take(state: EdaState, eda: Eda) -> None:
    """Sum a chunk into its bins."""
    latest_ns = eda.recv_ns + PARAMETERS.rows.future_s * NS
    for t_ns, value_us in zip(eda.sample_t_ns, eda.eda_us, strict=False):
        if t_ns > latest_ns or not math.isfinite(value_us):
            continue
        value = round(min(max(value_us, -_LIMIT_US), _LIMIT_US) * _UNIT)
        k = -(-t_ns // _BIN_NS)
        place = len(state.k) if not state.k or k > state.k[-1] else bisect_left(state.k, k)
        if place < len(state.k) and state.k[place] == k:
            state.count[place] += 1
            state.total[place] += value
            state.low[place] = min(state.low[place], value)
        else:
            state.k.insert(place, k)
            state.count.insert(place, 1)
            state.total.insert(place, value)
            state.low.insert(place, value)
        state.last_ns = max(state.last_ns, t_ns)


def trim(state: EdaState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs."""
    drop = bisect_right(state.k, t_ns // _BIN_NS - _KEEP_BINS)
    if drop:
        for column in (state.k, state.count, state.total, state.low):
            del column[:drop]


def judge(state: EdaState, t_ns: int) -> Skin:
    """Level of (t - 30 s, t] in uS and responses of (t - 60 s, t] per minute, ``t`` on a bin."""
    last = t_ns // _BIN_NS
    end = bisect_right(state.k, last)
    start = bisect_right(state.k, last - _KEEP_BINS)
    if end == start or state.k[end - 1] <= last - _SKIN.silent_s * BINS_PER_S:
        return Skin(gate=Gate.EDA_SILENT)
    k = np.array(state.k[start:end], dtype=np.int64) - last
    mean_us = np.array(state.total[start:end]) / np.array(state.count[start:end]) / _UNIT
    level = int(np.searchsorted(k, -_SCL_BINS, side="right"))
    if mean_us.size - level < _SKIN.scl_share * _SCL_BINS:
        return Skin(gate=Gate.EDA_SILENT)
    gate = _gate(k, mean_us, np.array(state.low[start:end]) / _UNIT, level)
    if gate is not None:
        return Skin(gate=gate)
    scl_us = sum(state.total[start + level : end]) / sum(state.count[start + level : end]) / _UNIT
    return Skin(scl_us=scl_us, nsr_per_min=_responses_per_min(k, mean_us))


def _gate(
    k: NDArray[np.int64], mean_us: NDArray[np.float64], low_us: NDArray[np.float64], level: int
) -> Gate | None:
    """Kleckner 2018's limits, and whether the signal lives at all."""
    recent_us = mean_us[level:]
    newest_us = mean_us[k > -_SKIN.open_s * BINS_PER_S]
    median_us = float(np.median(recent_us))
    if median_us < _SKIN.open_us or (newest_us.size and float(newest_us.max()) < _SKIN.open_us):
        return Gate.EDA_OPEN
    if median_us > _SKIN.saturated_us:
        return Gate.EDA_SATURATED
    slope = np.abs(np.diff(recent_us)) * BINS_PER_S / np.diff(k[level:])
    if slope.size and float(slope.max()) > _SKIN.slope_us_per_s:
        return Gate.EDA_ARTEFACT
    if np.unique(low_us[level:]).size <= _SKIN.stuck_values or _noise_us(low_us) < (
        _SKIN.stuck_sd_us
    ):
        return Gate.EDA_STUCK
    return None


def _responses_per_min(k: NDArray[np.int64], mean_us: NDArray[np.float64]) -> float | None:
    """Responses that peak in (t - 60 s, t]; ``None`` if a hole could hide or feign one."""
    first = int(np.searchsorted(k, -_SKIN.nsr_s * BINS_PER_S, side="right"))
    hole = int(_SKIN.hole_s * BINS_PER_S)
    edges = np.concatenate(([-_SKIN.nsr_s * BINS_PER_S], k[first:], [1]))
    if first == k.size or int(np.diff(edges).max()) > hole:
        return None
    begin = int(k[0]) if int(np.diff(k).max(initial=1)) <= hole else int(k[first])
    grid = np.arange(begin, int(k[-1]) + 1)
    peaks = responses(np.interp(grid, k, mean_us), _noise_us(mean_us))
    inside = sum(1 for peak in peaks if grid[peak] > -_SKIN.nsr_s * BINS_PER_S)
    return inside * 60.0 / _SKIN.nsr_s


def responses(level_us: NDArray[np.float64], noise_us: float) -> list[int]:
    """Indices of the peaks of skin conductance responses in a series at 4 Hz.

    The series is smoothed over 1 s; a response is a rise over the series' own upward drift that
    lasts .5 to 5 s and reaches max(.03 uS, 5 noise sd). A rise at the end counts once it has.
    """
    if level_us.size < 2 * BINS_PER_S:
        return []
    threshold_us = max(_SKIN.scr_min_us, _SKIN.scr_noise * noise_us)
    running = np.concatenate(([0.0], np.cumsum(level_us - level_us[0])))
    smooth = (running[BINS_PER_S:] - running[:-BINS_PER_S]) / BINS_PER_S
    step = np.diff(smooth)
    step -= _drift_us(step)
    peaks: list[int] = []
    rise_us, length = 0.0, 0
    shortest, longest = _SKIN.rise_min_s * BINS_PER_S, _SKIN.rise_max_s * BINS_PER_S
    for i, change in enumerate([*step.tolist(), 0.0]):
        if change > 0:
            rise_us += change
            length += 1
            continue
        if rise_us >= threshold_us and shortest <= length <= longest:
            # Smoothing trails by half a second, which is two bins.
            peaks.append(i + BINS_PER_S // 2)
        rise_us, length = 0.0, 0
    return peaks


def _drift_us(step: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tonic part of each step: a line through the median steps of the two halves.

    Only a rising level is taken off: a falling one cannot feign a response, and taking it off
    would turn every recovery into a rise.
    """
    half = step.size // 2
    first, second = float(np.median(step[:half])), float(np.median(step[half:]))
    place = (np.arange(step.size, dtype=np.float64) - half / 2) / half
    drift: NDArray[np.float64] = np.maximum(first + (second - first) * place, 0.0)
    return drift


def _noise_us(values: NDArray[np.float64]) -> float:
    """Standard deviation of the fast noise, from second differences (slow change cancels)."""
    if values.size < BINS_PER_S:
        return 0.0
    return float(np.std(np.diff(values, 2))) / _SECOND_DIFFERENCE
