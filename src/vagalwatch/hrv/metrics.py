"""Time-domain figures of one window, each by its direct definition.

Pure functions on arrays; no running sums, so a window's figure depends on its beats alone.
Definitions: Task Force 1996 (Circulation 93:1043) for SDNN, RMSSD and pNN50; Brennan 2001 (IEEE
TBME 48:1342) for SD1 and SD2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

_FIGURES = PARAMETERS.figures
MS_PER_MINUTE: Final = 60_000.0
NN50_MS: Final = 50.0
_ROUNDING_MS: Final = PARAMETERS.beats.coarsest_tick_ms / 2
"""Steps of this size may be a device's resolution, whatever their shape."""

STANDARD_S: Final = {
    "mean_hr_bpm": 10,  # Baek 2015 (Telemed J E Health 21:404), as SDNN
    "rmssd_ms": 60,  # Munoz 2015 (PLoS ONE 10:e0138921): r .99 against 4-5 min at 120 s
    "pnn50": 60,  # speaks of the same differences
    "sd1_ms": 60,  # is RMSSD / sqrt 2 but for the mean difference
    "sdnn_ms": 240,
    "sd2_ms": 240,  # is SDNN without the short-term part (Brennan 2001)
    "hf_ms2": 60,  # Task Force 1996: about ten periods of the lowest frequency ...
    "lf_ms2": 120,  # ... and LF at least two minutes
    "lf_hf": 120,
}
"""Seconds that a figure's window needs to be comparable with the 5 min of the standards.

From shorter windows a figure may be followed within a person, and is no measure of theirs.
"""


class Variability(NamedTuple):
    """Figures of one window; ``None`` where the evidence is too thin.

    ``mean_hr_bpm`` is 60000 over the mean of the valid intervals.
    """

    coverage: float
    irregular: bool = False
    mean_hr_bpm: float | None = None
    rmssd_ms: float | None = None
    sdnn_ms: float | None = None
    pnn50: float | None = None
    sd1_ms: float | None = None
    sd2_ms: float | None = None


def rate_bpm(rr_ms: NDArray[np.float64], at_least: int) -> float | None:
    """60000 over the median interval; ``None`` with fewer than ``at_least`` beats."""
    if rr_ms.size < max(at_least, 1):
        return None
    return MS_PER_MINUTE / _median(rr_ms)


def _median(values: NDArray[np.float64]) -> float:
    """As numpy's, in a tenth of the time for a few dozen values."""
    ordered = np.sort(values)
    middle = ordered.size // 2
    if ordered.size % 2:
        return float(ordered[middle])
    return float(ordered[middle - 1] + ordered[middle]) / 2


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value with half of the weight below it; with equal weights the median.

    Both of shape (n,), n at least 1, ``weights`` over 0.
    """
    if np.minimum.reduce(weights) == np.maximum.reduce(weights):
        return _median(values)  # no rounded sums
    order = values.argsort(kind="stable")
    below = weights[order].cumsum()
    middle = int(below.searchsorted(below[-1] / 2))
    value = float(values[order[middle]])
    if below[middle] == below[-1] / 2:
        return (value + float(values[order[middle + 1]])) / 2
    return value


def variability(beats: BeatWindow, seconds: int = _FIGURES.variability_s) -> Variability:
    """Coverage, and where it suffices RMSSD, SDNN (ddof 1), pNN50 (0 to 100), SD1, SD2.

    Coverage is the sum of the valid intervals over ``seconds``. Pairs are formed only by
    neighbours of one chain that are both valid. With under 70 % coverage, under 20 pairs, or in
    an irregular rhythm (:func:`is_irregular`) there is nothing but the coverage.
    """
    valid_ms = beats.rr_ms[beats.valid]
    total_ms = float(np.add.reduce(valid_ms))
    coverage = total_ms / (1000.0 * seconds)
    paired = beats.paired[1:]
    x, y = beats.rr_ms[:-1][paired], beats.rr_ms[1:][paired]
    pairs = x.size
    if pairs < _FIGURES.min_pairs:
        return Variability(coverage=coverage)
    step = y - x
    size = np.abs(step)
    squares = float(np.add.reduce(step * step))
    irregular = bool(
        is_irregular(
            beats=beats.valid.size,
            valid=valid_ms.size,
            pairs=pairs,
            over_malik=int(np.count_nonzero(size > PARAMETERS.beats.malik * x)),
            size_ms=float(np.add.reduce(size)),
            squares_ms2=squares,
        )
    )
    if irregular or coverage < _FIGURES.min_coverage:
        return Variability(coverage=coverage, irregular=irregular)
    mean_ms = total_ms / valid_ms.size
    return Variability(
        coverage=coverage,
        mean_hr_bpm=MS_PER_MINUTE / mean_ms,
        rmssd_ms=math.sqrt(squares / pairs),
        sdnn_ms=_sd(valid_ms - mean_ms),
        pnn50=100.0 * int(np.count_nonzero(size > NN50_MS)) / pairs,
        sd1_ms=_sd(step - float(np.add.reduce(step)) / pairs) / math.sqrt(2),
        sd2_ms=_sd((both := x + y) - float(np.add.reduce(both)) / pairs) / math.sqrt(2),
    )


def is_irregular(
    *,
    beats: NDArray[np.float64] | float,
    valid: NDArray[np.float64] | float,
    pairs: NDArray[np.float64] | float,
    over_malik: NDArray[np.float64] | float,
    size_ms: NDArray[np.float64] | float,
    squares_ms2: NDArray[np.float64] | float,
) -> NDArray[np.bool_] | bool:
    """Whether a window's steps from beat to beat tell of something else than regulation.

    Ectopics by the dozen, fibrillation, artefacts: many pairs that jump by over 20 % (Malik), many
    refused beats, or a few steps that make the whole figure. The flags alone cannot say it, as in
    such a rhythm their thresholds grow with the steps. Numbers of beats, of valid ones and of
    valid pairs; of the pairs' steps, how many are over 20 % of the interval before, and the sums
    of their sizes and squares; of one window, or arrays of many.
    """
    few_steps = (squares_ms2 * pairs > (_FIGURES.peaked * size_ms) ** 2) & (
        squares_ms2 > pairs * _ROUNDING_MS**2
    )
    return (
        (over_malik > _FIGURES.irregular_share * pairs)
        | (beats - valid > _FIGURES.refused_share * beats)
        | few_steps
    )


def _sd(centred: NDArray[np.float64]) -> float:
    """Of values less their mean, ddof 1."""
    return math.sqrt(float(np.add.reduce(centred * centred)) / (centred.size - 1))
