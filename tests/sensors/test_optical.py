"""The pulse in an optical signal: found, held through movement, and never made of noise."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.sensors.optical import MIN_RATE_HZ, NOISE_QUALITY, WINDOW_S, PulseTracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.sensors.optical import Rate

E4_HZ = 64.0


def pulse(bpm: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """A pulse wave with its notch, as skewed as the wrist's; ``bpm`` sample by sample."""
    phase = 2 * np.pi * np.cumsum(bpm) / 60 / rate_hz
    wave: NDArray[np.float64] = np.sin(phase) + 0.6 * np.sin(2 * phase + 0.8)
    return wave


def steady(bpm: float, seconds: float, rate_hz: float = E4_HZ) -> NDArray[np.float64]:
    return pulse(np.full(round(seconds * rate_hz), bpm), rate_hz)


def told(signal: NDArray[np.float64], rate_hz: float = E4_HZ) -> list[Rate]:
    return PulseTracker(rate_hz).push(signal.tolist())


@given(
    st.floats(44, 176),
    st.sampled_from([MIN_RATE_HZ, 25.0, 30.3, 50.0, 64.0, 130.0]),
    st.floats(1e-6, 1e6),
)
def test_a_clean_pulse_is_told_to_the_beat_at_any_sampling_rate_and_gain(
    bpm: float, rate_hz: float, gain: float
) -> None:
    rates = told(gain * steady(bpm, 30, rate_hz), rate_hz)
    assert [rate.t_s for rate in rates][:20] == [float(t) for t in range(WINDOW_S, 30)]
    assert all(abs(rate.bpm - bpm) <= 1.5 for rate in rates)
    # The second harmonic has a quarter of the power, and beyond 150 bpm lies outside of the band.
    assert all(rate.quality > 0.6 for rate in rates)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=40))
def test_chunks_change_nothing(sizes: list[int]) -> None:
    rng = np.random.default_rng(len(sizes))
    signal = (steady(71, 25) + rng.normal(0, 1, round(25 * E4_HZ))).tolist()
    tracker, rates, start = PulseTracker(E4_HZ), [], 0
    for size in [*sizes, len(signal)]:
        rates += tracker.push(signal[start : start + size])
        start += size
    assert rates == PulseTracker(E4_HZ).push(signal)


def test_what_comes_later_changes_nothing_that_was_told() -> None:
    signal = np.concatenate((steady(70, 40), steady(110, 20)))
    assert told(signal)[:31] == told(signal[: round(40 * E4_HZ)])


def test_a_rising_heart_is_followed_five_seconds_late() -> None:
    minute = np.linspace(60, 120, round(60 * E4_HZ))  # a beat a minute faster each second
    late = [60 + rate.t_s - rate.bpm for rate in told(pulse(minute, E4_HZ))]
    assert statistics.median(late) == pytest.approx(WINDOW_S / 2, abs=1)
    assert all(2 <= seconds <= 8 for seconds in late)


def test_bursts_of_movement_lower_the_quality_and_seldom_the_rate() -> None:
    rng = np.random.default_rng(3)
    signal = steady(78, 120)
    burst = np.zeros(signal.size)
    for start_s in range(20, 110, 15):  # six seconds of each fifteen, up to five times the pulse
        at = slice(round(start_s * E4_HZ), round((start_s + 6) * E4_HZ))
        burst[at] = 3 * np.convolve(rng.normal(0, 1, at.stop - at.start), np.ones(16) / 4, "same")
    rates = told(signal + burst)
    # A harmonic of a quarter of the power leaves .6; in the bursts there is less.
    assert min(rate.quality for rate in rates) < 0.4 < max(rate.quality for rate in rates)
    weights = np.array([rate.quality for rate in rates])
    off = np.abs(np.array([rate.bpm for rate in rates]) - 78) > 3
    assert weights[off].sum() < 0.15 * weights.sum()


def test_noise_is_no_pulse() -> None:
    rates = told(np.random.default_rng(7).normal(0, 1, round(600 * E4_HZ)))
    assert len(rates) < 0.35 * 590
    assert all(rate.quality >= NOISE_QUALITY for rate in rates)
    assert statistics.median(rate.quality for rate in rates) < 0.25


@pytest.mark.parametrize("value", [0.0, -3.5])
def test_a_flat_signal_has_no_rate(value: float) -> None:
    assert told(np.full(round(30 * E4_HZ), value)) == []


def test_a_drift_slower_than_any_heart_has_no_rate() -> None:
    assert told(np.cumsum(np.full(round(60 * E4_HZ), 0.01)) ** 2) == []


@pytest.mark.parametrize("rate_hz", [0.0, 11.9, float("inf"), float("nan")])
def test_a_rate_that_cannot_show_a_pulse_is_refused(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="samples a second"):
        PulseTracker(rate_hz)
