"""Stories as recordings with their truth."""

from __future__ import annotations

import numpy as np
import pytest

from vagalwatch.evaluate.benchmark import classes
from vagalwatch.evaluate.case import OFF, Case
from vagalwatch.evaluate.simulated import Simulated
from vagalwatch.evaluate.suites import simulated_suite
from vagalwatch.sensors.simulated.traps import trap


def case(name: str, seed: int = 0) -> Case:
    return Simulated(name, seed).load()


def test_the_strap_gives_the_bodys_beats_in_ticks() -> None:
    person, _ = case("speech")
    t_s, rr_ms = person.beats
    beats = trap("speech", 0).body().advance(person.duration_s).beats
    assert t_s.tolist() == pytest.approx([beat.t_s for beat in beats])
    assert np.abs(rr_ms - [beat.rr_ms for beat in beats]).max() <= 500 / 1024 + 1e-9
    assert np.allclose(rr_ms * 1.024, np.round(rr_ms * 1.024))
    (rr,) = [series for series in person.recording.series if series.signal == "rr_ms"]
    assert person.recording.chain(rr)[1:].all()
    assert person.row_t_s[[0, -1]].tolist() == [5.0, person.duration_s // 5 * 5]


@pytest.mark.parametrize("seed", range(5))
def test_flooding_is_to_be_found_from_100_or_a_fifth_over_ones_own(seed: int) -> None:
    story = trap("flooding-strong", seed)
    (event,) = case("flooding-strong", seed).truth.events
    level_bpm = min(100.0, 1.2 * story.resting_bpm)
    assert event.from_s < event.crossed_s < event.to_s
    before, at = (story.script.drive(event.crossed_s + step).hr_bpm for step in (-1, 0.5))
    assert before < level_bpm <= at


def test_a_faint_counts_from_the_turn_of_the_heart_and_the_minutes_before_are_nobodys() -> None:
    truth = case("faint").truth
    (event,) = truth.events
    assert event.kind == "safety"
    assert event.crossed_s == event.from_s
    assert [p.name for p in truth.watch] == ["before", "after"]
    assert truth.watch[1].from_s == pytest.approx(event.from_s + 60)
    assert case("faint").person.eda_us[0].size == 0


@pytest.mark.parametrize(("seed", "beats"), [(0, "none"), (1, "some"), (2, "noise")])
def test_a_sensor_that_is_off_is_silent_or_says_so_or_reads_noise(seed: int, beats: str) -> None:
    person, truth = case("sensor-off", seed)
    (off,) = truth.off
    assert off.name == OFF
    t_s, rr_ms = person.beats
    inside = (t_s > off.from_s + 3) & (t_s <= off.to_s)
    assert inside.any() == (beats == "noise")
    if beats == "noise":
        assert np.abs(np.diff(rr_ms[inside])).mean() > 150  # no heart does that for minutes
    contact = [s for s in person.recording.series if s.signal == "contact"]
    assert bool(contact) == (beats == "some")
    eda_t_s, eda_us = person.eda_us
    assert eda_us[(eda_t_s > off.from_s) & (eda_t_s <= off.to_s)].max() < 0.05


def test_a_learner_is_taught_what_is_sure() -> None:
    person, truth = case("flooding-moderate")
    told = classes(truth, person.row_t_s)
    (event,) = truth.events
    at = dict(zip(person.row_t_s.tolist(), told.tolist(), strict=True))
    assert set(told.tolist()) == {"", "rest", "flooding"}
    assert at[event.crossed_s // 5 * 5 + 5] == "flooding"
    assert at[event.from_s // 5 * 5 + 5] == ""  # on the way there
    assert at[300.0] == "rest"


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (range(1000, 1020), "frozen thresholds, unseen seeds"),
        (range(20), "development seeds"),
        (range(90, 110), "seeds of no set"),
        (range(990, 1001), "seeds of no set"),
    ],
)
def test_a_report_says_whether_its_people_were_looked_at_before(seeds: range, words: str) -> None:
    suite = simulated_suite(seeds, ["posture", "faint"])
    assert words in suite.about
    assert len(suite.sources) == 2 * len(seeds)
