"""What the page is made of: files that are the same for everybody, read once at the start.

Each is kept packed as well: a phone at the edge of the Wi-Fi has it in a third of the time.
Their version is a digest of them all; the service worker (``static/sw.js``) keeps the files of one
version on the phone, so that the page opens without a line.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from vagalwatch.alerts import words

FILES: Final = {
    "/": ("index.html", "text/html"),
    "/pair": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/dark.css": ("dark.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/cards.js": ("cards.js", "text/javascript"),
    "/consents.js": ("consents.js", "text/javascript"),
    "/couple.js": ("couple.js", "text/javascript"),
    "/cues.js": ("cues.js", "text/javascript"),
    "/device.js": ("device.js", "text/javascript"),
    "/first.js": ("first.js", "text/javascript"),
    "/form.js": ("form.js", "text/javascript"),
    "/further.js": ("further.js", "text/javascript"),
    "/install.js": ("install.js", "text/javascript"),
    "/kept.js": ("kept.js", "text/javascript"),
    "/limits.js": ("limits.js", "text/javascript"),
    "/link.js": ("link.js", "text/javascript"),
    "/own.js": ("own.js", "text/javascript"),
    "/pacer.js": ("pacer.js", "text/javascript"),
    "/pulse.js": ("pulse.js", "text/javascript"),
    "/senses.js": ("senses.js", "text/javascript"),
    "/settings.js": ("settings.js", "text/javascript"),
    "/weeks.js": ("weeks.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/pause.webmanifest": ("pause.webmanifest", "application/manifest+json"),
}
"""What the page needs to open; the phone keeps it."""

PICTURES: Final = ("icon-192.png", "icon-512.png", "icon-full.png")
"""Asked for once, where the page is put among the phone's apps."""

WORKER: Final = "sw.js"

_LINE: Final = re.compile(r"\{\{([\w.-]+)\}\}")


class File(NamedTuple):
    """A file as it is sent: as it is, or packed with gzip for who takes that."""

    body: bytes
    packed: bytes | None
    media_type: str


def shell(known: words.Lines, language: str) -> dict[str, File]:
    """Every file by its path; the lines ``known`` are in ``language``."""
    lines = json.dumps({"lang": language, "lines": known}, ensure_ascii=False).encode()
    kept = {path: (_read(name), media_type) for path, (name, media_type) in FILES.items()}
    kept["/"] = kept["/pair"] = (_page({**known, "lang": language}), "text/html")
    kept["/words.json"] = (lines, "application/json")
    pictures = {f"/{name}": File(_read(name), None, "image/png") for name in PICTURES}
    packed = {path: _file(body, media_type) for path, (body, media_type) in kept.items()}
    worker = _worker({path: body for path, (body, _) in kept.items()})
    return packed | pictures | {f"/{WORKER}": _file(worker, "text/javascript")}


def _worker(kept: dict[str, bytes]) -> bytes:
    """The service worker, which is another one as soon as any file is."""
    script = _read(WORKER)
    digest = hashlib.sha256(script)
    for path, body in kept.items():
        digest.update(f"\0{path}\0{len(body)}\0".encode() + body)
    told = {"version": digest.hexdigest()[:16], "paths": list(kept)}
    return f"const SHELL = {json.dumps(told)};\n".encode() + script


def _page(known: words.Lines) -> bytes:
    """The page with the lines that are there before any script is, or where none ever comes."""
    page = _read("index.html").decode()
    return _LINE.sub(lambda found: html.escape(known[found[1]]), page).encode()


def _read(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()


def _file(body: bytes, media_type: str) -> File:
    return File(body, gzip.compress(body, mtime=0), media_type)
