"""Two people side by side: orders with their error, rounds, and what happened in its order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_alerts import NOON_NS, Wearer
from vagalwatch.hrv.dyad import (
    BACK_LATE_S,
    ONSET_LATE_S,
    Dyad,
    Order,
    What,
    dyad,
)
from vagalwatch.hrv.dyad import (
    track as measured_track,
)
from vagalwatch.records import (
    AnswerKind,
    BreakPhase,
    Episode,
    EpisodeKind,
    Estimate,
    Metrics,
    State,
    Together,
)

if TYPE_CHECKING:
    from vagalwatch.hrv.dyad import Track
    from vagalwatch.records import Record

NS = 1_000_000_000
T0_NS = 1_700_000_000 * NS
track = partial(measured_track, sensor_error_s=0.0)
LETTERS = {
    "s": State.SETTLED,
    "r": State.RISING,
    "F": State.FLOODING,
    "L": State.SHUTDOWN,
    "b": State.RECOVERING,
    "c": State.CALIBRATING,
    "?": State.UNKNOWN,
}
KINDS = {"F": EpisodeKind.FLOODING, "L": EpisodeKind.SHUTDOWN}


def told(who: str, states: str) -> list[Record]:
    """Records of a person by a letter a row; a space is no row. An onset is its first letter."""
    records: list[Record] = []
    for index, letter in enumerate(states):
        t_ns = T0_NS + index * 5 * NS
        if letter != " ":
            state = LETTERS[letter]
            bpm = None if state is State.UNKNOWN else 70.0 + index % 7
            records.append(
                Estimate(
                    wearer=who,
                    t_ns=t_ns,
                    recv_ns=t_ns + 3 * NS,
                    state=state,
                    metrics=Metrics(hr_bpm=bpm),
                )
            )
        before = states[index - 1] if index else " "
        if letter in KINDS and letter != before:
            records.append(episode(who, letter, index))
        if before in KINDS and letter != before:
            onset = len(states[:index].rstrip(before))
            records.append(replace(episode(who, before, onset), end_ns=t_ns))
    return records


def episode(who: str, letter: str, index: int) -> Episode:
    t_ns = T0_NS + index * 5 * NS
    return Episode(wearer=who, t_ns=t_ns, recv_ns=t_ns, episode=KINDS[letter], onset_ns=t_ns)


def of(who: str, states: str) -> Track:
    return track(who, told(who, states))


def side_by_side(one: str, other: str) -> Dyad:
    return dyad(of("ada", one), of("sam", other))


def moved(record: Record, by_ns: int) -> Record:
    fields = {name: getattr(record, name) for name in ("t_ns", "recv_ns")}
    if isinstance(record, Episode):
        fields["onset_ns"] = record.onset_ns
        if record.end_ns is not None:
            fields["end_ns"] = record.end_ns
    return replace(record, **{name: value + by_ns for name, value in fields.items()})


EVENINGS = st.text(alphabet="ssssrFFFFLLbbbc??? ", min_size=1, max_size=120)


def turned(order: Order | None) -> Order | None:
    if order is None:
        return None
    sides = {"one": "other", "other": "one", None: None}
    return Order(
        sides[order.first],  # type: ignore[arg-type] # one of the three
        None if order.after_s is None else -order.after_s,
        None if order.high_s is None else -order.high_s,
        None if order.low_s is None else -order.low_s,
    )


@given(EVENINGS, EVENINGS)
def test_swapped_every_order_is_turned_round(one: str, other: str) -> None:
    there, back = side_by_side(one, other), dyad(of("sam", other), of("ada", one))
    assert (there.both_flooded_s, there.judged_s) == (back.both_flooded_s, back.judged_s)
    assert there.moves == back.moves
    assert len(there.rounds) == len(back.rounds)
    for round_, swapped in zip(there.rounds, back.rounds, strict=True):
        assert swapped.kinds == round_.kinds[::-1]
        assert (swapped.onset_ns, swapped.end_ns) == (round_.onset_ns, round_.end_ns)
        assert swapped.onset == turned(round_.onset)
        assert swapped.recovery == turned(round_.recovery)


@given(EVENINGS, EVENINGS, st.integers(-(10**6), 10**6))
def test_another_date_changes_nothing_but_the_times(one: str, other: str, rows: int) -> None:
    by_ns = rows * 5 * NS
    tracks = [(who, told(who, states)) for who, states in (("ada", one), ("sam", other))]
    there = dyad(*(track(who, records) for who, records in tracks))
    then = dyad(*(track(who, [moved(r, by_ns) for r in records]) for who, records in tracks))
    assert [m.t_ns - by_ns for m in then.moves] == [m.t_ns for m in there.moves]
    assert [replace(r, onset_ns=0, end_ns=None) for r in then.rounds] == [
        replace(r, onset_ns=0, end_ns=None) for r in there.rounds
    ]
    assert (then.both_flooded_s, then.judged_s, then.linkage) == (
        there.both_flooded_s,
        there.judged_s,
        there.linkage,
    )


@given(EVENINGS, EVENINGS, st.randoms(use_true_random=False))
def test_how_the_two_are_told_apart_in_the_journal_changes_nothing(
    one: str, other: str, chance: object
) -> None:
    """Both wearers' records in one stream, in whatever turns they came."""
    left, right = told("ada", one), told("sam", other)
    mixed = []
    while left or right:
        take = left if left and (not right or chance.random() < 0.5) else right  # type: ignore[attr-defined] # a Random
        mixed.append(take.pop(0))
    assert dyad(track("ada", mixed), track("sam", mixed)) == side_by_side(one, other)


@given(EVENINGS, EVENINGS)
def test_who_was_first_is_only_said_where_it_could_not_be_the_other_way(
    one: str, other: str
) -> None:
    for round_ in side_by_side(one, other).rounds:
        for order in (round_.onset, round_.recovery):
            if order is None:
                continue
            could_be_one = order.high_s is None or order.high_s >= 0
            could_be_other = order.low_s is None or order.low_s <= 0
            if order.first is None:
                assert could_be_one
                assert could_be_other
            else:
                assert (could_be_one, could_be_other) == (
                    order.first == "one",
                    order.first != "one",
                )


FAST_S = ONSET_LATE_S[EpisodeKind.FLOODING][1] - ONSET_LATE_S[EpisodeKind.FLOODING][0]
BACK_S = BACK_LATE_S[EpisodeKind.FLOODING][1] - BACK_LATE_S[EpisodeKind.FLOODING][0]


def test_who_rose_first_by_how_much_and_within_what() -> None:
    one = "s" * 10 + "F" * 40 + "b" * 20 + "s" * 30
    told_ = side_by_side(one, "s" * 20 + "F" * 40 + "b" * 30 + "s" * 10)
    (round_,) = told_.rounds
    error_s = FAST_S
    assert round_.onset == Order("one", 50.0, 50.0 - error_s, 50.0 + error_s)
    error_s = BACK_S
    assert round_.recovery == Order("one", 100.0, 100.0 - error_s, 100.0 + error_s)
    assert told_.both_flooded_s == 150
    assert told_.judged_s == 500


def test_a_shutdown_is_recognised_later_than_flooding_and_that_is_taken_off() -> None:
    (round_,) = side_by_side("s" * 10 + "F" * 60 + "s" * 9, "s" * 50 + "L" * 20 + "s" * 9).rounds
    assert round_.onset is not None
    fast, slow = ONSET_LATE_S[EpisodeKind.FLOODING], ONSET_LATE_S[EpisodeKind.SHUTDOWN]
    assert round_.onset.low_s == 200 - slow[1] + fast[0]
    assert round_.onset.high_s == 200 - slow[0] + fast[1]


def test_a_difference_within_the_error_cannot_be_told() -> None:
    (round_,) = side_by_side("s" * 10 + "F" * 40 + "s" * 9, "s" * 14 + "F" * 40 + "s" * 5).rounds
    assert round_.onset is not None
    assert (round_.onset.first, round_.onset.after_s) == (None, 20.0)
    (round_,) = side_by_side("s" * 10 + "F" * 40 + "s" * 9, "s" * 16 + "F" * 40 + "s" * 3).rounds
    assert round_.onset is not None
    assert (round_.onset.first, round_.onset.after_s) == ("one", 30.0)


def test_a_better_known_sensor_tells_more() -> None:
    one, other = ("s" * 10 + "F" * 40 + "s" * 9), ("s" * 16 + "F" * 40 + "s" * 3)

    def first(error_s: float) -> str | None:
        tracks = [
            track(who, told(who, states), sensor_error_s=error_s)
            for who, states in (("ada", one), ("sam", other))
        ]
        (round_,) = dyad(*tracks).rounds
        assert round_.onset is not None
        return round_.onset.first

    assert first(0.0) == "one"
    assert first(3.0) is None


@pytest.mark.parametrize("missing", ["?", " ", "c"])
def test_what_is_not_known_before_an_onset_is_part_of_its_error(missing: str) -> None:
    """He may have risen at any time in which nobody looked."""
    one = "s" * 10 + "F" * 40 + "s" * 30
    (round_,) = side_by_side(one, "s" * 5 + missing * 20 + "F" * 30 + "s" * 25).rounds
    assert round_.onset is not None
    assert round_.onset.first is None
    (round_,) = side_by_side(one, "s" * 24 + missing + "F" * 30 + "s" * 25).rounds
    assert round_.onset is not None
    assert round_.onset.first == "one"


def test_who_was_away_from_the_start_has_no_onset_to_hold_against() -> None:
    (round_,) = side_by_side("F" * 40 + "s" * 9, "s" * 30 + "F" * 10 + "s" * 9).rounds
    assert round_.onset is not None
    assert (round_.onset.first, round_.onset.high_s) == ("one", None)
    (round_,) = side_by_side("?" * 29 + "F" * 11 + "s" * 9, "s" * 30 + "F" * 10 + "s" * 9).rounds
    assert round_.onset is not None
    assert round_.onset.first is None


def test_who_is_not_back_at_the_end_was_back_after_all_that_was_seen() -> None:
    (round_,) = side_by_side("ssFFFFbb" + "s" * 60, "ssFFFF" + "b" * 62).rounds
    assert round_.recovery is not None
    assert (round_.recovery.first, round_.recovery.after_s, round_.recovery.high_s) == (
        "one",
        None,
        None,
    )
    assert round_.end_ns is None
    (round_,) = side_by_side("ssFFFFbb", "ssFFFFbb").rounds
    assert round_.recovery == Order(None, None, None, None)


def test_only_one_who_was_away_has_nobody_to_be_held_against() -> None:
    (round_,) = side_by_side("ssFFFFbbss", "ssssrrssss").rounds
    assert (round_.kinds, round_.onset, round_.recovery) == (
        ((EpisodeKind.FLOODING,), ()),
        None,
        None,
    )


def test_rounds_end_when_both_are_back() -> None:
    one = "ssFFFFbbbb" + "s" * 20 + "FFFFFsssss"
    other = "ssssssssFFFFbbss" + "s" * 24
    first, second = side_by_side(one, other).rounds
    assert first.kinds == ((EpisodeKind.FLOODING,), (EpisodeKind.FLOODING,))
    assert second.kinds == ((EpisodeKind.FLOODING,), ())
    assert first.end_ns == T0_NS + 14 * 5 * NS


def test_both_flooded_counts_only_rows_in_which_both_are_judged() -> None:
    told_ = side_by_side("FFFFFF?F ", "FF?FFFFFF")
    assert (told_.both_flooded_s, told_.judged_s) == (30, 30)


def test_a_rapid_fall_is_no_part_of_it() -> None:
    fall = replace(episode("ada", "F", 3), episode=EpisodeKind.SAFETY)
    assert track("ada", [*told("ada", "s" * 9), fall]).episodes == ()


def test_nobody_and_nothing() -> None:
    nothing = dyad(track("ada", []), track("sam", []))
    assert nothing == Dyad(rounds=(), both_flooded_s=0, judged_s=0, linkage=None, moves=())


# --- breaks: said by the very policy that runs live ---------------------------------------------


def evening(*answers: tuple[float, AnswerKind]) -> list[Record]:
    """A break of anna's own, and what she answered, minutes after noon."""
    wearer = Wearer()
    for minute, answer in answers:
        while wearer.now_ns < NOON_NS + round(minute * 60) * NS:
            wearer.tick(10)
        wearer.says(answer)
    return wearer.said


def whats(said: list[Record]) -> list[What]:
    return [move.what for move in dyad(track("anna", said), track("sam", [])).moves]


def test_a_break_of_ones_own_with_more_time_and_the_way_back() -> None:
    said = evening(
        (1, AnswerKind.START_BREAK),
        (5, AnswerKind.DIZZY),
        (22, AnswerKind.MORE_TIME),
        (30, AnswerKind.IM_BACK),
        (31, AnswerKind.BETTER),
    )
    assert whats(said) == [What.OWN_BREAK, What.MORE_TIME, What.RETURNED]


def test_the_others_longer_time_is_not_this_persons_word() -> None:
    wearer = Wearer()
    wearer.says(AnswerKind.START_BREAK)
    wearer.tick(60)
    later_ns = wearer.now_ns + 40 * 60 * NS
    wearer.push(
        Together(wearer="anna", t_ns=wearer.now_ns, recv_ns=wearer.now_ns, until_ns=later_ns)
    )
    assert wearer.steps[-1].until_ns == later_ns
    assert whats(wearer.said) == [What.OWN_BREAK]


def test_what_was_put_off_is_not_resumed() -> None:
    said = evening((1, AnswerKind.START_BREAK), (5, AnswerKind.NOT_TODAY), (6, AnswerKind.SKIP_ALL))
    assert whats(said) == [What.OWN_BREAK, What.NOT_RESUMED]


def test_a_break_from_before_the_session_ends_in_it() -> None:
    said = evening((1, AnswerKind.START_BREAK), (30, AnswerKind.IM_BACK))
    ended = [r for r in said if getattr(r, "phase", None) == BreakPhase.RETURNED]
    assert whats(ended) == [What.RETURNED]


def test_bodies_and_breaks_stand_in_one_order() -> None:
    one, other = told("ada", "ssFFFFbbss"), told("sam", "ssssLLLbbs")
    moves = dyad(track("ada", one), track("sam", other)).moves
    assert [(move.wearer, move.what) for move in moves] == [
        ("ada", What.FLOODING),
        ("sam", What.SHUTDOWN),
        ("ada", What.SETTLED),
        ("sam", What.SETTLED),
    ]
    assert all(a.t_ns <= b.t_ns for a, b in itertools.pairwise(moves))
