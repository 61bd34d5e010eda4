from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import aiomqtt
import pytest

from vagalwatch import demo_phone
from vagalwatch.clock import NS, StoryClock
from vagalwatch.deliver.broker import HOST, USERNAME, EmbeddedBroker
from vagalwatch.deliver.mqtt_messages import Command, alert_message, break_message, topic
from vagalwatch.demo import EVENING_NS, _reaction_s
from vagalwatch.demo_outcome import NOTHING, BreakSeen, Outcome, PartnerSeen
from vagalwatch.demo_phone import SITE, DemoError, Phones
from vagalwatch.records import Alert, Answer, AnswerKind, BreakPhase, BreakStep, EpisodeKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.deliver.mqtt import Mailbox

REACTION_S = 20.0


class House:
    """A real broker with the story's phones on it, and what is said there."""

    def __init__(self, broker: EmbeddedBroker, line: aiomqtt.Client) -> None:
        self.clock = StoryClock(EVENING_NS)
        mailbox = cast("Mailbox", SimpleNamespace(published=0, connected=True))
        self.phones = Phones(broker, mailbox, self.clock, REACTION_S)
        self.said: list[tuple[AnswerKind, str]] = []
        self.takes_answers = True
        self._line = line

    async def serve(self) -> None:
        """Take what is said as the service does: it passes the hub."""
        async for message in self._line.messages:
            command = Command.model_validate_json(bytes(message.payload))
            self.said.append((command.command, command.about))
            if self.takes_answers:
                self.taps(command.command, command.about, command.id)

    async def send(self, name: str, payload: bytes | str) -> None:
        """Publish as the service does; return when the phones have it."""
        had = self.phones.received
        await self._line.publish(topic(SITE, "alex", name), payload, qos=1)
        async with asyncio.timeout(10):
            while self.phones.received == had:  # noqa: ASYNC110 - a plain counter
                await asyncio.sleep(0.01)

    def taps(self, answer: AnswerKind, about: str, said_id: str = "") -> None:
        """An answer passes the hub; without an id it is the watcher's, from the page."""
        now_ns = self.clock.now_ns()
        self.phones.saw(
            Answer(
                wearer="alex", t_ns=now_ns, recv_ns=now_ns, answer=answer, about=about, id=said_id
            )
        )

    async def passes(self, seconds: float) -> None:
        """Let a while of the story pass."""
        await self.clock.advance(seconds)
        await self.phones.turn()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with EmbeddedBroker(0, tmp_path / "password") as broker:
        secret = broker.password_file.read_text(encoding="utf-8")
        async with aiomqtt.Client(HOST, broker.port, username=USERNAME, password=secret) as line:
            await line.subscribe(topic(SITE, "alex", "command"), qos=1)
            house = House(broker, line)
            tasks = [asyncio.create_task(house.phones.listen()), asyncio.create_task(house.serve())]
            await house.phones.ready()
            yield house
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _alert() -> bytes:
    alert = Alert(
        wearer="alex",
        t_ns=EVENING_NS,
        recv_ns=EVENING_NS,
        id="alert-1",
        alert=EpisodeKind.FLOODING,
        onset_ns=EVENING_NS,
        valid_until_ns=EVENING_NS + 120 * NS,
    )
    return alert_message(alert, EVENING_NS).payload()


def _time_is_up() -> BreakStep:
    return BreakStep(
        wearer="alex",
        t_ns=EVENING_NS,
        recv_ns=EVENING_NS,
        id="break-1",
        phase=BreakPhase.SETTLED,
        began_ns=EVENING_NS - 1200 * NS,
        until_ns=EVENING_NS,
        origin="prompt",
    )


def _time_up() -> bytes:
    return break_message(_time_is_up()).payload()


async def test_the_storys_people_answer_what_nobody_else_does(house: House) -> None:
    await house.send("alert", _alert())
    await house.passes(REACTION_S - 1)
    assert house.said == []
    await house.passes(1)
    assert house.said == [(AnswerKind.YES, "alert-1")]
    await house.send("break", _time_up())
    await house.passes(REACTION_S)
    assert house.said[1:] == [(AnswerKind.IM_BACK, "break-1")]


async def test_more_time_by_the_watcher_is_not_overruled_by_the_story(house: House) -> None:
    await house.send("break", _time_up())
    await house.passes(REACTION_S / 2)
    house.taps(AnswerKind.MORE_TIME, "break-1")
    await house.passes(REACTION_S)
    assert house.said == []


async def test_a_wrong_prompt_stays_wrong(house: House) -> None:
    await house.send("alert", _alert())
    house.taps(AnswerKind.WRONG, "alert-1")
    await house.passes(REACTION_S + 1)
    assert house.said == []


async def test_the_story_waits_until_what_the_service_said_was_heard(house: House) -> None:
    """A fast story ended before its people had heard that the time was up."""
    house.phones.saw(_time_is_up())
    passing = asyncio.create_task(house.passes(1))
    await asyncio.wait({passing}, timeout=0.1)
    assert not passing.done()
    await house.send("break", _time_up())
    await passing


async def test_an_answer_that_is_not_taken_is_a_fault(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.takes_answers = False
    monkeypatch.setattr(demo_phone, "MQTT_WITHIN_S", 0.1)
    await house.send("alert", _alert())
    with pytest.raises(DemoError, match="not answered"):
        await house.passes(REACTION_S)


@pytest.mark.parametrize(
    ("speed", "expected_s"), [(None, 20.0), (1.0, 20.0), (5.0, 50.0), (10.0, 100.0), (60.0, 100.0)]
)
def test_a_prompt_stands_long_enough_to_be_seen(speed: float | None, expected_s: float) -> None:
    assert _reaction_s(speed) == expected_s


def test_a_break_that_was_only_offered_was_not_taken() -> None:
    """A prompt that a watcher declined read as "took a break of 0 min"."""
    outcome = Outcome(
        story="hard",
        seed=1,
        wearers=("alex", "sam"),
        duration_s=2400.0,
        beats=1,
        eda_samples=1,
        gaps=0,
        alerts=(),
        breaks=(
            BreakSeen(wearer="alex", origin="prompt", phase="declined", minutes=0.0),
            BreakSeen(wearer="sam", origin="prompt", phase="returned", minutes=20.0),
        ),
        partners=(
            PartnerSeen(wearer="alex", t_s=900.0, say="on", name="sam", check_in_s=2100.0),
            PartnerSeen(wearer="alex", t_s=960.0, say=NOTHING, name="", check_in_s=0.0),
        ),
        journal_rows=2,
        mqtt_messages=3,
        notifications=2,
        took_s=1.0,
    )
    sentences = outcome.sentences()
    assert "alex took no break (declined)." in sentences
    assert "sam took a break of 20 min (returned)." in sentences
    seen = "sam is on a break and will check in at minute 35. You can rest too."
    assert f"15.0 min: alex was told: {seen}" in sentences
    assert "16.0 min: alex was told: nothing more." in sentences
