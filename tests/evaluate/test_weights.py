"""Arousal weighed otherwise: whoever is judged has no say in the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_cli import call
from helpers_real import shared_data
from vagalwatch import analysis
from vagalwatch.evaluate import labelled, weights
from vagalwatch.evaluate.score import Phase, rows_in
from vagalwatch.sensors.recording import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.evaluate.weights import Line, Rows

T_S = np.arange(5.0, 1801.0, 5.0)
PHASES = tuple(
    Phase(name, "task" if at % 2 else "rest", at * 360.0, at * 360.0 + 360)
    for at, name in enumerate(("relax1", "interview1", "relax2", "interview2", "relax3"))
)
HEART, RESPONSES = 0, 3


def person(who: str, *, told_by: int) -> Rows:
    """The term ``told_by`` rises in the tasks; the others are noise."""
    z = np.random.default_rng(list(who.encode())).normal(size=(T_S.size, 4))
    for phase in PHASES[1::2]:
        z[rows_in(T_S, phase, settle_s=0), told_by] += 2
    return weights.Rows(who, T_S, z, PHASES, (0.0, 300.0))


def relabelled(one: Rows) -> Rows:
    """The same rows, with the tasks where the rests were."""
    other = [
        phase._replace(from_s=phase.from_s + 180, to_s=phase.to_s + 180) for phase in one.phases
    ]
    return one._replace(phases=tuple(other))


def by_name(people: list[Rows]) -> dict[str, Line]:
    return {line.name: line for line in weights.lines(people)}


def test_the_labels_of_the_person_judged_do_not_change_the_weights_chosen_for_them() -> None:
    people = [person(who, told_by=HEART) for who in "abc"]
    odd = people[2]
    for other in (odd._replace(z=odd.z[:, ::-1].copy()), relabelled(odd)):
        before, after = by_name(people), by_name([*people[:2], other])
        alone = [lines[weights.WITHOUT].weights for lines in (before, after)]
        assert alone[0]["c"] == alone[1]["c"]
        assert alone[0]["a"] != alone[1]["a"]  # what became of c has a say in the others'
        halves = [lines["chosen on the other half"].weights for lines in (before, after)]
        assert halves[0]["c"] == halves[1]["c"]
        assert before[weights.ON_ALL].weights != after[weights.ON_ALL].weights


def test_who_is_unlike_all_others_is_judged_by_what_tells_of_the_others() -> None:
    people = [*(person(who, told_by=HEART) for who in "abc"), person("d", told_by=RESPONSES)]
    told = by_name(people)
    chosen = told[weights.WITHOUT].weights["d"]
    assert chosen[HEART] > 0.6
    assert chosen[RESPONSES] < 0.2
    alone = [told[f"{code} alone"].figures["loc"].value for code in weights.SHIPPED]
    assert alone[HEART] == pytest.approx(3 / 4 * 0.92 + 1 / 4 * 0.5, abs=0.04)
    assert alone[RESPONSES] == pytest.approx(1 / 4 * 0.92 + 3 / 4 * 0.5, abs=0.04)
    best, without = (told[name].figures["loc"].value for name in (weights.ON_ALL, weights.WITHOUT))
    assert best is not None
    assert without is not None
    assert best > without  # chosen on everybody flatters
    assert told["as they are, shifted in time"].figures["loc"].value == pytest.approx(0.5, abs=0.1)


@given(
    z=st.lists(
        st.tuples(*[st.floats(-50, 50) | st.just(float("nan"))] * 4), min_size=1, max_size=5
    ),
    index=st.integers(0, len(weights.TENTHS) - 1),
)
def test_a_mean_of_what_is_known_lies_within_it(z: list[tuple[float, ...]], index: int) -> None:
    chosen = weights.TENTHS[index]
    for row, told in zip(z, weights.arousal(np.array(z), chosen).tolist(), strict=True):
        known = [
            6 * np.tanh(v / 6) for v, w in zip(row, chosen, strict=True) if w and np.isfinite(v)
        ]
        assert np.isnan(told) == (not known)
        assert not known or min(known) - 1e-9 <= told <= max(known) + 1e-9


def test_one_person_has_nobody_to_be_weighed_by() -> None:
    without_task = person("b", told_by=HEART)._replace(phases=PHASES[:1])
    with pytest.raises(RecordingError, match="Two people with a task between two rests"):
        weights.lines([person("a", told_by=HEART), without_task])


@pytest.mark.slow
def test_as_they_are_the_terms_give_the_very_arousal_of_the_engine() -> None:
    case, *_ = labelled.stress_predict(shared_data("stress_predict"))
    who, truth = case.load()
    for baseline_s in (who.baseline_s, None):
        timeline = analysis.run(who.recording, baseline=baseline_s)
        engine = [np.nan if row["arousal"] is None else row["arousal"] for row in timeline.rows]
        again = weights.arousal(
            weights.rows(who, truth, baseline_s).z, np.array(list(weights.SHIPPED.values()))
        )
        np.testing.assert_allclose(again, np.array(engine, dtype=float), atol=1e-9)
        assert np.isfinite(again).sum() > 300


@pytest.mark.parametrize(
    "words", [("simulated",), ("stress-predict",), ("stress-predict", "DIR", "--out", "x")]
)
def test_words_that_do_not_go_with_weights(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = call("evaluate", *(str(tmp_path) if w == "DIR" else w for w in words), "--weights")
    assert told.code == 2
    assert "--weights goes with stress-predict DIR" in told.err
