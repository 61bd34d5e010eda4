"""What a detector gets and gives: the one interface of the benchmark (docs/evaluate.md)."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import numpy as np

from vagalwatch.evaluate.score import Alert
from vagalwatch.sensors.recording.model import AXES, NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vagalwatch.sensors.recording import Recording, Signal

    Values = NDArray[np.float64]

ROW_S: Final = 5
UNKNOWN: Final = "unknown"


class DetectorError(Exception):
    """A detector cannot be found or broke its promise; the message is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person's recording as arrays, all times in seconds from its start, strictly rising.

    Nothing is filled in or filtered: what the sensor did not give is not there. ``baseline_s`` is
    the stretch in which the person sat quietly, from which a personal baseline may be taken.
    Several sources of one signal are not mixed: the one with most samples stands.
    """

    recording: Recording
    """The same as it was read, with its gaps, contact flags and every source."""
    baseline_s: tuple[float, float]
    shown_hr_bpm: tuple[Values, Values] | None = None
    """The rate that the device itself showed, where the recording has a better one in its place."""

    @property
    def duration_s(self) -> float:
        """To the last sample."""
        return self.recording.duration_s

    @cached_property
    def row_t_s(self) -> Values:
        """When rows are due: 5, 10, ... shape (n,)."""
        rows = int(self.duration_s) // ROW_S
        return np.arange(1, rows + 1, dtype=np.float64) * ROW_S

    @cached_property
    def beats(self) -> tuple[Values, Values]:
        """Times of the beats that end an interval, and the intervals in ms; both (n,)."""
        return self._series("rr_ms")

    @cached_property
    def hr_bpm(self) -> tuple[Values, Values]:
        """Times and heart rate; both (n,). The device's own, or tracked in its optical signal."""
        return self._series("hr_bpm")

    @property
    def device_hr_bpm(self) -> tuple[Values, Values]:
        """Times and heart rate as the device itself showed it; both (n,)."""
        return self.hr_bpm if self.shown_hr_bpm is None else self.shown_hr_bpm

    @cached_property
    def eda_us(self) -> tuple[Values, Values]:
        """Times and skin conductance in microsiemens; both (n,)."""
        return self._series("eda_us")

    @cached_property
    def acc_mg(self) -> tuple[Values, Values]:
        """Times (n,) and acceleration in milli-g (n, 3), gravity included."""
        axes = [self._series(axis) for axis in AXES]
        return axes[0][0], np.column_stack([values for _, values in axes])

    def _series(self, signal: Signal) -> tuple[Values, Values]:
        found = [series for series in self.recording.series if series.signal == signal]
        if not found:
            return np.empty(0), np.empty(0)
        most = max(found, key=lambda series: series.t_ns.size)
        return most.t_ns / NS, most.values


class Row(NamedTuple):
    """What is said at ``t_s`` (a multiple of 5 s), knowing nothing later.

    ``arousal`` is about 0 at the person's usual and higher the more aroused; ``None``: it cannot
    be told. ``state`` is free but for ``unknown``, which is counted.
    """

    t_s: float
    arousal: float | None
    state: str = UNKNOWN


class Said(NamedTuple):
    """The answer about one recording. Alerts are ``flooding``, ``shutdown`` and ``safety``.

    Plain tuples of the same shape do as well.
    """

    rows: Sequence[Row]
    alerts: Sequence[Alert] = ()


class Detector(Protocol):
    """Something with a name that judges a recording."""

    name: str

    def detect(self, person: Person) -> Said:
        """Rows and alerts of ``person``, each from what had happened by its time."""
        ...


class Learner(Protocol):
    """Something that is taught by other people's rows; the benchmark leaves the judged one out."""

    name: str

    def features(self, person: Person) -> Values:
        """A row of figures for each of ``person.row_t_s``: (n, k); NaN is not known."""
        ...

    def classifier(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """A new classifier as of scikit-learn: ``fit``, ``predict_proba``, ``classes_``.

        Classes are ``rest``, ``task``, ``flooding``, ``shutdown`` and ``safety``, as far as the
        suite has them.
        """
        ...


class Track(NamedTuple):
    """What was said, on the grid of rows; a row that was left out is unknown."""

    arousal: Values
    unknown: NDArray[np.bool_]
    state: tuple[str, ...]
    alerts: tuple[Alert, ...]


def track(said: Said, row_t_s: Values, name: str) -> Track:
    """``said`` on the grid.

    Raises:
        DetectorError: rows or alerts that are not of this recording.
    """
    arousal = np.full(row_t_s.shape, np.nan)
    state = [UNKNOWN] * row_t_s.size
    rows, alerts = said
    for t_s, value, word in rows:
        index = round(t_s / ROW_S) - 1
        if index * ROW_S + ROW_S != t_s or not 0 <= index < row_t_s.size:
            raise DetectorError(f"{name} gave a row at {t_s:g} s; one of person.row_t_s was due.")
        if value is not None and not math.isnan(value):
            arousal[index] = value
        state[index] = word
    for kind, t_s in alerts:
        if not isinstance(kind, str) or not math.isfinite(t_s):
            raise DetectorError(f"{name} gave an alert ({kind!r}, {t_s}); (kind, t_s) was due.")
    return Track(
        arousal=arousal,
        unknown=np.array([word == UNKNOWN for word in state], dtype=np.bool_),
        state=tuple(state),
        alerts=tuple(Alert(*alert) for alert in alerts),
    )


def load(name: str) -> Detector | Learner:
    """The detector that ``module:object`` names: an object, or a class that makes one.

    Modules are also looked for in the working directory.

    Raises:
        DetectorError: it is not there, or lacks a name or a method.
    """
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise DetectorError(f"“{name}” names no detector; give module:object.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), attribute)
        made = found() if isinstance(found, type) else found
    except (ImportError, AttributeError, TypeError) as error:
        raise DetectorError(f"“{name}” cannot be loaded: {error}.") from error
    learns = hasattr(made, "features") and hasattr(made, "classifier")
    if not isinstance(getattr(made, "name", None), str) or not (hasattr(made, "detect") or learns):
        raise DetectorError(
            f"“{name}” is no detector; a name and detect(person) were expected "
            "(or features(person) and classifier())."
        )
    loaded: Detector | Learner = made
    return loaded
