"""Labelled recordings: the Stress-Predict layout, and folders with a ``labels.csv`` of intervals.

Stress-Predict (Iqbal et al. 2022, Sensors 22:8135), as this reads it: ``labels.csv`` with the
columns ``subject,phase,stress,start_s,end_s`` (seconds from the start of the subject's EDA;
stress 1, 0 or empty) and beside it one E4 session folder a subject.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.evaluate.case import Case, Truth, whole
from vagalwatch.evaluate.detector import ROW_S, Person
from vagalwatch.evaluate.score import KINDS, Event, Phase
from vagalwatch.sensors.recording import RecordingError, read
from vagalwatch.sensors.recording.e4 import find
from vagalwatch.sensors.recording.model import NS
from vagalwatch.sensors.recording.text import csv_rows, lines, number, refuse, shown, table, unix_ns

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.evaluate.detector import Values
    from vagalwatch.evaluate.score import Load

LABELS: Final = "labels.csv"
BASELINE: Final = "baseline"
USUAL_BASELINE_S: Final = (0.0, 360.0)
"""Where no phase is called ``baseline``: a minute to settle and Laborde 2017's five minutes."""
_LOADS: Final[dict[str, Load]] = {"1": "task", "0": "rest", "": "ignore"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recording at ``path`` with its labelled phases; ``watch_all``: all of it is quiet life.

    ``lines`` are those of ``labels.csv``, one a phase.
    """

    path: Path
    who: str
    phases: tuple[Phase, ...]
    lines: tuple[int, ...]
    watch_all: bool

    def load(self) -> Case:
        """Read it.

        Raises:
            RecordingError: it cannot be read, or does not hold what was labelled.
        """
        recording = read(self.path)
        end_s = recording.duration_s
        if end_s < ROW_S:
            raise RecordingError(f"{self.path.name} is shorter than the {ROW_S} s of one row.")
        if self.watch_all:
            self._refuse_beyond(end_s)
        # Minute-exact logs of a protocol may end some seconds after the recording.
        phases = tuple(p._replace(to_s=min(p.to_s, end_s)) for p in self.phases if p.from_s < end_s)
        begin_s, finish_s = next(
            ((p.from_s, p.to_s) for p in phases if p.name == BASELINE), USUAL_BASELINE_S
        )
        baseline_s = (begin_s, min(finish_s, end_s))
        if not baseline_s[0] < baseline_s[1]:
            raise RecordingError(f"{self.path.name}: its baseline lies outside of the recording.")
        return Case(
            Person(
                recording=recording,
                baseline_s=baseline_s,
                shown_hr_bpm=_shown(self.path, recording.start_ns),
            ),
            Truth(
                who=self.who,
                story="",
                duration_s=end_s,
                baseline_s=baseline_s,
                phases=() if self.watch_all else phases,
                events=tuple(
                    Event(p.name, p.from_s, p.to_s, crossed_s=p.from_s)
                    for p in phases
                    if self.watch_all and p.name in KINDS
                ),
                watch=whole(end_s)
                if self.watch_all
                else tuple(phase for phase in phases if phase.load == "rest"),
                marked=tuple(p for p in phases if p.name not in {BASELINE, *KINDS})
                if self.watch_all
                else (),
            ),
        )

    def _refuse_beyond(self, end_s: float) -> None:
        """What was not recorded was neither found nor missed; cut, it would count as either."""
        for line, phase in zip(self.lines, self.phases, strict=True):
            if phase.to_s > end_s:
                in_ms = phase.from_s >= end_s and phase.to_s <= end_s * 1000
                likely = " (milliseconds for seconds?)" if in_ms else ""
                refuse(
                    self.path.parent / LABELS,
                    line,
                    f"an end_s within the {end_s:.1f} s of {shown(self.path.name)} was expected, "
                    f"not {phase.to_s:.10g}{likely}",
                )


def _shown(path: Path, start_ns: int) -> tuple[Values, Values] | None:
    """``HR.csv`` of an E4 folder: reading it as a recording puts the tracked pulse in its place."""
    shown = find(path, "HR.csv") if path.is_dir() else None
    if shown is None:
        return None
    (_, start), (_, rate) = itertools.islice(lines(shown), 2)
    rate_hz = number(shown, 2, rate, "a rate in Hz")
    values = table(shown, header_lines=2, columns=1)[:, 0]
    from_s = (unix_ns(shown, 1, start) - start_ns) / NS
    return from_s + np.arange(values.size) / rate_hz, values


def stress_predict(folder: Path) -> list[Labelled]:
    """One case a subject of ``labels.csv``.

    Raises:
        RecordingError: the folder is not laid out so.
    """
    phases: dict[str, list[tuple[int, Phase]]] = {}
    for line, row in _table(folder, ("subject", "phase", "stress", "start_s", "end_s")):
        if row["stress"] not in _LOADS:
            refuse(
                folder / LABELS,
                line,
                f"stress 1, 0 or empty was expected, not {shown(row['stress'])}",
            )
        phases.setdefault(row["subject"], []).append(
            (line, _phase(folder, line, row, _LOADS[row["stress"]]))
        )
    return [_labelled(folder, name, name, parts, watch_all=False) for name, parts in phases.items()]


def intervals(folder: Path, trap: str) -> list[Labelled]:
    """One case a recording of ``labels.csv`` (``recording,label,start_s,end_s[,person]``).

    ``recording`` is a file or an E4 folder beside it. The label ``baseline`` marks quiet sitting;
    ``flooding``, ``shutdown`` and ``safety`` what is to be found; any other a stretch that could
    fool a detector. At least one is called ``trap``.

    Raises:
        RecordingError: the folder is not laid out so.
    """
    phases: dict[str, list[tuple[int, Phase]]] = {}
    who: dict[str, str] = {}
    for line, row in _table(folder, ("recording", "label", "start_s", "end_s")):
        name = row["recording"]
        person = row.get("person") or name
        if who.setdefault(name, person) != person:
            refuse(folder / LABELS, line, f"one person a recording was expected ({shown(name)})")
        if not row["label"]:
            refuse(folder / LABELS, line, "a label was expected")
        row["phase"] = row["label"]
        phases.setdefault(name, []).append((line, _phase(folder, line, row, "ignore")))
    cases = [
        _labelled(folder, name, who[name], parts, watch_all=True) for name, parts in phases.items()
    ]
    if not any(phase.name == trap for case in cases for phase in case.phases):
        refuse(folder / LABELS, None, f"at least one stretch with the label {trap} was expected")
    return cases


def _labelled(
    folder: Path, name: str, who: str, parts: list[tuple[int, Phase]], *, watch_all: bool
) -> Labelled:
    return Labelled(
        _inside(folder, name),
        who,
        phases=tuple(phase for _, phase in parts),
        lines=tuple(line for line, _ in parts),
        watch_all=watch_all,
    )


def _table(folder: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    path = folder / LABELS
    if not path.is_file():
        raise RecordingError(f"There is no {LABELS} in {folder}.")
    below = csv_rows(path)
    _, header = next(below, (1, []))
    if not set(columns) <= set(header):
        refuse(path, 1, f"the columns {', '.join(columns)} were expected")
    rows = [
        (line, dict(itertools.zip_longest(header, row[: len(header)], fillvalue="")))
        for line, row in below
    ]
    if not rows:
        refuse(path, None, "at least one labelled phase was expected")
    return rows


def _phase(folder: Path, line: int, row: dict[str, str], load: Load) -> Phase:
    path = folder / LABELS
    from_s, to_s = (
        number(path, line, row[name], f"{name} in seconds") for name in ("start_s", "end_s")
    )
    if not 0 <= from_s < to_s < math.inf:
        refuse(path, line, "start_s from 0 and an end_s after it were expected")
    return Phase(row["phase"], load, from_s, to_s)


def _inside(folder: Path, name: str) -> Path:
    """The recording ``name`` of ``folder``; labels shall not read elsewhere."""
    path = folder / name
    try:
        beside = bool(name) and path.resolve().parent == folder.resolve()
        there = path.exists()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL
        beside = there = False
    if not beside:
        what = "the name of a recording beside it was expected"
        refuse(folder / LABELS, None, f"{what}, not {shown(name)}")
    if not there:
        raise RecordingError(f"{folder / LABELS} names “{name}”, which is not in {folder}.")
    return path
