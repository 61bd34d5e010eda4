"""What is asked when a break has ended, and what its answers teach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_alerts import Wearer
from vagalwatch.alerts.afterwards import CHOICES, Question, left
from vagalwatch.alerts.table import FINAL, TABLE
from vagalwatch.records import AnswerKind, BreakPhase, EpisodeKind

A, P, Q = AnswerKind, BreakPhase, Question
DAY_S = 24 * 3600


@pytest.fixture
def anna() -> Wearer:
    return Wearer()


def asks(anna: Wearer) -> tuple[str, ...]:
    return anna.steps[-1].asks


def test_after_a_prompted_break_a_few_questions(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    assert asks(anna) == ()
    anna.says(A.IM_BACK)
    assert asks(anna) == ("prompt", "felt", "mended", "set-off")


def test_after_ones_own_break_nobody_asks_about_a_prompt(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.says(A.IM_BACK)
    assert asks(anna) == ("felt", "mended", "set-off")


@pytest.mark.parametrize("answer", [A.NOT_TODAY, A.LET_IT_DROP])
def test_who_did_not_go_back_is_not_asked_about_mending(anna: Wearer, answer: AnswerKind) -> None:
    anna.says(A.START_BREAK)
    anna.says(answer)
    assert asks(anna) == ("felt", "set-off")


@pytest.mark.parametrize("answer", [A.NOT_NOW, A.LATER, A.IM_THINKING, A.WRONG])
def test_who_takes_no_break_is_asked_nothing(anna: Wearer, answer: AnswerKind) -> None:
    anna.episode()
    anna.says(answer)
    assert asks(anna) == ()


def test_answers_take_their_questions_away() -> None:
    open_ = ("prompt", "felt", "mended")
    assert left(open_, A.RIGHT) == ("felt", "mended")
    assert left(open_, A.WRONG) == ("felt", "mended")
    assert left(open_, A.SAME) == ("prompt", "mended")
    assert left(open_, A.SKIP) == ("felt", "mended")
    assert left(open_, A.SKIP_ALL) == ()
    assert left(open_, A.YES) == open_, "no answer to these"


def test_worse_asks_whether_this_made_it_worse() -> None:
    assert left(("felt", "mended"), A.WORSE) == ("cause", "mended")
    assert left(("cause", "mended"), A.MADE_WORSE) == ("mended",)
    assert left(("cause",), A.NOT_FROM_THIS) == ()


@given(st.lists(st.sampled_from(list(A)), max_size=12))
def test_skipping_always_comes_to_an_end(said: list[AnswerKind]) -> None:
    open_: tuple[str, ...] = tuple(question for question in Q if question != Q.CAUSE)
    for answer in said:
        open_ = left(open_, answer)
    for _ in range(len(Q)):
        open_ = left(open_, A.SKIP)
    assert open_ == ()


@pytest.mark.parametrize("question", Q)
def test_every_answer_to_a_question_has_a_row_and_changes_no_break(question: Question) -> None:
    for phase in (P.RETURNED, P.NOT_RESUMED):
        for answer in (*CHOICES[question], A.SKIP, A.SKIP_ALL):
            assert TABLE[phase][answer].phase == phase


def test_that_it_made_things_worse_can_be_said_wherever_a_prompt_or_a_step_was() -> None:
    for phase in P:
        assert A.MADE_WORSE in TABLE[phase]
    assert all(TABLE[phase][A.MADE_WORSE].effects == () for phase in FINAL)


def test_answers_afterwards_tell_nothing_new_of_the_break(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.says(A.IM_BACK)
    told = len(anna.steps)
    for answer in (A.RIGHT, A.WORSE, A.MADE_WORSE, A.MENDED, A.SKIP, A.SKIP_ALL):
        assert anna.says(answer) == []
    assert len(anna.steps) == told


def test_wrong_afterwards_makes_prompts_rarer_and_right_as_wished(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.says(A.IM_BACK)
    anna.says(A.WRONG)
    anna.says(A.WRONG)
    assert anna.policy.state.limits.refractory_minutes == 40, "once a prompt"
    anna.says(A.RIGHT)
    assert anna.policy.state.limits.refractory_minutes == 0


# --- once a week: too many? ---------------------------------------------------------------------


def prompts_on(anna: Wearer, days: int) -> list[int]:
    """How many prompts come on each of ``days`` that flood every hour; each is declined."""
    counts = []
    for _ in range(days):
        before = len(anna.prompts)
        for _ in range(24):
            if anna.episode():
                anna.says(A.NOT_NOW)
            anna.tick(3600 - 5)
        counts.append(len(anna.prompts) - before)
    return counts


def asked(anna: Wearer) -> list[str]:
    return [step.id for step in anna.steps if Q.TOO_MANY in step.asks]


def test_once_a_week_after_a_prompt_it_is_asked_whether_it_is_too_much(anna: Wearer) -> None:
    prompts_on(anna, 7)
    assert asked(anna) == [], "not in the first week"
    prompts_on(anna, 1)
    assert len(asked(anna)) == 1
    prompts_on(anna, 6)
    assert len(asked(anna)) == 1
    prompts_on(anna, 1)
    assert len(asked(anna)) == 2


def test_a_week_without_prompts_asks_nothing(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.NOT_NOW)
    anna.tick(8 * DAY_S)
    anna.says(A.START_BREAK)
    anna.says(A.IM_BACK)
    assert asked(anna) == []


def test_fewer_takes_one_a_day_away_once_an_asking_and_never_the_last(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.NOT_NOW)
    anna.says(A.FEWER)  # nobody asked
    assert anna.policy.state.limits.fewer == 0
    for fewer in (1, 2, 3, 3):
        anna.tick(8 * DAY_S)
        anna.episode()
        anna.says(A.NOT_NOW)
        anna.says(A.FEWER)
        anna.says(A.FEWER)  # a second tab
        assert anna.policy.state.limits.fewer == fewer
    anna.tick(2 * DAY_S)
    assert prompts_on(anna, 2) == [1, 1]
    anna.sets("prompts-per-day", "3")
    assert prompts_on(anna, 1) == [3], "a number of one's own stands again"


def test_who_wants_none_gets_none(anna: Wearer) -> None:
    anna.sets("prompts-per-day", "0")
    assert prompts_on(anna, 1) == [0]


# --- thinking, far away, dizzy --------------------------------------------------------------------


def test_thinking_is_heard_and_nothing_asks_again(anna: Wearer) -> None:
    anna.episode(EpisodeKind.SHUTDOWN)
    anna.says(A.IM_THINKING)
    assert anna.phases == [P.OFFERED, P.THINKING]
    anna.tick(15 * 60)
    assert len(anna.prompts) == 1, "later would have asked after ten minutes"
    assert anna.policy.state.limits.refractory_minutes == 0, "nor is it a wrong prompt"
    anna.says(A.YES)
    assert anna.phases[-1] == P.ON, "and the thought may end in a break"


def test_far_away_gets_mild_steps_and_no_break_of_its_own(anna: Wearer) -> None:
    anna.episode(EpisodeKind.FLOODING)
    anna.says(A.FAR_AWAY)
    step = anna.steps[-1]
    assert (step.phase, step.about) == (P.STEADYING, "shutdown")
    assert step.steps[0] == "orient-blue"
    assert "breath" not in step.steps
    anna.says(A.IM_HERE)
    assert anna.phases[-1] == P.DECLINED


def test_far_away_may_become_a_break_or_run_out(anna: Wearer) -> None:
    anna.episode(EpisodeKind.SHUTDOWN)
    anna.says(A.FAR_AWAY)
    anna.tick(10 * 60)  # longer than a prompt is valid
    anna.says(A.YES)
    assert anna.phases == [P.OFFERED, P.STEADYING, P.ON]
    anna = Wearer()
    anna.episode(EpisodeKind.SHUTDOWN)
    anna.says(A.FAR_AWAY)
    anna.tick(20 * 60)
    assert anna.phases[-1] == P.EXPIRED


def test_dizzy_ends_breathing_for_this_break_and_not_for_the_next(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    assert anna.steps[-1].steps[0] == "breath"
    anna.says(A.DIZZY)
    assert anna.steps[-1].steps[0] == "usual-breath"
    assert "breath" not in anna.steps[-1].steps
    told = len(anna.steps)
    anna.says(A.MADE_WORSE)
    assert len(anna.steps) == told, "nothing new to tell"
    anna.says(A.MORE_TIME)
    assert "breath" not in anna.steps[-1].steps
    anna.says(A.IM_BACK)
    anna.body(anna.policy.state.body_state, 105)
    anna.says(A.START_BREAK)
    assert anna.steps[-1].steps[0] == "breath"


def test_what_was_chosen_while_calm_is_on_offer(anna: Wearer) -> None:
    anna.sets("own-step", '"Sort my stamps."')
    anna.sets("steps-left-out", '["breath"]')
    anna.episode()
    anna.says(A.YES)
    assert anna.steps[-1].steps[:2] == ("own", "orient-blue")


def test_why_a_break_did_not_go_on_is_told_apart(anna: Wearer) -> None:
    reasons = []
    for answer in (A.NOT_TODAY, A.LET_IT_DROP, None):
        anna.says(A.START_BREAK)
        if answer is None:
            anna.tick(20 * 60)
            anna.tick(DAY_S)
        else:
            anna.says(answer)
        reasons.append((anna.steps[-1].phase, anna.steps[-1].reason))
    assert reasons == [
        (P.NOT_RESUMED, "put-off"),
        (P.NOT_RESUMED, "dropped"),
        (P.NOT_RESUMED, "no-word"),
    ]


def test_a_second_break_within_the_day_goes_on_and_is_called_so(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.tick(20 * 60)
    anna.says(A.START_BREAK)
    assert [(step.phase, step.reason) for step in anna.steps[1:]] == [
        (P.NOT_SETTLED, "not-measured"),
        (P.ON, "again"),
    ]
    assert len({step.id for step in anna.steps}) == 1
