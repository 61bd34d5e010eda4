from __future__ import annotations

from vagalwatch.records import Gap, GapReason, Stream
from vagalwatch.sensors.presence import Presence

NS = 1_000_000_000
T0 = 1_700_000_000 * NS


def presence() -> Presence:
    return Presence("anna", "heart-rate-0001", Stream.HEART, 3 * NS)


def brief(gaps: list[Gap]) -> list[tuple[str, float, float | None]]:
    """Reason, start and end in seconds since T0."""
    return [
        (
            gap.reason.value,
            (gap.t_ns - T0) / NS,
            None if gap.end_ns is None else (gap.end_ns - T0) / NS,
        )
        for gap in gaps
    ]


def test_what_was_never_seen_ends_with_the_first_sample() -> None:
    stream = presence()
    assert brief(stream.missing(T0, GapReason.NEVER_SEEN)) == [("never-seen", 0, None)]
    assert stream.tick(T0 + 100 * NS) == []  # nothing is expected of what is not linked
    stream.linked(T0 + 100 * NS)
    told = stream.sampled(T0 + 101 * NS, T0 + 102 * NS, T0 + 103 * NS)
    assert brief(told) == [("never-seen", 0, 101)]
    assert stream.reason is None


def test_silence_is_three_intervals_and_starts_at_the_last_sample() -> None:
    stream = presence()
    stream.linked(T0)
    stream.sampled(T0 - NS, T0, T0 + 2 * NS)
    assert stream.tick(T0 + 4 * NS) == []
    assert brief(stream.tick(T0 + 5 * NS)) == [("silent", 0, None)]
    assert stream.tick(T0 + 6 * NS) == []
    assert brief(stream.sampled(T0 + 9 * NS, T0 + 9 * NS, T0 + 10 * NS)) == [("silent", 0, 9)]


def test_a_hole_in_the_samples_own_times_is_a_gap_without_any_tick() -> None:
    stream = presence()
    stream.linked(T0)
    assert stream.sampled(T0, T0, T0) == []
    assert stream.sampled(T0 + 3 * NS, T0 + 3 * NS, T0 + 3 * NS) == []
    told = stream.sampled(T0 + 7 * NS, T0 + 7 * NS, T0 + 7 * NS)
    assert brief(told) == [("silent", 3, 7)]


def test_a_link_that_is_up_and_brings_nothing_is_silent_not_lost() -> None:
    stream = presence()
    stream.missing(T0, GapReason.LINK_LOST)
    stream.linked(T0 + 10 * NS)
    assert stream.tick(T0 + 12 * NS) == []
    assert brief(stream.tick(T0 + 13 * NS)) == [("link-lost", 0, 13), ("silent", 13, None)]


def test_when_the_reason_changes_one_gap_ends_where_the_next_begins() -> None:
    stream = presence()
    stream.linked(T0)
    stream.sampled(T0, T0, T0)
    stream.tick(T0 + 3 * NS)
    told = stream.missing(T0 + 8 * NS, GapReason.LINK_LOST)
    assert brief(told) == [("silent", 0, 8), ("link-lost", 8, None)]
    assert stream.missing(T0 + 9 * NS, GapReason.LINK_LOST) == []


def test_a_mode_change_explains_its_minute_and_no_more() -> None:
    stream = presence()
    stream.linked(T0)
    stream.missing(T0, GapReason.MODE_CHANGE, patience_ns=70 * NS)
    assert stream.tick(T0 + 69 * NS) == []
    assert brief(stream.tick(T0 + 70 * NS)) == [("mode-change", 0, 70), ("silent", 70, None)]


def test_what_is_off_the_body_is_not_called_silent_until_it_is_back() -> None:
    stream = presence()
    stream.linked(T0)
    stream.missing(T0, GapReason.OFF_BODY)
    assert stream.tick(T0 + 500 * NS) == []
    assert brief(stream.excused(T0 + 600 * NS)) == [("off-body", 0, 600)]
    assert stream.tick(T0 + 602 * NS) == []
    assert brief(stream.tick(T0 + 603 * NS)) == [("silent", 600, None)]


def test_a_gap_never_ends_before_it_began() -> None:
    stream = presence()
    stream.missing(T0, GapReason.NEVER_SEEN)
    told = stream.sampled(T0 - 2 * NS, T0 - NS, T0 + NS)  # a late beat, before the gap
    assert brief(told) == [("never-seen", 0, 0)]


def test_the_machines_sleep_is_named_from_the_last_sample_to_the_next() -> None:
    stream = presence()
    stream.linked(T0)
    stream.sampled(T0, T0, T0)
    assert brief(stream.slept(T0 + 100 * NS)) == [("suspend", 0, None)]
    assert stream.tick(T0 + 102 * NS) == []
    told = stream.sampled(T0 + 102 * NS, T0 + 102 * NS, T0 + 102 * NS)
    assert brief(told) == [("suspend", 0, 102)]


def test_a_link_that_did_not_outlive_the_sleep_is_silent_from_the_waking_on() -> None:
    stream = presence()
    stream.linked(T0)
    stream.sampled(T0, T0, T0)
    stream.slept(T0 + 100 * NS)
    assert brief(stream.tick(T0 + 103 * NS)) == [("suspend", 0, 103), ("silent", 103, None)]


def test_what_was_missing_before_the_sleep_keeps_its_reason_and_its_patience() -> None:
    stream = presence()
    stream.linked(T0)
    stream.missing(T0, GapReason.MODE_CHANGE, patience_ns=60 * NS)
    assert stream.slept(T0 + 100 * NS) == []
    assert stream.tick(T0 + 159 * NS) == []
    assert brief(stream.tick(T0 + 160 * NS)) == [("mode-change", 0, 160), ("silent", 160, None)]
    lost = presence()
    lost.missing(T0, GapReason.LINK_LOST)
    assert lost.slept(T0 + 100 * NS) == lost.tick(T0 + 200 * NS) == []
