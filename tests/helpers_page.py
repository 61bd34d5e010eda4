"""A page with a story behind it: records in, what people say back through the real policy."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vagalwatch.alerts import consents, words
from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.clock import NS, StoryClock
from vagalwatch.hrv.codes import Why
from vagalwatch.journal.port import NotRecordingError
from vagalwatch.records import (
    Alert,
    Episode,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Metrics,
    Reason,
    Setting,
    State,
    Stream,
    Tick,
)
from vagalwatch.settings import PageSettings
from vagalwatch.web.app import Page
from vagalwatch.web.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from vagalwatch.records import Answer, Marker, Record
    from vagalwatch.web.own import Own

T0_NS = 1_777_915_170 * NS
"""2026-05-04 17:19:30 UTC, half a minute before 7:20 in the evening in Berlin."""

WEARERS = ("ada", "sam")


def at(seconds: float) -> int:
    """``seconds`` into the story, UTC ns."""
    return T0_NS + round(seconds * NS)


class Story:
    """The hub of a service in small: engines' policies, a page, and an inbox in one.

    ``full`` plays a disk that takes nothing; ``held`` keeps answers from being committed. Unless
    it is the ``first_run``, everybody has read what is measured and said yes.
    """

    def __init__(self, folder: Path, *, first_run: bool = False) -> None:
        self.clock = StoryClock(T0_NS)
        self.credentials = Credentials(folder / "credentials.json")
        self.said: list[Answer | Setting | Marker] = []
        self.records: list[Record] = [] if first_run else [*map(read_and_agreed, WEARERS)]
        self.full = False
        self.silent = False
        self.language = words.DEFAULT_LANGUAGE
        self.heard = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()
        self._serving: contextlib.AbstractAsyncContextManager[Page]
        self._policies = {wearer: Policy(wearer, PolicyState()) for wearer in WEARERS}
        self.page = self.new_page()

    def new_page(self, port: int = 0) -> Page:
        """A page as after a start of the service: told of the past, then live."""
        self.page = Page(
            PageSettings(port=port),
            WEARERS,
            self.credentials,
            self,
            self.clock,
            known=words.lines(self.language),
            language=self.language,
            own=self.own(),
        )
        for record in self.records:
            self.page.publish(record)
        return self.page

    def own(self) -> Own | None:
        """What is the person's own needs a journal; see ``helpers_own``."""
        return None

    async def start(self, port: int = 0) -> None:
        """Serve a new page until :meth:`stop`; the first time, or again after it."""
        self._serving = serving(self.new_page(port))
        await self._serving.__aenter__()

    async def stop(self) -> None:
        """The service goes down; what it knew is in its records."""
        await self._serving.__aexit__(None, None, None)

    def silence(self) -> None:
        """From now on nothing is published, though the server answers."""
        self.silent = True

    def take(self, record: Record) -> list[Record]:
        """Show ``record`` and what the policies say of it; return the latter."""
        outputs = [
            said
            for wearer, policy in self._policies.items()
            if record.wearer in {"", wearer}
            for said in policy.push(record)
        ]
        for each in (record, *outputs):
            self.records.append(each)
            if not self.silent:
                self.page.publish(each)
        return outputs

    async def submit(self, record: Answer | Setting | Marker) -> None:
        """The inbox."""
        self.said.append(record)
        self.heard.set()
        self.take(record)
        await self.held.wait()
        if self.full:
            raise NotRecordingError

    async def move(self, seconds: float) -> None:
        """Let the story's time pass, with its ticks."""
        end_ns = self.clock.now_ns() + round(seconds * NS)
        while self.clock.now_ns() < end_ns:
            step_s = min(1.0, (end_ns - self.clock.now_ns()) / NS)
            await self.clock.advance(step_s)
            self.tick()

    def tick(self) -> None:
        """The tick of this moment."""
        now_ns = self.clock.now_ns()
        self.take(Tick(t_ns=now_ns, recv_ns=now_ns))

    # --- what the body does ---------------------------------------------------------------

    def heart(self, hr_bpm: float, wearer: str = "ada") -> None:
        """A heart-rate notification of now."""
        now_ns = self.clock.now_ns()
        self.take(Heart(wearer=wearer, source="strap", t_ns=now_ns, recv_ns=now_ns, hr_bpm=hr_bpm))

    def row(
        self, state: State, *, wearer: str = "ada", hr_bpm: float = 70, **more: object
    ) -> list[Record]:
        """An estimate of now, with the wearer's usual at 66."""
        now_ns = self.clock.now_ns()
        row = Estimate(
            wearer=wearer,
            t_ns=now_ns,
            recv_ns=now_ns,
            state=state,
            usual_hr_bpm=66.0,
            metrics=Metrics(hr_bpm=hr_bpm),
        )
        return self.take(replace(row, **more))  # type: ignore[arg-type] # fields by name

    def calibrating(self, usable_s: float, wearer: str = "ada") -> None:
        """A row of the calibration."""
        reason = Reason(code=Why.USABLE_SECONDS, value=usable_s, threshold=300)
        self.row(
            State.CALIBRATING,
            wearer=wearer,
            reason="no-baseline",
            reasons=(reason,),
            usual_hr_bpm=None,
        )

    def episode(self, kind: EpisodeKind, wearer: str = "ada") -> Alert:
        """An episode begins; the alert that the policy raises."""
        state = State.SHUTDOWN if kind is EpisodeKind.SHUTDOWN else State.FLOODING
        self.row(state, wearer=wearer, hr_bpm=55 if kind is EpisodeKind.SHUTDOWN else 108)
        now_ns = self.clock.now_ns()
        said = self.take(
            Episode(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, episode=kind, onset_ns=now_ns)
        )
        return next(record for record in said if isinstance(record, Alert))

    def gap(
        self,
        reason: GapReason,
        stream: Stream = Stream.HEART,
        *,
        wearer: str = "ada",
        source: str = "strap",
    ) -> Gap:
        """A stream falls silent now."""
        now_ns = self.clock.now_ns()
        gap = Gap(
            wearer=wearer,
            source=source,
            stream=stream,
            t_ns=now_ns,
            recv_ns=now_ns,
            reason=reason,
        )
        self.take(gap)
        return gap


def read_and_agreed(wearer: str) -> Setting:
    """The first run is behind ``wearer``."""
    row = consents.TABLE[consents.MEASURE]
    value = consents.value_of(row.key, {*row.purposes}, row.text)
    return Setting(wearer=wearer, t_ns=T0_NS, recv_ns=T0_NS, key=row.key, value=value)


@contextlib.asynccontextmanager
async def serving(page: Page) -> AsyncIterator[Page]:
    """The page on its port, and off it again."""
    task = asyncio.create_task(page.serve())
    started = asyncio.create_task(page.started.wait())
    try:
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield page
    finally:
        started.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.contextmanager
def ticking(story: Story) -> Iterator[None]:
    """Tick in real time as a service would, so that the page is live; story time hardly moves."""

    async def tick() -> None:
        while True:
            await story.move(0.001)
            await asyncio.sleep(0.25)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()


@dataclass
class Reply:
    """What a plain HTTP client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.body)


async def ask(
    page: Page,
    method: str,
    path: str,
    body: object = None,
    *,
    cookie: str = "",
    **headers: str | None,
) -> Reply:
    """One request as the page's own script sends it; a header given as ``None`` is left out."""
    own = f"127.0.0.1:{page.port}"
    sent: dict[str, str | None] = {"Host": own}
    if method == "POST":
        sent |= {"Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"}
    if cookie:
        sent["Cookie"] = cookie
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def run() -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content if body is not None else None)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, got, answer.read())
        finally:
            connection.close()

    return await asyncio.to_thread(run)


async def paired(page: Page, wearer: str) -> str:
    """The Cookie header of a browser paired with ``wearer``."""
    code = page.pairing_url(wearer).partition("#")[2]
    reply = await ask(page, "POST", "/pair", {"code": code})
    assert reply.status == 200, reply
    return reply.headers["set-cookie"].partition(";")[0]
