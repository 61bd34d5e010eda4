"""The signed number: bounded, additive, and blind to all but the person's own difference."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, edas, hearts, in_order, motions, ticks
from vagalwatch.hrv import arousal, eda
from vagalwatch.hrv.baseline import Minutes, Usual
from vagalwatch.hrv.codes import Gate, Why
from vagalwatch.hrv.eda import EdaState, Skin
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import Estimate, State
from vagalwatch.sensors.simulated.stories import WEARERS, story

WEIGHTS = PARAMETERS.arousal
USUAL = Minutes(
    t_ns=0,
    eda_source="ring",
    hr=Usual(median=70.0, spread=2.0),
    ln_scl=Usual(median=1.0, spread=0.1),
    nsr=Usual(median=3.0, spread=1.5),
)
AS_USUAL = Skin(scl_us=2.0, nsr_per_min=3.0, level_us=2.0, ln_change=0.0, ln_over_mean=0.0)

numbers = st.floats(-50, 50)
skins = st.builds(
    Skin,
    scl_us=st.floats(0.05, 60),
    nsr_per_min=st.none() | st.floats(0, 60),
    level_us=st.floats(0.05, 60),
    ln_change=st.none() | st.floats(-3, 3),
    ln_over_mean=st.none() | st.floats(-3, 3),
)


def value(bpm: float, skin: Skin, usual: Minutes = USUAL, *, same_skin: bool = True) -> float:
    return arousal.weigh(arousal.terms(bpm, skin, usual, same_skin=same_skin))[0]


def test_as_usual_is_zero() -> None:
    assert value(70.0, AS_USUAL) == 0.0


def test_the_weights_are_a_whole_and_half_of_it_is_the_heart() -> None:
    known = arousal.terms(70.0, AS_USUAL, USUAL, same_skin=True)
    assert [term.code for term in known] == [
        Why.HEART_RATE,
        Why.SKIN_OVER_MEAN,
        Why.SKIN_CHANGE,
        Why.SKIN_RESPONSES,
    ]
    assert math.fsum(term.weight for term in known) == pytest.approx(1)
    assert known[0].weight == 0.5


def test_each_term_by_hand() -> None:
    skin = Skin(scl_us=2.3, nsr_per_min=6.0, level_us=2.0, ln_change=0.1, ln_over_mean=-0.2)
    known = arousal.terms(73.0, skin, USUAL, same_skin=True)
    assert [term.z for term in known] == pytest.approx([1.5, -2.0, 1.0, 2.0])
    assert [term.usual for term in known] == pytest.approx(
        [70.0, 2.0 / math.exp(-0.2), 2.0 / math.exp(0.1), 3.0]
    )
    limited = [6 * math.tanh(z / 6) for z in (1.5, -2.0, 1.0, 2.0)]
    by_hand = 0.5 * limited[0] + 0.2 * limited[1] + 0.2 * limited[2] + 0.1 * limited[3]
    assert value(73.0, skin) == pytest.approx(by_hand, rel=1e-12)


@given(st.floats(25, 250), skins, st.booleans())
def test_it_is_bounded_and_its_terms_add_up_to_it(bpm: float, skin: Skin, same_skin: bool) -> None:
    known = arousal.terms(bpm, skin, USUAL, same_skin=same_skin)
    total, reasons = arousal.weigh(known)
    assert abs(total) <= WEIGHTS.limit_z
    assert math.fsum(reason.contribution or 0.0 for reason in reasons) == total
    assert [reason.code for reason in reasons] == [term.code for term in known]
    assert all((r.contribution or 0.0) * (r.z or 0.0) >= 0 for r in reasons)


@given(st.floats(30, 200), st.floats(0.1, 20), skins)
def test_a_faster_heart_and_a_rising_skin_never_lower_it(
    bpm: float, more: float, skin: Skin
) -> None:
    here = value(bpm, skin)
    assert value(bpm + more, skin) >= here
    for figure in ("ln_change", "ln_over_mean", "nsr_per_min"):
        known = getattr(skin, figure)
        if known is not None:
            assert value(bpm, skin._replace(**{figure: known + more})) >= here


def test_the_heart_of_all_sources_is_held_against_the_same_at_rest() -> None:
    """Where one source reads lower than the rest, its usual does, too."""
    usual = replace(USUAL, steady=Usual(median=66.0, spread=4.0))
    (heart, *_) = arousal.terms(70.0, AS_USUAL, usual, same_skin=True)
    assert (heart.usual, heart.z) == (66.0, 1.0)


@given(skins)
def test_a_skin_that_is_not_known_leaves_the_heart_alone(skin: Skin) -> None:
    alone = 6 * math.tanh(5 / 6)
    assert value(80.0, skin, same_skin=False) == pytest.approx(alone)
    assert value(80.0, Skin(gate=Gate.EDA_OPEN)) == pytest.approx(alone)
    bare = replace(USUAL, ln_scl=None, nsr=None)
    assert value(80.0, skin, bare) == pytest.approx(alone)


@given(st.floats(0.5, 2), skins)
def test_the_gain_of_the_skin_sensor_does_not_matter(gain: float, skin: Skin) -> None:
    louder = skin._replace(
        scl_us=gain * (skin.scl_us or 0.0), level_us=gain * (skin.level_us or 0.0)
    )
    assert value(75.0, louder) == value(75.0, skin)


def test_it_agrees_with_the_states_of_a_hard_talk() -> None:
    """It decides none of them, and the person who reads both must not be contradicted."""
    said: dict[State, list[float]] = {}
    evening = story("hard", 1)
    for wearer in WEARERS:
        signals = evening.body(wearer).advance(evening.duration_s)
        pipeline = Pipeline(WEARER, PipelineState())
        for record in in_order(
            ticks(T0_NS, T0_NS + round(evening.duration_s + 5) * NS),
            hearts([beat.rr_ms for beat in signals.beats]),
            edas([sample.eda_us for sample in signals.eda], 4.0),
            motions([(a.x_mg, a.y_mg, a.z_mg) for a in signals.acc], 14.0),
        ):
            for row in pipeline.push(record):
                if isinstance(row, Estimate) and row.arousal is not None:
                    said.setdefault(row.state, []).append(row.arousal)
    middle = {state: statistics.median(values) for state, values in said.items()}
    assert middle[State.FLOODING] > 3 > middle[State.RISING] > 1
    assert abs(middle[State.SETTLED]) < 0.5
    assert middle[State.SHUTDOWN] < -2
    assert all(value > 0 for value in said[State.FLOODING])
    # The last rows of a shutdown are those in which it has ended and is not yet believed to have.
    assert statistics.quantiles(said[State.SHUTDOWN], n=20)[-1] < 0.25


def test_what_is_told_of_two_minutes_ago_was_measured_then() -> None:
    """A rise within 30 s: the mean of 30 s over the ratio of two levels of 5 s would be neither."""
    rng = random.Random(3)  # noqa: S311 - a sensor's noise
    rise_us = [max(0.0, 2.4 * i / 120) for i in range(-1600, 121)]
    skin_us = [4.0 + rise + rng.gauss(0, 0.003) for rise in rise_us]
    state, skin = EdaState(), Skin()
    chunks = list(edas(skin_us, 4.0, source="ring"))
    for t_s in range(5, 435, 5):
        t_ns = T0_NS + t_s * NS
        while chunks and chunks[0].recv_ns <= t_ns:
            eda.take(state, chunks.pop(0))
        skin = eda.judge(state, t_ns)
        eda.trim(state, t_ns)
    (change,) = [
        t for t in arousal.terms(70, skin, USUAL, same_skin=True) if t.code is Why.SKIN_CHANGE
    ]
    assert change.usual == pytest.approx(4.0, abs=0.01)
    assert change.value == pytest.approx(skin_us[4 * 427], abs=0.15)
