"""docs/data.md says what is so: columns, codes, figures, and queries that run."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from helpers_recording import heart
from vagalwatch import window_file
from vagalwatch.analysis import COLUMNS, NO_ROW, EpisodeRow, Summary
from vagalwatch.engine import Engine
from vagalwatch.export import FORMATS
from vagalwatch.hrv.codes import CALIBRATING, EXPIRED, STATE_GATES, Gate
from vagalwatch.hrv.metrics import STANDARD_S
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    ClockStep,
    Eda,
    EpisodeKind,
    Gap,
    GapReason,
    Record,
    State,
    Stream,
)
from vagalwatch.sensors.recording import sequence
from vagalwatch.sensors.recording.model import MAX_DURATION_S, MAX_RR_MS, SIGNALS
from vagalwatch.sensors.recording.text import MAX_LINE_BYTES, MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

DOC = Path(__file__).resolve().parents[1].joinpath("docs", "data.md").read_text(encoding="utf-8")
QUERIES = [
    query for block in re.findall(r"```sql\n(.*?)```", DOC, re.DOTALL) for query in block.split(";")
]
QUERIES = [query for query in QUERIES if query.strip()]


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under ``heading``, without its head."""
    section = re.split(rf"^#+ {re.escape(heading)}$", DOC, flags=re.MULTILINE)[1]
    lines = [line for line in section.split("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def names(heading: str) -> list[str]:
    """What stands in backticks in the first column of that table."""
    return [name for row in table(heading) for name in re.findall(r"`([^`]+)`", row[0])]


def test_every_column_stands_there_in_order() -> None:
    assert tuple(names("timeline.csv, timeline.parquet")) == COLUMNS
    assert all(len(row) == 5 for row in table("timeline.csv, timeline.parquet"))


def test_every_column_of_the_windows_stands_there_in_order() -> None:
    assert tuple(names("windows.csv, windows.parquet")) == window_file.COLUMNS
    for seconds in set(STANDARD_S.values()) - {10, 60}:
        assert f"{seconds} s (" in DOC


def test_every_state_and_every_code_stands_there_once() -> None:
    assert names("States") == [state.value for state in State]
    codes = names("Reason codes")
    assert sorted(codes) == sorted(gate.value for gate in Gate)
    blocking = codes[: codes.index("posture") + 1]
    assert set(blocking) == {gate.value for gate in STATE_GATES}
    assert {f"`{name}`" for name in (CALIBRATING, EXPIRED, NO_ROW)} <= set(re.findall("`.+?`", DOC))


def test_every_field_of_the_results_stands_there() -> None:
    assert names("episodes.json") == [field.name for field in fields(EpisodeRow)]
    assert set(names("summary.json")) == {field.name for field in fields(Summary)}
    for kind in EpisodeKind:
        assert f"`{kind}`" in DOC


def test_every_signal_gap_reason_kind_and_format_stands_there() -> None:
    assert set(names("Tidy CSV")) == {*SIGNALS, "gap", "marker"}
    gaps = DOC.split("Reasons of gaps:")[1].split(".")[0]
    assert set(re.findall(r"`([^`]+)`", gaps)) == {reason.value for reason in GapReason}
    kinds = DOC.split("Kinds:")[1].split(".")[0]
    assert set(re.findall(r"`([^`]+)`", kinds)) == {
        record.__dataclass_fields__["kind"].default for record in get_args(Record)
    }
    assert all(f"`{stream}`" in DOC for stream in Stream)
    for name in FORMATS:
        assert re.search(rf"^### {name}", DOC, re.MULTILINE | re.IGNORECASE)


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


FIGURES = PARAMETERS.figures
FLOODING = PARAMETERS.flooding
SHUTDOWN = PARAMETERS.shutdown
CALIBRATION = PARAMETERS.calibration
AROUSAL = PARAMETERS.arousal
SKIN = PARAMETERS.skin


@pytest.mark.parametrize(
    "text",
    [
        f"fewer than {FIGURES.hr_beats} of them",
        f"under {FIGURES.min_coverage:.2f}",
        f"fewer than {FIGURES.min_pairs}\npairs",
        f"over {percent(FIGURES.irregular_share)}",
        f"bounds {PARAMETERS.beats.rr_min_ms:.0f} to {PARAMETERS.beats.rr_max_ms:.0f} ms",
        f"under {FIGURES.spectrum_span_s:.0f} s",
        f"under {percent(FIGURES.spectrum_coverage)} of {FIGURES.spectrum_s} s",
        f"hole of over {FIGURES.spectrum_hole_s:.0f} s",
        f"w = {AROUSAL.weight_heart} the heart of {FIGURES.steady_s} s",
        f"{AROUSAL.weight_skin_level} ln skin level (5 s) over its slow mean",
        f"half-life {SKIN.slow_s / 60:.0f} min), {AROUSAL.weight_skin_change} over that of",
        f"that of {SKIN.change_s} s ago, {AROUSAL.weight_skin_responses} `z_nsr`",
        f"L(z) = {AROUSAL.limit_z:.0f}·tanh(z/{AROUSAL.limit_z:.0f})",
        f"√({SKIN.scr_min_us}² µS² + ({SKIN.scr_noise:.0f} noise sd)²)",
        f"max({FLOODING.over_bpm:.0f}, {percent(FLOODING.over_share)})",
        f"max({FLOODING.absolute_bpm:.0f} \N{MINUS SIGN} usual, {FLOODING.absolute_over_bpm:.0f})",
        f"for {FLOODING.dwell_s:.0f} s",
        f"for {SHUTDOWN.dwell_s:.0f} s: heart under usual",
        f"max({SHUTDOWN.below_bpm:.0f}, {percent(SHUTDOWN.below_share)})",
        f"max({SHUTDOWN.fell_bpm:.0f}, {percent(SHUTDOWN.fell_share)})",
        f"{CALIBRATION.mad} · MAD",
        f"{CALIBRATION.floor_hr_bpm:.0f} /min, {CALIBRATION.floor_ln_scl} (ln µS)",
        f"max({CALIBRATION.level_bpm:.0f} /min, {percent(CALIBRATION.level_share)})",
        f"at least {CALIBRATION.min_s} s of them",
        f"after {CALIBRATION.expiry_s // 3600} h without a new one it expires",
        f"With {CALIBRATION.min_s} s\nof such rows",
        f"rests on {CALIBRATION.want_s} s",
        f"at most {MAX_DURATION_S // 86400} days, {MAX_LINES:,} lines",
        f"{MAX_LINE_BYTES} bytes a line",
        f"up to {MAX_RR_MS:.0f} ms",
    ],
)
def test_figures_are_those_of_the_code(text: str) -> None:
    assert text in DOC


# --- the journal's queries ------------------------------------------------------------------------

EVENING = heart([(8, 70), (4, 112), (3, 70)], eda=False)
SKIN_US = (2.0, 2.25, 2.5)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A real journal, opened as the shell opens it."""
    path = tmp_path_factory.mktemp("journal") / "home.sqlite"
    engine = Engine("alex")
    with closing(SqliteJournal(path)) as written:
        for record in sequence(replace(EVENING, wearer="alex")):
            place = written.append(record)
            for said in engine.push(record):
                written.append(said)
                if isinstance(said, Alert):
                    written.append(answer(said))
        start_ns = EVENING.start_ns
        written.append(
            Eda(
                wearer="alex",
                source="ring",
                t_ns=start_ns + 3,
                recv_ns=start_ns + 3,
                sample_t_ns=tuple(start_ns + step for step in (1, 2, 3)),
                eda_us=SKIN_US,
            )
        )
        for end_ns in (None, start_ns + 5 * 10**9):
            written.append(
                Gap(
                    wearer="alex",
                    source="strap",
                    stream=Stream.HEART,
                    t_ns=start_ns,
                    recv_ns=start_ns,
                    reason=GapReason.LINK_LOST,
                    end_ns=end_ns,
                )
            )
        written.append(ClockStep(t_ns=start_ns, recv_ns=start_ns, delta_ns=3600 * 10**9))
        written.set_aside("influxdb", place, "a reason")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        yield db


def answer(alert: Alert) -> Answer:
    t_ns = alert.t_ns + 20 * 10**9
    return Answer(
        wearer="alex", t_ns=t_ns, recv_ns=t_ns, answer=AnswerKind.YES, about=alert.id, id="1"
    )


def rows(journal: sqlite3.Connection, holding: str) -> list[sqlite3.Row]:
    (query,) = (query for query in QUERIES if holding in query)
    return journal.execute(query).fetchall()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_runs_and_finds_something(journal: sqlite3.Connection, query: str) -> None:
    assert journal.execute(query).fetchall()


def test_the_queries_give_the_samples_that_were_recorded(journal: sqlite3.Connection) -> None:
    (rr,) = EVENING.series
    beats = rows(journal, "AS beat_ns")
    assert [row["beat_ns"] - EVENING.start_ns for row in beats] == rr.t_ns.tolist()
    assert [row["rr_ms"] for row in beats] == rr.values.tolist()
    skin = rows(journal, "AS sample_ns")
    assert [row["sample_ns"] - EVENING.start_ns for row in skin] == [1, 2, 3]
    assert tuple(row["eda_us"] for row in skin) == SKIN_US


def test_the_queries_tell_episodes_answers_gaps_and_runs_as_they_stand_last(
    journal: sqlite3.Connection,
) -> None:
    (episode,) = rows(journal, "'$.onset_ns'")
    assert (episode["episode"], episode["end_ns"] is not None) == ("flooding", True)
    (alert,) = rows(journal, "AS after_s")
    assert (alert["about"], alert["answer"], alert["after_s"]) == ("flooding", "yes", 20)
    (gap,) = rows(journal, "AS length_s")
    assert (gap["reason"], gap["length_s"]) == ("link-lost", 5)
    (run,) = rows(journal, "AS stepped_ns")
    assert (run["run"], run["stepped_ns"]) == (1, 3600 * 10**9)
    (aside,) = rows(journal, "FROM set_aside")
    assert (aside["name"], aside["reason"]) == ("influxdb", "a reason")
    states = [row["state"] for row in rows(journal, "AS rmssd_ms")]
    assert {"calibrating", "settled", "flooding"} <= set(states)


def test_every_table_of_the_journal_stands_there(journal: sqlite3.Connection) -> None:
    found = journal.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert sorted(names("The journal")) == sorted(row["name"] for row in found)
    columns = [row["name"] for row in journal.execute("PRAGMA table_info(records)")]
    (cell,) = (row[1] for row in table("The journal") if row[0] == "`records`")
    assert all(f"`{column}`" in cell for column in columns)
    body = json.loads(
        journal.execute("SELECT body FROM records WHERE kind = 'heart'").fetchone()["body"]
    )
    assert body["beat_t_ns"] == [0]  # a step from t_ns, as the text says
