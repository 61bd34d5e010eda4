"""Each story holds to its source: what the cited papers measured is what the body does."""

from __future__ import annotations

import numpy as np
import pytest

from vagalwatch.sensors.simulated.traps import BASELINE_S, SIT_S, TRAPS, Trap, trap

SEEDS = range(6)


def rates(story: Trap, from_s: float, to_s: float) -> tuple[list[float], list[float]]:
    """Set points each half second."""
    times = np.arange(from_s, to_s, 0.5).tolist()
    return times, [story.script.drive(t_s).hr_bpm for t_s in times]


def labels(story: Trap) -> set[str]:
    return {stretch.label for stretch in story.script.truth()}


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_story_begins_with_a_quiet_baseline_and_stays_within_a_body(
    name: str, seed: int
) -> None:
    story = trap(name, seed)
    _, sitting = rates(story, 155, SIT_S)
    assert sitting == pytest.approx([story.resting_bpm] * len(sitting))
    assert BASELINE_S[1] <= SIT_S
    _, all_of_it = rates(story, 0, story.duration_s)
    assert 35 < min(all_of_it) <= max(all_of_it) < 165
    assert 600 < story.duration_s < 1800


@pytest.mark.parametrize("name", TRAPS)
def test_what_is_to_be_found_is_labelled_and_a_trap_is_not(name: str) -> None:
    found = {"flooding": "flooding", "shutdown": "shutdown", "faint": "fainting"}
    expected = found.get(name.split("-", maxsplit=1)[0])
    assert labels(trap(name, 0)) - {"none", "recovering"} == ({expected} if expected else set())


def test_one_seed_is_one_person_and_one_body_a_story() -> None:
    drift, posture = trap("slow-drift", 3), trap("posture", 3)
    assert drift.resting_bpm == posture.resting_bpm != trap("posture", 4).resting_bpm
    first, again = (trap("posture", 3).body().advance(60) for _ in range(2))
    assert first.beats == again.beats
    assert first.beats != drift.body().advance(60).beats


@pytest.mark.parametrize("seed", SEEDS)
def test_standing_up_peaks_after_8_s_and_sitting_down_dips_after_14(seed: int) -> None:
    """Heidelbach et al. 2026: 62.4 to 78.4 bpm at 8.1 s; 70.2 to 60.7 at 14 s."""
    story = trap("posture", seed)
    times, bpm = rates(story, SIT_S, SIT_S + 20)
    assert times[int(np.argmax(bpm))] - SIT_S == pytest.approx(8, abs=0.5)
    assert max(bpm) / story.resting_bpm == pytest.approx(78.4 / 62.4, abs=0.04)
    times, bpm = rates(story, SIT_S + 60, SIT_S + 180)
    dip = int(np.argmin(bpm))
    standing = max(bpm[: dip + 1])
    fell_from = max(i for i in range(dip) if bpm[i] > 0.999 * standing)
    assert times[dip] - times[fell_from] == pytest.approx(14, abs=1.0)
    assert min(bpm) / standing == pytest.approx(60.7 / 70.2, abs=0.04)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_valsalva_has_its_phases_and_a_normal_ratio(seed: int) -> None:
    """15 s of strain; longest over shortest interval over 1.5 in the young (Ewing 1985)."""
    story = trap("valsalva", seed)
    start_s = SIT_S + 15
    times, bpm = rates(story, start_s, start_s + 60)
    top, bottom = int(np.argmax(bpm)), int(np.argmin(bpm))
    assert times[top] - start_s == pytest.approx(17, abs=0.5)
    assert top < bottom
    assert times[bottom] - times[top] < 13
    assert 1.45 < max(bpm) / min(bpm) < 2.1
    assert bpm[-1] == pytest.approx(story.resting_bpm, rel=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_heart_recovers_from_effort_by_more_than_12_in_a_minute(seed: int) -> None:
    """Cole et al. 1999; before, the legs move and the heart follows."""
    for name in ("stairs", "recovery"):
        story = trap(name, seed)
        times, bpm = rates(story, SIT_S, story.duration_s)
        still = next(t for t in times if t > SIT_S + 60 and story.script.drive(t).walking < 0.5)
        start = times.index(still)
        assert bpm[start] - bpm[start + 120] > 12
        assert story.script.drive(SIT_S + 3).walking == 1
        assert story.script.drive(SIT_S + 3).hr_bpm < story.resting_bpm + 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_faint_falls_as_on_the_tilt_table(seed: int) -> None:
    """From 95-130 to 40-65 bpm in one to five minutes (Virag et al. 2018), told by a strap."""
    story = trap("faint", seed)
    (fall,) = [phase for phase in story.script.phases if phase.label == "fainting"]
    assert 95 <= story.script.drive(fall.at_s).hr_bpm <= 130
    assert 40 <= fall.drive.hr_bpm <= 65
    assert 60 <= fall.over_s <= 300
    assert not story.has_eda


@pytest.mark.parametrize("seed", SEEDS)
def test_strengths_are_graded(seed: int) -> None:
    def peak(name: str) -> float:
        story = trap(name, seed)
        return next(p.drive.hr_bpm for p in story.script.phases if p.label != "none")

    assert peak("flooding-mild") < peak("flooding-moderate") < peak("flooding-strong")
    assert peak("shutdown-mild") > peak("shutdown-moderate") > peak("shutdown-deep")
    assert peak("flooding-athlete") < 90  # far from 100


@pytest.mark.parametrize("seed", SEEDS)
def test_stiff_with_fear_is_a_fast_heart_with_little_variability_and_no_movement(seed: int) -> None:
    """Volchan et al. 2011."""
    story = trap("flooding-immobile", seed)
    [high] = [stretch for stretch in story.script.truth() if stretch.label == "flooding"]
    drive = story.script.drive(high.to_s - 125)  # the way down has its label from half-way on
    rest = story.script.drive(300)
    assert drive.hr_bpm > 1.2 * rest.hr_bpm
    assert drive.rsa_ms < 0.5 * rest.rsa_ms
    assert drive.fidgets_per_min == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_leaning_back_is_less_deep_than_any_shutdown(seed: int) -> None:
    story, low = trap("settling", seed), trap("shutdown-mild", seed)
    _, leaning = rates(story, SIT_S, story.duration_s)
    _, frozen = rates(low, SIT_S, low.duration_s)
    assert min(leaning) / story.resting_bpm > 0.95
    assert min(frozen) / low.resting_bpm == pytest.approx(0.92)
