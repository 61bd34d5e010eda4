from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers_decode import outcome
from helpers_real import shared_data
from vagalwatch.sensors.decode.errors import DecodeError
from vagalwatch.sensors.decode.heart_rate import (
    BODY_LOCATIONS,
    MAX_BYTES,
    HeartRateMeasurement,
    decode,
    decode_body_location,
    encode,
)

M = HeartRateMeasurement


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        # movisens/SmartGattLib HeartRateMeasurementTest
        ("16 48 54 01 EC 02", M(72, contact=True, rr_1024=(340, 748))),
        # polarofficial/polar-ble-sdk BleHrClientTest
        ("00 FF", M(255)),
        ("01 7F 7F", M(32639)),
        ("06 00", M(0, contact=True)),
        ("09 00 00 FF FF", M(0, energy_kj=65535)),
        ("11 00 00 FF FF 7F 80", M(0, rr_1024=(65535, 32895))),
        # Nordic toolbox HRSDataParserTest: energy stands before the intervals
        ("19 4B 00 38 04 04 04 38 04", M(75, energy_kj=1080, rr_1024=(1028, 1080))),
        # OpenTracks and an unnamed vitest
        ("10 3C 00 04 00 02", M(60, rr_1024=(1024, 512))),
        ("01 01 01", M(257)),
        # a sensor that supports contact and has none
        ("04 50", M(80, contact=False)),
        # bit 1 means nothing without bit 2
        ("02 50", M(80)),
        # the RR flag with nothing behind it
        ("10 3C", M(60)),
        # nine intervals fill a PDU of 20 bytes
        ("10 3C" + " 00 04" * 9, M(60, rr_1024=(1024,) * 9)),
        # reserved bits are ignored
        ("E0 48", M(72)),
    ],
)
def test_decodes_what_vendors_test(frame: str, value: HeartRateMeasurement) -> None:
    assert decode(bytes.fromhex(frame)) == value


def test_intervals_are_exact_in_ms() -> None:
    assert decode(bytes.fromhex("164854 01EC02")).rr_ms == (332.03125, 730.46875)


@pytest.mark.parametrize(
    ("frame", "reason", "offset"),
    [
        ("", "truncated", 0),
        ("00", "truncated", 1),
        ("01 7F", "truncated", 1),
        ("08 48", "truncated", 2),
        ("08 48 01", "truncated", 2),
        ("10 48 00 04 01", "truncated", 4),
        ("19 4B 00 38", "truncated", 3),
        ("00 48 01", "trailing", 2),
        ("10 48" + "00" * MAX_BYTES, "oversized", MAX_BYTES),
    ],
)
def test_refuses_with_reason_and_place(frame: str, reason: str, offset: int) -> None:
    raw = bytes.fromhex(frame)
    with pytest.raises(DecodeError) as refusal:
        decode(raw)
    assert (refusal.value.reason, refusal.value.offset) == (reason, offset)
    assert refusal.value.frame == raw


def test_decodes_the_published_vectors() -> None:
    vectors = json.loads(shared_data("ble_hr_vectors", "vectors.json").read_text())["vectors"]
    contact = {"not supported": None, "detected": True, "not detected": False}
    assert vectors
    for vector in vectors:
        assert decode(bytes.fromhex(vector["hex"])) == M(
            vector["hr_bpm"],
            contact[vector["contact"]],
            vector["energy_kj"],
            tuple(vector["rr_1024"]),
        )


@given(st.binary(max_size=40))
@example(b"\xff" * 20)
def test_any_bytes_give_a_value_or_a_refusal(raw: bytes) -> None:
    said = outcome(decode, raw)
    if isinstance(said, DecodeError):
        assert 0 <= said.offset <= len(raw)
    else:
        assert decode(encode(said)) == said


u16 = st.integers(0, 0xFFFF)
measurements = st.builds(
    M,
    u16,
    st.sampled_from([None, True, False]),
    st.none() | u16,
    st.lists(u16, max_size=9).map(tuple),
)


@given(measurements)
def test_what_a_sensor_encodes_is_decoded_again(measurement: HeartRateMeasurement) -> None:
    assert decode(encode(measurement)) == measurement


@given(measurements, st.data())
def test_a_frame_cut_short_never_gains_an_interval(
    measurement: HeartRateMeasurement, data: st.DataObject
) -> None:
    raw = encode(measurement)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    said = outcome(decode, cut)
    if isinstance(said, DecodeError):
        return
    assert said.rr_1024 == measurement.rr_1024[: len(said.rr_1024)]
    assert len(said.rr_1024) < len(measurement.rr_1024)


def test_body_locations() -> None:
    assert [decode_body_location(bytes([n])) for n in range(7)] == list(BODY_LOCATIONS)
    assert BODY_LOCATIONS[1] == "chest"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"", "wrong-length"), (b"\x01\x01", "wrong-length"), (b"\x07", "reserved-value")],
)
def test_refuses_unknown_body_locations(raw: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode_body_location(raw)
    assert refusal.value.reason == reason
