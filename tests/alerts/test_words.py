"""What is said to a person: complete, plain, and within what may be said."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise

import pytest

from helpers_words import FORBIDDEN, GERMAN_FORBIDDEN, easy, grade
from vagalwatch.alerts import agreement, calling, consents, couple, words
from vagalwatch.alerts.afterwards import Question
from vagalwatch.alerts.breath import Breathed
from vagalwatch.alerts.readiness import Unsettled
from vagalwatch.alerts.steps import Step
from vagalwatch.alerts.table import AGAIN, DROPPED, EXTENDED, FINAL, NO_WORD, PUT_OFF
from vagalwatch.hrv import codes
from vagalwatch.records import (
    LONGER,
    Alert,
    AnswerKind,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Estimate,
    Reason,
    State,
)

LINES = words.lines()

AGREED = {"say.leave"}  # words that the couple agrees on as they stand; grade 6.5

UNSPOKEN = {AnswerKind.SHOWN, AnswerKind.PACE, AnswerKind.PACE_OVER}
"""A page's or a machine's word: there is no button for it."""


def test_the_reading_grade_is_counted_rightly() -> None:
    # Counted by hand: 13 words, 2 sentences, 19 syllables.
    text = "The cat sat on the mat. Everybody agreed it was comfortable there."
    assert grade(text) == pytest.approx(0.39 * 12 / 2 + 11.8 * 19 / 12 - 15.59, abs=1.0)
    assert grade("Physiological arousal necessitates immediate interpersonal separation.") > 20


@pytest.mark.parametrize("key", sorted(set(LINES) - AGREED))
def test_every_line_reads_at_grade_six_or_below(key: str) -> None:
    assert easy(LINES[key])


@pytest.mark.parametrize("key", LINES)
def test_no_line_says_what_may_not_be_said(key: str) -> None:
    said = re.sub("“vagalwatch (pair|erase)”", "", LINES[key])  # a command to type is no claim
    assert not FORBIDDEN.search(said)


@pytest.mark.parametrize(
    "text",
    [
        "You are calm",
        "You are flooded",
        "Dissociation found",
        "Warning!",
        "Take a deep breath.",
        "Listening",
        "Late!",
        "You must stop",
    ],
)
def test_the_forbidden_list_catches_the_not_column(text: str) -> None:
    assert FORBIDDEN.search(text)


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("state", [*State]),
        ("gate", [*codes.Gate, codes.CALIBRATING, codes.EXPIRED]),
        ("why", [*codes.Why]),
        ("because", [*codes.Why]),
        ("prompt", [*EpisodeKind]),
        ("lock-screen", [*EpisodeKind]),
        ("break", [*BreakPhase, *(f"not-settled-{reason}" for reason in Unsettled)]),
        ("break", [f"not-resumed-{why}" for why in (PUT_OFF, DROPPED, NO_WORD)]),
        ("answer", [kind for kind in AnswerKind if kind not in UNSPOKEN]),
        ("breath", [code for code in Breathed if code != Breathed.TOO_LITTLE]),
        ("breath", [f"{code}-numbers" for code in Breathed if code != Breathed.TOO_LITTLE]),
        ("break", [f"on-{why}" for why in (EXTENDED, AGAIN, LONGER)]),
        ("step", [*Step]),
        ("partner", [*couple.Say]),
        ("ask", [*Question]),
        ("agree", [key.removeprefix("agreed-") for key in agreement.KEYS]),
        ("consent", [key.removeprefix(consents.PREFIX) for key in consents.TABLE]),
        ("weeks", [*FINAL, AnswerKind.SEEN]),
        ("own", [*calling.KEYS, "step-usual", "step-wanted", "step-never"]),
        (
            "consent",
            [
                f"{row.key.removeprefix(consents.PREFIX)}-{purpose}"
                for row in consents.TABLE.values()
                for purpose in row.purposes
            ],
        ),
        ("agreed", [key.removeprefix("agreed-") for key in agreement.TEXTS]),
        (
            "agreed",
            [
                f"{key.removeprefix('agreed-')}-{choice}"
                for key, choices in agreement.CHOICES.items()
                for choice in choices
            ],
        ),
    ],
)
def test_every_code_has_words(section: str, known: list[str]) -> None:
    assert {f"{section}.{code}" for code in known} <= set(LINES)


def test_every_gate_and_reason_line_has_a_code() -> None:
    gates = {f"gate.{code}" for code in (*codes.Gate, codes.CALIBRATING, codes.EXPIRED)}
    why = {f"why.{code}" for code in codes.Why}
    assert {key for key in LINES if key.startswith(("gate.", "why."))} == gates | why


def test_every_section_says_what_it_is_for() -> None:
    """Where a therapist reads it: right above the section."""
    text = (files("vagalwatch.alerts") / "words" / "en.toml").read_text(encoding="utf-8")
    for before, line in pairwise(text.splitlines()):
        assert not line.startswith("[") or before.startswith("# "), line


def test_every_line_to_say_has_its_purpose() -> None:
    names: dict[str, set[str]] = {"say": set(), "purpose": set()}
    for key in LINES:
        section, _, name = key.partition(".")
        if section in names:
            names[section].add(name)
    assert names["say"] == names["purpose"]


@pytest.mark.parametrize("language", words.languages())
def test_every_language_says_all_there_is(language: str) -> None:
    said = words.lines(language)
    assert list(said) == list(LINES), "in the same order: two files are read side by side"
    for key, text in said.items():
        assert words.placeholders(text) == words.placeholders(LINES[key]), key
        assert text.strip() == text, key


def test_there_is_a_second_language_and_it_is_no_copy() -> None:
    german = words.lines("de")
    same = {key for key, text in german.items() if text == LINES[key] and len(text) > 10}
    assert same == set()


def test_german_says_nothing_that_may_not_be_said() -> None:
    command = re.compile("„vagalwatch (pair|erase)“")
    said = {key: command.sub("", text) for key, text in words.lines("de").items()}
    found = {key: text for key, text in said.items() if GERMAN_FORBIDDEN.search(text)}
    assert found == {}


def test_an_unknown_language_names_those_that_there_are() -> None:
    with pytest.raises(words.WordsError, match=r"no words in “fi”. There are: de, en\."):
        words.lines("fi")


def test_a_therapist_changes_single_lines() -> None:
    own = words.edited(LINES, '[break]\nsettled = "Ready when you are."\n')
    assert own["break.settled"] == "Ready when you are."
    assert {key for key in LINES if own[key] != LINES[key]} == {"break.settled"}
    step = a_step(BreakPhase.SETTLED)
    assert words.break_sentence(step, "7:40", known=own) == "Ready when you are."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[break\n", "not valid TOML"),
        ('[break]\nsetled = "Ready."', "no line “break.setled”. Did you mean “break.settled”"),
        ('settled = "Ready."', "no line “settled."),
        ("[break]\nsettled = 3", "must be a text"),
        ('[break]\nsettled = " "', "must be a text"),
        ('[break]\nsettled = ["a"]', "must be a text"),
        ('[break]\non = "Back at {when}."', "is not given {when}; it can use: {time}"),
        ('[break]\nsettled = "{time}"', "is not given {time}; it can use: none"),
        ('[break]\non = "Back at {time"', "a brace without its other half"),
        ('[break]\non = "Back at {}"', "is not given {}"),
        ('[break]\non = "Back at {time:d}."', "not say how it is written"),
        ('[break]\non = "Back at {time!x}."', "not say how it is written"),
        ('[break]\non = "Back at {time:{time}}."', "not say how it is written"),
    ],
)
def test_what_cannot_be_used_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(words.WordsError, match=re.escape(why)):
        words.edited(LINES, text)


def estimate(state: State, reason: str = "", gates: tuple[str, ...] = ()) -> Estimate:
    return Estimate(wearer="anna", t_ns=5, recv_ns=8, state=state, reason=reason, gates=gates)


def test_unknown_says_why() -> None:
    said = words.describe(
        estimate(State.UNKNOWN, "heart-off-body", ("heart-off-body", "eda-missing"))
    )
    assert said.headline == "I can't feel the strap. Check that it sits snug."
    assert said.hindered == ("I see no ring. I go by your heart alone.",)


def test_a_code_from_a_newer_version_is_left_out() -> None:
    said = words.describe(estimate(State.UNKNOWN, "of-the-future", ("of-the-future",)))
    assert said.headline == LINES["state.unknown"]
    assert said.hindered == ()


def test_reasons_carry_their_numbers() -> None:
    reasons = (
        Reason(code="heart-fast", value=112.4, usual=72.0),
        Reason(code="heart-rate", value=112.4),  # its line needs the usual too
        Reason(code="still"),
    )
    assert words.explain(reasons) == (
        "Your heart is fast for you: 112 a minute.",
        "You are still.",
    )


def test_a_quiet_page_claims_nothing() -> None:
    said = words.describe(estimate(State.SETTLED))
    assert "does not mean all is well" in said.headline


@pytest.mark.parametrize("kind", EpisodeKind)
def test_a_lock_screen_shows_nothing_of_the_body_but_in_a_rapid_fall(kind: EpisodeKind) -> None:
    alert = Alert(
        wearer="anna", t_ns=5, recv_ns=8, id="a", alert=kind, onset_ns=1, valid_until_ns=9
    )
    assert "heart" not in words.lock_screen(alert)
    assert LINES[f"prompt.{kind}"].endswith("?") == (kind != EpisodeKind.SAFETY)


@pytest.mark.parametrize(("language", "drive"), [("en", "If you drive"), ("de", "Wenn du fährst")])
def test_a_rapid_fall_has_a_word_for_who_drives(language: str, drive: str) -> None:
    known = words.lines(language)
    assert drive in known["safety.drive"]
    assert known["safety.drive"] in known["lock-screen.safety"]


def a_step(phase: BreakPhase, reason: str = "") -> BreakStep:
    return BreakStep(
        wearer="anna",
        t_ns=5,
        recv_ns=5,
        id="b",
        phase=phase,
        began_ns=1,
        until_ns=2,
        origin="self",
        reason=reason,
    )


@pytest.mark.parametrize("phase", BreakPhase)
@pytest.mark.parametrize("reason", ["", *Unsettled, "of-the-future"])
def test_every_step_of_a_break_has_its_sentence(phase: BreakPhase, reason: str) -> None:
    step = a_step(phase, reason)
    said = words.break_sentence(step, "7:40")
    assert said
    if phase == BreakPhase.ON:
        assert said == "You asked for time. Back at 7:40."
    if phase == BreakPhase.NOT_SETTLED and reason == Unsettled.NOT_MEASURED:
        assert "fast" not in said
