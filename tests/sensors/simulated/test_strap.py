"""A strap's notifications carry the body's beats, each once, late and on time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.sensors.decode import heart_rate
from vagalwatch.sensors.decode.heart_rate import MEASUREMENT_UUID, HeartRateMeasurement
from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.script import Drive, Phase, Script
from vagalwatch.sensors.simulated.signals import Beat, Rate, Signals
from vagalwatch.sensors.simulated.strap import Strap
from vagalwatch.sensors.simulated.wearable import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCRIPT = Script(
    Phase(0, Drive(hr_bpm=65, ectopics_per_min=2)), Phase(60, Drive(hr_bpm=150), over_s=60)
)
TICK_MS = 1000 / 1024


def worn(
    strap: Strap, beats: Sequence[Beat], steps_s: Iterable[float]
) -> list[tuple[float, HeartRateMeasurement]]:
    """What the strap says, decoded, when it is asked at ``steps_s``."""
    said: list[tuple[float, HeartRateMeasurement]] = []
    from_s = -1.0
    for to_s in steps_s:
        part = Signals(beats=[beat for beat in beats if from_s < beat.t_s <= to_s])
        said += [(frame.t_s, heart_rate.decode(frame.value)) for frame in strap.advance(part, to_s)]
        from_s = to_s
    return said


def listened(strap: Strap) -> Strap:
    strap.listen(MEASUREMENT_UUID, on=True)
    return strap


@pytest.mark.parametrize("latency_s", [0.0, 0.5, 2.6])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_frames_decode_to_the_bodys_beats(seed: int, latency_s: float) -> None:
    beats = Body(seed, SCRIPT).advance(200).beats
    said = worn(listened(Strap(latency_s=latency_s)), beats, range(1, 201))
    decoded = [(t_s, rr_ms) for t_s, measurement in said for rr_ms in measurement.rr_ms]
    ripe = [beat for beat in beats if beat.t_s + latency_s <= said[-1][0]]
    assert len(decoded) == len(ripe)
    chain_ms = 0.0
    for (sent_s, rr_ms), beat in zip(decoded, ripe, strict=True):
        assert rr_ms == pytest.approx(beat.rr_ms, abs=TICK_MS)
        chain_ms += rr_ms
        # Rounding is carried on, so the chain never leaves the beats by more than half a tick.
        assert chain_ms == pytest.approx(beat.t_s * 1000, abs=TICK_MS / 2 + 1e-6)
        assert latency_s <= sent_s - beat.t_s < latency_s + 1  # late, by less than an interval


@given(st.lists(st.floats(0, 150), max_size=10))
@settings(max_examples=25)
def test_how_often_one_asks_changes_nothing(cuts: list[float]) -> None:
    beats = Body(4, SCRIPT).advance(150).beats
    parts = worn(listened(Strap()), beats, [*sorted(cuts), 150])
    assert parts == worn(listened(Strap()), beats, [150])


def test_one_notification_a_second_with_as_many_beats_as_there_were() -> None:
    beats = Body(1, SCRIPT).advance(200).beats
    said = worn(listened(Strap(offset_s=0.25)), beats, [200])
    assert [t_s for t_s, _ in said] == [0.25 + n for n in range(200)]
    counts = [len(measurement.rr_1024) for _, measurement in said]
    assert set(counts[5:60]) == {0, 1, 2} or set(counts[5:60]) == {1, 2}
    assert max(counts[150:]) >= 3
    assert {measurement.contact for _, measurement in said} == {True}


def test_the_heart_rate_is_smoothed_and_zero_before_it_is_known() -> None:
    said = worn(listened(Strap(latency_s=2)), Body(1, SCRIPT).advance(200).beats, [200])
    rates = [measurement.hr_bpm for _, measurement in said]
    assert rates[0] == 0
    assert rates[40] == pytest.approx(65, abs=8)
    assert rates[-1] == pytest.approx(150, abs=8)


def test_off_the_body_it_goes_on_with_its_last_rate_and_says_no_contact() -> None:
    beats = Body(1, SCRIPT).advance(60).beats
    strap = listened(Strap())
    before = worn(strap, beats, [30])
    strap.fault = Fault.OFF_BODY
    off = worn(strap, [b for b in beats if b.t_s > 30], [50])
    assert {(m.hr_bpm, m.contact, m.rr_1024) for _, m in off} == {(before[-1][1].hr_bpm, False, ())}
    strap.fault = None
    assert worn(strap, [b for b in beats if b.t_s > 50], [60])[-1][1].contact is True


def test_frozen_it_repeats_one_frame_and_then_goes_on() -> None:
    beats = Body(1, SCRIPT).advance(60).beats
    strap = listened(Strap())
    worn(strap, beats, [20])
    strap.fault = Fault.FROZEN
    frozen = worn(strap, [b for b in beats if b.t_s > 20], [40])
    assert len(frozen) == 20
    assert len({measurement for _, measurement in frozen}) == 1
    assert len(frozen[0][1].rr_1024) == 1
    strap.fault = None
    assert len({m for _, m in worn(strap, [b for b in beats if b.t_s > 40], [60])}) > 10


def test_silent_it_says_nothing_and_what_it_did_not_say_is_lost() -> None:
    beats = Body(1, SCRIPT).advance(60).beats
    strap = listened(Strap(latency_s=0))
    worn(strap, beats, [20])
    strap.fault = Fault.SILENT
    assert worn(strap, [b for b in beats if b.t_s > 20], [40]) == []
    strap.fault = None
    after = worn(strap, [b for b in beats if b.t_s > 40], [60])
    heard = sum(len(measurement.rr_1024) for _, measurement in after)
    assert heard == pytest.approx(sum(b.t_s > 40 for b in beats), abs=2)


def test_nobody_listening_hears_nothing_and_a_strap_with_a_memory_sends_a_burst_later() -> None:
    beats = Body(1, SCRIPT).advance(60).beats
    forgetful, minding = Strap(latency_s=0), Strap(latency_s=0, backlog_beats=20)
    for strap, first in ((forgetful, (1, 2)), (minding, (20, 22))):
        assert worn(strap, beats, [30.0]) == []
        strap.listen(MEASUREMENT_UUID, on=True)
        said = worn(strap, [b for b in beats if b.t_s > 30], [60.0])
        burst = [len(m.rr_1024) for t_s, m in said if t_s < 31]
        assert first[0] <= sum(burst) <= first[1]
        assert max(burst) <= 9  # what fits into one PDU
        strap.hang_up()
        assert worn(strap, [], [61.0]) == []


def test_a_rate_without_intervals_is_passed_on() -> None:
    # Optical sensors and recordings of them give no intervals.
    strap = listened(Strap(offset_s=0.5))
    frames = strap.advance(Signals(rates=[Rate(0.4, 71.0), Rate(1.4, 74.0)]), 2)
    assert [heart_rate.decode(frame.value) for frame in frames] == [
        HeartRateMeasurement(71, contact=True),
        HeartRateMeasurement(74, contact=True),
    ]
