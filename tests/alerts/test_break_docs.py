"""docs/break.md shows the tables that the code has."""

from __future__ import annotations

import pytest

from helpers_break_docs import BEGIN, DOCS, END, TABLES, written
from vagalwatch.alerts.table import TABLE, Effect, Sign
from vagalwatch.records import AnswerKind, BreakPhase

TEXT = DOCS.read_text(encoding="utf-8")


def test_the_docs_show_the_tables_of_the_code() -> None:
    assert written(TEXT) == TEXT, "run: python tests/helpers_break_docs.py"


@pytest.mark.parametrize("name", TABLES)
def test_each_table_stands_there_once(name: str) -> None:
    assert TEXT.count(BEGIN.format(name=name)) == TEXT.count(END.format(name=name)) == 1


def test_every_phase_sign_and_effect_is_explained() -> None:
    explained = TEXT.partition(BEGIN.format(name="transitions"))[0]
    for code in (*BreakPhase, *Effect, *Sign):
        assert f"`{code}`" in explained, code


def test_every_answer_can_be_said_somewhere_but_those_about_an_alert() -> None:
    heard = {event for rows in TABLE.values() for event in rows}
    assert {*AnswerKind} - heard == {
        AnswerKind.SEEN,
        AnswerKind.SHOWN,
        AnswerKind.HEARD,  # about the partner's break: see couples.md
    }
    assert {*Sign} <= heard
