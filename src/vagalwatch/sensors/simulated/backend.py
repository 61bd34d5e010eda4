"""bleak's side of the air: the client and the scanner that ``bleak`` takes as ``backend``.

They do what bleak 3.1's own backends do on a real adapter: find by advertisement, connect and
discover over ATT, subscribe by the CCCD. Errors are bleak's. Each class is bound to one air by
the attribute ``air`` (see :class:`~vagalwatch.sensors.simulated.radio.SimulatedAir`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import core, gatt
from bumble.att import ATT_Error
from bumble.core import AdvertisingData
from bumble.device import Device, Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bleak.args import SizedBuffer
    from bleak.backends.client import NotifyCallback
    from bleak.backends.scanner import AdvertisementDataCallback
    from bumble.device import Advertisement, Connection
    from bumble.gatt_client import AttributeProxy

    from vagalwatch.sensors.simulated.radio import SimulatedAir, Station

_T = TypeVar("_T")

_MTU = 247  # what BlueZ and most phones settle on; an IMU frame of the ring needs 95
_ATT_HEADER = 3


class AirClient(BaseBleakClient):
    """A link to one wearable of the air."""

    air: ClassVar[SimulatedAir]

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:  # noqa: ANN401 - bleak's signature
        """Not yet connected."""
        super().__init__(address_or_ble_device, **kwargs)
        self._name = (
            address_or_ble_device.name if isinstance(address_or_ble_device, BLEDevice) else None
        )
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._station: Station

    @property
    def name(self) -> str:
        """As advertised, else the address as bleak writes it."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The negotiated ATT MTU."""
        return self._connected().gatt_client.mtu

    @property
    def is_connected(self) -> bool:
        """Whether the link is up and its services are known."""
        return self._connection is not None and self.services is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - bleak's signature; these wearables need no pairing
        """Connect and discover.

        Raises:
            BleakDeviceNotFoundError: nothing advertises under the address in time.
            BleakError: the link broke while it was set up.
        """
        if self._connection is not None:
            raise BleakError("already connected")
        try:
            connection = await self.air.connect(self.address, self._timeout)
        except TimeoutError as error:
            raise BleakDeviceNotFoundError(self.address, f"{self.address} not found") from error
        except ConnectionError as error:
            raise BleakError(str(error)) from error
        self._connection = connection
        self._peer = Peer(connection)
        self._station = self.air.station(self.address)
        self._station.central_up = True
        connection.on(connection.EVENT_DISCONNECTION, self._disconnected)
        try:
            self.services = await self._att(_discover(self._peer))
        except (BleakError, asyncio.CancelledError):
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Close the link; nothing happens if there is none."""
        if (connection := self._connection) is not None:
            await connection.disconnect()

    async def pair(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - bleak's signature
        """Nothing to do: the wearables ask for no bond."""

    async def unpair(self) -> None:
        """Drop the link, as on other platforms; there is no bond to forget."""
        await self.disconnect()

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,  # noqa: ARG002 - there is no cache
        **kwargs: Any,  # noqa: ANN401, ARG002 - bleak's signature
    ) -> bytearray:
        """Read over the air."""
        return await self._read(characteristic.obj)

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,  # noqa: ARG002 - there is no cache
        **kwargs: Any,  # noqa: ANN401, ARG002 - bleak's signature
    ) -> bytearray:
        """Read over the air."""
        return await self._read(descriptor.obj)

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write over the air."""
        await self._att(
            self._connected().write_value(characteristic.obj, bytes(data), with_response=response)
        )

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write over the air."""
        await self._att(
            self._connected().write_value(descriptor.obj, bytes(data), with_response=True)
        )

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,  # noqa: ANN401, ARG002 - bleak's signature
    ) -> None:
        """Subscribe by the CCCD."""
        peer, station = self._connected(), self._station

        def arrived(value: bytes) -> None:
            try:
                callback(bytearray(value))
            finally:
                station.arrived()

        await self._att(peer.subscribe(characteristic.obj, arrived))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe; what was on its way still arrives."""
        peer, proxy = self._connected(), characteristic.obj
        cccd = proxy.get_descriptor(gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR)
        if cccd is not None:
            # Bumble forgets the callback before it tells the other side; ATT keeps order, so
            # after this answer nothing more can come.
            await self._att(peer.write_value(cccd, b"\x00\x00", with_response=True))
        await self._att(peer.unsubscribe(proxy))

    async def _read(self, attribute: AttributeProxy[bytes]) -> bytearray:
        return bytearray(await self._att(self._connected().read_value(attribute)))

    async def _att(self, operation: Awaitable[_T]) -> _T:
        try:
            return await operation
        except ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error
        except asyncio.CancelledError:
            # Bumble cancels the pending request when its link breaks; then nobody has
            # cancelled us.
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                raise BleakError("the link broke") from None
            raise

    def _connected(self) -> Peer:
        if self._peer is None or self._connection is None:
            raise BleakError("not connected")
        return self._peer

    def _disconnected(self, _reason: int) -> None:
        was_up = self.is_connected
        self._connection = self._peer = self.services = None
        self._station.central_up = False
        self._station.settle()
        if was_up and self._disconnected_callback is not None:
            self._disconnected_callback()


class AirScanner(BaseBleakScanner):
    """Listens to the air's advertisements."""

    air: ClassVar[SimulatedAir]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,  # noqa: ARG002 - bleak's signature; both modes hear everything
        **kwargs: Any,  # noqa: ANN401, ARG002 - bleak's signature
    ) -> None:
        """Not yet listening."""
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        """Listen."""
        self.seen_devices = {}
        self.air.adapter.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.air.scan(on=True)

    async def stop(self) -> None:
        """Stop listening."""
        self.air.adapter.remove_listener(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.air.scan(on=False)

    def _heard(self, advertisement: Advertisement) -> None:
        if advertisement.is_scan_response:
            return  # bumble's controller repeats the advertisement as one
        data = advertisement.data
        name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
        adv = AdvertisementData(
            local_name=name if isinstance(name, str) else None,
            manufacturer_data={},
            service_data={},
            service_uuids=[
                _uuid(uuid)
                for kind in (
                    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
                    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
                )
                for uuids in data.get_all(kind)
                for uuid in uuids
            ],
            tx_power=None,
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )
        if not self.is_allowed_uuid(adv.service_uuids):
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(address, address, adv.local_name, advertisement, adv)
        self.call_detection_callbacks(device, adv)


async def _discover(peer: Peer) -> BleakGATTServiceCollection:
    await peer.request_mtu(_MTU)
    await peer.discover_services()
    collection = BleakGATTServiceCollection()
    for service in peer.services:
        found = BleakGATTService(service, service.handle, _uuid(service.uuid))
        collection.add_service(found)
        for proxy in await peer.discover_characteristics(service=service):
            characteristic = BleakGATTCharacteristic(
                proxy,
                proxy.handle,
                _uuid(proxy.uuid),
                list(gatt_char_props_to_strs(proxy.properties)),
                lambda: peer.gatt_client.mtu - _ATT_HEADER,
                found,
            )
            collection.add_characteristic(characteristic)
            for descriptor in await peer.gatt_client.discover_descriptors(proxy):
                collection.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, _uuid(descriptor.type), characteristic
                    )
                )
    return collection


def _uuid(uuid: core.UUID) -> str:
    return str(UUID(bytes=bytes(reversed(uuid.to_bytes(force_128=True)))))
