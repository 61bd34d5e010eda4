"""The command line: one verb a use. Every verb that prints data has `--json`.

Exit codes: 0 done, 1 it failed, 2 the input was bad. An error is one sentence on stderr, with
the way out. What a verb needs is imported when it is called, so that each starts quickly.
"""
# ruff: noqa: PLC0415 - see the docstring

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from vagalwatch import __version__
from vagalwatch.settings import PSEUDONYM, ConfigError, Settings, default_config_path, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vagalwatch.doctor import Finding

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Notices possible flooding or shutdown, and guides an agreed break. No medical device.",
)

FAILED, BAD_INPUT = 1, 2
ERASE_TIMEOUT_S = 3600.0  # a journal of years, then a database of years

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help=f"Configuration (else {default_config_path()}).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
StoryOption = Literal["hard", "swapped", "calm"]
WearerOption = Annotated[str | None, typer.Option("--wearer", help="Whose, if there are several.")]


def main() -> None:
    """Entry point."""
    app()


# --- living -----------------------------------------------------------------------------------


@app.command()
def run(config: ConfigOption = None) -> None:
    """Watch the configured wearers until stopped."""
    from vagalwatch.clock import RunClock
    from vagalwatch.control import ControlError
    from vagalwatch.journal.database import JournalError
    from vagalwatch.journal.lock import LockedError
    from vagalwatch.sensors.devices import UnknownDeviceError, model_of
    from vagalwatch.service import Service

    settings = _settings(config)
    if not settings.wearers:
        _stop(
            "Nobody is configured. Name a wearer and a sensor in "
            f"{config or default_config_path()}; `vagalwatch scan` finds sensors.",
            BAD_INPUT,
        )
    with _errors(UnknownDeviceError):  # before a run that cannot live is in the journal
        for sensor in (sensor for wearer in settings.wearers for sensor in wearer.sensors):
            model_of(sensor.device)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    service = Service(settings, RunClock())

    async def live() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with asyncio.TaskGroup() as group:
            life = group.create_task(service.run(stop))
            await asyncio.wait(
                [life, up := group.create_task(service.live.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            up.cancel()
            if not life.done():
                typer.echo(
                    f"Live. The page listens on {settings.page.host}:{service.page.port}; "
                    "`vagalwatch pair WEARER` gives a phone the key.",
                    err=True,
                )

    try:
        asyncio.run(live())
    except* (ConfigError, ControlError, LockedError, JournalError) as errors:
        _stop(_sentence(_first(errors)), BAD_INPUT)
    except* OSError as errors:
        if service.live.is_set():
            raise  # a fault: the log shall say where
        # The machine's, not the configuration's: a disk that comes later is waited for.
        _stop(_sentence(_first(errors)), FAILED)


@app.command()
def demo(
    headless: Annotated[bool, typer.Option(help="In fast time, without a page to watch.")] = False,
    as_json: JsonOption = False,
    seed: Annotated[int, typer.Option(min=0, help="Which two people.")] = 1,
    story: Annotated[StoryOption, typer.Option(help="Which evening.")] = "hard",
    speed: Annotated[float, typer.Option(min=1, max=60, help="Times faster than life.")] = 10,
) -> None:
    """Play a hard conversation through the whole service, with two simulated wearers."""
    try:
        from vagalwatch.demo import play
        from vagalwatch.demo_phone import DemoError
    except ModuleNotFoundError as error:
        if error.name != "bumble":
            raise
        _stop("The demo needs its extra: start it with scripts/demo, which installs it.", FAILED)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with _progress("Playing") as progress:
        try:
            outcome = asyncio.run(
                play(
                    story,
                    seed,
                    speed=None if headless else speed,
                    progress=progress,
                    tell=lambda sentence: typer.echo(sentence, err=True),
                )
            )
        except* DemoError as errors:
            _stop(str(_first(errors)), FAILED)
    if as_json:
        _print_json(asdict(outcome))
    else:
        for line in outcome.sentences():
            typer.echo(line)


@app.command()
def scan(
    seconds: Annotated[float, typer.Option(min=1, max=120, help="How long to listen.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the sensors within reach."""
    from vagalwatch.sensors.scan import ScanError, scan

    try:
        found = asyncio.run(scan(seconds))
    except ScanError as error:
        _stop(str(error), FAILED)
    if as_json:
        _print_json([asdict(device) for device in found])
        return
    if not any(device.model_key for device in found):
        typer.echo(
            "No sensor was heard that vagalwatch knows. Put it on, wet a strap's electrodes, "
            "and close phone apps that may hold it.",
            err=True,
        )
    for device in found:
        model = device.model_key or "not known"
        typer.echo(f"{device.address}  {device.rssi:4d} dBm  {model:<12} {device.name}")


@app.command()
def pair(
    wearer: Annotated[str, typer.Argument(help="The pseudonym of the configuration.")],
    end: Annotated[bool, typer.Option("--end", help="No phone has the page any more.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a single-use QR code that gives one phone the page of one wearer; or end that."""
    from vagalwatch.journal.tombstones import Tombstones
    from vagalwatch.web.credentials import Credentials, pairing_url

    settings = _settings(config)
    if end:
        _unpair(settings, wearer, as_json=as_json)
        return
    names = [known.id for known in settings.wearers]
    if wearer not in names:
        _stop(
            f"“{wearer}” is not configured. Configured: {', '.join(names) or 'nobody'}.", BAD_INPUT
        )
    with _errors(ConfigError, OSError):
        if wearer in Tombstones(settings.tombstones_path):
            _stop(
                f"“{wearer}” was erased. To watch this person again: "
                f"vagalwatch erase {wearer} --allow-again.",
                BAD_INPUT,
            )
    if settings.page.port == 0:
        _stop("page.port is 0, so the page moves with every start: set a port first.", BAD_INPUT)
    credentials = Credentials(settings.credentials_path)
    with _errors(ConfigError, OSError):
        url = pairing_url(settings.page, credentials.new_code(wearer))
    if as_json:
        _print_json({"wearer": wearer, "url": url})
        return
    import segno

    segno.make(url, error="m").terminal(compact=True)
    typer.echo(url)
    typer.echo("It works once, within ten minutes. Whoever opens it sees this wearer's page.")
    if settings.page.public_host is None and settings.page.tls_cert_file is None:
        typer.echo(
            "Only a browser on this machine can open it; docs/page.md says how to let phones in.",
            err=True,
        )


def _unpair(settings: Settings, wearer: str, *, as_json: bool) -> None:
    """By the service, which closes the open pages; where none runs, here.

    Also for who is no longer configured.
    """
    from vagalwatch.control import ControlError, NotRunningError, call
    from vagalwatch.web.credentials import Credentials

    try:
        ended = call(settings.control_path, "unpair", wearer=wearer, timeout_s=10)
    except ControlError as error:
        with _errors(ConfigError, OSError):
            ended = Credentials(settings.credentials_path).forget(wearer)
        if not isinstance(error, NotRunningError):
            _stop(f"The pairings have ended, but a page that is open may stay so. {error}", FAILED)
    if as_json:
        _print_json({"wearer": wearer, "ended": ended})
    elif ended:
        typer.echo(f"The page of “{wearer}” is closed on {ended} phone(s); unused codes are void.")
    else:
        typer.echo(f"No phone had the page of “{wearer}”; unused codes are void.")


@app.command(name="set")
def set_(
    wearer: Annotated[str, typer.Argument(help="The pseudonym.")],
    key: Annotated[str | None, typer.Argument(help="What to set; without it: what is set.")] = None,
    value: Annotated[str | None, typer.Argument(help="JSON, or a line of text.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set how prompts, breaks and the estimate treat a wearer, or list what is set.

    What is agreed on at a good time: the length of a break, quiet hours, steps, who checks in.
    """
    from vagalwatch.control import ControlError, call
    from vagalwatch.wishes import KEYS

    if (key is None) != (value is None):
        _stop("A setting takes a key and a value: vagalwatch set WEARER KEY VALUE.", BAD_INPUT)
    path = _settings(config).control_path
    try:
        standing = call(path, "set", wearer=wearer, key=key, value=value)
    except ControlError as error:
        _stop(str(error), BAD_INPUT)
    if as_json:
        _print_json({name: json.loads(said) for name, said in standing.items()})
        return
    for name, takes in KEYS.items():
        if key in {None, name}:
            typer.echo(f"{name:<20} {standing.get(name, '-'):<12} {takes}")


@app.command()
def erase(
    wearer: Annotated[str, typer.Argument(help="The pseudonym.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: for scripts.")] = False,
    allow_again: Annotated[
        bool,
        typer.Option("--allow-again", help="Let an erased wearer be watched again."),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a wearer from every store, and say what is left. There is no way back."""
    from vagalwatch import erase as erasing
    from vagalwatch.control import ControlError, NotRunningError, call
    from vagalwatch.journal.database import JournalError
    from vagalwatch.journal.lock import LockedError

    settings = _settings(config)
    if not re.fullmatch(PSEUDONYM, wearer):
        _stop(f"“{wearer}” is no pseudonym: those are of a-z, 0-9 and -.", BAD_INPUT)
    if allow_again:
        with _errors(ConfigError, LockedError, OSError):
            erased = erasing.allow_again(settings, wearer)
        if not erased:
            _stop(f"“{wearer}” was not erased here.", BAD_INPUT)
        typer.echo(f"“{wearer}” may be watched again, from the next start on.", err=True)
        return
    if not yes:
        typer.echo(f"Everything that was recorded of “{wearer}” will be gone for good.", err=True)
        if typer.prompt("Type the pseudonym to go on", default="", err=True) != wearer:
            _stop("Nothing was erased.", BAD_INPUT)
    try:
        report = call(settings.control_path, "erase", wearer=wearer, timeout_s=ERASE_TIMEOUT_S)
    except NotRunningError:
        with _errors(ConfigError, LockedError, JournalError, OSError):
            report = asyncio.run(erasing.erase_here(settings, wearer)).as_json()
    except ControlError as error:
        _stop(f"{error} What was begun goes on in the service; ask again to see.", FAILED)
    if as_json:
        _print_json(report)
    else:
        _print_erased(report)
    if not report["nothing_left"]:
        raise typer.Exit(FAILED)


def _print_erased(report: dict[str, Any]) -> None:
    for store in report["stores"]:
        count = "" if store["deleted"] is None else f"{store['deleted']} deleted. "
        unseen = "" if store["looked"] else "Deleted, by its own word; this account may not look."
        typer.echo(f"{store['store']:<16} {count}{store['left'] or unseen or 'Nothing is left.'}")
    again = [s for s in report["stores"] if s["left"] and not s["by_hand"]]
    if again:
        typer.echo(
            "Not everything is gone yet: a service that runs tries again by itself, and so does "
            "this command.",
            err=True,
        )


@app.command()
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check what the service stands on: each part is ok, or here is the way to mend it."""
    from vagalwatch.doctor import examine

    settings = _settings(config)

    async def examined() -> list[Finding]:
        findings = []
        async for finding in examine(settings):
            findings.append(finding)
            if not as_json:
                mark = {True: "ok   ", False: "MEND ", None: "?    "}[finding.ok]
                typer.echo(f"{mark} {finding.check:<10} {finding.found}")
                if finding.mend and finding.ok is not True:
                    typer.echo(f"      {'':<10} {finding.mend}")
        return findings

    findings = asyncio.run(examined())
    if as_json:
        _print_json([asdict(finding) for finding in findings])
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(FAILED)


# --- recordings -------------------------------------------------------------------------------


@app.command()
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
        _stop("Give a kind and its bytes, or --lines FILE.", BAD_INPUT)
    if lines is not None:
        for line in _lines(lines):
            _print_json(_decoded(*line.split(None, 1)))
        return
    values = _decoded(kind or "", frame or "")
    if as_json:
        _print_json(values)
    elif "error" not in values:
        for name, value in values.items():
            typer.echo(f"{name}: {json.dumps(value)}")
    match values.get("error"):
        case {"reason": "unknown-kind"}:
            _stop(f"There is no kind “{kind}”; there are {', '.join(KINDS)}.", BAD_INPUT)
        case {"reason": "not-hex"}:
            _stop(f"“{frame}” is not hexadecimal.", BAD_INPUT)
        case {"reason": reason, "offset": offset}:
            _stop(f"Refused at byte {offset}: {reason}.", BAD_INPUT)


@app.command()
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
    with _errors(RecordingError, OSError), _progress("Analysing") as progress:
        summary = analyze(
            recording, out, wearer=wearer, baseline=stretch, windows=windows, progress=progress
        )
    if as_json:
        _print_json(asdict(summary))
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


@app.command()
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
        _stop(f"There is no suite “{suite}”; there are {', '.join(suites.NAMES)}.", BAD_INPUT)
    errors = (RecordingError, DetectorError, MissingExtraError, OSError)
    with _errors(*errors), _progress("Evaluating") as progress:
        if out is not None:
            page.prepare(out)
        if suite == "simulated":
            chosen = suites.simulated_suite(_seeds(seeds), story or ())
        elif folder is None:
            _stop(f"The suite {suite} needs the folder of its recordings.", BAD_INPUT)
        else:
            chosen = suites.labelled_suite(suite, folder)
        told = report.evaluate(
            chosen, detector or (), jobs=jobs or os.cpu_count() or 1, progress=progress
        )
        if out is not None:
            page.write(told, out)
    if as_json:
        _print_json(told.as_json())
        return
    report.show(told)
    if out is not None:
        typer.echo(f"Written to {out}.")


@app.command()
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

    with _errors(RecordingError, OSError):
        if check:
            result = replaying.check(recording, wearer)
            if as_json:
                _print_json(asdict(result))
            else:
                typer.echo(f"{result.compared} compared, {len(result.differences)} differ.")
                for line in (*result.differences, *result.notes):
                    typer.echo(line)
            raise typer.Exit(FAILED if result.differences else 0)
        show = _print_json if as_json else _print_event
        if speed is None:
            for event in replaying.replay(recording, wearer):
                show(event)
        else:
            asyncio.run(_paced(replaying.replay(recording, wearer), speed, show))


@app.command()
def export(
    recording: Annotated[Path, typer.Argument(help="Journal or any recording.")],
    out: Annotated[Path, typer.Option("--out", help="The file (for kubios: its stem).")],
    kind: Annotated[str, typer.Option("--format", help="tidy, parquet or kubios.")] = "tidy",
    wearer: WearerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the recorded series in a format of the field."""
    from vagalwatch import export as exporting
    from vagalwatch.export.parquet import MissingExtraError
    from vagalwatch.sensors.recording import RecordingError

    if kind not in exporting.FORMATS:
        formats = ", ".join(exporting.FORMATS)
        _stop(f"There is no format “{kind}”; there are {formats}.", BAD_INPUT)
    with _errors(RecordingError, MissingExtraError, OSError):
        files = exporting.export(recording, out, kind, wearer)
    if as_json:
        _print_json({"files": [str(file) for file in files]})
    else:
        for file in files:
            typer.echo(f"Written {file}")


# --- helpers ----------------------------------------------------------------------------------


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


@contextmanager
def _errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors that a person can mend into their sentence and exit code 2.

    Of the system's errors only those about the path that was given; a full disk is a failure.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # `vagalwatch replay ... | head`: whoever read has enough
    except kinds as error:
        is_input = not isinstance(error, OSError) or isinstance(error, _ABOUT_PATH)
        _stop(_sentence(error), BAD_INPUT if is_input else FAILED)


_ABOUT_PATH = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def _sentence(error: BaseException) -> str:
    """For a person; Python's own wording of the system's errors begins with a number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}."


def _first(errors: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _settings(path: Path | None) -> Settings:
    with _errors(ConfigError, OSError):
        return load(path)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, allow_nan=False))


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
        _stop(f"“{text}” is no stretch; give START:END in seconds, such as 0:300.", BAD_INPUT)
    return start_s, end_s


def _seeds(text: str) -> range:
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        first, end = 0, -1
    if not 0 <= first < end:
        _stop(f"“{text}” are no seeds; give FIRST:END, such as 0:20.", BAD_INPUT)
    return range(first, end)


def _lines(name: str) -> Iterator[str]:
    with _errors(OSError), ExitStack() as stack:
        file = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        texts = (line.decode(errors="replace") for line in file)
        yield from (text for text in texts if text.strip())


@contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; the callback takes the share that is done."""
    if not sys.stderr.isatty():
        yield lambda _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)
