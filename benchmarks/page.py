"""The page on a slow phone: how long until "I need a break" can be tapped."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.async_api import async_playwright

from helpers_page import Story, paired, ticking
from helpers_real import need
from vagalwatch.records import State

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

SLOW_LINE: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
"""Lighthouse's "slow 4G": 1.6 Mbit/s and a round trip of 150 ms."""
SLOWER_CPU: Final = 4
"""And its mid-range phone: a quarter of this machine's speed."""

WATCH: Final = """(() => {
  const look = () => {
    const button = document.querySelector("[data-answer=start-break]");
    if (button?.getClientRects().length) console.info(`usable ${performance.now()}`);
    else requestAnimationFrame(look);
  };
  look();
})()"""
"""Told on the console: a script that waits for it from outside takes a tenth of a second itself."""


def measure(visits: int) -> dict[str, Any]:
    """Open a paired wearer's page ``visits`` times anew, and as often as the app it then is."""
    return asyncio.run(_measure(visits))


async def _measure(visits: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vagalwatch-bench-") as folder:
        story = Story(Path(folder))
        await story.start()
        first, again = [], []
        async with async_playwright() as play:
            chromium = need("chromium")
            browser = await play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            with ticking(story):
                story.row(State.SETTLED)
                context = await _paired(browser, story)
                cookies = await context.cookies()
                for _ in range(visits):
                    context = await browser.new_context(viewport={"width": 390, "height": 844})
                    await context.add_cookies([{**each} for each in cookies])  # type: ignore[typeddict-item] # as it gave them
                    first.append(await _visit(context, story))
                    again.append(await _visit(context, story))
                    await context.close()
        await story.stop()
    return {
        "first_visit_ms": _spread(first),
        "as_app_ms": _spread(again),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


async def _paired(browser: Browser, story: Story) -> BrowserContext:
    context = await browser.new_context()
    name, _, value = (await paired(story.page, "ada")).partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": _url(story)}])
    return context


async def _visit(context: BrowserContext, story: Story) -> float:
    """Milliseconds from opening the page to the button; the phone then keeps the page."""
    tab: Page = await context.new_page()
    line = await context.new_cdp_session(tab)
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", SLOW_LINE)
    await line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_CPU})
    await tab.add_init_script(WATCH)
    async with tab.expect_console_message(lambda said: said.text.startswith("usable")) as told:
        await tab.goto(_url(story))
    took_ms = float((await told.value).text.split()[1])
    await tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await tab.close()
    return took_ms


def _url(story: Story) -> str:
    return f"http://127.0.0.1:{story.page.port}/"


def _spread(values: list[float]) -> dict[str, int]:
    return {
        "min": round(min(values)),
        "median": round(statistics.median(values)),
        "max": round(max(values)),
    }
