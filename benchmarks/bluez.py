"""A fake ``org.bluez`` that carries simulated wearables, for bleak's real BlueZ backend.

It answers as bluetoothd does (doc/org.bluez.*.rst of BlueZ 5.66), as far as a well-meaning
adapter and sensors in reach go; faults are the tests' matter (``tests/real/fake_bluez.py``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.sensors.simulated.wearable import Wearable

ADAPTER: Final = "/org/bluez/hci0"
FAILED: Final = "org.bluez.Error.Failed"
ADVERTISING_S: Final = 0.1

Properties = dict[str, Variant]


class WearableBluez:
    """The daemon with one adapter, and ``wearables`` in its reach."""

    def __init__(self, wearables: Sequence[Wearable]) -> None:
        """Nothing is on the bus before :meth:`start`."""
        self._wearables = {_device_path(wearable): wearable for wearable in wearables}
        self._objects: dict[str, dict[str, Properties]] = {}
        self._lines: dict[str, tuple[Wearable, str]] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self._advertising: asyncio.Task[None] | None = None

    async def start(self, bus_address: str) -> None:
        """Claim the name on the bus and plug the adapter in."""
        self._bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name("org.bluez")
        self._add(
            ADAPTER,
            "org.bluez.Adapter1",
            {
                "Address": Variant("s", "00:00:00:00:00:01"),
                "Name": Variant("s", "fake"),
                "Alias": Variant("s", "fake"),
                "Powered": Variant("b", value=True),
                "Discovering": Variant("b", value=False),
                "Roles": Variant("as", ["central"]),
            },
        )

    def notify(self, wearable: Wearable, uuid: str, value: bytes) -> None:
        """Send a notification that somebody has subscribed to."""
        path = self._paths[wearable.address, uuid]
        self._change(path, "org.bluez.GattCharacteristic1", {"Value": Variant("ay", value)})

    # --- the bus ------------------------------------------------------------------------------

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path is None:
            return None
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])
        if not (message.interface or "").startswith("org.bluez."):
            return None
        answer = getattr(self, f"_on_{message.member}", None)
        if answer is None or message.path not in self._objects:
            return Message.new_error(message, FAILED, f"{message.member} is not faked")
        signature, body = answer(message)
        return Message.new_method_return(message, signature, body)

    def _on_SetDiscoveryFilter(self, _: Message) -> tuple[str, list[object]]:  # noqa: N802 - D-Bus names
        return "", []

    def _on_StartDiscovery(self, _: Message) -> tuple[str, list[object]]:  # noqa: N802
        # Never from inside: the scanner listens after the reply.
        self._advertising = asyncio.get_running_loop().create_task(self._advertise())
        return "", []

    def _on_StopDiscovery(self, _: Message) -> tuple[str, list[object]]:  # noqa: N802
        if self._advertising is not None:
            self._advertising.cancel()
        return "", []

    def _on_Connect(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        path = str(message.path)
        self._change(path, "org.bluez.Device1", {"Connected": Variant("b", value=True)})
        self._show_services(path)
        self._change(path, "org.bluez.Device1", {"ServicesResolved": Variant("b", value=True)})
        return "", []

    def _on_Disconnect(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        path = str(message.path)
        self._wearables[path].hang_up()
        for name in ("ServicesResolved", "Connected"):
            self._change(path, "org.bluez.Device1", {name: Variant("b", value=False)})
        return "", []

    def _on_ReadValue(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        wearable, uuid = self._lines[str(message.path)]
        return "ay", [wearable.read(uuid)]

    def _on_WriteValue(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        wearable, uuid = self._lines[str(message.path)]
        wearable.write(uuid, bytes(message.body[0]))
        return "", []

    def _on_StartNotify(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        wearable, uuid = self._lines[str(message.path)]
        wearable.listen(uuid, on=True)
        return "", []

    def _on_StopNotify(self, message: Message) -> tuple[str, list[object]]:  # noqa: N802
        wearable, uuid = self._lines[str(message.path)]
        wearable.listen(uuid, on=False)
        return "", []

    # --- objects ------------------------------------------------------------------------------

    async def _advertise(self) -> None:
        while True:
            await asyncio.sleep(ADVERTISING_S)
            for path, wearable in self._wearables.items():
                if path not in self._objects:
                    self._add(path, "org.bluez.Device1", _device(wearable))
                elif not self._objects[path]["org.bluez.Device1"]["Connected"].value:
                    self._change(path, "org.bluez.Device1", {"RSSI": Variant("n", -50)})

    def _show_services(self, device: str) -> None:
        wearable = self._wearables[device]
        for s, (service, lines) in enumerate(wearable.services.items()):
            service_path = f"{device}/service{s * 256:04x}"
            self._add(
                service_path,
                "org.bluez.GattService1",
                {
                    "UUID": Variant("s", service),
                    "Device": Variant("o", device),
                    "Primary": Variant("b", value=True),
                },
            )
            for n, line in enumerate(lines, start=1):
                path = f"{service_path}/char{s * 256 + n:04x}"
                self._lines[path] = wearable, line.uuid
                self._paths[wearable.address, line.uuid] = path
                self._add(
                    path,
                    "org.bluez.GattCharacteristic1",
                    {
                        "UUID": Variant("s", line.uuid),
                        "Service": Variant("o", service_path),
                        "Flags": Variant("as", list(line.properties)),
                        "Value": Variant("ay", b""),
                    },
                )

    def _add(self, path: str, interface: str, properties: Properties) -> None:
        self._objects[path] = {interface: properties}
        body: list[object] = [path, {interface: properties}]
        self._signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", body)

    def _change(self, path: str, interface: str, properties: Properties) -> None:
        self._objects[path][interface] |= properties
        body: list[object] = [interface, properties, []]
        self._signal(path, "Properties", "PropertiesChanged", "sa{sv}as", body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[object]
    ) -> None:
        name = f"org.freedesktop.DBus.{interface}"
        self._bus.send(Message.new_signal(path, name, member, signature, body))


def _device_path(wearable: Wearable) -> str:
    return f"{ADAPTER}/dev_{wearable.address.replace(':', '_')}"


def _device(wearable: Wearable) -> Properties:
    return {
        "Address": Variant("s", wearable.address),
        "AddressType": Variant("s", "random"),
        "Name": Variant("s", wearable.name),
        "Alias": Variant("s", wearable.name),
        "Adapter": Variant("o", ADAPTER),
        "Paired": Variant("b", value=False),
        "Trusted": Variant("b", value=False),
        "Connected": Variant("b", value=False),
        "ServicesResolved": Variant("b", value=False),
        "UUIDs": Variant("as", list(wearable.services)),
        "RSSI": Variant("n", -50),
    }
