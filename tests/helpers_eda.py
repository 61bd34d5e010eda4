"""Skin conductance whose responses are known, and how well a detector finds them.

Run as a program it prints the table of docs/skin.md: this project beside neurokit2 on one truth.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from unittest import mock

import neurokit2 as nk
import numpy as np

from helpers_hrv import NS, T0_NS, edas
from vagalwatch.hrv import eda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Detector = Callable[[NDArray[np.float64], float], list[float]]

LEAST_US: Final = 0.04
"""A response of less is no true event: the threshold of ``parameters.py``."""
TOLERANCE_S: Final = 1.0
APART_S: Final = 1.0
"""Onsets are at least so far apart: closer ones are one response to any scorer."""
SETTLE_S: Final = 10.0
E4_STEP_US: Final = 0.00128
"""What an Empatica E4 resolves."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Samples (uS) at ``hz``, the first one interval after 0 s, and the responses in them."""

    values_us: NDArray[np.float64]
    hz: float
    peaks_s: NDArray[np.float64]


@dataclass(slots=True)
class Score:
    """Hits, what was found, what was there; summed over records."""

    hits: int = 0
    found: int = 0
    true: int = 0

    def add(self, truth: Truth, found_s: Iterable[float]) -> None:
        """Match one to one in order of time, as long as the times differ by the tolerance."""
        end_s = truth.values_us.size / truth.hz - 2.0
        there = sorted(t for t in truth.peaks_s.tolist() if SETTLE_S < t < end_s)
        found = sorted(t for t in found_s if SETTLE_S < t < end_s)
        self.true += len(there)
        self.found += len(found)
        while there and found:
            if abs(found[0] - there[0]) <= TOLERANCE_S:
                self.hits += 1
                del there[0], found[0]
            else:
                del (there if there[0] < found[0] else found)[0]

    @property
    def recall(self) -> float:
        """Found of those there."""
        return self.hits / self.true

    @property
    def precision(self) -> float:
        """There of those found."""
        return self.hits / max(self.found, 1)

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.hits / (self.found + self.true)


def bateman(age_s: NDArray[np.float64], rise_s: float, fall_s: float) -> NDArray[np.float64]:
    """A response of height 1 (Benedek & Kaernbach 2010)."""
    peak_s = bateman_peak_s(rise_s, fall_s)
    height = math.exp(-peak_s / fall_s) - math.exp(-peak_s / rise_s)
    age_s = np.maximum(age_s, 0.0)
    curve: NDArray[np.float64] = (np.exp(-age_s / fall_s) - np.exp(-age_s / rise_s)) / height
    return curve


def bateman_peak_s(rise_s: float, fall_s: float) -> float:
    """From onset to peak."""
    return math.log(fall_s / rise_s) / (1 / rise_s - 1 / fall_s)


def overlapping(seed: int, hz: float, *, apart_s: float = APART_S, seconds: int = 180) -> Truth:
    """Spontaneous responses of 1 to 25 a minute (Boucsein 2012: from rest to high arousal).

    Amplitudes are log-normal (median .15 uS, some under the threshold), the level drifts either
    way, noise is that of worn E4 sensors (sd .0005 to .004 uS, as measured on 13 people), and every
    second record has the E4's resolution, the others the ring's (whole Ohms).
    """
    rng = np.random.default_rng(seed)
    t_s = np.arange(1, round(seconds * hz) + 1) / hz
    mean_s = 60.0 / rng.uniform(1, 25)
    gaps_s = apart_s + rng.exponential(max(mean_s - apart_s, 0.05), size=seconds)
    onsets_s = np.cumsum(gaps_s)
    onsets_s = onsets_s[onsets_s < seconds]
    sizes_us = np.minimum(0.15 * np.exp(0.8 * rng.standard_normal(onsets_s.size)), 3.0)
    rise_s, fall_s = rng.uniform(0.6, 1.0), rng.uniform(2.0, 4.0)
    values = math.exp(rng.uniform(math.log(0.5), math.log(15.0))) + rng.uniform(-0.01, 0.01) * t_s
    values += max(0.2 - float(values.min()), 0.0)
    for onset_s, size_us in zip(onsets_s, sizes_us, strict=True):
        values += size_us * bateman(t_s - onset_s, rise_s, fall_s)
    noise_us = math.exp(rng.uniform(math.log(0.0005), math.log(0.004)))
    values += noise_us * rng.standard_normal(t_s.size)
    if seed % 2:
        values = np.round(values / E4_STEP_US) * E4_STEP_US
    else:
        values = 1e6 / np.round(1e6 / values)
    peaks_s = onsets_s + bateman_peak_s(rise_s, fall_s)
    return Truth(values, hz, peaks_s[sizes_us >= LEAST_US])


def neurokits(seed: int, hz: float) -> Truth:
    """neurokit2's own ``eda_simulate``; the times of its responses are caught as it draws them."""
    module = sys.modules["neurokit2.eda.eda_simulate"]
    draw, peaks_s = module._eda_simulate_scr, []

    def caught(**arguments: float) -> NDArray[np.float64]:
        response: NDArray[np.float64] = draw(**arguments)
        peaks_s.append(float(np.argmax(response)) / arguments["sampling_rate"])
        return response

    count = 1 + seed % 12
    with (
        mock.patch.object(module, "_eda_simulate_scr", caught),
        warnings.catch_warnings(action="ignore"),  # neurokit2 uses what numpy deprecates
    ):
        signal = nk.eda_simulate(
            duration=56, sampling_rate=int(hz), scr_number=count, noise=0.002, random_state=seed
        )
    # Its first response starts with the signal; it needs something to rise from.
    before, after = (
        end + 0.002 * np.random.default_rng(seed).standard_normal(round(12 * hz))
        for end in (signal[0], signal[-1])
    )
    starts_s = 12 + np.linspace(0, 56, count, endpoint=False)
    return Truth(np.concatenate((before, signal, after)) + 2.0, hz, starts_s + np.array(peaks_s))


def ours(values_us: NDArray[np.float64], hz: float) -> list[float]:
    """Peaks (s) as rows find them: a chunk a second, a row each 5 s, nothing from later."""
    state = eda.EdaState()
    found: list[float] = []
    for chunk in edas(values_us.tolist(), hz):
        eda.take(state, chunk)
        second = -(-(chunk.t_ns - T0_NS) // NS)
        if second % 5 == 0:
            eda.judge(state, T0_NS + second * NS)
            found += [second - 5 + peak_s for peak_s in state.done[-1].peaks_s]
            eda.trim(state, T0_NS + second * NS)
    return found


def neurokit2(method: str) -> Detector:
    """neurokit2's phasic part and its peaks, with all its defaults."""

    def find(values_us: NDArray[np.float64], hz: float) -> list[float]:
        with warnings.catch_warnings(action="ignore"):
            phasic = nk.eda_phasic(values_us, sampling_rate=int(hz), method=method)
            _, info = nk.eda_peaks(phasic["EDA_Phasic"].to_numpy(), sampling_rate=int(hz))
        return [float(peak) / hz for peak in info["SCR_Peaks"]]

    return find


def score(detector: Detector, truths: Iterable[Truth]) -> Score:
    """The detector's sum over the records."""
    total = Score()
    for truth in truths:
        total.add(truth, detector(truth.values_us, truth.hz))
    return total


def main() -> None:
    """Print F1 (recall, precision): onsets apart, onsets anywhere, neurokit2's own simulation."""
    detectors: dict[str, Detector] = {
        "vagalwatch": ours,
        "neurokit2 highpass": neurokit2("highpass"),
        "neurokit2 smoothmedian": neurokit2("smoothmedian"),
    }
    for name, detector in detectors.items():
        for hz in (3.0, 4.0, 16.0, 32.0):
            apart, any_, other = (
                score(detector, truths)
                for truths in (
                    [overlapping(seed, hz) for seed in range(20_000, 20_040)],
                    [overlapping(seed, hz, apart_s=0.0) for seed in range(20_000, 20_040)],
                    [neurokits(seed, hz) for seed in range(1000, 1024)],
                )
            )
            figures = " | ".join(
                f"{s.f1:.2f} ({s.recall:.2f}, {s.precision:.2f})" for s in (apart, any_, other)
            )
            sys.stdout.write(f"| {name}, {hz:.0f} Hz | {figures} |\n")


if __name__ == "__main__":
    main()
