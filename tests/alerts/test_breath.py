"""What is told of the breath: only after the break, and only where the heart clearly differs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_alerts import NOON_NS, NS, Wearer
from vagalwatch.alerts.breath import CLEAR_Z, LEAST_NS, Breathed, Breathing
from vagalwatch.records import (
    AnswerKind,
    BreakPhase,
    EpisodeKind,
    Estimate,
    Metrics,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

A, P = AnswerKind, BreakPhase
USUAL_BPM, SPREAD_BPM = 66.0, 2.0


def rows(anna: Wearer, bpm: float | None, seconds: int, *, state: State = State.RECOVERING) -> None:
    """The heart at ``bpm`` (``None``: not known) for so long; usual is 66, its spread 2."""
    for _ in range(seconds // 5):
        anna.now_ns += 5 * NS
        z = None if bpm is None else (bpm - USUAL_BPM) / SPREAD_BPM
        row = Estimate(
            wearer="anna",
            t_ns=anna.now_ns - 3 * NS,
            recv_ns=anna.now_ns,
            state=State.UNKNOWN if bpm is None else state,
            usual_hr_bpm=USUAL_BPM,
            metrics=Metrics(hr_bpm=bpm, z_hr=z),
        )
        anna.push(row)


@pytest.fixture
def anna() -> Wearer:
    """On a break about flooding, with a minute and a half of a fast heart."""
    anna = Wearer()
    anna.episode()
    anna.says(A.YES)
    rows(anna, 96, 90)
    return anna


def told(anna: Wearer) -> tuple[str, tuple[float, ...]]:
    """What the end of the break says."""
    anna.says(A.IM_BACK)
    assert anna.steps[-1].phase == P.RETURNED
    return anna.steps[-1].breathed, anna.steps[-1].breathed_bpm


def breathes(anna: Wearer, bpm: float | None, seconds: int) -> None:
    anna.says(A.PACE)
    rows(anna, bpm, seconds)
    anna.says(A.PACE_OVER)


@pytest.mark.parametrize(
    ("after_bpm", "code"),
    [(91.0, "slower"), (80.0, "slower"), (101.0, "faster"), (92.0, "no-change")],
)
def test_the_heart_before_and_at_the_end(anna: Wearer, after_bpm: float, code: str) -> None:
    breathes(anna, after_bpm, 180)
    rows(anna, 70, 120)  # what the heart does later is not the breath's
    assert told(anna) == (code, (96.0, after_bpm))


def test_nothing_is_told_before_the_break_is_over(anna: Wearer) -> None:
    breathes(anna, 80, 180)
    anna.says(A.MORE_TIME)
    rows(anna, 66, 45 * 60)
    assert P.SETTLED in anna.phases
    assert {step.breathed for step in anna.steps} == {""}
    assert told(anna)[0] == "slower"


def test_nobody_who_followed_no_shape_is_told_anything(anna: Wearer) -> None:
    rows(anna, 70, 600)
    assert told(anna) == ("", ())


@pytest.mark.parametrize("seconds", [0, 60, 115])
def test_two_minutes_are_the_least(anna: Wearer, seconds: int) -> None:
    breathes(anna, 70, seconds)
    assert told(anna) == ("too-little", ())


def test_a_heart_that_is_not_measured_is_too_little() -> None:
    for before, during in ((None, 80.0), (96.0, None)):
        anna = Wearer()
        anna.episode()
        anna.says(A.YES)
        rows(anna, before, 90)
        breathes(anna, during, 300)
        assert told(anna) == ("too-little", ())


def test_without_a_usual_there_is_nothing_to_hold_a_change_against() -> None:
    anna = Wearer()
    anna.says(A.START_BREAK)
    anna.body(State.CALIBRATING, 96, usual=None, seconds=90)
    anna.says(A.PACE)
    anna.body(State.CALIBRATING, 70, usual=None, seconds=180)
    assert told(anna) == ("too-little", ())


@pytest.mark.parametrize("end", [A.DIZZY, A.MADE_WORSE, A.FAR_AWAY])
def test_whom_breathing_did_no_good_or_who_is_far_away_is_told_nothing(
    anna: Wearer, end: AnswerKind
) -> None:
    breathes(anna, 80, 180)
    anna.says(end)
    assert told(anna) == ("", ())


def test_a_page_that_could_not_say_that_the_shape_is_over(anna: Wearer) -> None:
    """Then it is when the time is up: the step is gone from the screen."""
    anna.says(A.PACE)
    rows(anna, 90, 20 * 60)
    assert anna.steps[-1].phase in {P.SETTLED, P.NOT_SETTLED}
    rows(anna, 70, 600)
    assert told(anna) == ("slower", (96.0, 90.0))


def test_a_restart_within_goes_on_as_it_was(anna: Wearer) -> None:
    anna.says(A.PACE)
    rows(anna, 88, 90)
    anna.run_starts(anna.now_ns + 20 * NS)
    rows(anna, 88, 90)
    assert told(anna) == ("slower", (96.0, 88.0))


def test_said_twice_is_once(anna: Wearer) -> None:
    anna.says(A.PACE)
    rows(anna, 80, 120)
    anna.says(A.PACE)
    rows(anna, 80, 60)
    assert told(anna) == ("slower", (96.0, 80.0))


def test_each_shape_is_told_by_itself_and_the_last_that_was_long_enough_counts(
    anna: Wearer,
) -> None:
    breathes(anna, 80, 180)
    rows(anna, 90, 90)
    breathes(anna, 84, 180)
    rows(anna, 90, 60)
    breathes(anna, 70, 30)
    assert told(anna) == ("slower", (90.0, 84.0))


def after(
    breathing: Breathing,
    bpms: Iterable[float | None],
    usual_bpm: float = USUAL_BPM,
    spread_bpm: float = SPREAD_BPM,
) -> Breathing:
    for bpm in bpms:
        t_ns = (breathing.row_t_ns or NOON_NS) + 5 * NS
        z = None if bpm is None else (bpm - usual_bpm) / spread_bpm
        state = State.UNKNOWN if bpm is None else State.RISING
        metrics = Metrics(hr_bpm=bpm, z_hr=z)
        row = Estimate(
            wearer="anna",
            t_ns=t_ns,
            recv_ns=t_ns,
            state=state,
            usual_hr_bpm=usual_bpm,
            metrics=metrics,
        )
        breathing = breathing.after(row)
    return breathing


@pytest.mark.parametrize(("usual_bpm", "spread_bpm"), [(72.0, 4.0), (80.0, 2.0), (66.0, 9.0)])
def test_a_usual_that_moves_meanwhile_is_no_change_of_the_heart(
    usual_bpm: float, spread_bpm: float
) -> None:
    breathing = after(Breathing(), [80.0] * 12).begun(NOON_NS + 60 * NS)
    breathing = after(breathing, [80.0] * 40, usual_bpm, spread_bpm)
    assert breathing.told(EpisodeKind.FLOODING) == ("no-change", (80.0, 80.0))


def test_a_change_is_held_against_one_spread_the_one_that_stands_at_the_end() -> None:
    breathing = after(Breathing(), [96.0] * 12).begun(NOON_NS + 60 * NS)
    assert after(breathing, [88.0] * 40, 72.0, 4.0).told(None)[0] == "no-change"
    assert after(breathing, [86.0] * 40, 72.0, 4.0).told(None)[0] == "slower"
    assert after(breathing, [72.0] * 40, 72.0, 4.0).told(None)[0] == "slower"


Rates = st.lists(st.none() | st.floats(40, 180), min_size=0, max_size=60)


@settings(max_examples=150)
@given(Rates, Rates)
def test_what_is_told_follows_from_the_two_minutes_alone(
    before: list[float | None], during: list[float | None]
) -> None:
    breathing = after(Breathing(), before).begun(NOON_NS + 5 * NS * len(before))
    breathing = after(breathing, during)
    code, rates = breathing.told(EpisodeKind.FLOODING)
    if not rates:
        assert code == Breathed.TOO_LITTLE
        return
    last = NOON_NS + 5 * NS * (len(before) + len(during))
    assert last - breathing.since_ns >= LEAST_NS
    assert min(b for b in before[-12:] if b is not None) <= rates[0]
    assert rates[0] <= max(b for b in before[-12:] if b is not None)
    change = (rates[1] - rates[0]) / SPREAD_BPM
    clear = abs(change) >= CLEAR_Z - 1e-9
    assert code in ({Breathed.SLOWER, Breathed.FASTER} if clear else {Breathed.NO_CHANGE})
    if code != Breathed.NO_CHANGE:
        assert (code == Breathed.SLOWER) == (change < 0)
    assert breathing.told(EpisodeKind.SHUTDOWN) == ("", ())
    # Mirrored, a heart is told mirrored.
    mirrored = replace(
        breathing,
        before=breathing.before and -breathing.before,
        end=breathing.end and -breathing.end,
    )
    other = {Breathed.SLOWER: Breathed.FASTER, Breathed.FASTER: Breathed.SLOWER}
    assert mirrored.told(None)[0] == other.get(Breathed(code), code)
