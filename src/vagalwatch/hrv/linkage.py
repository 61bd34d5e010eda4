"""Whether the heart rates of two people of one session rise and fall together; pure.

Windowed cross-correlation (Boker et al. 2002, Psychol. Methods 7:338) of the rows' heart rate,
held against the same two people shifted in time against each other: a shifted pair has each
one's own rhythm and drift and nothing of the meeting (Moulder et al. 2018, Psychol. Methods
23:757; why such surrogates are needed: Behrens et al. 2020). It says that two hearts moved
together more than chance would have them, and nothing of why: a joint schedule, the same coffee
or the same stairs do it too. Linkage is no merit either: in conflict it went with inflammation
(Wilson et al. 2018). It is for the therapist's session and never for an alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

STEP_S: Final = 5
WINDOW_ROWS: Final = 12
"""60 s: what is slower than that is each one's own story of the hour, not an exchange."""
LAG_ROWS: Final = 2
"""10 s either way; the rate of a row is a median of 30 s, so no finer order can be told."""
APART_ROWS: Final = 24
"""The least shift of a surrogate, 120 s: over window, both lags and the 30 s of a row's rate, so
that no surrogate has seen a moment that the meeting has."""
LEAST_SHIFTS: Final = 200
"""Fewer cannot tell 5 % from its neighbours; a session of some 21 minutes has as many."""
LEAST_WINDOWS: Final = 120
"""Ten minutes of windows in which both are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linkage:
    """How two series moved together.

    ``r`` is the mean correlation within windows, -1 to 1, at the lag where it is furthest from 0
    (negative: one rises while the other falls); ``lag_s`` above 0: the second one follows. ``p``
    is two-sided, of the furthest over all lags: the rank of ``r`` among ``shifts`` surrogates
    that were looked at over the same lags. ``windows`` is how many pairs of windows ``r`` is of.
    """

    r: float
    lag_s: int
    p: float
    windows: int
    shifts: int


def linkage(one: Values, other: Values) -> Linkage | None:
    """Of two series on one time base: a value every 5 s, NaN where it is not known.

    A window with a value missing is left out, never bridged. ``None``: too little is known of
    both at once (ten minutes of windows, and time enough to shift them), or nothing varies.

    Raises:
        ValueError: the series differ in length.
    """
    if one.shape != other.shape:
        raise ValueError("two series of one time base have the same length")
    known = np.flatnonzero(np.isfinite(one) & np.isfinite(other))
    if known.size == 0:
        return None
    both = slice(known[0], known[-1] + 1)
    total, windows = _by_offset(*_windows(one[both]), *_windows(other[both]))
    size = windows.size
    lags = np.arange(-LAG_ROWS, LAG_ROWS + 1)
    shifts = np.arange(APART_ROWS, size - APART_ROWS + 1)
    # Offset k pairs a window with the other's k rows later, around the circle: a lag is a small
    # offset (no window reaches over the end, so none of these goes round), a surrogate a large one.
    enough = windows >= LEAST_WINDOWS
    shifts = shifts[np.all(enough[(shifts[:, None] + lags) % size], axis=1)]
    if shifts.size < LEAST_SHIFTS or not np.all(enough[lags]):
        return None
    mean = total / np.maximum(windows, 1)
    best = int(lags[np.argmax(np.abs(mean[lags]))])
    furthest = abs(mean[best])
    if furthest < _NOTHING:
        return None
    surrogates = np.max(np.abs(mean[(shifts[:, None] + lags) % size]), axis=1)
    beyond = int(np.count_nonzero(surrogates >= furthest))
    return Linkage(
        r=float(mean[best]),
        lag_s=best * STEP_S,
        p=(1 + beyond) / (1 + shifts.size),
        windows=int(windows[best]),
        shifts=int(shifts.size),
    )


_NOTHING: Final = 1e-9  # what rounding leaves where a series does not vary


def _windows(values: Values) -> tuple[Values, Values]:
    """Each row's window from it on as a unit vector of deviations, and 1 where it is whole.

    A window in which nothing varies is whole, and agrees with nothing.
    """
    unit = np.zeros((values.size, WINDOW_ROWS))
    whole = np.zeros(values.size)
    if values.size >= WINDOW_ROWS:
        seen = np.lib.stride_tricks.sliding_window_view(values, WINDOW_ROWS)
        off_mean = seen - seen.mean(axis=1, keepdims=True)
        length = np.sqrt(np.sum(off_mean**2, axis=1, keepdims=True))
        varies = length > _NOTHING  # False where a value is missing
        unit[: len(seen)] = np.where(varies, off_mean / np.where(varies, length, 1), 0)
        whole[: len(seen)] = np.isfinite(length[:, 0])
    return unit, whole


def _by_offset(
    one: Values, one_whole: Values, other: Values, other_whole: Values
) -> tuple[Values, NDArray[np.int64]]:
    """Sum of the correlations and number of pairs of windows, by circular offset of the second."""
    total = _around(one, other).sum(axis=1)
    pairs = _around(one_whole[:, None], other_whole[:, None])[:, 0]
    return total, np.rint(pairs).astype(np.int64)


def _around(one: Values, other: Values) -> Values:
    """Column by column, the sum over i of one[i] * other[i + k] for each k around the circle."""
    spectrum = np.conj(np.fft.rfft(one, axis=0)) * np.fft.rfft(other, axis=0)
    around: Values = np.fft.irfft(spectrum, n=len(one), axis=0)
    return around
