"""What Home Assistant's account finds on real brokers: by consent, until it is taken back."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from helpers_homeassistant import rendered
from helpers_mqtt import (
    House,
    Listener,
    a_house,
    a_listener,
    a_row,
    a_step,
    agrees_at_home,
    an_alert,
    until,
)
from real.test_mosquitto import Guarded, Mosquitto
from vagalwatch.deliver.broker import EmbeddedBroker
from vagalwatch.deliver.homeassistant import discovery_topic
from vagalwatch.deliver.mqtt_erase import clear_retained
from vagalwatch.records import AnswerKind, BreakPhase, State
from vagalwatch.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DEVICE = discovery_topic("home", "anna")
HOME = "vagalwatch/1/home/anna/home"


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    """Mosquitto with the shipped ACL."""
    made = Guarded(tmp_path)
    await made.broker.start()
    yield made
    made.broker.stop()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Mosquitto]:
    """Mosquitto that has on disk what it retains; not started yet."""
    broker = Mosquitto(
        tmp_path,
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {tmp_path}/",
        "user root",
    )
    yield broker
    broker.stop()


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[MqttSettings]:
    async with EmbeddedBroker(0, tmp_path / "mqtt-password") as broker:
        yield broker.client_settings(MqttSettings())
    gc.collect()  # what amqtt leaves open, where it is ignored


def newest(listener: Listener, topic: str) -> Any:  # noqa: ANN401 - whatever was published
    """What stands on a topic; ``None`` where it was cleared or never was."""
    said = [message.payload for message in listener.heard if str(message.topic) == topic]
    return Listener.parsed(said[-1]) if said else None


async def retained(settings: MqttSettings) -> dict[str, Any]:
    """What a newcomer finds: of the wearer, and of the device."""
    found: dict[str, Any] = {}
    async with a_listener(settings, "#") as newcomer:
        await newcomer.client.publish("vagalwatch/1/home/end", b"{}", qos=1)
        await until(lambda: newcomer.heard and str(newcomer.heard[-1].topic).endswith("/end"))
        for message in newcomer.heard:
            if message.retain and "anna" in str(message.topic):
                found[str(message.topic)] = message.payload
    return found


async def test_home_assistants_account_shows_a_break_and_starts_one(
    tmp_path: Path, guarded: Guarded
) -> None:
    tls = guarded.tls()
    async with (
        a_listener(guarded.settings("homeassistant"), "#", tls_context=tls) as home,
        a_house(tmp_path / "j", guarded.settings()) as house,
    ):
        await until(lambda: house.mailbox.connected)
        alert = an_alert(house.now_ns)
        house.append(
            alert,
            a_step(house.now_ns, BreakPhase.OFFERED, alert_id=alert.id),
            a_row(house.now_ns, State.FLOODING),
            agrees_at_home(house.now_ns, "break", "button"),
        )
        await until(lambda: newest(home, HOME) == {"on_break": False, "return_at": None})
        need = newest(home, DEVICE)["components"]["need"]
        await home.client.publish(
            need["command_topic"], rendered(need["command_template"]), qos=need["qos"]
        )
        await until(house.answers)
        (answer,) = house.answers()
        assert (answer.wearer, answer.answer, answer.via) == (
            "anna",
            AnswerKind.START_BREAK,
            "home",
        )
        house.append(a_step(house.now_ns, BreakPhase.ON))
        await until(lambda: newest(home, HOME)["on_break"])
        assert {str(message.topic) for message in home.heard} == {
            "vagalwatch/1/home/availability",
            DEVICE,
            HOME,
        }, "neither the prompt nor the break's own topic, nor anything of the body"


async def test_where_others_read_along_nothing_else_is_said_or_heard(
    tmp_path: Path, embedded: MqttSettings
) -> None:
    shared = embedded.model_copy(update={"audience": "home"})
    async with a_listener(shared, "#") as anybody, a_house(tmp_path / "j", shared) as house:
        await until(lambda: house.mailbox.connected)
        house.append(
            an_alert(house.now_ns),
            a_row(house.now_ns, State.FLOODING),
            a_step(house.now_ns, BreakPhase.ON),
            agrees_at_home(house.now_ns, "break", "button"),
        )
        await until(lambda: newest(anybody, HOME))
        await anybody.say("command", {"id": "1", "command": "wrong"})
        await anybody.say("home-command", {"id": "2", "command": "start-break"})
        await until(house.answers)
        assert [answer.id for answer in house.answers()] == ["home:2"]
        said = {str(message.topic) for message in anybody.heard} - {
            f"vagalwatch/1/home/anna/{name}" for name in ("command", "home-command")
        }
        assert said == {"vagalwatch/1/home/availability", DEVICE, HOME}


async def shares(house: House) -> None:
    await until(lambda: house.mailbox.connected)
    house.append(
        agrees_at_home(house.now_ns, "break", "button", "state"),
        a_step(house.now_ns, BreakPhase.ON),
    )


async def test_a_consent_taken_back_while_the_broker_is_away_is_cleared_when_it_is_there(
    tmp_path: Path, kept: Mosquitto
) -> None:
    settings = MqttSettings(mode="external", port=kept.port)
    await kept.start()
    async with a_house(tmp_path / "j", settings) as house:
        await shares(house)
        async with a_listener(settings) as anybody:
            await until(lambda: (newest(anybody, HOME) or {}).get("on_break"))
    assert set(await retained(settings)) == {DEVICE, HOME}
    kept.stop()  # as it should be: it writes what it retains
    async with a_house(tmp_path / "j", settings) as house:
        house.append(agrees_at_home(house.now_ns))
    await kept.start()
    assert set(await retained(settings)) == {DEVICE, HOME}, "still there: nobody could say it"
    async with a_house(tmp_path / "j", settings) as house, a_listener(settings, "#") as anybody:
        await until(lambda: house.mailbox.connected)
        await until(lambda: any(not m.payload and str(m.topic) == HOME for m in anybody.heard))
    assert await retained(settings) == {}


@pytest.mark.parametrize("which", ["mosquitto", "embedded"])
async def test_erasing_takes_the_device_away(
    tmp_path: Path, kept: Mosquitto, embedded: MqttSettings, which: str
) -> None:
    settings = embedded
    if which == "mosquitto":
        await kept.start()
        settings = MqttSettings(mode="external", port=kept.port)
    async with a_listener(settings, "#") as home, a_house(tmp_path / "j", settings) as house:
        await shares(house)
        await until(lambda: (newest(home, HOME) or {}).get("on_break"))
        await house.mailbox.forget("anna")
        cleared = await clear_retained(settings, "home", "anna")
        assert (cleared.left, cleared.looked) == ((), True)
        assert newest(home, DEVICE) is None
        house.append(agrees_at_home(house.now_ns, "break"))
        place = house.append(a_step(house.now_ns, BreakPhase.ON))
        await house.mailbox.told(place)
    assert await retained(settings) == {}
