"""Tells a wearer beyond the page, by the ways that the person configured, each attempt journalled.

What is told when is decided in ``notify_plan.py``. Guarantee: of an alert at most two
notifications are taken by a way (more only where the service died before an outcome was on disk),
each a neutral line, none after the alert's time, none of what the journal holds an answer to. A
way that hangs is given up after :data:`ATTEMPT_S`; engine, page and journal never wait for one,
and no wearer waits for another's.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from vagalwatch.alerts import words
from vagalwatch.clock import NS
from vagalwatch.deliver import notify_apprise
from vagalwatch.deliver.notify_plan import KINDS, Plan
from vagalwatch.journal.walltime import AsKnownThen
from vagalwatch.records import SITE, EpisodeKind, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from vagalwatch.clock import Clock
    from vagalwatch.deliver.notify_plan import Due
    from vagalwatch.journal.port import Entry, Journal
    from vagalwatch.records import Record
    from vagalwatch.settings import NotifySettings

logger: Final = logging.getLogger(__name__)

ATTEMPT_S: Final = 10.0
"""Four ways that all hang are through within the 40 s between first telling and repeat."""


class Way(Protocol):
    """Something that shows a line to a person."""

    async def tell(self, text: str, *, urgent: bool, for_ms: int) -> None:
        """Return when the other side took it; any error says that it did not."""
        ...


class _Desktop:
    """As ``notify_desktop.Desktop``, which is imported where it is used: Linux alone has it."""

    def __init__(self) -> None:
        from vagalwatch.deliver.notify_desktop import Desktop  # noqa: PLC0415 - as above

        self._desktop = Desktop()

    async def tell(self, text: str, *, urgent: bool, for_ms: int) -> None:
        await self._desktop.tell(text, urgent=urgent, for_ms=for_ms)


class _Apprise:
    def __init__(self, url_file: Path) -> None:
        notify_apprise.check(url_file)
        self._url_file = url_file

    async def tell(self, text: str, *, urgent: bool, for_ms: int) -> None:
        del for_ms  # these services have no common word for it
        await notify_apprise.tell(self._url_file, text, urgent=urgent)


def chain(settings: Sequence[NotifySettings]) -> dict[str, Way]:
    """The ways of one wearer by name, in their order.

    Raises:
        ConfigError: a file cannot be used, or Apprise is not installed.
    """
    ways: dict[str, Way] = {}
    for place, one in enumerate(settings, start=1):
        way: Way = _Desktop() if one.url_file is None else _Apprise(one.url_file)
        ways[f"{one.way}-{place}"] = way
    return ways


async def attempt(
    way: Way, text: str, *, urgent: bool, for_ms: int
) -> tuple[Literal["taken", "failed", "too-slow"], str]:
    """Tell once, within bounds; the outcome, and what is wrong as a sentence."""
    try:
        async with asyncio.timeout(min(ATTEMPT_S, for_ms / 1000)):
            await way.tell(text, urgent=urgent, for_ms=for_ms)
    except TimeoutError:
        return "too-slow", "It gave no answer in time."
    except Exception as error:  # noqa: BLE001 - a notifier's fault must stop nothing else
        return "failed", str(error) or type(error).__name__
    return "taken", ""


@dataclass(slots=True)
class _Person:
    ways: dict[str, Way]
    plan: Plan
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    problems: dict[str, str] = field(default_factory=dict)
    """What went wrong last, by way; empty where it was taken."""


class Notifier:
    """All wearers' chains of one site."""

    def __init__(
        self,
        journal: Journal,
        chains: Mapping[str, dict[str, Way]],
        clock: Clock,
        take: Callable[[Record], object],
        known: words.Lines | None = None,
    ) -> None:
        """``chains`` by wearer; ``take`` journals what was tried (LookupError: nobody by now)."""
        self._journal, self._clock, self._keep, self._known = journal, clock, take, known
        self._walltime = AsKnownThen(journal)
        self._people = {
            wearer: _Person(ways, Plan(tuple(ways))) for wearer, ways in chains.items() if ways
        }
        self._seen = 0

    @property
    def problems(self) -> list[str]:
        """A sentence for each way that did not take what it was last given, for `doctor`."""
        people = self._people.values()
        return [f"{way}: {said}" for one in people for way, said in one.problems.items() if said]

    async def run(self) -> None:
        """Follow the journal and tell what is due, until cancelled; with no ways, return."""
        if not self._people:
            return
        async with asyncio.TaskGroup() as tasks:
            for person in self._people.values():
                person.task = tasks.create_task(self._tell(person), name="notify")
            tasks.create_task(self._follow(), name="notify-journal")

    async def forget(self, wearer: str) -> None:
        """``wearer`` is erased: once this returns nothing more is told, and nothing is kept."""
        person = self._people.pop(wearer, None)
        if person is not None and person.task is not None:
            person.task.cancel()
            await asyncio.wait([person.task])

    async def _follow(self) -> None:
        """Take what is committed. Ticks are too, each second, so the journal is the timer."""
        read = self._journal.read
        while entries := await asyncio.to_thread(read, self._seen, kinds=KINDS):
            self._take(entries)
        while True:
            for person in self._people.values():
                person.news.set()  # also of what stood here at the start
            newest = await self._journal.wait_beyond(self._seen)
            while entries := read(self._seen, kinds=KINDS):
                self._take(entries)
                await asyncio.sleep(0)
            self._seen = max(self._seen, newest)

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.record.wearer != SITE and entry.record.wearer in self._people:
                person = self._people[entry.record.wearer]
                person.plan.take(self._walltime.corrected(entry).record)
        self._seen = entries[-1].place

    async def _tell(self, person: _Person) -> None:
        while True:
            await person.news.wait()
            person.news.clear()
            due = person.plan.due(self._wall_ns())
            if due is None:
                continue
            notice = await self._attempt(person, due)
            try:
                self._keep(notice)
            except LookupError:
                return  # erased meanwhile
            person.plan.take(notice)  # the journal tells it again, which changes nothing
            person.news.set()  # if it failed the next way's turn has come

    async def _attempt(self, person: _Person, due: Due) -> Notice:
        name, way = list(person.ways.items())[due.place]
        began_ns = self._clock.now_ns()
        outcome, person.problems[name] = await attempt(
            way,
            words.lock_screen(due.alert, self._known),
            urgent=due.alert.alert == EpisodeKind.SAFETY,
            for_ms=max(1, (due.alert.valid_until_ns - self._wall_ns()) * 1000 // NS),
        )
        if outcome != "taken":
            logger.warning("a notification was not taken: %s (%s)", name, outcome)
        return Notice(
            wearer=due.alert.wearer,
            t_ns=began_ns,
            recv_ns=self._clock.now_ns(),
            alert_id=due.alert.id,
            way=name,
            repeat=due.repeat,
            outcome=outcome,
        )

    def _wall_ns(self) -> int:
        return self._clock.now_ns() + self._clock.wall_step_ns()
