from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_ledger import T0_NS, estimate, heart, session
from vagalwatch.deliver.points import BREAK_WORDS, EPISODE_WORDS, STATE_CODES, Point, line, points
from vagalwatch.journal.port import Entry
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    Eda,
    EpisodeKind,
    Gap,
    GapReason,
    Marker,
    Motion,
    Record,
    Session,
    Setting,
    State,
    Stream,
    Tick,
)


def told(record: Record, place: int = 1) -> list[Point]:
    return list(points(Entry(place, record), "home"))


def identity(point: Point) -> tuple[object, ...]:
    return point.measurement, frozenset(point.tags), point.t_ns


def test_a_beat_is_one_point_at_its_own_nanosecond() -> None:
    record = heart(3)
    beats = [point for point in told(record) if point.measurement == "beat"]
    assert [point.t_ns for point in beats] == list(record.beat_t_ns)
    assert line(beats[0]) == (
        f"beat,site=home,source=strap,wearer=ada rr_ms=732.421875 {T0_NS + 732_421_875}"
    )


def test_what_the_device_averages_is_kept_apart_from_the_beats() -> None:
    (level,) = told(replace(heart(1), beat_t_ns=(), rr_ms=()))
    assert level.measurement == "level"
    assert dict(level.fields) == {"hr_bpm": pytest.approx(81.92), "contact": True}


def test_a_notification_that_says_nothing_has_no_point() -> None:
    assert told(replace(heart(1), beat_t_ns=(), rr_ms=(), hr_bpm=None, contact=None)) == []


def test_measured_values_are_floats_even_when_whole() -> None:
    record = Eda(wearer="ada", source="ring", t_ns=2, recv_ns=2, sample_t_ns=(1, 2), eda_us=(3, 4))
    assert [line(point).split(" ")[1] for point in told(record)] == ["eda_us=3.0", "eda_us=4.0"]


def test_motion_is_the_mean_of_a_notification() -> None:
    record = Motion(
        wearer="ada",
        source="ring",
        t_ns=2,
        recv_ns=2,
        sample_t_ns=(1, 2),
        acc_x_mg=(1.0, 2.0),
        acc_y_mg=(0.1, 0.2),
        acc_z_mg=(-1.0, 1.0),
    )
    (point,) = told(record)
    assert dict(point.fields) == {
        "acc_x_mg": 1.5,
        "acc_y_mg": pytest.approx(0.15),
        "acc_z_mg": 0.0,
        "samples": 2,
    }


def test_an_estimate_tells_all_it_knows_and_nothing_it_does_not() -> None:
    (point,) = told(estimate(T0_NS, State.FLOODING))
    told_of = dict(point.fields)
    assert told_of["state"] == "flooding"
    assert told_of["state_code"] == 4
    assert told_of["reasons"] == "hr-high,scl-high"
    assert told_of["usual_hr_bpm"] == 71.5
    assert "sdnn_ms" not in told_of
    assert "reason" not in told_of
    (unknown,) = told(estimate(T0_NS, State.UNKNOWN))
    assert dict(unknown.fields) == {
        "state": "unknown",
        "state_code": 0,
        "reason": "off-body",
        "coverage": 0.0,
    }


def test_every_state_phase_and_episode_has_its_words() -> None:
    assert set(STATE_CODES) == set(State)
    assert len(set(STATE_CODES.values())) == len(State)
    assert set(BREAK_WORDS) == set(BreakPhase)
    assert set(EPISODE_WORDS) == set(EpisodeKind)


def test_words_claim_no_more_than_the_evidence() -> None:
    texts = [
        str(dict(point.fields)["text"]).lower()
        for record in session()
        for point in told(record)
        if point.measurement == "event"
    ]
    for text in texts:
        assert not re.search(r"(?<!possible )(flooding|shutdown)", text), text
        assert "calm" not in text


@pytest.mark.parametrize(
    "record",
    [
        Tick(t_ns=1, recv_ns=1),
        Setting(wearer="ada", t_ns=1, recv_ns=1, key="consent", value='{"to": "bo"}'),
    ],
)
def test_ticks_and_settings_stay_in_the_journal(record: Record) -> None:
    assert told(record) == []


def test_a_session_is_shown_to_each_who_takes_part() -> None:
    record = Session(t_ns=1, recv_ns=1, session="s1", started=True, wearers=("ada", "bo"))
    assert [dict(point.tags)["wearer"] for point in told(record)] == ["ada", "bo"]


def test_a_site_wide_event_has_no_wearer() -> None:
    (point,) = told(session()[0])
    assert "wearer" not in dict(point.tags)


def test_two_streams_lost_at_one_moment_are_two_events() -> None:
    gaps = [
        Gap(wearer="ada", source="ring", stream=s, t_ns=5, recv_ns=6, reason=GapReason.LINK_LOST)
        for s in Stream
    ]
    assert len({identity(point) for gap in gaps for point in told(gap)}) == len(Stream)


def test_a_gap_is_replaced_by_the_same_gap_with_its_end() -> None:
    begun = Gap(
        wearer="ada",
        source="ring",
        stream=Stream.EDA,
        t_ns=5,
        recv_ns=6,
        reason=GapReason.LINK_LOST,
    )
    (first,) = told(begun, place=7)
    (second,) = told(replace(begun, end_ns=90, recv_ns=91), place=12)
    assert identity(first) == identity(second)
    assert dict(second.fields)["end_ns"] == 90


def test_a_note_of_a_session_of_two_stays_at_home() -> None:
    """Erasing the one from InfluxDB could not find it among the other's points."""
    note = Marker(wearer="ada", t_ns=9, recv_ns=9, text="Both loud", wearers=("ada", "sam"))
    assert list(points(Entry(1, note), "home")) == []


@given(
    st.lists(st.sampled_from(list(AnswerKind)), min_size=1, max_size=5),
    st.lists(st.text(), max_size=5),
    st.integers(min_value=1, max_value=2**40),
)
def test_no_two_answers_or_markers_of_one_nanosecond_overwrite_each_other(
    answers: list[AnswerKind], texts: list[str], place: int
) -> None:
    said: list[Record] = [Answer(wearer="ada", t_ns=9, recv_ns=9, answer=a) for a in answers]
    said += [Marker(wearer="ada", t_ns=9, recv_ns=9, text=text) for text in texts]
    made = [point for n, record in enumerate(said) for point in told(record, place + n)]
    assert len({identity(point) for point in made}) == len(said)


def test_a_whole_session_has_no_two_points_of_one_identity_but_the_closed_gap() -> None:
    made = [point for n, record in enumerate(session()) for point in told(record, n + 1)]
    doubled = len(made) - len({identity(point) for point in made})
    assert doubled == 1


@given(st.text(min_size=1), st.text())
def test_a_line_stays_one_line_of_four_parts(source: str, text: str) -> None:
    point = Point("event", (("source", source),), (("text", text),), 7)
    tag, string = r"(?:[^ ,=\\\n]|\\[ ,=])+", r'"(?:[^"\\]|\\["\\])*"'
    assert re.fullmatch(rf"event,source={tag} text={string} 7", line(point))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_every_digit(value: float) -> None:
    written = line(Point("eda", (), (("eda_us", value),), 1)).split(" ")[1]
    assert float(written.removeprefix("eda_us=")) == value
    assert "i" not in written.removeprefix("eda_us=")
