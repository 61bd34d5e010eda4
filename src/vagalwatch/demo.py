"""A hard conversation played through the whole service, with nothing but the bodies invented.

Two simulated people wear a strap and a ring each. Their bytes cross a real GATT stack and bleak,
and from there on everything is what `vagalwatch run` does: journal, estimate, page, MQTT. They are
linked as a couple, so each page tells of the other's break. The story's people answer prompts as a
phone would, over MQTT; whoever watches may answer before them, on the page. The story's clock moves
on only when what was sent in the step before has arrived, so a seed tells the same story on any
machine.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts import consents
from vagalwatch.alerts.couple import ATTESTATION
from vagalwatch.clock import NS, StoryClock
from vagalwatch.demo_outcome import Outcome, count
from vagalwatch.demo_phone import SITE, DemoError, Phones
from vagalwatch.linking import Linking
from vagalwatch.records import Setting
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stage import Stage
from vagalwatch.sensors.simulated.stories import WEARERS, StoryName, story
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.service import Radio, Service
from vagalwatch.settings import MqttSettings, PageSettings, SensorSettings, Settings, WearerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vagalwatch.sensors.simulated.stories import Story

EVENING_NS: Final = 1_795_446_000 * NS
"""When the story begins: 2026-11-23 17:00 UTC. A fixed evening, so that runs can be compared."""

REACTION_S: Final = 20.0
"""Of the story: how long its people look at a prompt before they answer."""

SEEN_FOR_S: Final = 10.0
"""Of the watcher's own time, where the story's people can wait so long with their answer."""

REACTION_AT_MOST_S: Final = 100.0
"""Of the story: the answer still comes while the prompt is valid (120 s)."""


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
            assert service.broker is not None  # noqa: S101 - the demo's own settings
            assert service.mailbox is not None  # noqa: S101 - as above
            phones = Phones(service.broker, service.mailbox, clock, _reaction_s(speed))
            service.hub.watchers.append(phones.saw)
            calls = group.create_task(phones.listen())
            await phones.ready()
            # First: what a couple agrees to, it agrees to about a link that stands.
            await Linking(service.hub, clock).attest(*WEARERS, by="demo", sentence=ATTESTATION)
            for wearer in WEARERS:
                for setting in _consents(wearer, clock.now_ns()):
                    service.hub.take(setting)
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
                    await phones.turn()
                    played_s = second
                    progress(second / evening.duration_s)
                    await asyncio.sleep(max(due - time.monotonic(), 0))
            await phones.has_all()
            calls.cancel()
            stop.set()
            await life
        await stage.air.stop()
        counted = count(settings.journal_path, stage.zero_ns)
    if service.hub.faults:
        raise DemoError(f"Please report this: the estimate failed ({service.hub.faults}).")
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
        mqtt_messages=phones.received,
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
        "They are linked as a couple: attested by nobody but this demo, and agreed to by both. "
        "So each page shows, of the other, that there is a break and when it ends; no more."
    )
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


def _consents(wearer: str, now_ns: int) -> list[Setting]:
    """The story's people have read what is measured.

    They share it with this house's own broker, and with each other that they are on a break.
    Nobody has to; a page without the first would begin with the first run.
    """
    agreed = (consents.MEASURE, consents.MQTT, consents.PARTNER)
    asked = (consents.TABLE[key] for key in agreed)
    return [
        Setting(
            wearer=wearer,
            t_ns=now_ns,
            recv_ns=now_ns,
            key=row.key,
            value=consents.value_of(row.key, {*row.purposes}, row.text),
        )
        for row in asked
    ]


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
