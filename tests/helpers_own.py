"""A page with a journal behind it: what belongs to a person is read from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers_page import WEARERS, Story, paired
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.web.choices import House
from vagalwatch.web.own import Own

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.records import Answer, Marker, Record, Setting

HOUSE = House(
    mqtt="vagalwatch", influx="home-data", told=dict.fromkeys(WEARERS, ("desktop", "apprise"))
)


class OwnStory(Story):
    """As a :class:`Story`, with everything on disk too. ``first_run``: nobody has read it yet."""

    def __init__(self, folder: Path, *, first_run: bool = False) -> None:
        self.path = folder / "test.sqlite"
        self.journal = SqliteJournal(self.path)
        super().__init__(folder, first_run=first_run)
        self.place = 0
        self._cookies: dict[str, str] = {}
        for record in self.records:
            self.place = self.journal.append(record)

    def own(self) -> Own:
        """The person's own part of the page."""
        return Own(self.path, self, self.clock, HOUSE)

    def take(self, record: Record) -> list[Record]:
        """On disk, too."""
        outputs = super().take(record)
        for each in (record, *outputs):
            self.place = self.journal.append(each, urgent=True)
        return outputs

    async def submit(self, record: Answer | Setting | Marker) -> None:
        """On disk when it returns."""
        await super().submit(record)
        await self.written()

    async def cookie(self, wearer: str) -> str:
        """The Cookie header of one and the same browser of ``wearer``."""
        if wearer not in self._cookies:
            self._cookies[wearer] = await paired(self.page, wearer)
        return self._cookies[wearer]

    async def written(self) -> None:
        """Everything so far is on disk."""
        await self.journal.committed(self.place)
