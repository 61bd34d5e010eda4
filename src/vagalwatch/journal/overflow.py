"""What is left out while the disk refuses for longer than memory can hold, and the gaps for it."""

from __future__ import annotations

from typing import Final

from vagalwatch.records import Eda, Gap, GapReason, Heart, Motion, Record, Stream, span

_STREAMS: Final = {Heart: Stream.HEART, Eda: Stream.EDA, Motion: Stream.MOTION}


class Overflow:
    """Counts what was dropped and remembers which stretch of which stream it was."""

    def __init__(self) -> None:
        """Nothing is missing."""
        self.count = 0
        self._gaps: dict[tuple[str, str, Stream], Gap] = {}

    def drop(self, record: Record) -> None:
        """Note that ``record`` will not be kept."""
        self.count += 1
        if not isinstance(record, Heart | Eda | Motion):
            return
        stream = _STREAMS[type(record)]
        start_ns, end_ns = span(record)
        before = self._gaps.get((record.wearer, record.source, stream))
        self._gaps[record.wearer, record.source, stream] = Gap(
            wearer=record.wearer,
            source=record.source,
            stream=stream,
            t_ns=start_ns if before is None else min(start_ns, before.t_ns),
            recv_ns=record.recv_ns,
            reason=GapReason.NOT_RECORDED,
            end_ns=end_ns if before is None else max(end_ns, before.end_ns or end_ns),
        )

    def forget(self, wearer: str) -> None:
        """``wearer`` is being erased: no gap stands for what was dropped."""
        self._gaps = {key: gap for key, gap in self._gaps.items() if gap.wearer != wearer}

    def take_gaps(self) -> list[Gap]:
        """The gaps so far, each stream's once; begin anew."""
        gaps = list(self._gaps.values())
        self._gaps.clear()
        self.count = 0
        return gaps
