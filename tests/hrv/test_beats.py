"""Which beats to believe: chains, late and doubled beats, ectopics, experts' annotations."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace

import neurokit2 as nk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, hearts, rr_around
from helpers_real import shared_data
from vagalwatch.hrv import beats
from vagalwatch.hrv.metrics import variability
from vagalwatch.records import Heart


def steady(until_s: float = 120, seed: int = 1) -> list[float]:
    rng = random.Random(seed)  # noqa: S311 - a series, not a secret
    return rr_around(rng, lambda _: 70.0, until_s)


def window(records: list[Heart], seconds: int = 300) -> beats.BeatWindow:
    state = beats.HeartState()
    for record in records:
        beats.take(state, record)
    return beats.window(state, records[-1].recv_ns, seconds)


def test_a_clean_heart_is_believed() -> None:
    seen = window(hearts(steady(280)))
    assert np.mean(~seen.valid) < 0.01  # measured for the causal rule on clean series: .7 %
    assert np.count_nonzero(seen.paired) >= seen.rr_ms.size - 1 - 2 * np.sum(~seen.valid)


def test_a_chain_is_never_bridged() -> None:
    records = hearts(steady())
    broken = [replace(r, chained=False) if i == 60 else r for i, r in enumerate(records)]
    whole, cut = window(records), window(broken)
    lost = np.flatnonzero(whole.paired & ~cut.paired)
    assert cut.t_s[lost[0]] > -61
    assert lost.size <= 2  # the pair across the border, and at most one judged by it


@pytest.mark.parametrize("place", [30, 60, 100])
def test_an_ectopic_beat_and_its_pause_go_with_their_pairs(place: int) -> None:
    rr_ms = steady()
    rr_ms[place], rr_ms[place + 1] = 0.65 * rr_ms[place], 1.35 * rr_ms[place + 1]
    seen = window(hearts(rr_ms))
    assert not seen.valid[place : place + 2].any()
    assert not seen.paired[place : place + 3].any()
    assert seen.valid[place - 1]
    assert seen.valid[place + 2]


def test_a_missed_beat_is_not_a_slow_heart() -> None:
    rr_ms = steady()
    missed = [*rr_ms[:60], rr_ms[60] + rr_ms[61], *rr_ms[62:]]
    assert not window(hearts(missed)).valid[60]


def test_rmssd_hardly_moves_with_three_percent_bad_beats() -> None:
    rng = random.Random(9)  # noqa: S311 - a series, not a secret
    clean = steady(59 * 5, seed=2)
    bad = list(clean)
    for place in rng.sample(range(5, len(bad) - 5), round(0.03 * len(bad))):
        bad[place], bad[place + 1] = 0.7 * bad[place], 1.3 * bad[place + 1]
    want = variability(window(hearts(clean)), 300).rmssd_ms
    got = variability(window(hearts(bad)), 300).rmssd_ms
    assert want is not None
    assert got == pytest.approx(want, rel=0.1)


@settings(max_examples=40)
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=5))
def test_late_and_doubled_notifications_find_their_place(
    order: list[int], doubled: list[int]
) -> None:
    """Order of arrival decides only about links, never about beats."""
    records = hearts(steady(12))[:12]
    straight, shuffled = beats.HeartState(), beats.HeartState()
    for record in records:
        beats.take(straight, record)
    for i in [*order, *doubled]:
        beats.take(shuffled, records[i])
    assert shuffled.beat_t_ns == straight.beat_t_ns
    assert shuffled.rr_ms == straight.rr_ms
    seen = beats.window(shuffled, records[-1].t_ns, 60)
    step_ms = np.diff(seen.t_s) * 1000
    assert np.all(np.abs(step_ms - seen.rr_ms[1:])[seen.paired[1:]] < 0.001)


def test_measuring_late_is_measuring_again() -> None:
    records = hearts(steady())
    straight, late = beats.HeartState(), beats.HeartState()
    for record in records:
        beats.take(straight, record)
    for record in [*records[:40], *records[60:], *records[40:60]]:
        beats.take(late, record)
    end_ns = records[-1].recv_ns
    beats.window(late, end_ns, 300)
    beats.window(straight, end_ns, 300)
    assert late.rr_ms == straight.rr_ms
    assert sum(a != b for a, b in zip(late.marks, straight.marks, strict=True)) <= 4


def test_a_clock_from_the_future_is_not_kept() -> None:
    state = beats.HeartState()
    far_ns = T0_NS + 3600 * NS
    beats.take(
        state,
        Heart(
            wearer=WEARER,
            source="strap",
            t_ns=far_ns,
            recv_ns=T0_NS,
            hr_bpm=70.0,
            beat_t_ns=(far_ns,),
            rr_ms=(800.0,),
        ),
    )
    assert state == beats.HeartState()


def test_trimming_changes_no_row() -> None:
    records = hearts(steady(900))
    kept, trimmed = beats.HeartState(), beats.HeartState()
    for record in records:
        beats.take(kept, record)
        beats.take(trimmed, record)
        if record.t_ns % (5 * NS) == 0:
            a = beats.window(kept, record.t_ns, 300)
            b = beats.window(trimmed, record.t_ns, 300)
            assert np.array_equal(a.rr_ms, b.rr_ms)
            assert np.array_equal(a.valid, b.valid)
            assert np.array_equal(a.paired, b.paired)
            beats.trim(trimmed, record.t_ns)
    assert len(trimmed.rr_ms) < 8 * 500
    assert len(trimmed.hr_bpm) < 8 * 220


def test_bigeminy_gives_no_variability() -> None:
    """Polar H10, a person in whom 86 % of neighbours differ by over 200 ms."""
    with gzip.open(shared_data("polar_h10_pvc", "ecg_rr.csv.gz"), "rt") as lines:
        rows = [line.strip().split(",") for line in lines][1:]
    rr_ms = [float(row[3]) for row in rows if row[3]]
    seen = window(hearts(rr_ms[:240]), 60)
    got = variability(seen)
    assert got.irregular
    assert got.rmssd_ms is None


def test_a_heart_full_of_ectopics_is_flagged_no_worse_than_by_neurokit_or_abstained_from() -> None:
    """MIT-BIH Long-Term 15814, 13 % ectopics: the method's spread grows with them (both here)."""
    with gzip.open(shared_data("mitbih_ltdb_rr", "15814_rr.csv.gz"), "rt") as lines:
        rows = [line.strip().split(",") for line in lines][2:1502]
    rr_ms = [float(row[1]) for row in rows]
    state = beats.HeartState()
    for record in hearts(rr_ms):
        beats.take(state, record)
    mine = ~beats.window(state, state.newest_ns, 3600).valid
    found, _ = nk.signal_fixpeaks(
        np.cumsum([0, *rr_ms]).astype(int), sampling_rate=1000, iterative=False, method="Kubios"
    )
    theirs = np.zeros(len(rr_ms) + 1, dtype=bool)
    for kind in ("ectopic", "missed", "extra", "longshort"):
        theirs[found[kind]] = True
    ectopic = np.array([row[2] != "N" for row in rows])
    normal = ~ectopic & ~np.roll(ectopic, 1)  # nor the pause after one
    assert np.mean(mine[ectopic]) >= np.mean(theirs[1:][ectopic])
    assert np.mean(mine[normal]) <= np.mean(theirs[1:][normal])
