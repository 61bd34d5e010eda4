"""A further screen of the page: it gives way, and never hides the way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_phone import SHOTS, phone, picture
from vagalwatch.records import EpisodeKind, Setting, State

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from helpers_page import Story

pytestmark = pytest.mark.real


def paused(story: Story) -> list[str]:
    return [each.value for each in story.said if isinstance(each, Setting) and each.key == "paused"]


async def test_this_device_opens_goes_dark_and_closes(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tap("This device")
        await expect(own.tab.get_by_role("heading", name="This device")).to_be_visible()
        await expect(own.tab.locator("#now")).to_be_hidden()
        await picture(own, "50-device")
        await own.tab.emulate_media(color_scheme="light")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = await own.tab.evaluate(ground)
        await own.tab.get_by_label("At all times").check()
        assert await own.tab.evaluate(ground) != light
        await own.tap("Back")
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        assert await own.tab.evaluate("document.activeElement.id") == "say"
        assert own.errors == []


@pytest.mark.parametrize("kind", [EpisodeKind.FLOODING, EpisodeKind.SAFETY])
async def test_a_question_takes_the_screen_back(
    browser: Browser, story: Story, kind: EpisodeKind
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.tap("This device")
        await expect(own.tab.locator("#further")).to_be_visible()
        story.episode(kind)
        await expect(own.tab.locator("#now")).to_be_visible()
        await expect(own.tab.locator("#further")).to_be_hidden()
        await expect(own.tab.get_by_role("button", name="This device")).to_be_hidden()
        assert own.errors == []


async def test_a_break_that_begins_elsewhere_takes_it_and_one_that_runs_lends_it(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        second = await own.context.new_page()
        await second.goto(f"http://127.0.0.1:{story.page.port}/")
        await own.tap("This device")
        await second.get_by_role("button", name="I need a break").click()
        await own.say(re.compile("You asked for time"))
        await own.tap("This device")
        await own.quiet()
        await expect(own.tab.locator("#further")).to_be_visible()
        await story.move(20 * 60 + 10)
        await own.say("Time is up.")
        await expect(own.tab.locator("#further")).to_be_hidden()


async def test_everything_is_paused_in_one_tap_and_goes_on_in_one(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tap("Pause it all")
        await own.say("Paused.")
        await expect(own.tab.locator("#lines")).to_contain_text("I still measure.")
        await expect(own.tab.get_by_role("button", name="Pause it all")).to_be_hidden()
        await picture(own, "51-paused")
        assert paused(story) == ["true"]
        with pytest.raises(StopIteration):
            story.episode(EpisodeKind.FLOODING)
        await own.quiet()
        await own.say("Paused.")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await expect(own.tab.locator("#mark")).to_have_text("Paused. I ask nothing of you.")
        await own.tap("I'm back")
        await own.tap("Done")
        await own.tap("Go on")
        await own.say("Your heart is fast for you.")
        assert paused(story) == ["true", "false"]
        assert own.errors == []


async def test_a_fall_is_told_while_everything_is_paused(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.tap("Pause it all")
        await own.say("Paused.")
        story.episode(EpisodeKind.SAFETY)
        await own.say("Your heart slowed fast. Sit or lie down now.")


async def test_a_break_begins_from_a_further_screen_too(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tap("This device")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await own.tap("This device")
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_hidden()
        assert own.errors == []


async def test_leaving_is_one_move_from_a_further_screen(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.context.route("https://**", lambda route: route.fulfill(body="weather"))
        await own.tap("This device")
        await own.tab.get_by_label("A count").focus()
        for _ in range(3):
            await own.tab.keyboard.press("Shift")
        await own.tab.wait_for_url("https://www.wikipedia.org/")


async def test_by_keyboard_the_way_out_is_first_and_each_control_is_reached_in_order(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tab.get_by_role("button", name="This device").focus()
        await own.tab.keyboard.press("Enter")
        await expect(own.tab.get_by_role("button", name="Back")).to_be_focused()
        await own.tab.keyboard.press("Shift+Tab")
        await expect(own.tab.get_by_role("link", name="Leave")).to_be_focused()
        reached = []
        focused = """() => {
          const now = document.activeElement;
          return now.labels?.[0]?.textContent ?? now.textContent.trim();
        }"""
        for _ in range(12):
            await own.tab.keyboard.press("Tab")
            reached.append(await own.tab.evaluate(focused))
        assert reached[0] == "Back"
        in_order = ["A shape", "As always", "A soft tone", "A soft light", "When my phone is"]
        assert [each for each in reached if each in in_order] == in_order
        assert reached.index("I need a break") < reached.index("This device")
        assert own.errors == []


async def test_it_fits_a_small_phone(browser: Browser, story: Story) -> None:
    """320 px wide, with targets of 48 px (WCAG 1.4.10, and more than 2.5.8 asks)."""
    story.row(State.SETTLED)
    async with phone(browser, story, width=320, touch=True) as own:
        await own.say("Measuring.")
        await own.tap("This device")
        await expect(own.tab.get_by_label("A soft buzz")).to_be_visible()
        await own.tab.screenshot(path=SHOTS / "53-device-small.png", full_page=True)
        assert await own.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        targets = await own.tab.locator("button:visible, label:visible, summary:visible").all()
        sizes = [await each.bounding_box() for each in targets]
        assert len(sizes) > 10
        assert all(box and box["width"] >= 48 and box["height"] >= 48 for box in sizes)
