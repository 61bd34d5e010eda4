"""A session through the running service: journalled, listed, over a restart, and erased."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from helpers_couple import agrees
from helpers_house import EVENING_NS
from helpers_report import agreed
from vagalwatch.alerts import consents
from vagalwatch.clock import StoryClock
from vagalwatch.control import ControlError, call
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import Marker
from vagalwatch.report.joint import read_joint
from vagalwatch.service import Service
from vagalwatch.settings import MqttSettings, PageSettings, Settings, WearerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.records import Record

ADA, SAM = "ada", "sam"


class Home:
    def __init__(self, folder: Path, service: Service) -> None:
        self.folder, self.service = folder, service

    async def asked(self, verb: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever JSON says
        return await asyncio.to_thread(call, self.folder / "test.control", verb, **arguments)

    async def told(self, *settings: Record) -> None:
        for setting in settings:
            await self.service.hub.submit(setting)  # type: ignore[arg-type] # settings


@asynccontextmanager
async def home(folder: Path, clock: StoryClock) -> AsyncIterator[Home]:
    settings = Settings(
        site="test",
        state_dir=folder,
        wearers=tuple(WearerSettings(id=wearer) for wearer in (ADA, SAM)),
        mqtt=MqttSettings(mode="off"),
        page=PageSettings(port=0),
    )
    service = Service(settings, clock)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        life = group.create_task(service.run(stop))
        await service.live.wait()
        yield Home(folder, service)
        stop.set()
        await life


def markers(folder: Path) -> list[Marker]:
    with open_reader(folder / "test.sqlite") as reader:
        entries = reader.read(limit=100_000)
        return [entry.record for entry in entries if isinstance(entry.record, Marker)]


async def test_a_session_of_two_from_its_start_to_its_page(tmp_path: Path) -> None:
    clock = StoryClock(EVENING_NS)
    async with home(tmp_path, clock) as here:
        with pytest.raises(ControlError, match="can't be looked at together"):
            await here.asked("session", do="start", wearers=[ADA, SAM])
        await here.told(*agreed(ADA, SAM, EVENING_NS))
        (begun,) = await here.asked("session", do="start", wearers=[ADA, SAM], note="First talk")
        assert begun["running"] is True
    async with home(tmp_path, clock) as here:  # a restart in the middle
        (listed,) = await here.asked("session", do="list")
        assert (listed["id"], listed["running"]) == (begun["id"], True)
        await here.asked("session", do="mark", note="A new subject")
        (ended,) = await here.asked("session", do="stop")
        assert ended["running"] is False
    told = read_joint(tmp_path / "test.sqlite", ADA, SAM)
    assert told.session == begun["id"]
    assert {text for _, text in told.markers} == {"First talk", "A new subject"}


async def test_one_that_a_consent_has_ended_stays_so_over_a_restart(tmp_path: Path) -> None:
    clock = StoryClock(EVENING_NS)
    async with home(tmp_path, clock) as here:
        await here.told(*agreed(ADA, SAM, EVENING_NS))
        await here.asked("session", do="start", wearers=[ADA, SAM], note="First talk")
        await here.told(agrees(SAM, consents.JOINT, EVENING_NS, yes=False))
        with pytest.raises(ControlError, match="No session goes on"):
            await here.asked("session", do="mark", note="Both are loud")
    async with home(tmp_path, clock) as here:
        (listed,) = await here.asked("session", do="list")
        assert listed["running"] is False
    assert {marker.text for marker in markers(tmp_path)} == {"First talk"}


async def test_who_is_not_watched_takes_part_in_nothing(tmp_path: Path) -> None:
    async with home(tmp_path, StoryClock(EVENING_NS)) as here:
        with pytest.raises(ControlError, match="“kim” is not watched here"):
            await here.asked("session", do="start", wearers=["kim"])
        assert await here.asked("session", do="list") == []


async def test_erasing_one_takes_what_was_joint_and_leaves_the_others_own(tmp_path: Path) -> None:
    async with home(tmp_path, StoryClock(EVENING_NS)) as here:
        await here.told(*agreed(ADA, SAM, EVENING_NS))
        await here.asked("session", do="start", wearers=[ADA, SAM], note="First talk")
        await here.asked("session", do="stop")
        await here.asked("erase", wearer=SAM)
        assert await here.asked("session", do="list") == []
        (begun,) = await here.asked("session", do="start", wearers=[ADA], note="Alone")
        assert begun["wearers"] == [ADA]
    with pytest.raises(ValueError, match="can't be looked at together"):
        read_joint(tmp_path / "test.sqlite", ADA, SAM)
    assert [(marker.wearer, marker.text) for marker in markers(tmp_path)] == [(ADA, "Alone")]
