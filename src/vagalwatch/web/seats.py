"""One wearer's view and the browsers that show it: what each is sent, and when."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from vagalwatch.web.allowance import Allowance
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from vagalwatch.alerts.couple import Word
    from vagalwatch.records import Record

BROWSERS: Final = 8
"""Open pages of one wearer; a phone, a tablet, and tabs left open."""

SHOWN_AT_ONCE: Final = frozenset(
    {"tick", "gap", "clock-step", "run", "setting", "estimate", "alert", "answer", "break"}
)
"""Kinds that can change the picture. Ticks also tell the browser that all this is live; what
only the passing of samples changes is seen at the next tick."""


class Browser:
    """One open page: what it wants and what it was sent last. ``wake``: there may be news."""

    def __init__(self, token: str = "") -> None:
        """A page of the session ``token`` that has seen nothing and wants no numbers."""
        self.token = token
        self.wake = asyncio.Event()
        self.wake.set()
        self.numbers = False
        self.welcome = True
        """False once its credential has ended: it is shown out."""
        self.view_sent: dict[str, object] = {}
        self.pulse_sent_ms = 0
        self.mark = 0

    def wants(self, *, numbers: bool, mark: int = 0) -> None:
        """Numbers from now on, from the start of the curve; or no longer.

        A ``mark`` goes back with the next message: so a page that slept knows which of those that
        waited for it is of now.
        """
        if numbers != self.numbers:
            self.pulse_sent_ms = 0
        self.numbers, self.mark = numbers, mark or self.mark
        self.wake.set()


class Seat:
    """A wearer's place."""

    def __init__(self, wearer: str) -> None:
        """Nobody looks yet."""
        self.browsers: set[Browser] = set()
        self.answers = Allowance()
        self._view = View(wearer)
        self._recording = True
        self._anew = False

    @property
    def full(self) -> bool:
        """Whether there is no room for one more browser."""
        return len(self.browsers) >= BROWSERS

    def publish(self, record: Record) -> None:
        """Take a record of this wearer or of the site, and wake whom it concerns."""
        self._view.push(record)
        picture = record.kind in SHOWN_AT_ONCE
        for browser in self.browsers:
            if picture or (browser.numbers and record.kind == "heart"):
                browser.wake.set()

    def hear(self, word: Word) -> None:
        """Take what the partner lets be known; where it changes nothing, nobody wakes up."""
        if self._view.hear(word):
            self._wake()

    def set_recording(self, *, recording: bool) -> None:
        """Say, or stop saying, that the journal cannot write."""
        self._recording = recording
        self._wake()

    def set_anew(self, *, anew: bool) -> None:
        """Say, or stop saying, that the journal was damaged and began anew."""
        self._anew = anew
        self._wake()

    def show_out(self, stay: AbstractSet[Browser] = frozenset()) -> None:
        """Close every page that is open now, but those that ``stay``."""
        for browser in self.browsers - stay:
            browser.welcome = False
            browser.wake.set()

    def message(self, browser: Browser) -> str:
        """The next message for ``browser``; without news just the time, as a sign of life."""
        out: dict[str, object] = {"now_ms": self._view.now_ms()}
        if browser.mark:
            out["mark"], browser.mark = browser.mark, 0
        view = self._view.as_json() | {
            "why": self._view.why(numbers=browser.numbers),
            "breathed": self._view.breathed(numbers=browser.numbers),
            "recording": self._recording,
            "anew": self._anew,
        }
        if view != browser.view_sent:
            browser.view_sent = out["view"] = view
        if browser.numbers:
            points = self._view.pulse(browser.pulse_sent_ms)
            out["pulse"] = {"usual_bpm": self._view.usual_bpm(), "points": points}
            if points:
                browser.pulse_sent_ms = points[-1][0]
        return json.dumps(out)

    def _wake(self) -> None:
        for browser in self.browsers:
            browser.wake.set()
