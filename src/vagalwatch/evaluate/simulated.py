"""Simulated stories as cases: a strap and a ring on a body with a known truth, without the radio.

The strap gives RR intervals in ticks of 1/1024 s, the ring skin conductance at 4 Hz and
acceleration at 14 Hz, as over the simulated air, only faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.evaluate.case import OFF, Case, Truth, whole
from vagalwatch.evaluate.detector import Person
from vagalwatch.evaluate.score import MATCH_S, Event, Phase
from vagalwatch.sensors.recording import Recording, Series
from vagalwatch.sensors.recording.model import UNDATED_NS
from vagalwatch.sensors.simulated.traps import BASELINE_S, SIT_S, trap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vagalwatch.evaluate.score import Load
    from vagalwatch.sensors.recording import Signal
    from vagalwatch.sensors.simulated.script import Label
    from vagalwatch.sensors.simulated.traps import Off, Trap

    Values = NDArray[np.float64]

_TICK_MS: Final = 1000 / 1024
_KINDS: Final[dict[Label, str]] = {
    "flooding": "flooding",
    "shutdown": "shutdown",
    "fainting": "safety",
}
_LOADS: Final[dict[Label, Load]] = {"none": "rest", "flooding": "task"}
# The level from which flooding is to be found: 100, or a fifth over one's own rest where that is
# lower (Gottman 1994); over 10 % in any case, which people do not feel (the same).
_ABSOLUTE_BPM: Final = 100.0
_OWN: Final = 1.2
_UNFELT: Final = 1.1


@dataclass(frozen=True, slots=True)
class Simulated:
    """The story ``name`` with the person of ``seed``."""

    name: str
    seed: int

    def load(self) -> Case:
        """Simulate it."""
        story = trap(self.name, self.seed)
        return Case(
            Person(recording=record(story), baseline_s=BASELINE_S),
            Truth(
                who=f"seed {self.seed}",
                story=story.name,
                duration_s=story.duration_s,
                baseline_s=BASELINE_S,
                phases=tuple(_phases(story)),
                events=tuple(_events(story)),
                watch=_watched(story),
            ),
        )


def record(story: Trap) -> Recording:
    """What a strap and a ring would have given of ``story``."""
    signals = story.body().advance(story.duration_s)
    rng = np.random.default_rng([story.seed, 3])
    beats = np.array([(beat.t_s, beat.rr_ms) for beat in signals.beats])
    beat_t_s, rr_ms = beats[:, 0], np.round(beats[:, 1] / _TICK_MS) * _TICK_MS
    eda_t_s = np.array([sample.t_s for sample in signals.eda])
    eda_us = np.array([sample.eda_us for sample in signals.eda])
    acc_t_s = np.array([sample.t_s for sample in signals.acc])
    acc_mg = np.array([sample[1:] for sample in signals.acc])
    extra: list[Series] = []
    if story.off is not None:
        beat_t_s, rr_ms = _without_heart(beat_t_s, rr_ms, story.off, rng)
        table = (eda_t_s > story.off.from_s) & (eda_t_s <= story.off.to_s)
        eda_us = np.where(table, np.abs(rng.normal(0, 0.002, eda_us.size)), eda_us)
        table = (acc_t_s > story.off.from_s) & (acc_t_s <= story.off.to_s)
        acc_mg[table] = rng.normal((0.0, 0.0, 1000.0), 2.0, (int(table.sum()), 3))
        if story.off.mode == "says so":
            flags = np.array([1.0, 0.0, 1.0])
            extra = [_series("contact", "strap", np.array([0.0, *story.off[:2]]), flags)]
        elif story.off.mode == "strays":
            at_s = np.arange(beats[0, 0], story.duration_s)
            worn = (beats[:, 0] <= story.off.from_s) | (beats[:, 0] > story.off.to_s)
            last = np.searchsorted(beats[worn, 0], at_s, side="right") - 1
            extra = [_series("hr_bpm", "strap", at_s, np.round(60_000 / beats[worn, 1][last]))]
    series = [_series("rr_ms", "strap", beat_t_s, rr_ms), *extra]
    if story.has_eda:
        axes: tuple[Signal, ...] = ("acc_x_mg", "acc_y_mg", "acc_z_mg")
        series += [
            _series("eda_us", "ring", eda_t_s, eda_us),
            *(_series(axis, "ring", acc_t_s, acc_mg[:, i]) for i, axis in enumerate(axes)),
        ]
    return Recording(
        description=f"{story.name}, seed {story.seed}",
        wearer="simulated",
        start_ns=UNDATED_NS,
        series=tuple(series),
    )


def _without_heart(
    beat_t_s: Values, rr_ms: Values, off: Off, rng: np.random.Generator
) -> tuple[Values, Values]:
    """The beats outside of ``off``; inside nothing, or noise that an electrode takes for beats."""
    worn = (beat_t_s <= off.from_s) | (beat_t_s - rr_ms / 1000 > off.to_s)
    noise_t_s = np.empty(0)
    if off.mode == "noise":
        gaps_s = np.clip(rng.lognormal(np.log(0.8), 0.4, 2000), 0.3, 2.0)
        noise_t_s = off.from_s + np.cumsum(gaps_s)
        noise_t_s = noise_t_s[noise_t_s < off.to_s]
    noise_ms = np.diff(noise_t_s, prepend=off.from_s) * 1000
    if off.mode == "strays":
        noise_t_s = np.arange(off.from_s + 2, off.to_s - 2)
        noise_t_s = noise_t_s[rng.random(noise_t_s.size) < off.strays_per_s]
        noise_ms = rng.uniform(400, 1500, noise_t_s.size)
    t_s = np.concatenate([beat_t_s[worn], noise_t_s])
    order = np.argsort(t_s)
    return t_s[order], np.concatenate([rr_ms[worn], noise_ms])[order]


def _series(signal: Signal, source: str, t_s: Values, values: Values) -> Series:
    t_ns = np.rint(t_s * 1e9).astype(np.int64)
    return Series(signal=signal, source=source, t_ns=t_ns, values=values)


def _phases(story: Trap) -> list[Phase]:
    """Flooding is a task and what is nothing a rest; the sitting is left to the baseline."""
    found = [
        Phase(
            stretch.label,
            _LOADS.get(stretch.label, "ignore"),
            max(stretch.from_s, SIT_S),
            min(stretch.to_s, story.duration_s),
        )
        for stretch in story.script.truth()
        if stretch.to_s > SIT_S
    ]
    if story.off is not None:
        found.append(Phase(OFF, "ignore", story.off.from_s, story.off.to_s))
    return found


def _watched(story: Trap) -> tuple[Phase, ...]:
    if story.unsure_s is None:
        return whole(story.duration_s)
    from_s, to_s = story.unsure_s
    return (
        Phase("before", "ignore", 0.0, from_s),
        Phase("after", "ignore", to_s + MATCH_S, story.duration_s),
    )


def _events(story: Trap) -> list[Event]:
    """What is to be found: from the first change of the set points to the end of its label."""
    labelled = [phase for phase in story.script.phases if phase.label in _KINDS]
    ends_s = {before.at_s: after.at_s for before, after in pairwise(story.script.phases)}
    return [
        Event(
            _KINDS[phase.label],
            phase.at_s,
            ends_s.get(phase.at_s, story.duration_s),
            _crossed_s(story, phase.label, phase.at_s, phase.over_s),
        )
        for phase in labelled
    ]


def _crossed_s(story: Trap, label: Label, at_s: float, over_s: float) -> float:
    """When it is true: a faint from the turn of the heart on, a shutdown half-way down."""
    if label == "fainting":
        return at_s
    if label == "shutdown":
        return at_s + over_s / 2
    level_bpm = min(max(_ABSOLUTE_BPM, _UNFELT * story.resting_bpm), _OWN * story.resting_bpm)
    return next(
        (
            t_s
            for t_s in np.arange(at_s, at_s + over_s, 0.5).tolist()
            if story.script.drive(t_s).hr_bpm >= level_bpm
        ),
        at_s + over_s,
    )


def sources(seeds: Sequence[int], names: Sequence[str]) -> list[Simulated]:
    """Each story of ``names`` with each person of ``seeds``."""
    return [Simulated(name, seed) for seed in seeds for name in names]
