"""A body whose truth is known: heart, skin and hand, following a script with variation.

Deterministic by seed, and chunk invariant: each organ has a random generator of its own and
draws from it in the order of its own events, so how often ``advance`` is called changes nothing.
Physiology of one resting adult is a set of round figures from the literature, named where they
stand; the simulator shows that the pipeline finds what is there, not how people are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.sensors.simulated.signals import Acceleration, Beat, Conductance, Signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vagalwatch.sensors.simulated.script import Script
    from vagalwatch.sensors.simulated.signals import BeatKind

# Nunan et al. 2010 (PACE 33:1407), means of short-term recordings of healthy adults: LF 519 and
# HF 657 ms2. A sine of amplitude a has the power a2/2, so LF's amplitude is 0.89 of HF's.
_LF_PER_RSA: Final = 0.89
_LF_HZ: Final = 0.1  # Mayer waves (Task Force 1996: LF is .04 to .15 Hz, centred near .1)
_LF_SPREAD: Final = 0.15
# Below LF the heart wanders by itself (Task Force 1996: VLF). An Ornstein-Uhlenbeck process of
# 30 s; its share keeps a quiet sitter within 2 bpm of the mean most of the time.
_WANDER_PER_RSA: Final = 0.4
_WANDER_TAU_S: Final = 30.0
_JITTER_MS: Final = 2.0  # sinus node and detection together, beat to beat, of an ECG strap
_RR_FLOOR_MS: Final = 300.0  # 200 bpm
# A premature beat comes at about two thirds of the interval, and the pause that follows makes
# the two intervals last as long as two normal ones (fully compensatory, Task Force 1996).
_PREMATURE: Final = 0.65

# Boucsein 2012 (Electrodermal Activity, 2nd ed.): rise time .5 to 5 s, half recovery 2 to 10 s,
# spontaneous responses of .05 uS and more. Difference of two exponentials as in Benedek &
# Kaernbach 2010: these two give a rise of 1.4 s and a half recovery of 3 s.
_SCR_RISE_S: Final = 0.8
_SCR_DECAY_S: Final = 3.0
_SCR_MEDIAN_US: Final = 0.25
_SCR_SPREAD: Final = 0.5  # sd of the amplitude's logarithm
_SCR_SMALLEST_US: Final = 0.05
_SCR_PER_MIN_MAX: Final = 60.0  # candidates to thin; no script may ask for more
# Sweat comes in seconds and dries in a minute (Boucsein 2012: the level recovers slowly).
_SCL_RISE_S: Final = 8.0
_SCL_FALL_S: Final = 40.0
# The level's own drift (sd of its logarithm) is slow enough that within a response's rise it
# stays far under the smallest response.
_SCL_WANDER: Final = 0.006
_SCL_WANDER_TAU_S: Final = 120.0
_EDA_NOISE_US: Final = 0.002

_ACC_NOISE_MG: Final = 2.0  # of a MEMS accelerometer in a wearable, an axis
_TREMOR_MG: Final = 2.0  # a resting hand: breathing, pulse, posture
_FIDGET_MG: Final = 120.0
_FIDGET_S: Final = (0.6, 3.0)
_FIDGETS_PER_MIN_MAX: Final = 30.0
_STEP_MG: Final = 250.0
_STEP_HZ: Final = 1.9  # usual cadence, about 115 steps a minute


class Scr(NamedTuple):
    """A skin conductance response: when it starts to rise and how high it would get alone."""

    onset_s: float
    amplitude_us: float


class Body:
    """A :class:`~vagalwatch.sensors.simulated.signals.Source` that follows a script.

    A beat at 0 s, which ends no interval, is assumed. ``scrs`` grows with time: the truth about
    the skin up to the last ``advance``.
    """

    def __init__(self, seed: int, script: Script, *, eda_hz: int = 4, acc_hz: int = 14) -> None:
        """Stand at 0 s."""
        breath, mayer, heart, scr, skin, fidget, hand = (
            np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(7)
        )
        self.script = script
        self.scrs: list[Scr] = []
        self._beats = _heart(script, heart, _Wave(breath), _Wave(mayer))
        self._eda = _skin(script, skin, scr, self.scrs, eda_hz)
        self._acc = _hand(script, hand, fidget, acc_hz)
        self._next_beat = next(self._beats)
        self._next_eda = next(self._eda)
        self._next_acc = next(self._acc)

    def advance(self, to_s: float) -> Signals:
        """Live on to ``to_s`` seconds and give what was not yet given."""
        out = Signals()
        while self._next_beat.t_s <= to_s:
            out.beats.append(self._next_beat)
            self._next_beat = next(self._beats)
        while self._next_eda.t_s <= to_s:
            out.eda.append(self._next_eda)
            self._next_eda = next(self._eda)
        while self._next_acc.t_s <= to_s:
            out.acc.append(self._next_acc)
            self._next_acc = next(self._acc)
        return out


class _Wave:
    """A sine whose every cycle has a length of its own, so that it has a width in the spectrum."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._start_s = -float(rng.uniform(0, 4))  # two bodies do not breathe in step
        self._end_s = self._start_s

    def at(self, t_s: float, hz: float, spread: float) -> float:
        """Between -1 and 1. ``t_s`` must not go back; rate and spread are taken up each cycle."""
        while self._end_s <= t_s:
            self._start_s = self._end_s
            factor = math.exp(spread * float(self._rng.standard_normal()))
            self._end_s = self._start_s + min(max(factor, 0.5), 2.0) / hz
        return math.sin(2 * math.pi * (t_s - self._start_s) / (self._end_s - self._start_s))


def _heart(script: Script, rng: np.random.Generator, breath: _Wave, mayer: _Wave) -> Iterator[Beat]:
    t_s, wander, pause_ms = 0.0, 0.0, 0.0
    while True:
        drive = script.drive(t_s)
        mean_ms = 60_000 / drive.hr_bpm
        lucky = float(rng.random())
        step, jitter = rng.standard_normal(2).tolist()
        kind: BeatKind = "sinus"
        rr_ms = (
            mean_ms
            + drive.rsa_ms * breath.at(t_s, drive.breath_hz, drive.breath_spread)
            + drive.rsa_ms * _LF_PER_RSA * mayer.at(t_s, _LF_HZ, _LF_SPREAD)
            + drive.rsa_ms * _WANDER_PER_RSA * wander
            + _JITTER_MS * jitter
        )
        if pause_ms:
            kind, rr_ms, pause_ms = "pause", pause_ms, 0.0
        elif lucky < drive.ectopics_per_min * mean_ms / 60_000:
            kind, pause_ms, rr_ms = "premature", (2 - _PREMATURE) * rr_ms, _PREMATURE * rr_ms
        rr_ms = max(rr_ms, _RR_FLOOR_MS)
        wander = _drift(wander, rr_ms / 1000, _WANDER_TAU_S, step)
        t_s += rr_ms / 1000
        yield Beat(t_s, rr_ms, kind)


def _skin(
    script: Script,
    rng: np.random.Generator,
    scr_rng: np.random.Generator,
    scrs: list[Scr],
    hz: int,
) -> Iterator[Conductance]:
    peak_s = math.log(_SCR_DECAY_S / _SCR_RISE_S) / (1 / _SCR_RISE_S - 1 / _SCR_DECAY_S)
    scale = 1 / (math.exp(-peak_s / _SCR_DECAY_S) - math.exp(-peak_s / _SCR_RISE_S))
    dt_s = 1 / hz
    level_us = script.drive(0).scl_us
    wander = slow_us = fast_us = 0.0
    responses = _responses(script, scr_rng)
    response = next(responses)
    chance = _normals(rng, 2)
    index = 0
    while True:
        t_s = index / hz
        drive = script.drive(t_s)
        tau_s = _SCL_RISE_S if drive.scl_us > level_us else _SCL_FALL_S
        level_us += (drive.scl_us - level_us) * (1 - math.exp(-dt_s / tau_s))
        step, noise = next(chance)
        wander = _drift(wander, dt_s, _SCL_WANDER_TAU_S, step)
        slow_us *= math.exp(-dt_s / _SCR_DECAY_S)
        fast_us *= math.exp(-dt_s / _SCR_RISE_S)
        while response.onset_s <= t_s:
            age_s = t_s - response.onset_s
            slow_us += response.amplitude_us * scale * math.exp(-age_s / _SCR_DECAY_S)
            fast_us += response.amplitude_us * scale * math.exp(-age_s / _SCR_RISE_S)
            if response.amplitude_us > 0:
                scrs.append(response)
            response = next(responses)
        eda_us = level_us * math.exp(_SCL_WANDER * wander) + slow_us - fast_us
        yield Conductance(t_s, max(eda_us + _EDA_NOISE_US * noise, 0.0))
        index += 1


def _responses(script: Script, rng: np.random.Generator) -> Iterator[Scr]:
    """A Poisson process by thinning, so that the rate may change at any time.

    A candidate that is not taken has no amplitude: a script may ask for none at all, and then
    one would look for the next for ever.
    """
    onset_s = 0.0
    while True:
        onset_s += float(rng.exponential(60 / _SCR_PER_MIN_MAX))
        chance, height = float(rng.random()), float(rng.standard_normal())
        amplitude_us = max(_SCR_MEDIAN_US * math.exp(_SCR_SPREAD * height), _SCR_SMALLEST_US)
        taken = chance < script.drive(onset_s).nsr_per_min / _SCR_PER_MIN_MAX
        yield Scr(onset_s, amplitude_us if taken else 0.0)


def _hand(
    script: Script, rng: np.random.Generator, fidget_rng: np.random.Generator, hz: int
) -> Iterator[Acceleration]:
    fidgets = _fidgets(script, fidget_rng)
    from_s, to_s = next(fidgets)
    chance = _normals(rng, 3)
    still_mg = math.hypot(_ACC_NOISE_MG, _TREMOR_MG)
    fidgety_mg = math.hypot(still_mg, _FIDGET_MG)
    drive, length = None, 1.0
    index = 0
    while True:
        t_s = index / hz
        while to_s <= t_s:
            from_s, to_s = next(fidgets)
        now = script.drive(t_s)
        if now is not drive:  # between two phases it is the same one, thousands of times
            drive = now
            length = math.hypot(drive.gravity_x, drive.gravity_y, drive.gravity_z) or 1.0
        sd_mg, pull_mg = fidgety_mg if from_s <= t_s else still_mg, 1000.0
        if drive.walking:
            sd_mg = math.hypot(sd_mg, drive.walking * _STEP_MG / 3)
            pull_mg += drive.walking * _STEP_MG * math.sin(2 * math.pi * _STEP_HZ * t_s)
        x, y, z = next(chance)
        reach = pull_mg / length
        yield Acceleration(
            t_s,
            drive.gravity_x * reach + sd_mg * x,
            drive.gravity_y * reach + sd_mg * y,
            drive.gravity_z * reach + sd_mg * z,
        )
        index += 1


def _fidgets(script: Script, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """From when to when the hand moves; like the skin's responses, some are empty."""
    start_s = 0.0
    while True:
        start_s += float(rng.exponential(60 / _FIDGETS_PER_MIN_MAX))
        chance, length_s = float(rng.random()), float(rng.uniform(*_FIDGET_S))
        taken = chance < script.drive(start_s).fidgets_per_min / _FIDGETS_PER_MIN_MAX
        yield start_s, start_s + (length_s if taken else 0.0)


def _normals(rng: np.random.Generator, count: int) -> Iterator[list[float]]:
    """``count`` normal draws at a time, taken from ``rng`` in blocks, which is much faster.

    They are those that as many single calls would give.
    """
    while True:
        yield from rng.standard_normal((256, count)).tolist()


def _drift(value: float, dt_s: float, tau_s: float, step: float) -> float:
    """One step of an Ornstein-Uhlenbeck process of unit variance."""
    keep = math.exp(-dt_s / tau_s)
    return value * keep + math.sqrt(1 - keep * keep) * step
