"""LF and HF power of RR intervals; numpy only, exact against scipy.

Method (Task Force 1996): cubic spline through the valid intervals (not-a-knot, as scipy's
``CubicSpline``), sampled at 4 Hz on UTC quarter seconds, linear trend removed, one periodic Hann
window, one-sided density as ``scipy.signal.welch`` gives it for a single segment; the power of a
band is the sum of its bins times their width. For display only: speech and paced breathing
move respiration through both bands (Beda 2007, Bernardi 2000), so no state rests on it, and BLAS
may sum as it likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

    Floats = NDArray[np.float64]

_FIGURES = PARAMETERS.figures
MIN_KNOTS: Final = 4
SPAN_SHARE: Final = _FIGURES.spectrum_span_s / _FIGURES.spectrum_s
_BLOCK: Final = 80
"""Samples that one matrix product of the Fourier transform takes; 64 to 128 cost the same."""
_HALVINGS: Final = 3
_SWEEPS: Final = 3
_PAD: Final = 1 << _HALVINGS


def lf_hf_ms2(
    beats: BeatWindow, seconds: int = _FIGURES.spectrum_s
) -> tuple[float | None, float | None]:
    """LF (.04 to .15 Hz) and HF (.15 to .40 Hz) in ms²; ``None`` where the evidence is thin.

    Thin: the valid beats span under 90 % of ``seconds`` or cover under 80 %, or a hole between
    two of them is over 10 s. Whether ``seconds`` are enough for a band is the caller's question
    (:data:`vagalwatch.hrv.metrics.STANDARD_S`).
    """
    even = even_ms(beats, seconds)
    if even is None:
        return None, None
    plan = band_plan(even.size)
    folded = np.zeros(plan.late.shape[0] * _BLOCK)
    flat_ms = even - np.add.reduce(even) / even.size
    slope = np.add.reduce(plan.slope * flat_ms)
    flat_ms *= plan.hann
    folded[: even.size] = flat_ms - slope * plan.ramp
    blocks = (folded.reshape(-1, _BLOCK) @ plan.early).view(np.complex128)
    blocks *= plan.late
    bins = np.add.reduce(blocks).view(np.float64)
    bins *= bins
    return (
        float(np.add.reduce(bins[: 2 * plan.lf_bins])) * plan.ms2,
        float(np.add.reduce(bins[2 * plan.lf_bins :])) * plan.ms2,
    )


def even_ms(beats: BeatWindow, seconds: int) -> Floats | None:
    """The valid intervals of a window, resampled; ``None`` where a spectrum would be thin."""
    t_s, rr_ms = beats.t_s[beats.valid], beats.rr_ms[beats.valid]
    if t_s.size < MIN_KNOTS or t_s[-1] - t_s[0] < SPAN_SHARE * seconds:
        return None
    if np.add.reduce(rr_ms) < 1000 * _FIGURES.spectrum_coverage * seconds:
        return None
    if np.maximum.reduce(t_s[1:] - t_s[:-1]) > _FIGURES.spectrum_hole_s:
        return None
    return resample(t_s, rr_ms, _FIGURES.resample_hz)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPlan:
    """What the transform of one segment length needs, made once.

    Only bins of LF and HF (``lf_bins`` of them LF) are wanted, and the length is often a prime,
    for which an FFT is slow; so sample n = 80 p + q is turned by q (``early``, shape (80, bins),
    complex as pairs) and then by 80 p (``late``, shape (p, bins)). ``hann`` is the window,
    ``slope`` gives the trend a sample, ``ramp`` is the windowed trend of slope 1, and ``ms2`` the
    power in ms² of one bin's squared modulus.
    """

    hann: Floats
    slope: Floats
    ramp: Floats
    early: Floats
    late: NDArray[np.complex128]
    bins: NDArray[np.int64]
    lf_bins: int
    ms2: float


@lru_cache(maxsize=24)  # 200 KB each; in a steady stream there are some ten to fifteen lengths
def band_plan(size: int) -> BandPlan:
    """The plan of segments of ``size`` samples at 4 Hz."""
    hz = _FIGURES.resample_hz
    index = np.arange(size, dtype=np.float64)
    centred = index - (size - 1) / 2
    hann = 0.5 - 0.5 * np.cos(2 * math.pi * index / size)
    frequency_hz = np.arange(size // 2 + 1) * (hz / size)
    lf, hf = (
        np.flatnonzero((frequency_hz >= low) & (frequency_hz < high))
        for low, high in (_FIGURES.lf_hz, _FIGURES.hf_hz)
    )
    bins = np.concatenate((lf, hf))
    # The product of the two integers is reduced first: the angle keeps all its digits.
    starts = np.arange(-(-size // _BLOCK)) * _BLOCK
    turn = -2j * math.pi / size
    return BandPlan(
        hann=hann,
        slope=centred / float((centred * centred).sum()),
        ramp=centred * hann,
        early=np.exp(turn * (np.arange(_BLOCK)[:, None] * bins % size)).view(np.float64),
        late=np.exp(turn * (starts[:, None] * bins % size)),
        bins=bins,
        lf_bins=lf.size,
        # One-sided density (2 / (hz * energy)) times the width of a bin (hz / size).
        ms2=2.0 / (float((hann * hann).sum()) * size),
    )


def resample(t_s: Floats, y: Floats, hz: float) -> tuple[int, Floats]:
    """Not-a-knot cubic spline through at least four knots, at all multiples of 1/``hz`` in reach.

    Returns the number of the first multiple, and the values.
    """
    h = t_s[1:] - t_s[:-1]
    rise = y[1:] - y[:-1]
    rise /= h
    slopes = knot_slopes(h, rise)
    left = slopes[:-1]
    cubic = left + slopes[1:]
    cubic -= rise
    cubic -= rise
    cubic /= h
    square = rise - left
    square /= h
    square -= cubic
    cubic /= h
    starts = np.ceil(t_s * hz).astype(np.int64)
    first, last = int(starts[0]), math.floor(t_s[-1] * hz)
    starts[-1] = last + 1
    piece = np.repeat(np.arange(h.size), starts[1:] - starts[:-1])
    u = np.arange(first, last + 1) / hz
    u -= t_s.take(piece)
    values = cubic.take(piece)
    for coefficient in (square, left, y):
        values *= u
        values += coefficient.take(piece)
    return first, values


def knot_slopes(h: Floats, rise: Floats) -> Floats:
    """First derivatives at the n knots of a not-a-knot spline; ``h``, ``rise``: shape (n - 1,).

    The tridiagonal system x[i] = b[i] + a[i] x[i-1] + c[i] x[i+1] by parallel cyclic reduction:
    each halving puts the rows' neighbours in, which doubles their distance. Whatever the knots,
    a and c (which add up to -1/2 at first) are at least squared by each halving (1/256 after
    three; with even knots 1/20,000), and each sweep multiplies the rest by them: what is left is
    under 3e-10 of the largest slope for the worst knots there can be, and under the last digit
    for a heart's.
    """
    n = h.size + 1
    a, b, c = np.zeros((3, n + 2 * _PAD))
    inner = slice(_PAD + 1, _PAD + n - 1)
    pivot = h[:-1] + h[1:]
    pivot *= -2
    low = np.divide(h[1:], pivot, out=a[inner])
    high = np.divide(h[:-1], pivot, out=c[inner])
    right = low * rise[:-1]
    right += high * rise[1:]
    np.multiply(right, -3, out=b[inner])
    # The first and the last slope hang on their neighbour alone and are put in to begin with.
    first_add, first_by = _not_a_knot(h[:2].tolist(), rise[:2].tolist())
    last_add, last_by = _not_a_knot(h[:-3:-1].tolist(), rise[:-3:-1].tolist())
    i = _PAD + 1
    pivot_1 = 1 - a[i] * first_by
    b[i], c[i], a[i] = (b[i] + a[i] * first_add) / pivot_1, c[i] / pivot_1, 0.0
    i = _PAD + n - 2
    pivot_1 = 1 - c[i] * last_by
    b[i], a[i], c[i] = (b[i] + c[i] * last_add) / pivot_1, a[i] / pivot_1, 0.0
    here = slice(_PAD, _PAD + n)
    a0, b0, c0 = a[here], b[here], c[here]
    pivot, other = np.empty((2, n))
    multiply, add, divide = np.multiply, np.add, np.divide
    for halving in range(_HALVINGS):
        step = 1 << halving
        left, right_ = slice(_PAD - step, _PAD - step + n), slice(_PAD + step, _PAD + step + n)
        multiply(a0, c[left], pivot)
        multiply(c0, a[right_], other)
        add(pivot, other, pivot)
        np.subtract(1.0, pivot, pivot)
        b1 = multiply(a0, b[left])
        multiply(c0, b[right_], other)
        add(b1, other, b1)
        add(b1, b0, b1)
        a1, c1 = multiply(a0, a[left]), multiply(c0, c[right_])
        divide(a1, pivot, a0)
        divide(b1, pivot, b0)
        divide(c1, pivot, c0)
    left, right_ = slice(0, n), slice(2 * _PAD, 2 * _PAD + n)
    fixed = b0.copy()
    for _ in range(_SWEEPS):
        multiply(a0, b[left], pivot)
        multiply(c0, b[right_], other)
        add(pivot, other, pivot)
        add(pivot, fixed, b0)
    b0[0] = first_add + first_by * b0[1]
    b0[-1] = last_add + last_by * b0[-2]
    return b0


def _not_a_knot(h: list[float], rise: list[float]) -> tuple[float, float]:
    """The end's slope is the first figure plus the second times its neighbour's slope.

    So the third derivative goes on across the second knot.
    """
    both = h[0] + h[1]
    add = ((h[0] + 2 * both) * h[1] * rise[0] + h[0] * h[0] * rise[1]) / (both * h[1])
    return add, -both / h[1]
