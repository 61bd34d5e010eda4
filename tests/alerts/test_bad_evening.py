"""A bad evening through the whole engine: it floods again and again, and prompts stay few."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest

from helpers_hrv import NS, T0_NS, WEARER, baseline_setting, hearts, in_order, rr_around, ticks
from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.alerts.table import FINAL
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Episode,
    EpisodeKind,
    Setting,
)

if TYPE_CHECKING:
    from vagalwatch.records import Record

HOURS: Final = 4
MINUTE_NS: Final = 60 * NS
A: Final = AnswerKind

ANSWERS: Final[dict[str, list[AnswerKind | None]]] = {
    "silent": [None],
    "not now": [A.NOT_NOW],
    "later": [A.LATER],
    "wrong": [A.WRONG],
    "thinking": [A.IM_THINKING],
    "far away, then nothing": [A.FAR_AWAY],
    "yes and straight back": [A.YES, A.IM_BACK],
    "starts breaks and breaks them off": [A.START_BREAK, A.WRONG],
}
"""What each kind of person says to a prompt, half a minute apart."""


@pytest.fixture(scope="module")
def evening() -> list[Record]:
    """Four hours with two minutes of a racing heart in every eight, and what is made of them."""
    rng = random.Random(7)  # noqa: S311 - a story, not a secret
    until_s = HOURS * 3600.0
    rr_ms = rr_around(rng, lambda t_s: 112.0 if t_s % 480 > 360 else 70.0, until_s)
    pipeline = Pipeline(WEARER, PipelineState())
    seen: list[Record] = []
    for record in in_order(
        [baseline_setting()], ticks(T0_NS, T0_NS + round(until_s) * NS), hearts(rr_ms)
    ):
        seen += [*pipeline.push(record), record]
    return seen


def lived(evening: list[Record], says: list[AnswerKind | None]) -> list[Record]:
    """The evening with somebody who answers so; what was said to them, in order."""
    policy = Policy(WEARER, PolicyState())
    said: list[Record] = []
    waiting: list[tuple[int, AnswerKind, str]] = []
    for record in evening:
        while waiting and waiting[0][0] <= record.recv_ns:
            at_ns, answer, about = waiting.pop(0)
            said += policy.push(
                Answer(wearer=WEARER, t_ns=at_ns, recv_ns=at_ns, answer=answer, about=about)
            )
        for new in policy.push(record):
            said.append(new)
            if isinstance(new, BreakStep) and new.phase == BreakPhase.OFFERED:
                waiting += [
                    (new.recv_ns + n * 30 * NS, answer, new.id)
                    for n, answer in enumerate(says, start=1)
                    if answer is not None
                ]
    return said


def test_it_is_a_bad_evening(evening: list[Record]) -> None:
    floods = [
        record
        for record in evening
        if isinstance(record, Episode)
        and record.episode == EpisodeKind.FLOODING
        and record.end_ns is None
    ]
    assert len(floods) >= HOURS * 5


def with_mutes(evening: list[Record]) -> list[Record]:
    """The same with somebody who mutes for ten minutes, twice an hour: many floods begin in one."""
    mutes = [
        Setting(
            wearer=WEARER,
            t_ns=at_ns,
            recv_ns=at_ns,
            key="mute-until",
            value=str(at_ns + 10 * MINUTE_NS),
        )
        for at_ns in range(T0_NS, T0_NS + HOURS * 60 * MINUTE_NS, 30 * MINUTE_NS)
    ]
    return in_order(mutes, evening)


def test_a_flood_that_outlasts_a_mute_is_asked_about_in_it(evening: list[Record]) -> None:
    first_mute_ns = T0_NS + 10 * MINUTE_NS
    prompts = [r for r in lived(with_mutes(evening), [None]) if isinstance(r, Alert)]
    assert any(alert.recv_ns - alert.onset_ns > 60 * NS for alert in prompts), "made up for"
    assert all(alert.recv_ns >= first_mute_ns for alert in prompts)


@pytest.mark.parametrize("mutes", [False, True])
@pytest.mark.parametrize("person", ANSWERS)
def test_whoever_it_is_prompts_stay_within_the_limits(
    evening: list[Record], person: str, *, mutes: bool
) -> None:
    said = lived(with_mutes(evening) if mutes else evening, ANSWERS[person])
    times = [record.recv_ns for record in said if isinstance(record, Alert)]
    assert 1 <= len(times) <= 3
    apart = [later - earlier for earlier, later in pairwise(times)]
    if person == "later":  # the one prompt that was asked for
        assert apart[0] >= 10 * MINUTE_NS
        apart = apart[1:]
    assert all(gap_ns >= 20 * MINUTE_NS for gap_ns in apart)
    for before, after in pairwise(record for record in said if isinstance(record, BreakStep)):
        assert before.id == after.id or before.phase in FINAL, "never two at once"


def test_each_wrong_doubles_the_time_without_prompts(evening: list[Record]) -> None:
    said = lived(evening, ANSWERS["wrong"])
    times = [record.recv_ns for record in said if isinstance(record, Alert)]
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert apart[0] >= 40 * MINUTE_NS
    assert apart[1] >= 80 * MINUTE_NS
