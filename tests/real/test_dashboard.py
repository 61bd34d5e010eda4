"""Every query of *Live session* on the real InfluxDB gives back what the journal holds."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

import pytest

from helpers_dashboard import annotation, expanded, live_session, panel
from helpers_influx import InfluxProxy, InfluxServer
from helpers_ledger import T0_NS, session
from vagalwatch.clock import NS
from vagalwatch.deliver.influx import InfluxLedger
from vagalwatch.journal.port import Entry
from vagalwatch.records import Alert, Answer, BreakStep, Eda, Estimate, Gap, Marker, Record, Session
from vagalwatch.settings import InfluxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.real

DB = "vagalwatch"
ADA = session(wearer="ada")
BO = session(wearer="bo", start_ns=T0_NS + 30 * NS)
FIRST_MS = T0_NS // NS * 1000 - 10_000
LAST_MS = FIRST_MS + 600_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    with InfluxServer(tmp_path_factory.mktemp("influxdb")) as running, InfluxProxy(running) as to:
        running.query(f"CREATE DATABASE {DB}")
        ledger = InfluxLedger(InfluxSettings(url=to.url, bucket=DB), "home")
        ledger.write([Entry(n, record) for n, record in enumerate(ADA + BO, start=1)])
        ledger.close()
        yield running


def asked(server: InfluxServer, target: dict[str, Any], interval: str = "5s") -> list[list[Any]]:
    query = expanded(
        target["query"], wearer="ada", from_ms=FIRST_MS, to_ms=LAST_MS, interval=interval
    )
    return server.rows(query, DB)


def targets(title: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = panel(title)["targets"]
    return found


def rows() -> list[Estimate]:
    return [record for record in ADA if isinstance(record, Estimate)]


def without_nulls(table: list[list[Any]]) -> list[list[Any]]:
    return [row for row in table if row[1] is not None]


def test_every_query_is_answered(server: InfluxServer) -> None:
    board = live_session()
    every = [target for one in board["panels"] for target in one.get("targets", [])]
    every += [one["target"] for one in board["annotations"]["list"]]
    for target in every:
        assert asked(server, target), target["query"]


def test_the_people_are_offered(server: InfluxServer) -> None:
    (variable,) = live_session()["templating"]["list"]
    assert server.rows(variable["query"], DB) == [["wearer", "ada"], ["wearer", "bo"]]


def test_the_state_timeline_shows_every_row(server: InfluxServer) -> None:
    state, why = targets("What the measurements suggest")
    assert asked(server, state) == [[row.t_ns, row.state.value] for row in rows()]
    assert asked(server, why) == [[row.t_ns, row.reason] for row in rows() if row.reason]
    assert len({row.state for row in rows()}) == 3


@pytest.mark.parametrize(
    ("title", "values"),
    [
        ("Heart rate and own usual", lambda row: [row.metrics.hr_bpm, row.usual_hr_bpm]),
        ("Arousal against own usual", lambda row: [row.arousal]),
        ("Heart rate variability (RMSSD)", lambda row: [row.metrics.rmssd_ms]),
    ],
)
def test_charts_show_the_journals_figures_and_gaps(
    server: InfluxServer, title: str, values: Callable[[Estimate], list[float | None]]
) -> None:
    (target,) = targets(title)
    shown = {row[0]: row[1:] for row in asked(server, target)}
    for row in rows():
        assert shown.pop(row.t_ns) == values(row)
    assert shown
    assert all(value is None for gap in shown.values() for value in gap)


def test_seen_from_afar_a_chart_shows_means_and_keeps_the_gap(server: InfluxServer) -> None:
    (target,) = targets("Heart rate and own usual")
    for start_ns, heart_rate, _ in asked(server, target, interval="1m"):
        inside = [
            row.metrics.hr_bpm
            for row in rows()
            if start_ns <= row.t_ns < start_ns + 60 * NS and row.metrics.hr_bpm is not None
        ]
        expected = pytest.approx(fsum(inside) / len(inside)) if inside else None
        assert heart_rate == expected


def test_skin_conductance_is_a_line_a_sensor(server: InfluxServer) -> None:
    (target,) = targets("Skin conductance")
    query = expanded(target["query"], wearer="ada", from_ms=FIRST_MS, to_ms=LAST_MS)
    (series,) = server.query(query, DB)
    assert series["tags"] == {"source": "ring"}
    samples = [
        (t_ns, eda_us)
        for record in ADA
        if isinstance(record, Eda)
        for t_ns, eda_us in zip(record.sample_t_ns, record.eda_us, strict=True)
    ]
    for start_ns, level_us in without_nulls(series["values"]):
        inside = [value for t_ns, value in samples if start_ns <= t_ns < start_ns + 5 * NS]
        assert level_us == pytest.approx(fsum(inside) / len(inside))


def of_kind(*kinds: type[Record]) -> list[int]:
    return sorted(record.t_ns for record in ADA if isinstance(record, kinds))


@pytest.mark.parametrize(
    ("name", "kinds"), [("Prompts", [Alert]), ("Breaks", [BreakStep]), ("Notes", [Marker, Session])]
)
def test_annotations_stand_where_it_happened(
    server: InfluxServer, name: str, kinds: list[type[Record]]
) -> None:
    assert [row[0] for row in asked(server, annotation(name)["target"])] == of_kind(*kinds)


def test_a_prompt_says_possible(server: InfluxServer) -> None:
    ((_, said),) = asked(server, annotation("Prompts")["target"])
    assert said == "Prompt: possible flooding"


def test_a_gap_is_shaded_from_its_beginning_to_its_end(server: InfluxServer) -> None:
    ((t_ns, said, end_ms),) = asked(server, annotation("No signal")["target"])
    gap = [record for record in ADA if isinstance(record, Gap)][-1]
    assert gap.end_ns is not None
    assert (t_ns, said) == (gap.t_ns, "No heart signal: off-body")
    assert end_ms == pytest.approx(gap.end_ns / 1e6, abs=1)


def test_the_agreed_time_is_shaded(server: InfluxServer) -> None:
    ((t_ns, said, end_ms),) = asked(server, annotation("Agreed time away")["target"])
    (step,) = [r for r in ADA if isinstance(r, BreakStep) and r.phase == "on"]
    assert (t_ns, said) == (step.t_ns, "On a break")
    assert end_ms == pytest.approx(step.until_ns / 1e6, abs=1)


def test_what_happened_is_listed_newest_first(server: InfluxServer) -> None:
    (target,) = targets("What happened")
    listed = asked(server, target)
    assert [row[0] for row in listed] == of_kind(Alert, Answer, BreakStep, Marker, Session)[::-1]
