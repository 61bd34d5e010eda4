"""A slow phone at the edge of the Wi-Fi: how little the page sends. How fast it is: benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from helpers_page import paired, serving
from vagalwatch.records import State

if TYPE_CHECKING:
    from playwright.async_api import Browser
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from helpers_page import Story

pytestmark = pytest.mark.real

MOST_BYTES = 150_000
"""The issue's bound, here for the page and what the phone then keeps of it, with headers."""


class Scales:
    """Before the page: everything that goes out of it is weighed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.sent: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Weigh each answer, and each picture, without the few bytes of their frames."""

        async def weighed(message: Message) -> None:
            heads = sum(len(name) + len(value) + 4 for name, value in message.get("headers", ()))
            body = len(message.get("body", b"")) + len(message.get("text") or "")
            self.sent[scope["path"]] = self.sent.get(scope["path"], 0) + heads + body
            await send(message)

        await self._app(scope, receive, weighed)


async def test_the_first_visit_is_light_and_the_next_asks_for_nothing(
    browser: Browser, story: Story
) -> None:
    page = story.new_page()
    scales = Scales(page.app)
    page.app = scales
    async with serving(page):
        story.row(State.SETTLED)
        context = await browser.new_context()
        name, _, value = (await paired(page, "ada")).partition("=")
        url = f"http://127.0.0.1:{page.port}"
        await context.add_cookies([{"name": name, "value": value, "url": url}])
        scales.sent.clear()
        tab = await context.new_page()
        await tab.goto(url)
        await expect(tab.get_by_role("button", name="I need a break")).to_be_visible()
        await tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        assert sum(scales.sent.values()) < MOST_BYTES

        scales.sent.clear()
        await tab.reload()
        await expect(tab.get_by_role("button", name="I need a break")).to_be_visible()
        await expect(tab.get_by_role("button", name="Pause it all")).to_be_visible()
        assert set(scales.sent) <= {"/live", "/picture", "/sw.js"}, "the phone has the rest"
        await context.close()
