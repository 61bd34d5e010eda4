from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from helpers_journal import MemoryJournal
from helpers_ledger import T0_NS, heart
from vagalwatch.clock import NS
from vagalwatch.journal.walltime import AsKnownNow, AsKnownThen
from vagalwatch.records import ClockStep, Gap, GapReason, Stream

HOUR_NS = 3600 * NS


def step(at_ns: int, delta_ns: int) -> ClockStep:
    return ClockStep(t_ns=at_ns, recv_ns=at_ns, delta_ns=delta_ns)


def test_without_a_step_nothing_changes() -> None:
    journal = MemoryJournal()
    journal.append(heart(3))
    assert AsKnownThen(journal).corrected(journal.entries[0]) is journal.entries[0]


def test_every_time_of_a_record_after_the_step_moves() -> None:
    journal = MemoryJournal()
    journal.append(step(T0_NS, HOUR_NS))
    journal.append(heart(3))
    corrected = AsKnownThen(journal).corrected(journal.entries[1])
    assert corrected.record == heart(3, start_ns=T0_NS + HOUR_NS)
    assert corrected.place == journal.entries[1].place


def test_a_gap_keeps_its_beginning_when_it_ends_after_a_step() -> None:
    journal = MemoryJournal()
    begun = Gap(
        wearer="ada",
        source="strap",
        stream=Stream.HEART,
        t_ns=T0_NS,
        recv_ns=T0_NS,
        reason=GapReason.NEVER_SEEN,
    )
    journal.append(begun)
    journal.append(step(T0_NS + NS, HOUR_NS))
    journal.append(replace(begun, end_ns=T0_NS + 9 * NS, recv_ns=T0_NS + 9 * NS))
    wall = AsKnownThen(journal)
    opened, _, closed = [wall.corrected(entry).record for entry in journal.entries]
    assert opened == begun
    assert isinstance(closed, Gap)
    assert closed.t_ns == T0_NS
    assert closed.end_ns == T0_NS + 9 * NS + HOUR_NS


def test_a_step_concerns_only_its_own_run() -> None:
    journal = MemoryJournal(run=1)
    journal.append(step(T0_NS, HOUR_NS))
    journal.run = 2
    journal.append(heart())
    assert AsKnownThen(journal).corrected(journal.entries[1]) is journal.entries[1]


def test_a_reader_that_starts_in_the_middle_knows_the_steps_before() -> None:
    journal = MemoryJournal()
    for n in range(1500):  # more than one read gives
        journal.append(step(T0_NS, 1 if n % 2 else -1))
    journal.append(step(T0_NS, HOUR_NS))
    journal.append(heart())
    corrected = AsKnownThen(journal).corrected(journal.entries[-1])
    assert corrected.record == heart(start_ns=T0_NS + HOUR_NS)


@given(
    st.lists(st.one_of(st.integers(-HOUR_NS, HOUR_NS), st.none()), min_size=1, max_size=12),
    st.data(),
)
def test_writing_again_from_anywhere_gives_the_same_times(
    story: list[int | None], data: st.DataObject
) -> None:
    journal = MemoryJournal()
    for n, delta_ns in enumerate(story):
        at_ns = T0_NS + n * NS
        journal.append(heart(start_ns=at_ns) if delta_ns is None else step(at_ns, delta_ns))
    once = AsKnownThen(journal)
    first = [once.corrected(entry) for entry in journal.entries]
    start = data.draw(st.integers(0, len(story) - 1))
    again = AsKnownThen(journal)
    assert [again.corrected(entry) for entry in journal.entries[start:]] == first[start:]


def missing(t_ns: int, recv_ns: int, reason: GapReason, *, ended: bool = False) -> Gap:
    return Gap(
        wearer="ada",
        source="strap",
        stream=Stream.HEART,
        t_ns=t_ns,
        recv_ns=recv_ns,
        reason=reason,
        end_ns=recv_ns if ended else None,
    )


def known_now(journal: MemoryJournal) -> list[Gap]:
    wall = AsKnownNow(journal.entries)
    told = [wall.corrected(entry).record for entry in journal.entries]
    return [record for record in told if isinstance(record, Gap)]


def test_what_came_before_a_step_is_put_right_too_for_people() -> None:
    journal = MemoryJournal()
    journal.append(heart(3))
    journal.append(step(T0_NS + 9 * NS, HOUR_NS))
    wall = AsKnownNow(journal.entries)
    assert wall.corrected(journal.entries[0]).record == heart(3, start_ns=T0_NS + HOUR_NS)
    assert wall.furthest_ns == HOUR_NS


def test_a_gap_that_a_start_tells_of_the_run_before_begins_where_that_run_left_it() -> None:
    """Its start is of the wall already: moved by the new run's step it lay in the future."""
    journal = MemoryJournal(run=1)
    journal.append(missing(T0_NS, T0_NS, GapReason.LINK_LOST))
    journal.append(step(T0_NS + NS, HOUR_NS))
    journal.run = 2
    behind_ns = T0_NS - 9 * HOUR_NS
    journal.append(missing(T0_NS, behind_ns, GapReason.LINK_LOST, ended=True))
    journal.append(missing(T0_NS + 5 * NS, behind_ns, GapReason.RESTART, ended=True))
    journal.append(step(behind_ns + NS, 12 * HOUR_NS))
    opened, closed, restart = known_now(journal)
    assert (opened.t_ns, opened.end_ns) == (T0_NS + HOUR_NS, None)
    assert (closed.t_ns, closed.end_ns) == (T0_NS + HOUR_NS, T0_NS + 3 * HOUR_NS)
    assert (restart.t_ns, restart.end_ns) == (T0_NS + 5 * NS, T0_NS + 3 * HOUR_NS)


def test_a_gap_of_one_run_is_as_long_as_it_was_wherever_the_step_lay() -> None:
    journal = MemoryJournal()
    journal.append(missing(T0_NS, T0_NS, GapReason.LINK_LOST))
    journal.append(step(T0_NS + NS, HOUR_NS))
    journal.append(missing(T0_NS, T0_NS + 9 * NS, GapReason.LINK_LOST, ended=True))
    opened, closed = known_now(journal)
    assert opened.t_ns == closed.t_ns == T0_NS + HOUR_NS
    assert closed.end_ns == T0_NS + HOUR_NS + 9 * NS
