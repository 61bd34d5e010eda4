"""From the run's time to wall time, for whatever leaves the house.

Records carry the time of their run, which never steps; when the machine's wall clock was wrong
(a Raspberry Pi has no clock of its own and starts in the past) a ``ClockStep`` says by how much
it was put right. Two rules, one for each kind of reader:

* :class:`AsKnownNow`, whatever people read, a study or a session goes by: the true time, as far
  as it is known today.
* :class:`AsKnownThen`, what was sent is not called back (InfluxDB, MQTT, notices): the time under
  which it left, whenever it is written again.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from vagalwatch.journal.port import RUN_SHIFT, Entry
from vagalwatch.records import ClockStep, Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vagalwatch.journal.port import Journal
    from vagalwatch.journal.reader import Reader
    from vagalwatch.records import Record


_NOT_OF_THE_RUN: Final = frozenset({"delta_ns", "wall_ns"})


class AsKnownThen:
    """For ledgers and mailboxes: entries of one journal, which come in order of place.

    It adds the steps of the same run that were known before the record (smaller place) and had
    happened by the time in question. So a time keeps its correction for good: writing it again
    gives the same, and a gap that ends after a step keeps its beginning.
    """

    def __init__(self, journal: Journal | Reader) -> None:
        """Read each run's steps from ``journal`` when its first entry comes."""
        self._journal = journal
        self._run = -1
        self._steps: dict[int, ClockStep] = {}

    def corrected(self, entry: Entry) -> Entry:
        """``entry`` with every time in wall time; blocking on the first one of a run."""
        run = entry.place >> RUN_SHIFT
        if run != self._run:
            self._run, self._steps = run, self._read(run)
        if isinstance(entry.record, ClockStep):
            self._steps[entry.place] = entry.record
        known = [step for place, step in self._steps.items() if place < entry.place]
        if not known:
            return entry

        def later(t_ns: int) -> int:
            return t_ns + sum(step.delta_ns for step in known if step.t_ns <= t_ns)

        return Entry(entry.place, moved(entry.record, later))

    def _read(self, run: int) -> dict[int, ClockStep]:
        steps: dict[int, ClockStep] = {}
        after = run << RUN_SHIFT
        while entries := self._journal.read(after, kinds=("clock-step",)):
            for place, record in entries:
                if place >> RUN_SHIFT != run:
                    return steps
                if isinstance(record, ClockStep):
                    steps[place] = record
            after = entries[-1].place
        return steps


class AsKnownNow:
    """For people and studies: each run is put right by all of its clock steps.

    So durations stay what they were, and what happened before a step stands at its true time too.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take the clock steps among ``entries``: those of all runs that are asked for."""
        self._by_run: dict[int, int] = {}
        self._open: dict[tuple[str, str, str], tuple[int, Gap]] = {}
        for place, record in entries:
            if isinstance(record, ClockStep):
                run = place >> RUN_SHIFT
                self._by_run[run] = self._by_run.get(run, 0) + record.delta_ns

    @property
    def furthest_ns(self) -> int:
        """How far a run's clock was ever behind the wall's.

        The journal finds entries by their run's clock, so one that is wanted may stand this much
        earlier there.
        """
        return max([0, *self._by_run.values()])

    def step_ns(self, place: int) -> int:
        """What makes a time of the run that ``place`` belongs to the wall's."""
        return self._by_run.get(place >> RUN_SHIFT, 0)

    def corrected(self, entry: Entry) -> Entry:
        """``entry`` with every time in wall time; gaps are to come in order of place."""
        place, record = entry
        step_ns = self.step_ns(place)
        told = moved(record, lambda t_ns: t_ns + step_ns) if step_ns else record
        if isinstance(record, Gap) and isinstance(told, Gap):
            told = self._gap(place >> RUN_SHIFT, record, told)
        return entry if told is record else Entry(place, told)

    def _gap(self, run: int, said: Gap, gap: Gap) -> Gap:
        """What a start says of the run before began in wall time, and ended as it was told."""
        key = gap.wearer, gap.source, gap.stream
        if gap.end_ns is None:
            self._open[key] = run, gap
            return gap
        begun_in, begun = self._open.pop(key, (run, gap))
        if begun_in < run and begun.reason == gap.reason:
            t_ns = begun.t_ns
        elif gap.reason == GapReason.RESTART:
            t_ns = said.t_ns
        else:
            return gap
        return replace(gap, t_ns=t_ns, end_ns=max(t_ns, gap.recv_ns))


def moved(record: Record, later: Callable[[int], int]) -> Record:
    """``record`` with every time put through ``later``."""
    changed: dict[str, object] = {}
    for field in fields(record):
        if not field.name.endswith("_ns") or field.name in _NOT_OF_THE_RUN:
            continue
        match getattr(record, field.name):
            case int(t_ns):
                changed[field.name] = later(t_ns)
            case tuple(times):
                changed[field.name] = tuple(map(later, times))
    return replace(record, **changed)  # type: ignore[arg-type] # every changed field is a time
