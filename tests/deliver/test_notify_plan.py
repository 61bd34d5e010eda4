"""Whom to tell by which way, and when: the page first, one repeat, then silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_mqtt import NS, a_step, an_alert
from vagalwatch.deliver.notify_plan import Due, Plan
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    EpisodeKind,
    Notice,
    Setting,
)

if TYPE_CHECKING:
    from typing import Literal

T_NS = 1_767_268_800 * NS  # 2026-01-01 12:00:00 UTC
WAYS = ("desktop-1", "apprise-2")
PROMPT = an_alert(T_NS)
SAFETY = an_alert(T_NS, kind=EpisodeKind.SAFETY)


def a_plan(*records: Alert | Answer | Notice | Setting, ways: tuple[str, ...] = WAYS) -> Plan:
    plan = Plan(ways)
    for record in records:
        plan.take(record)
    return plan


def at(seconds: float) -> int:
    return T_NS + round(seconds * NS)


def tried(
    way: str,
    outcome: Literal["taken", "failed", "too-slow"],
    *,
    repeat: bool = False,
    alert: Alert = PROMPT,
) -> Notice:
    return Notice(
        wearer="anna",
        t_ns=T_NS,
        recv_ns=T_NS,
        alert_id=alert.id,
        way=way,
        repeat=repeat,
        outcome=outcome,
    )


def an_answer(kind: AnswerKind, about: str) -> Answer:
    return Answer(wearer="anna", t_ns=T_NS, recv_ns=T_NS, answer=kind, about=about)


def a_setting(key: str, value: str) -> Setting:
    return Setting(wearer="anna", t_ns=T_NS, recv_ns=T_NS, key=key, value=value)


def test_the_page_goes_first_and_a_rapid_fall_waits_for_nothing() -> None:
    assert a_plan(PROMPT).due(at(19.9)) is None
    assert a_plan(PROMPT).due(at(20)) == Due(PROMPT, 0, repeat=False)
    assert a_plan(SAFETY).due(at(0)) == Due(SAFETY, 0, repeat=False)
    short = an_alert(T_NS, valid_s=30)
    assert a_plan(short).due(at(7.4)) is None
    assert a_plan(short).due(at(7.5)) == Due(short, 0, repeat=False)


def test_once_taken_only_the_repeat_follows_and_by_the_next_way() -> None:
    plan = a_plan(PROMPT, tried("desktop-1", "taken"))
    assert plan.due(at(59)) is None
    assert plan.due(at(60)) == Due(PROMPT, 1, repeat=True)
    plan.take(tried("apprise-2", "taken", repeat=True))
    assert plan.due(at(119)) is None


def test_with_one_way_the_repeat_goes_by_it_again() -> None:
    plan = a_plan(PROMPT, tried("desktop-1", "taken"), ways=("desktop-1",))
    assert plan.due(at(60)) == Due(PROMPT, 0, repeat=True)


def test_a_way_that_fails_gives_its_turn_to_the_next_and_is_asked_again_for_the_repeat() -> None:
    plan = a_plan(PROMPT, tried("desktop-1", "failed"))
    assert plan.due(at(20)) == Due(PROMPT, 1, repeat=False)
    plan.take(tried("apprise-2", "too-slow"))
    assert plan.due(at(40)) is None
    assert plan.due(at(60)) == Due(PROMPT, 0, repeat=True)


@pytest.mark.parametrize("about", [PROMPT.id, "anna-break-1"])
@pytest.mark.parametrize("kind", AnswerKind)
def test_what_is_answered_or_acknowledged_is_not_told(kind: AnswerKind, about: str) -> None:
    plan = a_plan(PROMPT)
    plan.take(a_step(T_NS, BreakPhase.OFFERED, alert_id=PROMPT.id))
    assert plan.due(at(30)) is not None
    plan.take(an_answer(kind, about))
    assert plan.due(at(30)) is None


@pytest.mark.parametrize("phase", sorted(set(BreakPhase) - {BreakPhase.OFFERED}))
def test_what_the_break_has_left_behind_is_not_told(phase: BreakPhase) -> None:
    plan = a_plan(PROMPT)
    plan.take(a_step(T_NS, phase, alert_id=PROMPT.id))
    assert plan.due(at(30)) is None


@pytest.mark.parametrize(
    "setting",
    [
        a_setting("paused", "true"),
        a_setting("mute-until", str(at(100))),
        a_setting("quiet-hours", '{"from": "12:00", "to": "13:00", "zone": "UTC"}'),
    ],
)
def test_a_wish_for_silence_silences_all_but_a_rapid_fall(setting: Setting) -> None:
    assert a_plan(setting, PROMPT).due(at(30)) is None
    assert a_plan(PROMPT, setting).due(at(30)) is None
    assert a_plan(setting, SAFETY, PROMPT).due(at(30)) == Due(SAFETY, 0, repeat=False)


def test_a_rapid_fall_goes_before_a_prompt() -> None:
    assert a_plan(PROMPT, SAFETY).due(at(30)) == Due(SAFETY, 0, repeat=False)


OUTCOMES = st.sampled_from(["taken", "failed", "too-slow"])


@given(
    ways=st.lists(st.sampled_from(["a-1", "b-2", "c-3", "d-4"]), min_size=1, unique=True),
    alert=st.builds(
        lambda valid_s, kind: an_alert(T_NS, valid_s=valid_s, kind=kind),
        st.integers(30, 600),
        st.sampled_from(list(EpisodeKind)),
    ),
    steps_s=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    outcomes=st.lists(OUTCOMES, min_size=40, max_size=40),
    answered_s=st.none() | st.integers(0, 600),
    restarts=st.sets(st.integers(0, 39)),
)
def test_whatever_fails_at_most_two_are_taken_and_none_too_late(  # noqa: PLR0917 - drawn
    ways: list[str],
    alert: Alert,
    steps_s: list[int],
    outcomes: list[Literal["taken", "failed", "too-slow"]],
    answered_s: int | None,
    restarts: set[int],
) -> None:
    journal: list[Alert | Answer | Notice] = [alert]
    plan = a_plan(alert, ways=tuple(ways))
    now_ns, answered = T_NS, False
    told: list[Notice] = []
    for i, step_s in enumerate(steps_s):
        now_ns += step_s * NS
        if answered_s is not None and not answered and now_ns >= at(answered_s):
            answered = True
            journal.append(an_answer(AnswerKind.NOT_NOW, alert.id))
            plan.take(journal[-1])
        if i in restarts:
            plan = a_plan(*journal, ways=tuple(ways))
        due = plan.due(now_ns)
        if due is None:
            continue
        assert due == plan.due(now_ns), "asking changes nothing"
        assert not answered
        assert now_ns < alert.valid_until_ns
        notice = tried(ways[due.place], outcomes[i], repeat=due.repeat, alert=alert)
        told.append(notice)
        journal.append(notice)
        plan.take(notice)
    assert len({(notice.way, notice.repeat) for notice in told}) == len(told), "twice in one round"
    taken = [notice.repeat for notice in told if notice.outcome == "taken"]
    assert taken in ([], [False], [True], [False, True])
