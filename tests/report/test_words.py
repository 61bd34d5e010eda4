"""What a report says: as plain as the page, in both languages, and no word that claims more."""

from __future__ import annotations

from importlib.resources import files

import pytest

from helpers_words import FORBIDDEN, GERMAN_FORBIDDEN, easy
from vagalwatch.alerts import words
from vagalwatch.hrv.dyad import What
from vagalwatch.records import EpisodeKind
from vagalwatch.report.speech import lines

ENGLISH = lines("en")
TERMS = {
    "page.chart",  # "psychotherapy notes" is the law's word (45 CFR 164.501)
    "joint.linked-figure",  # symbols
    "note.assessment",  # the field's names of a note's parts
}


@pytest.mark.parametrize("key", sorted(set(ENGLISH) - TERMS))
def test_every_line_reads_at_grade_six_or_below(key: str) -> None:
    assert easy(ENGLISH[key])


@pytest.mark.parametrize("key", ENGLISH)
def test_no_line_says_what_may_not_be_said(key: str) -> None:
    assert not FORBIDDEN.search(ENGLISH[key])
    assert not GERMAN_FORBIDDEN.search(lines("de")[key])


def test_every_language_says_all_there_is() -> None:
    folder = files("vagalwatch.report") / "words"
    known = sorted(file.name.removesuffix(".toml") for file in folder.iterdir())
    assert known == words.languages()
    for language in known:
        said = lines(language)
        assert list(said) == list(ENGLISH), "in the same order: two files are read side by side"
        for key, text in said.items():
            assert words.placeholders(text) == words.placeholders(ENGLISH[key]), key


def test_every_code_has_a_mark() -> None:
    assert {f"mark.{code}" for code in (*EpisodeKind, *What)} <= set(ENGLISH)
