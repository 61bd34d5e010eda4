"""What every verb needs of a terminal: its options, one sentence for an error, JSON, a bar."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from vagalwatch import __version__
from vagalwatch.settings import ConfigError, Settings, default_config_path, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Notices possible flooding or shutdown, and guides an agreed break. No medical device.",
)

FAILED, BAD_INPUT = 1, 2
HOME, THERAPIST, RESEARCHER = "At home", "For a therapist", "For a researcher"
"""Under which heading the help shows a verb."""

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help=f"Configuration (else {default_config_path()}).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


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


def stop(sentence: str, code: int) -> NoReturn:
    """Say why, and end with ``code``."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


@contextmanager
def errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors that a person can mend into their sentence and exit code 2.

    Of the system's errors only those about the path that was given; a full disk is a failure.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # `vagalwatch replay ... | head`: whoever read has enough
    except kinds as error:
        is_input = not isinstance(error, OSError) or isinstance(error, _ABOUT_PATH)
        stop(sentence(error), BAD_INPUT if is_input else FAILED)


_ABOUT_PATH = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def sentence(error: BaseException) -> str:
    """For a person; Python's own wording of the system's errors begins with a number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}."


def settings(path: Path | None) -> Settings:
    """The configuration, or its mistake as a sentence."""
    with errors(ConfigError, OSError):
        return load(path)


def print_json(value: object) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(value, allow_nan=False))


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; the callback takes the share that is done."""
    if not sys.stderr.isatty():
        yield lambda _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)
