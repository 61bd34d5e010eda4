"""What a body gives off is what its script says, found again by direct means."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.sensors.simulated.body import Body
from vagalwatch.sensors.simulated.script import Drive, Phase, Script
from vagalwatch.sensors.simulated.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Iterable

SEEDS = (0, 1, 2)


def steady(**drive: float) -> Script:
    return Script(Phase(0, Drive(**{"hr_bpm": 70.0, **drive})))


VARIED = Script(
    Phase(0, Drive(hr_bpm=70, ectopics_per_min=4, fidgets_per_min=10)),
    Phase(20, Drive(hr_bpm=110, nsr_per_min=20, scl_us=9, walking=1), over_s=30),
)


def lived(body: Body, steps_s: Iterable[float]) -> Signals:
    whole = Signals()
    for to_s in steps_s:
        part = body.advance(to_s)
        whole.beats += part.beats
        whole.eda += part.eda
        whole.acc += part.acc
    return whole


@given(st.lists(st.floats(0, 90), max_size=12), st.integers(0, 1000))
@settings(max_examples=25)
def test_how_often_one_looks_changes_nothing(cuts: list[float], seed: int) -> None:
    in_parts, at_once = Body(seed, VARIED), Body(seed, VARIED)
    assert lived(in_parts, [*sorted(cuts), 90]) == lived(at_once, [90])
    assert in_parts.scrs == at_once.scrs


def test_a_seed_is_a_body_and_another_seed_another() -> None:
    first, again, other = (Body(seed, VARIED).advance(60) for seed in (7, 7, 8))
    assert first == again
    assert first.beats != other.beats
    assert first.eda != other.eda
    assert first.acc != other.acc


def test_the_skins_rate_does_not_change_the_heart() -> None:
    slow, fast = Body(3, VARIED).advance(60), Body(3, VARIED, eda_hz=16).advance(60)
    assert slow.beats == fast.beats
    assert (len(slow.eda), len(fast.eda)) == (241, 961)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_interval_is_the_time_between_two_beats(seed: int) -> None:
    beats = Body(seed, VARIED).advance(300).beats
    for before, after in itertools.pairwise(beats):
        assert (after.t_s - before.t_s) * 1000 == pytest.approx(after.rr_ms, abs=1e-6)
    assert beats[0].t_s * 1000 == pytest.approx(beats[0].rr_ms)


@pytest.mark.parametrize("hr_bpm", [50, 70, 110, 160])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_heart_rate_is_the_scripts(seed: int, hr_bpm: float) -> None:
    beats = Body(seed, steady(hr_bpm=hr_bpm)).advance(900).beats
    rr_ms = np.array([beat.rr_ms for beat in beats])
    assert 60_000 / rr_ms.mean() == pytest.approx(hr_bpm, rel=0.02)


@pytest.mark.parametrize("breath_hz", [0.2, 0.25, 0.32])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_heart_swings_with_the_breath_at_its_rate_and_size(seed: int, breath_hz: float) -> None:
    rsa_ms = 40.0
    script = steady(breath_hz=breath_hz, rsa_ms=rsa_ms, breath_spread=0.03)
    hz, power = spectrum(Body(seed, script).advance(600))
    band = (hz > 0.15) & (hz < 0.4)
    assert hz[band][power[band].argmax()] == pytest.approx(breath_hz, rel=0.08)
    # A sine of amplitude a has the power a2/2; slower waves' skirts add a little.
    assert power[band].sum() == pytest.approx(rsa_ms**2 / 2, rel=0.2)


def test_speech_makes_breathing_broadband() -> None:
    quiet = spectrum(Body(1, steady(breath_spread=0.05)).advance(600))
    speech = spectrum(Body(1, steady(breath_spread=0.5)).advance(600))

    def peak_share(hz: np.ndarray, power: np.ndarray) -> float:
        band = (hz > 0.12) & (hz < 0.5)
        near = band & (np.abs(hz - 0.25) < 0.03)
        return float(power[near].sum() / power[band].sum())

    assert peak_share(*quiet) > 0.7
    assert peak_share(*speech) < 0.5


def test_an_ectopic_beat_is_early_and_its_pause_makes_up_for_it() -> None:
    beats = Body(5, steady(ectopics_per_min=6, rsa_ms=0)).advance(600).beats
    early = [i for i, beat in enumerate(beats[:-1]) if beat.kind == "premature"]
    assert 40 <= len(early) <= 80  # 60 expected; a Poisson count's sd is 8
    for i in early:
        assert beats[i + 1].kind == "pause"
        assert beats[i].rr_ms == pytest.approx(0.65 * 60_000 / 70, abs=10)
        assert beats[i].rr_ms + beats[i + 1].rr_ms == pytest.approx(2 * 60_000 / 70, abs=20)
    assert sum(beat.kind == "pause" for beat in beats) - len(early) in {0, 1}


def test_without_ectopics_every_beat_is_of_the_sinus_node() -> None:
    assert {beat.kind for beat in Body(5, steady()).advance(600).beats} == {"sinus"}


@pytest.mark.parametrize("per_min", [1.0, 4.0, 18.0])
def test_responses_of_the_skin_come_at_the_scripts_rate(per_min: float) -> None:
    body = Body(2, steady(nsr_per_min=per_min))
    body.advance(3600)
    expected = per_min * 60
    assert abs(len(body.scrs) - expected) < 4 * math.sqrt(expected)
    assert all(scr.amplitude_us >= 0.05 for scr in body.scrs)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_responses_are_in_the_signal_where_the_truth_says(seed: int) -> None:
    body = Body(seed, steady(nsr_per_min=2))
    eda = np.array(body.advance(900).eda)
    alone = [
        scr
        for before, scr, after in zip(body.scrs, body.scrs[1:], body.scrs[2:], strict=False)
        if scr.onset_s - before.onset_s > 15 and after.onset_s - scr.onset_s > 5
    ]
    assert len(alone) >= 5
    for scr in alone:
        at = np.interp([scr.onset_s, scr.onset_s + 1.44], eda[:, 0], eda[:, 1])
        # It rises to its amplitude 1.44 s later, on a level that may drift a little.
        assert at[1] - at[0] == pytest.approx(scr.amplitude_us, abs=0.05 + 0.15 * scr.amplitude_us)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_quiet_skin_only_drifts(seed: int) -> None:
    body = Body(seed, steady(nsr_per_min=0, scl_us=6))
    eda = np.array(body.advance(900).eda)[:, 1]
    assert body.scrs == []
    assert eda.mean() == pytest.approx(6, rel=0.04)
    rises = eda[8:] - eda[:-8]  # over two seconds
    assert rises.max() < 0.05  # under the smallest response there is
    assert len(np.unique(eda)) > 3000  # noise: a flat line would be a stuck sensor


def test_sweat_comes_faster_than_it_dries() -> None:
    low, high = Drive(hr_bpm=70, scl_us=4, nsr_per_min=0), Drive(70, scl_us=8, nsr_per_min=0)
    script = Script(Phase(0, low), Phase(60, high, over_s=1), Phase(300, low, over_s=1))
    eda = np.array(Body(1, script).advance(600).eda)
    risen = (eda[(eda[:, 0] > 75) & (eda[:, 0] < 85)][:, 1].mean() - 4) / 4
    fallen = (8 - eda[(eda[:, 0] > 315) & (eda[:, 0] < 325)][:, 1].mean()) / 4
    assert risen > 0.85
    assert fallen < 0.5
    assert eda[-40:, 1].mean() == pytest.approx(4, rel=0.05)


def test_a_hand_at_rest_feels_one_g_and_a_walking_one_more() -> None:
    still = np.array(Body(1, steady(fidgets_per_min=0)).advance(60).acc)[:, 1:]
    walking = np.array(Body(1, steady(fidgets_per_min=0, walking=1)).advance(60).acc)[:, 1:]
    lengths = np.linalg.norm(still, axis=1)
    assert lengths.mean() == pytest.approx(1000, abs=2)
    assert lengths.std() < 5
    assert np.linalg.norm(walking, axis=1).std() > 150


def test_fidgets_are_short_and_come_at_the_scripts_rate() -> None:
    acc = np.array(Body(4, steady(fidgets_per_min=4)).advance(1200).acc)
    lengths = np.linalg.norm(acc[:, 1:], axis=1)
    seconds = lengths[: len(lengths) // 14 * 14].reshape(-1, 14).std(axis=1)
    moved = seconds > 30
    starts = int((np.diff(moved.astype(int)) == 1).sum())
    assert 50 <= starts <= 100  # 80 expected, some touch
    assert 0.08 < moved.mean() < 0.25  # 1.8 s each, cut by whole seconds


def spectrum(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """One-sided power (ms2 a bin) of the RR series at its own beats.

    Not resampled: a straight line between beats takes 39 % of the power at .33 Hz.
    """
    t_s = np.array([beat.t_s for beat in signals.beats])
    rr_ms = np.array([beat.rr_ms for beat in signals.beats])
    hz = np.arange(1, int(0.5 * t_s[-1])) / t_s[-1]
    waves = np.exp(-2j * np.pi * np.outer(hz, t_s))
    return hz, 2 * np.abs(waves @ (rr_ms - rr_ms.mean())) ** 2 / len(t_s) ** 2
