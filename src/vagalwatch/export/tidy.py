"""Tidy CSV, ``t_s,signal,value,source``: one value a row, in order of time.

What is written here is read back to the same samples, bit for bit, and so to the same timeline;
the columns and signals are described where they are read
(:mod:`vagalwatch.sensors.recording.tidy`). A path that ends in ``.gz`` is gzipped.
"""

from __future__ import annotations

import csv
import gzip
import io
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from vagalwatch.sensors.recording.tidy import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording


class Row(NamedTuple):
    """One row; ``value`` is text for a marker only."""

    t_s: float
    signal: str
    value: float | str
    source: str


def write(recording: Recording, path: Path) -> list[Path]:
    """Write ``recording`` to ``path``; its folder is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        # csv writes a float with the digits that give the same float back.
        writer.writerows(rows(recording))
    return [path]


def rows(recording: Recording) -> Iterator[Row]:
    """The rows in order of time; equal times in the order gaps, markers, sources and signals."""
    few = [
        Row(
            gap.t_ns / 1e9,
            "gap",
            (gap.end_ns - gap.t_ns) / 1e9,
            f"{gap.source}/{gap.stream}/{gap.reason}",
        )
        for gap in recording.missing
    ]
    few += [Row(t_ns / 1e9, "marker", text, "") for t_ns, text in recording.markers]
    few.sort(key=lambda row: row.t_s)
    series = sorted(recording.series, key=lambda series: (series.source, series.signal))
    t_ns = np.concatenate([one.t_ns for one in series])
    values = np.concatenate([one.values for one in series])
    which = np.repeat(np.arange(len(series)), [one.t_ns.size for one in series])
    order = np.argsort(t_ns, kind="stable")
    columns = (t_ns[order] / 1e9).tolist(), values[order].tolist(), which[order].tolist()
    waiting = iter(few)
    next_few = next(waiting, None)
    for t_s, value, at in zip(*columns, strict=True):
        while next_few is not None and next_few.t_s <= t_s:
            yield next_few
            next_few = next(waiting, None)
        yield Row(t_s, series[at].signal, value, series[at].source)
    if next_few is not None:
        yield next_few
    yield from waiting


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        # No time inside, so the same recording under the same name is the same bytes.
        return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")
