"""One recording of one person with what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from vagalwatch.evaluate.score import Phase

if TYPE_CHECKING:
    from vagalwatch.evaluate.detector import Person
    from vagalwatch.evaluate.score import Event

OFF: Final = "sensor off"
"""The name of a phase in which the sensor is not worn, whatever it reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true, and where alerts count as false.

    ``who`` is whom the bootstrap draws (several recordings may be of one person). An alert within
    ``watch`` that finds no event is false, and the hours of ``watch`` (without those in which the
    sensor is off) are what false alerts are counted per. ``marked`` are stretches in which alerts
    are counted for themselves.
    """

    who: str
    story: str
    duration_s: float
    baseline_s: tuple[float, float]
    phases: tuple[Phase, ...] = ()
    events: tuple[Event, ...] = ()
    watch: tuple[Phase, ...] = ()
    marked: tuple[Phase, ...] = ()

    @property
    def off(self) -> tuple[Phase, ...]:
        """Where the sensor is not worn."""
        return tuple(phase for phase in self.phases if phase.name == OFF)


class Case(NamedTuple):
    """A recording as detectors get it, and its truth, which they do not get."""

    person: Person
    truth: Truth


class Source(Protocol):
    """Where a case comes from: small and picklable, so that it is loaded where it is judged."""

    def load(self) -> Case:
        """Read or simulate it.

        Raises:
            RecordingError: the recording cannot be read.
        """
        ...


def whole(duration_s: float) -> tuple[Phase, ...]:
    """All of a recording as one stretch."""
    return (Phase("all", "ignore", 0.0, duration_s),)
