from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.sensors.decode.errors import DecodeError
from vagalwatch.sensors.decode.kinds import KINDS, decode_json


@pytest.mark.parametrize(
    ("kind", "frame", "value"),
    [
        (
            "2A37",
            "16 48 54 01 EC 02",
            {"hr_bpm": 72, "contact": True, "energy_kj": None, "rr_ms": [332.03125, 730.46875]},
        ),
        ("2A37", "0450", {"hr_bpm": 80, "contact": False, "energy_kj": None, "rr_ms": []}),
        ("2A37", "0050", {"hr_bpm": 80, "contact": None, "energy_kj": None, "rr_ms": []}),
        ("2A19", "2C", {"battery_percent": 44}),
        ("2A38", "01", {"body_location": "chest"}),
        (
            "nuanic-eda",
            "0C 00 00 30 FD 77 90 01 00 00 20 A1 07 00",
            {"boot_count": 12, "unix_ms": 1_720_000_000_000, "ohm": 500_000, "eda_us": 2.0},
        ),
        (
            "nuanic-dne",
            "01 00 00 00 00 00 00 00 02 00 00 00 03 00 00 00",
            {"unix_ms": 1, "ohm": 2, "dne": 3},
        ),
    ],
)
def test_kinds(kind: str, frame: str, value: dict[str, object]) -> None:
    assert decode_json(kind, bytes.fromhex(frame)) == value


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError) as refusal:
        decode_json("2A99", b"")
    assert refusal.value.reason == "unknown-kind"


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=100))
def test_whatever_is_decoded_is_json(kind: str, raw: bytes) -> None:
    try:
        value = decode_json(kind, raw)
    except DecodeError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value
