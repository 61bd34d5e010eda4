"""Verbs for a home: what watches, who sees it, what is set, and how it ends."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vagalwatch.cli import terminal
from vagalwatch.cli.terminal import BAD_INPUT, FAILED, HOME, ConfigOption, JsonOption, app
from vagalwatch.settings import PSEUDONYM, ConfigError, Settings, default_config_path

if TYPE_CHECKING:
    from vagalwatch.doctor import Finding

ERASE_TIMEOUT_S = 3600.0  # a journal of years, then a database of years
StoryOption = Literal["hard", "swapped", "calm"]


@app.command(rich_help_panel=HOME)
def run(config: ConfigOption = None) -> None:
    """Watch the configured wearers until stopped."""
    from vagalwatch.clock import RunClock
    from vagalwatch.control import ControlError
    from vagalwatch.journal.database import JournalError
    from vagalwatch.journal.lock import LockedError
    from vagalwatch.sensors.devices import UnknownDeviceError, model_of
    from vagalwatch.service import Service

    settings = terminal.settings(config)
    if not settings.wearers:
        terminal.stop(
            "Nobody is configured. Name a wearer and a sensor in "
            f"{config or default_config_path()}; `vagalwatch scan` finds sensors.",
            BAD_INPUT,
        )
    with terminal.errors(UnknownDeviceError):  # before a run that cannot live is in the journal
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
        terminal.stop(terminal.sentence(_first(errors)), BAD_INPUT)
    except* OSError as errors:
        if service.live.is_set():
            raise  # a fault: the log shall say where
        # The machine's, not the configuration's: a disk that comes later is waited for.
        terminal.stop(terminal.sentence(_first(errors)), FAILED)


@app.command(rich_help_panel=HOME)
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
        terminal.stop(
            "The demo needs its extra: start it with scripts/demo, which installs it.", FAILED
        )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with terminal.progress("Playing") as progress:
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
            terminal.stop(str(_first(errors)), FAILED)
    if as_json:
        terminal.print_json(asdict(outcome))
    else:
        for line in outcome.sentences():
            typer.echo(line)


@app.command(rich_help_panel=HOME)
def scan(
    seconds: Annotated[float, typer.Option(min=1, max=120, help="How long to listen.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the sensors within reach."""
    from vagalwatch.sensors.scan import ScanError, scan

    try:
        found = asyncio.run(scan(seconds))
    except ScanError as error:
        terminal.stop(str(error), FAILED)
    if as_json:
        terminal.print_json([asdict(device) for device in found])
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


@app.command(rich_help_panel=HOME)
def pair(
    wearer: Annotated[str, typer.Argument(help="The pseudonym of the configuration.")],
    end: Annotated[bool, typer.Option("--end", help="No phone has the page any more.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a single-use QR code that gives one phone the page of one wearer; or end that."""
    from vagalwatch.journal.tombstones import Tombstones
    from vagalwatch.web.credentials import Credentials, pairing_url

    settings = terminal.settings(config)
    if end:
        _unpair(settings, wearer, as_json=as_json)
        return
    names = [known.id for known in settings.wearers]
    if wearer not in names:
        terminal.stop(
            f"“{wearer}” is not configured. Configured: {', '.join(names) or 'nobody'}.", BAD_INPUT
        )
    with terminal.errors(ConfigError, OSError):
        if wearer in Tombstones(settings.tombstones_path):
            terminal.stop(
                f"“{wearer}” was erased. To watch this person again: "
                f"vagalwatch erase {wearer} --allow-again.",
                BAD_INPUT,
            )
    if settings.page.port == 0:
        terminal.stop(
            "page.port is 0, so the page moves with every start: set a port first.", BAD_INPUT
        )
    credentials = Credentials(settings.credentials_path)
    with terminal.errors(ConfigError, OSError):
        url = pairing_url(settings.page, credentials.new_code(wearer))
    if as_json:
        terminal.print_json({"wearer": wearer, "url": url})
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
        with terminal.errors(ConfigError, OSError):
            ended = Credentials(settings.credentials_path).forget(wearer)
        if not isinstance(error, NotRunningError):
            terminal.stop(
                f"The pairings have ended, but a page that is open may stay so. {error}", FAILED
            )
    if as_json:
        terminal.print_json({"wearer": wearer, "ended": ended})
    elif ended:
        typer.echo(f"The page of “{wearer}” is closed on {ended} phone(s); unused codes are void.")
    else:
        typer.echo(f"No phone had the page of “{wearer}”; unused codes are void.")


@app.command(name="set", rich_help_panel=HOME)
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
        terminal.stop(
            "A setting takes a key and a value: vagalwatch set WEARER KEY VALUE.", BAD_INPUT
        )
    path = terminal.settings(config).control_path
    try:
        standing = call(path, "set", wearer=wearer, key=key, value=value)
    except ControlError as error:
        terminal.stop(str(error), BAD_INPUT)
    if as_json:
        terminal.print_json({name: json.loads(said) for name, said in standing.items()})
        return
    for name, takes in KEYS.items():
        if key in {None, name}:
            typer.echo(f"{name:<20} {standing.get(name, '-'):<12} {takes}")


@app.command(rich_help_panel=HOME)
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

    settings = terminal.settings(config)
    if not re.fullmatch(PSEUDONYM, wearer):
        terminal.stop(f"“{wearer}” is no pseudonym: those are of a-z, 0-9 and -.", BAD_INPUT)
    if allow_again:
        with terminal.errors(ConfigError, LockedError, OSError):
            erased = erasing.allow_again(settings, wearer)
        if not erased:
            terminal.stop(f"“{wearer}” was not erased here.", BAD_INPUT)
        typer.echo(f"“{wearer}” may be watched again, from the next start on.", err=True)
        return
    if not yes:
        typer.echo(f"Everything that was recorded of “{wearer}” will be gone for good.", err=True)
        if typer.prompt("Type the pseudonym to go on", default="", err=True) != wearer:
            terminal.stop("Nothing was erased.", BAD_INPUT)
    try:
        report = call(settings.control_path, "erase", wearer=wearer, timeout_s=ERASE_TIMEOUT_S)
    except NotRunningError:
        with terminal.errors(ConfigError, LockedError, JournalError, OSError):
            report = asyncio.run(erasing.erase_here(settings, wearer)).as_json()
    except ControlError as error:
        terminal.stop(f"{error} What was begun goes on in the service; ask again to see.", FAILED)
    if as_json:
        terminal.print_json(report)
    else:
        _print_erased(report, [known.id for known in settings.wearers])
    if not report["nothing_left"]:
        raise typer.Exit(FAILED)


def _print_erased(report: dict[str, Any], configured: list[str]) -> None:
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
    if report["wearer"] not in configured and not any(s["deleted"] for s in report["stores"]):
        typer.echo(
            f"Nothing of “{report['wearer']}” was found. If that is not the right pseudonym: "
            f"configured are {', '.join(configured) or 'nobody'}.",
            err=True,
        )


@app.command(rich_help_panel=HOME)
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check what the service stands on: each part is ok, or here is the way to mend it."""
    from vagalwatch.doctor import examine

    settings = terminal.settings(config)

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
        terminal.print_json([asdict(finding) for finding in findings])
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(FAILED)


def _first(errors: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
