"""A call link calls what was set, and help in any case."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts.calling import EVERYWHERE, KEYS, LONGEST, Calling


def test_without_a_word_help_is_112_and_there_is_nobody_else() -> None:
    assert Calling().as_json() == {"help": EVERYWHERE, "contact": "", "name": ""}


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("911", "911"),
        ("+49 (0)30 / 123-456", "+49030123456"),
        (" 1 1 0 ", "110"),
        ("*31#5", "*31#5"),
    ],
)
def test_a_number_is_called_as_it_was_typed(typed: str, called: str) -> None:
    calling = Calling()
    calling.take("help-number", json.dumps(typed))
    calling.take("contact-number", json.dumps(typed))
    calling.take("contact-name", '"Kim"')
    assert calling.as_json() == {"help": called, "contact": called, "name": "Kim"}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["null", '""', '"  "'])
def test_a_number_can_be_taken_away_again(key: str, value: str) -> None:
    calling = Calling(help_number="911", contact_name="Kim", contact_number="12")
    calling.take(key, value)
    assert getattr(calling, key.replace("-", "_")) == ""


@pytest.mark.parametrize(
    "value", ['"abc"', '"1"', '"tel:12"', '"12;phone-context=x"', "12", "[]", '"+"', '"1\\n2"']
)
def test_what_no_phone_calls_is_refused_and_changes_nothing(value: str) -> None:
    calling = Calling(help_number="911")
    with pytest.raises(ValueError, match="expected"):
        calling.take("help-number", value)
    assert calling.help_number == "911"


@given(st.sampled_from(KEYS), st.text() | st.integers() | st.none())
def test_whatever_is_typed_what_is_called_is_a_number(key: str, typed: object) -> None:
    calling = Calling()
    try:
        calling.take(key, json.dumps(typed))
    except ValueError:
        assert calling == Calling()
    said = calling.as_json()
    assert said["help"]
    assert set(said["help"] + said["contact"]) <= set("0123456789*#+")
    assert len(said["name"]) <= LONGEST["contact-name"]
