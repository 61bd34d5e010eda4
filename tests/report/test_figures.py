"""The six numbers, each against a diary in which it can be counted by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts import words
from vagalwatch.alerts.preferences import Preferences
from vagalwatch.alerts.table import EXTENDED
from vagalwatch.records import (
    LONGER,
    AdverseEvent,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Episode,
    EpisodeKind,
    State,
)
from vagalwatch.report.figures import ENOUGH, Progress, progress
from vagalwatch.report.gather import Diary, Row
from vagalwatch.report.note import draft, first, private
from vagalwatch.report.speech import Speech, lines

if TYPE_CHECKING:
    from collections.abc import Iterable

NS = 1_000_000_000
MINUTE_NS = 60 * NS
WEEK_NS = 7 * 24 * 60 * MINUTE_NS
UNTIL_NS = 1_795_460_400 * NS
SINCE_NS = UNTIL_NS - 8 * WEEK_NS
T0_NS = UNTIL_NS - 3 * 24 * 60 * MINUTE_NS
LETTERS = {
    "s": State.SETTLED,
    "F": State.FLOODING,
    "b": State.RECOVERING,
    "c": State.CALIBRATING,
    "?": State.UNKNOWN,
}
A, P = AnswerKind, BreakPhase


def diary(
    rows: str = "",
    *,
    steps: Iterable[BreakStep] = (),
    answers: Iterable[Answer] = (),
    alerts: Iterable[Alert] = (),
    episodes: Iterable[Episode] = (),
    judged: Iterable[AdverseEvent] = (),
) -> Diary:
    return Diary(
        wearer="ada",
        since_ns=SINCE_NS,
        until_ns=UNTIL_NS,
        rows=tuple(
            Row(T0_NS + index * 5 * NS, LETTERS[letter], 70.0, 66.0)
            for index, letter in enumerate(rows)
            if letter not in " ?"
        ),
        idle_ns=[T0_NS + index * 5 * NS for index, letter in enumerate(rows) if letter == "?"],
        episodes=tuple(episodes),
        alerts=tuple(alerts),
        steps=tuple(steps),
        answers=tuple(answers),
        judged=tuple(judged),
        preferences=Preferences(),
    )


def flooding(row: int, end: int, *, start_ns: int = T0_NS) -> Episode:
    onset_ns = start_ns + row * 5 * NS
    return Episode(
        wearer="ada",
        t_ns=onset_ns + 20 * NS,
        recv_ns=onset_ns + 23 * NS,
        episode=EpisodeKind.FLOODING,
        onset_ns=onset_ns,
        end_ns=start_ns + end * 5 * NS,
    )


def steps(
    *told: tuple[float, BreakPhase, float], own: bool = True, name: str = "b"
) -> list[BreakStep]:
    """Each at a minute after T0, with the time of return then agreed on."""
    return [
        BreakStep(
            wearer="ada",
            t_ns=T0_NS + round(at * 60) * NS,
            recv_ns=T0_NS + round(at * 60) * NS,
            id=name,
            phase=phase,
            began_ns=T0_NS + round(told[0][0] * 60) * NS,
            until_ns=T0_NS + round(until * 60) * NS,
            origin="self" if own else "prompt",
            alert_id="" if own else f"alert-{name}",
            reason=EXTENDED if phase is P.ON and until > told[0][2] > told[0][0] else "",
        )
        for at, phase, until in told
    ]


def answer(
    said: AnswerKind, about: str = "b", *, at: float = 30, text: str | None = None
) -> Answer:
    t_ns = T0_NS + round(at * 60) * NS
    return Answer(wearer="ada", t_ns=t_ns, recv_ns=t_ns, answer=said, about=about, text=text)


def prompt(name: str = "alert-b", kind: EpisodeKind = EpisodeKind.FLOODING) -> Alert:
    return Alert(
        wearer="ada",
        t_ns=T0_NS,
        recv_ns=T0_NS,
        id=name,
        alert=kind,
        onset_ns=T0_NS,
        valid_until_ns=T0_NS + 120 * NS,
    )


def test_hours_are_those_in_which_something_could_be_said() -> None:
    told = progress(diary("s" * 720 + "c" * 180 + "?" * 180 + " " * 360))
    assert (told.usable_h, told.recorded_h) == (1.0, 1.5)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        ([(0, P.ON, 20), (18, P.RETURNED, 20)], "on-time"),
        ([(0, P.ON, 20), (20, P.SETTLED, 20), (25, P.RETURNED, 20)], "on-time"),
        ([(0, P.ON, 20), (26, P.RETURNED, 20)], "past-time"),
        ([(0, P.ON, 20), (19, P.ON, 40), (41, P.RETURNED, 40)], "new-time"),
        ([(0, P.ON, 20), (19, P.ON, 40), (50, P.RETURNED, 40)], "past-time"),
        ([(0, P.ON, 20), (21, P.NOT_SETTLED, 20), (90, P.NOT_RESUMED, 20)], "not-resumed"),
        ([(0, P.ON, 20), (3, P.DECLINED, 20)], "no-break"),
        ([(0, P.ON, 20), (3, P.ON, 20)], "open"),
    ],
)
def test_how_a_break_ended(told: list[tuple[float, BreakPhase, float]], ending: str) -> None:
    (one,) = progress(diary(steps=steps(*told))).breaks
    assert one.ending == ending
    assert one.agreed_min == 20


def test_the_others_longer_time_is_no_new_time_of_ones_own() -> None:
    told = steps((0, P.ON, 20), (5, P.ON, 40), (41, P.RETURNED, 40))
    told[1] = replace(told[1], reason=LONGER)
    (one,) = progress(diary(steps=told)).breaks
    assert one.ending == "on-time"


def test_only_breaks_that_were_taken_count_and_own_ones_apart() -> None:
    told = progress(
        diary(
            steps=[
                *steps((0, P.ON, 20), (20, P.RETURNED, 20)),
                *steps((60, P.OFFERED, 60), (61, P.ON, 81), own=False, name="c"),
                *steps((200, P.OFFERED, 200), (202, P.EXPIRED, 200), own=False, name="d"),
                *steps((300, P.OFFERED, 300), (302, P.DECLINED, 300), own=False, name="e"),
            ]
        )
    )
    assert (told.own_breaks, told.prompted_breaks) == (1, 1)
    assert told.check_ins == {"on-time": 1, "open": 1}
    assert told.returned == 1


def test_a_verdict_counts_once_a_prompt_as_it_was_said_last() -> None:
    told = progress(
        diary(
            alerts=[prompt(), prompt("alert-c"), prompt("fall", EpisodeKind.SAFETY)],
            steps=steps((0, P.ON, 20), own=False),
            answers=[
                answer(A.WRONG, "alert-b"),
                answer(A.RIGHT, "b"),
                answer(A.WRONG, "fall"),
                answer(A.RIGHT, "somebody-else"),
            ],
        )
    )
    assert (told.prompts, told.judged, told.right) == (2, 1, 1)


def test_harm_is_told_first_and_that_of_other_weeks_is_not() -> None:
    def judged(wall_ns: int, *, serious: bool) -> AdverseEvent:
        return AdverseEvent(
            wearer="ada",
            t_ns=UNTIL_NS - NS,
            recv_ns=UNTIL_NS - NS,
            wall_ns=wall_ns,
            serious=serious,
            related="possible",
            expected=False,
        )

    minute_ns = SINCE_NS // (60 * NS) * 60 * NS
    long_ago_ns = minute_ns - 600 * NS
    told = progress(
        diary(judged=[judged(minute_ns + 60 * NS, serious=True), judged(long_ago_ns, serious=True)])
    )
    assert [harm.wall_ns for harm in told.harms] == [minute_ns + 60 * NS]
    assert first(told, Speech("en", words.lines(), UTC)) == ["How often serious harm was noted: 1."]


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_that_comes_first_is_told_in_a_plural_of_one(language: str) -> None:
    told = lines(language)
    first_lines = {key: line for key, line in told.items() if key.startswith("first.")}
    assert first_lines
    for line in first_lines.values():
        assert not re.search(r"\b1 (times|Male)\b", line.format(count=1, when="today"))


def test_how_it_was_afterwards_is_what_was_said_last_of_the_break_or_of_its_prompt() -> None:
    begun = [
        replace(step, alert_id="prompt") for step in steps((0, P.ON, 20), (20, P.RETURNED, 20))
    ]
    said = [answer(A.BETTER, at=30), answer(A.WORSE, "prompt", at=31)]
    for order in (said, said[::-1]):
        (one,) = progress(diary(steps=begun, answers=order)).breaks
        assert one.felt == "worse"


@pytest.mark.parametrize(
    ("count", "last", "asked"),
    [(ENOUGH - 1, P.NOT_RESUMED, 0), (ENOUGH, P.RETURNED, 1), (ENOUGH, P.NOT_RESUMED, 2)],
)
def test_who_calls_is_asked_in_private_once_there_is_enough_to_ask_about(
    count: int, last: BreakPhase, asked: int
) -> None:
    ends = [P.RETURNED] * (count - 1) + [last]
    taken = [
        step
        for n, end in enumerate(ends)
        for step in steps((60 * n, P.ON, 60 * n + 20), (60 * n + 20, end, 60 * n + 20), name=f"{n}")
    ]
    told, speech = progress(diary(steps=taken)), Speech("en", words.lines(), UTC)
    assert len(private(told, speech)) == asked
    noted = draft(told, Preferences(), "dap", speech)
    assert not {line for part in noted for line in part.lines} & {*private(told, speech)}


def test_repairs_and_own_words_stand_with_their_break() -> None:
    told = progress(
        diary(
            steps=[
                *steps((0, P.ON, 20), (20, P.RETURNED, 20)),
                *steps((60, P.ON, 80), (80, P.RETURNED, 80), name="c"),
            ],
            answers=[
                answer(A.NOT_MENDED),
                answer(A.MENDED, at=31),
                answer(A.WORSE),
                answer(A.MADE_WORSE),
                answer(A.SET_OFF, text="The bill"),
            ],
        )
    )
    assert (told.returned, told.repair_said, told.mended, len(told.made_worse_ns)) == (2, 1, 1, 1)
    said, open_ = first(told, Speech("en", words.lines(), UTC))
    assert "made it worse: 1 (2026-" in said, "an adverse event is told with its day"
    assert open_ == "How often no one has said yet how bad it was: 1."
    one, other = told.breaks
    assert (one.mended, one.felt, one.set_off) == (True, "worse", "The bill")
    assert (other.mended, other.felt, other.set_off) == (None, None, None)


def test_time_to_settle_is_from_the_onset_to_the_first_row_that_is_back() -> None:
    told = progress(diary("s" * 12 + "F" * 36 + "b" * 24 + "s" * 9, episodes=[flooding(12, 48)]))
    assert [one.minutes for one in told.settled] == [5.0]
    assert (told.median_settle_min, told.unseen) == (5.0, 0)


@pytest.mark.parametrize(
    ("about", "began", "settled_after"),
    [
        (EpisodeKind.FLOODING, 2, 5.0),  # it lasted into the break
        (EpisodeKind.FLOODING, 0.5, 5.0),  # it began in the break
        (EpisodeKind.FLOODING, 4.5, None),  # it was over before
        (EpisodeKind.SHUTDOWN, 2, None),  # of another kind
        (None, 2, None),
    ],
)
def test_a_break_has_the_settling_of_its_own_episode_and_of_no_older_or_other_one(
    about: EpisodeKind | None, began: float, settled_after: float | None
) -> None:
    """It took whichever began last before the break, weeks ago or of the other kind."""
    taken = steps((began, P.ON, began + 20), (began + 18, P.RETURNED, began + 20))
    told = progress(
        diary(
            "s" * 12 + "F" * 36 + "b" * 24 + "s" * 9,
            steps=[replace(step, about=about) for step in taken],
            episodes=[flooding(12, 48)],
        )
    )
    assert [one.settle_min for one in told.breaks] == [settled_after]


@pytest.mark.parametrize("lost", ["?" * 13, " " * 13, "b" * 9])
def test_a_way_back_that_was_not_seen_is_counted_and_not_timed(lost: str) -> None:
    after = "s" * 9 if "b" not in lost else ""
    told = progress(diary("s" * 12 + "F" * 36 + lost + after, episodes=[flooding(12, 48)]))
    assert (told.settled, told.median_settle_min, told.unseen) == ((), None, 1)


def test_falls_are_told_apart_from_what_a_break_is_for() -> None:
    fall = replace(flooding(1, 9), episode=EpisodeKind.SAFETY)
    told = progress(diary("s" * 20, episodes=[fall]))
    assert (told.falls, told.unseen, told.settled) == (1, 0, ())


@given(st.lists(st.integers(0, 7), max_size=40))
def test_a_week_has_a_median_only_of_enough(weeks: list[int]) -> None:
    rows: list[Row] = []
    episodes = []
    for index, week in enumerate(sorted(weeks)):
        start_ns = SINCE_NS + week * WEEK_NS + index * 3600 * NS
        states = "s" + "F" * 12 + "s"
        rows += [Row(start_ns + i * 5 * NS, LETTERS[s], 70.0, 66.0) for i, s in enumerate(states)]
        episodes.append(flooding(1, 13, start_ns=start_ns))
    told = progress(replace(diary(episodes=episodes), rows=tuple(rows)))
    assert len(told.weeks) == 8
    for number, one in enumerate(told.weeks):
        assert one.settled == weeks.count(number)
        assert (one.median_settle_min is None) == (one.settled < ENOUGH)


def test_nothing_gives_nothing_and_no_figure_that_looks_like_one() -> None:
    told = progress(diary())
    assert isinstance(told, Progress)
    assert (told.median_settle_min, told.usable_h, told.check_ins, told.breaks) == (None, 0, {}, ())
