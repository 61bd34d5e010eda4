"""Verbs for recordings: read a frame, run the pipeline over a file, write it elsewhere."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vagalwatch.cli import terminal
from vagalwatch.cli.terminal import BAD_INPUT, FAILED, RESEARCHER, JsonOption, app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WearerOption = Annotated[str | None, typer.Option("--wearer", help="Whose, if there are several.")]


@app.command(rich_help_panel=RESEARCHER)
def decode(
    kind: Annotated[str | None, typer.Argument(help="2A37, 2A19, 2A38, nuanic-eda, ...")] = None,
    frame: Annotated[str | None, typer.Argument(metavar="HEX", help="The bytes.")] = None,
    lines: Annotated[
        str | None, typer.Option(help="A file with `KIND HEX` a line; - for stdin.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decode what a wearable sent."""
    from vagalwatch.sensors.decode.kinds import KINDS

    if frame is None if lines is None else kind is not None:
        terminal.stop("Give a kind and its bytes, or --lines FILE.", BAD_INPUT)
    if lines is not None:
        for line in _lines(lines):
            terminal.print_json(_decoded(*line.split(None, 1)))
        return
    values = _decoded(kind or "", frame or "")
    if as_json:
        terminal.print_json(values)
    elif "error" not in values:
        for name, value in values.items():
            typer.echo(f"{name}: {json.dumps(value)}")
    match values.get("error"):
        case {"reason": "unknown-kind"}:
            terminal.stop(f"There is no kind “{kind}”; there are {', '.join(KINDS)}.", BAD_INPUT)
        case {"reason": "not-hex"}:
            terminal.stop(f"“{frame}” is not hexadecimal.", BAD_INPUT)
        case {"reason": reason, "offset": offset}:
            terminal.stop(f"Refused at byte {offset}: {reason}.", BAD_INPUT)


@app.command(rich_help_panel=RESEARCHER)
def analyze(
    recording: Annotated[Path, typer.Argument(help="E4 folder, RR text, tidy CSV or journal.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")],
    *,
    wearer: WearerOption = None,
    baseline: Annotated[
        str | None, typer.Option(help="START:END in s; else the first 5 usable minutes.")
    ] = None,
    windows: Annotated[
        bool, typer.Option("--windows", help="Also windows.csv: HRV of all 60 s and 300 s windows.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a recording through the pipeline: timeline, episodes, summary."""
    from vagalwatch.analysis import analyze
    from vagalwatch.sensors.recording import RecordingError

    stretch = None if baseline is None else _stretch(baseline)
    with terminal.errors(RecordingError, OSError), terminal.progress("Analysing") as progress:
        summary = analyze(
            recording, out, wearer=wearer, baseline=stretch, windows=windows, progress=progress
        )
    if as_json:
        terminal.print_json(asdict(summary))
        return
    shares = ", ".join(f"{state} {share:.0%}" for state, share in summary.states.items() if share)
    typer.echo(
        f"{summary.rows} rows over {summary.duration_s / 60:.1f} min: {shares or 'too short'}."
    )
    found = ", ".join(f"{count} {kind}" for kind, count in summary.episodes.items() if count)
    typer.echo(f"Episodes (possible, see docs): {found or 'none'}.")
    for note in summary.notes:
        typer.echo(f"Note: {note}")
    typer.echo(f"Written to {out}.")


@app.command(rich_help_panel=RESEARCHER)
def evaluate(
    suite: Annotated[
        str, typer.Argument(help="simulated, stress-predict, valsalva or stairs.")
    ] = "simulated",
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The recordings and their labels.csv.")
    ] = None,
    *,
    detector: Annotated[
        list[str] | None,
        typer.Option(help="Your own beside the usual ones, as module:object (docs/evaluate.md)."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Simulated people, FIRST:END; 1000:2000 are kept for testing.")
    ] = "0:20",
    story: Annotated[
        list[str] | None, typer.Option(help="Of the simulated stories only these.")
    ] = None,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights", help="Of stress-predict, without detectors: arousal weighed otherwise."
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 takes one a core.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for report.html and report.json.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold vagalwatch, its peers and your own detector against known truth."""
    from vagalwatch.evaluate import page, report, suites
    from vagalwatch.evaluate.detector import DetectorError
    from vagalwatch.export.parquet import MissingExtraError
    from vagalwatch.sensors.recording import RecordingError

    if suite not in suites.NAMES:
        terminal.stop(
            f"There is no suite “{suite}”; there are {', '.join(suites.NAMES)}.", BAD_INPUT
        )
    if weights:
        if suite != "stress-predict" or folder is None or detector or out is not None:
            terminal.stop(
                "--weights goes with stress-predict DIR, without --detector and --out.", BAD_INPUT
            )
        _weigh(folder, as_json=as_json)
        return
    errors = (RecordingError, DetectorError, MissingExtraError, OSError)
    with terminal.errors(*errors), terminal.progress("Evaluating") as progress:
        if out is not None:
            page.prepare(out)
        if suite == "simulated":
            chosen = suites.simulated_suite(_seeds(seeds), story or ())
        elif folder is None:
            terminal.stop(f"The suite {suite} needs the folder of its recordings.", BAD_INPUT)
        else:
            chosen = suites.labelled_suite(suite, folder)
        told = report.evaluate(
            chosen, detector or (), jobs=jobs or os.cpu_count() or 1, progress=progress
        )
        if out is not None:
            page.write(told, out)
    if as_json:
        terminal.print_json(told.as_json())
        return
    report.show(told)
    if out is not None:
        typer.echo(f"Written to {out}.")


def _weigh(folder: Path, *, as_json: bool) -> None:
    from vagalwatch.evaluate import suites, weights
    from vagalwatch.sensors.recording import RecordingError

    with terminal.errors(RecordingError, OSError), terminal.progress("Weighing") as progress:
        sources = suites.labelled_suite("stress-predict", folder).sources
        compared = weights.compare(sources, progress=progress)
    if as_json:
        terminal.print_json(weights.as_json(compared))
    else:
        weights.show(compared)


@app.command(rich_help_panel=RESEARCHER)
def replay(
    recording: Annotated[Path, typer.Argument(help="E4 folder, RR text, tidy CSV or journal.")],
    wearer: WearerOption = None,
    speed: Annotated[
        float | None, typer.Option(min=0.1, help="Times faster than life; else at once.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Hold a journal's alerts against its replay.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what live would have said of a recording or a journal."""
    from vagalwatch import replay as replaying
    from vagalwatch.sensors.recording import RecordingError

    with terminal.errors(RecordingError, OSError):
        if check:
            result = replaying.check(recording, wearer)
            if as_json:
                terminal.print_json(asdict(result))
            else:
                typer.echo(f"{result.compared} compared, {len(result.differences)} differ.")
                for line in (*result.differences, *result.notes):
                    typer.echo(line)
            raise typer.Exit(FAILED if result.differences else 0)
        show = terminal.print_json if as_json else _print_event
        if speed is None:
            for event in replaying.replay(recording, wearer):
                show(event)
        else:
            asyncio.run(_paced(replaying.replay(recording, wearer), speed, show))


@app.command(rich_help_panel=RESEARCHER)
def export(
    recording: Annotated[Path, typer.Argument(help="Journal or any recording.")],
    out: Annotated[Path, typer.Option("--out", help="The file (for kubios: its stem).")],
    *,
    kind: Annotated[
        str, typer.Option("--format", help="tidy, parquet, kubios, or events of a journal.")
    ] = "tidy",
    wearer: WearerOption = None,
    own: Annotated[
        bool,
        typer.Option("--own", help="The wearer's own copy, or by a word they gave elsewhere: all."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write recorded series, or what was asked and answered, in a format of the field.

    Of a journal it takes the wearer's yes to a study, and writes what came from then on.
    """
    from vagalwatch import export as exporting
    from vagalwatch.alerts.consents import ConsentError
    from vagalwatch.export.parquet import MissingExtraError
    from vagalwatch.sensors.recording import RecordingError

    if kind not in exporting.FORMATS:
        formats = ", ".join(exporting.FORMATS)
        terminal.stop(f"There is no format “{kind}”; there are {formats}.", BAD_INPUT)
    with terminal.errors(RecordingError, ConsentError, MissingExtraError, OSError):
        files = exporting.export(recording, out, kind, wearer, own=own)
    if as_json:
        terminal.print_json({"files": [str(file) for file in files]})
    else:
        for file in files:
            typer.echo(f"Written {file}")


def _print_event(event: dict[str, Any]) -> None:
    minutes, seconds = divmod(int(event["t_s"]), 60)
    what = next((event[key] for key in ("state", "episode", "alert", "phase") if key in event), "")
    typer.echo(f"{minutes:3d}:{seconds:02d}  {event['kind']:<8} {what} {event.get('reason', '')}")


async def _paced(
    events: Iterator[dict[str, Any]], speed: float, show: Callable[[dict[str, Any]], None]
) -> None:
    from vagalwatch.clock import RunClock
    from vagalwatch.replay import paced

    async for event in paced(events, RunClock(), speed):
        show(event)


def _decoded(kind: str, text: str = "") -> dict[str, Any]:
    """The decoded values, or the code of the reason why there are none."""
    from vagalwatch.sensors.decode.errors import DecodeError
    from vagalwatch.sensors.decode.kinds import KINDS, decode_json

    known = next((name for name in KINDS if name.lower() == kind.lower()), kind)
    try:
        return decode_json(known, bytes.fromhex(text))
    except DecodeError as error:
        return {"error": {"reason": error.reason, "offset": error.offset}}
    except ValueError:
        return {"error": {"reason": "not-hex", "offset": 0}}


def _stretch(text: str) -> tuple[float, float]:
    try:
        start_s, end_s = (float(part) for part in text.split(":"))
    except ValueError:
        terminal.stop(
            f"“{text}” is no stretch; give START:END in seconds, such as 0:300.", BAD_INPUT
        )
    return start_s, end_s


def _seeds(text: str) -> range:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        first, end = 0, -1
    if not 0 <= first < end:
        terminal.stop(f"“{text}” are no seeds; give FIRST:END, such as 0:20.", BAD_INPUT)
    return range(first, end)


def _lines(name: str) -> Iterator[str]:
    with terminal.errors(OSError), ExitStack() as stack:
        file = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        texts = (line.decode(errors="replace") for line in file)
        yield from (text for text in texts if text.strip())
