"""Everything of one person as one file for that person: a zip of CSV files and a README.

Made for the page, while the service runs: read through a connection of its own, a batch at a
time, and given out as it is made, so that years need no more memory than an hour. Records of the
whole site and of other wearers are not in it. Times in words are UTC, as ISO 8601 to the
millisecond.

``sensors/<date>.csv`` are tidy CSV (:mod:`vagalwatch.export.tidy`), so that ``analyze`` reads
them; their ``t_s`` counts from ``start_utc`` in ``sensors/files.csv``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from vagalwatch.alerts.couple import LINK
from vagalwatch.export.cells import NS as _S_NS
from vagalwatch.export.cells import cell, heads, utc
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.walltime import WallTime
from vagalwatch.records import (
    Contact,
    Eda,
    Estimate,
    Gap,
    Heart,
    Level,
    Metrics,
    Motion,
    Record,
    Setting,
    span,
)
from vagalwatch.sensors.recording.model import MAX_RR_MS
from vagalwatch.sensors.recording.tidy import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vagalwatch.alerts import words
    from vagalwatch.journal.reader import Reader

_BATCH: Final = 200
"""Records in memory at once: decoding them takes some ms, and the service may wait for that."""
_MARGIN_NS: Final = 60 * _S_NS
"""A file's time begins so long before its first sample: another sensor's may come a bit late."""

_EVENTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "breaks.csv": (
        "break",
        ("t_ns", "id", "phase", "began_ns", "until_ns", "origin", "about", "reason", "alert_id"),
    ),
    "prompts.csv": ("alert", ("t_ns", "id", "alert", "valid_until_ns")),
    "notices.csv": ("notice", ("t_ns", "alert_id", "way", "repeat", "outcome")),
    "answers.csv": ("answer", ("t_ns", "answer", "about", "minutes", "text", "via")),
    "settings.csv": ("setting", ("t_ns", "key", "value")),
    "gaps.csv": ("gap", ("t_ns", "end_ns", "stream", "source", "reason")),
    "notes.csv": ("marker", ("t_ns", "text")),
    "harm.csv": ("adverse-event", ("wall_ns", "t_ns", "serious", "related", "expected", "note")),
    "devices.csv": ("device", ("t_ns", "source", "manufacturer", "model", "firmware")),
    "refused.csv": ("refused", ("t_ns", "source", "reason", "offset")),
    "together.csv": ("together", ("t_ns", "until_ns")),
    "episodes.csv": ("episode", ("t_ns", "episode", "onset_ns", "end_ns", "peak_hr_bpm")),
}
"""File: kind of record, and its fields as columns (``*_ns`` as ``*_utc``)."""

_FIGURES: Final = tuple(item.name for item in fields(Metrics))
_SENSED: Final = ("heart", "eda", "motion", "level", "contact", "gap")


def record_zip(journal: Path, wearer: str, known: words.Lines) -> Iterator[bytes]:
    """The file, in pieces as they come to be; blocking, and on any thread.

    Raises:
        JournalError: the journal cannot be read.
    """
    pipe = _Pipe()
    with open_reader(journal) as reader, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        told = _Told(reader, wearer)
        made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        file.writestr("README.txt", _readme(known, made))
        for name, (kind, columns) in _EVENTS.items():
            with _table(file, name, heads(columns)) as write:
                for record in told.records(kind):
                    write([_cell(record, column) for column in columns])
                    yield from pipe.full()
        with _table(
            file, "estimates.csv", ("t_utc", "state", "reason", "arousal", *_FIGURES)
        ) as write:
            for record in told.records("estimate"):
                if isinstance(record, Estimate):
                    figures = [getattr(record.metrics, name) for name in _FIGURES]
                    head = [utc(record.t_ns), record.state, record.reason, record.arousal]
                    write(head + figures)
                    yield from pipe.full()
        yield from _sensors(file, told, pipe)
    yield pipe.rest()


def _sensors(file: zipfile.ZipFile, told: _Told, pipe: _Pipe) -> Iterator[bytes]:
    """A tidy CSV a day (UTC); a new one also where a sample is older than the file's zero."""
    names: dict[str, str] = {}
    records = (
        record
        for record in told.records(*_SENSED)
        if not isinstance(record, Gap) or record.end_ns is not None  # told again when it ends
    )
    record = next(records, None)
    while record is not None:
        day, zero_ns = _day(record), _first_ns(record) - _MARGIN_NS
        name = _new_name(day, names)
        names[name] = utc(zero_ns)
        with _table(file, f"sensors/{name}", COLUMNS) as write:
            while record is not None and _day(record) == day:
                rows = list(_samples(record, zero_ns))
                if any(t_ns < zero_ns for t_ns, *_ in rows):
                    break
                for t_ns, signal, value, source in rows:
                    write([(t_ns - zero_ns) / _S_NS, signal, value, source])
                yield from pipe.full()
                record = next(records, None)
    with _table(file, "sensors/files.csv", ("file", "start_utc")) as write:
        for name, start in names.items():
            write([name, start])


def _new_name(day: str, taken: dict[str, str]) -> str:
    n = 1 + sum(name.startswith(day) for name in taken)
    return f"{day}.csv" if n == 1 else f"{day}-{n}.csv"


def _day(record: Record) -> str:
    return utc(record.recv_ns)[:10]


def _first_ns(record: Record) -> int:
    """The earliest of its samples, which need not be its first: its file holds all of them."""
    if isinstance(record, Gap):  # what of it lies before the file is left out
        return record.recv_ns
    return min((t_ns for t_ns, *_ in _samples(record, 0)), default=span(record)[0])


def _samples(record: Record, zero_ns: int) -> Iterator[tuple[int, str, float, str]]:
    """A record's samples as tidy rows: time, signal, value, source."""
    match record:
        case Heart():
            yield from _heart(record)
        case Eda():
            for t_ns, value in zip(record.sample_t_ns, record.eda_us, strict=True):
                yield t_ns, "eda_us", value, record.source
        case Motion():
            for axis in ("acc_x_mg", "acc_y_mg", "acc_z_mg"):
                for t_ns, value in zip(record.sample_t_ns, getattr(record, axis), strict=True):
                    yield t_ns, axis, value, record.source
        case Level():
            yield record.t_ns, record.signal, record.value, record.source
        case Contact():
            yield record.t_ns, "contact", int(record.on_body), record.source
        case Gap(end_ns=int(end_ns)) if end_ns >= zero_ns:
            begin_ns = max(record.t_ns, zero_ns)  # what of it lies in an earlier file ends that
            name = f"{record.source}/{record.stream}/{record.reason}"
            yield begin_ns, "gap", (end_ns - begin_ns) / _S_NS, name
        case _:
            pass


def _heart(heart: Heart) -> Iterator[tuple[int, str, float, str]]:
    if heart.hr_bpm is not None:
        yield heart.t_ns, "hr_bpm", heart.hr_bpm, heart.source
    if heart.hr_quality is not None:
        yield heart.t_ns, "hr_quality", heart.hr_quality, heart.source
    if heart.contact is not None:
        yield heart.t_ns, "contact", int(heart.contact), heart.source
    chained = heart.chained
    for t_ns, rr_ms in zip(heart.beat_t_ns, heart.rr_ms, strict=True):
        usable = 0 < rr_ms <= MAX_RR_MS
        if usable:
            yield t_ns, "rr_ms", rr_ms, heart.source
            yield t_ns, "chained", int(chained), heart.source
        chained = usable


class _Told:
    """One wearer's records in wall time."""

    def __init__(self, reader: Reader, wearer: str) -> None:
        self._reader, self._wearer = reader, wearer

    def records(self, *kinds: str) -> Iterator[Record]:
        wall, after = WallTime(self._reader), 0
        while batch := self._reader.read(after, wearer=self._wearer, kinds=kinds, limit=_BATCH):
            for entry in batch:
                if entry.record.wearer == self._wearer:  # and not the site's
                    yield wall.corrected(entry).record
            after = batch[-1].place


class _Pipe(io.RawIOBase):
    """What a zip is written to: it keeps nothing but what was not taken yet."""

    _PIECE: Final = 64 << 10

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - a buffer, as the base class has it
        self._held += data
        return len(data)

    def full(self) -> Iterator[bytes]:
        """A piece, if enough has come together."""
        if len(self._held) >= self._PIECE:
            yield self.rest()

    def rest(self) -> bytes:
        """What is left."""
        out = bytes(self._held)
        self._held.clear()
        return out


@contextmanager
def _table(
    file: zipfile.ZipFile, name: str, columns: tuple[str, ...]
) -> Iterator[Callable[[list[object]], object]]:
    """A CSV in the zip: call what you get with the cells of each row."""
    with (
        file.open(name, "w", force_zip64=True) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="", write_through=False) as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


def _cell(record: Record, column: str) -> object:
    if isinstance(record, Setting) and (record.key, column) == (LINK, "value"):
        return "null" if record.value == "null" else "linked"  # with whom is the other's, too
    return cell(record, column)


def _readme(known: words.Lines, made: str) -> str:
    lines = [text for key, text in known.items() if key.startswith("record.")]
    return "\r\n".join(line.format(made=made) for line in lines) + "\r\n"
