"""The whole story of two people at home, each with a page: from the first run to the repair.

Everything is the service's own (page, broker, journal, estimate); only the hearts are invented. At
every step it is held what the one sees and what the other may see of it: never a number, and
before a break was accepted nothing at all. Single screens have tests of their own beside this.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.async_api import expect

from helpers_phone import phone, picture
from helpers_two import AT_REST, LEARNT_S, at_home
from vagalwatch.clock import NS
from vagalwatch.records import AnswerKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from helpers_phone import Phone
    from helpers_two import Two

pytestmark = pytest.mark.real

A = AnswerKind

FAST = "Your heart is fast for you."
FIRST_RUN = "It measures your body, not your feelings."
ON_A_BREAK = re.compile(r"You asked for time\.\s+Back at (\d+:\d\d PM)\.")
TIME = re.compile(r"\d+:\d\d PM")
WHILE_DOWN = re.compile(r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket|fetching")

PARTNER_MAY_SEE = {"say", "name", "until_ms", "lines", "hears", "steps"}


class Evening(NamedTuple):
    """A home and its two pages."""

    two: Two
    ada: Phone
    sam: Phone

    async def live(self, seconds: float) -> None:
        """Time passes, and both pages have seen it pass."""
        await self.two.live(seconds, self.ada, self.sam)

    async def sam_floods(self) -> None:
        """Until the service sees it."""
        await self.two.floods("sam")
        await self.live(1)


@asynccontextmanager
async def pages(browser: Browser, two: Two) -> AsyncIterator[Evening]:
    """Each has opened their page; nothing goes wrong in either."""
    async with phone(browser, two, "ada") as ada, phone(browser, two, "sam") as sam:
        yield Evening(two, ada, sam)
        for own in (ada, sam):
            assert own.errors == []


@pytest.fixture
async def newcomers(browser: Browser, tmp_path: Path) -> AsyncIterator[Evening]:
    """Nobody has said anything yet."""
    async with at_home(tmp_path) as two, pages(browser, two) as evening:
        yield evening


@pytest.fixture
async def couple(browser: Browser, tmp_path: Path) -> AsyncIterator[Evening]:
    """Linked, agreed to by both, and at rest for long enough that their usual is known."""
    async with at_home(tmp_path) as two:
        await two.share()
        await two.live(LEARNT_S)
        async with pages(browser, two) as evening:
            for own in (evening.ada, evening.sam):
                await own.say("Measuring.")
            yield evening


async def further(own: Phone, title: str) -> None:
    await expect(own.tab.locator("#further h1")).to_have_text(title)


def was_sent_of_sam(own: Phone) -> list[dict[str, Any]]:
    """Every picture of the other's break that has come so far."""
    views = [json.loads(frame).get("view") or {} for frame in own.frames]
    return [view["partner"] for view in views if view.get("partner")]


async def sees_nothing_of_sam(own: Phone) -> None:
    """No word, now and before: not on the page, and not in what was sent to it."""
    await own.say("Measuring.")
    await expect(own.tab.locator("body")).not_to_contain_text("Sam")
    assert was_sent_of_sam(own) == []
    assert not any("sam" in frame.lower() for frame in own.frames)


async def sees_of_sam(own: Phone, sentence: str) -> None:
    """One sentence, and no number but a time: neither on the page nor in what was sent to it."""
    await own.say(sentence)
    assert not re.search(r"\d", TIME.sub("", await own.tab.inner_text("#now")))
    for seen in was_sent_of_sam(own):
        assert seen.keys() == PARTNER_MAY_SEE
        assert seen["until_ms"] % 60_000 == 0
        assert not re.search(r"\d", json.dumps(seen | {"until_ms": None}))
    assert not any("pulse" in frame for frame in own.frames)


async def promised(own: Phone) -> str:
    """The time of return on the own page."""
    await own.say(ON_A_BREAK)
    found = ON_A_BREAK.search(await own.tab.inner_text("#say"))
    assert found
    return found[1]


# --- the story, a chapter a function ------------------------------------------------------------


async def test_from_the_first_run_to_the_repair(newcomers: Evening) -> None:
    two = newcomers.two
    await each_says_yes_to_being_measured(newcomers)
    await each_agrees_on_their_own_page(newcomers)
    async with two.overheard() as heard:
        await sam_is_asked_and_ada_sees_nothing(newcomers)
        back_at = await sam_accepts_and_both_read_the_same_time(newcomers)
        await small_steps_and_i_heard(newcomers)
        await time_is_up_and_not_yet_settled(newcomers, back_at)
        await sam_goes_back_all_the_same(newcomers)
        await they_mend(newcomers)
    assert two.answers("sam") == [A.YES, A.IM_BACK, A.RIGHT, A.BETTER, A.MENDED, A.SKIP_ALL]
    assert two.answers("ada") == [A.HEARD, A.HEARD]
    told = {(each.wearer, each.name) for each in heard if each.name in {"alert", "break"}}
    assert told == {("sam", "alert"), ("sam", "break")}, "a break is told of its wearer alone"


async def each_says_yes_to_being_measured(evening: Evening) -> None:
    for own in (evening.ada, evening.sam):
        await further(own, "It measures your body, not your feelings.")
        await own.tap("Yes")
        await further(own, "Who sees what")
        await own.tap("Next")
        await own.tap("Done")
        await own.say("I am still learning your usual.")
    await picture(evening.ada, "two-01-learning")
    await evening.live(LEARNT_S)
    await evening.ada.say("Measuring.")


async def each_agrees_on_their_own_page(evening: Evening) -> None:
    """A therapist has seen each alone, which by itself shares nothing."""
    await evening.two.attest()
    for own, name in ((evening.ada, "Ada"), (evening.sam, "Sammy")):
        await own.tap("Mine")
        await own.tap("Who sees what")
        told = own.tab.locator("#further [role=status]")
        await own.tab.get_by_label("They may see when I am on a break").check()
        await expect(told).to_have_text("Kept.")
        await own.tab.get_by_label("Which name does the other one read?").fill(name)
        await own.tab.get_by_label("Which name does the other one read?").blur()
        await expect(told).to_have_text("Kept.")
    await picture(evening.sam, "two-02-consents")
    await evening.ada.tap("Back")
    await picture(evening.ada, "two-03-home")


async def sam_is_asked_and_ada_sees_nothing(evening: Evening) -> None:
    """The prompt takes the screen from the settings."""
    _, ada, sam = evening
    await evening.sam_floods()
    await sam.say(FAST)
    yes, no = [sam.tab.get_by_role("button", name=n, exact=True) for n in ("Yes", "Not now")]
    sizes = [await each.bounding_box() for each in (yes, no)]
    assert len({(box["width"], box["height"]) for box in sizes if box}) == 1
    await picture(sam, "two-04-prompt")
    await sees_nothing_of_sam(ada)


async def sam_accepts_and_both_read_the_same_time(evening: Evening) -> str:
    _, ada, sam = evening
    await sam.tap("Yes")
    back_at = await promised(sam)
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await picture(sam, "two-05-break")
    await picture(ada, "two-06-partner-on-a-break")
    return back_at


async def small_steps_and_i_heard(evening: Evening) -> None:
    _, ada, sam = evening
    for own in (ada, sam):
        before = await own.tab.inner_text("#step-text")
        await own.tap("Another small thing")
        await expect(own.tab.locator("#step-text")).not_to_have_text(before)
    await ada.tap("I heard")
    await expect(ada.tab.locator("#lines")).to_contain_text("You said: “I heard”.")
    await expect(ada.tab.get_by_role("button", name="I heard")).to_have_count(0)
    await expect(sam.tab.locator("#lines")).to_have_text("Heard.")
    await picture(ada, "two-07-partner-told")


async def time_is_up_and_not_yet_settled(evening: Evening, back_at: str) -> None:
    """That the heart is still fast is sam's to know."""
    _, ada, sam = evening
    await evening.live(20 * 60)
    await sam.say("Time is up.")
    await expect(sam.tab.locator("#more")).to_contain_text("Your heart is still fast.")
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await picture(sam, "two-08-not-settled")
    await evening.live(5 * 60)
    await sees_of_sam(ada, "No word yet.")
    await picture(ada, "two-09-partner-no-word")


async def sam_goes_back_all_the_same(evening: Evening) -> None:
    _, ada, sam = evening
    await sam.tap("I'm back")
    await sam.say("You came back.")
    await sees_of_sam(ada, "Sammy is back from the break.")
    await picture(ada, "two-10-partner-back")


async def they_mend(evening: Evening) -> None:
    """Words to begin with; and a few questions, none of which is ada's."""
    _, ada, sam = evening
    await sam.tab.get_by_text("Words that may help").click()
    await expect(sam.tab.locator("#folded")).to_contain_text("I see how my withdrawal hurt you")
    await picture(sam, "two-11-repair")
    await sam.tap("A few questions, or skip")
    await sam.say("Was this prompt right?")
    await picture(sam, "two-12-question")
    await sam.tap("It was right")
    await sam.tap("Better")
    await sam.say("Did you two mend a bit?")
    await sam.tap("Yes, a bit")
    await sam.tap("Skip all")
    await sam.say("You came back.")
    await sam.tap("Done")
    await sees_of_sam(ada, "Sammy is back from the break.")
    await ada.tap("Done")
    await ada.say("Measuring.")
    await expect(ada.tab.locator("body")).not_to_contain_text("Sam")


# --- other ways it can go -----------------------------------------------------------------------


async def sam_is_on_a_break(evening: Evening) -> str:
    """By sam's own word; the time that both pages promise."""
    await evening.sam.tap("I need a break")
    back_at = await promised(evening.sam)
    await sees_of_sam(evening.ada, f"Sammy is on a break and will check in at {back_at}.")
    return back_at


async def calms_down(evening: Evening) -> None:
    """For as long as it is not asked again in any case."""
    evening.two.heart("sam", AT_REST["sam"], over_s=600)  # a rapid fall is quicker
    await evening.live(21 * 60)


async def test_not_now_a_mute_silence_and_wrong_are_ones_own(couple: Evening) -> None:
    """One evening of being asked; ada's page shows, and is sent, nothing of it."""
    two, ada, sam = couple
    notice = sam.tab.locator("#notice")

    await couple.sam_floods()
    await sam.say(FAST)
    await sam.tap("Not now")
    await expect(notice).to_have_text("All right. You can take a break at any time.")
    await calms_down(couple)

    await sam.tap("Mine")
    await sam.tap("How it asks")
    await sam.tap("For two hours")
    await expect(sam.tab.locator("#further")).to_contain_text("No questions until")
    await couple.sam_floods()
    await couple.live(60)
    await expect(sam.tab.locator("#further h1")).to_have_text("How it asks")
    await sam.tap("Ask again")  # it still lasts, so it is asked about now
    await sam.say(FAST)
    await couple.live(121)
    await expect(notice).to_contain_text("The time to answer has passed.")
    await expect(sam.tab.get_by_role("button", name="I still want a break")).to_be_visible()
    await picture(sam, "two-20-expired")
    await calms_down(couple)

    await couple.sam_floods()
    await sam.say(FAST)
    await sam.tap("This is not right")
    await expect(notice).to_have_text("Thank you. I'll ask less.")

    await sees_nothing_of_sam(ada)
    assert [each for each in two.answers("sam") if each != A.SHOWN] == [A.NOT_NOW, A.WRONG]


async def test_a_sensor_that_is_lost_in_mid_break_leaves_the_time_and_the_persons_word(
    couple: Evening,
) -> None:
    two, ada, sam = couple
    back_at = await sam_is_on_a_break(couple)
    await two.stage.air.hide(two.straps["sam"])
    await two.stage.air.drop(two.straps["sam"])
    await couple.live(60)
    assert await promised(sam) == back_at
    await couple.live(20 * 60)
    await sam.say("Time is up.")
    await expect(sam.tab.locator("#more")).to_contain_text("I can't tell how your heart is.")
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await picture(sam, "two-21-not-measured")
    await sam.tap("Not today")
    await sees_of_sam(ada, "No more for today.")
    await picture(ada, "two-22-partner-not-today")
    await sam.tap("Done")
    await sam.say("I lost touch with your heart sensor.")
    assert two.answers("sam") == [A.START_BREAK, A.NOT_TODAY]


async def test_a_faint_in_mid_break_goes_before_all_else_and_is_nobody_elses(
    couple: Evening,
) -> None:
    two, ada, sam = couple
    await couple.sam_floods()
    await sam.tap("Yes")
    back_at = await promised(sam)
    await couple.live(180)
    two.heart("sam", 48, over_s=60)
    await couple.live(150)
    await sam.say("Your heart slowed fast. Sit or lie down now.")
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await picture(sam, "two-23-faint")
    await sam.tap("I'm fine")
    assert await promised(sam) == back_at


async def test_two_tabs_of_each_show_the_same_and_a_tap_counts_once(couple: Evening) -> None:
    two, ada, sam = couple
    url = f"http://127.0.0.1:{two.page.port}/"
    others = {own: await own.context.new_page() for own in (ada, sam)}
    for tab in others.values():
        await tab.goto(url)
        await expect(tab.locator("#say")).to_have_text("Measuring.")
    await couple.sam_floods()
    yes = others[sam].get_by_role("button", name="Yes", exact=True)
    await expect(yes).to_be_visible()
    await sam.tab.get_by_role("button", name="Yes", exact=True).dblclick()
    back_at = await promised(sam)
    await expect(others[sam].locator("#say")).to_have_text(ON_A_BREAK)
    seen = f"Sammy is on a break and will check in at {back_at}."
    await sees_of_sam(ada, seen)
    await expect(others[ada].locator("#say")).to_have_text(seen)
    await others[ada].get_by_role("button", name="I heard", exact=True).click()
    await expect(ada.tab.locator("#lines")).to_contain_text("You said: “I heard”.")
    assert [a for a in two.answers("sam") if a != A.SHOWN] == [A.YES]
    assert two.answers("ada") == [A.HEARD]


async def test_a_restart_in_mid_break_and_what_was_said_without_a_line(couple: Evening) -> None:
    two, ada, sam = couple
    back_at = await sam_is_on_a_break(couple)
    await ada.tap("I heard")
    await expect(sam.tab.locator("#lines")).to_have_text("Heard.")

    await two.stop()
    await ada.say("Not connected.")
    await expect(ada.tab.locator("body")).not_to_contain_text("Sam")
    await expect(sam.tab.locator("#mark")).to_have_text("Not connected. I keep trying.")
    assert await promised(sam) == back_at
    await picture(sam, "two-24-break-offline")
    await picture(ada, "two-25-partner-offline")

    await two.start()
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await expect(ada.tab.locator("#lines")).to_contain_text("You said: “I heard”.")
    await expect(sam.tab.locator("#mark")).to_be_empty()
    await expect(sam.tab.locator("#lines")).to_have_text("Heard.")

    await two.stop()
    await expect(sam.tab.locator("#mark")).to_have_text("Not connected. I keep trying.")
    await sam.tap("More time")
    await expect(sam.tab.locator("#sending")).to_contain_text("I keep trying")
    await picture(sam, "two-28-not-sent")
    await two.start()
    await sam.say(re.compile(r"You took more time\."))
    later = TIME.search(await sam.tab.inner_text("#say"))
    assert later
    await sees_of_sam(ada, f"A new time: Sammy will check in at {later[0]}.")
    assert two.answers("sam") == [A.START_BREAK, A.MORE_TIME]
    for own in (ada, sam):  # only what a browser says of a service that is down
        own.errors = [each for each in own.errors if not WHILE_DOWN.search(each)]


async def test_a_clock_that_jumps_in_mid_break_moves_both_promises_alike(couple: Evening) -> None:
    """The machine learns the right time: the break lasts as long as it did."""
    two, ada, sam = couple
    await sam_is_on_a_break(couple)
    two.clock.step_ns = 3607 * NS
    await couple.live(60)
    back_at = await promised(sam)
    await sees_of_sam(ada, f"Sammy is on a break and will check in at {back_at}.")
    await couple.live(18 * 60)
    assert await promised(sam) == back_at
    await couple.live(60)
    await sam.say("Ready if you are.")


async def test_both_on_a_break_is_one_break_and_an_end_of_the_link_is_silent(
    couple: Evening,
) -> None:
    _, ada, sam = couple
    await ada.tap("I need a break")
    await promised(ada)
    await couple.sam_floods()
    await sam.say(FAST)
    await ada.say(ON_A_BREAK)  # asked is not accepted
    await expect(ada.tab.locator("body")).not_to_contain_text("Sam")
    await sam.tap("Yes")
    await sam.tap("More time")
    await sam.say(re.compile(r"You took more time\."))
    later = TIME.search(await sam.tab.inner_text("#say"))
    assert later
    await ada.say(re.compile(rf"This break is longer now\.\s+Back at {later[0]}"))
    await expect(ada.tab.locator("#lines")).to_contain_text(f"Sammy will check in at {later[0]}.")
    await picture(ada, "two-26-both-on-a-break")

    await ada.tap("I'm back")
    await ada.tap("Done")
    await sees_of_sam(ada, f"A new time: Sammy will check in at {later[0]}.")
    await sam.tap("Mine")
    await sam.tap("Who sees what")
    await sam.tab.get_by_text("End the link of you two").click()
    await picture(sam, "two-27-end-the-link")
    await sam.tap("End it now")
    await ada.say("Measuring.")
    await expect(ada.tab.locator("#notice")).to_be_hidden()
    await expect(ada.tab.locator("body")).not_to_contain_text("Sam")
    await sam.tap("Back")
    await sam.say(re.compile(r"You took more time\."))
    await sam.tap("I'm back")
    await sam.say("You came back.")
    await couple.live(1)
    await ada.say("Measuring.")
    await expect(ada.tab.locator("body")).not_to_contain_text("Sam")
