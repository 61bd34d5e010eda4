"""Every kind of frame by name, decoded to plain JSON values: for people with a hex string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.sensors.decode import device_info, heart_rate, nuanic
from vagalwatch.sensors.decode.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable


def decode_json(kind: str, raw: bytes) -> dict[str, object]:
    """Decode ``raw`` as ``kind``, one of :data:`KINDS`.

    Raises:
        DecodeError: the frame does not follow its layout, or ``unknown-kind``.
    """
    decoder = KINDS.get(kind)
    if decoder is None:
        raise DecodeError("unknown-kind", 0, raw)
    return decoder(raw)


def _heart_rate(raw: bytes) -> dict[str, object]:
    measurement = heart_rate.decode(raw)
    return {
        "hr_bpm": measurement.hr_bpm,
        "contact": measurement.contact,
        "energy_kj": measurement.energy_kj,
        "rr_ms": list(measurement.rr_ms),
    }


def _battery(raw: bytes) -> dict[str, object]:
    return {"battery_percent": device_info.decode_battery(raw)}


def _body_location(raw: bytes) -> dict[str, object]:
    return {"body_location": heart_rate.decode_body_location(raw)}


def _nuanic_eda(raw: bytes) -> dict[str, object]:
    eda = nuanic.decode_eda(raw)
    return {
        "boot_count": eda.boot_count,
        "unix_ms": eda.unix_ms,
        "ohm": eda.ohm,
        "eda_us": eda.eda_us,
    }


def _nuanic_dne(raw: bytes) -> dict[str, object]:
    dne = nuanic.decode_dne(raw)
    return {"unix_ms": dne.unix_ms, "ohm": dne.ohm, "dne": dne.dne}


def _nuanic_imu(raw: bytes) -> dict[str, object]:
    imu = nuanic.decode_imu(raw)
    return {
        "unix_ms": imu.unix_ms,
        "acc_x_mg": list(imu.acc_x_mg),
        "acc_y_mg": list(imu.acc_y_mg),
        "acc_z_mg": list(imu.acc_z_mg),
    }


KINDS: Final[dict[str, Callable[[bytes], dict[str, object]]]] = {
    "2A37": _heart_rate,
    "2A19": _battery,
    "2A38": _body_location,
    "nuanic-eda": _nuanic_eda,
    "nuanic-dne": _nuanic_dne,
    "nuanic-imu": _nuanic_imu,
}
