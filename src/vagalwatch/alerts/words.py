"""Codes to sentences. All words to a person stand in ``words/<language>.toml``, none in code.

An estimate is journalled as codes and numbers and rendered when read, so its words can be
mended or translated years later. A code that this version does not know (a journal written by a
newer one) is left out rather than shown raw.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.preferences import MIN_BREAK_MINUTES
from vagalwatch.records import BreakPhase, EpisodeKind

if TYPE_CHECKING:
    from vagalwatch.records import Alert, BreakStep, Estimate, Reason

DEFAULT_LANGUAGE: Final = "en"


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
def lines(language: str = DEFAULT_LANGUAGE) -> dict[str, str]:
    """Every line of a language by ``section.key``.

    Raises:
        FileNotFoundError: there is no such language.
    """
    file = files("vagalwatch.alerts") / "words" / f"{language}.toml"
    sections = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        f"{section}.{key}": text
        for section, texts in sections.items()
        for key, text in texts.items()
    }


def sentence(key: str, language: str = DEFAULT_LANGUAGE, **values: object) -> str:
    """The line ``section.key`` with its ``{values}`` filled in.

    Raises:
        KeyError: there is no such line, or a value is missing.
    """
    return lines(language)[key].format(**values)


def describe(estimate: Estimate, language: str = DEFAULT_LANGUAGE) -> Description:
    """What an estimate says; for ``unknown`` and ``calibrating`` the reason goes first."""
    known = lines(language)
    headline = known.get(f"gate.{estimate.reason}") or known[f"state.{estimate.state}"]
    hindered = (known.get(f"gate.{gate}", "") for gate in estimate.gates)
    return Description(
        headline=headline,
        why=explain(estimate.reasons, language),
        hindered=tuple(text for text in hindered if text and text != headline),
    )


def explain(reasons: tuple[Reason, ...], language: str = DEFAULT_LANGUAGE) -> tuple[str, ...]:
    """Reasons as sentences, in their order; one whose numbers are missing is left out."""
    said: list[str] = []
    for reason in reasons:
        text = lines(language).get(f"why.{reason.code}")
        numbers = {
            name: f"{number:.0f}" if abs(number) >= 10 else f"{number:.1f}"  # noqa: PLR2004 - digits
            for name in ("value", "usual", "threshold")
            if (number := getattr(reason, name)) is not None
        }
        if text is not None and all(
            f"{{{name}}}" not in text or name in numbers for name in ("value", "usual", "threshold")
        ):
            said.append(text.format(**numbers))
    return tuple(said)


def prompt(alert: Alert, language: str = DEFAULT_LANGUAGE) -> str:
    """The question (or, for a rapid fall, the advice) of an alert, for the wearer's own page."""
    return sentence(f"prompt.{alert.alert}", language)


def lock_screen(alert: Alert, language: str = DEFAULT_LANGUAGE) -> str:
    """A neutral line for where others may look: nothing of the body but in a rapid fall."""
    return sentence(f"lock-screen.{alert.alert}", language)


def break_sentence(
    step: BreakStep, return_time: str, minutes: int = MIN_BREAK_MINUTES, language: str = "en"
) -> str:
    """The one sentence of a break's phase; ``return_time`` as the wearer's clock shows it."""
    known = lines(language)
    key = f"break.{step.phase}"
    if step.phase == BreakPhase.NOT_SETTLED and f"{key}-{step.reason}" in known:
        key = f"{key}-{step.reason}"
    return sentence(key, language, time=return_time, minutes=minutes)


def small_steps(about: EpisodeKind | None, language: str = DEFAULT_LANGUAGE) -> tuple[str, ...]:
    """One small thing to do after another, by what the break is about.

    Breath work is only for what is surely high arousal; everybody else gets the steps for a
    possible shutdown, which harm nobody.
    """
    kind = EpisodeKind.FLOODING if about == EpisodeKind.FLOODING else EpisodeKind.SHUTDOWN
    start = f"step.{kind}-"
    return tuple(text for key, text in lines(language).items() if key.startswith(start))
