"""A report as one HTML file: no script, nothing from elsewhere, for a phone and for paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from vagalwatch import __version__
from vagalwatch.report import note, svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.alerts.adverse import Harm
    from vagalwatch.report.figures import Break, Progress
    from vagalwatch.report.note import Part
    from vagalwatch.report.pictures import Picture
    from vagalwatch.report.speech import Speech

# Okabe & Ito, told apart with any colour vision, and shapes besides. Nothing here is red.
CSS: Final = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #595959; --paper: #fff; --rule: #dcdcdc;
  --card: #f4f4f2; --band: #56b4e9; --fast: #b35c00; --slow: #0072b2; --own: #007a58;
  --other: #9a4f7d; --missing: #ececec; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --soft: #b0b0ac; --paper: #161616;
  --rule: #3a3a3a; --card: #202020; --band: #3a7ca5; --fast: #e69f00; --slow: #56b4e9;
  --own: #3fb68b; --other: #cc79a7; --missing: #2b2b2b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { max-width: 42rem; margin: .5rem 0; }
.soft, figcaption p, small { color: var(--soft); font-size: .875rem; }
.first { border-left: 4px solid var(--fast); padding-left: .75rem; font-weight: 600; }
.six { display: grid; gap: .75rem; padding: 0; margin: 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.six div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.six dt { color: var(--soft); font-size: .875rem; }
.six dd { margin: 0; }
.six .number { font-size: 1.15rem; font-weight: 600; }
.pictures { display: grid; gap: 1.5rem 2rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; max-width: 34rem; }
figcaption { font-weight: 600; }
figcaption p { font-weight: 400; margin: 0 0 .5rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--rule); stroke-width: .7; }
.axis { stroke: var(--soft); stroke-width: 1; }
.usable { fill: var(--band); }
.unusable { fill: var(--soft); stroke: var(--paper); stroke-width: 0; opacity: .45; }
.missing { fill: var(--missing); }
.heart { fill: none; stroke: var(--ink); stroke-width: 1.6; stroke-linejoin: round; }
.usual { stroke: var(--soft); stroke-dasharray: 5 4; }
.median { stroke: var(--slow); stroke-width: 3; }
.flooding { fill: var(--fast); }
.shutdown { fill: var(--slow); }
.safety { fill: var(--other); }
.settled { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5; }
.own-break { fill: var(--own); }
.prompted-break { fill: var(--paper); stroke: var(--own); stroke-width: 1.2; }
.one { fill: none; stroke: var(--ink); stroke-width: 1.6; }
.other { fill: none; stroke: var(--other); stroke-width: 2; stroke-dasharray: 5 2; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: .5rem 0; }
.legend li { display: flex; align-items: center; gap: .375rem; font-size: .875rem; }
.legend svg { width: 1.5rem; flex: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0;
  border-bottom: 1px solid var(--rule); }
td { white-space: nowrap; }
td:last-child { white-space: normal; min-width: 10rem; }
.note { border: 1px solid var(--rule); border-radius: .5rem; padding: .25rem 1rem 1rem; }
@media print { body { font-size: 11pt; } .six div, figure { break-inside: avoid; } }
"""

LEGEND: Final = ("usable", "unusable", "own-break", "prompted-break", "flooding", "shutdown")


def of_one(told: Progress, drawn: list[Picture], written: list[Part], speech: Speech) -> str:
    """The page of one person."""
    title = speech.say("page.title", wearer=told.wearer)
    since, until = (speech.when(t_ns, "%Y-%m-%d") for t_ns in (told.since_ns, told.until_ns))
    period = speech.say("page.period", since=since, until=until, weeks=len(told.weeks))
    body = [
        f"<h1>{escape(title)}</h1>",
        paragraph(f"{period} {speech.say('page.draft')}"),
        paragraph(speech.say("page.chart", wearer=told.wearer)),
        paragraph(f"{speech.say('page.knows')} {speech.say('page.court')}"),
        *(paragraph(line, "first") for line in note.first(told, speech)),
        *_harms(told.harms, speech),
        heading(speech.say("six.head")),
        _six(told, speech),
        heading(speech.say("picture.head")),
        legend(LEGEND + (("safety",) if told.falls else ()), speech),
        f"<div class=pictures>{''.join(map(figure, drawn))}</div>",
        heading(speech.say("table.head")),
        _breaks(told.breaks, speech),
        *_private(note.private(told, speech), speech),
        heading(speech.say("note.head")),
        _note(written),
    ]
    return document(title, body, told.until_ns, speech)


def document(title: str, body: Iterable[str], now_ns: int, speech: Speech) -> str:
    """A whole page with what stands at the foot of every one."""
    made = speech.say("page.made", when=speech.when(now_ns), maker=f"vagalwatch {__version__}")
    foot = paragraph(f"{made} {speech.say('page.zone')} {speech.say('page.file')}", "soft")
    return (
        f'<!doctype html>\n<html lang="{speech.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>"
        f"{''.join(body)}{foot}</main></body></html>\n"
    )


def heading(said: str) -> str:
    """The head of a section."""
    return f"<h2>{escape(said)}</h2>"


def paragraph(said: str, class_: str = "") -> str:
    """A paragraph; nothing for no words."""
    if not said:
        return ""
    return f'<p class="{class_}">{escape(said)}</p>' if class_ else f"<p>{escape(said)}</p>"


def figure(drawn: Picture) -> str:
    """A picture under its head."""
    return (
        f"<figure><figcaption>{escape(drawn.title)}{paragraph(drawn.note)}</figcaption>"
        f"{drawn.svg}</figure>"
    )


def legend(kinds: Iterable[str], speech: Speech) -> str:
    """Marks as pictures show them, with what they stand for."""
    told = "".join(
        f"<li>{_sample(kind)}{escape(speech.say(f'mark.{kind}'))}</li>" for kind in kinds
    )
    return f'<ul class="legend">{told}</ul>'


def table(label: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that scrolls by itself on a phone."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _sample(kind: str) -> str:
    shapes = {
        "usable": svg.bar(2, 2, 20, 10, "usable"),
        "unusable": svg.bar(2, 7, 20, 2, "unusable"),
        "own-break": svg.bar(2, 5, 20, 4, "own-break"),
        "prompted-break": svg.bar(2, 5, 20, 4, "prompted-break"),
    }
    inside = shapes.get(kind) or svg.mark(kind, 12, 7)
    return svg.element("svg", inside, viewBox="0 0 24 14", aria_hidden="true")


def _six(told: Progress, speech: Speech) -> str:
    cards = "".join(
        f"<div><dt>{escape(head)}</dt><dd class=number>{escape(number)}</dd>"
        f"<dd><small>{escape(about)}</small></dd></div>"
        for head, number, about in note.six(told, speech)
    )
    return f"<dl class=six>{cards}</dl>"


def _private(asked: list[str], speech: Speech) -> list[str]:
    if not asked:
        return []
    about = paragraph(speech.say("private.about"), "soft")
    return [heading(speech.say("private.head")), about, *map(paragraph, asked)]


def _harms(harms: Iterable[Harm], speech: Speech) -> list[str]:
    """The log of adverse events, where there is any; what was not judged stays empty."""

    def yes(value: bool | None) -> str:
        return "" if value is None else speech.say("harm.yes" if value else "harm.no")

    rows = [
        [
            speech.when(one.wall_ns),
            yes(one.said),
            yes(one.serious),
            "" if one.related is None else speech.say(f"harm.{one.related}"),
            yes(one.expected),
            one.note,
        ]
        for one in harms
    ]
    if not rows:
        return []
    columns = ("when", "said", "serious", "related", "expected", "note")
    heads = [speech.say(f"harm.{name}") for name in columns]
    title = speech.say("harm.head")
    note_ = paragraph(speech.say("harm.about"), "soft")
    return [heading(title), note_, table(title, heads, rows)]


def _breaks(breaks: Iterable[Break], speech: Speech) -> str:
    columns = ("when", "who", "about", "agreed", "lasted", "ending", "settled", "mended", "felt")
    rows = [_row(one, speech) for one in breaks]
    if not rows:
        return paragraph(speech.say("table.none"))
    heads = [speech.say(f"table.{name}") for name in (*columns, "set-off")]
    return table(speech.say("table.head"), heads, rows)


def _row(one: Break, speech: Speech) -> list[str]:
    def minutes(value: float | None) -> str:
        return "" if value is None else speech.say("table.minutes", minutes=f"{value:.0f}")

    return [
        speech.when(one.began_ns),
        speech.say("table.own" if one.own else "table.prompted"),
        "" if one.about is None else speech.say(f"mark.{one.about}"),
        minutes(one.agreed_min),
        minutes(one.lasted_min),
        speech.say(f"table.{one.ending}"),
        minutes(one.settle_min),
        "" if one.mended is None else speech.say("table.yes" if one.mended else "table.no"),
        "" if one.felt is None else speech.say(f"table.{one.felt}"),
        one.set_off or "",
    ]


def _note(written: list[Part]) -> str:
    parts = "".join(
        f"<h3>{escape(part.head)}</h3>{''.join(map(paragraph, part.lines))}" for part in written
    )
    return f'<section class="note">{parts}</section>'
