"""A desktop for tests: a private session bus and a notification service on it."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from helpers_real import need
from vagalwatch.deliver import notify_desktop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@contextmanager
def a_session_bus() -> Iterator[str]:
    """The address of a private one."""
    command = [need("dbus-daemon"), "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
        daemon.terminate()


class Screen:
    """org.freedesktop.Notifications, as far as it is asked."""

    def __init__(self) -> None:
        self.shown: list[list[object]] = []
        self.hangs = False
        self.asked = asyncio.Event()

    async def start(self, address: str) -> None:
        self._bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(notify_desktop.SERVICE)

    async def stop(self) -> None:
        self._bus.disconnect()
        with suppress(Exception):
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type != MessageType.METHOD_CALL:
            return None
        if message.interface != notify_desktop.SERVICE:
            return None
        self.asked.set()
        if self.hangs:
            return True
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["fake", "test", "1", "1.2"])
        assert message.signature == "susssasa{sv}i", "the specification's"
        self.shown.append(message.body)
        return Message.new_method_return(message, "u", [41 + len(self.shown)])


@asynccontextmanager
async def a_screen(address: str) -> AsyncIterator[Screen]:
    made = Screen()
    await made.start(address)
    try:
        yield made
    finally:
        await made.stop()
