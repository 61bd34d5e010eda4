"""What one wearer's page shows of the partner's break, and of what the partner heard; pure.

Whether anything may be shown at all was decided before: see :mod:`vagalwatch.alerts.couple`, whose
words come in here. A word that changes nothing changes no picture, and wakes no page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.couple import Gone, Say, Seen, Shown, after
from vagalwatch.alerts.pause import MINUTE_NS
from vagalwatch.alerts.shift import shifted

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.alerts.couple import Word
    from vagalwatch.records import BreakStep

ENDED_STAYS_NS: Final = 10 * MINUTE_NS
"""Our choice: as long as a wearer's own return is spoken of."""

STEPS: Final = ("partner.acknowledge", "partner.reframe", "partner.soothe", "step.round")
"""For who would rather go after: acknowledge, see it another way, do something good for oneself;
and no staying with the fight, after which people settle worst (Gerin 2006)."""

_MINUTE_MS: Final = 60_000


class Partner:
    """The other one of two. ``heard``: the partner has said "I heard" of the own break."""

    def __init__(self) -> None:
        """Nothing is seen."""
        self._shown: Shown | None = None
        self._told = False
        self._about: tuple[str, int] = ("", 0)
        self.heard = False

    def take(self, word: Word) -> bool:
        """Take what the partner lets be known; whether it changes what is shown."""
        before = self._shown, self.heard
        match word:
            case Seen():
                self._shown = after(self._shown, word)
            case Gone():
                self._shown = None  # what they have heard stays heard: its end would be a notice
            case _:
                self.heard = bool(self._about[0])
        if self._shown != before[0]:
            self._told = False
        return (self._shown, self.heard) != before

    def own_break(self, step: BreakStep, *, running: bool) -> None:
        """The own break moves on: a new time is a new thing to hear."""
        about = (step.id, step.until_ns) if running else ("", 0)
        if about != self._about:
            self._about, self.heard = about, False

    def say_heard(self) -> None:
        """The own "I heard": of what has ended, no more is shown then."""
        self._told = True
        if self._shown is not None and self._shown.ended_ns:
            self._shown = None

    def shift(self, delta_ns: int) -> None:
        """Put every remembered time on a clock that reads ``delta_ns`` more."""
        if self._shown is not None:
            self._shown = shifted(self._shown, delta_ns)
        self._about = (self._about[0], self._about[1] + delta_ns if self._about[0] else 0)

    def expire(self, now_ns: int) -> None:
        """Forget what has been over for long."""
        shown = self._shown
        if shown is not None and shown.ended_ns and now_ns - shown.ended_ns > ENDED_STAYS_NS:
            self._shown = None

    def as_json(self, now_ns: int, wall_ms: Callable[[int], int]) -> dict[str, object] | None:
        """What the page shows: words, a name, and a time in whole minutes; no other number."""
        shown = self._shown
        if shown is None:
            return None
        say = shown.say_at(now_ns)
        hears = not self._told and say != Say.NO_WORD
        tells = ["partner.tells"] if hears and not shown.ended_ns else []
        return {
            "say": f"partner.{say}",
            "name": shown.name,
            "until_ms": -(-wall_ms(shown.until_ns) // _MINUTE_MS) * _MINUTE_MS,
            "lines": ["partner.told"] if self._told else tells,
            "hears": hears,
            "steps": [] if shown.ended_ns else list(STEPS),
        }
