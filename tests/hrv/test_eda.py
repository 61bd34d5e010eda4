"""Skin conductance: level, responses where there are some and none where there are none."""

from __future__ import annotations

import math
import statistics
import warnings
from typing import TYPE_CHECKING

import neurokit2 as nk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, edas
from vagalwatch.hrv import eda
from vagalwatch.hrv.codes import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

END_NS = T0_NS + 70 * NS


def judged(values_us: Iterable[float], hz: float = 4.0, end_ns: int = END_NS) -> eda.Skin:
    state = eda.EdaState()
    for chunk in edas(values_us, hz):
        eda.take(state, chunk)
    return eda.judge(state, end_ns)


def quiet(hz: float = 4.0, *, noise_us: float = 0.003, level_us: float = 2.0) -> list[float]:
    rng = np.random.default_rng(0)
    return [level_us + noise_us * float(z) for z in rng.standard_normal(round(70 * hz))]


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
        "breathing": level_us + noise + 0.005 * np.sin(2 * np.pi * rng.uniform(0.15, 0.4) * t_s),
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


@pytest.mark.parametrize("hz", [4.0, 32.0])
def test_neurokits_own_simulation_is_found_again(hz: float) -> None:
    """An independent truth: the responses of ``eda_simulate``, and hardly another."""
    hits = found = truth = 0
    for seed in range(12):
        count = 1 + seed % 6
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # neurokit2 uses what numpy deprecates
            signal = nk.eda_simulate(
                duration=56, sampling_rate=int(hz), scr_number=count, noise=0.002, random_state=seed
            )
        # Its first response starts with the signal; it needs something to rise from.
        lead = np.full(round(4 * hz), signal[0]) + np.resize([0.002, -0.002, 0.001], round(4 * hz))
        values = np.concatenate((lead, signal)) + 2.0
        got = judged(values.tolist(), hz, T0_NS + 60 * NS).nsr_per_min
        assert got is not None
        hits += min(int(got), count)
        found += int(got)
        truth += count
    recall, precision = hits / truth, hits / max(found, 1)
    assert 2 * recall * precision / (recall + precision) >= 0.85


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
    assert shuffled == straight
