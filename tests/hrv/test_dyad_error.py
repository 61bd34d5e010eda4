"""The error with which an order is told, held against simulated people whose truth is known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from vagalwatch.engine import Engine
from vagalwatch.evaluate.simulated import Simulated, record
from vagalwatch.hrv.dyad import ONSET_ERROR_S, RECOVERY_ERROR_S, Track, dyad, track
from vagalwatch.sensors.recording import sequence
from vagalwatch.sensors.simulated.traps import trap

if TYPE_CHECKING:
    from vagalwatch.records import Episode

NS = 1_000_000_000
STORIES = ("flooding-mild", "flooding-moderate", "flooding-strong", "flooding-immobile")
SEEDS = range(4)
BACK_SHARE, BACK_S = 1.1, 120  # what "settled" means (PARAMETERS.recovered)


class Person(NamedTuple):
    """What was said, and when (s of the run) the truth crossed the level and came back."""

    track: Track
    crossed_s: float
    back_s: float


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [simulated(name, seed) for name in STORIES for seed in SEEDS]


def simulated(name: str, seed: int) -> Person:
    story, (event,) = trap(name, seed), Simulated(name, seed).load().truth.events
    recording = record(story)
    engine = Engine("simulated")
    said = [out for told in sequence(recording) for out in engine.push(told)]
    t_s = np.arange(0.0, story.duration_s)
    hr_bpm = np.array([story.script.drive(t).hr_bpm for t in t_s])
    low = (t_s > t_s[np.argmax(hr_bpm)]) & (hr_bpm <= BACK_SHARE * story.resting_bpm)
    start_s = recording.start_ns / NS
    back_s = float(t_s[low][0]) + BACK_S
    return Person(track("simulated", said), start_s + event.crossed_s, start_s + back_s)


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
        itertools.combinations(people, 2), (-120, -60, -30, 0, 30, 60, 120)
    ):
        for round_ in dyad(one.track, later(other, by_s)).rounds:
            for order, truth_s, held in (
                (round_.onset, other.crossed_s + by_s - one.crossed_s, onsets),
                (round_.recovery, other.back_s + by_s - one.back_s, backs),
            ):
                if order is None or order.low_s is None or order.high_s is None:
                    continue
                held.append(order.low_s <= truth_s <= order.high_s)
                if order.first is not None:
                    right.append((truth_s > 0) == (order.first == "one"))
    assert np.mean(onsets) >= 0.97
    assert np.mean(backs) >= 0.97
    assert np.mean(right) >= 0.99
    assert len(right) > len(onsets) / 2  # and something is said


def test_the_errors_are_those_that_were_measured(people: list[Person]) -> None:
    """On fewer people than the figures beside them come from; neither may be far too wide."""
    onset_s, back_s = [], []
    for person in people:
        (first, *_) = person.track.episodes
        onset_s.append(first.onset_ns / NS - person.crossed_s)
        (round_,) = dyad(person.track, track("nobody", [])).rounds
        if round_.end_ns is not None:
            back_s.append(round_.end_ns / NS - person.back_s)
    for late_s, error_s in ((onset_s, ONSET_ERROR_S), (back_s, RECOVERY_ERROR_S)):
        apart_s = [abs(a - b) for a, b in itertools.combinations(late_s, 2)]
        assert np.percentile(apart_s, 95) <= error_s
        assert np.percentile(apart_s, 99) >= error_s / 3
