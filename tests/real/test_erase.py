"""`vagalwatch erase` against InfluxDB and mosquitto with the shipped ACL, there and away.

InfluxDB is 1.6 behind the proxy of ``helpers_influx.py``: what is shown is that the service tells
it, that nothing queued comes afterwards, and that it looks; not how InfluxDB 2 deletes.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiomqtt import Client

import helpers_mqtt
from helpers_influx import InfluxProxy, InfluxServer
from helpers_mqtt import a_consent, a_row, agrees_at_home, an_alert, until
from helpers_real import free_port, need
from vagalwatch.clock import RunClock
from vagalwatch.control import call
from vagalwatch.deliver.homeassistant import discovery_topic
from vagalwatch.erase import erase_here
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.service import Service
from vagalwatch.settings import (
    InfluxSettings,
    MqttSettings,
    PageSettings,
    Settings,
    WearerSettings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real

GONE, STAYS = "zoe-who-leaves", "ben"
ACL = Path(__file__).parents[2] / "deploy" / "mosquitto" / "acl"
STATE = "vagalwatch/1/home/{}/state"


class Broker:
    """mosquitto with the shipped ACL, and an admin who may do all; it keeps what is retained."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir()
        acl = folder / "acl"
        acl.write_text(f"{ACL.read_text(encoding='utf-8')}\nuser admin\ntopic readwrite #\n")
        acl.chmod(0o600)
        self._passwords = folder / "passwords"
        self._passwords.touch(0o600)
        for name in ("vagalwatch", "admin"):
            made = [need("mosquitto_passwd"), "-b", str(self._passwords), name, name]
            subprocess.run(made, check=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\nuser root\n"
            f"persistence true\npersistence_location {folder}/\n"
            f"password_file {self._passwords}\nacl_file {acl}\n"
        )
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def settings(self, name: str = "vagalwatch") -> MqttSettings:
        file = self._folder / f"password-{name}"
        file.touch(0o600)
        file.write_text(name)
        return MqttSettings(mode="external", port=self.port, username=name, password_file=file)

    async def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork, over in a moment
            [need("mosquitto"), "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        await until(self._answers)

    def _answers(self) -> bool:
        address = ("127.0.0.1", self.port)
        with suppress(OSError), closing(socket.create_connection(address, 1)):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None

    async def retained(self) -> set[str]:
        """What a stranger finds who asks for everything."""
        async with helpers_mqtt.a_listener(self.settings("admin"), "#") as listener:
            await asyncio.sleep(0.7)  # nothing tells the end of what is retained
            return {str(message.topic) for message in listener.heard if message.retain}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    running = Broker(tmp_path / "broker")
    await running.start()
    yield running
    running.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InfluxServer]:
    (tmp_path / "influx").mkdir()
    with InfluxServer(tmp_path / "influx") as running:
        running.query("CREATE DATABASE vagalwatch")
        yield running


@pytest.fixture
def proxy(server: InfluxServer) -> Iterator[InfluxProxy]:
    with InfluxProxy(server) as listening:
        yield listening


@pytest.fixture
def site(tmp_path: Path, broker: Broker, proxy: InfluxProxy) -> Settings:
    return Settings(
        state_dir=tmp_path / "state",
        wearers=(WearerSettings(id=GONE), WearerSettings(id=STAYS)),
        mqtt=broker.settings(),
        influx=InfluxSettings(url=proxy.url),
        page=PageSettings(port=0),
    )


@asynccontextmanager
async def living(site: Settings) -> AsyncIterator[Service]:
    """The service in real time, and both people's rows coming in as long as they are known."""
    service = Service(site, RunClock())
    stop = asyncio.Event()

    async def rows() -> None:
        known = [wearer.id for wearer in site.wearers if wearer.id in service.hub.engines]
        for wearer in known:
            now_ns = service._clock.now_ns()
            service.hub.take(a_consent(now_ns, "state", wearer=wearer))
            service.hub.take(agrees_at_home(now_ns, "break", "button", wearer=wearer))
        while True:
            for wearer in list(service.hub.engines):
                now_ns = service._clock.now_ns()
                service.hub.take(a_row(now_ns, wearer=wearer))
                service.hub.take(an_alert(now_ns, wearer=wearer))
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        life = group.create_task(service.run(stop))
        await service.live.wait()
        writing = group.create_task(rows())
        yield service
        writing.cancel()
        stop.set()
        await life


async def asked(site: Settings) -> dict[str, Any]:
    report = await asyncio.to_thread(call, site.control_path, "erase", wearer=GONE, timeout_s=120)
    assert isinstance(report, dict)
    return report


def left_in(report: dict[str, Any]) -> set[str]:
    return {store["store"] for store in report["stores"] if store["left"]}


def points(server: InfluxServer, wearer: str) -> int:
    return len(server.query(f"SHOW SERIES WHERE \"wearer\" = '{wearer}'", "vagalwatch"))


def nothing_in_influx(server: InfluxServer) -> bool:
    return GONE not in json.dumps(server.query("SELECT * FROM /.*/", "vagalwatch"))


def files_with(folder: Path, word: str) -> list[str]:
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and word.encode() in file.read_bytes()
    ]


async def test_nothing_is_left_in_any_store_file_or_topic_while_another_is_written(
    site: Settings, broker: Broker, server: InfluxServer
) -> None:
    async with living(site) as service:
        await until(lambda: points(server, GONE) and points(server, STAYS))
        async with asyncio.timeout(20):
            while (
                not {STATE.format(GONE), discovery_topic("home", GONE)} <= await broker.retained()
            ):
                pass
        report = await asked(site)
        assert left_in(report) == {"configuration"}, report
        deleted = {store["store"]: store["deleted"] for store in report["stores"]}
        assert deleted["journal"] > 10
        assert deleted["influxdb"] > 1  # the rest was still queued
        assert deleted["mqtt"] == 3  # the state, and the device and its break at home
        assert all(store["looked"] for store in report["stores"])
        newest = service.journal.newest
        await until(lambda: service.journal.cursor("influxdb") > newest, 30)  # what was queued
        assert nothing_in_influx(server)
        kept = await broker.retained()
        assert STATE.format(STAYS) in kept
        assert not [name for name in kept if GONE in name]
        assert files_with(site.state_dir, GONE) == []
    assert not [name for name in await broker.retained() if GONE in name], "nor a goodbye"
    assert files_with(site.state_dir, GONE) == []


async def test_sinks_that_are_away_are_said_and_emptied_when_they_are_back(
    site: Settings, broker: Broker, server: InfluxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vagalwatch.service.RETRY_S", 1)
    stones = Tombstones(site.tombstones_path)
    async with living(site) as service:
        await until(lambda: points(server, GONE))
        async with asyncio.timeout(20):
            while STATE.format(GONE) not in await broker.retained():
                pass
        server.stop()
        broker.stop()
        queued = service.journal.newest
        await until(lambda: service.journal.newest > queued)  # which InfluxDB does not get
        report = await asked(site)
        assert left_in(report) == {"configuration", "influxdb", "mqtt"}
        assert not report["nothing_left"]
        assert stones.pending() == (GONE,)
        assert files_with(site.state_dir, GONE) == ["home.tombstones"]
    # And the service is started again before they are back.
    async with living(site) as service:
        assert GONE not in service.hub.engines
        server.start()
        await broker.start()
        await until(lambda: not stones.pending(), 60)
        await until(lambda: service.journal.cursor("influxdb") > queued, 60)
        assert nothing_in_influx(server)
        assert points(server, STAYS)
        assert not [name for name in await broker.retained() if GONE in name]
        assert files_with(site.state_dir, GONE) == []


async def test_without_the_service_sinks_are_told_too(
    site: Settings, broker: Broker, server: InfluxServer
) -> None:
    async with living(site):
        await until(lambda: points(server, GONE))
        async with asyncio.timeout(20):
            while STATE.format(GONE) not in await broker.retained():
                pass
    report = await erase_here(site, GONE)
    assert left_in(report.as_json()) == {"configuration"}
    assert nothing_in_influx(server)
    assert not [name for name in await broker.retained() if GONE in name]
    assert files_with(site.state_dir, GONE) == []


async def test_what_somebody_else_left_retained_is_cleared_or_named(
    site: Settings, broker: Broker
) -> None:
    async with Client("127.0.0.1", broker.port, username="admin", password="admin") as admin:  # noqa: S106 - a broker of this test
        for name in ("command", "estimate"):
            topic = f"vagalwatch/1/home/{GONE}/{name}"
            await admin.publish(topic, b"{}", qos=1, retain=True)
    report = (await erase_here(site, GONE)).as_json()
    assert left_in(report) == {"configuration", "mqtt"}
    (mqtt,) = [store for store in report["stores"] if store["store"] == "mqtt"]  # type: ignore[attr-defined] # a list
    assert f"{GONE}/command" in mqtt["left"]
    # The service's account may clear what it may write, also where it may not read it.
    assert await broker.retained() == {f"vagalwatch/1/home/{GONE}/command"}
