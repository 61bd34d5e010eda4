"""What belongs to the person, on their own page: settings, consents, history, a copy of it all.

A shell: who asks is decided by the page's credential, what can be chosen in ``choices.py`` and
:mod:`vagalwatch.wishes`, what is told of the last weeks in ``history.py``, what the copy holds in
:mod:`vagalwatch.export.own_record`. Each request reads one wearer's records alone, off the loop.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vagalwatch.alerts import consents, couple, words
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.clock import NS
from vagalwatch.export.own_record import record_zip
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import SITE, Gap, Run, Setting, Stream
from vagalwatch.web import choices
from vagalwatch.web.allowance import Allowance
from vagalwatch.web.guard import small_body
from vagalwatch.web.history import KINDS, READ_DAYS, history
from vagalwatch.wishes import consent, go_on, unlink, wish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo as Zone

    from starlette.requests import Request

    from vagalwatch.clock import Clock
    from vagalwatch.deliver.port import Inbox
    from vagalwatch.records import Record

RECORDS_READ: Final = 50_000
"""Most records of gaps, and most of all else, that a history is made of, the newest. A busy month
has some thousand; a strap that loses its link every two minutes comes to 50,000 of gaps."""
LONGEST_ZONE: Final = 64


class _Wish(BaseModel):
    """The body of ``POST /wish``: a setting and its value, or a consent and what it agrees to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: Annotated[str, Field(pattern=r"^[a-z-]{1,40}$")]
    value: JsonValue


class Own:
    """The person's own part of the page of one site."""

    def __init__(
        self,
        journal: Path,
        inbox: Inbox,
        clock: Clock,
        house: choices.House,
        known: words.Lines | None = None,
    ) -> None:
        """Settings come in by :meth:`publish`; the rest is read from ``journal`` when asked for."""
        self._journal = journal
        self._inbox = inbox
        self._clock = clock
        self._house = house
        self._known = known or words.lines()
        self._standing: dict[str, dict[str, str]] = {}
        self._couples = couple.Couples()
        self._copying: set[str] = set()
        self._wishes: dict[str, Allowance] = {}  # apart from answers: no setting uses up a break
        self._wearer_of: Callable[[Request], str | None] = lambda _: None

    def routes(self, wearer_of: Callable[[Request], str | None]) -> list[Route]:
        """What a browser can ask; ``wearer_of`` says who it is, or that it is nobody."""
        self._wearer_of = wearer_of
        return [
            Route("/own", self._own),
            Route("/wish", self._wish, methods=["POST"]),
            Route("/history", self._history),
            Route("/record", self._record),
        ]

    def publish(self, record: Record) -> None:
        """Know what stands; called on the loop for every record."""
        if not isinstance(record, Setting):
            return
        standing = self._standing.setdefault(record.wearer, {})
        standing[record.key] = record.value
        if record.key == couple.LINK:  # what was agreed to before was about another link
            for key in couple.OF_A_LINK:
                standing.pop(key, None)
        self._couples.push(record)

    def forget(self, wearer: str) -> None:
        """``wearer`` is erased: keep nothing."""
        self._standing.pop(wearer, None)
        for other, standing in self._standing.items():
            if self._linked_with(other) == wearer:
                for key in (couple.LINK, *couple.OF_A_LINK):
                    standing.pop(key, None)
        self._couples.forget(wearer)
        self._wishes.pop(wearer, None)

    # --- for browsers -------------------------------------------------------------------------

    async def _own(self, request: Request) -> Response:
        wearer = self._wearer_of(request)
        if wearer is None:
            return _refused("unpaired", 401)
        standing = self._standing.get(wearer, {})
        return JSONResponse(
            {
                "settings": choices.chosen(standing),
                "consents": choices.agreed(standing, self._couples.link(wearer)),
                "seen_by": self._seen_by(wearer),
            }
        )

    async def _wish(self, request: Request) -> Response:
        if self._wearer_of(request) is None:
            return _refused("unpaired", 401)
        body = await small_body(request)
        wearer = self._wearer_of(request)  # it may have been erased while the body came
        if wearer is None:
            return _refused("unpaired", 401)
        now_ns = self._clock.now_ns()
        if not self._wishes.setdefault(wearer, Allowance()).take(now_ns):
            return _refused("too-many", 429)
        try:
            said = _Wish.model_validate_json(body or b"")
            setting = self._setting(wearer, said, now_ns)
        except ValueError:  # also what pydantic raises
            return _refused("bad-request", 400)
        try:
            await self._inbox.submit(setting)
        except NotRecordingError:
            return JSONResponse({"saved": False}, 202)
        return JSONResponse({"saved": True})

    async def _history(self, request: Request) -> Response:
        wearer = self._wearer_of(request)
        if wearer is None:
            return _refused("unpaired", 401)
        try:
            zone = _zone(request.query_params.get("zone", "UTC"))
        except ValueError:
            return _refused("bad-request", 400)
        try:
            days = await asyncio.to_thread(self._read_history, wearer, zone)
        except (JournalError, OSError):
            return _refused("unreadable", 503)
        if self._wearer_of(request) != wearer:  # erased, or its session ended, while it was read
            return _refused("unpaired", 401)
        return JSONResponse({"days": days, "seen_by": self._seen_by(wearer)})

    async def _record(self, request: Request) -> Response:
        wearer = self._wearer_of(request)
        if wearer is None:
            return _refused("unpaired", 401)
        if wearer in self._copying:
            return _refused("busy", 429)
        self._copying.add(wearer)
        pieces = record_zip(self._journal, wearer, self._known)
        try:
            first = await asyncio.to_thread(next, pieces)
        except (JournalError, OSError):
            self._copying.discard(wearer)
            return _refused("unreadable", 503)
        return StreamingResponse(
            self._copy(request, wearer, first, pieces),
            media_type="application/zip",
            # A neutral name: the file lies where others may look.
            headers={"Content-Disposition": 'attachment; filename="my-record.zip"'},
        )

    async def _copy(
        self, request: Request, wearer: str, first: bytes, pieces: Iterator[bytes]
    ) -> AsyncIterator[bytes]:
        """Give the pieces out, as long as the browser may ask for one.

        Of who is erased meanwhile, and on a phone whose session has ended, no more comes and the
        file is broken.
        """
        try:
            piece: bytes | None = first
            while piece is not None:
                if self._wearer_of(request) != wearer:
                    raise ConnectionAbortedError("erased, or its session ended, in between")
                yield piece
                piece = await asyncio.to_thread(next, pieces, None)
        finally:
            self._copying.discard(wearer)

    def _setting(self, wearer: str, said: _Wish, now_ns: int) -> Setting:
        """The record of a wish.

        Raises:
            ValueError: there is no such setting, or it does not take this.
        """
        if said.key in consents.TABLE:
            standing = self._standing.get(wearer, {}).get(said.key, "")
            link = self._couples.link(wearer)
            return consent(wearer, said.key, said.value, now_ns, standing=standing, link=link)
        if said.key == couple.LINK and said.value is None:
            return unlink(wearer, now_ns)
        if said.key == PAUSED and said.value is False:
            return go_on(wearer, now_ns)
        plain = said.key == "mute-until" and isinstance(said.value, str)
        text = str(said.value) if plain else json.dumps(said.value)
        return wish(wearer, said.key, text, now_ns)

    def _seen_by(self, wearer: str) -> list[dict[str, str]]:
        standing = self._standing.get(wearer, {})
        return choices.seen_by(self._house, standing, self._linked_with(wearer), wearer)

    def _linked_with(self, wearer: str) -> str:
        """By ``wearer``'s own side alone: that the other has ended it must not show here."""
        link = self._couples.link(wearer)
        return "" if link is None else link.partner

    def _read_history(self, wearer: str, zone: Zone) -> list[dict[str, object]]:
        now_ns = self._clock.now_ns() + self._clock.wall_step_ns()
        said: deque[Record] = deque(maxlen=RECORDS_READ)
        gaps: deque[Record] = deque(maxlen=RECORDS_READ)  # so that they push no break out
        known_from_ns = 0
        with open_reader(self._journal) as reader:
            wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
            since_ns = now_ns - READ_DAYS * 24 * 3600 * NS - wall.furthest_ns
            for entry in entries(reader, wearer, KINDS, since_ns):
                record = wall.corrected(entry).record
                if not isinstance(record, Gap | Run):
                    said.append(record)
                elif isinstance(record, Run) or record.stream is Stream.HEART:
                    if len(gaps) == RECORDS_READ:
                        known_from_ns = max(known_from_ns, gaps[0].recv_ns)
                    gaps.append(record)
        return history((*said, *gaps), now_ns, zone, known_from_ns)


def _zone(name: str) -> Zone:
    """A time zone by its IANA name.

    Raises:
        ValueError: there is none of that name.
    """
    try:
        return ZoneInfo(name[:LONGEST_ZONE])
    except (OSError, LookupError) as error:
        raise ValueError("no such time zone") from error


def _refused(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status)
