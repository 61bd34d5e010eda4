"""A phone in a real browser: what a person sees and taps, and everything that went wrong in it.

Screenshots of every screen are left under build/screenshots; look at them after a change.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page as Tab
from playwright.async_api import expect

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Request

    from vagalwatch.clock import StoryClock
    from vagalwatch.web.app import Page

expect.set_options(timeout=10_000)  # a machine that tests nine things at once is slow

SHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


class Home(Protocol):
    """Where there is a page to open."""

    clock: StoryClock

    @property
    def page(self) -> Page:
        """As it is now; a restart makes a new one."""
        ...


class Phone:
    """A browser of its own, and everything that went wrong in it."""

    def __init__(self, context: BrowserContext, tab: Tab) -> None:
        self.context = context
        self.tab = tab
        self.errors: list[str] = []
        self.requests: list[Request] = []
        self.frames: list[str] = []
        self._frame = asyncio.Event()
        tab.on("console", self._logged)
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("request", self._asked)
        tab.on("websocket", lambda line: line.on("framereceived", self._heard))

    def _logged(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(said.text)

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def _heard(self, frame: str | bytes) -> None:
        self.frames.append(frame if isinstance(frame, str) else frame.decode())
        self._frame.set()

    async def say(self, text: str | re.Pattern[str]) -> None:
        """Wait until the headline is ``text``."""
        await expect(self.tab.locator("#say")).to_have_text(text)

    async def heard(self) -> None:
        """Return with the next message from the service."""
        self._frame.clear()
        await self._frame.wait()

    async def up_to(self, now_ns: int) -> None:
        """Return when a message has come that was sent at ``now_ns`` of the story or later."""
        while not self.frames or json.loads(self.frames[-1])["now_ms"] < now_ns // 1_000_000:
            await self.heard()

    async def quiet(self) -> None:
        """Return when three more ticks came, after whatever was published before."""
        for _ in range(3):
            await self.heard()

    async def tap(self, label: str) -> None:
        """Press the button ``label``."""
        await self.tab.get_by_role("button", name=label, exact=True).click()


@contextlib.asynccontextmanager
async def phone(
    browser: Browser,
    home: Home,
    wearer: str | None = "ada",
    *,
    width: int = 390,
    locale: str = "en-US",
    touch: bool = False,
) -> AsyncIterator[Phone]:
    """A phone in Berlin whose clock agrees with the home's; paired unless ``wearer`` is None."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844},
        locale=locale,
        timezone_id="Europe/Berlin",
        has_touch=touch,
    )
    context.set_default_timeout(10_000)
    tab = await context.new_page()
    await tab.clock.set_fixed_time(datetime.fromtimestamp(home.clock.now_ns() / 1e9, UTC))
    own = Phone(context, tab)
    url = f"http://127.0.0.1:{home.page.port}/" if wearer is None else home.page.pairing_url(wearer)
    if wearer is None:
        await tab.goto(url)
    else:  # paired before anything else is opened: a second tab would have no credential yet
        async with tab.expect_response(lambda answer: answer.request.method == "POST"):
            await tab.goto(url)
    try:
        yield own
    finally:
        await context.close()


async def picture(own: Phone, name: str) -> None:
    """Screenshots of one screen, phone and desktop, light and dark; and no axe violation."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for light in schemes:
        await own.tab.emulate_media(color_scheme=light)
        for size, (width, height) in SIZES.items():
            await own.tab.set_viewport_size({"width": width, "height": height})
            await own.tab.screenshot(path=SHOTS / f"{name}-{size}-{light}.png", full_page=True)
        found = await Axe().run(own.tab)
        assert found.violations_count == 0, found.generate_report()
    await own.tab.set_viewport_size({"width": 390, "height": 844})
