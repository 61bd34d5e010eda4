"""From judged cases to the figures of a report, each with its interval over people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.evaluate import score
from vagalwatch.evaluate.detector import ROW_S
from vagalwatch.evaluate.score import KINDS, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from vagalwatch.evaluate.benchmark import Judged
    from vagalwatch.evaluate.case import Truth
    from vagalwatch.evaluate.detector import Track, Values
    from vagalwatch.evaluate.score import Alert, Phase

OFF_AFTER_S: Final = 60.0
"""A sensor may be off for so long before a row that still judges counts as a fault."""

LEAST_JUDGED: Final = 2 / 3
"""Of the rows of a marked stretch, and of those with the minute after it, as of a minute that is
measured (``min_coverage``). Who did not judge it has not stood the test of it."""

_NONE: Final = (0.0, 0.0)

NOT_JUDGED: Final = "marked_not_judged"
"""The figure of the marked stretches that were not judged."""

Figures = dict[str, Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one case adds to the figures of one detector."""

    who: str
    story: str
    hours: float
    found: dict[str, tuple[float, float]]  # kind: found, of
    latency_s: dict[str, tuple[float, ...]]
    false: dict[str, int]
    marked: dict[tuple[str, str], tuple[float, float]]  # label, kind: stretches with an alert, of
    not_judged: dict[str, int]  # label: stretches, which are in none of the above
    unknown: tuple[float, float]  # rows, of
    with_arousal: tuple[float, float]
    judged_while_off: tuple[float, float]
    loc: float | None
    auc: float | None
    above_rest: float | None
    task_loc: dict[str, float]


class Scored(NamedTuple):
    """One detector's figures: of all, by story, LOC by task, and alerts by marked stretch."""

    name: str
    figures: Figures
    stories: dict[str, Figures]
    tasks: Figures
    marked: dict[str, Figures]
    learnt_the_protocol: bool


def scores(judged: Sequence[Judged], *, clock: str) -> list[Scored]:
    """A :class:`Scored` for each detector that judged every case, in their order.

    ``clock`` is the name of the one without a sensor. A detector whose LOC is not clearly over
    the clock's (the lower end of its interval) may have learnt the protocol, and is marked.
    """
    names = [name for name in judged[0].tracks if all(name in case.tracks for case in judged)]
    people = {name: _by_person(part(case, case.tracks[name]) for case in judged) for name in names}
    figures = {name: _figures(parts) for name, parts in people.items()}
    against = figures[clock]["loc"].value if "loc" in figures.get(clock, {}) else None
    return [
        Scored(
            name,
            figures[name],
            {
                story: _figures(_by_person(p for own in parts for p in own if p.story == story))
                for story in dict.fromkeys(p.story for own in parts for p in own)
                if story
            },
            _task_locs(parts),
            _by_label(parts),
            name != clock and _no_better(figures[name].get("loc"), against),
        )
        for name, parts in people.items()
    ]


def part(case: Judged, said: Track) -> Part:
    """One detector on one case."""
    truth, t_s = case.truth, case.row_t_s
    matched = score.match(truth.events, said.alerts)
    latency_s: dict[str, list[float | None]] = defaultdict(list)
    for event, found_s in zip(truth.events, matched.latency_s, strict=True):
        latency_s[event.kind].append(found_s)
    false = score.alerts_in(matched.false, truth.watch)
    off = _rows(t_s, truth.off, OFF_AFTER_S)
    worn = ~_rows(t_s, truth.off)
    after = worn & (t_s > truth.baseline_s[1])
    judged = [phase for phase in truth.marked if _judged(phase, t_s, said)]
    labels = dict.fromkeys(phase.name for phase in truth.marked)
    return Part(
        who=truth.who,
        story=truth.story,
        hours=_hours(truth),
        found={
            kind: (float(sum(one is not None for one in ones)), float(len(ones)))
            for kind, ones in latency_s.items()
        },
        latency_s={
            kind: tuple(one for one in ones if one is not None) for kind, ones in latency_s.items()
        },
        false={kind: sum(alert.kind == kind for alert in false) for kind in KINDS},
        marked={
            (label, kind): _in_marked(judged, said, label, kind)
            for label in labels
            for kind in KINDS
        },
        not_judged={
            label: sum(phase.name == label and phase not in judged for phase in truth.marked)
            for label in labels
        },
        unknown=_share(said.unknown, worn),
        with_arousal=_share(~np.isnan(said.arousal), after),
        judged_while_off=_share(~said.unknown, off),
        loc=score.loc(t_s, said.arousal, truth.phases),
        auc=score.rest_auc(t_s, said.arousal, truth.phases, without=truth.baseline_s),
        above_rest=score.share_above_rest(t_s, said.arousal, truth.phases),
        task_loc=score.task_locs(t_s, said.arousal, truth.phases),
    )


def _judged(marked: Phase, t_s: Values, said: Track) -> bool:
    """Whether ``marked`` was judged: an alert says so, else enough rows that are not unknown."""
    if _alerts_in(marked, said):
        return True
    for until_s in (marked.to_s, marked.to_s + score.MATCH_S):
        # Up to the row that is due at its end: a stretch may be shorter than a row.
        rows = (t_s > marked.from_s) & (t_s < until_s + ROW_S)
        if not rows.any() or (~said.unknown[rows]).mean() < LEAST_JUDGED:
            return False
    return True


def _in_marked(
    stretches: Iterable[Phase], said: Track, label: str, kind: str
) -> tuple[float, float]:
    """How many of the ``stretches`` of ``label`` hold an alert, of all."""
    hit = [
        any(alert.kind == kind for alert in _alerts_in(phase, said))
        for phase in stretches
        if phase.name == label
    ]
    return float(sum(hit)), float(len(hit))


def _alerts_in(marked: Phase, said: Track) -> list[Alert]:
    """In ``marked`` or in the minute after it."""
    return score.alerts_in(said.alerts, [marked._replace(to_s=marked.to_s + score.MATCH_S)])


def _figures(people: Sequence[Sequence[Part]]) -> Figures:
    """Every figure that these people's parts have anything to say to."""
    told: Figures = {}
    for kind in KINDS:
        told[f"found.{kind}"] = _ratio(people, lambda p: p.found.get(kind, _NONE))  # noqa: B023 - called at once
        latency_s = [[s for p in own for s in p.latency_s.get(kind, ())] for own in people]
        quartiles = score.quantiles_of(latency_s, (0.25, 0.5, 0.75))
        for name, one in zip(("q1", "median", "q3"), quartiles, strict=True):
            told[f"latency_s.{kind}.{name}"] = one
        told[f"false_per_h.{kind}"] = _ratio(people, lambda p: (float(p.false[kind]), p.hours))  # noqa: B023 - as above
        told[f"in_marked.{kind}"] = _ratio(people, lambda p: _marked(p, kind))  # noqa: B023 - as above
    labels = dict.fromkeys(label for own in people for p in own for label in p.not_judged)
    if labels:
        told[NOT_JUDGED] = _not_judged(people, labels)
    told["false_per_h"] = _ratio(people, lambda p: (float(sum(p.false.values())), p.hours))
    told["unknown"] = _ratio(people, lambda p: p.unknown)
    told["with_arousal"] = _ratio(people, lambda p: p.with_arousal)
    told["judged_while_off"] = _ratio(people, lambda p: p.judged_while_off)
    told["loc"] = _mean(people, lambda p: p.loc)
    told["auc"] = _mean(people, lambda p: p.auc)
    told["above_rest"] = _mean(people, lambda p: p.above_rest)
    return {name: one for name, one in told.items() if one.value is not None}


def _task_locs(people: Sequence[Sequence[Part]]) -> Figures:
    names = dict.fromkeys(task for own in people for p in own for task in p.task_loc)
    return {task: _mean(people, lambda p: p.task_loc.get(task)) for task in names}  # noqa: B023 - called at once


def _by_label(people: Sequence[Sequence[Part]]) -> dict[str, Figures]:
    labels = dict.fromkeys(label for own in people for p in own for label, _ in p.marked)
    return {
        label: {
            f"in_marked.{kind}": _ratio(people, lambda p: p.marked.get((label, kind), _NONE))  # noqa: B023 - called at once
            for kind in KINDS
        }
        | {NOT_JUDGED: _not_judged(people, (label,))}
        for label in labels
    }


def _not_judged(people: Sequence[Sequence[Part]], labels: Collection[str]) -> Interval:
    """A number of stretches: it has no interval."""
    by_person = [sum(p.not_judged.get(label, 0) for p in own for label in labels) for own in people]
    return Interval(float(sum(by_person)), people=sum(count > 0 for count in by_person))


def _marked(one: Part, kind: str) -> tuple[float, float]:
    """Stretches of any label."""
    pairs = [pair for (_, of_kind), pair in one.marked.items() if of_kind == kind]
    return sum(hit for hit, _ in pairs), sum(of for _, of in pairs)


def _ratio(
    people: Sequence[Sequence[Part]], pair: Callable[[Part], tuple[float, float]]
) -> Interval:
    """Sums over everything, such as alerts over hours."""
    sums = []
    for own in people:
        pairs = [pair(p) for p in own]
        sums.append((sum(a for a, _ in pairs), sum(b for _, b in pairs)))
    return score.ratio_of(sums)


def _mean(people: Sequence[Sequence[Part]], value: Callable[[Part], float | None]) -> Interval:
    """A mean over each person's recordings, and then over the people."""
    return score.mean_of(score.mean(value(p) for p in own) for own in people)


def _by_person(parts: Iterable[Part]) -> list[list[Part]]:
    people: dict[str, list[Part]] = {}
    for one in parts:
        people.setdefault(one.who, []).append(one)
    return list(people.values())


def _no_better(loc: Interval | None, clock_loc: float | None) -> bool:
    if loc is None or clock_loc is None or loc.value is None:
        return False
    return (loc.value if loc.low is None else loc.low) <= clock_loc


def _hours(truth: Truth) -> float:
    """Of what is watched and worn."""
    seconds = sum(p.to_s - p.from_s for p in truth.watch)
    for watched in truth.watch:
        for off in truth.off:
            seconds -= max(0.0, min(watched.to_s, off.to_s) - max(watched.from_s, off.from_s))
    return seconds / 3600


def _rows(t_s: Values, phases: Iterable[Phase], after_s: float = 0.0) -> NDArray[np.bool_]:
    chosen = np.zeros(t_s.shape, dtype=np.bool_)
    for phase in phases:
        chosen |= score.rows_in(t_s, phase, settle_s=after_s)
    return chosen


def _share(holds: NDArray[np.bool_], of: NDArray[np.bool_]) -> tuple[float, float]:
    return float((holds & of).sum()), float(of.sum())
