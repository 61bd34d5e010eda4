"""The journal on SQLite: whoever appends goes on at once, one thread writes, nothing is lost.

Guarantees, each with its condition:

* What :meth:`SqliteJournal.committed` returned for has survived kill -9, and power loss on a
  disk that honours fsync.
* What was appended is on disk within :data:`COMMIT_AFTER_S` and a commit, urgent records within
  a commit; a crash loses at most that much, always the newest.
* While the disk refuses, records wait in memory, ``recording`` is false, and the disk is tried
  again each :data:`RETRY_AFTER_S`; then all follow in order. Beyond :data:`KEEP_ROWS` waiting
  records the oldest stay, new bulk records are dropped, and each stream gets a ``Gap`` for its
  missing stretch. Events (alerts, answers, settings, gaps, breaks) are never dropped.
* A damaged file is moved aside, whenever that is noticed, and a new journal begins.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from vagalwatch.journal import database, retention
from vagalwatch.journal.codec import Row, encode
from vagalwatch.journal.erase import WAL_TRIES, Deletion, may_hold, write_anew
from vagalwatch.journal.lock import Lock
from vagalwatch.journal.overflow import Overflow
from vagalwatch.journal.port import RUN_SHIFT, Entry, NotRecordingError, Snapshot
from vagalwatch.journal.reader import Reader
from vagalwatch.journal.store import Batch, Store
from vagalwatch.journal.waiting import Waiters

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from vagalwatch.records import Record

_log: Final = logging.getLogger(__name__)

COMMIT_AFTER_S: Final = 0.5
"""How long a record may wait for company. The promise is a second; a slow card takes the rest."""

RETRY_AFTER_S: Final = 1.0
"""Pause between attempts while the disk refuses."""

KEEP_ROWS: Final = 50_000
"""Records kept in memory while the disk refuses: 2.5 h of a home with two wearers, 20 MB."""

CHUNK: Final = 1000
"""Rows in one transaction, so that a long backlog reaches a nearly full disk bit by bit."""


_Task = Callable[[sqlite3.Connection], int]
_Told = TypeVar("_Told")


class SqliteJournal:
    """See :class:`vagalwatch.journal.port.Journal` for what is not said here.

    ``tell`` gets a sentence for a person when something is wrong with the journal and when it
    is well again, from any thread; without it they are logged.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = _log.warning) -> None:
        """Open the journal at ``path`` and begin a new run.

        A damaged file is moved aside and a full disk is waited for: neither keeps the service
        from starting.

        Raises:
            LockedError: another process writes this journal.
            JournalError: the file was written by a newer version.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._tell = tell
        self._lock = Lock(path)
        self._store = Store(path, tell)  # the writer's own, once it runs
        self._reader: Reader | None = None
        self._wake = threading.Condition()  # its lock guards all that follows
        self._n = 0
        self._newest = 0
        self._pending: deque[tuple[int, Row]] = deque()
        self._overflow = Overflow()
        self._dropped = range(0)  # places among which some were dropped
        self._cursors: dict[str, int] = {}
        self._moved: set[str] = set()  # cursors that are not yet on disk
        self._aside: list[tuple[str, int, str]] = []
        self._snapshots: dict[str, Snapshot] = {}
        self._tasks: list[tuple[_Task, Future[int]]] = []
        self._due = math.inf  # monotonic time of the next write
        self._closing = False
        self._recording = True
        self._damage = ""  # what a reader found wrong with the file
        self._waiters = Waiters()
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise
        self._writer = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._writer.start()

    # --- for those who append and wait ----------------------------------------------------------

    @property
    def run(self) -> int:
        """The number of this run; each start has a higher one."""
        return self._store.run

    @property
    def newest(self) -> int:
        """See the port."""
        return self._newest

    @property
    def recording(self) -> bool:
        """See the port."""
        return self._recording

    def append(self, record: Record, *, urgent: bool = False) -> int:
        """See the port.

        Raises:
            UnwritableError: ``record`` breaks the conventions of ``records.py``.
        """
        row = encode(record)
        with self._wake:
            if self._closing:
                raise ValueError("The journal is closed.")
            return self._append(record, row, urgent=urgent)

    async def committed(self, place: int) -> None:
        """See the port."""
        with self._wake:
            if place > self._newest:
                if not self._recording:
                    raise NotRecordingError("The journal cannot write at present.")
                reached = self._waiters.add(place, patient=False)
            else:
                reached = None
        if reached is not None:
            await reached
        if place in self._dropped and not self._stands(place):
            raise NotRecordingError("This record was dropped while the disk refused.")

    async def wait_beyond(self, place: int) -> int:
        """See the port."""
        with self._wake:
            if place < self._newest:
                return self._newest
            reached = self._waiters.add(place + 1, patient=True)
        return await reached

    # --- for those who read ---------------------------------------------------------------------

    def read(
        self,
        after: int = 0,
        *,
        wearer: str | None = None,
        kinds: Collection[str] = (),
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """See the port and :meth:`vagalwatch.journal.reader.Reader.read`."""

        def question(reader: Reader) -> list[Entry]:
            return reader.read(after, wearer=wearer, kinds=kinds, since_ns=since_ns, limit=limit)

        return self._ask(question, [])

    def cursor(self, name: str) -> int:
        """See the port."""
        known = self._cursors.get(name)
        return self._ask(lambda reader: reader.cursor(name), 0) if known is None else known

    def snapshot(self, wearer: str) -> Snapshot | None:
        """See the port."""
        return self._ask(lambda reader: reader.snapshot(wearer), None)

    def move_cursor(self, name: str, place: int) -> None:
        """See the port. On disk within a second."""
        with self._wake:
            self._cursors[name] = place
            self._moved.add(name)
            self._hurry(COMMIT_AFTER_S)

    def set_aside(self, name: str, place: int, reason: str) -> None:
        """See the port."""
        with self._wake:
            self._aside.append((name, place, reason))
            self._hurry(COMMIT_AFTER_S)

    def save_snapshot(self, wearer: str, snapshot: Snapshot) -> None:
        """See the port."""
        with self._wake:
            self._snapshots[wearer] = snapshot
            self._hurry(COMMIT_AFTER_S)

    async def prune(self, before_ns: int, ledgers: Collection[str]) -> int:
        """Delete what came before ``before_ns`` (wall time) and return how many rows that were.

        Nothing goes that one of ``ledgers`` (the names of their cursors) has not finished with,
        nor what still holds: see :func:`vagalwatch.journal.retention.plan`.

        Raises:
            NotRecordingError: the disk refuses; what was deleted so far stays deleted.
        """
        plan = await asyncio.to_thread(self._ask, lambda reader: reader.plan(before_ns), None)
        deleted = 0
        while plan:
            step = partial(retention.delete_step, plan=plan, ledgers=ledgers)
            count = await asyncio.wrap_future(self._in_writer(step))
            if count == 0:
                break
            deleted += count
        if deleted:
            await asyncio.wrap_future(self._in_writer(retention.empty_wal))
        return deleted

    async def erase(self, wearer: str) -> int:
        """Delete everything of ``wearer`` and return how many rows that were.

        Nothing of ``wearer`` may be appended from before this call on; others' records go on.

        Raises:
            NotRecordingError: the disk refuses, or another program holds the file in its present
                state; what was deleted so far stays deleted.
        """
        with self._wake:
            self._snapshots.pop(wearer, None)
            self._overflow.forget(wearer)
            last = self._store.run << RUN_SHIFT | self._n
            appended = last if self._n else 0
        await self.committed(appended)  # also what waits is on disk, where it can be deleted
        deletion = Deletion(wearer, last)
        while await asyncio.wrap_future(self._in_writer(deletion.step)):
            pass
        await asyncio.wrap_future(self._in_writer(deletion.rest))
        await self._empty_wal()
        if await asyncio.to_thread(may_hold, self._path, wearer):
            await asyncio.wrap_future(self._in_writer(write_anew))
            await self._empty_wal()
        return deletion.rows

    async def _empty_wal(self) -> None:
        for _ in range(WAL_TRIES):
            if not await asyncio.wrap_future(self._in_writer(retention.empty_wal)):
                return
        raise NotRecordingError(
            "The rows are deleted, but another program is reading the journal, so older copies "
            "stay in its WAL; end that program."
        )

    def close(self) -> None:
        """Write what waits, if the disk takes it, and let the file go."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._writer.join()
        if self._reader is not None:
            self._reader.close()
        self._store.close()  # the last to go folds the WAL into the one file
        self._lock.release()
        if self._pending:
            self._tell(f"{len(self._pending)} records could not be written and are lost.")

    # --- under the condition's lock -------------------------------------------------------------

    def _append(self, record: Record, row: Row, *, urgent: bool) -> int:
        self._n += 1
        place = self._store.run << RUN_SHIFT | self._n
        if len(self._pending) >= KEEP_ROWS and row.kind in database.BULK_KINDS:
            self._overflow.drop(record)
            self._dropped = range(self._dropped.start or place, place + 1)
        else:
            self._pending.append((place, row))
            self._hurry(0 if urgent else COMMIT_AFTER_S)
        return place

    def _hurry(self, within_s: float) -> None:
        """Let the writer write ``within_s`` from now, or when it is due anyway."""
        due = time.monotonic() + within_s
        if due < self._due and self._recording:
            self._due = due
            self._wake.notify()

    def _batch(self) -> Batch:
        """What the next transaction writes; it stays here too, until it is on disk."""
        if len(self._pending) > CHUNK:
            return Batch(list(islice(self._pending, CHUNK)), {}, [], {}, last=False)
        # With the last of what was kept, so that no crash comes between it and what was dropped.
        for gap in self._overflow.take_gaps():
            self._append(gap, encode(gap), urgent=True)
        rows = list(self._pending)
        cursors = {name: self._cursors[name] for name in self._moved}
        return Batch(rows, cursors, self._aside.copy(), self._snapshots.copy(), last=True)

    def _written(self, batch: Batch) -> None:
        """Forget what ``batch`` has brought to disk, and wake who waits for it."""
        for _ in batch.rows:
            self._newest, _row = self._pending.popleft()
        self._moved -= {name for name, at in batch.cursors.items() if self._cursors[name] == at}
        del self._aside[: len(batch.aside)]
        for wearer, snapshot in batch.snapshots.items():
            if self._snapshots.get(wearer) is snapshot:  # it may be erased meanwhile
                del self._snapshots[wearer]
        self._recording = True
        if self._waiting:
            self._hurry(COMMIT_AFTER_S if batch.last else 0)
        self._waiters.reached(self._newest)

    @property
    def _waiting(self) -> bool:
        """Whether anything is not on disk."""
        return bool(self._pending or self._moved or self._aside or self._snapshots)

    # --- the writer's thread --------------------------------------------------------------------

    def _begin(self) -> None:
        """Open for the first time; the only failure that is not waited for is a newer version."""
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            with suppress(database.JournalError):  # what is there can perhaps still be read
                self._reader = Reader(self._path)
                self._newest = self._reader.newest

    def _write_on(self) -> None:
        going_on = True
        while going_on:
            with self._wake:
                while not self._closing and (wait_s := self._due - time.monotonic()) > 0:
                    self._wake.wait(None if wait_s == math.inf else wait_s)
                self._due = math.inf
                dropped = self._overflow.count
                batch = self._batch()
                tasks, self._tasks = self._tasks, []
            try:
                if self._damage or self._reader is None or not self._store.is_open:
                    self._open()
                elif self._store.is_replaced:
                    self._say("The journal's file was removed or replaced; a new one begins.")
                    self._open()
                self._store.write(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, what waits must not be lost
                self._failed(error)
            else:
                with self._wake:
                    again = not self._recording
                    self._written(batch)
                if again:
                    self._say("The journal records again.")
                if dropped and batch.last:
                    self._say(f"{dropped} records were dropped meanwhile; gaps stand for them.")
            for task, done in tasks:
                self._perform(task, done)
            with self._wake:
                going_on = not self._closing or (self._recording and self._waiting)

    def _open(self) -> None:
        """(Re)open the file for writing and for reading."""
        if self._damage or self._store.is_replaced:
            self._read_through(None)  # it shares its index with the file that goes away
        newest = self._store.open(self._damage)
        self._read_through(Reader(self._path))
        with self._wake:
            self._damage = ""
            self._newest = newest

    def _read_through(self, reader: Reader | None) -> None:
        with self._wake:
            before, self._reader = self._reader, reader
            self._newest = 0 if reader is None else self._newest
        if before is not None:
            before.close()

    def _failed(self, error: Exception) -> None:
        """Keep everything, say so once, and try again soon."""
        with self._wake:
            first, self._recording = self._recording, False
            self._due = time.monotonic() + RETRY_AFTER_S
            if isinstance(error, sqlite3.Error) and database.is_broken(error):
                self._damage = str(error)
            self._waiters.failed(NotRecordingError("The journal cannot write at present."))
        if first:
            self._say(f"The journal is not recording: {error}. What comes is kept in memory.")

    def _perform(self, task: _Task, done: Future[int]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(self._store.do(task))
        except Exception as error:  # noqa: BLE001 - it is the asker's, and the writer must live on
            done.set_exception(NotRecordingError(f"The journal cannot be tidied: {error}."))

    def _say(self, sentence: str) -> None:
        try:
            self._tell(sentence)
        except Exception:  # noqa: BLE001 - a fault of a listener must not end the writing
            _log.exception("nobody could be told: %s", sentence)

    # --- what readers need ----------------------------------------------------------------------

    def _in_writer(self, task: _Task) -> Future[int]:
        """Have the writer do ``task`` between two batches."""
        done: Future[int] = Future()
        with self._wake:
            if self._closing:
                raise NotRecordingError("The journal is closed.")
            self._tasks.append((task, done))
            self._due = 0
            self._wake.notify()
        return done

    def _ask(self, question: Callable[[Reader], _Told], nothing: _Told) -> _Told:
        """Put ``question`` to the reader; there is ``nothing`` while there is no sound file."""
        while (reader := self._reader) is not None:
            try:
                return question(reader)
            except sqlite3.ProgrammingError:  # the writer has just closed it for a newer one
                if reader is self._reader:
                    raise
            except sqlite3.DatabaseError as error:
                if not database.is_broken(error):
                    raise
                with self._wake:
                    self._damage = str(error)
                    self._due = 0
                    self._wake.notify()
                break
        return nothing

    def _stands(self, place: int) -> bool:
        found = self.read(after=place - 1, limit=1)
        return bool(found) and found[0].place == place
