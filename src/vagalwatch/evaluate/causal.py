"""Whether a detector knows the future: what it says of a recording that is cut short.

Live there is no later. A detector that scales by the whole session, or filters in both
directions, says something else of the same minutes once it sees what follows; its figures cannot
be held against those of others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vagalwatch.evaluate.detector import Person, load, track
from vagalwatch.sensors.recording.model import NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.evaluate.case import Source
    from vagalwatch.evaluate.detector import Values
    from vagalwatch.sensors.recording import Recording, Series

CUT: Final = 2 / 3
"""Where a recording is cut, but never within its baseline, which every detector is given whole."""


def looking_ahead(source: Source, detectors: Sequence[str]) -> tuple[str, ...]:
    """The names of those whose rows of ``source`` change when its end is cut off."""
    person = source.load().person
    cut_s = max(CUT * person.duration_s, person.baseline_s[1])
    if not any((series.t_ns <= cut_s * NS).any() for series in person.recording.series):
        return ()  # nothing to judge by: all of it is in the last third
    short = Person(
        recording=until(person.recording, cut_s),
        baseline_s=person.baseline_s,
        shown_hr_bpm=_shown_until(person.shown_hr_bpm, cut_s),
    )
    loaded: list[Any] = [load(name) for name in detectors]
    return tuple(
        one.name
        for one in loaded
        if not _agree(_rows(one, short), _rows(one, person), short.row_t_s.size)
    )


def until(recording: Recording, end_s: float) -> Recording:
    """``recording`` as it stood at ``end_s``."""
    end_ns = round(end_s * NS)
    return replace(
        recording,
        series=tuple(_cut(series, end_ns) for series in recording.series),
        missing=tuple(
            replace(gap, end_ns=min(gap.end_ns, end_ns))
            for gap in recording.missing
            if gap.t_ns < end_ns
        ),
        markers=tuple(marker for marker in recording.markers if marker[0] <= end_ns),
    )


def _shown_until(shown: tuple[Values, Values] | None, end_s: float) -> tuple[Values, Values] | None:
    if shown is None:
        return None
    stays = shown[0] <= end_s
    return shown[0][stays], shown[1][stays]


def _cut(series: Series, end_ns: int) -> Series:
    stays = series.t_ns <= end_ns
    return replace(series, t_ns=series.t_ns[stays], values=series.values[stays])


def _rows(detector: Any, person: Person) -> tuple[Values, tuple[str, ...]]:  # noqa: ANN401 - either protocol
    if hasattr(detector, "detect"):
        told = track(detector.detect(person), person.row_t_s, detector.name)
        return told.arousal, told.state
    return np.asarray(detector.features(person), dtype=np.float64), ()


def _agree(
    short: tuple[Values, tuple[str, ...]], whole: tuple[Values, tuple[str, ...]], rows: int
) -> bool:
    same = np.allclose(short[0], whole[0][:rows], rtol=1e-9, atol=1e-9, equal_nan=True)
    return bool(same) and short[1] == whole[1][:rows]
