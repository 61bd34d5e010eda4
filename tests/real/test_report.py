"""A report's page in a real browser: readable on a phone and a desk, light and dark, without axe.

Screenshots are left under build/screenshots; look at them after a change.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.async_playwright import Axe

from helpers_phone import SHOTS, SIZES
from helpers_report import DAY_NS, END_NS, harm, journal, shown, two, weeks
from vagalwatch.alerts import words
from vagalwatch.report import joint_page, one
from vagalwatch.report.speech import Speech

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Pages by name, in both languages."""
    folder = tmp_path_factory.mktemp("report")
    weeks_, session = (
        journal(folder / "one.sqlite", [*weeks("ada"), shown("ada"), *harm("ada")]),
        folder / "two.sqlite",
    )
    journal(session, two())
    between_ns = END_NS - 56 * DAY_NS, END_NS
    told = {}
    for language in words.languages():
        speech = Speech(language, words.lines(language), UTC)
        _, told[f"report-one-{language}"] = one.report(
            weeks_, "ada", between_ns, form="dap", speech=speech
        )
        _, told[f"report-two-{language}"] = joint_page.report(session, "alex", "sam", None, speech)
    return told


async def test_every_page_can_be_read_by_everybody(
    browser: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    tab = await browser.new_page()
    asked: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda said: errors.append(said.text))
    for name, page in pages.items():
        file = tmp_path / f"{name}.html"
        file.write_text(page, encoding="utf-8")
        await tab.goto(file.as_uri())
        for scheme in schemes:
            await tab.emulate_media(color_scheme=scheme)
            for size, (width, height) in SIZES.items():
                await tab.set_viewport_size({"width": width, "height": height})
                shot = SHOTS / f"{name}-{size}-{scheme}.png"
                await tab.screenshot(path=shot, full_page=True)
                wide = await tab.evaluate("document.documentElement.scrollWidth > innerWidth")
                assert not wide, (name, size)
            found = await Axe().run(tab)
            assert found.violations_count == 0, found.generate_report()
    assert asked == [(tmp_path / f"{name}.html").as_uri() for name in pages]
    assert errors == []


async def test_text_in_pictures_is_large_enough_for_a_phone(
    browser: Browser, pages: dict[str, str]
) -> None:
    """And stands within its picture."""
    tab = await browser.new_page(viewport={"width": 390, "height": 844})
    for page in pages.values():
        await tab.set_content(page)
        told = await tab.evaluate(
            """() => [...document.querySelectorAll("figure svg")].map(svg => {
                const box = svg.getBoundingClientRect();
                const texts = [...svg.querySelectorAll("text")].map(t => t.getBoundingClientRect());
                const out = t => t.left < box.left - 1 || t.right > box.right + 1;
                const tall = Math.min(...texts.map(t => t.height));
                return {tall, out: texts.filter(out).length};
            })"""
        )
        assert len(told) >= 1
        for each in told:
            assert each["tall"] >= 11
            assert each["out"] == 0


def test_no_colour_is_red(pages: dict[str, str]) -> None:
    """Nor near it: nothing in a report is an alarm."""
    page = pages["report-one-en"]
    colours = {found.lower() for found in re.findall(r"#[0-9a-fA-F]{3,6}", page)}
    assert colours
    for colour in colours:
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
        assert not (red > 150 and green < 80 and blue < 80), colour
