"""Two people at home: the real service with its broker and page, over the straps they wear.

Their hearts do what the test says (:meth:`Two.heart`); what follows from it, the service finds out
for itself. Time is the story's: it goes on by itself at twice life's rate, so that open pages are
live, and as fast as it can in :meth:`Two.live`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import aiomqtt

from helpers_couple import agrees, named
from helpers_page import T0_NS, WEARERS, read_and_agreed
from vagalwatch.alerts.couple import ATTESTATION
from vagalwatch.clock import NS, StoryClock
from vagalwatch.control import call
from vagalwatch.deliver.broker import HOST, USERNAME
from vagalwatch.deliver.mqtt_messages import topic
from vagalwatch.records import Answer, State
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.script import Drive, Phase, Script
from vagalwatch.sensors.simulated.stage import Stage
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.service import Radio, Service
from vagalwatch.settings import MqttSettings, PageSettings, SensorSettings, Settings, WearerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from helpers_phone import Phone
    from vagalwatch.records import AnswerKind, Record
    from vagalwatch.web.app import Page

SITE = "test"
AT_REST = {"ada": 64.0, "sam": 70.0}
FAST = 112.0
"""Far over 100, as flooding is (Gottman 1994)."""

LEARNT_S = 330
"""Of quiet sitting: the usual takes five minutes."""


class Message(NamedTuple):
    """What an account of the broker hears."""

    wearer: str
    name: str
    payload: dict[str, object]


class _Steered(Script):
    """A body's script that is written while it is played."""

    def __init__(self, wearer: str) -> None:
        super().__init__(Phase(0, Drive(hr_bpm=AT_REST[wearer])))

    def heart(self, at_s: float, hr_bpm: float, over_s: float) -> None:
        super().__init__(*self.phases, Phase(at_s, Drive(hr_bpm=hr_bpm), over_s=over_s))


class Two:
    """The home of ada and sam. ``said`` is everything since it began, over restarts too."""

    service: Service
    stage: Stage

    def __init__(self, folder: Path) -> None:
        self.clock = StoryClock(T0_NS)
        self.said: list[Record] = []
        self.now_s = 0.0
        self.straps = {
            wearer: Strap(f"{wearer} strap", f"C0:FF:EE:00:00:0{place}")
            for place, wearer in enumerate(WEARERS, start=1)
        }
        self._folder = folder
        self._port = 0
        self._scripts = {wearer: _Steered(wearer) for wearer in WEARERS}
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._life: asyncio.Task[None]

    @property
    def page(self) -> Page:
        """As the service has it now; its port stays."""
        return self.service.page

    # --- the service --------------------------------------------------------------------------

    async def start(self) -> None:
        """Wake the service, again after :meth:`stop`; the straps come by themselves."""
        radio = Radio(self.stage.air.client_backend, self.stage.air.scanner_backend)
        self.service = Service(self._settings(), self.clock, radio)
        self._stop = asyncio.Event()
        self._life = asyncio.create_task(self.service.run(self._stop))
        live = asyncio.create_task(self.service.live.wait())
        await asyncio.wait({self._life, live}, return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            self._life.result()
        self._port = self.page.port
        self.service.hub.watchers.append(self.said.append)

    async def stop(self) -> None:
        """The service goes down; what it knew is in its journal."""
        async with self._turn:
            assert self.service.hub.faults == {}
            self._stop.set()
            await self._life

    def _settings(self) -> Settings:
        return Settings(
            site=SITE,
            state_dir=self._folder,
            wearers=tuple(
                WearerSettings(
                    id=wearer,
                    sensors=(SensorSettings(device="heart-rate", address=strap.address),),
                )
                for wearer, strap in self.straps.items()
            ),
            mqtt=MqttSettings(port=0),
            page=PageSettings(port=self._port),
        )

    # --- time ---------------------------------------------------------------------------------

    async def live(self, seconds: float, *phones: Phone) -> None:
        """Let a second or more pass; ``phones`` then show the same time, and have seen it pass."""
        async with self._turn:
            await self._play(seconds - 1)
            now_s = self.clock.now_ns() / NS + 1
            for own in phones:  # before the last tick, which tells a page that its clock is right
                await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_s, UTC))
            await self._play(1)
            now_ns = self.clock.now_ns() + self.clock.wall_step_ns()  # as a page is told it
        for own in phones:
            await own.up_to(now_ns)

    async def go_on(self) -> None:
        """Twice life's rate, while nothing else lets time pass."""
        while True:
            await asyncio.sleep(0.5)
            async with self._turn:
                await self._play(1)

    async def _play(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(self.now_s + 1, end_s)
            await self.stage.play(self.now_s)

    async def until(self, state: State, wearer: str) -> None:
        """Let time pass until the service sees ``wearer`` in ``state``; five minutes at most."""
        for _ in range(60):
            if self.state(wearer) == state:
                return
            await self.live(5)
        raise AssertionError(f"{wearer} is {self.state(wearer)} and not {state}")

    # --- bodies -------------------------------------------------------------------------------

    def heart(self, wearer: str, hr_bpm: float, *, over_s: float = 20) -> None:
        """From now on the heart goes to ``hr_bpm``."""
        self._scripts[wearer].heart(self.now_s, hr_bpm, over_s)

    async def floods(self, wearer: str) -> None:
        """The heart goes far over its usual, until the service sees it."""
        self.heart(wearer, FAST)
        await self.until(State.FLOODING, wearer)

    def state(self, wearer: str) -> State | None:
        """What the service last made of it."""
        rows = (r for r in reversed(self.said) if r.kind == "estimate" and r.wearer == wearer)
        row = next(rows, None)
        return None if row is None else row.state

    # --- what was said ------------------------------------------------------------------------

    def answers(self, wearer: str) -> list[AnswerKind]:
        """What ``wearer`` has said."""
        return [r.answer for r in self.said if isinstance(r, Answer) and r.wearer == wearer]

    async def attest(self) -> None:
        """As the therapist does, by the command's own way into the service."""
        path = self._settings().control_path
        by, sentence = "therapist-1", ATTESTATION
        await asyncio.to_thread(
            call, path, "link", one="ada", other="sam", by=by, sentence=sentence
        )

    async def share(self) -> None:
        """Measured with consent, attested, and agreed to by both; sam by a name of his own."""
        await self.attest()
        now_ns = self.clock.now_ns()
        for wearer in WEARERS:
            self.service.hub.take(read_and_agreed(wearer))
            self.service.hub.take(agrees(wearer, "consent-partner", now_ns))
        self.service.hub.take(named("sam", "Sammy", now_ns))

    @asynccontextmanager
    async def overheard(self) -> AsyncIterator[list[Message]]:
        """What is told over MQTT meanwhile."""
        broker, heard = self.service.broker, list[Message]()
        assert broker is not None
        secret = broker.password_file.read_text(encoding="utf-8")

        async def listen() -> None:
            async for message in line.messages:
                *_, wearer, name = str(message.topic).split("/")
                heard.append(Message(wearer, name, json.loads(bytes(message.payload) or b"{}")))

        async with aiomqtt.Client(HOST, broker.port, username=USERNAME, password=secret) as line:
            await line.subscribe(topic(SITE, "", "#"), qos=1)
            listening = asyncio.create_task(listen())
            try:
                yield heard
            finally:
                listening.cancel()


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[Two]:
    """Both sit quietly with their straps on, and time goes on."""
    two = Two(folder)
    bodies = {w: Body(seed, two._scripts[w]) for seed, w in enumerate(WEARERS, start=1)}
    two.stage = Stage(bodies, {w: (strap,) for w, strap in two.straps.items()}, two.clock)
    await two.stage.set_up()
    await two.start()
    await two.stage.connect(two.service.links)
    going_on = asyncio.create_task(two.go_on())
    try:
        yield two
    finally:
        going_on.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await going_on
        await two.stop()
        await two.stage.air.stop()
