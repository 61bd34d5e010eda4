"""The states and how one leads to another; one table, each condition a plain function.

Conditions become true row by row and fill a leaky dwell: a row that agrees adds its 5 s, one
that does not takes 5 s away, so a single row neither starts nor ends anything. The first row
that agrees is the onset. Unknown rows drain every dwell: a missed sensor is evidence of nothing.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vagalwatch.hrv.codes import Why
from vagalwatch.hrv.columns import WIDTH, pack_float, pack_int, row_of_floats, row_of_ints
from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.records import EpisodeKind, Reason, State

if TYPE_CHECKING:
    from vagalwatch.hrv.baseline import Minutes

_STEP_S: Final = PARAMETERS.rows.step_s
_FLOODING = PARAMETERS.flooding
_SHUTDOWN = PARAMETERS.shutdown
_SAFETY = PARAMETERS.safety
_KEEP_NS: Final = max(_SHUTDOWN.drowsing_from_s, _SHUTDOWN.engaged_s) * NS

# The table. A row is judged from the top; the first transition whose dwell is full is taken.
TRANSITIONS: Final = (
    ("flooding", {State.SETTLED, State.RISING, State.RECOVERING, State.SHUTDOWN}, State.FLOODING),
    ("shutdown", {State.SETTLED, State.RISING, State.RECOVERING}, State.SHUTDOWN),
    ("flooding-over", {State.FLOODING}, State.RECOVERING),
    ("shutdown-over", {State.SHUTDOWN}, State.RECOVERING),
    ("recovered", {State.RECOVERING}, State.SETTLED),
    ("rising", {State.SETTLED}, State.RISING),
    ("rising-over", {State.RISING}, State.SETTLED),
)
_DWELLS_S: Final = {
    "flooding": _FLOODING.dwell_s,
    "shutdown": _SHUTDOWN.dwell_s,
    "flooding-over": _FLOODING.exit_s,
    "shutdown-over": _SHUTDOWN.exit_s,
    "recovered": _FLOODING.recovered_s,
    "rising": _FLOODING.rising_dwell_s,
    "rising-over": _FLOODING.rising_exit_s,
}
"""How long each condition has to hold."""
_EPISODES: Final = {
    State.FLOODING: EpisodeKind.FLOODING,
    State.SHUTDOWN: EpisodeKind.SHUTDOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a known row brings to the states. ``None``: not known, which is never evidence."""

    t_ns: int
    hr_bpm: float
    short_bpm: float | None
    z_hr: float
    z_scl: float | None
    nsr_per_min: float | None
    z_nsr: float | None
    still: bool | None
    beta_blocker: bool = False


@dataclass(slots=True, kw_only=True)
class Dwell:
    """How full a condition's dwell is (s), and when it began to fill; ``None``: it is empty."""

    since_ns: int | None = None
    filled_s: float = 0.0

    def fill(self, t_ns: int, dwell_s: float, *, agrees: bool) -> None:
        """One more row. It never holds more than ``dwell_s``, so that it empties as fast."""
        if self.since_ns is None:
            if agrees:
                self.since_ns, self.filled_s = t_ns, 0.0
        elif agrees:
            self.filled_s = min(self.filled_s + _STEP_S, dwell_s)
        else:
            self.filled_s -= _STEP_S
            if self.filled_s < 0:
                self.since_ns, self.filled_s = None, 0.0

    def full(self, dwell_s: float) -> bool:
        """Held for ``dwell_s``."""
        return self.since_ns is not None and self.filled_s >= dwell_s


@dataclass(slots=True, kw_only=True)
class Open:
    """An episode that has not ended."""

    kind: EpisodeKind
    t_ns: int
    onset_ns: int
    peak_hr_bpm: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An episode starts (``end_ns`` is ``None``) or ends."""

    episode: Open
    end_ns: int | None = None


@dataclass(slots=True, kw_only=True)
class Machine:
    """Where the machine stands, its dwells by name, what is open, and ten minutes of known rows.

    The rows are packed (see :mod:`vagalwatch.hrv.columns`; NaN: not known), with a byte each for
    ``past_engaged``: as lists they were the largest part of a wearer's memory.
    ``past_short_bpm`` holds short medians alone: where a wrist lost its beats, its own rate in
    their place would look like a fall as soon as they are back.
    """

    phase: State = State.SETTLED
    dwells: dict[str, Dwell] = field(default_factory=dict)
    episode: Open | None = None
    safety: Open | None = None
    known_ns: int | None = None
    past_t_ns: bytes = b""
    past_hr_bpm: bytes = b""
    past_short_bpm: bytes = b""
    past_engaged: bytes = b""


def step(
    state: Machine, row: Row, usual: Minutes, *, exerted: bool, arousal: float
) -> list[Change]:
    """Judge a known row and return what starts or ends with it; ``state.phase`` is the result.

    ``exerted``: an accelerometer showed exertion within the last minutes. ``arousal`` is that of
    the row.
    """
    changes = watch_fall(state, row, usual.hr.median, exerted=exerted)
    _remember(state, row)
    state.known_ns = row.t_ns
    for name, agrees in _conditions(state, row, usual, arousal).items():
        _dwell(state, name).fill(row.t_ns, _DWELLS_S[name], agrees=agrees)
    if state.episode is not None:
        state.episode.peak_hr_bpm = max(state.episode.peak_hr_bpm, row.hr_bpm)
    for name, sources, target in TRANSITIONS:
        dwell = state.dwells[name]
        if state.phase not in sources or not dwell.full(_DWELLS_S[name]):
            continue
        if target is State.SHUTDOWN and state.safety is not None:
            continue  # a faint coming is no break prompt
        if state.episode is not None:
            changes.append(Change(episode=state.episode, end_ns=row.t_ns))
            state.episode = None
        state.phase = target
        if target in _EPISODES:
            state.episode = Open(
                kind=_EPISODES[target],
                t_ns=row.t_ns,
                onset_ns=row.t_ns if dwell.since_ns is None else dwell.since_ns,
                peak_hr_bpm=row.hr_bpm,
                reasons=conditions_met(state, row, usual),
            )
            changes.append(Change(episode=state.episode))
        break
    return changes


def may_drift(state: Machine, row: Row, usual: Minutes, *, provisional: bool) -> bool:
    """Whether the row may move the baseline: settled, and not as slow as a shutdown is.

    What shutdown looks like must not become usual, recognised or not. A provisional baseline
    cannot tell yet what is slow or rising: all but episodes and the way out of them belongs to it.
    """
    if provisional:
        return state.phase in {State.SETTLED, State.RISING}
    return state.phase is State.SETTLED and row.hr_bpm > _slow_bpm(usual.hr.median)


def shown(state: Machine, row: Row) -> bool:
    """Whether what the phase rests on can still be seen: a shutdown needs skin and movement."""
    return state.phase is not State.SHUTDOWN or None not in (row.z_scl, row.still)


def miss(state: Machine, t_ns: int) -> list[Change]:
    """A row about which nothing is known. After a minute of them nothing is open any more."""
    for dwell in state.dwells.values():
        dwell.fill(t_ns, 0.0, agrees=False)
    _forget_before(state, t_ns - _KEEP_NS)
    if state.known_ns is None or t_ns - state.known_ns < PARAMETERS.unknown_ends_s * NS:
        return []
    changes = end_all(state)
    state.safety = state.episode = None
    state.phase = State.SETTLED
    state.dwells.clear()
    state.known_ns = None
    return changes


def end_all(state: Machine) -> list[Change]:
    """What is open ends when it was last seen."""
    return [
        Change(episode=episode, end_ns=max(state.known_ns or 0, episode.t_ns))
        for episode in (state.safety, state.episode)
        if episode is not None
    ]


def watch_fall(state: Machine, row: Row, usual_bpm: float | None, *, exerted: bool) -> list[Change]:
    """Notice a heart that falls fast, in either of two ways.

    Steadily from a peak: a line through the short medians of the last 50 s. Or deep: a short
    median well under that of the minutes before and under usual, held for 20 s.
    """
    back = fall = steady = False
    before_bpm = _median_between(
        state, state.past_short_bpm, row.t_ns, _SAFETY.before_from_s, _SAFETY.before_to_s
    )
    if usual_bpm is None and len(state.past_engaged) >= PARAMETERS.calibration.min_s // _STEP_S:
        usual_bpm = statistics.median(row_of_floats(state.past_hr_bpm))
    if row.short_bpm is not None and usual_bpm is not None:
        low = row.short_bpm <= _fall_floor_bpm(usual_bpm)
        back = row.short_bpm > usual_bpm - _SAFETY.under_usual_bpm
        if before_bpm is not None:
            drop_bpm = max(_SAFETY.fall_bpm, _SAFETY.fall_share * before_bpm)
            fall = low and before_bpm - row.short_bpm >= drop_bpm and not exerted
        steady = not exerted and _falls_steadily(state, row, usual_bpm)
        back = back and not steady
    dwell = _dwell(state, "fall")
    dwell.fill(row.t_ns, _SAFETY.dwell_s, agrees=fall)
    over = _dwell(state, "fall-over")
    over.fill(row.t_ns, _SAFETY.exit_s, agrees=back)
    if state.safety is None:
        if not steady and not dwell.full(_SAFETY.dwell_s):
            return []
        held_s = _held_s(state, "fall", row.t_ns)
        reason = Reason(
            code=Why.HEART_FALLS_FAST,
            value=row.short_bpm,
            usual=usual_bpm,
            threshold=before_bpm,
            held_s=float(_SAFETY.steady_s) if steady else held_s,
        )
        state.safety = Open(
            kind=EpisodeKind.SAFETY,
            t_ns=row.t_ns,
            onset_ns=_fall_onset_ns(row.t_ns, dwell.since_ns, steady=steady),
            peak_hr_bpm=row.hr_bpm,
            reasons=(reason,),
        )
        state.dwells["fall-over"] = Dwell()  # the minute that ends it comes after it
        return [Change(episode=state.safety)]
    state.safety.peak_hr_bpm = max(state.safety.peak_hr_bpm, row.hr_bpm)
    if not over.full(_SAFETY.exit_s):
        return []
    ended, state.safety = state.safety, None
    return [Change(episode=ended, end_ns=row.t_ns)]


def _falls_steadily(state: Machine, row: Row, usual_bpm: float) -> bool:
    """Whether the short medians of the last rows lie on a falling line that began at a peak.

    A line, because talk and breathing swing (a poor fit), and a Valsalva's fall is over in ten
    seconds; from a peak that lasted a minute, because single laughs fall as fast. Coming down from
    a flooding that the skin showed, too, is what a break is for: there it has to be steeper.
    """
    rows = _SAFETY.steady_s // _STEP_S
    if len(state.past_engaged) < rows - 1 or row.short_bpm is None:
        return False
    known = [*row_of_floats(state.past_short_bpm)[1 - rows :], row.short_bpm]
    first_ns = row_of_ints(state.past_t_ns)[1 - rows]
    if math.isnan(sum(known)) or row.t_ns - first_ns != (rows - 1) * _STEP_S * NS:
        return False
    if min(known) < known[-1]:
        return False
    peak_bpm = _median_between(
        state,
        state.past_short_bpm,
        row.t_ns,
        _SAFETY.steady_s + _SAFETY.peak_s,
        _SAFETY.steady_s,
        rows=_SAFETY.peak_rows,
    )
    if peak_bpm is None or peak_bpm < (1 + _SAFETY.peak_share) * usual_bpm:
        return False
    middle, mean = (rows - 1) / 2, math.fsum(known) / rows
    along = math.fsum((i - middle) * value for i, value in enumerate(known))
    across = math.fsum((value - mean) ** 2 for value in known)
    size = math.fsum((i - middle) ** 2 for i in range(rows))
    per_min = along / size * 60 / _STEP_S
    seen = row.z_scl is not None or row.z_nsr is not None
    ebbs = state.phase is State.FLOODING and seen
    steep = _SAFETY.steady_ebb_bpm_per_min if ebbs else _SAFETY.steady_bpm_per_min
    return -per_min >= steep and along**2 >= _SAFETY.steady_fit * size * across


def _fall_onset_ns(t_ns: int, since_ns: int | None, *, steady: bool) -> int:
    """When the fall began to be seen."""
    seen_ns = t_ns if since_ns is None else since_ns
    return min(seen_ns, t_ns - _SAFETY.steady_s * NS) if steady else seen_ns


def watch_uncalibrated(state: Machine, row: Row, *, exerted: bool) -> list[Change]:
    """A known row without a baseline: only a rapid fall shows, and no other episode can go on."""
    changes = watch_fall(state, row, None, exerted=exerted)
    _remember(state, row)
    state.known_ns = row.t_ns
    if state.episode is not None:  # the baseline that it was held against has been given up
        changes.append(Change(episode=state.episode, end_ns=row.t_ns))
    state.episode, state.phase = None, State.SETTLED
    for name, _, _ in TRANSITIONS:
        state.dwells.pop(name, None)
    return changes


def conditions_met(state: Machine, row: Row, usual: Minutes) -> tuple[Reason, ...]:
    """What speaks for the present phase, each with its threshold and how long it has held."""
    usual_bpm = usual.hr.median
    if state.phase in {State.FLOODING, State.RISING}:
        name = "flooding" if state.phase is State.FLOODING else "rising"
        flooding_bpm, rising_bpm = _fast_bpm(row, usual_bpm)
        return (
            Reason(
                code=Why.HEART_FAST,
                value=row.hr_bpm,
                usual=usual_bpm,
                z=row.z_hr,
                threshold=flooding_bpm if state.phase is State.FLOODING else rising_bpm,
                held_s=_held_s(state, name, row.t_ns),
            ),
        )
    if state.phase is not State.SHUTDOWN:
        return ()
    held_s = _held_s(state, "shutdown", row.t_ns)
    highest_bpm = _highest_bpm(state, row.t_ns)
    return (
        Reason(
            code=Why.HEART_SLOW,
            value=row.hr_bpm,
            usual=usual_bpm,
            z=row.z_hr,
            threshold=_slow_bpm(usual_bpm),
            held_s=held_s,
        ),
        Reason(
            code=Why.HEART_FELL, value=row.hr_bpm, usual=highest_bpm, threshold=_drop_bpm(usual_bpm)
        ),
        Reason(
            code=Why.SKIN_QUIET,
            value=row.nsr_per_min,
            usual=usual.nsr.median if usual.nsr else None,
            z=row.z_nsr,
            threshold=_quiet_nsr(usual),
        ),
        Reason(code=Why.SKIN_LOW, z=row.z_scl, threshold=_SHUTDOWN.z_scl),
        Reason(code=Why.STILL, held_s=held_s),
    )


def _conditions(state: Machine, row: Row, usual: Minutes, arousal: float) -> dict[str, bool]:
    """Which conditions hold in this row.

    Flooding is high arousal, so it does not begin while all that is known, weighed together, says
    low: of several sensors one may guess. (An E4's own rate wandered from 63 to 102 where its
    optical signal held no pulse.)
    """
    usual_bpm = usual.hr.median
    over_bpm = row.hr_bpm - usual_bpm
    witnesses = [
        z > limit
        for z, limit in ((row.z_nsr, _FLOODING.z_nsr), (row.z_scl, _FLOODING.z_scl))
        if z is not None
    ]
    flooding_bpm, rising_bpm = _fast_bpm(row, usual_bpm)
    near = over_bpm <= _FLOODING.recovered_share * usual_bpm
    return {
        "flooding": row.hr_bpm >= flooding_bpm
        and arousal > 0
        and (any(witnesses) or not witnesses),
        "shutdown": _shut_down(state, row, usual),
        "flooding-over": over_bpm < _FLOODING.exit_bpm,
        "shutdown-over": over_bpm > -_SHUTDOWN.exit_bpm or row.still is False,
        # A heart that is low all along says nothing about coming back from it.
        "recovered": near and state.phase is not State.SHUTDOWN,
        "rising": row.hr_bpm >= rising_bpm,
        "rising-over": row.hr_bpm < rising_bpm - _FLOODING.rising_slack_bpm,
    }


def _dwell(state: Machine, name: str) -> Dwell:
    """The condition's dwell, made only if there is none."""
    held = state.dwells.get(name)
    if held is None:
        held = state.dwells[name] = Dwell()
    return held


def _shut_down(state: Machine, row: Row, usual: Minutes) -> bool:
    """All of it: slow, fallen, skin quiet and low, still, engaged before and not drowsing."""
    usual_bpm = usual.hr.median
    if row.nsr_per_min is None or row.z_scl is None or usual.nsr is None or not row.still:
        return False  # what no sensor shows is no sign: a heart slows in whoever lies down, too
    slow_bpm = _slow_bpm(usual_bpm)
    if row.hr_bpm > slow_bpm or row.nsr_per_min > _quiet_nsr(usual) or row.z_scl >= _SHUTDOWN.z_scl:
        return False
    if _highest_bpm(state, row.t_ns) - row.hr_bpm < _drop_bpm(usual_bpm):
        return False
    earlier_bpm = _median_between(
        state, state.past_hr_bpm, row.t_ns, _SHUTDOWN.drowsing_from_s, _SHUTDOWN.drowsing_to_s
    )
    if earlier_bpm is not None and earlier_bpm <= slow_bpm:
        return False
    first = _rows_until(state, row.t_ns - _SHUTDOWN.engaged_s * NS)
    return sum(state.past_engaged[first:]) >= _SHUTDOWN.engaged_rows


def _fast_bpm(row: Row, usual_bpm: float) -> tuple[float, float]:
    """The rates from which this person's heart is as fast as in flooding, and rises towards it."""
    margin_bpm = max(_FLOODING.over_bpm, _FLOODING.over_share * usual_bpm)
    if not row.beta_blocker:  # under one, 100 is not what it was measured on
        absolute_bpm = max(_FLOODING.absolute_bpm - usual_bpm, _FLOODING.absolute_over_bpm)
        margin_bpm = min(margin_bpm, absolute_bpm)
    return usual_bpm + margin_bpm, usual_bpm + _FLOODING.rising_share * margin_bpm


def _slow_bpm(usual_bpm: float) -> float:
    return usual_bpm - max(_SHUTDOWN.below_bpm, _SHUTDOWN.below_share * usual_bpm)


def _drop_bpm(usual_bpm: float) -> float:
    return max(_SHUTDOWN.fell_bpm, _SHUTDOWN.fell_share * usual_bpm)


def _quiet_nsr(usual: Minutes) -> float:
    usual_nsr = usual.nsr.median if usual.nsr else 0.0
    return min(_SHUTDOWN.nsr, _SHUTDOWN.nsr_share * usual_nsr)


def _fall_floor_bpm(usual_bpm: float) -> float:
    return usual_bpm - max(_SAFETY.under_usual_bpm, _SAFETY.under_usual_share * usual_bpm)


def _held_s(state: Machine, name: str, t_ns: int) -> float | None:
    dwell = state.dwells.get(name)
    return None if dwell is None or dwell.since_ns is None else (t_ns - dwell.since_ns) / NS


def _highest_bpm(state: Machine, t_ns: int) -> float:
    first = _rows_until(state, t_ns - _SHUTDOWN.fell_s * NS)
    return max(row_of_floats(state.past_hr_bpm)[first:], default=0.0)


def _median_between(
    state: Machine,
    column: bytes,
    t_ns: int,
    from_s: int,
    to_s: int,
    *,
    rows: int = _SAFETY.before_rows,
) -> float | None:
    """Median over (t - from, t - to]; ``None`` with fewer than ``rows`` rows that know it."""
    first = _rows_until(state, t_ns - from_s * NS)
    end = _rows_until(state, t_ns - to_s * NS)
    known = [bpm for bpm in row_of_floats(column)[first:end] if not math.isnan(bpm)]
    return statistics.median(known) if len(known) >= rows else None


def _remember(state: Machine, row: Row) -> None:
    engaged = (
        row.z_nsr is not None
        and row.z_hr >= _SHUTDOWN.engaged_z_hr
        and row.z_nsr >= _SHUTDOWN.engaged_z_nsr
    )
    state.past_t_ns += pack_int(row.t_ns)
    state.past_hr_bpm += pack_float(row.hr_bpm)
    state.past_short_bpm += pack_float(math.nan if row.short_bpm is None else row.short_bpm)
    state.past_engaged += bytes((engaged,))
    _forget_before(state, row.t_ns - _KEEP_NS)


def _forget_before(state: Machine, t_ns: int) -> None:
    drop = _rows_until(state, t_ns)
    if drop:
        state.past_t_ns = state.past_t_ns[drop * WIDTH :]
        state.past_hr_bpm = state.past_hr_bpm[drop * WIDTH :]
        state.past_short_bpm = state.past_short_bpm[drop * WIDTH :]
        state.past_engaged = state.past_engaged[drop:]


def _rows_until(state: Machine, t_ns: int) -> int:
    """How many of the past rows lie at or before ``t_ns``."""
    return bisect_right(row_of_ints(state.past_t_ns), t_ns)
