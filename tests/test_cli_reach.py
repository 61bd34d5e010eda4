"""`vagalwatch notify-test`: which way takes a line, and why the others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_cli import call

if TYPE_CHECKING:
    from pathlib import Path


def a_configuration(folder: Path, *lines: str) -> Path:
    file = folder / "vagalwatch.toml"
    file.write_text("\n".join(('[[wearers]]\nid = "alex"', *lines)))
    return file


def test_a_way_that_fails_is_said_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    file = a_configuration(tmp_path, '[[wearers.notify]]\nway = "desktop"')
    told = call("notify-test", "alex", "--config", file, "--json")
    assert told.code == 1
    assert told.json == [
        {
            "way": "desktop-1",
            "taken": False,
            "why": "The session bus cannot be reached (FileNotFoundError).",
        }
    ]
    told = call("notify-test", "alex", "--config", file)
    assert told.out.startswith("desktop-1    The session bus cannot be reached")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "“alex” has no way in notify. Configured for: nobody."),
        (['[[wearers.notify]]\nway = "apprise"'], "needs url_file"),
        (['[[wearers.notify]]\nway = "desktop"\nurl_file = "/x"'], "needs url_file"),
        (['[[wearers.notify]]\nway = "pigeon"'], "'desktop' or 'apprise'"),
        (['[[wearers.notify]]\nway = "desktop"'] * 5, "at most 4"),
    ],
)
def test_what_is_configured_wrongly_is_a_sentence(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    file = a_configuration(tmp_path, *lines)
    assert says in call("notify-test", "alex", "--config", file).sentence(2)
