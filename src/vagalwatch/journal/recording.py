"""A journal as a recording of one wearer, beside the files that recordings come as.

What the sensors delivered is taken at the time it happened, as in any recording, with the settings
that the estimate goes by: that it came late, what was said of it and what people answered stays in
the journal (``replay`` has those).
Each run's time is put right by the whole of its clock steps, so durations stay what they were.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.pipeline import BETA_BLOCKER_KEY
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import (
    SITE,
    Contact,
    Eda,
    Gap,
    Heart,
    Level,
    Marker,
    Motion,
    Setting,
)
from vagalwatch.sensors.recording import Missing, Recording, RecordingError, Series, read
from vagalwatch.sensors.recording.model import AXES, MAX_RR_MS, NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vagalwatch.journal.port import Entry
    from vagalwatch.journal.reader import Reader
    from vagalwatch.records import Record
    from vagalwatch.sensors.recording import Signal
    from vagalwatch.sensors.recording.model import Said

KINDS = ("heart", "eda", "motion", "level", "contact", "gap", "marker")
SETTINGS_SOURCE = "settings"
_ROW_NS = 5 * NS
_BATCH = 5000
_MAGIC = b"SQLite format 3\x00"


def open_recording(path: Path, wearer: str | None = None) -> Recording:
    """The recording at ``path``: a journal, an E4 session folder, RR text or tidy CSV.

    ``wearer`` chooses from a journal (needed if it holds several) and names any other recording.

    Raises:
        RecordingError: one clear sentence.
    """
    if is_journal(path):
        return read_journal(path, wearer)
    return read(path, wearer or "recording")


def is_journal(path: Path) -> bool:
    """Whether ``path`` is a SQLite file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_journal(
    path: Path,
    wearer: str | None = None,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    after: int = 0,
) -> Recording:
    """What the sensors of ``wearer`` delivered, received from ``since_ns`` to before ``until_ns``.

    And only what stands behind the place ``after``.

    Time zero is the multiple of 5 s before the first sample, so that rows fall where they fell
    live.

    Raises:
        RecordingError: no journal, no such wearer, several and none chosen, or too long a time.
    """
    try:
        with open_reader(path) as reader:
            chosen = choose(path, reader.wearers(), wearer)
            wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
            told = _Told()
            # Received when, by the wall: the index knows each run's own clock only.
            since = None if since_ns is None else since_ns - wall.furthest_ns
            for entry in entries(reader, chosen, KINDS, since, after):
                recv_ns = entry.record.recv_ns + wall.step_ns(entry.place)
                if since_ns is not None and recv_ns < since_ns:
                    continue
                if until_ns is not None and recv_ns >= until_ns:
                    continue  # a later run's clock may have been behind this one's
                told.take(wall.corrected(entry).record)
            for place, record in entries(reader, chosen, ("setting",)):
                recv_ns = record.recv_ns + wall.step_ns(place)
                if until_ns is None or recv_ns < until_ns:
                    told.set(record, recv_ns)
    except JournalError as error:
        raise RecordingError(str(error)) from error
    if not told.columns:
        raise RecordingError(f"{path.name} holds no samples of “{chosen}” in that time.")
    return told.recording(f"journal {path.name}", chosen)


def choose(path: Path, wearers: list[str], wearer: str | None) -> str:
    """``wearer`` if the journal holds it, or the only one there is.

    Raises:
        RecordingError: it does not, or nobody was named and there are several.
    """
    names = ", ".join(wearers) or "nobody"
    if wearer is not None and wearer not in wearers:
        raise RecordingError(f"{path.name} holds nothing of “{wearer}”; it holds {names}.")
    if wearer is None and len(wearers) != 1:
        raise RecordingError(f"{path.name} holds {names}; choose one wearer with --wearer.")
    return wearer or wearers[0]


def entries(
    reader: Reader,
    wearer: str | None,
    kinds: tuple[str, ...] = (),
    since_ns: int | None = None,
    after: int = 0,
) -> Iterator[Entry]:
    """All that stands in the journal behind ``after``, a batch in memory at a time."""
    while batch := reader.read(after, wearer=wearer, kinds=kinds, since_ns=since_ns, limit=_BATCH):
        yield from batch
        after = batch[-1].place


class _Told:
    """What the records have said so far."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, Signal], tuple[array[int], array[float]]] = {}
        self.chains: dict[str, array[int]] = {}
        self.gaps: dict[tuple[str, str, int], Gap] = {}
        """By source, stream and beginning."""
        self.markers: list[tuple[int, str]] = []
        self.said: dict[Said, list[tuple[int, float]]] = {}

    def set(self, record: Record, t_ns: int) -> None:
        """Take a setting that stands from ``t_ns`` on, if the estimate goes by it."""
        match record:
            case Setting(key=key, value="true" | "false" as value) if key == BETA_BLOCKER_KEY:
                self.said.setdefault("beta_blocker", []).append((t_ns, value == "true"))
            case Setting(key=key, value="null") if key == BASELINE_KEY:
                self.said.setdefault("baseline_anew", []).append((t_ns, 1.0))

    def take(self, record: Record) -> None:
        match record:
            case Heart():
                self._heart(record)
            case Eda():
                self._put(record.source, "eda_us", record.sample_t_ns, record.eda_us)
            case Motion():
                for name in AXES:
                    self._put(record.source, name, record.sample_t_ns, getattr(record, name))
            case Level():
                self._put(record.source, record.signal, [record.t_ns], [record.value])
            case Contact():
                self._put(record.source, "contact", [record.t_ns], [record.on_body])
            case Gap():
                self.gaps[record.source, record.stream, record.t_ns] = record
            case Marker():
                self.markers.append((record.t_ns, record.text))

    def _heart(self, heart: Heart) -> None:
        if heart.hr_bpm is not None:
            self._put(heart.source, "hr_bpm", [heart.t_ns], [heart.hr_bpm])
        if heart.hr_quality is not None:
            self._put(heart.source, "hr_quality", [heart.t_ns], [heart.hr_quality])
        if heart.contact is not None:
            self._put(heart.source, "contact", [heart.t_ns], [heart.contact])
        chained = heart.chained
        for t_ns, rr_ms in zip(heart.beat_t_ns, heart.rr_ms, strict=True):
            if 0 < rr_ms <= MAX_RR_MS:
                self._put(heart.source, "rr_ms", [t_ns], [rr_ms])
                self.chains.setdefault(heart.source, array("b")).append(chained)
                chained = True
            else:
                chained = False

    def _put(
        self,
        source: str,
        signal: Signal,
        t_ns: Sequence[int],
        values: Sequence[float],
    ) -> None:
        if not t_ns:
            return
        column = self.columns.get((source, signal))
        if column is None:
            column = self.columns[source, signal] = array("q"), array("d")
        column[0].extend(t_ns)
        column[1].extend(values)

    def recording(self, description: str, wearer: str) -> Recording:
        first_ns = min(min(t_ns) for t_ns, _ in self.columns.values())
        last_ns = max(max(t_ns) for t_ns, _ in self.columns.values())
        start_ns = first_ns // _ROW_NS * _ROW_NS
        series = []
        for (source, signal), (t_ns, values) in sorted(self.columns.items()):
            # Runs whose clocks disagreed may overlap: in order of time, the first word counts.
            times, order = np.unique(np.frombuffer(t_ns, dtype=np.int64), return_index=True)
            series.append(
                Series(
                    signal=signal,
                    source=source,
                    t_ns=times - start_ns,
                    values=np.frombuffer(values)[order],
                )
            )
            if signal == "rr_ms":
                chain = np.frombuffer(self.chains[source], dtype=np.int8)[order]
                series.append(
                    Series(
                        signal="chained",
                        source=source,
                        t_ns=times - start_ns,
                        values=chain.astype(np.float64),
                    )
                )
        for name, said in sorted(self.said.items()):
            # What was said before stands from the start on; at one time the last word counts.
            last = {max(t_ns, start_ns): value for t_ns, value in sorted(said, key=_time)}
            times_values = [one for one in last.items() if one[0] <= last_ns]
            series.append(
                Series(
                    signal=name,
                    source=SETTINGS_SOURCE,
                    t_ns=np.array([t_ns - start_ns for t_ns, _ in times_values], dtype=np.int64),
                    values=np.array([value for _, value in times_values], dtype=np.float64),
                )
            )
        missing = []
        for gap in self.gaps.values():
            end_ns = last_ns if gap.end_ns is None else gap.end_ns
            if end_ns >= first_ns:
                begin_ns = max(gap.t_ns, start_ns)
                missing.append(
                    Missing(
                        source=gap.source,
                        stream=gap.stream,
                        t_ns=begin_ns - start_ns,
                        end_ns=max(begin_ns, end_ns) - start_ns,
                        reason=gap.reason,
                    )
                )
        return Recording(
            description=description,
            wearer=wearer,
            start_ns=start_ns,
            series=tuple(series),
            missing=tuple(missing),
            markers=tuple(
                (t_ns - start_ns, text)
                for t_ns, text in sorted(self.markers)
                if start_ns <= t_ns <= last_ns
            ),
        )


def _time(said: tuple[int, float]) -> int:
    return said[0]
