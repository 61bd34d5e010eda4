"""RR intervals with the time each was noted: CSV with the columns ``timestamp`` and ``rr``.

``timestamp`` is Unix time in ms, ``rr`` the interval in ms; further columns are named in the notes.
Loggers do not agree what the time is of (the beat that starts the interval, the one that ends it,
or when the notification came, often in bursts), so it is not taken for the time of a beat. The
intervals are chained by themselves, and the times only say where beats are missing: a chain that
falls more than ``SLACK_MS`` behind its times ends there, and a new one begins at the time.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.sensors.recording.model import MAX_RR_MS, Recording, Series
from vagalwatch.sensors.recording.text import lines, number, refuse

if TYPE_CHECKING:
    from pathlib import Path

SOURCE: Final = "rr"
SLACK_MS: Final = 4000.0
"""Above the spread of times that come in bursts: up to 3.5 s of intervals have been seen at once
(NeuroKit issue 39). Fewer missing beats than that pass unseen; the files cannot tell them."""

_MS_NS: Final = 1_000_000
_LATEST_MS: Final = 4_102_444_800_000.0  # the year 2100


def is_stamped(header: str) -> bool:
    """Whether a file with this first line is one of these."""
    return {"timestamp", "rr"} <= {cell.strip() for cell in header.split(",")}


def read_stamped(path: Path, wearer: str) -> Recording:
    """The intervals in ``path``; time zero is the start of the first.

    Raises:
        RecordingError: a row is short, or holds something else than a time and an interval.
    """
    rows = csv.reader(text for _, text in lines(path))
    header = [cell.strip() for cell in next(rows)]
    at, rr = header.index("timestamp"), header.index("rr")
    ends_ms: list[float] = []
    values: list[float] = []
    chained: list[float] = []
    start_ms = end_ms = 0.0
    for row in rows:
        if not row:
            continue
        if len(row) <= max(at, rr):
            refuse(path, rows.line_num, "a timestamp and an rr were expected")
        stamp_ms = number(path, rows.line_num, row[at], "Unix time in ms")
        rr_ms = number(path, rows.line_num, row[rr], "an RR interval in ms")
        if not 0 < rr_ms <= MAX_RR_MS or not 0 <= stamp_ms <= _LATEST_MS:
            refuse(path, rows.line_num, f"an interval up to {MAX_RR_MS:g} ms and its time")
        if not values:
            start_ms = end_ms = stamp_ms
        goes_on = stamp_ms - end_ms <= SLACK_MS
        end_ms = (end_ms if goes_on else stamp_ms) + rr_ms
        ends_ms.append(end_ms - start_ms)
        values.append(rr_ms)
        chained.append(float(goes_on and len(values) > 1))
    t_ns = np.rint(np.array(ends_ms) * _MS_NS).astype(np.int64)
    others = sorted({name for name in header if name not in {"timestamp", "rr", ""}})
    return Recording(
        description=f"RR intervals {path.name}",
        wearer=wearer,
        start_ns=round(start_ms * _MS_NS),
        series=(
            Series(signal="rr_ms", source=SOURCE, t_ns=t_ns, values=np.array(values)),
            Series(signal="chained", source=SOURCE, t_ns=t_ns, values=np.array(chained)),
        ),
        notes=tuple(f"column {name!r} is not used" for name in others),
    )
