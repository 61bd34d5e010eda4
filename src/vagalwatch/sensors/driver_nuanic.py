"""The Nuanic (Moodmetric) ring: raw skin resistance at a chosen rate, motion, wear state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.records import Eda, GapReason, Motion, Stream
from vagalwatch.sensors.decode import nuanic
from vagalwatch.sensors.device_clock import DeviceClock
from vagalwatch.sensors.driver import NS, STALLED_NS, Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vagalwatch.records import Record
    from vagalwatch.sensors.device_clock import Placed

MODE_CHANGE_NS: Final = 60 * NS
"""No physiology for so long after a change of mode (PhelaPoscam/Nuanic_Moodmetric_BLE)."""

_DESIGN_NS: Final = 600 * NS  # even then a link is made anew now and then, lest it be dead
_NS_PER_MS: Final = 1_000_000
_IMU_STEP_NS: Final = 70_800_000  # 14 samples in 991 ms, in the captures of that project
_IMU_HOLE_NS: Final = 2 * NS  # longer between two batches: one was lost, so no pace can be read


class NuanicDriver(Driver):
    """Raw EDA mode, because only there the ring sends what it measures and its boot count.

    The ring's clock is never set: only differences of it are used, and a set clock would jump
    for whoever reads its storage later. Nothing is written that is as it should be already,
    since every change of mode costs a minute. The shipping command ("sm") is never sent.
    """

    notify = (nuanic.EDA_UUID, nuanic.IMU_UUID, nuanic.STATE_UUID, nuanic.DNE_UUID)
    read = (
        *Driver.read,
        nuanic.TIME_UUID,
        nuanic.MODE_UUID,
        nuanic.RATE_UUID,
        nuanic.STATE_UUID,
    )
    gather_s = 0.25
    """At 16 Hz waking up for each frame cost more than all that is done with it (benchmarks). Rows
    wait 3 s for their samples, and with the journal's half second this stays within the second
    that a crash may cost."""
    codecs = {  # noqa: RUF012 - the base declares it as a read-only mapping
        nuanic.EDA_UUID: "nuanic-eda",
        nuanic.IMU_UUID: "nuanic-imu",
        nuanic.DNE_UUID: "nuanic-dne",
        nuanic.STATE_UUID: "nuanic-state",
        nuanic.TIME_UUID: "nuanic-time",
        nuanic.MODE_UUID: "nuanic-mode",
        nuanic.RATE_UUID: "nuanic-rate",
    }

    def __init__(
        self,
        *,
        wearer: str,
        source: str,
        model_key: str,
        silence_s: Mapping[Stream, float],
        eda_rate_hz: int,
    ) -> None:
        """Ask for ``eda_rate_hz`` EDA samples a second.

        Raises:
            ValueError: a rate that the ring does not have.
        """
        if eda_rate_hz not in nuanic.EDA_RATES_HZ:
            raise ValueError(f"the ring samples at {nuanic.EDA_RATES_HZ} Hz, not at {eda_rate_hz}")
        super().__init__(wearer=wearer, source=source, model_key=model_key, silence_s=silence_s)
        self._rate_hz = eda_rate_hz
        self._clock = DeviceClock()
        self._imu_t_ns: int | None = None
        self._mode: int | None = None
        self._rate: int | None = None
        self._changing_mode = False

    @property
    def setup(self) -> tuple[tuple[str, bytes], ...]:
        """Rate and mode, as far as they differ from what was read."""
        writes: list[tuple[str, bytes]] = []
        if self._rate != self._rate_hz:
            writes.append((nuanic.RATE_UUID, bytes((self._rate_hz,))))
        if self._mode != nuanic.MODE_RAW_EDA:
            writes.append((nuanic.MODE_UUID, bytes((nuanic.MODE_RAW_EDA,))))
        return tuple(writes)

    def opened(self, now_ns: int) -> list[Record]:
        """Mode and rate may have been changed by somebody else."""
        self._mode = self._rate = None
        self._changing_mode = True
        return super().opened(now_ns)

    def tick(self, now_ns: int) -> list[Record]:
        """With the first tick after the set-up, the silence of a mode change is announced."""
        records: list[Record] = []
        if self._changing_mode:
            self._changing_mode = False
            if self._mode != nuanic.MODE_RAW_EDA and self._on_body is not False:
                records += self._presence[Stream.EDA].missing(
                    now_ns, GapReason.MODE_CHANGE, patience_ns=MODE_CHANGE_NS + STALLED_NS
                )
        return [*records, *super().tick(now_ns)]

    def stalled(self, now_ns: int) -> bool:
        """Off the finger and after a mode change the ring is silent by design, up to a point."""
        reasons = {presence.reason for presence in self._presence.values()}
        if reasons & {GapReason.OFF_BODY, GapReason.MODE_CHANGE}:
            return super().stalled(now_ns - _DESIGN_NS + STALLED_NS)
        return super().stalled(now_ns)

    def _take(self, uuid: str, raw: bytes, recv_ns: int) -> list[Record]:
        if uuid == nuanic.EDA_UUID:
            return self._eda(raw, recv_ns)
        if uuid == nuanic.IMU_UUID:
            return self._motion(raw, recv_ns)
        if uuid == nuanic.DNE_UUID:
            return self._dne(raw, recv_ns)
        if uuid == nuanic.STATE_UUID:
            on_finger = nuanic.decode_state(raw)
            if on_finger is None:
                return []
            return self._worn(recv_ns, on_body=on_finger, codec=self._codec(uuid), raw=raw)
        if uuid == nuanic.TIME_UUID:
            self._clock.read(nuanic.decode_time_ms(raw) * _NS_PER_MS, recv_ns)
        elif uuid == nuanic.MODE_UUID:
            self._mode = nuanic.decode_u8(raw)
        elif uuid == nuanic.RATE_UUID:
            self._rate = nuanic.decode_u8(raw)
        return []

    def _eda(self, raw: bytes, recv_ns: int) -> list[Record]:
        eda = nuanic.decode_eda(raw)
        self._clock.booted(eda.boot_count)
        placed = self._clock.place(Stream.EDA, eda.unix_ms * _NS_PER_MS, recv_ns)
        if placed is None:
            return self._refuse(nuanic.EDA_UUID, raw, recv_ns, "not-later", 2)
        records = self._present(Stream.EDA, placed, placed.t_ns, recv_ns)
        worn = self._on_body is not False
        records.append(
            Eda(
                wearer=self.wearer,
                source=self.source,
                t_ns=placed.t_ns,
                recv_ns=recv_ns,
                epoch=placed.epoch,
                sample_t_ns=(placed.t_ns,) if worn else (),
                eda_us=(eda.eda_us,) if worn else (),
                codec=self._codec(nuanic.EDA_UUID),
                raw=raw,
            )
        )
        return records

    def _motion(self, raw: bytes, recv_ns: int) -> list[Record]:
        imu = nuanic.decode_imu(raw)
        placed = self._clock.place(Stream.MOTION, imu.unix_ms * _NS_PER_MS, recv_ns)
        if placed is None:
            return self._refuse(nuanic.IMU_UUID, raw, recv_ns, "not-later", 0)
        if placed.reset:
            self._imu_t_ns = None
        times = self._imu_times(placed.t_ns)
        records = self._present(Stream.MOTION, placed, times[0], recv_ns)
        worn = self._on_body is not False
        records.append(
            Motion(
                wearer=self.wearer,
                source=self.source,
                t_ns=placed.t_ns,
                recv_ns=recv_ns,
                epoch=placed.epoch,
                sample_t_ns=times if worn else (),
                acc_x_mg=tuple(map(float, imu.acc_x_mg)) if worn else (),
                acc_y_mg=tuple(map(float, imu.acc_y_mg)) if worn else (),
                acc_z_mg=tuple(map(float, imu.acc_z_mg)) if worn else (),
                codec=self._codec(nuanic.IMU_UUID),
                raw=raw,
            )
        )
        return records

    def _dne(self, raw: bytes, recv_ns: int) -> list[Record]:
        dne = nuanic.decode_dne(raw)
        placed = self._clock.place("dne", dne.unix_ms * _NS_PER_MS, recv_ns)
        if placed is None:
            return self._refuse(nuanic.DNE_UUID, raw, recv_ns, "not-later", 0)
        codec = self._codec(nuanic.DNE_UUID)
        return [self._level("dne", float(dne.dne), placed.t_ns, recv_ns, codec=codec, raw=raw)]

    def _present(self, stream: Stream, placed: Placed, first_ns: int, recv_ns: int) -> list[Record]:
        """Gaps that end (or, for a new epoch, stand) with this sample."""
        if self._on_body is False:
            return []
        presence = self._presence[stream]
        records: list[Record] = []
        if placed.reset:
            records += presence.missing(recv_ns, GapReason.DEVICE_RESET)
        return [*records, *presence.sampled(first_ns, placed.t_ns, recv_ns)]

    def _imu_times(self, last_ns: int) -> tuple[int, ...]:
        """14 evenly spaced times up to ``last_ns``, after those of the batch before."""
        step_ns = _IMU_STEP_NS
        if self._imu_t_ns is not None and last_ns - self._imu_t_ns < _IMU_HOLE_NS:
            step_ns = (last_ns - self._imu_t_ns) // nuanic.IMU_SAMPLES
        self._imu_t_ns = last_ns
        return tuple(last_ns - back * step_ns for back in reversed(range(nuanic.IMU_SAMPLES)))
