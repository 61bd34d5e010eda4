"""What every recording becomes, whatever its file looked like: named series on one time base."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from vagalwatch.records import Stream
from vagalwatch.sensors.recording.text import RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.records import GapReason

NS = 1_000_000_000
MAX_DURATION_S = 14 * 24 * 3600
"""Longer recordings are refused; a time in seconds stays exact to the nanosecond below 2**21 s."""
MAX_RR_MS = 60_000.0
CHAIN_TOLERANCE_NS = 2_000_000
"""How far an interval may miss the beat before and still start there: twice the 1 ms that times
and intervals are rounded to in text files. A missed beat is off by 200 ms and more."""
UNDATED_NS = 946_684_800 * NS
"""Where a recording without a date begins: 2000-01-01T00:00:00Z."""

Axis = Literal["acc_x_mg", "acc_y_mg", "acc_z_mg"]
Slow = Literal["temp_c", "dne", "battery_percent"]
Said = Literal["beta_blocker", "baseline_anew"]
Signal = Literal["rr_ms", "chained", "hr_bpm", "hr_quality", "contact", "eda_us", Axis, Slow, Said]
SIGNALS: tuple[Signal, ...] = get_args(Signal)
SLOW: tuple[Slow, ...] = get_args(Slow)
"""What is a :class:`~vagalwatch.records.Level`."""
AXES: tuple[Axis, ...] = get_args(Axis)
SAID: tuple[Said, ...] = get_args(Said)
"""What no sensor gives and the estimate goes by: a :class:`~vagalwatch.records.Setting`."""
FLAGS: frozenset[Signal] = frozenset({"contact", "chained", *SAID})
"""1 or 0."""

_STREAMS: dict[Signal, Stream] = {
    "rr_ms": Stream.HEART,
    "hr_bpm": Stream.HEART,
    "hr_quality": Stream.HEART,
    "eda_us": Stream.EDA,
    **dict.fromkeys(AXES, Stream.MOTION),
}


def stream_of(signal: Signal) -> Stream | None:
    """The stream that ``signal`` belongs to; slow readings and contact belong to none."""
    return _STREAMS.get(signal)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One signal of one source.

    ``t_ns`` (int64) counts from the recording's start and strictly increases; ``values``
    (float64, finite) are in the unit that the signal names; both have shape (n,). An RR interval
    has the time of the beat that ends it. ``contact`` is 1 (worn) or 0, ``beta_blocker`` 1 (taken)
    or 0; ``baseline_anew`` is 1 where the usual is to be learnt anew. ``hr_quality``
    is at times of ``hr_bpm``, 0 to 1. ``chained`` stands only
    at beats where the times alone would say the wrong thing (see :meth:`Recording.chain`).
    """

    signal: Signal
    source: str
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]

    def later(self, by_ns: int) -> Series:
        """The same series on a time base that began ``by_ns`` earlier."""
        return dataclasses.replace(self, t_ns=self.t_ns + by_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A stretch in which a stream is known to have nothing, in ns from the recording's start."""

    source: str
    stream: Stream
    t_ns: int
    end_ns: int
    reason: GapReason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A recording of one wearer, whole in memory.

    ``start_ns`` is the UTC time of t = 0; ``markers`` are (ns from the start, text); ``notes``
    say what of the files was left out.

    Raises:
        RecordingError: it holds nothing, is too long, or its series break their promises.
    """

    description: str
    wearer: str
    start_ns: int
    series: tuple[Series, ...]
    missing: tuple[Missing, ...] = ()
    markers: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    _named: dict[tuple[str, Signal], Series] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Hold the promises that every reader of a recording relies on."""
        if not any(series.t_ns.size for series in self.series):
            raise RecordingError(f"{self.description} holds no samples.")
        if self.duration_s > MAX_DURATION_S:
            raise RecordingError(
                f"{self.description} spans {self.duration_s / 86400:.1f} days from t = 0; at most "
                f"{MAX_DURATION_S // 86400} days were expected."
            )
        named = {(series.source, series.signal): series for series in self.series}
        object.__setattr__(self, "_named", named)
        for series in self.series:
            self._check(series)
        for source in {series.source for series in self.series if series.signal in AXES}:
            self._check_axes(source)

    @property
    def duration_s(self) -> float:
        """Time of the last sample, gap or marker."""
        ends = [int(series.t_ns[-1]) for series in self.series if series.t_ns.size]
        ends += [missing.end_ns for missing in self.missing]
        ends += [t_ns for t_ns, _ in self.markers]
        return max(ends) / NS

    def of(self, source: str, signal: Signal) -> Series | None:
        """The series of ``source`` that is called ``signal``."""
        return self._named.get((source, signal))

    def chain(self, rr: Series) -> NDArray[np.bool_]:
        """Whether each interval of ``rr`` starts at the beat before it, shape (n,).

        It does if the times say so, unless a gap of the source's heart stream lies between; the
        series ``chained`` of the same source has the last word, beat by beat.
        """
        starts_ns = rr.t_ns - np.rint(rr.values * 1e6).astype(np.int64)
        chain = np.zeros(rr.t_ns.size, dtype=np.bool_)
        chain[1:] = np.abs(starts_ns[1:] - rr.t_ns[:-1]) <= CHAIN_TOLERANCE_NS
        for gap in self.missing:
            if gap.source == rr.source and gap.stream is Stream.HEART:
                first = int(np.searchsorted(rr.t_ns, gap.t_ns, side="right"))
                last = int(np.searchsorted(rr.t_ns, gap.end_ns, side="left"))
                chain[first : last + 1] = False  # the beats inside and the first one after it
        told = self.of(rr.source, "chained")
        if told is not None:
            _, at_beat, at_told = np.intersect1d(rr.t_ns, told.t_ns, return_indices=True)
            chain[at_beat] = told.values[at_told] > 0
        chain[:1] = False
        return chain

    def _check(self, series: Series) -> None:
        name = f"{self.description}: {series.signal} of “{series.source}”"
        if series.t_ns.size and int(series.t_ns[0]) < 0:
            raise RecordingError(f"{name} has a time before the start; times from 0 were expected.")
        back = np.flatnonzero(np.diff(series.t_ns) <= 0)
        if back.size:
            t_s = series.t_ns[back[0] + 1] / NS
            raise RecordingError(f"{name} has two values at {t_s:g} s; one was expected.")
        if series.signal == "rr_ms":
            odd = np.flatnonzero((series.values <= 0) | (series.values > MAX_RR_MS))
            if odd.size:
                t_s = series.t_ns[odd[0]] / NS
                raise RecordingError(
                    f"{name} is {series.values[odd[0]]:g} at {t_s:g} s; "
                    f"an interval above 0 and up to {MAX_RR_MS:g} ms was expected."
                )

    def _check_axes(self, source: str) -> None:
        axes = [self.of(source, axis) for axis in AXES]
        first = axes[0]
        for axis in axes:
            if first is None or axis is None or not np.array_equal(axis.t_ns, first.t_ns):
                raise RecordingError(
                    f"{self.description}: acc_x_mg, acc_y_mg and acc_z_mg of “{source}” were "
                    "expected at the same times."
                )


def seconds_to_ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds to the nearest nanosecond: exact for decimals below 2**21 s (24 days)."""
    return np.rint(seconds * 1e9).astype(np.int64)
