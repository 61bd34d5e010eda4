"""Every state of the break in a real browser: its one sentence, its answers, and its picture."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

from helpers_phone import phone, picture
from vagalwatch.alerts import words
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    EpisodeKind,
    Metrics,
    Setting,
    State,
)

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

A, P = AnswerKind, BreakPhase


def said(story: Story) -> list[AnswerKind]:
    return [each.answer for each in story.said if isinstance(each, Answer)]


def phases(story: Story) -> list[BreakPhase]:
    return [each.phase for each in story.records if isinstance(each, BreakStep)]


def sets(story: Story, key: str, value: object) -> None:
    now_ns = story.clock.now_ns()
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=json.dumps(value)))


async def settled(story: Story, seconds: int = 150) -> None:
    """The heart is at its usual for long enough."""
    for _ in range(0, seconds, 5):
        story.row(State.RECOVERING, hr_bpm=66)
        await story.move(5)


async def step(own: Phone) -> str:
    return await own.tab.inner_text("#step-text")


async def test_not_yet_settled_the_person_overrides_and_mends(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.FLOODING)
        await own.say("Your heart is fast for you.")
        sizes = [
            await own.tab.get_by_role("button", name=name, exact=True).bounding_box()
            for name in ("Yes", "Not now")
        ]
        assert len({(box["width"], box["height"]) for box in sizes if box}) == 1
        await own.tap("Yes")
        await own.say(re.compile("You asked for time"))
        assert await step(own) == words.lines()["step.breath"]

        await own.tap("This makes me dizzy")
        await expect(own.tab.locator("#step-text")).to_have_text(words.lines()["step.usual-breath"])
        await expect(own.tab.locator("#dizzy")).to_be_hidden()
        await picture(own, "21-break-after-dizzy")

        await own.tap("More time")
        await own.say(re.compile(r"You took more time\.\s+Back at 8:00"))
        await picture(own, "22-break-extended")

        for _ in range(40 * 12):  # the heart stays fast
            story.row(State.FLOODING, hr_bpm=108)
            await story.move(5)
        await own.say("Time is up.")
        await expect(own.tab.locator("#more")).to_contain_text("Your heart is still fast.")
        await settled(story)
        await own.say("Ready if you are.")
        await picture(own, "24-settled")
        await own.tap("I'm back")
        await own.say("You came back.")
        await own.tab.get_by_text("Words that may help").click()
        await expect(own.tab.locator("#folded")).to_contain_text("I see how my withdrawal hurt you")

        await own.tap("A few questions, or skip")
        await own.say("Was this prompt right?")
        await own.tap("It was right")
        await own.say("How do you feel now?")
        await picture(own, "27-ask-felt")
        await own.tap("Worse")
        await own.say("Did this page or a step make it worse?")
        await own.tap("This made it worse")
        await own.say("Did you two mend a bit?")
        await own.tap("Skip")
        await own.tap("Skip")
        await own.say("You came back.")
        await expect(own.tab.locator("#notice")).to_contain_text("Thank you for saying so.")
        await picture(own, "28-after-worse")
        await own.tap("Done")
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        assert said(story) == [
            *(A.YES, A.DIZZY, A.MORE_TIME, A.IM_BACK),
            *(A.RIGHT, A.WORSE, A.MADE_WORSE, A.SKIP, A.SKIP),
        ]
        assert own.errors == []


async def test_what_set_it_off_is_kept_in_ones_own_words(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.tap("I'm back")
        await own.tap("A few questions, or skip")
        await own.tap("Better")
        await own.tap("Yes, a bit")
        await own.say("What set it off?")
        await own.tab.get_by_label("What set it off?").fill(" the bins,\nagain ")
        await picture(own, "27-ask-set-off")
        await own.tap("Keep this")
        await own.say("You came back.")
        written = [each.text for each in story.said if isinstance(each, Answer) and each.text]
        assert written == ["the bins, again"]
        assert not any("bins" in frame for frame in own.frames), "no picture holds it"
        assert own.errors == []


PACES = """async () => {
  const { where } = await import("/pacer.js");
  const soft = { in_s: 4, hold_s: 0, out_s: 6, breaths: null };
  const long = { in_s: 4, hold_s: 7, out_s: 8, breaths: 4 };
  const parts = (pace, from, to) => {
    const seen = [];
    for (let s = from; s < to; s += 0.05) {
      const now = where(pace, s);
      if (now && !(now.full >= 0 && now.full <= 1)) throw new Error(`size ${now.full}`);
      const name = now === null ? "over" : now.name;
      if (seen.at(-1)?.[0] !== name) seen.push([name, s]);
    }
    return seen;
  };
  return { first: parts(soft, 0, 20), late: parts(soft, 200, 260), long: parts(long, 0, 90) };
}"""


async def test_a_pace_begins_shorter_and_never_quickens(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        seen = await own.tab.evaluate(PACES)
        lengths = {name: [b[1] - a[1] for a, b in pairwise(parts)] for name, parts in seen.items()}
        assert [name for name, _ in seen["first"]][:4] == ["in", "out", "in", "out"]
        assert lengths["first"][0] == pytest.approx(4 * 0.5, abs=0.1)
        assert lengths["first"][2] > lengths["first"][0], "longer and longer, up to the full one"
        whole = lengths["late"][1:-1]  # the first and the last are cut
        assert [round(each) for each in sorted(whole)] == [4] * (len(whole) // 2) + [6] * (
            len(whole) - len(whole) // 2
        )
        assert [name for name, _ in seen["long"]] == ["in", "hold", "out"] * 4 + ["over"]
        assert lengths["long"][:3] == [pytest.approx(each, abs=0.1) for each in (4, 7, 8)]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_the_shape_is_followed_if_it_feels_good(
    browser: Browser, story: Story, motion: Literal["no-preference", "reduce"]
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.tab.emulate_media(reduced_motion=motion)
        story.episode(EpisodeKind.FLOODING)
        await own.tap("Yes")
        await expect(own.tab.locator("#pacer")).to_be_hidden()
        await own.tap("Follow a shape")
        shape = own.tab.locator("#pacer-shape")
        await expect(own.tab.locator("#pacer-word")).to_have_text("In")
        before = await shape.evaluate("each => each.style.transform")
        await picture(own, f"42-pacer-{motion}")
        await expect(own.tab.locator("#pacer-word")).to_have_text("Out")
        after = await shape.evaluate("each => each.style.transform")
        assert (before == after == "") == (motion == "reduce")
        await own.tap("Stop")
        await expect(own.tab.locator("#pacer")).to_be_hidden()
        await own.tap("Follow a shape")
        await own.tap("This makes me dizzy")
        await expect(own.tab.locator("#pacer")).to_be_hidden()
        await expect(own.tab.locator("#step-text")).to_have_text(words.lines()["step.usual-breath"])
        await expect(own.tab.locator("#sending")).to_be_empty()
        while len(said(story)) < 6:
            await own.heard()
        paces = [each for each in said(story) if each in {A.PACE, A.PACE_OVER}]
        assert paces == [A.PACE, A.PACE_OVER] * 2
        assert [each for each in said(story) if each not in paces] == [A.YES, A.DIZZY]
        assert own.errors == []


async def heart(story: Story, bpm: float, seconds: int) -> None:
    """Rows of the estimate with the heart at ``bpm``; usual is 66, its spread 3."""
    metrics = Metrics(hr_bpm=bpm, z_hr=(bpm - 66) / 3)
    for _ in range(0, seconds, 5):
        story.row(State.RECOVERING, metrics=metrics)
        await story.move(5)


async def test_the_breaths_effect_is_told_afterwards_and_never_chased(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.FLOODING)
        await own.tap("Yes")
        await own.say(re.compile("You asked for time"))
        await heart(story, 96, 90)
        await own.tap("Follow a shape")
        while A.PACE not in said(story):
            await own.heard()
        await heart(story, 84, 180)
        await own.quiet()
        shown = await own.tab.inner_text("body")
        assert "84" not in shown
        assert "slowed" not in shown
        await own.tap("I'm back")
        await own.say("You came back.")
        told = own.tab.locator("#lines li")
        await expect(told).to_have_text(["Your heart slowed a little while you breathed."])
        assert not any("breathed_bpm" in frame or "-numbers" in frame for frame in own.frames)
        await picture(own, "43-breath")
        await own.tap("Show my heart rate")
        await expect(told).to_contain_text("96 a minute before, 84 at the end.")
        await picture(own, "44-breath-numbers")
        await own.tap("Done")
        await expect(told).to_have_count(0)
        while A.PACE_OVER not in said(story):  # the shape went with the break
            await own.heard()
        assert own.errors == []


async def test_im_here_in_a_break_is_seen_to_be_heard(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.SHUTDOWN)
        await own.tap("Yes")
        await own.say(re.compile("You asked for time"))
        await own.tap("I'm here")
        await expect(own.tab.locator("#notice")).to_contain_text("you are here")
        assert phases(story) == [P.OFFERED, P.ON]
        assert own.errors == []


async def test_far_away_gets_small_steps_before_anything_is_decided(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.SHUTDOWN)
        await own.tap("I feel far away")
        await own.say("Take your time.")
        assert await step(own) == words.lines()["step.orient-blue"]
        await picture(own, "30-steadying")
        await own.tap("Another small thing")
        assert await step(own) == words.lines()["step.feet"]
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        await own.tap("I'm here")
        await expect(own.tab.locator("#notice")).to_contain_text("All right.")
        await picture(own, "31-declined")
        assert phases(story) == [P.OFFERED, P.STEADYING, P.DECLINED]

        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        assert phases(story)[-1] == P.ON
        assert own.errors == []


async def test_thinking_is_heard(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.SHUTDOWN)
        await own.tap("I'm thinking")
        await expect(own.tab.locator("#notice")).to_contain_text("Take your time.")
        await picture(own, "32-thinking")
        assert phases(story) == [P.OFFERED, P.THINKING]


@pytest.mark.parametrize(
    ("button", "sentence", "name"),
    [
        ("Not today", "No more for today.", "33-put-off"),
        ("Let it drop", "You let it drop.", "34-dropped"),
    ],
)
async def test_not_going_on_is_a_decision(
    browser: Browser, story: Story, button: str, sentence: str, name: str
) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await story.move(20 * 60 + 10)
        await own.say("Time is up.")
        await own.tap(button)
        await own.say(sentence)
        await picture(own, name)
        assert phases(story)[-1] == P.NOT_RESUMED
        assert own.errors == []


async def test_after_a_day_without_a_word(browser: Browser, story: Story) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        for _ in range(2):
            await story.clock.advance(12 * 3600)
            story.tick()
        story.tick()
        await own.say("No check-in yet.")
        await picture(own, "35-no-word")


async def test_wrong_and_no_break_after_all(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        story.episode(EpisodeKind.FLOODING)
        await own.tap("This is not right")
        await expect(own.tab.locator("#notice")).to_contain_text("I'll ask less.")
        await picture(own, "36-wrong")
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        await own.tab.get_by_text("Something else").click()
        await picture(own, "41-something-else")
        await own.tap("No break now")
        await expect(own.tab.get_by_role("button", name="I need a break")).to_be_visible()
        assert phases(story) == [P.OFFERED, P.WRONG, P.ON, P.DECLINED]
        assert own.errors == []


async def test_what_was_agreed_and_chosen_shows_in_the_break(
    browser: Browser, story: Story
) -> None:
    sets(story, "agreed-place", "the kitchen")
    sets(story, "agreed-check-in", "both")
    sets(story, "own-step", "Sort <b>my</b> stamps.")
    sets(story, "break-minutes", 45)
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile(r"You asked for time\.\s+Back at 8:05"))
        assert await step(own) == "Sort <b>my</b> stamps.", "text, never markup"
        await own.tab.get_by_text("What you agreed on").click()
        await expect(own.tab.locator("#folded")).to_contain_text("I go here: the kitchen")
        await expect(own.tab.locator("#folded")).to_contain_text("We both check in.")
        await picture(own, "37-agreed")
        assert own.errors == []


async def test_being_followed_shows_help_and_sends_and_keeps_nothing(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story) as own:
        await own.tap("I need a break")
        await own.say(re.compile("You asked for time"))
        asked, told = len(own.requests), len(story.said)
        await own.tap("Someone follows or blocks me")
        await own.say("Go where other people are, if you can.")
        await expect(own.tab.get_by_role("link", name="Call help")).to_be_visible()
        await expect(own.tab.locator("#step")).to_be_hidden()
        await picture(own, "38-followed")
        kept = "JSON.stringify([localStorage, sessionStorage, location.href, history.length])"
        assert "follow" not in await own.tab.evaluate(kept)
        await own.tap("Back")
        await own.say(re.compile("You asked for time"))
        assert len(own.requests) == asked
        assert len(story.said) == told
        assert own.errors == []


async def test_help_is_there_when_the_line_is_lost_and_before_pairing(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story, wearer=None) as stranger:
        await stranger.say("This page is not paired yet.")
        await stranger.tab.get_by_text("Help", exact=True).click()
        await stranger.tap("Someone follows or blocks me")
        await stranger.say("Go where other people are, if you can.")


async def test_a_card_to_show_to_somebody(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.tap("Show a card")
        await own.say("I can't talk now. Please wait.")
        await picture(own, "39-card")
        story.episode(EpisodeKind.FLOODING)  # private: it waits behind what another reads
        await own.quiet()
        await own.say("I can't talk now. Please wait.")
        story.episode(EpisodeKind.SAFETY)  # but a fall goes before all else
        await own.say("Your heart slowed fast. Sit or lie down now.")
        await own.tap("I'm fine")
        await own.say("I can't talk now. Please wait.")
        await own.tap("Back")
        await own.say("Your heart is fast for you.")
        assert said(story) == [A.SEEN]


async def test_a_german_page_says_every_word_in_german(browser: Browser, story: Story) -> None:
    await story.stop()
    story.language = "de"
    await story.start()
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Messung läuft.")
        assert await own.tab.evaluate("document.documentElement.lang") == "de"
        story.episode(EpisodeKind.FLOODING)
        await own.tap("Ja")
        await own.say(re.compile("Du wolltest Zeit"))
        english = {text for text in words.lines().values() if len(text) > 12}
        shown = (await own.tab.inner_text("body")).splitlines()
        assert not english & set(shown)
        await picture(own, "40-german")
        assert own.errors == []
