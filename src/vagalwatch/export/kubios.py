"""RR intervals as Kubios reads them: ms, one a line.

The format cannot say that something is missing, so each stretch without a gap is a file of its
own, numbered in order of time: ``NAME-001.txt``, ``NAME-002.txt`` ... (with the source in the
name if there are several).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.sensors.recording import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording


def write(recording: Recording, path: Path) -> list[Path]:
    """Write the intervals of ``recording`` to numbered files beside ``path``.

    Raises:
        RecordingError: there are no RR intervals.
    """
    series = [one for one in recording.series if one.signal == "rr_ms" and one.t_ns.size]
    if not series:
        raise RecordingError(f"{recording.description} holds no RR intervals to export.")
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for rr in series:
        name = path.stem if len(series) == 1 else f"{path.stem}-{_safe(rr.source)}"
        starts = np.flatnonzero(~recording.chain(rr))
        for number, stretch in enumerate(np.split(rr.values, starts[1:]), 1):
            file = path.with_name(f"{name}-{number:03}{path.suffix or '.txt'}")
            file.write_text("".join(f"{rr_ms!r}\n" for rr_ms in stretch.tolist()), "utf-8")
            written.append(file)
    return written


def _safe(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", source).strip("-")
