"""Movement: stillness, moving about, posture on the trunk, and when the heart is its own again."""

from __future__ import annotations

import math
import random

import pytest

from helpers_hrv import NS, T0_NS, motions, still_hand
from vagalwatch.hrv import motion
from vagalwatch.hrv.codes import Gate

END_NS = T0_NS + 70 * NS


def walking(hz: float, until_s: float) -> list[tuple[float, float, float]]:
    return [
        (0.0, 0.0, 1000 + 300 * math.sin(2 * math.pi * 1.9 * i / hz))
        for i in range(round(until_s * hz))
    ]


def still(until_s: float, hz: float = 14.0) -> list[tuple[float, float, float]]:
    return still_hand(random.Random(0), hz, until_s)  # noqa: S311 - a story


def judged(
    xyz_mg: list[tuple[float, float, float]], hz: float = 14.0, *, trunk: bool = False
) -> motion.Moved:
    state = motion.MotionState()
    for chunk in motions(xyz_mg, hz):
        motion.take(state, chunk)
    return motion.judge(state, END_NS, trunk=trunk)


def test_a_still_hand() -> None:
    moved = judged(still(70))
    assert moved.motion_mg == pytest.approx(3.0, rel=0.1)  # |a| sees the noise along gravity
    assert (moved.still, moved.moving, moved.turned) == (True, False, None)


@pytest.mark.parametrize("hz", [14.0, 32.0])
def test_walking(hz: float) -> None:
    moved = judged(walking(hz, 70), hz)
    # A sine of 300 mg; a second holds 1.9 of its cycles, so its spread is not quite 300 / sqrt 2.
    assert moved.motion_mg == pytest.approx(300 / math.sqrt(2), rel=0.1)
    assert (moved.still, moved.moving) == (False, True)


def test_gestures_are_not_exercise() -> None:
    """Half of the seconds full of movement: people who talk."""
    talking = [
        step if (i // 14) % 2 else quiet
        for i, (step, quiet) in enumerate(zip(walking(14, 70), still(70), strict=True))
    ]
    moved = judged(talking)
    assert moved.motion_mg is not None
    assert moved.motion_mg > 80
    assert (moved.still, moved.moving) == (False, False)


def test_sitting_down_shows_only_on_the_trunk() -> None:
    lying = [(z, y, x) for x, y, z in still(40)]
    turned = [*still(30), *lying]
    assert judged(turned, trunk=True).turned is True
    assert judged(turned, trunk=False).turned is None
    assert judged(still(70), trunk=True).turned is False


def test_nothing_known_is_not_still() -> None:
    assert judged([]) == motion.Moved()
    assert judged(still(20)).still is None


def test_the_lock_opens_when_the_heart_is_back_or_after_eight_minutes() -> None:
    active = motion.Moved(motion_mg=250.0, moving=True, still=False)
    rest = motion.Moved(motion_mg=5.0, moving=False, still=True)
    state = motion.ExerciseState()

    def gates(rates: list[float], start_s: int) -> list[Gate | None]:
        return [
            motion.exercise_gate(state, rest, T0_NS + (start_s + 5 * i) * NS, rate, 70.0)
            for i, rate in enumerate(rates)
        ]

    assert motion.exercise_gate(state, active, T0_NS, 120.0, 70.0) is Gate.MOVING
    assert gates([100.0] * 5, 5) == [Gate.AFTER_EXERCISE] * 5
    assert gates([72.0] * 3, 30) == [Gate.AFTER_EXERCISE] * 3
    assert gates([90.0], 45) == [Gate.AFTER_EXERCISE]  # back for 15 s only: not yet
    assert gates([72.0] * 6, 50)[4:] == [None, None]
    motion.exercise_gate(state, active, T0_NS, 120.0, 70.0)
    assert gates([120.0], 480) == [Gate.AFTER_EXERCISE]
    assert gates([120.0], 485) == [None]  # not exercise any more, whatever it is


def test_without_a_baseline_only_moving_counts() -> None:
    state = motion.ExerciseState()
    active = motion.Moved(motion_mg=250.0, moving=True)
    assert motion.exercise_gate(state, active, T0_NS, 120.0, None) is Gate.MOVING
    assert motion.exercise_gate(state, motion.Moved(), T0_NS + 5 * NS, 120.0, None) is None
