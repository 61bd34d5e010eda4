"""Every row of the break's table, and what advises at its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers_alerts import NOON_NS, NS
from vagalwatch.alerts.pause import (
    DAY_NS,
    MINUTE_NS,
    STEADYING_NS,
    Occasion,
    Pause,
    due,
    together,
    transition,
)
from vagalwatch.alerts.readiness import Body
from vagalwatch.alerts.table import FINAL, TABLE, Effect, Event, Row, Sign
from vagalwatch.records import AnswerKind, BreakPhase, EpisodeKind, Estimate, Metrics, State

if TYPE_CHECKING:
    from collections.abc import Sequence

A, E, P = AnswerKind, Effect, BreakPhase

Line = tuple[Event, BreakPhase, tuple[Effect, ...], str]

# Written out once more by hand: a slip in the table must not pass because the test reads it.
ANEW: list[Line] = [
    (A.START_BREAK, P.ON, (E.OWN, E.BEGIN), ""),
    (Sign.PROMPT, P.OFFERED, (E.OFFER,), ""),
]
LATE: list[Line] = [(A.YES, P.ON, (E.SAME_PROMPT, E.BEGIN), "")]


def ended(phase: BreakPhase) -> list[Line]:
    return [
        *ANEW,
        (A.WRONG, phase, (E.RARER,), ""),
        (A.FEWER, phase, (E.FEWER,), ""),
        *((kept, phase, (), "") for kept in (A.NOT_TOO_MANY, A.MADE_WORSE, A.SKIP, A.SKIP_ALL)),
    ]


def taken(phase: BreakPhase) -> list[Line]:
    felt = (A.BETTER, A.SAME, A.WORSE, A.NOT_FROM_THIS, A.MENDED, A.NOT_MENDED, A.SET_OFF)
    return [
        *ended(phase),
        (A.RIGHT, phase, (E.AS_WISHED,), ""),
        *((kept, phase, (), "") for kept in felt),
    ]


def time_up(phase: BreakPhase) -> list[Line]:
    return [
        (A.IM_BACK, P.RETURNED, (), ""),
        (A.MORE_TIME, P.ON, (E.NEW_TIME,), "extended"),
        (A.START_BREAK, P.ON, (E.NEW_TIME,), "again"),
        (A.NOT_TODAY, P.NOT_RESUMED, (), "put-off"),
        (A.LET_IT_DROP, P.NOT_RESUMED, (), "dropped"),
        (A.NO_BREAK, P.DECLINED, (), ""),
        (A.WRONG, P.WRONG, (E.RARER,), ""),
        (A.IM_HERE, phase, (E.HERE,), ""),
        (A.FAR_AWAY, P.NOT_SETTLED, (E.SHUTDOWN_RULE,), "say-here"),
        (A.DIZZY, phase, (E.NO_BREATH,), ""),
        (A.MADE_WORSE, phase, (E.NO_BREATH,), ""),
        (Sign.SHUTDOWN, P.NOT_SETTLED, (E.SHUTDOWN_RULE,), "heart-slow"),
        (Sign.SETTLED, P.SETTLED, (), ""),
        (Sign.NOT_SETTLED, P.NOT_SETTLED, (), ""),
        (Sign.DAY_OVER, P.NOT_RESUMED, (), "no-word"),
    ]


ROWS: dict[BreakPhase | None, list[Line]] = {
    None: ANEW,
    P.OFFERED: [
        (A.YES, P.ON, (E.BEGIN, E.AS_WISHED), ""),
        (A.START_BREAK, P.ON, (E.BEGIN,), ""),
        (A.NOT_NOW, P.DECLINED, (), ""),
        (A.LATER, P.DECLINED, (E.ASK_AGAIN,), ""),
        (A.IM_THINKING, P.THINKING, (), ""),
        (A.FAR_AWAY, P.STEADYING, (E.SHUTDOWN_RULE, E.STEADY), ""),
        (A.WRONG, P.WRONG, (E.RARER,), ""),
        (A.MADE_WORSE, P.OFFERED, (E.NO_BREATH,), ""),
        (Sign.SHUTDOWN, P.OFFERED, (E.SHUTDOWN_RULE,), ""),
        (Sign.OFFER_OVER, P.EXPIRED, (), ""),
        (Sign.SAFETY, P.EXPIRED, (), ""),
    ],
    P.STEADYING: [
        (A.YES, P.ON, (E.BEGIN, E.AS_WISHED), ""),
        (A.START_BREAK, P.ON, (E.BEGIN,), ""),
        (A.NOT_NOW, P.DECLINED, (), ""),
        (A.IM_HERE, P.DECLINED, (), ""),
        (A.IM_THINKING, P.THINKING, (), ""),
        (A.WRONG, P.WRONG, (E.RARER,), ""),
        (A.DIZZY, P.STEADYING, (E.NO_BREATH,), ""),
        (A.MADE_WORSE, P.STEADYING, (E.NO_BREATH,), ""),
        (Sign.OFFER_OVER, P.EXPIRED, (), ""),
        (Sign.SAFETY, P.EXPIRED, (), ""),
    ],
    P.ON: [
        (A.IM_BACK, P.RETURNED, (), ""),
        (A.MORE_TIME, P.ON, (E.NEW_TIME,), "extended"),
        (A.NOT_TODAY, P.NOT_RESUMED, (), "put-off"),
        (A.LET_IT_DROP, P.NOT_RESUMED, (), "dropped"),
        (A.NO_BREAK, P.DECLINED, (), ""),
        (A.WRONG, P.WRONG, (E.RARER,), ""),
        (A.IM_HERE, P.ON, (E.HERE,), ""),
        (A.FAR_AWAY, P.ON, (E.SHUTDOWN_RULE,), ""),
        (A.DIZZY, P.ON, (E.NO_BREATH,), ""),
        (A.MADE_WORSE, P.ON, (E.NO_BREATH,), ""),
        (A.PACE, P.ON, (E.BREATHE,), ""),
        (A.PACE_OVER, P.ON, (E.BREATHED,), ""),
        (Sign.SHUTDOWN, P.ON, (E.SHUTDOWN_RULE,), ""),
        (Sign.SETTLED, P.SETTLED, (), ""),
        (Sign.NOT_SETTLED, P.NOT_SETTLED, (), ""),
        (Sign.TOGETHER, P.ON, (E.AS_LONG,), "longer"),
    ],
    P.SETTLED: time_up(P.SETTLED),
    P.NOT_SETTLED: time_up(P.NOT_SETTLED),
    P.RETURNED: taken(P.RETURNED),
    P.NOT_RESUMED: taken(P.NOT_RESUMED),
    P.DECLINED: ended(P.DECLINED),
    P.THINKING: [*ended(P.THINKING), *LATE],
    P.WRONG: ended(P.WRONG),
    P.EXPIRED: [*ended(P.EXPIRED), *LATE],
}
EXPECTED = {
    (before, event): Row(after, effects, reason)
    for before, rows in ROWS.items()
    for event, after, effects, reason in rows
}
EVENTS: list[Event] = [*AnswerKind, *Sign]
MINUTES_20 = Occasion(now_ns=NOON_NS, minutes=20, new_id="anna-break-2")


def a_break(phase: BreakPhase, about: EpisodeKind | None = EpisodeKind.FLOODING) -> Pause:
    began_ns = NOON_NS - 20 * MINUTE_NS
    return Pause(
        id="anna-break-1",
        phase=phase,
        began_ns=began_ns,
        until_ns=NOON_NS,
        origin="prompt",
        about=about,
        alert_id="anna-flooding-1",
        offer_until_ns=NOON_NS,
    )


def moved(pause: Pause | None, event: Event, on: Occasion = MINUTES_20) -> Pause:
    """The break after ``event``, which must have a row."""
    result = transition(pause, event, on)
    assert result is not None
    return result[0]


@pytest.mark.parametrize("phase", [None, *BreakPhase])
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_in_every_phase(phase: BreakPhase | None, event: Event) -> None:
    pause = None if phase is None else a_break(phase)
    row = EXPECTED.get((phase, event))
    result = transition(pause, event, MINUTES_20)
    if row is None:
        assert result is None, "what is not in the table changes nothing"
        return
    assert result is not None
    after, effects = result
    assert (after.phase, effects, after.reason) == (row.phase, row.effects, row.reason)
    assert TABLE[phase][event] == row
    anew = {E.OWN, E.OFFER, E.SAME_PROMPT} & {*effects}
    assert after.id == ("anna-break-2" if anew else "anna-break-1")
    if not effects and pause is not None:
        assert after == replace(pause, phase=after.phase, reason=after.reason), "no other effect"


def test_final_phases_are_the_six_that_the_records_name() -> None:
    named = {P.RETURNED, P.NOT_RESUMED, P.DECLINED, P.THINKING, P.WRONG, P.EXPIRED}
    assert named == FINAL
    assert set(TABLE) == {None, *BreakPhase}


@pytest.mark.parametrize("phase", sorted(FINAL))
def test_a_final_phase_is_left_only_by_a_new_break(phase: BreakPhase) -> None:
    for event in TABLE[phase]:
        after = moved(a_break(phase), event)
        assert after.phase == phase or after.id != "anna-break-1"


def test_i_need_a_break_is_heard_in_every_phase_but_in_a_break_that_has_time_left() -> None:
    for phase, rows in TABLE.items():
        assert (A.START_BREAK in rows) == (phase != P.ON)


def test_dizzy_ends_breathing_wherever_a_step_is_on_offer() -> None:
    for phase in (P.STEADYING, P.ON, P.SETTLED, P.NOT_SETTLED):
        assert not moved(a_break(phase), A.DIZZY).breath
        assert not moved(a_break(phase), A.MADE_WORSE).breath


def test_accepting_starts_the_agreed_time_at_the_word() -> None:
    pause = moved(a_break(P.OFFERED), A.YES, Occasion(now_ns=NOON_NS + 7, minutes=45))
    assert (pause.began_ns, pause.until_ns) == (NOON_NS + 7, NOON_NS + 7 + 45 * MINUTE_NS)


def test_who_feels_far_away_has_twenty_minutes_with_steps_and_no_question() -> None:
    pause = moved(a_break(P.OFFERED), A.FAR_AWAY)
    assert pause.about == EpisodeKind.SHUTDOWN
    assert due(pause, NOON_NS + STEADYING_NS - 1) is None
    assert due(pause, NOON_NS + STEADYING_NS) == (Sign.OFFER_OVER, "")


def test_a_yes_that_comes_late_is_a_new_break_on_the_same_prompt() -> None:
    late = moved(a_break(P.EXPIRED), A.YES)
    assert (late.origin, late.alert_id, late.about) == ("prompt", "anna-flooding-1", "flooding")
    assert late.until_ns == NOON_NS + 20 * MINUTE_NS


def test_more_time_during_a_break_adds_to_what_is_agreed() -> None:
    ten = Occasion(now_ns=NOON_NS - MINUTE_NS, minutes=10)
    assert moved(a_break(P.ON), A.MORE_TIME, ten).until_ns == NOON_NS + 10 * MINUTE_NS


def test_more_time_after_it_counts_from_now() -> None:
    ten = Occasion(now_ns=NOON_NS + 5 * MINUTE_NS, minutes=10)
    assert moved(a_break(P.NOT_SETTLED), A.MORE_TIME, ten).until_ns == NOON_NS + 15 * MINUTE_NS


def test_a_break_never_lasts_over_a_day() -> None:
    long = Occasion(now_ns=NOON_NS, minutes=24 * 60)
    pause = moved(a_break(P.ON), A.MORE_TIME, long)
    assert pause.until_ns == pause.began_ns + DAY_NS


@pytest.mark.parametrize("more", [A.MORE_TIME, A.START_BREAK])
def test_more_time_when_the_day_is_over_is_not_resumed(more: AnswerKind) -> None:
    before = a_break(P.NOT_SETTLED)
    pause = moved(before, more, Occasion(now_ns=before.began_ns + DAY_NS, minutes=20))
    assert (pause.phase, pause.reason) == (P.NOT_RESUMED, "no-word")


def test_why_it_is_so_stays_while_the_break_stays_where_it_is() -> None:
    extended = moved(a_break(P.ON), A.MORE_TIME)
    assert moved(extended, A.DIZZY).reason == "extended"
    assert moved(extended, Sign.SETTLED).reason == ""


def test_both_flooded_the_longer_time_wins_for_both() -> None:
    one = replace(a_break(P.ON), until_ns=NOON_NS + 30 * MINUTE_NS)
    other = replace(a_break(P.ON), until_ns=NOON_NS + 45 * MINUTE_NS)
    for pair in (together(one, other), reversed(together(other, one))):
        assert [each.until_ns for each in pair] == [NOON_NS + 45 * MINUTE_NS] * 2


def test_both_flooded_nobody_is_held_over_a_day_nor_cut_short() -> None:
    early = replace(a_break(P.ON), began_ns=NOON_NS - 20 * 60 * MINUTE_NS)
    late = replace(a_break(P.ON), began_ns=NOON_NS, until_ns=NOON_NS + DAY_NS)
    one, other = together(early, late)
    assert one.until_ns == early.began_ns + DAY_NS
    assert other == late


def row(t_ns: int, hr_bpm: float | None, motion_mg: float | None = None) -> Estimate:
    return Estimate(
        wearer="anna",
        t_ns=t_ns,
        recv_ns=t_ns + 3 * NS,
        state=State.UNKNOWN if hr_bpm is None else State.RECOVERING,
        usual_hr_bpm=70,
        metrics=Metrics(hr_bpm=hr_bpm, motion_mg=motion_mg),
    )


def at_time_up(
    rates: Sequence[float | None],
    about: EpisodeKind | None = EpisodeKind.FLOODING,
    *,
    motion_mg: float | None = None,
    here: bool = False,
) -> tuple[Sign, str] | None:
    """What is due when the time is up and the last rows, 5 s apart, had these heart rates."""
    pause = replace(a_break(P.ON, about), here=here)
    for i, rate in enumerate(rates):
        pause = pause.sees(row(NOON_NS - (len(rates) - i) * 5 * NS, rate, motion_mg))
    return due(pause, NOON_NS)


TWO_MINUTES = 26  # rows, so that the first and the last lie over 120 s apart


def test_after_flooding_ten_percent_over_usual_for_two_minutes_is_settled() -> None:
    assert at_time_up([77.0] * TWO_MINUTES) == (Sign.SETTLED, "")


def test_just_over_ten_percent_is_not() -> None:
    assert at_time_up([77.1] * TWO_MINUTES) == (Sign.NOT_SETTLED, "heart-fast")


def test_less_than_two_minutes_is_not() -> None:
    rates = [90.0] * 10 + [70.0] * 24
    assert at_time_up(rates) == (Sign.NOT_SETTLED, "settling")


def test_a_hole_in_the_two_minutes_takes_away_what_it_lasted() -> None:
    minute_and_a_half, minute = [70.0] * 19, [None] * 12
    assert at_time_up([*minute_and_a_half, *minute, *[70.0] * 17]) == (
        Sign.NOT_SETTLED,
        "settling",
    )
    assert at_time_up([*minute_and_a_half, *minute, *[70.0] * 18]) == (Sign.SETTLED, "")


def said_at_time_up(
    rates: Sequence[float | None], about: EpisodeKind | None = EpisodeKind.FLOODING
) -> list[tuple[int, str]]:
    """What is told row by row since the time is up: the number of the row and the reason."""
    pause = a_break(P.ON, about)
    told = []
    for i, rate in enumerate(rates):
        now_ns = pause.until_ns + i * 5 * NS
        pause = pause.sees(row(now_ns, rate))
        happening = due(pause, now_ns)
        if happening is not None:
            sign, reason = happening
            pause = moved(pause, sign, Occasion(now_ns=now_ns, reason=reason))
            told.append((i, reason))
    return told


def test_one_fast_row_in_twenty_does_not_keep_a_break_from_settling() -> None:
    mostly = [70.0 if i % 20 else 95.0 for i in range(20, 100)]
    told = said_at_time_up([95.0] * 20 + mostly)
    assert [reason for _, reason in told] == ["heart-fast", "settling", ""]
    settled_row = told[-1][0]
    assert 20 + TWO_MINUTES <= settled_row <= 20 + TWO_MINUTES + 5


def test_not_measured_is_not_said_of_a_heart_that_is_measured() -> None:
    told = said_at_time_up([None] * 10 + [70.0] * 40)
    assert [reason for _, reason in told] == ["not-measured", "settling", ""]
    assert told[1][0] == 10


def test_a_heart_at_the_edge_of_the_range_does_not_change_the_sentence_with_every_row() -> None:
    assert said_at_time_up([95.0, 70.0] * 60) == [(0, "heart-fast")]


def test_what_was_held_before_a_hole_in_the_rows_proves_nothing_after_it() -> None:
    pause = a_break(P.ON)
    for i in range(30):
        pause = pause.sees(row(NOON_NS + i * 5 * NS, 70.0))
    later_ns = NOON_NS + 10 * MINUTE_NS
    assert due(pause.sees(row(later_ns, 70.0)), later_ns) == (Sign.NOT_SETTLED, "settling")


def test_without_a_usable_heart_for_two_minutes_it_says_so() -> None:
    rates = [70.0] * 30 + [None] * TWO_MINUTES
    assert at_time_up(rates) == (Sign.NOT_SETTLED, "not-measured")
    assert at_time_up([]) == (Sign.NOT_SETTLED, "not-measured")


SHUT = EpisodeKind.SHUTDOWN


def test_after_shutdown_a_slow_heart_is_not_settled() -> None:
    slow = [66.0] * TWO_MINUTES
    assert at_time_up(slow, SHUT, motion_mg=50, here=True) == (Sign.NOT_SETTLED, "heart-slow")
    assert at_time_up(slow, EpisodeKind.FLOODING) == (Sign.SETTLED, "")


def test_after_shutdown_it_takes_the_heart_movement_and_the_word() -> None:
    usual = [68.0] * TWO_MINUTES
    assert at_time_up(usual, SHUT, motion_mg=5, here=True) == (Sign.NOT_SETTLED, "still")
    assert at_time_up(usual, SHUT, motion_mg=50) == (Sign.NOT_SETTLED, "say-here")
    assert at_time_up(usual, SHUT, motion_mg=50, here=True) == (Sign.SETTLED, "")


def test_without_an_accelerometer_the_heart_and_the_word_decide() -> None:
    assert at_time_up([68.0] * TWO_MINUTES, SHUT, here=True) == (Sign.SETTLED, "")


def test_settled_is_taken_back_only_after_two_minutes_of_the_opposite() -> None:
    pause = a_break(P.SETTLED)
    now_ns = NOON_NS
    for i in range(30):
        now_ns = NOON_NS + i * 5 * NS
        pause = pause.sees(row(now_ns, 95.0))
        if i < 24:
            assert due(pause, now_ns) is None
    assert due(pause, now_ns) == (Sign.NOT_SETTLED, "heart-fast")


def test_settled_does_not_outlive_the_sensor_by_more_than_two_minutes() -> None:
    pause = a_break(P.SETTLED).sees(row(NOON_NS, 70.0))
    assert due(pause, NOON_NS + 119 * NS) is None
    assert due(pause, NOON_NS + 120 * NS) == (Sign.NOT_SETTLED, "not-measured")


def test_a_shutdown_in_the_break_changes_the_rule_and_forgets_what_was_shown() -> None:
    before = replace(a_break(P.ON).sees(row(NOON_NS, 70.0, 50)), here=True)
    pause = moved(before, Sign.SHUTDOWN)
    assert pause.about == SHUT
    assert pause.body == Body(usable_ns=NOON_NS)
    assert not pause.here


def test_an_offer_ends_when_its_time_is_over_and_not_before() -> None:
    pause = a_break(P.OFFERED)
    assert due(pause, NOON_NS - 1) is None
    assert due(pause, NOON_NS) == (Sign.OFFER_OVER, "")


def test_nothing_is_due_before_the_agreed_time() -> None:
    assert due(a_break(P.ON), NOON_NS - 1) is None


def test_who_agreed_to_a_day_is_still_asked_at_its_end() -> None:
    pause = a_break(P.ON)
    pause = replace(pause, until_ns=pause.began_ns + DAY_NS)
    asked = due(pause, pause.until_ns)
    assert asked == (Sign.NOT_SETTLED, "not-measured")
    pause = moved(pause, asked[0], Occasion(now_ns=pause.until_ns, reason=asked[1]))
    assert due(pause, pause.until_ns + 29 * MINUTE_NS) is None
    assert due(pause, pause.until_ns + 30 * MINUTE_NS) == (Sign.DAY_OVER, "")
