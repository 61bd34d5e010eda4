"""A disk that is full, damaged, or loses power."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers_journal_load import record
from helpers_real import need
from vagalwatch.alerts.consents import MEASURE, MQTT
from vagalwatch.journal import log
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import RUN_SHIFT, Entry, NotRecordingError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.store import Store
from vagalwatch.records import Gap, GapReason, Heart, Marker, Record, Setting, Stream, Tick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vagalwatch.journal.store import Batch


def records_of(path: Path) -> list[Record]:
    with open_reader(path) as reader:
        return [entry.record for entry in reader.read(limit=1_000_000)]


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def filled(path: Path, count: int) -> list[Record]:
    """A closed journal with ``count`` records."""
    with closing(SqliteJournal(path)) as journal:
        for seq in range(1, count + 1):
            journal.append(record(seq))
    return [record(seq) for seq in range(1, count + 1)]


# --- full ---------------------------------------------------------------------------------------


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        ballast.write(b"x" * size)
                except OSError:
                    pass

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """One MiB of memory as a disk."""
    monkeypatch.setattr(log, "RETRY_AFTER_S", 0.02)
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = [need("mount"), "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(done.stderr)
        pytest.skip(f"a small disk takes root: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([need("umount"), str(folder)], check=True)


async def recording(journal: SqliteJournal) -> None:
    while not journal.recording:  # noqa: ASYNC110 - nobody tells of it but the flag
        await asyncio.sleep(0.01)


async def test_a_full_disk_keeps_nobody_waiting_and_loses_nothing(disk: SmallDisk) -> None:
    path = disk.folder / "site.sqlite"
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        place = journal.append(record(1), urgent=True)
        await journal.committed(place)
        disk.fill()
        for seq in range(2, 1200):
            last = journal.append(record(seq), urgent=seq % 100 == 0)
        with pytest.raises(NotRecordingError):
            await journal.committed(last)
        assert journal.newest < last
        assert [entry.record for entry in journal.read()] == [
            record(seq) for seq in range(1, len(journal.read()) + 1)
        ]
        assert "not recording" in told[0]
        assert "full" in told[0]
        disk.free()
        await recording(journal)
        await journal.wait_beyond(last - 1)
        await journal.committed(last)
        assert "records again" in told[-1]
    assert records_of(path) == [record(seq) for seq in range(1, 1200)]


@pytest.mark.parametrize("died", ["closed", "killed", "never"])
async def test_a_full_disk_does_not_keep_the_service_from_starting(
    disk: SmallDisk, died: str, tmp_path: Path
) -> None:
    path = disk.folder / "site.sqlite"
    before: list[Record] = []
    if died != "never":
        before = filled(path, 100)
    if died == "killed":
        # As it was in the middle of the run: WAL and all.
        copy = tmp_path / "copy"
        copy.mkdir()
        with closing(SqliteJournal(path)) as journal:
            await journal.committed(journal.append(record(101), urgent=True))
            for file in disk.folder.iterdir():
                shutil.copy(file, copy)
        for file in copy.iterdir():
            shutil.copy(file, disk.folder)
        before.append(record(101))
    disk.fill()
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        assert [entry.record for entry in journal.read()] == before
        newest = journal.newest
        place = journal.append(record(1), urgent=True)
        assert place >> RUN_SHIFT > newest >> RUN_SHIFT
        with pytest.raises(NotRecordingError):
            await journal.committed(place)
        disk.free()
        await recording(journal)
        await journal.wait_beyond(place - 1)
        assert journal.read(place - 1)[0].record == record(1)
    assert records_of(path) == [*before, record(1)]
    with closing(SqliteJournal(path)) as journal:
        assert journal.run > place >> RUN_SHIFT


async def test_what_memory_cannot_hold_stands_as_a_gap_and_events_are_never_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "RETRY_AFTER_S", 0.01)
    monkeypatch.setattr(log, "KEEP_ROWS", 50)
    monkeypatch.setattr(log, "CHUNK", 20)
    path = tmp_path / "site.sqlite"
    told: list[str] = []
    batches: list[Batch] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        write = journal._store.write
        full = [True]

        def refuse(batch: Batch) -> None:
            if full:
                raise sqlite3.OperationalError("database or disk is full")
            write(batch)
            batches.append(batch)

        monkeypatch.setattr(journal._store, "write", refuse)
        with pytest.raises(NotRecordingError):
            await journal.committed(journal.append(Tick(t_ns=0, recv_ns=0), urgent=True))
        places: dict[int, int] = {}
        for n in range(100):
            places[n] = journal.append(
                Heart(wearer="ada", source="strap", t_ns=10 * n, recv_ns=10 * n + 1, hr_bpm=60.0)
            )
            if n % 10 == 0:
                note = Marker(wearer="ada", t_ns=10 * n, recv_ns=10 * n, text="said")
                last = journal.append(note, urgent=True)
        full.clear()
        await journal.wait_beyond(last)  # the gap comes after everything that was kept
        await journal.committed(last)
        await journal.committed(places[0])
        with pytest.raises(NotRecordingError, match="dropped"):
            await journal.committed(places[99])
        kept = [entry.record for entry in journal.read()]
        times = [r.t_ns for r in kept if isinstance(r, Heart)]
        assert times == [10 * n for n in range(len(times))]  # the oldest
        assert [r.t_ns for r in kept if isinstance(r, Marker)] == list(range(0, 1000, 100))
        assert kept[-1] == Gap(
            wearer="ada",
            source="strap",
            stream=Stream.HEART,
            t_ns=10 * len(times),
            recv_ns=991,
            reason=GapReason.NOT_RECORDED,
            end_ns=990,
        )
        assert f"{100 - len(times)} records were dropped" in told[-1]
        whole = next(batch for batch in batches if batch.last)
        kinds = [row.kind for _, row in whole.rows]
        assert len(kinds) > 1, "the gap comes with the last of what was kept: a crash parts nothing"
        assert kinds[-1] == "gap"
        # And from here on everything is as before.
        place = journal.append(Tick(t_ns=2000, recv_ns=2000), urgent=True)
        await journal.committed(place)
        assert journal.read(place - 1)[0].record.t_ns == 2000


# --- damaged ------------------------------------------------------------------------------------


def flip_header(path: Path, chance: random.Random) -> None:
    write_at(path, chance.randrange(16), b"\xff")


def flip_schema(path: Path, chance: random.Random) -> None:
    write_at(path, 100 + chance.randrange(8), b"\xff\xff")


def cut_short(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(4096, path.stat().st_size - 4096))


def overwrite_pages(path: Path, chance: random.Random) -> None:
    for page in chance.sample(range(1, path.stat().st_size // 4096), 5):
        write_at(path, page * 4096, chance.randbytes(4096))


def no_database(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(5000))


def another_program(path: Path, chance: random.Random) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.execute("INSERT INTO theirs VALUES (?)", (chance.random(),))
        db.commit()


def write_at(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


DAMAGES = [flip_header, flip_schema, cut_short, overwrite_pages, no_database, another_program]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_journal_is_kept_aside_and_a_new_one_begins(
    tmp_path: Path, damage: object, seed: int
) -> None:
    path = tmp_path / "site.sqlite"
    originals = filled(path, 500)
    assert callable(damage)
    damage(path, random.Random(seed))  # noqa: S311 - repeatable
    damaged = path.read_bytes()
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        assert journal.recording
        assert journal.run > 1  # an id that was given once is not given again
        kept = [entry.record for entry in journal.read(limit=1000)]
        assert all(each in originals and isinstance(each, Setting | Gap | Marker) for each in kept)
        journal.append(record(1))
    assert records_of(path) == [*kept, record(1)]
    (aside,) = tmp_path.glob("site.sqlite.broken-*Z")
    assert aside.read_bytes() == damaged
    assert len(told) == 1
    assert aside.name in told[0]


def damaged_beyond(path: Path, first_page: int) -> None:
    for page in range(first_page, path.stat().st_size // 4096):
        write_at(path, page * 4096, b"\xff" * 4096)


def damage_the_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'events_by_kind'"
        (page,) = db.execute(query).fetchone()
    write_at(path, (page - 1) * 4096, b"\xff" * 4096)


@pytest.mark.parametrize("index", ["whole", "damaged"])
def test_a_damaged_page_takes_no_refusal_and_no_pause_with_it(tmp_path: Path, index: str) -> None:
    """The next start measured who had said no."""
    path = tmp_path / "site.sqlite"
    said = [
        Setting(wearer="ada", t_ns=1, recv_ns=1, key=MEASURE, value='{"to": [], "text": 1}'),
        Setting(wearer="ada", t_ns=1, recv_ns=1, key="paused", value="true"),
    ]
    with closing(SqliteJournal(path)) as journal:
        for each in said:
            journal.append(each)
        for second in range(3000):
            journal.append(Tick(t_ns=second, recv_ns=second))
        run = journal.run
    damaged_beyond(path, path.stat().st_size // 4096 - 5)
    if index == "damaged":
        damage_the_index(path)
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        assert [entry.record for entry in journal.read()] == said
        assert journal.run > run
        journal.append(record(1))
    assert [entry.record for entry in all_entries(path)] == [*said, record(1)]
    assert "(2 records)" in told[0]


@pytest.mark.parametrize("renames", range(3))
def test_a_crash_while_a_damaged_journal_is_replaced_takes_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """An empty new journal stood there before what was brought over, and passed for whole."""
    path = tmp_path / "site.sqlite"
    refusal = refusal_then_ticks(path)
    damaged_beyond(path, path.stat().st_size // 4096 - 5)
    done: list[object] = []
    rename = Path.rename

    def cut(file: Path, to: Path) -> Path:
        done.append(to)
        if len(done) > renames:
            raise PowerCutError
        return rename(file, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cut)
        with pytest.raises(PowerCutError):
            Store(path, lambda _: None).open()
    with closing(SqliteJournal(path, lambda _: None)) as journal:
        assert [entry.record for entry in journal.read()] == [refusal]
    assert not [*tmp_path.glob("*.new*"), *tmp_path.glob("*.part*")]


def test_a_yes_that_may_have_been_taken_back_is_asked_anew_after_damage(tmp_path: Path) -> None:
    """What was taken back on the page that is damaged was shared again."""
    path = tmp_path / "site.sqlite"
    yes = Setting(wearer="ada", t_ns=1, recv_ns=1, key=MQTT, value='{"to": ["state"], "text": 1}')
    with closing(SqliteJournal(path)) as journal:
        journal.append(yes)
    refusal = refusal_then_ticks(path)
    with closing(SqliteJournal(path)) as journal:
        journal.append(replace(yes, value='{"to": [], "text": 1}'))
    damaged_beyond(path, path.stat().st_size // 4096 - 5)
    with closing(SqliteJournal(path, lambda _: None)) as journal:
        assert [entry.record for entry in journal.read()] == [refusal]


class PowerCutError(Exception):
    """The machine stops here."""


def refusal_then_ticks(path: Path) -> Setting:
    refusal = Setting(wearer="ada", t_ns=1, recv_ns=1, key=MEASURE, value='{"to": [], "text": 1}')
    with closing(SqliteJournal(path)) as journal:
        journal.append(refusal)
        for second in range(3000):
            journal.append(Tick(t_ns=second, recv_ns=second))
    return refusal


@pytest.mark.parametrize("seed", range(25))
def test_flipped_bits_never_stop_the_service_nor_make_up_records(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    path = tmp_path / "site.sqlite"
    originals = filled(path, 300)
    size = path.stat().st_size
    for _ in range(chance.randrange(1, 20)):
        offset = chance.randrange(size)
        with path.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        found = journal.read(limit=10_000)
        place = journal.append(record(1), urgent=True)
    assert any(entry.place == place for entry in all_entries(path)), told
    # A flipped bit within a number or a text cannot be told; an order or a kind made up can.
    assert len(found) <= len(originals)
    assert [entry.place for entry in found] == sorted({entry.place for entry in found})


def all_entries(path: Path) -> list[Entry]:
    with open_reader(path) as reader:
        return reader.read(limit=10_000)


async def test_damage_that_shows_while_the_service_runs_is_moved_aside_then(
    tmp_path: Path,
) -> None:
    path = tmp_path / "site.sqlite"
    filled(path, 3000)
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        journal.append(record(1))
        for page in range(2, 60):
            write_at(path, page * 4096, b"\xa5" * 4096)
        # What is in the page cache may hide it for a while; readers get to it.
        seen = journal.read(limit=10_000)
        while not told:
            seen = journal.read(len(seen), limit=10_000)
            await asyncio.sleep(0.01)
        place = journal.append(record(2), urgent=True)
        await journal.wait_beyond(place - 1)
        assert journal.recording
    assert "damaged" in told[0]
    assert records_of(path)[-1] == record(2)
    assert any("broken" in file.name for file in files(tmp_path))


async def test_a_journal_that_was_removed_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        await journal.committed(journal.append(record(1), urgent=True))
        for file in files(tmp_path):
            file.unlink()
        await journal.committed(journal.append(record(2), urgent=True))
        assert [entry.record for entry in journal.read()] == [record(2)]
    assert "removed or replaced" in told[0]
    assert records_of(path) == [record(2)]


# --- power loss ---------------------------------------------------------------------------------


class Synced:
    """The files as they were once a commit had returned, so as fsync promises them."""

    def __init__(self, path: Path, count: int) -> None:
        self.db = path.read_bytes()
        self.wal = Path(f"{path}-wal").read_bytes()
        self.count = count


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Synced]:
    """A run of small commits, with a checkpoint every few."""
    path = tmp_path_factory.mktemp("history") / "site.sqlite"

    async def run() -> list[Synced]:
        states = []
        with closing(SqliteJournal(path)) as journal:
            journal._store.do(lambda db: db.execute("PRAGMA wal_autocheckpoint = 25").fetchone()[0])
            count = 0
            for commit in range(80):
                size = 1 + commit % 7
                for n in range(size):  # one transaction: only the last is urgent
                    count += 1
                    place = journal.append(record(count), urgent=n == size - 1)
                await journal.committed(place)
                states.append(Synced(path, count))
        return states

    return asyncio.run(run())


def opened(folder: Path, db: bytes, wal: bytes) -> list[Record]:
    path = folder / "site.sqlite"
    path.write_bytes(db)
    Path(f"{path}-wal").write_bytes(wal)
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        found = [entry.record for entry in journal.read(limit=100_000)]
        journal.append(Tick(t_ns=1, recv_ns=1))
    assert told == []
    assert len(records_of(path)) == len(found) + 1
    return found


def mixed(old: bytes, new: bytes, size: int, chance: random.Random) -> bytes:
    """Each piece of ``size`` bytes as it was or as it was to become, as a disk leaves it."""
    old = old.ljust(len(new), b"\0")
    pieces = (
        (old if chance.random() < 0.5 else new)[start : start + size]
        for start in range(0, len(new), size)
    )
    return b"".join(pieces)


@pytest.mark.parametrize("seed", range(40))
def test_power_lost_while_a_commit_is_written_takes_that_commit_only(
    tmp_path: Path, history: list[Synced], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    at = chance.randrange(len(history) - 1)
    before, after = history[at], history[at + 1]
    # Unsynced sectors reach the disk in any order or not at all, and the file may be cut.
    wal = mixed(before.wal, after.wal, 512, chance)
    if before.wal[:32] == after.wal[:32]:  # the same lap of the WAL: what was synced is there
        wal = before.wal + wal[len(before.wal) : chance.randrange(len(before.wal), len(wal) + 1)]
    found = opened(tmp_path, before.db, wal)
    assert before.count <= len(found) <= after.count
    assert found == [record(seq) for seq in range(1, len(found) + 1)]


@pytest.mark.parametrize("seed", range(20))
def test_power_lost_in_a_checkpoint_takes_nothing(
    tmp_path: Path, history: list[Synced], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    checkpoints = [n for n in range(1, len(history)) if history[n - 1].db != history[n].db]
    assert len(checkpoints) > 5
    at = chance.choice(checkpoints)
    db = mixed(history[at - 1].db, history[at].db, 4096, chance)
    found = opened(tmp_path, db, history[at].wal)
    assert found == [record(seq) for seq in range(1, history[at].count + 1)]


@pytest.mark.parametrize("seed", range(20))
def test_a_disk_that_lied_about_fsync_still_leaves_a_beginning(
    tmp_path: Path, history: list[Synced], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    # Only while the WAL has not gone into the journal: what of a checkpoint comes to such a disk
    # before the WAL does, nobody can put together again.
    first_of_lap = {state.wal[:32]: state.db for state in reversed(history)}
    state = chance.choice([s for s in history if s.db == first_of_lap[s.wal[:32]]])
    found = opened(tmp_path, state.db, state.wal[: chance.randrange(len(state.wal))])
    assert found == [record(seq) for seq in range(1, len(found) + 1)]
    assert len(found) <= state.count
