"""Skin conductance of one source: quarter seconds on arrival, level and responses at a row.

Samples of any rate from 3 to 32 Hz are summed into bins ((k - 1)/4 s, k/4 s] of UTC as exact
integers, so the order of arrival and the cut into chunks cannot change a digit. They wait as they
came until a row asks for them: at 16 Hz, one a record, summing them together costs a tenth of what
it does one by one. Twenty bins are a stretch, which ends with a row and is worked through once
(:mod:`~vagalwatch.hrv.scr`); a sample that comes late takes back what was made of its stretch and
of those after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv import scr
from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.columns import (
    WIDTH,
    floats,
    ints,
    pack_float,
    pack_floats,
    pack_int,
    pack_ints,
    row_of_floats,
)
from vagalwatch.hrv.parameters import NS, PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from vagalwatch.records import Eda, Level

    Floats = NDArray[np.float64]

_SKIN = PARAMETERS.skin
_STRETCH_S: Final = scr.STRETCH_S
_STRETCH_NS: Final = _STRETCH_S * NS
_MS_NS: Final = 1_000_000
_BIN_MS: Final = 250
_BINS: Final = _STRETCH_S * 1000 // _BIN_MS
"""Bins in a stretch."""
_UNIT: Final = 1e10
"""Fixed point: 1e-10 uS, 1e-9 of the least level that counts as skin; whole numbers in floats,
whose sums are exact up to 2**53."""
_WHOLE: Final = 1.5 * 2**52
"""Added and taken off again it rounds to a whole number, without a call for each sample."""
_LIMIT_US: Final = 500.0
"""What is said to be more, of either sign: no skin, and not to be told from saturated."""
_SCL: Final = _SKIN.scl_s // _STRETCH_S
_NSR: Final = _SKIN.nsr_s // _STRETCH_S
_LOOKBACK: Final = round(_SKIN.hole_s * 4)
_AROUND_S: Final = _SKIN.around_s
_HOLD: Final = 20
"""Stretches held at most: the window and what may come before its row is told."""
_FUTURE_NS: Final = PARAMETERS.rows.future_s * NS
_MOST_NEW: Final = 256 * WIDTH
"""Bytes of times that wait at most: what no row asks for is summed, too."""
_COUNT, _TOTAL, _LATE_MS = range(3)
_COLUMNS: Final = 3
_EMPTY: Final = bytes(_BINS * _COLUMNS * WIDTH)
"""A stretch without a sample."""
_CHANGE: Final = _SKIN.change_s // _STRETCH_S
_FOLLOW: Final = 1 - 0.5 ** (_STRETCH_S / _SKIN.slow_s)
"""How far the slow mean goes towards the level in a row."""


@dataclass(slots=True, kw_only=True)
class Slow:
    """What rows leave for later rows: the last two minutes of ln level, and its slow mean.

    ``ln_us`` (newest last, ``None``: not known) ends with the row ``row`` (in steps of 5 s).
    """

    row: int = 0
    ln_us: list[float | None] = field(default_factory=list)
    mean: float | None = None


@dataclass(slots=True, kw_only=True)
class EdaState:
    """One source: its bins without a hole from stretch ``first`` on, and what was made of them.

    A bin has three floats in ``bins`` (see :mod:`vagalwatch.hrv.columns`), whole numbers: its
    samples, their sum (1e-10 uS) and the sum of their ms after its start. A stretch has the
    distinct values of its samples (``None``: more than a stuck sensor has) and its temperature's
    sum (m deg C) and number. ``done`` are the stretches worked through. The ``new`` samples are in
    no bin yet.
    """

    first: int = 0
    bins: bytes = b""
    values: list[tuple[float, ...] | None] = field(default_factory=list)
    temp_mc: list[int] = field(default_factory=list)
    temps: list[int] = field(default_factory=list)
    done: list[scr.Stretch] = field(default_factory=list)
    oldest: int = 0
    slow: Slow = field(default_factory=Slow)
    new_t_ns: bytes = b""
    new_us: bytes = b""
    last_ns: int = 0


class Skin(NamedTuple):
    """What a row knows of the skin: figures, or the gate that withholds them.

    ``scl_us`` is the mean of 30 s, ``tonic_us`` what of it lies under the responses,
    ``nsr_per_min`` the responses of 60 s, ``level_us`` the level of the last 5 s. Two compare that
    level with itself: ``ln_change`` is ln of it over that of 120 s ago, ``ln_over_mean`` over its
    own slow mean (half-life 10 min).
    """

    gate: Gate | None = None
    scl_us: float | None = None
    tonic_us: float | None = None
    nsr_per_min: float | None = None
    level_us: float | None = None
    ln_change: float | None = None
    ln_over_mean: float | None = None


def take(state: EdaState, eda: Eda) -> None:
    """Keep a chunk for the next row; what is from the future or no number is refused."""
    t_ns, eda_us = eda.sample_t_ns, eda.eda_us
    latest_ns = eda.recv_ns + _FUTURE_NS
    if len(t_ns) == len(eda_us) == 1:  # as a ring sends them: in a third of the time
        if t_ns[0] > latest_ns or not math.isfinite(eda_us[0]):
            return
        state.new_t_ns += pack_int(t_ns[0])
        state.new_us += pack_float(eda_us[0])
    else:
        known = len(t_ns) == len(eda_us) and all(map(math.isfinite, eda_us))
        if not known or max(t_ns, default=0) > latest_ns:
            whole = zip(t_ns, eda_us, strict=False)
            fit = [(t, us) for t, us in whole if t <= latest_ns and math.isfinite(us)]
            t_ns, eda_us = zip(*fit, strict=True) if fit else ((), ())
        if not t_ns:
            return
        state.new_t_ns += pack_ints(t_ns)
        state.new_us += pack_floats(eda_us)
    state.last_ns = max(state.last_ns, t_ns[-1])
    if len(state.new_t_ns) > _MOST_NEW:
        sum_up(state)


def sum_up(state: EdaState) -> None:
    """Put the new samples into their bins, in order of arrival."""
    if not state.new_t_ns:
        return
    # A sample on a border belongs to what ends there: counted from just before it.
    place, late_ms = np.divmod((ints(state.new_t_ns) - 1) // _MS_NS, _BIN_MS)
    late_ms += 1
    value_us = floats(state.new_us)
    state.new_t_ns = state.new_us = b""
    if not np.maximum.reduce(np.abs(value_us)) < _LIMIT_US:
        value_us = np.where(np.abs(value_us) < _LIMIT_US, value_us, _LIMIT_US)
    value = value_us * _UNIT + _WHOLE - _WHOLE
    stretch = place // _BINS
    edges = (np.flatnonzero(stretch[1:] != stretch[:-1]) + 1).tolist()
    for start, end in pairwise([0, *edges, place.size]):
        i = _stretch(state, int(stretch[start]))
        if i >= 0 and (values := state.values[i]) is not None:
            distinct = {*values, *value[start:end].tolist()}
            few = len(distinct) <= _SKIN.stuck_values
            state.values[i] = tuple(sorted(distinct)) if few else None
    place -= state.first * _BINS
    old = int(np.minimum.reduce(place))
    if old < 0:  # of a stretch that is too old
        held = place >= 0
        place, value, late_ms = place[held], value[held], late_ms[held]
        old = 0
    place -= old  # bins before the first new sample stay as they are
    bins = _bins(state)[old:].copy()
    bins[:, _COUNT] += np.bincount(place, minlength=len(bins))
    bins[:, _TOTAL] += np.bincount(place, value, len(bins))
    bins[:, _LATE_MS] += np.bincount(place, late_ms, len(bins))
    state.bins = state.bins[: old * _COLUMNS * WIDTH] + bins.tobytes()


def take_level(state: EdaState | None, level: Level) -> None:
    """Of slow readings, the skin's temperature under the same sensor."""
    latest_ns = level.recv_ns + PARAMETERS.rows.future_s * NS
    if state is None or level.signal != "temp_c" or level.t_ns > latest_ns:
        return
    i = _stretch(state, (level.t_ns - 1) // _STRETCH_NS)
    # The range of Bluetooth's Temperature (GATT: sint16, 0.01 deg C); NaN is outside of it too.
    if i >= 0 and abs(level.value) < 327.68:  # noqa: PLR2004 - a format's bound, used once
        state.temps[i] += 1
        state.temp_mc[i] += round(level.value * 1000)


def trim(state: EdaState, t_ns: int) -> None:
    """Forget what no row after ``t_ns`` needs: all but the window and what its start rests on."""
    sum_up(state)
    state.oldest = max(state.oldest, t_ns // _STRETCH_NS - _NSR - 1)
    _drop(state, state.oldest - state.first)


def judge(state: EdaState, t_ns: int, shaken: Callable[[int], bool] | None = None) -> Skin:
    """What the row ``t_ns`` (a multiple of 5 s, later than the last one judged) says of the skin.

    ``shaken`` tells of a second of UTC (by its end) whether the hand moved in it; without it a
    jump is an artefact only where it is steeper than any skin.
    """
    sum_up(state)
    row = t_ns // _STRETCH_NS
    here = row - state.first
    end = max(here * _BINS, 0)
    if not any(_column(state, _COUNT, end - _SKIN.silent_s * 4, end)):
        return _withheld(state, row, Gate.EDA_SILENT)
    while len(state.values) < here:
        _append(state)
    for i in range(len(state.done), here):
        state.done.append(_work(state, i))
    minute = state.done[max(here - _NSR, 0) : here]
    half = minute[-_SCL:]
    counts = _column(state, _COUNT, end - _BINS * _SCL, end)
    samples, filled = sum(counts), len(counts) - counts.count(0)
    if filled < _SKIN.scl_share * _BINS * _SCL:
        return _withheld(state, row, Gate.EDA_SILENT)
    struck_s = (
        [] if not any(s.steep_s or s.jumps_s for s in minute) else _struck(minute, t_ns, shaken)
    )
    gate = _gate(state, here, minute, samples / filled, struck_s)
    if gate is not None:
        return _withheld(state, row, gate)
    scl_us = sum(_column(state, _TOTAL, end - _BINS * _SCL, end)) / samples / _UNIT
    troughs = sorted(s.trough_us for s in half if s.trough_us is not None)
    tonic_us = min(troughs[len(troughs) // 2], scl_us) if troughs else scl_us
    change, over = _compared(state.slow, row, minute[-1].level_us)
    return Skin(
        scl_us=scl_us,
        tonic_us=tonic_us,
        nsr_per_min=_responses_per_min(minute, struck_s),
        level_us=minute[-1].level_us,
        ln_change=change,
        ln_over_mean=over,
    )


# --- bins and stretches --------------------------------------------------------------------------


def _stretch(state: EdaState, stretch: int) -> int:
    """The index of a stretch, made if it must be; -1: it is too old for any row.

    What was made of it and of later ones is taken back.
    """
    newest = 0 <= stretch - state.first == len(state.values) - 1
    if not newest and not _hold(state, stretch):
        return -1
    i = stretch - state.first
    if i < len(state.done):
        del state.done[i:]
    return i


def _hold(state: EdaState, stretch: int) -> bool:
    """Make room for a stretch, unless it is too old. What is held depends on the newest alone."""
    newest = state.first + len(state.values) - 1
    if stretch < state.oldest or (state.values and newest - stretch >= _HOLD):
        return False
    if not state.values or stretch - newest >= _HOLD:
        _drop(state, len(state.values))
        state.first, newest = stretch, stretch - 1
    elif stretch < state.first:
        _prepend(state, state.first - stretch)
    for _ in range(stretch - newest):
        _append(state)
    _drop(state, stretch - state.first - _HOLD + 1)
    return True


def _bins(state: EdaState) -> Floats:
    """Shape (bins, 3)."""
    return floats(state.bins).reshape(-1, _COLUMNS)


def _column(state: EdaState, column: int, start: int, end: int) -> Sequence[float]:
    """One of the three numbers of some bins; at so few an array's calls cost more than they do."""
    first = max(start, 0) * _COLUMNS + column
    return row_of_floats(state.bins)[first : end * _COLUMNS : _COLUMNS].tolist()


def _append(state: EdaState) -> None:
    state.bins += _EMPTY
    state.values.append(())
    state.temp_mc.append(0)
    state.temps.append(0)


def _prepend(state: EdaState, stretches: int) -> None:
    state.bins = _EMPTY * stretches + state.bins
    state.values[:0] = [()] * stretches
    state.temp_mc[:0] = state.temps[:0] = [0] * stretches
    state.first -= stretches
    state.done.clear()


def _drop(state: EdaState, stretches: int) -> None:
    """Forget the first so many."""
    if stretches <= 0:
        return
    state.bins = state.bins[stretches * len(_EMPTY) :]
    for each in (state.values, state.temp_mc, state.temps, state.done):
        del each[:stretches]
    state.first += stretches


def _work(state: EdaState, i: int) -> scr.Stretch:
    """Work through the stretch at index ``i``; those before it are done."""
    start = i * _BINS
    back = max(start - _LOOKBACK, 0)
    counts, totals, lates_ms = (_column(state, c, back, start + _BINS) for c in range(_COLUMNS))
    late_ms = zip(range(back - start, _BINS), counts, lates_ms, strict=True)
    t_s = [at / 4 + late / (1000 * n) for at, n, late in late_ms if n]
    v_us = [total / (_UNIT * n) for n, total in zip(counts, totals, strict=True) if n]
    known = start - back - counts[: start - back].count(0)
    extra = max(known - scr.LOOKBACK, 0)
    before = state.done[max(i - scr.LOOKBACK_STRETCHES, 0) : i]
    return scr.work(t_s[extra:], v_us[extra:], known - extra, before)


# --- gates ---------------------------------------------------------------------------------------


def _gate(
    state: EdaState, here: int, minute: list[scr.Stretch], per_bin: float, struck_s: list[float]
) -> Gate | None:
    """Kleckner 2018's limits, and whether the signal lives at all."""
    levels = sorted(s.level_us for s in minute[-_SCL:] if s.level_us is not None)
    middle_us, newest_us = levels[len(levels) // 2], minute[-1].level_us
    if middle_us < _SKIN.open_us or (newest_us is not None and newest_us < _SKIN.open_us):
        return Gate.EDA_OPEN
    if middle_us > _SKIN.saturated_us:
        return Gate.EDA_SATURATED
    if _cold(state, here):
        return Gate.EDA_TEMPERATURE
    if any(ago_s <= _AROUND_S for ago_s in struck_s):
        return Gate.EDA_ARTEFACT
    return Gate.EDA_STUCK if _stuck(state, here, minute, per_bin) else None


def _stuck(state: EdaState, here: int, minute: list[scr.Stretch], per_bin: float) -> bool:
    """A handful of values, or less noise than any worn sensor has."""
    some = state.values[max(here - _SCL, 0) : here]
    known = [values for values in some if values is not None]
    if len(known) == len(some) and len(set().union(*known)) <= _SKIN.stuck_values:
        return True
    rough = [s.rough_us for s in minute if s.rough_us is not None]
    # Of white noise, which the mean of a bin's samples lessens.
    return math.hypot(*rough) * math.sqrt(per_bin) < _SKIN.stuck_sd_us * math.sqrt(len(rough))


def _struck(
    minute: list[scr.Stretch], t_ns: int, shaken: Callable[[int], bool] | None
) -> list[float]:
    """How many seconds before the row the sensor was struck."""
    struck_s: list[float] = []
    for i, stretch in enumerate(minute):
        start_s = (len(minute) - i) * _STRETCH_S
        struck_s += [start_s - at_s for at_s in stretch.steep_s]
        if shaken is not None:
            struck_s += [
                start_s - at_s
                for at_s in stretch.jumps_s
                if shaken(t_ns // NS - math.floor(start_s - at_s))
            ]
    return struck_s


def _cold(state: EdaState, here: int) -> bool:
    """Out of the skin's range, or cooling as only a sensor that is taken off does."""
    now = _temp_c(state, here - 1)
    if now is None:
        return False
    before = _temp_c(state, here - 1 - _SKIN.cooling_s // _STRETCH_S)
    return not _SKIN.temp_min_c <= now <= _SKIN.temp_max_c or (
        before is not None and before - now >= _SKIN.cooling_c
    )


def _temp_c(state: EdaState, i: int) -> float | None:
    if i < 0 or not state.temps[i]:
        return None
    return state.temp_mc[i] / state.temps[i] / 1000


# --- figures -------------------------------------------------------------------------------------


def _responses_per_min(minute: list[scr.Stretch], struck_s: list[float]) -> float | None:
    """Responses that peak in the minute, over what of it could be seen; ``None``: too little."""
    lost_s = float((_NSR - len(minute)) * _STRETCH_S) + sum([s.lost_s for s in minute])
    last_s = math.inf
    for at_s in sorted(struck_s, reverse=True):
        lost_s += min(at_s + _AROUND_S, last_s) - max(at_s - _AROUND_S, 0.0)
        last_s = max(at_s - _AROUND_S, 0.0)
    if lost_s > _SKIN.nsr_lost_s:
        return None
    seen = 0
    start_s = len(minute) * _STRETCH_S
    for stretch in minute:
        for at_s in stretch.peaks_s:
            ago_s = start_s - at_s
            struck = struck_s and any(abs(ago_s - s) <= _AROUND_S for s in struck_s)
            seen += ago_s < _SKIN.nsr_s and not struck
        start_s -= _STRETCH_S
    return seen * 60.0 / (_SKIN.nsr_s - lost_s)


def _withheld(state: EdaState, row: int, gate: Gate) -> Skin:
    _go_to(state.slow, row)
    return Skin(gate=gate)


def _go_to(slow: Slow, row: int) -> None:
    """Make ``row`` the last one, with nothing known of it and of those that were not judged."""
    passed = row - slow.row
    if not 0 < passed <= _CHANGE:
        slow.ln_us.clear()
        slow.ln_us.append(None)
    else:
        slow.ln_us += [None] * passed
    if passed * _STRETCH_S > _SKIN.slow_s:
        slow.mean = None
    slow.row = row
    del slow.ln_us[: -_CHANGE - 1]


def _compared(slow: Slow, row: int, level_us: float | None) -> tuple[float | None, float | None]:
    """The skin against itself: ln change of 120 s, and ln over the slow mean."""
    _go_to(slow, row)
    if level_us is None or level_us <= 0:
        return None, None
    now = slow.ln_us[-1] = math.log(level_us)
    before = slow.ln_us[0] if len(slow.ln_us) > _CHANGE else None
    if slow.mean is None:
        slow.mean = now
    slow.mean += _FOLLOW * (now - slow.mean)
    return None if before is None else now - before, now - slow.mean
