"""From alerts and rows to the figures of a report, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vagalwatch.evaluate.benchmark import Judged
from vagalwatch.evaluate.case import OFF, Truth, whole
from vagalwatch.evaluate.detector import Track
from vagalwatch.evaluate.figures import Figures, part, scores
from vagalwatch.evaluate.score import Alert, Event, Phase

T_S = np.arange(5.0, 3601.0, 5.0)


def said(*alerts: Alert, arousal: float = 0.0, unknown: object = False) -> Track:
    return Track(
        arousal=np.full(T_S.shape, arousal),
        unknown=np.zeros(T_S.shape, np.bool_) | np.asarray(unknown, np.bool_),
        state=("judged",) * T_S.size,
        alerts=alerts,
    )


def truth(who: str, *, story: str = "", **more: Any) -> Truth:  # noqa: ANN401 - fields of Truth
    plain = Truth(
        who=who, story=story, duration_s=3600.0, baseline_s=(0.0, 300.0), watch=whole(3600.0)
    )
    return replace(plain, **more)


def figures(*cases: tuple[Truth, Track]) -> Figures:
    judged = [Judged(true, T_S, {"it": track}) for true, track in cases]
    (scored,) = scores(judged, clock="clock")
    return scored.figures


FLOOD = (Event("flooding", 600, 900, 640),)


def test_events_latency_and_false_alerts_of_two_people() -> None:
    told = figures(
        (truth("a", events=FLOOD), said(Alert("flooding", 700), Alert("safety", 700))),
        (truth("b", events=FLOOD), said(Alert("flooding", 1000))),  # 100 s after its end
    )
    assert told["found.flooding"].value == 0.5
    assert told["found.flooding"].people == 2
    assert told["latency_s.flooding.median"].value == 60
    assert told["false_per_h"].value == 1.0  # two in two hours
    assert told["false_per_h.safety"].value == 0.5
    assert told["false_per_h.shutdown"].value == 0
    assert "found.shutdown" not in told  # nothing to be found
    assert "loc" not in told


def test_alerts_in_tasks_are_no_false_ones_and_hours_are_those_of_rest() -> None:
    phases = (Phase("relax", "rest", 0, 1800), Phase("talk", "task", 1800, 3600))
    told = figures(
        (
            truth("a", phases=phases, watch=phases[:1]),
            said(*(Alert("flooding", t) for t in (900, 2000))),
        )
    )
    assert told["false_per_h"].value == 2.0  # one in half an hour
    assert told["false_per_h"].low is None  # one person varies with nobody


def test_what_is_off_is_neither_worn_nor_watched() -> None:
    off = Phase(OFF, "ignore", 1200, 3000)
    unknown = (T_S > 1200) & (T_S <= 2130)  # half of what counts: 60 s after it came off
    told = figures((truth("a", phases=(off,)), said(Alert("flooding", 100), unknown=unknown)))
    assert told["false_per_h"].value == pytest.approx(2.0)  # half an hour is watched
    assert told["unknown"].value == 0
    assert told["judged_while_off"].value == 0.5


def test_arousal_is_asked_for_after_the_baseline() -> None:
    track = said()
    track.arousal[T_S <= 300] = np.nan
    assert figures((truth("a"), track))["with_arousal"].value == 1
    track.arousal[T_S <= 300 + 33 * 5] = np.nan
    assert figures((truth("a"), track))["with_arousal"].value == pytest.approx(1 - 33 / 660)


def test_marked_stretches_and_the_minute_after_each() -> None:
    marked = (Phase("stairs", "ignore", 600, 700), Phase("stairs", "ignore", 900, 1000))
    alerts = (Alert("flooding", 760), Alert("flooding", 620), Alert("safety", 1061))
    told = figures((truth("a", marked=marked), said(*alerts)))
    assert told["in_marked.flooding"].value == 0.5
    assert told["in_marked.safety"].value == 0
    assert told["false_per_h"].value == 3


def not_measured(*spans: tuple[float, float]) -> Any:  # noqa: ANN401 - an array
    return np.any([(from_s < T_S) & (to_s >= T_S) for from_s, to_s in spans], axis=0)


@pytest.mark.parametrize(
    ("hole", "judged"),
    [
        ((590, 700), False),  # a hole that holds all of it
        ((600, 615), False),  # the stretch alone
        ((600, 610), False),  # two rows of three
        ((600, 605), True),
        ((615, 675), False),  # the minute after alone
        ((635, 675), False),
        ((655, 675), True),
        ((300, 600), True),
    ],
)
def test_a_stretch_that_was_not_judged_is_none_in_which_nobody_was_fooled(
    hole: tuple[float, float], judged: bool
) -> None:
    marked = (Phase("valsalva", "ignore", 600, 615), Phase("valsalva", "ignore", 900, 915))
    unknown = not_measured(hole, (890, 990))
    case = Judged(truth("a", marked=marked), T_S, {"it": said(unknown=unknown)})
    (scored,) = scores([case], clock="clock")
    for told in (scored.figures, scored.marked["valsalva"]):
        assert told["marked_not_judged"].value == 2 - judged
        interval = told.get("in_marked.flooding")
        assert (interval and interval.value) == (0 if judged else None)


def test_an_alert_in_a_stretch_counts_whatever_was_unknown_there() -> None:
    marked = (Phase("valsalva", "ignore", 600, 615), Phase("valsalva", "ignore", 900, 915))
    track = said(Alert("flooding", 605), unknown=not_measured((590, 700)))
    told = figures((truth("a", marked=marked), track))
    assert told["in_marked.flooding"].value == 0.5
    assert told["in_marked.safety"].value == 0
    assert told["marked_not_judged"].value == 0


def test_a_stretch_shorter_than_a_row_is_judged_by_the_row_due_at_its_end() -> None:
    case = truth("a", marked=(Phase("valsalva", "ignore", 601, 604),))
    assert figures((case, said()))["marked_not_judged"].value == 0
    told = figures((case, said(unknown=not_measured((600, 605)))))
    assert told["marked_not_judged"].value == 1


def test_marked_stretches_stand_by_label() -> None:
    marked = (Phase("stairs", "ignore", 600, 700), Phase("coffee", "ignore", 900, 1000))
    case = Judged(truth("a", marked=marked), T_S, {"it": said(Alert("flooding", 620))})
    (scored,) = scores([case], clock="clock")
    assert scored.figures["in_marked.flooding"].value == 0.5
    assert scored.marked["stairs"]["in_marked.flooding"].value == 1
    assert scored.marked["coffee"]["in_marked.flooding"].value == 0
    assert scored.marked["stairs"]["in_marked.safety"].value == 0


def test_a_person_counts_once_however_many_recordings_there_are() -> None:
    phases = (
        Phase("r", "rest", 0, 1200),
        Phase("t", "task", 1200, 2400),
        Phase("r", "rest", 2400, 3600),
    )
    good, bad = said(), said()
    good.arousal[(T_S > 1200) & (T_S <= 2400)] = 1
    bad.arousal[(T_S > 1200) & (T_S <= 2400)] = -1
    told = figures(
        (truth("a", phases=phases), good),
        (truth("a", phases=phases), good),
        (truth("b", phases=phases), bad),
    )
    assert told["loc"].value == 0.5  # (1 + 0) / 2, not 2 / 3
    assert told["loc"].people == 2


def test_whoever_is_not_clearly_over_the_clock_is_marked() -> None:
    phases = (
        Phase("r", "rest", 0, 1200),
        Phase("t", "task", 1200, 2400),
        Phase("r", "rest", 2400, 3600),
    )
    clock = Track(-T_S, np.ones(T_S.shape, np.bool_), ("unknown",) * T_S.size, ())
    good, drifts = said(), said()
    good.arousal[(T_S > 1200) & (T_S <= 2400)] = 1
    drifts.arousal[:] = 3600 - T_S
    judged = [
        Judged(
            truth(who, phases=phases),
            T_S,
            {"good": good, "drifts": drifts, "clock": clock},
        )
        for who in ("a", "b", "c")
    ]
    marked = {one.name: one.learnt_the_protocol for one in scores(judged, clock="clock")}
    assert marked == {"good": False, "drifts": True, "clock": False}


def test_stories_stand_for_themselves() -> None:
    judged = [
        Judged(truth("a", story="calm"), T_S, {"it": said(Alert("flooding", 50))}),
        Judged(truth("a", story="hard", events=FLOOD), T_S, {"it": said(Alert("flooding", 650))}),
    ]
    (scored,) = scores(judged, clock="clock")
    assert scored.stories["calm"]["false_per_h"].value == 1
    assert scored.stories["hard"]["false_per_h"].value == 0
    assert scored.stories["hard"]["found.flooding"].value == 1
    assert part(judged[1], judged[1].tracks["it"]).latency_s == {"flooding": (10.0,)}
