"""What is told of the last weeks: what happened, and where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_alerts import Wearer
from helpers_lives import SILENT_STEPS, SOURCES, House, Op, pauses, steps, uncommitted
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    EpisodeKind,
    Gap,
    GapReason,
    Run,
    Stream,
)
from vagalwatch.web.history import DAYS, EVENTS, KINDS, history, measured

A = AnswerKind
S = 1_000_000_000
MINUTE, HOUR, DAY = 60 * S, 3600 * S, 24 * 3600 * S
NOON = round(datetime(2026, 5, 4, 12, 0, tzinfo=UTC).timestamp()) * S
BERLIN = ZoneInfo("Europe/Berlin")


def gap(
    begin: int, end: int | None, *, source: str = "strap", stream: Stream = Stream.HEART
) -> Gap:
    return Gap(
        wearer="anna",
        source=source,
        stream=stream,
        t_ns=begin,
        recv_ns=begin if end is None else end,
        reason=GapReason.OFF_BODY,
        end_ns=end,
    )


def told(records: list[Any], now_ns: int = NOON) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = history(records, now_ns, UTC)
    return [event for day in days for event in day["events"]]


def an_evening(*answers: tuple[AnswerKind, str]) -> list[Any]:
    """What stands in the journal after somebody has said all this; "" is about the last break."""
    anna = Wearer()
    records: list[Any] = []
    for kind, about in answers:
        anna.tick(60)
        mean = about or (anna.steps[-1].id if anna.steps else "")
        said = Answer(wearer="anna", t_ns=anna.now_ns, recv_ns=anna.now_ns, answer=kind, about=mean)
        if kind is A.SET_OFF:
            said = replace(said, text="the bins")
        records.append(said)
        records += anna.says(kind, about=mean)
    return records


def now_of(records: list[Any]) -> int:
    return max(int(record.recv_ns) for record in records)


def test_a_break_of_ones_own_with_its_answers_and_words() -> None:
    records = an_evening(
        (A.START_BREAK, "-"),
        (A.MORE_TIME, ""),
        (A.IM_BACK, ""),
        (A.WORSE, ""),
        (A.MADE_WORSE, ""),
        (A.MENDED, ""),
        (A.SET_OFF, ""),
    )
    (event,) = told(records, now_of(records))
    assert (event["kind"], event["by"], event["end"], event["more"]) == (
        "break",
        "self",
        "returned",
        1,
    )
    assert event["minutes"] == 2
    assert {*event["answers"]} == {"worse", "made-worse", "mended"}
    assert event["words"] == "the bins"


@pytest.mark.parametrize(("lasted_s", "minutes"), [(10, 0), (59, 0), (60, 1), (110, 2)])
def test_a_break_shorter_than_a_minute_is_of_no_whole_minute(lasted_s: int, minutes: int) -> None:
    anna = Wearer()
    records: list[Any] = list(anna.says(A.START_BREAK))
    anna.tick(lasted_s)
    records += anna.says(A.IM_BACK, about=anna.steps[-1].id)
    (event,) = told(records, anna.now_ns)
    assert (event["end"], event["minutes"]) == ("returned", minutes)


@pytest.mark.parametrize("answer", [A.NOT_NOW, A.IM_THINKING, A.WRONG])
def test_a_prompt_without_a_break_has_no_length(answer: AnswerKind) -> None:
    anna = Wearer()
    records: list[Any] = list(anna.episode())
    records += anna.says(answer)
    (event,) = told(records, anna.now_ns)
    assert (event["by"], event["about"], event["minutes"]) == ("prompt", "flooding", None)
    assert event["end"] in {"declined", "thinking", "wrong"}


def test_a_break_that_still_runs_has_no_length_yet() -> None:
    records = an_evening((A.START_BREAK, "-"))
    (event,) = told(records, now_of(records))
    assert (event["end"], event["minutes"]) == ("on", None)


def test_a_rapid_fall_says_whether_somebody_has_answered() -> None:
    fall = Alert(
        wearer="anna",
        t_ns=NOON - HOUR,
        recv_ns=NOON - HOUR,
        id="f",
        alert=EpisodeKind.SAFETY,
        onset_ns=NOON - HOUR,
        valid_until_ns=NOON,
    )
    seen = Answer(wearer="anna", t_ns=NOON, recv_ns=NOON, answer=A.SEEN, about="f")
    assert [event["end"] for event in told([fall])] == [""]
    assert [event["end"] for event in told([fall, seen])] == ["seen"]


def test_no_number_of_the_body_is_told() -> None:
    records = an_evening((A.START_BREAK, "-"), (A.IM_BACK, ""))
    (event,) = told(records, now_of(records))
    assert not any("bpm" in key or "hr" in key or "reasons" in key for key in event)


# --- days ---------------------------------------------------------------------------------------


def test_an_empty_record_is_days_in_which_nothing_was_measured() -> None:
    days = history([], NOON, UTC)
    assert len(days) == DAYS
    assert days[0] == {"date": "2026-05-04", "measured_min": 0, "events": []}
    assert days[-1]["date"] == "2026-04-07"


def test_a_gap_is_a_gap() -> None:
    days = history(
        [gap(NOON - 30 * HOUR, NOON - 10 * HOUR), gap(NOON - 2 * HOUR, NOON - HOUR)], NOON, UTC
    )
    # From 2 to 10 and from 11 to 12 o'clock.
    assert [day["measured_min"] for day in days[:3]] == [9 * 60, 0, 0]


def test_what_still_lasts_lasts_until_now_and_what_was_closed_does_not() -> None:
    lasting = gap(NOON - 3 * HOUR, None)
    first = gap(NOON - 5 * HOUR, NOON - 4 * HOUR)
    assert measured([first, lasting], NOON) == [(NOON - 4 * HOUR, NOON - 3 * HOUR)]
    closed = replace(lasting, end_ns=NOON - HOUR)
    assert measured([first, lasting, closed], NOON) == [
        (NOON - 4 * HOUR, NOON - 3 * HOUR),
        (NOON - HOUR, NOON),
    ]


def test_a_gap_whose_end_was_lost_lasts_until_the_next() -> None:
    lost = gap(NOON - 5 * HOUR, None)
    later = gap(NOON - 2 * HOUR, NOON - HOUR)
    assert measured([lost, later], NOON) == [(NOON - HOUR, NOON)]


def test_before_the_first_word_of_a_source_nothing_is_known() -> None:
    assert measured([], NOON) == []
    assert measured([gap(NOON - HOUR, NOON - HOUR)], NOON) == [(NOON - HOUR, NOON)]


def test_two_sensors_fill_each_others_gaps_and_skin_is_no_heart() -> None:
    one = [gap(NOON - 4 * HOUR, NOON - 3 * HOUR), gap(NOON - 2 * HOUR, NOON - HOUR)]
    other = [gap(NOON - 4 * HOUR, NOON - 2 * HOUR, source="watch")]
    assert measured([*one, *other], NOON) == [(NOON - 3 * HOUR, NOON)]
    skin = gap(NOON - 9 * HOUR, NOON - 8 * HOUR, stream=Stream.EDA)
    assert history([skin], NOON, UTC)[0]["measured_min"] == 0


def test_a_sensor_that_was_taken_away_does_not_read_as_measured_from_the_next_start_on() -> None:
    start = NOON - 6 * HOUR
    run = Run(t_ns=start, recv_ns=start, version="1", engine_version=1, parameters_hash="x")
    before = [
        gap(NOON - 11 * HOUR, NOON - 10 * HOUR, source=each) for each in ("old-strap", "strap")
    ]
    over_the_start = [
        gap(NOON - 9 * HOUR, start, source="old-strap"),
        gap(NOON - 8 * HOUR, start, source="strap"),
    ]
    of_its_link = [gap(start, None), gap(start, NOON - 4 * HOUR)]
    gone: list[Any] = [*before, run, *over_the_start]
    assert history(gone, NOON, UTC)[0]["measured_min"] == 2 * 60
    assert history([*gone, *of_its_link], NOON, UTC)[0]["measured_min"] == (2 + 4) * 60


def test_nor_where_the_reading_was_cut_off_between_a_start_and_its_gaps() -> None:
    start = NOON - 2 * DAY
    over_the_start = [gap(start - HOUR, start, source=each) for each in ("old-strap", "strap")]
    of_its_link = [gap(start, None), gap(start, NOON - 30 * HOUR)]
    days = history([*over_the_start, *of_its_link], NOON, UTC, known_from_ns=start)
    assert [day["measured_min"] for day in days[:4]] == [12 * 60, 18 * 60, None, None]
    days = history(over_the_start, NOON, UTC, known_from_ns=start)
    assert [day["measured_min"] for day in days[:4]] == [0, 0, None, None]


def test_days_are_those_of_the_persons_own_zone_also_when_the_clocks_change() -> None:
    """2026-03-29 had 23 hours in Berlin."""
    noon = round(datetime(2026, 3, 30, 12, 0, tzinfo=BERLIN).timestamp()) * S
    days = history([gap(noon - 5 * DAY, noon - 5 * DAY)], noon, BERLIN)
    assert [(day["date"], day["measured_min"]) for day in days[:3]] == [
        ("2026-03-30", 12 * 60),
        ("2026-03-29", 23 * 60),
        ("2026-03-28", 24 * 60),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10 * 24 * 60), st.integers(0, 3000) | st.none(), st.sampled_from("ab")
        ),
        max_size=20,
        unique_by=lambda one: (one[0], one[2]),  # or the later one would replace the earlier
    )
)
def test_whatever_was_missing_no_more_is_measured_than_there_was_time(
    drawn: list[tuple[int, int | None, str]],
) -> None:
    gaps = [
        gap(
            NOON - start * MINUTE,
            None if length is None else min(NOON, NOON - (start - length) * MINUTE),
            source=source,
        )
        for start, length, source in sorted(drawn, key=lambda one: -one[0])
    ]
    spans = measured(gaps, NOON)
    assert all(begin < end <= NOON for begin, end in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    for source in "ab":
        ended = [each for each in gaps if each.source == source and each.t_ns < (each.end_ns or 0)]
        others = [each for each in gaps if each.source != source]
        if not others:
            for each in ended:
                for begin, end in spans:
                    assert end <= each.t_ns or begin >= (each.end_ns or 0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(SOURCES)), steps, uncommitted, pauses),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 30),
)
def test_nothing_that_was_missing_is_told_as_measured(
    lives: list[tuple[set[str], list[tuple[Op, ...]], int, int]], cut: int
) -> None:
    """Whatever links, crashes, sensors taken away and a reading cut off left in the journal."""
    house = House(MINUTE)
    for sources, ops, gone, pause in lives:
        house.starts(watched=bool(sources))
        house.lives(ops, sources)
        house.dies(gone, pause)
    house.starts()
    house.lives([])
    records = [record for record in house.records if record.kind in KINDS]
    known_from_ns = records[cut - 1].recv_ns if 0 < cut <= len(records) else 0
    heard = sorted(t_ns for each in house.heard.values() for t_ns in each)
    for day in history(records[cut:], house.now_ns, UTC, known_from_ns):
        midnight = datetime.fromisoformat(f"{day['date']}T00:00+00:00")
        begin = round(midnight.timestamp()) * S
        reach = (SILENT_STEPS + 1) * MINUTE  # for so long nobody can know that it went silent
        at_most = {
            (t_ns + ahead * MINUTE) // MINUTE
            for t_ns in heard
            for ahead in range(-1, reach // MINUTE + 1)
            if begin <= t_ns + ahead * MINUTE < begin + DAY
        }
        if begin < known_from_ns:
            assert day["measured_min"] is None
        else:
            measured_min = day["measured_min"]
            assert isinstance(measured_min, int)
            assert measured_min <= len(at_most)


def test_the_newest_are_told_where_there_are_too_many() -> None:
    falls = [
        Alert(
            wearer="anna",
            t_ns=NOON - n * MINUTE,
            recv_ns=NOON - n * MINUTE,
            id=str(n),
            alert=EpisodeKind.SAFETY,
            onset_ns=0,
            valid_until_ns=0,
        )
        for n in range(EVENTS + 10)
    ]
    assert [event["id"] for event in told(list(falls))] == [str(n) for n in range(EVENTS)]
