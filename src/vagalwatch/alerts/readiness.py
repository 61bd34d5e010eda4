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

"For two minutes" is the leaky dwell of :mod:`vagalwatch.hrv.states`: a row in range adds its 5 s,
any other takes 5 s away, so that one row neither settles anything nor begins it all anew.

Times are UTC ns of the run (see :mod:`vagalwatch.records`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.table import HEART_SLOW, SAY_HERE
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.hrv.states import Dwell
from vagalwatch.records import EpisodeKind

if TYPE_CHECKING:
    from vagalwatch.records import Estimate

HOLD_S: Final = PARAMETERS.flooding.recovered_s
HOLD_NS: Final = round(HOLD_S * 1_000_000_000)
SETTLING_S: Final = 30.0
"""Our choice: so long in range before "fast" or "slow" becomes "settling", or a heart at the edge
of the range would change the sentence with every row."""


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
    in_range: Dwell = field(default_factory=Dwell)
    outside: Dwell = field(default_factory=Dwell)
    out: str = ""
    """Why the last row that could be judged was not in range; empty if it was."""
    motion_seen: bool = False
    moved: bool = False

    def after(self, row: Estimate, about: EpisodeKind | None) -> Body:
        """With the row for ``row.t_ns``; one that cannot be judged is not in range."""
        motion_mg = row.metrics.motion_mg
        body = self
        if motion_mg is not None:
            moved = self.moved or motion_mg > PARAMETERS.movement.still_mg
            body = replace(self, motion_seen=True, moved=moved)
        hr_bpm, usual_bpm = row.metrics.hr_bpm, row.usual_hr_bpm
        if not row.state.judged or hr_bpm is None or usual_bpm is None:
            return replace(body, in_range=_filled(body.in_range, row.t_ns, agrees=False))
        if row.t_ns - self.usable_ns >= HOLD_NS:  # not measured since: what was shown is history
            body = replace(body, in_range=Dwell(), outside=Dwell())
        out = ""
        if hr_bpm > usual_bpm * (1 + PARAMETERS.flooding.recovered_share):
            out = Unsettled.HEART_FAST
        elif about == EpisodeKind.SHUTDOWN and hr_bpm < usual_bpm - PARAMETERS.shutdown.exit_bpm:
            out = Unsettled.HEART_SLOW
        return replace(
            body,
            usable_ns=row.t_ns,
            out=out,
            in_range=_filled(body.in_range, row.t_ns, agrees=not out),
            outside=_filled(body.outside, row.t_ns, agrees=out != ""),
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
        return body.out if body.outside.full(HOLD_S) else ""
    if not body.in_range.full(HOLD_S):
        return _not_yet(body, before, here=here)
    if about == EpisodeKind.SHUTDOWN:
        if body.motion_seen and not body.moved:
            return Unsettled.STILL
        if not here:
            return Unsettled.SAY_HERE
    return ""


def _not_yet(body: Body, before: str, *, here: bool) -> str:
    """Which sentence it is while the two minutes are not full."""
    waits = (before == Unsettled.SAY_HERE and not here) or (
        before == Unsettled.STILL and not body.moved
    )
    if waits and not body.outside.full(HOLD_S):
        return before  # taken back like settling itself
    if body.in_range.since_ns is None:
        return body.out or (before if before in {*Unsettled} else Unsettled.SETTLING)
    fast_or_slow = before in {Unsettled.HEART_FAST, Unsettled.HEART_SLOW}
    if fast_or_slow and body.in_range.filled_s < SETTLING_S:
        return body.out or before
    return Unsettled.SETTLING


def _filled(dwell: Dwell, t_ns: int, *, agrees: bool) -> Dwell:
    after = replace(dwell)
    after.fill(t_ns, HOLD_S, agrees=agrees)
    return after
