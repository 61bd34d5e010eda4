"""What two people who are linked have in their records, for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vagalwatch.alerts import consents, couple
from vagalwatch.alerts.couple import Link, link_value
from vagalwatch.records import Setting

if TYPE_CHECKING:
    from collections.abc import Iterable

AT = "2026-11-23T17:00:00+00:00"


def sets(wearer: str, key: str, value: str, t_ns: int = 1) -> Setting:
    return Setting(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, key=key, value=value)


def link(wearer: str, partner: str | None, t_ns: int = 1, at: str = AT) -> Setting:
    """One side of an attested link; without a partner: it has ended."""
    said = None if partner is None else Link(partner, "therapist-1", at, couple.SENTENCE)
    return sets(wearer, couple.LINK, link_value(said), t_ns)


def attested(one: str, other: str, t_ns: int = 1) -> list[Setting]:
    return [link(one, other, t_ns), link(other, one, t_ns)]


def agrees(wearer: str, key: str, t_ns: int = 1, *, yes: bool = True) -> Setting:
    row = consents.TABLE[key]
    return sets(
        wearer, key, consents.value_of(key, {*row.purposes} if yes else set(), row.text), t_ns
    )


def shares(wearer: str, t_ns: int = 1, *, yes: bool = True) -> Setting:
    """The partner may see, or may no longer see, the breaks."""
    return agrees(wearer, consents.PARTNER, t_ns, yes=yes)


def named(wearer: str, name: str, t_ns: int = 1) -> Setting:
    return sets(wearer, couple.NAME, json.dumps(name), t_ns)


def known(*settings: Setting | Iterable[Setting]) -> couple.Couples:
    """Couples who were told of all these."""
    couples = couple.Couples()
    for each in settings:
        for setting in [each] if isinstance(each, Setting) else each:
            couples.push(setting)
    return couples


def sharing(t_ns: int) -> list[Setting]:
    """Ada and sam: attested, and agreed to by both; sam by a name of his own."""
    return [
        *attested("ada", "sam", t_ns),
        shares("ada", t_ns),
        shares("sam", t_ns),
        named("sam", "Sammy", t_ns),
    ]
