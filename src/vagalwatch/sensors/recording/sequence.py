"""A recording as the engine's input: one sequence of records, with the ticks of the seconds.

A file's times are the sensor's own, so its latency is zero: a record is received when the last
sample in it has happened. EDA and acceleration come in chunks of one second; beats and heart
rates one a record.
"""

from __future__ import annotations

import heapq
import itertools
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.pipeline import BETA_BLOCKER_KEY
from vagalwatch.records import Contact, Eda, Gap, Heart, Level, Marker, Motion, Setting, Tick
from vagalwatch.sensors.recording.model import AXES, NS, SAID, SLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vagalwatch.records import Record
    from vagalwatch.sensors.recording.model import Missing, Recording, Said, Series, Slow

AFTER_S = 5
"""Ticks after the end, so that the last rows (due 3 s after their time) are said."""


def sequence(recording: Recording, start_ns: int | None = None) -> Iterator[Record]:
    """The records of ``recording`` in the order of receipt, made as they are asked for.

    ``start_ns``: tell them as if the recording had begun then (default: when it did).
    """
    start_ns = recording.start_ns if start_ns is None else start_ns
    make = _Maker(recording.wearer, start_ns)
    streams: list[Iterator[Record]] = [make.gap_ends(recording.missing)]
    for source in sorted({series.source for series in recording.series}):
        streams += make.source(recording, source)
    streams.append(make.gap_starts(recording.missing))
    streams.append(make.markers(recording.markers))
    # Last, so that what happened in a second is there when the second has passed.
    streams.append(make.ticks(recording.duration_s))
    return heapq.merge(*streams, key=attrgetter("recv_ns"))


class _Maker:
    """Makes the records of one wearer on one time base."""

    def __init__(self, wearer: str, start_ns: int) -> None:
        self._wearer = wearer
        self._start_ns = start_ns

    def source(self, recording: Recording, source: str) -> Iterator[Iterator[Record]]:
        """One stream of records for each kind of series that ``source`` has."""
        rr = recording.of(source, "rr_ms")
        hr = recording.of(source, "hr_bpm")
        contact = recording.of(source, "contact")
        for said in SAID:
            if setting := recording.of(source, said):
                yield self.settings(setting, said)
        eda = recording.of(source, "eda_us")
        axes = [axis for name in AXES if (axis := recording.of(source, name))]
        if contact:
            yield self.contacts(contact, hr)
        if rr:
            yield self.beats(rr, recording.chain(rr))
        if hr:
            yield self.rates(hr, contact, recording.of(source, "hr_quality"))
        if eda:
            yield self.eda(eda)
        if axes:
            yield self.motion(axes)
        for name in SLOW:
            level = recording.of(source, name)
            if level:
                yield self.levels(level, name)

    def beats(self, rr: Series, chain: NDArray[np.bool_]) -> Iterator[Record]:
        """A record a beat."""
        columns = (rr.t_ns + self._start_ns).tolist(), rr.values.tolist(), chain.tolist()
        for t_ns, rr_ms, chained in zip(*columns, strict=True):
            yield Heart(
                wearer=self._wearer,
                source=rr.source,
                t_ns=t_ns,
                recv_ns=t_ns,
                beat_t_ns=(t_ns,),
                rr_ms=(rr_ms,),
                chained=chained,
            )

    def rates(self, hr: Series, contact: Series | None, quality: Series | None) -> Iterator[Record]:
        """A record a heart rate, with the contact flag and the quality of the same time."""
        worn, qualities = _by_time(contact), _by_time(quality)
        for t_ns, hr_bpm in zip(hr.t_ns.tolist(), hr.values.tolist(), strict=True):
            flag = worn.get(t_ns)
            yield Heart(
                wearer=self._wearer,
                source=hr.source,
                t_ns=t_ns + self._start_ns,
                recv_ns=t_ns + self._start_ns,
                hr_bpm=hr_bpm,
                hr_quality=qualities.get(t_ns),
                contact=None if flag is None else bool(flag),
                # No beat, so nothing is broken: the chain goes on behind this record.
                chained=True,
            )

    def contacts(self, contact: Series, hr: Series | None) -> Iterator[Record]:
        """A record for each contact that no heart rate carries."""
        carried = _by_time(hr)
        for t_ns, worn in _by_time(contact).items():
            if t_ns not in carried:
                yield Contact(
                    wearer=self._wearer,
                    source=contact.source,
                    t_ns=t_ns + self._start_ns,
                    recv_ns=t_ns + self._start_ns,
                    on_body=bool(worn),
                )

    def eda(self, eda: Series) -> Iterator[Record]:
        """A record a second."""
        for first, last in _seconds(eda):
            times = tuple((eda.t_ns[first:last] + self._start_ns).tolist())
            yield Eda(
                wearer=self._wearer,
                source=eda.source,
                t_ns=times[-1],
                recv_ns=times[-1],
                sample_t_ns=times,
                eda_us=tuple(eda.values[first:last].tolist()),
            )

    def motion(self, axes: list[Series]) -> Iterator[Record]:
        """A record a second."""
        x, y, z = axes
        for first, last in _seconds(x):
            times = tuple((x.t_ns[first:last] + self._start_ns).tolist())
            yield Motion(
                wearer=self._wearer,
                source=x.source,
                t_ns=times[-1],
                recv_ns=times[-1],
                sample_t_ns=times,
                acc_x_mg=tuple(x.values[first:last].tolist()),
                acc_y_mg=tuple(y.values[first:last].tolist()),
                acc_z_mg=tuple(z.values[first:last].tolist()),
            )

    def levels(self, level: Series, name: Slow) -> Iterator[Record]:
        """A record a reading."""
        for t_ns, value in zip(level.t_ns.tolist(), level.values.tolist(), strict=True):
            yield Level(
                wearer=self._wearer,
                source=level.source,
                t_ns=t_ns + self._start_ns,
                recv_ns=t_ns + self._start_ns,
                signal=name,
                value=value,
            )

    def settings(self, said: Series, name: Said) -> Iterator[Record]:
        """A record each time the person said it."""
        for t_ns, value in zip(said.t_ns.tolist(), said.values.tolist(), strict=True):
            if name == "beta_blocker":
                key, text = BETA_BLOCKER_KEY, "true" if value else "false"
            elif value:
                key, text = BASELINE_KEY, "null"
            else:
                continue  # not said
            told_ns = t_ns + self._start_ns
            yield Setting(wearer=self._wearer, t_ns=told_ns, recv_ns=told_ns, key=key, value=text)

    def gap_starts(self, missing: tuple[Missing, ...]) -> Iterator[Record]:
        """Each gap when it opens, as it is written live."""
        for gap in sorted(missing, key=attrgetter("t_ns")):
            yield self._gap(gap, gap.t_ns, None)

    def gap_ends(self, missing: tuple[Missing, ...]) -> Iterator[Record]:
        """Each gap once more when it closes."""
        for gap in sorted(missing, key=attrgetter("end_ns")):
            yield self._gap(gap, gap.end_ns, self._start_ns + gap.end_ns)

    def _gap(self, gap: Missing, told_ns: int, end_ns: int | None) -> Gap:
        return Gap(
            wearer=self._wearer,
            source=gap.source,
            stream=gap.stream,
            t_ns=self._start_ns + gap.t_ns,
            recv_ns=self._start_ns + told_ns,
            reason=gap.reason,
            end_ns=end_ns,
        )

    def markers(self, markers: tuple[tuple[int, str], ...]) -> Iterator[Record]:
        """A record a marker."""
        for t_ns, text in sorted(markers):
            told_ns = t_ns + self._start_ns
            yield Marker(wearer=self._wearer, t_ns=told_ns, recv_ns=told_ns, text=text)

    def ticks(self, duration_s: float) -> Iterator[Record]:
        """A tick a second, to a little after the end."""
        for second in range(1, int(duration_s) + AFTER_S + 1):
            t_ns = self._start_ns + second * NS
            yield Tick(t_ns=t_ns, recv_ns=t_ns)


def _by_time(series: Series | None) -> dict[int, float]:
    if series is None:
        return {}
    return dict(zip(series.t_ns.tolist(), series.values.tolist(), strict=True))


def _seconds(series: Series) -> Iterator[tuple[int, int]]:
    """First and one past the last index of each second that has samples."""
    borders = np.flatnonzero(np.diff(series.t_ns // NS)) + 1
    return itertools.pairwise([0, *borders.tolist(), series.t_ns.size])
