"""The client's page as a server: one page and one credential a wearer.

A shell: records in by :meth:`Page.publish`, what people say out by the inbox. What is shown is
decided in ``view.py`` and ``seats.py``, who may see it in ``credentials.py``, who may ask at
all in ``guard.py``; ``answers.py`` takes each answer once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from typing import TYPE_CHECKING, Annotated, Final

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vagalwatch.alerts import words
from vagalwatch.alerts.couple import Couples
from vagalwatch.clock import NS
from vagalwatch.records import SITE, Answer
from vagalwatch.settings import ConfigError
from vagalwatch.web.allowance import Allowance
from vagalwatch.web.answers import Answers, Said
from vagalwatch.web.credentials import SESSION_LIFE_S, Credentials, pairing_url
from vagalwatch.web.guard import CalmWebSocket, Guard, HastyProtocol, own_names, small_body
from vagalwatch.web.seats import Browser, Seat
from vagalwatch.web.shell import shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import HTTPConnection, Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from vagalwatch.alerts.couple import Word
    from vagalwatch.clock import Clock
    from vagalwatch.deliver.port import Inbox
    from vagalwatch.records import Record
    from vagalwatch.settings import PageSettings
    from vagalwatch.web.own import Own

log = logging.getLogger(__name__)

COALESCE_S: Final = 0.02
"""Least time between two messages to one browser: a burst of records becomes one picture."""
CONNECTIONS: Final = 64
"""At once, over all: two people's phones and tablets, with room for reloads."""
PAIRINGS_PER_MINUTE: Final = 10
SESSIONS_LOOKED_AT_S: Final = 60.0
"""A page stays open for weeks: nothing goes to it on a session that was looked at longer ago."""
MAX_MESSAGE_BYTES: Final = 256

UNPAIRED: Final = 4401
"""WebSocket close code for "no credential": browsers cannot read a refused handshake."""
TOO_MANY: Final = 4429


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Code(_Strict):
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class _Wish(_Strict):
    """What a browser may say over the WebSocket."""

    numbers: bool
    mark: Annotated[int, Field(ge=0, lt=2**53)] = 0


class Page:
    """The page of one site. ``app`` is an ASGI application; :meth:`serve` runs it."""

    def __init__(
        self,
        settings: PageSettings,
        wearers: Sequence[str],
        credentials: Credentials,
        inbox: Inbox,
        clock: Clock,
        *,
        known: words.Lines | None = None,
        language: str = words.DEFAULT_LANGUAGE,
        own: Own | None = None,
    ) -> None:
        """Prepare everything; nothing listens yet. The lines ``known`` are in ``language``.

        Without ``own`` there is no journal behind the page: no settings, history and copy.

        Raises:
            ConfigError: nobody could reach the page by a name that it would answer to.
        """
        if settings.host in {"0.0.0.0", "::"} and settings.public_host is None:
            raise ConfigError(
                "page.host listens on every address, so page.public_host must say by which "
                "name or address phones reach the page."
            )
        self.port = settings.port
        """Where it listens; with port 0 in the settings, known once :attr:`started` is set."""
        self.started = asyncio.Event()
        self._settings = settings
        self._credentials = credentials
        self._inbox = inbox
        self._own = own
        self._answers = Answers(inbox)
        self._clock = clock
        self._seats = {wearer: Seat(wearer) for wearer in wearers}
        self._couples = Couples()
        self._pairings = Allowance(PAIRINGS_PER_MINUTE, 60 * NS // PAIRINGS_PER_MINUTE)
        self._looked_s = -math.inf
        self._files = shell(known or words.lines(), language)
        self._routes = Starlette(
            routes=[
                *(Route(path, self._file) for path in self._files),
                Route("/pair", self._pair, methods=["POST"]),
                Route("/picture", self._picture),
                Route("/answer", self._answer, methods=["POST"]),
                *(() if own is None else own.routes(self._wearer)),
                WebSocketRoute("/live", self._live),
            ],
            exception_handlers={ConfigError: _unusable},
        )
        self.app: ASGIApp = self._guarded

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Own names depend on the port, which is known only when the page listens.
        await Guard(self._routes, *own_names(self._settings, self.port))(scope, receive, send)

    # --- for the service ----------------------------------------------------------------------

    def publish(self, record: Record) -> None:
        """Show ``record``; called on the loop for every record, and cheap.

        At a start the service publishes every event of the journal first, so that a break goes
        on and retried answers are recognised.
        """
        if isinstance(record, Answer):
            self._answers.came(record)
        if self._own is not None:
            self._own.publish(record)
        if record.wearer == SITE:
            for seat in self._seats.values():
                seat.publish(record)
        elif (own := self._seats.get(record.wearer)) is not None:
            own.publish(record)
            self._pass_on(self._couples.push(record))

    def _pass_on(self, said: list[Word]) -> None:
        """To the partners' pages, and to no other."""
        for word in said:
            if (seat := self._seats.get(word.to)) is not None:
                seat.hear(word)

    def set_recording(self, *, recording: bool) -> None:
        """Show, or stop showing, that the journal cannot write."""
        for seat in self._seats.values():
            seat.set_recording(recording=recording)

    def set_anew(self, *, anew: bool) -> None:
        """Show, or stop showing, that the journal was damaged and began anew."""
        for seat in self._seats.values():
            seat.set_anew(anew=anew)

    def unpair(self, wearer: str) -> int:
        """End every session of ``wearer`` and close the open pages; return how many it were."""
        ended = self._credentials.forget(wearer)
        if (seat := self._seats.get(wearer)) is not None:
            seat.show_out()
        return ended

    def forget(self, wearer: str) -> None:
        """``wearer`` is erased: close the open pages, open no others, keep nothing in memory."""
        if (seat := self._seats.pop(wearer, None)) is not None:
            seat.show_out()
        self._answers.forget(wearer)
        if self._own is not None:
            self._own.forget(wearer)
        self._pass_on(self._couples.forget(wearer))

    def pairing_url(self, wearer: str, *, host: str | None = None) -> str:
        """A fresh address that pairs one browser with ``wearer`` (see :func:`pairing_url`).

        Two wearers in one browser need two names of this machine, since cookies belong to a
        name: give ``host="localhost"`` for one of them.
        """
        settings = self._settings.model_copy(update={"port": self.port})
        return pairing_url(settings, self._credentials.new_code(wearer), host=host)

    async def serve(self) -> None:
        """Listen until cancelled; open pages are told and closed within two seconds.

        Raises:
            ConfigError: the address is taken or not ours, or the certificate cannot be read.
        """
        config = uvicorn.Config(
            self.app,
            interface="asgi3",
            lifespan="off",
            http=HastyProtocol,
            ws=CalmWebSocket,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=2,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=self._settings.tls_cert_file,
            ssl_keyfile=self._settings.tls_key_file,
        )
        try:
            config.load()
        except OSError as error:  # also what ssl raises
            raise ConfigError(
                f"The page's certificate cannot be used ({error}). "
                "Check page.tls_cert_file and page.tls_key_file."
            ) from error
        with contextlib.suppress(ConfigError, OSError):  # said when somebody asks
            self._credentials.void_old_codes()
        server = _Server(config)
        with self._listening() as listener:
            self.port = listener.getsockname()[1]
            self.started.set()
            running = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(running)
            finally:
                self.started.clear()
                server.stop()
                await running

    def _listening(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address, family=family)
        except OSError as error:
            why = str(error.strerror).partition(" (")[0]  # the rest repeats the address
            raise ConfigError(
                f"The page cannot listen on {host}, port {port}: {why}. "
                "Stop what uses it, or set page.port to another."
            ) from error

    # --- for browsers -------------------------------------------------------------------------

    async def _file(self, request: Request) -> Response:
        file = self._files[request.url.path]
        if file.packed is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.body, media_type=file.media_type)
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(file.packed, media_type=file.media_type, headers=headers)

    async def _pair(self, request: Request) -> Response:
        if not self._pairings.take(self._clock.now_ns()):
            return _refused("too-many", 429)
        body = await small_body(request)
        try:
            sent = _Code.model_validate_json(body or b"")
        except ValidationError:
            return _refused("bad-request", 400)
        paired = await asyncio.to_thread(self._credentials.redeem, sent.code)
        if paired is None:
            return _refused("unknown-code", 403)
        self._show_out_ended()  # one too many: the oldest session has given way
        response = JSONResponse({"paired": True})
        response.set_cookie(
            self._cookie,
            paired.token,
            max_age=SESSION_LIFE_S,
            httponly=True,
            samesite="strict",
            secure=request.headers["origin"].startswith("https:"),
        )
        return response

    async def _picture(self, request: Request) -> Response:
        """What the line's first message would be: a slow phone has it before the line is open."""
        wearer = self._wearer(request)
        if wearer is None:
            return Response(status_code=204)  # no error: a page that is not paired yet asks, too
        return Response(self._seats[wearer].message(Browser()), media_type="application/json")

    async def _answer(self, request: Request) -> Response:
        wearer = self._wearer(request)
        if wearer is None:
            return _refused("unpaired", 401)
        body = await small_body(request)
        try:
            said = Said.model_validate_json(body or b"")
        except ValidationError:
            return _refused("bad-request", 400)
        if self._wearer(request) != wearer:  # erased, or its session ended, while the body came
            return _refused("unpaired", 401)
        seat, now_ns = self._seats[wearer], self._clock.now_ns()
        if not seat.answers.take(now_ns):
            return _refused("too-many", 429)
        saved = await self._answers.take(said.record(wearer, now_ns))
        return JSONResponse({"saved": saved}, 200 if saved else 202)

    async def _live(self, websocket: WebSocket) -> None:
        await websocket.accept()
        wearer = self._wearer(websocket)  # and nothing is awaited until its page can be closed
        if wearer is None:
            await websocket.close(UNPAIRED)
            return
        seat = self._seats[wearer]
        if seat.full:
            await websocket.close(TOO_MANY)
            return
        browser = Browser(websocket.cookies[self._cookie])
        seat.browsers.add(browser)
        sender = asyncio.create_task(self._send(websocket, seat, browser))
        try:
            while True:
                wish = _Wish.model_validate_json(await websocket.receive_text())
                browser.wants(numbers=wish.numbers, mark=wish.mark)
        except WebSocketDisconnect:
            pass
        except (ValidationError, KeyError):  # KeyError: a binary message
            with contextlib.suppress(RuntimeError):
                await websocket.close(1008)
        finally:
            seat.browsers.discard(browser)
            sender.cancel()

    async def _send(self, websocket: WebSocket, seat: Seat, browser: Browser) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it hung up: so do we
            while True:
                await browser.wake.wait()
                if (early_s := next_s - loop.time()) > 0:
                    await asyncio.sleep(early_s)
                next_s = loop.time() + COALESCE_S
                browser.wake.clear()
                if loop.time() - self._looked_s >= SESSIONS_LOOKED_AT_S:
                    self._show_out_ended()
                if not browser.welcome:
                    await websocket.close(UNPAIRED)
                    return
                await websocket.send_text(seat.message(browser))

    def _show_out_ended(self) -> None:
        """Close the open pages whose session has ended, or is too old by now."""
        self._looked_s = asyncio.get_running_loop().time()
        try:
            for wearer, seat in self._seats.items():
                opened = {each: self._credentials.wearer_of(each.token) for each in seat.browsers}
                seat.show_out(stay={each for each, whose in opened.items() if whose == wearer})
        except (ConfigError, OSError) as error:
            # That the file cannot be read ends no session, and nobody loses a break for it.
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all

    def _wearer(self, request: HTTPConnection) -> str | None:
        """Who asks. What is somebody's is not for other sites, not even for a look at its size."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return None
        token = request.cookies.get(self._cookie)
        wearer = None if token is None else self._credentials.wearer_of(token)
        return wearer if wearer in self._seats else None

    @property
    def _cookie(self) -> str:
        # Cookies belong to a name and not to a port: without the port in it, a demo beside
        # the real service would unpair the person's browser.
        return f"vagalwatch-{self.port}"


class _Server(uvicorn.Server):
    """Leaves the process's signals to the service, and sleeps while nobody asks."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End :meth:`serve`."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """Keep the Date header right. uvicorn's own wakes up ten times a second to look."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _refused(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status)


async def _unusable(_: Request, error: Exception) -> Response:
    log.error("%s", error)
    return _refused("credentials-unusable", 503)
