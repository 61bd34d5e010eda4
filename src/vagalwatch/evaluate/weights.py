"""How much hangs on the weights of arousal's terms, which were chosen on the recordings at hand.

Each person's terms come once from the very engine that runs live; only their weighted mean is
taken anew. The weights that are tried are all those in tenths. "Chosen" means by LOC, for the
people who are not judged: their labels alone decide.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from vagalwatch import __version__, analysis
from vagalwatch.engine import ENGINE_VERSION
from vagalwatch.evaluate import score
from vagalwatch.evaluate.detector import ROW_S
from vagalwatch.evaluate.report import LINES, cell
from vagalwatch.hrv.codes import Why
from vagalwatch.hrv.parameters import PARAMETERS, parameters_hash
from vagalwatch.records import Estimate
from vagalwatch.sensors.recording import RecordingError
from vagalwatch.sensors.recording.model import NS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vagalwatch.evaluate.case import Source, Truth
    from vagalwatch.evaluate.detector import Person, Values
    from vagalwatch.evaluate.score import Interval, Phase

_AROUSAL: Final = PARAMETERS.arousal
SHIPPED: Final = {
    Why.HEART_RATE: _AROUSAL.weight_heart,
    Why.SKIN_OVER_MEAN: _AROUSAL.weight_skin_level,
    Why.SKIN_CHANGE: _AROUSAL.weight_skin_change,
    Why.SKIN_RESPONSES: _AROUSAL.weight_skin_responses,
}
"""The terms in the order of every array here, with the weights that the engine has."""
TENTHS: Final = np.array([w for w in itertools.product(range(11), repeat=4) if sum(w) == 10]) / 10  # noqa: PLR2004
"""All weights in tenths, shape (286, 4)."""
SHIFTS: Final = 40
_WIDTH: Final = 150  # of the table, so that no cell is broken
FIGURES: Final = ("loc", "auc", "above_rest")
WITHOUT: Final = "chosen without the person judged"
ON_ALL: Final = "best of all, chosen on everybody judged"


class Rows(NamedTuple):
    """One person's rows: ``t_s`` (n,), ``z`` of the terms (n, 4), NaN where one is not known."""

    who: str
    t_s: Values
    z: Values
    phases: tuple[Phase, ...]
    baseline_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A way to weigh: the weights that each person was judged with, and the figures."""

    name: str
    weights: dict[str, tuple[float, ...]]
    figures: dict[str, Interval]


Compared = dict[str, list[Line]]
"""The lines by where the personal baseline came from."""


def compare(
    sources: Sequence[Source], *, progress: Callable[[float], None] = lambda _share: None
) -> Compared:
    """Every way to weigh, with the labelled baseline and with the engine's own first minutes.

    Raises:
        RecordingError: a recording cannot be read, or nobody is left to choose on.
    """
    given, own = [], []
    for done, source in enumerate(sources, start=1):
        person, truth = source.load()
        given.append(rows(person, truth, person.baseline_s))
        own.append(rows(person, truth, None))
        progress(done / len(sources))
    return {"the labelled baseline given": lines(given), "its own first minutes": lines(own)}


def rows(person: Person, truth: Truth, baseline_s: tuple[float, float] | None) -> Rows:
    """What the engine knew of ``person``; without ``baseline_s`` it takes its own."""
    z = np.full((person.row_t_s.size, len(SHIPPED)), np.nan)
    order = list(SHIPPED)
    start_ns = analysis.told_from_ns(person.recording)
    for one in analysis.said(person.recording, baseline=baseline_s):
        index = (one.t_ns - start_ns) // (ROW_S * NS) - 1
        if isinstance(one, Estimate) and one.arousal is not None and index < len(z):
            for reason in one.reasons:
                if reason.contribution is not None and reason.z is not None:
                    z[index, order.index(Why(reason.code))] = reason.z
    return Rows(truth.who, person.row_t_s, z, truth.phases, truth.baseline_s)


def arousal(z: Values, weights: Values) -> Values:
    """As :func:`vagalwatch.hrv.arousal.weigh`, of all rows; NaN where no weighed term is known."""
    limit = _AROUSAL.limit_z
    known = np.isfinite(z) * weights
    total = known.sum(axis=1)
    sums = (limit * np.tanh(np.nan_to_num(z) / limit) * known).sum(axis=1)
    mean: Values = np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0)
    return mean


def lines(everybody: Sequence[Rows]) -> list[Line]:
    """Every way to weigh, over those who have a task between two rests.

    Raises:
        RecordingError: they are fewer than two.
    """
    people = [one for one in everybody if score.loc(one.t_s, one.t_s, one.phases) is not None]
    if len(people) < 2:  # noqa: PLR2004 - one to choose on and one to judge
        raise RecordingError("Two people with a task between two rests are needed to weigh anew.")
    locs = np.array(
        [[score.loc(p.t_s, arousal(p.z, w), p.phases) for p in people] for w in TENTHS],
        dtype=np.float64,
    )
    shipped = np.array(list(SHIPPED.values()))
    near = np.flatnonzero(np.abs(TENTHS - shipped).max(axis=1) < 0.1 + 1e-9)
    everyone = range(len(people))

    def line(name: str, folds: Iterable[tuple[Iterable[int], Values]]) -> Line:
        weights = {index: chosen for judged, chosen in folds for index in judged}
        told = [_figures(people[index], weights[index]) for index in everyone]
        by_who = {people[i].who: tuple(w.tolist()) for i, w in sorted(weights.items())}
        return Line(name, by_who, _over_people(told))

    def chosen_without(judged: Iterable[int]) -> Values:
        return _best(np.delete(locs, list(judged), axis=1))

    halves = (everyone[0::2], everyone[1::2])
    return [
        line("as they are", [(everyone, shipped)]),
        line(WITHOUT, [((one,), chosen_without((one,))) for one in everyone]),
        line("chosen on the other half", [(half, chosen_without(half)) for half in halves]),
        line(ON_ALL, [(everyone, _best(locs))]),
        line(
            "worst of those moved by a tenth",
            [(everyone, TENTHS[near[locs[near].mean(axis=1).argmin()]])],
        ),
        line("all equal", [(everyone, np.full(len(SHIPPED), 1 / len(SHIPPED)))]),
        *(
            line(f"{code} alone", [(everyone, weights)])
            for code, weights in zip(SHIPPED, np.eye(len(SHIPPED)), strict=True)
        ),
        Line(
            "as they are, shifted in time", {}, _over_people([_shifted(p, shipped) for p in people])
        ),
    ]


def _best(locs: Values) -> Values:
    """The weights with the highest mean LOC over the people that ``locs`` holds, (286, people)."""
    best: Values = TENTHS[locs.mean(axis=1).argmax()]
    return best


def _figures(one: Rows, weights: Values) -> tuple[float | None, ...]:
    return _scored(one, arousal(one.z, weights))


def _shifted(one: Rows, weights: Values) -> tuple[float | None, ...]:
    """The same numbers at other times of the session: what is left is not of the tasks."""
    said, rng = arousal(one.z, weights), np.random.default_rng(0)
    by = rng.integers(said.size // 6, said.size * 5 // 6, SHIFTS, endpoint=True).tolist()
    drawn = [_scored(one, np.roll(said, rows)) for rows in by]
    return tuple(score.mean(column) for column in zip(*drawn, strict=True))


def _scored(one: Rows, said: Values) -> tuple[float | None, ...]:
    """In the order of ``FIGURES``."""
    return (
        score.loc(one.t_s, said, one.phases),
        score.rest_auc(one.t_s, said, one.phases, without=one.baseline_s),
        score.share_above_rest(one.t_s, said, one.phases),
    )


def _over_people(told: Iterable[tuple[float | None, ...]]) -> dict[str, Interval]:
    columns = zip(FIGURES, zip(*told, strict=True), strict=True)
    return {name: score.mean_of(column) for name, column in columns}


def as_json(compared: Compared) -> dict[str, Any]:
    """The lines with the weights of each person, in the order of ``terms``."""
    return {
        "version": __version__,
        "engine_version": ENGINE_VERSION,
        "parameters": parameters_hash(),
        "terms": [code.value for code in SHIPPED],
        "lines": [
            {
                "baseline": baseline,
                "name": one.name,
                "weights": one.weights,
                "figures": {name: told._asdict() for name, told in one.figures.items()},
            }
            for baseline, told_lines in compared.items()
            for one in told_lines
        ],
    }


def show(compared: Compared) -> None:
    """Print a table for each baseline on stdout."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    words = {name: (told, write) for name, told, write in LINES if name in FIGURES}
    out = Console(highlight=False)
    out.width = max(out.width, _WIDTH)
    out.print(f"Weights in the order {', '.join(SHIPPED)}.")
    for baseline, told_lines in compared.items():
        people = max(told.people for one in told_lines for told in one.figures.values())
        table = Table("weights", *(words[name][0] for name in FIGURES), "which", box=None)
        for one in told_lines:
            cells = [cell(one.figures[name], words[name][1]) for name in FIGURES]
            told = [f"{value} ({spread})" if spread else value for value, spread in cells]
            table.add_row(one.name, *told, _which(one))
        out.print(f"\nArousal of {people} people, {baseline}:")
        out.print(table)


def _which(line: Line) -> str:
    different = set(line.weights.values())
    if len(different) > 1:
        return f"{len(different)} different"
    return " ".join(f"{weight:g}" for weights in different for weight in weights)
