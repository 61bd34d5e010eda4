"""Responses against known truth, on seeds that no parameter was set on; and none without any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_eda import Score, neurokit2, neurokits, ours, overlapping, score
from vagalwatch.hrv.parameters import PARAMETERS

UNSEEN = range(10_000, 10_030)


@pytest.mark.parametrize("hz", [4.0, 32.0])
def test_overlapping_responses_are_found(hz: float) -> None:
    found = score(ours, [overlapping(seed, hz) for seed in UNSEEN])
    assert found.true > 900
    assert found.f1 >= 0.85
    assert found.precision >= 0.98


@pytest.mark.parametrize(("hz", "least"), [(3.0, 0.79), (8.0, 0.85), (15.0, 0.85), (16.0, 0.85)])
def test_so_they_are_at_any_rate(hz: float, least: float) -> None:
    assert score(ours, [overlapping(seed, hz) for seed in UNSEEN]).f1 >= least


def test_of_responses_that_start_anywhere_those_within_a_second_are_one() -> None:
    """What is missed is told: no more than the truth itself has within a second."""
    truths = [overlapping(seed, 4.0, apart_s=0.0) for seed in UNSEEN]
    found = score(ours, truths)
    assert found.f1 >= 0.75
    assert found.precision >= 0.98


@pytest.mark.parametrize("hz", [4.0, 32.0])
def test_neurokits_own_simulation_is_found_again(hz: float) -> None:
    """An independent truth: the responses of ``eda_simulate``, by the times it drew."""
    assert score(ours, [neurokits(seed, hz) for seed in UNSEEN]).f1 >= 0.85


def test_neurokit2_finds_fewer_of_the_overlapping_ones() -> None:
    """The same truth and tolerance: the score is not one that anything reaches."""
    truths = [overlapping(seed, 4.0) for seed in UNSEEN[:8]]
    assert score(neurokit2("highpass"), truths).f1 < score(ours, truths).f1 - 0.15


def test_a_score_counts_each_truth_once() -> None:
    truth = overlapping(10_001, 4.0)
    perfect, twice, none = Score(), Score(), Score()
    perfect.add(truth, truth.peaks_s.tolist())
    twice.add(truth, [*truth.peaks_s.tolist(), *truth.peaks_s.tolist()])
    none.add(truth, [])
    assert perfect.f1 == 1.0
    assert (twice.recall, twice.precision) == (1.0, 0.5)
    assert none.f1 == 0.0


@given(
    hz=st.floats(3.0, 32.0),
    level_us=st.floats(0.1, 40.0),
    noise_us=st.floats(0.0, 0.03),  # worn E4 sensors: .02 in their worst hundredth
    drift_us_per_s=st.floats(-0.05, 0.05),
    ripple_us=st.floats(0.0, 0.01),
    ripple_hz=st.floats(0.1, 0.4),
    step_us=st.sampled_from([0.0, 0.0013, 0.01]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_no_response_is_found_where_there_is_none(
    *,
    hz: float,
    level_us: float,
    noise_us: float,
    drift_us_per_s: float,
    ripple_us: float,
    ripple_hz: float,
    step_us: float,
    seed: int,
) -> None:
    """Flat, noisy, drifting, breathing, coarse, at any rate, and no gate to save the count."""
    t_s = np.arange(1, round(90 * hz) + 1) / hz
    values = level_us + drift_us_per_s * t_s + max(-drift_us_per_s, 0.0) * 90
    values += ripple_us * np.sin(2 * np.pi * ripple_hz * t_s)
    values += noise_us * np.random.default_rng(seed).standard_normal(t_s.size)
    if step_us:
        values = np.round(values / step_us) * step_us
    # The first ten seconds are the search's own beginning: a row counts what a minute holds.
    assert [t for t in ours(values, hz) if t > 10.0] == []


def test_the_threshold_is_absolute() -> None:
    """A response of a tenth of it is none, however quiet all else is; ten times it is one."""
    t_s = np.arange(1, 240) / 4
    for factor, count in ((0.1, 0), (0.5, 0), (2.0, 1), (10.0, 1)):
        age_s = np.maximum(t_s - 30, 0)
        shape = 2.11 * (np.exp(-age_s / 3.0) - np.exp(-age_s / 0.8))
        noise_us = 0.0005 * np.random.default_rng(1).standard_normal(t_s.size)
        found = ours(2 + factor * PARAMETERS.skin.scr_min_us * shape + noise_us, 4.0)
        assert len(found) == count
