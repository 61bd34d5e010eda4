from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)

from sensors.link_contract import ADDRESS, NS, LinkContract, Listener, listening
from sensors.scripted_air import ScriptedAir, ScriptedClient
from vagalwatch.records import Gap, GapReason
from vagalwatch.sensors.decode import heart_rate, nuanic
from vagalwatch.sensors.link import MAX_PAUSE_S
from vagalwatch.sensors.scan import Found, ScanError, scan
from vagalwatch.settings import SensorSettings

if TYPE_CHECKING:
    from vagalwatch.records import Record

REASON = BleakBluetoothNotAvailableReason


@pytest.fixture
def air() -> ScriptedAir:
    return ScriptedAir()


class TestScriptedLink(LinkContract):
    """The contract on a radio that does as it is told."""


@pytest.mark.parametrize(
    ("error", "status", "advice"),
    [
        (BleakBluetoothNotAvailableError("", REASON.NO_BLUETOOTH), "no-adapter", "adapter"),
        (BleakBluetoothNotAvailableError("", REASON.POWERED_OFF), "bluetooth-off", "power on"),
        (BleakBluetoothNotAvailableError("", REASON.DENIED_BY_SYSTEM), "not-permitted", "group"),
        (FileNotFoundError("/run/dbus/system_bus_socket"), "no-adapter", "bluetoothd"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", []), "not-permitted", "group"),
        (BleakDBusError("org.bluez.Error.NotReady", []), "bluetooth-off", "power on"),
        (BleakDBusError("org.bluez.Error.InProgress", []), "refused", "phone app"),
    ],
)
async def test_a_radio_that_fails_is_named_with_the_way_out(
    air: ScriptedAir, error: Exception, status: str, advice: str
) -> None:
    air.scan_errors = [error]
    async with listening(air) as listener:
        await asyncio.sleep(0)
        await listener.until(lambda: listener.link.status == status, 1)
        assert advice in listener.link.advice
        await listener.until(lambda: air.listening, 5)


async def test_retries_come_at_once_then_later_and_later_but_never_over_a_minute(
    air: ScriptedAir,
) -> None:
    air.refuse(12)
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 600)
    waits = [(b - a) / NS for a, b in pairwise(air.attempts)]
    assert waits[0] < 0.5
    assert waits[1:] == sorted(waits[1:])
    assert waits[1] == pytest.approx(1, abs=0.3)
    assert max(waits) <= MAX_PAUSE_S + 0.3
    assert waits[-1] > MAX_PAUSE_S - 1


async def test_jitter_only_shortens_a_pause(air: ScriptedAir) -> None:
    listener = Listener(air)
    listener.link._jitter = lambda: 1.0
    air.refuse(3)
    task = asyncio.create_task(listener.link.run())
    await listener.until(lambda: air.listening, 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    waits = [(b - a) / NS for a, b in pairwise(air.attempts)]
    assert waits[1] == pytest.approx(0.7, abs=0.15)


async def test_a_link_that_lived_is_made_again_at_once(air: ScriptedAir) -> None:
    air.refuse(6)
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 600)
        await listener.beat(850)
        await air.drop()
        lost_ns = air.clock.now_ns()
        await listener.until(lambda: air.listening, 60)
        assert air.clock.now_ns() - lost_ns <= NS


async def test_aborts_that_heal_by_themselves_are_not_even_mentioned(air: ScriptedAir) -> None:
    air.connect_errors = [BleakError("le-connection-abort-by-local")] * 2
    seen: set[str] = set()
    async with listening(air) as listener:
        while not air.listening:
            seen.add(listener.link.status)
            await asyncio.sleep(0.02)  # the retry connector waits in real time
    assert seen <= {"searching", "connecting"}


async def test_a_stack_that_cancels_itself_does_not_stop_the_link(air: ScriptedAir) -> None:
    air.connect_errors = [asyncio.CancelledError()] * 2
    async with listening(air) as listener:
        seen: set[str] = set()
        while not air.listening:
            seen.add(listener.link.status)
            await listener.until(lambda: listener.link.status not in seen or air.listening, 30)
        assert "refused" in seen
        assert "stopped" not in seen
        await listener.beat(850)


@pytest.mark.parametrize("call", ["connect", "start_notify"])
async def test_a_stack_that_swallows_the_word_to_stop_keeps_no_link_alive(
    air: ScriptedAir, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    asked = asyncio.Event()
    answer: Any = getattr(ScriptedClient, call)

    async def deaf(self: ScriptedClient, *args: object, **named: object) -> None:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await answer(self, *args, **named)

    monkeypatch.setattr(ScriptedClient, call, deaf)
    listener = Listener(air)
    task = asyncio.create_task(listener.link.run())
    await asked.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert listener.link.status == "stopped"
    assert not air.connected


async def test_a_device_of_another_kind_is_named(air: ScriptedAir) -> None:
    del air.services[heart_rate.SERVICE_UUID]
    async with listening(air) as listener:
        await listener.until(lambda: listener.link.status == "wrong-device", 5)
        assert not air.connected


async def test_a_strap_that_wants_pairing_says_how(air: ScriptedAir) -> None:
    air.notify_errors = [BleakGATTProtocolError(0x05)] * 4
    async with listening(air) as listener:
        await listener.until(lambda: listener.link.status == "needs-pairing", 5)
        assert "pair = true" in listener.link.advice


async def test_device_information_can_be_done_without(air: ScriptedAir) -> None:
    air.read_errors = [BleakError("not today")] * 5
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 5)
        await listener.beat(850)
    assert air.connections == 1


async def test_the_ring_is_set_up_once_and_left_alone_after_a_reconnect(air: ScriptedAir) -> None:
    air.services = {
        nuanic.SERVICE_UUID: {
            nuanic.MODE_UUID: b"\x02",
            nuanic.RATE_UUID: b"\x04",
            nuanic.TIME_UUID: nuanic.encode_time_ms(1_000_000),
            nuanic.STATE_UUID: nuanic.encode_state(on_finger=True),
            nuanic.EDA_UUID: b"",
            nuanic.IMU_UUID: b"",
        }
    }
    sensor = SensorSettings(device="nuanic", address=ADDRESS, eda_rate_hz=8)
    async with listening(air, sensor) as listener:
        await listener.until(lambda: len(air.written) == 2, 5)
        assert air.written == [(nuanic.RATE_UUID, b"\x08"), (nuanic.MODE_UUID, b"\x01")]
        await listener.until(lambda: (GapReason.MODE_CHANGE, False) in listener.gaps, 5)
        air.services[nuanic.SERVICE_UUID] |= {nuanic.MODE_UUID: b"\x01", nuanic.RATE_UUID: b"\x08"}
        await air.drop()
        await listener.until(lambda: air.connections == 2 and air.listening, 5)
        await air.notify(
            nuanic.encode_eda(nuanic.NuanicEda(1, 1_000_250, 500_000)), nuanic.EDA_UUID
        )
        await listener.until(lambda: any(r.kind == "eda" for r in listener.records), 5)
        assert len(air.written) == 2


async def test_what_a_ring_sent_just_before_a_stop_is_taken_before_the_gap(
    air: ScriptedAir,
) -> None:
    air.services = {
        nuanic.SERVICE_UUID: {
            nuanic.MODE_UUID: bytes([nuanic.MODE_RAW_EDA]),
            nuanic.RATE_UUID: b"\x10",
            nuanic.STATE_UUID: nuanic.encode_state(on_finger=True),
            nuanic.EDA_UUID: b"",
        }
    }
    sensor = SensorSettings(device="nuanic", address=ADDRESS, eda_rate_hz=16)
    came_ns = []
    async with listening(air, sensor) as listener:
        await listener.until(lambda: listener.link.status == "connected", 5)
        for n in range(7):  # the first waits for nobody; the last ones still wait at the stop
            frame = nuanic.encode_eda(nuanic.NuanicEda(1, 1_000_000 + 62 * n, 500_000))
            await air.notify(frame, nuanic.EDA_UUID)
            came_ns.append(air.clock.now_ns())
            await air.pass_time(0.0625)
        assert 0 < len([r for r in listener.records if r.kind == "eda"]) < 7
    eda = [n for n, record in enumerate(listener.records) if record.kind == "eda"]
    assert [listener.records[n].recv_ns for n in eda] == came_ns
    assert listener.gaps[-1] == (GapReason.STOPPED, False)
    last_gap = max(n for n, record in enumerate(listener.records) if record.kind == "gap")
    assert eda[-1] < last_gap


async def test_two_links_never_search_at_the_same_time(air: ScriptedAir) -> None:
    await air.hide()
    other = SensorSettings(device="heart-rate", address="C0:FF:EE:00:00:02")
    async with listening(air) as one, listening(air, other) as two:
        await one.until(lambda: one.link.status == two.link.status == "not-found", 60)
    assert air.searches_at_once == 1
    assert not air.scanning


async def test_a_sensor_that_is_never_found_does_not_keep_another_from_coming_back(
    air: ScriptedAir,
) -> None:
    absent = SensorSettings(device="heart-rate", address="C0:FF:EE:00:00:02")
    async with listening(air, absent) as never, listening(air) as listener:
        await listener.until(lambda: air.listening, 30)
        await never.until(lambda: never.link.status == "not-found", 30)
        await air.drop()
        lost_ns = air.clock.now_ns()
        await listener.until(lambda: air.listening, 30)
        assert air.clock.now_ns() - lost_ns < 12 * NS


async def test_a_fault_of_our_own_is_not_swallowed(air: ScriptedAir) -> None:
    def emit(record: Record) -> None:
        if record.kind == "heart":
            raise ZeroDivisionError

    listener = Listener(air)
    listener.link._emit = emit
    task = asyncio.create_task(listener.link.run())
    await listener.until(lambda: air.listening, 5)
    await air.notify(b"\x00\x46")
    await air.pass_time(1)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, 20)
    assert not air.connected


async def test_scan_lists_what_advertises(air: ScriptedAir) -> None:
    assert await scan(0, air.scanner_backend) == [Found(ADDRESS, "Polar H10", -50, "heart-rate")]


async def test_scan_without_a_radio_says_what_to_do(air: ScriptedAir) -> None:
    air.scan_errors = [BleakBluetoothNotAvailableError("", REASON.POWERED_OFF)]
    with pytest.raises(ScanError, match="power on"):
        await scan(0, air.scanner_backend)


async def test_a_sleep_is_told_before_whatever_comes_first_on_waking(air: ScriptedAir) -> None:
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 5)
        await listener.beat(850)
        air.clock.suspend(3600)
        await listener.beat(850)
        await listener.beat(850)
        assert listener.gaps[2:] == [(GapReason.SUSPEND, False), (GapReason.SUSPEND, True)]
        assert [heart.chained for heart in listener.hearts] == [False, False, True]
        air.clock.suspend(3600)
        await air.drop()
        await listener.until(lambda: air.connections == 2 and air.listening, 15)
        await listener.beat(850)
    assert listener.gaps[4:] == [
        (GapReason.SUSPEND, False),
        (GapReason.SUSPEND, True),
        (GapReason.LINK_LOST, False),
        (GapReason.LINK_LOST, True),
        (GapReason.STOPPED, False),
    ]
    assert not listener.hearts[-1].chained


async def test_a_machine_that_was_only_late_did_not_sleep(air: ScriptedAir) -> None:
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 5)
        await listener.beat(850)
        air.clock._now_ns += 60 * NS  # stopped, or busy: no tick, no notification
        for _ in range(20):
            await listener.beat(850)
        said = {reason for reason, _ in listener.gaps[2:]}
    assert said == {GapReason.MISSING_BEATS}


async def test_what_is_missing_until_the_link_runs_is_in_its_first_gap(air: ScriptedAir) -> None:
    """From the start of the service to its links a page is served and a broker begins."""
    built_ns = air.clock.now_ns()
    listener = Listener(air)
    await air.clock.advance(7)
    task = asyncio.create_task(listener.link.run())
    await listener.until(lambda: bool(listener.gaps), 5)
    first = next(record for record in listener.records if isinstance(record, Gap))
    assert (first.reason, first.t_ns) == (GapReason.NEVER_SEEN, built_ns)
    assert first.recv_ns >= built_ns + 7 * NS
    task.cancel()
    await asyncio.wait({task})
