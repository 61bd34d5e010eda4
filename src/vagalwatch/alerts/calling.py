"""Whom to call, as the person set it while well; each a ``Setting`` record.

==================  ====================================================================
key                 value (JSON; null or an empty text: none)
==================  ====================================================================
``help-number``     the emergency number of the place; without one, 112
``contact-name``    somebody who can help, a line of up to 40 characters
``contact-number``  their number
==================  ====================================================================

A number is digits with ``+``, ``*``, ``#``, spaces, brackets and dashes, at most 24 characters.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from vagalwatch.alerts.steps import one_line

EVERYWHERE: Final = "112"
"""Reaches help from any mobile phone, also where the number is another (3GPP TS 22.101, 10.1.1)."""

LONGEST_NAME: Final = 40
LONGEST_NUMBER: Final = 24
_NUMBER: Final = re.compile(r"\+?[0-9*#][0-9*# ()./-]*[0-9*#]")

LONGEST: Final = {
    "help-number": LONGEST_NUMBER,
    "contact-name": LONGEST_NAME,
    "contact-number": LONGEST_NUMBER,
}
KEYS: Final = tuple(LONGEST)


@dataclass(slots=True, kw_only=True)
class Calling:
    """Numbers as they were typed; an empty text is none."""

    help_number: str = ""
    contact_name: str = ""
    contact_number: str = ""

    def take(self, key: str, value: str) -> None:
        """Put a setting in force; other keys are left alone.

        Raises:
            ValueError: says what is wrong with ``value`` (nothing has changed).
        """
        if key not in KEYS:
            return
        try:
            taken = one_line(json.loads(value), LONGEST[key])
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if taken and key != "contact-name" and not _NUMBER.fullmatch(taken):
            raise ValueError("expected a number that a phone can call")
        setattr(self, key.replace("-", "_"), taken)

    def as_json(self) -> dict[str, str]:
        """For the page: what a link of a phone calls, and whom. No contact: empty texts."""
        return {
            "help": dialled(self.help_number) or EVERYWHERE,
            "contact": dialled(self.contact_number),
            "name": self.contact_name,
        }


def dialled(number: str) -> str:
    """What is dialled of a number as people write it."""
    return re.sub(r"[^0-9*#+]", "", number)
