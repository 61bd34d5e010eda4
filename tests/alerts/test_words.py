"""What is said to a person: complete, plain, and within what may be said."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from vagalwatch.alerts import words
from vagalwatch.alerts.readiness import Unsettled
from vagalwatch.hrv import codes
from vagalwatch.records import (
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

FORBIDDEN = re.compile(
    r"""
    dissociat | vagal | vagus | dorsal | ventral | nervous | freeze | trauma | stonewall
    | diagnos | disorder | symptom | patient | abnormal | stress | anxi | panic | angry | emotion
    | \bflood | shut\s?down | you\ are\ calm | \bcalm | \bsafe | signal\ ok | relax
    | \bmust\b | \berror | \bwarning | \balarm | not\ allowed | bad\ data | \blate[.!] | broke
    | promise | apologi | \bscore | deep\ breath | listen | \bhear\b | !
    """,
    re.IGNORECASE | re.VERBOSE,
)
AGREED = {"say.leave"}  # words that the couple agrees on as they stand; grade 6.5
SHORT = 5  # words; under this a reading grade means nothing and the longest word counts


def syllables(word: str) -> int:
    """A rule of thumb that counts a vowel group as a syllable; rather one too many."""
    word = re.sub(r"[^a-z]", "", word.lower())
    count = len(re.findall(r"[aeiouy]+", word))
    if word.endswith("e") and not word.endswith("le") and count > 1:
        count -= 1
    return max(count, 1)


def grade(text: str) -> float:
    """Flesch-Kincaid grade (Kincaid et al. 1975)."""
    said = re.findall(r"[A-Za-z']+|\d+", text)
    sentences = max(len(re.findall(r"[.!?:]+(?:\s|$)", text)), 1)
    return 0.39 * len(said) / sentences + 11.8 * sum(map(syllables, said)) / len(said) - 15.59


def filled(text: str) -> str:
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    return text.format(**dict.fromkeys(names, "20"))


def test_the_reading_grade_is_counted_rightly() -> None:
    # Counted by hand: 13 words, 2 sentences, 19 syllables.
    text = "The cat sat on the mat. Everybody agreed it was comfortable there."
    assert grade(text) == pytest.approx(0.39 * 12 / 2 + 11.8 * 19 / 12 - 15.59, abs=1.0)
    assert grade("Physiological arousal necessitates immediate interpersonal separation.") > 20


@pytest.mark.parametrize("key", sorted(set(LINES) - AGREED))
def test_every_line_reads_at_grade_six_or_below(key: str) -> None:
    text = filled(LINES[key])
    if len(text.split()) < SHORT:
        assert max(map(syllables, text.split())) <= 3
    else:
        assert grade(text) <= 6


@pytest.mark.parametrize("key", LINES)
def test_no_line_says_what_may_not_be_said(key: str) -> None:
    said = LINES[key].replace("“vagalwatch pair”", "")  # a command to type is no claim
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
        ("prompt", [*EpisodeKind]),
        ("lock-screen", [*EpisodeKind]),
        ("break", [*BreakPhase, *(f"not-settled-{reason}" for reason in Unsettled)]),
        ("answer", [*AnswerKind]),
    ],
)
def test_every_code_has_words(section: str, known: list[str]) -> None:
    assert {f"{section}.{code}" for code in known} <= set(LINES)


def test_every_gate_and_reason_line_has_a_code() -> None:
    gates = {f"gate.{code}" for code in (*codes.Gate, codes.CALIBRATING, codes.EXPIRED)}
    why = {f"why.{code}" for code in codes.Why}
    assert {key for key in LINES if key.startswith(("gate.", "why."))} == gates | why


@pytest.mark.parametrize("language", words.languages())
def test_every_language_says_all_there_is(language: str) -> None:
    said = words.lines(language)
    assert set(said) == set(LINES)
    for key, text in said.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", LINES[key])), key


def estimate(state: State, reason: str = "", gates: tuple[str, ...] = ()) -> Estimate:
    return Estimate(wearer="anna", t_ns=5, recv_ns=8, state=state, reason=reason, gates=gates)


def test_unknown_says_why() -> None:
    said = words.describe(
        estimate(State.UNKNOWN, "heart-off-body", ("heart-off-body", "eda-missing"))
    )
    assert said.headline == "I can't feel the strap. Check that it sits snug."
    assert said.hindered == ("I can't find your ring. I go by your heart alone.",)


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
    assert words.prompt(alert).endswith("?") == (kind != EpisodeKind.SAFETY)


@pytest.mark.parametrize("phase", BreakPhase)
@pytest.mark.parametrize("reason", ["", *Unsettled, "of-the-future"])
def test_every_step_of_a_break_has_its_sentence(phase: BreakPhase, reason: str) -> None:
    step = BreakStep(
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
    said = words.break_sentence(step, "7:40")
    assert said
    if phase == BreakPhase.ON:
        assert said == "You asked for time. Back at 7:40."
    if phase == BreakPhase.NOT_SETTLED and reason == Unsettled.NOT_MEASURED:
        assert "fast" not in said
