"""A ring's frames carry the body's skin and hand, when its mode, rate and place allow."""

from __future__ import annotations

import pytest

from vagalwatch.sensors.decode import nuanic
from vagalwatch.sensors.decode.nuanic import (
    DNE_UUID,
    EDA_UUID,
    IMU_UUID,
    MODE_UUID,
    RATE_UUID,
    STATE_UUID,
    TIME_UUID,
)
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.script import Drive, Phase, Script
from vagalwatch.sensors.simulated.signals import Conductance, Signals
from vagalwatch.sensors.simulated.wearable import Fault, Frame, RejectedError

SCRIPT = Script(Phase(0, Drive(hr_bpm=70, nsr_per_min=5, fidgets_per_min=4)))
UTC_MS = 1_790_000_000_000


def raw_ring(silence_s: float = 0.0) -> Ring:
    """A ring that is listened to, in raw EDA; what is not about the silence skips it."""
    ring = Ring(silence_s=silence_s)
    for uuid in (EDA_UUID, DNE_UUID, IMU_UUID, STATE_UUID):
        ring.listen(uuid, on=True)
    ring.write(MODE_UUID, bytes([nuanic.MODE_RAW_EDA]))
    return ring


def of(frames: list[Frame], uuid: str) -> list[Frame]:
    return [frame for frame in frames if frame.uuid == uuid]


def test_every_sample_of_the_skin_arrives_at_its_time() -> None:
    ring = raw_ring()
    ring.write(TIME_UUID, nuanic.encode_time_ms(UTC_MS))
    signals = Body(1, SCRIPT).advance(120)
    decoded = [nuanic.decode_eda(f.value) for f in of(ring.advance(signals, 120), EDA_UUID)]
    assert [eda.unix_ms - UTC_MS for eda in decoded] == [round(s.t_s * 1000) for s in signals.eda]
    for eda, sample in zip(decoded, signals.eda, strict=True):
        assert eda.eda_us == pytest.approx(sample.eda_us, rel=1e-5)  # whole Ohms
    assert {eda.boot_count for eda in decoded} == {12}


def test_every_movement_arrives_in_batches() -> None:
    signals = Body(1, SCRIPT).advance(60)
    batches = [nuanic.decode_imu(f.value) for f in of(raw_ring().advance(signals, 60), IMU_UUID)]
    x_mg = [x for batch in batches for x in batch.acc_x_mg]
    assert len(x_mg) == len(signals.acc) // 14 * 14
    assert x_mg == [round(sample.x_mg) for sample in signals.acc[: len(x_mg)]]


def test_a_change_of_mode_is_followed_by_a_minute_without_skin_but_with_motion() -> None:
    ring = raw_ring(silence_s=60)
    frames = ring.advance(Body(1, SCRIPT).advance(120), 120)
    assert of(frames, EDA_UUID)[0].t_s == 60
    assert of(frames, IMU_UUID)[0].t_s < 1
    ring.write(MODE_UUID, bytes([nuanic.MODE_RAW_EDA]))  # no change, no silence
    body = Body(1, SCRIPT)
    body.advance(120)
    assert of(ring.advance(body.advance(125), 125), EDA_UUID)[0].t_s == 120.25


def test_as_it_comes_it_gives_its_index_and_no_raw_skin() -> None:
    ring = Ring()
    for uuid in (EDA_UUID, DNE_UUID):
        ring.listen(uuid, on=True)
    frames = ring.advance(Body(1, SCRIPT).advance(30), 30)
    assert of(frames, EDA_UUID) == []
    indices = [nuanic.decode_dne(frame.value) for frame in of(frames, DNE_UUID)]
    assert len(indices) == 121
    assert all(0 <= index.dne <= 100 for index in indices)
    ring.write(MODE_UUID, b"\x00")  # standby
    assert ring.advance(Signals(eda=[Conductance(200.0, 5.0)]), 200) == []


@pytest.mark.parametrize(("rate_hz", "expected"), [(16, 961), (8, 481), (4, 241), (3, 161)])
def test_the_rate_is_what_was_written_as_far_as_the_source_goes(
    rate_hz: int, expected: int
) -> None:
    ring = raw_ring()
    ring.write(RATE_UUID, bytes([rate_hz]))
    frames = of(ring.advance(Body(1, SCRIPT, eda_hz=16).advance(60), 60), EDA_UUID)
    assert len(frames) == expected  # 3 Hz from a source of 16 is one in six


@pytest.mark.parametrize(
    ("uuid", "value"),
    [(MODE_UUID, b"\x04"), (MODE_UUID, b""), (RATE_UUID, b"\x05"), (TIME_UUID, b"\x00")],
)
def test_what_it_does_not_have_it_refuses_and_keeps_what_it_had(uuid: str, value: bytes) -> None:
    ring = Ring()
    before = ring.read(uuid)
    with pytest.raises(RejectedError):
        ring.write(uuid, value)
    assert ring.read(uuid) == before


def test_its_clock_counts_from_its_boot_until_it_is_set_and_again_after_the_next() -> None:
    ring, body = raw_ring(), Body(1, SCRIPT)
    early = nuanic.decode_eda(of(ring.advance(body.advance(10), 10), EDA_UUID)[0].value)
    assert early.unix_ms < 60_000
    ring.write(TIME_UUID, nuanic.encode_time_ms(UTC_MS))
    ring.advance(body.advance(20), 20)
    assert nuanic.decode_time_ms(ring.read(TIME_UUID)) == UTC_MS + 10_000
    ring.reboot()
    later = nuanic.decode_eda(of(ring.advance(body.advance(30), 30), EDA_UUID)[-1].value)
    assert (later.boot_count, later.unix_ms) == (13, 10_000)


def test_off_the_finger_it_says_so_once_and_stops_until_it_is_back() -> None:
    ring, body = raw_ring(), Body(1, SCRIPT)
    ring.advance(body.advance(10), 10)
    ring.fault = Fault.OFF_BODY
    off = ring.advance(body.advance(20), 20)
    assert [(f.t_s, f.uuid, nuanic.decode_state(f.value)) for f in off] == [(10, STATE_UUID, False)]
    assert ring.advance(body.advance(30), 30) == []
    ring.fault = None
    on = ring.advance(body.advance(40), 40)
    assert (on[0].uuid, nuanic.decode_state(on[0].value)) == (STATE_UUID, True)
    assert len(of(on, EDA_UUID)) == 40


def test_frozen_it_repeats_and_silent_it_stops() -> None:
    ring, body = raw_ring(), Body(1, SCRIPT)
    ring.advance(body.advance(10), 10)
    ring.fault = Fault.FROZEN
    frozen = ring.advance(body.advance(30), 30)
    assert len({nuanic.decode_eda(f.value).ohm for f in of(frozen, EDA_UUID)}) == 1
    last = nuanic.decode_imu(of(frozen, IMU_UUID)[-1].value)
    assert len(set(last.acc_x_mg)) == 1
    ring.fault = Fault.SILENT
    assert ring.advance(body.advance(40), 40) == []
    ring.fault = None
    after = ring.advance(body.advance(50), 50)
    assert len({nuanic.decode_eda(f.value).ohm for f in of(after, EDA_UUID)}) > 30


def test_an_accelerometer_clips_and_a_dry_skin_stays_a_number() -> None:
    body = Body(1, SCRIPT).advance(1)
    wild = [sample._replace(x_mg=9e4, y_mg=-9e4) for sample in body.acc[:14]]
    frames = raw_ring().advance(Signals(acc=wild, eda=[Conductance(0.0, 0.0)]), 1)
    imu = nuanic.decode_imu(of(frames, IMU_UUID)[0].value)
    assert set(imu.acc_x_mg) == {2047}
    assert set(imu.acc_y_mg) == {-2048}
    assert nuanic.decode_eda(of(frames, EDA_UUID)[0].value).eda_us < 0.001
