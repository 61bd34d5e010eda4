"""What a person can agree to, a row each; given and taken back on their own page; pure.

A consent is a ``Setting`` record of the wearer alone. Nobody can give it in their place:
``vagalwatch set`` does not take it, for whoever sits at the machine may be another person. A key
is one recipient; what they get (a purpose) is agreed to one by one. The value names the purposes
and the version of the text that was read::

    {"to": ["state"], "text": 1}

Nothing agreed to is ``{"to": [], "text": 1}``; no record is no consent. A bare list, as journals
from before versions have it, counts too, as of text 0.

What a row asks stands in the words file: ``consent.mqtt`` names the recipient of
``consent-mqtt``, ``consent.mqtt-state`` says what is agreed to. **Who changes such a line in its
meaning raises the row's text**, so that it is asked anew; what was agreed to stands until then.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Setting

MEASURE: Final = "consent-measure"
MQTT: Final = "consent-mqtt"
HOME_ASSISTANT: Final = "consent-home-assistant"
THERAPIST: Final = "consent-therapist"
RESEARCH: Final = "consent-research"
PARTNER: Final = "consent-partner"
JOINT: Final = "consent-joint"
COUPLE: Final = frozenset({PARTNER, JOINT})
"""Asked only of who is linked; they hold for that link, and only in today's text (couple.py)."""

PREFIX: Final = "consent-"


class Consent(NamedTuple):
    """One recipient (``key``), what they can be given, and the version of the lines that say so."""

    key: str
    purposes: tuple[str, ...]
    text: int = 1


_ROWS: Final = (
    # Measuring itself: withdrawn, the sensors are let go.
    Consent(MEASURE, ("body",)),
    # Accounts of the MQTT broker.
    Consent(MQTT, ("state", "estimate")),
    # Everybody in the home (deliver/homeassistant.py).
    Consent(HOME_ASSISTANT, ("break", "button", "state")),
    # The therapist, by a report of one's own weeks (report/one.py).
    Consent(THERAPIST, ("report",)),
    # A study, by what is exported (export/__init__.py), from the yes on.
    Consent(RESEARCH, ("series", "answers"), text=2),
    # The partner's page.
    Consent(PARTNER, ("breaks",)),
    # The therapist, in a session of two.
    Consent(JOINT, ("both",)),
)
TABLE: Final[dict[str, Consent]] = {row.key: row for row in _ROWS}
"""In the order in which they are asked."""


class ConsentError(ValueError):
    """Somebody has not agreed to what was asked for; one sentence, with the way out."""


class Given(NamedTuple):
    """What was agreed to, and which text was read."""

    to: frozenset[str]
    text: int


NOTHING: Final = Given(frozenset(), 0)


def given(key: str, value: str) -> Given:
    """What the setting ``key`` agrees to; what cannot be read is no consent, and never an error."""
    row = TABLE.get(key)
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return NOTHING
    match said:
        case {"to": list(names), "text": int(text)} if row is not None:
            return Given(_known(row, names), text)
        case list(names) if row is not None:
            return Given(_known(row, names), 0)
        case _:
            return NOTHING


def began(settings: Iterable[Setting], key: str, purpose: str) -> Setting | None:
    """With which of a wearer's ``settings`` the agreement that stands now began; else ``None``.

    What was agreed to before it was taken back is over: given again, it begins anew. A yes to an
    earlier text is no yes to what today's has more.
    """
    first = None
    for setting in settings:
        if setting.key == key:
            to, text = given(key, setting.value)
            stands = purpose in to and text >= TABLE[key].text
            first = (first or setting) if stands else None
    return first


def whole(key: str, value: str) -> bool:
    """Whether all of ``key`` is agreed to, in today's words: what a consent of two takes."""
    row = TABLE.get(key)
    return row is not None and given(key, value) == (frozenset(row.purposes), row.text)


def value_of(key: str, to: frozenset[str] | set[str], text: int) -> str:
    """The value that agrees to ``to``, and to nothing else, as text number ``text`` has it.

    Raises:
        ValueError: there is no such consent or purpose, or the text that was read is not today's.
    """
    row = TABLE.get(key)
    if row is None or not to <= {*row.purposes}:
        raise ValueError("there is nothing of that name to agree to")
    if text != row.text:
        raise ValueError("what was read is not what is asked today")
    return _value(row, to, text)


def changed(key: str, standing: str, purpose: str, text: int, *, on: bool) -> str:
    """The value after one purpose is given or taken back, by what stands now (``standing``).

    Never by what stood on the screen: elsewhere, something may have been taken back since. Taking
    back is not refused for its words, and what stays was agreed to as it was read then.

    Raises:
        ValueError: as :func:`value_of`.
    """
    before, row = given(key, standing), TABLE.get(key)
    if on:
        return value_of(key, before.to | {purpose}, text)
    if row is None or purpose not in row.purposes:
        raise ValueError("there is nothing of that name to take back")
    to = before.to - {purpose}
    return _value(row, to, before.text if to else row.text)


def _value(row: Consent, to: frozenset[str] | set[str], text: int) -> str:
    return json.dumps({"to": [name for name in row.purposes if name in to], "text": text})


def _known(row: Consent, names: list[object]) -> frozenset[str]:
    return frozenset(name for name in row.purposes if name in names)
