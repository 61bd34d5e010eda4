"""Random people: whatever they say and whatever breaks, every break ends and no rule is broken."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_alerts import NOON_NS, NS, Wearer
from vagalwatch.alerts.pause import DAY_NS, MINUTE_NS
from vagalwatch.alerts.steps import BREATHING
from vagalwatch.alerts.table import FINAL, TABLE
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    EpisodeKind,
    Estimate,
    Setting,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Action = tuple[str, tuple[object, ...]]

SETTINGS = [
    ("break-minutes", "45"),
    ("prompts-per-day", "1"),
    ("prompts-per-day", "9"),
    ("later-minutes", "5"),
    ("mute-until", str(NOON_NS + 3600 * NS)),
    ("mute-until", "null"),
    ("paused", "true"),
    ("paused", "false"),
    ("quiet-hours", '{"from": "13:00", "to": "14:00", "zone": "Europe/Helsinki"}'),
    ("prompt-valid-s", "600"),
    ("refractory-minutes", "broken"),
    ("steps-left-out", '["taps"]'),
    ("own-step", '"Knit."'),
    ("holds-ok", "true"),
    ("agreed-check-in", '"both"'),
]

ACTIONS = st.one_of(
    st.tuples(st.just("tick"), st.tuples(st.integers(1, 3 * 3600))),
    st.tuples(
        st.just("body"),
        st.tuples(
            st.sampled_from(list(State)),
            st.none() | st.floats(40, 160),
            st.none() | st.just(70.0),
            st.none() | st.floats(0, 200),
            st.integers(5, 300),
        ),
    ),
    st.tuples(
        st.just("episode"),
        st.tuples(st.sampled_from(list(EpisodeKind)), st.sampled_from([3, 30, 500])),
    ),
    st.tuples(st.just("ends"), st.tuples(st.sampled_from(list(EpisodeKind)))),
    st.tuples(
        st.just("says"),
        st.tuples(
            st.sampled_from(list(AnswerKind)),
            st.sampled_from(["break", "first alert", "last alert", "", "nobody-knows"]),
            st.none() | st.integers(-5, 3000),
        ),
    ),
    st.tuples(st.just("sets"), st.sampled_from(SETTINGS)),
    st.tuples(st.just("together"), st.tuples(st.integers(-60, 3000))),
    st.tuples(st.just("restart"), st.just(())),
    # The machine comes up with a clock that may be days wrong, in either direction.
    st.tuples(st.just("run_starts"), st.tuples(st.integers(-5 * 86400, 2 * 86400))),
    st.tuples(st.just("clock_step"), st.tuples(st.integers(-7200, 7200))),
)
LIVES = st.lists(ACTIONS, min_size=5, max_size=60)

BEGINS: st.SearchStrategy[Action] = st.sampled_from(
    [
        ("episode", (EpisodeKind.FLOODING, 3)),
        ("episode", (EpisodeKind.SHUTDOWN, 3)),
        ("says", (AnswerKind.START_BREAK, "", None)),
    ]
)
DAYS: Action = ("tick", (30 * 3600,))
"""Longer than any break: what was begun before has ended, and the day's prompts are new."""
PEOPLE = st.lists(
    st.tuples(BEGINS, st.lists(ACTIONS, max_size=8)).map(lambda life: [DAYS, life[0], *life[1]]),
    min_size=5,
    max_size=15,
).map(lambda lives: [action for life in lives for action in life])
"""People with one break after another, each its own story."""

MUTED = st.lists(
    st.one_of(
        st.sampled_from(
            [
                ("mute_for", (1200,)),
                ("mute_for", (7200,)),
                ("sets", ("mute-until", "null")),
                ("body", (State.FLOODING, 105.0, 70.0, None, 60)),
                ("body", (State.SHUTDOWN, 55.0, 70.0, None, 60)),
                ("body", (State.SETTLED, 70.0, 70.0, None, 60)),
                ("episode", (EpisodeKind.FLOODING, 3)),
                ("episode", (EpisodeKind.SHUTDOWN, 3)),
                ("says", (AnswerKind.NOT_NOW, "break", None)),
            ]
        ),
        ACTIONS.filter(
            lambda action: (
                action[0] not in {"sets", "run_starts", "clock_step"}
                and AnswerKind.LATER not in action[1]
            )  # asks once more as long as it has not ended
        ),
    ),
    min_size=5,
    max_size=10,
)
"""People who mute a lot."""


def live(anna: Wearer, actions: list[Action]) -> None:
    do: dict[str, Callable[..., object]] = {
        "tick": anna.tick,
        "body": lambda state, hr, usual, mg, s: anna.body(
            state, hr, usual=usual, motion_mg=mg, seconds=s
        ),
        "episode": lambda kind, age_s: anna.episode(kind, age_s=age_s),
        "ends": anna.ends,
        "says": lambda answer, about, minutes: anna.says(
            answer, about=mean(anna, about), minutes=minutes
        ),
        "sets": anna.sets,
        "mute_for": lambda s: anna.sets("mute-until", str(anna.now_ns + s * NS)),
        "together": anna.together,
        "restart": anna.restart,
        "run_starts": lambda by_s: anna.run_starts(anna.now_ns + by_s * NS),
        "clock_step": lambda by_s: anna.push(
            ClockStep(t_ns=anna.now_ns, recv_ns=anna.now_ns, delta_ns=by_s * NS)
        ),
    }
    for name, arguments in actions:
        do[name](*arguments)


def mean(anna: Wearer, about: str) -> str | None:
    if about == "break":
        return None
    if about.endswith("alert"):
        return anna.alerts[0 if about.startswith("first") else -1].id if anna.alerts else ""
    return about


def assert_every_break_ends_by_the_table(anna: Wearer) -> int:
    """After a silence of over a day; how many breaks there were."""
    for _ in range(27 * 2):
        anna.tick(1800)
    reachable = {(phase, row.phase) for phase, rows in TABLE.items() for row in rows.values()} | {
        # more time is asked for when the day is over
        (up, BreakPhase.NOT_RESUMED)
        for up in (BreakPhase.SETTLED, BreakPhase.NOT_SETTLED)
    }
    for before, step in pairwise(anna.steps):
        if before.id != step.id:
            assert before.phase in FINAL, "two breaks at once"
            assert step.phase in {BreakPhase.OFFERED, BreakPhase.ON}
        else:
            assert (before.phase, step.phase) in reachable
            assert before.phase not in FINAL, "what has ended does not move"
    if anna.steps:
        assert anna.steps[-1].phase in FINAL, "a break never ended"
    return len({step.id for step in anna.steps})


@settings(max_examples=300, deadline=None)
@given(LIVES)
def test_every_break_ends_by_the_table_and_never_two_at_once(actions: list[Action]) -> None:
    anna = Wearer()
    live(anna, actions)
    assert_every_break_ends_by_the_table(anna)


def test_random_people_through_thousands_of_breaks() -> None:
    breaks = 0

    @settings(max_examples=350, deadline=None)
    @given(PEOPLE)
    def people(actions: list[Action]) -> None:
        nonlocal breaks
        anna, restarted = Wearer(), Wearer()
        live(anna, actions)
        live(restarted, [each for action in actions for each in (action, ("restart", ()))])
        assert restarted.said == anna.said, "a restart at any moment changes nothing"
        breaks += assert_every_break_ends_by_the_table(anna)

    people()
    assert breaks >= 2000


@settings(max_examples=300, deadline=None)
@given(LIVES)
def test_never_two_prompts_at_once_and_never_too_many(actions: list[Action]) -> None:
    anna = Wearer()
    live(anna, [a for a in actions if a[0] not in {"run_starts", "clock_step"}])
    open_prompt: Alert | None = None
    for record in anna.said:
        match record:
            case Alert(alert=EpisodeKind.SAFETY):
                assert open_prompt is None, "a rapid fall ends the offer first"
            case Alert():
                assert open_prompt is None
                open_prompt = record
                assert record.recv_ns < record.valid_until_ns, "born expired"
            case BreakStep() if open_prompt is not None:
                assert record.alert_id == open_prompt.id
                if record.phase != BreakPhase.OFFERED:
                    open_prompt = None
    times = [alert.recv_ns for alert in anna.prompts]
    assert all(later - earlier >= DAY_NS for earlier, later in zip(times, times[3:], strict=False))
    asked_for = len([r for r in anna.said if isinstance(r, BreakStep) and r.phase == "declined"])
    close = [b - a for a, b in pairwise(times) if b - a < 20 * MINUTE_NS]
    assert len(close) <= asked_for, "only a prompt that was asked for comes sooner"
    assert len({alert.id for alert in anna.alerts}) == len(anna.alerts)


@settings(max_examples=200, deadline=None)
@given(st.lists(MUTED, min_size=1, max_size=12))
def test_prompts_come_in_no_silence_and_only_on_what_shows(lives: list[list[Action]]) -> None:
    anna = Wearer()
    live(anna, [action for each in lives for action in each])
    muted_until_ns, shows = 0, State.UNKNOWN
    for record in anna.heard:
        match record:
            case Setting(key="mute-until"):
                muted_until_ns = json.loads(record.value) or 0
            case Estimate():
                shows = record.state
            case Alert() if record.alert != EpisodeKind.SAFETY:
                assert record.recv_ns >= muted_until_ns
                assert shows.value == record.alert.value


@settings(max_examples=300, deadline=None)
@given(LIVES)
def test_the_machine_never_cuts_a_break_short(actions: list[Action]) -> None:
    anna = Wearer()
    live(anna, actions)
    for step in anna.steps:
        if step.phase == BreakPhase.ON:
            assert step.until_ns - step.began_ns >= 20 * MINUTE_NS
            assert step.until_ns - step.began_ns <= DAY_NS
        if step.phase in {BreakPhase.SETTLED, BreakPhase.NOT_SETTLED}:
            assert step.recv_ns >= step.until_ns


@settings(max_examples=100, deadline=None)
@given(LIVES)
def test_a_restart_from_a_snapshot_changes_nothing(actions: list[Action]) -> None:
    straight, restarted = Wearer(), Wearer()
    live(straight, [action for action in actions if action[0] != "restart"])
    live(restarted, [a for action in actions for a in (action, ("restart", ()))])
    assert restarted.said == straight.said


@settings(max_examples=200, deadline=None)
@given(PEOPLE)
def test_whatever_happens_nobody_is_offered_what_may_harm(actions: list[Action]) -> None:
    anna = Wearer()
    live(anna, actions)
    done_no_good: set[str] = set()
    for record in anna.heard:
        match record:
            case Answer(answer=AnswerKind.DIZZY | AnswerKind.MADE_WORSE):
                done_no_good.add(record.about)
            case BreakStep():
                breathing = BREATHING & set(record.steps)
                if record.about != EpisodeKind.FLOODING:
                    assert not breathing, "breath work where nobody chose it"
                if breathing and record.phase == BreakPhase.ON:
                    assert record.id not in done_no_good, "breath work after it made dizzy"
                if record.steps:
                    assert record.phase in {BreakPhase.STEADYING, BreakPhase.ON}


@settings(max_examples=200, deadline=None)
@given(PEOPLE)
def test_after_a_possible_shutdown_nothing_reads_as_settled_without_the_word(
    actions: list[Action],
) -> None:
    anna = Wearer()
    live(anna, actions)
    here: set[str] = set()
    about: dict[str, EpisodeKind | None] = {}
    for record in anna.heard:
        match record:
            case Answer(answer=AnswerKind.IM_HERE):
                here.add(record.about)
            case Answer(answer=AnswerKind.FAR_AWAY):
                here.discard(record.about)
            case BreakStep(phase=BreakPhase.SETTLED, about=EpisodeKind.SHUTDOWN):
                assert {record.id, record.alert_id} & here
            case BreakStep():
                if about.get(record.id) != record.about:
                    here -= {record.id, record.alert_id}
                about[record.id] = record.about


@settings(max_examples=100, deadline=None)
@given(LIVES)
def test_a_missing_sensor_never_reads_as_settled(actions: list[Action]) -> None:
    anna = Wearer()
    unseen: list[Action] = [
        ("body", (State.UNKNOWN, *action[1][1:])) if action[0] == "body" else action
        for action in actions
        if action[0] != "episode"
    ]
    live(anna, unseen)
    assert BreakPhase.SETTLED not in anna.phases
    assert anna.alerts == []
