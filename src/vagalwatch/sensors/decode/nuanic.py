"""The Nuanic (Moodmetric) EDA ring: skin resistance, arousal index, motion and wear state.

The vendor publishes nothing; the layouts are those that PhelaPoscam/Nuanic_Moodmetric_BLE
(commit 834917a8) worked out from captures, all little-endian:

* EDA, 14 bytes: boot count u16, Unix ms u64, skin resistance u32 in Ohm.
* DNE, 16 bytes: Unix ms u64, skin resistance i32 in Ohm, arousal index i32.
* Motion, 92 bytes: Unix ms u64, then 14 samples of x, y, z u16. That project reads the samples
  as signed; its own captures show otherwise: the low nibble is always 0xF and values jump from
  +32767 to -32768 in the middle of a movement. Read as 12 bits over an offset of 2048, every
  sample of a ring at rest has a length of 1000 +- 20, so a count is 1 milli-g. The frame's time
  agrees with its arrival as closely as that of single EDA samples does, so it is the time of
  the last sample.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vagalwatch.sensors.decode.errors import DecodeError

SERVICE_UUID: Final = "5491faaf-b0c2-4167-8f3d-bc6b31db69e7"
MODE_UUID: Final = "3cce21a7-e602-4e02-8c52-1e0366c1c846"
RATE_UUID: Final = "516b0fb6-d861-4619-9dd0-0105e8b85128"
TIME_UUID: Final = "dc9c31a7-fbd3-467a-8777-10900c423d3b"
STATE_UUID: Final = "3c180fcc-bfec-4b7c-8e52-1a37f123e449"
EDA_UUID: Final = "42dcb71b-1817-43bd-8ea3-7272780a1c9f"
DNE_UUID: Final = "d306262b-c8c9-4c4b-9050-3a41dea706e5"
IMU_UUID: Final = "468f2717-6a7d-46f9-9eb7-f92aab208bae"

MODE_RAW_EDA: Final = 1
EDA_RATES_HZ: Final = (3, 4, 6, 8, 12, 16)
IMU_SAMPLES: Final = 14

_EDA = struct.Struct("<HQI")
_DNE = struct.Struct("<Qii")
_IMU = struct.Struct(f"<Q{3 * IMU_SAMPLES}H")
_TIME = struct.Struct("<Q")
_OHM_PER_US = 1_000_000  # 1/R in S, times 1e6
_IMU_ZERO = 2048
_IMU_SHIFT = 4
_IMU_LOW_NIBBLE = 0xF


@dataclass(frozen=True, slots=True)
class NuanicEda:
    """One raw skin resistance with the ring's clock and boot count."""

    boot_count: int
    unix_ms: int
    ohm: int

    @property
    def eda_us(self) -> float:
        """Skin conductance in microsiemens."""
        return _OHM_PER_US / self.ohm


@dataclass(frozen=True, slots=True)
class NuanicDne:
    """The vendor's arousal index (no published definition) and the resistance beside it."""

    unix_ms: int
    ohm: int
    dne: int


@dataclass(frozen=True, slots=True)
class NuanicImu:
    """14 accelerations in milli-g, evenly spaced; ``unix_ms`` is the time of the last."""

    unix_ms: int
    acc_x_mg: tuple[int, ...]
    acc_y_mg: tuple[int, ...]
    acc_z_mg: tuple[int, ...]


def decode_eda(raw: bytes) -> NuanicEda:
    """Decode an EDA frame.

    Raises:
        DecodeError: ``wrong-length``; ``open-circuit`` for 0 Ohm, which no skin has.
    """
    boot_count, unix_ms, ohm = _unpack(_EDA, raw)
    if ohm == 0:
        raise DecodeError("open-circuit", 10, raw)
    return NuanicEda(boot_count, unix_ms, ohm)


def decode_dne(raw: bytes) -> NuanicDne:
    """Decode a DNE frame.

    Raises:
        DecodeError: ``wrong-length``.
    """
    return NuanicDne(*_unpack(_DNE, raw))


def decode_imu(raw: bytes) -> NuanicImu:
    """Decode a motion frame.

    Raises:
        DecodeError: ``wrong-length``.
    """
    unix_ms, *counts = _unpack(_IMU, raw)
    mg = tuple((count >> _IMU_SHIFT) - _IMU_ZERO for count in counts)
    return NuanicImu(unix_ms, mg[0::3], mg[1::3], mg[2::3])


def decode_state(raw: bytes) -> bool | None:
    """Is the ring on a finger? ``None`` for its other states (starting, docked).

    Raises:
        DecodeError: ``wrong-length``.
    """
    return {1: False, 2: True}.get(decode_u8(raw))


def decode_u8(raw: bytes) -> int:
    """The value of a one-byte register (mode, rate).

    Raises:
        DecodeError: ``wrong-length``.
    """
    if len(raw) != 1:
        raise DecodeError("wrong-length", min(len(raw), 1), raw)
    return raw[0]


def decode_time_ms(raw: bytes) -> int:
    """The ring's clock, Unix ms (counted from 1970 after a boot until somebody sets it).

    Raises:
        DecodeError: ``wrong-length``.
    """
    return int(_unpack(_TIME, raw)[0])


def encode_eda(eda: NuanicEda) -> bytes:
    """The bytes a ring would send."""
    return _EDA.pack(eda.boot_count, eda.unix_ms, eda.ohm)


def encode_dne(dne: NuanicDne) -> bytes:
    """The bytes a ring would send."""
    return _DNE.pack(dne.unix_ms, dne.ohm, dne.dne)


def encode_imu(imu: NuanicImu) -> bytes:
    """The bytes a ring would send; 14 samples an axis, each from -2048 to 2047 mg."""
    triples = zip(imu.acc_x_mg, imu.acc_y_mg, imu.acc_z_mg, strict=True)
    counts = [(mg + _IMU_ZERO) << _IMU_SHIFT | _IMU_LOW_NIBBLE for xyz in triples for mg in xyz]
    return _IMU.pack(imu.unix_ms, *counts)


def encode_state(*, on_finger: bool) -> bytes:
    """The bytes a ring would send."""
    return b"\x02" if on_finger else b"\x01"


def encode_time_ms(unix_ms: int) -> bytes:
    """The bytes a ring would answer with."""
    return _TIME.pack(unix_ms)


def _unpack(layout: struct.Struct, raw: bytes) -> tuple[int, ...]:
    if len(raw) != layout.size:
        raise DecodeError("wrong-length", min(len(raw), layout.size), raw)
    return layout.unpack(raw)
