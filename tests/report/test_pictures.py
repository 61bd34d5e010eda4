"""Pictures: what was not recorded is never drawn, and what was is where it belongs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts import words
from vagalwatch.alerts.preferences import Preferences
from vagalwatch.records import Episode, EpisodeKind, State
from vagalwatch.report import svg
from vagalwatch.report.figures import progress
from vagalwatch.report.gather import Diary, Row
from vagalwatch.report.pictures import BIN_S, episode, pictures, trend, week, with_gaps
from vagalwatch.report.speech import Speech

if TYPE_CHECKING:
    from collections.abc import Sequence

NS = 1_000_000_000
DAY_NS = 24 * 3600 * NS
UNTIL_NS = 1_795_460_400 * NS  # Monday 2026-11-23, 19:00 UTC
MIDNIGHT_NS = 1_795_392_000 * NS
SPEECH = Speech("en", words.lines(), UTC)


def diary(
    rows: Sequence[Row] = (), idle_ns: Sequence[int] = (), episodes: Sequence[Episode] = ()
) -> Diary:
    return Diary(
        wearer="ada",
        since_ns=UNTIL_NS - 56 * DAY_NS,
        until_ns=UNTIL_NS,
        rows=tuple(rows),
        idle_ns=idle_ns,
        episodes=tuple(episodes),
        alerts=(),
        steps=(),
        answers=(),
        judged=(),
        preferences=Preferences(),
    )


def row(t_ns: int, state: State = State.SETTLED, hr_bpm: float = 70.0) -> Row:
    return Row(t_ns, state, hr_bpm, 66.0)


def bars(picture: str, kind: str) -> list[ET.Element]:
    found = ET.fromstring(picture).iter("rect")  # noqa: S314 - our own
    return [one for one in found if one.get("class") == kind]


@given(st.sets(st.integers(0, 24 * 12 - 1), max_size=30), st.sets(st.integers(0, 287), max_size=30))
def test_a_day_shows_the_five_minutes_that_could_be_read_and_no_other(
    read: set[int], idle: set[int]
) -> None:
    """Of a day that is over: yesterday."""
    start_ns = MIDNIGHT_NS - DAY_NS
    rows = [row(start_ns + index * BIN_S * NS + 60 * NS) for index in read]
    idle_ns = [start_ns + index * BIN_S * NS + 120 * NS for index in idle]
    told = diary(sorted(rows), idle_ns)
    drawn = week(told, progress(told), SPEECH).svg
    assert len(bars(drawn, "usable")) == len(read)
    assert len(bars(drawn, "unusable")) == len(idle)


def test_an_empty_week_is_empty_and_says_what_that_does_not_mean() -> None:
    told = diary()
    drawn = week(told, progress(told), SPEECH)
    assert bars(drawn.svg, "usable") == bars(drawn.svg, "unusable") == []
    assert "does not mean that all was well" in drawn.note


def test_a_bin_that_was_half_read_is_half_as_high() -> None:
    start_ns = MIDNIGHT_NS - DAY_NS
    told = diary([row(start_ns + i * 5 * NS) for i in range(60)])
    (whole,) = bars(week(told, progress(told), SPEECH).svg, "usable")
    told = diary([row(start_ns + i * 5 * NS) for i in range(30)])
    (half,) = bars(week(told, progress(told), SPEECH).svg, "usable")
    assert float(half.get("height", 0)) == float(whole.get("height", 0)) / 2


def flooding(onset_ns: int) -> Episode:
    return Episode(
        wearer="ada",
        t_ns=onset_ns + 20 * NS,
        recv_ns=onset_ns + 23 * NS,
        episode=EpisodeKind.FLOODING,
        onset_ns=onset_ns,
        end_ns=onset_ns + 300 * NS,
    )


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(4, 30)), max_size=4))
def test_no_line_is_drawn_over_a_gap(gaps: list[tuple[int, int]]) -> None:
    onset_ns = MIDNIGHT_NS - DAY_NS + 3600 * NS
    missing = {index for start, length in gaps for index in range(start, start + length)}
    first_ns = onset_ns - 300 * NS
    kept = [index for index in range(240) if index not in missing]
    told = diary([row(first_ns + index * 5 * NS) for index in kept], (), [flooding(onset_ns)])
    drawn = episode(told, progress(told), SPEECH).svg
    xs = [
        [float(point.split(",")[0]) for point in line.get("points", "").split()]
        for line in ET.fromstring(drawn).iter("polyline")  # noqa: S314 - our own
    ]
    runs = 1 + sum(b - a > 3 for a, b in pairwise(kept)) if kept else 0
    assert len(xs) == runs
    assert bars(drawn, "missing")  # before the rows begin, at least


def test_rows_that_are_missing_break_a_line_and_late_ones_do_not() -> None:
    assert with_gaps([(0.0, 1.0), (0.25, 2.0), (1.0, 3.0)]) == [
        (0.0, 1.0),
        (0.25, 2.0),
        (0.25, None),
        (1.0, 3.0),
    ]


def test_the_last_time_that_was_seen_to_its_end_is_shown() -> None:
    first_ns, second_ns = MIDNIGHT_NS - DAY_NS, MIDNIGHT_NS - DAY_NS + 7200 * NS
    states = [State.FLOODING] * 60 + [State.RECOVERING] * 30 + [State.SETTLED] * 20
    rows = [row(first_ns + i * 5 * NS, state, 100) for i, state in enumerate(states)]
    rows += [row(second_ns + i * 5 * NS, State.FLOODING, 100) for i in range(60)]
    told = diary(rows, (), [flooding(first_ns), flooding(second_ns)])
    drawn = episode(told, progress(told), SPEECH).svg
    assert "Near usual again: 8 min" in drawn  # 7.5, told to the minute


def test_nothing_to_show_is_said_in_words() -> None:
    told = diary()
    drawn = pictures(told, progress(told), SPEECH)
    assert [bool(picture.svg) for picture in drawn] == [True, False, False]
    assert drawn[1].note == "In this time there is none to show."
    assert drawn[2].note == "Too few to draw: 0 of 5."


def test_a_trend_has_a_dot_a_time_and_a_bar_only_of_five() -> None:
    rows: list[Row] = []
    episodes = []
    for day in (*range(5), 10, 11):
        start_ns = UNTIL_NS - (day + 1) * DAY_NS
        states = [State.FLOODING] * 60 + [State.RECOVERING] * 30 + [State.SETTLED] * 20
        rows += [row(start_ns + i * 5 * NS, state, 100) for i, state in enumerate(states)]
        episodes.append(flooding(start_ns))
    told = progress(diary(sorted(rows), (), sorted(episodes, key=lambda one: one.onset_ns)))
    drawn = trend(told, SPEECH).svg
    assert drawn.count('class="settled"') == 7
    assert drawn.count('class="median"') == 1
    assert trend(replace(told, settled=told.settled[:4]), SPEECH).svg == ""


@pytest.mark.parametrize("low", [-12.0, 0.0, 55.0])
@given(span=st.floats(0.5, 2000))
def test_an_axis_has_some_round_values_within_it(low: float, span: float) -> None:
    told = svg.ticks(low, low + span, 4)
    assert all(low <= value <= low + span for value in told)
    assert len(told) <= max(5, span / 240 + 1)


def test_text_is_escaped() -> None:
    assert svg.text(0, 0, "<b>") == '<text x="0" y="0" text-anchor="start">&lt;b&gt;</text>'
    assert not re.search(r"[<>]b", svg.picture(10, '"><b>'))
