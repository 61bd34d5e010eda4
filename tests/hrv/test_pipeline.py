"""The estimate as a whole: when rows come, what closes a gate, and what may never be said."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
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
    sitter,
    skin_around,
    still_hand,
    ticks,
)
from vagalwatch.engine import EngineState
from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.codes import STATE_GATES, Gate, Why
from vagalwatch.hrv.parameters import Parameters, Rows, parameters_hash
from vagalwatch.hrv.pipeline import BETA_BLOCKER_KEY, Pipeline, PipelineState
from vagalwatch.journal.snapshot import freeze, thaw
from vagalwatch.records import (
    Contact,
    Device,
    Eda,
    Episode,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Marker,
    Motion,
    Record,
    Run,
    Setting,
    State,
    Stream,
    Tick,
)

JUDGED = {State.SETTLED, State.RISING, State.FLOODING, State.SHUTDOWN, State.RECOVERING}


def rng() -> random.Random:
    return random.Random(11)  # noqa: S311 - a story, not a secret


def run(records: list[Record], state: PipelineState | None = None) -> list[Record]:
    pipeline = Pipeline(WEARER, PipelineState() if state is None else state)
    return [output for record in records for output in pipeline.push(record)]


def rows(outputs: list[Record]) -> list[Estimate]:
    return [o for o in outputs if isinstance(o, Estimate)]


def at(estimates: list[Estimate], second: int) -> Estimate:
    return next(row for row in estimates if row.t_ns == T0_NS + second * NS)


def settled(minutes: int = 4) -> list[Record]:
    return sitter(rng(), minutes=minutes)


def without(records: list[Record], kind: type, from_s: int, to_s: int = 10**6) -> list[Record]:
    return [
        r
        for r in records
        if not (isinstance(r, kind) and T0_NS + from_s * NS <= r.recv_ns < T0_NS + to_s * NS)
    ]


# --- what a quiet sitter gives ----------------------------------------------------------------


def test_a_sitter_with_a_baseline_is_settled_with_every_figure() -> None:
    row = at(rows(run(settled(6))), 285)
    assert row.state is State.SETTLED
    assert row.reason == ""
    assert row.usual_hr_bpm == 70.0
    assert row.arousal is not None
    assert abs(row.arousal) < 2
    assert None not in [getattr(row.metrics, name) for name in row.metrics.__slots__]
    assert row.metrics.hr_bpm == pytest.approx(70, abs=2)
    assert row.metrics.scl_us == pytest.approx(5.0, abs=0.01)
    assert row.metrics.nsr_per_min == 0.0
    assert row.gates == ()
    assert math.fsum(reason.contribution or 0 for reason in row.reasons) == row.arousal
    assert [reason.code for reason in row.reasons] == [
        Why.HEART_RATE,
        Why.SKIN_OVER_MEAN,
        Why.SKIN_CHANGE,
        Why.SKIN_RESPONSES,
    ]


def test_an_irregular_minute_withholds_the_spectrum_too() -> None:
    """Five minutes that would carry one, of which the last minute is every second beat early."""
    regular = rr_around(rng(), lambda _: 70.0, 300)
    odd = [rr * (0.7, 1.3)[i % 2] for i, rr in enumerate(rr_around(rng(), lambda _: 70.0, 15))]
    records = in_order(
        ticks(T0_NS, T0_NS + 360 * NS),
        hearts(regular + odd + rr_around(rng(), lambda _: 70.0, 45), with_rate=False),
    )
    said = rows(run(records))
    told = [Gate.RR_IRREGULAR not in row.gates for row in said]
    assert None not in (at(said, 300).metrics.lf_ms2, at(said, 300).metrics.hf_ms2)
    assert not at(said, 320).metrics.rmssd_ms
    assert told.index(False) * 5 in range(300, 320)
    for row, regular_now in zip(said, told, strict=True):
        if not regular_now:
            assert (row.metrics.lf_ms2, row.metrics.hf_ms2) == (None, None)
            assert (row.metrics.breaths_per_min, row.metrics.coherence) == (None, None)


def test_a_heart_that_follows_the_breath_tells_its_rate() -> None:
    paced = rr_around(rng(), lambda t_s: 70.0 + 6 * math.sin(2 * math.pi * 0.1 * t_s), 180)
    rr_ms = paced + rr_around(rng(), lambda _: 70.0, 180)  # which breathes at 15 a minute
    said = rows(run(in_order(ticks(T0_NS, T0_NS + 360 * NS), hearts(rr_ms))))
    slow, fast = at(said, 150).metrics, at(said, 350).metrics
    assert slow.breaths_per_min == pytest.approx(6, abs=0.5)
    assert fast.breaths_per_min == pytest.approx(15, abs=0.5)
    assert slow.coherence is not None
    assert fast.coherence is not None
    assert slow.coherence > 2 * fast.coherence
    assert at(said, 50).metrics.breaths_per_min is None, "fewer than 64 s"


def test_without_a_baseline_it_calibrates_and_says_how_far() -> None:
    outputs = run([r for r in settled(8) if not isinstance(r, Setting)])
    estimates = rows(outputs)
    early = at(estimates, 120)
    assert (early.state, early.reason, early.arousal) == (State.CALIBRATING, "no-baseline", None)
    [progress] = early.reasons
    assert (progress.code, progress.value, progress.threshold) == (Why.USABLE_SECONDS, 60, 180)
    # Three usable minutes do to be judged by, five make it whole.
    judged = [row for row in estimates if row.state in JUDGED]
    assert judged[0].t_ns == T0_NS + 245 * NS
    assert {row.state for row in judged} == {State.SETTLED}
    [setting] = [o for o in outputs if isinstance(o, Setting)]
    assert setting.key == BASELINE_KEY
    assert setting.t_ns == T0_NS + 360 * NS
    # Pushed into a new engine, it spares the next calibration.
    fresh = rows(run([setting, *[r for r in settled(2) if not isinstance(r, Setting)]]))
    assert State.CALIBRATING not in {row.state for row in fresh}
    assert json.loads(setting.value)[0]["hr"][0] == fresh[-1].usual_hr_bpm


def test_a_racing_heart_is_an_episode_with_its_reasons() -> None:
    outputs = run(sitter(rng(), minutes=6, fast_from_s=120))
    [episode] = [o for o in outputs if isinstance(o, Episode)]
    # The heart jumps at 120 s; the median of 30 s follows within 20 s, the dwell takes 20 more.
    assert 120 < (episode.onset_ns - T0_NS) / NS <= 145
    assert 140 < (episode.t_ns - T0_NS) / NS <= 165
    assert {reason.code for reason in episode.reasons} == {Why.HEART_FAST}


def test_a_beta_blocker_is_said_in_every_row_and_only_taken_back_by_the_person() -> None:
    said = Setting(wearer=WEARER, t_ns=T0_NS, recv_ns=T0_NS, key=BETA_BLOCKER_KEY, value="true")
    records = sitter(rng(), minutes=6, fast_from_s=120)
    state = PipelineState()
    estimates = rows(run([said, *records], state))
    assert all(Gate.BETA_BLOCKER in row.gates for row in estimates)
    assert State.FLOODING in {row.state for row in estimates}
    run([replace(said, value="[]")], state)
    assert state.beta_blocker
    run([replace(said, value="false")], state)
    assert not state.beta_blocker


# --- when rows come ---------------------------------------------------------------------------


def test_samples_after_t_or_after_the_wait_do_not_enter_the_row() -> None:
    records = settled(3)
    cut_ns = T0_NS + 120 * NS
    on_time = [r for r in records if r.t_ns <= cut_ns]
    late = [r for r in records if r.t_ns > cut_ns]
    ends = [Tick(t_ns=cut_ns + 3 * NS, recv_ns=cut_ns + 3 * NS)]
    early_birds = [replace(r, recv_ns=cut_ns + NS) for r in late[:50]]
    assert at(rows(run([*on_time, *early_birds, *ends])), 120) == at(
        rows(run([*on_time, *ends])), 120
    )
    assert at(rows(run([*on_time, *ends, *late])), 120) == at(rows(run([*on_time, *ends])), 120)


def test_a_late_sample_serves_later_windows() -> None:
    records = settled(3)
    late = [
        replace(r, recv_ns=r.recv_ns + 20 * NS)
        if isinstance(r, Heart) and T0_NS + 100 * NS <= r.t_ns < T0_NS + 110 * NS
        else r
        for r in records
    ]
    straight, delayed = rows(run(records)), rows(run(in_order(late)))
    assert at(delayed, 110).metrics.coverage < at(straight, 110).metrics.coverage  # type: ignore[operator]
    assert at(delayed, 150).metrics.hr_bpm == at(straight, 150).metrics.hr_bpm


def test_a_jump_of_hours_gives_five_minutes_of_unknown_and_no_flood_of_rows() -> None:
    records = settled(3)
    end_ns = records[-1].recv_ns
    back_ns = end_ns + 8 * 3600 * NS
    outputs = rows(run([*records, Tick(t_ns=back_ns, recv_ns=back_ns)]))
    burst = [row for row in outputs if row.recv_ns == back_ns]
    assert len(burst) == 60
    assert {row.state for row in burst} == {State.UNKNOWN}
    assert burst[-1].t_ns > back_ns - 8 * NS


def test_only_this_wearer_and_the_site_are_heard() -> None:
    records = settled(2)
    others = [replace(r, wearer="bob") for r in settled(2) if isinstance(r, Heart | Eda | Motion)]
    assert run(in_order(records, others)) == run(records)


def test_a_note_does_not_start_the_rows() -> None:
    assert run([baseline_setting(), Marker(wearer=WEARER, t_ns=1, recv_ns=1, text="x")]) == []


# --- a missed sensor never reads as calm ------------------------------------------------------


def gate_after(records: list[Record], second: int) -> str:
    """The reason of the row at ``second``; from there on nothing but unknown."""
    estimates = rows(run(records))
    later = [row for row in estimates if row.t_ns >= T0_NS + second * NS]
    assert later
    assert {row.state for row in later} == {State.UNKNOWN}
    assert all(row.arousal is None for row in later)
    return later[0].reason


def test_silence_is_unknown_within_fifteen_seconds() -> None:
    assert gate_after(without(settled(), Heart, 120), 130) == Gate.HEART_SILENT


def test_nothing_from_the_start_is_unknown() -> None:
    assert gate_after(without(settled(), Heart, 0), 5) == Gate.HEART_MISSING


def test_a_lost_contact_bit_is_unknown_at_once() -> None:
    records = [
        replace(r, contact=r.recv_ns < T0_NS + 121 * NS) if isinstance(r, Heart) else r
        for r in settled()
    ]
    assert gate_after(records, 125) == Gate.HEART_OFF_BODY


def test_what_comes_while_off_body_is_no_data_even_afterwards() -> None:
    records = [
        replace(r, contact=False, hr_bpm=40.0, rr_ms=(1500.0,) * len(r.rr_ms))
        if isinstance(r, Heart) and 120 <= (r.t_ns - T0_NS) / NS < 140
        else replace(r, contact=True)
        if isinstance(r, Heart)
        else r
        for r in settled()
    ]
    back = [row for row in rows(run(records)) if row.t_ns > T0_NS + 145 * NS]
    assert {row.state for row in back} <= JUDGED
    assert all(row.metrics.hr_bpm > 60 for row in back if row.metrics.hr_bpm)


def test_a_frozen_strap_is_unknown_within_fifteen_seconds() -> None:
    heart_records = hearts([*rr_around(rng(), lambda _: 70.0, 120), *[857.421875] * 200])
    records = in_order(
        [r for r in settled(4) if not isinstance(r, Heart)],
        [r for r in heart_records if r.t_ns < T0_NS + 240 * NS],
    )
    assert gate_after(records, 130) == Gate.HEART_FROZEN


def test_a_frozen_rate_without_beats_is_unknown_within_three_minutes() -> None:
    records = [
        replace(
            r,
            hr_bpm=70.0 + (r.t_ns // NS % 5 if r.t_ns < T0_NS + 60 * NS else 0),
            beat_t_ns=(),
            rr_ms=(),
        )
        if isinstance(r, Heart)
        else r
        for r in settled(6)
    ]
    assert gate_after(records, 245) == Gate.HEART_FROZEN


def test_beats_and_rate_that_contradict_each_other_are_unknown() -> None:
    records = [
        replace(r, hr_bpm=95.0 + r.t_ns // NS % 3)
        if isinstance(r, Heart) and r.t_ns > T0_NS + 100 * NS
        else r
        for r in settled()
    ]
    assert gate_after(records, 130) == Gate.HEART_DISAGREES


def test_a_wrist_that_gives_few_beats_cannot_contradict_its_own_trailing_rate() -> None:
    """An E4 picks its beats, and after a movement its rate takes 45 s to come down to them."""
    lost_until_ns = T0_NS + 100 * NS
    records: list[Record] = []
    for r in settled():
        if isinstance(r, Heart) and r.t_ns <= lost_until_ns:
            records.append(replace(r, beat_t_ns=(), rr_ms=()))
        elif isinstance(r, Heart):
            records.append(replace(r, hr_bpm=95.0 + r.t_ns // NS % 3))
        else:
            records.append(r)
    estimates = rows(run(records))
    row = at(estimates, 140)
    assert row.metrics.hr_bpm == pytest.approx(70, abs=3)
    assert row.state in JUDGED
    # Once it has given nearly all for some minutes, it can.
    assert at(estimates, 235).reason == Gate.HEART_DISAGREES


@pytest.mark.parametrize(
    ("reason", "gate"),
    [
        (GapReason.LINK_LOST, Gate.HEART_GAP),
        (GapReason.OFF_BODY, Gate.HEART_OFF_BODY),
        (GapReason.FROZEN, Gate.HEART_FROZEN),
    ],
)
def test_an_open_gap_is_unknown(reason: GapReason, gate: Gate) -> None:
    gap = Gap(
        wearer=WEARER,
        source="strap",
        stream=Stream.HEART,
        t_ns=T0_NS + 119 * NS,
        recv_ns=T0_NS + 121 * NS,
        reason=reason,
    )
    silent = without(settled(), Heart, 119)
    assert gate_after(in_order(silent, [gap]), 120) == gate


def test_a_closed_gap_lets_the_state_return() -> None:
    gap = Gap(
        wearer=WEARER,
        source="strap",
        stream=Stream.HEART,
        t_ns=T0_NS + 110 * NS,
        recv_ns=T0_NS + 112 * NS,
        reason=GapReason.OFF_BODY,
    )
    end = replace(gap, recv_ns=T0_NS + 131 * NS, end_ns=T0_NS + 130 * NS)
    estimates = rows(run(in_order(settled(), [gap, end])))
    assert at(estimates, 125).reason == Gate.HEART_OFF_BODY
    assert at(estimates, 135).state in JUDGED


def test_walking_about_is_unknown() -> None:
    walk = [(0.0, 0.0, 1000.0 + (400 if i % 2 else -400)) for i in range(14 * 240)]
    records = in_order(without(settled(), Motion, 0), motions(walk, 14.0))
    assert gate_after(records, 20) == Gate.MOVING


def test_a_turn_of_the_trunk_is_unknown_for_a_minute() -> None:
    upright = still_hand(rng(), 14.0, 120)
    lying = [(z, y, x) for x, y, z in still_hand(rng(), 14.0, 120)]
    worn = Device(
        wearer=WEARER,
        source="ring",
        t_ns=T0_NS,
        recv_ns=T0_NS,
        model_key="x",
        body_location="chest",
    )
    records = in_order([worn], without(settled(), Motion, 0), motions([*upright, *lying], 14.0))
    estimates = rows(run(records))
    assert at(estimates, 130).reason == Gate.POSTURE
    assert at(estimates, 190).state in JUDGED


# --- skin: the state stands, what rests on it does not ----------------------------------------


@pytest.mark.parametrize(
    ("skin", "gate"),
    [
        ((5.0, 0.0, 1), Gate.EDA_STUCK),
        ((0.01, 0.001, 7), Gate.EDA_OPEN),
        ((90.0, 0.1, 11), Gate.EDA_SATURATED),
    ],
)
def test_bad_skin_closes_its_own_gate_only(skin: tuple[float, float, int], gate: Gate) -> None:
    level_us, step_us, values = skin
    bad = edas([level_us + step_us * (i % values) for i in range(4 * 240)], 4.0)
    estimates = rows(run(in_order(without(settled(), Eda, 0), bad)))
    row = at(estimates, 120)
    assert row.state is State.SETTLED
    assert row.gates == (gate,)
    assert (row.metrics.scl_us, row.metrics.z_scl, row.metrics.z_nsr) == (None, None, None)
    assert [reason.code for reason in row.reasons] == [Why.HEART_RATE]


def test_a_ring_taken_off_takes_skin_and_stillness_with_it() -> None:
    off = Contact(
        wearer=WEARER,
        source="ring",
        t_ns=T0_NS + 100 * NS,
        recv_ns=T0_NS + 100 * NS,
        on_body=False,
    )
    row = at(rows(run(in_order(settled(), [off]))), 120)
    assert row.gates == (Gate.EDA_OFF_BODY, Gate.MOTION_MISSING)
    assert row.state is State.SETTLED


def low_pattern(*, skin: bool) -> list[Record]:
    """Engaged talk for five minutes, then slow, quiet and still."""

    def rate_bpm(t_s: float) -> float:
        return 77.0 if t_s < 300 else 60.0 + max(0.0, 17 * (1 - (t_s - 300) / 60))

    def level_us(t_s: float) -> float:
        return 5.5 if t_s < 300 else 4.0 + 1.5 * max(0.0, 1 - (t_s - 300) / 60)

    r = rng()
    streams: list[list[Record]] = [
        [baseline_setting()],
        list(ticks(T0_NS, T0_NS + 600 * NS)),
        list(hearts(rr_around(r, rate_bpm, 600))),
        list(motions(still_hand(r, 14.0, 600), 14.0)),
    ]
    if skin:
        values = skin_around(
            r, 4.0, 600, scl_us=level_us, responses_at_s=[float(t) for t in range(5, 300, 8)]
        )
        streams.append(list(edas(values, 4.0)))
    return in_order(*streams)


def test_shutdown_needs_skin() -> None:
    with_skin = [o for o in run(low_pattern(skin=True)) if isinstance(o, Episode)]
    assert [e.episode.value for e in with_skin] == ["shutdown"]
    estimates = rows(run(low_pattern(skin=True)))
    assert min(row.arousal for row in estimates if row.arousal is not None) < -2
    blind = run(low_pattern(skin=False))
    assert [o for o in blind if isinstance(o, Episode)] == []
    assert State.SHUTDOWN not in {row.state for row in rows(blind)}


@pytest.mark.parametrize(("kind", "gate"), [(Eda, Gate.EDA_SILENT), (Motion, Gate.MOTION_MISSING)])
def test_a_shutdown_that_is_no_longer_seen_is_unknown(kind: type, gate: Gate) -> None:
    """Neither still shut down nor settled, for as long as the heart stays low."""
    estimates = rows(run(without(low_pattern(skin=True), kind, 480)))
    assert at(estimates, 480).state is State.SHUTDOWN
    later = [row for row in estimates if row.t_ns >= T0_NS + 540 * NS]
    assert {(row.state, row.reason, row.arousal) for row in later} == {
        (State.UNKNOWN, gate, None),
    }


def test_a_shutdown_goes_unknown_under_another_ring_and_says_that_not_that_there_is_none() -> None:
    other = [
        replace(r, source="other") if isinstance(r, Eda) and r.recv_ns > T0_NS + 480 * NS else r
        for r in low_pattern(skin=True)
    ]
    last = rows(run(other))[-1]
    assert last.metrics.scl_us is not None
    assert (last.state, last.reason) == (State.UNKNOWN, Gate.EDA_UNUSUAL)


def test_after_a_clock_that_went_back_rows_go_on_and_the_usual_stands() -> None:
    """A machine without a clock of its own wakes up in the past."""
    off = Contact(wearer=WEARER, source="ring", t_ns=T0_NS + NS, recv_ns=T0_NS + NS, on_body=False)
    before = in_order(sitter(rng(), minutes=4, fast_from_s=60), [off])
    back_ns = 10**6 * NS
    began = Run(t_ns=back_ns, recv_ns=back_ns, version="", engine_version=1, parameters_hash="")
    again = [
        moved_by(r, back_ns - T0_NS)
        for r in settled(3)
        if isinstance(r, Heart | Tick | Eda | Motion)
    ]
    outputs = run([*before, began, *again])
    first, last = [o for o in outputs if isinstance(o, Episode)]
    assert (first.end_ns, last.onset_ns) == (None, first.onset_ns)
    assert last.end_ns is not None  # it ended when it was last seen, by its own clock
    assert first.t_ns <= last.end_ns <= T0_NS + 240 * NS
    after = [row for row in rows(outputs) if row.t_ns < T0_NS]
    assert [row.t_ns for row in after] == list(range(back_ns + 5 * NS, back_ns + 180 * NS, 5 * NS))
    assert after[-1].state is State.SETTLED
    assert after[-1].usual_hr_bpm == 70.0
    assert Gate.EDA_MISSING in after[-1].gates  # nobody has said that the ring is worn again


def test_a_low_pattern_never_becomes_the_usual() -> None:
    """Unrecognised (nobody was engaged before), it lasts ten minutes and the baseline stays."""
    slow = hearts(rr_around(rng(), lambda t_s: 70.0 if t_s < 60 else 60.0, 780))
    records = in_order([baseline_setting()], ticks(T0_NS, T0_NS + 780 * NS), slow)
    assert {row.usual_hr_bpm for row in rows(run(records))} == {70.0}


# --- anything at all --------------------------------------------------------------------------


def numbers() -> st.SearchStrategy[float]:
    return st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1e300, -1e300, 5e-324])


@st.composite
def anything(draw: st.DrawFn) -> Record:
    t_ns = T0_NS + draw(st.integers(-(10**13), 10**13))
    recv_ns = T0_NS + draw(st.integers(0, 600)) * NS
    source = draw(st.sampled_from(["strap", "ring", ""]))
    times = tuple(sorted(t_ns + s * 10**8 for s in draw(st.sets(st.integers(0, 50), max_size=8))))
    values = tuple(draw(numbers()) for _ in times)
    choices: list[Record] = [
        Heart(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=recv_ns,
            source=source,
            hr_bpm=draw(st.none() | numbers()),
            contact=draw(st.none() | st.booleans()),
            beat_t_ns=times,
            rr_ms=values,
            chained=draw(st.booleans()),
        ),
        Eda(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=recv_ns,
            source=source,
            sample_t_ns=times,
            eda_us=values,
        ),
        Motion(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=recv_ns,
            source=source,
            sample_t_ns=times,
            acc_x_mg=values,
            acc_y_mg=values,
            acc_z_mg=values,
        ),
        Contact(
            wearer=WEARER, t_ns=t_ns, recv_ns=recv_ns, source=source, on_body=draw(st.booleans())
        ),
        Gap(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=recv_ns,
            source=source,
            stream=draw(st.sampled_from(list(Stream))),
            reason=draw(st.sampled_from(list(GapReason))),
            end_ns=draw(st.none() | st.just(t_ns + NS)),
        ),
        Setting(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=recv_ns,
            key=draw(st.sampled_from(["baseline", "baseline-window", "mute"])),
            value=draw(st.sampled_from(["null", "[]", "[1, 2]", "x", "[{}]"])),
        ),
        Tick(t_ns=recv_ns, recv_ns=recv_ns),
    ]
    return draw(st.sampled_from(choices))


@settings(max_examples=80, deadline=None)
@given(st.lists(anything(), max_size=30))
def test_nothing_crashes_it_and_rows_stay_in_order(records: list[Record]) -> None:
    state = PipelineState()
    outputs = run(records, state)
    times = [row.t_ns for row in rows(outputs)]
    assert all(b > a for a, b in itertools.pairwise(times))
    for row in rows(outputs):
        unjudged = row.state in {State.UNKNOWN, State.CALIBRATING}
        assert (row.arousal is None) == unjudged
        assert bool(row.reason) == unjudged
        assert (row.state is State.UNKNOWN) == any(gate in STATE_GATES for gate in row.gates)
    assert thaw(freeze(EngineState(pipeline=state))).pipeline == state


def test_a_source_is_forgotten_an_hour_after_its_last_word() -> None:
    state = PipelineState()
    run(settled(2), state)
    for hour, kept in ((0.9, True), (1.1, False)):
        later_ns = T0_NS + 120 * NS + round(hour * 3600) * NS
        run([Tick(t_ns=later_ns, recv_ns=later_ns)], state)
        assert all(bool(d) is kept for d in (state.hearts, state.skins, state.motions))


def test_a_snapshot_stays_small() -> None:
    state = PipelineState()
    run(sitter(rng(), minutes=12, eda_hz=16.0), state)
    assert len(freeze(EngineState(pipeline=state))) < 100_000


def test_the_parameters_hash_tells_a_changed_parameter() -> None:
    assert parameters_hash() == parameters_hash(Parameters())
    assert parameters_hash() != parameters_hash(Parameters(rows=Rows(wait_s=4)))
