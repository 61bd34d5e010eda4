"""Any sensor with the Heart Rate Service: chest straps with RR intervals, wrist bands without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.records import Gap, GapReason, Heart, Stream
from vagalwatch.sensors.decode import device_info, heart_rate
from vagalwatch.sensors.driver import NS, Driver
from vagalwatch.sensors.latency import UNKNOWN, latency_of
from vagalwatch.sensors.timing import BeatClock, Break, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vagalwatch.records import Record
    from vagalwatch.sensors.decode.heart_rate import HeartRateMeasurement

_HR_BPM: Final = range(20, 251)
"""What a heart does; 0 and 255 are what sensors send when they have nothing (a zero taken for a
heart rate: OpenSeizureDetector/Android_Pebble_SD issue 113)."""


class HeartRateDriver(Driver):
    """Beats where the sensor gives intervals, the heart rate it shows in any case.

    A notification that says "no contact" is kept with its bytes and gives neither beats nor a
    rate: sensors go on reporting when they are taken off. One that cannot be decoded may have
    held beats, so it ends the chain.
    """

    notify = (heart_rate.MEASUREMENT_UUID,)

    def __init__(
        self, *, wearer: str, source: str, model_key: str, silence_s: Mapping[Stream, float]
    ) -> None:
        """Start with the latency of an unknown model."""
        super().__init__(wearer=wearer, source=source, model_key=model_key, silence_s=silence_s)
        self._clock = BeatClock(UNKNOWN.rr_s)
        self._hr_latency_ns = round(UNKNOWN.hr_s * NS)

    def opened(self, now_ns: int) -> list[Record]:
        """Nothing can be chained to the beats of the connection before."""
        self._clock.opened(now_ns)
        return super().opened(now_ns)

    def tick(self, now_ns: int) -> list[Record]:
        """A silence that was noticed ends the chain too."""
        records = super().tick(now_ns)
        if any(isinstance(record, Gap) for record in records):
            self._clock.broken(None)
        return records

    def slept(self, now_ns: int) -> list[Record]:
        """The rhythm of arrivals begins anew, as with a connection; nothing is chained over it."""
        self._clock.opened(now_ns)
        return super().slept(now_ns)

    def _learn(self, uuid: str, raw: bytes) -> None:
        super()._learn(uuid, raw)
        latency = latency_of(
            self._info.get(device_info.MANUFACTURER_UUID, ""),
            self._info.get(device_info.MODEL_UUID, ""),
        )
        self._clock.set_latency(latency.rr_s)
        self._hr_latency_ns = round(latency.hr_s * NS)

    def _take(self, uuid: str, raw: bytes, recv_ns: int) -> list[Record]:
        measurement = heart_rate.decode(raw)
        records: list[Record] = []
        if measurement.contact is not None:
            records += self._worn(
                recv_ns, on_body=measurement.contact, codec=self._codec(uuid), raw=raw
            )
        if measurement.contact is False:
            self._clock.broken(None)
            return [*records, self._heart(measurement, raw, recv_ns, None, None)]
        return [*records, *self._samples(measurement, raw, recv_ns)]

    def _samples(self, measurement: HeartRateMeasurement, raw: bytes, recv_ns: int) -> list[Record]:
        hr_bpm = float(measurement.hr_bpm) if measurement.hr_bpm in _HR_BPM else None
        said = self._clock.push(measurement.rr_1024, recv_ns)
        runs = [part for part in said if isinstance(part, Run)]
        times = [t_ns for run in runs for t_ns in run.beat_t_ns]
        if hr_bpm is not None:
            times.append(recv_ns - self._hr_latency_ns)
        records: list[Record] = []
        if times:
            records += self._presence[Stream.HEART].sampled(min(times), max(times), recv_ns)
        records += [self._gap(part, recv_ns) for part in said if isinstance(part, Break)]
        # One notification is one record, unless an artefact in its middle broke the chain.
        records.append(self._heart(measurement, raw, recv_ns, hr_bpm, runs[0] if runs else None))
        records += [self._heart(measurement, b"", recv_ns, None, run) for run in runs[1:]]
        return records

    def _refuse(
        self, uuid: str, raw: bytes, recv_ns: int, reason: str, offset: int
    ) -> list[Record]:
        if uuid == heart_rate.MEASUREMENT_UUID:
            self._clock.broken(GapReason.UNDECODABLE)
        return super()._refuse(uuid, raw, recv_ns, reason, offset)

    def _heart(
        self,
        measurement: HeartRateMeasurement,
        raw: bytes,
        recv_ns: int,
        hr_bpm: float | None,
        run: Run | None,
    ) -> Heart:
        beats = run or Run((), (), chained=False)
        return Heart(
            wearer=self.wearer,
            source=self.source,
            t_ns=recv_ns - self._hr_latency_ns,
            recv_ns=recv_ns,
            hr_bpm=hr_bpm,
            contact=measurement.contact,
            energy_kj=measurement.energy_kj,
            beat_t_ns=beats.beat_t_ns,
            rr_ms=tuple(rr * heart_rate.MS_PER_TICK for rr in beats.rr_1024),
            chained=beats.chained,
            codec=self._codec(heart_rate.MEASUREMENT_UUID) if raw else "",
            raw=raw,
        )

    def _gap(self, broken: Break, recv_ns: int) -> Gap:
        return Gap(
            wearer=self.wearer,
            source=self.source,
            stream=Stream.HEART,
            t_ns=broken.t_ns,
            recv_ns=recv_ns,
            reason=broken.reason,
            end_ns=broken.end_ns,
        )
