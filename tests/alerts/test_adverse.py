"""The log of adverse events: each once, what was judged last, and never a judgement of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts.adverse import LONGEST, MINUTE_NS, RELATED, Harm, judge, log
from vagalwatch.records import AdverseEvent, Answer, AnswerKind

NOW_NS = 1_795_000_000 * 1_000_000_000
FINE: Any = {"serious": False, "related": "possible", "expected": True, "note": "A bad night"}


def judged(wall_ns: int, **what: Any) -> AdverseEvent:  # noqa: ANN401 - any of its fields
    return judge("ada", wall_ns, **(FINE | what), now_ns=NOW_NS, wall_step_ns=0)


def said(t_ns: int, answer: AnswerKind = AnswerKind.MADE_WORSE) -> Answer:
    return Answer(wearer="ada", t_ns=t_ns, recv_ns=t_ns, answer=answer)


minutes = st.lists(st.integers(0, 20), max_size=12)


@given(minutes, minutes)
def test_every_event_stands_there_once_by_time_and_says_what_is_known(
    worse: list[int], looked_at: list[int]
) -> None:
    answers = [said(n * MINUTE_NS + 7) for n in worse]
    events = [judged(n * MINUTE_NS + 9, note=f"{k}") for k, n in enumerate(looked_at)]
    told = log(answers, events)
    assert [one.wall_ns // MINUTE_NS for one in told] == sorted({*worse, *looked_at})
    last = {n: f"{k}" for k, n in enumerate(looked_at)}
    for one in told:
        minute = one.wall_ns // MINUTE_NS
        assert one.said == (minute in worse)
        assert (one.serious is None) == (minute not in last)
        assert one.note == last.get(minute, "")


@pytest.mark.parametrize("answer", sorted(set(AnswerKind) - {AnswerKind.MADE_WORSE}))
def test_no_other_answer_is_harm(answer: AnswerKind) -> None:
    assert log([said(NOW_NS, answer)], []) == []


def test_what_nobody_judged_is_not_judged_here() -> None:
    assert log([said(0)], []) == [Harm(wall_ns=0, said=True)]


@pytest.mark.parametrize("related", RELATED)
def test_what_is_judged_is_kept_as_it_was_said(related: str) -> None:
    event = judged(NOW_NS - 1, serious=True, related=related, expected=False, note=" fell ")
    assert (event.serious, event.related, event.expected, event.note) == (
        True,
        related,
        False,
        "fell",
    )
    assert event.wall_ns == NOW_NS // MINUTE_NS * MINUTE_NS
    assert event.t_ns == event.recv_ns == NOW_NS


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"wall_ns": NOW_NS + 1}, "future"),
        ({"wall_ns": -1}, "future"),
        ({"related": "maybe"}, "not one of: unrelated"),
        ({"note": "x" * (LONGEST + 1)}, "at most 200"),
        ({"note": "two\nlines"}, "single line"),
    ],
)
def test_what_cannot_be_is_one_sentence(what: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        judged(**({"wall_ns": 0} | what))


def test_the_future_is_that_of_the_wall_clock() -> None:
    late = judge("ada", NOW_NS + 60, **FINE, now_ns=NOW_NS, wall_step_ns=3600)
    assert late.wall_ns == (NOW_NS + 60) // MINUTE_NS * MINUTE_NS
