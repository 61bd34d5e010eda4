"""The states: entry, exit, dwell, and what must never be taken for what."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS
from vagalwatch.hrv import states
from vagalwatch.hrv.baseline import Minutes, Usual
from vagalwatch.hrv.codes import Why
from vagalwatch.records import EpisodeKind, State

if TYPE_CHECKING:
    from collections.abc import Iterable

USUAL = Minutes(
    t_ns=T0_NS,
    eda_source="ring",
    hr=Usual(median=70.0, spread=2.0),
    ln_scl=Usual(median=1.5, spread=0.08),
    nsr=Usual(median=3.0, spread=1.0),
)


def row(
    hr_bpm: float,
    *,
    z_scl: float | None = 0.0,
    nsr: float | None = 3.0,
    still: bool | None = True,
    short_bpm: float | None = None,
    usual: Minutes = USUAL,
) -> states.Row:
    return states.Row(
        t_ns=0,
        hr_bpm=hr_bpm,
        short_bpm=hr_bpm if short_bpm is None else short_bpm,
        z_hr=(hr_bpm - usual.hr.median) / usual.hr.spread,
        z_scl=z_scl,
        nsr_per_min=nsr,
        z_nsr=None if nsr is None else nsr - 3.0,
        still=still,
    )


class Walk:
    """A machine that is walked row by row, and what it said (s since the start)."""

    def __init__(self, usual: Minutes = USUAL) -> None:
        self.machine = states.Machine()
        self.usual = usual
        self.second = 0
        self.starts: list[tuple[EpisodeKind, int, int]] = []
        self.ends: list[tuple[EpisodeKind, int]] = []
        self.phases: list[State] = []

    def go(
        self,
        rows: Iterable[states.Row | None],
        *,
        exerted: bool = False,
        arousal: float | None = None,
    ) -> Walk:
        """``arousal`` is that of the heart alone if nothing else is said."""
        for each in rows:
            self.second += 5
            t_ns = T0_NS + self.second * NS
            if each is None:
                changes = states.miss(self.machine, t_ns)
            else:
                changes = states.step(
                    self.machine,
                    replace(each, t_ns=t_ns),
                    self.usual,
                    exerted=exerted,
                    arousal=each.z_hr if arousal is None else arousal,
                )
            for change in changes:
                kind = change.episode.kind
                if change.end_ns is None:
                    onset_s = (change.episode.onset_ns - T0_NS) // NS
                    self.starts.append((kind, onset_s, self.second))
                else:
                    self.ends.append((kind, (change.end_ns - T0_NS) // NS))
            self.phases.append(self.machine.phase)
        return self


TALK = [row(76, nsr=6.0)] * 30
FAST = row(90, nsr=6.0)
LOW = row(60, z_scl=-2.0, nsr=0.0)


def test_flooding_is_recognised_after_twenty_seconds_and_dated_to_its_onset() -> None:
    walk = Walk().go([row(70)] * 10).go([FAST] * 10)
    assert walk.starts == [(EpisodeKind.FLOODING, 55, 75)]
    assert State.RISING in walk.phases


def test_flooding_does_not_begin_where_all_sensors_together_say_low_and_goes_on_if_it_has() -> None:
    assert Walk().go([FAST] * 40, arousal=0.0).starts == []
    assert Walk().go([FAST] * 40, arousal=-1.0).starts == []
    walk = Walk().go([FAST] * 10).go([FAST] * 40, arousal=-1.0)
    assert len(walk.starts) == 1
    assert walk.phases[-1] is State.FLOODING


@pytest.mark.parametrize(
    ("usual_bpm", "threshold_bpm"),
    [(70, 82.6), (60, 72.0), (90, 100.0), (85, 100.0), (95, 105.0), (45, 57.0)],
)
def test_the_threshold_is_the_persons_own(usual_bpm: float, threshold_bpm: float) -> None:
    """Over usual by max(12, 18 %), or 100 and at least 10 over usual."""
    usual = replace(USUAL, hr=Usual(median=usual_bpm, spread=2.0))
    below = Walk(usual).go([row(threshold_bpm - 0.1, nsr=6.0, usual=usual)] * 20)
    above = Walk(usual).go([row(threshold_bpm, nsr=6.0, usual=usual)] * 20)
    assert below.starts == []
    assert [kind for kind, _, _ in above.starts] == [EpisodeKind.FLOODING]


def test_under_a_beta_blocker_only_the_own_margin_counts() -> None:
    """A heart at rest over 84 would be fast from 100 on."""
    usual = replace(USUAL, hr=Usual(median=90.0, spread=2.0))
    at_100 = replace(row(104.0, nsr=6.0, usual=usual), beta_blocker=True)
    fast = replace(row(106.2, nsr=6.0, usual=usual), beta_blocker=True)
    assert Walk(usual).go([at_100] * 20).starts == []
    walk = Walk(usual).go([fast] * 20)
    assert [kind for kind, _, _ in walk.starts] == [EpisodeKind.FLOODING]
    [reason] = states.conditions_met(walk.machine, fast, usual)
    assert reason.threshold == pytest.approx(106.2)


def test_skin_must_agree_where_it_can_be_judged() -> None:
    assert Walk().go([row(95, nsr=3.0, z_scl=0.0)] * 20).starts == []
    assert Walk().go([row(95, nsr=None, z_scl=1.1)] * 20).starts
    assert Walk().go([row(95, nsr=None, z_scl=None)] * 20).starts


def test_single_rows_neither_start_nor_end() -> None:
    assert Walk().go([FAST, row(70), FAST, row(70)] * 20).starts == []
    walk = Walk().go([FAST] * 6).go([row(70), FAST] * 40)
    assert walk.ends == []


def test_flooding_ends_a_minute_under_the_exit_and_recovers() -> None:
    walk = Walk().go([FAST] * 20).go([row(74)] * 12)
    assert walk.ends == []
    walk.go([row(74)])
    assert walk.ends == [(EpisodeKind.FLOODING, 165)]
    assert walk.phases[-1] is State.RECOVERING
    assert walk.go([row(74)] * 24).phases[-1] is State.SETTLED


def test_a_long_flood_does_not_ring_again_while_it_ebbs() -> None:
    walk = Walk().go([FAST] * 200).go([row(72)] * 40)
    assert len(walk.starts) == 1
    assert walk.phases[-1] is State.SETTLED


def test_shutdown_after_engaged_talk() -> None:
    walk = Walk().go([row(70)] * 20).go(TALK).go([LOW] * 12)
    assert walk.starts == [(EpisodeKind.SHUTDOWN, 255, 300)]
    walk.go([row(69, nsr=2.0)] * 20)
    assert [phase for phase, _ in itertools.groupby(walk.phases)][-2:] == [
        State.SHUTDOWN,
        State.RECOVERING,
    ]


@pytest.mark.parametrize(
    "low",
    [
        replace(LOW, z_scl=None),  # skin level unknown
        replace(LOW, nsr_per_min=None, z_nsr=None),  # responses unknown
        replace(LOW, still=False),  # moving
        replace(LOW, still=None),  # movement unknown: who lies down has a slow heart, too
        replace(LOW, nsr_per_min=2.0, z_nsr=-1.0),  # skin alive
        replace(LOW, z_scl=-0.4),  # level as usual
        replace(LOW, hr_bpm=66.0, z_hr=-2.0),  # heart as usual
    ],
)
def test_no_shutdown_when_one_sign_is_missing(low: states.Row) -> None:
    assert Walk().go([row(70)] * 20).go(TALK).go([low] * 40).starts == []


def test_rest_and_drowsing_are_no_shutdown() -> None:
    """Never engaged; or quiet for minutes already."""
    assert Walk().go([row(72)] * 120).go([LOW] * 40).starts == []
    slow = [row(70 - 0.1 * i, nsr=1.0) for i in range(120)]
    assert Walk().go(TALK).go(slow).go([LOW] * 40).starts == []


def test_unknown_rows_drain_and_after_a_minute_close_what_is_open() -> None:
    assert Walk().go([FAST] * 3).go([None] * 8).go([FAST] * 4).starts == []
    walk = Walk().go([FAST] * 10).go([None] * 11)
    assert walk.ends == []
    walk.go([None])
    assert walk.ends == [(EpisodeKind.FLOODING, 50)]  # the last time it was seen
    assert walk.machine.episode is None


def fall(to_bpm: float, over_s: int, *, from_bpm: float = 75.0) -> list[states.Row]:
    steps = over_s // 5
    ramp = [row(from_bpm + (to_bpm - from_bpm) * i / steps, nsr=3.0) for i in range(1, steps + 1)]
    return [*ramp, *[row(to_bpm)] * 12]


def test_a_rapid_fall_is_safety_and_not_shutdown() -> None:
    walk = Walk().go(TALK).go(fall(45, 30))
    assert [kind for kind, _, _ in walk.starts] == [EpisodeKind.SAFETY]
    walk.go([LOW] * 30)
    assert len(walk.starts) == 1
    assert walk.go([row(70)] * 13).ends == [(EpisodeKind.SAFETY, 150 + 30 + 60 + 150 + 65)]


def test_a_short_dip_and_a_way_back_to_usual_are_no_fall() -> None:
    assert Walk().go(TALK).go([row(45)] * 3).go([row(75)] * 20).starts == []
    ebb = [row(100 - 30 * i / 48, nsr=3.0) for i in range(49)]
    assert Walk().go([row(100)] * 40).go(ebb).go([row(68)] * 24).starts == []


@given(st.floats(95, 130), st.floats(40, 60), st.integers(60, 150), st.sampled_from([0, 30, 120]))
def test_a_fall_from_a_peak_is_noticed_within_a_minute_of_its_turn(
    peak_bpm: float, low_bpm: float, fall_s: int, plateau_s: int
) -> None:
    """A faint that is only seen once the heart is far under usual is seen too late."""
    rise = [row(70 + (peak_bpm - 70) * i / 24) for i in range(1, 25)]
    walk = Walk().go([row(70)] * 60).go(rise).go([row(peak_bpm)] * (plateau_s // 5))
    turn_s = walk.second
    for step in fall(low_bpm, fall_s, from_bpm=peak_bpm):
        walk.go([step])
        if walk.starts:
            break
    if (peak_bpm - low_bpm) / fall_s * 60 >= 18:
        [(kind, onset_s, told_s)] = walk.starts[:1]
        assert kind is EpisodeKind.SAFETY
        assert onset_s <= told_s <= turn_s + 60


def test_a_fall_that_stops_early_is_told_once_and_stands_for_a_minute() -> None:
    """Noticed from a peak, it is noticed while the heart is still over usual."""
    course = [110.0] * 40 + [110 - 1.5 * i for i in range(11)] + [95.0] * 40
    walk = Walk().go([row(70)] * 20).go([row(bpm, nsr=None, z_scl=None) for bpm in course])
    told = [told_s for kind, _, told_s in walk.starts if kind is EpisodeKind.SAFETY]
    over = [end_s for kind, end_s in walk.ends if kind is EpisodeKind.SAFETY]
    assert len(told) == len(over) == 1
    assert over[0] >= told[0] + 60


@pytest.mark.parametrize(
    ("seen", "per_min", "kinds"), [(True, 20, 1), (True, 28, 2), (False, 20, 2)]
)
def test_a_flooding_that_ebbs_is_no_fall_where_the_skin_shows_it(
    seen: bool, per_min: int, kinds: int
) -> None:
    """A break that works brings the heart down by tens of beats; a faint still falls faster."""
    steps = 30 * 12 // per_min
    course = [110.0] * 40 + [110 - per_min / 12 * i for i in range(steps)] + [80.0] * 20
    rows = [row(bpm, nsr=8.0 if seen else None, z_scl=2.0 if seen else None) for bpm in course]
    walk = Walk().go([row(70)] * 20).go(rows)
    expected = [EpisodeKind.FLOODING, EpisodeKind.SAFETY][:kinds]
    assert [kind for kind, _, _ in walk.starts] == expected


@given(st.integers(5, 40), st.integers(5, 20), st.integers(0, 4))
def test_a_valsalva_is_no_fall(up_bpm: int, down_bpm: int, offset: int) -> None:
    """15 s of strain, then some ten seconds of a slow heart (phase IV)."""
    course = [
        *((second, 70 + up_bpm * second / 15) for second in range(15)),
        *((second, 70 - down_bpm) for second in range(15, 28)),
        *((second, 70.0) for second in range(28, 90)),
    ]
    rows = []
    for end in range(offset, 90, 5):
        last = sorted(bpm for second, bpm in course if end - 10 < second <= end)
        rows.append(row(70, short_bpm=last[len(last) // 2]))
    walk = Walk().go([row(70)] * 60)
    for _ in range(4):
        walk.go(rows)
    assert EpisodeKind.SAFETY not in {kind for kind, _, _ in walk.starts}


def test_laughter_and_slow_breathing_are_no_fall() -> None:
    laughs = [row(72), row(84), row(96), row(94), row(90), row(86), row(82), row(76), row(74)]
    assert Walk().go([row(72)] * 60).go(laughs * 10).starts == []
    swing = [row(74, short_bpm=74 + 18 * math.sin(2 * math.pi * 5 * i / 19)) for i in range(120)]
    assert Walk().go([row(72)] * 60).go(swing).starts == []


def test_a_fall_compares_short_medians_only_with_short_medians() -> None:
    """A wrist's own rate reads high while it has no beats; their return is no fall."""
    lost = replace(row(100), short_bpm=None)
    assert Walk().go([row(70)] * 30).go([lost] * 36).go([row(55)] * 12).starts == []
    seen = [kind for kind, _, _ in Walk().go([row(100)] * 36).go([row(55)] * 12).starts]
    assert seen == [EpisodeKind.SAFETY]


def test_without_a_baseline_nothing_that_rested_on_it_goes_on() -> None:
    walk = Walk().go([FAST] * 20)
    last = replace(FAST, t_ns=T0_NS + 105 * NS)
    [change] = states.watch_uncalibrated(walk.machine, last, exerted=False)
    assert (change.episode.kind, change.end_ns) == (EpisodeKind.FLOODING, last.t_ns)
    assert walk.machine.phase is State.SETTLED
    # The next one asks for its whole dwell.
    assert walk.go([FAST] * 4).machine.episode is None


def test_no_safety_after_exertion() -> None:
    assert Walk().go(TALK).go(fall(45, 30), exerted=True).starts == []


def test_reasons_carry_value_usual_z_threshold_and_time() -> None:
    walk = Walk().go([row(70)] * 10).go([FAST] * 10)
    [reason] = states.conditions_met(walk.machine, replace(FAST, t_ns=T0_NS + 100 * NS), USUAL)
    assert (reason.code, reason.value, reason.usual, reason.z) == (Why.HEART_FAST, 90, 70.0, 10.0)
    assert reason.threshold == pytest.approx(82.6)
    assert reason.held_s == 45.0


def test_every_transition_has_a_condition_and_every_state_a_way_out() -> None:
    walk = Walk().go([row(70)])
    names = {name for name, _, _ in states.TRANSITIONS}
    assert names <= set(walk.machine.dwells)
    sources = set().union(*(sources for _, sources, _ in states.TRANSITIONS))
    assert sources == set(State) - {State.UNKNOWN, State.CALIBRATING}
