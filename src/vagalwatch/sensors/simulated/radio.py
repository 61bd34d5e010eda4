"""The air between simulated wearables and bleak: real ATT and GATT over bumble's controllers.

Every wearable gets a Bluetooth stack of its own (host, controller, GATT server) on one virtual
link; the computer's side is one more stack, which all clients and scanners of the air share, as
one adapter is shared. What bleak sees of it is in ``backend``.

Bumble runs in real time, the story does not: whoever moves the story waits for ``drained``
before moving it on, and by then every notification sent has reached its callback or was lost
with its link. ``sent`` equals ``delivered + lost`` at that moment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bumble import att, core, gatt, hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Device
from bumble.host import Host
from bumble.link import LocalLink

from vagalwatch.sensors.simulated.backend import AirClient, AirScanner
from vagalwatch.sensors.simulated.wearable import RejectedError

if TYPE_CHECKING:
    from bumble.device import Connection

    from vagalwatch.sensors.simulated.wearable import Characteristic, Property, Wearable

_CENTRAL_ADDRESS: Final = "C0:00:00:00:00:00"
_ADVERTISING_INTERVAL_MS: Final = 20.0  # the shortest there is: scans and connects are quick
_LE_ONLY_GENERAL_DISCOVERABLE: Final = 0x06
_FAILED_TO_ESTABLISH: Final = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
_PROPERTIES: Final[dict[Property, gatt.Characteristic.Properties]] = {
    "read": gatt.Characteristic.Properties.READ,
    "write": gatt.Characteristic.Properties.WRITE,
    "notify": gatt.Characteristic.Properties.NOTIFY,
}


class SimulatedAir:
    """Wearables within reach, and the adapter that reaches them.

    ``client_backend`` and ``scanner_backend`` are what ``bleak.BleakClient`` and
    ``bleak.BleakScanner`` take as ``backend``.
    """

    def __init__(self) -> None:
        """An empty air; ``start`` it inside a running loop."""
        self.sent = 0
        self.delivered = 0
        self.lost = 0
        self.client_backend = type("SimulatedClient", (AirClient,), {"air": self})
        self.scanner_backend = type("SimulatedScanner", (AirScanner,), {"air": self})
        self._stations: dict[str, Station] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._scanners = 0
        self._connecting = asyncio.Lock()  # an adapter sets up one link at a time

    async def start(self) -> None:
        """Switch the adapter on."""
        self._link = LocalLink()  # type: ignore[no-untyped-call] # bumble types most, not this
        self._controller = _AirController("adapter", link=self._link)
        self.adapter = _device("adapter", _CENTRAL_ADDRESS, self._controller)
        await self.adapter.power_on()

    async def stop(self) -> None:
        """Switch everything off; links drop."""
        for station in self._stations.values():
            await station.hide()
            await station.drop()
        await self.adapter.power_off()

    async def add(self, wearable: Wearable) -> None:
        """Bring ``wearable`` within reach: it advertises until somebody connects."""
        station = Station(self, self._link, wearable)
        self._stations[wearable.address] = station
        await station.power_on()

    async def hide(self, wearable: Wearable) -> None:
        """Take it out of reach (or let a phone have it): no advertising, its link drops."""
        station = self._stations[wearable.address]
        await station.hide()
        await station.drop()

    async def show(self, wearable: Wearable) -> None:
        """Bring it back within reach."""
        await self._stations[wearable.address].show()

    async def drop(self, wearable: Wearable) -> None:
        """Cut its link in mid-stream; it advertises again at once."""
        await self._stations[wearable.address].drop()

    def refuse(self, wearable: Wearable, times: int) -> None:
        """Let its next ``times`` connections fail while they are being set up."""
        self._stations[wearable.address].refusals = times

    async def notify(self, wearable: Wearable, uuid: str, value: bytes) -> bool:
        """Send a notification; false if there is no link or nobody has subscribed."""
        return await self._stations[wearable.address].notify(uuid, value)

    async def drained(self) -> None:
        """Return when every notification sent has arrived or was lost with its link."""
        await self._quiet.wait()

    async def connect(self, address: str, timeout_s: float) -> Connection:
        """Set up a link from the adapter.

        Raises:
            TimeoutError: nothing advertises under ``address`` in time.
            ConnectionError: the other side hung up at once.
        """
        async with self._connecting:
            try:
                connection = await self.adapter.connect(hci.Address(address), timeout=timeout_s)
            except core.TimeoutError as error:
                raise TimeoutError(address) from error
            except asyncio.CancelledError:
                # Whoever waited has gone; the adapter must not connect behind their back.
                self._controller.cancel_pending_connection()
                if late := self.adapter.find_connection_by_bd_addr(hci.Address(address)):
                    await late.disconnect()
                raise
        if self.adapter.lookup_connection(connection.handle) is not connection:
            raise ConnectionError(f"{address} hung up")
        return connection

    async def scan(self, on: bool) -> None:
        """One scanner more, or one less; the adapter listens while there is any."""
        self._scanners += 1 if on else -1
        if on and self._scanners == 1:
            await self.adapter.start_scanning(active=False)
        elif not on and self._scanners == 0:
            await self.adapter.stop_scanning()

    def count(self, *, sent: int = 0, delivered: int = 0, lost: int = 0) -> None:
        """Keep the books of ``drained``."""
        self.sent += sent
        self.delivered += delivered
        self.lost += lost
        if self.sent == self.delivered + self.lost:
            self._quiet.set()
        else:
            self._quiet.clear()

    def station(self, address: str) -> Station:
        """The station with this address."""
        return self._stations[address.upper()]


class Station:
    """A wearable's own Bluetooth stack."""

    def __init__(self, air: SimulatedAir, link: LocalLink, wearable: Wearable) -> None:
        """Build the GATT server from the wearable's table."""
        self.refusals = 0
        self.central_up = False
        """Whether the other side still takes what this one sends."""
        self._air = air
        self._wearable = wearable
        self._connection: Connection | None = None
        self._in_flight = 0
        self._subscribed: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[str, gatt.Characteristic[Any]] = {}
        self._device = _device(
            wearable.name, wearable.address, _AirController(wearable.name, link=link)
        )
        for service, lines in wearable.services.items():
            self._device.add_service(
                gatt.Service(UUID(service), [self._line(line) for line in lines])
            )
        self._device.advertising_interval_min = _ADVERTISING_INTERVAL_MS
        self._device.advertising_interval_max = _ADVERTISING_INTERVAL_MS
        self._device.advertising_data = _advertisement(wearable)
        self._device.on(Device.EVENT_CONNECTION, self._connected)

    async def power_on(self) -> None:
        """Switch on and advertise."""
        await self._device.power_on()
        await self.show()

    async def show(self) -> None:
        """Advertise whenever there is no link."""
        await self._device.start_advertising(auto_restart=True)

    async def hide(self) -> None:
        """Advertise no more."""
        await self._device.stop_advertising()

    async def drop(self) -> None:
        """End the link, as a supervision timeout would."""
        if self._connection is not None:
            await self._connection.disconnect(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    async def notify(self, uuid: str, value: bytes) -> bool:
        """Send if somebody has subscribed."""
        if self._connection is None or uuid not in self._subscribed:
            return False
        self._in_flight += 1
        self._air.count(sent=1)
        await self._device.gatt_server.notify_subscriber(self._connection, self._lines[uuid], value)
        return True

    def arrived(self) -> None:
        """A notification of this station reached its callback."""
        self._in_flight -= 1
        self._air.count(delivered=1)

    def settle(self) -> None:
        """Write off what can no longer arrive. Each side calls this when it sees the link end.

        What this side sent before it noticed may still arrive while the other side is up.
        """
        if not self.central_up:
            self._air.count(lost=self._in_flight)
            self._in_flight = 0

    def _line(self, line: Characteristic) -> gatt.Characteristic[Any]:
        properties = gatt.Characteristic.Properties(0)
        for name in line.properties:
            properties |= _PROPERTIES[name]
        permissions = gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE
        characteristic = gatt.Characteristic(
            UUID(line.uuid),
            properties,
            permissions,
            gatt.CharacteristicValue(
                read=lambda _: self._wearable.read(line.uuid),
                write=lambda _, value: self._write(line.uuid, value),
            ),
        )
        characteristic.on(
            characteristic.EVENT_SUBSCRIPTION,
            lambda _bearer, notify, _indicate: self._listen(line.uuid, notify),
        )
        self._lines[line.uuid] = characteristic
        return characteristic

    def _write(self, uuid: str, value: bytes) -> None:
        try:
            self._wearable.write(uuid, value)
        except RejectedError as error:
            raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED, message=str(error)) from error

    def _listen(self, uuid: str, on: bool) -> None:
        (self._subscribed.add if on else self._subscribed.discard)(uuid)
        self._wearable.listen(uuid, on)

    def _connected(self, connection: Connection) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            task = asyncio.get_running_loop().create_task(
                connection.disconnect(_FAILED_TO_ESTABLISH)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        self._connection = connection
        connection.on(connection.EVENT_DISCONNECTION, self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self._subscribed.clear()
        self._wearable.hang_up()
        self.settle()


class _AirController(Controller):
    """Bumble's controller, with the one command that it answers without obeying."""

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Core 5.4 Vol 4 Part E 7.8.13: the pending connection completes as unknown.

        Without this a connect that timed out blocks the adapter for ever.
        """
        self.cancel_pending_connection()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def cancel_pending_connection(self) -> None:
        """Give up the connection that is being set up, if any, and report it as unknown."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return
        asyncio.get_running_loop().call_soon(
            self.send_hci_packet,
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            ),
        )


def _device(name: str, address: str, controller: Controller) -> Device:
    host = Host()
    host.controller = controller
    return Device(name=name, address=hci.Address(address), host=host)


def _advertisement(wearable: Wearable) -> bytes:
    uuids = [UUID(uuid).to_pdu_bytes() for uuid in wearable.advertised]
    lists = {
        AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
        AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    }
    parts = [
        (AdvertisingData.FLAGS, bytes([_LE_ONLY_GENERAL_DISCOVERABLE])),
        (AdvertisingData.COMPLETE_LOCAL_NAME, wearable.name.encode()),
    ]
    for kind, length in lists.items():
        if same := b"".join(uuid for uuid in uuids if len(uuid) == length):
            parts.append((kind, same))
    return bytes(AdvertisingData([*parts]))
