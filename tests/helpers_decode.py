"""What a decoder said of some bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vagalwatch.sensors.decode.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def outcome(decode: Callable[[bytes], T], raw: bytes) -> T | DecodeError:
    """The value or the refusal; anything else that is raised is the decoder's fault."""
    try:
        return decode(raw)
    except DecodeError as refusal:
        return refusal
