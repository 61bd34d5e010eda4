from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.sensors.decode.device_info import MAX_CHARACTERS, decode_battery, decode_text
from vagalwatch.sensors.decode.errors import DecodeError


def test_battery() -> None:
    assert decode_battery(b"\x2c") == 44  # movisens/SmartGattLib BatteryLevelTest
    assert decode_battery(b"\x64") == 100


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"", "wrong-length"), (b"\x01\x02", "wrong-length"), (b"\x65", "out-of-range")],
)
def test_refuses_other_batteries(raw: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode_battery(raw)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Polar Electro Oy\0\0", "Polar Electro Oy"),
        (b" H10 ", "H10"),
        ("Müller".encode(), "Müller"),
        (b"\x1b[31mred\r\nnext\x07", "[31mrednext"),
        (b"caf\xe9", "caf�"),
    ],
)
def test_names_are_made_harmless(raw: bytes, text: str) -> None:
    assert decode_text(raw) == text


@given(st.binary(max_size=200))
def test_any_bytes_give_short_printable_text(raw: bytes) -> None:
    text = decode_text(raw)
    assert len(text) <= MAX_CHARACTERS
    assert text.isprintable()
