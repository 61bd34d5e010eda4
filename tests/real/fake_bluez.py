"""A fake ``org.bluez``: one adapter and one strap on a private bus, for bleak's real BlueZ backend.

It answers as bluetoothd does (doc/org.bluez.*.rst of BlueZ 5.66): objects come and go with
``InterfacesAdded`` and ``InterfacesRemoved``, states change with ``PropertiesChanged``, a
notification is a change of a characteristic's ``Value``, and a second ``StartDiscovery`` of the
same client is "InProgress".
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from sensors.link_contract import ADDRESS, START_NS
from sensors.scripted_air import STRAP
from vagalwatch.clock import StoryClock
from vagalwatch.sensors.decode import heart_rate

if TYPE_CHECKING:
    from collections.abc import Coroutine

ADAPTER = "/org/bluez/hci0"
DEVICE = f"{ADAPTER}/dev_{ADDRESS.replace(':', '_')}"
FAILED = "org.bluez.Error.Failed"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"

Properties = dict[str, Variant]


class FakeBluez:
    """The daemon, and the contract's ``Air`` at the same time."""

    backend = None
    scanner_backend = None

    def __init__(self) -> None:
        self.clock = StoryClock(START_NS)
        self.objects: dict[str, dict[str, Properties]] = {}
        self.in_reach = True
        self.refusals: list[str] = []
        self.connections = 0
        self.calls: list[str] = []
        self._discovering = False
        self._notifying: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._values: dict[str, bytes] = {}

    # --- life ------------------------------------------------------------------------------

    async def start(self, address: str) -> None:
        """Claim the name on the bus at ``address`` and plug the adapter in."""
        self._bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name("org.bluez")
        self.plug_in()

    async def stop(self) -> None:
        """Leave the bus."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._bus.disconnect()
        with contextlib.suppress(Exception):
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def plug_in(self, *, powered: bool = True) -> None:
        """An adapter appears."""
        self._add(
            ADAPTER,
            "org.bluez.Adapter1",
            {
                "Address": Variant("s", "00:00:00:00:00:01"),
                "Name": Variant("s", "fake"),
                "Alias": Variant("s", "fake"),
                "Powered": Variant("b", powered),
                "Discovering": Variant("b", value=False),
                "Roles": Variant("as", ["central"]),
            },
        )

    async def pull_out(self) -> None:
        """The adapter vanishes, and with it every device of it."""
        await self.drop()
        self._discovering = False
        self._remove(DEVICE)
        self._remove(ADAPTER)

    # --- the contract's air ----------------------------------------------------------------

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await asyncio.sleep(0.004)  # D-Bus works in real time

    async def notify(self, raw: bytes) -> None:
        path = self._path_of(heart_rate.MEASUREMENT_UUID)
        if path in self._notifying:
            self._change(path, "org.bluez.GattCharacteristic1", {"Value": Variant("ay", raw)})

    async def drop(self) -> None:
        if self.connected:
            self._disconnected()

    async def hide(self) -> None:
        self.in_reach = False
        await self.drop()
        self._remove(DEVICE)

    async def show(self) -> None:
        self.in_reach = True

    def refuse(self, times: int) -> None:
        self.refusals += ["Software caused connection abort"] * times

    @property
    def scanning(self) -> bool:
        return self._discovering

    @property
    def connected(self) -> bool:
        device = self.objects.get(DEVICE)
        return device is not None and bool(device["org.bluez.Device1"]["Connected"].value)

    @property
    def listening(self) -> bool:
        return bool(self._notifying)

    # --- the strap -------------------------------------------------------------------------

    def appear(self, *, connected: bool = False) -> None:
        """BlueZ knows the strap; ``connected``: from before a crash of ours."""
        self._add(
            DEVICE,
            "org.bluez.Device1",
            {
                "Address": Variant("s", ADDRESS),
                "AddressType": Variant("s", "random"),
                "Name": Variant("s", "Polar H10"),
                "Alias": Variant("s", "Polar H10"),
                "Adapter": Variant("o", ADAPTER),
                "Paired": Variant("b", value=False),
                "Trusted": Variant("b", value=False),
                "Connected": Variant("b", value=False),
                "ServicesResolved": Variant("b", value=False),
                "UUIDs": Variant("as", list(STRAP)),
                "RSSI": Variant("n", -50),
            },
        )
        if connected:
            self._connected()

    async def _advertise(self) -> None:
        while self._discovering:
            await asyncio.sleep(0.005)
            if not self._discovering or not self.in_reach or self.connected:
                continue
            if DEVICE not in self.objects:
                self.appear()
            else:
                self._change(DEVICE, "org.bluez.Device1", {"RSSI": Variant("n", -50)})

    def _connected(self) -> None:
        self.connections += 1
        self._change(DEVICE, "org.bluez.Device1", {"Connected": Variant("b", value=True)})
        for s, (service, lines) in enumerate(STRAP.items()):
            service_path = f"{DEVICE}/service{s * 256:04x}"
            self._add(
                service_path,
                "org.bluez.GattService1",
                {
                    "UUID": Variant("s", service),
                    "Device": Variant("o", DEVICE),
                    "Primary": Variant("b", value=True),
                },
            )
            for n, (uuid, value) in enumerate(lines.items(), start=1):
                path = f"{service_path}/char{s * 256 + n:04x}"
                self._values[path] = value
                self._add(
                    path,
                    "org.bluez.GattCharacteristic1",
                    {
                        "UUID": Variant("s", uuid),
                        "Service": Variant("o", service_path),
                        "Flags": Variant("as", ["read", "notify"]),
                        "Value": Variant("ay", b""),
                    },
                )
        self._change(DEVICE, "org.bluez.Device1", {"ServicesResolved": Variant("b", value=True)})

    def _disconnected(self) -> None:
        self._notifying.clear()
        for name in ("ServicesResolved", "Connected"):
            self._change(DEVICE, "org.bluez.Device1", {name: Variant("b", value=False)})
        for path in [path for path in self.objects if path.startswith(f"{DEVICE}/")]:
            self._remove(path)

    def _path_of(self, uuid: str) -> str:
        return next(
            (
                path
                for path, interfaces in self.objects.items()
                for properties in interfaces.values()
                if "Service" in properties and properties["UUID"].value == uuid
            ),
            "",
        )

    # --- the bus ---------------------------------------------------------------------------

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path is None:
            return None
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        if message.interface is None or not message.interface.startswith(
            ("org.bluez.", "org.freedesktop.DBus.Properties")
        ):
            return None
        self.calls.append(str(message.member))
        if message.path not in self.objects:
            return Message.new_error(message, UNKNOWN_OBJECT, "gone")
        answer = getattr(self, f"_on_{message.member}", None)
        if answer is None:
            return Message.new_error(message, FAILED, f"{message.member} is not faked")
        reply = answer(message)
        assert isinstance(reply, Message)
        return reply

    def _on_SetDiscoveryFilter(self, message: Message) -> Message:  # noqa: N802 - D-Bus names
        return Message.new_method_return(message)

    def _on_StartDiscovery(self, message: Message) -> Message:  # noqa: N802
        if self._discovering:
            return Message.new_error(message, "org.bluez.Error.InProgress", "")
        self._discovering = True
        self._spawn(self._advertise())  # never from inside: the scanner listens after the reply
        return Message.new_method_return(message)

    def _on_StopDiscovery(self, message: Message) -> Message:  # noqa: N802
        self._discovering = False
        return Message.new_method_return(message)

    def _on_Connect(self, message: Message) -> Message:  # noqa: N802
        if self.refusals:
            return Message.new_error(message, FAILED, self.refusals.pop(0))
        self._connected()
        return Message.new_method_return(message)

    def _on_Disconnect(self, message: Message) -> Message:  # noqa: N802
        if self.connected:
            self._disconnected()
        return Message.new_method_return(message)

    def _on_ReadValue(self, message: Message) -> Message:  # noqa: N802
        return Message.new_method_return(message, "ay", [self._values[str(message.path)]])

    def _on_StartNotify(self, message: Message) -> Message:  # noqa: N802
        self._notifying.add(str(message.path))
        return Message.new_method_return(message)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _add(self, path: str, interface: str, properties: Properties) -> None:
        self.objects[path] = {interface: properties}
        self._signal(
            "/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, {interface: properties}]
        )

    def _remove(self, path: str) -> None:
        interfaces = self.objects.pop(path, None)
        if interfaces is not None:
            self._signal("/", "ObjectManager", "InterfacesRemoved", "oas", [path, list(interfaces)])

    def _change(self, path: str, interface: str, properties: Properties) -> None:
        if path in self.objects:
            self.objects[path][interface] |= properties
            self._signal(
                path, "Properties", "PropertiesChanged", "sa{sv}as", [interface, properties, []]
            )

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[object]
    ) -> None:
        name = f"org.freedesktop.DBus.{interface}"
        self._bus.send(Message.new_signal(path, name, member, signature, body))
