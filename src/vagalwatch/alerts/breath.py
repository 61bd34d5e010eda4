"""What the heart did while a breathing shape was followed; told afterwards, never chased; pure.

The page says when its shape is followed and when no longer. Only that is taken for breathing: in
the heart itself, six breaths a minute look like the slow wave of blood pressure, .1 Hz both. The
heart rate of the minute before is held against that of the last minute of the shape. Variability
is not: slow breathing raises it in anyone (see :mod:`vagalwatch.hrv.breathing`), and a number that
can be breathed up invites chasing. "While" is no "because": after a fight a heart slows by itself.

After a possible shutdown nothing is told: there, a heart that slows is not what one hopes for.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.records import EpisodeKind, State

if TYPE_CHECKING:
    from vagalwatch.records import Estimate

_ROW_NS: Final = PARAMETERS.rows.step_s * NS
MINUTE_ROWS: Final = 60 // PARAMETERS.rows.step_s
LEAST_ROWS: Final = 8
"""Of a minute's twelve: two thirds, as elsewhere (``min_coverage``)."""
LEAST_NS: Final = 120 * NS
"""A minute of rows looks back over 90 s, as long as the shape takes to reach its full breath; what
is compared then lies wholly within the shape, and not in its first half minute."""
CLEAR_Z: Final = 2.5
"""Spreads of the person's own heart at rest, of which none is under 2 bpm. Less is chance: quiet
and seated, two minutes that lie two to five apart differ by less in 95 of 100 (13 people of
Stress-Predict; between their tasks, where a heart still comes down by itself, in 87)."""


class Breathed(StrEnum):
    """What is told (``BreakStep.breathed``); its words stand in the words file as ``breath.*``."""

    SLOWER = "slower"
    NO_CHANGE = "no-change"
    FASTER = "faster"
    TOO_LITTLE = "too-little"  # too short, or the heart was not measured: nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Breathing:
    """The heart (bpm) around the shape.

    ``minute`` are the rows of the last minute by time, ``None`` for one that does not know.
    ``before`` and ``end`` are the heart around the last shape that was followed for long enough.
    ``spread_bpm`` is that of the usual as it now stands. Usuals move within a break: the z
    of two minutes would tell the move of the usual as one of the heart.
    """

    row_t_ns: int = 0
    minute: tuple[float | None, ...] = ()
    spread_bpm: float = PARAMETERS.calibration.floor_hr_bpm
    since_ns: int = 0
    """When the shape that is followed began; 0: none is."""
    since: float | None = None
    """The heart of the minute before it."""
    followed: bool = False
    """Whether any shape was followed in this break."""
    before: float | None = None
    end: float | None = None

    def begun(self, now_ns: int) -> Breathing:
        """A shape is followed from ``now_ns``; one that is followed already goes on."""
        if self.since_ns:
            return self
        return replace(self, since_ns=now_ns, since=_median(self.minute), followed=True)

    def over(self) -> Breathing:
        """No shape is followed any more."""
        return replace(self, since_ns=0, since=None)

    def after(self, row: Estimate) -> Breathing:
        """With one more row; rows that did not come (a restart) begin the minute anew."""
        kept = self.minute if row.t_ns - self.row_t_ns < 2 * _ROW_NS else ()
        minute = (*kept, _heart(row))[-MINUTE_ROWS:]
        spread_bpm = _spread_bpm(row) or self.spread_bpm
        now = replace(self, row_t_ns=row.t_ns, minute=minute, spread_bpm=spread_bpm)
        if self.since is None or row.t_ns - self.since_ns < LEAST_NS:
            return now
        end = _median(minute)
        return now if end is None else replace(now, before=self.since, end=end)

    def told(self, about: EpisodeKind | None) -> tuple[str, tuple[float, ...]]:
        """What to tell once the break is over, and the heart (bpm) before and at the end.

        An empty code: no shape was followed, or the break is about a possible shutdown.
        """
        if not self.followed or about is EpisodeKind.SHUTDOWN:
            return "", ()
        if self.before is None or self.end is None:
            return Breathed.TOO_LITTLE, ()
        code = Breathed.NO_CHANGE
        if abs(self.end - self.before) >= CLEAR_Z * self.spread_bpm:
            code = Breathed.SLOWER if self.end < self.before else Breathed.FASTER
        return code, (self.before, self.end)


def _heart(row: Estimate) -> float | None:
    judged = row.state is not State.UNKNOWN and row.metrics.z_hr is not None
    return row.metrics.hr_bpm if judged else None


def _spread_bpm(row: Estimate) -> float | None:
    """What one z is worth; a heart that is just the usual does not tell."""
    bpm, z, usual_bpm = row.metrics.hr_bpm, row.metrics.z_hr, row.usual_hr_bpm
    return (bpm - usual_bpm) / z if bpm is not None and usual_bpm is not None and z else None


def _median(rows: tuple[float | None, ...]) -> float | None:
    known = [row for row in rows if row is not None]
    return statistics.median(known) if len(known) >= LEAST_ROWS else None
