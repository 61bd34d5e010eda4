"""The page in a real browser: what a person sees and can do, and what nobody else can.

Screenshots of every screen are left under build/screenshots; look at them after a change.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from helpers_phone import SHOTS, phone, picture
from vagalwatch.hrv.codes import Why
from vagalwatch.records import (
    Answer,
    AnswerKind,
    EpisodeKind,
    GapReason,
    Reason,
    Run,
    State,
    Stream,
)

if TYPE_CHECKING:
    from playwright.async_api import Browser, WebSocketRoute

    from helpers_page import Story
    from vagalwatch.records import Gap

pytestmark = pytest.mark.real
EXPECTED_WHILE_DOWN = re.compile(
    r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket connection"
)


async def test_a_stranger_is_told_how_to_pair(browser: Browser, story: Story) -> None:
    async with phone(browser, story, wearer=None) as stranger:
        await stranger.say("This page is not paired yet.")
        await picture(stranger, "01-unpaired")
        assert stranger.errors == []


async def test_an_evening_with_flooding(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        await picture(own, "02-waiting")

        story.calibrating(120)
        await own.say("I am still learning your usual.")
        await picture(own, "03-calibrating")

        story.row(State.SETTLED)
        await own.say("Measuring.")
        await expect(own.tab.locator("#more")).to_contain_text("does not mean all is well")
        await picture(own, "04-home")
        await own.tab.get_by_text("Help", exact=True).click()
        await picture(own, "05-help")
        await own.tab.get_by_text("Help", exact=True).click()

        lost = story.gap(GapReason.OFF_BODY)
        story.gap(GapReason.LINK_LOST, Stream.EDA, source="ring")
        await own.say("I can't feel the strap.")
        await picture(own, "06-not-measuring")
        story.take(_closed(lost, story))

        story.episode(EpisodeKind.FLOODING)
        await own.say("Your heart is fast for you.")
        await picture(own, "07-prompt-flooding")
        await own.tap("Yes")
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        await own.tab.get_by_text("Words to leave with").click()
        await picture(own, "08-break-flooding")
        await own.tap("I'm back")
        await own.say("You came back.")
        await picture(own, "09-after")
        await own.tap("Done")
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        assert own.errors == []


async def test_an_evening_with_a_shutdown_and_a_faint(browser: Browser, story: Story) -> None:
    async with phone(browser, story, "sam") as own:
        story.row(State.SETTLED, wearer="sam")
        story.episode(EpisodeKind.SHUTDOWN, "sam")
        await own.say("Your heart is slow for you and you are still.")
        await picture(own, "10-prompt-shutdown")
        await own.tap("Yes")
        await own.say(re.compile("You asked for time"))
        await picture(own, "11-break-shutdown")
        story.episode(EpisodeKind.SAFETY, "sam")
        await own.say("Your heart slowed fast. Sit or lie down now.")
        await expect(own.tab.locator("#lines")).to_contain_text("If you drive, stop first.")
        await picture(own, "12-safety")
        await own.tap("I'm fine")
        await own.say(re.compile("You asked for time"))
        await story.move(20 * 60 + 10)
        await own.say("Time is up.")
        await picture(own, "13-time-up")
        assert own.errors == []


async def test_numbers_come_only_when_asked_for(browser: Browser, story: Story) -> None:
    for second in range(540):
        await story.clock.advance(1)
        if not 200 < second < 240:
            story.heart(68 + 12 * math.sin(second / 60) + second % 4)
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        story.heart(83)
        await own.quiet()
        assert not any("pulse" in frame for frame in own.frames)
        assert "83" not in await own.tab.inner_text("body")

        await own.tap("Show my heart rate")
        await expect(own.tab.locator("#bpm")).to_have_text("83")
        await expect(own.tab.locator("#usual")).to_have_text("Your usual: about 66")
        line = await own.tab.locator("#curve .heart").get_attribute("d")
        assert line is not None
        assert line.count("M") == 2, "one line before the gap and one after it"
        await picture(own, "14-numbers")
        await story.move(1)
        story.heart(91)
        await expect(own.tab.locator("#bpm")).to_have_text("91")

        await story.move(11)
        await expect(own.tab.locator("#bpm")).to_have_text("")
        await expect(own.tab.locator("#bpm-unit")).to_have_text("No heart rate now")

        await own.tap("Hide my heart rate")
        await expect(own.tab.locator("#pulse")).to_be_hidden()
        await own.quiet()  # the wish has reached the service; what it sent before was asked for
        own.frames.clear()
        story.heart(92)
        await own.quiet()
        assert not any("pulse" in frame for frame in own.frames)
        assert own.errors == []


async def test_an_expired_prompt_leaves_the_break_open(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        alert = story.episode(EpisodeKind.FLOODING)
        await own.say("Your heart is fast for you.")
        await expect(own.tab.get_by_role("button", name="Not now")).to_be_visible()
        await story.move(121)
        await expect(own.tab.locator("#notice")).to_contain_text("You can still take a break")
        await expect(own.tab.get_by_role("button", name="Not now")).to_be_hidden()
        await picture(own, "15-expired")
        await own.tap("I still want a break")
        await own.say(re.compile("You asked for time"))
        assert [(said.answer, said.about) for said in answers(story)] == [
            (AnswerKind.YES, alert.id)
        ]
        assert own.errors == []


async def test_who_does_something_at_the_page_has_seen_the_question(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tab.locator("#say").click()  # nothing is asked yet
        alert = story.episode(EpisodeKind.FLOODING)
        await own.say("Your heart is fast for you.")
        await own.quiet()
        assert answers(story) == [], "that it stands there is not that it was seen"
        story.heard.clear()
        await own.tab.locator("#say").click()
        await story.heard.wait()
        await own.tab.keyboard.press("Tab")
        await own.quiet()
        await own.say("Your heart is fast for you.")
        await own.tap("Not now")
        await expect(own.tab.locator("#notice")).to_contain_text("All right.")
        assert [(said.answer, said.about) for said in answers(story)] == [
            (AnswerKind.SHOWN, alert.id),
            (AnswerKind.NOT_NOW, alert.id),
        ]
        assert own.errors == []


async def test_a_promised_time_stands_still(browser: Browser, story: Story) -> None:
    """Where the story ran faster than the phone's clock (the demo), "Back at" counted down."""
    async with phone(browser, story) as own:
        await story.move(300)  # the phone's clock is five minutes behind by now
        await own.quiet()
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        for _ in range(40):
            await story.move(4)
            await own.up_to(story.clock.now_ns())  # ten late would be a clock that was set
        await own.quiet()
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        assert own.errors == []


async def test_a_clock_that_is_set_moves_the_promised_time_along(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        now_s = story.clock.now_ns() / 1e9
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_s + 3600, UTC))
        await own.say(re.compile(r"You asked for time\.\s+Back at 8:40"))
        assert own.errors == []


async def test_the_picture_ahead_of_the_line_knows_of_a_clock_that_was_set(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        now_s = story.clock.now_ns() / 1e9
        await own.tab.route_web_socket("**/live", lambda _line: None)  # it never says a word
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_s + 3600, UTC))
        await own.tab.reload()
        await own.say(re.compile(r"You asked for time\.\s+Back at 8:40"))
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_s, UTC))
        await own.tab.reload()  # which keeps the difference, and it is no more
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        assert own.errors == []


def _has(message: dict[str, Any], key: str, least: int) -> bool:
    return key in message and (least == 0 or message[key] >= least)


@pytest.mark.parametrize("naps", [1, 3])
async def test_a_page_that_wakes_and_is_told_the_past_first_keeps_the_promised_time(
    browser: Browser, story: Story, naps: int
) -> None:
    """What had waited in the line stood for a clock that was set: ten minutes were added.

    Then one message that came late amid the past ended it, and the rest of it was added.
    """
    async with phone(browser, story) as own:
        sent: asyncio.Queue[str] = asyncio.Queue()
        line: list[WebSocketRoute] = []

        def hold(page: WebSocketRoute) -> None:
            line.append(page)
            page.connect_to_server().on_message(lambda message: sent.put_nowait(str(message)))

        async def waiting(key: str, least: int = 0) -> list[str]:
            """What the service sends up to a message with ``key``, at ``least`` so much."""
            messages: list[str] = []
            async with asyncio.timeout(10):
                while not messages or not _has(json.loads(messages[-1]), key, least):
                    messages.append(await sent.get())
            return messages

        async def tell(messages: list[str]) -> None:
            for message in messages:
                line[-1].send(message)
                await own.tab.evaluate("0")  # heard one by one

        await own.tab.route_web_socket("**/live", hold)
        await own.tab.reload()
        await tell(await waiting("view"))
        await own.tab.get_by_role("button", name="I need a break", exact=True).click()
        await tell(await waiting("view"))
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))

        past: list[str] = []
        for _ in range(naps):
            for _ in range(25):
                await story.move(8)
                now_ms = story.clock.now_ns() // 1_000_000
                past += await waiting("now_ms", now_ms)
            await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_ms / 1000, UTC))
            await tell(past)
            past = (await waiting("mark"))[-1:]  # it may sleep again
        await tell(past)
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        assert own.errors == []


async def test_measurements_do_not_outlive_the_line(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        story.silence()  # the line stands and nothing comes: the engine hangs
        await own.say("Not connected.")
        await expect(own.tab.locator("#more")).to_contain_text("You can still take a break")
        await picture(own, "18-offline")


async def test_a_full_disk_is_shown_and_answers_still_count(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        story.full = True
        story.page.set_recording(recording=False)
        await expect(own.tab.locator("#mark")).to_contain_text("Not recording")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await expect(own.tab.locator("#sending")).to_be_empty()
        await picture(own, "19-not-recording")
        assert len(answers(story)) == 1
        assert own.errors == []


async def test_im_thinking_is_no_refusal(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.SHUTDOWN)
        await own.tap("I'm thinking")
        await expect(own.tab.locator("#notice")).to_contain_text("Take your time.")
        assert [said.answer for said in answers(story)] == [AnswerKind.IM_THINKING]


async def test_a_wearer_sees_nothing_of_the_other(browser: Browser, story: Story) -> None:
    async with phone(browser, story, "ada") as ada, phone(browser, story, "sam") as sam:
        story.row(State.SETTLED, wearer="ada")
        await ada.say("Measuring.")
        await ada.tap("Show my heart rate")
        story.heart(117, "ada")
        await expect(ada.tab.locator("#bpm")).to_have_text("117")
        story.episode(EpisodeKind.FLOODING, "ada")
        await ada.tap("Yes")
        await ada.say(re.compile("You asked for time"))
        await sam.quiet()
        await sam.say("Not measuring right now.")
        seen = {json.dumps(json.loads(frame).get("view")) for frame in sam.frames} - {"null"}
        assert len(seen) == 1, "nothing changed for sam"
        assert not any(word in frame for frame in sam.frames for word in ("ada", "117", "alert"))


async def test_a_spent_code_opens_nothing(browser: Browser, story: Story) -> None:
    url = story.page.pairing_url("ada")
    async with phone(browser, story, wearer=None) as first:
        await first.tab.goto(url)
        await first.say("Not measuring right now.")
        assert first.tab.url.endswith("/"), "the code is gone from the address"
        assert not any("#" in asked.url or "pair/" in asked.url for asked in first.requests[1:])
        (cookie,) = await first.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
    async with phone(browser, story, wearer=None) as second:
        await second.tab.goto(url)
        await second.say("This code is used up or too old.")
        assert await second.context.cookies() == []


async def test_one_browser_can_show_two_wearers_by_two_names(
    browser: Browser, story: Story
) -> None:
    """For the demo: cookies belong to a name, so each wearer needs one."""
    async with phone(browser, story, "ada") as own:
        other = await own.context.new_page()
        await other.goto(story.page.pairing_url("sam", host="localhost"))
        story.row(State.SETTLED, wearer="sam")
        await expect(other.locator("#say")).to_have_text("Measuring.")
        await own.quiet()
        await own.say("Not measuring right now.")


async def test_forgetting_a_wearer_closes_the_open_page(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        story.page.forget("ada")
        await own.say("This page is not paired yet.")


@pytest.mark.parametrize("way", ["button", "shift"])
async def test_leaving_is_one_move(browser: Browser, story: Story, way: str) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.context.route("https://**", lambda route: route.fulfill(body="weather"))
        if way == "button":
            await own.tab.get_by_role("link", name="Leave").click()
        else:
            for _ in range(3):
                await own.tab.keyboard.press("Shift")
        await own.tab.wait_for_url("https://www.wikipedia.org/")
        await own.tab.go_back()  # the page was replaced: what came before it is blank
        assert "Measuring" not in await own.tab.inner_text("body")


async def test_there_is_help_and_a_way_out_where_no_script_runs(
    browser: Browser, story: Story
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    tab = await context.new_page()
    await context.route("https://**", lambda route: route.fulfill(body="weather"))
    await tab.goto(f"http://127.0.0.1:{story.page.port}/")
    await expect(tab.locator("noscript p")).to_contain_text("This page needs JavaScript.")
    await expect(tab.locator("noscript p")).to_be_visible()
    await tab.get_by_text("Help", exact=True).click()
    await expect(tab.get_by_text("No one watches it")).to_be_visible()
    await tab.screenshot(path=SHOTS / "21-no-script.png", full_page=True)
    await tab.get_by_role("link", name="Leave").click()
    await tab.wait_for_url("https://www.wikipedia.org/")
    await context.close()


async def test_a_page_that_opens_only_in_part_says_so(browser: Browser, story: Story) -> None:
    """A module that was lost on the way left a blank page."""
    context = await browser.new_context()
    tab = await context.new_page()
    await context.route("**/cards.js", lambda route: route.abort())
    await tab.goto(f"http://127.0.0.1:{story.page.port}/")
    stuck = tab.get_by_text("This page is slow to open.")
    await expect(stuck).to_be_hidden()
    await tab.evaluate("document.getAnimations().forEach((each) => each.finish())")
    await expect(stuck).to_be_visible()
    await tab.screenshot(path=SHOTS / "22-in-part.png", full_page=True)
    await context.unroute("**/cards.js")
    await tab.reload()
    await expect(tab.locator("#say")).to_have_text("This page is not paired yet.")
    await expect(stuck).to_have_count(0)
    await context.close()


async def test_it_fits_a_small_phone_and_large_text(browser: Browser, story: Story) -> None:
    """320 px wide; and 200 % zoom of 640 px, which is the same to the layout (WCAG 1.4.10)."""
    story.row(State.SETTLED)
    story.episode(EpisodeKind.SHUTDOWN)
    async with phone(browser, story, width=320) as own:
        await own.say("Your heart is slow for you and you are still.")
        await own.tab.screenshot(path=SHOTS / "20-small.png", full_page=True)
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert await own.tab.evaluate(wide)
        sizes = [
            await button.bounding_box()
            for button in await own.tab.get_by_role("button").all()
            if await button.is_visible()
        ]
        assert all(box and box["width"] >= 48 and box["height"] >= 48 for box in sizes)
        answers = [await box.bounding_box() for box in await own.tab.locator("#answers > *").all()]
        assert len({(box["width"], box["height"]) for box in answers if box}) == 1


async def test_it_is_small_and_asks_nobody_else(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        assert {urlsplit(asked.url).hostname for asked in own.requests} == {"127.0.0.1"}
        sizes = [await asked.sizes() for asked in own.requests]
        assert sum(s["responseBodySize"] + s["responseHeadersSize"] for s in sizes) < 100_000


def answers(story: Story) -> list[Answer]:
    return [said for said in story.said if isinstance(said, Answer)]


def _closed(gap: Gap, story: Story) -> Gap:
    now_ns = story.clock.now_ns()
    return replace(gap, end_ns=now_ns, recv_ns=now_ns)


WHY = (
    Reason(code=Why.HEART_RATE, value=104.0, usual=66.0, contribution=0.8),
    Reason(code=Why.HEART_FAST, value=104.0, threshold=92.0, held_s=20.0),
)


async def test_why_unfolds_in_plain_words_and_has_numbers_only_when_asked(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as ada:
        story.row(State.FLOODING, hr_bpm=104, reasons=WHY)
        await ada.say("Your heart is fast for you.")
        why = ada.tab.locator("#folded details", has_text="Why?")
        await expect(why.locator("p")).to_have_count(2)
        await expect(why.locator("p").first).not_to_be_visible()
        assert not re.search(r"\d", await why.inner_text())
        assert not any("104" in frame for frame in ada.frames)
        await why.locator("summary").click()
        await expect(why.locator("p").first).to_be_visible()
        await picture(ada, "why")
        await ada.tap("Show my heart rate")
        await expect(why).to_contain_text("104 a minute")
        await expect(why.locator("p").first).to_be_visible()  # its new numbers did not fold it
        story.row(State.FLOODING, hr_bpm=111, reasons=(replace(WHY[1], value=111.0),))
        await expect(why).to_contain_text("111 a minute")
        await expect(why.locator("p").first).to_be_visible()
        assert ada.errors == []


async def test_a_start_is_looking_and_a_damaged_record_is_said_calmly(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as ada:
        now_ns = story.clock.now_ns()
        story.take(
            Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash="x")
        )
        story.gap(GapReason.NEVER_SEEN)
        story.page.set_anew(anew=True)
        await ada.say("I am looking for your sensors.")
        await expect(ada.tab.locator("#mark")).to_have_text(
            "Your record was damaged. A new one has begun."
        )
        await expect(ada.tab.locator("#lines")).to_be_hidden()
        await picture(ada, "finding")
        story.page.set_anew(anew=False)
        await expect(ada.tab.locator("#mark")).to_have_text("")
        assert ada.errors == []
