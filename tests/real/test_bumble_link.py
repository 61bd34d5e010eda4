"""The link's suite over a real GATT stack: bumble's, reached through bleak's plugged-in backend."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sensors.link_contract import ADDRESS, START_NS, LinkContract
from vagalwatch.clock import StoryClock
from vagalwatch.sensors.decode.device_info import BATTERY_UUID
from vagalwatch.sensors.decode.heart_rate import MEASUREMENT_UUID
from vagalwatch.sensors.simulated.radio import SimulatedAir
from vagalwatch.sensors.simulated.strap import Strap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

pytestmark = pytest.mark.real


class CountingStrap(Strap):
    """A strap that only the test moves, and that knows how often it was listened to."""

    def __init__(self) -> None:
        super().__init__("Polar H10", ADDRESS, manufacturer="Polar Electro Oy", model="H10")
        self.write(BATTERY_UUID, b"\x2c")
        self.subscriptions = 0

    def listen(self, uuid: str, on: bool) -> None:
        super().listen(uuid, on)
        self.subscriptions += on and uuid == MEASUREMENT_UUID


class BumbleAir:
    """The contract's ``Air`` over the simulated one."""

    def __init__(self) -> None:
        self.clock = StoryClock(START_NS)
        self.strap = CountingStrap()
        self.radio = SimulatedAir()
        self.backend: type[BaseBleakClient] = self.radio.client_backend
        self.scanner_backend: type[BaseBleakScanner] = self.radio.scanner_backend

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await asyncio.sleep(0.004)  # the radio works in real time
        await self.radio.drained()

    async def notify(self, raw: bytes) -> None:
        await self.radio.notify(self.strap, MEASUREMENT_UUID, raw)

    async def drop(self) -> None:
        await self.radio.drop(self.strap)

    async def hide(self) -> None:
        await self.radio.hide(self.strap)

    async def show(self) -> None:
        await self.radio.show(self.strap)

    def refuse(self, times: int) -> None:
        self.radio.refuse(self.strap, times)

    @property
    def scanning(self) -> bool:
        return self.radio._scanners > 0

    @property
    def connected(self) -> bool:
        return bool(self.strap._heard)

    @property
    def listening(self) -> bool:
        return MEASUREMENT_UUID in self.strap._heard

    @property
    def connections(self) -> int:
        return self.strap.subscriptions


@pytest.fixture
async def air() -> AsyncIterator[BumbleAir]:
    air = BumbleAir()
    await air.radio.start()
    await air.radio.add(air.strap)
    yield air
    await air.radio.stop()


class TestBumbleLink(LinkContract):
    """The contract on the simulated wearables' stack."""
