"""What was agreed while calm: typed, bounded, and shown in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts import words
from vagalwatch.alerts.agreement import CHOICES, KEYS, LONGEST, TEXTS, Agreement
from vagalwatch.alerts.preferences import Preferences, check


def test_an_agreement_shows_line_by_line() -> None:
    own = Agreement()
    own.take("agreed-sign", '" a flat hand "')
    own.take("agreed-place", '"the kitchen"')
    own.take("agreed-check-in", '"both"')
    own.take("agreed-if-not-ready", '"therapy"')
    assert [words.sentence(key, what=what) for key, what in own.lines()] == [
        "Our sign: a flat hand",
        "I go here: the kitchen",
        "We both check in.",
        "Too soon? Then it waits for the next session.",
    ]
    own.take("agreed-sign", "null")
    assert len(own.lines()) == 3


def test_nothing_agreed_shows_nothing() -> None:
    assert Agreement().lines() == []


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "value",
    [
        "3",
        "[]",
        "{}",
        "true",
        '"no such choice, and by far too long for any line of text at all"',
        "{",
    ],
)
def test_what_is_no_agreement_is_refused_and_changes_nothing(key: str, value: str) -> None:
    own = Agreement()
    with pytest.raises(ValueError, match=r".+"):
        own.take(key, value)
    assert own == Agreement()
    with pytest.raises(ValueError, match=r".+"):
        check(key, value)


@pytest.mark.parametrize("key", TEXTS)
def test_a_line_is_one_line_of_a_bounded_length(key: str) -> None:
    for text in ("a\nb", "a\u202eb", "a\x00b", "x" * (LONGEST + 1)):
        with pytest.raises(ValueError, match=r".+"):
            Agreement().take(key, json.dumps(text))
    Agreement().take(key, json.dumps("x" * LONGEST))


@pytest.mark.parametrize("key", CHOICES)
def test_every_choice_is_taken(key: str) -> None:
    for choice in CHOICES[key]:
        own = Agreement()
        own.take(key, json.dumps(choice))
        assert len(own.lines()) == 1


@given(st.sampled_from(KEYS), st.text())
def test_any_text_is_taken_or_refused(key: str, value: str) -> None:
    own = Preferences()
    try:
        own.take(key, value)
    except ValueError:
        assert own == Preferences()
    else:
        for line, what in own.agreement.lines():
            assert words.sentence(line, what=what)
