"""Run times of samples that carry a clock of their own; pure.

The offset between the two clocks is the smallest difference between arrival and device time
seen: the way through the radio only ever adds to it, so the sample that was fastest shows it
best. It may rise by the drift that a crystal is allowed, so that a slow clock does not leave its
samples behind. Records from a backlog keep their own device time and so land where they belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NS: Final = 1_000_000_000
RESET_NS: Final = 2 * NS
"""A clock that disagrees with its own past by more than this has been set or counts anew. No
radio link hands over a *later* time earlier than it happened, so 2 s is far beyond any error."""

_STALE_NS: Final = 86_400 * NS  # a backlog deeper than a day is taken for a clock that was set back
_DRIFT_PPM: Final = 500  # the worst sleep clock allowed (Core Specification, Vol 6 Part B, 4.2.2)


@dataclass(frozen=True, slots=True)
class Placed:
    """A sample's run time; ``reset`` with the first of a stream in a new epoch."""

    t_ns: int
    epoch: int
    reset: bool


@dataclass(slots=True)
class _Cursor:
    epoch: int
    device_ns: int
    t_ns: int


class DeviceClock:
    """One device's clock, shared by its streams and kept over its connections.

    Within an epoch the times of a stream strictly increase. When a faster sample shows that the
    offset had been too large, they run at half the device's speed until they are right, though
    not past their arrival.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.epoch = 0
        self._offset_ns: int | None = None
        self._seen_ns = 0
        self._boot: int | None = None
        self._cursors: dict[str, _Cursor] = {}

    def booted(self, count: int) -> None:
        """The device names its boot count; another one than before starts a new epoch."""
        if self._boot is not None and count != self._boot:
            self._restart()
        self._boot = count

    def read(self, device_ns: int, recv_ns: int) -> None:
        """The device answered with its present time: no backlog can stand between."""
        fresh_ns = recv_ns - device_ns
        if self._offset_ns is not None and abs(fresh_ns - self._offset_ns) > RESET_NS:
            self._restart()
        self._learn(fresh_ns, recv_ns)

    def place(self, stream: str, device_ns: int, recv_ns: int) -> Placed | None:
        """Run time of a sample of ``stream``; ``None`` if it is not later than the one before."""
        fresh_ns = recv_ns - device_ns
        cursor = self._cursors.get(stream)
        if self._offset_ns is not None:
            ahead = fresh_ns < self._offset_ns - RESET_NS
            behind = fresh_ns > self._offset_ns + _STALE_NS
            back = (
                cursor is not None
                and cursor.epoch == self.epoch
                and device_ns < cursor.device_ns - RESET_NS
            )
            if ahead or behind or back:
                self._restart()
        self._learn(fresh_ns, recv_ns)
        t_ns = device_ns + (self._offset_ns or 0)
        if cursor is None or cursor.epoch != self.epoch:
            self._cursors[stream] = _Cursor(self.epoch, device_ns, t_ns)
            return Placed(t_ns, self.epoch, reset=cursor is not None)
        passed_ns = device_ns - cursor.device_ns
        if passed_ns <= 0:
            return None
        cursor.device_ns = device_ns
        slowed_ns = min(cursor.t_ns + passed_ns // 2, recv_ns)
        cursor.t_ns = max(t_ns, slowed_ns, cursor.t_ns + 1)
        return Placed(cursor.t_ns, self.epoch, reset=False)

    def _learn(self, fresh_ns: int, recv_ns: int) -> None:
        if self._offset_ns is None:
            self._offset_ns = fresh_ns
        else:
            drift_ns = (recv_ns - self._seen_ns) * _DRIFT_PPM // 1_000_000
            self._offset_ns = min(self._offset_ns + drift_ns, fresh_ns)
        self._seen_ns = recv_ns

    def _restart(self) -> None:
        self.epoch += 1
        self._offset_ns = None
