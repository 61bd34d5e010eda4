from __future__ import annotations

import asyncio
import json
import logging
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from vagalwatch.control import MAX_LINE_BYTES, ControlError, ControlServer, NotRunningError, call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.control import Verb


async def add(left: int, right: int = 1) -> int:
    return left + right


async def refuse() -> None:
    raise ValueError("This wearer is not known.")


async def fail() -> None:
    raise RuntimeError("a detail that is nobody's business")


async def hang() -> None:
    await asyncio.Event().wait()


class FullError(Exception):
    """Its text is for the log."""


async def full() -> None:
    raise FullError("a detail that is nobody's business")


async def unsayable() -> object:
    return object()


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "state" / "control.sock"
    verbs: dict[str, Verb] = {
        "add": add,
        "refuse": refuse,
        "fail": fail,
        "hang": hang,
        "unsayable": unsayable,
        "full": full,
    }
    async with ControlServer(path, verbs, {FullError: "Free some space."}):
        yield path


async def ask(path: Path, verb: str, **arguments: object) -> object:
    return await asyncio.to_thread(call, path, verb, timeout_s=5.0, **arguments)


async def test_a_verb_gets_its_arguments_and_its_result_comes_back(path: Path) -> None:
    assert await ask(path, "add", left=2, right=40) == 42
    assert await ask(path, "add", left=2) == 3


async def test_only_the_owner_may_ask(path: Path) -> None:
    mode = await asyncio.to_thread(path.stat)
    assert stat.S_IMODE(mode.st_mode) == 0o600


@pytest.mark.parametrize(
    ("verb", "arguments", "sentence"),
    [
        ("refuse", {}, "This wearer is not known."),
        ("fail", {}, "failed inside the service"),
        ("full", {}, "Free some space."),
        ("unsayable", {}, "failed inside the service"),
        ("subtract", {}, "does not know “subtract”"),
        ("add", {}, "missing a required argument"),
        ("add", {"left": 1, "up": 2}, "unexpected keyword argument"),
    ],
)
async def test_what_goes_wrong_is_a_sentence(
    path: Path, verb: str, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence) as told:
        await ask(path, verb, **arguments)
    assert "nobody's business" not in str(told.value)


async def test_a_fault_in_a_verb_is_in_the_log(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ControlError):
        await ask(path, "fail")
    assert "the command fail failed" in caplog.text


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"null", b'{"verb": 1}', b'{"verb": "add", "arguments": []}', b"\xff"],
)
async def test_what_is_no_request_harms_nobody(path: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line + b"\n")
    if line:
        assert "error" in json.loads(await reader.readline())
    writer.close()
    assert await ask(path, "add", left=1) == 2


async def test_a_line_without_end_is_cut_off(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (MAX_LINE_BYTES * 2))
    assert await reader.read() == b""
    writer.close()


async def test_several_requests_share_a_connection(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    for n in range(3):
        request = {"verb": "add", "arguments": {"left": n}}
        writer.write(json.dumps(request).encode() + b"\n")
        assert json.loads(await reader.readline()) == {"result": n + 1}
    writer.close()


async def test_one_slow_verb_holds_up_nobody(path: Path) -> None:
    slow = asyncio.create_task(ask(path, "hang"))
    await asyncio.sleep(0)
    assert await ask(path, "add", left=1) == 2
    slow.cancel()


async def test_patience_ends(path: Path) -> None:
    with pytest.raises(ControlError, match="did not answer within"):
        await asyncio.to_thread(call, path, "hang", timeout_s=0.05)


async def test_a_service_that_stops_says_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    started = asyncio.Event()

    async def start() -> None:
        started.set()
        await asyncio.Event().wait()

    async with ControlServer(path, {"start": start}):
        waiting = asyncio.create_task(ask(path, "start"))
        await started.wait()
    with pytest.raises(ControlError, match="stopped before it had answered"):
        await waiting
    with pytest.raises(NotRunningError, match="not running"):
        await ask(path, "start")


async def test_a_service_that_is_killed_in_mid_answer_has_not_answered(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"result": "all of')
        writer.close()

    async with await asyncio.start_unix_server(half, path):
        with pytest.raises(ControlError, match="stopped before it had answered"):
            await ask(path, "start")


async def test_the_socket_of_a_killed_service_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotRunningError):
        await ask(path, "add", left=1)
    async with ControlServer(path, {"add": add}):
        assert await ask(path, "add", left=1) == 2


async def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120) / "control.sock"
    with pytest.raises(ControlError, match="Cannot listen"):
        async with ControlServer(path, {}):
            pass
