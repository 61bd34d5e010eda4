"""The page as an app of the phone: it opens without a line, with what it has and no more."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_phone import phone, picture
from vagalwatch.alerts import words
from vagalwatch.records import Answer, AnswerKind, EpisodeKind, Setting, State

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

EXPECTED_WHILE_DOWN = re.compile(r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket|fetching")

BREAK = re.compile(r"You asked for time\.\s+Back at 7:40")

IN_CACHES = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    kept[name] = (await (await caches.open(name)).keys()).map((each) => new URL(each.url).pathname);
  }
  return kept;
}"""


def answers(story: Story) -> list[Answer]:
    return [said for said in story.said if isinstance(said, Answer)]


def sets(story: Story, key: str, value: object) -> None:
    now_ns = story.clock.now_ns()
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=json.dumps(value)))


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
        await expect(own.tab.locator("footer")).to_contain_text("no emergency service")
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
        somebodys = {"/live", "/picture", "/answer", "/wish", "/own", "/history", "/record"}
        assert not (somebodys | {"/pair#", "/sw.js"}) & set(paths)
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
        seen = 'document.dispatchEvent(new Event("visibilitychange"))'
        await own.tab.evaluate(seen)  # somebody looks at it again
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


async def test_a_break_runs_on_where_the_page_is_opened_without_a_line(
    browser: Browser, story: Story
) -> None:
    sets(story, "own-step", "Sort my stamps.")
    sets(story, "agreed-place", "the kitchen")
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(BREAK)
        await installed(own)
        await story.stop()
        await own.tab.reload()
        await own.say(BREAK)
        await expect(own.tab.locator("#mark")).to_have_text("Not connected. I keep trying.")
        await expect(own.tab.locator("#step-text")).to_have_text(words.lines()["step.orient-blue"])
        await own.tab.get_by_text("Words to leave with").click()
        await picture(own, "60-break-opened-offline")
        kept = await own.tab.evaluate("JSON.stringify(localStorage)")
        assert "stamps" not in kept
        assert "kitchen" not in kept
        now_s = story.clock.now_ns() / 1e9
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(now_s + 21 * 60, UTC))
        await own.say(re.compile(r"It's 7:40"))
        await story.start()


async def test_a_break_said_without_a_line_is_kept_and_passed_on(
    browser: Browser, story: Story
) -> None:
    sets(story, "break-minutes", 30)
    async with phone(browser, story) as own:
        port = story.page.port
        await own.say("Not measuring right now.")
        await installed(own)
        await story.stop()
        await own.say("Not connected.")
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:50"))
        await expect(own.tab.locator("#notice")).to_contain_text("Only this page knows")
        await picture(own, "61-break-alone")
        await own.tab.reload()  # the app was closed and opened again
        await story.clock.advance(300)  # the time of return that was promised stays
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(story.clock.now_ns() / 1e9, UTC))
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:50"))
        await story.start(port)
        await expect(own.tab.locator("#notice")).to_be_empty()
        await own.say(re.compile(r"You asked for time\.\s+Back at 7:50"))
        await expect(own.tab.get_by_role("button", name="More time")).to_be_visible()
        assert [each.answer for each in answers(story)] == [AnswerKind.START_BREAK]
        await own.tab.wait_for_function(
            "() => [JSON.parse(localStorage.kept)].every((each) => !each.alone && !each.pending)"
        )


async def test_a_break_that_was_too_long_ago_is_not_begun_anew(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        await installed(own)
        await story.stop()
        await own.say("Not connected.")
        await own.tap("I need a break")
        await own.say(BREAK)
        await story.clock.advance(601)
        await own.tab.clock.set_fixed_time(datetime.fromtimestamp(story.clock.now_ns() / 1e9, UTC))
        await expect(own.tab.locator("#notice")).to_contain_text("I could not pass that on.")
        await story.start(port)
        await expect(own.tab.locator("#mark")).to_be_empty()
        await own.say(BREAK)  # the time that was promised stands
        assert answers(story) == []
        await own.tap("I'm back")
        await own.say("Not measuring right now.")


async def test_who_takes_a_break_back_before_anybody_heard_has_taken_none(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        port = story.page.port
        await own.say("Not measuring right now.")
        await story.stop()
        await own.say("Not connected.")
        await own.tap("I need a break")
        await own.say(BREAK)
        await own.tap("I'm back")
        await own.say("Not connected.")
        await story.start(port)
        await own.say("Not measuring right now.")
        await own.quiet()
        assert answers(story) == []


async def test_what_is_kept_goes_when_the_pairing_ends(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(BREAK)
        assert await own.tab.evaluate("localStorage.length") == 1
        story.page.unpair("ada")
        await own.say("This page is not paired yet.")
        assert await own.tab.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("clears", [False, True])
async def test_leaving_clears_it_for_who_wants_that(
    browser: Browser, story: Story, *, clears: bool
) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(BREAK)
        await own.tap("This device")
        await own.tab.get_by_label("It also clears").set_checked(clears)
        await own.context.route("https://**", lambda route: route.fulfill(body="weather"))
        await own.tab.get_by_role("link", name="Leave").click()
        await own.tab.wait_for_url("https://www.wikipedia.org/")
        other = await own.context.new_page()
        await other.goto(f"http://127.0.0.1:{story.page.port}/icon.svg")
        assert ("kept" in await other.evaluate("Object.keys(localStorage)")) != clears


async def test_who_left_is_forgotten_also_while_the_next_page_is_slow_to_come(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.tap("This device")
        await own.tab.get_by_label("It also clears").check()
        await own.context.route("https://**", lambda route: route.fulfill(status=204))  # stays here
        for _ in range(3):
            await own.tab.keyboard.press("Shift")
        assert await own.tab.evaluate("document.body") is None
        story.take(setting("break-minutes", "45", story))
        await own.quiet()
        kept = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
        assert await own.tab.evaluate(kept) == ["senses"]


def setting(key: str, value: str, story: Story) -> Setting:
    now_ns = story.clock.now_ns()
    return Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=value)


async def test_a_tab_that_was_open_before_the_pairing_comes_in(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story, wearer=None) as own:
        await own.say("This page is not paired yet.")
        second = await own.context.new_page()
        await second.goto(story.page.pairing_url("ada"))
        await own.say("Not measuring right now.")
        assert own.errors == []


@pytest.mark.parametrize(
    ("locale", "language", "time"),
    [
        ("en-US", "en", "7:40 PM"),
        ("en-GB", "en", "19:40"),
        ("de-DE", "en", "19:40"),
        ("de-DE", "de", "19:40"),
        ("en-US", "de", "7:40 PM"),
    ],
)
async def test_times_are_in_one_language(
    browser: Browser, story: Story, locale: str, language: str, time: str
) -> None:
    await story.stop()
    story.language = language
    await story.start()
    async with phone(browser, story, locale=locale) as own:
        await own.tab.locator("[data-answer=start-break]").click()
        on = words.lines(language)["break.on"].format(time=time)
        shown = re.escape(on).replace(r"\ ", r"\s+")
        await own.say(re.compile(shown))


async def test_a_phone_may_put_it_among_its_apps(browser: Browser, story: Story) -> None:
    """By Chromium's own judgement."""
    async with phone(browser, story) as own:
        await own.say("Not measuring right now.")
        await installed(own)
        asked = await own.context.new_cdp_session(own.tab)
        assert (await asked.send("Page.getAppManifest"))["errors"] == []
        found = await asked.send("Page.getInstallabilityErrors")
        # What a private window does not do; each context of a test is one.
        hindered = {each["errorId"] for each in found["installabilityErrors"]} - {"in-incognito"}
        assert hindered == set()


async def test_without_a_service_worker_it_is_a_page_all_the_same(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.context.add_init_script("delete Navigator.prototype.serviceWorker")
        await own.tab.reload()
        assert await own.tab.evaluate("'serviceWorker' in navigator") is False
        await own.tap("I need a break")
        await own.say(BREAK)
        assert own.errors == []


async def test_a_picture_asked_for_ahead_is_never_that_of_who_was_paired_before(
    browser: Browser, story: Story
) -> None:
    """It is asked for by the page's head, before the pairing code is handed in."""
    story.episode(EpisodeKind.FLOODING)
    story.row(State.SETTLED, wearer="sam")
    async with phone(browser, story) as own:
        await own.say("Your heart is fast for you.")
        await own.tab.goto("about:blank")
        own.frames.clear()
        seen: list[str] = []

        def saw(said: str) -> None:
            seen.append(said)

        await own.tab.expose_function("saw", saw)
        await own.tab.add_init_script(
            """addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
              saw(document.querySelector("#say").textContent);
            }).observe(document.querySelector("#say"), { childList: true }))"""
        )
        await own.tab.goto(story.page.pairing_url("sam"))
        await own.say("Measuring.")
        assert "Your heart is fast for you." not in seen
        assert "Measuring." in seen


async def test_the_first_picture_does_not_wait_for_the_line(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await own.tab.route_web_socket("**/live", lambda _: None)  # it opens, and nothing comes
        await own.tab.reload()
        await own.say("Measuring.")
        await own.tab.clock.resume()
        await own.say("Not connected.")


async def test_who_is_paired_next_sees_nothing_of_the_break_before(
    browser: Browser, story: Story
) -> None:
    """One browser, first ada's and then sam's; ada's break was known to the page alone."""
    async with phone(browser, story) as own:
        port = story.page.port
        await own.say("Not measuring right now.")
        await story.stop()
        await own.say("Not connected.")
        await own.tap("I need a break")
        await own.say(BREAK)
        await own.tab.goto("about:blank")
        await story.start(port)
        await own.tab.goto(story.page.pairing_url("sam"))
        await own.say("Not measuring right now.")
        await own.quiet()
        assert answers(story) == [], "nor is it begun for sam"
        assert "alone" not in await own.tab.evaluate("localStorage.kept")
