"""A script says what is true at every moment."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.sensors.simulated.script import Drive, Phase, Script, Stretch

CALM = Drive(hr_bpm=70)
FAST = Drive(hr_bpm=110, nsr_per_min=18)
SCRIPT = Script(
    Phase(0, CALM),
    Phase(100, FAST, over_s=60, label="flooding"),
    Phase(300, CALM, over_s=100, label="recovering"),
    Phase(500, CALM, over_s=10),
)


def test_set_points_hold_before_and_after_a_transition() -> None:
    assert SCRIPT.drive(-1) == SCRIPT.drive(0) == SCRIPT.drive(100) == CALM
    assert SCRIPT.drive(160) == SCRIPT.drive(299.9) == FAST
    assert SCRIPT.drive(1e9) == CALM


def test_half_way_every_set_point_is_in_the_middle_and_the_label_changes() -> None:
    middle = SCRIPT.drive(130)
    assert middle.hr_bpm == pytest.approx(90)
    assert middle.nsr_per_min == pytest.approx((3 + 18) / 2)
    assert SCRIPT.label(129.9) == "none"
    assert SCRIPT.label(130) == "flooding"


def test_the_truth_as_stretches() -> None:
    assert SCRIPT.truth() == [
        Stretch("none", 0, 130),
        Stretch("flooding", 130, 350),
        Stretch("recovering", 350, 505),
        Stretch("none", 505, math.inf),
    ]


def test_neighbours_of_one_label_are_one_stretch() -> None:
    script = Script(Phase(0, CALM), Phase(10, FAST), Phase(40, CALM))
    assert script.truth() == [Stretch("none", 0, math.inf)]


@given(st.floats(0, 700))
def test_the_stretches_say_what_the_label_says(t_s: float) -> None:
    (here,) = [s for s in SCRIPT.truth() if s.from_s <= t_s < s.to_s]
    assert here.label == SCRIPT.label(t_s)


@given(st.floats(0, 600), st.floats(0.01, 1))
def test_the_heart_never_jumps(t_s: float, step_s: float) -> None:
    # The steepest point of a smooth step is 1.5 times its mean slope: 40 bpm in 60 s.
    change = abs(SCRIPT.drive(t_s + step_s).hr_bpm - SCRIPT.drive(t_s).hr_bpm)
    assert change <= 1.5 * 40 / 60 * step_s + 1e-9


@pytest.mark.parametrize(
    "phases",
    [
        (),
        (Phase(1, CALM),),
        (Phase(0, CALM), Phase(10, FAST, over_s=30), Phase(39, CALM)),
        (Phase(0, CALM), Phase(50, FAST, over_s=1), Phase(40, CALM)),
    ],
    ids=["empty", "starts late", "cuts a transition", "goes back"],
)
def test_a_script_that_would_jump_is_refused(phases: tuple[Phase, ...]) -> None:
    with pytest.raises(ValueError, match=r"phase"):
        Script(*phases)


def test_transitions_that_touch_are_fine() -> None:
    script = Script(Phase(0, CALM), Phase(10, FAST, over_s=30), Phase(40, CALM, over_s=10))
    rates = [script.drive(t).hr_bpm for t in range(60)]
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) <= 6
