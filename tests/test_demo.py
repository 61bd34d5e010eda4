from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import aiomqtt
import pytest

from vagalwatch.clock import NS, StoryClock
from vagalwatch.deliver.broker import HOST, USERNAME, EmbeddedBroker
from vagalwatch.deliver.mqtt_messages import Command, alert_message, break_message, topic
from vagalwatch.demo import EVENING_NS, SITE, BreakSeen, Outcome, _Phone, _reaction_s
from vagalwatch.records import Alert, Answer, AnswerKind, BreakPhase, BreakStep, EpisodeKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.deliver.mqtt import Mailbox

REACTION_S = 20.0


class House:
    """A real broker with the story's phone on it, and what is said there."""

    def __init__(self, broker: EmbeddedBroker, line: aiomqtt.Client) -> None:
        self.clock = StoryClock(EVENING_NS)
        mailbox = cast("Mailbox", SimpleNamespace(published=0))
        self.phone = _Phone(broker, mailbox, self.clock, REACTION_S)
        self._line = line

    async def send(self, name: str, payload: bytes | str) -> None:
        """Publish as the service does; return when the phone has it."""
        had = self.phone.received
        await self._line.publish(topic(SITE, "alex", name), payload, qos=1)
        async with asyncio.timeout(10):
            while self.phone.received == had:  # noqa: ASYNC110 - a plain counter
                await asyncio.sleep(0.01)

    async def said(self) -> list[tuple[AnswerKind, str]]:
        """What the phone has said up to now.

        Marks of our own come after it: the second goes out when the broker has turned once.
        """
        heard = []
        async with asyncio.timeout(10):
            for mark in (b"first", b"second"):
                await self._line.publish(topic(SITE, "alex", "command"), mark, qos=1)
                async for message in self._line.messages:
                    if message.payload == mark:
                        break
                    command = Command.model_validate_json(bytes(message.payload))
                    heard.append((command.command, command.about))
        return heard

    def taps(self, answer: AnswerKind, about: str) -> None:
        """Whoever watches answers on the page."""
        now_ns = self.clock.now_ns()
        self.phone.saw(
            Answer(wearer="alex", t_ns=now_ns, recv_ns=now_ns, answer=answer, about=about)
        )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with EmbeddedBroker(0, tmp_path / "password") as broker:
        secret = broker.password_file.read_text(encoding="utf-8")
        async with aiomqtt.Client(HOST, broker.port, username=USERNAME, password=secret) as line:
            await line.subscribe(topic(SITE, "alex", "command"), qos=1)
            house = House(broker, line)
            calls = asyncio.create_task(house.phone.listen())
            await _subscribed(house, line)
            yield house
            calls.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await calls


async def _subscribed(house: House, line: aiomqtt.Client) -> None:
    async with asyncio.timeout(10):
        while not house.phone.received:
            await line.publish(topic(SITE, "alex", "availability"), "{}", qos=1)
            await asyncio.sleep(0.05)


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
    return alert_message(alert, EVENING_NS).model_dump_json().encode()


def _time_up() -> bytes:
    step = BreakStep(
        wearer="alex",
        t_ns=EVENING_NS,
        recv_ns=EVENING_NS,
        id="break-1",
        phase=BreakPhase.SETTLED,
        began_ns=EVENING_NS - 1200 * NS,
        until_ns=EVENING_NS,
        origin="prompt",
    )
    return break_message(step).model_dump_json().encode()


async def test_the_storys_people_answer_what_nobody_else_does(house: House) -> None:
    await house.send("alert", _alert())
    await house.clock.advance(REACTION_S - 1)
    assert await house.said() == []
    await house.clock.advance(2)
    assert await house.said() == [(AnswerKind.YES, "alert-1")]
    await house.send("break", _time_up())
    await house.clock.advance(REACTION_S + 1)
    assert await house.said() == [(AnswerKind.IM_BACK, "break-1")]


async def test_more_time_by_the_watcher_is_not_overruled_by_the_story(house: House) -> None:
    await house.send("break", _time_up())
    await house.clock.advance(REACTION_S / 2)
    house.taps(AnswerKind.MORE_TIME, "break-1")
    await house.clock.advance(REACTION_S)
    assert await house.said() == []


async def test_a_wrong_prompt_stays_wrong(house: House) -> None:
    await house.send("alert", _alert())
    house.taps(AnswerKind.WRONG, "alert-1")
    await house.clock.advance(REACTION_S + 1)
    assert await house.said() == []


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
        journal_rows=2,
        mqtt_messages=3,
        notifications=2,
        took_s=1.0,
    )
    sentences = outcome.sentences()
    assert "alex took no break (declined)." in sentences
    assert "sam took a break of 20 min (returned)." in sentences
