"""What is said over MQTT: topics and JSON payloads, each by a published schema.

Topics stand under ``vagalwatch/1/<site>/<wearer>/``; see ``docs/mqtt.md``. The schemas in
``schemas/`` are those of the models here, and a test holds both together. Times are UTC wall
time (RFC 3339), since those who read them know no other clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vagalwatch.alerts import words
from vagalwatch.alerts.policy import repeat_at_ns
from vagalwatch.records import (
    ROW_HOLDS_NS,
    AnswerKind,
    BreakPhase,
    EpisodeKind,
    Metrics,
    Reason,
    State,
)

if TYPE_CHECKING:
    from vagalwatch.records import Alert, BreakStep, Estimate

PREFIX: Final = "vagalwatch/1"
"""The number is that of the payloads: a change that breaks a reader gets the next one."""

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,96}$")]


def topic(site: str, wearer: str, name: str) -> str:
    """A wearer's topic; with an empty ``wearer`` the site's."""
    return "/".join(part for part in (PREFIX, site, wearer, name) if part)


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def payload(self) -> bytes:
        """As it goes over the wire."""
        return self.model_dump_json().encode()


class Availability(_Message):
    """Retained. Whether the service runs: the one thing that its last will takes back."""

    online: bool


class StateMessage(_Message):
    """Retained, by consent only. After ``expires_at`` nothing is known: never read it as calm."""

    state: State
    reason: str
    text: str
    at: AwareDatetime
    expires_at: AwareDatetime


class EstimateMessage(_Message):
    """A row of the estimate, by consent only; fields as in the journal, ``null`` is unknown."""

    at: AwareDatetime
    state: State
    reason: str
    arousal: float | None
    usual_hr_bpm: float | None
    metrics: Metrics
    reasons: tuple[Reason, ...]
    gates: tuple[str, ...]


class AlertMessage(_Message):
    """A prompt: shown once an id, once more where ``repeat`` is true, never past its time.

    ``text`` is neutral, for screens that others see. ``reasons`` are codes; their numbers stand
    there only by the consent to ``estimate``.
    """

    id: Id
    issued_at: AwareDatetime
    valid_until: AwareDatetime
    kind: EpisodeKind
    reasons: tuple[Reason, ...]
    text: str
    repeat: bool


class BreakMessage(_Message):
    """Where a break stands; ``return_at`` is ``null`` while nothing is agreed."""

    id: Id
    at: AwareDatetime
    phase: BreakPhase
    reason: str
    began_at: AwareDatetime
    return_at: AwareDatetime | None
    origin: str
    about: EpisodeKind | None
    alert_id: str
    text: str


class HomeBreak(_Message):
    """Retained, by consent only, for everybody in the home; off a break ``return_at`` is null."""

    on_break: bool
    return_at: AwareDatetime | None


class HomeState(_Message):
    """By a consent of its own, for everybody in the home; after 15 s nothing is known."""

    state: State
    at: AwareDatetime


class Ack(_Message):
    """In: the alert ``id`` has reached somebody. It is not sent again; nothing is decided."""

    id: Id
    issued_at: AwareDatetime


class Command(_Message):
    """In: what a person says, with an ``id`` of its own, so that twice is once."""

    id: Id
    issued_at: AwareDatetime
    command: AnswerKind
    about: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{0,96}$")] = ""
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None


class HomeCommand(_Message):
    """In: somebody in the home pressed "I need a break"; nothing else can be said from there."""

    id: Id
    issued_at: AwareDatetime
    command: Literal["start-break"]


OUTGOING: Final[dict[str, type[_Message]]] = {
    "availability": Availability,
    "state": StateMessage,
    "estimate": EstimateMessage,
    "alert": AlertMessage,
    "break": BreakMessage,
    "home": HomeBreak,
    "home-state": HomeState,
}
INCOMING: Final[dict[str, type[_Message]]] = {
    "ack": Ack,
    "command": Command,
    "home-command": HomeCommand,
}


def utc(t_ns: int) -> datetime:
    """Wall time of UTC ns, to the millisecond below."""
    return datetime.fromtimestamp(t_ns // 1_000_000 / 1000, UTC)


def state_message(row: Estimate, known: words.Lines | None = None) -> StateMessage:
    """The state of a row in wall time, in the lines ``known`` (English)."""
    return StateMessage(
        state=row.state,
        reason=row.reason,
        text=words.describe(row, known).headline,
        at=utc(row.t_ns),
        expires_at=utc(row.t_ns + ROW_HOLDS_NS),
    )


def estimate_message(row: Estimate) -> EstimateMessage:
    """A row in wall time."""
    return EstimateMessage(
        at=utc(row.t_ns),
        state=row.state,
        reason=row.reason,
        arousal=row.arousal,
        usual_hr_bpm=row.usual_hr_bpm,
        metrics=row.metrics,
        reasons=row.reasons,
        gates=row.gates,
    )


def alert_message(
    alert: Alert, wall_ns: int, known: words.Lines | None = None, *, numbers: bool = False
) -> AlertMessage:
    """An alert in wall time, sent at ``wall_ns``; with the ``numbers`` behind it or without."""
    reasons = alert.reasons if numbers else tuple(Reason(code=r.code) for r in alert.reasons)
    return AlertMessage(
        id=alert.id,
        issued_at=utc(alert.t_ns),
        valid_until=utc(alert.valid_until_ns),
        kind=alert.alert,
        reasons=reasons,
        text=words.lock_screen(alert, known),
        repeat=wall_ns >= repeat_at_ns(alert),
    )


def break_message(step: BreakStep, known: words.Lines | None = None) -> BreakMessage:
    """A step of a break in wall time; the sentence names the hour by this machine's zone."""
    agreed = step.until_ns > step.began_ns
    local = utc(step.until_ns).astimezone()
    return BreakMessage(
        id=step.id,
        at=utc(step.t_ns),
        phase=step.phase,
        reason=step.reason,
        began_at=utc(step.began_ns),
        return_at=utc(step.until_ns) if agreed else None,
        origin=step.origin,
        about=step.about,
        alert_id=step.alert_id,
        text=words.break_sentence(step, f"{local.hour}:{local.minute:02d}", known=known),
    )
