"""A notifier on a real journal whose time the test moves, and ways that the test decides over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helpers_mqtt import NS, a_tick
from vagalwatch.clock import StoryClock
from vagalwatch.deliver.notify import Notifier
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import Notice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from vagalwatch.deliver.notify import Way
    from vagalwatch.records import Record

START_NS = 1_767_268_800 * NS


@dataclass
class Screen:
    """A way, and what it was given."""

    fails: BaseException | None = None
    hangs: asyncio.Event | None = None
    told: list[tuple[str, bool, int]] = field(default_factory=list)
    given_up: int = 0

    async def tell(self, text: str, *, urgent: bool, for_ms: int) -> None:
        self.told.append((text, urgent, for_ms))
        if self.hangs is not None:
            try:
                await self.hangs.wait()
            except asyncio.CancelledError:
                self.given_up += 1
                raise
        if self.fails is not None:
            raise self.fails


class House:
    """A journal whose time the test moves."""

    def __init__(self, path: Path, **chains: Mapping[str, Way]) -> None:
        self.clock = StoryClock(START_NS)
        self.journal = SqliteJournal(path)
        self.erased: set[str] = set()
        ways: dict[str, dict[str, Way]] = {name: {**own} for name, own in chains.items()}
        self.notifier = Notifier(self.journal, ways, self.clock, self.take)

    def take(self, record: Record) -> None:
        if record.wearer in self.erased:
            raise LookupError
        self.journal.append(record, urgent=True)

    async def add(self, record: Record) -> None:
        await self.journal.committed(self.journal.append(record, urgent=True))

    async def passes(self, seconds: float) -> None:
        """A tick that much later, committed."""
        await self.clock.advance(seconds)
        await self.add(a_tick(self.clock.now_ns()))

    def notices(self, wearer: str = "anna") -> list[tuple[str, bool, str]]:
        entries = self.journal.read(kinds=("notice",), wearer=wearer)
        said = [entry.record for entry in entries if isinstance(entry.record, Notice)]
        return [(notice.way, notice.repeat, notice.outcome) for notice in said]


@asynccontextmanager
async def a_house(path: Path, **chains: Mapping[str, Way]) -> AsyncIterator[House]:
    async with running(House(path / "j", **chains)) as house:
        yield house


@asynccontextmanager
async def running(house: House) -> AsyncIterator[House]:
    task = asyncio.create_task(house.notifier.run())
    try:
        yield house
    finally:
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        house.journal.close()
        assert isinstance(result, asyncio.CancelledError)
