"""The page over real sockets on loopback: who may come in, and what happens to answers."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import signal
import socket
import ssl
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from helpers_page import Story, ask, paired, serving
from vagalwatch.records import Answer, AnswerKind, EpisodeKind, State
from vagalwatch.settings import ConfigError, PageSettings
from vagalwatch.web import app, guard
from vagalwatch.web.allowance import Allowance
from vagalwatch.web.app import PAIRINGS_PER_MINUTE, UNPAIRED, Page
from vagalwatch.web.credentials import SESSION_LIFE_S, SESSIONS_PER_WEARER, Credentials
from vagalwatch.web.guard import MAX_BODY_BYTES, own_names
from vagalwatch.web.seats import BROWSERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    story = Story(tmp_path)
    await story.start()
    yield story
    await story.stop()


def said(answer: AnswerKind = AnswerKind.START_BREAK, key: str = "a" * 32, **more: Any) -> Any:  # noqa: ANN401 - a JSON body, right or wrong
    return {"id": key, "answer": answer, **more}


@asynccontextmanager
async def line(page: Page, cookie: str = "", **headers: str) -> AsyncIterator[ClientConnection]:
    own = f"127.0.0.1:{page.port}"
    origin = headers.pop("Origin", f"http://{own}")
    sent = {"Cookie": cookie, **headers} if cookie else headers
    async with connect(
        f"ws://{own}/live", origin=Origin(origin), additional_headers=sent, proxy=None
    ) as open_line:
        yield open_line


async def hear(open_line: ClientConnection) -> Any:  # noqa: ANN401 - whatever JSON holds
    async with asyncio.timeout(20):
        return json.loads(await open_line.recv())


# --- who may come in ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/pair", "/page.js", "/page.css", "/words.json"])
async def test_what_everybody_may_read_is_the_same_for_everybody(story: Story, path: str) -> None:
    cookie = await paired(story.page, "ada")
    story.row(State.FLOODING, hr_bpm=117)
    stranger, wearer = (
        await ask(story.page, "GET", path),
        await ask(story.page, "GET", path, cookie=cookie),
    )
    assert stranger.status == wearer.status == 200
    assert stranger.body == wearer.body


async def test_every_answer_carries_the_guarding_headers(story: Story) -> None:
    for method, path in (("GET", "/"), ("GET", "/nothing"), ("POST", "/answer")):
        headers = (await ask(story.page, method, path, {})).headers
        assert headers["cache-control"] == "no-store"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; script-")
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/answer")])
async def test_a_rebound_name_is_refused(story: Story, method: str, path: str, host: str) -> None:
    cookie = await paired(story.page, "ada")
    reply = await ask(story.page, method, path, said(), cookie=cookie, Host=host)
    assert reply.status == 421
    assert story.said == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_another_site_can_change_nothing(story: Story, headers: dict[str, Any]) -> None:
    cookie = await paired(story.page, "ada")
    code = story.page.pairing_url("ada").partition("#")[2]
    for path, body in (("/answer", said()), ("/pair", {"code": code})):
        assert (await ask(story.page, "POST", path, body, cookie=cookie, **headers)).status == 403
    assert story.said == []
    assert story.credentials.redeem(code) is not None, "the code was not spent"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_another_site_cannot_listen(story: Story, headers: dict[str, str]) -> None:
    cookie = await paired(story.page, "ada")
    with pytest.raises(InvalidStatus):
        async with line(story.page, cookie, **headers):
            pass


async def test_without_a_credential_there_is_nothing_to_hear_or_say(story: Story) -> None:
    for cookie in ("", f"vagalwatch-{story.page.port}=guess"):
        async with line(story.page, cookie) as stranger:
            with pytest.raises(ConnectionClosed) as closed:
                await stranger.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == UNPAIRED
        assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 401
    assert story.said == []


async def test_a_wearer_who_left_the_configuration_is_a_stranger(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    story.page.forget("ada")
    assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 401
    sam = await paired(story.page, "sam")
    assert (await ask(story.page, "POST", "/answer", said(), cookie=sam)).status == 200


async def test_guessing_codes_is_slow(story: Story) -> None:
    code = story.page.pairing_url("ada").partition("#")[2]
    for _ in range(PAIRINGS_PER_MINUTE):
        assert (await ask(story.page, "POST", "/pair", {"code": "x" * 22})).status == 403
    assert (await ask(story.page, "POST", "/pair", {"code": code})).status == 429
    await story.clock.advance(60)
    assert (await ask(story.page, "POST", "/pair", {"code": code})).status == 200


async def test_a_credentials_file_that_others_can_read_opens_nothing(
    story: Story, tmp_path: Path
) -> None:
    cookie = await paired(story.page, "ada")
    (tmp_path / "credentials.json").chmod(0o644)
    assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 503
    assert story.said == []


def test_own_names() -> None:
    def names(port: int, **settings: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401 - fields
        hosts, origins = own_names(PageSettings.model_validate(settings), port)
        return sorted(hosts), sorted(origins)

    loopback = ["127.0.0.1:8477", "[::1]:8477", "localhost:8477"]
    assert names(8477) == (loopback, [f"http://{name}" for name in loopback])
    # A TLS proxy in front: its own name, by https only.
    hosts, origins = names(8477, public_host="Pause.home.arpa")
    assert set(hosts) - set(loopback) == {"pause.home.arpa", "pause.home.arpa:8477"}
    assert "http://pause.home.arpa" not in origins
    tls = {"tls_cert_file": "c", "tls_key_file": "k"}
    assert names(443, host="10.0.0.2", **tls) == (
        ["10.0.0.2", "10.0.0.2:443"],
        ["https://10.0.0.2", "https://10.0.0.2:443"],
    )


# --- answers --------------------------------------------------------------------------------------


async def test_an_answer_is_confirmed_when_it_is_on_disk(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    story.held.clear()
    await story.clock.advance(10)
    body = said(about="b", age_ms=2500)
    reply = asyncio.create_task(ask(story.page, "POST", "/answer", body, cookie=cookie))
    async with asyncio.timeout(20):
        await story.heard.wait()
    assert not reply.done()
    story.held.set()
    assert (await reply).json == {"saved": True}
    now_ns = story.clock.now_ns()
    assert story.said == [
        Answer(
            wearer="ada",
            t_ns=now_ns - 2_500_000_000,
            recv_ns=now_ns,
            answer=AnswerKind.START_BREAK,
            about="b",
            id="a" * 32,
        )
    ]


async def test_a_retry_is_the_same_answer_also_after_a_restart(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    for _ in range(2):
        assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 200
    await story.stop()
    await story.start(story.page.port)
    assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 200
    assert len(story.said) == 1
    other = await paired(story.page, "sam")
    assert (await ask(story.page, "POST", "/answer", said(), cookie=other)).status == 200
    assert [record.wearer for record in story.said] == ["ada", "sam"]


async def test_a_browser_that_hangs_up_does_not_take_its_answer_back(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    story.held.clear()
    body = json.dumps(said()).encode()
    own = f"127.0.0.1:{story.page.port}"
    _, writer = await asyncio.open_connection("127.0.0.1", story.page.port)
    writer.write(
        f"POST /answer HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
        f"Cookie: {cookie}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    async with asyncio.timeout(20):
        await story.heard.wait()
    writer.close()
    story.held.set()
    assert (await ask(story.page, "POST", "/answer", said(), cookie=cookie)).status == 200
    assert len(story.said) == 1


async def test_a_full_disk_is_no_confirmation(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    story.full = True
    for _ in range(2):
        reply = await ask(story.page, "POST", "/answer", said(), cookie=cookie)
        assert (reply.status, reply.json) == (202, {"saved": False})
    assert len(story.said) == 1, "it was heard, and is not said again"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        said(key="short"),
        said(key="x" * 65),
        said(key="../../../etc"),
        {"id": "a" * 32, "answer": "burn"},
        said(about="x" * 129),
        said(minutes=0),
        said(minutes=1441),
        said(age_ms=-1),
        said(age_ms=600_001),
        said(wearer="sam"),
        said(AnswerKind.SET_OFF),
        said(AnswerKind.SET_OFF, text=" "),
        said(AnswerKind.SET_OFF, text="x" * 201),
        said(AnswerKind.SET_OFF, text="two\nlines"),
        said(AnswerKind.BETTER, text="words that nobody asked for"),
        said(about="x" * MAX_BODY_BYTES),
        b" " * (MAX_BODY_BYTES + 1) + json.dumps(said()).encode(),
    ],
)
async def test_a_bad_body_is_refused(story: Story, body: object) -> None:
    cookie = await paired(story.page, "ada")
    assert (await ask(story.page, "POST", "/answer", body, cookie=cookie)).status == 400
    assert story.said == []


async def test_answers_are_bounded_a_wearer_and_everything_is_heard_in_the_end(
    story: Story,
) -> None:
    ada, sam = await paired(story.page, "ada"), await paired(story.page, "sam")

    async def sent(key: str, cookie: str) -> int:
        body = said(AnswerKind.DIZZY, key=key * 32)
        return (await ask(story.page, "POST", "/answer", body, cookie=cookie)).status

    story.page._seats["ada"].answers = Allowance(3)
    waiting = list("abcdefgh")
    assert [await sent(key, ada) for key in waiting] == [200] * 3 + [429] * 5
    assert await sent("z", sam) == 200, "each has their own"
    while waiting := [key for key in waiting if await sent(key, ada) != 200]:
        await story.clock.advance(1)
    hers = [each.id[0] for each in story.said if isinstance(each, Answer) and each.wearer == "ada"]
    assert sorted(hers) == list("abcdefgh")


# --- pictures -------------------------------------------------------------------------------------


async def test_each_hears_of_themselves_alone_and_pulse_only_when_asked(story: Story) -> None:
    ada, sam = await paired(story.page, "ada"), await paired(story.page, "sam")
    async with line(story.page, ada) as hers, line(story.page, sam) as his:
        assert (await hear(hers))["view"]["screen"] == "measure"
        assert (await hear(his))["view"]["screen"] == "measure"
        await hers.send('{"numbers": true}')
        assert (await hear(hers))["pulse"] == {"usual_bpm": None, "points": []}
        story.heart(117)
        now_ms = story.clock.now_ns() // 1_000_000
        assert await hear(hers) == {
            "now_ms": now_ms,
            "pulse": {"usual_bpm": None, "points": [[now_ms, 117]]},
        }
        story.row(State.SETTLED)
        assert (await hear(hers))["view"]["measure"]["say"] == "state.settled"
        story.tick()
        assert await hear(his) == {"now_ms": now_ms}


async def test_a_mark_comes_back_once_after_all_that_was_sent_before_it(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        story.tick()
        await own.send('{"numbers": true, "mark": 7}')
        await own.send('{"numbers": true}')  # which takes no mark away
        messages = [await hear(own)]
        while "mark" not in messages[-1]:
            messages.append(await hear(own))
        assert messages[-1]["mark"] == 7
        story.heart(117)
        assert "mark" not in await hear(own)
        await own.send('{"numbers": true, "mark": 8}')
        again = await hear(own)
        assert (again["mark"], again["pulse"]["points"]) == (8, []), "the curve is not told anew"


async def test_the_first_picture_is_there_ahead_of_the_line_and_ones_own(story: Story) -> None:
    ada, sam = await paired(story.page, "ada"), await paired(story.page, "sam")
    story.episode(EpisodeKind.FLOODING, "ada")
    story.heart(117)
    for cookie, screen in ((ada, "prompt"), (sam, "measure")):
        ahead = await ask(story.page, "GET", "/picture", cookie=cookie)
        async with line(story.page, cookie) as own:
            assert ahead.json == await hear(own)
        assert ahead.json["view"]["screen"] == screen
        assert "117" not in ahead.body.decode()


async def test_nobody_and_no_other_site_gets_a_picture(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    assert (await ask(story.page, "GET", "/picture")).status == 204
    for site in ("cross-site", "same-site"):
        reply = await ask(story.page, "GET", "/picture", cookie=cookie, Sec_Fetch_Site=site)
        assert (reply.status, reply.body) == (204, b"")
    story.page.unpair("ada")
    assert (await ask(story.page, "GET", "/picture", cookie=cookie)).status == 204


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        '{"numbers": 1}',
        '{"numbers": true, "x": 1}',
        '{"numbers": true, "mark": -1}',
        '{"numbers": true, "mark": "1"}',
        b"x",
    ],
)
async def test_a_bad_message_ends_the_line(story: Story, message: str | bytes) -> None:
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        await own.send(message)
        with pytest.raises(ConnectionClosed):
            await hear(own)


async def test_an_endless_message_ends_the_line(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        await own.send("x" * 10_000)
        with pytest.raises(ConnectionClosed):
            await hear(own)


@pytest.mark.parametrize("asks", ["nothing", "half", "again by half"])
async def test_who_does_not_ask_takes_no_place(
    story: Story, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 of these shut everybody out until a restart."""
    monkeypatch.setattr(guard, "REQUEST_WITHIN_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", story.page.port)
    head = f"GET /icon.svg HTTP/1.1\r\nHost: 127.0.0.1:{story.page.port}\r\n".encode()
    if asks == "again by half":
        writer.write(head + b"\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    if asks != "nothing":
        writer.write(head)
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()


async def test_who_listens_keeps_the_line(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "REQUEST_WITHIN_S", 0.05)
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        for _ in range(5):
            await asyncio.sleep(0.05)
            story.tick()
            await hear(own)


async def test_a_wearer_has_a_few_pages_open_and_no_more(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    own = f"127.0.0.1:{story.page.port}"

    async def another() -> ClientConnection:
        return await connect(
            f"ws://{own}/live",
            origin=Origin(f"http://{own}"),
            additional_headers={"Cookie": cookie},
            proxy=None,
        )

    lines = [await another() for _ in range(BROWSERS)]
    for each in lines:
        assert "view" in await hear(each)
    over = await another()
    with pytest.raises(ConnectionClosed):
        await hear(over)
    for each in lines:
        await each.close()
    again = await another()
    assert "view" in await hear(again)
    await again.close()


async def test_a_pairing_that_ends_closes_that_wearers_pages_at_once_and_only_those(
    story: Story,
) -> None:
    ada, sam = await paired(story.page, "ada"), await paired(story.page, "sam")
    async with line(story.page, ada) as first, line(story.page, sam) as other:
        assert "view" in await hear(first)
        assert "view" in await hear(other)
        assert story.page.unpair("ada") == 1
        with pytest.raises(ConnectionClosed) as closed:
            await hear(first)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == UNPAIRED
        story.tick()
        assert "now_ms" in await hear(other)
    reply = await ask(story.page, "POST", "/answer", said(), cookie=ada)
    assert (reply.status, reply.json) == (401, {"error": "unpaired"})
    assert story.said == []
    again = await paired(story.page, "ada")  # the wearer stays, and what the page shows
    async with line(story.page, again) as back:
        assert "view" in await hear(back)


async def shown_out(open_line: ClientConnection) -> bool:
    """Whether the line is closed as of who has no credential; what came before is passed over."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionClosed):
            async for _ in open_line:
                pass
    return open_line.close_code == UNPAIRED


async def test_the_ninth_pairing_closes_the_page_of_the_first(story: Story) -> None:
    first, *others = [await paired(story.page, "ada") for _ in range(SESSIONS_PER_WEARER)]
    async with line(story.page, first) as oldest, line(story.page, others[0]) as other:
        await hear(oldest)
        await hear(other)
        await story.clock.advance(60)  # beyond the guard against guessing
        await paired(story.page, "ada")
        assert await shown_out(oldest)
        story.tick()
        await hear(other)


@pytest.mark.parametrize("how", ["ended by another process", "too old", "file moved away"])
async def test_an_open_page_whose_session_is_over_is_closed_at_the_next_look(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(app, "SESSIONS_LOOKED_AT_S", 0.0)
    cookie, sam = await paired(story.page, "ada"), await paired(story.page, "sam")
    async with line(story.page, cookie) as own, line(story.page, sam) as other:
        await hear(own)
        await hear(other)
        match how:
            case "ended by another process":
                Credentials(tmp_path / "credentials.json").forget("ada")
            case "too old":
                late_s = time.time() + SESSION_LIFE_S
                monkeypatch.setattr(story.credentials, "_now", lambda: late_s)
            case _:
                (tmp_path / "credentials.json").unlink()
        story.heart(91)
        story.tick()
        assert await shown_out(own)
        if how == "ended by another process":
            await hear(other)


async def test_a_credentials_file_that_cannot_be_read_closes_no_open_page(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SESSIONS_LOOKED_AT_S", 0.0)
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        (tmp_path / "credentials.json").write_text("{")
        for _ in range(2):
            story.tick()
            await hear(own)


async def test_a_burst_of_records_becomes_few_messages(story: Story) -> None:
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        for _ in range(500):
            story.tick()
            await asyncio.sleep(0)
        story.row(State.RISING)
        count = 0
        while True:
            count += 1
            if "view" in await hear(own):
                break
        assert count <= 20


# --- serving --------------------------------------------------------------------------------------


async def test_it_stops_cleanly_and_leaves_signals_alone(tmp_path: Path) -> None:
    story = Story(tmp_path)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    task = asyncio.create_task(story.page.serve())
    await story.page.started.wait()
    port = story.page.port
    assert port > 0
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as own:
        await hear(own)
        task.cancel()
        with pytest.raises(ConnectionClosed):
            await hear(own)
        async with asyncio.timeout(20):
            with pytest.raises(asyncio.CancelledError):
                await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("turns", range(8))
async def test_it_stops_cleanly_while_a_browser_is_just_leaving(tmp_path: Path, turns: int) -> None:
    """Uvicorn said goodbye twice and fell over it: the others were not told that the page stops."""
    story = Story(tmp_path)
    task = asyncio.create_task(story.page.serve())
    await story.page.started.wait()
    cookie = await paired(story.page, "ada")
    async with line(story.page, cookie) as leaves, line(story.page, cookie) as stays:
        await hear(leaves)
        await hear(stays)
        leaves.protocol.send_close(1000)
        leaves.transport.write(b"".join(leaves.protocol.data_to_send()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait_for(stays.wait_closed(), 20)
        assert stays.close_code == 1012
        async with asyncio.timeout(20):
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    story = Story(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        page = story.new_page(other.getsockname()[1])
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1.*page\.port"):
            await page.serve()


async def test_a_page_for_everybody_needs_a_name(tmp_path: Path) -> None:
    story = Story(tmp_path)
    settings = PageSettings.model_validate(
        {"host": "0.0.0.0", "tls_cert_file": tmp_path / "c", "tls_key_file": tmp_path / "k"}
    )
    with pytest.raises(ConfigError, match=r"page\.public_host"):
        Page(settings, ["ada"], story.credentials, story, story.clock)


async def test_a_missing_certificate_is_one_clear_sentence(tmp_path: Path) -> None:
    story = Story(tmp_path)
    settings = PageSettings(port=0, tls_cert_file=tmp_path / "c", tls_key_file=tmp_path / "k")
    page = Page(settings, ["ada"], story.credentials, story, story.clock)
    with pytest.raises(ConfigError, match=r"page\.tls_cert_file"):
        await page.serve()


async def test_with_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    cert, key = _certificate(tmp_path)
    story = Story(tmp_path)
    settings = PageSettings(port=0, tls_cert_file=cert, tls_key_file=key)
    page = Page(settings, ["ada"], story.credentials, story, story.clock)
    async with serving(page):
        url = page.pairing_url("ada")
        own = f"127.0.0.1:{page.port}"
        assert url.startswith(f"https://{own}/pair#")
        body = json.dumps({"code": url.partition("#")[2]}).encode()
        trust = ssl.create_default_context(cafile=str(cert))
        reader, writer = await asyncio.open_connection("127.0.0.1", page.port, ssl=trust)
        writer.write(
            f"POST /pair HTTP/1.1\r\nHost: {own}\r\nOrigin: https://{own}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        reply = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    assert reply.startswith("HTTP/1.1 200")
    (cookie,) = [each for each in reply.split("\r\n") if each.startswith("set-cookie")]
    assert {"Secure", "HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
