"""What comes in over MQTT: each message is an answer or is refused, with the reason as a code.

The wearer is that of the topic, so the broker's ACL decides who speaks for whom. Retained
messages are the past, old ones too; the same id counts once. Nothing of a payload is logged.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from vagalwatch.deliver.mqtt_messages import INCOMING, PREFIX, Ack, Command, HomeCommand
from vagalwatch.records import Answer, AnswerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

NS: Final = 1_000_000_000
LONGEST_BYTES: Final = 1024
OLDEST_NS: Final = 120 * NS
"""A prompt's time, if the person has set no other: what was on the way for longer is stale."""
AHEAD_NS: Final = 60 * NS
"""How far a phone's clock may run ahead."""
REMEMBERED: Final = 256
"""Of each wearer."""


class RefusedError(Exception):
    """This message is not taken; the text is a code."""


class CommandReader:
    """Reads acks and commands of a site's wearers and takes each id once."""

    def __init__(
        self,
        site: str,
        wearers: Collection[str],
        *,
        takes_presses: Callable[[str], bool],
        hears: Collection[str] = INCOMING,
    ) -> None:
        """Nothing was heard yet; ``takes_presses``: whether the home may start a wearer's break.

        ``hears`` names the topics that count. What was not subscribed to is not heard either: a
        broker may send what it likes.
        """
        self._site = site
        self._takes_presses = takes_presses
        self._hears = frozenset(hears)
        self._taken: dict[str, OrderedDict[str, None]] = {w: OrderedDict() for w in wearers}
        """Ids by wearer: what one sends makes nobody else's be forgotten."""

    def remember(self, wearer: str, message_id: str) -> None:
        """This id was taken (also: before a restart, as the journal tells)."""
        if (taken := self._taken.get(wearer)) is None:
            return
        taken[message_id] = None
        while len(taken) > REMEMBERED:
            taken.popitem(last=False)

    def forget(self, wearer: str) -> None:
        """``wearer`` is erased: take nothing more, and keep nothing."""
        self._taken.pop(wearer, None)

    def read(
        self, topic: str, payload: bytes, *, retained: bool, now_ns: int, wall_ns: int
    ) -> Answer:
        """The answer that a message carries, as of ``now_ns`` (``wall_ns`` by the wall clock).

        Raises:
            RefusedError: ``topic``, ``retained``, ``size``, ``consent``, ``payload``, ``stale``,
                ``future`` or ``twice``.
        """
        wearer, name = self._address(topic)
        if retained:
            raise RefusedError("retained")
        if len(payload) > LONGEST_BYTES:
            raise RefusedError("size")
        if name == "home-command" and not self._takes_presses(wearer):
            raise RefusedError("consent")
        try:
            said_id, issued_at, kind, about, minutes = _read(name, payload)
        except ValidationError as error:
            raise RefusedError("payload") from error
        self._check(wearer, said_id, issued_at, wall_ns)
        self.remember(wearer, said_id)
        return Answer(
            wearer=wearer,
            t_ns=now_ns,
            recv_ns=now_ns,
            answer=kind,
            about=about,
            minutes=minutes,
            via="home" if name == "home-command" else "mqtt",
            id=said_id,
        )

    def _address(self, topic: str) -> tuple[str, str]:
        start = f"{PREFIX}/{self._site}/"
        wearer, _, name = topic.removeprefix(start).partition("/")
        known = topic.startswith(start) and wearer in self._taken
        if not known or name not in self._hears:
            raise RefusedError("topic")
        return wearer, name

    def _check(self, wearer: str, message_id: str, issued_at: datetime, wall_ns: int) -> None:
        issued_ns = round(issued_at.timestamp() * NS)
        if issued_ns < wall_ns - OLDEST_NS:
            raise RefusedError("stale")
        if issued_ns > wall_ns + AHEAD_NS:
            raise RefusedError("future")
        if message_id in self._taken[wearer]:
            raise RefusedError("twice")


def _read(name: str, payload: bytes) -> tuple[str, datetime, AnswerKind, str, int | None]:
    """Its id, among those of all topics, when it was issued, and what it says."""
    if name == "ack":
        ack = Ack.model_validate_json(payload)
        return f"ack:{ack.id}", ack.issued_at, AnswerKind.SHOWN, ack.id, None
    if name == "home-command":
        pressed = HomeCommand.model_validate_json(payload)
        return f"home:{pressed.id}", pressed.issued_at, AnswerKind.START_BREAK, "", None
    said = Command.model_validate_json(payload)
    return said.id, said.issued_at, said.command, said.about, said.minutes
