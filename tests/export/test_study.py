"""An export is for a study: of a journal it takes its wearer's yes, and holds came after it."""

from __future__ import annotations

import csv
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from helpers_couple import sets
from helpers_recording import e4_folder
from vagalwatch.alerts import consents
from vagalwatch.alerts.consents import RESEARCH, TABLE, ConsentError
from vagalwatch.export import FORMATS, SERIES, events, export
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import (
    AdverseEvent,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    Episode,
    EpisodeKind,
    Heart,
    Marker,
    Notice,
    Record,
    Run,
)
from vagalwatch.sensors.recording import RecordingError, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NS = 1_000_000_000
T0_NS = 1_790_000_000 * NS
END_S = 600
PURPOSE = dict.fromkeys(SERIES, "series") | {"events": "answers"}


def at(second: int) -> dict[str, Any]:
    t_ns = T0_NS + second * NS
    return {"wearer": "ada", "t_ns": t_ns, "recv_ns": t_ns}


def an_evening() -> list[Record]:
    """A beat, a tap and a therapist's note each second."""
    records: list[Record] = []
    for second in range(END_S):
        t_ns = T0_NS + second * NS
        records += [
            Heart(source="strap", beat_t_ns=(t_ns,), rr_ms=(1000.0,), chained=True, **at(second)),
            Answer(answer=AnswerKind.SET_OFF, about=f"b{second}", text="my secret", **at(second)),
            Marker(text="a note of the session", **at(second)),
        ]
    return records


def says(second: int, *purposes: str, wearer: str = "ada") -> Record:
    value = consents.value_of(RESEARCH, set(purposes), TABLE[RESEARCH].text)
    return sets(wearer, RESEARCH, value, T0_NS + second * NS)


def a_journal(folder: Path, *said: Record) -> Path:
    """An evening in which ``said`` was said."""
    records = sorted([*said, *an_evening()], key=lambda record: record.recv_ns)
    with closing(SqliteJournal(folder / "home.sqlite")) as journal:
        for record in records:
            journal.append(record)
    return folder / "home.sqlite"


def exported(journal: Path, kind: str, *, own: bool = False) -> str:
    """All that was written, as text."""
    out = journal.parent / "out" / "a.csv"
    files = export(journal, out, kind, "ada", own=own)
    return "\n".join(file.read_text(errors="replace") for file in files)


def seconds_of(journal: Path) -> tuple[int, int]:
    """How many beats and how many taps an export has."""
    export(journal, journal.parent / "a.csv", "tidy", "ada")
    beats = [one for one in read(journal.parent / "a.csv").series if one.signal == "rr_ms"]
    told = list(csv.DictReader(exported(journal, "events").splitlines()))
    return len(beats[0].t_ns), len(told)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("other", [False, True], ids=["never asked", "the other purpose alone"])
def test_without_a_yes_to_just_that_nothing_is_written(
    tmp_path: Path, kind: str, other: bool
) -> None:
    rest = set(TABLE[RESEARCH].purposes) - {PURPOSE[kind]}
    said = [says(0, *rest), says(1, *TABLE[RESEARCH].purposes, wearer="ben")] if other else []
    journal = a_journal(tmp_path, *said)
    with pytest.raises(ConsentError, match=r"“ada” has not agreed .* --own"):
        exported(journal, kind)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_taken_back_nothing_is_written_of_before_either(tmp_path: Path, kind: str) -> None:
    journal = a_journal(tmp_path, says(0, PURPOSE[kind]), says(300))
    with pytest.raises(ConsentError):
        exported(journal, kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_while_all_is_paused_nothing_is_written_for_a_study(tmp_path: Path, kind: str) -> None:
    """The page said that nobody gets it, and the export was made."""
    paused = [
        sets("ada", "paused", value, T0_NS + n * NS) for n, value in ((9, "true"), (11, "false"))
    ]
    journal = a_journal(tmp_path, says(0, PURPOSE[kind]), paused[0])
    with pytest.raises(ConsentError):
        exported(journal, kind)
    (tmp_path / "on").mkdir()
    assert exported(a_journal(tmp_path / "on", says(0, PURPOSE[kind]), *paused), kind)


def test_a_yes_to_the_narrower_text_of_before_is_no_yes_to_todays(tmp_path: Path) -> None:
    """Who agreed to answers after a break alone gave prompts, breaks and judged harm, too."""
    before = sets("ada", RESEARCH, '{"to": ["answers"], "text": 1}', T0_NS)
    with pytest.raises(ConsentError):
        exported(a_journal(tmp_path, before), "events")


def test_what_came_before_the_yes_stays_out_also_where_the_clock_was_behind(tmp_path: Path) -> None:
    """A yes in a run whose clock is a day behind exported the day before it."""
    yes = says(-24 * 3600, "series", "answers")
    with closing(SqliteJournal(tmp_path / "home.sqlite")) as journal:
        for record in [*an_evening(), yes, *an_evening()[:30]]:
            journal.append(record)
    assert seconds_of(tmp_path / "home.sqlite") == (10, 10)


def test_to_what_one_taps_belongs_no_episode(tmp_path: Path) -> None:
    """The line that is agreed to names no fast or slow heart."""
    fell = Episode(episode=EpisodeKind.SHUTDOWN, onset_ns=T0_NS, **at(20))
    journal = a_journal(tmp_path, says(10, "answers"), fell)
    assert "episode" not in exported(journal, "events").split("\n", 1)[1]
    assert "episode" in exported(journal, "events", own=True).split("\n", 1)[1]


@pytest.mark.parametrize("kind", FORMATS)
def test_ones_own_copy_asks_nobody_and_is_whole(tmp_path: Path, kind: str) -> None:
    journal = a_journal(tmp_path, says(0))
    assert exported(journal, kind, own=True)
    assert exported(journal, "tidy", own=True).count("a note of the session") == END_S
    assert exported(journal, "tidy", own=True).count("rr_ms") == END_S


@pytest.mark.parametrize(
    ("said", "since_s"),
    [
        ([says(-60, "series", "answers")], 0),
        ([says(200, "series", "answers")], 200),
        ([says(0, "series", "answers"), says(100), says(400, "series", "answers")], 400),
        ([says(50, "series", "answers"), says(300, "series", "answers")], 50),
    ],
    ids=["before", "in the middle", "given again", "said twice"],
)
def test_what_is_written_came_after_the_yes_that_stands(
    tmp_path: Path, said: Iterable[Record], since_s: int
) -> None:
    journal = a_journal(tmp_path, *said)
    assert seconds_of(journal) == (END_S - since_s, END_S - since_s)


def test_a_yes_of_before_a_clock_was_put_right_holds_from_its_time_of_the_wall(
    tmp_path: Path,
) -> None:
    run = Run(**(at(0) | {"wearer": ""}), version="1", engine_version=1, parameters_hash="")
    step = ClockStep(**(at(10) | {"wearer": ""}), delta_ns=3600 * NS)
    journal = a_journal(tmp_path, run, step, says(200, "series", "answers"))
    assert seconds_of(journal) == (END_S - 200, END_S - 200)


@pytest.mark.parametrize("kind", ["tidy", "events"])
def test_a_study_gets_no_words_of_anybody(tmp_path: Path, kind: str) -> None:
    journal = a_journal(tmp_path, says(0, "series", "answers"))
    told = exported(journal, kind)
    assert "note" not in told
    assert "secret" not in told


def test_a_study_gets_no_medicine_and_ones_own_copy_does(tmp_path: Path) -> None:
    taken = sets("ada", "beta-blocker", "true", T0_NS + 300 * NS)
    journal = a_journal(tmp_path, says(0, "series", "answers"), taken)
    assert "beta_blocker" not in exported(journal, "tidy")
    assert "300.0,beta_blocker,1.0" in exported(journal, "tidy", own=True)


@pytest.mark.parametrize("kind", SERIES)
def test_a_recording_made_elsewhere_is_not_asked_about_here(tmp_path: Path, kind: str) -> None:
    assert export(e4_folder(tmp_path / "S1"), tmp_path / "a.csv", kind)


def test_events_are_a_journals(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="S1 is no journal"):
        export(e4_folder(tmp_path / "S1"), tmp_path / "a.csv", "events")


def test_events_tell_what_was_asked_delivered_and_answered(tmp_path: Path) -> None:
    prompt: Any = {"about": EpisodeKind.FLOODING, "alert_id": "a1"}
    until: Any = {"began_ns": T0_NS + NS, "until_ns": T0_NS + 1201 * NS}
    said: list[Record] = [
        Alert(
            id="a1",
            alert=EpisodeKind.FLOODING,
            onset_ns=T0_NS,
            valid_until_ns=T0_NS + 120 * NS,
            **at(0),
        ),
        Notice(alert_id="a1", way="apprise-1", repeat=False, outcome="taken", **at(0)),
        Answer(answer=AnswerKind.YES, about="a1", **at(1)),
        BreakStep(id="b1", phase=BreakPhase.ON, origin="prompt", **prompt, **until, **at(1)),
        AdverseEvent(
            wall_ns=T0_NS // (60 * NS) * 60 * NS,
            serious=True,
            related="possible",
            expected=False,
            note="fell on the stairs",
            **at(9),
        ),
    ]
    with closing(SqliteJournal(tmp_path / "home.sqlite")) as journal:
        for record in [says(0, "answers"), *said]:
            journal.append(record)
    (file,) = export(tmp_path / "home.sqlite", tmp_path / "a.csv", "events")
    told = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["kind"] for row in told] == [
        "alert",
        "notice",
        "answer",
        "break",
        "adverse-event",
    ]
    assert told[0]["t_utc"] == "2026-09-21T14:13:20.000Z"
    assert told[0]["valid_until_utc"] == "2026-09-21T14:15:20.000Z"
    assert (told[1]["alert_id"], told[1]["outcome"]) == ("a1", "taken")
    assert (told[2]["answer"], told[2]["about"]) == ("yes", "a1")
    assert (told[4]["serious"], told[4]["related"], told[4]["wall_utc"]) == (
        "True",
        "possible",
        "2026-09-21T14:13:00.000Z",
    )
    assert "fell" not in file.read_text()
    assert (told[3]["phase"], told[3]["alert_id"]) == ("on", "a1")
    assert "peak_hr_bpm" not in events.COLUMNS
