"""Labelled recordings as cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from helpers_real import shared_data
from helpers_recording import e4_folder
from vagalwatch.evaluate.labelled import intervals, stress_predict
from vagalwatch.evaluate.peers import heart_rate
from vagalwatch.evaluate.score import Event
from vagalwatch.sensors.recording import RecordingError

if TYPE_CHECKING:
    from pathlib import Path


def layout(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    e4_folder(folder / "S01")
    text = "\n".join(["subject,phase,stress,start_s,end_s", *rows])
    (folder / "labels.csv").write_text(text + "\n")
    return folder


def test_phases_are_cut_at_the_recordings_end_and_the_rests_are_watched(tmp_path: Path) -> None:
    rows = ("S01,baseline,0,0,8", "S01,talk,1,8,12", "S01,relax1,0,12,300", "S01,quiz,,300,400")
    (case,) = stress_predict(layout(tmp_path, *rows))
    person, truth = case.load()
    assert [(p.name, p.load, p.from_s) for p in truth.phases] == [
        ("baseline", "rest", 0),
        ("talk", "task", 8),
        ("relax1", "rest", 12),
    ]
    assert truth.phases[-1].to_s == person.duration_s < 21
    assert [p.name for p in truth.watch] == ["baseline", "relax1"]
    assert list(person.baseline_s) == list(truth.baseline_s) == [0, 8]
    assert truth.who == "S01"


def test_the_rules_are_told_what_the_device_showed(tmp_path: Path) -> None:
    """The recording has a rate of its own making in the place of HR.csv; people have HR.csv."""
    (case,) = stress_predict(layout(tmp_path, "S01,baseline,0,0,8"))
    person, _ = case.load()
    t_s, bpm = person.device_hr_bpm
    assert t_s.tolist() == list(range(10, 20))  # HR.csv starts 10 s after the others
    assert set(bpm.tolist()) == {80.0}
    assert np.isnan(heart_rate(person)[0])
    assert heart_rate(person)[2] == 80


def test_a_baseline_outside_of_the_recording_is_one_sentence(tmp_path: Path) -> None:
    (case,) = stress_predict(layout(tmp_path, "S01,talk,1,30,60"))
    assert case.load().person.baseline_s[0] == 0
    (case,) = stress_predict(layout(tmp_path / "b", "S01,baseline,0,30,60"))
    assert case.load().person.baseline_s[0] == 0  # not there: the usual one


def test_a_recording_without_a_row_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t_s,signal,value\n1,eda_us,2\n")
    (tmp_path / "labels.csv").write_text("recording,label,start_s,end_s\na.csv,stairs,0,3\n")
    (case,) = intervals(tmp_path, "stairs")
    with pytest.raises(RecordingError, match=r"a\.csv is shorter than the 5 s of one row"):
        case.load()


@pytest.mark.parametrize("row", ["S01,talk,2,0,5", "S01,talk,yes,0,5"])
def test_stress_is_1_0_or_empty(tmp_path: Path, row: str) -> None:
    with pytest.raises(RecordingError, match=r"labels\.csv, line 2: stress 1, 0 or empty"):
        stress_predict(layout(tmp_path, row))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{head}\nS01,ba\rseline,0,0,8\n", r"labels\.csv, line 2: a row of CSV was expected"),
        ('{head}\n"' + "a\n" * 100_000, r"a row of CSV was expected"),
        ('"{head}"\nS01,baseline,0,0,8\n', r"labels\.csv, line 1: the columns"),
        ("{head}\nS01\n", r"labels\.csv, line 2: start_s in seconds"),
        ("{head}\n\0,baseline,0,0,8\n", r"the name of a recording beside it"),
        ("{head}\n" + "a" * 4000 + ",baseline,0,0,8\n", r"the name of a recording beside it"),
        ("{head}\n../S01,baseline,0,0,8\n", r"the name of a recording beside it"),
    ],
)
def test_labels_that_are_damaged_are_one_sentence(
    tmp_path: Path, content: str, sentence: str
) -> None:
    folder = layout(tmp_path)
    text = content.replace("{head}", "subject,phase,stress,start_s,end_s")
    (folder / "labels.csv").write_bytes(text.encode())
    with pytest.raises(RecordingError, match=sentence):
        stress_predict(folder)


def test_all_subjects_beside_the_clone_have_three_tasks_between_rests() -> None:
    cases = stress_predict(shared_data("stress_predict"))
    assert len(cases) == 13
    for case in cases:
        assert [p.name for p in case.phases if p.load == "task"] == [
            "stroop",
            "interview",
            "hyperventilation",
        ]


def test_stretches_are_traps_and_what_is_to_be_found_is_an_event(tmp_path: Path) -> None:
    e4_folder(tmp_path / "monday")
    (tmp_path / "labels.csv").write_text(
        "recording,label,start_s,end_s,person\nmonday,baseline,0,8,Ada\nmonday,valsalva,9,11,Ada\n"
        "monday,safety,12,15,Ada\n"
    )
    (case,) = intervals(tmp_path, "valsalva")
    person, truth = case.load()
    assert (truth.who, truth.phases) == ("Ada", ())
    assert [(p.name, p.from_s, p.to_s) for p in truth.marked] == [("valsalva", 9, 11)]
    assert truth.events == (Event("safety", 12, 15, crossed_s=12),)
    assert [(p.from_s, p.to_s) for p in truth.watch] == [(0, person.duration_s)]
    assert person.baseline_s == (0, 8)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "a.csv,flooding,9000,12000",
            r"labels\.csv, line 3: an end_s within .*, not 12000 \(milliseconds for seconds\?\)\.",
        ),
        (
            "a.csv,sitting,9,21",
            r"line 3: an end_s within the 20\.0 s of 'a\.csv' was expected, not 21\.",
        ),
        ("a.csv,stairs,1e9,2e9", r"not 2000000000\."),
    ],
)
def test_a_stretch_that_ends_after_the_recording_is_not_dropped_but_refused(
    tmp_path: Path, row: str, sentence: str
) -> None:
    (tmp_path / "a.csv").write_text("t_s,signal,value\n1,eda_us,2\n20,eda_us,2\n")
    (tmp_path / "labels.csv").write_text(
        f"recording,label,start_s,end_s\na.csv,stairs,5,20\n{row}\n"
    )
    (case,) = intervals(tmp_path, "stairs")
    with pytest.raises(RecordingError, match=sentence):
        case.load()


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("a.csv,coffee,1,3,", "at least one stretch with the label stairs was expected"),
        ("a.csv,,1,3,", "line 2: a label was expected"),
        ("a.csv,stairs,1,3,ada\na.csv,stairs,4,6,ben", "line 3: one person a recording"),
    ],
)
def test_a_folder_without_what_the_suite_is_about_is_one_sentence(
    tmp_path: Path, row: str, sentence: str
) -> None:
    (tmp_path / "a.csv").write_text("t_s,signal,value\n1,eda_us,2\n")
    (tmp_path / "labels.csv").write_text(f"recording,label,start_s,end_s,person\n{row}\n")
    with pytest.raises(RecordingError, match=sentence):
        intervals(tmp_path, "stairs")
