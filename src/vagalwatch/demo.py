"""A hard conversation played through the whole service, with nothing but the bodies invented.

Two simulated people wear a strap and a ring each. Their bytes cross a real GATT stack and bleak,
and from there on everything is what `vagalwatch run` does: journal, estimate, page, MQTT. The
story's people answer prompts as a phone would, over MQTT; whoever watches may answer before them,
on the page. The story's clock moves on only when what was sent in the step before has arrived, so
a seed tells the same story on any machine.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import aiomqtt

from vagalwatch.clock import NS, StoryClock
from vagalwatch.deliver.broker import HOST, USERNAME
from vagalwatch.deliver.mqtt_messages import OUTGOING, AlertMessage, BreakMessage, Command, topic
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Eda,
    EpisodeKind,
    Gap,
    Heart,
    Setting,
)
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stage import Stage
from vagalwatch.sensors.simulated.stories import WEARERS, StoryName, story
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.service import Radio, Service
from vagalwatch.settings import MqttSettings, PageSettings, SensorSettings, Settings, WearerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vagalwatch.deliver.broker import EmbeddedBroker
    from vagalwatch.deliver.mqtt import Mailbox
    from vagalwatch.records import Record
    from vagalwatch.sensors.simulated.stories import Story

SITE: Final = "demo"
EVENING_NS: Final = 1_795_446_000 * NS
"""When the story begins: 2026-11-23 17:00 UTC. A fixed evening, so that runs can be compared."""

REACTION_S: Final = 20.0
"""Of the story: how long its people look at a prompt before they answer."""

SEEN_FOR_S: Final = 10.0
"""Of the watcher's own time, where the story's people can wait so long with their answer."""

REACTION_AT_MOST_S: Final = 100.0
"""Of the story: the answer still comes while the prompt is valid (120 s)."""


class DemoError(Exception):
    """The demo did not go as it must; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSeen:
    """An alert as it stands in the journal; ``t_s`` counts from the story's beginning."""

    wearer: str
    kind: str
    t_s: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakSeen:
    """A break's last step."""

    wearer: str
    origin: str
    phase: str
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was counted, each at its own end of the line.

    ``beats`` and ``eda_samples`` are those in the journal; ``sent`` what the wearables
    notified; ``mqtt_messages`` what an independent subscriber received of what the service
    published.
    """

    story: str
    seed: int
    wearers: tuple[str, ...]
    duration_s: float
    beats: int
    eda_samples: int
    gaps: int
    alerts: tuple[AlertSeen, ...]
    breaks: tuple[BreakSeen, ...]
    journal_rows: int
    mqtt_messages: int
    notifications: int
    took_s: float

    def sentences(self) -> list[str]:
        """For a person."""
        lines = [
            (
                f"In {self.duration_s / 60:.0f} minutes {self.notifications} notifications over "
                f"Bluetooth became {self.beats} beats and {self.eda_samples} skin samples in "
                f"{self.journal_rows} journal rows."
            ),
            f"{self.mqtt_messages} messages went out over MQTT.",
        ]
        lines += [
            f"{alert.t_s / 60:.1f} min: {alert.wearer} was prompted, possible {alert.kind}."
            for alert in self.alerts
        ]
        lines += [
            f"{pause.wearer} took "
            + (f"a break of {pause.minutes:.0f} min" if pause.minutes else "no break")
            + f" ({pause.phase})."
            for pause in self.breaks
        ]
        return lines if self.alerts else [*lines, "Nobody was prompted."]


async def play(
    name: StoryName,
    seed: int,
    *,
    speed: float | None,
    progress: Callable[[float], None],
    tell: Callable[[str], None],
) -> Outcome:
    """Play the evening ``name`` at ``speed`` times life, or as fast as it goes (``None``).

    With a speed somebody watches: ``tell`` takes the lines that say where and what, and Ctrl-C
    ends the evening early and in order; the outcome is then of what was played.

    Raises:
        DemoError: a link did not come up, or the counts at both ends disagree.
    """
    began = time.monotonic()
    played_s = 0
    evening = story(name, seed)
    clock = StoryClock(EVENING_NS)
    wearables = {
        wearer: (
            Strap(f"{wearer} strap", f"C0:FF:EE:00:00:0{place}"),
            Ring(f"{wearer} ring", f"C0:FF:EE:00:01:0{place}"),
        )
        for place, wearer in enumerate(WEARERS, start=1)
    }
    stage = Stage({wearer: evening.body(wearer) for wearer in WEARERS}, wearables, clock)
    with tempfile.TemporaryDirectory(prefix="vagalwatch-demo-") as folder:
        settings = _settings(Path(folder), wearables)
        await stage.set_up()
        service = Service(
            settings, clock, Radio(stage.air.client_backend, stage.air.scanner_backend)
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            life = group.create_task(service.run(stop))
            await service.live.wait()
            for wearer in WEARERS:
                service.hub.take(_consent(wearer, clock.now_ns()))
            assert service.broker is not None  # noqa: S101 - the demo's own settings
            assert service.mailbox is not None  # noqa: S101 - as above
            phone = _Phone(service.broker, service.mailbox, clock, _reaction_s(speed))
            service.hub.watchers.append(phone.saw)
            calls = group.create_task(phone.listen())
            try:
                await stage.connect(service.links)
            except TimeoutError as error:
                raise DemoError(f"Please report this: {error}.") from error
            with _told_to_stop(watched=speed is not None) as told:
                for line in () if speed is None else _programme(service, evening, speed):
                    tell(line)
                for second in range(1, round(evening.duration_s) + 1):
                    if told.is_set():
                        break
                    due = time.monotonic() + (1 / speed if speed else 0)
                    await stage.play(second)
                    played_s = second
                    progress(second / evening.duration_s)
                    await asyncio.sleep(max(due - time.monotonic(), 0))
            await phone.has_all()
            calls.cancel()
            stop.set()
            await life
        await stage.air.stop()
        counted = _count(settings.journal_path, stage.zero_ns)
    if counted.beats != stage.beats or counted.eda_samples != stage.eda_samples:
        raise DemoError(
            f"The wearables sent {stage.beats} beats and {stage.eda_samples} skin samples, "
            f"but the journal holds {counted.beats} and {counted.eda_samples}."
        )
    return Outcome(
        story=name,
        seed=seed,
        wearers=WEARERS,
        duration_s=float(played_s),
        mqtt_messages=phone.received,
        notifications=stage.air.delivered,
        took_s=round(time.monotonic() - began, 1),
        **counted._asdict(),
    )


def _programme(service: Service, evening: Story, speed: float) -> Iterator[str]:
    """What is about to be seen, and where; lines short enough that no terminal breaks a link."""
    minutes, played = evening.duration_s / 60, evening.duration_s / 60 / speed
    yield (
        f"An evening of {minutes:.0f} minutes, played in {played:.1f} (--speed {speed:g}). "
        "Open both pages on this machine; each link works once:"
    )
    # Two names of one machine: cookies belong to a name, and each wearer has one.
    for wearer, host in zip(WEARERS, ("127.0.0.1", "localhost"), strict=True):
        yield f"{wearer}'s page:"
        yield service.page.pairing_url(wearer, host=host)
    yield (
        "First each page learns what is usual for its wearer. Later it may ask about a break: "
        "answer it yourself, or wait a little and the story's people say yes. "
        "Times are the story's. Ctrl-C ends it."
    )


@contextmanager
def _told_to_stop(*, watched: bool) -> Iterator[asyncio.Event]:
    """Set by Ctrl-C or a kill; a run for a program dies of them, so half is never taken for all."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM) if watched else ()
    for each in signals:
        loop.add_signal_handler(each, told.set)
    try:
        yield told
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


def _reaction_s(speed: float | None) -> float:
    """How long the story's people wait, in the story's seconds, so that a watcher sees why."""
    return min(max(REACTION_S, SEEN_FOR_S * (speed or 0)), REACTION_AT_MOST_S)


class _Phone:
    """Both people's phones, and the independent count of what the service publishes."""

    def __init__(
        self, broker: EmbeddedBroker, mailbox: Mailbox, clock: StoryClock, reaction_s: float
    ) -> None:
        self.received = 0
        self._broker = broker
        self._mailbox = mailbox
        self._clock = clock
        self._reaction_s = reaction_s
        self._answered: set[str] = set()
        self._settled: set[str] = set()
        """Prompts and breaks of which somebody has spoken: the phone does not speak against it."""

    def saw(self, record: Record) -> None:
        """Leave to the one who watches what they have answered on the page."""
        if isinstance(record, Answer):
            self._settled.add(record.about)

    async def listen(self) -> None:
        """Hear all of the site, and answer prompts after a moment's thought, until cancelled."""
        password = self._broker.password_file.read_text(encoding="utf-8")
        try:
            async with (
                asyncio.TaskGroup() as thoughts,
                aiomqtt.Client(
                    HOST, self._broker.port, username=USERNAME, password=password
                ) as client,
            ):
                await client.subscribe(topic(SITE, "", "#"), qos=1)
                await self._hear(client, thoughts)
        except* aiomqtt.MqttError:
            pass  # the broker went first: broken off, or else `has_all` finds what is missing

    async def has_all(self) -> None:
        """Return when everything published has been received.

        Raises:
            DemoError: it has not, after a while.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while self.received < self._mailbox.published:  # noqa: ASYNC110 - two plain counters
                    await asyncio.sleep(0.05)
        if self.received != self._mailbox.published:
            raise DemoError(
                f"The service published {self._mailbox.published} messages over MQTT, "
                f"but {self.received} were received."
            )

    async def _hear(self, client: aiomqtt.Client, thoughts: asyncio.TaskGroup) -> None:
        async for message in client.messages:
            *_, wearer, name = str(message.topic).split("/")
            if name in OUTGOING:
                self.received += 1
            answer, about = _answer_to(name, bytes(message.payload))
            if answer is not None and (key := f"{about}:{answer}") not in self._answered:
                self._answered.add(key)
                thoughts.create_task(self._say(client, wearer, answer, about))

    async def _say(self, client: aiomqtt.Client, wearer: str, said: AnswerKind, about: str) -> None:
        await self._clock.sleep(self._reaction_s)
        if about in self._settled:
            return
        command = Command(
            id=f"{wearer}-{self._clock.now_ns()}",
            issued_at=datetime.fromtimestamp(self._clock.now_ns() // NS, UTC),
            command=said,
            about=about,
        )
        await client.publish(topic(SITE, wearer, "command"), command.payload(), qos=1)


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


def _consent(wearer: str, now_ns: int) -> Setting:
    """The story's people share their state with this house's own broker; nobody has to."""
    return Setting(
        wearer=wearer,
        t_ns=now_ns,
        recv_ns=now_ns,
        key="consent-mqtt",
        value='["state", "estimate"]',
    )


def _settings(folder: Path, wearables: Mapping[str, tuple[Strap, Ring]]) -> Settings:
    return Settings(
        site=SITE,
        state_dir=folder,
        wearers=tuple(
            WearerSettings(
                id=wearer,
                sensors=(
                    SensorSettings(device="heart-rate", address=strap.address),
                    SensorSettings(device="nuanic", address=ring.address),
                ),
            )
            for wearer, (strap, ring) in wearables.items()
        ),
        mqtt=MqttSettings(port=0),
        page=PageSettings(port=0),
    )


class _Counted(NamedTuple):
    beats: int
    eda_samples: int
    gaps: int
    alerts: tuple[AlertSeen, ...]
    breaks: tuple[BreakSeen, ...]
    journal_rows: int


def _count(journal: Path, zero_ns: int) -> _Counted:
    """Read the journal as anybody could, after the service has gone."""
    beats = eda_samples = rows = 0
    gaps = set()
    alerts = []
    breaks: dict[str, BreakStep] = {}
    with open_reader(journal) as reader:
        after = 0
        while entries := reader.read(after):
            after = entries[-1].place
            rows += len(entries)
            for _, record in entries:
                match record:
                    case Heart():
                        beats += len(record.rr_ms)
                    case Eda():
                        eda_samples += len(record.eda_us)
                    case Gap():
                        gaps.add((record.wearer, record.source, record.stream, record.t_ns))
                    case Alert():
                        alerts.append(_seen(record, zero_ns))
                    case BreakStep():
                        breaks[record.id] = record
                    case _:
                        pass
    return _Counted(
        beats=beats,
        eda_samples=eda_samples,
        gaps=len(gaps),
        alerts=tuple(alerts),
        breaks=tuple(
            BreakSeen(
                wearer=step.wearer,
                origin=step.origin,
                phase=step.phase,
                minutes=round((step.until_ns - step.began_ns) / NS / 60, 1),
            )
            for step in breaks.values()
        ),
        journal_rows=rows,
    )


def _seen(alert: Alert, zero_ns: int) -> AlertSeen:
    return AlertSeen(
        wearer=alert.wearer,
        kind=alert.alert,
        t_s=round((alert.t_ns - zero_ns) / NS, 1),
        reasons=tuple(reason.code for reason in alert.reasons),
    )
