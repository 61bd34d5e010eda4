"""What belongs to a person: read and set by that person alone, within its bounds."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_own import HOUSE, OwnStory
from helpers_page import WEARERS, ask
from vagalwatch.alerts import consents, words
from vagalwatch.alerts.couple import SENTENCE, Link, link_value
from vagalwatch.alerts.preferences import BOUNDS
from vagalwatch.clock import NS
from vagalwatch.records import (
    Answer,
    AnswerKind,
    ClockStep,
    EpisodeKind,
    Gap,
    GapReason,
    Setting,
    State,
    Stream,
)
from vagalwatch.settings import NotifySettings
from vagalwatch.web import choices
from vagalwatch.web import own as own_module
from vagalwatch.web.allowance import TAPS_AT_ONCE
from vagalwatch.web.guard import MAX_BODY_BYTES
from vagalwatch.wishes import KEYS, wish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, MutableMapping
    from pathlib import Path

A = AnswerKind
PATHS = ("/own", "/history", "/record")


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[OwnStory]:
    async with telling(tmp_path) as story:
        yield story


@asynccontextmanager
async def telling(folder: Path, *, first_run: bool = False) -> AsyncIterator[OwnStory]:
    story = OwnStory(folder, first_run=first_run)
    await story.start()
    try:
        yield story
    finally:
        await story.stop()
        story.journal.close()


async def wished(story: OwnStory, key: str, value: object, wearer: str = "ada") -> int:
    cookie = await story.cookie(wearer)
    body = {"key": key, "value": value}
    return (await ask(story.page, "POST", "/wish", body, cookie=cookie)).status


async def agrees(
    story: OwnStory, key: str, purpose: str, *, on: bool = True, at: str | None = None
) -> int:
    """``at``: of the link that it is about."""
    about = {} if at is None else {"partner": "sam", "at": at}
    return await wished(story, key, {"purpose": purpose, "on": on, "text": 1, **about})


async def own(story: OwnStory, wearer: str = "ada") -> Any:  # noqa: ANN401 - JSON
    cookie = await story.cookie(wearer)
    reply = await ask(story.page, "GET", "/own", cookie=cookie)
    assert reply.status == 200
    return reply.json


# --- who may ask --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_credential_nothing_is_told(story: OwnStory, path: str) -> None:
    for cookie in ("", f"vagalwatch-{story.page.port}=made-up"):
        reply = await ask(story.page, "GET", path, cookie=cookie)
        assert (reply.status, reply.json) == (401, {"error": "unpaired"})
    assert await wished_by_nobody(story) == 401


async def wished_by_nobody(story: OwnStory) -> int:
    body = {"key": "break-minutes", "value": 30}
    return (await ask(story.page, "POST", "/wish", body)).status


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_gets_nothing_even_with_the_cookie(
    story: OwnStory, path: str, site: str
) -> None:
    cookie = await story.cookie("ada")
    reply = await ask(story.page, "GET", path, cookie=cookie, Sec_Fetch_Site=site)
    assert reply.status == 401
    assert (await ask(story.page, "GET", path, cookie=cookie, Sec_Fetch_Site="none")).status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_who_is_erased_is_nobody(story: OwnStory, path: str) -> None:
    cookie = await story.cookie("ada")
    story.page.forget("ada")
    assert (await ask(story.page, "GET", path, cookie=cookie)).status == 401


async def test_nobody_reads_or_sets_what_is_anothers(story: OwnStory) -> None:
    assert await wished(story, "agreed-place", "the attic", "ada") == 200
    assert await wished(story, "help-number", "911", "ada") == 200
    cookie = await story.cookie("ada")
    said = {"id": "b" * 32, "answer": "start-break"}
    assert (await ask(story.page, "POST", "/answer", said, cookie=cookie)).status == 200
    his = await story.cookie("sam")
    for path in PATHS:
        reply = await ask(story.page, "GET", path, cookie=his)
        told = unzipped(reply.body) if path == "/record" else reply.body.decode()
        assert "attic" not in told
        assert "ada" not in told
        assert "911" not in told
    body = {"key": "break-minutes", "value": 30, "wearer": "ada"}
    assert (await ask(story.page, "POST", "/wish", body, cookie=his)).status == 400
    assert {each.wearer for each in story.said} == {"ada"}


def unzipped(body: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert file.testzip() is None
        return "\n".join(name + "\n" + file.read(name).decode() for name in file.namelist())


# --- settings -----------------------------------------------------------------------------------


async def test_what_is_set_stands_with_its_bounds(story: OwnStory) -> None:
    before = await own(story)
    assert before["settings"]["numbers"] == {
        "prompts-per-day": {"value": 3, "low": 0, "high": 3},
        "break-minutes": {"value": 20, "low": 20, "high": 1440},
    }
    for key, value in (
        ("prompts-per-day", 1),
        ("break-minutes", 45),
        ("agreed-sign", "red hat"),
        ("agreed-check-in", "both"),
        ("own-step", "my stamps"),
        ("contact-name", "Kim"),
        ("contact-number", "0123 4"),
        ("steps-left-out", ["taps"]),
        ("steps-chosen", ["eyes-closed"]),
        ("quiet-hours", {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}),
        ("mute-until", "2026-05-04T22:00:00.000Z"),
        ("beta-blocker", False),
        ("safety-alerts", False),
    ):
        assert await wished(story, key, value) == 200, key
    now = (await own(story))["settings"]
    assert [each["value"] for each in now["numbers"].values()] == [1, 45]
    assert now["texts"]["agreed-sign"] == {"value": "red hat", "longest": 60}
    assert now["texts"]["own-step"]["value"] == "my stamps"
    assert now["texts"]["contact-name"]["value"] == "Kim"
    assert now["choices"]["agreed-check-in"]["value"] == "both"
    assert now["flags"] == {"safety-alerts": False, "holds-ok": False, "beta-blocker": False}
    assert now["quiet"] == ["22:00", "07:00"]
    assert now["muted_until_ms"] == 1_777_932_000_000
    steps = {each["step"]: each for each in now["steps"]}
    assert steps["taps"]["left_out"]
    assert steps["eyes-closed"]["chosen"]
    assert await own(story, "sam") == before, "and of nobody else"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, bounds[1] + 1) for key, bounds in BOUNDS.items()),
        ("agreed-sign", "x" * 61),
        ("agreed-sign", "two\nlines"),
        ("own-step", 7),
        ("help-number", "tel:1"),
        ("break-minutes", "30"),
        ("break-minutes", 30.5),
        ("mute-until", "tomorrow"),
        ("mute-until", 5),
        ("couple-link", {"partner": "sam", "by": "me", "at": "now", "sentence": 1}),
        ("baseline-of-another", 1),
        ("consent-mqtt", ["state"]),
        ("consent-mqtt", {"purpose": "state", "on": True, "text": 99}),
        ("consent-everything", {"purpose": "all", "on": False, "text": 1}),
    ],
)
async def test_what_would_have_no_effect_is_refused(
    story: OwnStory, key: str, value: object
) -> None:
    assert await wished(story, key, value) == 400
    assert story.said == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        {"key": "break-minutes"},
        {"key": 5, "value": 30},
        {"key": "break-minutes", "value": 30, "at": 0},
        {"key": "x" * 41, "value": 30},
        {"key": "own-step", "value": "x" * MAX_BODY_BYTES},
        b'{"key": "steps-chosen", "value": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
async def test_a_bad_body_is_refused(story: OwnStory, body: object) -> None:
    cookie = await story.cookie("ada")
    assert (await ask(story.page, "POST", "/wish", body, cookie=cookie)).status == 400
    assert story.said == []


async def test_a_wish_from_another_site_is_refused(story: OwnStory) -> None:
    cookie = await story.cookie("ada")
    body = {"key": "break-minutes", "value": 30}
    for header in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        reply = await ask(story.page, "POST", "/wish", body, cookie=cookie, **header)
        assert reply.status == 403
    assert story.said == []


async def test_wishes_beyond_what_anybody_taps_are_refused_and_keep_no_break_from_being_heard(
    story: OwnStory,
) -> None:
    kept = [await wished(story, "break-minutes", 20 + n % 9) for n in range(TAPS_AT_ONCE + 2)]
    assert kept == [200] * TAPS_AT_ONCE + [429] * 2
    assert len(story.said) == TAPS_AT_ONCE
    assert await wished(story, "break-minutes", 30, "sam") == 200
    said = {"id": "b" * 32, "answer": "start-break"}
    cookie = await story.cookie("ada")
    assert (await ask(story.page, "POST", "/answer", said, cookie=cookie)).status == 200
    await story.move(1)
    assert await wished(story, "break-minutes", 30) == 200


async def test_a_wish_on_a_full_disk_holds_and_says_so(story: OwnStory) -> None:
    story.full = True
    assert await wished(story, "break-minutes", 30) == 202
    assert (await own(story))["settings"]["numbers"]["break-minutes"]["value"] == 30


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, *consents.TABLE]), st.text() | st.integers().map(str), max_size=8
    )
)
def test_whatever_stands_in_a_journal_can_be_shown(standing: dict[str, str]) -> None:
    json.dumps(choices.chosen(standing))
    for partner in ("", "sam"):
        linked = Link(partner, "dr-b", "2026-05-01", SENTENCE) if partner else None
        for shown in choices.agreed(standing, linked):
            assert f"{shown['say']}" in words.lines()
        for who in choices.seen_by(HOUSE, standing, partner, "ada"):
            assert who["say"] in words.lines()


def test_a_partner_is_not_named_for_a_consent_to_other_words_than_todays() -> None:
    for text, shown in ((0, False), (consents.TABLE[consents.PARTNER].text, True)):
        standing = {consents.PARTNER: json.dumps({"to": ["breaks"], "text": text})}
        seen = choices.seen_by(choices.House(), standing, "sam", "ada")
        assert ("consent.partner-breaks" in [each["say"] for each in seen]) == shown


def test_every_setting_that_is_shown_is_one() -> None:
    shown: Any = choices.chosen({})
    for part in ("numbers", "texts", "choices", "flags"):
        assert shown[part].keys() <= KEYS.keys()
    steps = [each["step"] for each in shown["steps"]]
    wish("ada", "steps-left-out", json.dumps(steps), 1)


# --- consents -----------------------------------------------------------------------------------


async def agreed(story: OwnStory, key: str, wearer: str = "ada") -> list[bool]:
    told = {each["key"]: each for each in (await own(story, wearer))["consents"]}
    return [purpose["given"] for purpose in told[key]["purposes"]]


async def test_a_consent_is_given_and_taken_back_by_the_same_door(story: OwnStory) -> None:
    seen = [each["say"] for each in (await own(story))["seen_by"]]
    ways = ["who.desktop", "who.apprise"]
    assert seen == ["who.you", "who.keeper", "who.mqtt", "who.influx", *ways]
    assert await agrees(story, "consent-mqtt", "state") == 200
    assert await agreed(story, "consent-mqtt") == [True, False]
    assert await agreed(story, "consent-mqtt", "sam") == [False, False]
    assert (await own(story))["seen_by"][-1] == {
        "say": "consent.mqtt-state",
        "whom": "consent.mqtt",
        "name": "",
    }
    assert await agrees(story, "consent-mqtt", "state", on=False) == 200
    assert await agreed(story, "consent-mqtt") == [False, False]
    assert [each["say"] for each in (await own(story))["seen_by"]] == seen


async def test_who_paused_everything_goes_on_by_the_own_page_alone(story: OwnStory) -> None:
    for value in (True, False, True, False):
        assert await wished(story, "paused", value) == 200
    values = [each.value for each in story.said if isinstance(each, Setting)]
    assert values == ["true", "false", "true", "false"]
    for other in (0, "false", None, [False]):
        assert await wished(story, "paused", other) == 400


async def test_while_all_is_paused_nothing_is_seen_by_consent(story: OwnStory) -> None:
    assert await agrees(story, "consent-mqtt", "state") == 200
    assert await wished(story, "paused", value=True) == 200
    assert "consent.mqtt-state" not in [each["say"] for each in (await own(story))["seen_by"]]
    assert await agreed(story, "consent-mqtt") == [True, False], "it stands, and waits"


async def test_the_names_are_those_in_force(story: OwnStory) -> None:
    names = {each["say"]: each["name"] for each in (await own(story))["seen_by"]}
    assert (names["who.mqtt"], names["who.influx"]) == ("vagalwatch", "home-data")
    assert choices.seen_by(choices.House(), {}, "", "ada") == [
        {"say": "who.you", "name": ""},
        {"say": "who.keeper", "name": ""},
    ]


def test_the_ways_beyond_the_page_are_those_of_this_wearer() -> None:
    house = choices.House(told={"ada": ("apprise", "desktop", "apprise"), "sam": ()})
    more = {
        wearer: [each["say"] for each in choices.seen_by(house, {}, "", wearer)[2:]]
        for wearer in ("ada", "sam", "eve")
    }
    assert more == {"ada": ["who.apprise", "who.desktop"], "sam": [], "eve": []}
    assert {f"who.{way}" for way in get_args(NotifySettings.model_fields["way"].annotation)} <= {
        *words.lines()
    }


async def test_consents_of_couples_are_asked_of_who_is_linked_and_anew_with_each_link(
    story: OwnStory,
) -> None:
    keys = {each["key"] for each in (await own(story))["consents"]}
    assert not keys & consents.COUPLE
    link(story, "2026-05-01")
    told = [each for each in (await own(story))["consents"] if each["key"] in consents.COUPLE]
    assert {each["name"] for each in told} == {"sam"}
    assert await agrees(story, "consent-partner", "breaks", at="2026-05-01") == 200
    assert await agreed(story, "consent-partner") == [True]
    assert await wished(story, "name-for-partner", "Addie") == 200
    assert (await own(story))["seen_by"][-1]["name"] == "sam"
    link(story, "2026-05-02")
    assert await agreed(story, "consent-partner") == [False]
    assert (await own(story))["settings"]["texts"]["name-for-partner"]["value"] == ""
    assert all(each["name"] != "sam" for each in (await own(story))["seen_by"])


async def test_that_the_other_has_ended_a_link_does_not_show_and_the_own_end_does(
    story: OwnStory,
) -> None:
    link(story, "2026-05-01")
    assert await agrees(story, "consent-partner", "breaks", at="2026-05-01") == 200
    before = await own(story)
    now_ns = story.clock.now_ns()
    story.take(Setting(wearer="sam", t_ns=now_ns, recv_ns=now_ns, key="couple-link", value="null"))
    assert await own(story) == before
    assert await wished(story, "couple-link", None) == 200
    assert not {each["key"] for each in (await own(story))["consents"]} & consents.COUPLE


async def test_of_an_erased_partner_nothing_is_kept(story: OwnStory) -> None:
    link(story, "2026-05-01")
    story.page.forget("sam")
    assert not {each["key"] for each in (await own(story))["consents"]} & consents.COUPLE
    assert "sam" not in repr(story.page._own and story.page._own._standing)


async def test_by_which_name_the_partner_reads_of_one_is_ones_own_to_set(story: OwnStory) -> None:
    assert await wished(story, "name-for-partner", "Addie") == 200
    assert (await own(story))["settings"]["texts"]["name-for-partner"] == {
        "value": "Addie",
        "longest": 30,
    }
    assert await wished(story, "name-for-partner", "x" * 31) == 400


def link(story: OwnStory, at: str) -> None:
    for wearer, partner in (WEARERS, WEARERS[::-1]):
        value = link_value(Link(partner, "dr-b", at, SENTENCE))
        now_ns = story.clock.now_ns()
        story.take(
            Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key="couple-link", value=value)
        )


async def test_the_picture_asks_for_the_first_run_until_something_was_said(tmp_path: Path) -> None:
    async with telling(tmp_path, first_run=True) as story:
        assert first(story, "ada")
        assert await agrees(story, "consent-measure", "body", on=False) == 200
        assert not first(story, "ada"), "a no is an answer"
        assert first(story, "sam")


def first(story: OwnStory, wearer: str) -> object:
    return story.page._seats[wearer]._view.as_json()["first"]


# --- the last weeks -----------------------------------------------------------------------------


async def test_the_last_weeks_are_told_by_the_calendar_that_is_asked_for(story: OwnStory) -> None:
    story.row(State.SETTLED)
    alert = story.episode(EpisodeKind.FLOODING)
    now_ns = story.clock.now_ns()
    said = Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=A.NOT_NOW, about=alert.id)
    story.take(said)
    await story.written()
    cookie = await story.cookie("ada")
    for zone, date in (("UTC", "2026-05-04"), ("Pacific/Auckland", "2026-05-05")):
        reply = await ask(story.page, "GET", f"/history?zone={zone}", cookie=cookie)
        day = reply.json["days"][0]
        assert day["date"] == date
        assert [event["end"] for event in day["events"]] == ["declined"]
    assert reply.json["seen_by"][0]["say"] == "who.you"


async def test_many_gaps_push_no_break_out_and_what_they_cut_off_is_not_told_as_not_measured(
    story: OwnStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vagalwatch.web.own.RECORDS_READ", 20)
    now_ns = story.clock.now_ns()
    hour = 3600 * NS

    def missing(begin_ns: int, stream: Stream) -> Gap:
        return Gap(
            wearer="ada", source="strap", stream=stream, t_ns=begin_ns, recv_ns=begin_ns + 1,
            reason=GapReason.LINK_LOST, end_ns=begin_ns + 1,
        )  # fmt: skip

    async def days(*gaps: Gap) -> list[dict[str, Any]]:
        for gap in gaps:
            story.place = story.journal.append(gap)
        await story.written()
        return (await ask(story.page, "GET", "/history", cookie=cookie)).json["days"]  # type: ignore[no-any-return]

    cookie = await story.cookie("ada")
    story.take(Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=A.START_BREAK, about=""))
    skin = [missing(now_ns - n, Stream.EDA) for n in range(40, 0, -1)]
    told = await days(missing(now_ns - 72 * hour, Stream.HEART), *skin)
    assert [day["measured_min"] for day in told[1:3]] == [24 * 60] * 2
    assert len(told[0]["events"]) == 1
    told = await days(
        *(missing(now_ns - 40 * hour + n, Stream.HEART) for n in range(5)),
        *(missing(now_ns - n, Stream.HEART) for n in range(18, 0, -1)),
    )
    assert [day["measured_min"] for day in told[2:]] == [None] * 26
    assert told[0]["measured_min"] > 0
    assert len(told[0]["events"]) == 1


async def test_the_weeks_of_a_machine_whose_clock_was_years_behind_are_told(
    story: OwnStory,
) -> None:
    cookie = await story.cookie("ada")
    now_ns = story.clock.now_ns()
    behind_ns = 10 * 365 * 24 * 3600 * NS
    story.journal.append(ClockStep(t_ns=now_ns, recv_ns=now_ns, delta_ns=behind_ns))
    story.clock.step_ns = behind_ns
    story.take(Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=A.START_BREAK, about=""))
    await story.written()
    today = (await ask(story.page, "GET", "/history", cookie=cookie)).json["days"][0]
    assert len(today["events"]) == 1


async def test_a_clock_that_was_put_right_after_a_break_gives_it_one_date(story: OwnStory) -> None:
    """The report had the true day, the page and the own copy that of the clock that was behind."""
    cookie = await story.cookie("ada")
    now_ns = story.clock.now_ns()
    behind_ns = 3 * 24 * 3600 * NS
    story.take(Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=A.START_BREAK, about=""))
    step = ClockStep(t_ns=now_ns + 1, recv_ns=now_ns + 1, delta_ns=behind_ns)
    story.place = story.journal.append(step)
    story.clock.step_ns = behind_ns
    await story.written()
    today = (await ask(story.page, "GET", "/history", cookie=cookie)).json["days"][0]
    assert len(today["events"]) == 1
    reply = await ask(story.page, "GET", "/record", cookie=cookie)
    with zipfile.ZipFile(io.BytesIO(reply.body)) as file:
        (row,) = csv.DictReader(io.StringIO(file.read("breaks.csv").decode()))
    assert row["t_utc"].startswith(today["date"])


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "", "x" * 500, "/etc/passwd"])
async def test_a_zone_that_is_none_is_refused(story: OwnStory, zone: str) -> None:
    cookie = await story.cookie("ada")
    reply = await ask(story.page, "GET", f"/history?zone={zone}", cookie=cookie)
    assert reply.status == 400


@pytest.mark.parametrize("path", ["/history", "/record"])
async def test_a_journal_that_cannot_be_read_is_said(story: OwnStory, path: str) -> None:
    cookie = await story.cookie("ada")
    story.path.rename(story.path.with_suffix(".away"))
    reply = await ask(story.page, "GET", path, cookie=cookie)
    assert (reply.status, reply.json) == (503, {"error": "unreadable"})
    story.path.with_suffix(".away").rename(story.path)
    assert (await ask(story.page, "GET", path, cookie=cookie)).status == 200


# --- a copy of it all ---------------------------------------------------------------------------


async def test_ones_record_comes_as_one_file(story: OwnStory) -> None:
    story.heart(83)
    assert await wished(story, "agreed-place", "the attic") == 200
    cookie = await story.cookie("ada")
    reply = await ask(story.page, "GET", "/record", cookie=cookie)
    assert reply.headers["content-type"] == "application/zip"
    assert reply.headers["content-disposition"] == 'attachment; filename="my-record.zip"'
    with zipfile.ZipFile(io.BytesIO(reply.body)) as file:
        settings = list(csv.DictReader(io.StringIO(file.read("settings.csv").decode())))
        assert settings[-1]["key"] == "agreed-place"
        assert "83" in file.read("sensors/2026-05-04.csv").decode()


class Phone:
    """A browser of Ada's over bare ASGI, so that a test can act between two pieces of a file."""

    def __init__(self, story: OwnStory, cookie: str) -> None:
        self._story, self._cookie = story, cookie
        self.status = 0
        self.pieces: list[bytes] = []

    async def asks(
        self, path: str, body: bytes = b"", meanwhile: Callable[[int], object] = bool
    ) -> None:
        """``meanwhile`` is called with the number of pieces that have come, body's included."""
        own = f"127.0.0.1:{self._story.page.port}"
        origin = [(b"origin", f"http://{own}".encode())] if body else []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},  # as uvicorn says
            "http_version": "1.1",
            "method": "POST" if body else "GET",
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", own.encode()), (b"cookie", self._cookie.encode()), *origin],
        }
        asked = False

        async def receive() -> dict[str, object]:
            nonlocal asked
            if not asked:
                asked = True
                if body:
                    meanwhile(0)
                    return {"type": "http.request", "body": body, "more_body": False}
            await asyncio.Event().wait()  # it stays
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif message["body"]:
                self.pieces.append(message["body"])
                meanwhile(len(self.pieces))

        await self._story.page.app(scope, receive, send)


def in_pieces(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> None:
    monkeypatch.setattr(own_module, "record_zip", lambda *_: iter(pieces))


@pytest.mark.parametrize("ends", ["unpair", "forget"])
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_copy_on_its_way_to_a_lost_phone_ends_with_its_session(
    story: OwnStory, monkeypatch: pytest.MonkeyPatch, ends: str, after: int
) -> None:
    in_pieces(monkeypatch, b"PK", b"more", b"still more", b"rest")
    lost = Phone(story, await story.cookie("ada"))

    def end(pieces: int) -> None:
        if pieces == after:
            getattr(story.page, ends)("ada")

    with pytest.raises(ConnectionAbortedError):
        await lost.asks("/record", meanwhile=end)
    assert len(lost.pieces) == after, "no byte after the end"


async def test_the_weeks_read_for_a_lost_phone_do_not_go_to_it(
    story: OwnStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await story.cookie("ada")

    def reads_while_it_ends(*_: object) -> list[object]:
        story.page.unpair("ada")
        return ["the weeks"]

    monkeypatch.setattr(story.page._own, "_read_history", reads_while_it_ends)
    reply = await ask(story.page, "GET", "/history", cookie=cookie)
    assert (reply.status, reply.json) == (401, {"error": "unpaired"})


async def test_an_answer_that_came_after_the_end_of_its_session_is_not_taken(
    story: OwnStory,
) -> None:
    lost = Phone(story, await story.cookie("ada"))
    said = json.dumps({"id": "a" * 16, "answer": "start-break", "about": ""}).encode()
    await lost.asks("/answer", said, meanwhile=lambda came: came or story.page.unpair("ada"))
    assert lost.status == 401
    assert not any(isinstance(each, Answer) for each in story.records)


async def test_one_copy_at_a_time(story: OwnStory, monkeypatch: pytest.MonkeyPatch) -> None:
    in_pieces(monkeypatch, b"PK", b"rest")
    cookie = await story.cookie("ada")
    first, beside, after = (Phone(story, cookie) for _ in range(3))
    asked: list[asyncio.Task[None]] = []

    def once(_: int) -> None:
        if not asked:
            asked.append(asyncio.create_task(beside.asks("/record")))

    await first.asks("/record", meanwhile=once)
    await asked[0]
    await after.asks("/record")
    assert (first.status, beside.status, after.status) == (200, 429, 200)
