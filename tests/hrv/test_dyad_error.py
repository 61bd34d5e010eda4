"""The error with which an order is told, held against simulated people whose truth is known."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from helpers_dyad import two_sensors
from vagalwatch.engine import Engine
from vagalwatch.evaluate.simulated import Simulated, record
from vagalwatch.hrv.dyad import BACK_LATE_S, ONSET_LATE_S, Track, dyad, track
from vagalwatch.records import EpisodeKind
from vagalwatch.sensors.recording import sequence
from vagalwatch.sensors.recording.model import UNDATED_NS
from vagalwatch.sensors.simulated.stories import story
from vagalwatch.sensors.simulated.traps import trap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.sensors.recording import Recording
    from vagalwatch.sensors.simulated.script import Script

    Values = NDArray[np.float64]

    from vagalwatch.records import Episode

NS = 1_000_000_000
FAST = ("flooding-mild", "flooding-strong", "flooding-immobile")
SLOW = ("shutdown-mild", "shutdown-deep")
SEEDS = range(2)
EVENINGS = range(36, 39)


pytestmark = pytest.mark.slow


class Person(NamedTuple):
    """What was said, and when (s of the run) the truth crossed the level and came back."""

    track: Track
    crossed_s: float
    back_s: float


@pytest.fixture(scope="module")
def people() -> list[Person]:
    """Of the suites, and of the demo's evening: the suites end before a slow one is back."""
    suites = [of_suite(name, seed) for name in (*FAST, *SLOW) for seed in SEEDS]
    return [*suites, *map(slow, EVENINGS)]


def of_suite(name: str, seed: int) -> Person:
    told, (event,) = trap(name, seed), Simulated(name, seed).load().truth.events
    t_s, hr_bpm = rates(told.script, told.duration_s)
    low = (t_s > t_s[np.argmax(hr_bpm)]) & (hr_bpm <= 1.1 * told.resting_bpm)
    back_s = float(t_s[low][0]) if name in FAST else math.nan
    return person(record(told), event.crossed_s, back_s)


def slow(seed: int) -> Person:
    told = story("hard", seed)
    script = told.scripts["sam"]
    t_s, hr_bpm = rates(script, told.duration_s)
    rest_bpm, lowest = script.drive(400).hr_bpm, int(np.argmin(hr_bpm))
    half = (t_s > 600) & (hr_bpm <= (rest_bpm + hr_bpm[lowest]) / 2)
    up = (t_s > t_s[lowest]) & (hr_bpm > rest_bpm - 3)
    recording = two_sensors("sam", told.body("sam"), told.duration_s, UNDATED_NS)
    return person(recording, float(t_s[half][0]), float(t_s[up][0]))


def rates(script: Script, duration_s: float) -> tuple[Values, Values]:
    t_s = np.arange(0.0, duration_s)
    return t_s, np.array([script.drive(t).hr_bpm for t in t_s])


def person(recording: Recording, crossed_s: float, back_s: float) -> Person:
    engine = Engine(recording.wearer)
    said = [out for told in sequence(recording) for out in engine.push(told)]
    start_s = recording.start_ns / NS
    return Person(
        track(recording.wearer, said, sensor_error_s=0.0), start_s + crossed_s, start_s + back_s
    )


def later(person: Person, by_s: int) -> Track:
    """The same evening, begun later."""
    by_ns = by_s * NS

    def moved(episode: Episode) -> Episode:
        end_ns = None if episode.end_ns is None else episode.end_ns + by_ns
        return replace(
            episode, t_ns=episode.t_ns + by_ns, onset_ns=episode.onset_ns + by_ns, end_ns=end_ns
        )

    return replace(
        person.track,
        rows=tuple(replace(row, t_ns=row.t_ns + by_ns) for row in person.track.rows),
        episodes=tuple(map(moved, person.track.episodes)),
    )


def test_what_is_told_of_an_order_is_true(people: list[Person]) -> None:
    """Each pair at several distances: who is said to be first is, and the interval holds."""
    onsets: list[bool] = []
    backs: list[bool] = []
    right: list[bool] = []
    for (one, other), by_s in itertools.product(
        itertools.combinations(people, 2), (-180, -40, 0, 40, 180)
    ):
        for round_ in dyad(one.track, later(other, by_s)).rounds:
            for order, truth_s, held in (
                (round_.onset, other.crossed_s + by_s - one.crossed_s, onsets),
                (round_.recovery, other.back_s + by_s - one.back_s, backs),
            ):
                if order is None or order.low_s is None or order.high_s is None:
                    continue
                if math.isnan(truth_s):
                    continue
                held.append(order.low_s <= truth_s <= order.high_s)
                if order.first is not None:
                    right.append((truth_s > 0) == (order.first == "one"))
    assert np.mean(onsets) >= 0.97
    assert np.mean(backs) >= 0.97
    assert np.mean(right) >= 0.99
    assert len(right) > len(onsets) / 3  # and something is said


@pytest.mark.parametrize("kind", ["flooding", "shutdown"])
def test_each_is_as_late_as_was_measured(people: list[Person], kind: str) -> None:
    """On fewer people than the figures come from; neither range may be far too wide."""
    onset_s, back_s = [], []
    for person in people:
        (first, *_) = person.track.episodes
        if first.episode != kind:
            continue
        onset_s.append(first.onset_ns / NS - person.crossed_s)
        (round_,) = dyad(person.track, track("nobody", [])).rounds
        if round_.end_ns is not None and not math.isnan(person.back_s):
            back_s.append(round_.end_ns / NS - person.back_s)
    for late_s, (low_s, high_s) in (
        (onset_s, ONSET_LATE_S[EpisodeKind(kind)]),
        (back_s, BACK_LATE_S[EpisodeKind(kind)]),
    ):
        within = [low_s <= late <= high_s for late in late_s]
        assert np.mean(within) >= 0.8
        if len(late_s) > 5:
            assert max(late_s) - min(late_s) >= (high_s - low_s) / 4
