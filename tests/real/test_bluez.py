"""bleak's real BlueZ backend, through the link, against a fake bluetoothd on a private bus."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak_retry_connector.bleak_manager import _reset_dbus_socket_cache

from helpers_real import need
from real.fake_bluez import FakeBluez
from sensors.link_contract import ADDRESS, LinkContract, listening
from vagalwatch.doctor import _adapter
from vagalwatch.records import GapReason
from vagalwatch.sensors.scan import Found, ScanError, scan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def bus_address() -> Iterator[str]:
    """A private D-Bus daemon."""
    command = [need("dbus-daemon"), "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
        daemon.terminate()


@pytest.fixture
async def air(bus_address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeBluez]:
    """The fake daemon as the only Bluetooth there is."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address)
    _reset_dbus_socket_cache()
    bluez = FakeBluez()
    await bluez.start(bus_address)
    yield bluez
    manager = await get_global_bluez_manager()
    if manager._bus is not None:
        manager._bus.disconnect()
        if manager._bus_watcher_task is not None:
            await manager._bus_watcher_task
    await bluez.stop()


class TestBluezLink(LinkContract):
    """The contract on bleak's own backend."""


async def test_a_vanished_adapter_is_named_and_its_return_heals_the_link(air: FakeBluez) -> None:
    async with listening(air) as listener:
        await listener.until(lambda: air.listening)
        await listener.beat(850)
        await air.pull_out()
        await listener.until(lambda: listener.link.status == "no-adapter", 30)
        assert "adapter" in listener.link.advice
        assert listener.gaps[-1] == (GapReason.LINK_LOST, False)
        air.plug_in()
        await listener.until(lambda: air.listening, 90)
        await listener.beat(850)
        assert listener.gaps[-1] == (GapReason.LINK_LOST, True)
    assert [heart.chained for heart in listener.hearts] == [False, False]


async def test_bluetooth_that_is_switched_off_is_named(air: FakeBluez) -> None:
    await air.pull_out()
    air.plug_in(powered=False)
    async with listening(air) as listener:
        await listener.until(lambda: listener.link.status == "bluetooth-off", 30)
        assert "power on" in listener.link.advice


async def test_a_strap_still_held_since_a_crash_is_let_go_and_found(air: FakeBluez) -> None:
    air.appear(connected=True)
    async with listening(air) as listener:
        await listener.until(lambda: air.listening, 30)
        await listener.beat(850)
    assert air.calls.index("Disconnect") < air.calls.index("StartDiscovery")
    assert air.connections == 2


async def test_a_strap_that_vanishes_while_it_is_being_connected(air: FakeBluez) -> None:
    air.refusals = ["le-connection-abort-by-local-but-not-quite"]
    async with listening(air) as listener:
        await listener.until(lambda: not air.refusals, 30)
        await air.hide()
        await listener.until(lambda: listener.link.status == "not-found", 60)
        await air.show()
        await listener.until(lambda: air.listening, 90)
        await listener.beat(850)


async def test_scan_sees_the_strap(air: FakeBluez) -> None:
    assert air.connections == 0
    assert await scan(0.1) == [Found(ADDRESS, "Polar H10", -50, "heart-rate")]


async def test_scan_without_an_adapter_says_what_to_do(air: FakeBluez) -> None:
    await air.pull_out()
    with pytest.raises(ScanError, match="adapter"):
        await scan(0.1)


async def test_doctor_finds_an_adapter_that_may_be_used(air: FakeBluez) -> None:
    assert air.in_reach
    assert (await _adapter()).ok is True
    assert not air.scanning


async def test_doctor_says_how_to_switch_bluetooth_on(air: FakeBluez) -> None:
    await air.pull_out()
    air.plug_in(powered=False)
    finding = await _adapter()
    assert (finding.ok, finding.found) == (False, "Bluetooth is switched off.")
    assert finding.mend == "Switch it on: bluetoothctl power on"
