"""The language and the therapist's own lines, from the configuration to what people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_mqtt import a_step
from vagalwatch.alerts import words
from vagalwatch.deliver import mqtt_messages as messages
from vagalwatch.language import load
from vagalwatch.records import BreakPhase
from vagalwatch.settings import ConfigError, WordsSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_of_ones_own_stand_in_the_place_of_a_languages(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text('[break]\nreturned = "Schön, dass du da bist."\n', encoding="utf-8")
    known = load(WordsSettings(language="de", file=file))
    assert known["break.returned"] == "Schön, dass du da bist."
    assert known["answer.yes"] == "Ja"
    step = a_step(5, BreakPhase.RETURNED)
    assert messages.break_message(step, known).text == "Schön, dass du da bist."
    assert messages.break_message(step).text == words.lines()["break.returned"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[break]\nretuned = "Hello."\n', "Did you mean “break.returned”?"),
        ("[break", "not valid TOML"),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, text: str | None, says: str
) -> None:
    file = tmp_path / "words.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says.replace("?", r"\?")) as error:
        load(WordsSettings(file=file))
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_language_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"words.language: .*There are: de, en"):
        load(WordsSettings(language="fi"))
