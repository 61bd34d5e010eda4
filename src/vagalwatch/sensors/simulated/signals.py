"""What a body gives off and wearables pick up: plain series over the story's seconds.

A source is a simulated :class:`~vagalwatch.sensors.simulated.body.Body` or a
:class:`~vagalwatch.sensors.simulated.playback.Playback` of a recording; wearables cannot tell
which. ``t_s`` counts from the beginning of the story; series are in order of time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

BeatKind = Literal["sinus", "premature", "pause"]
"""``premature`` ends the short interval of an ectopic beat, ``pause`` the long one after it."""


class Beat(NamedTuple):
    """A beat at ``t_s`` that ends the interval ``rr_ms``."""

    t_s: float
    rr_ms: float
    kind: BeatKind = "sinus"


class Rate(NamedTuple):
    """A heart rate that a device computed itself; only recordings have these."""

    t_s: float
    hr_bpm: float


class Conductance(NamedTuple):
    """Skin conductance."""

    t_s: float
    eda_us: float


class Acceleration(NamedTuple):
    """Acceleration of the hand, gravity included."""

    t_s: float
    x_mg: float
    y_mg: float
    z_mg: float


@dataclass(slots=True)
class Signals:
    """What happened since the last time one asked."""

    beats: list[Beat] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    eda: list[Conductance] = field(default_factory=list)
    acc: list[Acceleration] = field(default_factory=list)


class Source(Protocol):
    """Something that lives through time."""

    def advance(self, to_s: float) -> Signals:
        """Everything after the last call's end, up to and including ``to_s``."""
        ...
