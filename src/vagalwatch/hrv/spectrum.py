"""LF and HF power of RR intervals over 300 s; numpy only, exact against scipy.

Method (Task Force 1996): cubic spline through the valid intervals (not-a-knot, as scipy's
``CubicSpline``), sampled at 4 Hz on UTC quarter seconds, linear trend removed, one periodic Hann
window, one-sided density as ``scipy.signal.welch`` gives it for a single segment; the power of a
band is the sum of its bins times their width. For display only: speech and paced breathing
move respiration through both bands (Beda 2007, Bernardi 2000), so no state rests on it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

_FIGURES = PARAMETERS.figures
_MIN_KNOTS = 4


def lf_hf_ms2(beats: BeatWindow) -> tuple[float | None, float | None]:
    """LF (.04 to .15 Hz) and HF (.15 to .40 Hz) in ms²; ``None`` where the evidence is thin."""
    t_s, rr_ms = beats.t_s[beats.valid], beats.rr_ms[beats.valid]
    if t_s.size < _MIN_KNOTS or t_s[-1] - t_s[0] < _FIGURES.spectrum_span_s:
        return None, None
    covered_s = float(rr_ms.sum()) / 1000.0
    if covered_s < _FIGURES.spectrum_coverage * _FIGURES.spectrum_s:
        return None, None
    if float(np.max(np.diff(t_s))) > _FIGURES.spectrum_hole_s:
        return None, None
    hz = _FIGURES.resample_hz
    grid_s = np.arange(math.ceil(t_s[0] * hz), math.floor(t_s[-1] * hz) + 1) / hz
    frequency_hz, density = periodogram(spline(t_s, rr_ms, grid_s), hz)
    return (
        _band(frequency_hz, density, _FIGURES.lf_hz),
        _band(frequency_hz, density, _FIGURES.hf_hz),
    )


def periodogram(
    values: NDArray[np.float64], hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and one-sided power density of one linearly detrended, Hann-windowed segment."""
    size = values.size
    index = np.arange(size, dtype=np.float64)
    centred = index - (size - 1) / 2
    # Plain sums, no BLAS: the same digits on every machine.
    slope = float((centred * values).sum()) / float((centred * centred).sum())
    flat = values - float(values.mean()) - slope * centred
    hann = 0.5 - 0.5 * np.cos(2 * math.pi * index / size)
    energy = hz * float((hann * hann).sum())
    density: NDArray[np.float64] = np.abs(np.fft.rfft(flat * hann)) ** 2 / energy
    density[1 : size // 2 if size % 2 == 0 else None] *= 2
    frequency_hz: NDArray[np.float64] = np.arange(density.size, dtype=np.float64) * (hz / size)
    return frequency_hz, density


def spline(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Not-a-knot cubic spline through (x, y), at least four knots, evaluated at ``at``."""
    h = np.diff(x)
    rise = np.diff(y) / h
    slopes = np.array(_knot_slopes(h.tolist(), rise.tolist()))
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, h.size - 1)
    u = at - x[piece]
    width, chord, left = h[piece], rise[piece], slopes[piece]
    bend = (left + slopes[piece + 1] - 2 * chord) / width
    values: NDArray[np.float64] = y[piece] + u * (
        left + u * ((chord - left) / width - bend + u * bend / width)
    )
    return values


def _knot_slopes(h: list[float], rise: list[float]) -> list[float]:
    """First derivatives at the knots: one tridiagonal sweep down and one up.

    Rows 1 to n - 1 keep the second derivative continuous; the first and the last keep the third
    derivative continuous across the second and the last but one knot (not-a-knot).
    """
    ends = h[0] + h[1]
    up = ends / h[1]
    back = ((h[0] + 2 * ends) * h[1] * rise[0] + h[0] * h[0] * rise[1]) / (ends * h[1])
    upper, right = [up], [back]
    for left_h, h_i, left_rise, rise_i in zip(h, h[1:], rise, rise[1:], strict=False):
        pivot = 1.0 / (2 * (left_h + h_i) - h_i * up)
        back = (3 * (h_i * left_rise + left_h * rise_i) - h_i * back) * pivot
        up = left_h * pivot
        upper.append(up)
        right.append(back)
    ends = h[-1] + h[-2]
    last = (h[-1] * h[-1] * rise[-2] + (2 * ends + h[-1]) * h[-2] * rise[-1]) / ends
    slope = (last - ends * back) / (h[-2] - ends * up)
    slopes = [slope]
    for up, back in zip(reversed(upper), reversed(right), strict=True):
        slope = back - up * slope
        slopes.append(slope)
    slopes.reverse()
    return slopes


def _band(
    frequency_hz: NDArray[np.float64], density: NDArray[np.float64], band_hz: tuple[float, float]
) -> float:
    inside = (frequency_hz >= band_hz[0]) & (frequency_hz < band_hz[1])
    return float(density[inside].sum() * frequency_hz[1])
