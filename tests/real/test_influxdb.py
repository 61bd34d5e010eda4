"""The ledger against the real InfluxDB: what the journal holds arrives, exactly and once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_influx import Fault, InfluxProxy, InfluxServer
from helpers_journal import MemoryJournal
from helpers_ledger import T0_NS, heart, session
from vagalwatch.clock import NS, StoryClock
from vagalwatch.deliver.drain import DrainStatus, drain
from vagalwatch.deliver.influx import InfluxLedger, probe
from vagalwatch.deliver.points import points
from vagalwatch.deliver.port import UnavailableError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import Entry
from vagalwatch.records import Eda, Heart, Marker
from vagalwatch.settings import InfluxSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from vagalwatch.journal.port import Journal
    from vagalwatch.records import Record

pytestmark = pytest.mark.real

TOKEN = "a-token-of-the-test"  # noqa: S105 - guards a database that lives for one test
TIMEOUT_S = 1.0
LIMIT_S = 60.0

databases = (f"vw{n}" for n in itertools.count())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    with InfluxServer(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture
def proxy(server: InfluxServer) -> Iterator[InfluxProxy]:
    with InfluxProxy(server, TOKEN) as listening:
        yield listening


@pytest.fixture
def bucket(server: InfluxServer) -> str:
    name = next(databases)
    server.query(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def ledger(proxy: InfluxProxy, bucket: str, token_file: Path) -> Iterator[InfluxLedger]:
    to = InfluxSettings(url=proxy.url, bucket=bucket, token_file=token_file)
    made = InfluxLedger(to, "home", timeout_s=TIMEOUT_S)
    yield made
    made.close()


class HastyClock(StoryClock):
    """Notes how long the drain wants to wait, and lets it try again at once."""

    def __init__(self) -> None:
        super().__init__(T0_NS)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def drained(
    journal: Journal,
    ledger: InfluxLedger,
    *,
    batch: int = 100,
    status: DrainStatus | None = None,
    meanwhile: Callable[[HastyClock], None] = lambda _: None,
) -> HastyClock:
    """Run the drain until the journal's last record is confirmed."""
    clock = HastyClock()
    async with draining(journal, ledger, clock, batch, status), asyncio.timeout(LIMIT_S):
        while journal.cursor(ledger.name) < journal.newest:
            meanwhile(clock)
            await asyncio.sleep(0.005)  # a real server is at work
    return clock


@contextlib.asynccontextmanager
async def draining(
    journal: Journal,
    ledger: InfluxLedger,
    clock: HastyClock,
    batch: int,
    status: DrainStatus | None,
) -> AsyncIterator[None]:
    task = asyncio.create_task(
        drain(journal, ledger, clock, batch=batch, status=status, chance=lambda: 0.0)
    )
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def beats(count: int, records: int) -> MemoryJournal:
    """``records`` notifications of ``count`` beats each, on the SIG's tick of 1/1024 s."""
    journal = MemoryJournal()
    start_ns = T0_NS
    for n in range(records):
        record = heart(count, start_ns=start_ns, rr_ms=(700 + n) * 1000 / 1024)
        start_ns = record.beat_t_ns[-1]
        journal.append(record)
    return journal


def beats_of(journal: MemoryJournal) -> list[list[object]]:
    return beats_in(entry.record for entry in journal.entries)


def beats_in(records: Iterable[Record]) -> list[list[object]]:
    return [
        [t_ns, rr_ms]
        for record in records
        if isinstance(record, Heart)
        for t_ns, rr_ms in zip(record.beat_t_ns, record.rr_ms, strict=True)
    ]


def stored(server: InfluxServer, bucket: str) -> list[list[object]]:
    return server.rows('SELECT "rr_ms" FROM "beat"', bucket)


async def test_every_beat_arrives_once_in_order_exact_to_the_nanosecond(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    journal = beats(3, records=200)
    await drained(journal, ledger)
    assert stored(server, bucket) == beats_of(journal)
    assert len(beats_of(journal)) == 600


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("refuse", "refuses the token"),
        ("overload", "asks to wait"),
        ("hang", "cannot be reached"),
        ("cut-after-commit", "cannot be reached"),
        ("half-body", "cannot be reached"),
        ("nginx-400", "answers a write with 400"),
        ("portal", "this is no InfluxDB"),
    ],
)
async def test_a_fault_delays_and_changes_nothing(
    *,
    server: InfluxServer,
    bucket: str,
    proxy: InfluxProxy,
    ledger: InfluxLedger,
    fault: Fault,
    advice: str,
) -> None:
    journal, status = beats(2, records=120), DrainStatus()
    said: set[str] = set()
    proxy.faults.extend([fault, fault, fault])
    clock = await drained(
        journal, ledger, batch=50, status=status, meanwhile=lambda _: said.add(status.last_error)
    )
    assert stored(server, bucket) == beats_of(journal)
    assert journal.aside == []
    assert len(clock.slept) == 3
    assert any(advice in sentence for sentence in said)
    if fault == "refuse":
        assert min(clock.slept) >= 60  # not a hot loop
    if fault == "overload":
        assert min(clock.slept) >= 7  # what Retry-After asked for


async def test_a_server_that_was_killed_and_came_back_has_it_all(
    tmp_path: Path, token_file: Path
) -> None:
    with InfluxServer(tmp_path) as server, InfluxProxy(server, TOKEN) as proxy:
        server.query("CREATE DATABASE home")
        to = InfluxSettings(url=proxy.url, bucket="home", token_file=token_file)
        ledger = InfluxLedger(to, "home", timeout_s=TIMEOUT_S)
        first, journal = beats(2, records=40), beats(2, records=100)
        first.entries = journal.entries[:40]
        await drained(first, ledger)
        journal.cursors = first.cursors
        server.stop()

        def start_again(clock: HastyClock) -> None:
            if clock.slept and server.stopped:
                server.start()

        clock = await drained(journal, ledger, meanwhile=start_again)
        ledger.close()
        assert clock.slept
        assert stored(server, "home") == beats_of(journal)


async def test_from_the_journal_on_disk_over_a_restart_of_the_service(
    tmp_path: Path, server: InfluxServer, bucket: str, proxy: InfluxProxy, ledger: InfluxLedger
) -> None:
    records = [entry.record for entry in beats(2, records=300).entries]
    proxy.faults.extend(["cut-after-commit", "overload"])
    for run in (records[:200], records[200:]):
        journal = SqliteJournal(tmp_path / "home.sqlite")
        for record in run:
            last = journal.append(record)
        await journal.committed(last)
        await drained(journal, ledger)
        journal.close()
    assert stored(server, bucket) == beats_in(records)


async def test_what_is_older_than_the_bucket_keeps_is_set_aside(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    server.query(f"DROP DATABASE {bucket}")
    server.query(f"CREATE DATABASE {bucket} WITH DURATION 1d")
    journal = beats(1, records=5)  # of long ago
    now_ns = time.time_ns()
    journal.append(heart(start_ns=now_ns))
    await drained(journal, ledger)
    assert [place for _, place, _ in journal.aside] == [e.place for e in journal.entries[:5]]
    assert "retention policy" in journal.aside[0][2]
    assert stored(server, bucket) == beats_in([journal.entries[-1].record])


async def test_a_new_token_is_taken_up_without_a_restart(
    proxy: InfluxProxy, ledger: InfluxLedger, token_file: Path, server: InfluxServer, bucket: str
) -> None:
    journal = beats(1, records=2)
    await drained(journal, ledger)
    proxy.token = "another"  # noqa: S105 - the old one is revoked
    journal.append(heart(start_ns=T0_NS + 60 * NS))

    def replace_it(clock: HastyClock) -> None:
        if clock.slept:
            token_file.write_text("another")

    clock = await drained(journal, ledger, meanwhile=replace_it)
    assert clock.slept
    assert stored(server, bucket) == beats_of(journal)


async def test_a_field_of_another_type_is_set_aside_and_the_rest_goes_through(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    journal = beats(1, records=60)
    poison_ns = T0_NS + 3600 * NS
    # InfluxDB keeps a field's type a shard and week long: here someone wrote text by hand.
    server.write_line(f'eda,site=home,source=ring,wearer=ada eda_us="text" {poison_ns}', bucket)
    ring = Eda(
        wearer="ada",
        source="ring",
        t_ns=poison_ns + 1,
        recv_ns=poison_ns + 1,
        sample_t_ns=(poison_ns + 1,),
        eda_us=(3.5,),
    )
    place = journal.append(ring)
    for n in range(60):
        journal.append(heart(start_ns=T0_NS + (7200 + n) * NS))
    clock = await drained(journal, ledger)
    ((name, aside, reason),) = journal.aside
    assert (name, aside) == ("influxdb", place)
    assert "field type conflict" in reason
    assert stored(server, bucket) == beats_of(journal)
    assert clock.slept == []


async def test_a_record_that_cannot_be_written_down_is_set_aside(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    journal = beats(1, records=3)
    lone_surrogate = Marker(wearer="ada", t_ns=T0_NS, recv_ns=T0_NS, text="\ud800")
    journal.entries.append(Entry(journal.newest + 1, lone_surrogate))
    await drained(journal, ledger)
    assert [aside[:2] for aside in journal.aside] == [("influxdb", journal.newest)]
    assert stored(server, bucket) == beats_of(journal)


async def test_a_missing_bucket_is_told_and_nothing_is_set_aside(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    journal, status = beats(1, records=3), DrainStatus()
    server.query(f"DROP DATABASE {bucket}")

    def create_it(clock: HastyClock) -> None:
        if clock.slept and f"no bucket “{bucket}”" in status.last_error:
            server.query(f"CREATE DATABASE {bucket}")

    await drained(journal, ledger, status=status, meanwhile=create_it)
    assert journal.aside == []
    assert stored(server, bucket) == beats_of(journal)


def test_the_doctor_finds_a_server_that_takes_writes_and_stores_nothing(
    server: InfluxServer, proxy: InfluxProxy, bucket: str, token_file: Path
) -> None:
    right = InfluxSettings(url=proxy.url, bucket=bucket, token_file=token_file)
    assert probe(right, TIMEOUT_S) is None
    assert server.query("SHOW MEASUREMENTS", bucket) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bucket": "nowhere"}, "no bucket “nowhere”"),
        ({"token_file": None}, "refuses the token"),
        ({"url": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
)
def test_the_doctor_names_what_is_wrong(
    proxy: InfluxProxy, bucket: str, token_file: Path, wrong: dict[str, object], said: str
) -> None:
    right = {"url": proxy.url, "bucket": bucket, "token_file": token_file}
    assert said in (probe(InfluxSettings.model_validate(right | wrong), TIMEOUT_S) or "")


async def test_a_whole_session_is_there_point_by_point(
    server: InfluxServer, bucket: str, ledger: InfluxLedger
) -> None:
    journal = MemoryJournal()
    for record in session():
        journal.append(record)
    await drained(journal, ledger)
    await drained_again(journal, ledger)  # at least once: the second time changes nothing
    last_of: dict[tuple[object, ...], dict[str, object]] = {}
    for entry in journal.entries:
        for point in points(entry, "home"):
            key = (point.measurement, *sorted(point.tags), point.t_ns)
            last_of[key] = last_of.get(key, {}) | dict(point.fields)
    assert rows_of(server, bucket) == last_of


async def drained_again(journal: MemoryJournal, ledger: InfluxLedger) -> None:
    journal.cursors.clear()
    await drained(journal, ledger)


def rows_of(server: InfluxServer, bucket: str) -> dict[tuple[object, ...], dict[str, object]]:
    """Everything that is stored, by measurement, tags and time."""
    found: dict[tuple[object, ...], dict[str, object]] = {}
    for series in server.query("SELECT * FROM /.*/ GROUP BY *", bucket):
        tags = sorted((key, value) for key, value in series["tags"].items() if value)
        for row in series["values"]:
            named = dict(zip(series["columns"], row, strict=True))
            key = (series["name"], *tags, named.pop("time"))
            found[key] = {name: value for name, value in named.items() if value is not None}
    return found


def test_any_text_comes_back_as_it_was(server: InfluxServer) -> None:
    with InfluxProxy(server) as proxy:
        server.query("CREATE DATABASE texts")
        ledger = InfluxLedger(InfluxSettings(url=proxy.url, bucket="texts"), "home")

        @settings(max_examples=5, deadline=None)
        @given(st.lists(st.text(max_size=40), min_size=20, max_size=60))
        def holds(texts: list[str]) -> None:
            server.query('DROP MEASUREMENT "event"', "texts")
            said = [
                Marker(wearer="ada", t_ns=n, recv_ns=n, text=text) for n, text in enumerate(texts)
            ]
            ledger.write([Entry(n + 1, marker) for n, marker in enumerate(said)])
            rows = server.rows('SELECT "text" FROM "event"', "texts")
            assert rows == [[marker.t_ns, marker.text] for marker in said]

        holds()
        ledger.close()


async def test_a_proxy_with_a_small_limit_gets_small_batches(
    server: InfluxServer, bucket: str, proxy: InfluxProxy, ledger: InfluxLedger
) -> None:
    journal = beats(2, records=100)
    proxy.largest_body = 2000  # as nginx's client_max_body_size
    await drained(journal, ledger)
    assert stored(server, bucket) == beats_of(journal)
    assert journal.aside == []


async def test_an_erased_wearer_is_deleted_and_what_was_still_queued_never_comes(
    server: InfluxServer, ledger: InfluxLedger, bucket: str
) -> None:
    entries = [Entry(1 << 32 | n, record) for n, record in enumerate(session(), 1)]
    others = [
        Entry(1 << 32 | n, heart(3, wearer="ben", start_ns=T0_NS + n * NS)) for n in range(900, 910)
    ]
    ledger.write(entries + others)
    queued = Entry(1 << 32 | 950, heart(3, start_ns=T0_NS + 950 * NS))
    assert (ledger.count("ada") or 0) > 10
    bens = ledger.count("ben")
    assert bens is not None
    ledger.forget("ada")
    ledger.delete("ada")
    ledger.write([queued, others[0]])
    assert ledger.count("ada") == 0
    assert ledger.count("ben") == bens > 30
    assert server.query("SHOW SERIES WHERE \"wearer\" = 'ada'", bucket) == []
    assert b"ada" not in json.dumps(server.query("SELECT * FROM /.*/", bucket)).encode()


async def test_another_sites_wearer_of_the_same_name_stays(
    proxy: InfluxProxy, ledger: InfluxLedger, bucket: str, token_file: Path
) -> None:
    to = InfluxSettings(url=proxy.url, bucket=bucket, token_file=token_file)
    elsewhere = InfluxLedger(to, "cabin", timeout_s=TIMEOUT_S)
    for one in (ledger, elsewhere):
        one.write([Entry(1 << 32 | 1, heart(3))])
    before = elsewhere.count("ada")
    ledger.delete("ada")
    assert (ledger.count("ada"), elsewhere.count("ada")) == (0, before)
    assert before
    elsewhere.close()


@pytest.mark.parametrize("fault", ["refuse", "overload", "hang", "nginx-400", "portal"])
async def test_a_deletion_that_is_not_confirmed_is_not_done(
    proxy: InfluxProxy, ledger: InfluxLedger, fault: Fault
) -> None:
    ledger.write([Entry(1 << 32 | 1, heart(3))])
    before = ledger.count("ada")
    proxy.faults.append(fault)
    with pytest.raises(UnavailableError):
        ledger.delete("ada")
    assert ledger.count("ada") == before
    assert before


async def test_a_token_that_only_writes_deletes_and_does_not_look(
    proxy: InfluxProxy, ledger: InfluxLedger
) -> None:
    """As the shipped token."""
    ledger.write([Entry(1 << 32 | 1, heart(3))])
    proxy.may_read = False
    assert ledger.count("ada") is None
    ledger.delete("ada")
    proxy.may_read = True
    assert ledger.count("ada") == 0
