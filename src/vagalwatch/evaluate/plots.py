"""The pictures of a report, each a small SVG that can be read on a phone."""

from __future__ import annotations

import io
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from vagalwatch.evaluate import score
from vagalwatch.evaluate.case import OFF
from vagalwatch.evaluate.peers import HeartRateOver100, Vagalwatch
from vagalwatch.evaluate.score import KINDS
from vagalwatch.export.parquet import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vagalwatch.evaluate.benchmark import Judged
    from vagalwatch.evaluate.detector import Values
    from vagalwatch.evaluate.figures import Scored
    from vagalwatch.evaluate.report import Report
    from vagalwatch.evaluate.score import Interval

    FigureOf = Callable[[Scored, str], Interval | None]

WIDTH_IN: Final = 4.6
SHOWN_PEOPLE: Final = 3
"""Of labelled recordings: enough to see what a timeline looks like; of stories each one's first."""
# Okabe & Ito: told apart with any colour vision.
COLOURS: Final = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#7F7F7F", "#CC79A7", "#56B4E9")
_BANDS: Final = {
    "task": "#F7D9C4",
    "flooding": "#F7D9C4",
    "shutdown": "#D9D2EE",
    "safety": "#F9C9D0",
    OFF: "#E4E4E4",
}
_STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vagalwatch",  # the same report is the same file
    "font.family": ["sans-serif"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.constrained_layout.use": True,
}


class Picture(NamedTuple):
    """An SVG, the section it belongs to, and what it shows in words."""

    section: str
    title: str
    alt: str
    svg: bytes


class _Frame(NamedTuple):
    """Where a picture stands, its words, the end of its axis, and a line to hold against."""

    section: str
    title: str
    label: str
    top: float | None = None
    line: float | None = None


def need_matplotlib() -> None:
    """Say it before the work rather than after it.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError(
            "The pictures of a report need the extra “research”. Run “bash scripts/environment "
            "dev” in the project's folder, or leave --out away."
        )


def pictures(report: Report) -> list[Picture]:
    """Every picture that ``report`` has something to show for."""
    # Imported here: it takes a second, and only a report with pictures needs it.
    with import_module("matplotlib").rc_context(_STYLE):
        return list(_Artist(report, import_module("matplotlib.figure").Figure).all())


class _Artist:
    def __init__(self, report: Report, figure: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        self._report = report
        self._figure = figure
        self._colour = {
            one.name: COLOURS[index % len(COLOURS)] for index, one in enumerate(report.detectors)
        }

    def all(self) -> Iterator[Picture]:
        """In the order of the page."""
        yield from self._arousal()
        yield from self._found()
        yield from self._stories(to_find=True)
        yield from self._false()
        yield from self._stories(to_find=False)
        yield from self._timelines()

    # --- arousal ------------------------------------------------------------------------------

    def _arousal(self) -> Iterator[Picture]:
        section = "Arousal"
        told = [one for one in self._report.detectors if "loc" in one.figures]
        if not told:
            return
        tasks = dict.fromkeys(task for one in told for task in one.tasks)
        rows = [*tasks, "all"] if len(tasks) > 1 else list(tasks)
        yield self._dots(
            _Frame(section, "LOC by task", "a clock without a sensor scores .5", 1.0, 0.5),
            rows,
            told,
            lambda one, task: one.figures.get("loc") if task == "all" else one.tasks.get(task),
        )
        fig, axes = self._axes(3.6)
        axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.8)
        for one in told:
            curve = _mean_roc(self._report.judged, one.name)
            axes.plot(*curve, color=self._colour[one.name], linewidth=1.5, label=one.name)
        axes.set(xlabel="rows of rest over the level", ylabel="rows of tasks over the level")
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        axes.legend(loc="lower right")
        yield self._done(
            fig,
            section,
            "ROC over all rests, mean over people",
            "Receiver operating curves: "
            + _in_words(told, lambda one, _: one.figures.get("auc"), "area"),
        )

    # --- events -------------------------------------------------------------------------------

    def _found(self) -> Iterator[Picture]:
        for kind in KINDS:
            if not any(f"found.{kind}" in one.figures for one in self._report.detectors):
                continue
            fig, axes = self._axes(2.7)
            for one in self._report.detectors:
                share = one.figures.get(f"found.{kind}")
                latency_s = sorted(_latencies(self._report.judged, one.name, kind))
                if share is None or share.value is None:
                    continue
                heights = np.arange(1, len(latency_s) + 1) / len(latency_s) * share.value
                axes.step(
                    [0, *latency_s, _LATEST_S],
                    [0, *heights.tolist(), share.value],
                    where="post",
                    color=self._colour[one.name],
                    label=one.name,
                )
            axes.set(xlim=(0, _LATEST_S), ylim=(0, 1.02))
            axes.set(xlabel="seconds after the truth crossed the level", ylabel="events found")
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.3), ncols=2)
            yield self._done(
                fig,
                "Events",
                f"{_WORDS[kind]}: found, and how late",
                "Share of events found by then. "
                + _in_words(
                    self._report.detectors,
                    lambda one, kind: one.figures.get(f"found.{kind}"),
                    kind,
                ),
            )

    def _false(self) -> Iterator[Picture]:
        kinds = [
            kind
            for kind in KINDS
            if any(
                (one.figures.get(f"false_per_h.{kind}") or _NOTHING).value
                for one in self._report.detectors
            )
        ]
        if kinds:
            yield self._dots(
                _Frame("False alerts", "False alerts", "an hour watched"),
                kinds,
                self._report.detectors,
                lambda one, kind: one.figures.get(f"false_per_h.{kind}"),
            )

    def _stories(self, *, to_find: bool) -> Iterator[Picture]:
        """Story by story: what was found where something is there, or what was falsely said."""
        stories = dict.fromkeys(story for one in self._report.detectors for story in one.stories)
        eventful = {case.truth.story for case in self._report.judged if case.truth.events}
        rows = [story for story in stories if (story in eventful) == to_find]
        if not rows:
            return
        frame = (
            _Frame("Events", "Found, by story", "share of events found", 1.0)
            if to_find
            else _Frame("False alerts", "Where nothing is to be found", "false alerts an hour")
        )
        yield self._dots(
            frame,
            rows,
            self._report.detectors,
            lambda one, story: next(
                (
                    told
                    for name, told in one.stories[story].items()
                    if (name.startswith("found.") if to_find else name == "false_per_h")
                ),
                None,
            ),
        )

    # --- timelines ----------------------------------------------------------------------------

    def _timelines(self) -> Iterator[Picture]:
        seen: set[str] = set()
        for case in self._report.judged:
            key = case.truth.story or case.truth.who
            if key in seen or (not case.truth.story and len(seen) >= SHOWN_PEOPLE):
                continue
            seen.add(key)
            yield self._timeline(case, key)

    def _timeline(self, case: Judged, title: str) -> Picture:
        truth, minutes = case.truth, case.row_t_s / 60
        fig = self._figure(figsize=(WIDTH_IN, 2.5))
        axes, alerts = fig.subplots(2, 1, sharex=True, height_ratios=(3, 1.4))
        bands = [(p.name if p.name == OFF else p.load, p.from_s, p.to_s) for p in truth.phases]
        bands = [band for band in bands if band[0] in {"task", OFF}]
        if truth.events:
            bands = [band for band in bands if band[0] == OFF]
            bands += [(event.kind, event.crossed_s, event.to_s) for event in truth.events]
        bands += [("task", phase.from_s, phase.to_s) for phase in truth.marked]
        for kind, from_s, to_s in bands:
            for one in (axes, alerts):
                one.axvspan(from_s / 60, to_s / 60, color=_BANDS[kind], linewidth=0)
        pulse = case.tracks[HeartRateOver100.name].arousal
        right = axes.twinx()
        right.plot(minutes, pulse, color=COLOURS[1], linewidth=0.9)
        right.spines["right"].set_visible(True)
        right.set_ylabel("bpm over baseline", color=COLOURS[1])
        axes.plot(minutes, case.tracks[Vagalwatch.name].arousal, color=COLOURS[0], linewidth=1.4)
        axes.axhline(0, color="#BBBBBB", linewidth=0.6)
        axes.set_ylabel("arousal", color=COLOURS[0])
        axes.set_zorder(right.get_zorder() + 1)
        axes.patch.set_visible(False)
        names = [one.name for one in self._report.detectors if one.name in case.tracks]
        loud = [name for name in names if case.tracks[name].alerts] or names[:1]
        for place, name in enumerate(reversed(loud)):
            for alert in case.tracks[name].alerts:
                alerts.plot(
                    alert.t_s / 60,
                    place,
                    marker={"flooding": "^", "shutdown": "v"}.get(alert.kind, "X"),
                    color=self._colour[name],
                    markersize=5,
                )
        alerts.set_yticks(range(len(loud)), reversed(loud), fontsize=7)
        alerts.set(ylim=(-0.7, len(loud) - 0.3), xlabel="minutes", xlim=(0, minutes[-1]))
        marks = sum(len(track.alerts) for track in case.tracks.values())
        return self._done(
            fig, "Timelines", title, f"Timeline of {title}: {len(bands)} shaded, {marks} alerts."
        )

    # --- parts --------------------------------------------------------------------------------

    def _dots(
        self,
        frame: _Frame,
        rows: Sequence[str],
        detectors: Sequence[Scored],
        figure_of: FigureOf,
    ) -> Picture:
        """A dot and its interval for each detector in each row."""
        fig, axes = self._axes(0.9 + len(rows) * (0.1 * len(detectors) + 0.12))
        step = 0.8 / len(detectors)
        for index, one in enumerate(detectors):
            for place, row in enumerate(rows):
                told = figure_of(one, row)
                if told is None or told.value is None:
                    continue
                y = place + (index - (len(detectors) - 1) / 2) * step
                colour = self._colour[one.name]
                if told.low is not None:
                    axes.plot([told.low, told.high], [y, y], color=colour, linewidth=1.2)
                axes.plot(told.value, y, "o", color=colour, markersize=3.5)
            axes.plot([], [], "o-", color=self._colour[one.name], markersize=3.5, label=one.name)
        for border in range(1, len(rows)):
            axes.axhline(border - 0.5, color="#EEEEEE", linewidth=0.6)
        if frame.line is not None:
            axes.axvline(frame.line, color="#BBBBBB", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [_WORDS.get(row, row) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=frame.label)
        top = axes.get_xlim()[1] if frame.top is None else frame.top
        axes.set_xlim(-0.02 * top, 1.02 * top)
        fig.legend(loc="outside lower left", ncols=2)
        return self._done(
            fig,
            frame.section,
            frame.title,
            f"{frame.title}. " + "; ".join(_in_words(detectors, figure_of, row) for row in rows),
        )

    def _axes(self, height_in: float) -> tuple[Any, Any]:
        fig = self._figure(figsize=(WIDTH_IN, height_in))
        return fig, fig.subplots()

    def _done(self, fig: Any, section: str, title: str, alt: str) -> Picture:  # noqa: ANN401 - matplotlib has no types
        file = io.BytesIO()
        fig.savefig(file, format="svg", metadata={"Date": None})
        return Picture(section, title, alt, file.getvalue())


_LATEST_S: Final = 300.0
_WORDS: Final = {"flooding": "flooding", "shutdown": "shutdown", "safety": "fall of the heart"}
_NOTHING: Final = score.Interval(None)


def _mean_roc(judged: Sequence[Judged], name: str) -> tuple[Values, Values]:
    """Share of task rows over the level against that of rest rows, averaged over people."""
    grid = np.linspace(0, 1, 101)
    curves = []
    for case in judged:
        high, low = score.sides(
            case.row_t_s,
            case.tracks[name].arousal,
            case.truth.phases,
            without=case.truth.baseline_s,
        )
        if not high.size or not low.size:
            continue
        levels = np.unique(np.concatenate([high, low]))[::-1]
        over_low = [0.0, *((low >= level).mean() for level in levels)]
        over_high = [0.0, *((high >= level).mean() for level in levels)]
        curves.append(np.interp(grid, over_low, over_high))
    return grid, np.mean(curves, axis=0)


def _latencies(judged: Sequence[Judged], name: str, kind: str) -> Iterator[float]:
    for case in judged:
        found = score.match(case.truth.events, case.tracks[name].alerts)
        for event, latency_s in zip(case.truth.events, found.latency_s, strict=True):
            if event.kind == kind and latency_s is not None:
                yield latency_s


def _in_words(detectors: Sequence[Scored], figure_of: FigureOf, row: str) -> str:
    told = [(one.name, figure_of(one, row)) for one in detectors]
    return f"{row}: " + ", ".join(
        f"{name} {interval.value:.2f}"
        for name, interval in told
        if interval is not None and interval.value is not None
    )
