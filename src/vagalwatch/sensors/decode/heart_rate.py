"""Heart Rate Service: Heart Rate Measurement (0x2A37) and Body Sensor Location (0x2A38).

Source: Bluetooth SIG, Heart Rate Service 1.0, sections 3.1 and 3.2. Layout of a measurement,
little-endian: flags u8, heart rate u8 or u16 (bpm), energy expended u16 (kJ, optional), then
RR intervals u16 in 1/1024 s, oldest first, up to the end of the value. There is no time and no
counter in it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vagalwatch.sensors.decode.errors import DecodeError

MEASUREMENT_UUID: Final = "00002a37-0000-1000-8000-00805f9b34fb"
BODY_LOCATION_UUID: Final = "00002a38-0000-1000-8000-00805f9b34fb"
SERVICE_UUID: Final = "0000180d-0000-1000-8000-00805f9b34fb"

MAX_BYTES: Final = 512
"""Longest attribute value there is (Core Specification, Vol 3 Part F, 3.2.9).

A default PDU of 20 bytes carries at most 9 RR intervals; after an MTU exchange a sensor may send
more, so this is the only bound that no conforming sensor can cross.
"""

MS_PER_TICK: Final = 1000 / 1024
"""One RR tick in ms; 125/128, so every product with an integer is exact as a float."""

_HR_IS_U16 = 0x01
_CONTACT_DETECTED = 0x02
_CONTACT_SUPPORTED = 0x04
_ENERGY = 0x08
_RR = 0x10
# Bits 5 to 7 are reserved for future use: a client ignores them on reception (Core
# Specification, Vol 1 Part E, 2.8), so they neither change nor refuse a measurement.

BODY_LOCATIONS: Final = ("other", "chest", "wrist", "finger", "hand", "ear-lobe", "foot")


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """One measurement. ``contact`` is ``None`` where the sensor cannot tell."""

    hr_bpm: int
    contact: bool | None = None
    energy_kj: int | None = None
    rr_1024: tuple[int, ...] = ()

    @property
    def rr_ms(self) -> tuple[float, ...]:
        """The RR intervals in ms, oldest first, exact."""
        return tuple(ticks * MS_PER_TICK for ticks in self.rr_1024)


def decode(raw: bytes) -> HeartRateMeasurement:
    """Decode a Heart Rate Measurement.

    The RR flag without any interval is taken as "none since the last notification": sensors
    send it, and the heart rate beside it is good.

    Raises:
        DecodeError: ``truncated`` (a field that the flags announce is missing or cut),
            ``trailing`` (bytes that no flag announces), ``oversized`` (over 512 bytes).
    """
    if len(raw) > MAX_BYTES:
        raise DecodeError("oversized", MAX_BYTES, raw)
    if not raw:
        raise DecodeError("truncated", 0, raw)
    flags = raw[0]
    hr_bpm, at = _unsigned(raw, 1, 2 if flags & _HR_IS_U16 else 1)
    contact = bool(flags & _CONTACT_DETECTED) if flags & _CONTACT_SUPPORTED else None
    energy_kj = None
    if flags & _ENERGY:
        energy_kj, at = _unsigned(raw, at, 2)
    if not flags & _RR and at < len(raw):
        raise DecodeError("trailing", at, raw)
    rr_1024: list[int] = []
    while at < len(raw):
        ticks, at = _unsigned(raw, at, 2)
        rr_1024.append(ticks)
    return HeartRateMeasurement(hr_bpm, contact, energy_kj, tuple(rr_1024))


def encode(measurement: HeartRateMeasurement) -> bytes:
    """The bytes a sensor would send; :func:`decode` gives ``measurement`` back.

    Raises:
        struct.error: a value that does not fit its field.
    """
    wide = measurement.hr_bpm > 0xFF  # noqa: PLR2004 - what an unsigned byte holds
    flags = _HR_IS_U16 if wide else 0
    if measurement.contact is not None:
        flags |= _CONTACT_SUPPORTED | (_CONTACT_DETECTED if measurement.contact else 0)
    fields = struct.pack("<H" if wide else "<B", measurement.hr_bpm)
    if measurement.energy_kj is not None:
        flags |= _ENERGY
        fields += struct.pack("<H", measurement.energy_kj)
    if measurement.rr_1024:
        flags |= _RR
        fields += struct.pack(f"<{len(measurement.rr_1024)}H", *measurement.rr_1024)
    return bytes((flags,)) + fields


def decode_body_location(raw: bytes) -> str:
    """Where the sensor sits, as one of :data:`BODY_LOCATIONS`.

    Raises:
        DecodeError: ``wrong-length``, or ``reserved-value`` for a code of the future.
    """
    if len(raw) != 1:
        raise DecodeError("wrong-length", min(len(raw), 1), raw)
    if raw[0] >= len(BODY_LOCATIONS):
        raise DecodeError("reserved-value", 0, raw)
    return BODY_LOCATIONS[raw[0]]


def _unsigned(raw: bytes, at: int, size: int) -> tuple[int, int]:
    """A little-endian field and the offset behind it."""
    end = at + size
    if end > len(raw):
        raise DecodeError("truncated", at, raw)
    return int.from_bytes(raw[at:end], "little"), end
