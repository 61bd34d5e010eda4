"""Verbs for a therapist: what is looked at after a session, and the session itself."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Literal

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
