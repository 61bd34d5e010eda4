"""A heart-rate strap as straps are: a notification a second with the beats that have ripened.

Bluetooth SIG Heart Rate Service 1.0: flags, heart rate, RR intervals in 1/1024 s, oldest first,
no times. A strap reports beats late (median 0.4 s Movesense to 2.6 s Polar H10, Physiol. Meas.
46(8) 085001, 2025), goes on reporting when it is taken off, and some hand over beats from before
the link was up.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from vagalwatch.sensors.decode import heart_rate
from vagalwatch.sensors.decode.heart_rate import MEASUREMENT_UUID, HeartRateMeasurement
from vagalwatch.sensors.simulated.wearable import Characteristic, Fault, Frame, Wearable

if TYPE_CHECKING:
    from vagalwatch.sensors.simulated.signals import Beat, Signals

CONTROL_POINT_UUID: Final = "00002a39-0000-1000-8000-00805f9b34fb"

_CHEST: Final = heart_rate.BODY_LOCATIONS.index("chest")
_RR_PER_FRAME: Final = 9  # what fits into 20 bytes beside flags and heart rate
_SMOOTHED_BEATS: Final = 8  # straps smooth the heart rate they show; this many beats is about 7 s


class Strap(Wearable):
    """A chest strap.

    Args:
        name: as advertised.
        address: its static random address.
        latency_s: from a beat to the earliest notification that may carry it. With the half
            interval that a beat waits on average, the default makes a median of 1.4 s.
        interval_s: from one notification to the next.
        offset_s: second of the first notification (the strap's rhythm is its own).
        backlog_beats: how many beats it keeps while nobody listens, to send them in one burst
            to the next listener (NeuroKit issue 39: 3.5 s of RR within 2 s).
        manufacturer: Device Information.
        model: Device Information.
    """

    def __init__(
        self,
        name: str = "HR Strap",
        address: str = "C0:FF:EE:00:00:01",
        *,
        latency_s: float = 0.9,
        interval_s: float = 1.0,
        offset_s: float = 0.37,
        backlog_beats: int = 0,
        manufacturer: str = "Simulated",
        model: str = "Strap",
    ) -> None:
        """A strap at 0 s that nobody listens to."""
        super().__init__(
            name,
            address,
            {
                heart_rate.SERVICE_UUID: (
                    Characteristic(MEASUREMENT_UUID, ("notify",)),
                    Characteristic(heart_rate.BODY_LOCATION_UUID, ("read",), bytes([_CHEST])),
                    Characteristic(CONTROL_POINT_UUID, ("write",)),
                )
            },
            advertised=(heart_rate.SERVICE_UUID,),
            manufacturer=manufacturer,
            model=model,
            firmware="1.0",
        )
        self._latency_s = latency_s
        self._interval_s = interval_s
        self._offset_s = offset_s
        self._backlog_beats = backlog_beats
        self._sent_s = 0  # how many intervals have passed
        self._pending: deque[Beat] = deque()
        self._recent_ms: deque[float] = deque(maxlen=_SMOOTHED_BEATS)
        self._hr_bpm = 0.0  # straps say 0 until they know better
        self._owed_ticks = 0.0
        self._frozen = b""

    def advance(self, signals: Signals, to_s: float) -> list[Frame]:
        """Frames up to ``to_s``; every beat is in exactly one of them, or lost to a fault."""
        self._pending.extend(signals.beats)
        rates = deque(signals.rates)
        frames: list[Frame] = []
        while (t_s := self._offset_s + self._sent_s * self._interval_s) <= to_s:
            self._sent_s += 1
            while rates and rates[0].t_s <= t_s:
                self._hr_bpm = rates.popleft().hr_bpm
            if MEASUREMENT_UUID in self._heard:
                frames += [Frame(t_s, MEASUREMENT_UUID, value) for value in self._say(t_s)]
            else:
                self._forget(t_s)
        if rates:
            self._hr_bpm = rates[-1].hr_bpm
        return frames

    def _say(self, t_s: float) -> list[bytes]:
        rr_ticks = [self._ticks(beat) for beat in self._ripe(t_s)]
        if self.fault is Fault.SILENT:
            return []
        if self.fault is Fault.OFF_BODY:
            # Off the body most devices hold their last heart rate (OpenSeizureDetector's
            # Garmin_SD issue 22): only the contact bit tells.
            return [_measurement(self._hr_bpm, contact=False, rr_ticks=[])]
        if self.fault is Fault.FROZEN:
            if not self._frozen:
                last_ms = self._recent_ms[-1] if self._recent_ms else 800.0
                self._frozen = _measurement(
                    self._hr_bpm, contact=True, rr_ticks=[round(last_ms * 1.024)]
                )
            return [self._frozen]
        self._frozen = b""
        parts = [
            rr_ticks[start : start + _RR_PER_FRAME]
            for start in range(0, max(len(rr_ticks), 1), _RR_PER_FRAME)
        ]
        return [_measurement(self._hr_bpm, contact=True, rr_ticks=part) for part in parts]

    def _ripe(self, t_s: float) -> list[Beat]:
        ripe: list[Beat] = []
        while self._pending and self._pending[0].t_s + self._latency_s <= t_s:
            ripe.append(self._pending.popleft())
        if self.fault is None:
            self._recent_ms.extend(beat.rr_ms for beat in ripe)
            if self._recent_ms and ripe:
                self._hr_bpm = 60_000 / (sum(self._recent_ms) / len(self._recent_ms))
        return ripe

    def _ticks(self, beat: Beat) -> int:
        """Whole ticks, the rest carried on: a chain of intervals keeps time with its beats."""
        exact = beat.rr_ms * 1.024 + self._owed_ticks
        ticks = min(max(round(exact), 0), 0xFFFF)
        self._owed_ticks = exact - ticks
        return ticks

    def _forget(self, t_s: float) -> None:
        while len(self._pending) > self._backlog_beats and self._pending[0].t_s <= t_s:
            self._pending.popleft()


def _measurement(hr_bpm: float, *, contact: bool, rr_ticks: list[int]) -> bytes:
    return heart_rate.encode(
        HeartRateMeasurement(round(hr_bpm), contact=contact, rr_1024=tuple(rr_ticks))
    )
