"""How often something may be done: so many at once, then one each so often (a token bucket)."""

from __future__ import annotations

from typing import Final

from vagalwatch.clock import NS

TAPS_AT_ONCE: Final = 60
"""Our choice: what a page that was away for long passes on at once, eight open pages together,
and nobody taps so often. Answers and wishes have one each: settings that run wild keep no "I need
a break" from being heard, and fill the journal by a record a second."""
TAP_EACH_NS: Final = NS


class Allowance:
    """Full at the start; ``take`` one for each thing that is done."""

    def __init__(self, at_once: int = TAPS_AT_ONCE, each_ns: int = TAP_EACH_NS) -> None:
        """``at_once`` to begin with and at most, and one more each ``each_ns``."""
        self._each_ns = each_ns
        self._most_ns = at_once * each_ns
        self._left_ns = self._most_ns
        self._last_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Whether one is left at ``now_ns``, which never goes back; then it is one less."""
        since_ns = 0 if self._last_ns is None else now_ns - self._last_ns
        self._last_ns = now_ns
        self._left_ns = min(self._most_ns, self._left_ns + since_ns)
        if self._left_ns < self._each_ns:
            return False
        self._left_ns -= self._each_ns
        return True
