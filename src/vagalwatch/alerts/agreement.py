"""What two people agreed on while calm, for the break to keep to; each a ``Setting`` record.

The negotiated time-out has these parts (Rosen 2003): a sign that is not argued with, where each
goes, how long, who minds the children, who checks in and how, and what if it is too soon. The
length is ``break-minutes`` in :mod:`vagalwatch.alerts.preferences`, since prompts need it too.

=======================  ==============================================================
key                      value (JSON; null or an empty text: nothing agreed)
=======================  ==============================================================
``agreed-sign``          the word or gesture, a line of up to 60 characters
``agreed-place``         where I go, up to 60 characters; a room, never tracked
``agreed-other-place``   where the other one goes, up to 60 characters
``agreed-children``      who minds the children, up to 60 characters
``agreed-check-in``      who checks in: ``"me"``, ``"other"``, ``"both"``
``agreed-how``           how: ``"in-person"``, ``"call"``, ``"message"``, ``"note"``
``agreed-if-not-ready``  if it is too soon: ``"new-time"``, ``"tomorrow"``, ``"therapy"``
=======================  ==============================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from vagalwatch.alerts.steps import one_line

LONGEST: Final = 60
"""Characters of a line: what can be taken in at a glance."""

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "agreed-check-in": ("me", "other", "both"),
    "agreed-how": ("in-person", "call", "message", "note"),
    "agreed-if-not-ready": ("new-time", "tomorrow", "therapy"),
}
TEXTS: Final = ("agreed-sign", "agreed-place", "agreed-other-place", "agreed-children")
KEYS: Final = (*TEXTS, *CHOICES)


@dataclass(slots=True, kw_only=True)
class Agreement:
    """The agreement in force; an empty text is "nothing agreed"."""

    sign: str = ""
    place: str = ""
    other_place: str = ""
    children: str = ""
    check_in: str = ""
    how: str = ""
    if_not_ready: str = ""

    def take(self, key: str, value: str) -> None:
        """Put a setting in force; other keys are left alone.

        Raises:
            ValueError: says what is wrong with ``value`` (nothing has changed).
        """
        if key not in KEYS:
            return
        said = json.loads(value)
        if key in TEXTS:
            taken = one_line(said, LONGEST)
        elif said is None or said in CHOICES[key]:
            taken = said or ""
        else:
            raise ValueError(f"expected one of: {', '.join(CHOICES[key])}; or null")
        setattr(self, key.removeprefix("agreed-").replace("-", "_"), taken)

    def lines(self) -> list[tuple[str, str]]:
        """What was agreed, as keys of the words file and what fills their ``{what}``."""
        said: list[tuple[str, str]] = []
        for key in KEYS:
            part = key.removeprefix("agreed-")
            value = getattr(self, part.replace("-", "_"))
            if value:
                said.append(
                    (f"agreed.{part}", value) if key in TEXTS else (f"agreed.{part}-{value}", "")
                )
        return said
