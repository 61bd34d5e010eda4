"""The page as an app of the phone: it opens without a line, with what it has and no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_phone import phone
from vagalwatch.records import State

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

EXPECTED_WHILE_DOWN = re.compile(r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket|fetching")

IN_CACHES = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    kept[name] = (await (await caches.open(name)).keys()).map((each) => new URL(each.url).pathname);
  }
  return kept;
}"""


async def installed(own: Phone) -> dict[str, list[str]]:
    """Wait until the phone keeps the page; what it keeps, by cache."""
    await own.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept: dict[str, list[str]] = await own.tab.evaluate(IN_CACHES)
    return kept


async def test_it_opens_where_the_service_is_down(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await installed(own)
        await story.stop()
        await own.tab.reload()
        await own.say("Not connected.")
        await own.tab.get_by_text("Help", exact=True).click()
        await expect(own.tab.locator("#help-lines")).to_contain_text("no emergency service")
        await own.tap("Someone follows or blocks me")
        await own.say("Go where other people are, if you can.")
        assert [each for each in own.errors if not EXPECTED_WHILE_DOWN.search(each)] == []
        await story.start()


async def test_it_keeps_only_what_is_the_same_for_everybody(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        kept = await installed(own)
        await own.tap("Show my heart rate")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        assert await own.tab.evaluate(IN_CACHES) == kept
        (paths,) = kept.values()
        assert "/" in paths
        assert "/words.json" in paths
        assert not {"/live", "/answer", "/paused", "/pair#", "/sw.js"} & set(paths)
        assert own.errors == []


async def test_a_newer_page_takes_over_while_nobody_looks(browser: Browser, story: Story) -> None:
    port = story.page.port
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        (before,) = await installed(own)
        await story.stop()
        story.language = "de"
        await story.start(port)
        await own.tab.wait_for_function(
            "async (old) => !(await caches.keys()).includes(old)", arg=before
        )
        await own.say("Measuring.")  # what stands there is not torn from who reads it
        await own.tab.evaluate(
            """() => {
              Object.defineProperty(document, "hidden", { get: () => true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        await own.say("Messung läuft.")
