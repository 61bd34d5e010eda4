"""Reading a journal: the service's own reader, and that of analysis, export and replay."""

from __future__ import annotations

import logging
import sqlite3
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from vagalwatch.journal import database
from vagalwatch.journal.codec import DamagedRowError, Row, decode
from vagalwatch.journal.erase import count_left, known_wearers
from vagalwatch.journal.port import Entry, Snapshot
from vagalwatch.journal.retention import Plan, plan
from vagalwatch.records import SITE, State

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_log: Final = logging.getLogger(__name__)
_COLUMNS: Final = ", ".join(Row._fields)


class StateRow(NamedTuple):
    """Of an estimate: its place, its time (UTC ns of the run), and what it says of the heart."""

    place: int
    t_ns: int
    state: State
    hr_bpm: float | None
    usual_bpm: float | None


def open_reader(path: Path) -> Reader:
    """Open a journal to read it, whether or not a service is writing it.

    Raises:
        JournalError: no such file, not a journal, or of a newer version.
    """
    return Reader(path)


class Reader:
    """What is committed in a journal. Any thread may call; calls take turns."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` read-only."""
        self._path = path
        self._db = database.open_to_read(path)
        self._turn = threading.Lock()
        self._damaged: set[int] = set()

    def close(self) -> None:
        """Let the file go."""
        with self._turn:
            self._db.close()

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Close.

        Raises:
            JournalError: in place of SQLite's error, which does not name the file.
        """
        self.close()
        if isinstance(error, sqlite3.Error):
            raise database.JournalError(
                f"{self._path} cannot be read to its end: {error}."
            ) from error

    @property
    def damaged(self) -> int:
        """How many rows so far did not decode and were left out."""
        return len(self._damaged)

    @property
    def newest(self) -> int:
        """See :class:`~vagalwatch.journal.port.Journal`."""
        return int(self._rows("SELECT coalesce(max(place), 0) FROM records")[0][0])

    def read(
        self,
        after: int = 0,
        *,
        wearer: str | None = None,
        kinds: Collection[str] = (),
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """See :class:`~vagalwatch.journal.port.Journal`. A damaged row is left out and told.

        An empty list means that nothing more stands there; a short one does not.
        """
        source = "records"
        values: list[object] = []
        if kinds and not any(kind in database.BULK_KINDS for kind in kinds):
            source += f" INDEXED BY events_by_kind WHERE {database.EVENTS_ONLY} AND place > ?"
        else:
            source += " WHERE place > ?"
        if since_ns is not None:
            after = max(after, self._before(since_ns))
            source += " AND +recv_ns >= ?"  # the + keeps SQLite from walking in order of time
            values.append(since_ns)
        if wearer is not None:
            source += " AND wearer IN (?, ?)"
            values += [wearer, SITE]
        if kinds:
            source += f" AND kind IN ({', '.join('?' * len(kinds))})"
            values += kinds
        query = f"SELECT place, {_COLUMNS} FROM {source} ORDER BY place LIMIT ?"  # noqa: S608 - constants only
        while rows := self._rows(query, after, *values, limit):
            if entries := self._decode(rows):
                return entries
            after = rows[-1][0]
        return []

    def states(
        self, wearer: str, after: int = 0, *, since_ns: int | None = None, limit: int = 20_000
    ) -> list[StateRow]:
        """Of estimates behind ``after`` what a report of weeks needs; damaged ones are left out.

        Some twenty times as fast as :meth:`read`, which makes whole records of them.
        """
        if since_ns is not None:
            after = max(after, self._before(since_ns))
        states = ", ".join(f"'{state}'" for state in State)
        rows = self._rows(
            "SELECT place, t_ns, json_extract(body, '$.state') AS state, "  # noqa: S608 - constants
            "json_extract(body, '$.metrics.hr_bpm'), json_extract(body, '$.usual_hr_bpm') "
            "FROM records WHERE place > ? AND wearer = ? AND kind = 'estimate' "
            f"AND json_valid(body) AND state IN ({states}) ORDER BY place LIMIT ?",
            after,
            wearer,
            limit,
        )
        return [StateRow(place, t_ns, State(state), *known) for place, t_ns, state, *known in rows]

    def cursor(self, name: str) -> int:
        """See :class:`~vagalwatch.journal.port.Journal`."""
        rows = self._rows("SELECT place FROM cursors WHERE name = ?", name)
        return int(rows[0][0]) if rows else 0

    def snapshot(self, wearer: str) -> Snapshot | None:
        """See :class:`~vagalwatch.journal.port.Journal`."""
        rows = self._rows(
            "SELECT place, engine_version, parameters_hash, state FROM snapshots WHERE wearer = ?",
            wearer,
        )
        if not rows:
            return None
        place, engine_version, parameters_hash, packed = rows[0]
        try:
            state = zlib.decompress(packed).decode()
        except (zlib.error, UnicodeDecodeError, TypeError):  # damaged, or text of an older schema
            return None  # as without one: the records are read again
        return Snapshot(place, engine_version, parameters_hash, state)

    def wearers(self) -> list[str]:
        """Whose records stand here, in order; reads the whole table once."""
        rows = self._rows("SELECT DISTINCT wearer FROM records WHERE wearer != ''")
        return sorted(name for (name,) in rows)

    def set_aside(self) -> list[tuple[str, int, str]]:
        """What readers could not use: (reader, place, reason) in order."""
        return self._rows("SELECT name, place, reason FROM set_aside ORDER BY name, place")

    def count_left(self, wearer: str) -> int:
        """See :func:`vagalwatch.journal.erase.count_left`."""
        with self._turn:
            return count_left(self._db, wearer)

    def known_wearers(self) -> set[str]:
        """See :func:`vagalwatch.journal.erase.known_wearers`."""
        with self._turn:
            return known_wearers(self._db)

    def plan(self, before_ns: int) -> Plan:
        """See :func:`vagalwatch.journal.retention.plan`."""
        with self._turn:
            return plan(self._db, before_ns)

    def _before(self, since_ns: int) -> int:
        """The place before the first that was received from ``since_ns`` on."""
        # min(place) by itself would make SQLite look for it from the first place on.
        query = "SELECT min(+place) FROM records INDEXED BY records_by_recv WHERE recv_ns >= ?"
        first = self._rows(query, since_ns)[0][0]
        return self.newest if first is None else int(first) - 1

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._db.execute(query, values).fetchall()

    def _decode(self, rows: list[tuple[Any, ...]]) -> list[Entry]:
        entries = []
        for place, *columns in rows:
            try:
                entries.append(Entry(place, decode(Row(*columns))))
            except DamagedRowError as error:
                if place not in self._damaged:
                    self._damaged.add(place)
                    _log.error("the record at place %d is damaged and left out (%s)", place, error)
        return entries
