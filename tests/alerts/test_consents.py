"""What was agreed to is what counts: nothing more, whatever stands in a journal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies

from helpers_couple import sets
from vagalwatch.alerts import consents
from vagalwatch.alerts.consents import MQTT, NOTHING, TABLE, Given

anything = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.text()
    | strategies.sampled_from(["state", "estimate", "body", "to", "text"]),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=8,
)


@given(
    strategies.sampled_from(sorted(TABLE)).flatmap(
        lambda key: strategies.tuples(
            strategies.just(key), strategies.sets(strategies.sampled_from(TABLE[key].purposes))
        )
    )
)
def test_what_is_agreed_to_is_read_back_with_its_text(said: tuple[str, set[str]]) -> None:
    key, to = said
    value = consents.value_of(key, to, TABLE[key].text)
    assert consents.given(key, value) == Given(frozenset(to), TABLE[key].text)


@given(strategies.sampled_from([*TABLE, "mute-until"]), anything.map(json.dumps))
def test_whatever_stands_there_agrees_to_nothing_that_is_not_asked(key: str, value: str) -> None:
    purposes = TABLE[key].purposes if key in TABLE else ()
    assert consents.given(key, value).to <= {*purposes}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "null",
        "true",
        '"state"',
        '{"to": "state", "text": 1}',
        '{"to": ["state"]}',
        '{"to": ["state"], "text": "1"}',
        '{"to": ["state"], "text": 1.5}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_no_consent(value: str) -> None:
    assert consents.given(MQTT, value) == NOTHING


def test_a_list_from_before_versions_counts_as_of_text_0() -> None:
    assert consents.given(MQTT, '["state", 7]') == Given(frozenset({"state"}), 0)


def test_what_is_not_asked_cannot_be_agreed_to() -> None:
    with pytest.raises(ValueError, match="nothing of that name"):
        consents.value_of(MQTT, {"state", "thoughts"}, TABLE[MQTT].text)
    with pytest.raises(ValueError, match="nothing of that name"):
        consents.value_of("consent-everything", set(), 1)


def test_who_read_another_text_is_asked_anew() -> None:
    with pytest.raises(ValueError, match="not what is asked today"):
        consents.value_of(MQTT, {"state"}, TABLE[MQTT].text + 1)


yes, no = consents.value_of(MQTT, {"state"}, 1), consents.value_of(MQTT, {"estimate"}, 1)


@pytest.mark.parametrize(
    ("values", "began"),
    [
        ([], None),
        ([no], None),
        ([yes], 0),
        ([no, yes, yes], 1),
        ([yes, no], None),
        ([yes, no, yes], 2),
    ],
)
def test_an_agreement_began_with_the_yes_that_stands(values: list[str], began: int | None) -> None:
    said = [sets("ada", MQTT, value, n) for n, value in enumerate(values)]
    said.append(sets("ada", "consent-home-assistant", no, 9))
    first = consents.began(said, MQTT, "state")
    assert (None if first is None else first.t_ns) == began


def test_every_key_says_what_it_is_and_no_row_is_twice() -> None:
    assert all(key.startswith(consents.PREFIX) and key == row.key for key, row in TABLE.items())
    assert len(TABLE) == len(consents._ROWS)
    assert all(row.purposes and row.text >= 1 for row in TABLE.values())
