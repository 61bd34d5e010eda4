from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_real import shared_data
from vagalwatch.sensors.recording import RecordingError, read
from vagalwatch.sensors.recording.rr_stamped import SLACK_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START_MS = 1_688_125_620_000


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Sequence[tuple[float, float]]], Path]:
    def write(rows: Sequence[tuple[float, float]]) -> Path:
        file = tmp_path / "beats.csv"
        text = "".join(f"{stamp},{rr}\n" for stamp, rr in rows)
        file.write_text(f"timestamp,rr\n{text}", encoding="utf-8")
        return file

    return write


@given(
    rr_ms=st.lists(st.integers(400, 1500), min_size=2, max_size=60),
    late_ms=st.lists(st.integers(0, 2400), min_size=60, max_size=60),
)
def test_times_of_arrival_bend_no_interval_and_break_no_chain(
    tmp_path_factory: pytest.TempPathFactory, rr_ms: list[int], late_ms: list[int]
) -> None:
    file = tmp_path_factory.mktemp("rr") / "beats.csv"
    stamps = START_MS + np.cumsum(rr_ms) + np.array(late_ms[: len(rr_ms)])
    rows = "".join(f"{stamp},{rr}\n" for stamp, rr in zip(stamps, rr_ms, strict=True))
    file.write_text(f"timestamp, rr, since_start\n\n{rows}", encoding="utf-8")
    recording = read(file)
    rr = recording.series[0]
    assert rr.values.tolist() == rr_ms
    assert recording.chain(rr).tolist() == [False] + [True] * (len(rr_ms) - 1)


def test_a_hole_in_the_times_ends_the_chain(
    written: Callable[[Sequence[tuple[float, float]]], Path],
) -> None:
    hole_ms = SLACK_MS + 1
    rows = [(START_MS, 800), (START_MS + 800, 810), (START_MS + 1610 + hole_ms, 790)]
    recording = read(written(rows))
    rr = recording.series[0]
    assert recording.chain(rr).tolist() == [False, True, False]
    assert rr.t_ns.tolist() == [800_000_000, 1_610_000_000, round((2400 + hole_ms) * 1e6)]


@pytest.mark.parametrize("row", ["1688125620000", "1688125620000,x", "x,800", "1688125620000,-5"])
def test_what_is_no_row_is_one_sentence(tmp_path: Path, row: str) -> None:
    file = tmp_path / "beats.csv"
    file.write_text(f"timestamp,rr\n{START_MS},800\n{row}\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"beats\.csv, line 3"):
        read(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("timestamp,rr\n1000,8\r00\n", r"beats\.csv, line 2: a row of CSV was expected"),
        ("timestamp,rr\rx,y\n1,2\n", r"beats\.csv, line 1: a row of CSV was expected"),
        ('timestamp,rr\n"' + "a\n" * 100_000 + '",800\n', r"a row of CSV was expected"),
        ('"a,timestamp,rr,b"\n1,2\n', r"beats\.csv, line 1: the columns t_s, signal and value"),
        ('timestamp,"rr\nb"\n1000,800\n', r"line 2: the columns timestamp and rr"),
        (f"timestamp,rr\n{START_MS},1e16\n", r"line 2: an RR interval in ms"),
    ],
)
def test_what_is_no_csv_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "beats.csv"
    file.write_bytes(content.encode())
    with pytest.raises(RecordingError, match=sentence):
        read(file)


def test_a_quoted_header_is_read_as_csv(tmp_path: Path) -> None:
    file = tmp_path / "beats.csv"
    file.write_text(f'"timestamp","a, b","rr"\n{START_MS},x,800\n', encoding="utf-8")
    recording = read(file)
    assert recording.series[0].values.tolist() == [800.0]
    assert recording.notes == ("column 'a, b' is not used",)


@pytest.mark.parametrize("device", ["empatica", "heartmath", "kyto", "rhythm"])
def test_every_device_of_a_real_session_is_read(device: str) -> None:
    recording = read(shared_data("wearablehrv_p37", f"test_{device}.csv"))
    assert 20 * 60 < recording.duration_s < 80 * 60
