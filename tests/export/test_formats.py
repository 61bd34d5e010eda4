from __future__ import annotations

import gzip
import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given, settings

from helpers_real import shared_data
from helpers_recording import e4_folder, recordings, steady
from vagalwatch.analysis import run
from vagalwatch.export import FORMATS, SERIES, kubios, parquet, tidy
from vagalwatch.sensors.recording import Recording, RecordingError, Series, read, sequence

if TYPE_CHECKING:
    from pathlib import Path


def test_every_format_is_listed() -> None:
    assert set(FORMATS) == {"tidy", "parquet", "kubios", "events"}


@pytest.mark.parametrize("name", SERIES)
def test_the_folder_is_made_and_what_was_written_is_named(tmp_path: Path, name: str) -> None:
    files = SERIES[name](steady(0.1), tmp_path / "new" / "deep" / "a.out")
    assert files == sorted((tmp_path / "new" / "deep").iterdir())


@given(recordings())
def test_what_tidy_writes_is_read_back_to_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, recording: Recording
) -> None:
    path = tmp_path_factory.mktemp("tidy") / "a.csv"
    tidy.write(recording, path)
    again = read(path)
    assert list(sequence(again, 0)) == list(sequence(recording, 0))


def test_tidy_is_in_order_of_time_with_the_columns_of_the_design(tmp_path: Path) -> None:
    (path,) = tidy.write(
        read(e4_folder(tmp_path / "S1", tags="1644829930.25\n")), tmp_path / "a.csv"
    )
    lines = path.read_text().splitlines()
    assert lines[0] == "t_s,signal,value,source"
    times = [float(line.split(",")[0]) for line in lines[1:]]
    assert times == sorted(times)
    assert "5.25,marker,tag," in lines
    assert "2.78125,rr_ms,781.25,e4" in lines


def test_gzipped_tidy_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    (first,) = tidy.write(steady(0.2), tmp_path / "a.csv.gz")
    data = first.read_bytes()
    tidy.write(steady(0.2), tmp_path / "a.csv.gz")
    assert first.read_bytes() == data
    assert gzip.decompress(first.read_bytes()).startswith(b"t_s,signal,value,source\n")
    assert list(sequence(read(first), 0)) == list(sequence(steady(0.2), 0))


def test_a_tidy_export_gives_the_same_timeline_bit_for_bit(tmp_path: Path) -> None:
    recording = read(shared_data("stress_predict", "S05"))
    (path,) = tidy.write(recording, tmp_path / "a.csv")
    assert run(read(path)) == run(recording)


def test_kubios_has_a_file_a_stretch_and_the_gap_between_them(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1"))
    files = kubios.write(recording, tmp_path / "rr.txt")
    assert [file.name for file in files] == ["rr-001.txt", "rr-002.txt"]
    assert [file.read_text() for file in files] == ["750.0\n781.25\n", "750.0\n"]


def test_kubios_files_hold_every_interval_once(tmp_path: Path) -> None:
    recording = read(shared_data("stress_predict", "S05"))
    files = kubios.write(recording, tmp_path / "rr.txt")
    written = [float(line) for file in files for line in file.read_text().split()]
    rr = recording.of("e4", "rr_ms")
    assert rr is not None
    assert written == rr.values.tolist()
    assert len(files) == int((~recording.chain(rr)).sum())


def test_kubios_names_the_source_where_there_are_several(tmp_path: Path) -> None:
    series = tuple(
        Series(
            signal="rr_ms",
            source=source,
            t_ns=np.array([10**9], dtype=np.int64),
            values=np.array([800.0]),
        )
        for source in ("H10 A1:B2", "ring")
    )
    recording = Recording(description="two", wearer="anna", start_ns=0, series=series)
    files = kubios.write(recording, tmp_path / "rr.txt")
    assert [file.name for file in files] == ["rr-H10-A1-B2-001.txt", "rr-ring-001.txt"]


def test_kubios_without_intervals_is_one_sentence(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1", IBI=""))
    with pytest.raises(RecordingError, match=r"holds no RR intervals to export\.$"):
        kubios.write(recording, tmp_path / "rr.txt")


@settings(deadline=None)  # the first reading imports half of pyarrow
@given(recordings())
def test_parquet_holds_the_same_long_table_as_tidy(
    tmp_path_factory: pytest.TempPathFactory, recording: Recording
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    parquet.write(recording, path)
    table = pyarrow.parquet.read_table(path)
    rows = [
        tidy.Row(t_s, signal, (text or "") if value is None else value, source or "")
        for t_s, signal, value, source, text in zip(
            *(table.column(name).to_pylist() for name in table.column_names), strict=True
        )
    ]
    assert rows == list(tidy.rows(recording))
    about = json.loads(table.schema.metadata[b"vagalwatch"])
    assert {series.signal for series in recording.series} <= set(about["units"])
    assert about["start_ns"] == recording.start_ns


def test_without_pyarrow_the_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(parquet.MissingExtraError, match="extra “research”"):
        parquet.write(steady(0.1), tmp_path / "a.parquet")
