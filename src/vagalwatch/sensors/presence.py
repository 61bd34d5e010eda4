"""Is a stream there? Every stretch without samples is an open gap with its reason; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.records import Gap, GapReason

if TYPE_CHECKING:
    from vagalwatch.records import Stream


_UNTIL_LINKED = frozenset(
    {
        GapReason.LINK_LOST,
        GapReason.NEVER_SEEN,
        GapReason.STOPPED,
        GapReason.MODE_CHANGE,
        GapReason.SUSPEND,
    }
)
"""Reasons that no longer explain an absence once the link has been up for long enough."""


class Presence:
    """The gaps of one stream of one source, at most one of them open.

    A gap starts at the last sample, so it covers what was lost before the loss was noticed, and
    ends at the next sample. When the reason changes in between, one gap ends and the next begins
    at that moment.
    """

    def __init__(self, wearer: str, source: str, stream: Stream, silence_ns: int) -> None:
        """Start unlinked; a stream is silent ``silence_ns`` after its last arrival."""
        self._wearer = wearer
        self._source = source
        self._stream = stream
        self._silence_ns = silence_ns
        self._patience_ns = silence_ns
        self._open: Gap | None = None
        self._known_ns: int | None = None  # the last sample, or the end of the last gap
        self._quiet_since_ns: int | None = None  # None: nothing is expected

    @property
    def reason(self) -> GapReason | None:
        """Why there is nothing at present; ``None`` while there are samples."""
        return None if self._open is None else self._open.reason

    def awaited(self, since_ns: int) -> None:
        """From ``since_ns`` on samples are missed; to be told before anything else."""
        self._known_ns = since_ns

    def linked(self, now_ns: int) -> None:
        """The link is up: from now on samples are expected."""
        self._expect(now_ns, self._silence_ns)

    def missing(
        self, now_ns: int, reason: GapReason, *, patience_ns: int | None = None
    ) -> list[Gap]:
        """There is nothing from here on, because of ``reason``.

        ``patience_ns`` is how long the reason explains it; after that it is silence.
        """
        if patience_ns is not None:
            self._expect(now_ns, patience_ns)
        elif reason in _UNTIL_LINKED:
            self._quiet_since_ns = None
        if self.reason is reason:
            return []
        ended = self._close(now_ns, now_ns)
        start_ns = now_ns if self._known_ns is None else min(now_ns, self._known_ns)
        self._open = self._gap(start_ns, now_ns, reason)
        return [*ended, self._open]

    def excused(self, now_ns: int) -> list[Gap]:
        """The reason of the open gap is over, though no sample has come; silence counts anew."""
        self._expect(now_ns, self._silence_ns)
        return self._close(now_ns, now_ns)

    def slept(self, now_ns: int) -> list[Gap]:
        """The machine slept up to now, so nothing could come; silence counts anew from here."""
        if self._open is None:
            return self.missing(now_ns, GapReason.SUSPEND, patience_ns=self._silence_ns)
        if self._quiet_since_ns is not None:
            self._quiet_since_ns = now_ns
        return []

    def sampled(self, first_ns: int, last_ns: int, recv_ns: int) -> list[Gap]:
        """Samples from ``first_ns`` to ``last_ns`` have come."""
        hole = (
            self._known_ns is not None
            and self._open is None
            and first_ns - self._known_ns > self._silence_ns
        )
        if hole:  # noticed by the samples' own times before, or without, a tick
            self._open = self._gap(self._known_ns or 0, recv_ns, GapReason.SILENT)
        closed = self._close(first_ns, recv_ns)
        self._known_ns = max(last_ns, self._known_ns or last_ns)
        self._expect(recv_ns, self._silence_ns)
        return closed

    def tick(self, now_ns: int) -> list[Gap]:
        """Notice silence, which is the absence of anything to notice."""
        if self._quiet_since_ns is None or now_ns - self._quiet_since_ns < self._patience_ns:
            return []
        if self._open is not None and self._open.reason not in _UNTIL_LINKED:
            return []
        return self.missing(now_ns, GapReason.SILENT)

    def _expect(self, now_ns: int, patience_ns: int) -> None:
        self._quiet_since_ns, self._patience_ns = now_ns, patience_ns

    def _close(self, end_ns: int, recv_ns: int) -> list[Gap]:
        if self._open is None:
            return []
        gap, self._open = self._open, None
        end_ns = max(end_ns, gap.t_ns)
        self._known_ns = max(end_ns, self._known_ns or end_ns)
        return [self._gap(gap.t_ns, recv_ns, gap.reason, end_ns)]

    def _gap(self, t_ns: int, recv_ns: int, reason: GapReason, end_ns: int | None = None) -> Gap:
        return Gap(
            wearer=self._wearer,
            source=self._source,
            stream=self._stream,
            t_ns=t_ns,
            recv_ns=recv_ns,
            reason=reason,
            end_ns=end_ns,
        )
