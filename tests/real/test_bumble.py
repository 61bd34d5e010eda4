"""Simulated wearables through bleak itself: its client and scanner over a real GATT stack."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from vagalwatch.sensors.decode import device_info, heart_rate, nuanic
from vagalwatch.sensors.simulated.radio import SimulatedAir
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stories import story
from vagalwatch.sensors.simulated.strap import Strap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bleak.backends.characteristic import BleakGATTCharacteristic

    from vagalwatch.sensors.simulated.wearable import Wearable

pytestmark = pytest.mark.real

PATIENCE_S = 5.0  # nothing here takes a tenth of it; a hang must fail, not stall
HR = heart_rate.MEASUREMENT_UUID


@contextlib.asynccontextmanager
async def air_of(*wearables: Wearable) -> AsyncIterator[SimulatedAir]:
    air = SimulatedAir()
    await air.start()
    try:
        for wearable in wearables:
            await air.add(wearable)
        yield air
    finally:
        await air.stop()


def client_of(
    air: SimulatedAir,
    wearable: Wearable,
    gone: Callable[[BleakClient], None] | None = None,
    timeout_s: float = PATIENCE_S,
) -> BleakClient:
    return BleakClient(wearable.address, gone, timeout=timeout_s, backend=air.client_backend)


class Heard:
    """Collects what a subscription delivers."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def __call__(self, _sender: BleakGATTCharacteristic, value: bytearray) -> None:
        self.values.append(bytes(value))


async def test_a_scan_finds_every_wearable_with_name_and_services() -> None:
    strap, ring = Strap(), Ring()
    async with air_of(strap, ring) as air:
        found = await BleakScanner.discover(
            timeout=0.2, return_adv=True, backend=air.scanner_backend
        )
    assert {
        address: (device.name, adv.service_uuids) for address, (device, adv) in found.items()
    } == {
        strap.address: ("HR Strap", [heart_rate.SERVICE_UUID]),
        ring.address: ("Nuanic", [nuanic.SERVICE_UUID]),
    }


async def test_a_scan_by_service_finds_only_what_offers_it() -> None:
    strap, ring = Strap(), Ring()
    async with air_of(strap, ring) as air:
        found = await BleakScanner.discover(
            timeout=0.2, service_uuids=["180d"], backend=air.scanner_backend
        )
        assert found == []  # bleak compares whole UUIDs, so the short form finds nothing
        found = await BleakScanner.discover(
            timeout=0.2, service_uuids=[heart_rate.SERVICE_UUID], backend=air.scanner_backend
        )
    assert [device.address for device in found] == [strap.address]


async def test_two_scanners_share_the_adapter() -> None:
    strap = Strap()
    async with air_of(strap) as air:
        async with BleakScanner(backend=air.scanner_backend):
            device = await BleakScanner.find_device_by_name(
                strap.name, timeout=PATIENCE_S, backend=air.scanner_backend
            )
            assert device is not None
            # The first one still listens after the second has stopped.
            again = await BleakScanner.find_device_by_address(
                strap.address, timeout=PATIENCE_S, backend=air.scanner_backend
            )
        assert again is not None


async def test_reading_what_a_strap_is() -> None:
    strap = Strap(manufacturer="Polar Electro Oy", model="H10")
    async with air_of(strap) as air, client_of(air, strap) as client:
        assert await client.read_gatt_char(device_info.MANUFACTURER_UUID) == b"Polar Electro Oy"
        assert await client.read_gatt_char(device_info.MODEL_UUID) == b"H10"
        assert device_info.decode_battery(bytes(await client.read_gatt_char("2a19"))) == 87
        place = bytes(await client.read_gatt_char(heart_rate.BODY_LOCATION_UUID))
        assert heart_rate.decode_body_location(place) == "chest"
        assert client.mtu_size == 247
        measurement = client.services.get_characteristic(HR)
        assert measurement is not None
        assert measurement.properties == ["notify"]
        assert measurement.service_uuid == heart_rate.SERVICE_UUID
    assert not client.is_connected


async def test_every_notification_arrives_once_and_in_order() -> None:
    strap, ring = Strap(), Ring(silence_s=0)  # the silence has a test of its own
    body = story("hard", 1).body("alex")
    heart, skin, hand = Heard(), Heard(), Heard()
    async with (
        air_of(strap, ring) as air,
        client_of(air, strap) as strap_client,
        client_of(air, ring) as ring_client,
    ):
        await strap_client.start_notify(HR, heart)
        await ring_client.write_gatt_char(nuanic.MODE_UUID, bytes([1]), response=True)
        await ring_client.start_notify(nuanic.EDA_UUID, skin)
        await ring_client.start_notify(nuanic.IMU_UUID, hand)
        sent: list[tuple[str, bytes]] = []
        for second in range(1, 121):
            signals = body.advance(second)
            for wearable in (strap, ring):
                for frame in wearable.advance(signals, second):
                    assert await air.notify(wearable, frame.uuid, frame.value)
                    sent.append((frame.uuid, frame.value))
            await air.drained()
            assert air.sent == air.delivered == len(sent)
    assert heart.values == [value for uuid, value in sent if uuid == HR]
    assert skin.values == [value for uuid, value in sent if uuid == nuanic.EDA_UUID]
    assert hand.values == [value for uuid, value in sent if uuid == nuanic.IMU_UUID]
    assert (len(heart.values), len(skin.values), len(hand.values)) == (120, 481, 120)
    assert air.lost == 0


async def test_nothing_is_sent_without_a_subscription() -> None:
    strap = Strap()
    heard = Heard()
    async with air_of(strap) as air:
        assert not await air.notify(strap, HR, b"\x00\x50")
        async with client_of(air, strap) as client:
            assert not await air.notify(strap, HR, b"\x00\x50")
            await client.start_notify(HR, heard)
            assert await air.notify(strap, HR, b"\x00\x51")
            await client.stop_notify(HR)  # what was on its way still arrives
            assert not await air.notify(strap, HR, b"\x00\x52")
            await client.start_notify(HR, heard)
            assert await air.notify(strap, HR, b"\x00\x53")
            await air.drained()
    assert heard.values == [b"\x00\x51", b"\x00\x53"]


async def test_a_link_that_drops_is_told_and_what_was_in_the_air_is_accounted_for() -> None:
    strap = Strap()
    heard = Heard()
    gone = asyncio.Event()
    async with air_of(strap) as air:
        client = client_of(air, strap, lambda _: gone.set())
        await client.connect()
        await client.start_notify(HR, heard)
        for rate in range(60, 70):
            await air.notify(strap, HR, bytes([0, rate]))
        await air.drop(strap)
        await asyncio.wait_for(gone.wait(), PATIENCE_S)
        await asyncio.wait_for(air.drained(), PATIENCE_S)
        assert not client.is_connected
        assert not await air.notify(strap, HR, b"\x00\x50")
        assert heard.values == [bytes([0, rate]) for rate in range(60, 60 + air.delivered)]
        assert air.sent == air.delivered + air.lost == 10
        with pytest.raises(BleakError, match=r"[Nn]ot"):
            await client.read_gatt_char("2a19")

        await client.connect()  # the same client, a new link
        assert await client.read_gatt_char("2a19") == bytes([87])
        await client.start_notify(HR, heard)
        await air.notify(strap, HR, b"\x00\x63")
        await air.drained()
        assert heard.values[-1] == b"\x00\x63"
        await client.disconnect()


async def test_a_central_that_leaves_loses_what_is_in_the_air_and_nothing_waits() -> None:
    strap = Strap()
    async with air_of(strap) as air, client_of(air, strap) as client:
        await client.start_notify(HR, Heard())
        leaving = asyncio.create_task(client.disconnect())
        while not leaving.done():
            await air.notify(strap, HR, b"\x00\x50")
            await asyncio.sleep(0)
        assert not await air.notify(strap, HR, b"\x00\x50")
        assert air.sent > 0
        await asyncio.wait_for(air.drained(), PATIENCE_S)
        assert air.sent == air.delivered + air.lost


async def test_a_link_that_breaks_within_a_read_is_an_error_not_a_cancellation() -> None:
    strap = Strap()
    async with air_of(strap) as air, client_of(air, strap) as client:
        reading = asyncio.create_task(client.read_gatt_char("2a19"))
        await asyncio.sleep(0)  # the request is on its way
        dropping = asyncio.create_task(air.drop(strap))
        with contextlib.suppress(BleakError):  # the answer may have been faster
            assert await asyncio.wait_for(reading, PATIENCE_S) == bytes([87])
        await dropping


async def test_a_refused_connection_is_an_error_and_the_next_one_succeeds() -> None:
    strap = Strap()
    async with air_of(strap) as air:
        air.refuse(strap, times=2)
        client = client_of(air, strap)
        for _ in range(2):
            with pytest.raises(BleakError):
                await asyncio.wait_for(client.connect(), PATIENCE_S)
            assert not client.is_connected
        await client.connect()
        assert client.is_connected
        await client.disconnect()


async def test_a_wearable_out_of_reach_is_not_found_and_does_not_wedge_the_adapter() -> None:
    strap, ring = Strap(), Ring()
    async with air_of(strap, ring) as air:
        await air.hide(strap)
        with pytest.raises(BleakDeviceNotFoundError):
            await client_of(air, strap, timeout_s=0.05).connect()
        async with client_of(air, ring) as client:  # the adapter is free for others
            assert client.is_connected
        await air.show(strap)
        async with client_of(air, strap) as client:
            assert client.is_connected


async def test_a_cancelled_connect_leaves_no_link_behind() -> None:
    strap = Strap()
    async with air_of(strap) as air:
        await air.hide(strap)
        connecting = asyncio.create_task(client_of(air, strap).connect())
        await asyncio.sleep(0.02)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await air.show(strap)
        async with client_of(air, strap) as client:
            assert client.is_connected


async def test_the_ring_refuses_what_it_does_not_have_with_an_att_error() -> None:
    ring = Ring()
    async with air_of(ring) as air, client_of(air, ring) as client:
        with pytest.raises(BleakGATTProtocolError) as caught:
            await client.write_gatt_char(nuanic.RATE_UUID, bytes([5]), response=True)
        assert caught.value.code == 0x13  # Value Not Allowed
        await client.write_gatt_char(nuanic.RATE_UUID, bytes([16]), response=True)
        assert await client.read_gatt_char(nuanic.RATE_UUID) == bytes([16])


async def test_the_rings_clock_is_set_over_the_air() -> None:
    ring = Ring()
    async with air_of(ring) as air, client_of(air, ring) as client:
        before = nuanic.decode_time_ms(bytes(await client.read_gatt_char(nuanic.TIME_UUID)))
        assert before < 60_000  # since boot
        now = 1_790_000_000_000
        await client.write_gatt_char(nuanic.TIME_UUID, nuanic.encode_time_ms(now), response=True)
        ring.advance(story("calm", 1).body("sam").advance(2.0), 2.0)
        after = nuanic.decode_time_ms(bytes(await client.read_gatt_char(nuanic.TIME_UUID)))
        assert after == now + 2000
