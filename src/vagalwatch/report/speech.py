"""The sentences of reports, a file a language, and how times are written."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

    from vagalwatch.alerts.words import Lines

NS: Final = 1_000_000_000


@cache
def lines(language: str) -> Lines:
    """Every line of a language that there is a file for, by ``section.key``."""
    file = files("vagalwatch.report") / "words" / f"{language}.toml"
    return {
        f"{section}.{key}": line
        for section, keys in tomllib.loads(file.read_text(encoding="utf-8")).items()
        for key, line in keys.items()
    }


@dataclass(frozen=True, slots=True)
class Speech:
    """A report's language, and the zone of its times (``None``: this machine's).

    ``page`` are the lines of the person's own page, in which agreements are told.
    """

    language: str
    page: Lines
    zone: tzinfo | None = None

    def say(self, key: str, **values: object) -> str:
        """The line ``section.key`` with its ``{values}`` filled in."""
        return lines(self.language)[key].format(**values)

    def when(self, t_ns: int, form: str = "%Y-%m-%d %H:%M") -> str:
        """A time (UTC ns of the wall clock) as people write it."""
        return self.at(t_ns).strftime(form)

    def at(self, t_ns: int) -> datetime:
        """The same, as a date and time of the zone."""
        return datetime.fromtimestamp(t_ns / NS, self.zone)
