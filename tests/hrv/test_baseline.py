"""The personal baseline: when it is taken, how it drifts, and how it survives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS
from vagalwatch.hrv import baseline as bl

if TYPE_CHECKING:
    from collections.abc import Sequence


def row(hr_bpm: float = 70.0, scl: float | None = 1.5, nsr: float | None = 2.0) -> bl.Figures:
    return bl.Figures(hr_bpm=hr_bpm, steady_bpm=hr_bpm - 1, ln_rmssd=3.5, ln_scl=scl, nsr=nsr)


def at(seconds: int) -> int:
    return T0_NS + seconds * NS


def calibrated(
    rows: Sequence[bl.Figures | None], state: bl.BaselineState | None = None
) -> int | None:
    """After how many seconds the baseline is whole, the rows all settled."""
    state = bl.BaselineState() if state is None else state
    for i, figures in enumerate(rows, start=1):
        if state.usual is None:
            bl.calibrate(state, at(5 * i), figures, "ring")
        else:
            bl.drift(state, at(5 * i), figures, "ring")
        if state.stretches:
            return 5 * i
    return None


def provisional(
    rows: Sequence[bl.Figures | None], state: bl.BaselineState | None = None
) -> int | None:
    """After how many seconds there is one to be judged by."""
    state = bl.BaselineState() if state is None else state
    for i, figures in enumerate(rows, start=1):
        if bl.calibrate(state, at(5 * i), figures, "ring") is None:
            return 5 * i
    return None


def test_three_usable_minutes_after_a_minute_to_settle_and_five_until_it_is_whole() -> None:
    assert provisional([row()] * 100) == 240
    assert calibrated([row()] * 100) == 360


def test_unusable_rows_do_not_count() -> None:
    rows = [row(), None] * 100  # every other row: twice as long
    assert provisional(rows) == 415
    assert calibrated(rows) == 655
    assert provisional([None] * 500) is None


def test_each_level_minute_refines_what_is_provisional() -> None:
    medians = []
    state = bl.BaselineState()
    for i, figures in enumerate([*[row(70.0)] * 30, *[row(74.0)] * 42], start=1):
        if state.usual is None:
            bl.calibrate(state, at(5 * i), figures, "ring")
            continue
        whole = bl.drift(state, at(5 * i), figures, "ring")
        medians.append(state.usual.hr.median)
        assert whole is (i == 72)
        assert bl.provisional(state) is (i < 72)
    # 18 rows of 36 were at 74, then 30 of 48, then 42 of 60.
    assert medians == [72.0] * 11 + [74.0] * 13


def test_an_interruption_does_not_spoil_a_provisional_one() -> None:
    rows: list[bl.Figures | None] = [*[row()] * 48, *[None] * 100, *[row()] * 24]
    assert calibrated(rows) == 5 * len(rows)


@pytest.mark.parametrize(("known", "told"), [(21, False), (22, True)])
def test_a_figure_needs_three_of_five_rows(known: int, told: bool) -> None:
    state = bl.BaselineState()
    skin = [row(nsr=2.0 if i < known else None) for i in range(36)]
    assert provisional([*[row()] * 12, *skin], state) == 240
    assert state.usual is not None
    assert (state.usual.nsr is not None) is told


def test_a_heart_that_still_falls_is_not_at_rest() -> None:
    falling = [row(100 - 0.5 * i) for i in range(60)]
    state = bl.BaselineState()
    for i, figures in enumerate([row(100.0)] * 12 + falling, start=1):
        progress = bl.calibrate(state, at(5 * i), figures, "ring")
        assert progress is not None
    assert progress is not None
    assert progress.trend_bpm is not None
    assert progress.trend_bpm < -7
    level: list[bl.Figures | None] = [row(70.0)] * 80
    assert provisional(level, state) is not None
    assert state.usual is not None
    assert state.usual.hr.median < 75  # the newest three minutes, not those of the fall


def test_what_is_provisional_is_not_whole_before_the_heart_is_level() -> None:
    state = bl.BaselineState()
    rows = [*[row(80.0)] * 48, *[row(80 - 0.5 * i) for i in range(24)]]
    assert calibrated(rows, state) is None
    assert bl.provisional(state)
    assert calibrated([row(68.0)] * 60, state) is not None


def test_median_and_spread_are_robust_and_never_under_the_floor() -> None:
    state = bl.BaselineState()
    odd = [*[row(70.0 + (i % 3) - 1) for i in range(70)], row(150.0), row(150.0)]
    calibrated(odd, state)
    assert state.usual is not None
    assert state.usual.hr.median == 70.0
    assert state.usual.hr.spread == 2.0
    assert state.usual.nsr == bl.Usual(median=2.0, spread=1.0)
    assert state.usual.hr.z(76.0) == 3.0


def test_drift_is_the_median_of_the_last_seven() -> None:
    state = bl.BaselineState()
    calibrated([row(70.0)] * 72, state)
    moved = [
        bl.drift(state, at(1000 + 5 * i), row(70.0 + (i // 60)), "ring") for i in range(60 * 9)
    ]
    assert sum(moved) == 9
    assert state.usual is not None
    assert len(state.stretches) == 7
    assert state.usual.hr.median == 75.0  # of 72 to 78


def test_an_interruption_starts_the_stretch_over() -> None:
    state = bl.BaselineState()
    calibrated([row()] * 72, state)
    assert not any(
        bl.drift(state, at(1000 + 5 * i), None if i % 59 == 58 else row(80.0), "ring")
        for i in range(300)
    )


def test_another_ring_has_another_skin() -> None:
    state = bl.BaselineState()
    calibrated([row(scl=1.5)] * 72, state)
    for i in range(60):
        bl.drift(state, at(1000 + 5 * i), row(hr_bpm=72.0, scl=0.5), "wrist")
    assert state.usual is not None
    assert state.usual.eda_source == "wrist"
    assert state.usual.ln_scl is not None
    assert state.usual.ln_scl.median == 0.5
    assert state.usual.hr.median == 71.0


def test_after_a_day_it_is_forgotten_and_says_so() -> None:
    state = bl.BaselineState()
    calibrated([row()] * 72, state)
    assert bl.current(state, at(360 + 24 * 3600)) is not None
    assert bl.current(state, at(360 + 24 * 3600 + 5)) is None
    assert state.expired


def test_it_survives_as_a_setting_to_the_last_digit() -> None:
    state = bl.BaselineState()
    calibrated([row(70.1 + 0.1 * (i % 7), 1.234567 + i / 3000) for i in range(72)], state)
    restored = bl.BaselineState()
    bl.take_setting(restored, bl.BASELINE_KEY, bl.to_json(state))
    assert restored.usual == state.usual
    assert restored.stretches == state.stretches
    assert restored.usual is not None
    assert restored.usual.steady is not None
    assert restored.usual.steady.median == pytest.approx(restored.usual.hr.median - 1)


def test_one_written_before_all_sources_were_heard_is_still_read() -> None:
    state = bl.BaselineState()
    calibrated([row()] * 72, state)
    (fields,) = json.loads(bl.to_json(state))
    del fields["steady"]
    restored = bl.BaselineState()
    bl.take_setting(restored, bl.BASELINE_KEY, json.dumps([fields]))
    assert restored.usual is not None
    assert (restored.usual.hr.median, restored.usual.steady) == (70.0, None)


def test_null_asks_for_a_new_one() -> None:
    state = bl.BaselineState()
    calibrated([row()] * 72, state)
    bl.take_setting(state, bl.BASELINE_KEY, "null")
    assert state == bl.BaselineState()


def test_a_researcher_may_say_from_when_to_when() -> None:
    state = bl.BaselineState()
    bl.take_setting(state, bl.WINDOW_KEY, json.dumps([at(600), at(900)]))
    rows = [row(60.0)] * 120 + [row(80.0)] * 100
    assert provisional(list(rows), state) == 900
    assert state.stretches  # chosen, not provisional
    assert state.usual is not None
    assert state.usual.hr.median == 80.0
    # It stays as it was taken.
    assert not any(bl.drift(state, at(1000 + 5 * i), row(70.0), "ring") for i in range(200))


def test_too_little_there_and_it_is_taken_as_soon_as_it_can() -> None:
    state = bl.BaselineState()
    bl.take_setting(state, bl.WINDOW_KEY, json.dumps([at(0), at(100)]))
    taken_s = provisional([row()] * 200, state)
    assert taken_s is not None
    assert taken_s > 180


@given(st.text() | st.sampled_from(["[]", "{}", "[1]", "[[]]", '[{"t_ns": 1}]', "1e999", "NaN"]))
def test_other_text_changes_nothing(text: str) -> None:
    for key in (bl.BASELINE_KEY, bl.WINDOW_KEY):
        state = bl.BaselineState()
        bl.take_setting(state, key, text)
        assert state.usual is None


@pytest.mark.parametrize("spread", [0, -1, None, "x"])
def test_a_baseline_without_spread_is_refused(spread: object) -> None:
    fields = {"t_ns": 1, "eda_source": "", "hr": [70, spread]}
    fields |= {"ln_rmssd": None, "ln_scl": None, "nsr": None}
    state = bl.BaselineState()
    bl.take_setting(state, bl.BASELINE_KEY, json.dumps([fields]))
    assert state == bl.BaselineState()
