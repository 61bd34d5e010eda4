"""A real browser, and a page with a story behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright

from helpers_own import OwnStory
from helpers_page import ticking
from helpers_real import need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = need("chromium")
    async with async_playwright() as play:
        # Root in a container has no sandbox to use.
        yield await play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[OwnStory]:
    story = OwnStory(tmp_path)
    await story.start()
    with ticking(story):
        yield story
    await story.stop()
    story.journal.close()
