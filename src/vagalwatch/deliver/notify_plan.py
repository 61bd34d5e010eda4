"""Whom to tell by which way now: a function of what is committed, pure.

The page goes first. A prompt that nobody has answered there within :data:`PAGE_FIRST_NS` is told
by the first way of the wearer's chain that takes it; half-way through its time, if there is still
no answer, the one gentle repeat goes by the way after that one (with one way, by it again); then
silence. A way that fails gives its turn to the next and is not tried twice in one round. A rapid
fall waits for no page. Nothing is told of what is answered, acknowledged or over, and while the
person wishes not to be asked nothing but a rapid fall.

All times here are wall time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts.pause import NS
from vagalwatch.alerts.policy import repeat_at_ns
from vagalwatch.alerts.preferences import Preferences
from vagalwatch.records import Alert, Answer, BreakPhase, BreakStep, EpisodeKind, Notice, Setting

if TYPE_CHECKING:
    from vagalwatch.records import Record

KINDS: Final = ("alert", "answer", "break", "setting", "notice")

PAGE_FIRST_NS: Final = 20 * NS
"""Time to see and answer a prompt on a phone in the hand, and a sixth of a prompt's time (our
choice); a prompt that is valid for less leaves the page a quarter of it."""


class Due(NamedTuple):
    """Tell of ``alert`` by the way ``place`` of the chain (from 0)."""

    alert: Alert
    place: int
    repeat: bool


@dataclass(slots=True)
class _Open:
    alert: Alert
    break_id: str = ""
    tried: list[Notice] = field(default_factory=list)


class Plan:
    """One wearer's alerts and the ways, by name, to tell of them."""

    def __init__(self, ways: tuple[str, ...]) -> None:
        """Nothing to tell yet."""
        self._ways = ways
        self._open: dict[str, _Open] = {}
        self._wishes = Preferences()

    def take(self, record: Record) -> None:
        """Take a committed record of this wearer, in order."""
        match record:
            case Alert():
                self._open.setdefault(record.id, _Open(record))
            case Answer():
                self._close(record.about)
            case BreakStep(phase=BreakPhase.OFFERED) if record.alert_id in self._open:
                self._open[record.alert_id].break_id = record.id
            case BreakStep():
                self._close(record.alert_id)
            case Notice() if record.alert_id in self._open:
                self._open[record.alert_id].tried.append(record)
            case Setting():
                with suppress(ValueError):  # as the policy passes over it
                    self._wishes.take(record.key, record.value)
            case _:
                pass

    def due(self, now_ns: int) -> Due | None:
        """What to do at ``now_ns``; the same until its outcome was taken as a ``Notice``."""
        for key in [k for k, o in self._open.items() if now_ns >= o.alert.valid_until_ns]:
            del self._open[key]
        first = sorted(self._open.values(), key=lambda o: o.alert.alert != EpisodeKind.SAFETY)
        found = (self._due(opened, now_ns) for opened in first)
        return next((due for due in found if due is not None), None)

    def _due(self, opened: _Open, now_ns: int) -> Due | None:
        alert = opened.alert
        safety = alert.alert == EpisodeKind.SAFETY
        if not safety and self._wishes.silent_at(now_ns):
            return None
        wait_ns = 0 if safety else min(PAGE_FIRST_NS, (alert.valid_until_ns - alert.t_ns) // 4)
        if now_ns < alert.t_ns + wait_ns:
            return None
        repeat = now_ns >= repeat_at_ns(alert)
        this_round = [notice for notice in opened.tried if notice.repeat == repeat]
        if any(notice.outcome == "taken" for notice in this_round):
            return None
        tried = {notice.way for notice in this_round}
        order = self._order_from(_taken(opened.tried) if repeat else "")
        left = (place for place in order if self._ways[place] not in tried)
        return next((Due(alert, place, repeat) for place in left), None)

    def _order_from(self, taken: str) -> list[int]:
        """Places of the chain in the order in which to try them: from the one after ``taken``."""
        places = list(range(len(self._ways)))
        if taken not in self._ways:
            return places
        after = self._ways.index(taken) + 1
        return places[after:] + places[:after]

    def _close(self, about: str) -> None:
        for key, opened in list(self._open.items()):
            if about and about in {key, opened.break_id}:
                del self._open[key]


def _taken(notices: list[Notice]) -> str:
    return next((notice.way for notice in notices if notice.outcome == "taken"), "")
