"""The examples in docs/evaluate.md are what anybody would start from: they run as they stand."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers_cli import call
from vagalwatch.evaluate.detector import ROW_S, Person, load
from vagalwatch.evaluate.page import _NOTES
from vagalwatch.evaluate.report import LINES
from vagalwatch.sensors.simulated.traps import TRAPS

DOCS = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text()


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The examples as one module in the working directory."""
    monkeypatch.chdir(tmp_path)
    name = "examples_of_the_docs"
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOCS, flags=re.DOTALL))
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return name


def test_both_examples_stand_in_a_report(examples: str) -> None:
    words = ["evaluate", "--seeds", "0:2", "--story", "flooding-strong", "--jobs", "1", "--json"]
    words += ["--detector", f"{examples}:Simple", "--detector", f"{examples}:Boosted"]
    report: Any = call(*words).json
    simple, boosted = report["detectors"][-2:]
    assert (simple["name"], boosted["name"]) == ("HR over 90", "boosted trees")
    assert simple["figures"]["found.flooding"]["value"] == 1
    assert simple["figures"]["unknown"]["value"] < 0.05
    assert boosted["figures"]["loc"]["value"] > 0.8  # the level of the skin is higher in flooding
    assert not simple["looks_ahead"]
    assert not boosted["looks_ahead"]


def test_the_example_is_as_short_as_promised(examples: str) -> None:
    detector: Any = load(f"{examples}:Simple")
    assert detector.name == "HR over 90"
    code = DOCS.split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 14


def test_the_docs_name_what_there_is() -> None:
    for member in (
        "beats",
        "hr_bpm",
        "device_hr_bpm",
        "eda_us",
        "acc_mg",
        "row_t_s",
        "baseline_s",
        "recording",
    ):
        assert f"| `person.{member}` |" in DOCS
        assert hasattr(Person, member) or member in Person.__dataclass_fields__
    assert f"for each {ROW_S} s" in DOCS
    for _, words, _ in LINES:
        word = words.removeprefix("… ").split(":")[0].split(",")[0].split(" ")[-1]
        assert word in DOCS, words
    assert f"{len(TRAPS)} stories" in DOCS
    assert set(_NOTES) == {"Arousal", "Events", "False alerts", "Timelines"}
