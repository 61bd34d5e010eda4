"""Verbs for a therapist: what is looked at after a session, and the session itself."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Any, Literal

import typer

from vagalwatch.cli import terminal
from vagalwatch.cli.terminal import BAD_INPUT, THERAPIST, ConfigOption, JsonOption, app

WEEK_NS = 7 * 24 * 3600 * 1_000_000_000
Doing = Literal["start", "stop", "mark", "list"]


@app.command(rich_help_panel=THERAPIST)
def report(
    wearers: Annotated[list[str], typer.Argument(help="One person; or two, for a session.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", help="The page, one HTML file.")] = None,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How far back.")] = 8,
    note: Annotated[Literal["dap", "soap"], typer.Option(help="The draft's form.")] = "dap",
    session: Annotated[str | None, typer.Option(help="Of two: which one; else their last.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one's weeks with a draft of a note, or a session of two; it takes their consents."""
    from vagalwatch import language
    from vagalwatch.alerts.consents import ConsentError
    from vagalwatch.journal.database import JournalError
    from vagalwatch.report import joint_page, one
    from vagalwatch.report.gather import ReportError
    from vagalwatch.report.speech import Speech
    from vagalwatch.settings import ConfigError

    if out is None and not as_json:
        terminal.stop("Name the page to write with --out FILE.html, or ask for --json.", BAD_INPUT)
    settings = terminal.settings(config)
    with terminal.errors(ConfigError, JournalError, ConsentError, ReportError, OSError):
        speech = Speech(settings.words.language, language.load(settings.words))
        match wearers:
            case [wearer] if session is None:
                now_ns = time.time_ns()
                between_ns = now_ns - weeks * WEEK_NS, now_ns
                with terminal.progress("Reading") as done:
                    told, page = one.report(
                        settings.journal_path,
                        wearer,
                        between_ns,
                        form=note,
                        speech=speech,
                        done=done,
                    )
            case [wearer, other]:
                told, page = joint_page.report(
                    settings.journal_path, wearer, other, session, speech
                )
            case _:
                terminal.stop(
                    "A report is of one person, or of two and a session of theirs.", BAD_INPUT
                )
        if out is not None:
            one.write(page, out)
    if as_json:
        terminal.print_json(told)
    else:
        typer.echo(f"Written to {out}. Erasing a record does not erase this file.")


@app.command(rich_help_panel=THERAPIST)
def session(
    do: Annotated[Doing, typer.Argument(help="start, stop, mark or list.")],
    wearers: Annotated[list[str] | None, typer.Argument(help="At the start: who is in it.")] = None,
    *,
    note: Annotated[str, typer.Option(help="A line for the record of each in it.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin or end a session of one person or of two, note something in it, or list them."""
    from vagalwatch.control import ControlError, call

    path = terminal.settings(config).control_path
    try:
        known = call(path, "session", do=do, wearers=wearers or [], note=note)
    except ControlError as error:
        terminal.stop(str(error), BAD_INPUT)
    if as_json:
        terminal.print_json(known)
        return
    if not known:
        typer.echo("There has been no session yet.", err=True)
    for one in known if do == "list" else known[-1:]:
        state = "goes on" if one["running"] else "ended"
        typer.echo(f"{one['id']}  {' '.join(one['wearers'])}  {one['minutes']:.0f} min  {state}")


@app.command(name="adverse-event")
def adverse_event(
    wearer: Annotated[str, typer.Argument(help="The pseudonym.")],
    *,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M"], help="When it happened, as the log says it."),
    ] = None,
    serious: Annotated[
        bool | None,
        typer.Option("--serious/--not-serious", help="Death, danger to life, hospital, lasting."),
    ] = None,
    related: Annotated[
        str | None, typer.Option(help="unrelated, unlikely, possible, probable or definite.")
    ] = None,
    expected: Annotated[
        bool | None, typer.Option("--expected/--unexpected", help="By what was told before.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it was, in a sentence without names.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge an event that did harm, or may have; with a name alone, show the log.

    The minute names the event: what is judged of it again takes the place of what stood there.
    """
    from dataclasses import fields

    from vagalwatch.alerts.adverse import Harm
    from vagalwatch.control import ControlError, call

    path = terminal.settings(config).control_path
    judged = (at, serious, related, expected)
    try:
        if at is not None and None not in judged:
            harms = call(
                path,
                "adverse-event",
                wearer=wearer,
                wall_ns=round(at.timestamp()) * 1_000_000_000,
                serious=serious,
                related=related,
                expected=expected,
                note=note,
            )
        elif note or any(one is not None for one in judged):
            terminal.stop(
                "To judge an event takes all of --at, --serious or --not-serious, --related, and "
                "--expected or --unexpected.",
                BAD_INPUT,
            )
        else:
            harms = call(path, "adverse-log", wearer=wearer)
    except ControlError as error:
        terminal.stop(str(error), BAD_INPUT)
    if as_json:
        terminal.print_json(harms)
        return
    typer.echo("  ".join(["when            ", *(item.name for item in fields(Harm)[1:])]))
    for harm in harms:
        _print_harm(harm)


def _print_harm(harm: dict[str, Any]) -> None:
    when = datetime.fromtimestamp(harm.pop("wall_ns") / 1e9)  # noqa: DTZ006 - this machine's, as --at
    known = {None: "not judged", True: "yes", False: "no"}
    told = [known[one] if one is None or isinstance(one, bool) else one for one in harm.values()]
    typer.echo("  ".join([f"{when:%Y-%m-%dT%H:%M}", *told]))
