from __future__ import annotations

import contextlib
import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_real import shared_data
from helpers_recording import put
from vagalwatch.sensors.recording import RecordingError, read, text

if TYPE_CHECKING:
    from pathlib import Path


def intervals(path: Path) -> list[float]:
    rr = read(path).of("rr", "rr_ms")
    assert rr is not None
    return list(map(float, rr.values))


@pytest.mark.parametrize(
    ("content", "rr_ms"),
    [
        ("800\n810.5\n790\n", [800, 810.5, 790]),
        ("0.8\n0.8125\n", [800, 812.5]),
        ("nni_ms\n800\n810\n", [800, 810]),
        ("\ufeff800\r\n810\r\n\r\n", [800, 810]),
        ("[Params]\nInterval=238\n[HRData]\n800\n810\n", [800, 810]),
    ],
)
@pytest.mark.parametrize("name", ["rr.txt", "rr.txt.gz"])
def test_intervals_in_seconds_or_milliseconds(
    tmp_path: Path, name: str, content: str, rr_ms: list[float]
) -> None:
    assert intervals(put(tmp_path / name, content)) == rr_ms


def test_the_first_interval_starts_at_zero_and_all_are_chained(tmp_path: Path) -> None:
    recording = read(put(tmp_path / "rr.txt", "800\n810.5\n790\n"))
    rr = recording.of("rr", "rr_ms")
    assert rr is not None
    assert rr.t_ns.tolist() == [800_000_000, 1_610_500_000, 2_400_500_000]
    assert recording.chain(rr).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", r"rr.txt: an RR interval .* was expected, but there is none"),
        ("hello\nworld\n", r"rr.txt, line 2: an RR interval .* not 'world'"),
        ("800\n\n8OO\n", r"rr.txt, line 3: an RR interval .* not '8OO'"),
        ("800\nnan\n", r"rr.txt, line 2: an RR interval"),
        ("800\n-5\n900\n", r"rr.txt, line 2: an interval above 0 .* not -5 ms"),
        ("800\n70000\n900\n", r"rr.txt, line 2: an interval above 0 and up to 60000 ms"),
        ("800\n1_000\n", r"rr.txt, line 2: an RR interval"),
        ("50\n51\n52\n", r"a median of 0.2 to 5 \(seconds\) or 200 to 5000 .* not 51"),
        ("a;b\n1;2\n", r"rr.txt, line 1: .* not several columns: 'a;b'"),
        ("[Params]\nInterval=238\n", r"rr.txt: a section \[HRData\] was expected"),
        ("[Params]\nInterval=5\n[HRData]\n80\n", r"rr.txt: Interval=238 was expected"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        read(put(tmp_path / "rr.txt", content))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rr.txt"
    path.write_bytes(b"800\n\xff\xfe\n")
    with pytest.raises(RecordingError, match=r"rr.txt, line 1: text in UTF-8"):
        read(path)


def test_a_gzip_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rr.txt.gz"
    path.write_bytes(gzip.compress(b"800\n" * 10_000)[:-12])
    with pytest.raises(RecordingError, match=r"rr.txt.gz: is damaged: its gzip data"):
        read(path)


def test_a_name_that_only_claims_to_be_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rr.txt.gz"
    path.write_bytes(b"800\n")
    with pytest.raises(RecordingError, match=r"rr.txt.gz: is damaged"):
        read(path)


def test_a_bomb_of_one_line_stops_at_the_length_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rr.txt.gz"
    path.write_bytes(gzip.compress(b"8" * 50_000_000))
    with pytest.raises(RecordingError, match=r"a line of more than 4096 bytes"):
        read(path)


def test_a_bomb_of_lines_stops_at_the_number_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "MAX_LINES", 100_000)
    path = tmp_path / "rr.txt.gz"
    path.write_bytes(gzip.compress(b"8\n" * 1_000_000))
    with pytest.raises(RecordingError, match=r"has more than 100000 lines"):
        read(path)


def test_no_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"^There is no recording at .*missing.csv\.$"):
        read(tmp_path / "missing.csv")


def test_edf_says_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"EDF is not read yet; export it as tidy CSV"):
        read(put(tmp_path / "night.edf", "0       "))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_the_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(data)
    with contextlib.suppress(RecordingError):
        read(path)


@pytest.mark.parametrize(
    ("name", "beats", "median_ms"),
    [("rest_rri.txt", 910, 1066), ("exercise_rri.hrm", 4117, 585), ("noisy_rri.hrm", 3581, 644)],
)
def test_real_kubios_and_polar_files(name: str, beats: int, median_ms: float) -> None:
    rr_ms = intervals(shared_data("hrv_sampledata", name))
    assert len(rr_ms) == beats
    assert abs(np.median(rr_ms) - median_ms) < 10


@pytest.mark.parametrize(("name", "beats"), [("Long", 4684), ("Short", 337)])
def test_real_pyhrv_files(name: str, beats: int) -> None:
    assert len(intervals(shared_data("pyhrv_nni", f"SampleNNISeries{name}.csv"))) == beats
