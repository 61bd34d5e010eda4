"""The writer's side of the file: opened when it can be, one transaction a batch."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.journal import database, salvage
from vagalwatch.journal.codec import Row
from vagalwatch.journal.port import RUN_SHIFT, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_INSERT_ROW: Final = (
    f"INSERT INTO records (place, {', '.join(Row._fields)}) "  # noqa: S608 - constants only
    f"VALUES (?{', ?' * len(Row._fields)})"
)


class Batch(NamedTuple):
    """What one transaction writes. ``last``: nothing was left behind, so notes come with it."""

    rows: list[tuple[int, Row]]
    cursors: dict[str, int]
    aside: list[tuple[str, int, str]]
    snapshots: dict[str, Snapshot]
    last: bool


class Store:
    """One journal file for writing. Closed after any failure, and opened anew by the next use.

    Opening anew is what heals: after a full disk, a file that was removed or replaced, and a
    damaged one, which is moved aside. Owned by one thread at a time.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        """Name the file; it is opened by :meth:`open`."""
        self._path = path
        self._tell = tell
        self._db: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self.run = 0
        """This run's number, more than any before it; known once :meth:`open` was tried."""

    def open(self, damage: str = "") -> int:
        """Open the file and return its newest place; ``damage`` is what a reader found in it.

        Raises:
            JournalError: written by a newer version.
            sqlite3.Error, OSError: the disk refuses; :attr:`run` is known all the same.
        """
        self.close()
        try:
            database.take_over(self._path)  # a crash may have come between
            if damage:
                raise database.BrokenError(damage)  # noqa: TRY301 - one way to treat it
            db = database.open_to_write(self._path)
        except database.BrokenError as error:
            kept = salvage.events(self._path)
            newest_kept = kept[-1][0] >> RUN_SHIFT if kept else 0
            self.run = self.run or max(database.last_run(self._path), newest_kept) + 1
            self._write_anew(kept)
            aside = database.move_aside(self._path)
            database.take_over(self._path)
            self._tell(
                f"The journal is damaged ({error}). It is kept as {aside.name} and a new one "
                "begins, with what could still be read of baselines, refusals, settings and "
                f"breaks ({len(kept)} records). Whoever had agreed to something is asked anew."
            )
            db = database.open_to_write(self._path)
        except (sqlite3.Error, OSError):
            self.run = self.run or database.last_run(self._path) + 1
            raise
        try:
            newest, last = db.execute(
                "SELECT coalesce(max(place), 0), (SELECT coalesce(max(run), 0) FROM runs) "
                "FROM records"
            ).fetchone()
            self.run = self.run or max(newest >> RUN_SHIFT, last) + 1
            db.execute("INSERT OR IGNORE INTO runs VALUES (?)", (self.run,))
        except BaseException:
            db.close()
            raise
        self._db = db
        self._identity = self._look()
        return int(newest)

    @property
    def is_open(self) -> bool:
        """Whether the file can be written, as far as is known."""
        return self._db is not None

    @property
    def is_replaced(self) -> bool:
        """Whether the file that was opened no longer stands at its path."""
        return self._look() != self._identity

    def write(self, batch: Batch) -> None:
        """Bring ``batch`` to disk as a whole.

        Raises:
            sqlite3.Error: nothing of it is on disk, and the file is closed.
        """

        def transaction(db: sqlite3.Connection) -> int:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_INSERT_ROW, ((place, *row) for place, row in batch.rows))
            db.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", batch.cursors.items())
            db.executemany("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?)", batch.aside)
            db.executemany(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
                (
                    # Not in `freeze`: it takes longer than the JSON, and here no event loop waits.
                    (wearer, *snapshot[:-1], zlib.compress(snapshot.state.encode()))
                    for wearer, snapshot in batch.snapshots.items()
                ),
            )
            db.execute("COMMIT")
            return len(batch.rows)

        self.do(transaction)

    def do(self, task: Callable[[sqlite3.Connection], int]) -> int:
        """Do something else with the open file, such as tidying.

        Raises:
            sqlite3.Error: it failed, and the file is closed.
        """
        if self._db is None:
            raise sqlite3.OperationalError("the journal is not open")
        try:
            return task(self._db)
        except BaseException:
            self.close()  # which also takes back an unfinished transaction
            raise

    def _write_anew(self, rows: list[tuple[int, Row]]) -> None:
        """Make a whole new journal beside the damaged one, which keeps its place until then."""
        with database.made_beside(self._path) as part, closing(database.open_to_write(part)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO runs VALUES (?)", (self.run,))
            db.executemany(_INSERT_ROW, ((place, *row) for place, row in rows))
            db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # closing would not say that it failed

    def close(self) -> None:
        """Let the file go."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _look(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_dev, found.st_ino
