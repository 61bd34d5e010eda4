from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from helpers_real import shared_data
from helpers_recording import SUBJECTS, e4_folder
from vagalwatch.records import Heart, Tick
from vagalwatch.sensors.recording import RecordingError, read, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording, Signal
    from vagalwatch.sensors.recording.model import Series

NS = 10**9


def of(recording: Recording, signal: Signal) -> Series:
    found = recording.of("e4", signal)
    assert found is not None
    return found


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_each_stream_is_read_in_its_unit_and_time_counts_from_the_eda(
    tmp_path: Path, suffix: str
) -> None:
    recording = read(e4_folder(tmp_path / "S1", suffix), "anna")
    assert recording.start_ns == 1644829925 * NS
    assert recording.wearer == "anna"
    assert of(recording, "eda_us").t_ns[:3].tolist() == [0, NS // 4, NS // 2]
    assert of(recording, "hr_bpm").t_ns[0] == 10 * NS
    assert of(recording, "acc_x_mg").values[0] == -31.25
    assert of(recording, "acc_z_mg").values[0] == 1000.0
    assert of(recording, "rr_ms").values.tolist() == [750.0, 781.25, 750.0]
    assert recording.notes == ()


def bvp(seconds: float, bpm: float) -> str:
    """A clean pulse at 64 Hz."""
    wave = 50 * np.sin(2 * np.pi * bpm / 60 * np.arange(round(64 * seconds)) / 64)
    return "1644829925.0\n64.0\n" + "".join(f"{value:.2f}\n" for value in wave)


def test_the_pulse_in_the_optical_signal_is_a_source_of_its_own(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1", BVP=bvp(16, 60)))
    rate, quality = recording.of("e4-bvp", "hr_bpm"), recording.of("e4-bvp", "hr_quality")
    assert rate is not None
    assert quality is not None
    assert (rate.t_ns // NS).tolist() == list(range(10, 17))
    assert rate.values == pytest.approx(np.full(7, 60), abs=1)
    assert (quality.values > 0.9).all()
    # The E4's own stays as it is, and is trusted as little as noise.
    assert of(recording, "hr_bpm").values.tolist() == [80.0] * 10
    assert of(recording, "hr_quality").values.tolist() == [0.15] * 10
    told = [r for r in sequence(recording) if isinstance(r, Heart) and r.source == "e4-bvp"]
    assert [r.hr_quality for r in told] == quality.values.tolist()


def test_without_a_pulse_in_it_the_e4s_own_rate_is_not_doubted(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1"))
    assert {series.source for series in recording.series} == {"e4"}
    assert recording.of("e4", "hr_quality") is None


def test_an_optical_signal_alone_is_a_session(tmp_path: Path) -> None:
    folder = e4_folder(tmp_path / "S1", BVP=bvp(20, 72))
    for name in ("EDA", "HR", "TEMP", "ACC", "IBI"):
        (folder / f"{name}.csv").unlink()
    recording = read(folder)
    assert {series.signal for series in recording.series} == {"hr_bpm", "hr_quality"}
    (rate,) = [series for series in recording.series if series.signal == "hr_bpm"]
    assert rate.values == pytest.approx(np.full(11, 72), abs=1)


@pytest.mark.parametrize("rate", ["11.9", "1001", "nan"])
def test_an_optical_signal_of_an_impossible_rate_is_one_sentence(tmp_path: Path, rate: str) -> None:
    folder = e4_folder(tmp_path / "S1", BVP=f"1644829925.0\n{rate}\n0\n")
    with pytest.raises(RecordingError, match=r"BVP.csv, line 2: a rate .* was expected, not"):
        read(folder)


def test_a_beat_is_chained_only_where_the_interval_reaches_the_beat_before(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1"))
    assert recording.chain(of(recording, "rr_ms")).tolist() == [False, True, False]
    beats = [r for r in sequence(recording) if isinstance(r, Heart) and r.rr_ms]
    assert [beat.chained for beat in beats] == [False, True, False]


def test_the_order_is_that_of_receipt_with_a_tick_each_second(tmp_path: Path) -> None:
    records = list(sequence(read(e4_folder(tmp_path / "S1"))))
    received = [record.recv_ns for record in records]
    assert received == sorted(received)
    ticks = [record.t_ns // NS - 1644829925 for record in records if isinstance(record, Tick)]
    assert ticks == list(range(1, 25))


def test_tags_become_markers(tmp_path: Path) -> None:
    folder = e4_folder(tmp_path / "S1", tags="1644829930.25\n")
    assert read(folder).markers == ((5_250_000_000, "tag"),)


def test_an_empty_ibi_file_is_a_session_without_beats(tmp_path: Path) -> None:
    recording = read(e4_folder(tmp_path / "S1", IBI=""))
    assert recording.of("e4", "rr_ms") is None


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"EDA": ""}, r"EDA.csv, line 1: a start in unix seconds .* expected"),
        ({"EDA": "then\n4.0\n0.5\n"}, r"EDA.csv, line 1: a start in unix seconds .* not 'then'"),
        ({"EDA": "nan\n4.0\n0.5\n"}, r"EDA.csv, line 1: a start in unix seconds"),
        ({"EDA": "-5\n4.0\n0.5\n"}, r"EDA.csv, line 1: a start in unix seconds"),
        ({"EDA": "1644829925.0\n0\n0.5\n"}, r"EDA.csv, line 2: a rate above 0 .* not '0'"),
        ({"EDA": "1644829925.0\n1e9\n0.5\n"}, r"EDA.csv, line 2: a rate above 0 and up to 1000 Hz"),
        ({"EDA": "1644829925.0\ninf\n0.5\n"}, r"EDA.csv, line 2: a rate in Hz was expected"),
        ({"EDA": "1644829925.0\n4\n0.5\nlow\n"}, r"EDA.csv, line 4: a number .* not 'low'"),
        ({"EDA": "1644829925.0\n4\n0.5\n\n0.5\n"}, r"EDA.csv, line 4: a number .* not ''"),
        ({"EDA": "1644829925.0\n4\n0.5\nnan\n"}, r"EDA.csv, line 4: a number .* not 'nan'"),
        ({"EDA": "1644829925.0\n4\n0.5\n1e999\n"}, r"EDA.csv, line 4: a number"),
        ({"EDA": "1644829925.0\n4\n0.5\n1,2\n"}, r"EDA.csv, line 4: a number .* not '1,2'"),
        ({"ACC": "1644829925.0\n32\n1,2\n"}, r"ACC.csv, line 3: 3 numbers parted by commas"),
        ({"IBI": "1644829925.0, IBI\n2.0\n"}, r"IBI.csv, line 2: 2 numbers parted by commas"),
        ({"IBI": "1644829925.0, IBI\n-2.0,0.7\n"}, r"IBI.csv, line 2: a later time"),
        ({"IBI": "1644829925.0, IBI\n2.0,0.7\n2.0,0.7\n"}, r"IBI.csv, line 3: a later time"),
        ({"IBI": "1644829925.0, IBI\n2.0,0\n"}, r"IBI.csv, line 2: .* an interval above 0"),
        ({"IBI": "1644829925.0, IBI\n2.0,61\n"}, r"IBI.csv, line 2: .* up to 60 s"),
        ({"IBI": "1644829925.0, IBI\n2000000.0,0.7\n"}, r"spans 23.1 days .* at most 14 days"),
        ({"IBI": "1644829925.0, IBI\n1e14,0.7\n"}, r"IBI.csv: spans .* at most 14 days"),
        ({"EDA": "1644829925.0\n1e-300\n1\n1\n"}, r"EDA.csv: spans .* at most 14 days"),
        ({"ACC": "1644829925.0,1,1\n32,1,1\n1,1,1e308\n"}, r"ACC.csv, line 3: 3 numbers"),
        ({"HR": "1744829925.0\n1\n80\n"}, r"HR.csv, line 1: a start on the day of"),
    ],
)
def test_damage_is_one_sentence_with_file_and_line(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    folder = e4_folder(tmp_path / "S1", **files)
    with pytest.raises(RecordingError, match=sentence) as caught:
        read(folder)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_folder_without_e4_files_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no Empatica E4 session: at least one of EDA.csv"):
        read(tmp_path)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_real_session_is_read_whole(subject: str) -> None:
    folder = shared_data("stress_predict", subject)
    recording = read(folder)
    assert 3000 < recording.duration_s < 3700
    hr = of(recording, "hr_bpm")
    assert hr.t_ns[0] == 10 * NS
    assert 50 < np.median(hr.values) < 110
    # The E4's beats lie on a grid of 1/64 s: a break is never mistaken for a rounded interval.
    rr = of(recording, "rr_ms")
    step_ns = np.diff(rr.t_ns) - np.rint(rr.values[1:] * 1e6)
    chain = recording.chain(rr)
    assert np.abs(step_ns[chain[1:]]).max() <= 1000
    assert (np.abs(step_ns[~chain[1:]]) > 10_000_000).all()
    told = sum(len(record.rr_ms) for record in sequence(recording) if isinstance(record, Heart))
    assert told == rr.t_ns.size
