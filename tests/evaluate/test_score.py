"""Each figure against a hand-computed case, the field's own implementation, and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, mannwhitneyu
from sklearn.metrics import roc_auc_score

from vagalwatch.evaluate import score
from vagalwatch.evaluate.score import Alert, Event, Phase

NAN = float("nan")
levels = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30).map(np.array)


def rows(to_s: float) -> score.Values:
    return np.arange(5.0, to_s + 1, 5.0)


def test_auc_by_hand_with_a_tie_and_a_missing_value() -> None:
    # 1 beats -1 and ties with 1 and beats 0 (missing): 2.5 of 3; 0 (missing) beats -1, ties 0: 1.5
    assert score.auc(np.array([1.0, NAN]), np.array([-1.0, 1.0, NAN])) == pytest.approx(4 / 6)
    assert score.auc(np.array([]), np.array([1.0])) is None


@given(levels, levels)
def test_auc_is_that_of_scipy_and_scikit_learn(high: score.Values, low: score.Values) -> None:
    ours = score.auc(high, low)
    statistic = mannwhitneyu(high, low).statistic
    assert ours == pytest.approx(statistic / high.size / low.size)
    labels = [1] * high.size + [0] * low.size
    assert ours == pytest.approx(roc_auc_score(labels, np.concatenate([high, low])))


@given(levels, levels)
def test_auc_turns_with_its_sides_and_with_the_sign(high: score.Values, low: score.Values) -> None:
    ours = score.auc(high, low)
    assert ours is not None
    assert score.auc(low, high) == pytest.approx(1 - ours)
    assert score.auc(-high, -low) == pytest.approx(1 - ours)
    assert score.auc(np.tanh(high), np.tanh(low)) == pytest.approx(ours)  # any rising scale


PROTOCOL = [
    Phase("baseline", "rest", 0, 600),
    Phase("stroop", "task", 620, 900),
    Phase("relax1", "rest", 900, 1200),
    Phase("interview", "task", 1200, 1800),
    Phase("relax2", "rest", 1800, 2000),
    Phase("questions", "ignore", 2000, 2200),
    Phase("hyper", "task", 2200, 2320),
    Phase("end", "rest", 2320, 2600),
]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_clock_scores_a_half_of_loc_however_long_the_rests_are(sign: float) -> None:
    t_s = rows(2600)
    assert score.loc(t_s, sign * t_s, PROTOCOL) == 0.5
    assert score.rest_auc(t_s, -t_s, PROTOCOL, without=(0, 600)) > 0.6  # type: ignore[operator]


def test_loc_by_hand() -> None:
    t_s = rows(2600)
    value = np.zeros(t_s.shape)
    value[(t_s > 620) & (t_s <= 900)] = 1  # the Stroop over both rests: 1
    value[(t_s > 1200) & (t_s <= 1800)] = 1  # the interview, over relax1 only
    value[(t_s > 1800) & (t_s <= 2000)] = 2
    by_task = score.task_locs(t_s, value, PROTOCOL)
    # hyper (0) against relax2 (2) is 0 and against the end (0) a half
    assert by_task == {"stroop": 1.0, "interview": 0.5, "hyper": 0.25}
    assert score.loc(t_s, value, PROTOCOL) == pytest.approx(1.75 / 3)


def test_the_first_minute_of_a_phase_does_not_count() -> None:
    t_s = rows(2600)
    value = np.where((t_s > 620) & (t_s <= 900), 1.0, 0.0)
    late = np.where((t_s > 680) & (t_s <= 960), 1.0, 0.0)
    assert score.task_locs(t_s, value, PROTOCOL)["stroop"] == 1
    assert score.task_locs(t_s, late, PROTOCOL)["stroop"] == 1


def test_loc_needs_a_rest_on_both_sides_and_a_row_in_each() -> None:
    t_s = rows(300)
    task = [Phase("a", "rest", 0, 100), Phase("b", "task", 100, 200), Phase("c", "rest", 200, 300)]
    assert score.loc(t_s, t_s, task[:2]) is None
    assert score.loc(t_s, t_s, [*task[:2], Phase("c", "task", 200, 300)]) is None
    assert score.loc(t_s, t_s, [*task[:2], Phase("c", "rest", 200, 250)]) is None  # all settling
    assert score.loc(t_s, t_s, task) == 0.5


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_missing_is_the_same_as_zero_in_every_figure_of_arousal(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    t_s = rows(2600)
    arousal = np.where(rng.random(t_s.size) < missing, NAN, rng.integers(-3, 4, t_s.size))
    filled = np.nan_to_num(arousal)
    for figure in (
        score.loc,
        score.share_above_rest,
        lambda *a: score.rest_auc(*a, without=None),
    ):
        assert figure(t_s, arousal, PROTOCOL) == figure(t_s, filled, PROTOCOL)


def test_share_over_the_level_that_a_quarter_of_the_relax_rows_exceed() -> None:
    t_s = rows(700)
    phases = [Phase("relax1", "rest", 0, 360), Phase("interview", "task", 360, 700)]
    arousal = np.zeros(t_s.shape)
    relax = score.rows_in(t_s, phases[0])
    arousal[relax] = np.arange(relax.sum())  # 0 to 59: the level is 44.25
    assert relax.sum() == 60
    talk = score.rows_in(t_s, phases[1])
    arousal[talk] = np.where(np.arange(talk.sum()) < 14, 44.5, 44.0)
    assert score.share_above_rest(t_s, arousal, phases) == pytest.approx(14 / 56)
    assert score.share_above_rest(t_s, arousal, phases[:1]) is None


def test_auc_over_the_rests_leaves_the_baseline_out() -> None:
    t_s = rows(2600)
    arousal = np.where(t_s <= 600, 9.0, np.where((t_s > 620) & (t_s <= 900), 1.0, 0.0))
    tasks = [
        phase if phase.name != "interview" else phase._replace(load="ignore")
        for phase in PROTOCOL
        if phase.name != "hyper"
    ]
    assert score.rest_auc(t_s, arousal, tasks, without=(0, 600)) == 1
    assert score.rest_auc(t_s, arousal, tasks, without=None) < 1  # type: ignore[operator]


def test_alerts_find_events_of_their_kind_once_and_the_others_are_false() -> None:
    events = [
        Event("flooding", 100, 200, 120),
        Event("shutdown", 300, 400, 330),
        Event("flooding", 500, 600, 520),
    ]
    alerts = [
        Alert("flooding", 160),
        Alert("flooding", 190),
        Alert("flooding", 99),
        Alert("flooding", 310),
        Alert("shutdown", 310),
        Alert("shutdown", 460),
        Alert("shutdown", 461),
    ]
    found = score.match(events, alerts)
    assert list(found.latency_s) == [40, 0, None]  # before the crossing: 0
    assert [alert.t_s for alert in found.false] == [99, 310, 461]


@given(st.lists(st.integers(0, 700), max_size=12))
def test_every_alert_is_false_or_within_an_event(times: list[int]) -> None:
    events = [Event("flooding", 100, 200, 120), Event("flooding", 400, 500, 400)]
    found = score.match(events, [Alert("flooding", t) for t in times])
    inside = [t for t in times if 100 <= t <= 260 or 400 <= t <= 560]
    assert len(found.false) == len(times) - len(inside)
    assert sum(one is not None for one in found.latency_s) <= len(inside)


def test_alerts_in_stretches() -> None:
    alerts = [Alert("flooding", t) for t in (600, 601, 900, 1000)]
    assert score.alerts_in(alerts, PROTOCOL[2:3]) == alerts[3:]
    assert score.alerts_in(alerts, PROTOCOL[:2]) == [alerts[0], alerts[2]]


def test_bootstrap_draws_people_is_reproducible_and_covers_the_mean() -> None:
    people = np.random.default_rng(1).normal(2.0, 1.0, 200).tolist()
    first = score.mean_of(people)
    assert first == score.mean_of(people)
    assert first != score.mean_of(people, seed=1)
    assert first.value == pytest.approx(np.mean(people))
    assert first.people == 200
    # The standard error of a mean: 1.96 / sqrt(200) to either side, give or take the draw's own.
    assert width(first) == pytest.approx(2 * 1.96 * np.std(people) / math.sqrt(200), rel=0.1)


def test_the_interval_is_that_of_scipy() -> None:
    people = np.random.default_rng(2).exponential(1.0, 40)
    theirs = bootstrap((people,), np.mean, n_resamples=5000, method="percentile", rng=0)
    span = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert width(score.mean_of(people.tolist())) == pytest.approx(span, rel=0.08)


def width(interval: score.Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_one_person_or_nothing_has_no_interval() -> None:
    assert score.mean_of([3.0]) == (3.0, None, None, 1)
    assert score.mean_of([None, 3.0]) == (3.0, None, None, 1)
    assert score.mean_of([]) == (None, None, None, 0)
    assert score.ratio_of([(0.0, 0.0)]) == (None, None, None, 0)
    assert score.quantiles_of([[], []], [0.5]) == [(None, None, None, 0)]


def test_sums_over_people() -> None:
    assert score.mean([1.0, None, 2.0]) == 1.5
    assert score.ratio_of([(1, 0.5), (2, 1.5), (0, 0)])[::3] == (1.5, 2)
    assert score.ratio_of([(2, 4), (1, 2)]) == (0.5, 0.5, 0.5, 2)
    low, middle = score.quantiles_of([[1.0, 2.0], [], [9.0]], [0.0, 0.5])
    assert (low.value, middle.value, middle.people) == (1.0, 2.0, 2)
    assert (middle.low, middle.high) == (1.5, 9.0)  # of one of the two alone
