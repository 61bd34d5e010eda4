"""What can be set for a wearer at a good time, by name: the door through which settings come in.

Each is a ``Setting`` record of the journal, so a replay knows what was in force when. What a key
takes, and its bounds, stand where it is used: :mod:`vagalwatch.alerts.preferences`,
:mod:`vagalwatch.alerts.steps`, :mod:`vagalwatch.alerts.agreement`, :mod:`vagalwatch.hrv`.

Consents are not among them: they are the wearer's own to give (:func:`consent`), on a page that
only they have, and not for whoever sits at the machine. Nor is it for those to end a pause.
"""

from __future__ import annotations

import difflib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts import agreement, calling, consents, couple, preferences
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.parameters import NS
from vagalwatch.hrv.pipeline import BETA_BLOCKER_KEY
from vagalwatch.records import Setting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Record

LONGEST: Final = 2000
"""Characters of a value; the longest there is, all steps in a list, has some hundred."""

KEYS: Final[dict[str, str]] = {
    "break-minutes": "how long a break is, 20 to 1440",
    "prompts-per-day": "most prompts a day, 0 to 3",
    "refractory-minutes": "least time between two prompts, 20 to 1440",
    "prompt-valid-s": "how long a prompt may be answered, 30 to 600",
    "later-minutes": "after “later”, when to ask once more, 5 to 60",
    "quiet-hours": '{"from": "22:00", "to": "07:00", "zone": "Europe/Helsinki"}, or null',
    "mute-until": "a time such as 2026-11-23T22:00 on this machine's clock, or null",
    "safety-alerts": "true or false: the alert for a heart that falls fast",
    PAUSED: "true: ask and share nothing; it goes on by a tap on the own page only",
    "steps-chosen": 'steps wanted that do not come by themselves, as ["walk"] (docs/break.md)',
    "steps-left-out": 'steps never wanted, as ["taps"]',
    "own-step": "something absorbing of one's own, one line, or null",
    "holds-ok": "true: nothing speaks against holding the breath (docs/break.md)",
    "help-number": "the emergency number to call, or null for 112",
    "contact-name": f"who can help, up to {calling.LONGEST_NAME} characters, or null",
    "contact-number": "their number, or null",
    couple.NAME: f"as whom the partner sees me, up to {couple.LONGEST_NAME} characters, or null",
    **dict.fromkeys(agreement.TEXTS, f"up to {agreement.LONGEST} characters, or null"),
    **{key: f"{', '.join(said)}, or null" for key, said in agreement.CHOICES.items()},
    BETA_BLOCKER_KEY: "true or false: a beta blocker is taken",
    BASELINE_KEY: "null: learn the usual anew",
}
"""What each key takes, for a person."""

# Whoever sits at the machine may stop the sharing, and not what its wearer has stopped.
_WORDS: Final = {PAUSED: {"true"}, BETA_BLOCKER_KEY: {"true", "false"}, BASELINE_KEY: {"null"}}


def wish(wearer: str, key: str, text: str, now_ns: int) -> Setting:
    """The record of what was set; ``text`` is JSON, or a line as a person types it.

    Raises:
        ValueError: one sentence, with the nearest key or what the key takes.
    """
    if key in consents.TABLE:
        raise ValueError("Consents are the wearer's own to give, on their own page alone.")
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
        raise ValueError(f"There is no setting “{key}”. Did you mean “{near}”?")
    try:
        value = _time(text) if key == "mute-until" else _json(text)
        if key in calling.KEYS and not isinstance(json.loads(value), str | None):
            value = json.dumps(text)  # 911 is no number to reckon with
        preferences.check(key, value)
        calling.Calling().take(key, value)
        couple.check(key, value)
        _keep_to(key, value)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"“{key}” takes {KEYS[key]}.") from error
    return Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=key, value=value)


def consent(
    wearer: str, key: str, said: object, now_ns: int, *, standing: str, link: couple.Link | None
) -> Setting:
    """The record of what ``wearer`` agreed to on their own page, or took back.

    ``said`` is ``{"purpose", "on", "text": the version that was read}``, one box of those that
    stand there, and it changes what stands now: ``standing``, the value in force. What is asked
    about a partner also says about whom, ``"partner"`` and ``"at"`` of the link: a screen that was
    opened before gives nothing to another. Taking back is never refused.

    Raises:
        ValueError: it is not that, or not what is asked (:mod:`vagalwatch.alerts.consents`).
    """
    match said:
        case {"purpose": str(purpose), "on": bool(on), "text": int(text), **about}:
            if on and about != (asked_about(link) if key in consents.COUPLE else {}):
                raise ValueError("what was asked is about another link")
            value = consents.changed(key, standing, purpose, int(text), on=on)
        case _:
            raise ValueError("expected one purpose, whether it is given, and the text's version")
    return Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=key, value=value)


def asked_about(link: couple.Link | None) -> dict[str, str] | None:
    """Which link a consent of two is about; without one there is nothing to agree to."""
    return None if link is None else {"partner": link.partner, "at": link.at}


def unlink(wearer: str, now_ns: int) -> Setting:
    """The record of ``wearer`` ending the own side of a link, which ends all of it, in silence."""
    value = couple.link_value(None)
    return Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=couple.LINK, value=value)


def go_on(wearer: str, now_ns: int) -> Setting:
    """The record of ``wearer`` going on after a pause of everything: nobody else can say that."""
    return Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=PAUSED, value="false")


def in_force(wearer: str, records: Iterable[Record]) -> dict[str, str]:
    """The newest value (JSON) of each key that has been set for ``wearer`` and has an effect."""
    said: dict[str, str] = {}
    for record in records:
        if isinstance(record, Setting) and record.wearer == wearer:
            said[record.key] = record.value
            if record.key == couple.LINK:
                for key in couple.OF_A_LINK:
                    said.pop(key, None)
    if said.get(couple.LINK, "null") == "null":
        said.pop(couple.NAME, None)  # nobody is there to read it
    return {key: said[key] for key in KEYS if key in said and key != BASELINE_KEY}


def _keep_to(key: str, value: str) -> None:
    """What :func:`preferences.check` leaves to others, or would take at the bound in silence."""
    if key in _WORDS and value not in _WORDS[key]:
        raise ValueError("another word")
    low, high = preferences.BOUNDS.get(key, (None, None))
    if low is not None and high is not None and not low <= int(value) <= high:
        raise ValueError("out of bounds")


def _time(text: str) -> str:
    """UTC ns as JSON."""
    if text == "null":
        return text
    return str(round(datetime.fromisoformat(text).timestamp()) * NS)


def _json(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError("too long")
    try:
        return json.dumps(json.loads(text), allow_nan=False, ensure_ascii=False)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
