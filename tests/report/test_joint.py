"""A session of two out of a journal: nothing before both consents, and only what was in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from helpers_couple import agrees
from helpers_report import END_NS, agreed, chest_strap, journal, two
from vagalwatch.alerts import consents, words
from vagalwatch.alerts.consents import ConsentError
from vagalwatch.journal.walltime import moved
from vagalwatch.records import (
    BreakPhase,
    BreakStep,
    ClockStep,
    Device,
    Estimate,
    Heart,
    Record,
    Session,
    Setting,
    State,
)
from vagalwatch.report import joint_page
from vagalwatch.report.gather import ReportError
from vagalwatch.report.joint import read_joint
from vagalwatch.report.speech import Speech
from vagalwatch.sessions import LONGEST_NS

if TYPE_CHECKING:
    from pathlib import Path

NS = 1_000_000_000
SPEECH = Speech("en", words.lines(), UTC)


def test_what_is_told_of_a_hard_talk(tmp_path: Path) -> None:
    figures, page = joint_page.report(
        journal(tmp_path / "j.sqlite", two()), "alex", "sam", None, SPEECH
    )
    json.dumps(figures, allow_nan=False)
    (round_,) = figures["rounds"]
    assert round_["kinds"] == (("flooding",), ("shutdown",))
    assert round_["onset"]["first"] == "one"
    assert [move["what"] for move in figures["moves"][:4]] == [
        "flooding",
        "prompted-break",
        "shutdown",
        "prompted-break",
    ]
    assert figures["linkage"]["p"] > 0.05  # the two bodies know nothing of each other
    assert "Not more than chance would have it" in page
    assert "Start of the talk" in page


def test_seen_from_the_other_it_is_the_same_turned_round(tmp_path: Path) -> None:
    path = journal(tmp_path / "j.sqlite", two())
    one, _ = joint_page.report(path, "alex", "sam", None, SPEECH)
    other, _ = joint_page.report(path, "sam", "alex", None, SPEECH)
    assert other["moves"] == one["moves"]
    assert other["rounds"][0]["onset"]["after_s"] == -one["rounds"][0]["onset"]["after_s"]


@pytest.mark.parametrize("missing", range(4))
def test_without_both_consents_nothing_is_read(missing: int, tmp_path: Path) -> None:
    records = two_short()
    del records[missing]
    path = journal(tmp_path / "j.sqlite", records)
    with pytest.raises(ConsentError, match="can't be looked at together"):
        read_joint(path, "alex", "sam")


def test_a_consent_taken_back_after_the_session_closes_it(tmp_path: Path) -> None:
    nothing = Setting(
        wearer="alex",
        t_ns=END_NS,
        recv_ns=END_NS,
        key="consent-joint",
        value='{"to": [], "text": 1}',
    )
    path = journal(tmp_path / "j.sqlite", [*two_short(), nothing])
    with pytest.raises(ConsentError, match="can't be looked at together"):
        read_joint(path, "alex", "sam")


def test_of_a_session_in_which_a_consent_was_taken_back_the_rest_is_not_read(
    tmp_path: Path,
) -> None:
    """Also when it is given again: what came in between, and after, was not agreed to."""
    records = two_short()
    start = next(i for i, each in enumerate(records) if isinstance(each, Session))
    taken = start + 1 + 40  # after twenty rows of each
    t_ns = records[taken - 1].recv_ns
    records.insert(taken, agrees("sam", consents.JOINT, t_ns, yes=False))
    records.insert(taken + 20, agrees("sam", consents.JOINT, t_ns + 50 * NS))
    told = read_joint(journal(tmp_path / "j.sqlite", records), "alex", "sam")
    assert [len(track.rows) for track in told.tracks] == [20, 20]
    assert told.end_ns == t_ns


def two_short(*, stopped: bool = True, rows: int = 60) -> list[Record]:
    """A link, both consents, and some rows before, in and after a session."""
    start_ns = END_NS - 3600 * NS
    names = ("alex", "sam")

    def row(who: str, t_ns: int) -> Estimate:
        return Estimate(wearer=who, t_ns=t_ns, recv_ns=t_ns + 3 * NS, state=State.SETTLED)

    before = [row(who, start_ns - 60 * NS) for who in names]
    within = [row(who, start_ns + i * 5 * NS) for i in range(1, rows + 1) for who in names]
    end_ns = start_ns + (rows + 1) * 5 * NS
    after = [row(who, end_ns + 60 * NS) for who in names]
    begun = Session(t_ns=start_ns, recv_ns=start_ns, session="one", started=True, wearers=names)
    over = replace(begun, t_ns=end_ns, recv_ns=end_ns, started=False)
    end: list[Record] = [over] if stopped else []
    return [*agreed("alex", "sam", start_ns - NS), *before, begun, *within, *end, *after]


def test_only_what_came_between_start_and_stop(tmp_path: Path) -> None:
    told = read_joint(journal(tmp_path / "j.sqlite", two_short()), "alex", "sam", "one")
    assert [len(track.rows) for track in told.tracks] == [60, 60]
    assert told.end_ns - told.start_ns == 305 * NS


def test_one_that_nobody_stopped_is_read_for_three_hours_and_no_longer(tmp_path: Path) -> None:
    rows = LONGEST_NS // (5 * NS)
    told = read_joint(
        journal(tmp_path / "j.sqlite", two_short(stopped=False, rows=rows + 100)), "alex", "sam"
    )
    assert max(row.recv_ns for track in told.tracks for row in track.rows) <= (
        told.start_ns + LONGEST_NS
    )
    assert len(told.tracks[0].rows) == rows - 1  # the last one was known 3 s later


def test_a_session_of_others_is_none_of_theirs(tmp_path: Path) -> None:
    records = [replace(r, wearers=("alex",)) if isinstance(r, Session) else r for r in two_short()]
    path = journal(tmp_path / "j.sqlite", records)
    with pytest.raises(ReportError, match=r"there are: none\."):
        read_joint(path, "alex", "sam")


def test_a_session_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = journal(tmp_path / "j.sqlite", two_short())
    with pytest.raises(ReportError, match=r"there are: one\."):
        read_joint(path, "alex", "sam", "two")


@pytest.mark.parametrize(
    ("model", "source", "too_late"),
    [
        ("Polar H10", "strap", []),
        ("Wrist 1", "strap", ["alex"]),
        ("Wrist 1", "wrist", ["alex"]),
    ],
)
def test_a_strap_of_two_years_ago_lends_no_order_to_the_wrist_of_today(
    model: str, source: str, too_late: list[str], tmp_path: Path
) -> None:
    """Any measured sensor that was ever worn made the order of a late one look certain."""
    records = two()
    start = next(i for i, each in enumerate(records) if isinstance(each, Session))
    mine = [r for r in records if isinstance(r, Heart | Device) and r.wearer == "alex"]
    records = [r for r in records if r not in mine]
    records[start + 1 : start + 1] = chest_strap("alex", records[start].recv_ns, model, source)
    old = chest_strap("alex", END_NS - 2 * 365 * 86_400 * NS)
    figures, page = joint_page.report(
        journal(tmp_path / "j.sqlite", [*old, *records]), "alex", "sam", None, SPEECH
    )
    assert figures["too_late"] == too_late
    (round_,) = figures["rounds"]
    assert round_["onset"]["first"] == (None if too_late else "one")
    assert (round_["onset"]["low_s"] is None) == bool(too_late)
    assert ("may be too late to say (alex)" in page) == bool(too_late)


def test_without_beats_there_is_no_order(tmp_path: Path) -> None:
    """A device that says what it is and gives no beat is not where the rows are from."""
    told = read_joint(journal(tmp_path / "j.sqlite", two_short()), "alex", "sam")
    assert told.too_late == ("alex", "sam")


def test_times_are_the_walls_though_the_clock_was_put_right(tmp_path: Path) -> None:
    """A Raspberry Pi that started in the past: durations stay, dates are mended."""
    step = ClockStep(t_ns=END_NS, recv_ns=END_NS, delta_ns=7200 * NS)
    figures, _ = joint_page.report(
        journal(tmp_path / "j.sqlite", [*two_short(), step]), "alex", "sam", None, SPEECH
    )
    assert figures["start_ns"] == END_NS - 3600 * NS + 7200 * NS
    assert figures["end_ns"] - figures["start_ns"] == 305 * NS


@pytest.mark.parametrize("behind_ns", [5 * 3600 * NS, -5 * 3600 * NS, -365 * 86_400 * NS])
def test_over_a_restart_it_is_read_by_the_walls_time(behind_ns: int, tmp_path: Path) -> None:
    """The first run's clock was put right: what came after the restart was left out or never over.

    The second run has forty rows of each in the session and goes on, unstopped, for four hours.
    """
    records = two_short(stopped=False, rows=60)
    start = next(i for i, each in enumerate(records) if isinstance(each, Session))
    restart = start + 1 + 40
    first = [moved(record, lambda t_ns: t_ns - behind_ns) for record in records[:restart]]
    step = ClockStep(t_ns=first[-1].t_ns, recv_ns=first[-1].recv_ns, delta_ns=behind_ns)
    late = [moved(record, lambda t_ns: t_ns + 4 * 3600 * NS) for record in records[-2:]]
    journal(tmp_path / "j.sqlite", [*first, step])
    path = journal(tmp_path / "j.sqlite", [*records[restart:-2], *late])
    told = read_joint(path, "alex", "sam")
    assert told.start_ns == END_NS - 3600 * NS
    assert [len(track.rows) for track in told.tracks] == [60, 60]
    assert told.tracks[0].rows[-1].t_ns == told.start_ns + 300 * NS


def test_what_was_declined_is_nobody_elses_business(tmp_path: Path) -> None:
    records = two_short()
    offer = BreakStep(
        wearer="sam",
        t_ns=END_NS - 3500 * NS,
        recv_ns=END_NS - 3500 * NS,
        id="b",
        phase=BreakPhase.OFFERED,
        began_ns=END_NS - 3500 * NS,
        until_ns=END_NS - 3500 * NS,
        origin="prompt",
    )
    records[20:20] = [offer, replace(offer, phase=BreakPhase.DECLINED)]
    figures, page = joint_page.report(
        journal(tmp_path / "j.sqlite", records), "alex", "sam", None, SPEECH
    )
    assert figures["moves"] == []
    assert "Nothing to show." in page
