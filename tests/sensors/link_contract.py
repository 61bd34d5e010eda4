"""What every radio must let a link do: one suite for the scripted, BlueZ's and bumble's air.

A subclass gives the fixture ``air`` with one strap in it. Story time moves only in
``pass_time``, so back-off and silence cost no real seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from vagalwatch.records import Device, Gap, GapReason, Heart, Level, Record
from vagalwatch.sensors.decode.heart_rate import MEASUREMENT_UUID, HeartRateMeasurement, encode
from vagalwatch.sensors.link import SensorLink, _radio
from vagalwatch.settings import SensorSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

    from vagalwatch.clock import StoryClock

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS
ADDRESS = "C0:FF:EE:00:00:01"


class Air(Protocol):
    """A radio with one strap in reach: model H10 of Polar, at the chest, battery 44 %."""

    clock: StoryClock

    @property
    def backend(self) -> type[BaseBleakClient] | None:
        """What bleak's client is given."""
        ...

    @property
    def scanner_backend(self) -> type[BaseBleakScanner] | None:
        """What bleak's scanner is given."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Move the story on and let the radio do its part."""
        ...

    async def notify(self, raw: bytes) -> None:
        """The strap sends a heart rate measurement, if somebody listens."""
        ...

    async def drop(self) -> None:
        """The link breaks; the strap advertises again."""
        ...

    async def hide(self) -> None:
        """The strap is out of reach, also for an open link."""
        ...

    async def show(self) -> None:
        """It is back."""
        ...

    def refuse(self, times: int) -> None:
        """The next connections fail while they are being made."""
        ...

    @property
    def scanning(self) -> bool:
        """Is a search on?"""
        ...

    @property
    def connected(self) -> bool:
        """Does the strap have a link?"""
        ...

    @property
    def listening(self) -> bool:
        """Has somebody subscribed to its measurements?"""
        ...

    @property
    def connections(self) -> int:
        """How often a link was made."""
        ...


class Listener:
    """A running link and what it has said."""

    def __init__(self, air: Air, sensor: SensorSettings | None = None) -> None:
        self.air = air
        self.records: list[Record] = []
        self.link = SensorLink(
            sensor or SensorSettings(device="heart-rate", address=ADDRESS),
            "anna",
            air.clock,
            self.records.append,
            backend=air.backend,
            scanner_backend=air.scanner_backend,
            jitter=lambda: 0.0,
        )

    @property
    def hearts(self) -> list[Heart]:
        return [record for record in self.records if isinstance(record, Heart)]

    @property
    def gaps(self) -> list[tuple[GapReason, bool]]:
        """Reason, and whether it has ended, in the order in which they were said."""
        return [(r.reason, r.end_ns is not None) for r in self.records if isinstance(r, Gap)]

    async def until(self, said: Callable[[], bool], seconds: float = 60) -> None:
        """Pass time until it is so."""
        end_ns = self.air.clock.now_ns() + seconds * NS
        for _ in range(5_000):
            if said():
                return
            assert self.air.clock.now_ns() < end_ns, (self.link.status, self.gaps)
            if _radio().locked() and not self.air.scanning:
                await asyncio.sleep(0.005)  # the radio works in real time; the story waits
            else:
                await self.air.pass_time(0.25)
        raise AssertionError((self.link.status, self.gaps))

    async def beat(self, *rr_1024: int, hr_bpm: int = 70) -> bytes:
        """One second with one notification; returns its bytes."""
        raw = encode(HeartRateMeasurement(hr_bpm, rr_1024=rr_1024))
        before = len(self.hearts)
        await self.air.notify(raw)
        await self.until(lambda: len(self.hearts) > before, 5)
        await self.air.pass_time(1)
        return raw


@contextlib.asynccontextmanager
async def listening(air: Air, sensor: SensorSettings | None = None) -> AsyncIterator[Listener]:
    """A link that runs while the block does."""
    listener = Listener(air, sensor)
    task = asyncio.create_task(listener.link.run())
    try:
        yield listener
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class LinkContract:
    """The suite."""

    async def test_a_strap_is_found_asked_and_heard(self, air: Air) -> None:
        async with listening(air) as listener:
            await listener.until(lambda: air.listening)
            raw = await listener.beat(850, 860)
            assert listener.link.status == "connected"
            assert listener.link.advice == ""
        (device,) = [r for r in listener.records if isinstance(r, Device)]
        assert (device.manufacturer, device.model) == ("Polar Electro Oy", "H10")
        assert device.body_location == "chest"
        assert [r.value for r in listener.records if isinstance(r, Level)] == [44.0]
        (heart,) = listener.hearts
        assert (heart.wearer, heart.source, heart.raw) == ("anna", "heart-rate-0001", raw)
        assert heart.rr_ms == (850 / 1.024, 860 / 1.024)
        assert listener.gaps[:2] == [(GapReason.NEVER_SEEN, False), (GapReason.NEVER_SEEN, True)]

    async def test_a_stop_is_clean_and_said(self, air: Air) -> None:
        async with listening(air) as listener:
            await listener.until(lambda: air.listening)
            await listener.beat(850)
        assert listener.gaps[-1] == (GapReason.STOPPED, False)
        assert listener.link.status == "stopped"
        await listener.until(lambda: not air.connected, 5)

    async def test_a_drop_is_a_gap_and_nothing_is_chained_or_doubled(self, air: Air) -> None:
        async with listening(air) as listener:
            await listener.until(lambda: air.listening)
            sent = [await listener.beat(850 + n) for n in range(3)]
            await air.drop()
            await listener.until(lambda: listener.gaps[-1] == (GapReason.LINK_LOST, False), 5)
            await listener.until(lambda: air.listening, 15)
            sent += [await listener.beat(900 + n) for n in range(3)]
        assert [heart.raw for heart in listener.hearts] == sent
        assert [heart.chained for heart in listener.hearts] == [
            False, True, True, False, True, True,
        ]  # fmt: skip
        times = [t_ns for heart in listener.hearts for t_ns in heart.beat_t_ns]
        assert all(a < b for a, b in pairwise(times))
        assert listener.gaps == [
            (GapReason.NEVER_SEEN, False),
            (GapReason.NEVER_SEEN, True),
            (GapReason.LINK_LOST, False),
            (GapReason.LINK_LOST, True),
            (GapReason.STOPPED, False),
        ]
        assert air.connections == 2

    async def test_refused_connections_are_tried_again(self, air: Air) -> None:
        air.refuse(3)
        async with listening(air) as listener:
            await listener.until(lambda: listener.link.status == "refused", 30)
            assert "phone app" in listener.link.advice
            await listener.until(lambda: air.listening, 60)
            await listener.beat(850)
        assert listener.gaps[:2] == [(GapReason.NEVER_SEEN, False), (GapReason.NEVER_SEEN, True)]

    async def test_a_strap_out_of_reach_is_missed_and_met_again(self, air: Air) -> None:
        await air.hide()
        async with listening(air) as listener:
            await listener.until(lambda: listener.link.status == "not-found", 30)
            assert "phone app" in listener.link.advice
            assert listener.gaps == [(GapReason.NEVER_SEEN, False)]
            await air.show()
            await listener.until(lambda: air.listening, 90)
            await listener.beat(850)
            await air.hide()
            await listener.until(lambda: listener.gaps[-1] == (GapReason.LINK_LOST, False), 15)
            await air.show()
            await listener.until(lambda: air.listening, 90)
            await listener.beat(850)
            assert listener.gaps[-1] == (GapReason.LINK_LOST, True)

    async def test_a_link_that_is_up_and_silent_is_a_gap_and_made_anew(self, air: Air) -> None:
        async with listening(air) as listener:
            await listener.until(lambda: air.listening)
            await listener.beat(850)
            silent_ns = air.clock.now_ns()
            await listener.until(lambda: listener.gaps[-1] == (GapReason.SILENT, False), 4)
            await listener.until(lambda: air.connections == 2 and air.listening, 30)
            assert air.clock.now_ns() - silent_ns < 15 * NS
            await listener.beat(850)
        assert listener.gaps[2:] == [
            (GapReason.SILENT, False),
            (GapReason.SILENT, True),
            (GapReason.LINK_LOST, False),
            (GapReason.LINK_LOST, True),
            (GapReason.STOPPED, False),
        ]

    async def test_what_comes_mangled_is_kept(self, air: Air) -> None:
        async with listening(air) as listener:
            await listener.until(lambda: air.listening)
            await air.notify(b"\x10\x46\x01")
            await listener.until(lambda: any(r.kind == "refused" for r in listener.records), 5)
            await listener.beat(850)


__all__ = ["ADDRESS", "MEASUREMENT_UUID", "START_NS", "Air", "LinkContract", "listening"]
