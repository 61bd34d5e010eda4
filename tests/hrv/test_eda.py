"""Skin conductance: level, responses where there are some and none where there are none."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter

from helpers_eda import overlapping
from helpers_hrv import NS, T0_NS, edas
from vagalwatch.hrv import eda
from vagalwatch.hrv.codes import Gate
from vagalwatch.records import Eda, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

END_NS = T0_NS + 70 * NS
# Within a tuple it takes the adapter's settings, as in a snapshot.
_STATE = TypeAdapter(
    tuple[eda.EdaState], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
)


def judged(values_us: Iterable[float], hz: float = 4.0, end_ns: int = END_NS) -> eda.Skin:
    state = eda.EdaState()
    for chunk in edas(values_us, hz):
        eda.take(state, chunk)
    return eda.judge(state, end_ns)


def reading(celsius: float) -> Level:
    return Level(
        wearer="anna",
        source="ring",
        t_ns=T0_NS + NS,
        recv_ns=T0_NS + NS,
        signal="temp_c",
        value=celsius,
    )


def quiet(hz: float = 4.0, *, noise_us: float = 0.003, level_us: float = 2.0) -> list[float]:
    rng = np.random.default_rng(0)
    return [level_us + noise_us * float(z) for z in rng.standard_normal(round(70 * hz))]


@given(st.floats())
def test_a_temperature_that_no_sensor_can_mean_neither_raises_nor_counts(value: float) -> None:
    state = eda.EdaState()
    for celsius in (33.0, value, 33.0):
        eda.take_level(state, reading(celsius))
    assert sum(state.temps) == (3 if abs(value) < 327.68 else 2)
    assert abs(sum(state.temp_mc)) < 1_000_000


@pytest.mark.parametrize("value", [1e306, -1e306, math.inf, math.nan])
def test_a_huge_temperature_does_not_overflow(value: float) -> None:
    state = eda.EdaState()
    eda.take_level(state, reading(value))
    assert sum(state.temps) == 0


@given(
    st.sampled_from([3.0, 4.0, 8.0, 15.0, 16.0, 32.0]),
    st.floats(0.3, 40),
    st.integers(0, 1000),
)
@settings(max_examples=30)
def test_the_level_is_the_mean_of_thirty_seconds(hz: float, level_us: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (level_us + 0.01 * rng.standard_normal(round(70 * hz))).tolist()
    times = [round(i * NS / hz) for i in range(1, len(values) + 1)]
    inside = [v for t, v in zip(times, values, strict=True) if 40 * NS < t <= 70 * NS]
    assert judged(values, hz).scl_us == pytest.approx(statistics.fmean(inside), rel=1e-9)


def phantom(kind: str, rng: np.random.Generator, hz: float) -> NDArray[np.float64]:
    """70 s without any response."""
    n = round(70 * hz)
    t_s = np.arange(n) / hz
    level_us = float(np.exp(rng.uniform(np.log(0.1), np.log(30))))
    noise = float(np.exp(rng.uniform(np.log(0.0005), np.log(0.05)))) * rng.standard_normal(n)
    values: dict[str, NDArray[np.float64]] = {
        "flat": np.full(n, level_us),
        "noisy": level_us + noise,
        "rising": level_us + noise + rng.uniform(0, 0.05) * t_s,
        "falling": level_us + noise - rng.uniform(0, 0.05) * t_s + 4,
        "relaxing": level_us * (1 + 2 * np.exp(-t_s / rng.uniform(60, 400))) + noise,
        "wetting": level_us * (1.5 - 0.5 * np.exp(-t_s / rng.uniform(100, 400))) + noise,
        "breathing": level_us + noise + 0.01 * np.sin(2 * np.pi * rng.uniform(0.15, 0.4) * t_s),
        "quantised": np.round((level_us + noise) / 0.0013) * 0.0013,
        "stuck": level_us + np.where(np.arange(n) % round(7 * hz) == 0, 0.05, 0.0),
    }
    return values[kind]


KINDS = (
    "flat",
    "noisy",
    "rising",
    "falling",
    "relaxing",
    "wetting",
    "breathing",
    "quantised",
    "stuck",
)


def test_no_phantom_responses_in_a_thousand_windows() -> None:
    """Where neurokit2's relative threshold finds 54 to 490 a minute."""
    rng = np.random.default_rng(7)
    found = dict.fromkeys(KINDS, 0.0)
    for i in range(1008):
        kind = KINDS[i % len(KINDS)]
        hz = float(rng.choice([3.0, 4.0, 8.0, 16.0, 32.0]))
        values = np.clip(phantom(kind, rng, hz), 0.0, None)
        state = eda.EdaState()
        for chunk in edas(values.tolist(), hz):
            eda.take(state, chunk)
        found[kind] += eda.judge(state, END_NS).nsr_per_min or 0.0
        # No gate may be what saves the count, but for a stuck sensor's spikes.
        if kind != "stuck":
            found[kind] += sum(len(stretch.peaks_s) for stretch in state.done[2:])
    assert found == dict.fromkeys(KINDS, 0.0)


def test_responses_are_counted_in_the_minute_in_which_they_peak() -> None:
    values = quiet(noise_us=0.002)
    for onset_s in (20.0, 40.0, 55.0):
        for i in range(len(values)):
            age_s = (i + 1) / 4 - onset_s
            if age_s >= 0:
                values[i] += 0.63 * (math.exp(-age_s / 3) - math.exp(-age_s / 0.8))
    assert judged(values).nsr_per_min == 3.0
    assert judged(values, end_ns=T0_NS + 65 * NS).nsr_per_min == 3.0


def test_gates_close_on_what_is_not_skin() -> None:
    assert judged(quiet()).gate is None
    assert judged([]).gate is Gate.EDA_SILENT
    assert judged(quiet(), end_ns=END_NS + 10 * NS).gate is Gate.EDA_SILENT
    assert judged(quiet(level_us=0.03)).gate is Gate.EDA_OPEN
    assert judged([*quiet()[:256], *[0.0] * 24]).gate is Gate.EDA_OPEN  # fell off 6 s ago
    assert judged(quiet(level_us=80)).gate is Gate.EDA_SATURATED
    jump = [*quiet()[:240], *quiet(level_us=9)[240:]]
    assert judged(jump, end_ns=T0_NS + 65 * NS).gate is Gate.EDA_ARTEFACT
    assert judged(jump).gate is None
    assert judged([2.0] * 280).gate is Gate.EDA_STUCK
    assert judged(quiet(noise_us=0.0002)).gate is Gate.EDA_STUCK
    assert judged([2.0 + 0.01 * (i % 3) for i in range(280)]).gate is Gate.EDA_STUCK


def in_a_hand(values_us: Iterable[float], shaken_s: set[int], end_s: int) -> eda.Skin:
    state = eda.EdaState()
    for chunk in edas(values_us, 4.0):
        eda.take(state, chunk)
    return eda.judge(state, T0_NS + end_s * NS, lambda second: second - T0_NS // NS in shaken_s)


def test_a_jump_is_an_artefact_where_the_hand_moved() -> None:
    """Half of the level within a second is no response; a quiet hand leaves it open what it is."""
    rng = np.random.default_rng(2)
    values = [2.0 + 0.003 * float(z) for z in rng.standard_normal(280)]
    for i in range(224, 232):
        values[i] += 1.0  # from 56 to 58 s
    assert in_a_hand(values, {57}, 60).gate is Gate.EDA_ARTEFACT
    assert in_a_hand(values, set(), 60).gate is None
    assert in_a_hand(values, {30}, 60).gate is None
    # Five seconds on it is over; what it looked like is not counted, the rest of the minute is.
    struck, calm = in_a_hand(values, {57}, 65), in_a_hand(values, set(), 65)
    assert (struck.gate, struck.nsr_per_min) == (None, 0.0)
    assert calm.nsr_per_min == 1.0


def test_a_cooling_or_strange_temperature_closes_its_gate() -> None:
    def judged_at(temps_c: list[float]) -> Gate | None:
        state = eda.EdaState()
        for chunk in edas(quiet(), 4.0):
            eda.take(state, chunk)
        for i, temp_c in enumerate(temps_c):
            t_ns = T0_NS + (i + 1) * NS
            eda.take_level(
                state,
                Level(
                    wearer="ada",
                    source="ring",
                    t_ns=t_ns,
                    recv_ns=t_ns,
                    signal="temp_c",
                    value=temp_c,
                ),
            )
        return eda.judge(state, END_NS).gate

    assert judged_at([33.0] * 70) is None
    assert judged_at([27.0] * 70) is None  # a cold wrist, worn
    assert judged_at([33.0] * 40) is None  # no reading of now
    assert judged_at([21.0] * 70) is Gate.EDA_TEMPERATURE
    assert judged_at([41.0] * 70) is Gate.EDA_TEMPERATURE
    falling = [33.0 - max(0, i - 40) * 0.05 for i in range(70)]
    assert judged_at(falling) is Gate.EDA_TEMPERATURE
    assert judged_at([33.0 - i * 0.01 for i in range(70)]) is None


def test_with_a_gate_closed_there_is_no_figure() -> None:
    skin = judged([2.0] * 280)
    assert (skin.scl_us, skin.nsr_per_min) == (None, None)


@pytest.mark.parametrize(("seconds", "nsr"), [(3, 0.0), (14, 0.0), (16, None)])
def test_of_what_a_hole_leaves_the_rest_stands_for_the_minute(
    seconds: int, nsr: float | None
) -> None:
    state = eda.EdaState()
    for i, chunk in enumerate(edas(quiet(), 4.0)):
        if not 20 <= i < 20 + seconds:
            eda.take(state, chunk)
    skin = eda.judge(state, END_NS)
    assert skin.scl_us is not None
    assert skin.nsr_per_min == nsr


@given(st.permutations(range(20)))
@settings(max_examples=30)
def test_order_of_arrival_changes_no_digit(order: list[int]) -> None:
    chunks = edas(quiet(16.0)[:320], 16.0)
    straight, shuffled = eda.EdaState(), eda.EdaState()
    for i in range(20):
        eda.take(straight, chunks[i])
        eda.take(shuffled, chunks[order[i]])
    for state in (straight, shuffled):
        eda.sum_up(state)
    assert shuffled == straight


def rows(arrivals: list[tuple[int, Eda]], *, restart_at: int | None = None) -> list[eda.Skin]:
    """What 26 rows say of chunks that come at a second each."""
    state, told = eda.EdaState(), []
    for row in range(1, 27):
        for second, chunk in arrivals:
            if (row - 1) * 5 < second <= row * 5:
                eda.take(state, chunk)
        if row == restart_at:
            (state,) = _STATE.validate_json(_STATE.dump_json((state,)))
        told.append(eda.judge(state, T0_NS + row * 5 * NS))
        eda.trim(state, T0_NS + row * 5 * NS)
    return told


def lively(hz: float = 4.0) -> list[Eda]:
    return edas(overlapping(10_003, hz, seconds=130).values_us.tolist(), hz)


@given(st.sampled_from([4.0, 15.0]), st.data())
@settings(max_examples=25)
def test_what_came_late_counts_in_later_rows_as_if_it_had_not(
    hz: float, data: st.DataObject
) -> None:
    """However late within the window: from the first row that has all of it on, the same rows."""
    chunks = lively(hz)
    late = data.draw(st.sets(st.integers(60, 100), max_size=20))
    by_s = data.draw(st.integers(1, 24))
    in_time = [(i + 1, chunk) for i, chunk in enumerate(chunks)]
    held_up = [(s + by_s if s in late else s, chunk) for s, chunk in in_time]
    there = -(-max([s + by_s for s in late], default=1) // 5) - 1
    # Figures that rest on what rows said before (the slow ones) remember what was said.
    same = [
        [(r.gate, r.scl_us, r.tonic_us, r.nsr_per_min) for r in told[there:]]
        for told in (rows(in_time), rows(held_up))
    ]
    assert same[0] == same[1]


@given(st.integers(1, 26))
@settings(max_examples=10)
def test_a_restart_changes_no_digit(row: int) -> None:
    arrivals = [(i + 1, chunk) for i, chunk in enumerate(lively())]
    assert rows(arrivals, restart_at=row) == rows(arrivals)


def test_the_state_stays_small() -> None:
    state = eda.EdaState()
    for i, chunk in enumerate(edas(overlapping(1, 16.0, seconds=300).values_us.tolist(), 16.0), 1):
        eda.take(state, chunk)
        if i % 5 == 0:
            eda.judge(state, T0_NS + i * NS)
            eda.trim(state, T0_NS + i * NS)
    assert len(_STATE.dump_json((state,))) < 14_000


def test_the_skin_is_compared_with_itself() -> None:
    """A level that doubles at 150 s: ln 2 over two minutes ago, and over a mean that lags."""
    values = [(2.0 if i < 600 else 4.0) + 0.003 * math.sin(i * i) for i in range(1400)]
    state, told = eda.EdaState(), {}
    for i, chunk in enumerate(edas(values, 4.0), 1):
        eda.take(state, chunk)
        if i % 5 == 0:
            told[i] = eda.judge(state, T0_NS + i * NS)
            eda.trim(state, T0_NS + i * NS)
    assert told[120].ln_change is None  # not two minutes known yet
    assert told[140].ln_change == pytest.approx(0.0, abs=0.01)
    assert told[200].ln_change == pytest.approx(math.log(2), abs=0.01)
    assert told[300].ln_change == pytest.approx(0.0, abs=0.01)
    assert told[160].ln_over_mean == pytest.approx(math.log(2), abs=0.02)
    assert told[350].ln_over_mean == pytest.approx(math.log(2) * 0.5 ** (200 / 600), abs=0.02)


def test_a_clock_of_1970_takes_no_memory() -> None:
    state = eda.EdaState()
    for t_ns in (NS, T0_NS, 2 * NS, T0_NS + NS):
        eda.take(
            state,
            Eda(
                wearer="ada",
                source="ring",
                t_ns=t_ns,
                recv_ns=T0_NS + 2 * NS,
                sample_t_ns=(t_ns,),
                eda_us=(2.0,),
            ),
        )
    eda.sum_up(state)
    assert np.frombuffer(state.bins).reshape(-1, 3)[:, 0].sum() == 2
    assert len(state.bins) <= 40 * 3 * 8
