from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from helpers_house import EVENING_NS, WEARER, house, journalled
from vagalwatch.clock import NS, StoryClock
from vagalwatch.control import ControlError, call
from vagalwatch.deliver.mqtt import Mailbox
from vagalwatch.deliver.notify import Notifier
from vagalwatch.engine import Engine
from vagalwatch.journal.lock import LockedError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import Eda, Estimate, GapReason, Heart, Run, Setting, State, Stream, Tick
from vagalwatch.sensors.simulated.wearable import Fault
from vagalwatch.web.seats import Browser
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from helpers_house import House
    from vagalwatch.records import Record

SETTLE_S = 400.0
"""The baseline takes five minutes, after the ring's minute of silence."""


@pytest.mark.parametrize(
    ("fault", "within_s", "reason"),
    [
        (Fault.OFF_BODY, 5, "heart-off-body"),
        (Fault.SILENT, 10, "heart-silent"),
        (Fault.FROZEN, 20, "heart-frozen"),
    ],
)
async def test_a_strap_that_fails_is_unknown_in_time_and_never_calm_nor_shutdown(
    tmp_path: Path, fault: Fault, within_s: float, reason: str
) -> None:
    async with house(tmp_path) as home:
        await home.live(SETTLE_S)
        assert home.rows()[-1].state == State.SETTLED
        home.strap.fault = fault
        failed_s = home.now_s
        await home.live(180)
        later = home.rows(since_s=failed_s + within_s)
        assert {row.state for row in later} == {State.UNKNOWN}
        # A silent link is given up and made again, which is a gap of its own.
        assert {row.reason for row in later} - {"heart-gap"} == {reason}
        assert all(row.arousal is None for row in later)
        view = View(WEARER)
        for record in home.said:
            view.push(record)
        measure = view.as_json()["measure"]
        assert isinstance(measure, dict)
        assert measure["kind"] == "not-measuring"
        assert measure["say"] in {f"gate.{reason}", "gate.heart-gap"}
        home.strap.fault = None
        await home.live(90)
        assert home.rows()[-1].state == State.SETTLED
    said = {record.reason for record in journalled(tmp_path) if record.kind == "gap"}
    assert (fault == Fault.FROZEN) or GapReason(fault.value) in said


async def test_a_ring_that_goes_silent_takes_its_figures_away_and_not_the_state(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.live(SETTLE_S)
        home.ring.fault = Fault.OFF_BODY
        off_s = home.now_s
        await home.live(120)
        later = home.rows(since_s=off_s + 35)
        assert {row.state for row in later} == {State.SETTLED}
        assert all(row.metrics.scl_us is None and row.metrics.nsr_per_min is None for row in later)
        assert all(any("eda" in gate for gate in row.gates) for row in later)


async def test_a_dropped_link_is_a_gap_and_breaks_the_chain(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.live(30)
        await home.stage.air.drop(home.strap)
        await home.live(5)
        await home.reconnected()
        await home.live(5)
        lost = [gap for gap in home.gaps() if gap.reason == GapReason.LINK_LOST]
        assert [gap.stream for gap in lost] == [Stream.HEART]
        assert lost[0].end_ns is not None
        beats = [record for record in home.said if isinstance(record, Heart) and record.rr_ms]
        after = next(record for record in beats if record.beat_t_ns[0] > lost[0].t_ns)
        assert not after.chained


async def test_a_sleep_of_the_machine_is_a_gap_of_every_stream_and_raises_nothing(
    tmp_path: Path,
) -> None:
    clock = StoryClock(EVENING_NS)
    async with house(tmp_path, clock=clock) as home:
        await home.live(SETTLE_S)
        assert home.rows()[-1].state == State.SETTLED
        before = len(home.gaps())
        slept_ns = clock.now_ns()
        home.suspend(600)
        woke_ns = clock.now_ns()
        await home.live(90)
        gaps = home.gaps()[before:]
        assert {(gap.reason, gap.stream) for gap in gaps} == {
            (GapReason.SUSPEND, stream) for stream in Stream
        }
        for gap in gaps:
            assert gap.t_ns <= slept_ns
            assert abs((gap.end_ns or 0) - woke_ns) < 3 * NS  # a strap is late by up to 2.6 s
        asleep = [row for row in home.rows() if slept_ns + 15 * NS < row.t_ns < woke_ns - 5 * NS]
        assert {row.state for row in asleep} == {State.UNKNOWN}
        assert home.rows()[-1].state == State.SETTLED
        beats = [record for record in home.said if isinstance(record, Heart) and record.rr_ms]
        after = next(record for record in beats if record.recv_ns > woke_ns)
        assert not after.chained
        assert not [record for record in home.said if record.kind == "alert"]


async def test_everything_notified_is_in_the_journal_once_and_in_order(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.live(120)
        sent = home.stage.beats, home.stage.eda_samples
    records = journalled(tmp_path)
    hearts = [record for record in records if isinstance(record, Heart)]
    times = [t_ns for record in hearts for t_ns in record.beat_t_ns]
    skin = sum(len(record.eda_us) for record in records if isinstance(record, Eda))
    assert (len(times), skin) == sent
    assert times == sorted(set(times))


async def test_a_restart_keeps_the_baseline_and_is_itself_a_gap(tmp_path: Path) -> None:
    clock = StoryClock(EVENING_NS)
    async with house(tmp_path, clock=clock) as home:
        await home.live(SETTLE_S)
        usual = home.rows()[-1].usual_hr_bpm
    await clock.advance(30)
    async with house(tmp_path, clock=clock) as home:
        await home.live(100)
        assert home.rows()[-1].state == State.SETTLED
        assert home.rows()[-1].usual_hr_bpm == pytest.approx(usual, abs=3)
    runs = [record for record in journalled(tmp_path) if isinstance(record, Run)]
    assert [run.ended for run in runs] == [False, True, False, True]


async def test_the_page_knows_what_was_agreed_long_before_a_restart(tmp_path: Path) -> None:
    long_ago_ns = EVENING_NS - 90 * 86_400 * NS
    journal = SqliteJournal(tmp_path / "test.sqlite")
    journal.append(
        Setting(
            wearer=WEARER, t_ns=long_ago_ns, recv_ns=long_ago_ns, key="break-minutes", value="45"
        )
    )
    journal.close()
    async with house(tmp_path) as home:
        view = home.service.page._seats[WEARER]._view
        assert view._preferences.break_minutes == 45


async def test_an_event_that_the_page_fails_over_does_not_fail_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_ns = EVENING_NS - 86_400 * NS
    journal = SqliteJournal(tmp_path / "test.sqlite")
    for key, value in (("later-minutes", "7"), ("break-minutes", "45")):
        journal.append(Setting(wearer=WEARER, t_ns=set_ns, recv_ns=set_ns, key=key, value=value))
    journal.close()
    push = View.push

    def failing(view: View, record: Record) -> None:
        if isinstance(record, Setting) and record.key == "later-minutes":
            raise KeyError(record)
        push(view, record)

    monkeypatch.setattr(View, "push", failing)
    async with house(tmp_path) as home:
        assert home.service.page._seats[WEARER]._view._preferences.break_minutes == 45
    assert "not shown (setting): KeyError" in caplog.text
    assert "later-minutes" not in caplog.text


@pytest.mark.parametrize("part", [Mailbox, Notifier])
async def test_what_only_tells_others_fails_and_begins_again_while_measuring_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: type[Mailbox | Notifier]
) -> None:
    run: Any = part.run
    begun: list[object] = []

    async def failing() -> None:
        raise ValueError("of a record")

    async def fails_at_first(self: object) -> None:
        begun.append(self)
        if len(begun) > 1:
            await run(self)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(failing())

    monkeypatch.setattr(part, "run", fails_at_first)
    async with house(tmp_path, mqtt="embedded") as home:
        await home.live(70)
        assert len(begun) == 2
        assert home.rows(since_s=60)


async def test_a_damaged_journal_is_said_on_the_page_for_a_day(tmp_path: Path) -> None:
    (tmp_path / "test.sqlite").write_bytes(b"no journal at all" * 1000)
    clock = StoryClock(time.time_ns())

    def said(home: House) -> bool:
        message = json.loads(home.service.page._seats[WEARER].message(Browser()))
        return bool(message["view"]["anew"])

    async with house(tmp_path, clock=clock) as home:
        assert said(home)
    await clock.advance(86_400)
    async with house(tmp_path, clock=clock) as home:
        assert not said(home)


async def test_ticks_are_whole_seconds_and_none_is_missing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.live(20)
        ticks = [record.t_ns for record in home.said if isinstance(record, Tick)]
    assert all(t_ns % NS == 0 for t_ns in ticks)
    assert ticks == list(range(ticks[0], ticks[-1] + 1, NS))


async def test_a_step_of_the_wall_clock_is_recorded_and_bends_no_duration(tmp_path: Path) -> None:
    clock = StoryClock(EVENING_NS)
    async with house(tmp_path, clock=clock) as home:
        await home.live(60)
        clock.step_ns = 3600 * NS
        await home.live(60)
        steps = [record for record in home.said if record.kind == "clock-step"]
        assert [step.delta_ns for step in steps] == [3600 * NS]
        rows = [record for record in home.said if isinstance(record, Estimate)]
        assert {b.t_ns - a.t_ns for a, b in itertools.pairwise(rows)} == {5 * NS}


async def test_a_second_service_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    async with house(tmp_path):
        with pytest.raises(ExceptionGroup) as caught:
            async with house(tmp_path):
                pytest.fail("a second service opened the journal")
    locked = caught.value.exceptions[0]
    assert isinstance(locked, LockedError)
    assert "already" in str(locked)


async def test_what_is_set_while_it_runs_stands_in_the_journal_and_in_force(tmp_path: Path) -> None:
    async with house(tmp_path) as home:

        async def said(wearer: str, minutes: str) -> object:
            path = tmp_path / "test.control"
            key = "break-minutes"
            return await asyncio.to_thread(call, path, "set", wearer=wearer, key=key, value=minutes)

        assert await said(WEARER, "35") == {"break-minutes": "35"}
        engine = home.service.hub.engines[WEARER]
        assert isinstance(engine, Engine)
        assert engine.state.policy.preferences.break_minutes == 35
        with pytest.raises(ControlError, match="“break-minutes” takes how long a break is"):
            await said(WEARER, "5")
        with pytest.raises(ControlError, match="not watched here"):
            await said("nobody", "35")
    settings = [record for record in journalled(tmp_path) if isinstance(record, Setting)]
    assert [(record.key, record.value) for record in settings] == [("break-minutes", "35")]


async def test_the_running_service_tells_how_it_stands(tmp_path: Path) -> None:
    async with house(tmp_path):
        status = await asyncio.to_thread(call, tmp_path / "test.control", "status")
    assert status["recording"] is True
    assert [sensor["status"] for sensor in status["sensors"]] == ["connected", "connected"]
