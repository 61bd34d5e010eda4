"""Skin conductance responses: found as they come, five seconds at a time.

A response rises within seconds and recovers over many (Boucsein 2012), so the next one mostly
starts while the last still falls; from trough to peak of the level it is too small then, or not
there at all. Adding ``recovery_s`` times the slope to the level undoes the recovery (the slow pole
of Bateman's curve; for the whole deconvolution see Benedek & Kaernbach 2010, J Neurosci Methods
190:80): each response stands by itself, and its height is held against an absolute threshold. A
relative one, as 10 % of the largest peak, finds dozens of responses a minute in a flat line.

Pure: a stretch is worked through from its points and from what the stretches before it left.
"""

from __future__ import annotations

import math
from itertools import pairwise
from operator import sub
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.hrv.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKIN = PARAMETERS.skin
STRETCH_S: Final = 5
LOOKBACK: Final = 4
"""Points before a stretch that its first points need."""
_BIN_S: Final = 0.25
_HOLE_S: Final = _SKIN.hole_s
_RECOVERY_S: Final = _SKIN.recovery_s
_STEEPEST: Final = _SKIN.slope_us_per_s
_STEP_US: Final = _STEEPEST * _BIN_S
_JUMP_UP: Final = _SKIN.jump_up
_JUMP_DOWN: Final = -_SKIN.jump_down
_NOISE_STRETCHES: Final = 6
_DRIFT_STRETCHES: Final = 6
LOOKBACK_STRETCHES: Final = _DRIFT_STRETCHES - 1
"""Stretches before one that it needs."""
_FEW: Final = 8
"""Fewer differences tell no noise; that of the stretch before stands for it."""
_FOURTH: Final = 0.6745 * math.sqrt(70.0)
"""Median size of the fourth differences (1, -4, 6, -4, 1) of white noise with sd 1. A response's
smooth curve leaves little in them; in second differences it would pass for noise."""
_FOURTH_2: Final = 70.0
"""Variance of the fourth differences of white noise with sd 1."""
_UNIT_PEAK: Final = 2.3
"""Height with the recovery undone of a response that is 1 uS high (Bateman's curve of .8 s and
3 s: Benedek & Kaernbach 2010; smoothed over three quarter seconds): 2.7, less what the trough is
forgotten and quarter seconds cut off meanwhile, so that one of ``scr_min_us`` is just found."""
_CONFIRMED: Final = 0.75
"""Of the height that a rise must reach: so much is believed of one in a level that still falls
(half loses responses on the flank of larger ones; all lets noise trip the rest)."""
_PEAK_AFTER_S: Final = 0.35
"""From the peak with the recovery undone to that of the response: .7 s on the same curve, nothing
on the fastest (neurokit2's simulation); between them."""


class Stretch(NamedTuple):
    """What five seconds gave, and where the search stands at their end (times from their start).

    ``peaks_s``: responses recognised here; ``noise_us``: sd of the points' fast noise, from its
    median; ``rough_us``: the same from its power; ``drift_us_per_s``: median slope; ``lost_s``:
    what holes took; ``steep_s``: where the level changes faster than any skin; ``jumps_s``: faster
    than skin at rest; ``level_us``: mean; ``trough_us``: lowest point. ``low_us`` is the trough
    with the recovery undone; a rise (``high_us`` is known) began at ``since_s`` and is highest at
    ``peak_s``.
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


class _Chain(NamedTuple):
    """New points without a hole between them, each with what the three before it make of it.

    ``fresh``: nothing of what was searched before goes on here.
    """

    fresh: bool
    t_s: Sequence[float]
    gap_s: list[float]
    slope_us_per_s: list[float]
    undone_us: list[float]
    fourth_us: list[float]
    jumps_s: list[float]


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
    new_us = v_us[first:]
    gaps_s = list(map(sub, t_s[1:], t_s))
    holes = [i for i, gap_s in enumerate(gaps_s, start=1) if gap_s > _HOLE_S]
    edges = [0, *holes, len(t_s)]
    chains = [
        _chain(t_s[a:b], v_us[a:b], first - a) for a, b in pairwise(edges) if b >= first + LOOKBACK
    ]
    lost_s = sum([min(gaps_s[i - 1], t_s[i]) for i in holes if i >= first])
    lost_s += max(t_s[0], 0.0) if not first else 0.0
    lost_s += STRETCH_S - t_s[-1] if STRETCH_S - t_s[-1] > _HOLE_S else 0.0
    fourth = [abs(size) for chain in chains for size in chain.fourth_us]
    noise_us = _middle(fourth) / _FOURTH if len(fourth) >= _FEW else last.noise_us
    drift = _middle([slope for chain in chains for slope in chain.slope_us_per_s])
    found = Stretch(
        noise_us=noise_us,
        drift_us_per_s=drift,
        rough_us=math.hypot(*fourth) / math.sqrt(_FOURTH_2 * len(fourth)) if fourth else None,
        lost_s=lost_s,
        steep_s=_steep_s(t_s, v_us),
        jumps_s=tuple([t for chain in chains for t in chain.jumps_s]),
        level_us=sum(new_us) / len(new_us),
        trough_us=min(new_us),
        low_us=last.low_us,
        high_us=last.high_us,
        since_s=last.since_s - STRETCH_S,
        peak_s=last.peak_s - STRETCH_S,
    )
    noises = [noise_us, *[b.noise_us for b in before[1 - _NOISE_STRETCHES :]]]
    # Twenty points tell their noise to a third; half a minute's do to an eighth.
    noise_us = max(noise_us, math.hypot(*noises) / math.sqrt(len(noises)))
    drifts = [drift, *[b.drift_us_per_s for b in before[1 - _DRIFT_STRETCHES :]]]
    # What undoing the recovery does to white noise, at so many points a second.
    rate_hz = min(len(new_us) / max(STRETCH_S - lost_s, _BIN_S), 1 / _BIN_S)
    weight = _RECOVERY_S * rate_hz / 3
    gain = math.hypot(1 / 3 + weight, 1 / 3, 1 / 3, weight)
    # A ripple that stays under the one rides on noise that stays under the other.
    least_us = math.hypot(_SKIN.scr_min_us * _UNIT_PEAK, _SKIN.scr_noise * gain * noise_us)
    for chain in chains:
        # Only a rising level is taken off: a falling one cannot feign a response.
        found = _search(chain, found, least_us, max(_middle(drifts), 0.0))
    return found


def _chain(t_s: Sequence[float], v_us: Sequence[float], known: int) -> _Chain:
    """Of points without a hole, of which so many (none: 0 or less) belong to the stretch before."""
    at = max(known, LOOKBACK - 1)
    new_s, new_us, before = t_s[at:], v_us[at:], v_us[at - 3 :]
    slopes = [
        (v - v3) / (t - t3)
        for t, t3, v, v3 in zip(new_s, t_s[at - 3 :], new_us, before, strict=False)
    ]
    return _Chain(
        fresh=known < LOOKBACK,
        t_s=new_s,
        gap_s=list(map(sub, new_s, t_s[at - 1 :])),
        slope_us_per_s=slopes,
        undone_us=[
            (v + v1 + v2) / 3 + _RECOVERY_S * slope
            for v, v1, v2, slope in zip(
                new_us, v_us[at - 1 :], v_us[at - 2 :], slopes, strict=False
            )
        ],
        fourth_us=[
            a + e - 4 * (b + d) + 6 * c
            for a, b, c, d, e in zip(
                *[v_us[max(known - LOOKBACK, 0) + i :] for i in range(LOOKBACK + 1)], strict=False
            )
        ],
        jumps_s=[
            t
            for t, slope, v3 in zip(new_s, slopes, before, strict=False)
            if not _JUMP_DOWN * v3 <= slope <= _JUMP_UP * v3
        ],
    )


def _steep_s(t_s: Sequence[float], v_us: Sequence[float]) -> tuple[float, ...]:
    """Where the level changes faster than skin can."""
    if max(v_us) - min(v_us) <= _STEP_US:
        return ()
    return tuple(
        t
        for (t1, v1), (t, v) in pairwise(zip(t_s, v_us, strict=True))
        if abs(v - v1) > max(_STEP_US, _STEEPEST * (t - t1)) and t > 0
    )


def _search(chain: _Chain, found: Stretch, least_us: float, drift: float) -> Stretch:
    """Go on from where the search stands, and say what rose by ``least_us``."""
    # A trough that is forgotten this fast lets nothing rise for longer than a response does.
    leak = drift + least_us / _SKIN.rise_max_s
    low, high, since_s, peak_s = found.low_us, found.high_us, found.since_s, found.peak_s
    if not chain.t_s:
        return found
    if chain.fresh or low is None:
        low, high = chain.undone_us[0], None
    peaks = list(found.peaks_s)
    for t_s, gap_s, slope, level_us in zip(
        chain.t_s, chain.gap_s, chain.slope_us_per_s, chain.undone_us, strict=True
    ):
        if high is None:
            low = min(low + leak * gap_s, level_us)
            if level_us - low < least_us:
                continue
            if slope > drift:
                high, since_s, peak_s = level_us, t_s, t_s
            else:  # back from a step down, or from a fall that was undone by too much
                low = level_us - _CONFIRMED * least_us
        else:
            high += drift * gap_s
            if level_us >= high:
                high, peak_s = level_us, t_s
            if high - level_us >= least_us / 3:
                peaks.append(peak_s + _PEAK_AFTER_S)
                low, high = level_us, None
            elif t_s - since_s > _SKIN.rise_max_s:
                low, high = level_us, None  # the level itself goes up
    return found._replace(
        peaks_s=tuple(peaks), low_us=low, high_us=high, since_s=since_s, peak_s=peak_s
    )


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
