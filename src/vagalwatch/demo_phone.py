"""The phones of the demo's people: what they hear over MQTT, and what they say there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiomqtt

from vagalwatch.clock import NS
from vagalwatch.deliver.broker import HOST, USERNAME
from vagalwatch.deliver.mqtt_messages import OUTGOING, AlertMessage, BreakMessage, Command, topic
from vagalwatch.records import Answer, AnswerKind, BreakPhase, BreakStep, EpisodeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.clock import StoryClock
    from vagalwatch.deliver.broker import EmbeddedBroker
    from vagalwatch.deliver.mqtt import Mailbox
    from vagalwatch.records import Record

SITE: Final = "demo"

MQTT_WITHIN_S: Final = 30.0
"""Of real time, for one message through the embedded broker; usually a hundredth of a second."""


class DemoError(Exception):
    """The demo did not go as it must; the message is one sentence."""


class Phones:
    """Both people's phones, and the independent count of what the service publishes.

    MQTT takes its time; a story played fast does not. So in each of its seconds the story waits
    until every step of a break has been heard and every answer has been taken: what people say
    comes at the same moment of the story on any machine.
    """

    def __init__(
        self, broker: EmbeddedBroker, mailbox: Mailbox, clock: StoryClock, reaction_s: float
    ) -> None:
        """Answer ``reaction_s`` (of the story) after a prompt."""
        self.received = 0
        self._listening = False
        self._broker = broker
        self._mailbox = mailbox
        self._clock = clock
        self._reaction_s = reaction_s
        self._client: aiomqtt.Client
        self._thoughts: list[tuple[int, str, AnswerKind, str]] = []
        """What will be said: when, by whom, what, about what."""
        self._thought_of: set[tuple[str, AnswerKind]] = set()
        self._unheard: dict[str, tuple[str, str]] = {}
        """By wearer, the service's last step of a break; its alert is sent before it."""
        self._untaken = ""
        """The id of what was said and is not yet in the journal."""
        self._settled: set[str] = set()
        """Prompts and breaks of which somebody has spoken: the phone does not speak against it."""

    def saw(self, record: Record) -> None:
        """Take what passes the hub: what people are to hear, and what they have answered."""
        match record:
            case BreakStep():
                self._unheard[record.wearer] = record.id, record.phase
            case Answer():
                # Leave to the one who watches what they have answered on the page.
                self._settled.add(record.about)
                if record.id == self._untaken:
                    self._untaken = ""

    async def listen(self) -> None:
        """Hear all of the site until cancelled."""
        # What the service retains is then there before us: heard once, and not as news as well.
        await self._until(lambda: self._mailbox.connected, "The service itself cannot connect.")
        password = self._broker.password_file.read_text(encoding="utf-8")
        # The broker may go first: broken off, or else `has_all` finds what is missing.
        with suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(
                HOST, self._broker.port, username=USERNAME, password=password
            ) as self._client:
                await self._client.subscribe(topic(SITE, "", "#"), qos=1)
                self._listening = True
                async for message in self._client.messages:
                    *_, wearer, name = str(message.topic).split("/")
                    if name in OUTGOING:
                        self.received += 1
                    self._hear(wearer, name, bytes(message.payload))

    async def ready(self) -> None:
        """Return when nothing that is said from here on can be missed.

        Raises:
            DemoError: the broker does not let us in.
        """
        await self._until(lambda: self._listening, "A phone cannot connect.")

    async def turn(self) -> None:
        """Hear what was said to people in this second, and say what it is time to say.

        Raises:
            DemoError: a message or an answer did not arrive.
        """
        await self._until(lambda: not self._unheard, "What the service said was not heard.")
        while self._thoughts and self._thoughts[0][0] <= self._clock.now_ns():
            _, wearer, said, about = self._thoughts.pop(0)
            if about not in self._settled:
                await self._say(wearer, said, about)

    async def has_all(self) -> None:
        """Return when everything published has been received.

        Raises:
            DemoError: it has not, after a while.
        """
        with suppress(DemoError):
            await self._until(lambda: self.received == self._mailbox.published, "")
        if self.received != self._mailbox.published:
            raise DemoError(
                f"Please report this: the service published {self._mailbox.published} messages "
                f"over MQTT, but {self.received} were received."
            )

    def _hear(self, wearer: str, name: str, payload: bytes) -> None:
        if name == "break":
            step = BreakMessage.model_validate_json(payload)
            if self._unheard.get(wearer) == (step.id, step.phase):
                del self._unheard[wearer]
        answer, about = _answer_to(name, payload)
        if answer is not None and (about, answer) not in self._thought_of:
            self._thought_of.add((about, answer))
            due_ns = self._clock.now_ns() + round(self._reaction_s * NS)
            self._thoughts.append((due_ns, wearer, answer, about))

    async def _say(self, wearer: str, said: AnswerKind, about: str) -> None:
        command = Command(
            id=f"{wearer}-{self._clock.now_ns()}",
            issued_at=datetime.fromtimestamp(self._clock.now_ns() // NS, UTC),
            command=said,
            about=about,
        )
        self._untaken = command.id
        await self._client.publish(topic(SITE, wearer, "command"), command.payload(), qos=1)
        await self._until(
            lambda: not (self._untaken or self._unheard), "What a phone said was not answered."
        )

    async def _until(self, done: Callable[[], bool], trouble: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MQTT_WITHIN_S):
                while not done():  # noqa: ASYNC110 - plain values, each set by another task
                    await asyncio.sleep(0.01)
        if not done():
            raise DemoError(f"Please report this: over MQTT something is lost. {trouble}")


def _answer_to(name: str, payload: bytes) -> tuple[AnswerKind | None, str]:
    """What the story's people say to a message: yes to a break, and back when its time is up."""
    if name == "alert":
        alert = AlertMessage.model_validate_json(payload)
        safety = alert.kind == EpisodeKind.SAFETY
        return AnswerKind.SEEN if safety else AnswerKind.YES, alert.id
    if name == "break":
        step = BreakMessage.model_validate_json(payload)
        if step.phase in {BreakPhase.SETTLED, BreakPhase.NOT_SETTLED}:
            return AnswerKind.IM_BACK, step.id
    return None, ""
