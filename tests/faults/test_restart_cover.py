"""From the first word of a stream on, each second of it is a sample or stands in a gap.

Whatever happened to the link, however the service died, whoever was watched meanwhile: after the
next start no stretch is left of which nothing is said, for it would pass for one that was measured.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS
from helpers_lives import SILENT_STEPS, SOURCES, House, Op, pauses, steps, uncommitted
from vagalwatch.records import Heart


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), steps, uncommitted, pauses), min_size=1, max_size=6))
def test_each_second_of_a_stream_is_a_sample_or_in_a_gap(
    told: list[tuple[bool, list[tuple[Op, ...]], int, int]],
) -> None:
    house = House()
    for watched, ops, gone, pause in told:
        house.starts(watched=watched)
        house.lives(ops, SOURCES if watched else ())
        house.dies(gone, pause)
    house.starts()
    for source in SOURCES:
        gaps = house.gaps(source)
        assert all(gap.end_ns is not None for gap in gaps)
        spans = [(gap.t_ns, gap.end_ns or 0) for gap in gaps]
        spans += [
            (record.recv_ns, record.recv_ns)
            for record in house.records
            if isinstance(record, Heart) and record.source == source
        ]
        spans = [*sorted(spans), (house.now_ns, house.now_ns)]
        known_ns = spans[0][1]
        for begin_ns, end_ns in spans:
            assert begin_ns - known_ns <= (SILENT_STEPS + 1) * NS, source
            known_ns = max(known_ns, end_ns)
