"""What is old and has been taken by every ledger leaves the journal, a little at a time.

Old is a beginning of the journal: everything before the first record that came within the kept
days, by wall time. A run whose clock was years behind (a Pi without RTC) counts by the clock steps
that put it right; one that was never put right is at least not taken for old while what came
before it is kept, since old goes by places.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.journal.database import EVENTS_ONLY
from vagalwatch.journal.port import RUN_SHIFT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

STEP: Final = 500
"""Rows deleted in one transaction: a few ms, so that no alert waits for the tidying."""

_STILL_HOLD: Final = f"""
    SELECT max(place) FROM records INDEXED BY events_by_kind
    WHERE {EVENTS_ONLY} AND kind IN ('setting', 'session', 'run', 'device', 'gap')
    GROUP BY kind, wearer, source,
        iif(json_valid(body), coalesce(body ->> 'key', body ->> 'stream'), place)
    HAVING kind != 'gap' OR iif(json_valid(body), body ->> 'end_ns', 0) IS NULL
"""  # noqa: S608 - a constant
"""SQLite gives ``body`` of the row that has the maximum."""

_OFFSETS: Final = f"""
    SELECT place >> {RUN_SHIFT}, sum(iif(json_valid(body), body ->> 'delta_ns', 0)) FROM records
    INDEXED BY events_by_kind WHERE {EVENTS_ONLY} AND kind = 'clock-step' GROUP BY 1
"""  # noqa: S608 - constants

_FIRST_KEPT: Final = """
    SELECT place FROM records WHERE place >= ? AND place < ? AND +recv_ns >= ?
    ORDER BY place LIMIT 1
"""

_NO_END: Final = (1 << 63) - 1


class Plan(NamedTuple):
    """Delete what stands before ``end``, except ``keep``: what still holds however old."""

    end: int
    keep: tuple[int, ...]


def plan(db: sqlite3.Connection, before_ns: int) -> Plan:
    """What may leave when records that came before ``before_ns`` (wall time) are old.

    The last value of each setting (baselines, consent, mute), the last run, the last session, what
    each source last said it is (told once a process) and a stream's last gap, while it is open,
    still hold and are kept.
    """
    offsets = dict(db.execute(_OFFSETS).fetchall())
    end = _NO_END
    for (run,) in db.execute("SELECT run FROM runs ORDER BY run").fetchall():
        of_run = (run << RUN_SHIFT, (run + 1) << RUN_SHIFT, before_ns - offsets.get(run, 0))
        if first_kept := db.execute(_FIRST_KEPT, of_run).fetchone():
            end = first_kept[0]
            break
    still_hold = db.execute(_STILL_HOLD).fetchall()
    return Plan(end, tuple(place for (place,) in still_hold))


def delete_step(db: sqlite3.Connection, plan: Plan, ledgers: Collection[str]) -> int:
    """Delete up to :data:`STEP` rows that ``plan`` gives free and return how many.

    Only what each of ``ledgers`` has finished with goes: one that has not begun holds
    everything, and cursors of ledgers that are no longer configured hold nothing. Clock steps stay
    as long as anything of their run, which without them has no wall time.
    """
    cursors = dict(db.execute("SELECT name, place FROM cursors").fetchall())
    behind = min((cursors.get(name, 0) for name in ledgers), default=_NO_END)
    end = min(plan.end, behind + 1)
    keep = json.dumps(plan.keep)
    runs = json.dumps(sorted({place >> RUN_SHIFT for place in plan.keep}))
    return db.execute(
        "DELETE FROM records WHERE place IN (SELECT place FROM records WHERE place < ? "
        "AND place NOT IN (SELECT value FROM json_each(?)) "
        "AND (kind != 'clock-step' OR place < ? "
        "AND place >> ? NOT IN (SELECT value FROM json_each(?))) ORDER BY place LIMIT ?)",
        (end, keep, end >> RUN_SHIFT << RUN_SHIFT, RUN_SHIFT, runs, STEP),
    ).rowcount


def empty_wal(db: sqlite3.Connection) -> int:
    """Bring deletions into the journal itself, so that no copy stays behind in the WAL.

    Returns 1 where a reader was in the way; the next tidying tries again.
    """
    return int(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
