"""A recording through the very engine that runs live, and what it said as files.

The recording is told as if it had begun on a UTC multiple of 5 s (up to 5 s earlier than it
did), because the engine's rows fall on those: so they stand at t_s = 5, 10, ... of the
recording, and the same samples give the same timeline whatever the date.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from vagalwatch import __version__, window_file
from vagalwatch.engine import ENGINE_VERSION, Engine
from vagalwatch.export.parquet import MissingExtraError, from_csv
from vagalwatch.hrv.baseline import WINDOW_KEY
from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.journal.recording import open_recording
from vagalwatch.records import Alert, Episode, Estimate, Setting, State, Tick
from vagalwatch.sensors.recording import Recording, RecordingError, sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vagalwatch.records import Reason, Record

    Progress = Callable[[float], None]
    """Called with the share that is done, 0 to 1."""

NS = 1_000_000_000
ROW_S = 5
METRICS = (
    *("hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50", "sd1_ms", "sd2_ms", "lf_ms2", "hf_ms2"),
    *("coverage", "scl_us", "nsr_per_min", "motion_mg", "z_hr", "z_scl", "z_nsr"),
)
COLUMNS = ("t_s", "state", "reason", "arousal", *METRICS)
"""Of ``timeline.csv`` and ``timeline.parquet``; empty where a figure is not known."""
NO_ROW = "no-estimate"
"""``reason`` of a row of which the engine said nothing."""

Row = dict[str, float | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """An episode in seconds of the recording.

    ``onset_s`` is the start of the dwell, ``alert_s`` when it was recognised, ``end_s`` is null
    if it lasted to the end; ``prompted`` says whether the rules of prompting let an alert pass.
    """

    kind: str
    onset_s: float
    alert_s: float
    end_s: float | None
    peak_hr_bpm: float | None
    prompted: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The personal baseline in seconds of the recording.

    ``asked_s`` is the stretch it was to be taken from (null: the first usable minutes),
    ``ready_s`` the first row that was judged against it and ``hr_bpm`` its heart rate (null: the
    recording holds too few usable minutes).
    """

    asked_s: tuple[float, float] | None
    ready_s: float | None
    hr_bpm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the engine said of a recording: a row every 5 s, and the episodes in order."""

    rows: list[Row]
    episodes: list[EpisodeRow]
    baseline: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """``summary.json``. Shares are of all rows unless named otherwise.

    ``coverage``: rows with a heart rate, with RR variability, with a skin level, with motion;
    and the mean share of time that good RR intervals cover. ``arousal_of_worn``: rows with
    ``arousal`` of those in which the heart's sensor did not say that it was off the body;
    ``arousal_of_calibrated``: of those of them that came after the calibration.
    """

    recording: str
    wearer: str
    duration_s: float
    rows: int
    coverage: dict[str, float]
    states: dict[str, float]
    unknown: dict[str, float]
    arousal_of_worn: float | None
    arousal_of_calibrated: float | None
    episodes: dict[str, int]
    baseline: Baseline
    version: str
    engine_version: int
    parameters: str
    notes: tuple[str, ...]


def analyze(
    path: Path,
    out_dir: Path,
    *,
    wearer: str | None = None,
    baseline: tuple[float, float] | None = None,
    windows: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write ``timeline.csv``, ``timeline.parquet``, ``episodes.json`` and ``summary.json``.

    ``windows``: also ``windows.csv`` and ``windows.parquet`` (:mod:`vagalwatch.window_file`).
    ``baseline`` is the stretch (in s of the recording) from which alone the personal baseline is
    taken; else it is the first usable minutes. Without pyarrow there is no Parquet file, and a
    note in the summary says so.

    Raises:
        RecordingError: the recording cannot be read, or the baseline lies outside of it.
    """
    recording = open_recording(path, wearer)
    timeline = run(recording, baseline=baseline, progress=progress)
    out_dir.mkdir(parents=True, exist_ok=True)
    _write_csv(timeline.rows, out_dir / "timeline.csv")
    if windows:
        window_file.write(recording, out_dir / "windows.csv")
    notes = [*recording.notes, *_on_the_baseline(timeline.baseline)]
    try:
        from_csv(
            out_dir / "timeline.csv",
            out_dir / "timeline.parquet",
            numbers=set(COLUMNS) - {"state", "reason"},
            about={"engine_version": ENGINE_VERSION, "parameters": parameters_hash()},
        )
        if windows:
            window_file.write_parquet(out_dir / "windows.csv", out_dir / "windows.parquet")
    except MissingExtraError as error:
        notes.append(f"No Parquet file was written. {error}")
    summary = summarize(recording, timeline, tuple(notes))
    _write_json([asdict(episode) for episode in timeline.episodes], out_dir / "episodes.json")
    _write_json(asdict(summary), out_dir / "summary.json")
    return summary


def run(
    recording: Recording,
    *,
    baseline: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Timeline:
    """Tell ``recording`` to a new engine and keep what it says."""
    start_ns = told_from_ns(recording)
    last_row = int(recording.duration_s) // ROW_S
    estimates: dict[int, Estimate] = {}
    episodes: dict[tuple[str, int], Episode] = {}
    alerted: set[tuple[str, int]] = set()
    for one in said(recording, baseline=baseline, progress=progress):
        match one:
            case Estimate():
                estimates[(one.t_ns - start_ns) // (ROW_S * NS)] = one
            case Episode():
                episodes[one.episode, one.onset_ns] = one
            case Alert():
                alerted.add((one.alert, one.onset_ns))
    judged = ((k, one) for k, one in sorted(estimates.items()) if one.usual_hr_bpm is not None)
    ready, first = next(judged, (None, None))
    return Timeline(
        baseline=Baseline(
            asked_s=baseline,
            ready_s=None if ready is None else ready * ROW_S,
            hr_bpm=None if first is None else first.usual_hr_bpm,
        ),
        rows=[_row(k * ROW_S, estimates.get(k)) for k in range(1, last_row + 1)],
        episodes=[
            _episode_row(episode, start_ns, prompted=key in alerted)
            for key, episode in sorted(episodes.items(), key=lambda item: item[1].t_ns)
        ],
    )


def said(
    recording: Recording,
    *,
    baseline: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Every record that a new engine says of ``recording``, told from :func:`told_from_ns` on."""
    start_ns = told_from_ns(recording)
    engine = Engine(recording.wearer)
    for record in _told(recording, start_ns, baseline):
        yield from engine.push(record)
        if progress is not None and isinstance(record, Tick):
            progress(min(1.0, (record.t_ns - start_ns) / NS / recording.duration_s))


def told_from_ns(recording: Recording) -> int:
    """When ``recording`` is told to have begun: the UTC multiple of 5 s at or before it did."""
    return recording.start_ns // (ROW_S * NS) * (ROW_S * NS)


def summarize(recording: Recording, timeline: Timeline, notes: tuple[str, ...] = ()) -> Summary:
    """The figures of ``summary.json``."""
    rows = timeline.rows
    total = max(1, len(rows))
    worn = [row for row in rows if row["reason"] != Gate.HEART_OFF_BODY]
    states = Counter(str(row["state"]) for row in rows)
    unknown = Counter(str(row["reason"]) for row in rows if row["state"] == State.UNKNOWN)
    return Summary(
        recording=recording.description,
        wearer=recording.wearer,
        duration_s=recording.duration_s,
        rows=len(rows),
        coverage={
            **{
                name: sum(row[column] is not None for row in rows) / total
                for name, column in _COVERAGE.items()
            },
            "rr_mean": sum(float(row["coverage"] or 0) for row in rows) / total,
        },
        states={state.value: states[state] / total for state in State},
        unknown={reason: count / total for reason, count in unknown.most_common()},
        arousal_of_worn=_share_with_arousal(worn),
        arousal_of_calibrated=_share_with_arousal(
            [row for row in worn if row["state"] != State.CALIBRATING]
        ),
        episodes=dict(Counter(episode.kind for episode in timeline.episodes)),
        baseline=timeline.baseline,
        version=__version__,
        engine_version=ENGINE_VERSION,
        parameters=parameters_hash(),
        notes=notes,
    )


_COVERAGE = {
    "heart_rate": "hr_bpm",
    "rr_variability": "rmssd_ms",
    "skin": "scl_us",
    "motion": "motion_mg",
}


def _told(
    recording: Recording, start_ns: int, baseline: tuple[float, float] | None
) -> Iterator[Record]:
    if baseline is not None:
        begin_s, end_s = baseline
        if not 0 <= begin_s < end_s <= recording.duration_s:
            raise RecordingError(
                f"The baseline {begin_s:g}:{end_s:g} was expected to lie within the recording, "
                f"0 to {recording.duration_s:g} s."
            )
        window_ns = [start_ns + round(edge_s * NS) for edge_s in baseline]
        yield Setting(
            wearer=recording.wearer,
            t_ns=start_ns,
            recv_ns=start_ns,
            key=WINDOW_KEY,
            value=json.dumps(window_ns),
        )
    yield from sequence(recording, start_ns)


def _row(t_s: int, estimate: Estimate | None) -> Row:
    if estimate is None:
        return {
            **dict.fromkeys(COLUMNS, None),
            "t_s": t_s,
            "state": State.UNKNOWN.value,
            "reason": NO_ROW,
        }
    return {
        "t_s": t_s,
        "state": estimate.state.value,
        "reason": estimate.reason,
        "arousal": estimate.arousal,
        **{name: getattr(estimate.metrics, name) for name in METRICS},
    }


def _episode_row(episode: Episode, start_ns: int, *, prompted: bool) -> EpisodeRow:
    return EpisodeRow(
        kind=episode.episode.value,
        onset_s=(episode.onset_ns - start_ns) / NS,
        alert_s=(episode.t_ns - start_ns) / NS,
        end_s=None if episode.end_ns is None else (episode.end_ns - start_ns) / NS,
        peak_hr_bpm=episode.peak_hr_bpm,
        prompted=prompted,
        reasons=episode.reasons,
    )


def _on_the_baseline(baseline: Baseline) -> Iterator[str]:
    if baseline.ready_s is None:
        yield "there were too few usable minutes for a personal baseline"
    elif baseline.asked_s is not None and baseline.ready_s > baseline.asked_s[1] + 2 * ROW_S:
        yield (
            f"{baseline.asked_s[0]:g}:{baseline.asked_s[1]:g} held too few usable minutes for a "
            "baseline; the first usable minutes after it were taken"
        )


def _share_with_arousal(rows: list[Row]) -> float | None:
    return sum(row["arousal"] is not None for row in rows) / len(rows) if rows else None


def _write_csv(rows: list[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(value: object, path: Path) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
