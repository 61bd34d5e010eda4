"""Erasing a wearer, store by store: what `vagalwatch erase` does, with the service or without.

The order is what makes it hold. First the tombstone is on disk: from then on nobody takes a record
of the wearer, whatever crashes. Then those who hold something in memory forget it, then the stores
are emptied, the journal before the sinks that read it. Only when every store that can be asked
again is done does the tombstone forget the name; until then the service tries again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from vagalwatch.deliver.influx import InfluxLedger
from vagalwatch.deliver.mqtt_erase import clear_retained
from vagalwatch.deliver.port import UnavailableError
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.erase import damaged_with
from vagalwatch.journal.lock import Lock
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.settings import ConfigError
from vagalwatch.web.credentials import Credentials

if TYPE_CHECKING:
    from vagalwatch.settings import MqttSettings, Settings

INFLUX_TIMEOUT_S: Final = 120.0
"""A deletion of years may take InfluxDB a while; nobody else waits for it."""

RETRY_S: Final = 300.0
"""Between attempts while something is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What became of one store.

    ``deleted`` is in its own unit (rows, sessions, points, topics; ``None``: it does not tell).
    ``left`` says what remains and why, empty where nothing does; ``looked`` is false where nobody
    may look, so that the store's own confirmation is all there is.
    """

    store: str
    deleted: int | None = 0
    left: str = ""
    looked: bool = True
    by_hand: bool = False
    """What is left, only a person can take away: asking again is of no use."""


@dataclass(frozen=True, slots=True)
class Report:
    """One attempt to erase ``wearer``."""

    wearer: str
    stores: tuple[Store, ...]

    @property
    def done(self) -> bool:
        """Whether no other attempt can do more."""
        return not any(store.left and not store.by_hand for store in self.stores)

    @property
    def nothing_left(self) -> bool:
        """Whether nothing is left anywhere that can be reached."""
        return not any(store.left for store in self.stores)

    def as_json(self) -> dict[str, object]:
        """For the control socket and ``--json``."""
        stores = [asdict(store) for store in self.stores]
        return {"wearer": self.wearer, "nothing_left": self.nothing_left, "stores": stores}


async def erase(
    settings: Settings, wearer: str, journal: SqliteJournal | None, mqtt: MqttSettings | None
) -> Report:
    """Empty every store of ``wearer``, who has a tombstone and whom nobody writes any more.

    ``journal`` is ``None`` where it was emptied before by the same service, ``mqtt`` (the broker
    as a client reaches it) where there is none. Whatever fails is in the report, and the rest is
    done all the same.
    """
    stores = [] if journal is None else [await _journal(settings, wearer, journal)]
    stores.append(await asyncio.to_thread(_credentials, settings, wearer))
    if settings.influx.url is not None:
        stores.append(await asyncio.to_thread(_influx, settings, wearer))
    if mqtt is not None:
        stores.append(await _broker(settings, wearer, mqtt))
    stores += await asyncio.to_thread(_by_hand, settings, wearer)
    report = Report(wearer, tuple(stores))
    if report.done:
        await asyncio.to_thread(Tombstones(settings.tombstones_path).finish, wearer)
    return report


async def erase_here(settings: Settings, wearer: str) -> Report:
    """Erase ``wearer`` while no service runs; the next one goes on with what is not done.

    The embedded broker keeps its messages in the service's memory, so nothing of it is left.

    Raises:
        LockedError: a service runs.
        ConfigError, JournalError, OSError: nothing was erased.
    """
    journal = SqliteJournal(settings.journal_path)
    try:
        Tombstones(settings.tombstones_path).bury(wearer)
        mqtt = settings.mqtt if settings.mqtt.mode == "external" else None
        return await erase(settings, wearer, journal, mqtt)
    finally:
        journal.close()


def allow_again(settings: Settings, wearer: str) -> bool:
    """Let an erased wearer be watched from the next start on; whether there was a tombstone.

    Raises:
        LockedError: a service runs, which would not notice.
        ConfigError: this wearer is still being erased, or the tombstones cannot be used.
    """
    lock = Lock(settings.journal_path)
    try:
        tombstones = Tombstones(settings.tombstones_path)
        if wearer in tombstones.pending():
            raise ConfigError(
                f"“{wearer}” is still being erased. Finish that first: vagalwatch erase {wearer}."
            )
        return tombstones.lift(wearer)
    finally:
        lock.release()


def buried_again(settings: Settings) -> list[str]:
    """Who was erased and is back in the journal or the credentials, by a back-up (blocking).

    Looks at snapshots and events, not at every row: a wearer who was watched for a minute has both.
    """
    tombstones = Tombstones(settings.tombstones_path)
    if not len(tombstones):
        return []
    known: set[str] = set()
    # What cannot be read is said where it is used, and keeps nobody from being watched.
    with suppress(ConfigError, OSError):
        known |= Credentials(settings.credentials_path).wearers()
    with suppress(JournalError), open_reader(settings.journal_path) as reader:
        known |= reader.known_wearers()
    return sorted(wearer for wearer in known if wearer in tombstones)


async def _journal(settings: Settings, wearer: str, journal: SqliteJournal) -> Store:
    def left() -> int:
        # A reader of its own: the service's would keep others waiting for as long as this takes.
        with open_reader(settings.journal_path) as reader:
            return reader.count_left(wearer)

    try:
        rows = await journal.erase(wearer)
        remain = await asyncio.to_thread(left)
    except (NotRecordingError, JournalError) as error:
        return Store(store="journal", deleted=None, left=str(error))
    said = f"{remain} rows stand there although they were deleted." if remain else ""
    return Store(store="journal", deleted=rows, left=said)


def _credentials(settings: Settings, wearer: str) -> Store:
    credentials = Credentials(settings.credentials_path)
    try:
        ended = credentials.forget(wearer)
        left = "They are there again." if wearer in credentials.wearers() else ""
    except (ConfigError, OSError) as error:
        return Store(store="credentials", deleted=None, left=str(error))
    return Store(store="credentials", deleted=ended, left=left)


def _influx(settings: Settings, wearer: str) -> Store:
    ledger = InfluxLedger(settings.influx, settings.site, timeout_s=INFLUX_TIMEOUT_S)
    try:
        before = ledger.count(wearer)
        ledger.delete(wearer)
        after = ledger.count(wearer)
    except UnavailableError as error:
        return Store(store="influxdb", deleted=None, left=error.advice, looked=False)
    finally:
        ledger.close()
    left = f"{after} points stand there although they were deleted." if after else ""
    return Store(store="influxdb", deleted=before, left=left, looked=after is not None)


async def _broker(settings: Settings, wearer: str, mqtt: MqttSettings) -> Store:
    try:
        cleared = await clear_retained(mqtt, settings.site, wearer)
    except UnavailableError as error:
        return Store(store="mqtt", deleted=None, left=error.advice, looked=False)
    if cleared.left:
        names = ", ".join(cleared.left)
        left = f"The broker still retains {names}: its ACL does not let this account clear them."
        return Store(store="mqtt", deleted=cleared.found, left=left)
    return Store(store="mqtt", deleted=cleared.found, looked=cleared.looked)


def _by_hand(settings: Settings, wearer: str) -> list[Store]:
    """What nobody but a person takes away."""
    stores = []
    if files := damaged_with(settings.journal_path, wearer):
        names = ", ".join(file.name for file in files)
        left = (
            f"The name stands in {names}, or they cannot be read. They are damaged journals that "
            "hold other wearers too; delete them when nobody needs them."
        )
        stores.append(Store(store="damaged journals", left=left, by_hand=True))
    if wearer in {known.id for known in settings.wearers}:
        left = "The configuration names this wearer and the sensors: take them out."
        stores.append(Store(store="configuration", left=left, by_hand=True))
    return stores
