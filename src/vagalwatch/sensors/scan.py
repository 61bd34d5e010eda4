"""What is within reach: the sensors that advertise now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bleak import BleakScanner

from vagalwatch.sensors.decode.device_info import decode_text
from vagalwatch.sensors.devices import recognise
from vagalwatch.sensors.link_trouble import trouble_of

if TYPE_CHECKING:
    from bleak.backends.scanner import BaseBleakScanner


class ScanError(Exception):
    """The radio cannot search; the message is one sentence with the way out."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that advertises; ``model_key`` is ``None`` for one that is not in the registry."""

    address: str
    name: str
    rssi: int
    model_key: str | None


async def scan(seconds: float, backend: type[BaseBleakScanner] | None = None) -> list[Found]:
    """Listen for ``seconds`` of real time and list what was heard, known and near ones first.

    Raises:
        ScanError: there is no radio to search with.
    """
    try:
        async with BleakScanner(backend=backend) as scanner:
            await asyncio.sleep(seconds)
        heard = scanner.discovered_devices_and_advertisement_data.values()
    except Exception as error:
        raise ScanError(trouble_of(error).advice) from error
    found = [
        Found(
            address=device.address,
            name=decode_text((device.name or advertised.local_name or "").encode(errors="replace")),
            rssi=advertised.rssi,
            model_key=recognise(advertised.service_uuids),
        )
        for device, advertised in heard
    ]
    return sorted(found, key=lambda one: (one.model_key is None, -one.rssi, one.address))
