"""From notifications to beat times: RR intervals are chained and held against their arrival.

A heart-rate notification carries no time. What is known is that a sensor sends, about once a
second, the intervals of all beats that have ended since its last notification, a fixed while
after they ended. So, with ``c`` the sum of the intervals up to a beat, each notification bounds
the one unknown, the offset between that sum and the run's time, from both sides:

* the last beat in it had ended:      offset <= arrival - c(last beat)
* the first beat in it had not ended
  when the notification before came:  offset >= arrival before - c(first beat)

Arrival is never early and sometimes late, so the first bound is hard and its smallest value
counts; single values of the second may be too high and its second largest of a few counts. While
the bounds agree the chain stands and its beats keep exactly their intervals (but for a slow pull
into the bounds, which follows the drift of the sensor's clock and its rounding). When they
contradict each other by more than the shortest beat, a beat is missing or there is one too many:
the chain is broken, with the reason, and anchored anew. No chain is bridged, and no beat is
placed after its arrival or before its predecessor.

A lost notification also leaves a hole in the arrivals; that alone costs the pair across it. What
cannot be seen at once is an interval that the sensor itself forgot while the heart beats in step
with the sensor's second: times are then early by that interval until the beat wanders off.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vagalwatch.records import GapReason

NS: Final = 1_000_000_000
_NS_PER_2_TICKS: Final = 1_953_125  # 1/512 s: sums of ticks stay exact

MIN_RR_1024: Final = 308  # 300 ms
MAX_RR_1024: Final = 2048  # 2000 ms
"""Plausible intervals: 30 to 200 bpm, the range a heart rate meter must cover (ANSI/AAMI EC13).

Shorter ones are artefacts (Garmin HRM-Dual adds them to good packets), longer ones are missed
beats or fill values (65535). Neither refuses the packet.
"""

TOLERANCE_NS: Final = 300_000_000
"""Contradictions are proven beyond the shortest plausible interval: a whole beat is always more,
the jitter of a connection event is less."""

_NOTIFICATION_NS: Final = NS  # Heart Rate Service 1.0, 3.1.1: typically once a second
_HOLE = 1.75  # times the usual interval: one notification is missing or very late
_REGULAR = 0.75  # times the usual interval: not the catching up of what was held up
_BURST_NS: Final = 250_000_000  # notifications closer than this were held up together
_REPEAT_NS: Final = 100_000_000  # the same intervals again within this were sent twice
_SETTLING_NS: Final = 15 * NS  # surplus so soon after connecting is what the sensor had stored
_HIGHS: Final = 32  # notifications; so often a heart 3 % off the sensor's second meets it once
_LOWS: Final = 8
_PULL: Final = 10  # the offset moves by at most a tenth of the time that passes


@dataclass(frozen=True, slots=True)
class Run:
    """Beats without a break, oldest first; ``chained`` to the beat before the first."""

    beat_t_ns: tuple[int, ...]
    rr_1024: tuple[int, ...]
    chained: bool


@dataclass(frozen=True, slots=True)
class Break:
    """The chain ended at ``t_ns`` and goes on at ``end_ns``; nothing is known in between."""

    t_ns: int
    end_ns: int
    reason: GapReason


class BeatClock:
    """Beat times of one source, over all its connections: strictly increasing, never revised.

    With a sensor that notifies each second and is late by a constant (plus up to 0.25 s of
    jitter), beats lie within 1.3 s of the truth from the first, and within 0.6 s of it after
    25 s, unless the heart beats exactly in step with the sensor's second: then the bounds cannot
    close, and beats stay up to 1.3 s early. No pair is given across a lost notification, and the
    chain ends within 10 s of it (nearly in step, 4 bpm around 60 and 120, perhaps not: the beats
    after it are then early by what was lost); at once after one that was sent twice.
    """

    def __init__(self, rr_latency_s: float) -> None:
        """Start unconnected; ``rr_latency_s`` is the model's median delay from beat to arrival."""
        self.set_latency(rr_latency_s)
        self._last_beat_ns: int | None = None
        self._reason: GapReason | None = None
        self.opened(0)

    def set_latency(self, rr_latency_s: float) -> None:
        """The model became known. Call before the first beats of a connection."""
        # Beats wait half a notification interval on average; the rest of the median is fixed.
        self._latency_ns = max(0, round(rr_latency_s * NS) - _NOTIFICATION_NS // 2)

    def opened(self, now_ns: int) -> None:
        """A connection was made; nothing before it can be chained to."""
        self._opened_ns = now_ns
        self._arrivals: deque[int] = deque(maxlen=6)
        self._before_ns: int | None = None  # the notification before the present burst
        self._suspected = False  # the hole before the last notification was a lost one
        self._repeatable: tuple[int, ...] = ()
        self._reason = None
        self.broken(None)

    def broken(self, reason: GapReason | None) -> None:
        """Beats may have been lost: the next one starts a new chain, anchored anew.

        With a reason the break is reported when the chain goes on; without one the caller
        reports it.
        """
        self._linked = False
        self._reason = reason or self._reason
        self._ticks = 0
        self._offset_ns: int | None = None
        self._highs: deque[int] = deque(maxlen=_HIGHS)
        self._lows: deque[int] = deque(maxlen=_LOWS)

    def push(self, rr_1024: tuple[int, ...], recv_ns: int) -> list[Run | Break]:
        """Take the intervals of one notification, also when it has none; in order of arrival."""
        self._arrived(rr_1024, recv_ns)
        if self._is_repeat(rr_1024, recv_ns):
            # Not chained, not counted: the anchor stands, the pair across it does not.
            self._linked, self._reason = False, GapReason.SURPLUS_BEATS
            return []
        if rr_1024:
            self._repeatable = rr_1024
        said: list[Run | Break] = []
        for part in _split_at_long(rr_1024):
            if part:
                said += self._chain(part, recv_ns)
            else:
                self.broken(GapReason.MISSING_BEATS)
        return said

    # --- arrival ---------------------------------------------------------------------------

    def _arrived(self, rr_1024: tuple[int, ...], recv_ns: int) -> None:
        """Keep the rhythm of arrivals and judge its holes.

        A hole is a notification that is late or lost, and costs the pair across it. A late one
        is followed by the next within less than the usual wait; when that does not happen, and
        the intervals do not cover the hole, it was lost, and beats with it.
        """
        if self._arrivals:
            wait_ns = recv_ns - self._arrivals[-1]
            usual_ns = max(
                _NOTIFICATION_NS, min((b - a for a, b in pairwise(self._arrivals)), default=0)
            )
            if self._suspected and wait_ns > _REGULAR * usual_ns:
                self.broken(GapReason.MISSING_BEATS)
            hole = wait_ns > _HOLE * usual_ns
            self._suspected = hole and _to_ns(sum(rr_1024)) < wait_ns - usual_ns // 2
            self._linked = self._linked and not hole
            if wait_ns >= _BURST_NS:
                self._before_ns = self._arrivals[-1]
        self._arrivals.append(recv_ns)

    def _is_repeat(self, rr_1024: tuple[int, ...], recv_ns: int) -> bool:
        """Equal intervals are normal; equal ones faster than any heart were sent twice."""
        return (
            bool(rr_1024)
            and rr_1024 == self._repeatable
            and len(self._arrivals) > 1
            and recv_ns - self._arrivals[-2] < _REPEAT_NS
        )

    # --- the chain -------------------------------------------------------------------------

    def _chain(self, rr_1024: tuple[int, ...], recv_ns: int) -> list[Run | Break]:
        first_ns = _to_ns(self._ticks + rr_1024[0])
        last_ns = _to_ns(self._ticks + sum(rr_1024))
        high_ns = recv_ns - last_ns
        low_ns = None if self._before_ns is None else self._before_ns - first_ns
        reason = self._contradiction(high_ns, low_ns, recv_ns)
        if reason is not None:
            ticks = self._ticks
            self.broken(reason)
            self._ticks = ticks
        if reason in (GapReason.BACKLOG, GapReason.SURPLUS_BEATS):
            low_ns = None  # it rests on every beat having been sent at once, and only once
        self._settle(high_ns, low_ns, recv_ns)
        return self._emit(rr_1024)

    def _contradiction(self, high_ns: int, low_ns: int | None, recv_ns: int) -> GapReason | None:
        if self._offset_ns is None:
            return None
        if high_ns < self._offset_ns - TOLERANCE_NS:
            fresh = recv_ns - self._opened_ns < _SETTLING_NS
            return GapReason.BACKLOG if fresh else GapReason.SURPLUS_BEATS
        if low_ns is None:
            return None
        high_ns = min(high_ns, *self._highs)
        lows = sorted((low_ns, *self._lows))
        agreed_ns = lows[-2] if len(lows) > 1 else lows[-1]
        # No delay of a live link hides a whole long beat, so that much needs no second witness.
        whole_ns = high_ns + _to_ns(MAX_RR_1024)
        if agreed_ns > high_ns + TOLERANCE_NS or low_ns > whole_ns:
            return GapReason.MISSING_BEATS
        if low_ns > high_ns + TOLERANCE_NS:
            self._linked = False  # suspicion costs one pair, proof costs the chain
        return None

    def _settle(self, high_ns: int, low_ns: int | None, recv_ns: int) -> None:
        """Anchor the chain, or pull its offset between the bounds."""
        self._highs.append(high_ns)
        if low_ns is not None:
            self._lows.append(low_ns)
        if self._offset_ns is None:
            # The earliest that a beat of this notification can have been: from here the offset
            # only has to rise, so no beat is ever placed after its arrival.
            earliest_ns = high_ns - _NOTIFICATION_NS
            self._offset_ns = earliest_ns if low_ns is None else max(earliest_ns, low_ns)
        elif len(self._lows) > 1:
            agreed_ns = sorted(self._lows)[-2]
            step_ns = (recv_ns - self._arrivals[-2]) // _PULL
            self._offset_ns = max(self._offset_ns, min(agreed_ns, self._offset_ns + step_ns))
        self._offset_ns = min(self._offset_ns, *self._highs)

    def _emit(self, rr_1024: tuple[int, ...]) -> list[Run | Break]:
        assert self._offset_ns is not None  # noqa: S101 - _settle has just set it
        said: list[Run | Break] = []
        times: list[int] = []
        ticks: list[int] = []
        chained = self._linked
        for rr in rr_1024:
            self._ticks += rr
            t_ns = self._offset_ns - self._latency_ns + _to_ns(self._ticks)
            early = self._last_beat_ns is not None and t_ns <= self._last_beat_ns
            if rr < MIN_RR_1024 or early:
                # Its time has passed, but it is no beat (or one that has been told already).
                if times:
                    said.append(Run(tuple(times), tuple(ticks), chained))
                    times, ticks = [], []
                chained = self._linked = False
                continue
            if not times:
                chained = self._linked
                said += self._report_break(t_ns - _to_ns(rr))
            times.append(t_ns)
            ticks.append(rr)
            self._linked = True
            self._last_beat_ns = t_ns
        if times:
            said.append(Run(tuple(times), tuple(ticks), chained))
        return said

    def _report_break(self, resumes_ns: int) -> list[Run | Break]:
        reason, self._reason = self._reason, None
        if reason is None or self._last_beat_ns is None:
            return []
        return [Break(self._last_beat_ns, max(self._last_beat_ns, resumes_ns), reason)]


def _to_ns(ticks: int) -> int:
    return ticks * _NS_PER_2_TICKS // 2


def _split_at_long(rr_1024: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Stretches of usable intervals; an empty one stands for each implausibly long interval."""
    parts: list[tuple[int, ...]] = []
    stretch: tuple[int, ...] = ()
    for rr in rr_1024:
        if rr <= MAX_RR_1024:
            stretch += (rr,)
            continue
        parts += [stretch, ()] if stretch else [()]
        stretch = ()
    return [*parts, stretch] if stretch else parts
