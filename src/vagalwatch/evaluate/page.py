"""A report as one HTML file: no script, nothing from elsewhere, readable on a phone."""

from __future__ import annotations

import base64
import json
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Final

from vagalwatch import __version__
from vagalwatch.engine import ENGINE_VERSION
from vagalwatch.evaluate.plots import need_matplotlib, pictures
from vagalwatch.evaluate.report import cell, lines
from vagalwatch.hrv.parameters import parameters_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vagalwatch.evaluate.report import Report

_CSS: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
  max-width: 75rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { max-width: 45rem; margin: .5rem 0; }
.about { color: #555; }
.warn { border-left: 4px solid #d55e00; padding-left: .75rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0;
  border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
tbody th { font-weight: 400; white-space: normal; min-width: 8.5rem; position: sticky; left: 0;
  background: #fff; }
td small { display: block; color: #666; font-size: .75rem; }
tr > :nth-child(2) { font-weight: 600; }
tr > :nth-child(2) small { font-weight: 400; }
.pictures { display: grid; gap: 1.25rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); align-items: start; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: .95rem; }
img { width: 100%; height: auto; display: block; }
"""
_NOTES: Final = {
    "Arousal": "LOC: each task against the rest just before it and the rest just after it, a row "
    "without a value counting as 0. A clock without a sensor scores .5 on LOC, and high on the "
    "AUC over all rests wherever the tasks come in one order. Bars are 95 % intervals by "
    "bootstrap over people.",
    "Events": "Latency counts from when the truth crosses the level from which the event is to be "
    "found; an alert on the way there counts as 0 s. Alerts are counted before the rules of "
    "prompting, which would hide some.",
    "False alerts": "An alert that belongs to no event of its kind is false. Watched is all wear; "
    "of recordings with tasks and rests, the rests.",
    "Timelines": "Shaded: what is there (flooding and tasks orange, shutdown violet, a falling "
    "heart red, sensor off grey). Blue: arousal as vagalwatch says it. Yellow: heart rate over "
    "the baseline's. Below: alerts (up: flooding, down: shutdown, cross: fall of the heart).",
}


def prepare(folder: Path) -> None:
    """See that a report can be written into ``folder``, before the work of hours.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OSError: the folder cannot be made.
    """
    need_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)


def write(report: Report, folder: Path) -> None:
    """Write ``report.html`` and ``report.json`` into ``folder``."""
    (folder / "report.html").write_text("\n".join(_parts(report)), encoding="utf-8")
    text = json.dumps(report.as_json(), indent=2, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def _parts(report: Report) -> Iterator[str]:
    title = f"vagalwatch evaluate: {report.suite}"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body>"
    )
    yield f"<h1>{escape(title)}</h1><p>{escape(report.about)}</p>"
    yield (
        f'<p class="about">{report.people} people, {report.recordings} recordings, '
        f"{report.hours:.1f} hours. vagalwatch {__version__}, engine {ENGINE_VERSION}, "
        f"parameters {parameters_hash()}.</p>"
    )
    for name, sentence in report.warnings():
        yield f'<p class="warn"><b>{escape(name)}</b>: {escape(sentence)}</p>'
    yield "<h2>Figures</h2>"
    yield from _table(report)
    for section, drawn in groupby(pictures(report), key=lambda picture: picture.section):
        yield f"<h2>{escape(section)}</h2><p>{_NOTES[section]}</p><div class=pictures>"
        for picture in drawn:
            data = base64.b64encode(picture.svg).decode()
            yield (
                f"<figure><figcaption>{escape(picture.title)}</figcaption>"
                f'<img alt="{escape(picture.alt)}" src="data:image/svg+xml;base64,{data}"></figure>'
            )
        yield "</div>"
    yield "</body></html>\n"


def _table(report: Report) -> Iterator[str]:
    names = "".join(f"<th scope=col>{escape(one.name)}</th>" for one in report.detectors)
    yield "<div class=scroll role=region aria-label=Figures tabindex=0>"
    yield f"<table><thead><tr><td></td>{names}</tr></thead><tbody>"
    for words, intervals, write in lines(report):
        cells = ""
        for interval in intervals:
            value, span = (escape(text) for text in cell(interval, write))
            cells += f"<td>{value}{f'<small>{span}</small>' if span else ''}</td>"
        yield f"<tr><th scope=row>{escape(words)}</th>{cells}</tr>"
    yield "</tbody></table></div>"
