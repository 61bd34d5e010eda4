"""The person's own usual: five quiet minutes, robustly, then a slow drift while settled.

Three of the five minutes make a provisional one, so that nobody waits longer than needed to be
watched; the others refine it. It is no stretch yet: it is journalled and kept for the day only
once it is whole.

One baseline a person for now: the split into sitting and standing waits until posture is known
from the trunk. Median and spread follow ``science``: s = max(1.4826 MAD, floor).
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field, replace
from typing import Final

from vagalwatch.hrv.parameters import NS, PARAMETERS

_CALIBRATION = PARAMETERS.calibration
_STEP_S: Final = PARAMETERS.rows.step_s
_WANT_ROWS: Final = _CALIBRATION.want_s // _STEP_S
_MIN_ROWS: Final = _CALIBRATION.min_s // _STEP_S
_MINUTE_ROWS: Final = 60 // _STEP_S

BASELINE_KEY: Final = "baseline"
"""Key of the ``Setting`` that carries a baseline; the value ``null`` asks for a new one."""
WINDOW_KEY: Final = "baseline-window"
"""Key of the ``Setting`` that says from when to when the baseline is taken (``[from, to]`` ns)."""

_FLOORS: Final = {
    "hr_bpm": _CALIBRATION.floor_hr_bpm,
    "steady_bpm": _CALIBRATION.floor_hr_bpm,
    "ln_rmssd": _CALIBRATION.floor_ln_rmssd,
    "ln_scl": _CALIBRATION.floor_ln_scl,
    "nsr": _CALIBRATION.floor_nsr,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a row gives to a baseline; ``None`` where it could not be told.

    ``steady_bpm`` is the heart as ``arousal`` hears it: all sources, each by its trust.
    """

    hr_bpm: float
    steady_bpm: float | None = None
    ln_rmssd: float | None = None
    ln_scl: float | None = None
    nsr: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A median and a spread that is never under the figure's floor."""

    median: float
    spread: float

    def z(self, value: float | None) -> float | None:
        """``value`` in spreads from the median."""
        return None if value is None else (value - self.median) / self.spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """One stretch of five minutes as medians and spreads."""

    t_ns: int
    eda_source: str
    hr: Usual
    steady: Usual | None = None
    ln_rmssd: Usual | None = None
    ln_scl: Usual | None = None
    nsr: Usual | None = None


@dataclass(slots=True, kw_only=True)
class BaselineState:
    """What the baseline is made of.

    The stretches that it is the median of (newest last, at most seven; none: ``usual`` is
    provisional), the rows being collected for the next, and since when. ``window_ns`` is set by
    the researcher; ``expired`` says why there is none now.
    """

    stretches: list[Minutes] = field(default_factory=list)
    usual: Minutes | None = None
    rows: list[Figures] = field(default_factory=list)
    since_ns: int | None = None
    window_ns: tuple[int, int] | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the calibration is: usable seconds, and bpm of trend that still is too much."""

    usable_s: float
    trend_bpm: float | None = None


def current(state: BaselineState, t_ns: int) -> Minutes | None:
    """The baseline that stands at ``t_ns``: one older than a day says nothing of today."""
    if state.usual is not None and t_ns - state.usual.t_ns > _CALIBRATION.expiry_s * NS:
        forget(state)
        state.expired = True
    return state.usual


def calibrate(
    state: BaselineState, t_ns: int, figures: Figures | None, eda_source: str
) -> Progress | None:
    """Take a row (``None``: not usable) while there is no baseline. ``None``: there is one now."""
    if state.window_ns is not None:
        return _calibrate_window(state, t_ns, figures, eda_source)
    if figures is None:
        return Progress(usable_s=len(state.rows) * _STEP_S)
    if state.since_ns is None:
        state.since_ns = t_ns
    if t_ns - state.since_ns < _CALIBRATION.settle_s * NS:
        return Progress(usable_s=0.0)
    state.rows.append(figures)
    del state.rows[:-_MIN_ROWS]
    usable_s = len(state.rows) * _STEP_S
    if len(state.rows) < _MIN_ROWS:
        return Progress(usable_s=usable_s)
    if not _level(state.rows):
        return Progress(usable_s=usable_s, trend_bpm=_trend_bpm(state.rows))
    state.usual = _summary(state.rows, t_ns, eda_source)
    return None


def drift(state: BaselineState, t_ns: int, figures: Figures | None, eda_source: str) -> bool:
    """Take a settled row (``None``: not one). True when a whole new stretch moved the baseline.

    The first stretch is the provisional baseline's own, which each level minute refines;
    interruptions do not matter to it, as in the calibration. Later ones are five minutes
    settled without a break, and the baseline is the median of the last seven, so no single one
    moves it far.
    """
    if provisional(state):
        return figures is not None and _refine(state, t_ns, figures, eda_source)
    if figures is None or state.window_ns is not None:
        state.rows.clear()
        return False
    state.rows.append(figures)
    if len(state.rows) < _WANT_ROWS:
        return False
    _adopt(state, t_ns, eda_source)
    return True


def provisional(state: BaselineState) -> bool:
    """Whether the baseline that stands is still being taken."""
    return state.usual is not None and not state.stretches


def forget(state: BaselineState) -> None:
    """Start calibrating anew."""
    state.stretches.clear()
    state.usual = None
    state.rows.clear()
    state.since_ns = None
    state.window_ns = None
    state.expired = False


def reset_time(state: BaselineState, t_ns: int) -> None:
    """The clock went back to ``t_ns``: how old the baseline is counts from now on."""
    state.since_ns = state.window_ns = None
    state.stretches = [
        replace(stretch, t_ns=min(stretch.t_ns, t_ns)) for stretch in state.stretches
    ]
    if state.usual is not None:
        state.usual = replace(state.usual, t_ns=min(state.usual.t_ns, t_ns))


def to_json(state: BaselineState) -> str:
    """The stretches as JSON with round-trip digits, so that a restored baseline is the same."""
    return json.dumps([_stretch_fields(stretch) for stretch in state.stretches])


def take_setting(state: BaselineState, key: str, value: str) -> None:
    """Restore, reset or place the baseline. Text that is none of these changes nothing."""
    try:
        parsed = json.loads(value)
        if key == WINDOW_KEY:
            start_ns, end_ns = (int(edge) for edge in parsed)
            forget(state)
            state.window_ns = (start_ns, end_ns)
        elif parsed is None:
            forget(state)
        else:
            stretches = [_stretch(fields) for fields in parsed][-_CALIBRATION.keep :]
            if stretches:
                state.stretches = stretches
                state.usual = _median(stretches)
                state.rows.clear()
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return


def _calibrate_window(
    state: BaselineState, t_ns: int, figures: Figures | None, eda_source: str
) -> Progress | None:
    start_ns, end_ns = state.window_ns or (0, 0)
    if figures is not None and start_ns < t_ns <= end_ns:
        state.rows.append(figures)
    if t_ns >= end_ns:
        if len(state.rows) >= _MIN_ROWS:
            _adopt(state, t_ns, eda_source)
            return None
        # Too little there: the first usable minutes from here on, as without the wish.
        state.window_ns = None
        state.rows.clear()
    return Progress(usable_s=len(state.rows) * _STEP_S)


def _refine(state: BaselineState, t_ns: int, figures: Figures, eda_source: str) -> bool:
    state.rows.append(figures)
    del state.rows[:-_WANT_ROWS]
    if len(state.rows) % _MINUTE_ROWS or not _level(state.rows):
        return False
    if len(state.rows) == _WANT_ROWS:
        _adopt(state, t_ns, eda_source)
        return True
    state.usual = _summary(state.rows, t_ns, eda_source)
    return False


def _adopt(state: BaselineState, t_ns: int, eda_source: str) -> None:
    state.stretches.append(_summary(state.rows, t_ns, eda_source))
    del state.stretches[: -_CALIBRATION.keep]
    state.usual = _median(state.stretches)
    state.rows.clear()
    state.since_ns = None
    state.expired = False


def _summary(rows: list[Figures], t_ns: int, eda_source: str) -> Minutes:
    return Minutes(
        t_ns=t_ns,
        eda_source=eda_source,
        hr=_usual("hr_bpm", [row.hr_bpm for row in rows]),
        steady=_usual_or_none("steady_bpm", [row.steady_bpm for row in rows]),
        ln_rmssd=_usual_or_none("ln_rmssd", [row.ln_rmssd for row in rows]),
        ln_scl=_usual_or_none("ln_scl", [row.ln_scl for row in rows]),
        nsr=_usual_or_none("nsr", [row.nsr for row in rows]),
    )


def _usual_or_none(name: str, values: list[float | None]) -> Usual | None:
    """Where at least three minutes of five tell the figure, or as much of fewer."""
    known = [value for value in values if value is not None]
    enough = len(known) * _WANT_ROWS >= _MIN_ROWS * min(len(values), _WANT_ROWS)
    return _usual(name, known) if enough else None


def _usual(name: str, values: list[float]) -> Usual:
    median = statistics.median(values)
    deviation = statistics.median(abs(value - median) for value in values)
    return Usual(median=median, spread=max(_CALIBRATION.mad * deviation, _FLOORS[name]))


def _median(stretches: list[Minutes]) -> Minutes:
    """Figure by figure. Skin stretches count only from the sensor that is worn now."""
    last = stretches[-1]
    same_skin = [s for s in stretches if s.eda_source == last.eda_source]
    return Minutes(
        t_ns=last.t_ns,
        eda_source=last.eda_source,
        hr=_middle([s.hr for s in stretches]) or last.hr,
        steady=_middle([s.steady for s in stretches]),
        ln_rmssd=_middle([s.ln_rmssd for s in stretches]),
        ln_scl=_middle([s.ln_scl for s in same_skin]),
        nsr=_middle([s.nsr for s in same_skin]),
    )


def _middle(usuals: list[Usual | None] | list[Usual]) -> Usual | None:
    known = [usual for usual in usuals if usual is not None]
    if not known:
        return None
    return Usual(
        median=statistics.median(usual.median for usual in known),
        spread=statistics.median(usual.spread for usual in known),
    )


def _level(rows: list[Figures]) -> bool:
    """Whether the heart is at rest: it neither rises nor falls from the first to the last third."""
    middle = statistics.median(row.hr_bpm for row in rows)
    limit_bpm = max(_CALIBRATION.level_bpm, _CALIBRATION.level_share * middle)
    return abs(_trend_bpm(rows)) <= limit_bpm


def _trend_bpm(rows: list[Figures]) -> float:
    third = len(rows) // 3
    return statistics.median(row.hr_bpm for row in rows[-third:]) - statistics.median(
        row.hr_bpm for row in rows[:third]
    )


_PARTS: Final = ("hr", "steady", "ln_rmssd", "ln_scl", "nsr")


def _stretch_fields(stretch: Minutes) -> dict[str, object]:
    fields: dict[str, object] = {"t_ns": stretch.t_ns, "eda_source": stretch.eda_source}
    for part in _PARTS:
        usual: Usual | None = getattr(stretch, part)
        fields[part] = None if usual is None else [usual.median, usual.spread]
    return fields


def _stretch(fields: dict[str, object]) -> Minutes:
    """Raises ValueError, TypeError or KeyError for anything but what :func:`to_json` wrote."""
    hr = _read_usual(fields["hr"])
    if hr is None:
        raise ValueError("a baseline needs a heart rate")
    t_ns = fields["t_ns"]
    if not isinstance(t_ns, int):
        raise TypeError("t_ns is no integer")
    return Minutes(
        t_ns=t_ns,
        eda_source=str(fields["eda_source"]),
        hr=hr,
        steady=_read_usual(fields.get("steady")),  # older ones have none
        ln_rmssd=_read_usual(fields["ln_rmssd"]),
        ln_scl=_read_usual(fields["ln_scl"]),
        nsr=_read_usual(fields["nsr"]),
    )


def _read_usual(pair: object) -> Usual | None:
    if pair is None:
        return None
    if not isinstance(pair, list):
        raise TypeError("median and spread are a pair")
    median, spread = (float(number) for number in pair)
    if not (math.isfinite(median) and math.isfinite(spread) and spread > 0):
        raise ValueError("median and spread are finite, and the spread is positive")
    return Usual(median=median, spread=spread)
