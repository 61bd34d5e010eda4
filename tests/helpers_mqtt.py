"""What the MQTT tests share: records to send, a listener of its own, and the published schemas.

``python tests/helpers_mqtt.py`` writes the schemas anew after a change of the payloads.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from aiomqtt import Client

from vagalwatch.alerts import consents
from vagalwatch.clock import RunClock
from vagalwatch.deliver.mqtt import Mailbox
from vagalwatch.deliver.mqtt_messages import INCOMING, OUTGOING
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import (
    Alert,
    Answer,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Estimate,
    Marker,
    Metrics,
    Reason,
    Record,
    Setting,
    State,
    Tick,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiomqtt import Message

    from vagalwatch.settings import MqttSettings


def is_time(value: object) -> bool:
    """RFC 3339 with its zone; jsonschema asks of every kind of value."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS = jsonschema.FormatChecker()
FORMATS.checks("date-time", raises=ValueError)(is_time)

NS = 1_000_000_000
WEARERS = ("anna", "ben")


def schema(name: str) -> dict[str, Any]:
    """The schema that the code's models have."""
    incoming = name in INCOMING
    model = (INCOMING if incoming else OUTGOING)[name]
    made = model.model_json_schema(mode="validation" if incoming else "serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vagalwatch:mqtt:1:{name}",
        **made,
    }


def published_schema(name: str) -> dict[str, Any]:
    """The schema that is shipped."""
    file = files("vagalwatch.deliver") / "schemas" / f"{name}.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def hold_against_schema(topic: str, payload: bytes) -> None:
    """Fail unless the payload is what its topic's published schema says."""
    name = topic.rsplit("/", 1)[-1]
    if payload and name in OUTGOING:
        jsonschema.validate(
            json.loads(payload),
            published_schema(name),
            cls=jsonschema.Draft202012Validator,
            format_checker=FORMATS,
        )


def an_alert(
    now_ns: int,
    *,
    wearer: str = "anna",
    kind: EpisodeKind = EpisodeKind.FLOODING,
    valid_s: float = 120,
) -> Alert:
    return Alert(
        wearer=wearer,
        t_ns=now_ns,
        recv_ns=now_ns,
        id=f"{wearer}-{kind}-{now_ns // NS}",
        alert=kind,
        onset_ns=now_ns - 30 * NS,
        valid_until_ns=now_ns + round(valid_s * NS),
        reasons=(Reason(code="heart-fast", value=112.0, usual=70.0, held_s=20.0),),
    )


def a_step(
    now_ns: int, phase: BreakPhase, *, alert_id: str = "", wearer: str = "anna"
) -> BreakStep:
    return BreakStep(
        wearer=wearer,
        t_ns=now_ns,
        recv_ns=now_ns,
        id=f"{wearer}-break-1",
        phase=phase,
        began_ns=now_ns,
        until_ns=now_ns if phase == BreakPhase.OFFERED else now_ns + 1200 * NS,
        origin="prompt" if alert_id else "self",
        alert_id=alert_id,
    )


def a_row(now_ns: int, state: State = State.SETTLED, *, wearer: str = "anna") -> Estimate:
    return Estimate(
        wearer=wearer,
        t_ns=now_ns,
        recv_ns=now_ns,
        state=state,
        reason="heart-silent" if state == State.UNKNOWN else "",
        arousal=None if state == State.UNKNOWN else 0.25,
        usual_hr_bpm=70.0,
        metrics=Metrics(hr_bpm=71.5),
        gates=("eda-missing",),
    )


def a_consent(now_ns: int, *names: str, wearer: str = "anna") -> Setting:
    return Setting(
        wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key="consent-mqtt", value=json.dumps(names)
    )


def agrees_at_home(now_ns: int, *to: str, wearer: str = "anna") -> Setting:
    """Consent to what everybody in the home may see or press."""
    value = json.dumps({"to": to, "text": 1})
    key = consents.HOME_ASSISTANT
    return Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=key, value=value)


def a_tick(now_ns: int) -> Tick:
    return Tick(t_ns=now_ns, recv_ns=now_ns)


class JournalInbox:
    """What people say goes straight into the journal."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    async def submit(self, record: Answer | Setting | Marker) -> None:
        await self._journal.committed(self._journal.append(record, urgent=True))


class House:
    """A real journal and a mailbox on it, ticking in real time."""

    def __init__(self, journal_path: Path, settings: MqttSettings) -> None:
        self.clock = RunClock()
        self.journal = SqliteJournal(journal_path)
        self.inbox = JournalInbox(self.journal)
        self.mailbox = Mailbox(self.journal, settings, "home", WEARERS, self.clock, self.inbox)

    @property
    def now_ns(self) -> int:
        return self.clock.now_ns()

    def append(self, *records: Record) -> int:
        place = 0
        for record in records:
            place = self.journal.append(record, urgent=True)
        return place

    async def tick(self) -> None:
        while True:
            self.append(a_tick(self.now_ns))
            await asyncio.sleep(0.2)

    def answers(self) -> list[Answer]:
        entries = self.journal.read(kinds=("answer",))
        return [entry.record for entry in entries if isinstance(entry.record, Answer)]


@asynccontextmanager
async def a_house(journal_path: Path, settings: MqttSettings) -> AsyncIterator[House]:
    """Run a mailbox until the block ends, then stop it as the service does."""
    house = House(journal_path, settings)
    tasks = [asyncio.create_task(house.mailbox.run()), asyncio.create_task(house.tick())]
    try:
        yield house
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        house.journal.close()
        for result in results:
            if isinstance(result, Exception):
                raise result


class Listener:
    """Somebody else on the broker, who keeps what comes and holds it against the schemas."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[Message] = []
        self.wrong: Exception | None = None

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            try:
                hold_against_schema(str(message.topic), message.payload)
            except jsonschema.ValidationError as error:
                self.wrong = error
            self.heard.append(message)

    def on(self, name: str, wearer: str = "anna") -> list[dict[str, Any]]:
        """Payloads heard on a wearer's topic; an empty payload is an empty dictionary."""
        if self.wrong is not None:
            raise self.wrong
        return [
            json.loads(message.payload or b"{}")
            for message in self.heard
            if str(message.topic).endswith(f"/{wearer}/{name}")
        ]

    @staticmethod
    def parsed(payload: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """A payload's JSON; ``None`` where it is empty."""
        return json.loads(payload) if isinstance(payload, bytes) and payload else None

    async def say(
        self, name: str, said: dict[str, object], *, wearer: str = "anna", retain: bool = False
    ) -> None:
        """Publish on a wearer's topic, issued now if nothing else is said."""
        said = {"issued_at": datetime.now(UTC).isoformat(), **said}
        topic = f"vagalwatch/1/home/{wearer}/{name}"
        await self.client.publish(topic, json.dumps(said), qos=1, retain=retain)


@asynccontextmanager
async def a_listener(
    settings: MqttSettings,
    topics: str = "vagalwatch/#",
    **options: Any,  # noqa: ANN401 - whatever aiomqtt's client takes
) -> AsyncIterator[Listener]:
    """Listen with the account of ``settings`` until the block ends."""
    options = {"username": settings.username, **options}
    if settings.password_file is not None:
        options.setdefault("password", settings.password_file.read_text())
    async with Client(settings.host, settings.port, **options) as client:
        await client.subscribe(topics, qos=1)
        listener = Listener(client)
        task = asyncio.create_task(listener.listen())
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if listener.wrong is not None:
                raise listener.wrong


async def until(true: Callable[[], object], within_s: float = 20) -> None:
    """Wait in real time for something that a real server brings about."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - the other side is another program
            await asyncio.sleep(0.02)


def write_schemas(folder: Path) -> Iterator[Path]:
    for name in (*OUTGOING, *INCOMING):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema(name), indent=2) + "\n", encoding="utf-8")
        yield path


if __name__ == "__main__":
    shipped = Path(__file__).parents[1] / "src" / "vagalwatch" / "deliver" / "schemas"
    shipped.mkdir(exist_ok=True)
    list(write_schemas(shipped))
