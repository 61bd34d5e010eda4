"""What a report is made of, out of a journal, with every time in wall time."""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts.preferences import Preferences
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import (
    SITE,
    AdverseEvent,
    Alert,
    Answer,
    BreakStep,
    Episode,
    Setting,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vagalwatch.journal.reader import Reader

KINDS: Final = ("episode", "alert", "break", "answer", "adverse-event")


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
    judged: tuple[AdverseEvent, ...]
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
    preferences = Preferences()
    with open_reader(path) as reader:
        wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
        first_ns = since_ns - wall.furthest_ns
        for row in _rows(reader, wearer, wall, first_ns):
            progress(min(1.0, max(0.0, (row.t_ns - since_ns) / (until_ns - since_ns))))
            if since_ns <= row.t_ns < until_ns:
                if not row.state.judged and row.hr_bpm is None:
                    idle_ns.append(row.t_ns)
                else:
                    rows.setdefault(row.t_ns, row)
        told = (wall.corrected(entry).record for entry in entries(reader, wearer, KINDS, first_ns))
        events = [record for record in told if since_ns <= record.t_ns < until_ns]
        for _, setting in entries(reader, wearer, ("setting",)):
            if isinstance(setting, Setting) and setting.wearer == wearer:
                with suppress(ValueError, TypeError):  # of an older version: the last one stands
                    preferences.take(setting.key, setting.value)
    episodes = {(e.episode, e.onset_ns): e for e in events if isinstance(e, Episode)}
    return Diary(
        wearer=wearer,
        since_ns=since_ns,
        until_ns=until_ns,
        rows=tuple(rows[t_ns] for t_ns in sorted(rows)),
        idle_ns=idle_ns,
        episodes=tuple(sorted(episodes.values(), key=lambda episode: episode.onset_ns)),
        alerts=tuple({e.id: e for e in events if isinstance(e, Alert)}.values()),
        steps=tuple(e for e in events if isinstance(e, BreakStep)),
        answers=tuple(e for e in events if isinstance(e, Answer)),
        judged=tuple(e for e in events if isinstance(e, AdverseEvent)),
        preferences=preferences,
    )


def _rows(reader: Reader, wearer: str, wall: AsKnownNow, since_ns: int) -> Iterator[Row]:
    after = 0
    while batch := reader.states(wearer, after, since_ns=since_ns):
        for place, t_ns, state, hr_bpm, usual_bpm in batch:
            yield Row(t_ns + wall.step_ns(place), state, hr_bpm, usual_bpm)
        after = batch[-1].place
