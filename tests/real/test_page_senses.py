"""What a device does to the senses: each apart, nothing unasked, all by one clock."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from helpers_phone import phone, picture
from vagalwatch.records import EpisodeKind, State

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from helpers_page import Story
    from helpers_phone import Phone

pytestmark = pytest.mark.real

RECORDED = """() => {
  window.felt = [];
  const word = () => document.getElementById("pacer-word")?.textContent.split(" ")[0];
  const note = (what, more) => felt.push({ what, word: word(), ...more });
  const ramp = AudioParam.prototype.linearRampToValueAtTime;
  AudioParam.prototype.linearRampToValueAtTime = function (hz, until_s) {
    note("tone", { hz });
    return ramp.call(this, hz, until_s);
  };
  Object.defineProperty(navigator, "vibrate", {
    value: (pattern) => { note("buzz", { pattern: [pattern].flat() }); return true; },
  });
}"""
"""Real tones through a real AudioContext, written down; a vibration has no real part here."""


async def in_a_breathing_step(own: Phone, story: Story) -> None:
    story.row(State.SETTLED)
    story.episode(EpisodeKind.FLOODING)
    await own.tap("Yes")
    await own.say(re.compile("You asked for time"))


async def sets(own: Phone, **wishes: bool | str) -> None:
    """On the screen of this device, as a person does."""
    await own.tap("This device")
    for label, wanted in wishes.items():
        box = own.tab.get_by_label(label.replace("_", " "), exact=True)
        await box.set_checked(bool(wanted))
    await own.tap("Back")


async def felt(own: Phone, least: int, what: str) -> list[dict[str, Any]]:
    """What was felt, once there were ``least`` cues."""
    await own.tab.wait_for_function(
        "([least, what]) => felt.filter((each) => each.what === what).length >= least",
        arg=[least, what],
        timeout=30_000,
    )
    seen: list[dict[str, Any]] = await own.tab.evaluate("felt")
    return seen


async def test_nothing_sounds_buzzes_or_glows_unless_asked_for(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story, touch=True) as own:
        await own.tab.evaluate(RECORDED)
        await in_a_breathing_step(own, story)
        await own.tap("Follow a shape")
        for word in ("In", "Out", "In"):
            await expect(own.tab.locator("#pacer-word")).to_have_text(word)
        glow = "document.getElementById('pacer').style.getPropertyValue('--glow')"
        assert await own.tab.evaluate(glow) == "0"
        assert await own.tab.evaluate("felt") == []
        assert own.errors == []


async def test_tone_and_buzz_go_with_the_word_by_one_clock(browser: Browser, story: Story) -> None:
    async with phone(browser, story, touch=True) as own:
        await own.tab.evaluate(RECORDED)
        await in_a_breathing_step(own, story)
        await sets(own, A_soft_tone=True, A_soft_buzz=True, A_soft_light=True)
        await own.tap("Follow a shape")
        story.row(State.FLOODING, hr_bpm=140)  # the body has no say in it
        seen = await felt(own, 4, "tone")
        tones = [each for each in seen if each["what"] == "tone"]
        buzzes = [each for each in seen if each["what"] == "buzz"]
        assert [each["word"] for each in tones[:4]] == ["In", "Out", "In", "Out"]
        assert [each["hz"] for each in tones[:4]] == [220, 165, 220, 165]
        assert [len(each["pattern"]) for each in buzzes[:3]] == [1, 3, 1]
        assert [each["what"] for each in seen[:6]] == ["tone", "buzz"] * 3, "one clock"
        await own.tap("Stop")
        (last,) = (await own.tab.evaluate("felt"))[-1:]
        assert (last["what"], last["pattern"]) == ("buzz", [0])
        assert own.errors == []


async def test_leaving_ends_tone_and_buzz_at_once_also_where_the_next_page_is_slow(
    browser: Browser, story: Story
) -> None:
    async with phone(browser, story, touch=True) as own:
        await own.tab.evaluate(RECORDED)
        await in_a_breathing_step(own, story)
        await sets(own, A_soft_tone=True, A_soft_buzz=True)
        await own.tap("Follow a shape")
        await felt(own, 1, "tone")
        await own.context.route("https://**", lambda route: route.fulfill(status=204))  # stays here
        for _ in range(3):
            await own.tab.keyboard.press("Shift")
        assert await own.tab.evaluate("document.body") is None
        before = await own.tab.evaluate("felt")
        assert (before[-1]["what"], before[-1]["pattern"]) == ("buzz", [0])


async def test_where_no_phone_buzzes_none_is_offered(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.tap("This device")
        await expect(own.tab.get_by_label("A soft tone")).to_be_visible()
        await expect(own.tab.get_by_label("A soft buzz")).to_have_count(0)


@pytest.mark.parametrize(
    ("follow", "button", "shown"),
    [("Words", "Follow the words", r"In|Out"), ("A count", "Follow a count", r"(In|Out) [1-6]")],
)
async def test_words_or_a_count_in_place_of_the_shape(
    browser: Browser, story: Story, follow: str, button: str, shown: str
) -> None:
    async with phone(browser, story) as own:
        await in_a_breathing_step(own, story)
        await sets(own, **{follow.replace(" ", "_"): True, "A_soft_light": True})
        await own.tap(button)
        word = own.tab.locator("#pacer-word")
        await expect(word).to_have_text(re.compile(rf"^({shown})$"))
        await expect(own.tab.locator("#pacer-shape")).to_be_hidden()
        assert await word.get_attribute("aria-hidden") == "true", "not read aloud each breath"
        await picture(own, f"52-pacer-{follow.lower().replace(' ', '-')}")
        assert own.errors == []


async def test_what_was_set_stays_on_this_device_and_is_sent_to_nobody(
    browser: Browser, story: Story
) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        await sets(own, A_soft_tone=True)
        await own.tab.reload()
        await own.tap("This device")
        await expect(own.tab.get_by_label("A soft tone")).to_be_checked()
        await own.quiet()
        assert story.said == []


async def test_it_is_dark_at_night_for_who_wants_that(browser: Browser, story: Story) -> None:
    story.row(State.SETTLED)
    async with phone(browser, story) as own:
        await own.say("Measuring.")
        at_hours = """async (hours) => {
          const { darken } = await import("/senses.js");
          const media = () => document.querySelector("link.dark").media;
          return hours.map((hour) => { darken(hour); return media(); });
        }"""
        light = "(prefers-color-scheme: dark)"
        assert await own.tab.evaluate(at_hours, [3, 12, 22]) == [light] * 3
        await sets(own, **{"At_night,_too": True})
        assert await own.tab.evaluate(at_hours, [3, 12, 22]) == ["all", light, "all"]
        # The bar of the browser takes the first colour whose media hold.
        bar = """() => [...document.querySelectorAll("meta[name=theme-color]")]
          .find(({ media }) => matchMedia(media).matches).content"""
        night, day = "#121918", "#f3f1ea"
        for dark, bars in (("When my phone is", [night, day]), ("At all times", [night, night])):
            await sets(own, **{dark.replace(" ", "_"): True})
            await own.tab.emulate_media(color_scheme="dark")
            assert await own.tab.evaluate(bar) == bars[0]
            await own.tab.emulate_media(color_scheme="light")
            assert await own.tab.evaluate(bar) == bars[1]


def test_a_pace_and_its_cues_know_nothing_of_the_body() -> None:
    """Rising arousal never quickens or sharpens a cue: nothing of it gets there."""
    static = files("vagalwatch.web").joinpath("static")
    for name in ("pacer.js", "cues.js", "senses.js"):
        script = static.joinpath(name).read_text(encoding="utf-8")
        imports = set(re.findall(r'(?:from |import\()"\./([a-z]+\.js)"', script))
        assert imports <= {"cues.js", "senses.js", "words.js"}
