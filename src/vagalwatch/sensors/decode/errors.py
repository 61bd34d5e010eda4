"""The one way a decoder says no."""

from __future__ import annotations


class DecodeError(Exception):
    """A frame that does not follow its layout.

    Attributes:
        reason: a stable code (``truncated``, ``trailing``, ``oversized``, ``wrong-length``,
            ``reserved-value``, ``out-of-range``, ``open-circuit``, ``unknown-kind``).
        offset: the byte at which the frame stopped making sense.
        frame: the bytes as they came.
    """

    def __init__(self, reason: str, offset: int, frame: bytes) -> None:
        """Name the reason, the byte and the whole frame."""
        super().__init__(f"{reason} at byte {offset} of {len(frame)}")
        self.reason = reason
        self.offset = offset
        self.frame = frame
