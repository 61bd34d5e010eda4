"""From the first word of a stream on, each second of it is a sample or stands in a gap.

Whatever happened to the link, however the service died, whoever was watched meanwhile: after the
next start no stretch is left of which nothing is said, for it would pass for one that was measured.
"""

from __future__ import annotations

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER
from helpers_journal import MemoryJournal
from vagalwatch.records import Gap, GapReason, Heart, Record, Run, Stream, Tick
from vagalwatch.recover import restart_gaps
from vagalwatch.sensors.presence import Presence

SILENCE_S = 3
SOURCES = ("strap", "band")

Op = Literal["sample", "nothing", "linked", "lost"]
OPS: tuple[Op, ...] = ("sample", "sample", "sample", "nothing", "linked", "lost")

seconds = st.lists(st.tuples(*(st.sampled_from(OPS) for _ in SOURCES)), max_size=25)
lives = st.lists(
    st.tuples(
        st.booleans(),  # whether anybody is watched
        seconds,
        st.integers(0, 8),  # what of it had not been committed
        st.integers(0, 400),  # seconds until somebody starts it again
    ),
    min_size=1,
    max_size=6,
)


class House:
    """The service's part in it: its start, its links and its ticks, on a journal in memory."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.now_ns = T0_NS

    def lives(self, ops: list[tuple[Op, ...]], *, watched: bool) -> None:
        started_ns = self.now_ns
        gaps = restart_gaps(self.journal, WEARER, started_ns) if watched else []
        run = Run(
            t_ns=started_ns, recv_ns=started_ns, version="1", engine_version=1, parameters_hash="x"
        )
        self.take(run, *gaps)
        links = {
            source: Presence(WEARER, source, Stream.HEART, SILENCE_S * NS)
            for source in (SOURCES if watched else ())
        }
        up = set()
        for link in links.values():
            self.take(*link.missing(self.now_ns, GapReason.NEVER_SEEN))
        for second in ops:
            self.now_ns += NS
            for (source, link), op in zip(links.items(), second, strict=False):
                if op == "linked" and source not in up:
                    up.add(source)
                    link.linked(self.now_ns)
                elif op == "lost" and source in up:
                    up.discard(source)
                    self.take(*link.missing(self.now_ns, GapReason.LINK_LOST))
                elif op == "sample" and source in up:
                    self.take(
                        *link.sampled(self.now_ns, self.now_ns, self.now_ns), self.beat(source)
                    )
                if source in up:
                    self.take(*link.tick(self.now_ns))
            self.take(Tick(t_ns=self.now_ns, recv_ns=self.now_ns))

    def beat(self, source: str) -> Heart:
        return Heart(
            wearer=WEARER, source=source, t_ns=self.now_ns, recv_ns=self.now_ns, hr_bpm=60.0
        )

    def take(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)

    def dies(self, uncommitted: int, off_s: int) -> None:
        entries = self.journal.entries
        of_run = [e.place for e in entries if e.place >> 32 == self.journal.run]
        before = entries[-len(of_run) - 1].place if len(entries) > len(of_run) else 0
        kept = ([before, *of_run])[max(0, len(of_run) - uncommitted)]
        self.journal = self.journal.crashed(kept)
        self.now_ns += off_s * NS


@settings(max_examples=100, deadline=None)
@given(lives)
def test_each_second_of_a_stream_is_a_sample_or_in_a_gap(
    told: list[tuple[bool, list[tuple[Op, ...]], int, int]],
) -> None:
    house = House()
    for watched, ops, uncommitted, off_s in told:
        house.lives(ops, watched=watched)
        house.dies(uncommitted, off_s)
    house.take(*restart_gaps(house.journal, WEARER, house.now_ns))
    records = [entry.record for entry in house.journal.entries]
    for source in SOURCES:
        last = {r.t_ns: r for r in records if isinstance(r, Gap) and r.source == source}
        assert all(gap.end_ns is not None for gap in last.values())
        spans = [(gap.t_ns, gap.end_ns or 0) for gap in last.values()]
        spans += [
            (r.recv_ns, r.recv_ns) for r in records if isinstance(r, Heart) and r.source == source
        ]
        spans = [*sorted(spans), (house.now_ns, house.now_ns)]
        known_ns = spans[0][1]
        for begin_ns, end_ns in spans:
            assert begin_ns - known_ns <= (SILENCE_S + 1) * NS, source
            known_ns = max(known_ns, end_ns)
