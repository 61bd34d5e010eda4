"""Sensors that fail at random: no row may take what is missing for calm or for a shutdown."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers_hrv import (
    NS,
    T0_NS,
    WEARER,
    baseline_setting,
    edas,
    hearts,
    in_order,
    motions,
    moved_by,
    rr_around,
    skin_around,
    still_hand,
    ticks,
)
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import (
    Contact,
    Eda,
    Episode,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Motion,
    Record,
    State,
    Stream,
)

Trouble = Literal["silent", "off-body", "frozen", "link-lost"]
Turn = Literal["low", "quiet", "fast"]
TURN_S, END_S = 240, 540
SOURCES = {Stream.HEART: "strap", Stream.EDA: "ring", Stream.MOTION: "hand"}
KINDS = {Stream.HEART: Heart, Stream.EDA: Eda, Stream.MOTION: Motion}

WITHIN_S: dict[tuple[Stream, Trouble], int] = {
    **{(stream, "off-body"): 5 for stream in Stream},
    **{(stream, "link-lost"): 5 for stream in Stream},
    (Stream.HEART, "silent"): 15,
    (Stream.HEART, "frozen"): 15,
    (Stream.EDA, "silent"): 15,
    (Stream.EDA, "frozen"): 35,
    (Stream.MOTION, "silent"): 20,
    (Stream.MOTION, "frozen"): 35,
}
"""How long a fault may go unnoticed: its window and a row."""


@dataclass(frozen=True)
class Fault:
    stream: Stream
    trouble: Trouble
    from_s: int
    to_s: int

    def covers(self, record: Record) -> bool:
        sent_s = (record.recv_ns - T0_NS) / NS
        return isinstance(record, KINDS[self.stream]) and self.from_s <= sent_s < self.to_s

    def noticed_at(self, t_s: float) -> bool:
        """Whether the row for ``t_s``, which leaves 3 s later, has to know of it."""
        return self.from_s + WITHIN_S[self.stream, self.trouble] <= t_s < self.to_s - 3


@st.composite
def troubles(draw: st.DrawFn) -> list[Fault]:
    """Up to three faults of each stream, one after the other."""
    faults: list[Fault] = []
    for stream in Stream:
        at_s = 60
        for _ in range(draw(st.integers(0, 3))):
            at_s += draw(st.integers(5, 150))
            lasts_s = draw(st.integers(5, 200))
            trouble: Trouble = draw(st.sampled_from(["silent", "off-body", "frozen", "link-lost"]))
            faults.append(Fault(stream, trouble, at_s, at_s + lasts_s))
            at_s += lasts_s + 5
    return faults


@cache
def story(turn: Turn) -> list[Record]:
    """Engaged talk for four minutes; then a shutdown, rest or a flood."""
    rng = random.Random(5)  # noqa: S311 - a story, not a secret
    goal_bpm, goal_us = {"low": (60.0, 4.0), "quiet": (70.0, 5.0), "fast": (105.0, 6.5)}[turn]

    def towards(start: float, goal: float, t_s: float) -> float:
        return start + (goal - start) * min(1.0, max(0.0, (t_s - TURN_S) / 45))

    talk_s = [float(t) for t in range(5, END_S if turn == "fast" else TURN_S, 8)]
    rr_ms = rr_around(rng, lambda t_s: towards(77.0, goal_bpm, t_s), END_S)
    skin_us = skin_around(
        rng, 4.0, END_S, scl_us=lambda t_s: towards(5.5, goal_us, t_s), responses_at_s=talk_s
    )
    return in_order(
        [baseline_setting()],
        ticks(T0_NS, T0_NS + END_S * NS),
        hearts(rr_ms, source=SOURCES[Stream.HEART]),
        edas(skin_us, 4.0, source=SOURCES[Stream.EDA]),
        motions(still_hand(rng, 14.0, END_S), 14.0, source=SOURCES[Stream.MOTION]),
    )


def failed(record: Record, trouble: Trouble) -> list[Record]:
    """What comes of a record while its stream is in trouble."""
    match record:
        case _ if trouble in {"silent", "link-lost"}:
            return []
        case Heart() if trouble == "off-body":  # it goes on and reports what a table gives
            return [replace(record, contact=False)]
        case Heart():
            return [replace(record, hr_bpm=70.0, rr_ms=(857.421875,) * len(record.rr_ms))]
        case Eda() if trouble == "frozen":
            return [replace(record, eda_us=(4.0,) * len(record.eda_us))]
        case Motion() if trouble == "frozen":
            same = (10.0,) * len(record.sample_t_ns)
            return [replace(record, acc_x_mg=same, acc_y_mg=same, acc_z_mg=same)]
        case _:
            return [record]


def said(fault: Fault) -> list[Record]:
    """What the link or the sensor itself says of the fault, if anything."""
    source = SOURCES[fault.stream]
    from_ns, to_ns = T0_NS + fault.from_s * NS, T0_NS + fault.to_s * NS
    if fault.trouble == "link-lost":
        gap = Gap(
            wearer=WEARER,
            source=source,
            stream=fault.stream,
            t_ns=from_ns,
            recv_ns=from_ns,
            reason=GapReason.LINK_LOST,
        )
        return [gap, replace(gap, recv_ns=to_ns, end_ns=to_ns)]
    if fault.trouble == "off-body":
        return [
            Contact(wearer=WEARER, source=source, t_ns=t_ns, recv_ns=t_ns, on_body=on_body)
            for t_ns, on_body in ((from_ns, False), (to_ns, True))
        ]
    return []


def rows(turn: Turn, faults: list[Fault]) -> list[Estimate]:
    records: list[Record] = []
    for record in story(turn):
        trouble = next((fault.trouble for fault in faults if fault.covers(record)), None)
        records += [record] if trouble is None else failed(record, trouble)
    told = in_order(records, *(said(fault) for fault in faults))
    pipeline = Pipeline(WEARER, PipelineState())
    return [o for record in told for o in pipeline.push(record) if isinstance(o, Estimate)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["low", "quiet", "fast"]), troubles())
def test_a_fault_never_reads_as_calm_nor_as_shutdown(turn: Turn, faults: list[Fault]) -> None:
    for row in rows(turn, faults):
        t_s = (row.t_ns - T0_NS) / NS
        failing = {fault.stream for fault in faults if fault.noticed_at(t_s)}
        if Stream.HEART in failing:
            assert (row.state, row.arousal) == (State.UNKNOWN, None), t_s
            assert row.reason
        if failing:
            assert row.state is not State.SHUTDOWN, t_s
        if Stream.EDA in failing:
            assert (row.metrics.scl_us, row.metrics.nsr_per_min) == (None, None), t_s
        if Stream.MOTION in failing:
            assert row.metrics.motion_mg is None, t_s
        if row.state is State.SHUTDOWN:
            shown = row.metrics.z_hr, row.metrics.z_scl, row.metrics.motion_mg
            assert None not in shown, t_s
            assert turn == "low"  # and a fault alone never makes one


@pytest.mark.parametrize(("down_s", "goes_on"), [(40, True), (90, False), (900, False)])
def test_while_the_service_was_down_nothing_is_known(down_s: int, goes_on: bool) -> None:
    """A flood that nobody saw for a minute has ended as far as we know; else it goes on."""
    began_s = 400
    began_ns, up_ns = T0_NS + began_s * NS, T0_NS + (began_s + down_s) * NS
    before = [record for record in story("fast") if record.recv_ns < began_ns]
    later_ns = up_ns - began_ns + NS
    after = [moved_by(record, later_ns) for record in story("fast") if record.recv_ns >= began_ns]
    gaps = [
        Gap(
            wearer=WEARER,
            source=source,
            stream=stream,
            t_ns=began_ns,
            recv_ns=up_ns,
            reason=GapReason.RESTART,
            end_ns=up_ns,
        )
        for stream, source in SOURCES.items()
    ]
    pipeline = Pipeline(WEARER, PipelineState())
    outputs = [o for record in (*before, *gaps, *after) for o in pipeline.push(record)]
    known = [o for o in outputs if isinstance(o, Estimate) and o.state is not State.UNKNOWN]
    assert not [o for o in known if began_ns + 10 * NS <= o.t_ns <= up_ns]
    first = next(o for o in known if o.t_ns > up_ns)
    assert first.state is (State.FLOODING if goes_on else State.SETTLED)
    begun = [o for o in outputs if isinstance(o, Episode) and o.end_ns is None]
    assert len(begun) == (1 if goes_on else 2)
    assert goes_on or begun[1].t_ns >= first.t_ns + 20 * NS  # the whole dwell once more


def test_the_stories_reach_what_the_faults_must_not_feign() -> None:
    reached = {turn: {row.state for row in rows(turn, [])} for turn in ("low", "quiet", "fast")}
    assert State.SHUTDOWN in reached["low"]
    assert reached["quiet"] <= {State.UNKNOWN, State.SETTLED, State.RISING}
    assert State.FLOODING in reached["fast"]


@pytest.mark.parametrize("seed", range(6))
def test_an_electrode_that_takes_noise_for_beats_is_no_heart(seed: int) -> None:
    """A strap on a table: its random intervals have a median, too, and may lie over 100."""
    rng = random.Random(seed)  # noqa: S311 - a simulated heart
    worn = rr_around(rng, lambda _t_s: 70.0, 240)
    noise = [min(max(rng.lognormvariate(math.log(560), 0.4), 300), 2000) for _ in range(300)]
    start_s = round(sum(worn) / 1000)
    end_s = start_s + round(sum(noise) / 1000)
    pipeline = Pipeline(WEARER, PipelineState())
    pipeline.push(baseline_setting())
    said = [
        each
        for record in in_order(ticks(T0_NS, T0_NS + end_s * NS), hearts([*worn, *noise]))
        for each in pipeline.push(record)
    ]
    rows = [row for row in said if isinstance(row, Estimate)]
    noisy = [row for row in rows if row.t_ns >= T0_NS + (start_s + 35) * NS]
    assert not [row for row in said if isinstance(row, Episode)]
    assert noisy
    unknown = [row for row in noisy if (row.state, row.reason) == (State.UNKNOWN, "heart-thin")]
    assert len(unknown) >= 0.9 * len(noisy)
    worn_rows = [row for row in rows if row.t_ns <= T0_NS + start_s * NS]
    assert [row.state for row in worn_rows if row.reason == "heart-thin"][2:] == []


@settings(max_examples=10)
@example(per_s=0.05, kind="even", held=True, seed=1)
@example(per_s=0.3, kind="even", held=False, seed=1)
@given(
    per_s=st.floats(0.01, 1.0),
    kind=st.sampled_from(["even", "heart-like"]),
    held=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_strap_that_came_off_is_not_settled_for_a_stray_interval_now_and_then(
    per_s: float, kind: Literal["even", "heart-like"], held: bool, seed: int
) -> None:
    """No contact bit, the last rate held or none, and what a lying electrode takes for beats.

    By chance a few intervals look like a rhythm for half a minute: most rows must not, and none
    may make an alert.
    """
    rng = random.Random(seed)  # noqa: S311 - a simulated heart
    off_s, end_s = 240, 840
    worn = [replace(heart, hr_bpm=70.0) for heart in hearts(rr_around(rng, lambda _t: 70.0, off_s))]
    lying = []
    for at_s in range(off_s + 2, end_s):
        stray = rng.uniform(400, 1500) if kind == "even" else 1000 * rng.lognormvariate(-0.3, 0.4)
        t_ns = T0_NS + at_s * NS
        some = rng.random() < per_s
        lying.append(
            replace(
                worn[-1],
                t_ns=t_ns,
                recv_ns=t_ns,
                hr_bpm=70.0 if held else None,
                beat_t_ns=(t_ns,) if some else (),
                rr_ms=(stray,) if some else (),
                chained=at_s % 2 == 0,
            )
        )
    pipeline = Pipeline(WEARER, PipelineState())
    pipeline.push(baseline_setting())
    records = in_order(ticks(T0_NS, T0_NS + end_s * NS), worn, lying)
    said = [each for record in records for each in pipeline.push(record)]
    # Three minutes of one rate are what it takes to see that it is held.
    rows = [r for r in said if isinstance(r, Estimate) and r.t_ns >= T0_NS + (off_s + 195) * NS]
    judged = [row for row in rows if row.state != State.UNKNOWN]
    assert len(judged) < 0.25 * len(rows)
    assert not [row for row in said if isinstance(row, Episode)]
