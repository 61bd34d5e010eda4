"""A recording worn like a body: the same beats, through a strap and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.records import Eda, Heart, Motion, Tick
from vagalwatch.sensors.decode import heart_rate
from vagalwatch.sensors.simulated.playback import Playback
from vagalwatch.sensors.simulated.signals import Acceleration, Beat, Conductance, Rate, Signals
from vagalwatch.sensors.simulated.strap import Strap

if TYPE_CHECKING:
    from vagalwatch.records import Record

START_NS = 1_790_000_000_000_000_000
S = 1_000_000_000


def heart(t_s: float, *rr_ms: float, hr_bpm: float | None = None) -> Heart:
    t_ns = START_NS + round(t_s * S)
    times = [t_ns - round(sum(rr_ms[n + 1 :]) * 1e6) for n in range(len(rr_ms))]
    return Heart(
        wearer="alex",
        source="file",
        t_ns=t_ns,
        recv_ns=t_ns,
        hr_bpm=hr_bpm,
        beat_t_ns=tuple(times),
        rr_ms=rr_ms,
    )


def test_every_kind_of_sample_comes_at_its_second() -> None:
    at = START_NS + 2 * S
    records: list[Record] = [
        heart(1, 800, 750),
        heart(2, hr_bpm=72.0),
        Eda(wearer="alex", source="e", t_ns=at, recv_ns=at, sample_t_ns=(at,), eda_us=(4.5,)),
        Motion(
            wearer="alex",
            source="m",
            t_ns=at,
            recv_ns=at,
            sample_t_ns=(at,),
            acc_x_mg=(1.0,),
            acc_y_mg=(2.0,),
            acc_z_mg=(3.0,),
        ),
        Tick(t_ns=at, recv_ns=at),
    ]
    playback = Playback(records, START_NS)
    assert playback.advance(1) == Signals(beats=[Beat(0.25, 800), Beat(1.0, 750)])
    assert playback.advance(1.9) == Signals()
    assert playback.advance(2) == Signals(
        rates=[Rate(2.0, 72.0)],
        eda=[Conductance(2.0, 4.5)],
        acc=[Acceleration(2.0, 1.0, 2.0, 3.0)],
    )
    assert playback.advance(1e9) == Signals()


@given(st.lists(st.integers(300, 2000), min_size=1, max_size=60))
def test_a_recording_of_a_strap_comes_out_of_a_strap_unchanged(ticks: list[int]) -> None:
    # What was recorded in whole ticks of 1/1024 s needs no rounding, so nothing is carried on.
    t_s = 0.0
    records = []
    for tick in ticks:
        t_s += tick / 1024
        records.append(heart(t_s, tick * 1000 / 1024))
    strap = Strap()
    strap.listen(heart_rate.MEASUREMENT_UUID, on=True)
    frames = strap.advance(Playback(records, START_NS).advance(t_s + 5), t_s + 5)
    said = [rr for frame in frames for rr in heart_rate.decode(frame.value).rr_1024]
    assert said == ticks
