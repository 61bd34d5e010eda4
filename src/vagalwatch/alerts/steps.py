"""One small step at a time: which are offered, by the state and by what was chosen while calm.

After flooding, soft slow breathing and something absorbing lead; lowering arousal cuts anger,
venting and hard exercise do not (Kjaervik & Bushman 2024, 154 studies), and who stays with the
fight settles worst (Gerin 2006). After a possible shutdown, and where the state is unclear, only
what harms nobody: eyes open, the room, the feet, cool or warm, water. Breath is not neutral for
many survivors (Treleaven 2018), so there it takes a choice made while calm. Taps come in short
sets with attention on the room: longer ones serve to work on memories.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.records import EpisodeKind

if TYPE_CHECKING:
    from collections.abc import Collection


class Step(StrEnum):
    """A small step (``BreakStep.steps``); its words stand in the words file as ``step.*``."""

    USUAL_BREATH = "usual-breath"
    BREATH = "breath"
    FOUR_SEVEN_EIGHT = "four-seven-eight"
    ORIENT_BLUE = "orient-blue"
    FEET = "feet"
    TEMPERATURE = "temperature"
    WATER = "water"
    ORIENT_TOUCH = "orient-touch"
    HEELS = "heels"
    SENSES = "senses"
    TAPS = "taps"
    WALK = "walk"
    ABSORBED = "absorbed"
    OWN = "own"
    ROUND = "round"
    BODY_SCAN = "body-scan"
    EYES_CLOSED = "eyes-closed"


class When(StrEnum):
    """When a step is on offer."""

    ALWAYS = "always"
    CHOSEN = "if chosen while calm"
    WRITTEN = "if written while calm"
    AFTER_BREATH = "once breathing did no good"
    NEVER = "never"


class Fit(NamedTuple):
    """When a step is on offer in a break about flooding, and in any other."""

    flooding: When
    else_: When


TABLE: Final[dict[Step, Fit]] = {
    Step.USUAL_BREATH: Fit(When.AFTER_BREATH, When.AFTER_BREATH),
    Step.BREATH: Fit(When.ALWAYS, When.CHOSEN),
    # No better than 6 a minute, and a long hold is not for everybody: see `holds_ok`.
    Step.FOUR_SEVEN_EIGHT: Fit(When.CHOSEN, When.NEVER),
    Step.OWN: Fit(When.WRITTEN, When.WRITTEN),
    Step.ORIENT_BLUE: Fit(When.ALWAYS, When.ALWAYS),
    Step.FEET: Fit(When.ALWAYS, When.ALWAYS),
    Step.WALK: Fit(When.ALWAYS, When.CHOSEN),
    Step.ROUND: Fit(When.ALWAYS, When.ALWAYS),  # a gentle check: is the fight still playing?
    Step.TEMPERATURE: Fit(When.ALWAYS, When.ALWAYS),
    Step.WATER: Fit(When.ALWAYS, When.ALWAYS),
    Step.ABSORBED: Fit(When.ALWAYS, When.CHOSEN),
    Step.HEELS: Fit(When.ALWAYS, When.ALWAYS),
    Step.ORIENT_TOUCH: Fit(When.ALWAYS, When.ALWAYS),
    Step.SENSES: Fit(When.ALWAYS, When.ALWAYS),
    Step.TAPS: Fit(When.ALWAYS, When.ALWAYS),
    Step.BODY_SCAN: Fit(When.CHOSEN, When.CHOSEN),
    Step.EYES_CLOSED: Fit(When.CHOSEN, When.CHOSEN),
}
"""In the order in which they are offered, one at a time."""


class Pace(NamedTuple):
    """How long each part of a breath lasts, in s, and how many breaths (``None``: as one likes)."""

    in_s: int
    hold_s: int
    out_s: int
    breaths: int | None = None


PACES: Final[dict[str, Pace]] = {
    # Six a minute without a hold; softly, since slow breathing makes the untrained over-breathe
    # (CO2 fell 5.2 mmHg, 2.7 when told to breathe shallowly; Szulczewski 2019).
    Step.BREATH: Pace(4, 0, 6),
    Step.FOUR_SEVEN_EIGHT: Pace(4, 7, 8, breaths=4),  # four at most (Weil)
}
BREATHING: Final = frozenset(PACES)
"""What "This makes me dizzy" ends, for the rest of the break."""

LONGEST_OWN: Final = 120
"""Characters of a step in the person's own words: one sentence."""

KEYS: Final = ("steps-chosen", "steps-left-out", "own-step", "holds-ok")


@dataclass(slots=True, kw_only=True)
class Choices:
    """What the person chose about the steps while calm; each a ``Setting`` record.

    ==================  ========================================================  =======
    key                 value (JSON)                                              default
    ==================  ========================================================  =======
    ``steps-chosen``    list of steps wanted that are not on offer by themselves  []
    ``steps-left-out``  list of steps never wanted                                []
    ``own-step``        something absorbing of one's own, one line; or null       null
    ``holds-ok``        true: asked what speaks against holding the breath        false
                        (pregnancy, asthma or COPD, heart or blood pressure,
                        fainting, epilepsy, panic), the person said none does;
                        "Yes" and "Rather not say" are false, and no more is kept
    ==================  ========================================================  =======
    """

    chosen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    own: str = ""
    holds_ok: bool = False

    def take(self, key: str, value: str) -> None:
        """Put a setting in force; other keys are left alone.

        Raises:
            ValueError: the value is of the wrong kind (nothing has changed).
        """
        match key:
            case "steps-chosen":
                self.chosen = _steps(json.loads(value))
            case "steps-left-out":
                self.left_out = _steps(json.loads(value))
            case "own-step":
                self.own = one_line(json.loads(value), LONGEST_OWN)
            case "holds-ok":
                wanted = json.loads(value)
                if wanted is not True and wanted is not False:
                    raise ValueError("expected true or false")
                self.holds_ok = wanted


def offered(about: EpisodeKind | None, choices: Choices, *, breath: bool = True) -> tuple[str, ...]:
    """Steps for a break about ``about``; ``breath`` is false once breathing did no good.

    Never empty: who left out everything is still offered the room around.
    """
    flooding = about == EpisodeKind.FLOODING
    fits = {
        When.ALWAYS: True,
        When.WRITTEN: bool(choices.own),
        When.AFTER_BREATH: not breath,
        When.NEVER: False,
    }
    steps = [
        step
        for step, fit in TABLE.items()
        if fits.get(fit.flooding if flooding else fit.else_, step in choices.chosen)
        and step not in choices.left_out
        and (breath or step not in BREATHING)
        and (choices.holds_ok or step != Step.FOUR_SEVEN_EIGHT)
    ]
    return tuple(step.value for step in steps) or (Step.ORIENT_BLUE.value,)


def one_line(value: object, longest: int) -> str:
    """A person's own words: one printable line, trimmed; ``None`` and blank are none.

    Raises:
        ValueError: it is no text, is longer, or holds more than one line.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("expected a text or null")  # noqa: TRY004 - one kind of error for callers
    text = value.strip()
    if len(text) > longest:
        raise ValueError(f"expected at most {longest} characters")
    if not text.isprintable():
        raise ValueError("expected a single line of plain text")
    return text


def _steps(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("expected a list of steps")
    return tuple(step.value for step in Step if step in _known(value))


def _known(names: Collection[str]) -> frozenset[str]:
    unknown = sorted(set(names) - {*Step})
    if unknown:
        raise ValueError(f"there is no step {unknown[0]!r}")
    return frozenset(names)
