"""The figures, as pure functions of rows, phases, events and alerts.

Rows stand every 5 s of one person's recording: ``t_s`` float64 of shape (n,), strictly rising,
seconds from the recording's start; ``arousal`` float64 of shape (n,), higher is more aroused,
NaN where a detector gives none. **A row without a value counts as 0**, the person's usual: a
detector may not gain by keeping silent where it is hard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

SETTLE_S: Final = 60.0
"""A phase's first minute is left out of LOC and AUC: the usual windows of 60 s still hold the phase
before, and the minute in between belongs to neither."""
MATCH_S: Final = 60.0
"""An alert up to this long after the end of an event still belongs to it: it was on its way."""
DRAWS: Final = 1000
COVER: Final = 0.95

Load = Literal["rest", "task", "ignore"]


class Phase(NamedTuple):
    """A labelled stretch (from, to] of a recording. ``ignore`` parts no neighbours."""

    name: str
    load: Load
    from_s: float
    to_s: float


KINDS: Final = ("flooding", "shutdown", "safety")
"""What can be found: of events, and of alerts."""


class Event(NamedTuple):
    """Something that is to be found: true from ``from_s`` to ``to_s``.

    ``crossed_s`` is when the truth reaches the level from which it is to be found; latency counts
    from there, and an alert before it (but within the event) has the latency 0.
    """

    kind: str
    from_s: float
    to_s: float
    crossed_s: float


class Alert(NamedTuple):
    """A detector says that ``kind`` is there; ``t_s`` is when it says so, not when it began."""

    kind: str
    t_s: float


def auc(high: Values, low: Values) -> float | None:
    """Chance that a row of ``high`` exceeds one of ``low``, ties half (Mann & Whitney 1947).

    Both of shape (n,), NaN counts as 0. ``None`` if one is empty.
    """
    if not high.size or not low.size:
        return None
    above, below = np.nan_to_num(high, nan=0.0), np.sort(np.nan_to_num(low, nan=0.0))
    less = np.searchsorted(below, above, side="left")
    not_more = np.searchsorted(below, above, side="right")
    return float((less + not_more).mean() / 2 / below.size)


def rows_in(t_s: Values, phase: Phase, *, settle_s: float = SETTLE_S) -> NDArray[np.bool_]:
    """Which rows belong to ``phase``: (from + settle, to]."""
    return (t_s > phase.from_s + settle_s) & (t_s <= phase.to_s)


def loc(t_s: Values, arousal: Values, phases: Sequence[Phase]) -> float | None:
    """Local AUC: each task against the rest just before it and the rest just after it.

    A task's figure is the mean of its AUCs against either side, so that a drift, or a detector
    that only knows how late it is, scores .5 however long the rests are. Then the mean over the
    tasks that have a rest on both sides. ``None``: there is no such task.
    """
    by_task = task_locs(t_s, arousal, phases)
    return sum(by_task.values()) / len(by_task) if by_task else None


def task_locs(t_s: Values, arousal: Values, phases: Sequence[Phase]) -> dict[str, float]:
    """:func:`loc` of each task by its name (two of one name: their mean)."""
    told = [phase for phase in sorted(phases, key=lambda p: p.from_s) if phase.load != "ignore"]
    found: dict[str, list[float]] = {}
    for before, task, after in zip(told, told[1:], told[2:], strict=False):
        if (before.load, task.load, after.load) != ("rest", "task", "rest"):
            continue
        here = arousal[rows_in(t_s, task)]
        both = [auc(here, arousal[rows_in(t_s, rest)]) for rest in (before, after)]
        known = [side for side in both if side is not None]
        if len(known) == len(both):
            found.setdefault(task.name, []).append(sum(known) / len(known))
    return {name: sum(values) / len(values) for name, values in found.items()}


def rest_auc(
    t_s: Values, arousal: Values, phases: Sequence[Phase], *, without: tuple[float, float] | None
) -> float | None:
    """AUC of all tasks against all rests, but for rests that overlap ``without``.

    ``without`` is the stretch of the personal baseline (s), which a detector was given. This
    figure rewards drift: never read it without :func:`loc` and the clock's beside it.
    """
    return auc(*sides(t_s, arousal, phases, without=without))


def sides(
    t_s: Values, arousal: Values, phases: Sequence[Phase], *, without: tuple[float, float] | None
) -> tuple[Values, Values]:
    """The rows of all tasks and those of the rests, as :func:`rest_auc` compares them."""
    tasks = [phase for phase in phases if phase.load == "task"]
    rests = [
        phase
        for phase in phases
        if phase.load == "rest"
        and (without is None or phase.to_s <= without[0] or phase.from_s >= without[1])
    ]
    filled = np.nan_to_num(arousal, nan=0.0)
    return filled[_rows_of(t_s, tasks)], filled[_rows_of(t_s, rests)]


def share_above_rest(
    t_s: Values,
    arousal: Values,
    phases: Sequence[Phase],
    *,
    task: str = "interview",
    rest: str = "relax",
    exceed: float = 0.25,
) -> float | None:
    """Share of the rows of ``task`` over the level that a quarter of the ``rest`` rows exceed.

    Phases by the beginning of their name. ``None``: the recording has no such phases.
    """
    parts = [
        arousal[_rows_of(t_s, [phase for phase in phases if phase.name.startswith(name)])]
        for name in (task, rest)
    ]
    if not all(part.size for part in parts):
        return None
    high, low = (np.nan_to_num(part, nan=0.0) for part in parts)
    return float((high > np.quantile(low, 1 - exceed)).mean())


@dataclass(frozen=True, slots=True)
class Matched:
    """Alerts held against events: ``latency_s`` has one entry an event, ``None`` if missed."""

    latency_s: tuple[float | None, ...]
    false: tuple[Alert, ...]


def match(events: Sequence[Event], alerts: Iterable[Alert]) -> Matched:
    """An alert finds the event of its kind that holds at its time (or did up to a minute ago).

    Further alerts of the kind within the same event are neither found nor false. An alert that
    belongs to no event of its kind is false.
    """
    latency_s: list[float | None] = [None] * len(events)
    false: list[Alert] = []
    for alert in sorted(alerts, key=lambda one: one.t_s):
        mine = [
            index
            for index, event in enumerate(events)
            if event.kind == alert.kind and event.from_s <= alert.t_s <= event.to_s + MATCH_S
        ]
        if not mine:
            false.append(alert)
        for index in mine[:1]:
            if latency_s[index] is None:
                latency_s[index] = max(0.0, alert.t_s - events[index].crossed_s)
    return Matched(tuple(latency_s), tuple(false))


def alerts_in(alerts: Iterable[Alert], phases: Iterable[Phase]) -> list[Alert]:
    """The alerts that fall into one of ``phases``."""
    told = list(phases)
    return [a for a in alerts if any(p.from_s < a.t_s <= p.to_s for p in told)]


class Interval(NamedTuple):
    """A figure over people with its bootstrap interval; ``None``: it cannot be told."""

    value: float | None
    low: float | None = None
    high: float | None = None
    people: int = 0


def ratio_of(people: Sequence[tuple[float, float]], *, seed: int = 0) -> Interval:
    """Sum of the firsts over the sum of the seconds, such as alerts over hours, a pair a person.

    The interval is the percentile interval over people drawn with replacement: rows and events of
    one person are no independent evidence (Efron & Tibshirani 1993). The same people and seed give
    the same interval; one person has none. Who brings nothing to the second sum is left out.
    """
    table = np.array([pair for pair in people if pair[1] > 0], dtype=np.float64).reshape(-1, 2)
    if not len(table):
        return Interval(None)
    drawn = table[_draws(len(table), seed)].sum(axis=1)
    total = table.sum(axis=0)
    return _interval(total[0] / total[1], drawn[:, 0] / drawn[:, 1], len(table))


def mean_of(people: Iterable[float | None], *, seed: int = 0) -> Interval:
    """The mean of what is known, a value a person; the interval as in :func:`ratio_of`."""
    return ratio_of([(value, 1.0) for value in people if value is not None], seed=seed)


def quantiles_of(
    people: Sequence[Sequence[float]], shares: Sequence[float], *, seed: int = 0
) -> list[Interval]:
    """Quantiles of everybody's values together, such as latencies; intervals as above."""
    known = [np.array(values) for values in people if len(values)]
    if not known:
        return [Interval(None) for _ in shares]
    values = np.quantile(np.concatenate(known), shares)
    drawn = np.array(
        [
            np.quantile(np.concatenate([known[index] for index in chosen]), shares)
            for chosen in _draws(len(known), seed).tolist()
        ]
    )
    return [_interval(value, drawn[:, i], len(known)) for i, value in enumerate(values.tolist())]


def _draws(people: int, seed: int) -> NDArray[np.int64]:
    """Who is drawn, shape (draws, people)."""
    return np.random.default_rng(seed).integers(people, size=(DRAWS, people))


def _interval(value: float, drawn: Values, people: int) -> Interval:
    if people < 2:  # noqa: PLR2004 - one person varies with nobody
        return Interval(float(value), people=people)
    low, high = np.quantile(drawn, [(1 - COVER) / 2, (1 + COVER) / 2]).tolist()
    return Interval(float(value), low, high, people)


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; ``None`` if none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _rows_of(t_s: Values, phases: Iterable[Phase]) -> NDArray[np.bool_]:
    chosen = np.zeros(t_s.shape, dtype=np.bool_)
    for phase in phases:
        chosen |= rows_in(t_s, phase)
    return chosen
