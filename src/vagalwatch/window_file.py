"""``windows.csv``: HRV of all sliding windows of a recording, for research.

Of the beats alone: whether a row may be judged (wear, gaps, exercise) stands in ``timeline.csv``.
Each row still knows only what was known at its end.
"""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Final

from vagalwatch.engine import ENGINE_VERSION
from vagalwatch.export.parquet import from_csv
from vagalwatch.hrv.beats import classify
from vagalwatch.hrv.breathing import breathing
from vagalwatch.hrv.nonlinear import dfa_alpha1, sample_entropy
from vagalwatch.hrv.parameters import PARAMETERS, parameters_hash
from vagalwatch.hrv.windows import Beats, windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording

NS: Final = 1_000_000_000
SECONDS: Final = (PARAMETERS.figures.variability_s, PARAMETERS.figures.spectrum_s)
FIGURES: Final = (
    *("coverage", "mean_hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50", "sd1_ms", "sd2_ms"),
    *("lf_ms2", "hf_ms2", "lf_hf"),
)
COLUMNS: Final = (
    *("t_s", "source", "seconds", *FIGURES),
    *("breaths_per_min", "coherence", "sample_entropy", "dfa_alpha1", "short"),
)

Cell = float | str | None


def write(recording: Recording, path: Path) -> None:
    """Write ``windows.csv`` at ``path``, rows in the order of source, window length and time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for source in sorted({series.source for series in recording.series}):
            beats = beats_of(recording, source)
            if beats is not None:
                for seconds in SECONDS:
                    writer.writerows(_rows(beats, source, seconds))


def write_parquet(table: Path, path: Path) -> None:
    """The same as Parquet.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    from_csv(
        table,
        path,
        numbers=set(COLUMNS) - {"source", "short"},
        about={"engine_version": ENGINE_VERSION, "parameters": parameters_hash()},
    )


def beats_of(recording: Recording, source: str) -> Beats | None:
    """The beats of one source, in ns of the recording; ``None`` if it has none."""
    rr = recording.of(source, "rr_ms")
    if rr is None or not rr.t_ns.size:
        return None
    linked = recording.chain(rr)
    return Beats(
        t_ns=rr.t_ns,
        rr_ms=rr.values,
        linked=linked,
        believed=classify(rr.t_ns, rr.values, linked),
    )


def _rows(beats: Beats, source: str, seconds: int) -> Iterator[tuple[Cell, ...]]:
    table = windows(beats, seconds)
    columns = [getattr(table, name).tolist() for name in FIGURES]
    short = " ".join(table.short)
    for t_ns, *figures in zip(table.t_ns.tolist(), *columns, strict=True):
        yield (
            t_ns // NS,
            source,
            seconds,
            *(None if math.isnan(figure) else figure for figure in figures),
            *_slower(beats, t_ns, seconds),
            short,
        )


def _slower(beats: Beats, t_ns: int, seconds: int) -> tuple[Cell, ...]:
    """Breathing and coherence beside the minute, entropy and scaling beside the five minutes."""
    if seconds == PARAMETERS.figures.variability_s:
        return *breathing(beats.window(t_ns, PARAMETERS.figures.breathing_s)), None, None
    five = beats.window(t_ns, seconds)
    return None, None, sample_entropy(five), dfa_alpha1(five)
