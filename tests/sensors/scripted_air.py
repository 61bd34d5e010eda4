"""A radio that does as it is told: a bleak backend without any bytes on any bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError

from sensors.link_contract import ADDRESS, START_NS
from vagalwatch.clock import StoryClock
from vagalwatch.sensors.decode import device_info, heart_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from bleak.args import SizedBuffer
    from bleak.backends.client import NotifyCallback
    from bleak.backends.descriptor import BleakGATTDescriptor
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementDataCallback

STRAP = {
    heart_rate.SERVICE_UUID: {
        heart_rate.MEASUREMENT_UUID: b"",
        heart_rate.BODY_LOCATION_UUID: b"\x01",
    },
    "0000180f-0000-1000-8000-00805f9b34fb": {device_info.BATTERY_UUID: b"\x2c"},
    "0000180a-0000-1000-8000-00805f9b34fb": {
        device_info.MANUFACTURER_UUID: b"Polar Electro Oy",
        device_info.MODEL_UUID: b"H10",
        device_info.FIRMWARE_UUID: b"5.0.0",
    },
}


class ScriptedAir:
    """One strap and one adapter, as in the contract's ``Air``; errors can be put on."""

    def __init__(self) -> None:
        self.clock = StoryClock(START_NS)
        self.backend: type[BaseBleakClient] = type("Client", (ScriptedClient,), {"air": self})
        self.scanner_backend: type[BaseBleakScanner] = type("Scanner", (_Scanner,), {"air": self})
        self.services = {service: dict(lines) for service, lines in STRAP.items()}
        self.in_reach = True
        self.connections = 0
        self.attempts: list[int] = []
        self.searches = self.searches_at_once = 0
        self.scan_errors: list[Exception] = []
        self.connect_errors: list[BaseException] = []
        self.read_errors: list[Exception] = []
        self.notify_errors: list[Exception] = []
        self.client: ScriptedClient | None = None
        self.written: list[tuple[str, bytes]] = []

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def notify(self, raw: bytes, uuid: str = heart_rate.MEASUREMENT_UUID) -> None:
        if self.client is not None and uuid in self.client.callbacks:
            self.client.callbacks[uuid](bytearray(raw))

    async def drop(self) -> None:
        if self.client is not None:
            self.client.lose()

    async def hide(self) -> None:
        self.in_reach = False
        await self.drop()

    async def show(self) -> None:
        self.in_reach = True

    def refuse(self, times: int) -> None:
        self.connect_errors += [BleakError("refused")] * times

    @property
    def scanning(self) -> bool:
        return self.searches > 0

    @property
    def connected(self) -> bool:
        return self.client is not None

    @property
    def listening(self) -> bool:
        return self.client is not None and bool(self.client.callbacks)


class _Scanner(BaseBleakScanner):
    air: ScriptedAir

    def __init__(
        self,
        detected: AdvertisementDataCallback | None,
        uuids: list[str] | None,
        _mode: str,
        **_: object,
    ) -> None:
        super().__init__(detected, uuids)

    async def start(self) -> None:
        if self.air.scan_errors:
            raise self.air.scan_errors.pop(0)
        self.air.searches += 1
        self.air.searches_at_once = max(self.air.searches_at_once, self.air.searches)
        if self.air.in_reach:
            said = AdvertisementData("H10", {}, {}, list(STRAP)[:1], None, -50, ())
            device = self.create_or_update_device(ADDRESS, ADDRESS, "Polar H10", None, said)
            self.call_detection_callbacks(device, said)

    async def stop(self) -> None:
        self.air.searches -= 1


class ScriptedClient(BaseBleakClient):
    air: ScriptedAir

    def __init__(
        self,
        device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_: object,
    ) -> None:
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self.callbacks: dict[str, NotifyCallback] = {}

    @property
    def mtu_size(self) -> int:
        return 23

    @property
    def is_connected(self) -> bool:
        return self.air.client is self

    async def connect(self, pair: bool, **_: object) -> None:
        del pair
        self.air.attempts.append(self.air.clock.now_ns())
        if self.air.connect_errors:
            raise self.air.connect_errors.pop(0)
        self.air.client = self
        self.air.connections += 1
        self.services = BleakGATTServiceCollection()
        for at, (uuid, lines) in enumerate(self.air.services.items()):
            service = BleakGATTService(None, at * 100, uuid)
            self.services.add_service(service)
            for n, line in enumerate(lines, start=1):
                self.services.add_characteristic(
                    BleakGATTCharacteristic(
                        None, at * 100 + n, line, ["read", "notify", "write"], lambda: 20, service
                    )
                )

    def lose(self) -> None:
        self.air.client = None
        self.callbacks.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self.is_connected:
            self.lose()

    async def pair(self, *_: object, **__: object) -> None:
        raise NotImplementedError

    async def unpair(self) -> None:
        raise NotImplementedError

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_: object
    ) -> bytearray:
        if self.air.read_errors:
            raise self.air.read_errors.pop(0)
        return bytearray(self.air.services[characteristic.service_uuid][characteristic.uuid])

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_: object) -> bytearray:
        raise NotImplementedError

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        assert response
        self.air.written.append((characteristic.uuid, bytes(data)))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        raise NotImplementedError

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: object
    ) -> None:
        if self.air.notify_errors:
            raise self.air.notify_errors.pop(0)
        self.callbacks[characteristic.uuid] = callback

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        raise NotImplementedError
