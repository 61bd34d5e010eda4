"""Skin conductance responses: found as they come, five seconds at a time.

A response rises within seconds and recovers over many (Boucsein 2012), so the next one mostly
starts while the last still falls; from trough to peak of the level it is too small then, or not
there at all. Adding ``recovery_s`` times the slope to the level undoes the recovery (the one-pole
inverse of Bateman's curve; Alexander 2005, J Neurosci Methods 146:116): each response stands by
itself, and its height is held against an absolute threshold. A relative one, as 10 % of the
largest peak, finds dozens of responses a minute in a flat line.

Pure: a stretch is worked through from its points and from what the stretches before it left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKIN = PARAMETERS.skin
STRETCH_S: Final = 5
LOOKBACK: Final = 4
"""Points before a stretch that its first points need."""
_NOISE_STRETCHES: Final = 4
_DRIFT_STRETCHES: Final = 6
_FEW: Final = 8
"""Fewer differences tell no noise; that of the stretch before stands for it."""
_FOURTH: Final = 0.6745 * math.sqrt(70.0)
"""Median size of the fourth differences (1, -4, 6, -4, 1) of white noise with sd 1. A response's
smooth curve leaves little in them; in second differences it would pass for noise."""
_SECOND: Final = 6.0
"""Variance of the second differences (1, -2, 1) of white noise with sd 1."""
_UNIT_PEAK: Final = 2.7
"""Height with the recovery undone of a response that is 1 uS high (Bateman's curve of .8 s and
3 s: Benedek & Kaernbach 2010; smoothed over three quarter seconds)."""
_NOISE_GAIN: Final = math.hypot(
    1 / 3 + 4 * _SKIN.recovery_s / 3, 1 / 3, 1 / 3, 4 * _SKIN.recovery_s / 3
)
"""What undoing the recovery does to white noise at four points a second."""
_PEAK_AFTER_S: Final = 0.7
"""From the peak with the recovery undone to that of the response itself (the same curve)."""


class Stretch(NamedTuple):
    """What five seconds gave, and where the search stands at their end (times from their start).

    ``peaks_s``: responses recognised here; ``noise_us``: sd of the points' fast noise;
    ``drift_us_per_s``: median slope; ``rough_us``: second differences as the sd of a noise that
    would have them; ``lost_s``: what holes took;
    ``steep_s``: where the level changes faster than any skin; ``jumps_s``: faster than skin at
    rest; ``level_us``: mean level; ``trough_us``: that of its lowest three quarter seconds.
    ``low_us`` is the trough with the recovery undone; a rise (``high_us`` is known) began at
    ``since_s`` and is highest at ``peak_s``.
    """

    peaks_s: tuple[float, ...] = ()
    noise_us: float = 0.0
    drift_us_per_s: float = 0.0
    rough_us: float | None = None
    lost_s: float = float(STRETCH_S)
    steep_s: tuple[float, ...] = ()
    jumps_s: tuple[float, ...] = ()
    level_us: float | None = None
    trough_us: float | None = None
    low_us: float | None = None
    high_us: float | None = None
    since_s: float = 0.0
    peak_s: float = 0.0


class _Point(NamedTuple):
    """A point as the search sees it; ``gap_s`` 0: the first after a hole."""

    t_s: float
    level_us: float
    slope_us_per_s: float
    gap_s: float


def work(
    t_s: Sequence[float], v_us: Sequence[float], first: int, before: Sequence[Stretch]
) -> Stretch:
    """Work through the points from ``first`` on; those before it end the stretch before.

    ``t_s`` (s) counts from the stretch's start, ``v_us`` are mean levels of quarter seconds;
    ``before`` are the stretches up to it, oldest first.
    """
    if first == len(t_s):
        return Stretch()
    last = before[-1] if before else Stretch()
    lost_s = max(STRETCH_S - t_s[-1], 0.0)
    lost_s = lost_s if lost_s > _SKIN.hole_s else 0.0
    steep: list[float] = []
    jumps: list[float] = []
    course: list[_Point] = []
    troughs: list[float] = []
    fourth: list[float] = []
    bent_us2 = 0.0
    chain = _chain(t_s, first)
    for i in range(first, len(t_s)):
        t, v = t_s[i], v_us[i]
        gap_s = t - t_s[i - 1] if i else math.inf
        if gap_s > _SKIN.hole_s:
            lost_s += min(gap_s, t)
            chain = 1
            continue
        chain += 1
        v1 = v_us[i - 1]
        if abs(v - v1) > _SKIN.slope_us_per_s * gap_s:
            steep.append(t)
        if chain < LOOKBACK:
            continue
        v2, v3 = v_us[i - 2], v_us[i - 3]
        slope = (v - v3) / (t - t_s[i - 3])
        if not -_SKIN.jump_down * v3 <= slope <= _SKIN.jump_up * v3:
            jumps.append(t)
        bent_us2 += (v - 2 * v1 + v2) ** 2
        mean_us = (v + v1 + v2) / 3
        troughs.append(mean_us)
        if chain == LOOKBACK:
            gap_s = 0.0  # a chain that has just begun is a trough to start from, not a rise
        else:
            fourth.append(abs(v - 4 * v1 + 6 * v2 - 4 * v3 + v_us[i - 4]))
        course.append(_Point(t, mean_us + _SKIN.recovery_s * slope, slope, gap_s))
    noise_us = _middle(fourth) / _FOURTH if len(fourth) >= _FEW else last.noise_us
    drift = _middle([point.slope_us_per_s for point in course])
    found = Stretch(
        noise_us=noise_us,
        drift_us_per_s=drift,
        rough_us=math.sqrt(bent_us2 / len(course) / _SECOND) if course else None,
        lost_s=lost_s,
        steep_s=tuple(steep),
        jumps_s=tuple(jumps),
        level_us=sum(v_us[first:]) / (len(v_us) - first),
        trough_us=min(troughs, default=None),
        low_us=last.low_us,
        high_us=last.high_us,
        since_s=last.since_s - STRETCH_S,
        peak_s=last.peak_s - STRETCH_S,
    )
    noises = [noise_us, *(b.noise_us for b in before[1 - _NOISE_STRETCHES :])]
    drifts = [drift, *(b.drift_us_per_s for b in before[1 - _DRIFT_STRETCHES :])]
    least_us = max(_SKIN.scr_min_us * _UNIT_PEAK, _SKIN.scr_noise * _NOISE_GAIN * max(noises))
    # Only a rising level is taken off: a falling one cannot feign a response.
    return _search(course, found, least_us, max(_middle(drifts), 0.0))


def _search(course: list[_Point], found: Stretch, least_us: float, drift: float) -> Stretch:
    """Go on from where the last stretch stopped, and say what rose by ``least_us``."""
    # A trough that is forgotten this fast lets nothing rise for longer than a response does.
    leak = drift + least_us / _SKIN.rise_max_s
    low, high, since_s, peak_s = found.low_us, found.high_us, found.since_s, found.peak_s
    peaks: list[float] = []
    for t_s, level_us, slope, gap_s in course:
        if low is None or not gap_s:
            low, high = level_us, None
        elif high is None:
            low = min(low + leak * gap_s, level_us)
            if level_us - low >= least_us and slope > drift:
                high, since_s, peak_s = level_us, t_s, t_s
        else:
            high += drift * gap_s
            if level_us >= high:
                high, peak_s = level_us, t_s
            if high - level_us >= least_us / 2:
                peaks.append(peak_s + _PEAK_AFTER_S)
                low, high = level_us, None
            elif t_s - since_s > _SKIN.rise_max_s:
                low, high = level_us, None  # the level itself goes up
    return found._replace(
        peaks_s=tuple(peaks), low_us=low, high_us=high, since_s=since_s, peak_s=peak_s
    )


def _chain(t_s: Sequence[float], first: int) -> int:
    """How many points up to ``first`` follow each other without a hole."""
    chain = min(first, 1)
    for i in range(1, first):
        chain = chain + 1 if t_s[i] - t_s[i - 1] <= _SKIN.hole_s else 1
    return chain


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
