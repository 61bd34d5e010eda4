"""The page's own files: all there, packed rightly, and another version as soon as one changes."""

from __future__ import annotations

import gzip
import json
import re
import struct
from importlib.resources import files
from typing import Any

import pytest

from vagalwatch.alerts import words
from vagalwatch.web.shell import FILES, PICTURES, WORKER, shell

SHELL = shell(words.lines(), "en")
STATIC = files("vagalwatch.web").joinpath("static")


def told(served: dict[str, Any]) -> dict[str, Any]:
    """What the service worker is told to keep."""
    found = re.match(r"const SHELL = (\{.*\});\n", served[f"/{WORKER}"].body.decode())
    assert found
    return dict(json.loads(found[1]))


def test_no_file_lies_about_unserved() -> None:
    there = {file.name for file in STATIC.iterdir()}
    assert there == {name for name, _ in FILES.values()} | {*PICTURES, WORKER}


@pytest.mark.parametrize("path", SHELL)
def test_what_is_packed_is_the_same_and_smaller(path: str) -> None:
    file = SHELL[path]
    if file.packed is not None:
        assert gzip.decompress(file.packed) == file.body
        assert len(file.packed) < len(file.body)


def test_the_phone_keeps_what_the_page_needs_and_nothing_that_is_somebodys() -> None:
    assert set(told(SHELL)["paths"]) == {*FILES, "/words.json"}
    scripts = [path for path in FILES if path.endswith(".js")]
    wanted = {
        f"/{name}"
        for path in scripts
        for name in re.findall(r'(?:from|import)\s*\(?"\./([a-z]+\.js)"', SHELL[path].body.decode())
    }
    assert wanted <= set(FILES)


def test_one_changed_line_is_another_version_and_the_same_files_are_the_same() -> None:
    again = shell(words.lines(), "en")
    own = shell(words.edited(words.lines(), '[break]\nsettled = "Ready when you are."'), "en")
    assert told(again) == told(SHELL)
    assert told(own)["version"] != told(SHELL)["version"]


def test_what_stands_before_any_script_runs_is_in_the_language_and_is_text() -> None:
    own = words.edited(words.lines("de"), '[page]\nhelp-1 = "<b>Du</b> & ich"')
    page = shell(own, "de")["/"].body.decode()
    assert '<html lang="de">' in page
    assert ">Weg hier</a>" in page
    assert "<li>&lt;b&gt;Du&lt;/b&gt; &amp; ich</li>" in page
    assert "{{" not in page


def test_every_script_is_fetched_in_one_wave() -> None:
    """Named in the page itself, or a slow line is crossed once more for each import."""
    page = SHELL["/"].body.decode()
    first = re.findall(r'from "\./([a-z]+\.js)"', SHELL["/page.js"].body.decode())
    assert first
    for name in first:
        assert f'rel="modulepreload" href="/{name}"' in page


def test_the_icons_are_as_large_as_the_manifest_says() -> None:
    manifest = json.loads(SHELL["/pause.webmanifest"].body)
    assert (manifest["name"], manifest["display"], manifest["start_url"]) == (
        words.lines()["page.title"],
        "standalone",
        "/",
    )
    for icon in manifest["icons"]:
        served = SHELL[icon["src"]]
        assert served.media_type == icon["type"]
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", served.body[16:24])
            assert icon["sizes"] == f"{width}x{height}"
