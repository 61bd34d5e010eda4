"""What a person set about prompts and breaks while calm; each change is a ``Setting`` record.

======================  =============================================  =======  ===============
key                     value (JSON)                                   default  bounds
======================  =============================================  =======  ===============
``mute-until``          UTC ns, or ``null`` for not muted              null
``quiet-hours``         ``{"from": "22:00", "to": "07:00",             null     local wall time
                        "zone": "Europe/Helsinki"}`` or ``null``
``prompts-per-day``     integer                                        3        0 to 3
``refractory-minutes``  least time between two prompts                 20       20 to 1440
``prompt-valid-s``      how long a prompt may still be answered        120      30 to 600
``later-minutes``       after "later", when to ask once more           10       5 to 60
``break-minutes``       agreed length of a break                       20       20 to 1440
``safety-alerts``       false switches the rapid-fall alert off        true
``paused``              true: nothing is asked or shared until false   false
======================  =============================================  =======  ===============

Beside these stand what was chosen about the steps (:class:`vagalwatch.alerts.steps.Choices`) and
what two people agreed on (:class:`vagalwatch.alerts.agreement.Agreement`).

None of these but ``safety-alerts`` touches the rapid-fall alert: where convenience and safety
part, safety wins, and who mutes prompts, or pauses everything, has not said "let me fall".

A number out of bounds is taken at the bound. A value of the wrong kind is refused by
:func:`check` where a person enters it; the engine, which replays old journals, leaves the
earlier value standing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from vagalwatch.alerts.agreement import Agreement
from vagalwatch.alerts.steps import Choices

PAUSED: Final = "paused"
"""Key of the setting that silences and hides everything until its wearer goes on."""

MIN_BREAK_MINUTES: Final = 20
"""Least length of a break: the body needs about 20 min to settle (Gottman & Silver 1999)."""
MAX_BREAK_MINUTES: Final = 24 * 60
"""Longest agreed break: come back within a day (the Gottmans' advice for couples)."""

BOUNDS: Final[dict[str, tuple[int, int]]] = {
    # Three a day at most: a stress prompt study fired 1.6 a day and 43 % were answered
    # (DynaMORE, 2025); more alarms only make them ignored (Bonafide 2015).
    "prompts-per-day": (0, 3),
    "refractory-minutes": (20, 24 * 60),
    "prompt-valid-s": (30, 600),
    "later-minutes": (5, 60),
    "break-minutes": (MIN_BREAK_MINUTES, MAX_BREAK_MINUTES),
}


@dataclass(slots=True, kw_only=True)
class Preferences:
    """The settings in force."""

    mute_until_ns: int = 0
    """UTC ns of the wall clock, by which a person says it; 0 for never."""
    quiet_from_min: int = 0
    """Minutes after local midnight; equal to ``quiet_to_min`` means no quiet hours."""
    quiet_to_min: int = 0
    quiet_zone: str = "UTC"
    prompts_per_day: int = 3
    refractory_minutes: int = 20
    prompt_valid_s: int = 120
    later_minutes: int = 10
    break_minutes: int = MIN_BREAK_MINUTES
    safety_alerts: bool = True
    paused: bool = False
    choices: Choices = field(default_factory=Choices)
    agreement: Agreement = field(default_factory=Agreement)

    def take(self, key: str, value: str) -> None:
        """Put a setting in force; what is not a preference of prompts is left alone.

        Raises:
            ValueError: the value is of the wrong kind (nothing has changed).
        """
        try:
            self._take(key, value)
        except RecursionError as error:  # what json makes of brackets thousands deep
            raise ValueError("nested too deeply") from error

    def _take(self, key: str, value: str) -> None:
        if key in BOUNDS:
            low, high = BOUNDS[key]
            number = min(max(_integer(json.loads(value)), low), high)
            setattr(self, key.replace("-", "_"), number)
        elif key == "mute-until":
            until = json.loads(value)
            self.mute_until_ns = 0 if until is None else _integer(until)
        elif key == "safety-alerts":
            self.safety_alerts = _boolean(json.loads(value))
        elif key == PAUSED:
            self.paused = _boolean(json.loads(value))
        elif key == "quiet-hours":
            hours = _quiet_hours(json.loads(value))
            self.quiet_from_min, self.quiet_to_min, self.quiet_zone = hours
        else:
            self.choices.take(key, value)
            self.agreement.take(key, value)

    def silent_at(self, wall_ns: int) -> bool:
        """Whether the person wishes not to be asked at ``wall_ns`` (UTC ns of the wall clock)."""
        return self.paused or wall_ns < self.mute_until_ns or self.quiet_at(wall_ns)

    def quiet_at(self, wall_ns: int) -> bool:
        """Whether quiet hours hold at ``wall_ns`` (UTC ns of the wall clock)."""
        if self.quiet_from_min == self.quiet_to_min:
            return False
        utc = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
        local = utc.astimezone(ZoneInfo(self.quiet_zone))
        minute = local.hour * 60 + local.minute
        if self.quiet_from_min < self.quiet_to_min:
            return self.quiet_from_min <= minute < self.quiet_to_min
        return minute >= self.quiet_from_min or minute < self.quiet_to_min


def check(key: str, value: str) -> None:
    """For those who take settings from people: refuse what would have no effect.

    Raises:
        ValueError: says in one sentence what is wrong with ``value``.
    """
    Preferences().take(key, value)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("expected a whole number")  # noqa: TRY004 - one kind of error for callers
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - one kind of error for callers
    return value


def _quiet_hours(value: object) -> tuple[int, int, str]:
    if value is None:
        return 0, 0, "UTC"
    match value:
        case {"from": str(start), "to": str(end), "zone": str(zone)}:
            try:
                ZoneInfo(zone)
            except (OSError, LookupError) as error:
                raise ValueError(f"there is no time zone {zone!r}") from error
            return _minute_of_day(start), _minute_of_day(end), zone
        case _:
            raise ValueError('expected {"from": "22:00", "to": "07:00", "zone": "Europe/Helsinki"}')


def _minute_of_day(text: str) -> int:
    time = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - a time of day, without a date
    return time.hour * 60 + time.minute
