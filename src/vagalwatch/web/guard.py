"""What every request must pass: in time, the right Host and Origin, a small body; and headers.

A page on the local network is reachable from any site that the person's browser visits. Two
known ways in are shut here: DNS rebinding (a foreign name that resolves to this machine: its
Host header is not ours) and cross-site requests (their Origin is not ours). The cookie's
SameSite=Strict is the second lock on the same door.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from vagalwatch.settings import is_loopback

if TYPE_CHECKING:
    from asyncio import Transport

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from vagalwatch.settings import PageSettings

MAX_BODY_BYTES: Final = 2048
BODY_WITHIN_S: Final = 5.0
REQUEST_WITHIN_S: Final = 10.0
"""For the head of a request; the phone and the page are in one home."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types pause"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


class Guard:
    """ASGI middleware before everything else."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], origins: frozenset[str]) -> None:
        """Let through what is addressed to ``hosts`` and, for changes, comes from ``origins``."""
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the security headers added to the answer."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        status = self._refusal(scope)
        if status is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403
        else:
            await PlainTextResponse("Refused.", status)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> int | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return 421
        reads = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if reads:
            return None  # what is read so is everybody's, or asks on: see ``Own``
        if headers.get("origin", "") not in self._origins:
            return 403
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403
        return None


class HastyProtocol(H11Protocol):
    """Hangs up on who connects and does not ask, or asks without an end.

    uvicorn waits for ever for the head of a request. A browser connects ahead of time, and its
    phone may leave the Wi-Fi without a word: what is left so takes a place among the few there
    are, until nobody else gets in.
    """

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to watch."""
        super().connection_made(transport)
        self._look(None, first=True)

    def _look(self, last: object, *, first: bool = False) -> None:
        if self.transport.is_closing() or self not in self.connections:  # gone, or a WebSocket
            return
        asks = self.cycle is not None and not self.cycle.response_complete
        if not first and not asks and self.cycle is last:
            self.transport.close()
            return
        self.loop.call_later(REQUEST_WITHIN_S, self._look, self.cycle)


class CalmWebSocket(WebSocketsSansIOProtocol):
    """Can be shut while its browser is just leaving.

    uvicorn (0.54) would say goodbye twice, which websockets refuses: the exception went through
    the stop of the whole page, whose other browsers were then not told.
    """

    def shutdown(self) -> None:
        """Say goodbye, to who has not said it, and hang up."""
        with contextlib.suppress(InvalidState):
            super().shutdown()
        self.transport.close()


def own_names(settings: PageSettings, port: int) -> tuple[frozenset[str], frozenset[str]]:
    """The Host headers and Origins that are ours when the page listens on ``port``.

    ``public_host`` without a certificate means a TLS proxy in front: its origin is https.
    """
    plain = settings.tls_cert_file is None
    scheme = "http" if plain else "https"
    names = {settings.host} | (_LOOPBACK if is_loopback(settings.host) else set())
    bare = {f"[{name}]" if ":" in name else name for name in names}
    hosts = {f"{name}:{port}" for name in bare}
    if port == (80 if plain else 443):
        hosts |= bare  # browsers leave the scheme's own port out
    origins = {f"{scheme}://{host}" for host in hosts}
    if settings.public_host is not None:
        public = {settings.public_host.lower(), f"{settings.public_host.lower()}:{port}"}
        hosts |= public
        origins |= {f"https://{host}" for host in public}
    return frozenset(hosts), frozenset(origins)


async def small_body(request: Request) -> bytes | None:
    """The request's body; ``None`` if it is larger or slower than anything the page sends."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)
