"""analyze --windows: the table of windows beside the timeline, with the same figures."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

from helpers_hrv import rr_around
from vagalwatch import analysis, window_file

if TYPE_CHECKING:
    from pathlib import Path

SHARED = ("rmssd_ms", "sdnn_ms", "pnn50", "sd1_ms", "sd2_ms", "coverage")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    rr_ms = rr_around(random.Random(1), lambda _: 66.0, 500)  # noqa: S311 - a series, not a secret
    recording = folder / "rr.txt"
    recording.write_text("".join(f"{rr}\n" for rr in rr_ms))
    analysis.analyze(recording, folder / "out", windows=True)
    return folder / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def about(text: str) -> object:
    return pytest.approx(float(text), rel=1e-9)


def test_windows_agree_with_the_timeline(out: Path) -> None:
    timeline = {row["t_s"]: row for row in rows(out / "timeline.csv")}
    compared = 0
    for row in rows(out / "windows.csv"):
        names = SHARED if row["seconds"] == "60" else ("lf_ms2", "hf_ms2")
        theirs = timeline.get(row["t_s"], {})
        for name in names:
            if theirs.get(name):
                assert float(row[name]) == about(theirs[name]), (row["t_s"], name)
                compared += 1
    assert compared > 500


def test_each_length_says_what_it_holds(out: Path) -> None:
    table = rows(out / "windows.csv")
    assert tuple(table[0]) == window_file.COLUMNS
    minute = [row for row in table if row["seconds"] == "60" and row["t_s"] == "400"]
    five = [row for row in table if row["seconds"] == "300" and row["t_s"] == "400"]
    assert len(minute) == len(five) == 1
    assert minute[0]["short"] == "sdnn_ms sd2_ms lf_ms2 lf_hf"
    assert five[0]["short"] == ""
    assert float(minute[0]["breaths_per_min"]) == pytest.approx(15, abs=0.5)  # as made
    assert float(minute[0]["coherence"]) > 0
    assert minute[0]["sample_entropy"] == five[0]["breaths_per_min"] == ""
    assert float(five[0]["sample_entropy"]) > 0
    assert float(five[0]["dfa_alpha1"]) > 0


def test_parquet_holds_the_same(out: Path) -> None:
    table = pyarrow.parquet.read_table(out / "windows.parquet")
    assert tuple(table.column_names) == window_file.COLUMNS
    assert table.num_rows == len(rows(out / "windows.csv"))
    assert str(table.schema.field("rmssd_ms").type) == "double"


def test_without_the_flag_there_is_none(tmp_path: Path) -> None:
    recording = tmp_path / "rr.txt"
    recording.write_text("800\n" * 60)
    analysis.analyze(recording, tmp_path / "out")
    assert not (tmp_path / "out" / "windows.csv").exists()
