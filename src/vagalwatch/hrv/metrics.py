"""Time-domain figures of one window, each by its direct definition.

Pure functions on arrays; no running sums, so a window's figure depends on its beats alone.
Definitions: Task Force 1996 (Circulation 93:1043) for SDNN, RMSSD and pNN50; Brennan 2001 (IEEE
TBME 48:1342) for SD1 and SD2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

_FIGURES = PARAMETERS.figures
_MS_PER_MINUTE = 60_000.0
_NN50_MS = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability:
    """Figures of one 60 s window; ``None`` where the evidence is too thin."""

    coverage: float
    irregular: bool = False
    rmssd_ms: float | None = None
    sdnn_ms: float | None = None
    pnn50: float | None = None
    sd1_ms: float | None = None
    sd2_ms: float | None = None


def rate_bpm(rr_ms: NDArray[np.float64], at_least: int) -> float | None:
    """60000 over the median interval; ``None`` with fewer than ``at_least`` beats."""
    if rr_ms.size < max(at_least, 1):
        return None
    return _MS_PER_MINUTE / float(np.median(rr_ms))


def variability(beats: BeatWindow, seconds: int = _FIGURES.variability_s) -> Variability:
    """Coverage, and where it suffices RMSSD, SDNN (ddof 1), pNN50 (0 to 100), SD1, SD2.

    Coverage is the sum of the valid intervals over ``seconds``. Pairs are formed only by
    neighbours of one chain that are both valid.
    """
    valid_ms = beats.rr_ms[beats.valid]
    coverage = float(valid_ms.sum()) / (1000.0 * seconds)
    second = np.flatnonzero(beats.paired)
    if coverage < _FIGURES.min_coverage or second.size < _FIGURES.min_pairs:
        return Variability(coverage=coverage, irregular=_irregular(beats))
    if _irregular(beats):
        return Variability(coverage=coverage, irregular=True)
    x, y = beats.rr_ms[second - 1], beats.rr_ms[second]
    step = y - x
    return Variability(
        coverage=coverage,
        rmssd_ms=math.sqrt(float(np.mean(step * step))),
        sdnn_ms=float(np.std(valid_ms, ddof=1)),
        pnn50=100.0 * float(np.count_nonzero(np.abs(step) > _NN50_MS)) / second.size,
        sd1_ms=float(np.std(step, ddof=1)) / math.sqrt(2),
        sd2_ms=float(np.std(x + y, ddof=1)) / math.sqrt(2),
    )


def _irregular(beats: BeatWindow) -> bool:
    """Many neighbours jump by over 20 % (Malik): ectopics or fibrillation, not regulation.

    In such a rhythm the quartile deviation grows with the jumps and flags little, so the flags
    alone cannot say it.
    """
    second = np.flatnonzero(beats.paired)
    if second.size < _FIGURES.min_pairs:
        return False
    x, y = beats.rr_ms[second - 1], beats.rr_ms[second]
    jumps = np.count_nonzero(np.abs(y - x) > PARAMETERS.beats.malik * x)
    return bool(jumps > _FIGURES.irregular_share * second.size)
