"""Linking two wearers, as commands of the running service: attest, end, list.

That both may be linked is attested by somebody who has seen each alone; the machine cannot know
who types, so it keeps who is said to have attested, when, and to which sentence. See
``docs/couples.md`` for what follows from it: by itself, nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.couple import ATTESTATION, LINK, SENTENCE, Link, link_value
from vagalwatch.clock import NS
from vagalwatch.records import Setting
from vagalwatch.settings import PSEUDONYM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vagalwatch.clock import Clock
    from vagalwatch.control import Verb
    from vagalwatch.hub import Hub


class Linking:
    """Writes the ``couple-link`` rows of both, and reads them."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        """Nothing is linked by this."""
        self._hub = hub
        self._clock = clock
        self.verbs: Final[dict[str, Verb]] = {
            "link": self.attest,
            "unlink": self.end,
            "links": self.links,
        }

    async def attest(self, one: str, other: str, by: str, sentence: str) -> dict[str, str]:
        """Link ``one`` and ``other``; ``by`` says in ``sentence`` what was seen.

        Raises:
            ValueError: one sentence on what stands against it.
        """
        for wearer in (one, other):
            if wearer not in self._hub.engines:
                raise ValueError(f"“{wearer}” is not watched here.")
        if one == other:
            raise ValueError("A link takes two wearers.")
        if sentence != ATTESTATION:
            raise ValueError("Nothing was linked: that is not the sentence to attest to.")
        if not re.fullmatch(PSEUDONYM, by):
            raise ValueError("Say who attests by a pseudonym or a role, such as therapist-1.")
        if by in {one, other}:
            raise ValueError("Nobody attests for themselves: the therapist does, for both.")
        for wearer, partner in ((one, other), (other, one)):
            link = self._hub.couples.link(wearer)
            if link is not None and link.partner != partner:
                raise ValueError(f"“{wearer}” is linked with somebody else; end that first.")
        wall_s = (self._clock.now_ns() + self._clock.wall_step_ns()) // NS
        at = datetime.fromtimestamp(wall_s, UTC).isoformat()
        await self._write({one: Link(other, by, at, SENTENCE), other: Link(one, by, at, SENTENCE)})
        return {"one": one, "other": other, "by": by, "at": at}

    async def end(self, one: str, other: str) -> bool:
        """End the link on both sides; whether there was anything to end. Neither page says so.

        One of the two may no longer be watched here: the side that stands is ended.

        Raises:
            ValueError: neither is watched here.
        """
        sides = {
            wearer: partner
            for wearer, partner in ((one, other), (other, one))
            if wearer in self._hub.engines
        }
        if not sides:
            raise ValueError(f"“{one}” is not watched here.")
        standing = [
            wearer
            for wearer, partner in sides.items()
            if (link := self._hub.couples.link(wearer)) is not None and link.partner == partner
        ]
        await self._write(dict.fromkeys(standing))
        return bool(standing)

    async def links(self) -> list[dict[str, object]]:
        """What was attested. Not whether either has agreed to anything, or ended it since.

        That is each one's own, and this list may be read by the other.
        """
        found: dict[tuple[str, ...], dict[str, object]] = {}
        for wearer in self._hub.engines:
            link = self._hub.couples.link(wearer)
            if link is not None:
                pair = tuple(sorted((wearer, link.partner)))
                found[pair] = {
                    "wearers": list(pair),
                    "by": link.by,
                    "at": link.at,
                    "sentence": link.sentence,
                }
        return list(found.values())

    async def _write(self, links: Mapping[str, Link | None]) -> None:
        now_ns = self._clock.now_ns()
        for wearer, link in links.items():
            value = link_value(link)
            await self._hub.submit(
                Setting(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, key=LINK, value=value)
            )
