"""When the policy prompts, and when it keeps still."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers_alerts import NOON_NS, NS, Wearer
from vagalwatch.alerts.pause import MINUTE_NS
from vagalwatch.alerts.policy import Policy, PolicyState, repeat_at_ns
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    EpisodeKind,
    State,
)

if TYPE_CHECKING:
    from vagalwatch.records import Record

A, P = AnswerKind, BreakPhase
SAFETY, SHUTDOWN = EpisodeKind.SAFETY, EpisodeKind.SHUTDOWN


@pytest.fixture
def anna() -> Wearer:
    return Wearer()


def test_an_episode_is_an_alert_and_an_offer(anna: Wearer) -> None:
    alert, step = anna.episode()
    assert isinstance(alert, Alert)
    assert isinstance(step, BreakStep)
    assert alert.id == f"anna-flooding-{alert.t_ns // NS}"
    assert alert.valid_until_ns == alert.t_ns + 120 * NS
    assert repeat_at_ns(alert) == alert.t_ns + 60 * NS
    assert (step.phase, step.alert_id, step.origin) == (P.OFFERED, alert.id, "prompt")


def test_yes_by_the_alert_or_by_the_break_starts_the_break(anna: Wearer) -> None:
    for by_alert in (True, False):
        anna = Wearer()
        anna.episode()
        about = anna.alerts[0].id if by_alert else anna.steps[0].id
        anna.says(A.YES, about=about)
        assert anna.phases == [P.OFFERED, P.ON]
        assert anna.steps[-1].until_ns - anna.steps[-1].began_ns == 20 * MINUTE_NS


@pytest.mark.parametrize(("minutes", "lasts"), [(5, 20), (45, 45), (9999, 24 * 60), (None, 20)])
def test_a_break_is_at_least_twenty_minutes_and_at_most_a_day(
    anna: Wearer, minutes: int | None, lasts: int
) -> None:
    anna.episode()
    anna.says(A.YES, minutes=minutes)
    assert anna.steps[-1].until_ns - anna.now_ns == lasts * MINUTE_NS


def test_the_length_agreed_while_calm_counts(anna: Wearer) -> None:
    anna.sets("break-minutes", "60")
    anna.says(A.START_BREAK)
    assert anna.steps[-1].until_ns - anna.now_ns == 60 * MINUTE_NS


def test_an_unanswered_prompt_expires_and_yes_still_counts(anna: Wearer) -> None:
    anna.episode()
    anna.tick(121)
    assert anna.phases == [P.OFFERED, P.EXPIRED]
    anna.says(A.YES, about=anna.alerts[0].id)
    assert anna.phases == [P.OFFERED, P.EXPIRED, P.ON]
    assert anna.steps[-1].origin == "prompt"
    assert anna.steps[-1].id != anna.steps[0].id


def test_yes_once_more_after_the_break_starts_no_second_one(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.says(A.IM_BACK)
    anna.says(A.YES, about=anna.alerts[0].id)
    assert anna.phases == [P.OFFERED, P.ON, P.RETURNED]


def test_an_answer_about_something_else_changes_nothing(anna: Wearer) -> None:
    anna.episode()
    assert anna.says(A.YES, about="anna-flooding-1") == []
    assert anna.says(A.YES, about="") == []


def test_nobody_else_can_answer(anna: Wearer) -> None:
    anna.episode()
    other = Answer(
        wearer="ben",
        t_ns=anna.now_ns,
        recv_ns=anna.now_ns,
        answer=A.YES,
        about=anna.steps[0].id,
    )
    assert anna.push(other) == []


def test_one_step_per_time(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.says(A.IM_BACK)
    times = [step.t_ns for step in anna.steps]
    assert times == sorted(set(times))


# --- keeping still ------------------------------------------------------------------------------


def test_an_end_of_an_episode_prompts_nothing(anna: Wearer) -> None:
    anna.ends()
    assert anna.said == []


def test_no_second_prompt_while_one_is_open_or_a_break_is_on(anna: Wearer) -> None:
    anna.episode()
    anna.episode()
    anna.says(A.YES)
    anna.tick(19 * 60)
    anna.episode()
    anna.tick(120)
    anna.episode()
    assert len(anna.alerts) == 1


def test_no_prompt_within_the_refractory_time(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.NOT_NOW)
    anna.tick(19 * 60)
    anna.episode()
    assert len(anna.alerts) == 1
    anna.tick(60)
    anna.episode()
    assert len(anna.alerts) == 2


def test_each_wrong_doubles_it_once_and_yes_puts_it_back(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.WRONG)
    anna.says(A.WRONG)
    anna.tick(38 * 60)
    anna.episode()
    assert len(anna.prompts) == 1
    anna.tick(2 * 60)
    anna.episode()
    assert len(anna.prompts) == 2
    anna.says(A.WRONG)
    anna.tick(78 * 60)
    anna.episode()
    assert len(anna.prompts) == 2
    anna.tick(2 * 60)
    anna.episode()
    assert len(anna.prompts) == 3
    anna.says(A.YES)
    assert anna.policy.state.limits.refractory_minutes == 0


def test_wrong_after_the_prompt_ran_out_is_still_learnt_from(anna: Wearer) -> None:
    anna.episode()
    anna.tick(200)
    anna.says(A.WRONG, about=anna.alerts[0].id)
    assert anna.phases == [P.OFFERED, P.EXPIRED]
    assert anna.policy.state.limits.refractory_minutes == 40


def test_wrong_about_a_break_of_ones_own_does_not_make_prompts_rarer(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.says(A.WRONG)
    assert anna.phases == [P.ON, P.WRONG]
    assert anna.policy.state.limits.refractory_minutes == 0


def test_no_break_now_does_not_make_prompts_rarer(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.says(A.NO_BREAK)
    anna.ends()
    assert anna.phases == [P.OFFERED, P.ON, P.DECLINED]
    anna.tick(20 * 60)
    assert len(anna.episode()) == 2


def test_three_prompts_in_any_day(anna: Wearer) -> None:
    for _ in range(30):
        anna.episode()
        anna.tick(3600 - 5)
    assert [a.t_ns // (3600 * NS) - NOON_NS // (3600 * NS) for a in anna.alerts] == [
        0,
        1,
        2,
        24,
        25,
        26,
    ]


def test_no_prompts_when_none_are_wished(anna: Wearer) -> None:
    anna.sets("prompts-per-day", "0")
    assert anna.episode() == []


def test_mute_ends_by_itself(anna: Wearer) -> None:
    anna.sets("mute-until", str(anna.now_ns + 600 * NS))
    assert anna.episode() == []
    anna.ends()
    anna.tick(600)
    assert anna.episode() != []


def test_mute_can_be_taken_back(anna: Wearer) -> None:
    anna.sets("mute-until", str(anna.now_ns + 600 * NS))
    anna.sets("mute-until", "null")
    assert anna.episode() != []


def test_nothing_is_asked_while_everything_is_paused_and_a_fall_is_told(anna: Wearer) -> None:
    anna.sets("paused", "true")
    anna.tick(40 * 24 * 3600)
    assert anna.episode() == [], "however long ago that was"
    anna.ends()
    anna.says(A.START_BREAK)
    assert anna.phases == [P.ON], "a break can always be taken"
    anna.says(A.IM_BACK)
    assert [type(each) for each in anna.episode(SAFETY)] == [Alert]
    anna.tick(3600)
    anna.sets("paused", "false")
    assert len(anna.episode()) == 2


def test_pausing_takes_an_open_question_back_and_leaves_a_break(anna: Wearer) -> None:
    anna.episode()
    anna.sets("paused", "true")
    assert anna.phases == [P.OFFERED, P.EXPIRED]
    anna.says(A.START_BREAK)
    anna.sets("paused", "true")
    assert anna.phases[2:] == [P.ON]


def test_mute_ends_by_the_wall_clock_also_where_the_runs_clock_is_behind(anna: Wearer) -> None:
    behind_ns = 8 * 60 * MINUTE_NS
    anna.push(ClockStep(t_ns=anna.now_ns, recv_ns=anna.now_ns, delta_ns=behind_ns))
    anna.sets("mute-until", str(anna.now_ns + behind_ns + 60 * MINUTE_NS))
    anna.tick(59 * 60 - 10)
    assert anna.episode() == []
    anna.ends()
    anna.tick(60)
    assert len(anna.episode()) == 2


def test_a_run_clock_put_right_moves_no_mute(anna: Wearer) -> None:
    behind_ns = 8 * 60 * MINUTE_NS
    anna.push(ClockStep(t_ns=anna.now_ns, recv_ns=anna.now_ns, delta_ns=behind_ns))
    anna.sets("mute-until", str(anna.now_ns + behind_ns + 60 * MINUTE_NS))
    anna.run_starts(anna.now_ns + behind_ns)
    anna.tick(50 * 60)
    assert anna.episode() == []
    anna.ends()
    anna.tick(10 * 60)
    assert len(anna.episode()) == 2


def test_quiet_hours_hold_by_the_wall_clock(anna: Wearer) -> None:
    anna.sets("quiet-hours", '{"from": "12:30", "to": "13:00", "zone": "UTC"}')
    step = ClockStep(t_ns=anna.now_ns, recv_ns=anna.now_ns, delta_ns=40 * MINUTE_NS)
    anna.push(step)
    assert anna.episode() == []
    anna.ends()
    anna.tick(20 * 60)
    assert anna.episode() != []


@pytest.mark.parametrize("state", [State.UNKNOWN, State.CALIBRATING])
def test_a_fault_is_no_alarm(anna: Wearer, state: State) -> None:
    anna.episode()
    anna.says(A.LATER)
    anna.tick(9 * 60)
    anna.body(state, hr_bpm=None, seconds=60)
    anna.tick(60)
    assert len(anna.alerts) == 1


def test_an_episode_recognised_too_late_is_history(anna: Wearer) -> None:
    assert anna.episode(age_s=120) == []
    assert anna.episode(age_s=119) != []


# --- what the person's own silence held back ------------------------------------------------------

MUTE_S = 600


@pytest.fixture
def muted(anna: Wearer) -> Wearer:
    """For ten minutes; an episode begins in the first."""
    anna.sets("mute-until", str(anna.now_ns + MUTE_S * NS))
    assert anna.episode() == []
    return anna


def test_what_lasts_beyond_the_silence_is_asked_about_once(muted: Wearer) -> None:
    muted.body(State.FLOODING, 105, seconds=MUTE_S - 10)
    assert muted.alerts == []
    muted.body(State.FLOODING, 105)
    (alert,) = muted.alerts
    assert (alert.alert, alert.recv_ns) == ("flooding", muted.now_ns)
    assert alert.valid_until_ns == muted.now_ns + 120 * NS
    assert muted.phases == [P.OFFERED]
    muted.body(State.FLOODING, 105, seconds=3600)
    assert len(muted.alerts) == 1


def test_a_silence_that_the_person_ends_counts_as_well(muted: Wearer) -> None:
    muted.sets("mute-until", "null")
    assert muted.phases == [P.OFFERED]


def test_who_mutes_again_is_not_asked_in_between(muted: Wearer) -> None:
    muted.now_ns += MUTE_S * NS  # the mute has run out, and nothing has come since
    muted.sets("mute-until", str(muted.now_ns + MUTE_S * NS))
    assert muted.alerts == []


@pytest.mark.parametrize("meanwhile", ["ends", "break", "limit", "none wished"])
def test_it_is_not_asked_about_when_something_speaks_against_it(
    muted: Wearer, meanwhile: str
) -> None:
    if meanwhile == "ends":
        muted.ends()
    elif meanwhile == "break":
        muted.says(A.START_BREAK)
        muted.says(A.IM_BACK)
    elif meanwhile == "limit":
        muted.policy.state.limits.prompted(muted.now_ns - 5 * MINUTE_NS, asked_for=False)
    else:
        muted.sets("prompts-per-day", "0")
    muted.body(State.FLOODING, 105, seconds=3600)
    assert muted.prompts == []


def test_it_waits_until_it_is_seen_again_and_until_a_rapid_fall_is_over(muted: Wearer) -> None:
    muted.body(State.UNKNOWN, None, seconds=MUTE_S + 60)
    muted.episode(SAFETY)
    muted.body(State.FLOODING, 105, seconds=60)
    assert muted.prompts == []
    muted.says(A.SEEN, about=muted.alerts[-1].id)
    muted.body(State.FLOODING, 105)
    assert len(muted.prompts) == 1


def test_it_is_not_asked_about_when_the_body_shows_something_else_by_then(muted: Wearer) -> None:
    muted.body(State.RECOVERING, 80, seconds=MUTE_S + 60)
    assert muted.alerts == []


def test_what_a_limit_held_back_is_not_made_up_for(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.NOT_NOW)
    anna.ends()
    anna.episode()
    anna.body(State.FLOODING, 105, seconds=3600)
    assert len(anna.alerts) == 1


def test_a_restart_forgets_nothing_of_it(muted: Wearer) -> None:
    muted.restart()
    muted.body(State.FLOODING, 105, seconds=MUTE_S)
    assert len(muted.alerts) == 1


# --- later ----------------------------------------------------------------------------------------


def test_later_asks_once_more_if_it_still_lasts(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.LATER)
    anna.tick(9 * 60)
    assert len(anna.alerts) == 1
    anna.tick(60)
    first, again = anna.alerts
    assert again.id != first.id
    assert again.onset_ns == first.onset_ns
    anna.says(A.LATER)
    anna.tick(30 * 60)
    assert len(anna.alerts) == 2
    assert anna.phases == [P.OFFERED, P.DECLINED, P.OFFERED, P.DECLINED]


def test_later_asks_nothing_when_it_is_over(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.LATER)
    anna.ends()
    anna.tick(11 * 60)
    assert len(anna.alerts) == 1


def test_later_asks_nothing_when_a_break_was_taken_meanwhile(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.LATER)
    anna.tick(60)
    anna.says(A.START_BREAK)
    anna.says(A.IM_BACK)
    anna.tick(11 * 60)
    assert len(anna.alerts) == 1


# --- the rapid fall -----------------------------------------------------------------------------


def test_a_rapid_fall_opens_no_break(anna: Wearer) -> None:
    (alert,) = anna.episode(SAFETY)
    assert isinstance(alert, Alert)
    assert alert.alert == SAFETY
    assert anna.steps == []


def test_it_is_silenced_neither_by_mute_nor_night_nor_number(anna: Wearer) -> None:
    anna.sets("mute-until", str(anna.now_ns + 3600 * NS))
    anna.sets("quiet-hours", '{"from": "00:00", "to": "23:59", "zone": "UTC"}')
    anna.sets("prompts-per-day", "0")
    assert anna.episode(SAFETY) != []


def test_it_can_be_switched_off_by_itself(anna: Wearer) -> None:
    anna.sets("safety-alerts", "false")
    assert anna.episode(SAFETY) == []


def test_it_has_a_refractory_time_of_its_own(anna: Wearer) -> None:
    anna.episode(SAFETY)
    anna.tick(9 * 60)
    assert anna.episode(SAFETY) == []
    anna.tick(60)
    assert anna.episode(SAFETY) != []
    anna.says(A.WRONG, about=anna.alerts[-1].id)
    anna.tick(19 * 60)
    assert anna.episode(SAFETY) == []
    anna.tick(60)
    assert anna.episode(SAFETY) != []


def test_it_ends_an_open_offer_and_holds_back_the_next(anna: Wearer) -> None:
    anna.episode()
    anna.episode(SAFETY)
    assert anna.phases == [P.OFFERED, P.EXPIRED]
    anna = Wearer()
    anna.episode(SAFETY)
    assert anna.episode(SHUTDOWN) == []
    anna.says(A.SEEN, about=anna.alerts[0].id)
    assert anna.episode(SHUTDOWN) != []


@pytest.mark.parametrize("kind", EpisodeKind)
def test_a_machines_ack_decides_nothing(anna: Wearer, kind: EpisodeKind) -> None:
    anna.episode(kind)
    before = deepcopy(anna.policy.state)
    assert anna.says(A.SHOWN, about=anna.alerts[0].id) == []
    assert anna.policy.state == before
    anna.policy.remember(anna.heard[-1])
    assert anna.policy.state == before


def test_no_break_prompt_follows_a_fall_that_only_a_machine_has_seen(anna: Wearer) -> None:
    anna.episode(SAFETY)
    anna.says(A.SHOWN, about=anna.alerts[0].id)
    assert anna.episode(SHUTDOWN) == []


def test_it_leaves_a_running_break_alone(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.episode(SAFETY)
    assert anna.phases == [P.ON]
    assert len(anna.alerts) == 1


def test_two_alerts_of_one_row_do_not_share_a_time(anna: Wearer) -> None:
    anna.episode(SHUTDOWN)
    anna.now_ns -= 5 * NS  # the helper's row for it; the same row recognises both
    anna.episode(SAFETY)
    first, second = anna.alerts
    assert second.t_ns == first.t_ns + 1


# --- the break -----------------------------------------------------------------------------------


def test_a_break_of_ones_own_counts_apart(anna: Wearer) -> None:
    anna.body(State.SHUTDOWN)
    anna.says(A.START_BREAK)
    assert (anna.steps[0].origin, anna.steps[0].about) == ("self", SHUTDOWN)


def test_i_need_a_break_answers_an_open_prompt(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.START_BREAK)
    assert anna.phases == [P.OFFERED, P.ON]
    assert anna.steps[0].id == anna.steps[1].id


def test_i_need_a_break_when_the_last_ones_day_is_over_starts_a_new_one(anna: Wearer) -> None:
    anna.says(A.START_BREAK, minutes=24 * 60)
    anna.tick(24 * 3600)
    anna.says(A.START_BREAK)
    assert anna.phases == [P.ON, P.NOT_SETTLED, P.NOT_RESUMED, P.ON]
    assert anna.steps[-1].id != anna.steps[0].id


def test_a_break_to_its_end(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.body(State.FLOODING, 95, seconds=1195)
    assert anna.phases == [P.OFFERED, P.ON]
    anna.body(State.RECOVERING, 76, seconds=5)
    assert anna.phases == [P.OFFERED, P.ON, P.NOT_SETTLED]
    assert anna.steps[-1].reason == "heart-fast"
    anna.body(State.RECOVERING, 76, seconds=130)
    anna.says(A.IM_BACK)
    told = [(step.phase, step.reason) for step in anna.steps]
    assert told[2:] == [
        (P.NOT_SETTLED, "heart-fast"),
        (P.NOT_SETTLED, "settling"),
        (P.SETTLED, ""),
        (P.RETURNED, ""),
    ]


def test_a_person_may_go_back_at_any_time_whatever_the_body_shows(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.body(State.FLOODING, 130, seconds=60)
    anna.says(A.IM_BACK)
    assert anna.steps[-1].phase == P.RETURNED


def test_a_shutdown_in_the_break_is_told_once(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.YES)
    anna.tick(300)
    anna.episode(SHUTDOWN)
    anna.episode(SHUTDOWN)
    assert [step.about for step in anna.steps[2:]] == [SHUTDOWN]
    assert len(anna.alerts) == 1


def test_silence_for_a_day_is_not_resumed(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.tick(20 * 60)
    anna.tick(24 * 3600 - 20 * 60 - 1)
    assert anna.phases == [P.ON, P.NOT_SETTLED]
    anna.tick(1)
    assert anna.phases == [P.ON, P.NOT_SETTLED, P.NOT_RESUMED]


# --- restarts and clocks --------------------------------------------------------------------------


def test_a_break_runs_on_over_a_restart_by_wall_time(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    until_ns = anna.steps[-1].until_ns
    anna.run_starts(until_ns - NS)
    assert anna.phases == [P.ON]
    anna.tick()
    assert anna.phases == [P.ON, P.NOT_SETTLED]


def test_a_clock_put_right_by_an_hour_bends_no_break(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    hour_ns = 60 * MINUTE_NS
    anna.tick(60)
    anna.push(ClockStep(t_ns=anna.now_ns, recv_ns=anna.now_ns, delta_ns=hour_ns))
    anna.run_starts(anna.now_ns + hour_ns)  # the next run starts on the right wall clock
    anna.tick(18 * 60)
    assert anna.phases == [P.ON]
    anna.tick(60)
    assert anna.phases == [P.ON, P.NOT_SETTLED]


def test_a_clock_that_went_back_neither_cuts_a_break_nor_keeps_it_for_ever(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.tick(5 * 60)
    anna.run_starts(0 + 1000 * NS)  # a machine without a clock of its own, back in 1970
    anna.tick(15 * 60 - 1)
    assert anna.phases == [P.ON]
    anna.tick(1)
    assert anna.phases == [P.ON, P.NOT_SETTLED]
    anna.says(A.IM_BACK)
    assert anna.phases[-1] == P.RETURNED


def test_an_unreadable_setting_leaves_the_earlier_one(anna: Wearer) -> None:
    anna.sets("prompts-per-day", "0")
    for value in ("", "nonsense", "[]", '"2"', "true", "null"):
        anna.sets("prompts-per-day", value)
    assert anna.episode() == []


def test_a_policy_that_begins_anew_remembers_what_keeps_it_still() -> None:
    """Prompts, the break and both refractory times come from the journal's events alone."""
    journal: list[Record] = []

    class Journalled(Wearer):
        def push(self, record: Record) -> list[Record]:
            said = super().push(record)
            journal.extend([record, *said])
            return said

    anna = Journalled()
    anna.episode()
    anna.says(A.WRONG)
    anna.says(A.WRONG, about=anna.alerts[0].id)  # a second tab: doubles nothing more
    anna.ends()
    anna.episode(SAFETY)
    anna.says(A.WRONG, about=anna.alerts[1].id)
    anna.tick(90 * 60)
    anna.episode()
    anna.tick(150)
    anna.says(A.YES, about=anna.alerts[2].id)  # late, but a wish: it opens a break
    anew = Policy("anna", PolicyState())
    for event in journal:
        anew.remember(event)
    before, after = anna.policy.state, anew.state
    for name in ("safety_id", "safety_raised_ns", "safety_until_ns", "safety_refractory_minutes"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.limits == before.limits
    assert after.limits.refractory_minutes == 40  # twice the default
    assert before.pause is not None
    assert after.pause is not None
    assert (after.pause.id, after.pause.phase) == (before.pause.id, P.ON)


def test_a_policy_that_begins_anew_offers_no_breath_to_whom_it_made_dizzy() -> None:
    anna = Wearer()
    anna.episode()
    anna.says(A.YES)
    before = anna.policy.state.pause
    assert before is not None
    dizzy = Answer(
        wearer="anna", t_ns=anna.now_ns, recv_ns=anna.now_ns, answer=A.DIZZY, about=before.id
    )
    said = anna.push(dizzy)
    anew = Policy("anna", PolicyState())
    for event in (*anna.said[:3], dizzy, *said):
        anew.remember(event)
    assert anew.state.pause is not None
    assert not anew.state.pause.breath


def test_a_policy_that_begins_anew_knows_who_said_that_they_are_here() -> None:
    anna = Wearer()
    anna.episode(SHUTDOWN)
    anna.says(A.YES)
    before = anna.policy.state.pause
    assert before is not None
    here = Answer(
        wearer="anna", t_ns=anna.now_ns, recv_ns=anna.now_ns, answer=A.IM_HERE, about=before.id
    )
    anna.push(here)
    longer = replace(anna.steps[-1], until_ns=before.until_ns + NS)
    anew = Policy("anna", PolicyState())
    events: list[Record] = [*anna.steps, here, longer]
    for event in events:
        anew.remember(event)
    assert anew.state.pause is not None
    assert anew.state.pause.here


@pytest.mark.parametrize(("age_s", "counts_s"), [(0, 0), (300, 300), (9000, 600), (-50, 0)])
def test_a_break_counts_from_when_it_was_said(anna: Wearer, age_s: int, counts_s: int) -> None:
    """The page promised a time of return when it was tapped, also where no line was."""
    anna.tick(3600)
    now_ns = anna.now_ns
    t_ns = now_ns - age_s * NS
    anna.push(Answer(wearer="anna", t_ns=t_ns, recv_ns=now_ns, answer=A.START_BREAK))
    (step,) = anna.steps
    assert step.began_ns == now_ns - counts_s * NS
    assert step.until_ns == step.began_ns + 20 * MINUTE_NS
    assert step.t_ns >= now_ns, "and is told now"


def starts_late(anna: Wearer, age_s: int) -> list[Record]:
    """A break asked for ``age_s`` s ago on a phone that had no line until now."""
    t_ns = anna.now_ns - age_s * NS
    return anna.push(Answer(wearer="anna", t_ns=t_ns, recv_ns=anna.now_ns, answer=A.START_BREAK))


@pytest.mark.parametrize("ends", [A.IM_BACK, A.NO_BREAK, A.WRONG])
def test_a_break_asked_for_before_the_last_one_ended_is_not_begun_again(
    anna: Wearer, ends: AnswerKind
) -> None:
    anna.tick(60)
    anna.says(A.START_BREAK)  # on the tablet, since the phone has no line
    anna.tick(300)
    anna.says(ends)
    anna.tick(180)
    assert starts_late(anna, 540) == []
    assert len(starts_late(anna, 170)) == 1, "what was asked for since then begins"


def test_it_is_not_begun_again_after_another_offer_or_by_a_policy_that_begins_anew() -> None:
    anna = Wearer()
    events: list[Record] = []
    for said in (A.START_BREAK, A.IM_BACK):
        pause = anna.policy.state.pause
        about = pause.id if pause else ""
        answer = Answer(
            wearer="anna", t_ns=anna.now_ns, recv_ns=anna.now_ns, answer=said, about=about
        )
        events += [answer, *anna.push(answer)]
        anna.tick(60)
    anna.episode()
    assert starts_late(anna, 300) == []
    anew = Policy("anna", PolicyState())
    for event in events:
        anew.remember(event)
    assert anew.state.ended_ns == anna.policy.state.ended_ns > 0


@pytest.mark.parametrize("how", ["offer", "day"])
def test_a_break_asked_for_late_is_lost_only_to_ones_own_end_of_a_break(
    anna: Wearer, how: str
) -> None:
    if how == "offer":
        anna.tick(60)
        anna.episode()
        anna.says(A.NOT_NOW)
    else:
        anna.says(A.START_BREAK)
        anna.tick(24 * 3600 - 60)
        anna.tick(120)
        anna.tick(1)
        assert anna.phases[-1] == P.NOT_RESUMED
    assert len(starts_late(anna, 300)) == 1
    assert anna.phases[-1] == P.ON


def test_a_break_asked_for_after_im_back_begins_also_where_both_come_late(anna: Wearer) -> None:
    anna.says(A.START_BREAK)
    anna.tick(120)
    pause = anna.policy.state.pause
    assert pause is not None
    said_ns = anna.now_ns - 60 * NS
    anna.push(
        Answer(wearer="anna", t_ns=said_ns, recv_ns=anna.now_ns, answer=A.IM_BACK, about=pause.id)
    )
    assert len(starts_late(anna, 30)) == 1


def test_a_press_in_the_home_begins_a_break_and_moves_none_that_runs(anna: Wearer) -> None:
    """Anybody there can press, and a time of return is its wearer's promise."""
    anna.says(A.START_BREAK, via="home")
    assert anna.phases == [P.ON]
    assert anna.says(A.START_BREAK, via="home") == []
    anna.tick(20 * 60)
    assert anna.phases == [P.ON, P.NOT_SETTLED]
    assert anna.says(A.START_BREAK, via="home") == []
    assert anna.says(A.START_BREAK, via="mqtt") != [], "an account of one's own is oneself"
    anna.says(A.IM_BACK)
    anna.tick(60)
    anna.says(A.START_BREAK, via="home")
    assert anna.phases == [P.ON, P.NOT_SETTLED, P.ON, P.RETURNED, P.ON]


def test_a_press_in_the_home_does_not_tell_whether_somebody_was_asked(anna: Wearer) -> None:
    anna.episode()
    anna.says(A.START_BREAK, via="home")
    assert anna.phases == [P.OFFERED, P.ON]
