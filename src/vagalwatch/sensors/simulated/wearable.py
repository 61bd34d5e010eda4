"""What every simulated wearable is: a GATT table, faults on command, and bytes that come in time.

Nothing here knows a radio. A wearable is told who listens, takes what the body gives off and
answers with frames, each with the second in which it would be sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from vagalwatch.sensors.decode import device_info

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vagalwatch.sensors.simulated.signals import Signals

Property = Literal["read", "write", "notify"]

BATTERY_SERVICE: Final = "0000180f-0000-1000-8000-00805f9b34fb"
DEVICE_INFORMATION_SERVICE: Final = "0000180a-0000-1000-8000-00805f9b34fb"


class Fault(StrEnum):
    """What a wearable can be told to do wrong; what the radio does wrong is the air's matter."""

    OFF_BODY = "off-body"  # taken off
    FROZEN = "frozen"  # repeats one value for ever
    SILENT = "silent"  # keeps the link and sends nothing


class Frame(NamedTuple):
    """One notification: when it is sent, from which characteristic, and its bytes."""

    t_s: float
    uuid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One line of a GATT table; ``value`` is what a read gives unless the wearable says else."""

    uuid: str
    properties: tuple[Property, ...]
    value: bytes = b""


class RejectedError(Exception):
    """The wearable refuses what was written to it."""


class Wearable(ABC):
    """A device on a body. ``fault`` may be set and cleared at any time."""

    def __init__(
        self,
        name: str,
        address: str,
        services: Mapping[str, Sequence[Characteristic]],
        *,
        advertised: Sequence[str],
        manufacturer: str,
        model: str,
        firmware: str,
    ) -> None:
        """Complete ``services`` with Battery and Device Information."""
        self.name = name
        self.address = address
        self.advertised = tuple(advertised)
        self.services: dict[str, tuple[Characteristic, ...]] = {
            **{service: tuple(lines) for service, lines in services.items()},
            BATTERY_SERVICE: (
                Characteristic(device_info.BATTERY_UUID, ("read", "notify"), bytes([87])),
            ),
            DEVICE_INFORMATION_SERVICE: (
                Characteristic(device_info.MANUFACTURER_UUID, ("read",), manufacturer.encode()),
                Characteristic(device_info.MODEL_UUID, ("read",), model.encode()),
                Characteristic(device_info.FIRMWARE_UUID, ("read",), firmware.encode()),
            ),
        }
        self.fault: Fault | None = None
        self._values = {line.uuid: line.value for lines in self.services.values() for line in lines}
        self._heard: set[str] = set()

    def read(self, uuid: str) -> bytes:
        """The present value of a readable characteristic."""
        return self._values[uuid]

    def write(self, uuid: str, value: bytes) -> None:
        """Take what was written.

        Raises:
            RejectedError: it cannot be.
        """
        self._values[uuid] = value

    def listen(self, uuid: str, on: bool) -> None:
        """A central switched notifications of ``uuid`` on or off."""
        (self._heard.add if on else self._heard.discard)(uuid)

    def hang_up(self) -> None:
        """The link is gone, and with it every subscription."""
        self._heard.clear()

    @abstractmethod
    def advance(self, signals: Signals, to_s: float) -> list[Frame]:
        """Take what the body gave off up to ``to_s`` and give the frames due by then, in order.

        Only characteristics that somebody listens to give frames.
        """
