"""Every row of the break's table, and what advises at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_alerts import NOON_NS, NS
from vagalwatch.alerts.pause import DAY_NS, FINAL, MINUTE_NS, TABLE, Body, Event, Pause, Sign
from vagalwatch.records import AnswerKind, BreakPhase, EpisodeKind, Estimate, Metrics, State

if TYPE_CHECKING:
    from collections.abc import Sequence

A, P = AnswerKind, BreakPhase

# Written out once more by hand: a slip in the table must not pass because the test reads it.
ROWS = [
    (P.OFFERED, A.YES, P.ON),
    (P.OFFERED, A.START_BREAK, P.ON),
    (P.OFFERED, A.NOT_NOW, P.DECLINED),
    (P.OFFERED, A.LATER, P.DECLINED),
    (P.OFFERED, A.WRONG, P.WRONG),
    (P.OFFERED, Sign.SHUTDOWN, P.OFFERED),
    (P.OFFERED, Sign.OFFER_OVER, P.EXPIRED),
    (P.OFFERED, Sign.SAFETY, P.EXPIRED),
    (P.ON, A.IM_BACK, P.RETURNED),
    (P.ON, A.MORE_TIME, P.ON),
    (P.ON, A.NOT_TODAY, P.NOT_RESUMED),
    (P.ON, A.WRONG, P.WRONG),
    (P.ON, Sign.SHUTDOWN, P.ON),
    (P.ON, Sign.SETTLED, P.SETTLED),
    (P.ON, Sign.NOT_SETTLED, P.NOT_SETTLED),
    *(
        row
        for up in (P.SETTLED, P.NOT_SETTLED)
        for row in (
            (up, A.IM_BACK, P.RETURNED),
            (up, A.MORE_TIME, P.ON),
            (up, A.START_BREAK, P.ON),
            (up, A.NOT_TODAY, P.NOT_RESUMED),
            (up, A.WRONG, P.WRONG),
            (up, Sign.SHUTDOWN, P.NOT_SETTLED),
            (up, Sign.SETTLED, P.SETTLED),
            (up, Sign.NOT_SETTLED, P.NOT_SETTLED),
            (up, Sign.DAY_OVER, P.NOT_RESUMED),
        )
    ),
]
NEXT = {(phase, event): after for phase, event, after in ROWS}


def a_break(phase: BreakPhase, about: EpisodeKind | None = EpisodeKind.FLOODING) -> Pause:
    began_ns = NOON_NS - 20 * MINUTE_NS
    return Pause(
        id="anna-break-1",
        phase=phase,
        began_ns=began_ns,
        until_ns=NOON_NS,
        origin="prompt",
        about=about,
        offer_until_ns=NOON_NS,
    )


@pytest.mark.parametrize("phase", list(BreakPhase))
@pytest.mark.parametrize("event", [*AnswerKind, *Sign])
def test_every_event_in_every_phase(phase: BreakPhase, event: Event) -> None:
    pause = a_break(phase)
    happened = pause.happens(event, NOON_NS, minutes=20)
    assert happened == ((phase, event) in NEXT)
    assert pause.phase == NEXT.get((phase, event), phase)
    if not happened:
        assert pause == a_break(phase), "what is not in the table changes nothing"


def test_final_phases_are_the_five_that_the_records_name() -> None:
    assert {P.RETURNED, P.NOT_RESUMED, P.DECLINED, P.WRONG, P.EXPIRED} == FINAL
    assert set(TABLE) == set(BreakPhase)


def test_accepting_starts_the_agreed_time_at_the_word() -> None:
    pause = a_break(P.OFFERED)
    pause.happens(A.YES, NOON_NS + 7, minutes=45)
    assert (pause.began_ns, pause.until_ns) == (NOON_NS + 7, NOON_NS + 7 + 45 * MINUTE_NS)


def test_more_time_during_a_break_adds_to_what_is_agreed() -> None:
    pause = a_break(P.ON)
    pause.happens(A.MORE_TIME, NOON_NS - MINUTE_NS, minutes=10)
    assert pause.until_ns == NOON_NS + 10 * MINUTE_NS


def test_more_time_after_it_counts_from_now() -> None:
    pause = a_break(P.NOT_SETTLED)
    pause.happens(A.MORE_TIME, NOON_NS + 5 * MINUTE_NS, minutes=10)
    assert pause.until_ns == NOON_NS + 15 * MINUTE_NS


def test_a_break_never_lasts_over_a_day() -> None:
    pause = a_break(P.ON)
    pause.happens(A.MORE_TIME, NOON_NS, minutes=24 * 60)
    assert pause.until_ns == pause.began_ns + DAY_NS


def test_more_time_when_the_day_is_over_is_not_resumed() -> None:
    pause = a_break(P.NOT_SETTLED)
    pause.happens(A.MORE_TIME, pause.began_ns + DAY_NS, minutes=20)
    assert pause.phase == P.NOT_RESUMED


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
    pause = a_break(P.ON, about)
    pause.here = here
    for i, rate in enumerate(rates):
        t_ns = NOON_NS - (len(rates) - i) * 5 * NS
        pause.body.take(row(t_ns, rate, motion_mg), about)
    return pause.due(NOON_NS)


TWO_MINUTES = 26  # rows, so that the first and the last lie over 120 s apart


def test_after_flooding_ten_percent_over_usual_for_two_minutes_is_settled() -> None:
    assert at_time_up([77.0] * TWO_MINUTES) == (Sign.SETTLED, "")


def test_just_over_ten_percent_is_not() -> None:
    assert at_time_up([77.1] * TWO_MINUTES) == (Sign.NOT_SETTLED, "heart-fast")


def test_less_than_two_minutes_is_not() -> None:
    rates = [90.0] * 10 + [70.0] * 24
    assert at_time_up(rates) == (Sign.NOT_SETTLED, "settling")


def test_a_hole_in_the_two_minutes_breaks_them() -> None:
    rates = [70.0] * 20 + [None] + [70.0] * 20
    assert at_time_up(rates) == (Sign.NOT_SETTLED, "settling")


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
        pause.body.take(row(now_ns, 95.0), pause.about)
        if i < 24:
            assert pause.due(now_ns) is None
    assert pause.due(now_ns) == (Sign.NOT_SETTLED, "heart-fast")


def test_settled_does_not_outlive_the_sensor_by_more_than_two_minutes() -> None:
    pause = a_break(P.SETTLED)
    pause.body.take(row(NOON_NS, 70.0), pause.about)
    assert pause.due(NOON_NS + 119 * NS) is None
    assert pause.due(NOON_NS + 120 * NS) == (Sign.NOT_SETTLED, "not-measured")


def test_a_shutdown_in_the_break_changes_the_rule_and_forgets_what_was_shown() -> None:
    pause = a_break(P.ON)
    pause.body.take(row(NOON_NS, 70.0, 50), pause.about)
    pause.here = True
    pause.happens(Sign.SHUTDOWN, NOON_NS)
    assert pause.about == SHUT
    assert pause.body == Body(usable_ns=NOON_NS)
    assert not pause.here


def test_an_offer_ends_when_its_time_is_over_and_not_before() -> None:
    pause = a_break(P.OFFERED)
    assert pause.due(NOON_NS - 1) is None
    assert pause.due(NOON_NS) == (Sign.OFFER_OVER, "")


def test_nothing_is_due_before_the_agreed_time() -> None:
    assert a_break(P.ON).due(NOON_NS - 1) is None


def test_who_agreed_to_a_day_is_still_asked_at_its_end() -> None:
    pause = a_break(P.ON)
    pause.until_ns = pause.began_ns + DAY_NS
    due = pause.due(pause.until_ns)
    assert due == (Sign.NOT_SETTLED, "not-measured")
    pause.happens(due[0], pause.until_ns, reason=due[1])
    assert pause.due(pause.until_ns + 29 * MINUTE_NS) is None
    assert pause.due(pause.until_ns + 30 * MINUTE_NS) == (Sign.DAY_OVER, "")
