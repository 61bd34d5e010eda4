"""Tidy CSV: one value a row, ``t_s,signal,value[,source]``; what ``export`` writes.

* ``t_s`` counts from the recording's start, to the nanosecond; rows may come in any order.
* ``rr_ms``, ``hr_bpm``, ``eda_us``, ``acc_x_mg``, ``acc_y_mg``, ``acc_z_mg``, ``temp_c``,
  ``dne``, ``battery_percent``: the value in the unit of the name. The time of an RR interval is
  that of the beat that ends it.
* ``hr_quality``: how far the ``hr_bpm`` of the same time can be trusted, 0 to 1.
* ``contact``: 1 worn, 0 not worn.
* ``chained``: 1, the interval that ends here starts at the beat before it; 0, it does not. Only
  needed where the times do not tell: else an interval is chained if it reaches back to the beat
  before it within 2 ms.
* ``beta_blocker``: 1, the person takes one from here on; 0, they do not.
* ``baseline_anew``: 1, their usual is to be learnt anew from here on.
* ``gap``: from ``t_s`` on, ``value`` seconds are missing; the source is
  ``SOURCE/STREAM/REASON`` (say ``strap/heart/link-lost``), or a plain source, of which then all
  streams are missing, or empty: all sources are.
* ``marker``: the value is a note.

The wide form of the same is read too: ``t_s`` and a column a signal (an empty cell is no value,
other columns are named in the notes).
"""

from __future__ import annotations

import itertools
from array import array
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.records import GapReason, Stream
from vagalwatch.sensors.recording.model import (
    FLAGS,
    MAX_DURATION_S,
    SIGNALS,
    UNDATED_NS,
    Missing,
    Recording,
    Series,
    Signal,
    seconds_to_ns,
    stream_of,
)
from vagalwatch.sensors.recording.text import csv_rows, number, refuse, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Cells = Iterator[tuple[int, list[str]]]  # a row and the number of the line it ends on

SOURCE = "file"
"""The source of rows that name none."""
COLUMNS = ("t_s", "signal", "value", "source")
MAX_SOURCES = 64
"""A wearer has a few; each costs the engine its own memory."""
MAX_GAPS = 100_000
"""One each twelve seconds of the longest recording, counted by stream: a row without a source may
mean hundreds."""
_KNOWN = frozenset(SIGNALS)


def read_tidy(path: Path, wearer: str) -> Recording:
    """The recording in ``path``, a CSV in the long or the wide form.

    Raises:
        RecordingError: a column is missing, a row is short, a cell is not what its column says,
            a time lies before zero or beyond the bounds, one signal has two values at a time, or
            there are more than ``MAX_SOURCES`` sources or ``MAX_GAPS`` gaps.
    """
    rows = csv_rows(path)
    header = [cell.strip() for cell in next(rows, (1, []))[1]]
    if {"t_s", "signal", "value"} <= set(header):
        return _long(path, header, rows, wearer)
    return _wide(path, header, rows, wearer)


class _Rows:
    """What the rows of a file have said so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: dict[tuple[str, Signal], tuple[array[float], array[float]]] = {}
        self._sources: set[str] = set()
        self._gaps: list[tuple[str, Stream | None, int, int, GapReason | None]] = []
        self.markers: list[tuple[int, str]] = []

    def time(self, line: int, text: str) -> float:
        t_s = number(self._path, line, text, "t_s in seconds")
        if not 0 <= t_s <= MAX_DURATION_S:
            what = f"t_s from 0, the recording's start, to {MAX_DURATION_S} s"
            refuse(self._path, line, f"{what} was expected, not {shown(text)}")
        return t_s

    def value(self, line: int, source: str, signal: Signal, t_s: float, text: str) -> None:
        value = number(self._path, line, text, f"a number for {signal}")
        if signal in FLAGS and value not in {0.0, 1.0}:
            refuse(self._path, line, f"{signal} 1 or 0 was expected, not {shown(text)}")
        column = self._columns.get((source, signal))
        if column is None:
            self._known(line, source)
            column = self._columns[source, signal] = array("d"), array("d")
        column[0].append(t_s)
        column[1].append(value)

    def gap(self, line: int, source: str, t_s: float, text: str) -> None:
        length_s = number(self._path, line, text, "a gap's length in seconds")
        if not 0 <= length_s <= MAX_DURATION_S:
            refuse(self._path, line, f"a gap of 0 s or more was expected, not {shown(text)}")
        # Each rounded by itself: the sum of the floats would be off by a nanosecond.
        t_ns, length_ns = round(t_s * 1e9), round(length_s * 1e9)
        name, *rest = source.rsplit("/", 2)
        try:
            stream, reason = (Stream(rest[0]), GapReason(rest[1])) if rest else (None, None)
        except (ValueError, IndexError):
            what = "the source of a gap was expected as SOURCE/STREAM/REASON"
            refuse(self._path, line, f"{what}, not {shown(source)}")
        if name:
            self._known(line, name)
        self._gaps.append((name, stream, t_ns, t_ns + length_ns, reason))

    def _known(self, line: int, source: str) -> None:
        self._sources.add(source)
        if len(self._sources) > MAX_SOURCES:
            refuse(self._path, line, f"at most {MAX_SOURCES} sources were expected")

    def recording(self, wearer: str, notes: tuple[str, ...] = ()) -> Recording:
        missing = tuple(itertools.islice(self._missing(), MAX_GAPS + 1))
        if len(missing) > MAX_GAPS:
            refuse(self._path, None, f"at most {MAX_GAPS} gaps were expected, counted by stream")
        return Recording(
            description=self._path.name,
            wearer=wearer,
            start_ns=UNDATED_NS,
            series=tuple(
                _series(source, signal, *columns)
                for (source, signal), columns in sorted(self._columns.items())
            ),
            missing=missing,
            markers=tuple(self.markers),
            notes=notes,
        )

    def _missing(self) -> Iterator[Missing]:
        """The gaps; one without a stream is of all streams of its source, or of all sources."""
        streams = dict.fromkeys((source, stream_of(signal)) for source, signal in self._columns)
        for source, stream, t_ns, end_ns, reason in self._gaps:
            if stream and reason:
                yield Missing(source=source, stream=stream, t_ns=t_ns, end_ns=end_ns, reason=reason)
                continue
            for name, meant in streams:
                if meant and source in {name, ""}:
                    yield Missing(
                        source=name,
                        stream=meant,
                        t_ns=t_ns,
                        end_ns=end_ns,
                        reason=GapReason.RECORDING,
                    )


def _series(source: str, signal: Signal, t_s: array[float], values: array[float]) -> Series:
    t_ns = seconds_to_ns(np.frombuffer(t_s))
    order = np.argsort(t_ns, kind="stable")
    return Series(
        signal=signal, source=source, t_ns=t_ns[order], values=np.frombuffer(values)[order]
    )


def _long(path: Path, header: list[str], cells: Cells, wearer: str) -> Recording:
    said = _Rows(path)
    at_t, at_signal, at_value = (header.index(name) for name in COLUMNS[:3])
    at_source = header.index("source") if "source" in header else None
    for line, row in cells:
        if len(row) != len(header):
            refuse(path, line, f"{len(header)} cells were expected, not {len(row)}")
        t_s = said.time(line, row[at_t])
        signal = row[at_signal]
        source = "" if at_source is None else row[at_source]
        if signal in _KNOWN:
            said.value(line, source or SOURCE, signal, t_s, row[at_value])
        elif signal == "gap":
            said.gap(line, source, t_s, row[at_value])
        elif signal == "marker":
            said.markers.append((round(t_s * 1e9), row[at_value]))
        else:
            names = ", ".join((*SIGNALS, "gap", "marker"))
            refuse(path, line, f"one of the signals {names} was expected, not {shown(signal)}")
    return said.recording(wearer)


def _wide(path: Path, header: list[str], cells: Cells, wearer: str) -> Recording:
    signals = [(signal, header.index(signal)) for signal in SIGNALS if signal in header]
    if "t_s" not in header or not signals:
        refuse(
            path,
            1,
            "the columns t_s, signal and value were expected "
            "(or t_s and a column for each signal, such as rr_ms)",
        )
    said = _Rows(path)
    at_t = header.index("t_s")
    for line, row in cells:
        if len(row) != len(header):
            refuse(path, line, f"{len(header)} cells were expected, not {len(row)}")
        t_s = said.time(line, row[at_t])
        for signal, at in signals:
            if row[at]:
                said.value(line, SOURCE, signal, t_s, row[at])
    others = [name for name in header if name not in _KNOWN and name != "t_s"]
    notes = tuple(f"column {shown(name)} is not used" for name in others)
    return said.recording(wearer, notes=notes)
