"""Sample entropy and DFA alpha-1 against neurokit2 and against known series."""

from __future__ import annotations

import math
import random

import neurokit2 as nk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.hrv.beats import BeatWindow
from vagalwatch.hrv.nonlinear import dfa_alpha1, sample_entropy


def window(rr_ms: list[float], *, bad: frozenset[int] = frozenset()) -> BeatWindow:
    values = np.array(rr_ms, dtype=np.float64)
    times = np.cumsum(values) / 1000
    valid = np.array([i not in bad for i in range(len(rr_ms))])
    paired = valid.copy()
    paired[0] = False
    paired[1:] &= valid[:-1]
    return BeatWindow(t_s=times - times[-1], rr_ms=values, valid=valid, paired=paired)


def walk(seed: int, count: int) -> list[float]:
    rng = random.Random(seed)  # noqa: S311 - a series, not a secret
    slow, out = 0.0, []
    for i in range(count):
        slow = 0.95 * slow + rng.gauss(0, 8)
        out.append(850 + slow + 25 * math.sin(i * 1.3) + rng.gauss(0, 6))
    return out


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(200, 420))
def test_both_are_neurokits(seed: int, count: int) -> None:
    rr_ms = walk(seed, count)
    values = np.array(rr_ms)
    entropy, _ = nk.entropy_sample(
        values, dimension=2, tolerance=0.2 * float(np.std(values, ddof=1))
    )
    alpha, _ = nk.fractal_dfa(values, scale=list(range(4, 17)), overlap=False)
    assert sample_entropy(window(rr_ms)) == pytest.approx(float(entropy), rel=1e-9)
    assert dfa_alpha1(window(rr_ms)) == pytest.approx(float(alpha), rel=1e-9)


def test_entropy_is_its_definition_where_beats_are_left_out() -> None:
    rr_ms = walk(3, 260)
    bad = frozenset({50, 51, 140})
    beats = window([rr * (1.6 if i in bad else 1) for i, rr in enumerate(rr_ms)], bad=bad)
    r = 0.2 * float(np.std(beats.rr_ms[beats.valid], ddof=1))
    whole = [i for i in range(258) if beats.paired[i + 1] and beats.paired[i + 2]]
    a = b = 0
    for i in whole:
        for j in whole:
            if i < j and all(abs(beats.rr_ms[i + k] - beats.rr_ms[j + k]) <= r for k in (0, 1)):
                b += 1
                a += abs(beats.rr_ms[i + 2] - beats.rr_ms[j + 2]) <= r
    assert sample_entropy(beats) == pytest.approx(-math.log(a / b), rel=1e-9)


def test_scaling_of_known_series() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(850, 20, 4000)
    brown = 850 + np.cumsum(rng.normal(0, 1, 4000))
    assert dfa_alpha1(window(noise.tolist())) == pytest.approx(0.5, abs=0.1)
    assert dfa_alpha1(window(brown.tolist())) == pytest.approx(1.5, abs=0.1)


def test_thin_evidence_gives_nothing() -> None:
    short = window(walk(1, 199))
    broken = window(walk(1, 300), bad=frozenset(range(0, 300, 20)))  # 5 % of beats, 10 % of pairs
    equal = window([800.0] * 300)
    for beats in (short, broken):
        assert sample_entropy(beats) is None
        assert dfa_alpha1(beats) is None
    assert dfa_alpha1(equal) is None
