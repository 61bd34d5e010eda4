"""Which small steps are on offer: by the state, and by what was chosen while calm."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts.steps import BREATHING, LONGEST_OWN, TABLE, Choices, Step, offered
from vagalwatch.records import EpisodeKind

FLOODING, SHUTDOWN = EpisodeKind.FLOODING, EpisodeKind.SHUTDOWN
EVERYTHING = Choices(chosen=tuple(Step), own="Sort my stamps.", holds_ok=True)
INWARD = {Step.BREATH, Step.FOUR_SEVEN_EIGHT, Step.BODY_SCAN, Step.EYES_CLOSED}

STEPS = st.lists(st.sampled_from(list(Step)), unique=True).map(tuple)
CHOICES = st.builds(
    Choices,
    chosen=STEPS,
    left_out=STEPS,
    own=st.sampled_from(["", "Knit."]),
    holds_ok=st.booleans(),
)
ABOUT = st.sampled_from([FLOODING, SHUTDOWN, None])


def test_by_themselves_two_lists() -> None:
    """Written out by hand, in the order in which they come."""
    assert offered(FLOODING, Choices()) == (
        "breath",
        "orient-blue",
        "feet",
        "walk",
        "round",
        "temperature",
        "water",
        "absorbed",
        "heels",
        "orient-touch",
        "senses",
        "taps",
    )
    mild = (
        "orient-blue",
        "feet",
        "round",
        "temperature",
        "water",
        "heels",
        "orient-touch",
        "senses",
        "taps",
    )
    assert offered(SHUTDOWN, Choices()) == mild
    assert offered(None, Choices()) == mild, "unclear: what harms nobody"


@pytest.mark.parametrize("step", Step)
def test_every_step_stands_in_the_table_and_can_be_had_somehow(step: Step) -> None:
    assert step in TABLE
    assert any(
        step in offered(about, EVERYTHING, breath=breath)
        for about in (FLOODING, SHUTDOWN)
        for breath in (True, False)
    )


@given(ABOUT, CHOICES)
def test_nothing_inward_after_a_possible_shutdown_unless_it_was_chosen(
    about: EpisodeKind | None, choices: Choices
) -> None:
    given_ = set(offered(about, choices))
    if about != FLOODING:
        assert given_ & INWARD <= set(choices.chosen)
        assert Step.FOUR_SEVEN_EIGHT not in given_, "no held breath there, chosen or not"
    if Step.FOUR_SEVEN_EIGHT in given_:
        assert choices.holds_ok
        assert Step.FOUR_SEVEN_EIGHT in choices.chosen


@given(ABOUT, CHOICES)
def test_dizzy_ends_every_breathing_step(about: EpisodeKind | None, choices: Choices) -> None:
    after = offered(about, choices, breath=False)
    assert not set(after) & BREATHING
    if Step.USUAL_BREATH not in choices.left_out:
        assert after[0] == Step.USUAL_BREATH


@given(ABOUT, CHOICES, st.booleans())
def test_there_is_always_a_step_none_twice_and_none_that_was_left_out(
    about: EpisodeKind | None, choices: Choices, breath: bool
) -> None:
    given_ = offered(about, choices, breath=breath)
    assert given_
    assert len(set(given_)) == len(given_)
    if given_ != (Step.ORIENT_BLUE,):
        assert not set(given_) & set(choices.left_out)


def test_ones_own_step_comes_where_it_was_written() -> None:
    for about in (FLOODING, SHUTDOWN):
        assert Step.OWN not in offered(about, Choices(chosen=(Step.OWN,)))
        assert Step.OWN in offered(about, Choices(own="Sort my stamps."))


def test_the_order_does_not_depend_on_the_order_of_choosing() -> None:
    for pair in combinations((Step.BREATH, Step.WALK, Step.BODY_SCAN), 2):
        forth, back = Choices(), Choices()
        forth.take("steps-chosen", json.dumps(pair))
        back.take("steps-chosen", json.dumps(pair[::-1]))
        assert forth == back


def test_settings_are_taken() -> None:
    choices = Choices()
    choices.take("steps-chosen", '["four-seven-eight"]')
    choices.take("steps-left-out", '["taps"]')
    choices.take("own-step", '"  Sort my stamps. "')
    choices.take("holds-ok", "true")
    assert choices == Choices(
        chosen=("four-seven-eight",), left_out=("taps",), own="Sort my stamps.", holds_ok=True
    )
    choices.take("own-step", "null")
    assert choices.own == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps-chosen", '["deep-breath"]'),
        ("steps-chosen", '"breath"'),
        ("steps-chosen", "[1]"),
        ("steps-left-out", "{}"),
        ("own-step", "3"),
        ("own-step", json.dumps("x" * (LONGEST_OWN + 1))),
        ("own-step", json.dumps("one\ntwo")),
        ("holds-ok", "1"),
        ("holds-ok", "null"),
        ("holds-ok", ""),
    ],
)
def test_what_is_no_choice_is_refused_and_changes_nothing(key: str, value: str) -> None:
    choices = Choices()
    with pytest.raises(ValueError, match=r".+"):
        choices.take(key, value)
    assert choices == Choices()
