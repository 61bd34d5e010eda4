"""Who says no is not measured, at once and over restarts; who says yes is, from then on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from helpers_house import WEARER, house, journalled
from vagalwatch.alerts import consents
from vagalwatch.records import Gap, GapReason, Record, Setting
from vagalwatch.sensing import Sensing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vagalwatch.sensors.link import SensorLink


def says(to: set[str], wearer: str = WEARER, t_ns: int = 1) -> Setting:
    value = consents.value_of(consents.MEASURE, to, 1)
    return Setting(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, key=consents.MEASURE, value=value)


NO, YES = says(set()), says({"body"})


class Link:
    """As far as a sensing knows links; its goodbye takes until ``gone`` is set."""

    def __init__(self, wearer: str = WEARER) -> None:
        self.wearer, self.source, self.told = wearer, f"{wearer}-strap", ""
        self.running = 0
        self.gone = asyncio.Event()
        self.gone.set()

    async def run(self) -> None:
        assert self.running == 0, "a sensor has one link at a time"
        self.running += 1
        self.told += "+"
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(self.gone.wait())
            self.running -= 1
            self.rest()

    def rest(self) -> None:
        self.told += "-"


async def settled(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - tasks take their turns
            await asyncio.sleep(0)


async def told(link: Link, *said: Record, before: tuple[Record, ...] = ()) -> str:
    """What ``link`` was told of what was said before the start and after it, up to the stop."""
    sensing = Sensing()
    for record in before:
        sensing.saw(record)
    async with asyncio.TaskGroup() as group:
        sensing.start(_links(link), group)
        for record in said:
            for _ in range(5):
                await asyncio.sleep(0)
            sensing.saw(record)
        for _ in range(5):
            await asyncio.sleep(0)
        await sensing.stop()
    return link.told


def _links(*links: Link) -> list[SensorLink]:
    return list(links)  # type: ignore[arg-type] # as far as it is asked


@pytest.mark.parametrize(
    ("before", "said", "heard"),
    [
        ((), (), "+-"),
        ((), (YES,), "+-"),
        ((), (NO,), "+-"),
        ((), (NO, NO, YES, YES), "+-+-"),
        ((NO,), (), "-"),
        ((NO, YES), (), "+-"),
        ((NO,), (YES, NO), "-+-"),
        ((), (says(set(), "sam"),), "+-"),
    ],
)
async def test_a_link_runs_while_its_wearer_has_not_said_no(
    before: tuple[Record, ...], said: tuple[Record, ...], heard: str
) -> None:
    assert await told(Link(), *said, before=before) == heard


async def test_a_sensor_that_is_still_being_let_go_is_not_taken_twice() -> None:
    link, sensing = Link(), Sensing()
    async with asyncio.TaskGroup() as group:
        sensing.start(_links(link), group)
        await settled(lambda: link.running == 1)
        link.gone.clear()
        for record in (NO, YES, NO, YES):
            sensing.saw(record)
            await asyncio.sleep(0)
        assert link.told == "+", "the goodbye takes its time"
        link.gone.set()
        await settled(lambda: link.told == "+-+")
        await sensing.stop()


async def test_a_yes_at_the_end_starts_nothing_anew() -> None:
    link, sensing = Link(), Sensing()
    async with asyncio.TaskGroup() as group:
        sensing.start(_links(link), group)
        sensing.saw(NO)
        await sensing.stop()
        sensing.saw(YES)
    assert link.running == 0


async def test_no_lets_the_sensors_go_and_the_record_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.live(5)
        await home.service.hub.submit(says(set(), t_ns=home.service._clock.now_ns()))
        await settled(lambda: all(link.status == "stopped" for link in home.service.links))
        beats = len([record for record in home.said if record.kind == "heart"])
        await home.live(5)
        assert len([record for record in home.said if record.kind == "heart"]) == beats > 0
        open_ = {gap.reason for gap in home.gaps() if gap.end_ns is None}
        assert open_ == {GapReason.STOPPED}
        await home.service.hub.submit(says({"body"}, t_ns=home.service._clock.now_ns()))
        await home.reconnected()
        await home.live(5)
        assert len([record for record in home.said if record.kind == "heart"]) > beats
    reasons = {each.reason for each in journalled(tmp_path) if isinstance(each, Gap)}
    assert GapReason.STOPPED in reasons
