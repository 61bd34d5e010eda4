"""An Empatica E4 session folder, as the E4 itself exports it (each file also gzipped).

``EDA.csv`` (uS, 4 Hz), ``HR.csv`` (bpm, 1 Hz), ``TEMP.csv`` (deg C, 4 Hz) and ``ACC.csv``
(1/64 g, 32 Hz, three columns): row 1 is the start in unix seconds, row 2 the rate in Hz.
``IBI.csv``: row 1 is the start, then rows of (seconds since the start, interval in seconds); the
time is that of the beat that ends the interval, and only beats that the E4 trusted are there.
``tags.csv``: a unix time for each press of the button. Source: Empatica's info.txt, which comes
with every session.

``BVP.csv`` (64 Hz, arbitrary unit) is a source of its own: the pulse rate tracked in it, and how
far it can be trusted. ``HR.csv`` trails the beats by 30 to 45 s and reads high in movement
(measured on 13 wrists, Stress-Predict), so beside a tracked pulse it is trusted as little as noise.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vagalwatch.sensors.optical import MIN_RATE_HZ, NOISE_QUALITY, PulseTracker
from vagalwatch.sensors.recording.model import (
    AXES,
    MAX_DURATION_S,
    MAX_RR_MS,
    Recording,
    Series,
    seconds_to_ns,
)
from vagalwatch.sensors.recording.text import (
    RecordingError,
    lines,
    number,
    refuse,
    shown,
    table,
    unix_ns,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.sensors.recording.model import Signal

SOURCE = "e4"
PULSE_SOURCE = "e4-bvp"
MILLI_G_PER_COUNT = 1000 / 64
MAX_RATE_HZ = 1000.0
MAX_APART_NS = 24 * 3600 * 10**9
"""Streams of one session start within seconds of each other; a day apart is another session."""

_REGULAR: dict[str, tuple[Signal, ...]] = {
    "EDA.csv": ("eda_us",),
    "HR.csv": ("hr_bpm",),
    "TEMP.csv": ("temp_c",),
    "ACC.csv": AXES,
}
_OWN_RATE = (SOURCE, "hr_bpm")
_NEEDED = ("EDA.csv", "HR.csv", "IBI.csv", "BVP.csv")  # at least one of them


def find(folder: Path, name: str) -> Path | None:
    """The file ``name`` of a session, plain or gzipped."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def read_e4(folder: Path, wearer: str) -> Recording:
    """The session in ``folder``; time zero is the start of the earliest stream (EDA).

    Raises:
        RecordingError: no E4 file is there, or one of them is damaged.
    """
    if not any(find(folder, name) for name in _NEEDED):
        raise RecordingError(
            f"{folder.name} is no Empatica E4 session: "
            f"at least one of {', '.join(_NEEDED)} was expected in it."
        )
    streams: list[_Stream] = []
    for name, signals in _REGULAR.items():
        path = find(folder, name)
        if path is not None:
            streams.append(_regular(path, signals))
    path = find(folder, "IBI.csv")
    if path is not None and any(lines(path)):  # without beats the E4 leaves it empty
        streams.append(_intervals(path))
    path = find(folder, "BVP.csv")
    if path is not None:
        streams.append(_pulse(path))
    if not streams:
        raise RecordingError(f"Empatica E4 session {folder.name} holds no samples.")
    start_ns = min(stream.begin_ns for stream in streams)
    for stream in streams:
        if stream.begin_ns - start_ns > MAX_APART_NS:
            refuse(stream.path, 1, "a start on the day of the session's other files was expected")
    tags = find(folder, "tags.csv")
    series = [
        series.later(stream.begin_ns - start_ns) for stream in streams for series in stream.series
    ]
    if any(one.source == PULSE_SOURCE for one in series):
        series += [_doubted(one) for one in series if (one.source, one.signal) == _OWN_RATE]
    return Recording(
        description=f"Empatica E4 session {folder.name}",
        wearer=wearer,
        start_ns=start_ns,
        series=tuple(series),
        markers=() if tags is None else _tags(tags, start_ns),
    )


class _Stream(NamedTuple):
    """What one file holds; its series count from ``begin_ns``."""

    path: Path
    begin_ns: int
    series: list[Series]


def _regular(path: Path, signals: tuple[Signal, ...]) -> _Stream:
    """A file with a fixed rate, a series a column."""
    start, rate = _head(path, 2)
    begin_ns = unix_ns(path, 1, start)
    rate_hz = number(path, 2, rate, "a rate in Hz")
    if not 0 < rate_hz <= MAX_RATE_HZ:
        refuse(
            path, 2, f"a rate above 0 and up to {MAX_RATE_HZ:g} Hz was expected, not {shown(rate)}"
        )
    values = table(path, header_lines=2, columns=len(signals))
    _bounded(path, len(values) / rate_hz)
    if signals == AXES:
        values = values * MILLI_G_PER_COUNT
    t_ns = np.rint(np.arange(len(values)) * 1e9 / rate_hz).astype(np.int64)
    series = [
        Series(signal=signal, source=SOURCE, t_ns=t_ns, values=values[:, column].copy())
        for column, signal in enumerate(signals)
        if len(values)
    ]
    return _Stream(path, begin_ns, series)


def _intervals(path: Path) -> _Stream:
    (start,) = _head(path, 1)
    values = table(path, header_lines=1, columns=2)
    seconds, rr_ms = values[:, 0], values[:, 1] * 1000.0
    bad = (rr_ms <= 0) | (rr_ms > MAX_RR_MS) | (np.diff(seconds, prepend=-1e-9) <= 0)
    if bad.any():
        refuse(
            path,
            int(np.flatnonzero(bad)[0]) + 2,
            "a later time than in the line before and an interval above 0 and up to "
            f"{MAX_RR_MS / 1000:g} s were expected",
        )
    _bounded(path, float(seconds.max(initial=0.0)))
    t_ns = seconds_to_ns(seconds)
    series = Series(signal="rr_ms", source=SOURCE, t_ns=t_ns, values=rr_ms)
    return _Stream(path, unix_ns(path, 1, start), [series] if len(t_ns) else [])


def _pulse(path: Path) -> _Stream:
    """The heart rate that the optical signal shows, a second each, and how pure the pulse is."""
    start, rate = _head(path, 2)
    begin_ns = unix_ns(path, 1, start)
    rate_hz = number(path, 2, rate, "a rate in Hz")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        bounds = f"from {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz"
        refuse(path, 2, f"a rate {bounds} was expected, not {shown(rate)}")
    values = table(path, header_lines=2, columns=1)[:, 0]
    rates = PulseTracker(rate_hz).push(values.tolist())
    if not rates:
        return _Stream(path, begin_ns, [])
    t_s, bpm, quality = np.array(rates, dtype=np.float64).T
    t_ns = seconds_to_ns(t_s)
    return _Stream(
        path,
        begin_ns,
        [
            Series(signal="hr_bpm", source=PULSE_SOURCE, t_ns=t_ns, values=bpm.copy()),
            Series(signal="hr_quality", source=PULSE_SOURCE, t_ns=t_ns, values=quality.copy()),
        ],
    )


def _doubted(rate: Series) -> Series:
    """The quality of a rate that is trusted as little as noise."""
    quality = np.full(rate.t_ns.size, NOISE_QUALITY)
    return dataclasses.replace(rate, signal="hr_quality", values=quality)


def _tags(path: Path, start_ns: int) -> tuple[tuple[int, str], ...]:
    return tuple(
        (unix_ns(path, line, text) - start_ns, "tag") for line, text in lines(path) if text.strip()
    )


def _bounded(path: Path, duration_s: float) -> None:
    """Before times become integers, which have no room for what a damaged rate says."""
    if duration_s > MAX_DURATION_S:
        days = f"{duration_s / 86400:.1f} days from its start"
        refuse(path, None, f"spans {days}; at most {MAX_DURATION_S // 86400} days were expected")


def _head(path: Path, count: int) -> list[str]:
    """The first field of each of the first ``count`` lines."""
    head = [text.split(",")[0].strip() for _, text in itertools.islice(lines(path), count)]
    if len(head) < count:
        refuse(path, len(head) + 1, "a start in unix seconds and then a rate in Hz were expected")
    return head
