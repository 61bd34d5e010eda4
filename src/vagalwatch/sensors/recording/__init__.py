"""Files as sensors: whatever the format, one recording on one time base.

``read`` finds the format by what is there: a folder is an Empatica E4 session, a file that
starts with ``timestamp`` and ``rr`` among CSV column names is a logger's RR intervals, with other
names it is tidy CSV, any other text holds RR intervals, one a line. All of
them may be gzipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.sensors.recording.e4 import read_e4
from vagalwatch.sensors.recording.model import Missing, Recording, Series, Signal
from vagalwatch.sensors.recording.rr_stamped import is_stamped, read_stamped
from vagalwatch.sensors.recording.rr_text import read_rr
from vagalwatch.sensors.recording.sequence import sequence
from vagalwatch.sensors.recording.text import RecordingError, lines, refuse
from vagalwatch.sensors.recording.tidy import read_tidy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Missing",
    "Recording",
    "RecordingError",
    "Series",
    "Signal",
    "read",
    "sequence",
]


def read(path: Path, wearer: str = "recording") -> Recording:
    """The recording at ``path``, told as of ``wearer`` (a pseudonym).

    Raises:
        RecordingError: nothing is there, it is no format that is read, or it is damaged.
    """
    if path.is_dir():
        return read_e4(path, wearer)
    if not path.is_file():
        raise RecordingError(f"There is no recording at {path}.")
    if ".edf" in path.suffixes:
        refuse(path, None, "EDF is not read yet; export it as tidy CSV (t_s,signal,value)")
    _, first = next(lines(path), (1, ""))
    if is_stamped(first):
        return read_stamped(path, wearer)
    return read_tidy(path, wearer) if "," in first else read_rr(path, wearer)
