"""What a damaged journal still says of wishes, refusals and breaks, so that they go on to hold.

Only events are brought over: a "no" to being measured must not end with a damaged page. A "yes"
does: the page that is damaged may be the one on which it was taken back, so it is asked for anew.
Samples stay in the file that is put aside.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts import consents
from vagalwatch.journal.codec import DamagedRowError, Row, decode
from vagalwatch.journal.database import EVENTS_ONLY, JournalError, open_to_read
from vagalwatch.records import Setting

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_S: Final = 20.0
"""A start does not wait longer; the newest are found first."""
_STEPS: Final = 10_000
"""Instructions of SQLite's machine between two looks at the time: some milliseconds."""
_BY_INDEX: Final = f"SELECT place FROM records INDEXED BY events_by_kind WHERE {EVENTS_ONLY}"  # noqa: S608 - constants
_NEXT: Final = (
    f"SELECT place FROM records NOT INDEXED WHERE place > ? AND {EVENTS_ONLY} "  # noqa: S608 - constants
    "ORDER BY place LIMIT 1"
)
_PREVIOUS: Final = _NEXT.replace(">", "<").replace("LIMIT", "DESC LIMIT")
_NO_END: Final = (1 << 63) - 1
_ROW: Final = f"SELECT {', '.join(Row._fields)} FROM records WHERE place = ?"  # noqa: S608 - constants


def events(path: Path) -> list[tuple[int, Row]]:
    """Every event that can still be read, with its place and in order of it; maybe none."""
    try:
        db = open_to_read(path)
    except JournalError:
        return []
    until_s = time.monotonic() + LONGEST_S
    found: list[tuple[int, Row]] = []
    with closing(db):
        db.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS)
        for place in sorted(_places(db), reverse=True):
            if time.monotonic() > until_s:
                break
            try:
                row = Row(*db.execute(_ROW, (place,)).fetchone())
                record = decode(row)
            except (sqlite3.Error, DamagedRowError, TypeError):
                continue
            if not (isinstance(record, Setting) and consents.given(record.key, record.value).to):
                found.append((place, row))
    return found[::-1]


def _places(db: sqlite3.Connection) -> set[int]:
    with suppress(sqlite3.Error):
        return {place for (place,) in db.execute(_BY_INDEX)}
    found: set[int] = set()  # the index is damaged: all records, from either end up to damage
    for end, step in ((0, _NEXT), (_NO_END, _PREVIOUS)):
        row = (end,)
        with suppress(sqlite3.Error):
            while row := db.execute(step, row).fetchone():
                found.add(row[0])
    return found
