"""How far a rate can be trusted reaches the estimate: medians by weight, over all sources."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, hearts, in_order, ticks
from vagalwatch.hrv import quality
from vagalwatch.hrv.beats import HeartState, take
from vagalwatch.hrv.metrics import weighted_median
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import Estimate, Heart

weighted = st.lists(st.tuples(st.floats(30, 220), st.integers(1, 9)), min_size=1, max_size=40)


@given(weighted, st.floats(1e-3, 1e3))
def test_a_weight_is_so_many_copies_and_its_unit_does_not_matter(
    pairs: list[tuple[float, int]], unit: float
) -> None:
    values = np.array([value for value, _ in pairs])
    weights = np.array([float(weight) for _, weight in pairs])
    copies = [value for value, weight in pairs for _ in range(weight)]
    assert weighted_median(values, weights) == statistics.median(copies)
    halved = weighted_median(values, weights * unit)
    assert min(copies) <= halved <= max(copies)


def rates(values: list[tuple[float, float | None]], source: str = "wrist") -> list[Heart]:
    return [
        Heart(
            wearer=WEARER,
            source=source,
            t_ns=T0_NS + second * NS,
            recv_ns=T0_NS + second * NS,
            hr_bpm=bpm,
            hr_quality=trust,
        )
        for second, (bpm, trust) in enumerate(values, start=1)
    ]


def judged(records: list[Heart], at_s: int) -> quality.Pulse:
    state = HeartState()
    for record in records:
        take(state, record)
    return quality.judge_heart(state, quality.LinkState(), T0_NS + at_s * NS)


def test_what_is_trusted_little_does_not_rule_the_rate() -> None:
    rng = random.Random(1)  # noqa: S311 - a test's own chance
    said: list[tuple[float, float | None]]
    said = [(70.0 + rng.random(), 0.8) if second % 3 else (150.0, 0.2) for second in range(60)]
    said[30:50] = [(150.0, 0.2)] * 20  # most of the half minute is movement
    pulse = judged(rates(said), 60)
    assert pulse.hr_bpm is not None
    assert 70 <= pulse.hr_bpm <= 71
    plain = judged(rates([(bpm, None) for bpm, _ in said]), 60)
    assert plain.hr_bpm == 150.0


@pytest.mark.parametrize("trust", [0.0, -1.0])
def test_a_rate_without_any_trust_was_not_said(trust: float) -> None:
    assert judged(rates([(80.0, trust)] * 60), 60).gate is not None


def test_more_than_all_trust_is_all_of_it() -> None:
    assert judged(rates([(80.0 + s % 2, 7.0) for s in range(60)]), 60).trust.max() == 1.0


def test_a_guess_has_no_short_rate_to_fall() -> None:
    """An E4's own rate beside a tracked pulse: a fast fall of it is no faint."""
    for trust, told in ((0.15, False), (0.16, True), (None, True)):
        pulse = judged(rates([(80.0 + s % 2, trust) for s in range(60)]), 60)
        assert pulse.hr_bpm is not None
        assert (pulse.short_bpm is not None) == told


def test_all_that_is_fit_speaks_of_the_minute_and_what_is_not_is_silent() -> None:
    strap = judged(hearts([800.0 + s % 3 for s in range(80)], with_rate=False), 60)  # 75 a minute
    doubted = judged(rates([(120.0 + s % 2, 0.3) for s in range(60)]), 60)
    frozen = judged(rates([(55.0, 1.0)] * 240), 240)
    assert frozen.gate is not None
    assert quality.steady_bpm([strap, doubted, frozen]) == pytest.approx(75, abs=0.5)
    assert quality.steady_bpm([doubted]) == pytest.approx(120.5, abs=0.5)
    assert quality.steady_bpm([frozen]) is None
    assert quality.steady_bpm([]) is None


def test_a_better_pulse_beside_it_moves_arousal_and_leaves_the_rate() -> None:
    """As on an E4: its own rate doubted, the one tracked in its optical signal trusted."""
    rng = random.Random(4)  # noqa: S311 - a test's own chance
    seconds = 600
    own = rates([(70 + rng.gauss(0, 1), 0.15) for _ in range(seconds)], "e4")
    tracked = rates([(70 + rng.gauss(0, 1), 0.7) for _ in range(seconds)], "e4-bvp")
    faster = [r if i < 400 else replace(r, hr_bpm=90.0 + i % 3) for i, r in enumerate(tracked)]

    def last(*sources: list[Heart]) -> Estimate:
        pipeline = Pipeline(WEARER, PipelineState())
        said = [
            one
            for record in in_order(*sources, ticks(T0_NS, T0_NS + (seconds + 5) * NS))
            for one in pipeline.push(record)
        ]
        return [one for one in said if isinstance(one, Estimate)][-1]

    calm, moved = last(own, tracked), last(own, faster)
    assert calm.metrics.hr_bpm == moved.metrics.hr_bpm == pytest.approx(70, abs=1)
    assert calm.arousal is not None
    assert moved.arousal is not None
    assert abs(calm.arousal) < 1
    assert moved.arousal > 4
