"""The real journal: files, runs, threads, and what a person is told."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from vagalwatch.journal import database, log
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.lock import LockedError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import RUN_SHIFT, Entry, NotRecordingError, Snapshot
from vagalwatch.journal.reader import StateRow, open_reader
from vagalwatch.records import Estimate, Heart, Metrics, Record, State, Tick

if TYPE_CHECKING:
    from pathlib import Path

SECOND_NS = 1_000_000_000


def tick(n: int) -> Tick:
    return Tick(t_ns=n, recv_ns=n)


def test_only_its_owner_may_open_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "state" / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        journal.append(tick(1))
        while not journal.newest:
            time.sleep(0.02)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert "site.sqlite-wal" in modes
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_mode_that_is_too_wide_is_narrowed(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    SqliteJournal(path).close()
    path.chmod(0o644)
    SqliteJournal(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_start_is_a_run_of_its_own_even_if_it_said_nothing(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    runs = []
    for _ in range(3):
        with closing(SqliteJournal(path)) as journal:
            runs.append(journal.run)
    assert runs == [1, 2, 3]


async def test_places_grow_though_the_clock_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    for t_ns in (5_000, 3_000, 1_000):
        with closing(SqliteJournal(path)) as journal:
            await journal.committed(journal.append(tick(t_ns), urgent=True))
    with open_reader(path) as reader:
        entries = reader.read()
        assert [entry.place >> RUN_SHIFT for entry in entries] == [1, 2, 3]
        assert [entry.record.t_ns for entry in entries] == [5_000, 3_000, 1_000]
        assert [entry.record.t_ns for entry in reader.read(since_ns=3_000)] == [5_000, 3_000]


def test_closing_writes_what_waits_and_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    journal = SqliteJournal(path)
    for n in range(2500):  # more than two transactions
        journal.append(tick(n))
    journal.close()
    assert {file.name for file in tmp_path.iterdir()} == {"site.sqlite", "site.sqlite.lock"}
    with open_reader(path) as reader:
        assert [entry.record.t_ns for entry in reader.read(limit=9999)] == list(range(2500))
    with pytest.raises(ValueError, match="closed"):
        journal.append(tick(1))


async def test_a_record_waits_for_company_but_an_urgent_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:
        start = time.monotonic()
        first = journal.append(tick(1))
        await journal.committed(first)
        assert time.monotonic() - start > log.COMMIT_AFTER_S * 0.9
        monkeypatch.setattr(log, "COMMIT_AFTER_S", 3600)
        journal.append(tick(2))
        await journal.committed(journal.append(tick(3), urgent=True))
        assert len(journal.read()) == 3


def test_appending_never_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        written = threading.Event()
        let_go = threading.Event()
        over = threading.Event()
        write = journal._store.write

        def hang(batch: object) -> None:
            written.set()
            let_go.wait(60)
            over.set()
            write(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(journal._store, "write", hang)
        journal.append(tick(0), urgent=True)
        written.wait()
        for n in range(1, 1000):
            journal.append(tick(n), urgent=True)
        assert not over.is_set()
        let_go.set()
    with open_reader(path) as reader:
        assert len(reader.read()) == 1000


async def test_threads_may_append_and_read_at_once(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:

        def append(source: int) -> list[int]:
            return [journal.append(tick(source * 1000 + n)) for n in range(200)]

        def read() -> int:
            seen = 0
            while not done.is_set():
                seen = max(seen, len(journal.read(limit=9999)))
            return seen

        done = threading.Event()
        reading = asyncio.create_task(asyncio.to_thread(read))
        places = await asyncio.gather(*(asyncio.to_thread(append, n) for n in range(4)))
        await journal.committed(max(map(max, places)))
        done.set()
        await reading
        entries = journal.read(limit=9999)
        assert sorted(place for mine in places for place in mine) == [e.place for e in entries]
        at = {entry.place: entry.record.t_ns for entry in entries}
        for source, mine in enumerate(places):
            assert [at[place] for place in mine] == [source * 1000 + n for n in range(200)]


async def test_cursors_and_what_was_set_aside_are_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        place = journal.append(tick(1))
        journal.move_cursor("influx", place)
        journal.set_aside("influx", place, "field type conflict")
        journal.set_aside("influx", place, "field type conflict")
    with closing(SqliteJournal(path)) as journal:
        assert journal.cursor("influx") == place
    with open_reader(path) as reader:
        assert reader.set_aside() == [("influx", place, "field type conflict")]


OTHER_SERVICE = """
import sys, pathlib
from vagalwatch.journal.log import SqliteJournal
SqliteJournal(pathlib.Path(sys.argv[1]))
"""


def test_a_snapshot_takes_little_room_and_a_damaged_one_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    kept = Snapshot(1, 2, "hash", "heart and skin, säuberlich " * 1000)
    with closing(SqliteJournal(path)) as journal:
        journal.save_snapshot("ada", kept)
        journal.append(tick(1))
    with closing(SqliteJournal(path)) as journal:
        assert journal.snapshot("ada") == kept
    with closing(sqlite3.connect(path)) as db:
        (packed,) = db.execute("SELECT state FROM snapshots").fetchone()
        assert len(packed) < len(kept.state) / 10
    for damaged in (b"", packed[:-1], packed[:9] + b"x" + packed[10:], kept.state.encode()):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE snapshots SET state = ?", (damaged,))
        with closing(SqliteJournal(path)) as journal:
            assert journal.snapshot("ada") is None


async def test_an_older_journal_is_brought_up_and_keeps_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.sqlite"
    with monkeypatch.context() as before:
        before.setattr(database, "MIGRATIONS", database.MIGRATIONS[:1])
        SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO snapshots VALUES ('ada', 1, 2, 'hash', '[{}]')")
    with closing(open_reader(path)) as reader:
        assert reader.snapshot("ada") is None
    with closing(SqliteJournal(path)) as journal:
        assert journal.snapshot("ada") is None
        journal.save_snapshot("ada", Snapshot(1, 2, "hash", "new"))
        await journal.committed(journal.append(tick(1), urgent=True))
        found = journal.snapshot("ada")
        assert found is not None
        assert found.state == "new"


def test_a_second_service_is_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)):
        other = subprocess.run(
            [sys.executable, "-c", OTHER_SERVICE, str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode != 0
        assert f"already runs as process {os.getpid()}" in other.stderr
        with pytest.raises(LockedError, match="Stop that one first"):
            SqliteJournal(path)
    SqliteJournal(path).close()


async def test_another_process_reads_while_the_service_writes(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal, open_reader(path) as reader:
        for n in range(5):
            await journal.committed(journal.append(tick(n), urgent=True))
            assert reader.newest == journal.newest
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM records")


def test_a_journal_on_read_only_media_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "archive" / "site.sqlite"
    journal = SqliteJournal(path)
    journal.append(tick(1))
    journal.close()
    (path.parent / "site.sqlite.lock").unlink()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with open_reader(path) as reader:
            assert [entry.record for entry in reader.read()] == [tick(1)]
    finally:
        path.parent.chmod(0o700)


def test_what_is_no_journal_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal at"):
        open_reader(tmp_path / "nothing")
    text = tmp_path / "text"
    text.write_text("not a database " * 100)
    with pytest.raises(JournalError, match="not a journal"):
        open_reader(text)
    (tmp_path / "empty").touch()
    with pytest.raises(JournalError, match="is empty"):
        open_reader(tmp_path / "empty")
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalError, match="another program's file"):
        open_reader(other)


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {len(database.MIGRATIONS) + 1}")
    before = path.read_bytes()
    for use in (SqliteJournal, open_reader):
        with pytest.raises(JournalError, match="written by a newer vagalwatch"):
            use(path)
    assert path.read_bytes() == before
    with pytest.raises(JournalError):  # and the lock was let go
        SqliteJournal(path)


def test_a_row_that_was_damaged_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        for n in range(9):
            journal.append(
                Heart(wearer="ada", source="s", t_ns=n, recv_ns=n, hr_bpm=61.5, contact=True)
            )
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE records SET body = replace(body, '61', '6x') WHERE t_ns IN (2, 3, 8)")
        db.commit()
    with open_reader(path) as reader:
        left = [entry.record.t_ns for page in pages(path, limit=2) for entry in page]
        assert left == [0, 1, 4, 5, 6, 7]
        reader.read()
        reader.read()
        assert reader.damaged == 3
    assert caplog.text.count("left out") == 6  # each reader once a row
    assert "61" not in caplog.text.replace(str(path), "")


def pages(path: Path, limit: int) -> list[list[Entry]]:
    found = []
    with open_reader(path) as reader:
        after = 0
        while page := reader.read(after, limit=limit):
            found.append(page)
            after = page[-1].place
    return found


def test_events_are_found_without_reading_everything(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    SqliteJournal(path).close()
    plans: list[str] = []
    with open_reader(path) as reader:
        ask = reader._rows

        def explain(query: str, *values: object) -> list[tuple[object, ...]]:
            plans.extend(str(row[3]) for row in ask(f"EXPLAIN QUERY PLAN {query}", *values))
            return ask(query, *values)

        reader._rows = explain  # type: ignore[method-assign]
        reader.read(kinds={"setting", "alert"}, wearer="ada")
        assert "SEARCH records USING INDEX events_by_kind (kind=?" in plans[0]
        plans.clear()
        reader.read(since_ns=5)
        assert "SEARCH records USING COVERING INDEX records_by_recv" in plans[0]


async def test_waiters_of_a_loop_that_has_ended_harm_nobody(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:

        def loop_that_ends() -> None:
            async def wait_a_moment() -> None:
                asyncio.get_running_loop().create_task(journal.wait_beyond(0))
                await asyncio.sleep(0)

            asyncio.run(wait_a_moment())

        await asyncio.to_thread(loop_that_ends)
        place = journal.append(tick(1), urgent=True)
        await journal.committed(place)


def records_of(path: Path) -> list[Record]:
    with open_reader(path) as reader:
        return [entry.record for entry in reader.read(limit=100_000)]


async def test_a_failing_disk_is_said_once_and_all_follows_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "RETRY_AFTER_S", 0.01)
    path = tmp_path / "site.sqlite"
    told: list[str] = []
    with closing(SqliteJournal(path, told.append)) as journal:
        failing = [True]
        write = journal._store.write

        def fail(batch: object) -> None:
            if failing:
                raise sqlite3.OperationalError("database or disk is full")
            write(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(journal._store, "write", fail)
        place = journal.append(tick(0), urgent=True)
        with pytest.raises(NotRecordingError):
            await journal.committed(place)
        assert journal.recording is False
        with pytest.raises(NotRecordingError):
            await journal.committed(place)
        for n in range(1, 1500):
            place = journal.append(tick(n))
        await asyncio.sleep(0.05)
        assert journal.read() == []
        assert journal.newest == 0
        assert [text for text in told if "not recording" in text] == told[:1]
        failing.clear()
        assert await journal.wait_beyond(0)
        await journal.committed(place)  # which it says only while it records
        assert "records again" in told[-1]
        assert len(told) == 2
    assert [record.t_ns for record in records_of(path)] == list(range(1500))


async def test_a_listener_that_fails_does_not_end_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def deaf(sentence: str) -> None:
        raise RuntimeError(sentence)

    monkeypatch.setattr(log, "RETRY_AFTER_S", 0.01)
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path, deaf)) as journal:
        write = journal._store.write
        failures = iter([sqlite3.OperationalError("disk I/O error")])

        def fail_once(batch: object) -> None:
            for failure in failures:
                raise failure
            write(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(journal._store, "write", fail_once)
        place = journal.append(tick(1), urgent=True)
        assert await journal.wait_beyond(0) == place
    assert caplog.text.count("nobody could be told") == 2


def test_states_are_what_the_estimates_say(tmp_path: Path) -> None:
    """The quick way to weeks of rows, against the records themselves; damaged ones are left out."""
    path = tmp_path / "j.sqlite"
    rows = [
        Estimate(
            wearer=who,
            t_ns=index * 5 * SECOND_NS,
            recv_ns=index * 5 * SECOND_NS + 3 * SECOND_NS,
            state=state,
            reason="heart-silent" if state is State.UNKNOWN else "",
            usual_hr_bpm=None if index % 2 else 66.5,
            metrics=Metrics(hr_bpm=None if state is State.UNKNOWN else 70.25 + index),
        )
        for index, state in enumerate([*State, *State])
        for who in ("ada", "bob")
    ]
    with closing(SqliteJournal(path)) as journal:
        for row in rows:
            journal.append(row)
    with open_reader(path) as reader:
        told = [
            StateRow(e.place, r.t_ns, r.state, r.metrics.hr_bpm, r.usual_hr_bpm)
            for e in reader.read(wearer="ada", kinds=("estimate",))
            if isinstance(r := e.record, Estimate)
        ]
        assert reader.states("ada") == told
        assert len(told) == 2 * len(State)
        assert reader.states("ada", told[3].place, limit=2) == told[4:6]
        assert reader.states("ada", since_ns=told[5].t_ns + 3 * SECOND_NS) == told[5:]
        assert reader.states("ada", since_ns=10**15) == reader.states("eve") == []
    with closing(sqlite3.connect(path)) as damaged, damaged:
        damaged.execute("UPDATE records SET body = '{' WHERE place = ?", (told[0].place,))
        damaged.execute(
            "UPDATE records SET body = json_set(body, '$.state', 'of-the-future') WHERE place = ?",
            (told[1].place,),
        )
    with open_reader(path) as reader:
        assert reader.states("ada") == told[2:]
