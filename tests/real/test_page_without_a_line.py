"""What a person said where there is no line: kept here, passed on once, and for nobody else."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_phone import phone
from vagalwatch.alerts import words
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Setting,
    State,
)

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

A = AnswerKind
BREAK = re.compile("You asked for time")
USUAL = words.lines()["step.usual-breath"]


def answers(story: Story) -> list[tuple[str, AnswerKind]]:
    return [(each.wearer, each.answer) for each in story.said if isinstance(each, Answer)]


def wants_to_breathe(story: Story) -> None:
    now_ns = story.clock.now_ns()
    value = json.dumps(["breath"])
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key="steps-chosen", value=value))


async def asked_alone(own: Phone, story: Story) -> None:
    """The line is lost, and "I need a break" is known to this page only."""
    await own.say("Not measuring right now.")
    await story.stop()
    await own.say("Not connected.")
    await own.tap("I need a break")
    await own.say(BREAK)


async def no_more_breath(own: Phone) -> None:
    await expect(own.tab.locator("#pacer")).to_be_hidden()
    await expect(own.tab.locator("#step-text")).to_have_text(USUAL)
    await expect(own.tab.locator("#dizzy")).to_be_hidden()
    await expect(own.tab.locator("#pace")).to_be_hidden()


async def test_dizzy_ends_the_breathing_also_without_a_line(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        story.episode(EpisodeKind.FLOODING)
        await own.tap("Yes")
        await own.say(BREAK)
        await own.tap("Follow a shape")
        await expect(own.tab.locator("#pacer")).to_be_visible()
        await story.stop()
        await expect(own.tab.locator("#mark")).to_have_text("Not connected. I keep trying.")
        await own.tap("This makes me dizzy")
        await no_more_breath(own)
        await story.start(port)
        await expect(own.tab.locator("#mark")).to_be_empty()
        while ("ada", A.DIZZY) not in answers(story):
            await own.heard()
        await own.quiet()
        await no_more_breath(own)


async def test_dizzy_in_a_break_that_only_the_page_knows_of_holds_after_it(
    browser: Browser, story: Story
) -> None:
    wants_to_breathe(story)
    async with phone(browser, story) as own:
        port = story.page.port
        await own.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await asked_alone(own, story)
        await own.tap("Follow a shape")
        await expect(own.tab.locator("#pacer")).to_be_visible()
        await own.tap("This makes me dizzy")
        await no_more_breath(own)
        await own.tab.reload()
        await own.say(BREAK)
        await no_more_breath(own)
        await story.start(port)
        await expect(own.tab.get_by_role("button", name="More time")).to_be_visible()
        while ("ada", A.DIZZY) not in answers(story):
            await own.heard()
        assert answers(story) == [("ada", A.START_BREAK), ("ada", A.DIZZY)]
        await own.quiet()
        await no_more_breath(own)


async def test_no_other_tap_takes_the_place_of_a_break_that_was_asked_for(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        await own.context.route("**/answer", lambda route: route.abort())
        await own.tap("I need a break")
        await expect(own.tab.locator("#sending")).to_contain_text("I can't pass that on yet.")
        await own.tap("Pause it all")
        await own.say("Paused.")
        await own.context.unroute("**/answer")
        await own.say(BREAK)
        assert answers(story) == [("ada", A.START_BREAK)]


async def test_a_break_taken_back_in_another_tab_is_sent_by_none(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        await own.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await asked_alone(own, story)
        other = await own.context.new_page()
        await other.goto(f"http://127.0.0.1:{port}/")
        await expect(other.locator("#say")).to_have_text(BREAK)
        await other.get_by_role("button", name="I'm back", exact=True).click()
        await expect(other.locator("#say")).to_have_text("Not connected.")
        await own.say("Not connected.")
        await story.start(port)
        await expect(other.locator("#say")).to_have_text("Not measuring right now.")
        await own.say("Not measuring right now.")
        await own.quiet()
        assert answers(story) == []


async def test_a_break_asked_for_in_one_tab_is_one_in_all(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        await own.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        other = await own.context.new_page()
        await other.goto(f"http://127.0.0.1:{port}/")
        await asked_alone(own, story)
        await expect(other.locator("#say")).to_have_text(BREAK)
        await own.tab.close()
        await story.start(port)
        await expect(other.get_by_role("button", name="More time")).to_be_visible()
        assert answers(story) == [("ada", A.START_BREAK)]


async def test_a_break_that_began_and_ended_elsewhere_is_over_here_too(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        await asked_alone(own, story)
        await story.clock.advance(60)
        for said in (A.START_BREAK, A.IM_BACK):
            now_ns = story.clock.now_ns()
            steps = [each for each in story.records if isinstance(each, BreakStep)]
            about = steps[-1].id if steps else ""
            story.take(Answer(wearer="ada", t_ns=now_ns, recv_ns=now_ns, answer=said, about=about))
            await story.clock.advance(60)
        now = datetime.fromtimestamp(story.clock.now_ns() / 1e9, UTC)
        await own.tab.clock.set_fixed_time(now)
        await story.start(port)
        await own.say("You came back.")
        assert answers(story) == [("ada", A.START_BREAK)], "it was heard"
        steps = [each for each in story.records if isinstance(each, BreakStep)]
        assert [each.phase for each in steps] == [BreakPhase.ON, BreakPhase.RETURNED]


async def test_a_tab_that_was_open_speaks_for_who_the_tablet_is_paired_with_now(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        await own.context.route("**/answer", lambda route: route.abort())
        await own.tap("I need a break")
        await expect(own.tab.locator("#sending")).to_contain_text("I can't pass that on yet.")
        story.row(State.SETTLED, wearer="sam")
        other = await own.context.new_page()
        await other.goto(story.page.pairing_url("sam"))
        await expect(other.locator("#say")).to_have_text("Measuring.")
        await own.say("Measuring.")
        await own.context.unroute("**/answer")
        await own.quiet()
        assert answers(story) == []


async def test_what_was_kept_speaks_for_nobody_else_also_where_the_pairing_reply_was_lost(
    browser: Browser, story: Story
) -> None:
    async def lost(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        await route.fetch()  # its cookie comes
        await route.abort()

    async with phone(browser, story) as own:
        port = story.page.port
        await asked_alone(own, story)
        await own.tab.goto("about:blank")
        await story.start(port)
        story.row(State.SETTLED, wearer="sam")
        await own.context.route("**/pair", lost)
        await own.tab.goto(story.page.pairing_url("sam"))
        await own.say("I could not reach your sensor box.")
        await own.tab.evaluate('document.dispatchEvent(new Event("visibilitychange"))')
        await own.say("Measuring.")
        await own.quiet()
        assert answers(story) == []
