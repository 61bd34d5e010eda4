"""Two people on two phones: what one sees of the other's break, and what never shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_couple import shares, sharing
from helpers_own import OwnStory
from helpers_page import ticking
from helpers_phone import phone, picture
from vagalwatch.alerts import words
from vagalwatch.records import EpisodeKind, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[OwnStory]:
    story = OwnStory(tmp_path)
    await story.start()
    for setting in sharing(story.clock.now_ns()):
        story.take(setting)
    for wearer in ("ada", "sam"):
        story.row(State.SETTLED, wearer=wearer)
    with ticking(story):
        yield story
    await story.stop()
    story.journal.close()


async def goes_by(story: Story, seconds: float, *phones: Phone) -> None:
    """Time passes for the house and for the phones."""
    await story.move(seconds)
    now = datetime.fromtimestamp(story.clock.now_ns() / 1e9, UTC)
    for own in phones:
        await own.tab.clock.set_fixed_time(now)


async def quiet(own: Phone) -> None:
    """There is nothing of the other on the page."""
    await expect(own.tab.locator("#say")).not_to_contain_text("Sam")
    await expect(own.tab.locator("body")).not_to_contain_text("Sam")


async def test_how_it_ended_is_what_the_wearer_said(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await goes_by(story, 20 * 60 + 10, ada, sam)
        await sam.say("Time is up.")
        await sam.tap("Let it drop")
        await ada.say("The break is over.")
        await picture(ada, "67-partner-over")
        await goes_by(story, 601, ada, sam)
        await quiet(ada)
        assert ada.errors == sam.errors == []


async def test_no_break_now_is_said_and_why_is_not(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        story.episode(EpisodeKind.FLOODING, "sam")
        await sam.tap("Yes")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await sam.tab.get_by_text("Something else").click()
        await sam.tap("No break now")
        await ada.say("No break now.")
        await picture(ada, "68-partner-cancelled")
        assert ada.errors == []


@pytest.mark.parametrize("ends", ["withdrawn", "erased"])
async def test_an_end_in_mid_break_is_silent(browser: Browser, story: OwnStory, ends: str) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        if ends == "withdrawn":
            story.take(shares("sam", story.clock.now_ns(), yes=False))
        else:
            story.page.forget("sam")
        await ada.say("Measuring.")
        await quiet(ada)
        await expect(ada.tab.locator("#notice")).to_be_hidden()
        if ends == "withdrawn":
            await sam.say(re.compile("You asked for time"))
            await sam.tap("I'm back")
            await sam.say("You came back.")
        await ada.quiet()
        await quiet(ada)
        assert ada.errors == []


async def test_a_prompt_and_a_fall_go_before_what_the_other_does(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        story.episode(EpisodeKind.FLOODING, "ada")
        await ada.say("Your heart is fast for you.")
        await quiet(ada)
        story.episode(EpisodeKind.SAFETY, "ada")
        await ada.say("Your heart slowed fast. Sit or lie down now.")
        await quiet(ada)
        await ada.tap("I'm fine")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        assert ada.errors == []


async def test_in_german_too(browser: Browser, story: OwnStory) -> None:
    await story.stop()
    story.language = "de"
    await story.start()
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap(words.lines("de")["answer.start-break"])
        await ada.say(re.compile("Sammy macht eine Pause und meldet sich um 7:40"))
        await picture(ada, "70-partner-german")
        assert ada.errors == []
