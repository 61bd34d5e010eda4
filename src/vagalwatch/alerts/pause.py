"""One break as a value, moved by the table: (break, event) -> (break, effects); pure.

A person may go back, ask for more time or stop for today at any moment, and the machine never
shortens a break. It lasts at least 20 min and at most 24 h; then, without a word, it counts as
not resumed. Times are UTC ns of the run (see :mod:`vagalwatch.records`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from vagalwatch.alerts import readiness
from vagalwatch.alerts.breath import Breathing
from vagalwatch.alerts.readiness import Body
from vagalwatch.alerts.table import FINAL, TABLE, TIME_UP, WAITING, Effect, Sign
from vagalwatch.records import BreakPhase, EpisodeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.alerts.table import Event
    from vagalwatch.records import Estimate

NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
DAY_NS: Final = 24 * 60 * MINUTE_NS

ANSWER_TIME_NS: Final = 30 * MINUTE_NS
"""Who agreed to a whole day is still asked at its end, and has this long to say something."""
STEADYING_NS: Final = 20 * MINUTE_NS
"""Who feels far away gets as long as the shortest break before the offer runs out (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    breath: bool = True
    """False once breathing did no good: dizzy, or worse."""
    body: Body = field(default_factory=Body)
    breathing: Breathing = field(default_factory=Breathing)

    @property
    def final(self) -> bool:
        """Whether only a new break can begin."""
        return self.phase in FINAL

    @property
    def latest_ns(self) -> int:
        """The latest time of return that can be agreed on."""
        return self.began_ns + DAY_NS

    def sees(self, row: Estimate) -> Pause:
        """With what the body shows in ``row``."""
        if self.final:
            return self
        # When the time is up the shape is gone from the screen, also where no page could say so.
        breathing = self.breathing if self.phase == BreakPhase.ON else self.breathing.over()
        return replace(self, body=self.body.after(row, self.about), breathing=breathing.after(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What an event brings along. The last four are for events that make a new break."""

    now_ns: int
    said_ns: int = 0
    """When the person said it, if that came late: what begins with it began then."""
    minutes: int = 0
    """The length that is agreed, or by how much it is extended."""
    until_ns: int = 0
    """The partner's time of return."""
    reason: str = ""
    new_id: str = ""
    about: EpisodeKind | None = None
    alert_id: str = ""
    valid_until_ns: int = 0


def transition(
    pause: Pause | None, event: Event, on: Occasion
) -> tuple[Pause, tuple[Effect, ...]] | None:
    """The break after ``event`` and what that brings about; ``None``: no row, nothing changes.

    Asking for more when the day is over is "not resumed", as the day itself is.
    """
    rows = TABLE[None if pause is None else pause.phase]
    row = rows.get(event)
    if row is None:
        return None
    if Effect.NEW_TIME in row.effects and pause is not None and on.now_ns >= pause.latest_ns:
        row = rows.get(Sign.DAY_OVER, row)
    after = _new(on) if pause is None else pause
    for effect in row.effects:
        if effect in _APPLY:
            after = _APPLY[effect](after, on)
    reason = row.reason or on.reason or (after.reason if row.phase == after.phase else "")
    return replace(after, phase=row.phase, reason=reason), row.effects


def due(pause: Pause, now_ns: int) -> tuple[Sign, str] | None:
    """What time and body bring about at ``now_ns``, with the reason code; or nothing."""
    if pause.phase in WAITING:
        return (Sign.OFFER_OVER, "") if now_ns >= pause.offer_until_ns else None
    if pause.final or now_ns < pause.until_ns:
        return None
    word_until_ns = max(pause.latest_ns, pause.until_ns + ANSWER_TIME_NS)
    if pause.phase in TIME_UP and now_ns >= word_until_ns:
        return Sign.DAY_OVER, ""
    reason = readiness.advice(
        pause.body,
        pause.about,
        now_ns,
        here=pause.here,
        settled=pause.phase == BreakPhase.SETTLED,
        before=pause.reason,
    )
    phase = BreakPhase.NOT_SETTLED if reason else BreakPhase.SETTLED
    if (phase, reason) == (pause.phase, pause.reason):
        return None
    return (Sign.NOT_SETTLED if reason else Sign.SETTLED), reason


def together(one: Pause, other: Pause) -> tuple[Pause, Pause]:
    """Both flooded: one break. The longer time wins, and both check in at it.

    Neither is held longer than a day from the own start (see :mod:`vagalwatch.alerts.couple`).
    """
    until_ns = max(one.until_ns, other.until_ns)
    return (
        replace(one, until_ns=max(one.until_ns, min(until_ns, one.latest_ns))),
        replace(other, until_ns=max(other.until_ns, min(until_ns, other.latest_ns))),
    )


# --- effects on the break itself -----------------------------------------------------------------


def _new(on: Occasion) -> Pause:
    return Pause(
        id=on.new_id,
        phase=BreakPhase.ON,
        began_ns=on.now_ns,
        until_ns=on.now_ns,
        origin="self",
        about=on.about,
    )


def _offer(_: Pause, on: Occasion) -> Pause:
    offered = replace(_new(on), origin="prompt", alert_id=on.alert_id)
    return replace(offered, offer_until_ns=on.valid_until_ns)


def _own(_: Pause, on: Occasion) -> Pause:
    return _new(on)


def _same_prompt(last: Pause, on: Occasion) -> Pause:
    own = replace(_new(on), origin="prompt", about=last.about)
    return replace(own, alert_id=last.alert_id, breath=last.breath)


def _begin(pause: Pause, on: Occasion) -> Pause:
    began_ns = on.said_ns or on.now_ns
    return replace(pause, began_ns=began_ns, until_ns=began_ns + on.minutes * MINUTE_NS)


def _new_time(pause: Pause, on: Occasion) -> Pause:
    wanted_ns = max(on.now_ns, pause.until_ns) + on.minutes * MINUTE_NS
    return replace(pause, until_ns=max(pause.until_ns, min(wanted_ns, pause.latest_ns)))


def _as_long(pause: Pause, on: Occasion) -> Pause:
    return replace(pause, until_ns=max(pause.until_ns, min(on.until_ns, pause.latest_ns)))


def _shutdown_rule(pause: Pause, on: Occasion) -> Pause:
    # The rule changes, so what was shown before it proves nothing now.
    body = Body(usable_ns=on.now_ns)
    return replace(pause, about=EpisodeKind.SHUTDOWN, here=False, body=body)


def _here(pause: Pause, _: Occasion) -> Pause:
    return replace(pause, here=True)


def _no_breath(pause: Pause, _: Occasion) -> Pause:
    # Whom breathing made dizzy is told nothing of what it did.
    return replace(pause, breath=False, breathing=Breathing())


def _breathe(pause: Pause, on: Occasion) -> Pause:
    return replace(pause, breathing=pause.breathing.begun(on.now_ns))


def _breathed(pause: Pause, _: Occasion) -> Pause:
    return replace(pause, breathing=pause.breathing.over())


def _steady(pause: Pause, on: Occasion) -> Pause:
    return replace(pause, offer_until_ns=on.now_ns + STEADYING_NS)


_APPLY: Final[dict[Effect, Callable[[Pause, Occasion], Pause]]] = {
    Effect.OFFER: _offer,
    Effect.OWN: _own,
    Effect.SAME_PROMPT: _same_prompt,
    Effect.BEGIN: _begin,
    Effect.NEW_TIME: _new_time,
    Effect.AS_LONG: _as_long,
    Effect.SHUTDOWN_RULE: _shutdown_rule,
    Effect.HERE: _here,
    Effect.NO_BREATH: _no_breath,
    Effect.BREATHE: _breathe,
    Effect.BREATHED: _breathed,
    Effect.STEADY: _steady,
}
