"""What stands of one person, as one file for that person: a zip of CSV files and a README.

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
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vagalwatch.alerts.couple import LINK
from vagalwatch.export.cells import DAY_S, cell, heads, utc
from vagalwatch.export.cells import NS as _S_NS
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import (
    SITE,
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
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from vagalwatch.alerts import words
    from vagalwatch.journal.reader import Reader

_BATCH: Final = 200
"""Records in memory at once: decoding them takes some ms, and the service may wait for that."""
_LEVEL: Final = 1
"""Of compression: a fifth of the time of the usual 6, and a file a third larger."""
_TOGETHER: Final = 1000
"""Lines that are compressed at once."""
_DAY_NS: Final = DAY_S * _S_NS
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
    with (
        open_reader(journal) as reader,
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file,
    ):
        told = _Told(reader, wearer)
        made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        file.writestr("README.txt", _readme(known, made))
        for name, (kind, columns) in _EVENTS.items():
            with _table(file, name, heads(columns)) as write:
                for batch in told.batches(kind):
                    write([_cell(record, column) for column in columns] for record in batch)
                    yield from pipe.full()
        with _table(
            file, "estimates.csv", ("t_utc", "state", "reason", "arousal", *_FIGURES)
        ) as write:
            for batch in told.batches("estimate"):
                write(_estimate(record) for record in batch if isinstance(record, Estimate))
                yield from pipe.full()
        yield from _sensors(file, told, pipe)
    yield pipe.rest()


def _estimate(row: Estimate) -> list[object]:
    head = [utc(row.t_ns), row.state, row.reason, row.arousal]
    return head + [getattr(row.metrics, name) for name in _FIGURES]


def _sensors(file: zipfile.ZipFile, told: _Told, pipe: _Pipe) -> Iterator[bytes]:
    """A tidy CSV a day (UTC); a new one also where a sample is older than the file's zero."""
    names: dict[str, str] = {}
    records = (
        record
        for batch in told.batches(*_SENSED)
        for record in batch
        if not isinstance(record, Gap) or record.end_ns is not None  # told again when it ends
    )
    record = next(records, None)
    while record is not None:
        day, zero_ns = record.recv_ns // _DAY_NS, _first_ns(record) - _MARGIN_NS
        name = _new_name(utc(day * _DAY_NS)[:10], names)
        names[name] = utc(zero_ns)
        with file.open(f"sensors/{name}", "w", force_zip64=True) as raw:
            raw.write(_lines([COLUMNS]))
            waiting: list[str] = []
            while record is not None and record.recv_ns // _DAY_NS == day:
                samples = [*_samples(record, zero_ns)]
                if any(t_ns < zero_ns for one in samples for t_ns in one.t_ns):
                    break
                waiting += _tidy(samples, zero_ns)
                if len(waiting) >= _TOGETHER:
                    raw.write("".join(waiting).encode())
                    waiting.clear()
                    yield from pipe.full()
                record = next(records, None)
            raw.write("".join(waiting).encode())
    with _table(file, "sensors/files.csv", ("file", "start_utc")) as write:
        write(names.items())


def _new_name(day: str, taken: dict[str, str]) -> str:
    n = 1 + sum(name.startswith(day) for name in taken)
    return f"{day}.csv" if n == 1 else f"{day}-{n}.csv"


def _first_ns(record: Record) -> int:
    """The earliest of its samples, which need not be its first: its file holds all of them."""
    if isinstance(record, Gap):  # what of it lies before the file is left out
        return record.recv_ns
    times = [t_ns for one in _samples(record, 0) for t_ns in one.t_ns]
    return min(times, default=span(record)[0])


class _Samples(NamedTuple):
    """Some of one signal: a time and a value each."""

    signal: str
    source: str
    t_ns: Sequence[int]
    values: Sequence[float]


def _tidy(samples: Iterable[_Samples], zero_ns: int) -> list[str]:
    """Lines of tidy CSV, to the byte as :mod:`csv` writes them in four times the time."""
    lines: list[str] = []
    of: Sequence[int] = ()
    seconds: list[str] = []
    for signal, source, t_ns, values in samples:
        if t_ns is not of:  # three axes share their times
            of, seconds = t_ns, [repr((at_ns - zero_ns) / _S_NS) for at_ns in t_ns]
        rest = f",{_quoted(source)}"
        lines += [
            f"{t_s},{signal},{value!r}{rest}" for t_s, value in zip(seconds, values, strict=True)
        ]
    return lines


@lru_cache(maxsize=64)
def _quoted(source: str) -> str:
    return _lines([[source]]).decode()


def _samples(record: Record, zero_ns: int) -> Iterator[_Samples]:
    """What a record holds for tidy CSV."""
    match record:
        case Heart():
            yield from _heart(record)
        case Eda():
            yield _Samples("eda_us", record.source, record.sample_t_ns, record.eda_us)
        case Motion():
            for axis in ("acc_x_mg", "acc_y_mg", "acc_z_mg"):
                yield _Samples(axis, record.source, record.sample_t_ns, getattr(record, axis))
        case Level():
            yield _Samples(record.signal, record.source, [record.t_ns], [record.value])
        case Contact():
            yield _Samples("contact", record.source, [record.t_ns], [int(record.on_body)])
        case Gap(end_ns=int(end_ns)) if end_ns >= zero_ns:
            begin_ns = max(record.t_ns, zero_ns)  # what of it lies in an earlier file ends that
            name = f"{record.source}/{record.stream}/{record.reason}"
            yield _Samples("gap", name, [begin_ns], [(end_ns - begin_ns) / _S_NS])
        case _:
            pass


def _heart(heart: Heart) -> Iterator[_Samples]:
    at = [heart.t_ns]
    if heart.hr_bpm is not None:
        yield _Samples("hr_bpm", heart.source, at, [heart.hr_bpm])
    if heart.hr_quality is not None:
        yield _Samples("hr_quality", heart.source, at, [heart.hr_quality])
    if heart.contact is not None:
        yield _Samples("contact", heart.source, at, [int(heart.contact)])
    chained = heart.chained
    for t_ns, rr_ms in zip(heart.beat_t_ns, heart.rr_ms, strict=True):
        usable = 0 < rr_ms <= MAX_RR_MS
        if usable:
            yield _Samples("rr_ms", heart.source, [t_ns], [rr_ms])
            yield _Samples("chained", heart.source, [t_ns], [int(chained)])
        chained = usable


class _Told:
    """One wearer's records in wall time."""

    def __init__(self, reader: Reader, wearer: str) -> None:
        self._reader, self._wearer = reader, wearer

    def batches(self, *kinds: str) -> Iterator[list[Record]]:
        wall, after = AsKnownNow(entries(self._reader, SITE, ("clock-step",))), 0
        while batch := self._reader.read(after, wearer=self._wearer, kinds=kinds, limit=_BATCH):
            own = (entry for entry in batch if entry.record.wearer == self._wearer)  # no site's
            yield [wall.corrected(entry).record for entry in own]
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
) -> Iterator[Callable[[Iterable[Iterable[object]]], object]]:
    """A CSV in the zip: call what you get with the cells of some rows."""
    with file.open(name, "w", force_zip64=True) as raw:
        raw.write(_lines([columns]))
        yield lambda rows: raw.write(_lines(rows))


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cell(record: Record, column: str) -> object:
    if isinstance(record, Setting) and (record.key, column) == (LINK, "value"):
        return "null" if record.value == "null" else "linked"  # with whom is the other's, too
    return cell(record, column)


def _readme(known: words.Lines, made: str) -> str:
    lines = [text for key, text in known.items() if key.startswith("record.")]
    return "\r\n".join(line.format(made=made) for line in lines) + "\r\n"
