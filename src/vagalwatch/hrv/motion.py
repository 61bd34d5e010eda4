"""Movement of one source: a figure a second on arrival, and what a row makes of it.

The figure is the standard deviation of |a| within one second ((k - 1) s, k s] of UTC, from exact
integer sums of micro-g, so chunks and their order cannot change it. It needs no calibration of
the sensor's zero and does not see gravity.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from vagalwatch.records import Motion

_MOVEMENT = PARAMETERS.movement
_KEEP_S: Final = _MOVEMENT.still_s + _MOVEMENT.moving_s
_MICRO: Final = 1000
"""Micro-g in a milli-g."""
_LIMIT_MG: Final = 64_000.0
_MIN_SAMPLES: Final = 5
"""A spread of fewer samples a second is chance."""
_POSTURE_S: Final = 10


@dataclass(slots=True, kw_only=True)
class MotionState:
    """Seconds of one source, ordered: number, samples, sums of |a|, |a|², x, y, z in micro-g."""

    second: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    squares: list[int] = field(default_factory=list)
    x: list[int] = field(default_factory=list)
    y: list[int] = field(default_factory=list)
    z: list[int] = field(default_factory=list)
    last_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a row knows of movement; ``None``: not known.

    ``motion_mg`` is the mean over 30 s, ``moving`` that most of these seconds were movement
    (gestures come in bursts, walking goes on), ``still`` a minute without movement, ``turned``
    that on the trunk gravity turned within the last minute.
    """

    motion_mg: float | None = None
    moving: bool | None = None
    still: bool | None = None
    turned: bool | None = None


@dataclass(slots=True, kw_only=True)
class ExerciseState:
    """When the person last moved about, and how long the heart has been back since."""

    moving_ns: int | None = None
    back_s: int = 0


def exercise_gate(
    state: ExerciseState, moved: Moved, t_ns: int, hr_bpm: float | None, usual_bpm: float | None
) -> Gate | None:
    """Whether the heart serves the muscles: while moving, and until it has come back.

    Without a baseline nobody can say when it is back; then only moving itself counts, and the
    calibration waits for the heart to be level.
    """
    if moved.moving:
        state.moving_ns = t_ns
        state.back_s = 0
        return Gate.MOVING
    if moved.turned:
        return Gate.POSTURE
    if state.moving_ns is None or usual_bpm is None:
        return None
    if t_ns - state.moving_ns > _MOVEMENT.lock_s * NS or state.back_s >= _MOVEMENT.lock_clear_s:
        return None
    margin_bpm = max(_MOVEMENT.lock_bpm, _MOVEMENT.lock_share * usual_bpm)
    back = hr_bpm is not None and hr_bpm < usual_bpm + margin_bpm
    state.back_s = state.back_s + PARAMETERS.rows.step_s if back else 0
    return Gate.AFTER_EXERCISE


def take(state: MotionState, motion: Motion) -> None:
    """Sum a chunk into its seconds."""
    latest_ns = motion.recv_ns + PARAMETERS.rows.future_s * NS
    samples = zip(
        motion.sample_t_ns, motion.acc_x_mg, motion.acc_y_mg, motion.acc_z_mg, strict=False
    )
    count, total, squares = state.count, state.total, state.squares
    x, y, z = state.x, state.y, state.z
    place = start_ns = end_ns = -1
    last_ns = state.last_ns
    for t_ns, x_mg, y_mg, z_mg in samples:
        # One comparison refuses what is too large, infinite or not a number.
        if t_ns > latest_ns or not abs(x_mg) + abs(y_mg) + abs(z_mg) < _LIMIT_MG:
            continue
        size = round(math.sqrt(x_mg * x_mg + y_mg * y_mg + z_mg * z_mg) * _MICRO)
        if not start_ns < t_ns <= end_ns:
            second = -(-t_ns // NS)
            place, start_ns, end_ns = _place(state, second), (second - 1) * NS, second * NS
        count[place] += 1
        total[place] += size
        squares[place] += size * size
        x[place] += round(x_mg * _MICRO)
        y[place] += round(y_mg * _MICRO)
        z[place] += round(z_mg * _MICRO)
        last_ns = max(last_ns, t_ns)
    state.last_ns = last_ns


def trim(state: MotionState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs."""
    drop = bisect_right(state.second, t_ns // NS - _KEEP_S)
    if drop:
        for column in _columns(state):
            del column[:drop]


def judge(state: MotionState, t_ns: int, *, trunk: bool) -> Moved:
    """Movement up to ``t_ns``, a whole second; ``trunk`` says that the sensor shows posture."""
    last = t_ns // NS
    end = bisect_right(state.second, last)
    minute = bisect_right(state.second, last - _MOVEMENT.still_s)
    half = bisect_right(state.second, last - _MOVEMENT.moving_s)
    recent = _spreads_mg(state, half, end)
    spreads = _spreads_mg(state, minute, half) + recent
    # Without any spread it is the sensor that stands still: 13 worn E4 sensors, coarse as they
    # are (1/64 g), showed the same value for 11 s at most in 12 h.
    if len(recent) < _MOVEMENT.share * _MOVEMENT.moving_s or not any(recent):
        return Moved()
    still = None
    if len(spreads) >= _MOVEMENT.share * _MOVEMENT.still_s:
        still = math.fsum(spreads) / len(spreads) < _MOVEMENT.still_mg
    return Moved(
        motion_mg=math.fsum(recent) / len(recent),
        moving=sum(spread >= _MOVEMENT.moving_mg for spread in recent)
        >= _MOVEMENT.moving_share * len(recent),
        still=still,
        turned=_turned(state, minute, end) if trunk else None,
    )


def shaken(state: MotionState, second: int) -> bool:
    """Whether the hand moved in the second of UTC that ends at ``second`` s."""
    place = bisect_left(state.second, second)
    return (
        place < len(state.second)
        and state.second[place] == second
        and any(mg >= _MOVEMENT.moving_mg for mg in _spreads_mg(state, place, place + 1))
    )


def _place(state: MotionState, second: int) -> int:
    place = bisect_left(state.second, second)
    if place == len(state.second) or state.second[place] != second:
        for column in _columns(state):
            column.insert(place, 0)
        state.second[place] = second
    return place


def _columns(state: MotionState) -> tuple[list[int], ...]:
    return (
        state.second,
        state.count,
        state.total,
        state.squares,
        state.x,
        state.y,
        state.z,
    )


def _spreads_mg(state: MotionState, start: int, end: int) -> list[float]:
    """Of the seconds at these places that have enough samples."""
    columns = (state.count[start:end], state.total[start:end], state.squares[start:end])
    return [
        math.sqrt(count * squares - total * total) / count / _MICRO
        for count, total, squares in zip(*columns, strict=True)
        if count >= _MIN_SAMPLES
    ]


def _turned(state: MotionState, start: int, end: int) -> bool | None:
    """Gravity of the last 10 s against every 10 s before it in the minute."""
    groups: dict[int, list[int]] = {}
    for i in range(start, end):
        ago = (state.second[end - 1] - state.second[i]) // _POSTURE_S
        group = groups.setdefault(ago, [0, 0, 0])
        group[0] += state.x[i]
        group[1] += state.y[i]
        group[2] += state.z[i]
    if len(groups) <= 1:
        return None
    now = groups.pop(0)
    return any(_angle_deg(now, before) > _MOVEMENT.turn_deg for before in groups.values())


def _angle_deg(a: list[int], b: list[int]) -> float:
    size = math.sqrt(sum(v * v for v in a)) * math.sqrt(sum(v * v for v in b))
    if size == 0:
        return 0.0
    return math.degrees(
        math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(a, b, strict=True)) / size)))
    )
