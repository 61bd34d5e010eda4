"""One wearer's way out of the journal, and whether anything is left there.

``secure_delete`` overwrites with zeros what is deleted, but not the copies that SQLite leaves in
the free middle of a page when it moves rows to another (seen with 3.40: the erased name stood
there five times). So rows are blanked where they stand before they are deleted, the WAL is emptied
of older pages, and the file is then searched for the name: where an earlier tidying has left it,
the file is written anew (``VACUUM``), for which the journal's writer pauses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.couple import LINK
from vagalwatch.journal.database import EVENTS_ONLY, moved_aside

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

STEP: Final = 1000
"""Rows looked at in one transaction: some ms, so that nobody's alert waits for it."""

WAL_TRIES: Final = 10
"""Each waits for other readers for up to two seconds (``busy_timeout``)."""

_JOINT: Final = f"""
    FROM records INDEXED BY events_by_kind
    WHERE {EVENTS_ONLY} AND (
        (kind = 'session' AND instr(body, :session))
        OR (kind = 'marker' AND json_valid(body) AND EXISTS (
            SELECT 1 FROM json_each(body, '$.wearers') WHERE value = :wearer
        ))
        OR (kind = 'setting' AND instr(body, '"{LINK}"') AND instr(body, :setting))
    )
"""  # noqa: S608 - a constant
"""What names the wearer in records of others: sessions of the whole site, notes made in them, the
partner's link. Not ``together``, a time without a name: the other's break is computed from it."""


def _named(wearer: str) -> dict[str, str]:
    """How the name stands there: as JSON, as JSON in JSON, and as it is."""
    quoted = json.dumps(wearer)
    return {"session": quoted, "setting": json.dumps(quoted)[1:-1], "wearer": wearer}


_STRETCH: Final = "WHERE place > :after AND place <= :last"
_BLANK: Final = """
    UPDATE records SET
        wearer = CAST(zeroblob(length(wearer)) AS TEXT),
        raw = zeroblob(length(raw)),
        body = CAST(zeroblob(length(CAST(body AS BLOB))) AS TEXT)
"""
"""Of the same length, so that SQLite writes over the row where it stands."""

_KNOWN: Final = f"""
    SELECT wearer FROM snapshots
    UNION SELECT wearer FROM records INDEXED BY events_by_kind WHERE {EVENTS_ONLY}
"""  # noqa: S608 - a constant

_PIECE: Final = 1 << 20


class Deletion:
    """The steps of one erasure; each is a transaction, and doing one again does no harm."""

    def __init__(self, wearer: str, last: int) -> None:
        """From the journal's first row to that at ``last``: behind it there is nobody but others.

        Without an end it would run after those who go on writing, for as long as they write.
        """
        self._wearer = wearer
        self._last = last
        self._after = 0
        self.rows = 0
        """Deleted so far."""

    def step(self, db: sqlite3.Connection) -> int:
        """Look at the next :data:`STEP` rows; return how many those were (0: the end)."""
        last, seen = db.execute(
            "SELECT max(place), count(*) FROM "
            "(SELECT place FROM records WHERE place > ? AND place <= ? ORDER BY place LIMIT ?)",
            (self._after, self._last, STEP),
        ).fetchone()
        if seen:
            stretch = {"after": self._after, "last": last, "wearer": self._wearer}
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"{_BLANK} {_STRETCH} AND wearer = :wearer", stretch)
            stretch["wearer"] = "\0" * len(self._wearer)
            self.rows += db.execute(
                f"DELETE FROM records {_STRETCH} AND wearer = :wearer",  # noqa: S608 - a constant
                stretch,
            ).rowcount
            db.execute("COMMIT")
            self._after = last
        return int(seen)

    def rest(self, db: sqlite3.Connection) -> int:
        """Delete what stands outside of the wearer's rows; return how many rows that were."""
        rows = db.execute("DELETE FROM snapshots WHERE wearer = ?", (self._wearer,)).rowcount
        db.execute("BEGIN IMMEDIATE")
        joint = db.execute(f"SELECT place {_JOINT}", _named(self._wearer)).fetchall()
        db.executemany(f"{_BLANK} WHERE place = ?", joint)
        db.executemany("DELETE FROM records WHERE place = ?", joint)
        db.execute("COMMIT")
        rows += len(joint)
        # The reason may quote the record. Those of rows that retention took go as well. That the
        # row of another was set aside still counts: a short name stands in many a word.
        rows += db.execute(
            "DELETE FROM set_aside WHERE place NOT IN (SELECT place FROM records)"
        ).rowcount
        db.execute("UPDATE set_aside SET reason = '' WHERE instr(reason, ?)", (self._wearer,))
        self.rows += rows
        return rows


def write_anew(db: sqlite3.Connection) -> int:
    """Write the whole file anew, without what SQLite left in its pages."""
    db.execute("VACUUM")
    return 0


def count_left(db: sqlite3.Connection, wearer: str) -> int:
    """How many rows of ``wearer`` stand in the journal; reads the whole table once."""
    left = 0
    for query, values in (
        ("SELECT count(*) FROM records WHERE wearer = ?", (wearer,)),
        ("SELECT count(*) FROM snapshots WHERE wearer = ?", (wearer,)),
        ("SELECT count(*) FROM set_aside WHERE instr(reason, ?)", (wearer,)),
        (f"SELECT count(*) {_JOINT}", _named(wearer)),
    ):
        left += db.execute(query, values).fetchone()[0]
    return left


def known_wearers(db: sqlite3.Connection) -> set[str]:
    """Whose snapshots or events stand in the journal; quick, unlike looking at every row."""
    found = db.execute(_KNOWN).fetchall()
    return {wearer for (wearer,) in found if wearer}


def damaged_with(path: Path, wearer: str) -> list[Path]:
    """Damaged journals beside ``path``, and their WALs, that hold the name or cannot be read.

    They are searched byte by byte, since SQLite may not be able to read them: a short pseudonym
    can also be found by chance.
    """
    aside = [
        file
        for journal in moved_aside(path)
        for file in (journal, journal.with_name(f"{journal.name}-wal"))
    ]
    return [file for file in aside if file.exists() and may_hold(file, wearer)]


def may_hold(file: Path, wearer: str) -> bool:
    """Whether the name's bytes stand in ``file``; also where it cannot be read."""
    name = wearer.encode()
    try:
        with file.open("rb") as opened:
            end = b""
            while piece := opened.read(_PIECE):
                if name in end + piece:
                    return True
                end = piece[1 - len(name) :] if len(name) > 1 else b""
    except OSError:
        return True
    return False
