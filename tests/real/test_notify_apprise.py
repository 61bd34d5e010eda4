"""Apprise in its own process, against a stand-in for ntfy that takes, refuses, drips and hangs."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers_mqtt import an_alert, until
from helpers_notify import START_NS, a_house
from helpers_real import free_port, need_extra
from vagalwatch.deliver import notify, notify_apprise
from vagalwatch.deliver.notify_apprise import AppriseError
from vagalwatch.settings import ConfigError, NotifySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real

LINE = "Pause: one question for you."
SECRET = "tk-secret"  # noqa: S105 - the secret that must not show


@pytest.fixture(autouse=True)
def apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, and with time enough: beside other tests a process may take ten seconds to start."""
    need_extra("apprise", "notify")
    monkeypatch.setattr(notify, "ATTEMPT_S", 60.0)


class Ntfy:
    """An HTTP server that answers each request with ``status``; hangs, or drips a byte a second."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        self.hangs = False
        self.drips = False
        self.asked = asyncio.Event()
        self.got: list[dict[str, object]] = []
        self.heads: list[str] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.split(":")[1])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            )
            body = await reader.readexactly(length)
            self.heads.append(head)
            self.got.append(json.loads(body))
            self.asked.set()
            if self.hangs:
                await reader.read()  # until the other side gives up
            elif self.drips:
                while True:
                    writer.write(b"H")
                    await writer.drain()
                    await asyncio.sleep(0.2)
            else:
                writer.write(
                    f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\n"
                    "Content-Type: application/json\r\n\r\n{}".encode()
                )
                await writer.drain()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ntfy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)


@pytest.fixture
async def ntfy() -> AsyncIterator[Ntfy]:
    async with Ntfy().running() as running:
        yield running


def a_way(folder: Path, port: int) -> notify.Way:
    (way,) = notify.chain([NotifySettings(way="apprise", url_file=a_url(folder, port))]).values()
    return way


def a_url(folder: Path, port: int) -> Path:
    file = folder / "url"
    file.touch(0o600)
    file.write_text(f"ntfy://{SECRET}@127.0.0.1:{port}/pause?auth=token\n")
    return file


async def test_one_neutral_line_arrives_and_nothing_else(tmp_path: Path, ntfy: Ntfy) -> None:
    way = a_way(tmp_path, ntfy.port)
    assert await notify.attempt(way, LINE, urgent=False, for_ms=100_000) == ("taken", "")
    (got,) = ntfy.got
    assert got["topic"] == "pause"
    assert got["message"] == LINE
    assert "title" not in got
    assert SECRET in ntfy.heads[0]


@pytest.mark.parametrize("status", [429, 500, 403])
async def test_what_refuses_did_not_take_it(tmp_path: Path, ntfy: Ntfy, status: int) -> None:
    ntfy.status = status
    outcome, why = await notify.attempt(
        a_way(tmp_path, ntfy.port), LINE, urgent=False, for_ms=100_000
    )
    assert outcome == "failed"
    assert "did not take" in why
    assert SECRET not in why
    assert len(ntfy.got) == 1, "asked once, not again and again"


async def test_nobody_there(tmp_path: Path) -> None:
    way = a_way(tmp_path, free_port())
    assert (await notify.attempt(way, LINE, urgent=False, for_ms=100_000))[0] == "failed"


@pytest.mark.parametrize("how", ["hangs", "drips"])
async def test_what_never_ends_is_killed_and_the_loop_lives(
    tmp_path: Path, ntfy: Ntfy, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    setattr(ntfy, how, True)
    children = asyncio.Queue[asyncio.subprocess.Process]()
    start = asyncio.create_subprocess_exec

    async def watched(*args: str, **options: Any) -> asyncio.subprocess.Process:  # noqa: ANN401 - handed on
        child = await start(*args, **options)
        children.put_nowait(child)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    trying = asyncio.create_task(
        notify.attempt(a_way(tmp_path, ntfy.port), LINE, urgent=True, for_ms=100_000)
    )
    child = await children.get()
    await ntfy.asked.wait()
    arguments = Path(f"/proc/{child.pid}/cmdline").read_text(encoding="utf-8")  # noqa: ASYNC240 - of the kernel
    assert "notify_apprise" in arguments
    assert SECRET not in arguments
    assert not trying.done()
    trying.cancel()  # as a timeout does
    with suppress(asyncio.CancelledError):
        await trying
    assert child.returncode == -9


async def test_what_is_no_url_is_said_without_it(tmp_path: Path) -> None:
    file = a_url(tmp_path, 1)
    file.write_text(f"nonsense://{SECRET}")
    with pytest.raises(AppriseError, match="no URL that Apprise knows") as error:
        await notify_apprise.probe(file)
    assert SECRET not in str(error.value)
    file.write_text("ntfy://one/topic ntfy://two/topic")
    with pytest.raises(ConfigError, match="one Apprise URL"):
        await notify_apprise.probe(file)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        await notify_apprise.probe(file)


async def test_a_good_url_sends_nothing_when_looked_at(tmp_path: Path, ntfy: Ntfy) -> None:
    await notify_apprise.probe(a_url(tmp_path, ntfy.port))
    assert ntfy.got == []


async def test_where_the_desktop_is_absent_the_next_way_has_its_turn(
    tmp_path: Path, ntfy: Ntfy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    url_file = a_url(tmp_path, ntfy.port)
    ways = notify.chain(
        [NotifySettings(way="desktop"), NotifySettings(way="apprise", url_file=url_file)]
    )
    async with a_house(tmp_path, anna=ways) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: len(house.notices()) == 2)
        assert house.notices() == [("desktop-1", False, "failed"), ("apprise-2", False, "taken")]
        ntfy.status = 500
        await house.passes(40)
        await until(lambda: len(house.notices()) == 4)
        assert [outcome for _, _, outcome in house.notices()[2:]] == ["failed", "failed"]
        assert [got["message"] for got in ntfy.got] == [LINE, LINE]
