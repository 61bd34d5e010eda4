"""A whole house for tests: the real service over the simulated air, with time told by the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from vagalwatch.clock import NS, StoryClock
from vagalwatch.journal.reader import open_reader
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.script import Drive, Phase, Script
from vagalwatch.sensors.simulated.stage import Stage
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.service import Radio, Service
from vagalwatch.settings import (
    MqttSettings,
    NotifySettings,
    PageSettings,
    SensorSettings,
    Settings,
    WearerSettings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.records import Estimate, Gap, Record
    from vagalwatch.sensors.simulated.signals import Source

EVENING_NS = 1_795_446_000 * NS
WEARER = "alex"


class House:
    """One wearer with a strap and a ring. ``said`` is everything since the service woke."""

    def __init__(self, service: Service, stage: Stage, strap: Strap, ring: Ring) -> None:
        self.service, self.stage, self.strap, self.ring = service, stage, strap, ring
        self.said: list[Record] = []
        self.now_s = 0.0
        service.hub.watchers.append(self.said.append)

    async def live(self, seconds: float) -> None:
        """Let the story go on."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(self.now_s + 1, end_s)
            await self.stage.play(self.now_s)

    def suspend(self, seconds: float) -> None:
        """The machine sleeps; bodies live on, and what their sensors send reaches nobody."""
        self.now_s += seconds
        self.service._clock.suspend(seconds)  # type: ignore[attr-defined] # a StoryClock's
        for wearer, body in self.stage._bodies.items():
            signals = body.advance(self.now_s)
            for wearable in self.stage._wearables[wearer]:
                wearable.advance(signals, self.now_s)

    async def reconnected(self) -> None:
        """Let the story go on until all links are up: the radio takes its own, real time."""
        async with asyncio.timeout(30):
            while any(link.status != "connected" for link in self.service.links):
                await self.live(1)
                await asyncio.sleep(0.01)

    def rows(self, since_s: float = 0.0) -> list[Estimate]:
        """The rows for the seconds from ``since_s`` on."""
        since_ns = self.stage.zero_ns + since_s * NS
        return [
            record for record in self.said if record.kind == "estimate" and record.t_ns >= since_ns
        ]

    def gaps(self) -> list[Gap]:
        """Every gap, as it stands last."""
        last = {
            (record.source, record.stream, record.t_ns): record
            for record in self.said
            if record.kind == "gap"
        }
        return list(last.values())


@asynccontextmanager
async def house(
    folder: Path,
    body: Source | None = None,
    *,
    clock: StoryClock | None = None,
    mqtt: Literal["embedded", "off"] = "off",
    notify: tuple[NotifySettings, ...] = (),
) -> AsyncIterator[House]:
    """Wake the service, connect the sensors, and put it to sleep at the end."""
    clock = clock or StoryClock(EVENING_NS)
    strap, ring = Strap(), Ring()
    settings = Settings(
        site="test",
        state_dir=folder,
        wearers=(
            WearerSettings(
                id=WEARER,
                sensors=(
                    SensorSettings(device="heart-rate", address=strap.address),
                    SensorSettings(device="nuanic", address=ring.address),
                ),
                notify=notify,
            ),
        ),
        mqtt=MqttSettings(mode=mqtt, port=0),
        page=PageSettings(port=0),
    )
    stage = Stage({WEARER: body or quiet_body()}, {WEARER: (strap, ring)}, clock)
    await stage.set_up()
    service = Service(settings, clock, Radio(stage.air.client_backend, stage.air.scanner_backend))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        life = group.create_task(service.run(stop))
        await service.live.wait()
        home = House(service, stage, strap, ring)
        await stage.connect(service.links)
        yield home
        assert service.hub.faults == {}
        stop.set()
        await life
    await stage.air.stop()


def quiet_body(seed: int = 1) -> Body:
    """Somebody who sits and rests."""
    return Body(seed, Script(Phase(0, Drive(hr_bpm=68))))


def journalled(folder: Path) -> list[Record]:
    """Everything in the journal, in order."""
    records: list[Record] = []
    with open_reader(folder / "test.sqlite") as reader:
        after = 0
        while entries := reader.read(after):
            after = entries[-1].place
            records += [entry.record for entry in entries]
    return records
