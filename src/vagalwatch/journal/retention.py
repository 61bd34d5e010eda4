"""What is old and has been taken by every ledger leaves the journal, a little at a time.

Old is a beginning of the journal: everything before the first record that came within the kept
days. Going by places and not by times alone, a run whose clock was years behind (a Pi without
RTC) is not taken for old while what came before it is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.journal.database import EVENTS_ONLY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

STEP: Final = 500
"""Rows deleted in one transaction: a few ms, so that no alert waits for the tidying."""

_STILL_HOLD: Final = f"""
    SELECT max(place) FROM records INDEXED BY events_by_kind
    WHERE {EVENTS_ONLY} AND kind IN ('setting', 'session', 'run')
    GROUP BY kind, wearer, iif(json_valid(body), body ->> 'key', place)
"""  # noqa: S608 - a constant

_NO_END: Final = (1 << 63) - 1


class Plan(NamedTuple):
    """Delete what stands before ``end``, except ``keep``: what still holds however old."""

    end: int
    keep: tuple[int, ...]


def plan(db: sqlite3.Connection, before_ns: int) -> Plan:
    """What may leave when records that came before ``before_ns`` are old.

    The last value of each setting (baselines, consent, mute), the last run and the last session
    still hold and are kept.
    """
    first_kept = db.execute(
        "SELECT place FROM records WHERE +recv_ns >= ? ORDER BY place LIMIT 1", (before_ns,)
    ).fetchone()
    still_hold = db.execute(_STILL_HOLD).fetchall()
    return Plan(first_kept[0] if first_kept else _NO_END, tuple(place for (place,) in still_hold))


def delete_step(db: sqlite3.Connection, plan: Plan, ledgers: Collection[str]) -> int:
    """Delete up to :data:`STEP` rows that ``plan`` gives free and return how many.

    Only what each of ``ledgers`` has finished with goes: one that has not begun holds
    everything, and cursors of ledgers that are no longer configured hold nothing.
    """
    cursors = dict(db.execute("SELECT name, place FROM cursors").fetchall())
    behind = min((cursors.get(name, 0) for name in ledgers), default=_NO_END)
    return db.execute(
        "DELETE FROM records WHERE place IN (SELECT place FROM records WHERE place < ? "
        "AND place <= ? AND place NOT IN (SELECT value FROM json_each(?)) ORDER BY place LIMIT ?)",
        (plan.end, behind, json.dumps(plan.keep), STEP),
    ).rowcount


def empty_wal(db: sqlite3.Connection) -> int:
    """Bring deletions into the journal itself, so that no copy stays behind in the WAL.

    Returns 1 where a reader was in the way; the next tidying tries again.
    """
    return int(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
