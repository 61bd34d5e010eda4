"""What a simulated body is drawn to, and so what is true of it: pure functions of time.

A script is written as phases. From ``at_s`` on the set points move from where they were to the
phase's ``drive`` within ``over_s``, along a smooth step, and then stay. Heart rate and skin do
not jump, so nothing here does; the body adds its own variation around these set points.
"""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass
from typing import Literal, NamedTuple

Label = Literal["none", "flooding", "shutdown", "fainting", "recovering"]
"""What the script means to be seen; ``none`` is everything that must raise nothing."""


class Drive(NamedTuple):
    """Set points, all of them numbers so that phases can blend.

    Attributes:
        hr_bpm: mean heart rate.
        rsa_ms: amplitude of respiratory sinus arrhythmia in the RR intervals.
        breath_hz: mean breathing rate.
        breath_spread: how much one breath's length differs from the next (sd over mean).
            Quiet breathing is about 0.1; speech makes it broadband (Beda et al. 2007).
        scl_us: tonic skin conductance.
        nsr_per_min: spontaneous skin conductance responses a minute, Poisson.
        fidgets_per_min: short movements of the hand a minute, Poisson.
        walking: 0 still, 1 walking.
        ectopics_per_min: premature beats a minute, Poisson.
        gravity_x, gravity_y, gravity_z: which way the sensor's axes see gravity, in g.
    """

    hr_bpm: float
    rsa_ms: float = 30.0
    breath_hz: float = 0.25
    breath_spread: float = 0.1
    scl_us: float = 5.0
    nsr_per_min: float = 3.0
    fidgets_per_min: float = 0.5
    walking: float = 0.0
    ectopics_per_min: float = 0.0
    gravity_x: float = 0.1
    gravity_y: float = 0.2
    gravity_z: float = 0.97


@dataclass(frozen=True, slots=True)
class Phase:
    """From ``at_s``, move to ``drive`` within ``over_s``; ``label`` holds from half-way on."""

    at_s: float
    drive: Drive
    over_s: float = 20.0
    label: Label = "none"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A label and the seconds in which it is true; the last one's ``to_s`` is infinity."""

    label: Label
    from_s: float
    to_s: float


class Script:
    """Phases in order of time. The first holds from the beginning and the last for ever.

    Raises:
        ValueError: no phases, a first one that does not start at 0, or one that starts before
            the transition before it has ended (the set points would jump).
    """

    def __init__(self, *phases: Phase) -> None:
        """Check and keep the phases."""
        if not phases or phases[0].at_s != 0:
            raise ValueError("a script starts with a phase at 0 s")
        for before, after in itertools.pairwise(phases):
            if after.at_s < before.at_s + before.over_s and before is not phases[0]:
                raise ValueError(f"the phase at {after.at_s} s cuts the one at {before.at_s} s")
        self.phases = phases
        self._starts = [phase.at_s for phase in phases]
        # Bodies ask for each of their samples, so what can be told before is.
        self._ways = [
            [b - a for a, b in zip(before.drive, after.drive, strict=True)]
            for before, after in itertools.pairwise(phases)
        ]
        self._middles = [0.0, *(phase.at_s + phase.over_s / 2 for phase in phases[1:])]

    def drive(self, t_s: float) -> Drive:
        """The set points at ``t_s`` seconds from the beginning."""
        index = max(bisect.bisect_right(self._starts, t_s) - 1, 0)
        phase = self.phases[index]
        done = (t_s - phase.at_s) / phase.over_s if phase.over_s > 0 else 1.0
        if index == 0 or done >= 1:
            return phase.drive
        share = done * done * (3 - 2 * done)
        origin = self.phases[index - 1].drive
        way = self._ways[index - 1]
        return Drive._make([a + step * share for a, step in zip(origin, way, strict=True)])

    def label(self, t_s: float) -> Label:
        """What is true at ``t_s``: a phase's label counts once its transition is half done."""
        return self.phases[max(bisect.bisect_right(self._middles, t_s) - 1, 0)].label

    def truth(self) -> list[Stretch]:
        """The whole story as stretches, neighbours with one label joined."""
        stretches: list[Stretch] = []
        ends = [*self._middles[1:], float("inf")]
        for phase, from_s, to_s in zip(self.phases, self._middles, ends, strict=True):
            if stretches and stretches[-1].label == phase.label:
                stretches[-1] = Stretch(phase.label, stretches[-1].from_s, to_s)
            else:
                stretches.append(Stretch(phase.label, from_s, to_s))
        return stretches
