"""Breathing and coherence from intervals whose breathing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.hrv.beats import BeatWindow
from vagalwatch.hrv.breathing import breathing


def heart(
    rng: np.random.Generator,
    waves_hz: dict[float, float],
    *,
    noise_ms: float = 10.0,
    seconds: float = 90.0,
    rate_bpm: float = 70.0,
) -> BeatWindow:
    """Intervals with waves of so many ms at each frequency, all believed."""
    rr_ms, t_s = [], 0.0
    while t_s < seconds:
        rr = 60_000 / rate_bpm + rng.normal(0, noise_ms)
        rr += sum(ms * math.sin(2 * math.pi * hz * t_s) for hz, ms in waves_hz.items())
        rr_ms.append(rr)
        t_s += rr / 1000
    times = np.cumsum(rr_ms) / 1000
    every = np.ones(len(rr_ms), dtype=np.bool_)
    return BeatWindow(t_s=times - times[-1], rr_ms=np.array(rr_ms), valid=every, paired=every)


@settings(max_examples=40)
@given(st.floats(5.5, 24), st.integers(0, 2**32))
def test_breathing_that_the_heart_follows_is_told(per_min: float, seed: int) -> None:
    found = breathing(heart(np.random.default_rng(seed), {per_min / 60: 30.0})).breaths_per_min
    assert found == pytest.approx(per_min, abs=0.5)


def test_noise_is_hardly_ever_breathing() -> None:
    rng = np.random.default_rng(1)
    given_ = [breathing(heart(rng, {})).breaths_per_min for _ in range(200)]
    assert sum(found is not None for found in given_) <= 2


def test_beside_an_equal_wave_of_blood_pressure_it_is_mostly_left_open() -> None:
    rng = np.random.default_rng(2)
    found = [breathing(heart(rng, {0.25: 20.0, 0.1: 20.0})).breaths_per_min for _ in range(100)]
    assert sum(one is None for one in found) >= 80


def test_breaths_too_fast_for_the_beats_are_not_told() -> None:
    """At 45 bpm a breath at 24 a minute looks like a slower one; nobody may be told that one."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        found = breathing(heart(rng, {0.4: 30.0}, rate_bpm=45.0)).breaths_per_min
        assert found is None or found == pytest.approx(24, abs=0.5)


def test_coherence_rises_with_pacing_only() -> None:
    rng = np.random.default_rng(4)
    paced = [breathing(heart(rng, {0.1: 40.0})).coherence for _ in range(20)]
    noise = [breathing(heart(rng, {})).coherence for _ in range(20)]
    fast = [breathing(heart(rng, {0.33: 40.0})).coherence for _ in range(20)]
    assert all(one is not None and one > 2 for one in paced)
    assert all(one is not None and one < 1 for one in (*noise, *fast))


def test_coherence_is_its_definition() -> None:
    """HeartMath's ratio, from scipy's curve and a plain Fourier sum."""
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - the reference
    from scipy.signal import detrend, get_window  # noqa: PLC0415

    window = heart(np.random.default_rng(5), {0.1: 30.0, 0.3: 15.0}, seconds=80)
    inside = window.t_s > -64
    t_s, rr_ms = window.t_s[inside], window.rr_ms[inside]
    at = np.arange(math.ceil(t_s[0] * 4), math.floor(t_s[-1] * 4) + 1) / 4
    flat = detrend(CubicSpline(t_s, rr_ms)(at)) * get_window("hann", at.size)
    hz = np.arange(1, 205) / 512
    power = np.abs(np.exp(-2j * np.pi * np.outer(hz, np.arange(at.size) / 4)) @ flat) ** 2
    top = hz[np.argmax(np.where((hz >= 0.04) & (hz <= 0.24), power, 0))]
    peak = power[np.abs(hz - top) <= 0.015].sum()
    assert breathing(window).coherence == pytest.approx(peak / (power.sum() - peak), rel=1e-9)


def test_thin_evidence_gives_nothing() -> None:
    rng = np.random.default_rng(6)
    short = heart(rng, {0.1: 30.0}, seconds=40)
    assert breathing(short) == (None, None)
    whole = heart(rng, {0.1: 30.0})
    holed = BeatWindow(
        t_s=whole.t_s,
        rr_ms=whole.rr_ms,
        valid=(whole.t_s < -35) | (whole.t_s > -20),
        paired=whole.paired,
    )
    assert breathing(holed) == (None, None)
    still = BeatWindow(
        t_s=np.arange(-79.0, 1.0),
        rr_ms=np.full(80, 1000.0),
        valid=np.ones(80, dtype=np.bool_),
        paired=np.ones(80, dtype=np.bool_),
    )
    assert breathing(still) == (None, None)
