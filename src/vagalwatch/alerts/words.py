"""Codes to sentences. All words to a person stand in ``words/<language>.toml``, none in code.

An estimate is journalled as codes and numbers and rendered when read, so its words can be
mended or translated years later. A code that this version does not know (a journal written by a
newer one) is left out rather than shown raw.

The therapist's own file changes single lines of a language (:func:`edited`).
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

from vagalwatch.alerts.preferences import MIN_BREAK_MINUTES

if TYPE_CHECKING:
    from vagalwatch.records import Alert, BreakStep, Estimate, Reason

DEFAULT_LANGUAGE: Final = "en"

Lines = Mapping[str, str]
"""Every line of a language by ``section.key``."""


class WordsError(ValueError):
    """A file of own words cannot be used; the message is one sentence with the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An estimate in words: one sentence first, then what it rests on, then what hinders."""

    headline: str
    why: tuple[str, ...] = ()
    hindered: tuple[str, ...] = ()


def languages() -> list[str]:
    """Languages that there is a file for."""
    folder = files("vagalwatch.alerts") / "words"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir())


@cache
def lines(language: str = DEFAULT_LANGUAGE) -> Lines:
    """Every line of a language.

    Raises:
        WordsError: there is no such language.
    """
    if language not in languages():
        known = ", ".join(languages())
        raise WordsError(f"There are no words in “{language}”. There are: {known}.")
    file = files("vagalwatch.alerts") / "words" / f"{language}.toml"
    return dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))


def edited(known: Lines, text: str) -> Lines:
    """``known`` with the lines of a TOML ``text`` in their place.

    Raises:
        WordsError: it is not TOML, names a line that does not exist (the nearest is named), or
            a line holds something else than text and the {values} that this line is given.
    """
    try:
        own = _flat(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise WordsError(f"This is not valid TOML: {error}.") from error
    for key, line in own:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise WordsError(f"There is no line “{key}”. Did you mean “{near}”?")
        if not isinstance(line, str) or not line.strip():
            raise WordsError(f"The line “{key}” must be a text between quotation marks.")
        given = placeholders(known[key])
        try:
            wanted = placeholders(line)
        except ValueError as error:
            raise WordsError(f"The line “{key}” has a brace without its other half.") from error
        if any(spec or conversion for _, _, spec, conversion in Formatter().parse(line)):
            raise WordsError(f"The line “{key}” can name a value, but not say how it is written.")
        if unknown := sorted(wanted - given):
            can = ", ".join(f"{{{name}}}" for name in sorted(given)) or "none"
            raise WordsError(f"The line “{key}” is not given {{{unknown[0]}}}; it can use: {can}.")
    return {**known, **dict(own)}


def placeholders(line: str) -> set[str]:
    """The ``{values}`` that a line is filled with.

    Raises:
        ValueError: a brace has no other half.
    """
    return {name for _, name, _, _ in Formatter().parse(line) if name is not None}


def sentence(key: str, known: Lines | None = None, **values: object) -> str:
    """The line ``section.key`` with its ``{values}`` filled in; English unless ``known`` is given.

    Raises:
        KeyError: there is no such line, or a value is missing.
    """
    return (known or lines())[key].format(**values)


def describe(estimate: Estimate, known: Lines | None = None) -> Description:
    """What an estimate says; for ``unknown`` and ``calibrating`` the reason goes first."""
    known = known or lines()
    headline = known.get(f"gate.{estimate.reason}") or known[f"state.{estimate.state}"]
    hindered = (known.get(f"gate.{gate}", "") for gate in estimate.gates)
    return Description(
        headline=headline,
        why=explain(estimate.reasons, known),
        hindered=tuple(text for text in hindered if text and text != headline),
    )


def explain(reasons: tuple[Reason, ...], known: Lines | None = None) -> tuple[str, ...]:
    """Reasons as sentences, in their order; one whose numbers are missing is left out."""
    said: list[str] = []
    for reason in reasons:
        text = (known or lines()).get(f"why.{reason.code}")
        numbers = figures(reason)
        if text is not None and placeholders(text) <= numbers.keys():
            said.append(text.format(**numbers))
    return tuple(said)


def figures(reason: Reason) -> dict[str, str]:
    """The numbers of a reason that are known, as they stand in a sentence."""
    return {
        name: f"{number:.0f}" if abs(number) >= 10 else f"{number:.1f}"  # noqa: PLR2004 - digits
        for name in ("value", "usual", "threshold")
        if (number := getattr(reason, name)) is not None
    }


def lock_screen(alert: Alert, known: Lines | None = None) -> str:
    """A neutral line for where others may look: nothing of the body but in a rapid fall."""
    return sentence(f"lock-screen.{alert.alert}", known)


def break_key(step: BreakStep, known: Lines | None = None) -> str:
    """Which line a break's step is: that of its reason where there is one, else its phase's."""
    key = f"break.{step.phase}"
    exact = f"{key}-{step.reason}"
    return exact if exact in (known or lines()) else key


def break_sentence(
    step: BreakStep,
    return_time: str,
    minutes: int = MIN_BREAK_MINUTES,
    known: Lines | None = None,
) -> str:
    """The one sentence of a break's phase; ``return_time`` as the wearer's clock shows it."""
    return sentence(break_key(step, known), known, time=return_time, minutes=minutes)


def _flat(sections: dict[str, Any]) -> list[tuple[str, Any]]:
    """``section.key`` of every line; a line outside a section is a section of its own."""
    return [
        (f"{section}.{key}", line)
        for section, keys in sections.items()
        for key, line in (keys.items() if isinstance(keys, dict) else [("", keys)])
    ]
