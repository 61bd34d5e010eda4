"""A supervised Bluetooth link to one sensor: found, connected, listened to, made again.

The shell around a :class:`~vagalwatch.sensors.driver.Driver`: it moves bytes and time to the
driver and the driver's records out, and knows no device. Every loss becomes a gap before
anything else happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from bleak import BleakClient, BleakScanner
from bleak_retry_connector import close_stale_connections_by_address, establish_connection

from vagalwatch.clock import NS
from vagalwatch.records import GapReason
from vagalwatch.sensors import link_trouble
from vagalwatch.sensors.devices import driver_for
from vagalwatch.sensors.link_trouble import trouble_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

    from vagalwatch.clock import Clock
    from vagalwatch.records import Record
    from vagalwatch.sensors.link_trouble import Trouble
    from vagalwatch.settings import SensorSettings

T = TypeVar("T")

_log = logging.getLogger(__name__)

SCAN_S: Final = 10.0
"""How long one search lasts: the longest advertising interval there is, 10.24 s, is rare; sensors
that want to be found advertise several times a second."""
FIRST_PAUSE_S: Final = 0.2
MAX_PAUSE_S: Final = 60.0
_JITTER: Final = 0.3  # of a pause, so that links that fell together do not rise together
_RADIO_S: Final = 120.0
"""Real seconds for any one answer of the radio stack; connecting has its own, shorter limits
inside (60 s in bleak-retry-connector). A D-Bus call without an answer would wait for ever."""
_HANGUP_S: Final = 5.0  # real seconds for a goodbye; then the operating system may clear up
_NAP_NS: Final = 1_000_000_000
"""A sleep of the machine worth a gap: it took a notification or so of a 1 Hz sensor at least."""


class _Event(Enum):
    TICK = "tick"
    LOST = "lost"
    WOKE = "woke"


class _Frame(NamedTuple):
    uuid: str
    raw: bytes
    recv_ns: int


class SensorLink:
    """One configured sensor of one wearer; ``await run()`` until cancelled.

    ``status`` is a short code: ``searching``, ``connecting``, ``connected``, ``stopped``, or that
    of a :class:`~vagalwatch.sensors.link_trouble.Trouble`, which stands until the link is up;
    ``advice`` is the sentence that goes with it, or empty.
    """

    def __init__(
        self,
        sensor: SensorSettings,
        wearer: str,
        clock: Clock,
        emit: Callable[[Record], object],
        *,
        backend: type[BaseBleakClient] | None = None,
        scanner_backend: type[BaseBleakScanner] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Wire a link; ``jitter`` gives numbers in [0, 1).

        Raises:
            UnknownDeviceError: the configured device is not in the registry.
        """
        self._sensor = sensor
        self._clock = clock
        self._emit = emit
        self._backend = backend
        self._scanner_backend = scanner_backend
        self._jitter = jitter
        self._asleep_ns = 0
        self._driver = driver_for(
            sensor.device,
            wearer=wearer,
            source=sensor.source,
            eda_rate_hz=sensor.eda_rate_hz,
        )
        # What is missing over a start ends here; until the links run, a page has to be served.
        self._driver.awaited(clock.now_ns())
        self.wearer = wearer
        self.source = self._driver.source
        self.status = "searching"
        self.advice = ""

    async def run(self) -> None:
        """Keep the link up. Ends only by cancellation, with the gap of a stop."""
        self._say(self._driver.closed(self._clock.now_ns(), GapReason.NEVER_SEEN))
        tries = 0
        try:
            while True:
                began_ns = self._clock.now_ns()
                self._lived = False
                trouble = await self._attempt()
                _heed_stop()
                self._set_status(trouble.status, trouble.advice)
                _log.info(
                    "%s: %s after %.0f s",
                    self.source,
                    trouble.status,
                    (self._clock.now_ns() - began_ns) / 1e9,
                )
                tries = 0 if self._lived else tries + 1
                await self._clock.sleep(self._pause_s(trouble, tries))
        finally:
            self.rest()

    def rest(self) -> None:
        """Not run now, or no more: the gap of a stop."""
        self._say(self._driver.closed(self._clock.now_ns(), GapReason.STOPPED))
        self._set_status("stopped")

    def _pause_s(self, trouble: Trouble, tries: int) -> float:
        """The first retry comes at once; then later and later, and never in step with others."""
        pause_s = trouble.pause_s * 2.0 ** min(tries - 2, 10) if tries > 1 else FIRST_PAUSE_S
        return min(MAX_PAUSE_S, pause_s) * (1 - _JITTER * self._jitter())

    async def _attempt(self) -> Trouble:
        """One life of the link, from the search to its end; says what ended it."""
        events: asyncio.Queue[_Frame | _Event] = asyncio.Queue()
        try:
            async with _radio():
                device = await _radio_says(self._find())
                if device is None:
                    return link_trouble.NOT_FOUND
                client = await _radio_says(self._connect(device, events))
            return await self._live(client, events)
        except _RadioError as error:
            _log.info("%s: %r", self.source, error.__cause__)
            return error.trouble

    async def _find(self) -> BLEDevice | None:
        if self._backend is None:
            # After a crash BlueZ may still hold the sensor, which then does not advertise.
            await close_stale_connections_by_address(self._sensor.address)
        found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
        address = self._sensor.address.lower()

        def detected(device: BLEDevice, _: AdvertisementData) -> None:
            if device.address.lower() == address and not found.done():
                found.set_result(device)

        async with BleakScanner(detected, backend=self._scanner_backend):
            patience = asyncio.ensure_future(self._clock.sleep(SCAN_S))
            try:
                await asyncio.wait((found, patience), return_when=asyncio.FIRST_COMPLETED)
            finally:
                patience.cancel()
        return found.result() if found.done() else None

    async def _connect(
        self, device: BLEDevice, events: asyncio.Queue[_Frame | _Event]
    ) -> BleakClient:
        if not self.advice:
            self._set_status("connecting")
        return await establish_connection(
            BleakClient,
            device,
            self.source,
            disconnected_callback=lambda _: self._put(events, _Event.LOST),
            # What heals by itself (aborts, slots) is retried inside; the rest on our clock.
            max_attempts=1,
            pair=self._sensor.pair,
            backend=self._backend,
        )

    async def _live(self, client: BleakClient, events: asyncio.Queue[_Frame | _Event]) -> Trouble:
        """From the connection to its end; whatever ends it, what came is taken, then the gap."""
        self._asleep_ns = self._clock.asleep_ns()  # before it, the gap of no link says enough
        ticker = asyncio.create_task(self._tick(events))
        reason = GapReason.LINK_LOST
        try:
            _heed_stop()
            await self._prepare(client, events)
            _heed_stop()
            self._set_status("connected")
            return await self._listen(events)
        except asyncio.CancelledError:
            reason = GapReason.STOPPED
            raise
        finally:
            ticker.cancel()
            while not events.empty():
                self._take(events.get_nowait())
            self._say(self._driver.closed(self._clock.now_ns(), reason))
            await self._hang_up(client)

    async def _prepare(self, client: BleakClient, events: asyncio.Queue[_Frame | _Event]) -> None:
        """Read what the device is, subscribe, and write what it should do."""
        self._say(self._driver.opened(self._clock.now_ns()))
        for uuid in self._driver.read:
            if client.services.get_characteristic(uuid) is None:
                continue
            try:
                raw = await _radio_says(client.read_gatt_char(uuid))
            except _RadioError:
                if not client.is_connected:
                    raise
                continue  # all of these can be done without
            self._say(self._driver.frame(uuid, bytes(raw), self._clock.now_ns()))

        def notified(characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
            frame = _Frame(characteristic.uuid, bytes(data), self._clock.now_ns())
            self._put(events, frame)

        for uuid in self._driver.notify:
            indispensable = uuid == self._driver.notify[0]
            if indispensable or client.services.get_characteristic(uuid) is not None:
                await _radio_says(client.start_notify(uuid, notified))
        for uuid, value in self._driver.setup:
            await _radio_says(client.write_gatt_char(uuid, value, response=True))

    async def _listen(self, events: asyncio.Queue[_Frame | _Event]) -> Trouble:
        while True:
            event = await events.get()
            self._take(event)
            if event is _Event.LOST:
                return link_trouble.LINK_LOST
            if event is _Event.TICK:
                now_ns = self._clock.now_ns()
                self._say(self._driver.tick(now_ns))
                if self._driver.stalled(now_ns):
                    return link_trouble.STALLED
            if events.empty() and self._driver.gather_s:
                await self._sleep_to_next(self._driver.gather_s)

    def _take(self, event: _Frame | _Event) -> None:
        if isinstance(event, _Frame):
            self._lived = True
            self._say(self._driver.frame(event.uuid, event.raw, event.recv_ns))
        elif event is _Event.WOKE:
            _log.info("%s: the machine slept", self.source)
            self._say(self._driver.slept(self._clock.now_ns()))

    def _put(self, events: asyncio.Queue[_Frame | _Event], event: _Frame | _Event) -> None:
        """Queue ``event``, behind the news that the machine slept before it happened.

        Here, because on waking whatever comes first (a frame, the loss of the link) would take
        the sleep for a silence or a loss of its own.
        """
        asleep_ns = self._clock.asleep_ns()
        if asleep_ns - self._asleep_ns >= _NAP_NS:
            self._asleep_ns = asleep_ns
            events.put_nowait(_Event.WOKE)
        events.put_nowait(event)

    async def _tick(self, events: asyncio.Queue[_Frame | _Event]) -> None:
        while True:
            await self._sleep_to_next(1)
            self._put(events, _Event.TICK)

    async def _sleep_to_next(self, step_s: float) -> None:
        """Until a multiple of ``step_s``, so that all links wake the process up together."""
        step_ns = round(step_s * NS)
        await self._clock.sleep((step_ns - self._clock.now_ns() % step_ns) / NS)

    async def _hang_up(self, client: BleakClient) -> None:
        """Say goodbye if anybody still listens; never raises, never takes long."""
        with contextlib.suppress(_RadioError):
            for uuid, value in self._driver.teardown if client.is_connected else ():
                await _radio_says(client.write_gatt_char(uuid, value, response=True), _HANGUP_S)
        with contextlib.suppress(_RadioError):
            await _radio_says(client.disconnect(), _HANGUP_S)

    def _say(self, records: list[Record]) -> None:
        for record in records:
            self._emit(record)

    def _set_status(self, status: str, advice: str = "") -> None:
        self.status, self.advice = status, advice


class _RadioError(Exception):
    """The radio stack failed; the cause is chained."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.status)
        self.trouble = trouble


async def _radio_says(call: Awaitable[T], limit_s: float = _RADIO_S) -> T:
    """Await the radio stack, which fails in more ways than it documents, or not at all."""
    try:
        async with asyncio.timeout(limit_s):
            return await call
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        # Something inside the stack was cancelled, not we. Passed on, it would end this link for
        # good, as "stopped" and without a word: to a TaskGroup a cancelled task is no failure.
        raise _RadioError(link_trouble.REFUSED) from error
    except Exception as error:
        raise _RadioError(trouble_of(error)) from error


def _heed_stop() -> None:
    """Stop here if we are to: what the stack was asked for last may have swallowed the word.

    (``asyncio.wait_for`` does before Python 3.12, python/cpython#86296.) Not where a goodbye is
    said: it comes after that word.
    """
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


_radios: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def _radio() -> asyncio.Lock:
    """One search or connection at a time: a second one makes BlueZ answer "InProgress"."""
    return _radios.setdefault(asyncio.get_running_loop(), asyncio.Lock())
