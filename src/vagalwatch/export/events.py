"""What was asked, answered and done, of a journal: one CSV, a row a record, in the order they came.

For studies: prompts given, delivered, answered and missed, breaks and their steps, episodes. No
row has a person's own words or a number of the body; those series are the other formats'.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from vagalwatch.export.cells import cell, heads
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.journal.reader import Reader

KINDS: Final[tuple[str, ...]] = ("alert", "notice", "break", "answer", "episode", "adverse-event")

COLUMNS: Final = (
    *("t_ns", "kind", "id", "alert", "episode", "phase", "answer", "outcome"),
    *("about", "alert_id", "origin", "reason", "minutes", "via", "way", "repeat"),
    *("wall_ns", "serious", "related", "expected"),
    *("onset_ns", "end_ns", "began_ns", "until_ns", "valid_until_ns"),
)
"""Fields of ``records.py``; empty where a kind has none of that name."""


def write(reader: Reader, wearer: str, out: Path, *, after: int | None) -> list[Path]:
    """Write what came of ``wearer`` behind the place ``after`` to ``out``; ``None``: all of it.

    Of what was agreed to, without episodes: they tell what the heart did, and not what was said.
    """
    kinds = KINDS if after is None else tuple(kind for kind in KINDS if kind != "episode")
    wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads(COLUMNS))
        for entry in entries(reader, wearer, kinds, after=after or 0):
            told = wall.corrected(entry).record
            writer.writerow([cell(told, column) for column in COLUMNS])
    return [out]
