"""Two people with two records, linked: what one may know of the other's break; pure.

A link needs three things, each a ``Setting`` record of the wearer whose it is:

====================  ============================================================================
key                   value (JSON)
====================  ============================================================================
``couple-link``       ``{"partner", "by", "at", "sentence"}``: who has attested when (wall time),
                      and to which version of :data:`ATTESTATION`; or ``null``. It holds only while
                      both rows stand and name each other, from one attestation: either ends it.
``consent-partner``   the partner may see my breaks (:mod:`vagalwatch.alerts.consents`)
``consent-joint``     the therapist may look at both records together, in a session
``name-for-partner``  by which name the partner sees me, one line; ``null``: the pseudonym
====================  ============================================================================

An attestation shares nothing: it unlocks the consents, and a new one asks for them anew. Nothing
reaches the other before a break was accepted, and then only that there is one, when its wearer will
check in, and what the wearer says of that time. A break that anybody in the home can have pressed
for is nobody's promise: it is seen once its wearer has said anything themselves. Declined, expired,
wrong, paused, unmeasured, unlinked and quiet are all the same: no :data:`Word` at all, so the
other's page does not even wake up. Who withdraws is not announced: there is simply nothing more to
see.

The tool can be misused by a partner, and who looks for a detector of flooding is more often than
others in a violent couple (self-reported flooding is higher there: PMC7007326), so each rule here
fails towards showing nothing. See ``docs/couples.md``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts import consents
from vagalwatch.alerts.pause import MINUTE_NS, together
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.alerts.steps import one_line
from vagalwatch.alerts.table import NO_WORD, PUT_OFF
from vagalwatch.records import Answer, AnswerKind, BreakPhase, BreakStep, Setting, Together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vagalwatch.alerts.pause import Pause
    from vagalwatch.records import Record

LINK: Final = "couple-link"
NAME: Final = "name-for-partner"

OF_A_LINK: Final = consents.COUPLE | {NAME}
"""Keys that hold for one link: a new one, and the end of one, take them away."""

LONGEST_NAME: Final = 30
"""Characters: it stands in a sentence on a phone."""

ATTESTATION: Final = (
    "I have seen each of them alone and found no fear of the other, no control, no injury and no "
    "stalking."
)
"""Contraindications of couple work with a shared tool (Stith 2011; Greene & Bogo 2002)."""
SENTENCE: Final = 1
"""The version of :data:`ATTESTATION`: raised with every change of its meaning."""

NO_WORD_AFTER_NS: Final = 5 * MINUTE_NS
"""Our choice: who comes back on time may talk before tapping."""


class Link(NamedTuple):
    """One side of an attested link."""

    partner: str
    by: str
    """Pseudonym or role of who has attested; no name."""
    at: str
    sentence: int


def link_value(link: Link | None) -> str:
    """The value of a ``couple-link`` setting."""
    return json.dumps(None if link is None else link._asdict())


def may_be_joined(records: Iterable[Record], one: str, other: str) -> bool:
    """Whether both records may be looked at together: attested, and by both consents, now.

    ``records`` are the settings of both (others are passed over), each one's in their order.
    """
    couples = Couples()
    for record in records:
        couples.push(record)
    return couples.may_be_joined(one, other)


# --- what crosses --------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A step of the partner's break, for the page of ``to``: see :func:`after`."""

    to: str
    step: BreakStep
    name: str


class Gone(NamedTuple):
    """From now on ``to`` sees nothing of the partner."""

    to: str


class Heard(NamedTuple):
    """The partner has said "I heard" of the break that ``to`` is on."""

    to: str


Word = Seen | Gone | Heard
"""What reaches the page of another; nothing else does."""


class Say(StrEnum):
    """What the partner's page says; its words stand in the words file as ``partner.*``."""

    ON = "on"
    NEW_TIME = "new-time"
    NO_WORD = "no-word"
    CANCELLED = "cancelled"
    BACK = "back"
    NOT_TODAY = "not-today"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one sees of the partner's break. ``ended_ns`` is 0 while it is on."""

    break_id: str
    name: str
    say: Say
    until_ns: int
    ended_ns: int = 0

    def say_at(self, now_ns: int) -> Say:
        """By time alone, whatever the body of the other shows, a check-in has not come."""
        overdue = not self.ended_ns and now_ns >= self.until_ns + NO_WORD_AFTER_NS
        return Say.NO_WORD if overdue else self.say


def after(shown: Shown | None, seen: Seen) -> Shown | None:
    """What is seen after another step; the same where the step is nobody else's business."""
    step, name = seen.step, seen.name
    known = shown if shown and shown.break_id == step.id and not shown.ended_ns else None
    if step.phase == BreakPhase.ON:
        if known is not None and known.until_ns == step.until_ns:
            return shown  # other steps on offer, say
        say = Say.ON if known is None else Say.NEW_TIME
        return Shown(break_id=step.id, name=name, say=say, until_ns=step.until_ns)
    if known is None:
        return shown  # never accepted, or ended before
    match step.phase:
        case BreakPhase.RETURNED:
            say = Say.BACK
        case BreakPhase.DECLINED | BreakPhase.WRONG:  # "no break now", and why is private
            say = Say.CANCELLED
        case BreakPhase.NOT_RESUMED if step.reason == PUT_OFF:
            say = Say.NOT_TODAY
        case BreakPhase.NOT_RESUMED if step.reason == NO_WORD:
            return None  # the day is over, and nobody said so
        case BreakPhase.NOT_RESUMED:
            say = Say.OVER
        case _:  # the time is up, settled or not: the wearer has said nothing
            return shown
    return replace(known, say=say, ended_ns=step.recv_ns)


# --- who is linked with whom ---------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Side:
    """One wearer's settings, as far as they are about the partner, and what a pause has hidden."""

    link: Link | None = None
    agreed: dict[str, bool] = field(default_factory=dict)
    name: str = ""
    paused: bool = False
    last: str = ""
    """The newest break."""
    unseen: str = ""
    """The break of which something happened while everything was paused: it stays so."""
    on: str = ""
    """The newest break that was begun."""
    home: bool = False
    """What was said last can have been said by anybody in the home."""
    pressed: str = ""
    """The break that such a press began, until its wearer has said anything themselves."""


class Couples:
    """The couples of a site. Push every record; what comes back is for the partners' pages."""

    def __init__(self) -> None:
        """Nobody is linked."""
        self._sides: dict[str, _Side] = {}

    def push(self, record: Record) -> list[Word]:
        """Take one record and return what it lets others know, if anything."""
        match record:
            case Setting():
                before = self._audiences()
                self._take(record)
                return self._gone(before)
            case BreakStep():
                side = self._sides.setdefault(record.wearer, _Side())
                side.last = record.id
                if side.paused:
                    side.unseen = record.id
                if record.phase == BreakPhase.ON and record.id != side.on:
                    side.on, side.pressed = record.id, record.id if side.home else ""
                to = self._audience_of(record.wearer, record.id)
                return [Seen(to, record, self._called(record.wearer))] if to else []
            case Answer(answer=kind, via=via) if kind != AnswerKind.HEARD:
                side = self._sides.setdefault(record.wearer, _Side())
                side.home = via == "home"
                if not side.home:
                    side.pressed = ""
                return []
            case Answer():
                to = self.partner(record.wearer)
                return [Heard(to)] if to and self.audience(to) == record.wearer else []
            case _:
                return []

    def forget(self, wearer: str) -> list[Word]:
        """``wearer`` is erased: keep nothing, also not that somebody was linked with them."""
        before = self._audiences()
        self._sides.pop(wearer, None)
        for side in self._sides.values():
            if side.link is not None and side.link.partner == wearer:
                side.link, side.agreed, side.name = None, {}, ""
        return self._gone(before)

    def partner(self, wearer: str) -> str:
        """With whom ``wearer`` is linked, by one attestation that neither has ended; or empty."""
        own = self.link(wearer)
        theirs = None if own is None else self.link(own.partner)
        linked = own is not None and theirs == own._replace(partner=wearer)
        return own.partner if own is not None and linked else ""

    def link(self, wearer: str) -> Link | None:
        """``wearer``'s own side of a link, whether or not the other side stands."""
        side = self._sides.get(wearer)
        return None if side is None else side.link

    def audience(self, wearer: str) -> str:
        """Who may see ``wearer``'s breaks now: the partner, or nobody (empty)."""
        side = self._sides.get(wearer)
        shares = side is not None and side.agreed.get(consents.PARTNER, False) and not side.paused
        return self.partner(wearer) if shares else ""

    def may_be_joined(self, one: str, other: str) -> bool:
        """Whether both records may be looked at together: nothing is shared while one pauses."""
        sides = [self._sides[w] for w in (one, other) if w in self._sides]
        agreed = [side.agreed.get(consents.JOINT, False) and not side.paused for side in sides]
        return agreed == [True, True] and self.partner(one) == other

    def longer(self, pauses: Mapping[str, Pause | None], now_ns: int) -> list[Together]:
        """Whose break is to last as long as the partner's: both are on one, and both share it."""
        found = []
        for wearer in self._sides:
            partner = self.partner(wearer)
            own, other = pauses.get(wearer), pauses.get(partner)
            if own is None or other is None:
                continue
            seen_by = self._audience_of(wearer, own.id), self._audience_of(partner, other.id)
            if seen_by != (partner, wearer):
                continue
            if own.phase == other.phase == BreakPhase.ON:
                until_ns = together(own, other)[0].until_ns
                if until_ns > own.until_ns:
                    found.append(
                        Together(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, until_ns=until_ns)
                    )
        return found

    def _take(self, setting: Setting) -> None:
        side = self._sides.setdefault(setting.wearer, _Side())
        if setting.key == LINK:
            # What was agreed to before was agreed to about another link.
            side.link, side.agreed, side.name = _link(setting), {}, ""
        elif setting.key in consents.COUPLE:
            side.agreed[setting.key] = consents.whole(setting.key, setting.value)
        elif setting.key == NAME:
            side.name = name_of(setting.value)
        elif setting.key == PAUSED:
            side.paused = setting.value == "true"
            if side.paused:
                side.unseen = side.last

    def _audiences(self) -> dict[str, str]:
        return {wearer: to for wearer in self._sides if (to := self.audience(wearer))}

    def _audience_of(self, wearer: str, break_id: str) -> str:
        side = self._sides.get(wearer)
        hidden = side is None or break_id in {side.unseen, side.pressed}
        return "" if hidden else self.audience(wearer)

    def _gone(self, before: dict[str, str]) -> list[Word]:
        now = self._audiences()
        return [Gone(to) for wearer, to in before.items() if now.get(wearer) != to]

    def _called(self, wearer: str) -> str:
        side = self._sides.get(wearer)
        return side.name if side is not None and side.name else wearer


def check(key: str, value: str) -> None:
    """For those who take a name from people: refuse what would have no effect.

    Raises:
        ValueError: ``value`` is no name.
    """
    if key == NAME:
        one_line(json.loads(value), LONGEST_NAME)


def name_of(value: str) -> str:
    """The name that a setting asks for; empty: none, or none that can be used."""
    try:
        return one_line(json.loads(value), LONGEST_NAME)
    except (ValueError, RecursionError):
        return ""  # an old journal must not stop a page


def _link(setting: Setting) -> Link | None:
    try:
        said = json.loads(setting.value)
    except (ValueError, RecursionError):
        return None
    match said:
        case {"partner": str(partner), "by": str(by), "at": str(at), "sentence": int(sentence)}:
            return Link(partner, by, at, sentence) if partner not in {"", setting.wearer} else None
        case _:
            return None
