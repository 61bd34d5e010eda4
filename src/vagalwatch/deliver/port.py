"""What leaves the house, as ports: a ledger confirms each batch; a mailbox runs by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.journal.port import Entry
    from vagalwatch.records import Answer, Marker, Setting


class UnavailableError(Exception):
    """The other side cannot take anything now; the same batch is offered again later.

    ``advice`` is a sentence for a person, ``retry_after_s`` what the other side asked for.
    """

    def __init__(self, advice: str, retry_after_s: float | None = None) -> None:
        """Keep the advice and the wish."""
        super().__init__(advice)
        self.advice = advice
        self.retry_after_s = retry_after_s


class PoisonedError(Exception):
    """Something in this batch will never be taken; it is bisected and set aside."""


class Ledger(Protocol):
    """Takes everything, in order, at least once, idempotently."""

    name: str

    def write(self, entries: Sequence[Entry]) -> None:
        """Write a batch and return only when the other side has confirmed it (blocking).

        Raises:
            UnavailableError: try the same batch again later.
            PoisonedError: part of it will never be taken.
        """
        ...


class Inbox(Protocol):
    """Where what people say comes in: page, MQTT, control socket."""

    async def submit(self, record: Answer | Setting | Marker) -> None:
        """Journal ``record``, let the engine see it, and return when it is on disk."""
        ...
