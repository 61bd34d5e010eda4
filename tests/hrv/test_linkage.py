"""Linkage: found where two hearts are linked, and as seldom as it says where they are not."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_dyad import two_hearts
from helpers_real import shared_data
from vagalwatch import analysis
from vagalwatch.hrv import linkage as linked
from vagalwatch.hrv.linkage import linkage
from vagalwatch.journal.recording import open_recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

ROWS = 420  # 35 minutes


def wandering(seed: int, rows: int = ROWS) -> Values:
    """A heart rate that drifts and swings, smooth over 30 s as rows are."""
    rng = np.random.default_rng([seed, 5])
    steps = np.convolve(rng.normal(0, 1, rows + 200), np.ones(6) / 6, "valid")[:rows]
    swing = np.zeros(rows)
    for i in range(1, rows):
        swing[i] = 0.97 * swing[i - 1] + steps[i]
    return 75 + swing


def with_holes(values: Values, holes: list[tuple[int, int]]) -> Values:
    values = values.copy()
    for start, length in holes:
        values[start : start + length] = np.nan
    return values


HOLES = st.lists(st.tuples(st.integers(0, ROWS), st.integers(1, 30)), max_size=4)


def both(seed: int, holes: list[tuple[int, int]], shared: float) -> tuple[Values, Values]:
    one = wandering(seed)
    other = np.sqrt(shared) * np.roll(one, 1) + np.sqrt(1 - shared) * wandering(seed + 1_000_000)
    return with_holes(one, holes[::2]), with_holes(other, holes[1::2])


def test_the_definition_computed_row_by_row() -> None:
    one, other = both(3, [(50, 4), (200, 9)], 0.4)
    told = linkage(one, other)
    assert told is not None

    def mean_r(lag: int) -> float:
        found = []
        for start in range(ROWS - 11):
            if not 0 <= start + lag <= ROWS - 12:
                continue
            x, y = one[start : start + 12], other[start + lag : start + lag + 12]
            if np.isfinite(x).all() and np.isfinite(y).all():
                found.append(float(np.corrcoef(x, y)[0, 1]))
        return float(np.mean(found))

    means = {lag: mean_r(lag) for lag in range(-2, 3)}
    best = max(means, key=lambda lag: abs(means[lag]))
    assert told.lag_s == best * 5
    assert told.r == pytest.approx(means[best], abs=1e-9)


def test_of_two_who_have_nothing_to_do_with_each_other_one_in_twenty_seems_linked() -> None:
    p = np.array([linkage(wandering(s), wandering(s + 9_000)).p for s in range(600)])  # type: ignore[union-attr] # enough of both
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        assert np.mean(p <= level) == pytest.approx(
            level, abs=4 * np.sqrt(level * (1 - level) / 600)
        )


def test_two_simulated_people_are_found_by_what_they_share() -> None:
    """Figures of docs/report.md, on fewer people."""
    found = {
        shared: [linkage(*two_hearts(seed, 50, shared)).p < 0.05 for seed in range(12)]  # type: ignore[union-attr] # enough of both
        for shared in (0.0, 0.5, 0.75)
    }
    assert sum(found[0.0]) <= 3
    assert sum(found[0.5]) >= 10
    assert sum(found[0.75]) == 12


@pytest.mark.slow
def test_real_people_who_never_met_are_rarely_linked() -> None:
    """Each alone at the same tasks in the same order, which is a plan that they share."""
    folder = shared_data("stress_predict")
    series = []
    for name in ("S03", "S05", "S13", "S20", "S28", "S35"):
        rows = analysis.run(open_recording(folder / name)).rows
        known = [row["hr_bpm"] for row in rows]
        series.append(np.array([np.nan if bpm is None else bpm for bpm in known], dtype=float))
    told = []
    for one, other in itertools.combinations(series, 2):
        size = min(one.size, other.size)
        told.append(linkage(one[:size], other[:size]))
    assert all(each is not None for each in told)
    assert sum(each.p < 0.05 for each in told if each is not None) <= 3


def test_who_follows_has_the_lag() -> None:
    one = wandering(7)
    told = linkage(one, np.roll(one, 2))
    assert told is not None
    assert (told.lag_s, told.windows) == (10, ROWS - 11 - 2)
    assert told.r > 0.95
    assert told.p == 1 / (1 + told.shifts)


def test_one_that_rises_while_the_other_falls_is_linked_below_zero() -> None:
    one = wandering(7)
    told = linkage(one, 150 - one)
    assert told is not None
    assert told.lag_s == 0
    assert told.r == pytest.approx(-1)


@given(st.integers(0, 10_000), HOLES, st.sampled_from([0.0, 0.3, 0.8]))
def test_swapped_only_the_lag_turns_round(
    seed: int, holes: list[tuple[int, int]], shared: float
) -> None:
    one, other = both(seed, holes, shared)
    told, swapped = linkage(one, other), linkage(other, one)
    assert (told is None) == (swapped is None)
    if told is not None and swapped is not None:
        assert swapped.lag_s == -told.lag_s
        assert swapped.r == pytest.approx(told.r, abs=1e-9)
        assert (swapped.p, swapped.windows, swapped.shifts) == (told.p, told.windows, told.shifts)


@given(st.integers(0, 10_000), HOLES, st.integers(0, 40), st.integers(0, 40))
def test_what_nobody_knows_before_and_after_changes_nothing(
    seed: int, holes: list[tuple[int, int]], before: int, after: int
) -> None:
    one, other = both(seed, holes, 0.3)
    padded = [np.pad(v, (before, after), constant_values=np.nan) for v in (one, other)]
    assert linkage(*padded) == linkage(one, other)


@given(st.integers(0, 10_000), st.floats(0.5, 2.0), st.floats(-20, 20))
def test_how_fast_each_heart_is_changes_nothing(seed: int, scale: float, over_bpm: float) -> None:
    one, other = both(seed, [], 0.4)
    told, scaled = linkage(one, other), linkage(one, scale * other + over_bpm)
    assert told is not None
    assert scaled is not None
    assert (scaled.lag_s, scaled.p) == (told.lag_s, told.p)
    assert scaled.r == pytest.approx(told.r, abs=1e-9)


@given(st.integers(0, 1000), st.integers(0, ROWS - 1))
def test_a_gap_is_left_out_and_never_bridged(seed: int, at: int) -> None:
    """Every window that reaches into it is missing, and no other."""
    one, other = both(seed, [], 0.4)
    told = linkage(with_holes(one, [(at, 5)]), other)
    assert told is not None
    starts = np.arange(ROWS - 11)
    if not 0 < at < ROWS - 5:
        return  # at the edge the session is shorter, which is the same thing
    lag = told.lag_s // 5
    touched = (starts > at - 12) & (starts < at + 5)
    inside = (starts + lag >= 0) & (starts + lag <= ROWS - 12)
    assert told.windows == np.count_nonzero(~touched & inside)


def test_too_little_says_nothing() -> None:
    one, other = wandering(1), wandering(2)
    assert linkage(one[:0], other[:0]) is None
    assert linkage(one[:240], other[:240]) is None  # 20 minutes: too few shifts
    assert linkage(one[:260], other[:260]) is not None
    assert linkage(np.full(ROWS, np.nan), other) is None
    assert linkage(np.full(ROWS, 70.0), other) is None  # a rate that does not vary
    every_minute = with_holes(one, [(i, 1) for i in range(0, ROWS, 11)])
    assert linkage(every_minute, other) is None  # not one whole window
    with pytest.raises(ValueError, match="same length"):
        linkage(one, other[1:])


def test_the_least_shift_is_beyond_all_that_a_meeting_has_seen() -> None:
    rate_s = 30
    reach_s = linked.WINDOW_ROWS * 5 + 2 * linked.LAG_ROWS * 5 + rate_s
    assert reach_s <= linked.APART_ROWS * 5
