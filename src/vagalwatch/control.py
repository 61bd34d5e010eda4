"""The control socket: how commands reach the service that runs, as JSON lines on a Unix socket.

A request is ``{"verb": "...", "arguments": {...}}``, its answer ``{"result": ...}`` or
``{"error": "one sentence"}``; both are one line. Who may open the socket is the service's own
user: the socket has mode 0600, so the kernel keeps everybody else (but root) out.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Verb = Callable[..., Awaitable[object]]
"""Takes the request's arguments by keyword and returns what JSON can say.

A ``ValueError`` is the caller's mistake: its text is the answer.
"""

MAX_LINE_BYTES: Final = 64 << 10
"""A request that is longer is no request. Answers have no limit."""

_log: Final = logging.getLogger(__name__)


class ControlError(Exception):
    """A command did not get what it asked for; the message is one sentence for a person."""


class NotRunningError(ControlError):
    """No service listens."""


class ControlServer:
    """Answers requests from entering to leaving ``async with``."""

    def __init__(
        self,
        path: Path,
        verbs: Mapping[str, Verb],
        mendable: Mapping[type[Exception], str] | None = None,
    ) -> None:
        """Answer ``verbs`` at ``path``; a socket left there by a killed service is replaced.

        ``mendable`` has the sentence for faults that a person can mend, by their exact kind.
        Only the holder of the journal's lock may enter, so a socket that is there is a dead one.
        """
        self._path = path
        self._verbs = dict(verbs)
        self._mendable = dict(mendable or {})
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ControlError: the path does not fit into a socket address (108 bytes on Linux).
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # bind makes the file: chmod afterwards would leave it open before
        try:
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise ControlError(f"Cannot listen at {self._path}: {error}.") from error
        finally:
            os.umask(mask)
        self._server = await asyncio.start_unix_server(
            self._accept, sock=listener, limit=MAX_LINE_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more, end the talks that still last, remove the socket."""
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # the command was interrupted
            try:
                while line := await _read_line(reader):
                    writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                    await writer.drain()
            finally:
                writer.close()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            match json.loads(line):
                case {"verb": str(name), "arguments": dict(arguments)} if name in self._verbs:
                    verb = self._verbs[name]
                    inspect.signature(verb).bind(**arguments)
                case {"verb": str(name)}:
                    return {"error": f"This service does not know “{name}”; is it another version?"}
                case _:
                    return {"error": "This is not a request."}
        except (ValueError, TypeError) as error:
            return {"error": f"This is not a request: {error}."}
        try:
            result = await verb(**arguments)
            json.dumps(result)
        except ValueError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - a fault in a command must not stop the service
            sentence = self._mendable.get(type(error))
            if sentence is None:
                _log.exception("the command %s failed", name)
                sentence = f"“{name}” failed inside the service; its log says how."
            return {"error": sentence}
        return {"result": result}


def call(path: Path, verb: str, *, timeout_s: float = 60.0, **arguments: object) -> Any:  # noqa: ANN401 - whatever JSON says
    """Ask the service at ``path`` and return its result (blocking; for commands).

    Raises:
        NotRunningError: nobody listens there.
        ControlError: the service refused or did not answer in time; its sentence.
    """
    request = json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        try:
            line.connect(str(path))
            line.sendall(request)
            with line.makefile("rb") as answers:
                answer = answers.readline()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunningError(
                "vagalwatch is not running here. Start it with “vagalwatch run”."
            ) from None
        except TimeoutError:
            raise ControlError(f"The service did not answer within {timeout_s:g} s.") from None
        except OSError as error:
            raise ControlError(f"The service cannot be asked: {error}.") from error
    # Killed in mid answer, its line has no end.
    match json.loads(answer) if answer.endswith(b"\n") else None:
        case {"result": result}:
            return result
        case {"error": str(sentence)}:
            raise ControlError(sentence)
        case _:
            raise ControlError("The service stopped before it had answered.")


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end and for a line that never ends."""
    try:
        return await reader.readline()
    except ValueError:  # over the limit; what follows cannot be told from its rest
        return b""
