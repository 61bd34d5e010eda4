"""What a person can set and agree to on their own page, with what stands and its bounds; pure.

What a key takes stands where it is used (:mod:`vagalwatch.wishes` lists where); here it is only
put together for a page, which knows the words. The settings in force come in as JSON by key.
"""

from __future__ import annotations

from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts import agreement, calling, consents, couple, steps
from vagalwatch.alerts.preferences import BOUNDS, PAUSED, Preferences
from vagalwatch.alerts.steps import Step, When
from vagalwatch.hrv.pipeline import BETA_BLOCKER_KEY
from vagalwatch.wishes import asked_about

if TYPE_CHECKING:
    from collections.abc import Mapping


_NUMBERS: Final = ("prompts-per-day", "break-minutes")
"""Those that a person thinks in; the others stand in ``vagalwatch set``."""
_NEVER_CHOSEN: Final = frozenset({Step.USUAL_BREATH, Step.OWN})
"""One comes once breathing did no good, the other when it is written."""


class House(NamedTuple):
    """Who can read along by how the house is wired; an empty name is nobody."""

    mqtt: str = ""
    """The broker's account, or its host: prompts and breaks go there, other things by consent."""
    influx: str = ""
    """The database's bucket: it takes everything but settings and a person's own words."""
    told: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """By which kinds of ways each wearer is told of a prompt beyond the page (docs/reach.md)."""


def chosen(standing: Mapping[str, str]) -> dict[str, object]:
    """What stands of each setting, with the bounds that the page keeps to."""
    wishes, call = Preferences(), calling.Calling()
    for key, value in standing.items():
        with suppress(ValueError):  # an old journal may hold it; it has no effect
            wishes.take(key, value)
            call.take(key, value)
    texts = dict.fromkeys(agreement.TEXTS, agreement.LONGEST)
    name = couple.name_of(standing.get(couple.NAME, "null"))
    quiet = wishes.quiet_from_min != wishes.quiet_to_min
    return {
        "numbers": {
            key: {
                "value": getattr(wishes, key.replace("-", "_")),
                "low": BOUNDS[key][0],
                "high": BOUNDS[key][1],
            }
            for key in _NUMBERS
        },
        "texts": {
            key: {"value": _part(wishes.agreement, key), "longest": longest}
            for key, longest in texts.items()
        }
        | {couple.NAME: {"value": name, "longest": couple.LONGEST_NAME}}
        | {"own-step": {"value": wishes.choices.own, "longest": steps.LONGEST_OWN}}
        | {
            key: {"value": getattr(call, key.replace("-", "_")), "longest": longest}
            for key, longest in calling.LONGEST.items()
        },
        "choices": {
            key: {"value": _part(wishes.agreement, key), "of": list(kinds)}
            for key, kinds in agreement.CHOICES.items()
        },
        "flags": {
            "safety-alerts": wishes.safety_alerts,
            "holds-ok": wishes.choices.holds_ok,
            BETA_BLOCKER_KEY: {"true": True, "false": False}.get(
                standing.get(BETA_BLOCKER_KEY, "")
            ),
        },
        "quiet": [_clock(wishes.quiet_from_min), _clock(wishes.quiet_to_min)] if quiet else None,
        "muted_until_ms": wishes.mute_until_ns // 1_000_000 or None,
        "steps": [
            {
                "step": step,
                "by_choice": When.CHOSEN in fit,
                "chosen": step in wishes.choices.chosen,
                "left_out": step in wishes.choices.left_out,
            }
            for step, fit in steps.TABLE.items()
            if step not in _NEVER_CHOSEN
        ],
    }


def agreed(standing: Mapping[str, str], link: couple.Link | None) -> list[dict[str, object]]:
    """Each consent that is asked: its lines' names, what was agreed to, and of which text.

    ``link`` is the wearer's own side; without one nothing of couples is asked. What is about it
    comes back with the answer (:func:`vagalwatch.wishes.consent`).
    """
    return [
        {
            "key": key,
            "say": f"consent.{key.removeprefix(consents.PREFIX)}",
            "name": link.partner if link and key in consents.COUPLE else "",
            "about": (asked_about(link) or {}) if key in consents.COUPLE else {},
            "text": row.text,
            "read": given.text,
            "asked": key in standing,
            "purposes": [{"name": name, "given": name in given.to} for name in row.purposes],
        }
        for key, row in consents.TABLE.items()
        if link or key not in consents.COUPLE
        for given in [consents.given(key, standing.get(key, ""))]
    ]


def seen_by(
    house: House, standing: Mapping[str, str], partner: str, wearer: str
) -> list[dict[str, str]]:
    """Who can see what of ``wearer``, as it is in force: a line's key, and the name that fills it.

    First who sees prompts and breaks by how the house is wired, then who sees more by consent
    (``consent.*`` lines; measuring itself is no sharing).
    """
    seen = [{"say": "who.you", "name": ""}, {"say": "who.keeper", "name": ""}]
    seen += [
        {"say": say, "name": name}
        for say, name in (("who.mqtt", house.mqtt), ("who.influx", house.influx))
        if name
    ]
    ways = dict.fromkeys(house.told.get(wearer, ()))
    seen += [{"say": f"who.{way}", "name": ""} for way in ways]
    for key, row in consents.TABLE.items():
        if key == consents.MEASURE or (key in consents.COUPLE and not partner):
            continue
        value = standing.get(key, "")
        # While everything is paused, nothing is shared by consent.
        shares = standing.get(PAUSED) != "true" and (
            key not in consents.COUPLE or consents.whole(key, value)
        )
        given = consents.given(key, value).to if shares else frozenset()
        short = key.removeprefix(consents.PREFIX)
        seen += [
            {
                "say": f"consent.{short}-{name}",
                "whom": f"consent.{short}",
                "name": partner if key in consents.COUPLE else "",
            }
            for name in row.purposes
            if name in given
        ]
    return seen


def _part(agreed_on: agreement.Agreement, key: str) -> str:
    return str(getattr(agreed_on, key.removeprefix("agreed-").replace("-", "_")))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
