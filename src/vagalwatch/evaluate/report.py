"""A report: the figures as JSON and as a plain table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vagalwatch import __version__
from vagalwatch.engine import ENGINE_VERSION
from vagalwatch.evaluate import benchmark, causal, figures
from vagalwatch.evaluate.detector import load
from vagalwatch.evaluate.peers import Clock
from vagalwatch.hrv.parameters import parameters_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vagalwatch.evaluate.benchmark import Judged
    from vagalwatch.evaluate.figures import Figures, Scored
    from vagalwatch.evaluate.score import Interval
    from vagalwatch.evaluate.suites import Suite

_FIRST_WIDTH: Final = 32
_COLUMN_WIDTH: Final = 18  # of a table that goes into a file, so that no cell is broken
LEARNT: Final = "not clearly better than the clock on LOC: it may have learnt the protocol."
UNTAUGHT: Final = "could not be taught here: that takes two people and two classes."
AHEAD: Final = "looks ahead: what it says of a minute changes with what comes after it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a suite said of its detectors; ``judged`` is what the pictures are drawn from."""

    suite: str
    about: str
    people: int
    recordings: int
    hours: float
    detectors: list[Scored]
    looks_ahead: tuple[str, ...]
    untaught: tuple[str, ...]
    judged: list[Judged]

    def warnings(self) -> list[tuple[str, str]]:
        """What a reader must know of single detectors: name and sentence."""
        return [
            *((name, UNTAUGHT) for name in self.untaught),
            *((name, AHEAD) for name in self.looks_ahead),
            *((one.name, LEARNT) for one in self.detectors if one.learnt_the_protocol),
        ]

    def as_json(self) -> dict[str, Any]:
        """``report.json``."""
        return {
            "suite": self.suite,
            "about": self.about,
            "people": self.people,
            "recordings": self.recordings,
            "hours": round(self.hours, 3),
            "version": __version__,
            "engine_version": ENGINE_VERSION,
            "parameters": parameters_hash(),
            "untaught": list(self.untaught),
            "detectors": [
                {
                    "name": one.name,
                    "figures": _as_json(one.figures),
                    "stories": {name: _as_json(told) for name, told in one.stories.items()},
                    "task_loc": _as_json(one.tasks),
                    "marked": {label: _as_json(told) for label, told in one.marked.items()},
                    "may_have_learnt_the_protocol": one.learnt_the_protocol,
                    "looks_ahead": one.name in self.looks_ahead,
                }
                for one in self.detectors
            ],
        }


def evaluate(
    suite: Suite,
    detectors: Sequence[str] = (),
    *,
    jobs: int = 1,
    progress: Callable[[float], None] = lambda _share: None,
) -> Report:
    """Run the peers and ``detectors`` (``module:object``) over ``suite``.

    Raises:
        RecordingError: a recording cannot be read.
        DetectorError: a detector cannot be loaded or failed.
        MissingExtraError: something optional is not installed.
    """
    names = (*benchmark.PEERS, *detectors)
    judged = benchmark.run(suite.sources, names, jobs=jobs, progress=progress)
    scored = figures.scores(judged, clock=Clock.name)
    told = {one.name for one in scored}
    return Report(
        suite=suite.name,
        about=suite.about,
        people=len({case.truth.who for case in judged}),
        recordings=len(judged),
        hours=sum(case.truth.duration_s for case in judged) / 3600,
        detectors=scored,
        looks_ahead=causal.looking_ahead(suite.sources[0], names),
        untaught=tuple(name for name in map(_name, names) if name not in told),
        judged=judged,
    )


def _name(detector: str) -> str:
    return load(detector).name


# --- a plain table ----------------------------------------------------------------------------


def _share(value: float) -> str:
    # The digit matters near the ends.
    return f"{value:.1%}" if 0.0005 < value < 0.1 or 0.9 < value < 0.9995 else f"{value:.0%}"  # noqa: PLR2004


def _two(value: float) -> str:
    return f"{value:.2f}"


def _count(value: float) -> str:
    return f"{value:.0f}"


def _seconds(value: float) -> str:
    return f"{value:.0f} s"


_KINDS: Final = (
    ("flooding", "flooding"),
    ("shutdown", "shutdown"),
    ("safety", "falls of the heart"),
)
LINES: Final[tuple[tuple[str, str, Callable[[float], str]], ...]] = (
    ("loc", "LOC of arousal", _two),
    ("auc", "AUC over all rests", _two),
    ("above_rest", "interview over relax level", _share),
    *((f"found.{kind}", f"{word} found", _share) for kind, word in _KINDS),
    *((f"latency_s.{kind}.median", f"{word}: latency", _seconds) for kind, word in _KINDS),
    ("false_per_h", "false alerts an hour watched", _two),
    *((f"false_per_h.{kind}", f"… {word}", _two) for kind, word in _KINDS),
    ("unknown", "rows unknown", _share),
    ("with_arousal", "rows with arousal", _share),
    ("judged_while_off", "judged while sensor off", _share),
)
"""Figure, its words, and how it is written; the order of every table."""


def lines(report: Report) -> list[tuple[str, list[Interval | None], Callable[[float], str]]]:
    """The figures that any detector has: words, an interval a detector, and how to write it."""
    table = [
        (words, [one.figures.get(name) for one in report.detectors], write)
        for name, words, write in LINES
        if any(name in one.figures for one in report.detectors)
    ]
    for label in report.detectors[0].marked if report.detectors else ():
        for kind, word in _KINDS:
            name = f"in_marked.{kind}"
            intervals = [one.marked[label].get(name) for one in report.detectors]
            table.append((f"{label}, with {word}", intervals, _share))
        unjudged: list[Interval | None] = [
            one.marked[label][figures.NOT_JUDGED] for one in report.detectors
        ]
        table.append((f"{label}, not judged", unjudged, _count))
    return table


def cell(interval: Interval | None, write: Callable[[float], str]) -> tuple[str, str]:
    """A figure and its interval as text; empty where there is none."""
    if interval is None or interval.value is None:
        return "", ""
    if interval.low is None or interval.high is None:
        return write(interval.value), ""
    return write(interval.value), f"{write(interval.low)} to {write(interval.high)}"


def show(report: Report) -> None:
    """Print the table on stdout."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = _FIRST_WIDTH + _COLUMN_WIDTH * len(report.detectors)
    out.print(
        f"{report.about}\n{report.people} people, {report.recordings} recordings, "
        f"{report.hours:.1f} hours; 95 % intervals by bootstrap over people."
    )
    table = Table("", *(one.name for one in report.detectors), box=None)
    for words, intervals, write in lines(report):
        table.add_row(words, *("\n".join(cell(one, write)) for one in intervals))
    out.print(table)
    for name, sentence in report.warnings():
        out.print(f"{name}: {sentence}")


def _as_json(told: Figures) -> dict[str, Any]:
    return {name: interval._asdict() for name, interval in told.items()}
