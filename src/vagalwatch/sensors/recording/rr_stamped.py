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
from vagalwatch.sensors.recording.text import csv_rows, number, refuse, shown

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
    try:
        cells = next(csv.reader([header]), [])
    except csv.Error:
        return False
    return {"timestamp", "rr"} <= {cell.strip() for cell in cells}


def read_stamped(path: Path, wearer: str) -> Recording:
    """The intervals in ``path``; time zero is the start of the first.

    Raises:
        RecordingError: a row is short, or holds something else than a time and an interval.
    """
    rows = csv_rows(path)
    line, cells = next(rows, (1, []))
    header = [cell.strip() for cell in cells]
    if not {"timestamp", "rr"} <= set(header):  # a quoted name may go on in the next line
        refuse(path, line, "the columns timestamp and rr were expected")
    at, rr = header.index("timestamp"), header.index("rr")
    ends_ms: list[float] = []
    values: list[float] = []
    chained: list[float] = []
    start_ms = end_ms = 0.0
    for line, row in rows:
        if len(row) <= max(at, rr):
            refuse(path, line, "a timestamp and an rr were expected")
        stamp_ms = number(path, line, row[at], "Unix time in ms")
        rr_ms = number(path, line, row[rr], "an RR interval in ms")
        if not 0 < rr_ms <= MAX_RR_MS or not 0 <= stamp_ms <= _LATEST_MS:
            refuse(
                path,
                line,
                f"an interval above 0 and up to {MAX_RR_MS:g} ms and its time were expected",
            )
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
        notes=tuple(f"column {shown(name)} is not used" for name in others),
    )
