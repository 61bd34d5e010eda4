"""What the page is told of a break. The story's policies are the real ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers_page import Story
from vagalwatch.alerts import words
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Setting,
)
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.records import Record

A = AnswerKind


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def view(records: list[Record]) -> View:
    made = View("ada")
    for record in records:
        if record.wearer in {"", "ada"}:
            made.push(record)
    return made


def shown(story: Story) -> dict[str, Any]:
    """What a page that was opened now would show."""
    return view(story.records).as_json()


def say(story: Story, answer: AnswerKind, about: str = "") -> None:
    now_ns = story.clock.now_ns()
    story.take(Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=answer, about=about))


def sets(story: Story, key: str, value: object) -> None:
    now_ns = story.clock.now_ns()
    setting = Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=json.dumps(value))
    story.take(setting)


def a_break(story: Story) -> str:
    """A break on a prompt about flooding; its id."""
    alert = story.episode(EpisodeKind.FLOODING)
    say(story, A.YES, alert.id)
    return str(shown(story)["break"]["id"])


def test_steps_are_lines_with_what_fills_them_and_what_dizzy_ends(story: Story) -> None:
    sets(story, "own-step", "Sort my stamps.")
    a_break(story)
    steps = shown(story)["break"]["steps"]
    assert steps[0] == {
        "say": "step.breath",
        "pace": {"in_s": 4, "hold_s": 0, "out_s": 6, "breaths": None},
        "own": "",
    }
    assert steps[1] == {"say": "step.own", "pace": None, "own": "Sort my stamps."}
    assert [step["say"] for step in steps if step["pace"]] == ["step.breath"]
    for step in steps:
        assert words.sentence(step["say"], own=step["own"])


def test_dizzy_changes_the_steps_at_once(story: Story) -> None:
    about = a_break(story)
    say(story, A.DIZZY, about)
    assert shown(story)["screen"] == "break"
    assert not any(step["pace"] for step in shown(story)["break"]["steps"])


def test_a_break_from_before_steps_were_recorded_gets_what_harms_nobody(story: Story) -> None:
    a_break(story)
    old = [replace(r, steps=()) if isinstance(r, BreakStep) else r for r in story.records]
    steps: Any = view(old).as_json()["break"]
    assert steps["steps"][0]["say"] == "step.orient-blue"
    assert not any(step["pace"] for step in steps["steps"])


def test_what_was_agreed_stands_beside_the_break(story: Story) -> None:
    sets(story, "agreed-place", "the kitchen")
    sets(story, "agreed-how", "note")
    a_break(story)
    assert shown(story)["break"]["agreed"] == [
        {"say": "agreed.place", "what": "the kitchen"},
        {"say": "agreed.how-note", "what": ""},
    ]


async def test_far_away_has_a_screen_until_it_is_over(story: Story) -> None:
    alert = story.episode(EpisodeKind.SHUTDOWN)
    say(story, A.FAR_AWAY, alert.id)
    now = shown(story)
    assert (now["screen"], now["prompt"]) == ("steadying", None)
    assert now["break"]["steps"]
    await story.move(20 * 60)
    now = shown(story)
    assert now["screen"] == "measure"
    assert now["notice"] == {"say": "break.expired", "about": alert.id}


def test_im_here_shows_that_it_was_heard_where_nothing_else_changes(story: Story) -> None:
    about = a_break(story)
    say(story, A.IM_HERE, "another")
    assert shown(story)["notice"] is None
    say(story, A.IM_HERE, about)
    now = shown(story)
    assert (now["screen"], now["notice"]) == ("break", {"say": "break.here", "about": about})
    say(story, A.IM_BACK, about)
    assert shown(story)["notice"] is None


def test_a_final_step_told_again_does_not_ask_again_what_was_answered(story: Story) -> None:
    say(story, A.IM_BACK, a_break(story))
    last = story.records[-1]
    assert isinstance(last, BreakStep)
    say(story, A.RIGHT, last.id)
    before = shown(story)
    assert before["ask"]["ask"] == "felt"
    story.take(last)
    assert shown(story) == before


def test_questions_come_one_after_the_other_and_end(story: Story) -> None:
    about = a_break(story)
    assert shown(story)["ask"] is None
    say(story, A.IM_BACK, about)
    asked = []
    for answer in (A.RIGHT, A.WORSE, A.NOT_FROM_THIS, A.SKIP, A.SET_OFF):
        ask = shown(story)["ask"]
        assert ask["about"] == about
        assert answer == A.SKIP or answer in ask["answers"]
        asked.append(ask["ask"])
        say(story, answer, about)
    assert asked == ["prompt", "felt", "cause", "mended", "set-off"]
    assert shown(story)["ask"] is None


def test_skipping_all_is_one_word(story: Story) -> None:
    about = a_break(story)
    say(story, A.IM_BACK, about)
    say(story, A.SKIP_ALL, about)
    assert shown(story)["ask"] is None


async def test_questions_stay_for_a_day_and_end_with_the_next_break(story: Story) -> None:
    say(story, A.IM_BACK, a_break(story))
    await story.clock.advance(23 * 3600)
    story.tick()
    now = shown(story)
    assert now["screen"] == "measure"
    assert now["ask"]["ask"] == "prompt"
    await story.clock.advance(3601)
    story.tick()
    assert shown(story)["ask"] is None
    say(story, A.START_BREAK)
    say(story, A.IM_BACK, shown(story)["break"]["id"])
    assert shown(story)["ask"]["ask"] == "felt"
    say(story, A.START_BREAK)
    assert shown(story)["ask"] is None


@pytest.mark.parametrize("answer", [A.WORSE, A.MADE_WORSE])
def test_worse_is_answered_with_where_help_is(story: Story, answer: AnswerKind) -> None:
    about = a_break(story)
    if answer == A.WORSE:
        say(story, A.IM_BACK, about)
    say(story, answer, about)
    assert shown(story)["notice"]["say"] == "ask.thanks-worse"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (A.NOT_TODAY, "break.not-resumed-put-off"),
        (A.LET_IT_DROP, "break.not-resumed-dropped"),
        (A.IM_BACK, "break.returned"),
    ],
)
def test_an_end_says_which_end_it_is(story: Story, answer: AnswerKind, line: str) -> None:
    say(story, answer, a_break(story))
    now = shown(story)
    assert (now["screen"], now["break"]["say"]) == ("after", line)
    assert line in words.lines()


def test_no_break_after_all_is_no_word_about_the_prompt(story: Story) -> None:
    say(story, A.NO_BREAK, a_break(story))
    assert shown(story)["notice"]["say"] == "break.declined"
    say(story, A.START_BREAK)
    say(story, A.NO_BREAK, shown(story)["break"]["id"])
    assert shown(story)["screen"] == "measure"
    assert shown(story)["notice"] is None


@pytest.mark.parametrize("phase", BreakPhase)
def test_every_phase_has_a_screen_and_a_line(phase: BreakPhase) -> None:
    step = BreakStep(
        wearer="ada",
        t_ns=1,
        recv_ns=1,
        id="b",
        phase=phase,
        began_ns=1,
        until_ns=2,
        origin="prompt",
        alert_id="a",
        asks=("felt",),
    )
    picture: Any = view([step]).as_json()
    assert picture["screen"] in {"measure", "steadying", "break", "time-up", "after"}
    assert picture["break"] is None or picture["break"]["say"] in words.lines()
    assert f"ask.{picture['ask']['ask']}" in words.lines()


def test_the_breath_is_told_once_the_break_is_over_and_in_numbers_only_to_who_wants_them(
    story: Story,
) -> None:
    step = BreakStep(
        wearer="ada",
        t_ns=1,
        recv_ns=1,
        id="b",
        phase=BreakPhase.RETURNED,
        began_ns=1,
        until_ns=2,
        origin="prompt",
        breathed="slower",
        breathed_bpm=(96.4, 87.6),
    )
    assert view([step]).breathed(numbers=False) == {"say": "breath.slower"}
    told = view([step]).breathed(numbers=True)
    assert told == {"say": "breath.slower-numbers", "before": 96, "end": 88}
    thin = replace(step, breathed="too-little", breathed_bpm=())
    for nothing in (thin, replace(step, breathed=""), replace(step, phase=BreakPhase.ON)):
        for numbers in (False, True):
            assert view([nothing]).breathed(numbers=numbers) is None
    say(story, A.PACE, a_break(story))
    assert shown(story)["screen"] == "break", "following a shape shows nothing"
