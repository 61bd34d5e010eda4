"""Is the heart's signal fit to be judged? Asked before every estimate, source by source.

A sensor that has fallen off, frozen or gone silent looks exactly like a calm or shut-down body,
so each of these closes a gate with its own code, and with a closed gate there is no rate.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv import beats as hb
from vagalwatch.hrv.codes import Gate
from vagalwatch.hrv.columns import floats, row_of_floats, row_of_ints
from vagalwatch.hrv.metrics import MS_PER_MINUTE, rate_bpm, weighted_median
from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.records import GapReason, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from vagalwatch.records import Gap

_QUALITY = PARAMETERS.quality
_FIGURES = PARAMETERS.figures
_HOLDS: Final = frozenset({GapReason.OFF_BODY, GapReason.FROZEN, GapReason.STOPPED})
"""Reasons that stand until someone says otherwise; the others end with the next sample."""
_HR_ONLY_SHARE: Final = 0.9
_KEEP_CHANGES: Final = 32
_NONE: Final = np.empty(0)


@dataclass(slots=True, kw_only=True)
class LinkState:
    """What is known of one source's wear and of its interruptions.

    ``worn_t_ns`` and ``worn`` are the changes of the contact state; ``open_gaps`` maps a stream
    to the start (ns) and the reason of the gap that still lasts.
    """

    worn_t_ns: list[int] = field(default_factory=list)
    worn: list[bool] = field(default_factory=list)
    open_gaps: dict[str, tuple[int, str]] = field(default_factory=dict)


class Pulse(NamedTuple):
    """What one source says of the heart up to a row, or the gate that withholds it.

    ``hr_bpm`` is 60000 over the median interval of 30 s, else the median of the device's own
    rate there, each rate weighing as much as it can be trusted; ``short_bpm`` the same over 10 s,
    from beats alone where the device gives any. ``minutes`` are the beats of 300 s. ``rates`` are
    the rates of a minute, of each beat and as the device told them, and ``trust`` how far each can
    be trusted, 0 to 1 (a good beat 1).
    """

    gate: Gate | None
    minutes: hb.BeatWindow
    hr_bpm: float | None = None
    short_bpm: float | None = None
    rates: NDArray[np.float64] = _NONE
    trust: NDArray[np.float64] = _NONE


def take_contact(link: LinkState, t_ns: int, *, on_body: bool) -> None:
    """Remember a change of the contact state."""
    if link.worn and (link.worn[-1] == on_body or t_ns < link.worn_t_ns[-1]):
        return
    link.worn_t_ns.append(t_ns)
    link.worn.append(on_body)
    del link.worn_t_ns[:-_KEEP_CHANGES]
    del link.worn[:-_KEEP_CHANGES]


def off_body_now(link: LinkState) -> bool:
    """The last word of the source is that it is not worn: its samples are no data."""
    return bool(link.worn) and not link.worn[-1]


def reset_time(link: LinkState, t_ns: int) -> None:
    """The clock went back to ``t_ns``: of the past only the last contact state still holds."""
    link.worn = link.worn[-1:]
    link.worn_t_ns = [t_ns] * len(link.worn)
    link.open_gaps.clear()


def take_gap(link: LinkState, gap: Gap) -> None:
    """Open a gap, or close it."""
    stream = gap.stream.value
    if gap.end_ns is None:
        link.open_gaps[stream] = (gap.t_ns, gap.reason.value)
    elif stream in link.open_gaps and link.open_gaps[stream][0] <= gap.end_ns:
        del link.open_gaps[stream]


def link_gate(link: LinkState, stream: Stream, newest_ns: int, t_ns: int) -> GapReason | None:
    """Why the link gives nothing for ``stream`` at ``t_ns``; ``newest_ns`` is its last sample."""
    place = bisect_right(link.worn_t_ns, t_ns)
    if place and not link.worn[place - 1]:
        return GapReason.OFF_BODY
    if stream.value in link.open_gaps:
        since_ns, name = link.open_gaps[stream.value]
        reason = GapReason(name)
        if since_ns <= t_ns and (reason in _HOLDS or newest_ns <= since_ns):
            return reason
    return None


def judge_heart(state: hb.HeartState, link: LinkState, t_ns: int) -> Pulse:
    """The heart of one source from what lies at or before ``t_ns``."""
    minutes = hb.window(state, t_ns, _FIGURES.spectrum_s)
    newest_ns = _newest_ns(state, t_ns)
    reason = link_gate(link, Stream.HEART, newest_ns, t_ns)
    if reason is not None:
        return Pulse(gate=_LINK_GATES.get(reason, Gate.HEART_GAP), minutes=minutes)
    if newest_ns <= t_ns - _QUALITY.silent_s * NS:
        return Pulse(gate=Gate.HEART_SILENT, minutes=minutes)
    beats_bpm = _beats_bpm(minutes, _FIGURES.hr_s, _FIGURES.hr_beats)
    if _repeats(minutes) or (beats_bpm is None and _held(state, t_ns)):
        return Pulse(gate=Gate.HEART_FROZEN, minutes=minutes)
    device_bpm = _device_bpm(state, t_ns, _FIGURES.hr_s)
    hr_bpm = device_bpm if beats_bpm is None else beats_bpm
    if hr_bpm is None or _jumps_about(minutes):
        return Pulse(gate=Gate.HEART_THIN, minutes=minutes)
    if (
        beats_bpm is not None
        and device_bpm is not None
        and abs(beats_bpm - device_bpm) > _QUALITY.disagree * device_bpm
        and _gives_nearly_all(state, minutes, t_ns)
    ):
        return Pulse(gate=Gate.HEART_DISAGREES, minutes=minutes)
    short_bpm = _beats_bpm(minutes, _FIGURES.short_s, _FIGURES.short_beats)
    if short_bpm is None and not minutes.rr_ms.size and not _guesses(state, t_ns):
        # Only a device that never gives beats: a wrist that lost them guesses its own rate.
        short_bpm = _device_bpm(state, t_ns, _FIGURES.short_s)
    said = _rates(state, t_ns, _FIGURES.steady_s)
    beats_ms = minutes.valid_ms(_FIGURES.steady_s)
    return Pulse(
        gate=None,
        minutes=minutes,
        hr_bpm=hr_bpm,
        short_bpm=short_bpm,
        rates=np.concatenate((floats(state.hr_bpm)[said], MS_PER_MINUTE / beats_ms)),
        trust=np.concatenate((floats(state.hr_quality)[said], np.ones(beats_ms.size))),
    )


def steady_bpm(pulses: Iterable[Pulse]) -> float | None:
    """The rate of the last minute by all that is fit, each beat and rate as far as it is trusted.

    The median, so that neither a sensor nor a moment of movement rules it. ``None``: nothing is
    fit.
    """
    fit = [pulse for pulse in pulses if pulse.rates.size]
    if not fit:
        return None
    if len(fit) == 1:
        return weighted_median(fit[0].rates, fit[0].trust)
    return weighted_median(
        np.concatenate([pulse.rates for pulse in fit]),
        np.concatenate([pulse.trust for pulse in fit]),
    )


_LINK_GATES: Final = {
    GapReason.OFF_BODY: Gate.HEART_OFF_BODY,
    GapReason.FROZEN: Gate.HEART_FROZEN,
    GapReason.NEVER_SEEN: Gate.HEART_MISSING,
}


def _newest_ns(state: hb.HeartState, t_ns: int) -> int:
    newest_ns = 0
    for column in (state.beat_t_ns, state.hr_t_ns):
        times = row_of_ints(column)
        count = bisect_right(times, t_ns)
        if count:
            newest_ns = max(newest_ns, times[count - 1])
    return newest_ns


def _rates(state: hb.HeartState, t_ns: int, seconds: int) -> slice:
    times = row_of_ints(state.hr_t_ns)
    return slice(bisect_right(times, t_ns - seconds * NS), bisect_right(times, t_ns))


def _device_bpm(state: hb.HeartState, t_ns: int, seconds: int) -> float | None:
    said = _rates(state, t_ns, seconds)
    rates = floats(state.hr_bpm)[said]
    return weighted_median(rates, floats(state.hr_quality)[said]) if rates.size else None


def _guesses(state: hb.HeartState, t_ns: int) -> bool:
    """Whether the rates of the last seconds are worth no more than noise, as was said of them."""
    said = row_of_floats(state.hr_quality)[_rates(state, t_ns, _FIGURES.short_s)]
    return 0 < max(said, default=0.0) <= _QUALITY.guess


def _gives_nearly_all(state: hb.HeartState, minutes: hb.BeatWindow, t_ns: int) -> bool:
    """Whether good beats cover the last minutes, as far as the device spoke at all, and now."""
    spoke = row_of_ints(state.hr_t_ns)[_rates(state, t_ns, _QUALITY.disagree_s)]
    spoken_s = max((t_ns - spoke[0]) / NS, float(_FIGURES.hr_s))
    return all(
        float(minutes.valid_ms(seconds).sum()) >= _QUALITY.disagree_coverage * 1000 * seconds
        for seconds in (spoken_s, _FIGURES.hr_s)
    )


def _beats_bpm(minutes: hb.BeatWindow, seconds: int, at_least: int) -> float | None:
    """The rate that the beats carry: theirs, if most of them follow on one that is believed, too.

    Lone intervals are what an electrode on a table picks up. Then the device's own rate speaks,
    if it gives one.
    """
    some = minutes.last(seconds)
    if 2 * np.count_nonzero(some.paired) < np.count_nonzero(some.valid):
        return None
    return rate_bpm(some.rr_ms[some.valid], at_least)


def _jumps_about(minutes: hb.BeatWindow) -> bool:
    """Whether most of the last intervals jump: noise of a loose electrode, or no rhythm at all.

    Flags cannot tell, as they take the spread of their surroundings for the person's own. Holes
    do not excuse it: a device that gives only beats that it trusts does not trust such.
    """
    first = int(minutes.t_s.searchsorted(-_FIGURES.hr_s, side="right"))
    rr_ms = minutes.rr_ms[first:]
    if rr_ms.size < _FIGURES.hr_beats:
        return False
    before_ms = rr_ms[:-1]
    jumps = np.count_nonzero(np.abs(rr_ms[1:] - before_ms) > PARAMETERS.beats.malik * before_ms)
    return bool(jumps > _QUALITY.jumping_share * (rr_ms.size - 1))


def _repeats(minutes: hb.BeatWindow) -> bool:
    """Ten equal intervals in a row within a minute."""
    first = int(minutes.t_s.searchsorted(-_FIGURES.variability_s, side="right"))
    rr_ms = minutes.rr_ms[first:]
    if rr_ms.size - np.count_nonzero(rr_ms[1:] != rr_ms[:-1]) < _QUALITY.frozen_rr:
        return False  # not even if all that are equal were neighbours
    runs = (sum(1 for _ in equal) for _, equal in groupby(rr_ms.tolist()))
    return max(runs) >= _QUALITY.frozen_rr


def _held(state: hb.HeartState, t_ns: int) -> bool:
    """The device has told one and the same rate for three minutes.

    Asked wherever the device's rate would speak: with no interval at all, and with a few that
    carry no rate.
    """
    said = _rates(state, t_ns, _QUALITY.frozen_hr_s)
    times, rates = row_of_ints(state.hr_t_ns)[said], row_of_floats(state.hr_bpm)[said]
    if not times:
        return False
    long = times[-1] - times[0] >= _HR_ONLY_SHARE * _QUALITY.frozen_hr_s * NS
    return long and len(set(rates)) == 1
