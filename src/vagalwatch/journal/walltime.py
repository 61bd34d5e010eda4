"""From the run's time to wall time, for whatever leaves the house.

Records carry the time of their run, which never steps; when the machine's wall clock was wrong
(a Raspberry Pi has no clock of its own and starts in the past) a ``ClockStep`` says by how much
it was put right. Outputs add the steps of the same run that were known before the record
(smaller place) and had happened by the time in question. So a time keeps its correction for
good: writing it again gives the same, and a gap that ends after a step keeps its beginning.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from vagalwatch.journal.port import RUN_SHIFT, Entry
from vagalwatch.records import ClockStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vagalwatch.journal.port import Journal
    from vagalwatch.journal.reader import Reader
    from vagalwatch.records import Record


_NOT_OF_THE_RUN: Final = frozenset({"delta_ns", "wall_ns"})


class WallTime:
    """Corrects entries of one journal, which come in order of place."""

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


def steps_by_run(entries: Iterable[Entry]) -> dict[int, int]:
    """How far each run's clock was put right in all, in ns; a run without a step is left out.

    Added to every time of a run, also those before the step, it leaves durations what they were
    and makes times of different runs comparable.
    """
    steps: dict[int, int] = {}
    for place, record in entries:
        if isinstance(record, ClockStep):
            run = place >> RUN_SHIFT
            steps[run] = steps.get(run, 0) + record.delta_ns
    return steps


def furthest_ns(steps: Iterable[int]) -> int:
    """How far a run's clock was ever behind the wall's, of :func:`steps_by_run`'s values.

    The journal finds entries by their run's clock, so one that is wanted may stand this much
    earlier there.
    """
    return max([0, *steps])


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
