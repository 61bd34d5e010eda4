"""Movement of one source: a figure a second on arrival, and what a row makes of it.

The figure is the standard deviation of |a| within one second ((k - 1) s, k s] of UTC, from sums of
whole micro-g, so chunks and their order cannot change it. It needs no calibration of the sensor's
zero and does not see gravity. Samples wait as they came until a row asks for them: summed together
they cost a fifth of what they do one record at a time.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.columns import WIDTH, floats, ints, pack_floats, pack_ints, row_of_floats
from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.records import Motion

    Floats = NDArray[np.float64]

_MOVEMENT = PARAMETERS.movement
_MICRO: Final = 1000
"""Micro-g in a milli-g."""
_LIMIT_MG: Final = 64_000.0
_REST: Final = 1000 * _MICRO
"""Taken off a size before it is squared: the spread is the same, and the sums stay whole."""
_MIN_SAMPLES: Final = 5
"""A spread of fewer samples a second is chance."""
_POSTURE_S: Final = 10
_MOST_NEW: Final = 256 * WIDTH
"""Bytes of times that wait at most: what no row asks for is summed, too."""

# A second's sums, a number a column.
_SECOND, _COUNT, _TOTAL, _SQUARES, _X = range(5)
_COLUMNS: Final = 7


@dataclass(slots=True, kw_only=True)
class MotionState:
    """The last minute of one source (see :mod:`vagalwatch.hrv.columns`).

    ``seconds`` holds seven floats a second, ordered: its number, samples, the sums of |a| less 1 g
    and of its square, of x, y and z; all whole numbers, of micro-g. The ``new`` samples are in no
    sum yet; ``last_ns`` is the newest that is.
    """

    seconds: bytes = b""
    new_t_ns: bytes = b""
    new_x_mg: bytes = b""
    new_y_mg: bytes = b""
    new_z_mg: bytes = b""
    last_ns: int = 0


class Moved(NamedTuple):
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
    """Keep a chunk for the next row."""
    latest_ns = motion.recv_ns + PARAMETERS.rows.future_s * NS
    t_ns, x_mg, y_mg, z_mg = (
        motion.sample_t_ns,
        motion.acc_x_mg,
        motion.acc_y_mg,
        motion.acc_z_mg,
    )
    if not len(t_ns) == len(x_mg) == len(y_mg) == len(z_mg) or max(t_ns, default=0) > latest_ns:
        whole = zip(t_ns, x_mg, y_mg, z_mg, strict=False)
        fit = [sample for sample in whole if sample[0] <= latest_ns]
        t_ns, x_mg, y_mg, z_mg = zip(*fit, strict=True) if fit else ((), (), (), ())
    state.new_t_ns += pack_ints(t_ns)
    state.new_x_mg += pack_floats(x_mg)
    state.new_y_mg += pack_floats(y_mg)
    state.new_z_mg += pack_floats(z_mg)
    if len(state.new_t_ns) > _MOST_NEW:
        sum_up(state)


def sum_up(state: MotionState) -> None:
    """Put the new samples into their seconds."""
    if not state.new_t_ns:
        return
    t_ns = ints(state.new_t_ns)
    xyz_mg = floats(state.new_x_mg + state.new_y_mg + state.new_z_mg).reshape(3, -1)
    state.new_t_ns = state.new_x_mg = state.new_y_mg = state.new_z_mg = b""
    if not np.maximum.reduce(np.abs(xyz_mg), axis=None) < _LIMIT_MG / 3:  # nearly never
        with np.errstate(over="ignore"):
            # One comparison refuses what is too large, infinite or not a number.
            fit = np.add.reduce(np.abs(xyz_mg)) < _LIMIT_MG
        t_ns, xyz_mg = t_ns[fit], xyz_mg[:, fit]
        if not t_ns.size:
            return
    state.last_ns = max(state.last_ns, int(np.maximum.reduce(t_ns)))
    second = (t_ns - 1) // NS + 1  # ((k - 1) s, k s]
    # Held seconds before the first new one stay as they are.
    held = _seconds(state)
    old = int(held[:, _SECOND].searchsorted(np.minimum.reduce(second)))
    rows = np.empty((len(held) - old + second.size, _COLUMNS))
    rows[: len(held) - old] = held[old:]
    new = rows[len(held) - old :]
    new[:, _SECOND] = second
    new[:, _COUNT] = 1
    size = np.rint(np.sqrt(np.add.reduce(xyz_mg * xyz_mg)) * _MICRO) - _REST
    new[:, _TOTAL] = size
    new[:, _SQUARES] = size * size
    new[:, _X:] = np.rint(xyz_mg * _MICRO).T
    state.seconds = state.seconds[: old * _COLUMNS * WIDTH] + _by_second(rows).tobytes()


def _by_second(rows: Floats) -> Floats:
    """One row a second, ordered."""
    second = rows[:, _SECOND].copy()
    if np.logical_or.reduce(second[1:] < second[:-1]):
        rows = rows[second.argsort(kind="stable")]
        second = rows[:, _SECOND]
    starts = [0, *(np.flatnonzero(second[1:] != second[:-1]) + 1).tolist()]
    sums: Floats = np.add.reduceat(rows, starts)
    sums[:, _SECOND] = second[starts]
    return sums


def trim(state: MotionState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs."""
    sum_up(state)
    second = row_of_floats(state.seconds)[::_COLUMNS]
    drop = bisect_right(second, t_ns // NS - _MOVEMENT.still_s)
    if drop:
        state.seconds = state.seconds[drop * _COLUMNS * WIDTH :]


def judge(state: MotionState, t_ns: int, *, trunk: bool) -> Moved:
    """Movement up to ``t_ns``, a whole second; ``trunk`` says that the sensor shows posture."""
    sum_up(state)
    last = t_ns // NS
    seconds = _seconds(state)
    second = row_of_floats(state.seconds)[::_COLUMNS]
    start, half, end = (
        bisect_right(second, edge)
        for edge in (last - _MOVEMENT.still_s, last - _MOVEMENT.moving_s, last)
    )
    spreads, enough = (column.tolist() for column in _spreads_mg(seconds[start:end]))
    recent = list(compress(spreads[half - start :], enough[half - start :]))
    # Without any spread it is the sensor that stands still: 13 worn E4 sensors, coarse as they
    # are (1/64 g), showed the same value for 11 s at most in 12 h.
    if len(recent) < _MOVEMENT.share * _MOVEMENT.moving_s or not any(recent):
        return Moved()
    still = None
    known = sum(enough)
    if known >= _MOVEMENT.share * _MOVEMENT.still_s:
        still = math.fsum(compress(spreads, enough)) / known < _MOVEMENT.still_mg
    return Moved(
        motion_mg=math.fsum(recent) / len(recent),
        moving=sum(spread >= _MOVEMENT.moving_mg for spread in recent)
        >= _MOVEMENT.moving_share * len(recent),
        still=still,
        turned=_turned(seconds[start:end]) if trunk else None,
    )


def shaken(state: MotionState, second: int) -> bool:
    """Whether the hand moved about in this second (by its end)."""
    seconds = _seconds(state)
    place = int(seconds[:, _SECOND].searchsorted(second))
    here = seconds[place : place + 1]
    spreads, enough = _spreads_mg(here[here[:, _SECOND] == second])
    return bool((spreads[enough] >= _MOVEMENT.moving_mg).any())


def _seconds(state: MotionState) -> Floats:
    """Shape (seconds, 7)."""
    return floats(state.seconds).reshape(-1, _COLUMNS)


def _spreads_mg(seconds: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Of each second, and whether it has enough samples."""
    count, total, squares = seconds[:, _COUNT], seconds[:, _TOTAL], seconds[:, _SQUARES]
    # Whole up to 2**53 (32 Hz: to 3 g more than rest); beyond, rounding must not go under 0.
    power = np.maximum(count * squares - total * total, 0)
    return np.sqrt(power) / count / _MICRO, count >= _MIN_SAMPLES


def _turned(seconds: Floats) -> bool | None:
    """Gravity of the last 10 s against every 10 s before it in the minute."""
    groups: dict[int, list[float]] = {}
    for row in seconds.tolist():
        ago = (seconds[-1, _SECOND] - row[_SECOND]) // _POSTURE_S
        group = groups.setdefault(int(ago), [0.0, 0.0, 0.0])
        for axis in range(3):
            group[axis] += row[_X + axis]
    if len(groups) <= 1:
        return None
    now = groups.pop(0)
    return any(_angle_deg(now, before) > _MOVEMENT.turn_deg for before in groups.values())


def _angle_deg(a: list[float], b: list[float]) -> float:
    size = math.sqrt(sum(v * v for v in a)) * math.sqrt(sum(v * v for v in b))
    if size == 0:
        return 0.0
    return math.degrees(
        math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(a, b, strict=True)) / size)))
    )
