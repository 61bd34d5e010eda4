"""Two simulated people in one room, each a body of their own, whose hearts may be linked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.sensors.recording import Recording, Series
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.person import Person
from vagalwatch.sensors.simulated.script import Phase, Script

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.sensors.recording import Signal

    Values = NDArray[np.float64]

MOVE_S: Final = 30  # between one change of the set point and the next
SWING_BPM: Final = 4.0  # how far they go, as talk makes a heart rate go (see traps.py)


def two_hearts(seed: int, minutes: int, shared: float, lag_s: float = 5.0) -> tuple[Values, Values]:
    """Rows of two people's heart rate; ``shared`` (0 to 1) is of the variance of their swings.

    Both talk for ``minutes``. What they share comes ``lag_s`` later in the second one. The rate is
    that of the rows: 60000 over the median interval of 30 s, every 5 s.
    """
    rng = np.random.default_rng([seed, 77])
    count = minutes * 60 // MOVE_S
    swings = rng.normal(0.0, SWING_BPM, (3, count))
    mixed = [
        np.sqrt(shared) * swings[0] + np.sqrt(1 - shared) * own for own in (swings[1], swings[2])
    ]
    first, second = (
        _rows(seed * 2 + index, swing, minutes, lag_s * index) for index, swing in enumerate(mixed)
    )
    return first, second


def _rows(seed: int, swings: Values, minutes: int, lag_s: float) -> Values:
    person = Person(np.random.default_rng([seed, 78]))
    phases = [Phase(0, person.drive(6))]
    for index, swing_bpm in enumerate(swings.tolist()):
        drive = person.drive(6 + swing_bpm, rsa=0.8, nsr_per_min=0, speaking=True)
        phases.append(Phase(1 + index * MOVE_S + lag_s, drive, over_s=MOVE_S - 1))
    beats = Body(seed, Script(*phases), eda_hz=1, acc_hz=1).advance(minutes * 60).beats
    t_s = np.array([beat.t_s for beat in beats])
    rr_ms = np.array([beat.rr_ms for beat in beats])
    ends_s = np.arange(30, minutes * 60 + 1, 5)
    spans = zip(
        np.searchsorted(t_s, ends_s - 30, "right"),
        np.searchsorted(t_s, ends_s, "right"),
        strict=True,
    )
    return np.array([60_000 / np.median(rr_ms[start:end]) for start, end in spans])


def two_sensors(wearer: str, body: Body, duration_s: float, start_ns: int) -> Recording:
    """What a strap and a ring would have recorded of ``body``."""
    told = body.advance(duration_s)
    columns: list[tuple[Signal, str, list[tuple[float, float]]]] = [
        ("rr_ms", "strap", [(beat.t_s, beat.rr_ms) for beat in told.beats]),
        ("eda_us", "ring", [(sample.t_s, sample.eda_us) for sample in told.eda]),
        ("acc_x_mg", "ring", [(sample.t_s, sample[1]) for sample in told.acc]),
        ("acc_y_mg", "ring", [(sample.t_s, sample[2]) for sample in told.acc]),
        ("acc_z_mg", "ring", [(sample.t_s, sample[3]) for sample in told.acc]),
    ]
    return Recording(
        description="simulated",
        wearer=wearer,
        start_ns=start_ns,
        series=tuple(
            Series(
                signal=signal,
                source=source,
                t_ns=np.array([round(t_s * 1e9) for t_s, _ in samples], dtype=np.int64),
                values=np.array([value for _, value in samples]),
            )
            for signal, source, samples in columns
        ),
    )
