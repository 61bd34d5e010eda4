"""A notification on the desktop that the service runs on, by D-Bus.

Desktop Notifications Specification 1.2 (org.freedesktop.Notifications). It needs the session bus
of the person who sits there, so it works where the service runs as that person, and not where it
runs as a system user.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

if TYPE_CHECKING:
    from types import TracebackType

SERVICE: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
NORMAL, CRITICAL = 1, 2
"""Urgency levels. Critical ones stay until they are closed, also where the desktop is silenced."""


class DesktopError(Exception):
    """The desktop did not take it; the message is one sentence with the way out."""


class Desktop:
    """One notification at a time: each replaces the one before, which has been overtaken."""

    def __init__(self) -> None:
        """Nothing was shown yet."""
        self._last_id = 0

    async def tell(self, text: str, *, urgent: bool, for_ms: int) -> None:
        """Show ``text`` for at most ``for_ms`` (the desktop may close it sooner).

        Raises:
            DesktopError: there is no session bus, nobody there shows notifications, or it refused.
        """
        async with _Bus() as bus:
            reply = await bus.call(
                Message(
                    destination=SERVICE,
                    path=PATH,
                    interface=SERVICE,
                    member="Notify",
                    signature="susssasa{sv}i",
                    body=[
                        "Pause",
                        self._last_id,
                        "",
                        text,
                        "",
                        [],
                        {
                            "urgency": Variant("y", CRITICAL if urgent else NORMAL),
                            "transient": Variant("b", value=True),  # not kept in a list for others
                        },
                        for_ms,
                    ],
                )
            )
            if reply.signature != "u":
                raise DesktopError("The desktop's answer to a notification is not understood.")
            self._last_id = reply.body[0]


async def probe() -> str:
    """Who shows notifications here, as `doctor` says it.

    Raises:
        DesktopError: as :meth:`Desktop.tell`.
    """
    async with _Bus() as bus:
        reply = await bus.call(
            Message(
                destination=SERVICE, path=PATH, interface=SERVICE, member="GetServerInformation"
            )
        )
        return " ".join(str(part) for part in reply.body[:1])


class _Bus:
    """The session bus for one call."""

    async def __aenter__(self) -> Self:
        if "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
            raise DesktopError(
                "There is no session bus: run the service as the person at the desktop "
                "(a user service), or use another way."
            )
        try:
            self._bus = await MessageBus(bus_type=BusType.SESSION).connect()
        except (OSError, EOFError, ValueError) as error:
            raise DesktopError(
                f"The session bus cannot be reached ({type(error).__name__})."
            ) from error
        return self

    async def call(self, message: Message) -> Message:
        reply = await self._bus.call(message)
        if reply is None or reply.message_type != MessageType.METHOD_RETURN:
            name = "no answer" if reply is None else reply.error_name
            raise DesktopError(f"Nobody on the session bus shows notifications ({name}).")
        return reply

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bus.disconnect()
        with suppress(Exception):  # why it ended is of no interest: it was asked to
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
