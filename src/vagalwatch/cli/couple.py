"""The verb for two wearers: link, once a therapist has attested; end; list."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it is called

from __future__ import annotations

from typing import Annotated, Any

import typer

from vagalwatch.cli import terminal
from vagalwatch.cli.terminal import BAD_INPUT, THERAPIST, ConfigOption, JsonOption, app


@app.command(rich_help_panel=THERAPIST)
def link(
    one: Annotated[str | None, typer.Argument(help="The pseudonym of one.")] = None,
    other: Annotated[str | None, typer.Argument(help="The pseudonym of the other.")] = None,
    *,
    attest: Annotated[
        bool, typer.Option("--attest", help="As the therapist who has seen each alone.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who attests: a pseudonym or a role, no name.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the link; neither page says so.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Say what was attested.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link two wearers as a couple: only a therapist's attestation unlocks it.

    It shows nothing to anybody: what the other may see, each agrees to on their own page.
    """
    if [attest, end, listed].count(True) != 1 or listed == bool(one and other):
        terminal.stop(
            "Say one of: vagalwatch link ONE OTHER --attest --by WHO; "
            "vagalwatch link ONE OTHER --end; vagalwatch link --list.",
            BAD_INPUT,
        )
    if listed:
        links = _asked(config, "links")
        if as_json:
            terminal.print_json(links)
        elif not links:
            typer.echo("Nobody is linked.", err=True)
        for each in [] if as_json else links:
            typer.echo(f"{' and '.join(each['wearers'])}: attested by {each['by']}, {each['at']}")
    elif end:
        ended = _asked(config, "unlink", one=one, other=other)
        if as_json:
            terminal.print_json({"ended": ended})
        else:
            typer.echo("The link has ended." if ended else "They were not linked.")
    else:
        linked = _asked(config, "link", one=one, other=other, by=by, sentence=_sentence())
        if as_json:
            terminal.print_json(linked)
        else:
            typer.echo(
                "Linked. Nothing is shared by this: each now decides alone, on their own page. "
                "Never ask either about it on a phone that both can see."
            )


def _sentence() -> str:
    """The attestation, in the attester's own hand: a flag alone would be too easily set."""
    from vagalwatch.alerts.couple import ATTESTATION

    typer.echo(
        "Couple use is not for you where there is fear of the other, control, injury or stalking "
        "(docs/couples.md). If you have seen each alone and can say so, type this sentence:\n"
        f"{ATTESTATION}",
        err=True,
    )
    return str(typer.prompt("", default="", show_default=False, prompt_suffix="> ", err=True))


def _asked(config: ConfigOption, verb: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
    from vagalwatch.control import ControlError, call

    path = terminal.settings(config).control_path
    try:
        return call(path, verb, **arguments)
    except ControlError as error:
        terminal.stop(str(error), BAD_INPUT)
