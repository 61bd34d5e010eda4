"""A recording in place of a body: the same beats and samples, at the same seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.records import Eda, Heart, Motion
from vagalwatch.sensors.simulated.signals import (
    Acceleration,
    Beat,
    Conductance,
    Rate,
    Signals,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Record

_NS: Final = 1_000_000_000


class Playback:
    """A :class:`~vagalwatch.sensors.simulated.signals.Source` made of records.

    Args:
        records: of one wearer, ordered by ``t_ns`` within each kind; others are passed over.
        start_ns: the story's 0 s. What is earlier is given by the first ``advance``.
    """

    def __init__(self, records: Iterable[Record], start_ns: int) -> None:
        """Take every beat and sample."""
        self._start_ns = start_ns
        self._ahead = Signals()
        for record in records:
            match record:
                case Heart():
                    for t_ns, rr_ms in zip(record.beat_t_ns, record.rr_ms, strict=True):
                        self._ahead.beats.append(Beat(self._seconds(t_ns), rr_ms))
                    if record.hr_bpm is not None and not record.rr_ms:
                        self._ahead.rates.append(Rate(self._seconds(record.t_ns), record.hr_bpm))
                case Eda():
                    for t_ns, eda_us in zip(record.sample_t_ns, record.eda_us, strict=True):
                        self._ahead.eda.append(Conductance(self._seconds(t_ns), eda_us))
                case Motion():
                    axes = zip(
                        record.sample_t_ns,
                        record.acc_x_mg,
                        record.acc_y_mg,
                        record.acc_z_mg,
                        strict=True,
                    )
                    for t_ns, x_mg, y_mg, z_mg in axes:
                        self._ahead.acc.append(Acceleration(self._seconds(t_ns), x_mg, y_mg, z_mg))
                case _:
                    pass
        for series in (self._ahead.beats, self._ahead.rates, self._ahead.eda, self._ahead.acc):
            series.reverse()  # so that the next one is popped from the end

    def advance(self, to_s: float) -> Signals:
        """What the recording has up to ``to_s`` and has not yet given."""
        out = Signals()
        while self._ahead.beats and self._ahead.beats[-1].t_s <= to_s:
            out.beats.append(self._ahead.beats.pop())
        while self._ahead.rates and self._ahead.rates[-1].t_s <= to_s:
            out.rates.append(self._ahead.rates.pop())
        while self._ahead.eda and self._ahead.eda[-1].t_s <= to_s:
            out.eda.append(self._ahead.eda.pop())
        while self._ahead.acc and self._ahead.acc[-1].t_s <= to_s:
            out.acc.append(self._ahead.acc.pop())
        return out

    def _seconds(self, t_ns: int) -> float:
        return (t_ns - self._start_ns) / _NS
