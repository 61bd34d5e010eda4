"""How often a person is asked, and what answers teach about it.

* At most three prompts in any 24 hours (a stress prompt study fired 1.6 a day and 43 % were
  answered, DynaMORE 2025; more alarms only make them ignored, Bonafide 2015).
* A time without prompts after each one; it doubles when the person says "wrong" and is back at
  its least when the person says "yes", or afterwards that the prompt was right.
* "Later" asks once more, as a new prompt, and only if the episode still lasts.
* Once a week, after a prompt, "too many?": "fewer" takes one a day away, down to one, until the
  person sets a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.pause import DAY_NS, MINUTE_NS
from vagalwatch.alerts.table import Effect

if TYPE_CHECKING:
    from collections.abc import Collection

    from vagalwatch.alerts.preferences import Preferences

MAX_REFRACTORY_MINUTES: Final = 24 * 60
WEEK_NS: Final = 7 * DAY_NS


@dataclass(slots=True, kw_only=True)
class Limits:
    """What is remembered about prompts. Times in UTC ns of the run, 0 for never."""

    prompted_ns: list[int] = field(default_factory=list)
    """When prompts were raised in the last 24 hours."""
    refractory_minutes: int = 0
    """0 until the first "wrong": then the preference counts."""
    wrong_id: str = ""
    """The last alert called wrong: one alert doubles a refractory time once."""
    fewer: int = 0
    """How many of the day's prompts "fewer" took away."""
    too_many_ns: int = 0
    """When "too many?" was asked last, at first when the first prompt was raised."""
    too_many_open: bool = False
    """Whether it waits for an answer: one asking takes one prompt away."""

    ask_again_ns: int = 0
    ask_about: str = ""
    asked_again: bool = False
    """Whether the last prompt was itself the second asking."""

    def may_prompt(self, now_ns: int, wishes: Preferences, *, asked_for: bool) -> bool:
        """Whether the day has room for a prompt; the refractory time is waived if asked for."""
        self.prompted_ns = [t_ns for t_ns in self.prompted_ns if now_ns - t_ns < DAY_NS]
        if len(self.prompted_ns) >= self._a_day(wishes):
            return False
        if asked_for or not self.prompted_ns:
            return True
        return now_ns - self.prompted_ns[-1] >= self._refractory_minutes(wishes) * MINUTE_NS

    def prompted(self, now_ns: int, *, asked_for: bool) -> None:
        """A prompt was raised; it replaces one that was to be asked once more."""
        self.prompted_ns.append(now_ns)
        self.too_many_ns = self.too_many_ns or now_ns
        self.ask_again_ns, self.asked_again = 0, asked_for

    def week_is_over(self, now_ns: int) -> bool:
        """Whether to ask "too many?" now; if so, it counts as asked."""
        if not self.too_many_ns or now_ns - self.too_many_ns < WEEK_NS:
            return False
        self.asked_too_many(now_ns)
        return True

    def asked_too_many(self, now_ns: int) -> None:
        """It was asked, "too many?", and waits for an answer."""
        self.too_many_ns, self.too_many_open = now_ns, True

    def learn(
        self,
        effects: Collection[Effect],
        alert_id: str,
        about: str,
        now_ns: int,
        wishes: Preferences,
    ) -> None:
        """Take what an answer about the prompt ``alert_id`` teaches."""
        if Effect.AS_WISHED in effects:
            self.refractory_minutes = 0
        if Effect.RARER in effects and alert_id not in {"", self.wrong_id}:
            self.wrong_id = alert_id
            doubled = 2 * self._refractory_minutes(wishes)
            self.refractory_minutes = min(doubled, MAX_REFRACTORY_MINUTES)
        if Effect.ASK_AGAIN in effects and not self.asked_again:
            self.ask_again_ns = now_ns + wishes.later_minutes * MINUTE_NS
            self.ask_about = about
        if Effect.FEWER in effects and self.too_many_open:
            self.too_many_open = False
            self.fewer = min(self.fewer + 1, wishes.prompts_per_day)

    def _a_day(self, wishes: Preferences) -> int:
        return max(wishes.prompts_per_day - self.fewer, min(1, wishes.prompts_per_day))

    def _refractory_minutes(self, wishes: Preferences) -> int:
        return max(self.refractory_minutes, wishes.refractory_minutes)
