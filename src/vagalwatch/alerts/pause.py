"""The break as a table: where it stands, what happens, where it stands then.

What the body shows *advises and never blocks*: a person may go back, ask for more time or stop
for today at any moment, and the machine never shortens a break. After flooding the heart counts
as settled at no more than 10 % over the personal usual for two minutes (Gottman: people feel
calm while still 10 % over). After a possible shutdown that could hold all along, so there it is
the heart back up to its usual, some movement, and the person's own "I'm here". Where the heart
cannot be judged for two minutes, time and the person's word decide.

Times are UTC ns of the run (see :mod:`vagalwatch.records`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.records import AnswerKind, BreakPhase, EpisodeKind, State

if TYPE_CHECKING:
    from vagalwatch.records import Estimate

NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
DAY_NS: Final = 24 * 60 * MINUTE_NS

ANSWER_TIME_NS: Final = 30 * MINUTE_NS
"""Who agreed to a whole day is still asked at its end, and has this long to say something."""

HOLD_NS: Final = round(PARAMETERS.flooding.recovered_s * NS)


class Sign(StrEnum):
    """What happens to a break without anybody speaking."""

    OFFER_OVER = "offer-over"  # nobody answered in time
    SAFETY = "safety"  # the heart falls fast: that alert goes first
    SHUTDOWN = "shutdown"  # a possible shutdown was recognised: other steps, other rule
    SETTLED = "settled"  # the time is up (or was) and the heart has settled
    NOT_SETTLED = "not-settled"  # the time is up and it has not, or cannot be judged
    DAY_OVER = "day-over"  # no word for a day


Event = AnswerKind | Sign

_DECISIONS: Final[dict[Event, BreakPhase]] = {
    AnswerKind.IM_BACK: BreakPhase.RETURNED,
    AnswerKind.MORE_TIME: BreakPhase.ON,
    AnswerKind.NOT_TODAY: BreakPhase.NOT_RESUMED,
    AnswerKind.WRONG: BreakPhase.WRONG,  # "no break now"
}

_TIME_UP: Final[dict[Event, BreakPhase]] = {
    **_DECISIONS,
    AnswerKind.START_BREAK: BreakPhase.ON,  # a second break, within the same day
    Sign.SETTLED: BreakPhase.SETTLED,
    Sign.NOT_SETTLED: BreakPhase.NOT_SETTLED,
    Sign.DAY_OVER: BreakPhase.NOT_RESUMED,
}

TABLE: Final[dict[BreakPhase, dict[Event, BreakPhase]]] = {
    BreakPhase.OFFERED: {
        AnswerKind.YES: BreakPhase.ON,
        AnswerKind.START_BREAK: BreakPhase.ON,
        AnswerKind.NOT_NOW: BreakPhase.DECLINED,
        AnswerKind.LATER: BreakPhase.DECLINED,  # the policy asks once more
        AnswerKind.WRONG: BreakPhase.WRONG,
        Sign.SHUTDOWN: BreakPhase.OFFERED,
        Sign.OFFER_OVER: BreakPhase.EXPIRED,
        Sign.SAFETY: BreakPhase.EXPIRED,
    },
    BreakPhase.ON: {
        **_DECISIONS,
        Sign.SHUTDOWN: BreakPhase.ON,
        Sign.SETTLED: BreakPhase.SETTLED,
        Sign.NOT_SETTLED: BreakPhase.NOT_SETTLED,
    },
    BreakPhase.SETTLED: {**_TIME_UP, Sign.SHUTDOWN: BreakPhase.NOT_SETTLED},
    BreakPhase.NOT_SETTLED: {**_TIME_UP, Sign.SHUTDOWN: BreakPhase.NOT_SETTLED},
    BreakPhase.RETURNED: {},
    BreakPhase.NOT_RESUMED: {},
    BreakPhase.DECLINED: {},
    BreakPhase.WRONG: {},
    BreakPhase.EXPIRED: {},
}
"""What is not in a row leaves the break as it is: a second tab, a late or doubled answer."""

FINAL: Final = frozenset(phase for phase, row in TABLE.items() if not row)
TIME_UP: Final = frozenset({BreakPhase.SETTLED, BreakPhase.NOT_SETTLED})


class Unsettled(StrEnum):
    """Why the advice is "not settled" (``BreakStep.reason``)."""

    HEART_FAST = "heart-fast"
    HEART_SLOW = "heart-slow"
    SETTLING = "settling"  # back in range, not yet for two minutes
    STILL = "still"  # no movement yet since a possible shutdown
    SAY_HERE = "say-here"  # the body is ready; the person has not said "I'm here"
    NOT_MEASURED = "not-measured"


@dataclass(slots=True, kw_only=True)
class Body:
    """What the body has shown since the break was offered; times of rows, 0 for never."""

    usable_ns: int = 0
    in_range_since_ns: int = 0
    out_since_ns: int = 0
    out: str = ""
    motion_seen: bool = False
    moved: bool = False

    def take(self, row: Estimate, about: EpisodeKind | None) -> None:
        """Take the row for ``row.t_ns``; a row that cannot be judged breaks the two minutes."""
        motion_mg = row.metrics.motion_mg
        if motion_mg is not None:
            self.motion_seen = True
            self.moved = self.moved or motion_mg > PARAMETERS.movement.still_mg
        hr_bpm, usual_bpm = row.metrics.hr_bpm, row.usual_hr_bpm
        judged = row.state not in {State.UNKNOWN, State.CALIBRATING}
        if not judged or hr_bpm is None or usual_bpm is None:
            self.in_range_since_ns = 0
            return
        self.usable_ns = row.t_ns
        self.out = ""
        if hr_bpm > usual_bpm * (1 + PARAMETERS.flooding.recovered_share):
            self.out = Unsettled.HEART_FAST
        elif about == EpisodeKind.SHUTDOWN and hr_bpm < usual_bpm - PARAMETERS.shutdown.exit_bpm:
            self.out = Unsettled.HEART_SLOW
        if self.out:
            self.in_range_since_ns = 0
            self.out_since_ns = self.out_since_ns or row.t_ns
        else:
            self.in_range_since_ns = self.in_range_since_ns or row.t_ns
            self.out_since_ns = 0


@dataclass(slots=True, kw_only=True)
class Pause:
    """One break, offered or on. ``offer_until_ns`` counts only while it is offered."""

    id: str
    phase: BreakPhase
    began_ns: int
    until_ns: int
    origin: Literal["prompt", "self"]
    about: EpisodeKind | None = None
    alert_id: str = ""
    offer_until_ns: int = 0
    reason: str = ""
    here: bool = False
    body: Body = field(default_factory=Body)

    @property
    def final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.phase in FINAL

    def happens(self, event: Event, now_ns: int, *, minutes: int = 0, reason: str = "") -> bool:
        """Let ``event`` happen; false if the table has no row for it (nothing has changed).

        ``minutes`` is for events that set a time, ``reason`` for :attr:`Sign.NOT_SETTLED`. A new
        time never lies before one already agreed and never over a day after the start; asking
        for more when the day is over is "not resumed".
        """
        row = TABLE[self.phase]
        if event not in row:
            return False
        before, self.phase = self.phase, row[event]
        self.reason = reason
        if before == BreakPhase.OFFERED and self.phase == BreakPhase.ON:
            self.began_ns = now_ns
            self.until_ns = now_ns + minutes * MINUTE_NS
        elif event in {AnswerKind.MORE_TIME, AnswerKind.START_BREAK}:
            latest_ns = self.began_ns + DAY_NS
            wanted_ns = max(now_ns, self.until_ns) + minutes * MINUTE_NS
            self.until_ns = max(self.until_ns, min(wanted_ns, latest_ns))
            if self.until_ns <= now_ns:
                self.phase = BreakPhase.NOT_RESUMED
        elif event == Sign.SHUTDOWN:
            # The rule changes, so what was shown before it proves nothing now.
            self.about, self.here = EpisodeKind.SHUTDOWN, False
            self.body = Body(usable_ns=now_ns)
            if self.phase == BreakPhase.NOT_SETTLED:
                self.reason = Unsettled.HEART_SLOW
        return True

    def due(self, now_ns: int) -> tuple[Sign, str] | None:
        """What time and body bring about at ``now_ns``, with the reason code; or nothing."""
        if self.phase == BreakPhase.OFFERED:
            return (Sign.OFFER_OVER, "") if now_ns >= self.offer_until_ns else None
        if self.final or now_ns < self.until_ns:
            return None
        if self.phase in TIME_UP and now_ns >= self._word_until_ns():
            return Sign.DAY_OVER, ""
        reason = self._advice(now_ns)
        phase = BreakPhase.NOT_SETTLED if reason else BreakPhase.SETTLED
        if (phase, reason) == (self.phase, self.reason):
            return None
        return (Sign.NOT_SETTLED if reason else Sign.SETTLED), reason

    def _word_until_ns(self) -> int:
        return max(self.began_ns + DAY_NS, self.until_ns + ANSWER_TIME_NS)

    def _advice(self, now_ns: int) -> str:
        """Empty when settled. Like the settling itself, a change back must hold two minutes."""
        body = self.body
        if now_ns - body.usable_ns >= HOLD_NS:
            return Unsettled.NOT_MEASURED
        if self.phase == BreakPhase.SETTLED:
            out = body.out_since_ns and body.usable_ns - body.out_since_ns >= HOLD_NS
            return body.out if out else ""
        if not body.in_range_since_ns or body.usable_ns - body.in_range_since_ns < HOLD_NS:
            return body.out or self.reason or Unsettled.SETTLING
        if self.about == EpisodeKind.SHUTDOWN:
            if body.motion_seen and not body.moved:
                return Unsettled.STILL
            if not self.here:
                return Unsettled.SAY_HERE
        return ""
