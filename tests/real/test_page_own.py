"""What belongs to the person, in a real browser: read, say no, set, look back, take along."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_couple import attested, link
from helpers_own import OwnStory
from helpers_page import WEARERS, ticking
from helpers_phone import phone, picture
from vagalwatch.alerts import consents, words
from vagalwatch.alerts.couple import LINK, SENTENCE, Link, link_value
from vagalwatch.records import Alert, EpisodeKind, Gap, GapReason, Setting, State, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Route

    from helpers_phone import Phone

pytestmark = pytest.mark.real

EXPECTED_WHILE_DOWN = re.compile(r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket|fetching")
LOOKED = "I heard nothing back. This is what holds now."
NOT_KNOWN = "I heard nothing back, so I can't tell what holds now. Look here again in a while."
MINE = ["first", "share", "ask", "agree", "steps", "call", "weeks", "copy", "limits"]


@asynccontextmanager
async def _told(story: OwnStory) -> AsyncIterator[OwnStory]:
    await story.start()
    with ticking(story):
        yield story
    await story.stop()
    story.journal.close()


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[OwnStory]:
    async with _told(OwnStory(tmp_path)) as story:
        yield story


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[OwnStory]:
    """Nobody has read what is measured yet."""
    async with _told(OwnStory(tmp_path, first_run=True)) as story:
        yield story


def wishes(story: OwnStory) -> list[tuple[str, object]]:
    """What came in, as key and value."""
    return [(each.key, json.loads(each.value)) for each in story.said if isinstance(each, Setting)]


async def came(story: OwnStory, *wish: tuple[str, object]) -> None:
    """Wait until these came last."""
    async with asyncio.timeout(10):
        while wishes(story)[-len(wish) :] != [*wish]:
            story.heard.clear()
            await story.heard.wait()


async def heading(own: Phone, text: str) -> None:
    await expect(own.tab.locator("#further h1")).to_have_text(text)


async def told(own: Phone, text: str) -> None:
    await expect(own.tab.locator("#further [role=status]")).to_have_text(text)


async def mine(own: Phone, name: str) -> None:
    """Open one of the person's own screens."""
    await own.tap("Mine")
    await heading(own, "Mine")
    await own.tap(name)


# --- the first run ------------------------------------------------------------------------------


async def test_who_comes_first_reads_what_is_measured_and_may_say_yes(
    browser: Browser, newcomer: OwnStory
) -> None:
    newcomer.row(State.SETTLED)
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        further = own.tab.locator("#further")
        for said in ("No one watches", "A court can ask", "Set this up alone.", "“home-data”"):
            await expect(further).to_contain_text(said)
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        await picture(own, "60-first-run")
        assert wishes(newcomer) == [], "nothing is agreed to by looking"
        await own.tab.get_by_role("button", name="Yes", exact=True).click()
        await heading(own, "Who sees what")
        boxes = own.tab.get_by_role("checkbox")
        assert await boxes.count() >= 3
        for box in await boxes.all():
            await expect(box).not_to_be_checked()
        await picture(own, "61-first-run-consents")
        await own.tap("Next")
        await expect(further).to_contain_text("You can skip them.")
        await picture(own, "62-first-run-body")
        await own.tap("Done")
        await own.say("Measuring.")
        assert wishes(newcomer) == [("consent-measure", {"to": ["body"], "text": 1})]
        await own.tab.reload()
        await own.say("Measuring.")
        await own.quiet()
        await expect(further).to_be_hidden()
        assert own.errors == []


async def test_who_says_no_is_not_asked_again(browser: Browser, newcomer: OwnStory) -> None:
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        await own.tab.get_by_role("button", name="No", exact=True).click()
        await expect(own.tab.locator("#further")).to_be_hidden()
        assert wishes(newcomer) == [("consent-measure", {"to": [], "text": 1})]
        await own.tab.reload()
        await own.quiet()
        await expect(own.tab.locator("#further")).to_be_hidden()
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        assert own.errors == []


async def test_who_says_nothing_is_asked_again_and_later_is_an_answer_for_now(
    browser: Browser, newcomer: OwnStory
) -> None:
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        await own.tab.reload()
        await heading(own, "It measures your body, not your feelings.")
        await own.tap("Later")
        await own.tab.reload()
        await own.quiet()
        await expect(own.tab.locator("#further")).to_be_hidden()
        await own.tap("What it measures")
        await heading(own, "It measures your body, not your feelings.")
        assert wishes(newcomer) == []


@pytest.mark.parametrize("where", ["this tab", "another tab"])
async def test_later_is_an_answer_of_one_person_and_not_of_who_is_paired_next(
    browser: Browser, newcomer: OwnStory, where: str
) -> None:
    async with phone(browser, newcomer, "ada") as own:
        await heading(own, "It measures your body, not your feelings.")
        await own.tap("Later")
        tab = own.tab if where == "this tab" else await own.context.new_page()
        if where == "this tab":
            await tab.goto("about:blank")
        await tab.goto(newcomer.page.pairing_url("sam"))
        await heading(own, "It measures your body, not your feelings.")
        assert own.errors == []


@pytest.mark.parametrize("kind", [EpisodeKind.FLOODING, EpisodeKind.SAFETY])
async def test_the_first_run_gives_way_to_what_asks(
    browser: Browser, newcomer: OwnStory, kind: EpisodeKind
) -> None:
    newcomer.row(State.SETTLED)
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        newcomer.episode(kind)
        await expect(own.tab.locator("#further")).to_be_hidden()
        await own.say(re.compile("Your heart"))
        assert own.errors == []


async def test_a_break_begins_from_the_first_run_too(browser: Browser, newcomer: OwnStory) -> None:
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await expect(own.tab.locator("#further")).to_be_hidden()


async def test_questions_of_health_are_kept_as_what_they_change(
    browser: Browser, newcomer: OwnStory
) -> None:
    async with phone(browser, newcomer) as own:
        await own.tab.get_by_role("button", name="Yes", exact=True).click()
        await own.tap("Next")
        beta = own.tab.get_by_role("group", name=re.compile("beta blocker"))
        holds = own.tab.get_by_role("group", name=re.compile("Is one of these true"))
        await beta.get_by_label("Yes").check()
        await told(own, "Kept.")
        for answer, value in (("Yes", False), ("Rather not say", False), ("No", True)):
            await holds.get_by_label(answer, exact=True).check()
            await came(newcomer, ("holds-ok", value))
        assert ("beta-blocker", True) in wishes(newcomer)
        assert {key for key, _ in wishes(newcomer)} == {
            "consent-measure",
            "beta-blocker",
            "holds-ok",
        }
        assert own.errors == []


# --- sharing, settings --------------------------------------------------------------------------


async def test_a_consent_is_taken_back_as_easily_as_given(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        await heading(own, "Who sees what")
        seen = own.tab.get_by_role("group", name="Who can see it now")
        await expect(seen).to_contain_text("“vagalwatch”")
        box = own.tab.get_by_label(re.compile("They may see how my body does"))
        await box.check()
        await told(own, "Kept.")
        await expect(seen).to_contain_text("They may see how my body does")
        await picture(own, "63-sharing")
        await box.uncheck()
        await expect(seen).not_to_contain_text("They may see how my body does")
        assert wishes(story) == [
            ("consent-mqtt", {"to": ["state"], "text": 1}),
            ("consent-mqtt", {"to": [], "text": 1}),
        ]
        assert own.errors == []


async def test_who_is_linked_is_asked_for_the_name_that_the_other_reads(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        await expect(own.tab.get_by_label("Which name")).to_have_count(0)
        for wearer, partner in (WEARERS, WEARERS[::-1]):
            value = link_value(Link(partner, "dr-b", "2026-05-01", SENTENCE))
            now_ns = story.clock.now_ns()
            story.take(Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=LINK, value=value))
        await mine(own, "Who sees what")
        await expect(
            own.tab.get_by_role("group", name=re.compile(r"My partner.*\(sam\)"))
        ).to_be_visible()
        await own.tab.get_by_label("Which name").fill("Addie")
        await own.tab.get_by_label("Which name").blur()
        await came(story, ("name-for-partner", "Addie"))
        await picture(own, "74-sharing-linked")
        assert own.errors == []


def gives(story: OwnStory, *purposes: str) -> None:
    """Agreed to on another device."""
    key, now_ns = "consent-home-assistant", story.clock.now_ns()
    value = consents.value_of(key, {*purposes}, 1)
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=value))


async def test_two_consents_taken_back_one_right_after_the_other_are_both_taken_back(
    browser: Browser, story: OwnStory
) -> None:
    gives(story, "break", "button", "state")
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        home = own.tab.get_by_role("group", name="Home Assistant")
        await home.evaluate(
            "(box) => [2, 0].forEach((n) => box.querySelectorAll('input')[n].click())"
        )
        await came(
            story,
            ("consent-home-assistant", {"to": ["break", "button"], "text": 1}),
            ("consent-home-assistant", {"to": ["button"], "text": 1}),
        )
        assert own.errors == []


async def test_what_was_taken_back_on_another_device_is_not_given_again_by_an_old_screen(
    browser: Browser, story: OwnStory
) -> None:
    gives(story, "break", "state")
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        boxes = own.tab.get_by_role("group", name="Home Assistant").get_by_role("checkbox")
        await expect(boxes.nth(2)).to_be_checked()
        await own.context.route("**/own", lambda route: route.abort())  # the screen stays old
        gives(story)  # nothing any more, elsewhere
        await boxes.nth(1).check()
        await came(story, ("consent-home-assistant", {"to": ["button"], "text": 1}))
        assert [each for each in own.errors if "ERR_FAILED" not in each] == []


async def test_what_another_device_sets_shows_in_its_place_and_takes_no_tap_meant_for_before(
    browser: Browser, story: OwnStory
) -> None:
    gives(story, "break", "state")
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        boxes = own.tab.get_by_role("group", name="Home Assistant").get_by_role("checkbox")
        await boxes.nth(2).focus()
        places = "[...document.querySelectorAll('#further input')].map((e) => e.offsetTop)"
        before = await own.tab.evaluate(places)
        # The very moment that the box turns, somebody who wants to take it back taps it.
        await boxes.nth(2).evaluate("(box) => box.addEventListener('holds', () => box.click())")
        gives(story, "break")
        await told(own, words.lines()["own.turned"])
        await expect(boxes.nth(2)).not_to_be_checked()
        await expect(boxes.nth(2)).to_be_focused()
        await expect(boxes.nth(0)).to_be_checked()
        assert await own.tab.evaluate(places) == before
        assert wishes(story) == [], "nothing was given that somebody wanted to take back"
        await picture(own, "78-turned-elsewhere")
        await expect(own.tab.get_by_role("group", name="Who can see it now")).not_to_contain_text(
            "body does"
        )
        assert own.errors == []


async def test_a_screen_that_asked_about_one_partner_gives_nothing_to_another(
    browser: Browser, story: OwnStory
) -> None:
    for setting in attested("ada", "sam", story.clock.now_ns()):
        story.take(setting)
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        partner = own.tab.get_by_role("group", name=re.compile(r"\(sam\)$"))
        box = partner.get_by_role("checkbox").first
        await expect(box).not_to_be_checked()
        await own.context.route("**/own", lambda route: route.abort())  # the screen stays old
        story.take(link("ada", "bo", story.clock.now_ns()))
        await box.click()
        await told(own, "I can't take that. It stays as it was.")
        await expect(box).not_to_be_checked()
        assert wishes(story) == []


@asynccontextmanager
async def lost_answers(own: Phone, *, taken: bool = True) -> AsyncIterator[None]:
    """Wishes whose answer is lost; or the wish too, where it is not ``taken``."""

    async def lost(route: Route) -> None:
        if taken:
            await route.fetch()
        await route.abort()

    await own.tab.route("**/wish", lost)
    yield
    await own.tab.unroute("**/wish")
    own.errors[:] = [error for error in own.errors if "ERR_FAILED" not in error]


async def test_a_consent_whose_answer_was_lost_shows_as_the_service_has_it(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        box = own.tab.get_by_label(re.compile("They may see how my body does"))
        async with lost_answers(own):
            await box.click()
            await told(own, LOOKED)
        await expect(box).to_be_checked()
        await picture(own, "75-answer-lost")
        async with lost_answers(own, taken=False):
            await box.click()
            await told(own, LOOKED)
        await expect(box).to_be_checked()
        assert wishes(story) == [("consent-mqtt", {"to": ["state"], "text": 1})]
        assert own.errors == []


async def test_what_holds_is_not_known_where_nothing_can_be_read_and_shows_with_the_next_answer(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "How it asks")
        prompts = own.tab.get_by_label("How many times a day")
        await own.tab.route("**/own", lambda route: route.abort())
        async with lost_answers(own):
            await prompts.select_option("1")
            await told(own, NOT_KNOWN)
            await picture(own, "76-not-known")
        await own.tab.unroute("**/own")
        await own.tab.get_by_label(re.compile("Tell me when my heart")).uncheck()
        await told(own, LOOKED)
        await expect(prompts).to_have_value("1")
        await expect(own.tab.get_by_label(re.compile("Tell me when my heart"))).not_to_be_checked()


async def test_a_tap_too_many_is_told_and_jumps_back(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "Who sees what")
        await own.tab.route("**/wish", lambda route: route.fulfill(status=429))
        box = own.tab.get_by_label(re.compile("They may see how my body does"))
        await box.click()
        await told(own, words.lines()["own.too-many"])
        await expect(box).not_to_be_checked()
        await picture(own, "77-too-many")


async def test_a_yes_to_measuring_whose_answer_was_lost_goes_on_from_there(
    browser: Browser, newcomer: OwnStory
) -> None:
    async with phone(browser, newcomer) as own:
        await heading(own, "It measures your body, not your feelings.")
        async with lost_answers(own):
            await own.tab.get_by_role("button", name="Yes", exact=True).click()
            await heading(own, "Who sees what")
        assert wishes(newcomer) == [("consent-measure", {"to": ["body"], "text": 1})]


async def test_an_answer_of_health_stands_through_a_failed_tap_and_through_rather_not_say(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "How it asks")
        beta = own.tab.get_by_role("group", name=re.compile("beta blocker"))
        await beta.get_by_label("Yes").check()
        await told(own, "Kept.")
        await own.tab.route("**/own", lambda route: route.abort())
        async with lost_answers(own, taken=False):
            await beta.get_by_label("No", exact=True).click()
            await told(own, NOT_KNOWN)
        await expect(beta.get_by_label("Yes")).to_be_checked()
        await own.tab.unroute("**/own")
        await beta.get_by_label("Rather not say").click()
        await told(own, "It stays as you said before.")
        await expect(beta.get_by_label("Yes")).to_be_checked()
        await picture(own, "77-health-stands")
        assert wishes(story) == [("beta-blocker", True)]


async def test_what_is_set_is_kept_at_once_and_there_when_looked_at_again(
    browser: Browser, story: OwnStory
) -> None:
    async with phone(browser, story) as own:
        await mine(own, "How it asks")
        await own.tab.get_by_label("How many times a day").select_option("1")
        await told(own, "Kept.")
        await own.tab.get_by_label("From").fill("22:00")
        await own.tab.get_by_label("To", exact=True).fill("07:00")
        await own.tab.get_by_label("To", exact=True).blur()
        hours = {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}
        await came(story, ("quiet-hours", hours))
        await own.tab.get_by_label(re.compile("Tell me when my heart")).uncheck()
        await came(story, ("safety-alerts", False))
        await own.tap("For two hours")
        await expect(own.tab.locator("#further")).to_contain_text("No questions until")
        await picture(own, "64-asking")
        await own.tap("Ask again")
        await expect(own.tab.get_by_role("button", name="For two hours")).to_be_visible()
        assert wishes(story)[-1] == ("mute-until", None)
        await own.tab.reload()
        await mine(own, "How it asks")
        await expect(own.tab.get_by_label("How many times a day")).to_have_value("1")
        await expect(own.tab.get_by_label("From")).to_have_value("22:00")
        await expect(own.tab.get_by_label(re.compile("Tell me when my heart"))).not_to_be_checked()
        assert own.errors == []


async def test_one_quiet_hour_is_not_cleared_alone(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "How it asks")
        begin, end = own.tab.get_by_label("From"), own.tab.get_by_label("To", exact=True)
        await begin.fill("22:00")
        await begin.blur()
        await told(own, "I need both times, from and to.")
        await expect(begin).to_have_value("22:00")
        await end.fill("07:00")
        await end.blur()
        await told(own, "Kept.")
        await end.fill("")
        await end.blur()
        await told(own, "I need both times, from and to.")
        await expect(end).to_have_value("07:00")
        await picture(own, "78-quiet-hours-both")
        await begin.fill("23:00")
        await begin.blur()
        await told(own, "Kept.")
        await own.tap("No such hours")
        await expect(end).to_have_value("")
        zone = {"zone": "Europe/Berlin"}
        assert wishes(story) == [
            ("quiet-hours", {"from": "22:00", "to": "07:00"} | zone),
            ("quiet-hours", {"from": "23:00", "to": "07:00"} | zone),
            ("quiet-hours", None),
        ]
        assert own.errors == []


async def test_what_was_agreed_on_shows_in_the_break(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "What we agree on at a good time")
        await own.tab.get_by_label("Where do you go?").fill("the attic")
        await own.tab.get_by_label("Where do you go?").blur()
        await came(story, ("agreed-place", "the attic"))
        await own.tab.get_by_label("Who checks in?").select_option("both")
        await own.tab.get_by_label("How long, at the least?").select_option("45")
        await came(story, ("break-minutes", 45))
        await picture(own, "65-agreement")
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 8:05"))
        await own.tab.get_by_text("What you agreed on").click()
        await expect(own.tab.locator("#folded")).to_contain_text("I go here: the attic")
        await expect(own.tab.locator("#folded")).to_contain_text("We both check in.")
        assert own.errors == []


async def test_steps_are_chosen_and_left_out(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "Small steps")
        await own.tab.get_by_label(re.compile("Name five blue things")).select_option("never")
        await came(story, ("steps-left-out", ["orient-blue"]))
        await own.tab.get_by_label(re.compile("Close your eyes")).select_option("wanted")
        await came(story, ("steps-chosen", ["eyes-closed"]))
        await own.tab.get_by_label(re.compile("What takes you in")).fill("my stamps")
        await own.tab.get_by_label(re.compile("What takes you in")).press("Enter")
        await came(story, ("own-step", "my stamps"))
        await picture(own, "66-steps")
        await own.tap("I need a break")
        await expect(own.tab.locator("#step-text")).to_have_text("my stamps")
        assert own.errors == []


async def test_help_is_called_by_the_number_that_was_set(browser: Browser, story: OwnStory) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await mine(own, "Whom to call")
        await own.tab.get_by_label(re.compile("Which number calls help")).fill("call me")
        await own.tab.get_by_label(re.compile("Which number calls help")).blur()
        await told(own, "I can't take that. It stays as it was.")
        await expect(own.tab.get_by_label(re.compile("Which number calls help"))).to_have_value("")
        for label, typed in (
            (re.compile("Which number calls help"), "911"),
            (re.compile("Who can come"), "Kim"),
            (re.compile("Their number"), "+49 30 12"),
        ):
            await own.tab.get_by_label(label).fill(typed)
            await own.tab.get_by_label(label).blur()
            await came(story, (story_key(label), typed))
        await picture(own, "67-calling")
        own.errors[:] = [error for error in own.errors if "400" not in error]
        story.episode(EpisodeKind.SAFETY)
        await own.say("Your heart slowed fast. Sit or lie down now.")
        calls = own.tab.locator("#answers a")
        assert [await each.get_attribute("href") for each in await calls.all()] == [
            "tel:911",
            "tel:+493012",
        ]
        await expect(calls.nth(1)).to_have_text("Call Kim")
        await picture(own, "68-safety-with-numbers")
        assert own.errors == []


def story_key(label: re.Pattern[str]) -> str:
    keys = {"Which": "help-number", "Who": "contact-name", "Their": "contact-number"}
    return keys[label.pattern.split()[0]]


# --- looking back -------------------------------------------------------------------------------


async def a_month(story: OwnStory) -> None:
    """Hours of yesterday and today, with a prompt declined, a break, and a fall."""
    now_ns = story.clock.now_ns()
    hour = 3600 * 10**9
    for begin, end in ((-500, -30), (-25, -6), (-1, -1)):
        story.take(
            Gap(
                wearer="ada",
                source="strap",
                stream=Stream.HEART,
                t_ns=now_ns + begin * hour,
                recv_ns=now_ns + end * hour,
                reason=GapReason.OFF_BODY,
                end_ns=now_ns + end * hour,
            )
        )
    fall = Alert(
        wearer="ada",
        t_ns=now_ns - 3 * hour,
        recv_ns=now_ns - 3 * hour,
        id="fall",
        alert=EpisodeKind.SAFETY,
        onset_ns=0,
        valid_until_ns=now_ns - 2 * hour,
    )
    story.journal.append(fall)
    story.row(State.SETTLED)
    await story.written()


async def test_the_last_weeks_show_what_was_and_gaps_as_gaps(
    browser: Browser, story: OwnStory
) -> None:
    await a_month(story)
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.tap("I'm back")
        await own.tap("A few questions, or skip")
        await own.tap("Better")
        await own.tap("Yes, a bit")
        await own.tab.get_by_label("What set it off?").fill("the bins")
        await own.tap("Keep this")
        await own.say("You came back.")
        await mine(own, "My last weeks")
        further = own.tab.locator("#further")
        await expect(further).to_contain_text("Monday, May 4")
        await expect(further).to_contain_text("Your heart slowed fast")
        await expect(further).to_contain_text("For 26 days, nothing was measured.")
        await own.tab.get_by_text("Who can see it now").click()
        await expect(further).to_contain_text("“home-data”")
        await own.tab.get_by_text("A break you asked for").click()
        told_of = ("It took less than a minute.", "You came back.", "You said: Better")
        for said in (*told_of, "What set it off: the bins"):
            await expect(further).to_contain_text(said)
        text = await further.inner_text()
        assert not re.search("bpm|beats|score|streak", text)
        await picture(own, "69-weeks")
        assert own.errors == []


async def test_where_gaps_were_too_many_to_read_the_time_measured_is_told_as_not_known(
    browser: Browser, story: OwnStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vagalwatch.web.own.RECORDS_READ", 1)
    await a_month(story)
    async with phone(browser, story) as own:
        await mine(own, "My last weeks")
        further = own.tab.locator("#further")
        await expect(further).to_contain_text("How long was measured is not known.")
        await expect(further).not_to_contain_text("nothing was measured")
        await picture(own, "70b-weeks-not-known")
        assert own.errors == []


async def test_an_empty_record_says_so(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "My last weeks")
        await expect(own.tab.locator("#further")).to_contain_text("Nothing here yet.")
        await picture(own, "70-weeks-empty")


async def test_a_copy_of_the_record_comes_with_one_tap(browser: Browser, story: OwnStory) -> None:
    await a_month(story)
    async with phone(browser, story) as own:
        await mine(own, "A copy of my record")
        await expect(own.tab.locator("#further")).to_contain_text("“vagalwatch erase”")
        await picture(own, "71-copy")
        async with own.tab.expect_download() as coming:
            await own.tab.get_by_role("link", name="Get the file").click()
        download = await coming.value
        assert download.suggested_filename == "my-record.zip"
        with zipfile.ZipFile(await download.path()) as file:
            assert file.testzip() is None
            gaps = list(csv.DictReader(io.StringIO(file.read("gaps.csv").decode())))
            assert len(gaps) == 3


async def test_limits_are_a_page_of_their_own_in_help(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await own.tab.get_by_text("Help", exact=True).click()
        await own.tap("What it is for, and what not")
        await heading(own, "What it is for, and what not")
        await expect(own.tab.locator("#further")).to_contain_text("It is no medical device")
        await picture(own, "72-limits")
        await own.tap("Back")
        await expect(own.tab.locator("#further")).to_be_hidden()
        assert own.errors == []


async def test_without_a_line_nothing_is_pretended(browser: Browser, story: OwnStory) -> None:
    async with phone(browser, story) as own:
        await mine(own, "How it asks")
        await story.stop()
        await own.tab.get_by_label("How many times a day").select_option("0")
        await told(own, NOT_KNOWN)
        await expect(own.tab.get_by_label("How many times a day")).to_have_value("3")
        assert [each for each in own.errors if not EXPECTED_WHILE_DOWN.search(each)] == []
        await story.start(story.page.port)
        assert wishes(story) == []


async def test_one_wearers_screens_show_nothing_of_the_other(
    browser: Browser, story: OwnStory
) -> None:
    await a_month(story)
    async with phone(browser, story, "ada") as ada, phone(browser, story, "sam") as sam:
        await mine(ada, "What we agree on at a good time")
        await ada.tab.get_by_label("Where do you go?").fill("the attic")
        await ada.tab.get_by_label("Where do you go?").blur()
        await came(story, ("agreed-place", "the attic"))
        await mine(sam, "What we agree on at a good time")
        await expect(sam.tab.get_by_label("Where do you go?")).to_have_value("")
        await mine(sam, "My last weeks")
        await expect(sam.tab.locator("#further")).to_contain_text("Nothing here yet.")


@pytest.mark.parametrize("language", ["en", "de"])
async def test_every_screen_can_be_walked_by_keyboard_and_fits_a_small_phone(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    """No line is missing in either language: in its place would stand that nothing is measured."""
    lines, newcomer = words.lines(language), OwnStory(tmp_path)
    newcomer.language = language
    async with _told(newcomer) as story:
        await _walked(browser, story, lines)


async def _walked(browser: Browser, story: OwnStory, lines: words.Lines) -> None:
    async with phone(browser, story, width=320) as own:
        await own.tap(lines["own.title"])
        await picture(own, f"73-mine-{await own.tab.get_attribute('html', 'lang')}")
        await own.tab.set_viewport_size({"width": 320, "height": 700})
        names = await own.tab.locator("#further .wide").all_inner_texts()
        assert len(names) == len(MINE)
        for name in names:
            await own.tab.get_by_role("button", name=name, exact=True).press("Enter")
            await expect(own.tab.locator("#further .wide")).to_have_count(0)
            assert await own.tab.evaluate("document.activeElement.tagName") == "H1", name
            assert lines["state.unknown"] not in await own.tab.inner_text("#further"), name
            narrow = "document.documentElement.scrollWidth <= innerWidth"
            assert await own.tab.evaluate(narrow), name
            for control in await own.tab.locator("#further :is(button, select, input, a)").all():
                box = await control.bounding_box()
                label = await control.evaluate("e => (e.closest('label') ?? e).offsetHeight")
                assert box, name
                assert label >= 48, name
            mine = own.tab.get_by_role("button", name=lines["own.title"], exact=True)
            await mine.press("Enter")
            await heading(own, lines["own.title"])
        assert own.errors == []
