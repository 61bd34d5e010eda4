"""The journal's file: its tables, how it is opened, and what is done with a broken one."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vagalwatch.journal.port import RUN_SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID: Final = 0x7661676C
"""Marks a SQLite file as a journal of vagalwatch (``PRAGMA application_id``)."""

BULK_KINDS: Final = ("heart", "eda", "motion", "level", "contact", "tick", "estimate", "refused")
"""Kinds that come all the time. The others are few and are found through an index."""

EVENTS_ONLY: Final = "kind NOT IN ({})".format(", ".join(f"'{kind}'" for kind in BULK_KINDS))
"""The index's condition; SQLite uses a partial index only where a query repeats it."""

MIGRATIONS: Final = (
    f"""
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY     -- one a start of the service
    ) STRICT;
    CREATE TABLE records (
        place INTEGER PRIMARY KEY,  -- run << 32 | n: the order in which all came
        wearer TEXT NOT NULL,       -- pseudonym; empty: the whole site
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        epoch INTEGER NOT NULL,     -- counts the resets of a device's clock
        t_ns INTEGER NOT NULL,      -- when it happened, UTC ns of its run
        t0_ns INTEGER,              -- first and last time it speaks of, where not t_ns alone
        t1_ns INTEGER,
        recv_ns INTEGER NOT NULL,   -- when it came
        codec TEXT NOT NULL,        -- how raw is read
        raw BLOB NOT NULL,          -- the bytes as the device sent them
        body TEXT NOT NULL          -- JSON; *_t_ns as steps: from t_ns, then one from the other
    ) STRICT;
    CREATE INDEX records_by_recv ON records (recv_ns);
    CREATE INDEX events_by_kind ON records (kind) WHERE {EVENTS_ONLY};
    CREATE TABLE cursors (
        name TEXT PRIMARY KEY,
        place INTEGER NOT NULL      -- the last place this reader has finished with
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE set_aside (
        name TEXT NOT NULL,         -- the reader that could not use the record
        place INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (name, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots (
        wearer TEXT PRIMARY KEY,
        place INTEGER NOT NULL,     -- the state after everything up to here
        engine_version INTEGER NOT NULL,
        parameters_hash TEXT NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
    """,
    """
    DROP TABLE snapshots;           -- an engine begins anew from the records, as for a new version
    CREATE TABLE snapshots (
        wearer TEXT PRIMARY KEY,
        place INTEGER NOT NULL,     -- the state after everything up to here
        engine_version INTEGER NOT NULL,
        parameters_hash TEXT NOT NULL,
        state BLOB NOT NULL         -- JSON, as zlib makes it
    ) STRICT;
    """,
)
"""Each brings ``user_version`` up by one. Released ones are never edited."""

# quick_check reads the whole file: 0.1 s for 50 MB on a small machine. A larger file is only
# looked at where it is used, so that a start stays a matter of seconds.
CHECKED_BYTES: Final = 64 << 20


class JournalError(Exception):
    """A file cannot be used as a journal; the message is one sentence with the way out."""


class BrokenError(Exception):
    """The file is damaged or no journal at all."""


def is_broken(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is damaged (and not, say, the disk full)."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # extended codes keep the primary below
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the journal, made new or brought up to the present schema.

    The connection commits by explicit ``BEGIN`` and ``COMMIT`` only and may be handed to
    another thread.

    Raises:
        BrokenError: damaged, or another program's file.
        JournalError: written by a newer version.
        sqlite3.Error, OSError: the disk refuses.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)  # the WAL files take over the mode of the journal
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA busy_timeout = 2000")  # somebody with a sqlite3 shell
        version = _version(db, path)  # before anything is changed
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        db.execute(f"PRAGMA journal_size_limit = {4 << 20}")
        _migrate(db, version)
        _check(db, path)
    except sqlite3.Error as error:
        db.close()
        if is_broken(error):
            raise BrokenError(str(error)) from error
        raise
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the journal read-only, also while a service writes it and from read-only media.

    Raises:
        JournalError: no such file, not a journal, or of a newer version.
    """
    if not path.is_file():
        raise JournalError(f"There is no journal at {path}.")
    uri = path.absolute().as_uri() + "?mode=ro"
    try:
        db = _connect_to_read(uri)
    except sqlite3.OperationalError:
        # A WAL database needs its -shm file even for reading. Where none can be made, nobody
        # is writing either, and the file may be read as it stands.
        try:
            db = _connect_to_read(f"{uri}&immutable=1")
        except sqlite3.Error as error:
            raise JournalError(f"{path} cannot be read: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path} is not a journal: {error}.") from error
    try:
        version = _version(db, path)
    except BrokenError as error:
        db.close()
        raise JournalError(f"{path} is not a journal: {error}.") from error
    except JournalError:
        db.close()
        raise
    if version == 0:
        db.close()
        raise JournalError(f"{path} is empty.")
    return db


def last_run(path: Path) -> int:
    """The last run that a journal which cannot be opened at present may have seen.

    Read past the WAL, in which at most a few runs can stand, so a margin is added: places must
    never be given twice.
    """
    margin = 1000
    try:
        db = sqlite3.connect(path.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)
        try:
            run: int = db.execute("SELECT coalesce(max(run), 0) FROM runs").fetchone()[0]
            place: int = db.execute("SELECT coalesce(max(place), 0) FROM records").fetchone()[0]
            return margin + max(run, place >> RUN_SHIFT)
        finally:
            db.close()
    except sqlite3.Error:
        return margin


def move_aside(path: Path) -> Path:
    """Rename a broken journal, with what SQLite keeps beside it, and return its new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    count = 0
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.broken-{stamp}-{count}")
    for suffix in ("-wal", ""):  # the journal last: while it is there, it is still whole
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            beside.rename(f"{aside}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)  # only an index of the WAL, made anew on opening
    return aside


@contextmanager
def made_beside(path: Path) -> Iterator[Path]:
    """A file to make a new journal in; once it is whole it waits for :func:`take_over`."""
    part = path.with_name(f"{path.name}.part")
    for suffix in ("", "-wal", "-shm"):  # of one that was not finished
        Path(f"{part}{suffix}").unlink(missing_ok=True)
    yield part
    part.rename(_new(path))


def take_over(path: Path) -> None:
    """Put the new journal that waits, if one does, in the place of the damaged one."""
    new = _new(path)
    if new.exists():
        if path.exists():
            move_aside(path)
        new.rename(path)


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def moved_aside(path: Path) -> list[Path]:
    """Broken journals that still lie beside ``path``, oldest first; whoever looked removes them."""
    found = path.parent.glob(f"{path.name}.broken-*")
    return sorted(file for file in found if not file.name.endswith("-wal"))


def _connect_to_read(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA busy_timeout = 2000")
        # A text that is damaged must come to the codec, which leaves its row out, and not into an
        # exception, whose message would quote it.
        db.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection, path: Path) -> int:
    """The schema of the file; 0 for an empty one.

    Raises:
        BrokenError: another program's file.
        JournalError: written by a newer version.
    """
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise BrokenError("it is another program's file")
        return 0
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer vagalwatch (schema {version}; this one knows "
            f"{len(MIGRATIONS)}). Install that version again, or move the file away."
        )
    return version


def _migrate(db: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )


def _check(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_BYTES:
        verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise BrokenError(str(verdict))
