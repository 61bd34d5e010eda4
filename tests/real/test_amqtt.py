"""The mailbox on the embedded broker."""

from __future__ import annotations

import asyncio
import gc
import stat
from typing import TYPE_CHECKING

import pytest
from aiomqtt import MqttError

from helpers_mqtt import (
    a_consent,
    a_house,
    a_listener,
    a_row,
    a_step,
    an_alert,
    until,
)
from vagalwatch.deliver.broker import EmbeddedBroker
from vagalwatch.records import AnswerKind, BreakPhase, State
from vagalwatch.settings import ConfigError, MqttSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def amqtt_litter() -> Iterator[None]:
    """Collect what amqtt 0.12.1 leaves open when it shuts down here, where it is ignored."""
    yield
    gc.collect()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker(0, tmp_path / "mqtt-password") as started:
        yield started


@pytest.fixture
def mqtt(broker: EmbeddedBroker) -> MqttSettings:
    return broker.client_settings(MqttSettings())


async def test_an_alert_is_sent_and_answered(tmp_path: Path, mqtt: MqttSettings) -> None:
    async with a_listener(mqtt) as phone, a_house(tmp_path / "j", mqtt) as house:
        alert = an_alert(house.now_ns)
        house.append(alert, a_step(house.now_ns, BreakPhase.OFFERED, alert_id=alert.id))
        await until(lambda: phone.on("alert"))
        (message,) = phone.on("alert")
        assert message["id"] == alert.id
        assert message["repeat"] is False
        assert "heart" not in message["text"]
        yes = {"id": "phone-1", "command": "yes", "about": alert.id, "minutes": 30}
        await phone.say("command", yes)
        await until(house.answers)
        (answer,) = house.answers()
        assert (answer.wearer, answer.answer, answer.about) == ("anna", AnswerKind.YES, alert.id)
        assert (answer.minutes, answer.via, answer.id) == (30, "mqtt", "phone-1")


async def test_nothing_of_the_body_goes_out_without_consent(
    tmp_path: Path, mqtt: MqttSettings
) -> None:
    async with a_listener(mqtt) as anybody, a_house(tmp_path / "j", mqtt) as house:
        place = house.append(a_row(house.now_ns), a_row(house.now_ns, wearer="ben"))
        await asyncio.wait_for(house.mailbox.told(place), 20)
        place = house.append(
            a_consent(house.now_ns, "state", "estimate", wearer="ben"),
            a_row(house.now_ns, State.FLOODING),
            a_row(house.now_ns, State.RISING, wearer="ben"),
        )
        await until(lambda: anybody.on("estimate", "ben") and anybody.on("state", "ben"))
        assert [row["state"] for row in anybody.on("estimate", "ben")] == ["rising"]
        assert {str(message.topic).split("/")[3] for message in anybody.heard} == {
            "ben",
            "availability",
        }


async def test_a_withdrawn_consent_clears_what_is_retained(
    tmp_path: Path, mqtt: MqttSettings
) -> None:
    async with a_house(tmp_path / "j", mqtt) as house:
        house.append(a_consent(house.now_ns, "state"), a_row(house.now_ns))
        async with a_listener(mqtt) as before:
            await until(lambda: before.on("state"))
        house.append(a_consent(house.now_ns))
        async with a_listener(mqtt) as meanwhile:
            await until(lambda: {} in meanwhile.on("state") or not meanwhile.on("state"))
        await asyncio.wait_for(house.mailbox.told(house.append(a_row(house.now_ns))), 20)
        async with a_listener(mqtt) as after:
            await until(lambda: after.heard)
            assert {str(m.topic) for m in after.heard} == {"vagalwatch/1/home/availability"}


async def test_the_count_of_published_messages_is_what_somebody_else_counts(
    tmp_path: Path, mqtt: MqttSettings
) -> None:
    async with a_listener(mqtt) as witness:
        async with a_house(tmp_path / "j", mqtt) as house:
            house.append(a_consent(house.now_ns, "state", "estimate"))
            for _ in range(20):
                await asyncio.wait_for(house.mailbox.told(house.append(a_row(house.now_ns))), 20)
            house.append(an_alert(house.now_ns), a_step(house.now_ns, BreakPhase.ON))
            await until(lambda: witness.on("alert") and witness.on("break"))
        await until(lambda: len(witness.heard) == house.mailbox.published)
        assert house.mailbox.published > 40
        assert '{"online":false}' in str(witness.heard[-1].payload)


async def test_a_command_counts_once_and_old_or_retained_ones_not_at_all(
    tmp_path: Path, mqtt: MqttSettings
) -> None:
    def start(said_id: str, **more: object) -> dict[str, object]:
        return {"id": said_id, "command": "start-break", **more}

    async with a_listener(mqtt) as phone:
        await phone.say("command", start("kept"), retain=True)
        async with a_house(tmp_path / "j", mqtt) as house:
            await until(lambda: house.mailbox.connected)
            await phone.say("command", start("old", issued_at="2026-01-01T00:00:00Z"))
            await phone.say("command", start("button-1"))
            await phone.say("command", start("button-1"))
            await phone.say("command", start("x", command="explode"))
            await phone.say("command", start("y"), wearer="carol")
            await phone.client.publish("vagalwatch/1/home/anna/command", b"\xff" * 5000, qos=1)
            await phone.say("command", start("button-2"))
            await until(lambda: len(house.answers()) >= 2)
            assert [answer.id for answer in house.answers()] == ["button-1", "button-2"]
            assert house.mailbox.refused >= 5
        async with a_house(tmp_path / "j", mqtt) as house:
            await until(lambda: house.mailbox.connected)
            await phone.say("command", start("button-1"))
            await phone.say("command", start("button-3"))
            await until(lambda: len(house.answers()) >= 3)
            assert house.answers()[-1].id == "button-3"


async def test_an_acknowledged_alert_is_not_sent_to_a_new_connection(
    tmp_path: Path, mqtt: MqttSettings
) -> None:
    async with a_house(tmp_path / "j", mqtt) as house:
        first, second = an_alert(house.now_ns), an_alert(house.now_ns, wearer="ben")
        async with a_listener(mqtt) as phone:
            house.append(first, second)
            await until(lambda: phone.on("alert") and phone.on("alert", "ben"))
            await phone.say("ack", {"id": first.id})
            await until(house.answers)
    async with a_listener(mqtt) as phone, a_house(tmp_path / "j", mqtt) as house:
        await until(lambda: phone.on("alert", "ben"))
        assert phone.on("alert") == []
        assert house.answers()[0].answer == AnswerKind.SHOWN


async def test_nobody_gets_in_without_the_password(mqtt: MqttSettings) -> None:
    for options in ({"username": None}, {"password": "guess"}, {"username": "root"}):
        with pytest.raises(MqttError):
            async with a_listener(mqtt, **options):
                pass


async def test_the_password_is_kept_and_private(tmp_path: Path) -> None:
    file = tmp_path / "state" / "mqtt-password"
    async with EmbeddedBroker(0, file):
        made = file.read_text()
    assert len(made) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with EmbeddedBroker(0, file):
        assert file.read_text() == made


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("\n", 0o600), ("secret", 0o644)])
async def test_a_password_that_keeps_nobody_out_is_refused(
    tmp_path: Path, text: str, mode: int
) -> None:
    """A disk that was full at the first start left an empty one, which let in who gave none."""
    file = tmp_path / "mqtt-password"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=str(file)):
        async with EmbeddedBroker(0, file):
            pass


async def test_a_taken_port_is_a_clear_sentence(tmp_path: Path, broker: EmbeddedBroker) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on port \d+\. Set another mqtt\.port"):
        async with EmbeddedBroker(broker.port, tmp_path / "other"):
            pass
