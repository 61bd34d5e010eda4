"""Series with known bad beats: simulated ones, and recordings that experts have read."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers_hrv import T0_NS
from helpers_real import shared_data
from vagalwatch.hrv.beats import Classified, classify
from vagalwatch.hrv.windows import Beats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TICK_MS = 1000 / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A heart at rest: rate, and amplitudes as shares of the interval."""

    rate_bpm: float
    breathing: float
    noise: float


BODIES = (
    Body(rate_bpm=65, breathing=0.03, noise=0.015),
    Body(rate_bpm=75, breathing=0.015, noise=0.01),
    Body(rate_bpm=60, breathing=0.06, noise=0.015),
    Body(rate_bpm=90, breathing=0.01, noise=0.006),
)


def clean_rr_ms(body: Body, count: int, rng: np.random.Generator) -> Floats:
    """Breathing, Mayer waves, a slow drift and correlated noise, on a strap's ticks."""
    breaths_hz, t_s = rng.uniform(0.2, 0.3), 0.0
    phases = rng.uniform(0, 2 * np.pi, 2)
    drift = noise = 0.0
    rr_ms = np.empty(count)
    for i in range(count):
        drift += rng.normal(0, 0.0015) - 0.005 * drift
        noise = 0.6 * noise + rng.normal(0, body.noise)
        waves = body.breathing * np.sin(2 * np.pi * breaths_hz * t_s + phases[0])
        waves += 0.02 * np.sin(2 * np.pi * 0.1 * t_s + phases[1])
        rr_ms[i] = _on_ticks(60_000 / body.rate_bpm * (1 + waves + drift + 0.6 * noise))
        t_s += rr_ms[i] / 1000
    return rr_ms


def spoiled_times_ms(rr_ms: Floats, share: float, rng: np.random.Generator) -> Floats:
    """The beats' times with ``share`` of them bad, no two neighbours, first and last good.

    A quarter each: missed; seen twice; ectopic, early by 20 to 40 % with its pause; misplaced by
    8 to 20 % of the interval.
    """
    t_ms = np.concatenate(([0.0], np.cumsum(rr_ms)))
    want, bad = round(share * rr_ms.size), np.zeros(t_ms.size + 1, dtype=bool)
    moved_ms, missed, extra_ms = t_ms.copy(), np.zeros(t_ms.size, dtype=bool), []
    for place in rng.permutation(np.arange(3, rr_ms.size - 3)):
        if np.count_nonzero(bad) == want:
            break
        if bad[place - 1 : place + 2].any():
            continue
        bad[place] = True
        match rng.integers(4):
            case 0:
                missed[place] = True
            case 1:
                extra_ms.append(t_ms[place] + rng.uniform(0.25, 0.75) * rr_ms[place])
            case 2:
                moved_ms[place] -= rng.uniform(0.2, 0.4) * rr_ms[place - 1]
            case _:
                moved_ms[place] += rng.choice([-1, 1]) * rng.uniform(0.08, 0.2) * rr_ms[place - 1]
    spoiled: Floats = _on_ticks(np.sort(np.concatenate((moved_ms[~missed], extra_ms))))
    return spoiled


def _on_ticks(ms: Floats | float) -> Floats:
    ticks: Floats = np.round(np.asarray(ms) / TICK_MS) * TICK_MS
    return ticks


def beats_at(t_ms: Floats, *, believe_all: bool = False) -> Beats:
    """Beats of one chain that begins at ``t_ms[0]`` after the tests' zero."""
    t_ns = T0_NS + np.round(t_ms[1:] * 1e6).astype(np.int64)
    rr_ms = np.diff(t_ms)
    linked = np.arange(rr_ms.size) > 0
    every = np.ones(rr_ms.size, dtype=bool)
    return Beats(
        t_ns=t_ns,
        rr_ms=rr_ms,
        linked=linked,
        believed=Classified(valid=every, valid_last=every)
        if believe_all
        else classify(t_ns, rr_ms, linked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """A recording's intervals, and what the experts call the beats that end and begin them."""

    beats: Beats
    label: NDArray[np.str_]
    label_before: NDArray[np.str_]

    @property
    def normal(self) -> NDArray[np.bool_]:
        """Intervals from one normal beat to the next (NN), as far as a heart's can be."""
        rr_ms = self.beats.rr_ms
        plausible = (rr_ms >= 300) & (rr_ms <= 2000)  # longer ones are unannotated stretches
        both: NDArray[np.bool_] = (self.label == "N") & (self.label_before == "N")
        return both & plausible


def mitbih(name: str) -> Annotated:
    """Ten hours of a patient of the MIT-BIH Long-Term ECG Database."""
    with gzip.open(shared_data("mitbih_ltdb_rr", f"{name}_rr.csv.gz"), "rt") as lines:
        rows = list(csv.DictReader(lines))
    label = np.array([row["beat"] for row in rows])
    t_ms = np.array([1000 * float(row["t_s"]) for row in rows])
    return Annotated(beats=beats_at(t_ms), label=label[1:], label_before=label[:-1])
