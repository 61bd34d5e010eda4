"""The tables of ``docs/break.md``, made from the code's.

``python tests/helpers_break_docs.py`` writes them anew after a change.
"""

from __future__ import annotations

from pathlib import Path

from vagalwatch.alerts import afterwards, steps, words
from vagalwatch.alerts.table import FINAL, TABLE, Event, Row
from vagalwatch.records import AnswerKind

DOCS = Path(__file__).resolve().parents[1] / "docs" / "break.md"
BEGIN, END = "<!-- {name}: written by tests/helpers_break_docs.py -->", "<!-- end of {name} -->"


def transitions() -> str:
    """A row a phase and destination, the events that lead there in the table's order."""
    lines = [
        "| Where it stands | What happens | Where it stands then | With what effect |",
        "|-|-|-|-|",
    ]
    for phase, rows in TABLE.items():
        name = "(no break yet)" if phase is None else f"`{phase}`"
        name += " (final)" if phase in FINAL else ""
        together: dict[Row, list[str]] = {}
        for event, row in rows.items():
            together.setdefault(row, []).append(_said(event))
        for row, events in together.items():
            why = f" ({row.reason})" if row.reason else ""
            effects = ", ".join(row.effects) or ""
            after = "stays" if row.phase == phase else f"`{row.phase}`"
            lines.append(f"| {name} | {', '.join(events)} | {after}{why} | {effects} |")
            name = ""
    return "\n".join(lines)


def _said(event: Event) -> str:
    """An answer by its words, a sign by its code."""
    known = words.lines().get(f"answer.{event}") if isinstance(event, AnswerKind) else None
    return f"“{known}”" if known else f"`{event}`"


def small_steps() -> str:
    """A row a step, in the order in which they are offered."""
    lines = ["| Step | Its words | Flooding | Possible shutdown, or unclear |", "|-|-|-|-|"]
    for step, fit in steps.TABLE.items():
        said = words.lines()[f"step.{step}"].replace("{own}", "(the person's own)")
        lines.append(f"| `{step}` | {said} | {fit.flooding} | {fit.else_} |")
    return "\n".join(lines)


def questions() -> str:
    """A row a question, with what can be said to it."""
    lines = ["| Question | Its words | Answers |", "|-|-|-|"]
    for question, answers in afterwards.CHOICES.items():
        said = ", ".join(f"`{answer}`" for answer in (*answers, AnswerKind.SKIP))
        lines.append(f"| `{question}` | {words.lines()[f'ask.{question}']} | {said} |")
    return "\n".join(lines)


TABLES = {"transitions": transitions, "steps": small_steps, "questions": questions}


def written(text: str) -> str:
    """``text`` with every table as the code has it now."""
    for name, table in TABLES.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{table()}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    DOCS.write_text(written(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
