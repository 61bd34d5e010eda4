"""`vagalwatch evaluate` from end to end."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from helpers_cli import call
from helpers_real import shared_data
from helpers_recording import heart
from vagalwatch.evaluate import report as reporting
from vagalwatch.export import tidy

if TYPE_CHECKING:
    from pathlib import Path

PEERS = ["vagalwatch", "HR > 100", "HR > 110 %", "random forest", "clock"]


def two_subjects(folder: Path) -> Path:
    source = shared_data("stress_predict")
    folder.mkdir()
    rows = (source / "labels.csv").read_text().splitlines()
    kept = [row for row in rows if row.startswith(("subject", "S03", "S19"))]
    (folder / "labels.csv").write_text("\n".join(kept) + "\n")
    for name in ("S03", "S19"):
        shutil.copytree(source / name, folder / name)
    return folder


@pytest.mark.slow
def test_stress_predict_of_two_people_gives_every_detector_and_its_interval(tmp_path: Path) -> None:
    folder = two_subjects(tmp_path / "data")
    told = call("evaluate", "stress-predict", folder, "--jobs", "1", "--json")
    report = told.json
    assert told.code == 0
    assert (report["people"], report["recordings"]) == (2, 2)
    assert [one["name"] for one in report["detectors"]] == PEERS
    by_name = {one["name"]: one for one in report["detectors"]}
    clock = by_name["clock"]["figures"]
    assert clock["loc"] == {"value": 0.5, "low": 0.5, "high": 0.5, "people": 2}
    assert clock["auc"]["value"] > 0.7  # the cheat that LOC sees through
    assert clock["unknown"]["value"] == 1.0
    ours = by_name["vagalwatch"]
    assert 0 < ours["figures"]["loc"]["value"] < 1
    assert set(ours["task_loc"]) == {"stroop", "interview", "hyperventilation"}
    # The rules share one heart rate: LOC does not see the threshold.
    assert by_name["HR > 100"]["figures"]["loc"] == by_name["HR > 110 %"]["figures"]["loc"]
    assert not by_name["clock"]["may_have_learnt_the_protocol"]


@pytest.mark.slow
def test_two_simulated_stories_with_two_people(tmp_path: Path) -> None:
    words = ["evaluate", "simulated", "--seeds", "0:2", "--jobs", "1"]
    words += ["--story", "flooding-strong", "--story", "posture", "--out", str(tmp_path), "--json"]
    report = call(*words).json
    assert (report["people"], report["recordings"]) == (2, 4)
    assert "development seeds" in report["about"]
    assert report == json.loads((tmp_path / "report.json").read_text())
    by_name = {one["name"]: one for one in report["detectors"]}
    assert list(by_name) == PEERS
    assert not any(one["looks_ahead"] for one in by_name.values())
    ours = by_name["vagalwatch"]
    assert ours["figures"]["found.flooding"] == {"value": 1, "low": 1, "high": 1, "people": 2}
    assert 0 < ours["figures"]["latency_s.flooding.median"]["value"] < 60
    assert "found.flooding" not in ours["stories"]["posture"]
    # Standing up takes anybody's heart over 110 % of the rate at rest for half a minute.
    assert by_name["HR > 110 %"]["stories"]["posture"]["false_per_h"]["value"] > 3
    assert by_name["clock"]["figures"]["loc"]["value"] == 0.5
    assert by_name["clock"]["figures"]["found.flooding"]["value"] == 0
    page = (tmp_path / "report.html").read_text()
    assert page.count("<figure>") >= 6
    assert "<script" not in page
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert links
    assert all(link.startswith("data:") for link in links)  # nothing from elsewhere
    again = tmp_path / "again"
    assert call(*words[:-2], str(again), "--json").json == report
    assert (again / "report.html").read_text() == page


def marked(folder: Path) -> Path:
    """One recording in which the heart goes to 112 for four minutes, marked as stairs."""
    folder.mkdir()
    tidy.write(heart([(8, 70), (4, 112), (6, 70)], eda=False), folder / "a.csv")
    (folder / "labels.csv").write_text(
        "recording,label,start_s,end_s\na.csv,baseline,60,400\na.csv,stairs,480,720\n"
        "a.csv,sitting,800,1000\n"
    )
    return folder


def test_marked_stretches_are_counted_and_their_alerts_are_false(tmp_path: Path) -> None:
    report = call("evaluate", "stairs", marked(tmp_path / "data"), "--json").json
    figures = report["detectors"][1]["figures"]
    assert report["detectors"][1]["name"] == "HR > 100"
    assert figures["in_marked.flooding"]["value"] == 0.5  # of the two marked stretches
    assert figures["in_marked.safety"]["value"] == 0
    by_label = report["detectors"][1]["marked"]
    assert by_label["stairs"]["in_marked.flooding"]["value"] == 1
    assert by_label["sitting"]["in_marked.flooding"]["value"] == 0
    assert figures["false_per_h"]["value"] == pytest.approx(1 / 0.3, rel=0.01)  # one in 18 min
    # One class teaches nothing, so there is no forest, and the report says so.
    assert [one["name"] for one in report["detectors"]] == [*PEERS[:3], "clock"]
    assert report["untaught"] == ["random forest"]


def test_what_is_labelled_as_flooding_is_to_be_found(tmp_path: Path) -> None:
    """A heart at 112 for four minutes, this time because somebody floods; a Valsalva later."""
    folder = marked(tmp_path / "data")
    (folder / "labels.csv").write_text(
        "recording,label,start_s,end_s\na.csv,baseline,60,400\na.csv,flooding,480,720\n"
        "a.csv,valsalva,900,915\n"
    )
    report = call("evaluate", "valsalva", folder, "--json").json
    for one in report["detectors"][:3]:
        figures = one["figures"]
        assert figures["found.flooding"]["value"] == 1, one["name"]
        assert 0 <= figures["latency_s.flooding.median"]["value"] <= 90
        assert figures["false_per_h.flooding"]["value"] == 0
        assert one["marked"]["valsalva"]["in_marked.safety"]["value"] == 0
    assert report["detectors"][-1]["figures"]["found.flooding"]["value"] == 0  # the clock


def test_a_detector_of_ones_own_stands_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_detector.py").write_text(
        "class Mine:\n"
        "    name = 'mine'\n"
        "    def detect(self, person):\n"
        "        return [(t, 1.0, 'settled') for t in person.row_t_s], [('safety', 500.0)]\n"
    )
    told = call("evaluate", "stairs", marked(tmp_path / "data"), "--detector", "mine_detector:Mine",
                "--json")  # fmt: skip
    mine = told.json["detectors"][-1]
    assert mine["name"] == "mine"
    assert mine["figures"]["in_marked.safety"]["value"] == 0.5
    assert mine["figures"]["unknown"]["value"] == 0


def test_the_table_and_the_files(tmp_path: Path) -> None:
    told = call("evaluate", "stairs", marked(tmp_path / "data"), "--out", tmp_path / "out")
    assert told.code == 0
    assert "1 people, 1 recordings, 0.3 hours" in told.out
    assert "false alerts an hour watched" in told.out
    assert "stairs, with flooding" in told.out
    assert "random forest: could not be taught here" in told.out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["suite"] == "stairs"


def test_valsalvas_within_a_hole_are_not_judged_in_the_table_and_in_json(tmp_path: Path) -> None:
    """They stood there as two of two in which nobody was fooled."""
    folder = marked(tmp_path / "data")
    head, *samples = (folder / "a.csv").read_text().splitlines()
    kept = [row for row in samples if not 750 < float(row.split(",")[0]) < 960]
    (folder / "a.csv").write_text("\n".join([head, *kept]) + "\n")
    (folder / "labels.csv").write_text(
        "recording,label,start_s,end_s\na.csv,valsalva,800,815\na.csv,valsalva,860,875\n"
    )
    report = call("evaluate", "valsalva", folder, "--json").json
    for one in report["detectors"]:
        told = one["marked"]["valsalva"]
        assert told["marked_not_judged"]["value"] == 2, one["name"]
        assert told["in_marked.flooding"]["value"] is None
    table = call("evaluate", "valsalva", folder).out
    (shares,) = (line for line in table.splitlines() if "valsalva, with flooding" in line)
    assert shares.split() == ["valsalva,", "with", "flooding"]
    (counts,) = (line for line in table.splitlines() if "valsalva, not judged" in line)
    assert counts.split() == ["valsalva,", "not", "judged", "2", "2", "2", "2"]


def test_a_label_in_milliseconds_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = marked(tmp_path / "data")
    with (folder / "labels.csv").open("a") as file:
        file.write("a.csv,flooding,480000,490000\n")
    said = call("evaluate", "stairs", folder, "--out", tmp_path / "out").sentence(2)
    assert "labels.csv, line 5: an end_s within" in said
    assert "not 490000 (milliseconds for seconds?)" in said
    assert "a.csv" in said


def test_the_picture_of_events_that_nobody_found_has_every_detector_on_zero(
    tmp_path: Path,
) -> None:
    """Left out, they left matplotlib a legend of nothing, of which it warned the person."""
    folder = marked(tmp_path / "data")
    (folder / "labels.csv").write_text(
        "recording,label,start_s,end_s\na.csv,stairs,480,720\na.csv,shutdown,800,1000\n"
    )
    told = call("evaluate", "stairs", folder, "--out", tmp_path / "out")
    assert told.code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    (picture,) = (
        base64.b64decode(svg).decode()
        for svg in re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
        if b"events found" in base64.b64decode(svg)
    )
    untaught = PEERS[3]
    assert [name for name in PEERS if f">{html.escape(name)}<" in picture] == [
        name for name in PEERS if name != untaught
    ]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (None, "There is no labels.csv in"),
        ("", "labels.csv, line 1: the columns"),
        ("recording,label\n", "labels.csv, line 1: the columns"),
        ("recording,label,start_s,end_s\n", "at least one labelled phase"),
        ("recording,label,start_s,end_s\na.csv,x,9,3\n", "line 2: start_s from 0 and an end_s"),
        ("recording,label,start_s,end_s\na.csv,x,now,3\n", "line 2: start_s in seconds"),
        ("recording,label,start_s,end_s\nb.csv,x,1,3\n", "names “b.csv”, which is not in"),
        ("recording,label,start_s,end_s\n../a.csv,x,1,3\n", "a recording beside it was expected"),
    ],
)
def test_bad_labels_are_one_sentence(tmp_path: Path, labels: str | None, sentence: str) -> None:
    if labels is not None:
        (tmp_path / "labels.csv").write_text(labels)
    assert sentence in call("evaluate", "stairs", tmp_path).sentence(2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["moon"], "There is no suite “moon”; there are"),
        (["stairs"], "The suite stairs needs the folder of its recordings."),
        (["stairs", "/nowhere"], "There is no folder /nowhere."),
        (["--seeds", "1"], "“1” are no seeds; give FIRST:END, such as 0:20."),
        (["--seeds", "5:5"], "“5:5” are no seeds; give FIRST:END, such as 0:20."),
        (["--story", "moon"], "There is no story “moon”; there are conversation, speech"),
    ],
)
def test_bad_words_are_one_sentence(words: list[str], sentence: str) -> None:
    assert sentence in call("evaluate", *words).sentence(2)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "names no detector; give module:object."),
        ("no_such_module:It", "cannot be loaded: No module named"),
        ("json:Nothing", "cannot be loaded: module 'json' has no attribute"),
        ("json:dumps", "is no detector; a name and detect(person) were expected"),
        ("vagalwatch.evaluate.peers:Clock", "Two detectors are called “clock”."),
    ],
)
def test_a_detector_that_is_none_is_one_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    folder = marked(tmp_path / "data")
    assert sentence in call("evaluate", "stairs", folder, "--detector", name).sentence(2)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return [(7, 1.0, 'x')], []", "gave a row at 7 s; one of person.row_t_s was due."),
        ("return [], [(3, 'x')]", "gave an alert"),
        (
            "return 1 / 0",
            "on a.csv: division by zero (ZeroDivisionError in broken_one.py, line 4).",
        ),
    ],
)
def test_a_detector_that_breaks_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_one.py").write_text(
        f"class It:\n    name = 'broken'\n    def detect(self, person):\n        {body}\n"
    )
    monkeypatch.delitem(sys.modules, "broken_one", raising=False)
    folder = marked(tmp_path / "data")
    found = call("evaluate", "stairs", folder, "--detector", "broken_one:It")
    assert sentence in found.sentence(2)


def test_what_a_report_cannot_be_written_with_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = marked(tmp_path / "data")
    monkeypatch.setattr(reporting, "evaluate", lambda *_, **__: pytest.fail("too late"))
    told = call("evaluate", "stairs", folder, "--out", folder / "a.csv")
    assert "a.csv: File exists." in told.sentence(2)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = call("evaluate", "stairs", folder, "--out", tmp_path / "out")
    assert "need the extra “research”" in told.sentence(2)


def test_without_scikit_learn_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    told = call("evaluate", "stairs", marked(tmp_path / "data"))
    assert "needs the extra “research”" in told.sentence(2)
