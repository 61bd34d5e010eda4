"""Whether the body looks ready to go back: it advises and never blocks.

======================  ====================================================================
the break is about      settled is
======================  ====================================================================
flooding, or unclear    heart rate at most 10 % over the personal usual for two minutes
                        (Gottman: people feel calm while still 10 % over)
possible shutdown       that could hold all along, so here it is the heart back up to its
                        usual for two minutes, some movement (where it is measured), and the
                        person's own "I'm here"
either, no usable       cannot be told: time and the person's word decide
heart rate or personal
usual for two minutes
======================  ====================================================================

Times are UTC ns of the run (see :mod:`vagalwatch.records`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.table import HEART_SLOW, SAY_HERE
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.records import EpisodeKind, State

if TYPE_CHECKING:
    from vagalwatch.records import Estimate

HOLD_NS: Final = round(PARAMETERS.flooding.recovered_s * 1_000_000_000)


class Unsettled(StrEnum):
    """Why the advice is "not settled" (``BreakStep.reason``)."""

    HEART_FAST = "heart-fast"
    HEART_SLOW = HEART_SLOW
    SETTLING = "settling"  # back in range, not yet for two minutes
    STILL = "still"  # no movement yet since a possible shutdown
    SAY_HERE = SAY_HERE  # the body is ready; the person has not said "I'm here"
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the body has shown since the break was offered; times of rows, 0 for never."""

    usable_ns: int = 0
    in_range_since_ns: int = 0
    out_since_ns: int = 0
    out: str = ""
    motion_seen: bool = False
    moved: bool = False

    def after(self, row: Estimate, about: EpisodeKind | None) -> Body:
        """With the row for ``row.t_ns``; one that cannot be judged breaks the two minutes."""
        motion_mg = row.metrics.motion_mg
        body = self
        if motion_mg is not None:
            moved = self.moved or motion_mg > PARAMETERS.movement.still_mg
            body = replace(self, motion_seen=True, moved=moved)
        hr_bpm, usual_bpm = row.metrics.hr_bpm, row.usual_hr_bpm
        judged = row.state not in {State.UNKNOWN, State.CALIBRATING}
        if not judged or hr_bpm is None or usual_bpm is None:
            return replace(body, in_range_since_ns=0)
        out = ""
        if hr_bpm > usual_bpm * (1 + PARAMETERS.flooding.recovered_share):
            out = Unsettled.HEART_FAST
        elif about == EpisodeKind.SHUTDOWN and hr_bpm < usual_bpm - PARAMETERS.shutdown.exit_bpm:
            out = Unsettled.HEART_SLOW
        return replace(
            body,
            usable_ns=row.t_ns,
            out=out,
            in_range_since_ns=0 if out else self.in_range_since_ns or row.t_ns,
            out_since_ns=(self.out_since_ns or row.t_ns) if out else 0,
        )


def advice(
    body: Body, about: EpisodeKind | None, now_ns: int, *, here: bool, settled: bool, before: str
) -> str:
    """Why the person may want more time, as a code; empty when the body looks settled.

    Like settling itself, a change back must hold two minutes: ``settled`` is what was said last,
    ``before`` its reason if it was not.
    """
    if now_ns - body.usable_ns >= HOLD_NS:
        return Unsettled.NOT_MEASURED
    if settled:
        out = body.out_since_ns and body.usable_ns - body.out_since_ns >= HOLD_NS
        return body.out if out else ""
    if not body.in_range_since_ns or body.usable_ns - body.in_range_since_ns < HOLD_NS:
        known = {*Unsettled} & {before}
        return body.out or (before if known else Unsettled.SETTLING)
    if about == EpisodeKind.SHUTDOWN:
        if body.motion_seen and not body.moved:
            return Unsettled.STILL
        if not here:
            return Unsettled.SAY_HERE
    return ""
