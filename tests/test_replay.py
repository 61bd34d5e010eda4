"""The replay law: a journal through the engine again says what was said live."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers_house import EVENING_NS, WEARER, house, journalled
from helpers_recording import heart
from vagalwatch.clock import StoryClock
from vagalwatch.engine import ENGINE_VERSION, Engine, is_input
from vagalwatch.export import tidy
from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakStep,
    Episode,
    Estimate,
    Run,
    Setting,
)
from vagalwatch.replay import check, inputs, outputs, paced, replay
from vagalwatch.sensors.recording import RecordingError, sequence
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.script import Drive, Phase, Script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vagalwatch.records import Record
    from vagalwatch.replay import Event

FLOODS = heart([(8, 70), (4, 112), (3, 70)], eda=False)


def live(
    path: Path, change: Callable[[Record], Record | None] = lambda record: record
) -> list[Record]:
    """Journal a flooding as the service does; ``change`` what the journal keeps of it."""
    journal = SqliteJournal(path)
    engine = Engine("recording")
    first = Run(
        t_ns=FLOODS.start_ns,
        recv_ns=FLOODS.start_ns,
        version="0",
        engine_version=ENGINE_VERSION,
        parameters_hash=parameters_hash(),
    )
    outputs: list[Record] = []
    for record in [first, *sequence(FLOODS)]:
        said = engine.push(record)
        outputs += said
        for one in (record, *said):
            kept = change(one)
            if kept is not None:
                journal.append(kept)
    journal.close()
    return outputs


def test_a_replay_says_exactly_what_was_said_live(tmp_path: Path) -> None:
    outputs = live(tmp_path / "home.sqlite")
    assert any(isinstance(said, Alert) for said in outputs)
    found = check(tmp_path / "home.sqlite")
    assert found.differences == ()
    assert found.notes == ()
    assert found.compared >= 2
    alerts = [event for event in replay(tmp_path / "home.sqlite") if event["kind"] == "alert"]
    assert [event["id"] for event in alerts] == [
        said.id for said in outputs if isinstance(said, Alert)
    ]


def test_an_alert_that_is_not_recorded_is_a_difference(tmp_path: Path) -> None:
    live(tmp_path / "home.sqlite", lambda said: None if isinstance(said, Alert) else said)
    (difference,) = check(tmp_path / "home.sqlite").differences
    assert difference.startswith("alert ")
    assert difference.endswith("the replay says it, but it is not recorded")


def test_an_alert_that_the_replay_does_not_say_is_a_difference(tmp_path: Path) -> None:
    live(
        tmp_path / "home.sqlite",
        lambda said: replace(said, id="another") if isinstance(said, Alert) else said,
    )
    differences = check(tmp_path / "home.sqlite").differences
    assert "alert another: recorded, but the replay does not say it" in differences


def test_an_alert_that_says_something_else_is_a_difference(tmp_path: Path) -> None:
    live(
        tmp_path / "home.sqlite",
        lambda said: replace(said, reasons=()) if isinstance(said, Alert) else said,
    )
    (difference,) = check(tmp_path / "home.sqlite").differences
    assert difference.endswith("the replay differs in reasons")


def test_a_journal_whose_beginning_has_left_goes_on_with_the_baseline_it_kept(
    tmp_path: Path,
) -> None:
    kept_from_ns = FLOODS.start_ns + 450 * 10**9
    live(
        tmp_path / "home.sqlite",
        lambda said: said if said.recv_ns >= kept_from_ns or isinstance(said, Setting) else None,
    )
    found = check(tmp_path / "home.sqlite")
    assert found.compared >= 2
    assert found.differences == ()


async def test_over_a_restart_and_a_new_baseline_the_replay_says_what_the_service_said(
    tmp_path: Path,
) -> None:
    """The whole service, twice; the second run goes on from the snapshot of the first."""
    clock = StoryClock(EVENING_NS)
    rest = {"nsr_per_min": 2.5}
    roused = {"scl_us": 9.0, "nsr_per_min": 18.0}
    first = Script(Phase(0, Drive(hr_bpm=68, **rest)), Phase(280, Drive(hr_bpm=110, **roused), 20))
    second = Script(Phase(0, Drive(hr_bpm=70, **rest)), Phase(420, Drive(hr_bpm=112, **roused), 20))

    def sets(key: str, value: str) -> Setting:
        now_ns = clock.now_ns()
        return Setting(wearer=WEARER, t_ns=now_ns, recv_ns=now_ns, key=key, value=value)

    def says(answer: AnswerKind, about: str) -> Answer:
        now_ns = clock.now_ns()
        return Answer(wearer=WEARER, t_ns=now_ns, recv_ns=now_ns, answer=answer, about=about)

    async with house(tmp_path, Body(3, first), clock=clock) as home:
        await home.live(360)
        (alert,) = [said for said in home.said if isinstance(said, Alert)]
        home.service.hub.take(says(AnswerKind.YES, alert.id))
        await home.live(20)
    await clock.advance(25 * 60)  # the time without prompts passes, and the break's
    async with house(tmp_path, Body(4, second), clock=clock) as home:
        await home.live(60)
        home.service.hub.take(says(AnswerKind.IM_BACK, alert.id))
        home.service.hub.take(sets(BASELINE_KEY, "null"))
        await home.live(480)
    kinds = Estimate | Episode | Alert | BreakStep
    recorded = [
        one
        for one in journalled(tmp_path)
        if isinstance(one, kinds) or (isinstance(one, Setting) and not is_input(one))
    ]
    again = list(outputs(inputs(tmp_path / "test.sqlite", WEARER), WEARER))
    assert again == recorded
    said = Counter(one.kind for one in recorded)
    assert said["alert"] == 2
    assert said["episode"] >= 3  # the first ended
    assert said["break"] >= 5  # offered, on, its time up, returned; offered
    assert said["setting"] >= 1
    found = check(tmp_path / "test.sqlite")
    assert (found.differences, found.notes) == ((), ())


def test_a_baseline_in_the_journal_that_the_engine_does_not_make_is_not_told_to_it(
    tmp_path: Path,
) -> None:
    """Else a replay would only say what it had been told."""
    changed = 0

    def other(said: Record) -> Record:
        nonlocal changed
        if not isinstance(said, Setting):
            return said
        changed += 1
        stretches = json.loads(said.value)
        stretches[0]["hr"] = [99.0, 2.0]  # against this, no heart of the recording floods
        return replace(said, value=json.dumps(stretches))

    live(tmp_path / "home.sqlite", other)
    assert changed
    found = check(tmp_path / "home.sqlite")
    assert found.compared >= 2
    assert found.differences == ()


def test_another_engine_is_named_as_a_reason(tmp_path: Path) -> None:
    live(
        tmp_path / "home.sqlite",
        lambda said: replace(said, engine_version=0) if isinstance(said, Run) else said,
    )
    (note,) = check(tmp_path / "home.sqlite").notes
    assert "engine 0" in note


def test_states_are_told_when_they_change_and_all_events_are_json(tmp_path: Path) -> None:
    (path,) = tidy.write(FLOODS, tmp_path / "a.csv")
    events = list(replay(path))
    states = [(event["state"], event["reason"]) for event in events if event["kind"] == "state"]
    assert all(a != b for a, b in itertools.pairwise(states))
    assert ("flooding", "") in states
    assert {"state", "episode", "alert"} <= {event["kind"] for event in events}
    assert [event["t_s"] for event in events] == sorted(event["t_s"] for event in events)
    json.dumps(events, allow_nan=False)


async def test_events_come_at_their_pace() -> None:
    clock = StoryClock(0)
    happened: list[Event] = [{"t_s": 8.0}, {"t_s": 8.0}, {"t_s": 68.0}]
    came: list[float] = []

    async def listen() -> None:
        async for _ in paced(happened, clock, speed=60):
            came.append(clock.now_ns() / 1e9)  # noqa: PERF401 - the time of each is the point

    listening = asyncio.create_task(listen())
    await clock.advance(0.5)
    assert came == [0, 0]
    await clock.advance(0.5)
    await listening
    assert came == [0, 0, 1]


def test_what_is_no_journal_cannot_be_checked(tmp_path: Path) -> None:
    (path,) = tidy.write(FLOODS, tmp_path / "a.csv")
    with pytest.raises(RecordingError, match=r"a.csv is no journal"):
        check(path)


def test_a_journal_of_another_program_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    with pytest.raises(RecordingError, match="is not a journal: it is another program's file"):
        list(replay(path))
