"""Law 5, agreement: each figure equals its direct definition, and neurokit2 where that is right."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import warnings

import neurokit2 as nk
import numpy as np
import pytest
import scipy.interpolate
import scipy.signal
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, hearts, rr_around
from vagalwatch.hrv import beats
from vagalwatch.hrv.metrics import rate_bpm, variability
from vagalwatch.hrv.spectrum import lf_hf_ms2, resample

SIG_RR = st.integers(850, 1000).map(lambda ticks: ticks * 1000 / 1024)


def taken(rr_ms: list[float]) -> tuple[beats.HeartState, int]:
    """A strap's state after these intervals, and the last beat's time."""
    state = beats.HeartState()
    for heart in hearts(rr_ms):
        beats.take(state, heart)
    return state, state.newest_ns


def whole(rr_ms: list[float], seconds: int = 600) -> beats.BeatWindow:
    """All beats believed: the definitions are held apart from the classification."""
    state, end_ns = taken(rr_ms)
    window = beats.window(state, end_ns, seconds)
    valid = np.ones_like(window.valid)
    paired = valid.copy()
    paired[:1] = False
    return beats.BeatWindow(t_s=window.t_s, rr_ms=window.rr_ms, valid=valid, paired=paired)


def about(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.lists(SIG_RR, min_size=60, max_size=90))
def test_time_domain_figures_are_their_definitions(rr_ms: list[float]) -> None:
    got = variability(whole(rr_ms))
    assert got.coverage == about(math.fsum(rr_ms) / 60_000)
    assume(got.coverage >= 0.7 and not got.irregular)
    steps = [b - a for a, b in itertools.pairwise(rr_ms)]
    sums = [b + a for a, b in itertools.pairwise(rr_ms)]
    assert got.rmssd_ms == about(math.sqrt(statistics.fmean(d * d for d in steps)))
    assert got.sdnn_ms == about(statistics.stdev(rr_ms))
    assert got.pnn50 == about(100 * sum(abs(d) > 50 for d in steps) / len(steps))
    assert got.sd1_ms == about(statistics.stdev(steps) / math.sqrt(2))
    assert got.sd2_ms == about(statistics.stdev(sums) / math.sqrt(2))
    assert rate_bpm(np.array(rr_ms), 5) == about(60_000 / statistics.median(rr_ms))


def test_neurokit_says_the_same_where_it_is_right() -> None:
    rng = random.Random(3)  # noqa: S311 - a series, not a secret
    # neurokit2 rounds peaks to samples; whole milliseconds keep that rounding out.
    rr_ms = [float(round(rr)) for rr in rr_around(rng, lambda _: 70.0, 58)]
    got = variability(whole(rr_ms))
    peaks = np.cumsum([0, *rr_ms]).astype(int)
    theirs = nk.hrv_time(peaks, sampling_rate=1000).iloc[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a minute is too short for its fractal figures
        poincare = nk.hrv_nonlinear(peaks, sampling_rate=1000).iloc[0]
    assert got.rmssd_ms == about(theirs["HRV_RMSSD"])
    assert got.sdnn_ms == about(theirs["HRV_SDNN"])
    assert got.sd1_ms == about(poincare["HRV_SD1"])
    assert got.sd2_ms == about(poincare["HRV_SD2"])
    # neurokit2 divides pNN50 by the beats, not by the pairs.
    assert got.pnn50 is not None
    assert got.pnn50 * (len(rr_ms) - 1) / len(rr_ms) == about(theirs["HRV_pNN50"])


def test_the_spectrum_is_scipys() -> None:
    rng = random.Random(4)  # noqa: S311 - a series, not a secret
    window = whole(rr_around(rng, lambda t_s: 66 + 5 * math.sin(0.6 * t_s), 299), 300)
    lf_ms2, hf_ms2 = lf_hf_ms2(window)
    t_s, rr_ms = window.t_s, window.rr_ms
    grid_s = np.arange(math.ceil(t_s[0] * 4), math.floor(t_s[-1] * 4) + 1) / 4
    even = scipy.interpolate.CubicSpline(t_s, rr_ms)(grid_s)
    hz, density = scipy.signal.welch(even, 4, "hann", nperseg=even.size, detrend="linear")
    width_hz = hz[1] - hz[0]
    assert lf_ms2 == about(float(density[(hz >= 0.04) & (hz < 0.15)].sum() * width_hz))
    assert hf_ms2 == about(float(density[(hz >= 0.15) & (hz < 0.40)].sum() * width_hz))


def test_known_power_comes_back() -> None:
    """A sine of amplitude 30 ms has 450 ms2 in its band (its power in the resampled series)."""
    rr_ms: list[float] = []
    t_s = 0.0
    while t_s < 299:
        slow = math.sin(2 * math.pi * 0.1 * t_s)
        fast = math.sin(2 * math.pi * 0.25 * t_s)
        rr_ms.append(900 + 30 * slow + 30 * fast)
        t_s += rr_ms[-1] / 1000
    lf_ms2, hf_ms2 = lf_hf_ms2(whole(rr_ms, 300))
    assert lf_ms2 == pytest.approx(450, rel=0.02)
    assert hf_ms2 == pytest.approx(450, rel=0.05)  # the spline loses some (as every cubic)


@settings(max_examples=30)
@given(
    st.lists(st.floats(0.3, 2.0) | st.floats(0.001, 10.0), min_size=3, max_size=40),
    st.lists(st.floats(-500, 500), min_size=41, max_size=41),
    st.floats(-300, 0),
)
def test_the_spline_is_not_a_knot(steps: list[float], values: list[float], start: float) -> None:
    x = np.cumsum([start, *steps])
    y = np.array(values[: x.size])
    assume(math.floor(x[-1] * 4) >= math.ceil(x[0] * 4))
    first, even = resample(x, y, 4.0)
    at = np.arange(math.ceil(x[0] * 4), math.floor(x[-1] * 4) + 1) / 4
    assert first == at[0] * 4
    theirs = scipy.interpolate.CubicSpline(x, y)(at)
    # Wildly uneven knots overshoot; the error is held against the size of the curve.
    scale = max(1.0, np.max(np.abs(np.diff(y) / np.diff(x))), np.max(np.abs(theirs)))
    assert np.max(np.abs(even - theirs)) <= 1e-9 * scale


def test_thin_evidence_gives_no_figure() -> None:
    rng = random.Random(5)  # noqa: S311 - a series, not a secret
    rr_ms = rr_around(rng, lambda _: 70.0, 58)
    full = whole(rr_ms)
    few = full.last(20)
    assert variability(full).rmssd_ms is not None
    assert variability(few).rmssd_ms is None
    assert variability(few).coverage == about(float(few.rr_ms.sum()) / 60_000)
    assert lf_hf_ms2(full) == (None, None)
    assert rate_bpm(few.rr_ms[:4], 5) is None


def test_a_window_reaches_from_after_its_start_to_its_end() -> None:
    state, _ = taken([1000.0] * 90)
    end_ns = T0_NS + 80 * NS
    window = beats.window(state, end_ns, 60)
    assert window.t_s[0] == -59.0  # (t - 60, t]: the beat at t - 60 s is outside
    assert window.t_s[-1] == 0.0  # and the one at t inside
