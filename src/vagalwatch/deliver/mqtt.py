"""The mailbox: tells an MQTT broker what is valid now, and hears what people say there.

Guarantee: an alert goes out again and again under one id until somebody answers or acknowledges
it or its time is over, through restarts of the broker, of the service and of the network; after
its time it is not sent. Only committed records leave. Condition: the broker comes back within
the alert's time. What the mailbox sends is a function of the journal (:class:`Outbox`), so a
restart needs no memory, and no cursor: what is valid is minutes old, what is retained days.

A publish that the broker's ACL refuses raises nothing (MQTT 3.1.1 has no word for it), so a
wrong ACL shows only in that nobody receives; ``docs/mqtt.md`` lists the lines needed.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiomqtt import Client, MqttError, Will
from aiomqtt.exceptions import MqttConnectError

from vagalwatch.clock import NS
from vagalwatch.deliver.homeassistant import Home
from vagalwatch.deliver.mqtt_inbox import AHEAD_NS, OLDEST_NS, CommandReader, RefusedError
from vagalwatch.deliver.mqtt_messages import INCOMING, topic
from vagalwatch.deliver.mqtt_outbox import EVENTS, KINDS, OFFLINE, Outbox
from vagalwatch.deliver.secret import read_secret
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.journal.walltime import AsKnownThen
from vagalwatch.records import ROW_HOLDS_NS, Answer
from vagalwatch.settings import ConfigError, is_loopback
from vagalwatch.standby import fault_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from vagalwatch.alerts import words
    from vagalwatch.clock import Clock
    from vagalwatch.deliver.mqtt_outbox import Outgoing
    from vagalwatch.deliver.port import Inbox
    from vagalwatch.journal.port import Entry, Journal
    from vagalwatch.settings import MqttSettings

logger: Final = logging.getLogger(__name__)

KEEPALIVE_S: Final = 10
"""A half-open connection shows within one and a half of these."""
PATIENCE_S: Final = 10.0
"""How long the broker may take over a PUBACK before the connection counts as dead."""
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
"""A quarter of a prompt's time, so that an alert raised in an outage still finds its reader."""
GOODBYE_S: Final = 2.0

MAX_QUEUED: Final = 100
"""Commands waiting to be read; a flood beyond it is dropped."""
RECENT_NS: Final = OLDEST_NS + AHEAD_NS
"""An id older than this cannot come again: its message would be stale."""


class Mailbox:
    """One connection to one broker for all wearers of a site."""

    def __init__(  # noqa: PLR0917 - six different types: no two can be mixed up
        self,
        journal: Journal,
        settings: MqttSettings,
        site: str,
        wearers: Collection[str],
        clock: Clock,
        inbox: Inbox,
        known: words.Lines | None = None,
    ) -> None:
        """Check the settings; nothing is connected before :meth:`run`.

        People are told in the lines ``known`` (English).

        Raises:
            ConfigError: the password file cannot be used, or a broker beyond loopback has no TLS.
        """
        self._journal, self._settings, self._clock, self._inbox = journal, settings, clock, inbox
        self._site, self._wearers = site, sorted(wearers)
        self._walltime = AsKnownThen(journal)
        # Where others read along, only what the home was allowed to see is said, and only what it
        # was allowed to press is heard.
        at_home = settings.audience == "home"
        self._incoming = ("home-command",) if at_home else tuple(INCOMING)
        self._outbox = Outbox(site, wearers, known, tells=not at_home)
        self._home = Home(site, wearers, known)
        self._commands = CommandReader(
            site, wearers, takes_presses=self._home.takes_presses, hears=self._incoming
        )
        self._seen = 0
        self._told = 0
        self._news = asyncio.Event()
        self._told_changed = asyncio.Condition()
        self._sending = asyncio.Lock()
        _password(settings.password_file)
        _tls(settings)
        self.published = 0
        """Messages handed to the broker; those with QoS 1 were confirmed by it."""
        self.refused = 0
        """Messages from outside that were not taken."""
        self.connected = False
        self.problem = "Not connected to the MQTT broker yet."
        """A sentence for `doctor` and the page; empty while connected."""

    async def run(self) -> None:
        """Follow the journal and keep a connection until cancelled; then say goodbye."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="mqtt-journal")
            tasks.create_task(self._stay_connected(), name="mqtt-broker")

    async def forget(self, wearer: str) -> None:
        """``wearer`` is erased: hear and, once this returns, send nothing more."""
        self._wearers = [kept for kept in self._wearers if kept != wearer]
        self._commands.forget(wearer)
        self._outbox.forget(wearer)
        self._home.forget(wearer)
        async with self._sending:  # what was on its way when this was called is over
            pass

    async def told(self, place: int) -> None:
        """Return when everything committed up to ``place`` was sent, or was not to be sent."""
        async with self._told_changed:
            await self._told_changed.wait_for(lambda: self._told >= place)

    # --- the journal --------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Take what is committed; the outbox keeps only what is still to be said."""
        # Every event so far (an index finds them): a consent or a running break may be old. Of
        # the rows only the present ones count.
        while entries := await asyncio.to_thread(self._journal.read, self._seen, kinds=EVENTS):
            self._take(entries)
        since_ns: int | None = self._clock.now_ns() - ROW_HOLDS_NS
        while True:
            newest = await self._journal.wait_beyond(self._seen)
            while entries := self._journal.read(self._seen, kinds=KINDS, since_ns=since_ns):
                self._take(entries)
                await asyncio.sleep(0)
            self._seen, since_ns = max(self._seen, newest), None
            self._news.set()

    def _take(self, entries: Sequence[Entry]) -> None:
        wall_ns = self._wall_ns()
        for entry in entries:
            record = entry.record
            if isinstance(record, Answer) and record.id and wall_ns - record.recv_ns < RECENT_NS:
                self._commands.remember(record.wearer, record.id)
            corrected = self._walltime.corrected(entry)
            self._outbox.take(corrected)
            self._home.take(corrected.record)
        self._seen = entries[-1].place

    def _wall_ns(self) -> int:
        return self._clock.now_ns() + self._clock.wall_step_ns()

    # --- the broker ---------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began_ns = self._clock.now_ns()
            try:
                async with connection(self._settings, self._site) as client:
                    await self._talk(client)
            except Exception as error:  # noqa: BLE001 - a fault here must not stop measuring
                self._lost(error)  # a secret may be renewed as we run
            _heed_stop()  # the goodbye of a client that is stopped may fail
            if self._clock.now_ns() - began_ns > LONGEST_WAIT_S * NS:
                wait_s = FIRST_WAIT_S  # it held for a while
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _talk(self, client: Client) -> None:
        """Until the connection is lost (MqttError) or the service stops."""
        # Answers are heard before anything is asked.
        for wearer in self._wearers:
            for name in self._incoming:
                await client.subscribe(topic(self._site, wearer, name), qos=1)
        _heed_stop()
        tasks = []
        try:
            await self._publish(client, *self._outbox.hello())
            _heed_stop()
            self._outbox.connected()
            self._home.connected()
            self.connected, self.problem = True, ""
            self._news.set()
            # No TaskGroup: on Python 3.11 one whose task fails leaves its task marked as cancelled.
            tasks.append(asyncio.create_task(self._hear(client), name="mqtt-in"))
            tasks.append(asyncio.create_task(self._tell(client), name="mqtt-out"))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.connected = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # A clean disconnect discards the last will, so the goodbye is said here.
            with suppress(MqttError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._publish(client, *self._outbox.goodbye())

    async def _tell(self, client: Client) -> None:
        """Send what is due. Ticks are committed each second, so the journal is the timer too."""
        while True:
            await self._news.wait()
            self._news.clear()
            seen = self._seen
            async with self._sending:
                now_ns = self._wall_ns()
                await self._publish(client, *self._outbox.due(now_ns), *self._home.due(now_ns))
            _heed_stop()
            async with self._told_changed:
                self._told = seen
                self._told_changed.notify_all()

    async def _publish(self, client: Client, *messages: Outgoing) -> None:
        for message in messages:
            await client.publish(
                message.topic, message.payload, qos=message.qos, retain=message.retain
            )
            self.published += 1

    async def _hear(self, client: Client) -> None:
        async for message in client.messages:
            try:
                answer = self._commands.read(
                    str(message.topic),
                    bytes(message.payload) if isinstance(message.payload, bytes) else b"",
                    retained=bool(message.retain),
                    now_ns=self._clock.now_ns(),
                    wall_ns=self._wall_ns(),
                )
            except RefusedError as error:
                self.refused += 1
                logger.info("an MQTT message was not taken (%s)", error)
                continue
            # The disk may refuse; the engine has seen the answer all the same.
            with suppress(NotRecordingError):
                await self._inbox.submit(answer)

    def _lost(self, error: Exception) -> None:
        problem = explain(self._settings, error)
        if problem != self.problem:
            logger.warning("%s", problem)
        self.problem = problem


def _heed_stop() -> None:
    """Stop here if we are to stop.

    aiomqtt waits by ``asyncio.wait_for``, which before Python 3.12 forgets a cancellation that
    comes together with the broker's answer (python/cpython#86296): we would wait for ever.
    """
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


async def probe(settings: MqttSettings, timeout_s: float) -> str | None:
    """Try to connect once; ``None`` if the broker lets us in, else one sentence."""
    try:
        async with asyncio.timeout(timeout_s), connection(settings, "probe", will=False):
            return None
    except (MqttError, TimeoutError, ConfigError) as error:
        return explain(settings, error)


def connection(settings: MqttSettings, site: str, *, will: bool = True) -> Client:
    """A client of the broker, by the name of ``site``; to be entered."""
    # One name for good: a new connection takes over from a half-open one, so the old one's last
    # will cannot come after our "online".
    client = Client(
        settings.host,
        settings.port,
        identifier=f"vagalwatch-{site}",
        username=settings.username,
        password=_password(settings.password_file),
        tls_context=_tls(settings),
        will=Will(topic(site, "", "availability"), OFFLINE, qos=1, retain=True) if will else None,
        clean_session=True,  # commands given while we were away are stale
        keepalive=KEEPALIVE_S,
        timeout=PATIENCE_S,
        max_queued_incoming_messages=MAX_QUEUED,
    )
    # A topic that is none (not UTF-8, with wildcards) is dropped, and said once. Otherwise what
    # reads it fails without having taken it off, and is called for it again and again (115,000
    # lines of log in 12 s); aiomqtt has no option for this one of paho.
    client._client.suppress_exceptions = True  # noqa: SLF001
    return client


def explain(settings: MqttSettings, error: Exception) -> str:
    """What is wrong with the broker, as a sentence with the way out."""
    if isinstance(error, ConfigError):
        return str(error)
    where = f"The MQTT broker at {settings.host}:{settings.port}"
    if isinstance(error, MqttConnectError):
        return f"{where} refuses us ({error}). Check mqtt.username and mqtt.password_file."
    if not isinstance(error, MqttError | TimeoutError):
        return f"Unexpected {fault_of(error)} while talking to the MQTT broker; please report."
    return f"{where} does not answer ({error or 'it took too long'})."


def _password(file: Path | None) -> str | None:
    return None if file is None else read_secret(file, "mqtt.password_file")


def _tls(settings: MqttSettings) -> ssl.SSLContext | None:
    if settings.tls_ca_file is not None:
        try:
            return ssl.create_default_context(cafile=settings.tls_ca_file)
        except OSError as error:
            raise ConfigError(
                f"mqtt.tls_ca_file {settings.tls_ca_file} cannot be used: {error}."
            ) from error
    if not is_loopback(settings.host):
        raise ConfigError(
            "mqtt.host is beyond loopback, so mqtt.tls_ca_file must name the broker's CA."
        )
    return None
