"""Where a story is played: bodies, what they wear, and the air between that and a service.

The story's clock moves on only when what was sent in the step before has arrived, so what a
service sees does not depend on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from vagalwatch.clock import NS, StoryClock
from vagalwatch.sensors.decode import heart_rate, nuanic
from vagalwatch.sensors.simulated.radio import SimulatedAir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vagalwatch.sensors.link import SensorLink
    from vagalwatch.sensors.simulated.signals import Source
    from vagalwatch.sensors.simulated.wearable import Frame, Wearable

CONNECT_WITHIN_S: Final = 30.0
"""Of real time, for all links over the simulated air; four take about a second."""

_USUALLY_WITHIN_S: Final = 5.0  # real time, likewise
_CONNECT_STEP_S: Final = 0.1
_ROW_NS: Final = 5 * NS  # rows of the estimate stand at multiples of this


class Stage:
    """Bodies with wearables on them. ``beats`` and ``eda_samples`` count what was notified."""

    def __init__(
        self,
        bodies: Mapping[str, Source],
        wearables: Mapping[str, Sequence[Wearable]],
        clock: StoryClock,
    ) -> None:
        """``bodies`` and ``wearables`` by wearer; they live on ``clock`` from :meth:`connect`."""
        self.air = SimulatedAir()
        self.beats = 0
        self.eda_samples = 0
        self.zero_ns = 0
        """The story's second 0."""
        self._bodies = bodies
        self._wearables = wearables
        self._clock = clock

    async def set_up(self) -> None:
        """Bring the wearables within reach."""
        await self.air.start()
        for wearables in self._wearables.values():
            for wearable in wearables:
                await self.air.add(wearable)

    async def connect(self, links: Sequence[SensorLink]) -> None:
        """Wait until all ``links`` are up; that is second 0, at the same time of any run.

        The clock stands meanwhile. Only where it takes unusually long it moves, because a link
        that has failed waits on it to try again.

        Raises:
            TimeoutError: they did not come up.
        """
        began = time.monotonic()
        while not all(link.status == "connected" for link in links):
            if (waited_s := time.monotonic() - began) > CONNECT_WITHIN_S:
                raise TimeoutError("the simulated sensors did not connect")
            if waited_s > _USUALLY_WITHIN_S:
                await self._clock.advance(_CONNECT_STEP_S)
            await asyncio.sleep(0.01)
        await self._clock.advance(-self._clock.now_ns() % _ROW_NS / NS)
        self.zero_ns = self._clock.now_ns()

    async def play(self, to_s: float) -> None:
        """Let time pass up to ``to_s``: each notification arrives before the next is sent."""
        sent: list[tuple[Frame, Wearable]] = []
        for wearer, body in self._bodies.items():
            signals = body.advance(to_s)
            for wearable in self._wearables[wearer]:
                sent += [(frame, wearable) for frame in wearable.advance(signals, to_s)]
        for frame, wearable in sorted(sent, key=lambda pair: pair[0].t_s):
            await self._clock.advance(frame.t_s - self._now_s())
            if await self.air.notify(wearable, frame.uuid, frame.value):
                await self.air.drained()
                self._count(frame)
        await self._clock.advance(to_s - self._now_s())

    def _now_s(self) -> float:
        return (self._clock.now_ns() - self.zero_ns) / NS

    def _count(self, frame: Frame) -> None:
        if frame.uuid == heart_rate.MEASUREMENT_UUID:
            self.beats += len(heart_rate.decode(frame.value).rr_1024)
        elif frame.uuid == nuanic.EDA_UUID:
            self.eda_samples += 1
