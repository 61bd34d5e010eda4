"""The Nuanic ring: skin resistance, an arousal index of its own, motion, and long silences.

Layouts and behaviour follow the public reverse engineering by PhelaPoscam
(Nuanic_Moodmetric_BLE, MIT, 2026): raw EDA comes only in mode 1; every change of mode is
followed by 60 s without physiology; off the finger the streams stop and the state says so; the
clock counts ms since boot until a central sets it. What the firmware computes as DNE is not
public: the index here is an invention that merely rises and falls with the skin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from vagalwatch.sensors.decode import nuanic
from vagalwatch.sensors.decode.errors import DecodeError
from vagalwatch.sensors.decode.nuanic import (
    DNE_UUID,
    EDA_RATES_HZ,
    EDA_UUID,
    IMU_SAMPLES,
    IMU_UUID,
    MODE_RAW_EDA,
    MODE_UUID,
    RATE_UUID,
    STATE_UUID,
    TIME_UUID,
)
from vagalwatch.sensors.simulated.wearable import (
    Characteristic,
    Fault,
    Frame,
    RejectedError,
    Wearable,
)

if TYPE_CHECKING:
    from vagalwatch.sensors.simulated.signals import Acceleration, Conductance, Signals

MODE_LIVE: Final = 2
_MODES: Final = (0, MODE_RAW_EDA, MODE_LIVE, 3)
_OPEN_OHM: Final = 0x7FFF_FFFF  # 0.0005 uS; what fits into every frame of the ring
_SINCE_BOOT_MS: Final = 12_345  # the ring was switched on a little before the story begins
_DNE_MEMORY: Final = 0.999  # of the slow level that the invented index compares with, a sample


class Ring(Wearable):
    """A Nuanic ring at 0 s, in live mode as it comes, that nobody listens to.

    Args:
        name: as advertised.
        address: its static random address.
        silence_s: without physiology after a change of mode; shorter only where a test says why.
        boot_count: how often it has been switched on.
    """

    def __init__(
        self,
        name: str = "Nuanic",
        address: str = "C0:FF:EE:00:01:01",
        *,
        silence_s: float = 60.0,
        boot_count: int = 12,
    ) -> None:
        """Put it on."""
        super().__init__(
            name,
            address,
            {
                nuanic.SERVICE_UUID: (
                    Characteristic(MODE_UUID, ("read", "write"), bytes([MODE_LIVE])),
                    Characteristic(RATE_UUID, ("read", "write"), bytes([4])),
                    Characteristic(TIME_UUID, ("read", "write")),
                    Characteristic(
                        STATE_UUID, ("read", "notify"), nuanic.encode_state(on_finger=True)
                    ),
                    Characteristic(EDA_UUID, ("notify",)),
                    Characteristic(DNE_UUID, ("notify",)),
                    Characteristic(IMU_UUID, ("notify",)),
                )
            },
            advertised=(nuanic.SERVICE_UUID,),
            manufacturer="Nuanic",
            model="Ring",
            firmware="1.0",
        )
        self._silence_s = silence_s
        self._silent_until_s = 0.0
        self._boot_count = boot_count
        self._clock_zero_ms = _SINCE_BOOT_MS
        self._now_s = 0.0
        self._sampled_s = -math.inf
        self._batch: list[Acceleration] = []
        self._slow_us = 0.0
        self._frozen_us: float | None = None
        self._frozen_acc: Acceleration | None = None

    def read(self, uuid: str) -> bytes:
        """As the table says; the time is the ring's present time."""
        if uuid == TIME_UUID:
            return nuanic.encode_time_ms(self._clock_ms(self._now_s))
        return super().read(uuid)

    def write(self, uuid: str, value: bytes) -> None:
        """Mode, rate or time.

        Raises:
            RejectedError: a mode or rate that the ring does not have, or a wrong length.
        """
        if uuid == TIME_UUID:
            try:
                unix_ms = nuanic.decode_time_ms(value)
            except DecodeError as error:
                raise RejectedError("the time is 8 bytes") from error
            self._clock_zero_ms = unix_ms - round(self._now_s * 1000)
            return
        allowed = {MODE_UUID: _MODES, RATE_UUID: EDA_RATES_HZ}[uuid]
        if len(value) != 1 or value[0] not in allowed:
            raise RejectedError(f"one byte of {allowed}")
        if uuid == MODE_UUID and value != self.read(MODE_UUID):
            self._silent_until_s = self._now_s + self._silence_s
        super().write(uuid, value)

    def reboot(self) -> None:
        """Switch it off and on: the clock counts from 0 again and the boot count grows."""
        self._boot_count += 1
        self._clock_zero_ms = -round(self._now_s * 1000)

    def advance(self, signals: Signals, to_s: float) -> list[Frame]:
        """Frames up to ``to_s``, each at the time of its (last) sample."""
        frames = self._state_changes()
        for sample in signals.eda:
            frames += self._skin(sample)
        for movement in signals.acc:
            frames += self._motion(movement)
        self._now_s = to_s
        return sorted((f for f in frames if f.uuid in self._heard), key=lambda frame: frame.t_s)

    def _state_changes(self) -> list[Frame]:
        state = nuanic.encode_state(on_finger=self.fault is not Fault.OFF_BODY)
        if state == self.read(STATE_UUID):
            return []
        super().write(STATE_UUID, state)
        return [Frame(self._now_s, STATE_UUID, state)]

    def _skin(self, sample: Conductance) -> list[Frame]:
        rate_hz = self.read(RATE_UUID)[0]
        # Of what the source has, as much as the rate leaves room for (a tick of slack, since
        # the times are floats).
        if sample.t_s - self._sampled_s < 1 / rate_hz - 1e-6:
            return []
        self._sampled_s = sample.t_s
        eda_us = sample.eda_us
        if self.fault is Fault.FROZEN:
            eda_us = self._frozen_us = eda_us if self._frozen_us is None else self._frozen_us
        else:
            self._frozen_us = None
        self._slow_us = self._slow_us * _DNE_MEMORY + eda_us * (1 - _DNE_MEMORY) or eda_us
        mode = self.read(MODE_UUID)[0]
        quiet = self.fault in (Fault.OFF_BODY, Fault.SILENT) or sample.t_s < self._silent_until_s
        if quiet or mode == 0:
            return []
        clock_ms = self._clock_ms(sample.t_s)
        ohm = min(round(1e6 / eda_us), _OPEN_OHM) if eda_us > 0 else _OPEN_OHM
        if mode == MODE_RAW_EDA:
            eda = nuanic.NuanicEda(self._boot_count, clock_ms, ohm)
            return [Frame(sample.t_s, EDA_UUID, nuanic.encode_eda(eda))]
        ratio = max(eda_us, 1e-3) / max(self._slow_us, 1e-3)
        dne = min(max(round(50 + 100 * math.log(ratio)), 0), 100)
        index = nuanic.NuanicDne(clock_ms, ohm, dne)
        return [Frame(sample.t_s, DNE_UUID, nuanic.encode_dne(index))]

    def _motion(self, movement: Acceleration) -> list[Frame]:
        if self.fault in (Fault.OFF_BODY, Fault.SILENT):
            self._batch.clear()
            return []
        if self.fault is Fault.FROZEN:
            self._frozen_acc = self._frozen_acc or movement
            movement = self._frozen_acc._replace(t_s=movement.t_s)
        else:
            self._frozen_acc = None
        self._batch.append(movement)
        if len(self._batch) < IMU_SAMPLES:
            return []
        imu = nuanic.NuanicImu(
            self._clock_ms(movement.t_s),
            tuple(_count(sample.x_mg) for sample in self._batch),
            tuple(_count(sample.y_mg) for sample in self._batch),
            tuple(_count(sample.z_mg) for sample in self._batch),
        )
        self._batch.clear()
        return [Frame(movement.t_s, IMU_UUID, nuanic.encode_imu(imu))]

    def _clock_ms(self, t_s: float) -> int:
        return max(self._clock_zero_ms + round(t_s * 1000), 0)


def _count(mg: float) -> int:
    """The accelerometer has 12 bits of 1 mg and clips beyond."""
    return min(max(round(mg), -2048), 2047)
