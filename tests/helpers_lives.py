"""Lives of a service whose links come and go, on a journal in memory; time goes in steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER
from helpers_journal import MemoryJournal
from vagalwatch.journal.port import RUN_SHIFT
from vagalwatch.records import Gap, GapReason, Heart, Run, Stream, Tick
from vagalwatch.recover import restart_gaps
from vagalwatch.sensors.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Record

SILENT_STEPS = 3
SOURCES = ("strap", "band")

Op = Literal["sample", "nothing", "linked", "lost"]
OPS: tuple[Op, ...] = ("sample", "sample", "sample", "nothing", "linked", "lost")

steps = st.lists(st.tuples(*(st.sampled_from(OPS) for _ in SOURCES)), max_size=25)
uncommitted = st.integers(0, 8)
pauses = st.integers(0, 400)


class House:
    """The service's part in it: its start, its links and its ticks, on a journal in memory."""

    def __init__(self, step_ns: int = NS) -> None:
        self.journal = MemoryJournal()
        self.now_ns = T0_NS
        self.heard: dict[str, list[int]] = {source: [] for source in SOURCES}
        self._step_ns = step_ns

    def starts(self, *, watched: bool = True) -> None:
        """What is missing up to now; of who is not watched nothing is said."""
        started_ns = self.now_ns
        gaps = restart_gaps(self.journal, WEARER, started_ns) if watched else []
        run = Run(
            t_ns=started_ns, recv_ns=started_ns, version="1", engine_version=1, parameters_hash="x"
        )
        self.take(run, *gaps)

    def lives(self, ops: Iterable[tuple[Op, ...]], sources: Iterable[str] = SOURCES) -> None:
        """With links to ``sources``, through ``ops`` of all."""
        links = {
            source: Presence(WEARER, source, Stream.HEART, SILENT_STEPS * self._step_ns)
            for source in sources
        }
        up: set[str] = set()
        for each in links.values():
            self.take(*each.missing(self.now_ns, GapReason.NEVER_SEEN))
        for step in ops:
            self.now_ns += self._step_ns
            for source, op in zip(SOURCES, step, strict=True):
                if (link := links.get(source)) is None:
                    continue
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
        self.heard[source].append(self.now_ns)
        return Heart(
            wearer=WEARER, source=source, t_ns=self.now_ns, recv_ns=self.now_ns, hr_bpm=60.0
        )

    def take(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)

    def dies(self, uncommitted: int, pause: int) -> None:
        """With its last words ``uncommitted``; somebody starts it again after ``pause`` steps."""
        entries = self.journal.entries
        of_run = [e.place for e in entries if e.place >> RUN_SHIFT == self.journal.run]
        before = entries[-len(of_run) - 1].place if len(entries) > len(of_run) else 0
        kept = ([before, *of_run])[max(0, len(of_run) - uncommitted)]
        self.journal = self.journal.crashed(kept)
        self.now_ns += pause * self._step_ns

    @property
    def records(self) -> list[Record]:
        return [entry.record for entry in self.journal.entries]

    def gaps(self, source: str) -> list[Gap]:
        """As they stand now that all has been told, in order of time."""
        last = {r.t_ns: r for r in self.records if isinstance(r, Gap) and r.source == source}
        return [gap for _, gap in sorted(last.items())]
