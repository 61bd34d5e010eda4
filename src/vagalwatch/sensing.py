"""Who is measured: each wearer's sensor links, running for as long as the wearer has not said no.

Whoever set a sensor up for themselves and wears it is measured from the start, and their page says
so and asks (``consent-measure``, :mod:`vagalwatch.alerts.consents`). A "no" lets the sensors go at
once, over restarts too, until a "yes"; only the wearer can say either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vagalwatch.alerts import consents
from vagalwatch.records import Setting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vagalwatch.records import Record
    from vagalwatch.sensors.link import SensorLink


class Sensing:
    """The links of a site. A watcher of the hub: :meth:`saw` may be called before :meth:`start`."""

    def __init__(self) -> None:
        """Nobody is measured yet, and nobody has said no."""
        self.links: tuple[SensorLink, ...] = ()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._refused: set[str] = set()

    def start(self, links: Iterable[SensorLink], group: asyncio.TaskGroup) -> None:
        """Measure whoever has not said no; a link that fails ends ``group``."""
        self.links, self._group = tuple(links), group
        for wearer in dict.fromkeys(link.wearer for link in self.links):
            if wearer not in self._refused:
                self._begin(wearer)
        for link in self.links:
            if link.wearer in self._refused:
                link.rest()

    def saw(self, record: Record) -> None:
        """Heed what the wearer says of being measured."""
        if not isinstance(record, Setting) or record.key != consents.MEASURE:
            return
        wearer, before = record.wearer, record.wearer in self._refused
        if consents.given(record.key, record.value).to:
            self._refused.discard(wearer)
            if before:
                self._begin(wearer)
        else:
            self._refused.add(wearer)
            _cancel(self._tasks.get(wearer, ()))

    async def stop(self) -> None:
        """Let all sensors go, and return when they have said their last words, which are gaps."""
        self._group = None
        tasks = [task for each in self._tasks.values() for task in each]
        _cancel(tasks)
        if tasks:
            await asyncio.wait(tasks)

    async def forget(self, wearer: str) -> None:
        """Let ``wearer``'s sensors go for good."""
        self.links = tuple(link for link in self.links if link.wearer != wearer)
        tasks = self._tasks.pop(wearer, [])
        _cancel(tasks)
        if tasks:
            await asyncio.wait(tasks)

    def _begin(self, wearer: str) -> None:
        if self._group is None:
            return
        before = [task for task in self._tasks.get(wearer, ()) if not task.done()]
        self._tasks[wearer] = before + [
            self._group.create_task(_run(link, before), name=link.source)
            for link in self.links
            if link.wearer == wearer
        ]


async def _run(link: SensorLink, before: Collection[asyncio.Task[None]]) -> None:
    """Run ``link`` once those that are being let go have gone: a sensor has one link at a time."""
    if before:
        await asyncio.wait(before)
    await link.run()


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        if not task.cancelling():  # a second time would cut its goodbye to the sensor short
            task.cancel()
