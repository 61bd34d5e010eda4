"""A nursery of whole services that live through an evening until they are killed: ``main``.

Each line on stdin (see :class:`Life`, as JSON) starts a child, whose process id is printed; when
it is dead, its exit status. Children are forked from here, where everything is imported and the
bodies have lived up to the story's present, so that hundreds of deaths take seconds.

A child is the service from the journal to the engines, woken as ``run`` wakes it, with the real
drivers on the bytes of simulated wearables; the radio, the page's server and MQTT are left out.
What it is about to append it writes to a ledger outside first, what the journal has confirmed to
it afterwards, and so what of the WAL has been synced once a transaction has come back.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy.fft  # which numpy would load in each child
import numpy.ma  # noqa: F401 - likewise

from vagalwatch.alerts.table import TIME_UP
from vagalwatch.clock import NS, StoryClock
from vagalwatch.engine import Engine, EngineState
from vagalwatch.hub import URGENT
from vagalwatch.journal import log
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import RUN_SHIFT
from vagalwatch.journal.snapshot import freeze, thaw
from vagalwatch.records import Answer, AnswerKind, BreakPhase, GapReason, Record
from vagalwatch.sensors.decode import nuanic
from vagalwatch.sensors.devices import driver_for
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stories import WEARERS, story
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.service import Service
from vagalwatch.settings import MqttSettings, SensorSettings, Settings, WearerSettings

if TYPE_CHECKING:
    from vagalwatch.journal.store import Batch
    from vagalwatch.sensors.driver import Driver
    from vagalwatch.sensors.simulated.wearable import Frame, Wearable

EVENING_NS = 1_795_446_000 * NS
DAY_NS = 24 * 3600 * NS
FRAME_BYTES = 24 + 4096  # of the WAL: a header and a page


class Life(NamedTuple):
    """What a child is told.

    ``commit_after_s`` is how long records wait for company; shorter than in earnest, since the
    story passes faster. ``fatal_commit``: it dies when that transaction is written but not yet
    synced, and lives on if there is none (0).
    """

    folder: str
    ledger: str
    evening: int
    from_s: float
    commit_after_s: float
    fatal_commit: int

    @property
    def zero_ns(self) -> int:
        """The evening's second 0."""
        return EVENING_NS + self.evening * DAY_NS


class Handed(NamedTuple):
    """About to be appended."""

    at_ns: int  # monotonic
    place: int
    record: Record


class Confirmed(NamedTuple):
    """The journal says that everything up to ``place`` is on disk."""

    place: int


class Synced(NamedTuple):
    """A transaction has come back: the WAL with these salts is on disk up to ``size`` bytes."""

    salts: bytes
    size: int


Note = Handed | Confirmed | Synced


class Worn(NamedTuple):
    """A wearable, and how the service is told of it."""

    wearable: Wearable
    sensor: SensorSettings


class Evening:
    """Two people and what they wear, up to a second of the story."""

    def __init__(self, number: int) -> None:
        self.number = number
        told = story("swapped" if number % 2 else "hard", number)
        self.bodies = {wearer: told.body(wearer) for wearer in WEARERS}
        self.worn = {wearer: _worn(at) for at, wearer in enumerate(WEARERS, start=1)}

    def live(self, to_s: float) -> list[tuple[Frame, Wearable]]:
        """What is sent up to ``to_s``, in order of time."""
        sent = []
        for wearer, body in self.bodies.items():
            signals = body.advance(to_s)
            for wearable, _ in self.worn[wearer]:
                sent += [(frame, wearable) for frame in wearable.advance(signals, to_s)]
        return sorted(sent, key=lambda frame: frame[0].t_s)


def _worn(at: int) -> tuple[Worn, Worn]:
    strap = Strap(address=f"C0:FF:EE:00:00:0{at}")
    ring = Ring(address=f"C0:FF:EE:00:01:0{at}", silence_s=0)
    ring.write(nuanic.MODE_UUID, bytes([nuanic.MODE_RAW_EDA]))  # by a service long ago
    return (
        Worn(strap, SensorSettings(device="heart-rate", address=strap.address)),
        Worn(ring, SensorSettings(device="nuanic", address=ring.address)),
    )


class Witnessed(SqliteJournal):
    """The journal, with everything that goes in written to the ledger outside."""

    def __init__(self, path: Path, ledger: Path, fatal_commit: int) -> None:
        self._outside = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._appended = 0
        self._confirming: set[asyncio.Task[None]] = set()
        self._commits_left = fatal_commit
        super().__init__(path)
        # Nothing is written before the first append, so the writer has not used it yet.
        self._write = self._store.write
        self._store.write = self._write_witnessed  # type: ignore[method-assign]
        self._note(synced(path))

    def append(self, record: Record, *, urgent: bool = False) -> int:
        self._appended += 1
        expected = self.run << RUN_SHIFT | self._appended
        self._note(Handed(time.monotonic_ns(), expected, record))
        place = super().append(record, urgent=urgent)
        assert place == expected
        assert urgent == (record.kind in URGENT)
        if urgent:
            task = asyncio.get_running_loop().create_task(self._confirm(place))
            self._confirming.add(task)
            task.add_done_callback(self._confirming.discard)
        return place

    async def _confirm(self, place: int) -> None:
        await self.committed(place)
        self._note(Confirmed(place))

    def _write_witnessed(self, batch: Batch) -> None:
        self._commits_left -= 1
        fatal = self._commits_left == 0
        if fatal:  # a checkpoint would sync it
            self._store.do(lambda db: db.execute("PRAGMA wal_autocheckpoint = 0").fetchone()[0])
        self._write(batch)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self._note(synced(self._path))

    def _note(self, note: Note) -> None:
        os.write(self._outside, pickle.dumps(note))


def synced(path: Path) -> Synced:
    """The valid part of the WAL, as its index has it (sqlite.org/walformat.html, 2.1)."""
    with Path(f"{path}-shm").open("rb") as index:
        header = index.read(48)
    frames: int = struct.unpack_from("=I", header, 16)[0]
    return Synced(header[32:40], 32 + frames * FRAME_BYTES)


def notes_of(ledger: Path) -> list[Note]:
    """What a child has written down; it may have died in the middle of the last word."""
    notes: list[Note] = []
    if ledger.exists():
        with ledger.open("rb") as words, suppress(EOFError, pickle.UnpicklingError):
            while True:
                notes.append(pickle.load(words))  # noqa: S301 - our own child's
    return notes


async def live(life: Life, evening: Evening) -> None:
    """Wake, connect, and let the evening pass as fast as it goes."""
    clock = StoryClock(life.zero_ns + round(life.from_s * NS))
    settings = Settings(
        site="test",
        state_dir=Path(life.folder),
        wearers=tuple(
            WearerSettings(id=wearer, sensors=tuple(worn.sensor for worn in evening.worn[wearer]))
            for wearer in WEARERS
        ),
        mqtt=MqttSettings(mode="off"),
    )
    service = Service(settings, clock)
    log.COMMIT_AFTER_S = life.commit_after_s  # type: ignore[misc]
    service.journal = Witnessed(settings.journal_path, Path(life.ledger), life.fatal_commit)
    service.hub = hub = service._wake_up()
    drivers: dict[str, Driver] = {}
    for wearer, things in evening.worn.items():
        for wearable, sensor in things:
            driver = driver_for(sensor.device, wearer=wearer, source=sensor.source)
            drivers[wearable.address] = driver
            _connect(driver, wearable, clock.now_ns(), service)
    ticks = asyncio.create_task(service._tick(hub))
    while True:
        await _second(evening, life, drivers, service, clock)
        assert not ticks.done()


def _connect(driver: Driver, wearable: Wearable, now_ns: int, service: Service) -> None:
    """As `SensorLink` does: what is missing, what the device is, and what it should do."""
    records = driver.closed(now_ns, GapReason.NEVER_SEEN) + driver.opened(now_ns)
    table = {line.uuid: line for lines in wearable.services.values() for line in lines}
    for uuid in driver.read:
        if uuid in table:
            records += driver.frame(uuid, wearable.read(uuid), now_ns)
    for uuid in driver.notify:
        wearable.listen(uuid, on=True)
    for uuid, value in driver.setup:
        wearable.write(uuid, value)
    for record in records:
        service.hub.take(record)


async def _second(
    evening: Evening, life: Life, drivers: dict[str, Driver], service: Service, clock: StoryClock
) -> None:
    """What comes within a second, each at its time; and what people say to what they see."""
    now_s = (clock.now_ns() - life.zero_ns) / NS
    for frame, wearable in evening.live(now_s + 1):
        await clock.advance(frame.t_s - (clock.now_ns() - life.zero_ns) / NS)
        driver = drivers[wearable.address]
        for record in driver.frame(frame.uuid, frame.value, clock.now_ns()):
            service.hub.take(record)
    await clock.advance(now_s + 1 - (clock.now_ns() - life.zero_ns) / NS)
    for driver in drivers.values():
        for record in driver.tick(clock.now_ns()):
            service.hub.take(record)
    for wearer in WEARERS:
        answer = _answer(service, wearer, clock.now_ns(), life)
        if answer is not None:
            await service.hub.submit(answer)


def _answer(service: Service, wearer: str, now_ns: int, life: Life) -> Answer | None:
    """People take their time, answer what they see, and say it again if it was not heard."""
    engine = service.hub.engines[wearer]
    assert isinstance(engine, Engine), engine.fault
    pause = engine.state.policy.pause
    if pause is None:
        return None
    if pause.phase == BreakPhase.OFFERED and now_ns >= pause.began_ns + 20 * NS:
        said = AnswerKind.LATER if life.evening == 2 else AnswerKind.YES
    elif pause.phase in TIME_UP and now_ns >= pause.until_ns + 40 * NS:
        said = AnswerKind.IM_BACK
    else:
        return None
    about = pause.alert_id or pause.id
    return Answer(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, answer=said, about=about, via="story")


def main() -> None:
    """Fork a child a line."""
    thaw(freeze(EngineState()))  # what would otherwise be made in each child
    evening = Evening(0)
    for line in sys.stdin:
        life = Life(*json.loads(line))
        if life.evening != evening.number:
            evening = Evening(life.evening)
        evening.live(life.from_s)  # nobody listens while the service is dead
        pid = os.fork()
        if pid == 0:
            signal.alarm(240)  # no child outlives a test that has gone wrong
            asyncio.run(live(life, evening))
            os._exit(1)
        print(pid, flush=True)  # noqa: T201 - the answer
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)  # noqa: T201
