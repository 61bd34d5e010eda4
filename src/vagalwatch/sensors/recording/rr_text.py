"""RR intervals as plain text, one a line: Kubios text, pyHRV's CSV, Polar's ``.hrm``.

The intervals follow one another without a gap (the format cannot say otherwise); time zero is
the start of the first. The unit is read from the magnitude: a median of 0.2 to 5 is seconds, of
200 to 5000 milliseconds, because no human heart's median interval lies outside of either. A
first line that is no number is a heading. In ``.hrm`` files the intervals stand below
``[HRData]`` if ``Interval=238`` says that they are intervals (Polar HRM file format 1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.sensors.recording.model import MAX_RR_MS, UNDATED_NS, Recording, Series
from vagalwatch.sensors.recording.text import lines, number, refuse, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = "rr"
_MEDIAN_S = (0.2, 5.0)
_WHAT = "an RR interval (one number a line, in s or ms)"


def read_rr(path: Path, wearer: str) -> Recording:
    """The intervals in ``path``.

    Raises:
        RecordingError: a line is no interval, there is none, or their unit cannot be told.
    """
    numbers, values = [], []
    for line, text in _below_heading(path):
        numbers.append(line)
        values.append(number(path, line, text, _WHAT))
    if not values:
        refuse(path, None, f"{_WHAT} was expected, but there is none")
    rr_ms = np.array(values) * _to_ms(path, float(np.median(values)))
    odd = np.flatnonzero((rr_ms <= 0) | (rr_ms > MAX_RR_MS))
    if odd.size:
        limit = f"an interval above 0 and up to {MAX_RR_MS:g} ms was expected"
        refuse(path, numbers[odd[0]], f"{limit}, not {rr_ms[odd[0]]:g} ms")
    series = Series(
        signal="rr_ms",
        source=SOURCE,
        t_ns=np.cumsum(np.rint(rr_ms * 1e6).astype(np.int64)),
        values=rr_ms,
    )
    return Recording(
        description=f"RR intervals {path.name}",
        wearer=wearer,
        start_ns=UNDATED_NS,
        series=(series,),
    )


def _to_ms(path: Path, median: float) -> float:
    low, high = _MEDIAN_S
    if low <= median <= high:
        return 1000.0
    if not low * 1000 <= median <= high * 1000:
        refuse(
            path,
            None,
            f"intervals with a median of {low:g} to {high:g} (seconds) or {low * 1000:g} to "
            f"{high * 1000:g} (milliseconds) were expected, not {median:g}",
        )
    return 1.0


def _below_heading(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that hold intervals, blank ones left out."""
    texts = ((line, text.strip()) for line, text in lines(path))
    texts = ((line, text) for line, text in texts if text)
    line, text = next(texts, (1, ""))
    if text.startswith("["):
        yield from _polar(path, texts)
        return
    if text and _is_number(text):
        yield line, text
    elif "," in text or "\t" in text or ";" in text:
        refuse(path, line, f"{_WHAT} was expected, not several columns: {shown(text)}")
    yield from texts


def _polar(path: Path, texts: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    is_rr = False
    for _, text in texts:
        is_rr = is_rr or text.replace(" ", "") == "Interval=238"
        if text == "[HRData]":
            break
    else:
        refuse(path, None, "a section [HRData] was expected")
    if not is_rr:
        refuse(path, None, "Interval=238 was expected (this file holds rates, not RR intervals)")
    yield from texts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
