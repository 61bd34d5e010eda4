"""The composition root: the only place that wires the floors together."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch import __version__, language, watchdog
from vagalwatch.adverse_desk import AdverseDesk
from vagalwatch.alerts import couple
from vagalwatch.clock import NS
from vagalwatch.control import ControlServer
from vagalwatch.deliver.broker import USERNAME, EmbeddedBroker
from vagalwatch.deliver.drain import DrainStatus, drain
from vagalwatch.deliver.influx import InfluxLedger
from vagalwatch.deliver.mqtt import Mailbox
from vagalwatch.deliver.notify import Notifier, chain
from vagalwatch.engine import ENGINE_VERSION, Engine
from vagalwatch.erase import RETRY_S, Report, buried_again, erase
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.hub import Hub, show
from vagalwatch.journal.database import moved_aside
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.linking import Linking
from vagalwatch.records import ClockStep, Run, Tick
from vagalwatch.recover import EVENTS, recover, restart_gaps, snapshot_of
from vagalwatch.sensing import Sensing
from vagalwatch.sensors.link import SensorLink
from vagalwatch.session_desk import SessionDesk
from vagalwatch.settings import ConfigError
from vagalwatch.standby import fault_of
from vagalwatch.web.app import Page
from vagalwatch.web.choices import House
from vagalwatch.web.credentials import Credentials
from vagalwatch.web.own import Own
from vagalwatch.wishes import in_force, wish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

    from vagalwatch.alerts import words
    from vagalwatch.clock import Clock
    from vagalwatch.deliver.notify import Way
    from vagalwatch.journal.port import Entry
    from vagalwatch.settings import MqttSettings, Settings

_log: Final = logging.getLogger(__name__)

SNAPSHOT_EVERY_S: Final = 60
"""A restart re-reads at most this much; what comes out is the same whatever it is."""

FAULT_WAIT_S: Final = 60

DISK_REFUSES: Final = (
    "The disk takes nothing, so this is not kept yet. Free space (`vagalwatch doctor` says where), "
    "then look again."
)
"""To whoever sets, links or notes something meanwhile: it was heard, and a crash forgets it."""

PRUNE_EVERY_S: Final = 3600

GATHER_S: Final = 5.0
"""Between writes to InfluxDB, which dashboards ask every 5 s: a write a commit cost a fifth of the
gateway's CPU (benchmarks)."""

WALL_STEP_NS: Final = NS // 2
"""A jump of the wall clock worth a record; network time slews it a thousand times slower."""

DAY_NS: Final = 24 * 3600 * NS


class Radio(NamedTuple):
    """Bluetooth backends in place of the system's own, as bleak takes them."""

    client: type[BaseBleakClient] | None = None
    scanner: type[BaseBleakScanner] | None = None


class Service:
    """One site. :meth:`run` is its whole life; its parts stand once ``live`` is set."""

    journal: SqliteJournal
    hub: Hub
    page: Page
    broker: EmbeddedBroker | None = None
    mailbox: Mailbox | None = None
    notifier: Notifier
    _broker_settings: MqttSettings | None = None
    _known: words.Lines

    def __init__(self, settings: Settings, clock: Clock, radio: Radio | None = None) -> None:
        """Nothing is opened before :meth:`run`."""
        self.live = asyncio.Event()
        self.influx = DrainStatus()
        self._settings = settings
        self._clock = clock
        self._radio = radio or Radio()
        self._tombstones = Tombstones(settings.tombstones_path)
        self._wearers: tuple[str, ...] = ()
        self._sensing = Sensing()
        self._ledger: InfluxLedger | None = None
        self._erasing = asyncio.Lock()
        self._emptied: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Live until ``stop`` is set. A part that fails ends all: systemd starts it anew.

        Not so what only tells others: it begins again by itself, and measuring goes on.

        Raises:
            ConfigError: something in the configuration cannot be used.
            UnknownDeviceError: a sensor is configured as what is not in the registry.
            LockedError: another service writes this site's journal.
            JournalError: the journal was written by a newer version.
        """
        async with AsyncExitStack() as house:
            self.journal = SqliteJournal(self._settings.journal_path)
            house.callback(self.journal.close)
            self.hub = hub = self._wake_up()
            links = self._linked(hub)  # before anything else begins: it may be misconfigured
            mqtt = self._settings.mqtt
            if self._settings.influx.url is not None:
                self._ledger = InfluxLedger(self._settings.influx, self._settings.site)
            if mqtt.mode == "embedded":
                self.broker = EmbeddedBroker(mqtt.port, self._settings.broker_password_path)
                await house.enter_async_context(self.broker)
                mqtt = self.broker.client_settings(mqtt)
            self._broker_settings = None if mqtt.mode == "off" else mqtt
            if mqtt.mode != "off":
                self.mailbox = Mailbox(
                    self.journal,
                    mqtt,
                    self._settings.site,
                    self._wearers,
                    self._clock,
                    hub,
                    known=self._known,
                )
            self.notifier = Notifier(
                self.journal, self._chains(), self._clock, hub.take, known=self._known
            )
            await house.enter_async_context(
                ControlServer(
                    self._settings.control_path,
                    {
                        "status": self._status,
                        "unpair": self._unpair,
                        "erase": self._erase,
                        "set": self._set,
                        **Linking(hub, self._clock).verbs,
                        **AdverseDesk(hub, self._clock, self.journal).verbs,
                        **SessionDesk(hub, self._clock, self.journal).verbs,
                    },
                    {NotRecordingError: DISK_REFUSES},
                )
            )
            async with asyncio.TaskGroup() as parts:
                background = [parts.create_task(self.page.serve(), name="page")]
                await self.page.started.wait()  # or it ends here, with nothing else begun
                if self.mailbox is not None:
                    mail = self._kept_on(self.mailbox.run)
                    background.append(parts.create_task(mail, name="mqtt"))
                self._sensing.start(links, parts)
                notify = self._kept_on(self.notifier.run)
                background.append(parts.create_task(notify, name="notify"))
                background.append(parts.create_task(self._go_on_erasing(), name="erase"))
                background.append(parts.create_task(self._tick(hub), name="ticks"))
                background.append(parts.create_task(self._after_start(), name="influxdb"))
                if self._settings.journal.retention_days:
                    background.append(parts.create_task(self._prune(), name="retention"))
                self.live.set()
                watchdog.notify("READY=1")
                await stop.wait()
                watchdog.notify("STOPPING=1")
                await self._fall_asleep(hub)
                for task in background:
                    task.cancel()

    @property
    def links(self) -> tuple[SensorLink, ...]:
        """The links to all sensors of those who are watched."""
        return self._sensing.links

    # --- beginning and end --------------------------------------------------------------------

    def _wake_up(self) -> Hub:
        """Engines as they were, and the record of the run that begins."""
        self._wearers = self._not_erased()
        self._known = language.load(self._settings.words)
        recovered = {wearer: recover(self.journal, wearer) for wearer in self._wearers}
        hub = Hub(self.journal, {wearer: engine for wearer, (engine, _) in recovered.items()})
        self.page = Page(
            self._settings.page,
            self._wearers,
            Credentials(self._settings.credentials_path),
            hub,
            self._clock,
            known=self._known,
            language=self._settings.words.language,
            own=Own(
                self._settings.journal_path, hub, self._clock, self._house(), known=self._known
            ),
        )
        for entry in _events(self.journal):  # a break goes on, in words as long as agreed
            show(hub.couples.push, entry.record)  # or one would fail every start
            show(self.page.publish, entry.record)
            self._sensing.saw(entry.record)
        hub.watchers += [self.page.publish, self._sensing.saw]
        self._show_anew()
        now_ns = self._clock.now_ns()
        gaps = [
            gap for wearer in self._wearers for gap in restart_gaps(self.journal, wearer, now_ns)
        ]
        for _, unsaid in recovered.values():
            for record in unsaid:
                hub.keep(record)
        place = hub.take(self._run_record(ended=False))
        for gap in gaps:
            place = hub.take(gap)
        self._save_snapshots(hub, place)  # or a service that soon falls again re-reads ever more
        return hub

    async def _fall_asleep(self, hub: Hub) -> None:
        """Sensors first: their last words are gaps, and these are to be on disk."""
        await self._sensing.stop()
        place = hub.take(self._run_record(ended=True))
        self._save_snapshots(hub, place)
        with suppress(NotRecordingError):
            await self.journal.committed(place)

    def _house(self) -> House:
        """Who reads along by how the house is wired, by the names that are set here."""
        mqtt, influx = self._settings.mqtt, self._settings.influx
        account = USERNAME if mqtt.mode == "embedded" else mqtt.username or mqtt.host
        return House(
            mqtt="" if mqtt.mode == "off" or mqtt.audience == "home" else account,
            influx="" if influx.url is None else influx.bucket,
            told={
                each.id: tuple(one.way for one in each.notify) for each in self._settings.wearers
            },
        )

    def _run_record(self, *, ended: bool) -> Run:
        now_ns = self._clock.now_ns()
        return Run(
            t_ns=now_ns,
            recv_ns=now_ns,
            version=__version__,
            engine_version=ENGINE_VERSION,
            parameters_hash=parameters_hash(),
            ended=ended,
        )

    def _linked(self, hub: Hub) -> tuple[SensorLink, ...]:
        return tuple(
            SensorLink(
                sensor,
                wearer.id,
                self._clock,
                hub.take,
                backend=self._radio.client,
                scanner_backend=self._radio.scanner,
            )
            for wearer in self._settings.wearers
            if wearer.id in self._wearers
            for sensor in wearer.sensors
        )

    def _chains(self) -> dict[str, dict[str, Way]]:
        """How each wearer is told beyond the page."""
        return {
            wearer.id: chain(wearer.notify)
            for wearer in self._settings.wearers
            if wearer.id in self._wearers
        }

    # --- going on -----------------------------------------------------------------------------

    async def _kept_on(self, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await run()
            except Exception as error:  # noqa: BLE001 - as told at run
                fault = fault_of(error)
                _log.error("%s failed and begins again in a minute: %s", run.__qualname__, fault)
            await self._clock.sleep(FAULT_WAIT_S)

    async def _tick(self, hub: Hub) -> None:
        """Time as data: a record a second, and what follows from time alone."""
        wall_step_ns = 0
        for second in itertools.count(1):
            await self._clock.sleep(1 - self._clock.now_ns() % NS / NS)
            now_ns = self._clock.now_ns()
            if abs(step_ns := self._clock.wall_step_ns() - wall_step_ns) >= WALL_STEP_NS:
                wall_step_ns += step_ns
                hub.take(ClockStep(t_ns=now_ns, recv_ns=now_ns, delta_ns=step_ns))
            place = hub.take(Tick(t_ns=now_ns, recv_ns=now_ns))
            self.page.set_recording(recording=self.journal.recording)
            if second % SNAPSHOT_EVERY_S == 0:
                self._save_snapshots(hub, place)
                self._show_anew()
            watchdog.notify("WATCHDOG=1")

    def _show_anew(self) -> None:
        """For a day: until then everybody has looked, and `doctor` goes on saying it."""
        wall_s = (self._clock.now_ns() + self._clock.wall_step_ns()) / NS
        aside = moved_aside(self._settings.journal_path)
        ages_s = [wall_s - file.stat().st_ctime for file in aside]  # renaming sets the ctime
        self.page.set_anew(anew=any(age_s < DAY_NS / NS for age_s in ages_s))

    def _save_snapshots(self, hub: Hub, place: int) -> None:
        # Outputs that ``place`` gave rise to stand behind it; a restart finds them there.
        for wearer, engine in hub.engines.items():
            if isinstance(engine, Engine):  # a standby's restart goes on from before the fault
                self.journal.save_snapshot(wearer, snapshot_of(engine, place))

    async def _after_start(self) -> None:
        """The ledger costs a second to import, so it waits until the page is there."""
        if self._ledger is None:
            return
        for wearer in self._tombstones.pending():  # nothing of an erasure under way goes out
            self._ledger.forget(wearer)
        await self.live.wait()
        try:
            await drain(
                self.journal, self._ledger, self._clock, status=self.influx, gather_s=GATHER_S
            )
        finally:
            self._ledger.close()

    async def _prune(self) -> None:
        keep_ns = self._settings.journal.retention_days * DAY_NS
        ledgers = [] if self._settings.influx.url is None else [InfluxLedger.name]
        while True:
            with suppress(NotRecordingError):
                wall_ns = self._clock.now_ns() + self._clock.wall_step_ns()
                count = await self.journal.prune(wall_ns - keep_ns, ledgers)
                _log.info("retention: %d rows deleted", count)
            await self._clock.sleep(PRUNE_EVERY_S)

    async def _set(
        self, wearer: str, key: str | None = None, value: str | None = None
    ) -> dict[str, str]:
        """Take a setting and return those in force, as JSON by key; see :mod:`.wishes`."""
        if wearer not in self._wearers:
            raise ValueError(f"“{wearer}” is not watched here.")
        if key == couple.NAME and self.hub.couples.link(wearer) is None:
            raise ValueError(f"“{wearer}” is not linked with anybody who could read that name.")
        if key is not None and value is not None:
            await self.hub.submit(wish(wearer, key, value, self._clock.now_ns()))
        return in_force(wearer, (entry.record for entry in _events(self.journal)))

    async def _unpair(self, wearer: str) -> int:
        """See :meth:`vagalwatch.web.app.Page.unpair`."""
        return self.page.unpair(wearer)

    # --- erasing (see erase.py) ---------------------------------------------------------------

    def _not_erased(self) -> tuple[str, ...]:
        """Whom to watch; a back-up that brought somebody back is erased once more."""
        for wearer in buried_again(self._settings):
            self._tombstones.bury(wearer)
        configured = [wearer.id for wearer in self._settings.wearers]
        watched = tuple(wearer for wearer in configured if wearer not in self._tombstones)
        if len(watched) < len(configured):
            _log.warning(
                "a wearer of the configuration was erased and is not watched; to watch this "
                "person again: vagalwatch erase WEARER --allow-again"
            )
        return watched

    async def _erase(self, wearer: str) -> dict[str, object]:
        """Erase ``wearer``, whether or not configured; what is left is tried again until done."""
        try:
            await asyncio.to_thread(self._tombstones.bury, wearer)
        except (ConfigError, OSError) as error:
            raise ValueError(f"Nothing was erased: {error}") from error
        return (await self._erased(wearer)).as_json()

    async def _go_on_erasing(self) -> None:
        """What was begun, before a restart or while a sink was away."""
        while True:
            try:
                for wearer in await asyncio.to_thread(self._tombstones.pending):
                    await self._erased(wearer, again=True)
            except Exception as error:  # noqa: BLE001 - the others must be watched all the same
                _log.error("an erasure is not done and is tried again: %s", type(error).__name__)
            await self._clock.sleep(RETRY_S)

    async def _erased(self, wearer: str, *, again: bool = False) -> Report:
        async with self._erasing:
            await self._forget(wearer)
            # Nothing of the wearer came since: only who asks anew has it searched anew.
            journal = None if again and wearer in self._emptied else self.journal
            report = await erase(self._settings, wearer, journal, self._broker_settings)
            if not any(store.left for store in report.stores if store.store == "journal"):
                self._emptied.add(wearer)
        for store in report.stores:
            if store.left:  # what exactly is for the person who asked: it may hold the name
                _log.warning("an erasure is not complete: %s", store.store)
        return report

    async def _forget(self, wearer: str) -> None:
        """Nothing of ``wearer`` comes in or goes out any more, nor is it kept in memory."""
        await self._sensing.forget(wearer)
        if self.mailbox is not None:  # before the hub, which refuses what it would hand on
            await self.mailbox.forget(wearer)
        await self.notifier.forget(wearer)
        self.hub.forget(wearer)
        self.page.forget(wearer)
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.forget, wearer)

    async def _status(self) -> dict[str, object]:
        """What `doctor` shows of a running service; no physiology."""
        return {
            "version": __version__,
            "page": f"{self._settings.page.host}:{self.page.port}",
            "recording": self.journal.recording,
            "faults": self.hub.faults,
            "sensors": [
                {"source": link.source, "status": link.status, "advice": link.advice}
                for link in self.links
            ],
            "mqtt": "" if self.mailbox is None else self.mailbox.problem,
            "notify": self.notifier.problems,
            "influxdb": self.influx.last_error,
            "influxdb_lag_s": self.influx.lag_s(self._clock.now_ns() + self._clock.wall_step_ns()),
            "influxdb_set_aside": self.influx.set_aside,
        }


def _events(journal: SqliteJournal) -> Iterator[Entry]:
    after = 0
    while batch := journal.read(after, kinds=("setting", *EVENTS)):
        yield from batch
        after = batch[-1].place
