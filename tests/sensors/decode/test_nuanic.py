from __future__ import annotations

import math
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_decode import outcome
from vagalwatch.sensors.decode import nuanic
from vagalwatch.sensors.decode.errors import DecodeError
from vagalwatch.sensors.decode.nuanic import NuanicDne, NuanicEda, NuanicImu

if TYPE_CHECKING:
    from collections.abc import Callable

# Captures of a ring, from the logs of PhelaPoscam/Nuanic_Moodmetric_BLE (MIT): a hand at rest,
# and one that moves in the middle of the second.
AT_REST = bytes.fromhex(
    "9967101f9d010000cf8e7f760fbcff8e7f766fbc0f8f2f76bfbb4f8f7f76ffbc8f8e7f768fbc7f8e1f776fbb"
    "cf8edf76dfbb6f8e8f76cfbb5f8faf764fbc0f8f0f77bfbb9f8fbf762fbcff8e8f764fbb3f8f4f76ffbb8f8f"
    "bf766fbc"
)
MOVING = bytes.fromhex(
    "3773101f9d0100007f8edf769fbcdf8ecf766fbc4f8f7f763fbb3f8f5f762fbd3f8faf765fbc6f8e4f765fbf"
    "5f956f73cfd87fb1ef758fbc3fa98f731fa83f9d5f71ffa22f8c2f6f3fa77f72ef6affb33f670f750fc45f57"
    "af76efc5"
)


def lengths_mg(imu: NuanicImu) -> list[float]:
    return [math.hypot(*xyz) for xyz in zip(imu.acc_x_mg, imu.acc_y_mg, imu.acc_z_mg, strict=True)]


def test_eda() -> None:
    eda = nuanic.decode_eda(bytes.fromhex("0C 00 00 30 FD 77 90 01 00 00 20 A1 07 00"))
    assert eda == NuanicEda(12, 1_720_000_000_000, 500_000)
    assert eda.eda_us == 2.0


def test_dne() -> None:
    # tests/test_stream_parsers.py of the same project
    raw = struct.pack("<Qii", 1_719_999_999_000, 1_000_500, 45)
    assert nuanic.decode_dne(raw) == NuanicDne(1_719_999_999_000, 1_000_500, 45)


def test_a_ring_at_rest_weighs_one_g() -> None:
    imu = nuanic.decode_imu(AT_REST)
    assert imu.unix_ms == 1_774_342_662_041
    assert (imu.acc_x_mg[0], imu.acc_y_mg[0], imu.acc_z_mg[0]) == (236, -153, 960)
    assert lengths_mg(imu) == pytest.approx([1000] * 14, abs=20)


def test_movement_is_continuous_where_signed_reading_would_wrap() -> None:
    imu = nuanic.decode_imu(MOVING)
    assert max(lengths_mg(imu)) > 1300
    steps = [abs(b - a) for axis in (imu.acc_x_mg, imu.acc_y_mg) for a, b in pairwise(axis)]
    assert max(steps) < 500
    signed = struct.unpack("<42h", MOVING[8:])
    assert max(abs(b - a) for a, b in zip(signed[0::3], signed[3::3], strict=False)) > 40_000


def test_captures_survive_the_round_trip() -> None:
    for raw in (AT_REST, MOVING):
        assert nuanic.encode_imu(nuanic.decode_imu(raw)) == raw


@pytest.mark.parametrize(("code", "state"), [(0, None), (1, False), (2, True), (3, None)])
def test_state(code: int, state: bool | None) -> None:
    assert nuanic.decode_state(bytes([code])) is state


def test_zero_ohm_is_no_skin() -> None:
    with pytest.raises(DecodeError) as refusal:
        nuanic.decode_eda(struct.pack("<HQI", 1, 2, 0))
    assert (refusal.value.reason, refusal.value.offset) == ("open-circuit", 10)


@given(st.binary(max_size=100))
def test_any_bytes_give_a_value_or_a_refusal(raw: bytes) -> None:
    decoders: tuple[Callable[[bytes], object], ...] = (
        nuanic.decode_eda,
        nuanic.decode_dne,
        nuanic.decode_imu,
        nuanic.decode_state,
        nuanic.decode_time_ms,
        nuanic.decode_u8,
    )
    for decode in decoders:
        said = outcome(decode, raw)
        assert not isinstance(said, DecodeError) or 0 <= said.offset <= len(raw)


u64 = st.integers(0, 2**64 - 1)
axis = st.lists(st.integers(-2048, 2047), min_size=14, max_size=14).map(tuple)


@given(st.integers(0, 0xFFFF), u64, st.integers(1, 2**32 - 1))
def test_eda_round_trip(boot: int, unix_ms: int, ohm: int) -> None:
    eda = NuanicEda(boot, unix_ms, ohm)
    assert nuanic.decode_eda(nuanic.encode_eda(eda)) == eda
    assert 0 < eda.eda_us <= 1e6


@given(u64, axis, axis, axis)
def test_motion_round_trip(
    unix_ms: int, x: tuple[int, ...], y: tuple[int, ...], z: tuple[int, ...]
) -> None:
    imu = NuanicImu(unix_ms, x, y, z)
    assert nuanic.decode_imu(nuanic.encode_imu(imu)) == imu


def test_small_round_trips() -> None:
    dne = NuanicDne(5, -1, 45)
    assert nuanic.decode_dne(nuanic.encode_dne(dne)) == dne
    assert nuanic.decode_time_ms(nuanic.encode_time_ms(77)) == 77
    assert nuanic.decode_state(nuanic.encode_state(on_finger=True)) is True
    assert nuanic.decode_state(nuanic.encode_state(on_finger=False)) is False
