"""Sample entropy and DFA alpha-1 of one window; for whole recordings, not for live rows.

Both ask for beats in their order, so ectopic and missed beats distort them more than any figure of
the time domain; with more than a few left out there is no figure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

MIN_BEATS: Final = 200  # Yentes 2013 (Ann Biomed Eng 41:349): fewer make the entropy unsteady
# Rogers 2021 (Sensors 21:821): under 3 % of corrected beats move alpha-1 little, 6 % do. A beat
# that is left out takes two pairs with it.
MIN_PAIRED: Final = 0.94
_TEMPLATE: Final = 2  # m and r: Richman & Moorman 2000
_TOLERANCE: Final = 0.2
_BOXES: Final = tuple(range(4, 17))  # Peng 1995 (Chaos 5:82): short-term scaling, 4 to 16 beats


def sample_entropy(beats: BeatWindow) -> float | None:
    """-ln(A / B) with m 2 and r .2 SD (Richman & Moorman 2000, Am J Physiol 278:H2039).

    B counts pairs of runs of two intervals that agree within r, A those that go on to agree; a
    run is of neighbours of one chain. ``None`` with under 200 valid beats, with over 6 % of pairs
    broken, and where no run goes on to agree.
    """
    if _thin(beats):
        return None
    rr_ms = beats.rr_ms
    near = np.abs(rr_ms[:, None] - rr_ms) <= _TOLERANCE * np.std(rr_ms[beats.valid], ddof=1)
    # Runs of three that are whole; the last of each decides whether both counts may use it.
    whole = beats.paired[1:-1] & beats.paired[2:]
    short = near[:-2, :-2] & near[1:-1, 1:-1] & whole[:, None] & whole
    count = int(np.count_nonzero(short))
    long = int(np.count_nonzero(short & near[2:, 2:]))
    runs = int(np.count_nonzero(whole))  # every run agrees with itself, which does not count
    if long == runs:
        return None
    return -math.log((long - runs) / (count - runs))


def dfa_alpha1(beats: BeatWindow) -> float | None:
    """Slope of log F(n) over log n, n from 4 to 16 beats (Peng 1995, Chaos 5:82).

    F(n) is the root mean square of the summed intervals (less their mean) about a line in each
    box of n beats. Beats that are left out are left out of the sum. ``None`` as for
    :func:`sample_entropy`, and where all intervals are equal.
    """
    if _thin(beats):
        return None
    rr_ms = beats.rr_ms[beats.valid]
    walk = np.cumsum(rr_ms - rr_ms.mean())
    spread = np.array([_about_lines(walk, size) for size in _BOXES])
    if not spread.all():
        return None
    x = np.log(np.array(_BOXES, dtype=np.float64))
    x -= x.mean()
    return float((x * np.log(spread)).sum() / (x * x).sum())


def _thin(beats: BeatWindow) -> bool:
    valid = int(np.count_nonzero(beats.valid))
    pairs = int(np.count_nonzero(beats.paired))
    return valid < MIN_BEATS or pairs < MIN_PAIRED * (beats.rr_ms.size - 1)


def _about_lines(walk: NDArray[np.float64], size: int) -> float:
    boxes = walk[: walk.size // size * size].reshape(-1, size)
    boxes = boxes - boxes.mean(axis=1, keepdims=True)
    t = np.arange(size) - (size - 1) / 2
    boxes -= ((boxes * t).sum(axis=1) / (t * t).sum())[:, None] * t
    return math.sqrt(float((boxes * boxes).mean()))
