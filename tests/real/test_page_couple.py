"""Two people on two phones: what one sees of the other's break, and what never shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_couple import CoupleStory, attested, shares
from helpers_page import ticking
from helpers_phone import phone, picture
from vagalwatch.alerts import words
from vagalwatch.records import Answer, AnswerKind, EpisodeKind, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

A = AnswerKind


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[CoupleStory]:
    story = CoupleStory(tmp_path)
    await story.start()
    story.share()
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


async def who_sees_what(own: Phone) -> None:
    """Open the person's own consents."""
    await own.tap("Mine")
    await own.tap("Who sees what")
    await expect(own.tab.locator("#further h1")).to_have_text("Who sees what")


async def quiet(own: Phone) -> None:
    """There is nothing of the other on the page."""
    await expect(own.tab.locator("#say")).not_to_contain_text("Sam")
    await expect(own.tab.locator("body")).not_to_contain_text("Sam")


async def test_a_break_is_seen_from_its_acceptance_to_its_end(
    browser: Browser, story: CoupleStory
) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await ada.say("Measuring.")
        story.episode(EpisodeKind.FLOODING, "sam")
        await sam.say("Your heart is fast for you.")
        await ada.quiet()
        await ada.say("Measuring.")
        assert "sam" not in "".join(ada.frames).lower()

        await sam.tap("Yes")
        await sam.say(re.compile("You asked for time"))
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await expect(ada.tab.locator("#more")).to_have_text("You can rest too.")
        await expect(ada.tab.locator("#step-text")).to_contain_text("Sammy asked for time.")
        await expect(ada.tab.locator("#lines")).to_contain_text("Measuring.")
        await picture(ada, "60-partner-on")
        for sentence in ("A break is not about leaving you.", "Do one good thing for you now"):
            await ada.tap("Another small thing")
            await expect(ada.tab.locator("#step-text")).to_contain_text(sentence)

        await ada.tap("I heard")
        await expect(ada.tab.locator("#lines")).to_contain_text("You said: “I heard”.")
        await expect(ada.tab.get_by_role("button", name="I heard")).to_have_count(0)
        await expect(sam.tab.locator("#lines")).to_have_text("Heard.")
        await picture(sam, "61-break-heard")
        await picture(ada, "62-partner-told")

        await sam.tap("More time")
        await sam.say(re.compile(r"You took more time\.\s+Back at 8:00"))
        await ada.say("A new time: Sammy will check in at 8:00 PM.")
        await expect(sam.tab.locator("#lines")).to_be_hidden()
        await picture(ada, "63-partner-new-time")

        await goes_by(story, 40 * 60 + 10, ada, sam)
        await sam.say("Time is up.")
        await ada.say("A new time: Sammy will check in at 8:00 PM.")
        await goes_by(story, 5 * 60, ada, sam)
        await ada.say("No word yet.")
        await expect(ada.tab.locator("#more")).to_have_text("You don't have to wait.")
        await picture(ada, "64-partner-no-word")

        await sam.tap("I'm back")
        await ada.say("Sammy is back from the break.")
        await picture(ada, "65-partner-back")
        await ada.tap("Done")
        await quiet(ada)
        said = [(each.wearer, each.answer) for each in story.said if isinstance(each, Answer)]
        assert said == [
            ("sam", A.YES),
            ("ada", A.HEARD),
            ("sam", A.MORE_TIME),
            ("sam", A.IM_BACK),
            ("ada", A.HEARD),
        ]
        assert ada.errors == sam.errors == []


@pytest.mark.parametrize(
    ("button", "sentence", "name"),
    [
        ("Not today", "No more for today.", "66-partner-not-today"),
        ("Let it drop", "The break is over.", "67-partner-over"),
    ],
)
async def test_how_it_ended_is_what_the_wearer_said(
    browser: Browser, story: CoupleStory, button: str, sentence: str, name: str
) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await goes_by(story, 20 * 60 + 10, ada, sam)
        await sam.say("Time is up.")
        await sam.tap(button)
        await ada.say(sentence)
        await picture(ada, name)
        await goes_by(story, 601, ada, sam)
        await quiet(ada)
        assert ada.errors == sam.errors == []


async def test_no_break_now_is_said_and_why_is_not(browser: Browser, story: CoupleStory) -> None:
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
async def test_an_end_in_mid_break_is_silent(
    browser: Browser, story: CoupleStory, ends: str
) -> None:
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


async def test_a_restart_in_the_middle_shows_the_same(browser: Browser, story: CoupleStory) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await ada.tap("I heard")
        await expect(sam.tab.locator("#lines")).to_have_text("Heard.")
        port = story.page.port
        await story.stop()
        await ada.say("Not connected.")
        await quiet(ada)
        await story.start(port)
        await ada.say("Sammy is on a break and will check in at 7:40 PM.")
        await expect(ada.tab.locator("#lines")).to_contain_text("You said: “I heard”.")
        await expect(sam.tab.locator("#lines")).to_have_text("Heard.")


async def test_both_on_a_break_and_the_longer_time_counts_for_both(
    browser: Browser, story: CoupleStory
) -> None:
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await ada.tap("I need a break")
        await ada.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        story.episode(EpisodeKind.FLOODING, "sam")
        await sam.say("Your heart is fast for you.")
        await ada.quiet()
        await ada.say(re.compile(r"You asked for time\.\s+Back at 7:40"))
        await sam.tap("Yes")
        await sam.tap("More time")
        await sam.say(re.compile(r"You took more time\.\s+Back at 8:00"))
        await ada.say(re.compile(r"This break is longer now\.\s+Back at 8:00"))
        await expect(ada.tab.locator("#lines")).to_contain_text("Sammy will check in at 8:00 PM.")
        await picture(ada, "69-both-on-a-break")
        await ada.tap("I'm back")
        await ada.say("You came back.")
        await ada.tap("Done")
        await ada.say("A new time: Sammy will check in at 8:00 PM.")
        await sam.say(re.compile("You took more time"))
        assert ada.errors == sam.errors == []


async def test_a_prompt_and_a_fall_go_before_what_the_other_does(
    browser: Browser, story: CoupleStory
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


async def test_each_agrees_and_ends_it_on_their_own_page(
    browser: Browser, story: CoupleStory
) -> None:
    for setting in attested("ada", "sam", story.clock.now_ns()):  # anew: nothing is agreed to yet
        story.take(setting)
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap("I need a break")
        await sam.say(re.compile("You asked for time"))
        await ada.quiet()
        await quiet(ada)
        await sam.tap("I'm back")
        await sam.tap("Done")
        await who_sees_what(sam)
        yes = sam.tab.get_by_label("They may see when I am on a break")
        await yes.check()
        await expect(sam.tab.locator("#further [role=status]")).to_have_text("Kept.")
        await picture(sam, "71-consents-of-two")
        await sam.tap("Back")
        await sam.tap("I need a break")
        await ada.say("sam is on a break and will check in at 7:40 PM.")

        await who_sees_what(sam)
        await sam.tab.get_by_text("End the link of you two").click()
        await picture(sam, "72-end-the-link")
        await sam.tap("End it now")
        await ada.say("Measuring.")
        await expect(yes).to_have_count(0)
        await quiet(ada)
        assert story.couples.partner("ada") == ""

        await who_sees_what(ada)
        theirs = ada.tab.get_by_text("My partner, if a link was set up for us (sam)")
        await expect(theirs).to_be_visible()  # as before: that it has ended does not show
        assert ada.errors == sam.errors == []


async def test_in_german_too(browser: Browser, story: CoupleStory) -> None:
    await story.stop()
    story.language = "de"
    await story.start()
    async with phone(browser, story) as ada, phone(browser, story, "sam") as sam:
        await sam.tap(words.lines("de")["answer.start-break"])
        await ada.say(re.compile("Sammy macht eine Pause und meldet sich um 7:40"))
        await picture(ada, "70-partner-german")
        assert ada.errors == []
