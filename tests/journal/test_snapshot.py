from __future__ import annotations

import math
import random

import pytest

from helpers_hrv import NS, T0_NS, WEARER, edas, hearts, in_order, ticks
from vagalwatch.engine import Engine, EngineState
from vagalwatch.journal.snapshot import UnusableSnapshotError, freeze, thaw
from vagalwatch.records import Gap, GapReason, Record, Stream


def busy_state() -> EngineState:
    """An engine that has something in every part it keeps of the body."""
    chance = random.Random(5)  # noqa: S311 - repeatable
    rr_ms = [850 + 40 * math.sin(n / 3) + chance.gauss(0, 5) for n in range(600)]
    skin = [2 + chance.random() / 7 for _ in range(2000)]
    gap: Record = Gap(
        wearer=WEARER, source="strap", stream=Stream.HEART, t_ns=T0_NS, recv_ns=T0_NS,
        reason=GapReason.LINK_LOST,
    )  # fmt: skip
    engine = Engine(WEARER)
    records = in_order(ticks(T0_NS, T0_NS + 500 * NS), hearts(rr_ms), edas(skin, 4.0), [gap])
    for record in records:
        engine.push(record)
    return engine.state


def test_a_state_comes_back_to_the_last_bit() -> None:
    state = busy_state()
    text = freeze(state)
    assert thaw(text) == state
    assert freeze(thaw(text)) == text
    assert state.pipeline.baseline.usual is not None  # there was something to keep


def test_a_new_engine_can_be_kept_too() -> None:
    assert thaw(freeze(EngineState())) == EngineState()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"pipeline"', '"other"'),
        ('"next_row_ns":null', '"next_row_ns":"soon"'),
        ('"next_row_ns":null', '"next_row_ns":null,"unheard_of":1'),
        ("[{", "[[{"),
        ("}]", ""),
    ],
)
def test_text_that_is_not_exactly_a_state_is_refused(before: str, after: str) -> None:
    text = freeze(EngineState())
    assert before in text
    with pytest.raises(UnusableSnapshotError):
        thaw(text.replace(before, after, 1))


def test_a_refusal_quotes_nothing() -> None:
    text = freeze(busy_state()).replace('"baseline":', '"baseline":71.5,"x":', 1)
    with pytest.raises(UnusableSnapshotError) as told:
        thaw(text)
    assert "71.5" not in str(told.value)
