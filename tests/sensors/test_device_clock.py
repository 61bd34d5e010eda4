from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.sensors.device_clock import DeviceClock

NS = 1_000_000_000
RUN_NS = 1_800_000_000 * NS
STEP_NS = NS // 4


@given(
    st.integers(0, 2_000_000_000),
    st.lists(st.floats(0, 0.8), min_size=50, max_size=200),
    st.integers(-300, 300),
)
@settings(max_examples=60)
def test_times_follow_the_device_and_arrival_only_delays(
    device_s: int, delays_s: list[float], drift_ppm: int
) -> None:
    clock = DeviceClock()
    arrivals: list[int] = []
    placed: list[int] = []
    for n, delay_s in enumerate(delays_s):
        true_ns = RUN_NS + n * STEP_NS
        device_ns = device_s * NS + n * STEP_NS * (1_000_000 + drift_ppm) // 1_000_000
        arrivals.append(max(true_ns + round(delay_s * NS), arrivals[-1] if arrivals else 0))
        sample = clock.place("eda", device_ns, arrivals[-1])
        assert sample is not None
        assert (sample.epoch, sample.reset) == (0, False)
        placed.append(sample.t_ns)
    assert all(a < b for a, b in pairwise(placed))
    assert all(t_ns <= recv_ns + 1_000 for t_ns, recv_ns in zip(placed, arrivals, strict=True))
    # Never earlier than the truth but for drift, never later than the largest delay.
    slack_ns = len(delays_s) * STEP_NS // 1000
    for n, t_ns in enumerate(placed):
        assert -slack_ns <= t_ns - (RUN_NS + n * STEP_NS) <= max(delays_s) * NS + slack_ns


def test_the_fastest_sample_shows_the_offset() -> None:
    clock = DeviceClock()
    for n, delay_ms in enumerate((300, 250, 20, 400, 300, 200, 100)):
        sample = clock.place("eda", n * STEP_NS, RUN_NS + n * STEP_NS + delay_ms * 1_000_000)
    assert sample is not None
    assert abs(sample.t_ns - (RUN_NS + 6 * STEP_NS + 20_000_000)) < 1_000_000


def test_a_boot_starts_an_epoch_and_time_goes_on() -> None:
    clock = DeviceClock()
    clock.booted(12)
    before = clock.place("eda", 1_700_000_000 * NS, RUN_NS)
    clock.booted(12)
    clock.booted(13)
    after = clock.place("eda", 5 * NS, RUN_NS + 30 * NS)
    assert before is not None
    assert after is not None
    assert (before.epoch, before.reset) == (0, False)
    assert (after.epoch, after.reset, after.t_ns) == (1, True, RUN_NS + 30 * NS)


def test_every_stream_hears_of_a_reset_once() -> None:
    clock = DeviceClock()
    clock.place("eda", 100 * NS, RUN_NS)
    clock.place("motion", 100 * NS, RUN_NS)
    clock.booted(1)
    clock.booted(2)
    resets = [
        clock.place(stream, n * NS, RUN_NS + n * NS)
        for n, stream in enumerate(("eda", "motion", "eda", "motion"), start=200)
    ]
    assert [sample is not None and sample.reset for sample in resets] == [True, True, False, False]


def test_a_backlog_lands_at_its_own_time() -> None:
    clock = DeviceClock()
    clock.read(1_000 * NS, RUN_NS)
    # A minute of samples from before the link, handed over within a second, then live ones.
    for n in range(240):
        sample = clock.place("eda", 940 * NS + n * STEP_NS, RUN_NS + n * NS // 240)
        assert sample is not None
        assert abs(sample.t_ns - (RUN_NS - 60 * NS + n * STEP_NS)) < NS // 100
        assert sample.epoch == 0


def test_a_clock_that_was_set_forward_or_back_starts_an_epoch() -> None:
    for device_s in (5_000, 200):
        clock = DeviceClock()
        clock.place("eda", 1_000 * NS, RUN_NS)
        sample = clock.place("eda", device_s * NS, RUN_NS + NS)
        assert sample is not None
        assert (sample.epoch, sample.reset, sample.t_ns) == (1, True, RUN_NS + NS)


def test_a_clock_set_while_nobody_was_connected_is_noticed_on_reading_it() -> None:
    clock = DeviceClock()
    clock.place("eda", 10_000 * NS, RUN_NS)
    clock.read(6_400 * NS, RUN_NS + 10 * NS)  # an hour back
    sample = clock.place("eda", 6_401 * NS, RUN_NS + 11 * NS)
    assert sample is not None
    assert (sample.epoch, sample.t_ns) == (1, RUN_NS + 11 * NS)


def test_a_sample_that_is_not_later_has_no_place() -> None:
    clock = DeviceClock()
    assert clock.place("eda", 10 * NS, RUN_NS) is not None
    assert clock.place("eda", 10 * NS, RUN_NS + 1) is None
    assert clock.place("eda", 9 * NS, RUN_NS + 2) is None
    assert clock.place("motion", 9 * NS, RUN_NS + 3) is not None


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 60)), max_size=30))
def test_whatever_the_device_says_times_stay_sane(said: list[tuple[int, int]]) -> None:
    clock = DeviceClock()
    recv_ns = RUN_NS
    last: dict[int, int] = {}
    for unix_ms, waited_s in said:
        recv_ns += waited_s * NS
        sample = clock.place("eda", unix_ms * 1_000_000, recv_ns)
        if sample is None:
            continue
        assert sample.t_ns > last.get(sample.epoch, 0)
        assert RUN_NS - 2 * 86_400 * NS < sample.t_ns <= recv_ns + 3 * NS
        last[sample.epoch] = sample.t_ns
