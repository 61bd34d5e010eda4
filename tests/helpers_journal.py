"""A journal in memory for other parts' tests; held to the same contract as the real one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vagalwatch.journal.codec import encode
from vagalwatch.journal.port import RUN_SHIFT, Entry, NotRecordingError, Snapshot
from vagalwatch.records import SITE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vagalwatch.records import Record


class MemoryJournal:
    """Commits at once while ``recording``, and when it is set back to true."""

    def __init__(self, run: int = 1, entries: Iterable[Entry] = ()) -> None:
        self.run = run
        self.entries = list(entries)
        self.cursors: dict[str, int] = {}
        self.aside: list[tuple[str, int, str]] = []
        self._snapshots: list[tuple[int, str, Snapshot]] = []
        self._n = 0
        self._waiting: list[Entry] = []
        self._recording = True
        self._news = asyncio.Event()

    @property
    def recording(self) -> bool:
        return self._recording

    @recording.setter
    def recording(self, value: bool) -> None:
        self._recording = value
        self._commit()

    @property
    def newest(self) -> int:
        return self.entries[-1].place if self.entries else 0

    def append(self, record: Record, *, urgent: bool = False) -> int:
        del urgent
        encode(record)  # refuses what the real one would refuse
        self._n += 1
        place = self.run << RUN_SHIFT | self._n
        self._waiting.append(Entry(place, record))
        self._commit()
        return place

    async def committed(self, place: int) -> None:
        while place > self.newest:
            if not self._recording:
                raise NotRecordingError("told not to record")
            await self._news.wait()

    async def wait_beyond(self, place: int) -> int:
        while place >= self.newest:
            await self._news.wait()
        return self.newest

    def read(
        self,
        after: int = 0,
        *,
        wearer: str | None = None,
        kinds: Collection[str] = (),
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        return [
            entry
            for entry in self.entries
            if entry.place > after
            and (wearer is None or entry.record.wearer in {wearer, SITE})
            and (not kinds or entry.record.kind in kinds)
            and (since_ns is None or entry.record.recv_ns >= since_ns)
        ][:limit]

    def cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    def move_cursor(self, name: str, place: int) -> None:
        self.cursors[name] = place

    def set_aside(self, name: str, place: int, reason: str) -> None:
        self.aside.append((name, place, reason))

    def snapshot(self, wearer: str) -> Snapshot | None:
        mine = [snapshot for _, whose, snapshot in self._snapshots if whose == wearer]
        return mine[-1] if mine else None

    def save_snapshot(self, wearer: str, snapshot: Snapshot) -> None:
        self._snapshots.append((self.newest, wearer, snapshot))

    def crashed(self, committed: int) -> MemoryJournal:
        """The next run's journal, had only what stands up to ``committed`` come to disk."""
        after = MemoryJournal(self.run + 1, (e for e in self.entries if e.place <= committed))
        after.cursors = dict(self.cursors)
        after._snapshots = [kept for kept in self._snapshots if kept[0] <= committed]
        return after

    def _commit(self) -> None:
        if self._recording and self._waiting:
            self.entries += self._waiting
            self._waiting.clear()
            self._news.set()
            self._news = asyncio.Event()
