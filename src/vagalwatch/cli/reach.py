"""The verb that tries how a person is reached beyond the page."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from vagalwatch.cli import terminal
from vagalwatch.cli.terminal import BAD_INPUT, FAILED, HOME, ConfigOption, JsonOption, app
from vagalwatch.settings import ConfigError

SHOWN_MS = 60_000


@app.command(name="notify-test", rich_help_panel=HOME)
def notify_test(
    wearer: Annotated[str, typer.Argument(help="The pseudonym of the configuration.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test line by each way of a wearer's chain, and say which took it.

    That it was taken does not mean that it was seen: look at the screen.
    """
    from vagalwatch import language
    from vagalwatch.alerts import words
    from vagalwatch.deliver.notify import attempt, chain

    settings = terminal.settings(config)
    chains = {known.id: known.notify for known in settings.wearers}
    if not chains.get(wearer):
        named = ", ".join(name for name, ways in chains.items() if ways) or "nobody"
        terminal.stop(f"“{wearer}” has no way in notify. Configured for: {named}.", BAD_INPUT)
    with terminal.errors(ConfigError, OSError):
        ways = chain(chains[wearer])
        line = words.sentence("notify.test", language.load(settings.words))

    async def tried() -> dict[str, str]:
        return {
            name: (await attempt(way, line, urgent=False, for_ms=SHOWN_MS))[1]
            for name, way in ways.items()
        }

    problems = asyncio.run(tried())
    if as_json:
        terminal.print_json(
            [{"way": n, "taken": not why, "why": why} for n, why in problems.items()]
        )
    else:
        for name, why in problems.items():
            typer.echo(f"{name:<12} {why or 'taken; look if it is seen.'}")
    if any(problems.values()):
        raise typer.Exit(FAILED)
