"""docs/report.md names every figure that a report gives, and every number that it explains."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from helpers_report import journal, two
from vagalwatch.alerts import words
from vagalwatch.hrv import dyad, linkage
from vagalwatch.records import EpisodeKind
from vagalwatch.report import figures, joint_page
from vagalwatch.report.speech import Speech
from vagalwatch.sessions import LONGEST_NOTE, LONGEST_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS = Path(__file__).resolve().parents[2] / "docs" / "report.md"
TEXT = re.sub(r"\s+", " ", DOCS.read_text(encoding="utf-8"))


def said(*sentences: str) -> None:
    for sentence in sentences:
        assert sentence in TEXT, sentence


def keys(names: Iterable[str]) -> None:
    said(*(f"`{name}`" for name in names))


def test_every_key_of_one_person_is_explained() -> None:
    keys(field.name for field in fields(figures.Progress))
    keys(["note", *figures.Ending.__args__])  # type: ignore[attr-defined] # of a Literal


def test_every_key_of_two_is_explained(tmp_path: Path) -> None:
    told, _ = joint_page.report(
        journal(tmp_path / "j.sqlite", two()), "alex", "sam", None, Speech("en", words.lines(), UTC)
    )
    keys(told)
    keys(field.name for field in fields(linkage.Linkage))
    keys(dyad.Order._fields)


def test_the_margins_are_those_of_the_code() -> None:
    fast, slow = EpisodeKind.FLOODING, EpisodeKind.SHUTDOWN
    for table, kind, unit in (
        (dyad.ONSET_LATE_S, fast, " s after it had set out"),
        (dyad.ONSET_LATE_S, slow, " s after it was half-way down"),
        (dyad.BACK_LATE_S, fast, " s (fast"),
        (dyad.BACK_LATE_S, slow, " s (slow"),
    ):
        low_s, high_s = table[kind]
        said(f"{low_s:.0f} to {high_s:.0f}{unit}")


def test_the_numbers_of_linkage_are_those_of_the_code() -> None:
    step_s = linkage.STEP_S
    said(
        f"windows of {linkage.WINDOW_ROWS * step_s} s",
        f"-{linkage.LAG_ROWS * step_s} to {linkage.LAG_ROWS * step_s} s",
        f"from {linkage.APART_ROWS * step_s} s on",
        f"at least {linkage.LEAST_SHIFTS} shifts",
        f"under {linkage.LEAST_WINDOWS} windows",
        f"p < {joint_page.LEVEL}",
    )


def test_a_session_is_as_long_as_it_says() -> None:
    assert LONGEST_NS == 3 * 3600 * 10**9
    said("by itself after three hours", f"up to {LONGEST_NOTE} characters")
    said(f"at most {figures.ON_TIME_NS // figures.MINUTE_NS} min after")
