"""The shipped broker files under the real mosquitto: who may come in, and who sees what."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import aiomqtt
import pytest

from helpers_real import free_port, need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

LIMIT_S = 20.0
OUT = ("state", "estimate", "alert", "break")
IN = ("ack", "command")
HOME = ("home", "home-state")


class Broker(NamedTuple):
    port: int
    secrets: Path


@pytest.fixture
def broker(prepared: Path) -> Iterator[Broker]:
    port = free_port()
    data = prepared / "data"
    data.mkdir(mode=0o777)
    text = (prepared / "mosquitto" / "mosquitto.conf").read_text()
    for there, here in {
        "listener 8883": f"listener {port} 127.0.0.1",
        "/run/secrets": str(prepared / "secrets"),
        "/mosquitto/config/acl": str(prepared / "mosquitto" / "acl"),
        "/mosquitto/data": str(data),
    }.items():
        assert there in text
        text = text.replace(there, here)
    file = prepared / "test.conf"
    file.write_text(text + "user root\n")  # so that it can read this test's files
    running = subprocess.Popen([need("mosquitto"), "-c", str(file)], stderr=subprocess.PIPE)
    try:
        yield Broker(port, prepared / "secrets")
    finally:
        running.terminate()
        running.communicate()


@contextlib.asynccontextmanager
async def as_account(broker: Broker, name: str) -> AsyncIterator[aiomqtt.Client]:
    password = (broker.secrets / f"mqtt-{name}").read_text().strip()
    trust = ssl.create_default_context(cafile=str(broker.secrets / "mqtt-ca.crt"))
    async with aiomqtt.Client(
        "localhost", broker.port, username=name, password=password, tls_context=trust
    ) as client:
        yield client


async def listening(broker: Broker) -> None:
    """A real process is starting; there is no event to wait for."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("localhost", broker.port)
                writer.close()
                return
            await asyncio.sleep(0.02)


async def heard(client: aiomqtt.Client, last: str) -> set[str]:
    """Topics that arrive up to the one that ends the test."""
    topics: set[str] = set()
    async with asyncio.timeout(LIMIT_S):
        async for message in client.messages:
            if message.topic.value == last:
                return topics
            topics.add(message.topic.value)
    raise AssertionError("the connection ended")


async def test_a_wearer_hears_what_is_theirs_and_nothing_else(broker: Broker) -> None:
    await listening(broker)
    async with as_account(broker, "ada") as ada, as_account(broker, "vagalwatch") as service:
        await ada.subscribe("#", qos=1)
        for wearer in ("bo", "ada"):
            for topic in (*OUT, *IN, *HOME):
                await service.publish(f"vagalwatch/1/home/{wearer}/{topic}", "{}", qos=1)
        await service.publish("vagalwatch/1/home/availability", "online", qos=1)
        expected = {f"vagalwatch/1/home/ada/{topic}" for topic in OUT}
        assert await heard(ada, "vagalwatch/1/home/availability") == expected


async def test_a_wearer_speaks_only_under_their_own_name(broker: Broker) -> None:
    await listening(broker)
    async with as_account(broker, "ada") as ada, as_account(broker, "vagalwatch") as service:
        await service.subscribe("vagalwatch/1/+/+/ack", qos=1)
        await service.subscribe("vagalwatch/1/+/+/command", qos=1)
        for topic in ("bo/ack", "bo/command", "ada/alert", "ada/ack", "ada/command"):
            await ada.publish(f"vagalwatch/1/home/{topic}", "{}", qos=1)
        assert await heard(service, "vagalwatch/1/home/ada/command") == {
            "vagalwatch/1/home/ada/ack"
        }


async def test_home_assistant_sees_only_what_is_for_the_home_and_can_only_press(
    broker: Broker,
) -> None:
    await listening(broker)
    device = "homeassistant/device/vagalwatch/home_ada/config"
    async with (
        as_account(broker, "homeassistant") as home,
        as_account(broker, "vagalwatch") as service,
    ):
        await home.subscribe("#", qos=1)
        for topic in (*OUT, *IN, *HOME):
            await service.publish(f"vagalwatch/1/home/ada/{topic}", "{}", qos=1)
        await service.publish(device, "{}", qos=1)
        await service.publish("vagalwatch/1/home/availability", "online", qos=1)
        expected = {device, *(f"vagalwatch/1/home/ada/{topic}" for topic in HOME)}
        assert await heard(home, "vagalwatch/1/home/availability") == expected
        await service.subscribe("vagalwatch/1/+/+/command", qos=1)
        await service.subscribe("vagalwatch/1/+/+/ack", qos=1)
        await service.subscribe("vagalwatch/1/+/+/home-command", qos=1)
        for topic in ("ack", "command", "home", "home-command"):
            await home.publish(f"vagalwatch/1/home/ada/{topic}", "{}", qos=1)
        assert await heard(service, "vagalwatch/1/home/ada/home-command") == set()


async def test_nobody_comes_in_without_an_account(broker: Broker) -> None:
    await listening(broker)
    trust = ssl.create_default_context(cafile=str(broker.secrets / "mqtt-ca.crt"))
    for name, password in ((None, None), ("ada", "wrong"), ("eve", "")):
        client = aiomqtt.Client(
            "localhost", broker.port, username=name, password=password, tls_context=trust
        )
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed|code:(4|5|13)"):
            async with client:
                pass


async def test_nothing_goes_without_tls(broker: Broker) -> None:
    await listening(broker)
    password = (broker.secrets / "mqtt-ada").read_text().strip()
    client = aiomqtt.Client("localhost", broker.port, username="ada", password=password, timeout=2)
    with pytest.raises(aiomqtt.MqttError):
        async with client:
            pass


def test_the_acl_names_every_topic_of_the_interface_once(prepared: Path) -> None:
    text = (prepared / "mosquitto" / "acl").read_text()
    assert set(re.findall(r"^pattern read \S+/%u/(\w+)$", text, re.MULTILINE)) == set(OUT)
    assert set(re.findall(r"^pattern write \S+/%u/(\w+)$", text, re.MULTILINE)) == set(IN)
    assert "#" not in re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
