"""What a report is made of, out of a journal, with every time in wall time."""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts.preferences import Preferences
from vagalwatch.journal.port import RUN_SHIFT
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import moved
from vagalwatch.records import (
    SITE,
    Alert,
    Answer,
    BreakStep,
    ClockStep,
    Episode,
    Estimate,
    Setting,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vagalwatch.journal.reader import Reader
    from vagalwatch.records import Record

KINDS: Final = ("estimate", "episode", "alert", "break", "answer")


class ReportError(Exception):
    """There is nothing to report, or nowhere to put it; one sentence for a person."""


class Row(NamedTuple):
    """Of an estimate, what a report needs."""

    t_ns: int
    state: State
    hr_bpm: float | None
    usual_bpm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diary:
    """One wearer's records from ``since_ns`` to before ``until_ns`` (UTC ns of the wall clock).

    ``rows`` are those with a state or a heart rate, by time; ``idle_ns`` the times of the others,
    which a box that is on all day has a million of in eight weeks. The rest stands in the order it
    came; ``preferences`` are those that stood last.
    """

    wearer: str
    since_ns: int
    until_ns: int
    rows: tuple[Row, ...]
    idle_ns: Sequence[int]
    episodes: tuple[Episode, ...]
    alerts: tuple[Alert, ...]
    steps: tuple[BreakStep, ...]
    answers: tuple[Answer, ...]
    preferences: Preferences


def read_diary(
    path: Path,
    wearer: str,
    since_ns: int,
    until_ns: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> Diary:
    """The diary of ``wearer``; who is not in the journal has an empty one.

    Raises:
        JournalError: no such file, not a journal, or of a newer version.
    """
    rows: dict[int, Row] = {}
    idle_ns = array("q")
    episodes: dict[tuple[str, int], Episode] = {}
    alerts: dict[str, Alert] = {}
    steps: list[BreakStep] = []
    answers: list[Answer] = []
    with open_reader(path) as reader:
        wall = WallTimes(reader)
        first_ns = since_ns - wall.furthest_ns
        for place, told in entries(reader, wearer, KINDS, first_ns):
            record = wall.corrected(place, told)
            progress(min(1.0, max(0.0, (record.t_ns - since_ns) / (until_ns - since_ns))))
            if not since_ns <= record.t_ns < until_ns:
                continue
            match record:
                case Estimate():
                    row = Row(record.t_ns, record.state, record.metrics.hr_bpm, record.usual_hr_bpm)
                    rows.setdefault(record.t_ns, row)
                case Episode():
                    episodes[record.episode, record.onset_ns] = record
                case Alert():
                    alerts.setdefault(record.id, record)
                case BreakStep():
                    steps.append(record)
                case Answer():
                    answers.append(record)
                case _:
                    pass
        preferences = Preferences()
        for _, setting in entries(reader, wearer, ("setting",)):
            if isinstance(setting, Setting) and setting.wearer == wearer:
                with suppress(ValueError, TypeError):  # of an older version: the last one stands
                    preferences.take(setting.key, setting.value)
    return Diary(
        wearer=wearer,
        since_ns=since_ns,
        until_ns=until_ns,
        rows=tuple(rows[t_ns] for t_ns in sorted(rows)),
        idle_ns=idle_ns,
        episodes=tuple(sorted(episodes.values(), key=lambda episode: episode.onset_ns)),
        alerts=tuple(alerts.values()),
        steps=tuple(steps),
        answers=tuple(answers),
        preferences=preferences,
    )


class WallTimes:
    """Puts each run right by all of its clock steps, so that durations stay what they were."""

    def __init__(self, reader: Reader) -> None:
        """Read all steps; there are few."""
        self._by_run: dict[int, int] = {}
        for place, record in entries(reader, SITE, ("clock-step",)):
            if isinstance(record, ClockStep):
                run = place >> RUN_SHIFT
                self._by_run[run] = self._by_run.get(run, 0) + record.delta_ns

    @property
    def furthest_ns(self) -> int:
        """How far a run's clock was ever behind the wall's."""
        return max([0, *self._by_run.values()])

    def step_ns(self, place: int) -> int:
        """What makes a time of the run that ``place`` belongs to the wall's."""
        return self._by_run.get(place >> RUN_SHIFT, 0)

    def corrected(self, place: int, record: Record) -> Record:
        """``record`` of ``place`` in wall time."""
        step_ns = self.step_ns(place)
        return moved(record, lambda t_ns: t_ns + step_ns) if step_ns else record
