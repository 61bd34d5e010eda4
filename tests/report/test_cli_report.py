"""`vagalwatch report` from end to end, and what it refuses."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helpers_cli import call
from helpers_couple import agrees
from helpers_report import END_NS, configuration, evening, journal, shown, two
from vagalwatch.alerts import consents
from vagalwatch.records import Marker, Setting

if TYPE_CHECKING:
    from pathlib import Path

NS = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ada's last evening, and settings of a couple."""
    now_ns = time.time_ns() // (5 * NS) * (5 * NS)
    records = evening("ada", now_ns - 3 * 3600 * NS, np.random.default_rng(1), 8.0, 1)
    wish = Setting(
        wearer="ada",
        t_ns=END_NS,
        recv_ns=END_NS,
        key="agreed-other-place",
        value='"Sam in the kitchen"',
    )
    mine = Setting(wearer="ada", t_ns=END_NS, recv_ns=END_NS, key="agreed-sign", value='"Red card"')
    journal(tmp_path / "home.sqlite", [*records, wish, mine, shown("ada")])
    configuration(tmp_path, "ada", "sam")
    return tmp_path


def test_one_person(folder: Path) -> None:
    out = folder / "ada.html"
    told = call("report", "ada", "--out", out, "--json", "--config", folder / "vagalwatch.toml")
    assert told.code == 0, told
    assert told.json["own_breaks"] + told.json["prompted_breaks"] == 1
    assert [part["head"] for part in told.json["note"]] == ["Data", "Assessment", "Plan"]
    page = out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600
    assert page.count("<svg") >= 2
    assert "Left blank. It is yours to write." in page
    assert "Red card" in page
    assert "kitchen" not in page, "what the other does is not in this person's chart"


def test_nothing_is_fetched_and_nothing_runs(folder: Path) -> None:
    out = folder / "ada.html"
    call("report", "ada", "--out", out, "--config", folder / "vagalwatch.toml")
    page = out.read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page)


def test_soap_has_its_parts(folder: Path) -> None:
    told = call("report", "ada", "--json", "--note", "soap", "--config", folder / "vagalwatch.toml")
    heads = [part["head"] for part in told.json["note"]]
    assert heads == ["Subjective", "Objective", "Assessment", "Plan"]
    assert told.json["note"][2]["lines"] == ["Left blank. It is yours to write."]


def test_what_cannot_be_done_is_one_sentence(folder: Path) -> None:
    config = ("--config", folder / "vagalwatch.toml")
    assert "--out" in call("report", "ada", *config).sentence(2)
    assert "holds nothing of “kim”" in call("report", "kim", "--json", *config).sentence(2)
    both = call("report", "ada", "sam", "--out", folder / "two.html", *config).sentence(2)
    assert "can't be looked at together" in both
    assert not (folder / "two.html").exists()
    over = call("report", "ada", "--out", folder / "home.sqlite", *config).sentence(2)
    assert "does not overwrite" in over
    for words in (("a", "b", "c"), ("ada", "--session", "one")):
        assert "of two and a session" in call("report", *words, "--json", *config).sentence(2)
    nowhere = folder / "no" / "such" / "x.html"
    assert "No such file" in call("report", "ada", "--out", nowhere, *config).sentence(2)


@pytest.mark.parametrize("said", [[], [True, False]], ids=["never asked", "taken back"])
def test_without_a_yes_to_the_therapist_nothing_is_made(tmp_path: Path, said: list[bool]) -> None:
    records = evening("ada", END_NS - 3600 * NS, np.random.default_rng(1), 8.0, 1)
    told = [agrees("ada", consents.THERAPIST, END_NS + n, yes=yes) for n, yes in enumerate(said)]
    # To be looked at together with another is another question.
    also = [agrees("ada", consents.JOINT, END_NS), agrees("sam", consents.THERAPIST, END_NS)]
    journal(tmp_path / "home.sqlite", [*records, *told, *also])
    out = tmp_path / "ada.html"
    config = configuration(tmp_path, "ada")
    sentence = call("report", "ada", "--weeks", "52", "--out", out, "--config", config).sentence(2)
    assert sentence.startswith("“ada” has not agreed to a report")
    assert "My therapist" in sentence
    assert not out.exists()


def test_two_people(tmp_path: Path) -> None:
    journal(tmp_path / "home.sqlite", two())
    config = configuration(tmp_path, "alex", "sam")
    out = tmp_path / "two.html"
    told = call("report", "alex", "sam", "--out", out, "--json", "--config", config)
    assert told.code == 0, told
    assert told.json["session"] == "one"
    assert "What came first" in out.read_text()


def test_names_and_words_cannot_break_the_page(tmp_path: Path) -> None:
    """A note is somebody's text."""
    records = two()
    for index, record in enumerate(records):
        if isinstance(record, Marker):
            records[index] = replace(record, text="<img src=x onerror=alert(1)>")
    journal(tmp_path / "home.sqlite", records)
    out = tmp_path / "two.html"
    call("report", "alex", "sam", "--out", out, "--config", configuration(tmp_path, "alex"))
    assert "<img" not in out.read_text()
    assert "&lt;img" in out.read_text()


def test_a_session_is_the_running_services(tmp_path: Path) -> None:
    told = call("session", "list", "--config", configuration(tmp_path, "ada"))
    assert "not running" in told.sentence(2)
