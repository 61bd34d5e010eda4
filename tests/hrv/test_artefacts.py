"""The classification against neurokit2's, live rows against whole series, and known bad beats."""

from __future__ import annotations

import csv
import gzip
import itertools
from typing import TYPE_CHECKING

import neurokit2 as nk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_artefacts import BODIES, beats_at, clean_rr_ms, spoiled_times_ms
from helpers_hrv import NS, T0_NS, WEARER
from helpers_real import shared_data
from vagalwatch.hrv import beats
from vagalwatch.hrv.artefacts import Kind, jumps, kinds, quiet
from vagalwatch.hrv.windows import Beats, windows
from vagalwatch.records import Heart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

THEIR_NAMES = {
    "ectopic": Kind.ECTOPIC,
    "longshort": Kind.LONG_OR_SHORT,
    "missed": Kind.MISSED,
    "extra": Kind.EXTRA,
}


def assert_as_neurokit(rr_ms: NDArray[np.int64]) -> None:
    """With its centred windows, its first values and its unit, our flags are neurokit2's."""
    peaks = np.cumsum(np.concatenate(([0], rr_ms)))
    theirs, _ = nk.signal_fixpeaks(peaks, sampling_rate=1000, iterative=False, method="Kubios")
    rr_s = np.ediff1d(peaks, to_begin=0) / 1000
    rr_s[0] = np.mean(rr_s[1:])
    drr_s = np.ediff1d(rr_s, to_begin=0)
    drr_s[0] = np.mean(drr_s[1:])
    ours = kinds(rr_s, drr_s, jumps(rr_s, drr_s, centred=True), centred=True)
    for name, kind in THEIR_NAMES.items():
        assert sorted(theirs[name]) == np.flatnonzero(ours == kind).tolist(), name


def recordings() -> Iterator[tuple[str, list[float]]]:
    """Every recording of intervals that lies beside the project, in ms."""
    for name in ("14134", "14172", "15814"):
        with gzip.open(shared_data("mitbih_ltdb_rr", f"{name}_rr.csv.gz"), "rt") as lines:
            yield name, [float(row["rr_ms"]) for row in csv.DictReader(lines) if row["rr_ms"]]
    with gzip.open(shared_data("polar_h10_pvc", "ecg_rr.csv.gz"), "rt") as lines:
        yield "polar_h10", [float(row["rr_ms"]) for row in csv.DictReader(lines) if row["rr_ms"]]
    for path in sorted(shared_data("pyhrv_nni").glob("*.csv")):
        yield path.stem, [float(line) for line in path.read_text().split()[1:]]
    for path in sorted(shared_data("hrv_sampledata").glob("*_rri.*")):
        text = path.read_text()
        yield path.stem, [float(word) for word in text.split("[HRData]")[-1].split()]
    for path in sorted(shared_data("wearablehrv_p37").glob("test_*.csv")):
        with path.open() as lines:
            rows = list(csv.DictReader(lines))
        if "rr" in rows[0]:
            yield path.stem, [float(row["rr"]) for row in rows]
    for path in sorted(shared_data("stress_predict").rglob("IBI.csv.gz")):
        with gzip.open(path, "rt") as lines:
            yield path.parent.name, [1000 * float(row[1]) for row in list(csv.reader(lines))[1:]]


def test_neurokits_flags_on_every_recording() -> None:
    names = []
    for name, rr_ms in recordings():
        assert_as_neurokit(np.round(rr_ms).astype(np.int64))
        names.append(name)
    assert len(names) >= 20


@st.composite
def any_series(draw: st.DrawFn) -> NDArray[np.int64]:
    """Quiet, coarse, wild or full of bad beats; ms."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(8, 400))
    spread = draw(st.sampled_from([0, 2, 20, 120]))
    grid = draw(st.sampled_from([1, 8, 16]))
    rr_ms = rng.normal(draw(st.integers(400, 1200)), spread, size)
    bad = rng.random(size) < draw(st.sampled_from([0.0, 0.02, 0.1, 0.4]))
    rr_ms[bad] *= rng.choice([0.5, 0.7, 1.3, 2.0], np.count_nonzero(bad))
    return np.maximum(np.round(rr_ms / grid).astype(np.int64) * grid, 16)


@settings(max_examples=60, deadline=None)
@given(any_series())
def test_neurokits_flags_on_any_series(rr_ms: NDArray[np.int64]) -> None:
    assert_as_neurokit(rr_ms)


@settings(max_examples=60)
@given(any_series().filter(lambda rr_ms: rr_ms.size > 92), st.integers(1, 12))
def test_a_quiet_row_is_one_without_jumps(rr_ms: NDArray[np.int64], new: int) -> None:
    rr = rr_ms.astype(np.float64)
    since = max(92, rr.size - new)
    drr = np.concatenate(([np.nan], np.diff(rr)))
    said = quiet(rr[since - 91 :], 15.625)
    assert said == (jumps(rr, drr, least=15.625, since=since).size == 0)


def test_a_bound_settles_nothing_wrongly() -> None:
    """Long series are judged by bounds first; every place by itself must say the same."""
    rng = np.random.default_rng(4)
    rr = 800 + 30 * rng.standard_normal(5000)
    rr[rng.random(5000) < 0.05] *= 0.7
    drr = np.concatenate(([np.nan], np.diff(rr)))
    drr[rng.random(5000) < 0.01] = np.nan
    single = [i for i in range(5000) if jumps(rr[: i + 1], drr[: i + 1], since=i).size]
    assert jumps(rr, drr).tolist() == single


@st.composite
def chains(draw: st.DrawFn) -> list[Heart]:
    """A beat a record, in order; bad beats, broken chains, holes and long silences."""
    rr_ms = draw(any_series()).astype(np.float64)
    broken = draw(st.sets(st.integers(0, rr_ms.size - 1), max_size=6))
    holes_s = draw(
        st.dictionaries(
            st.integers(0, rr_ms.size - 1), st.sampled_from([1.5, 40.0, 250.0, 700.0]), max_size=3
        )
    )
    t_ns, records = T0_NS, []
    for i, rr in enumerate(rr_ms.tolist()):
        t_ns += round(rr * 1e6) + round(holes_s.get(i, 0.0) * NS)
        records.append(
            Heart(
                wearer=WEARER,
                source="strap",
                t_ns=t_ns,
                recv_ns=t_ns,
                beat_t_ns=(t_ns,),
                rr_ms=(rr,),
                chained=i not in broken and i not in holes_s,
            )
        )
    return records


@settings(max_examples=40, deadline=None)
@given(chains(), st.integers(1, 20))
def test_live_rows_believe_what_the_whole_series_says(records: list[Heart], step: int) -> None:
    t_ns = np.array([r.t_ns for r in records])
    linked = np.array([r.chained for r in records]) & (np.arange(t_ns.size) > 0)
    whole = beats.classify(t_ns, np.array([r.rr_ms[0] for r in records]), linked)
    state = beats.HeartState()
    for i, record in enumerate(records):
        beats.take(state, record)
        if i % step and i < len(records) - 1:
            continue
        seen = beats.window(state, record.t_ns, 300)
        first = i + 1 - seen.valid.size
        assert seen.valid[:-2].tolist() == whole.valid[first : max(i - 1, first)].tolist()
        last = max(i - 1, first)
        assert seen.valid[-2:].tolist() == whole.valid_last[last : i + 1].tolist()
        beats.trim(state, record.t_ns)


def minutes(share: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """RMSSD of minutes 15 s apart with a share of bad beats (NaN: not told), and without any."""
    told, true = [], []
    for number, body in enumerate(BODIES):
        rng = np.random.default_rng([seed, number])
        clean_ms = clean_rr_ms(body, 1800, rng)
        t_ms = np.concatenate(([0.0], np.cumsum(clean_ms)))
        spoiled = windows(beats_at(spoiled_times_ms(clean_ms, share, rng)), 60)
        clean = windows(beats_at(t_ms, believe_all=True), 60)
        _, here, there = np.intersect1d(spoiled.t_ns[24::3], clean.t_ns, return_indices=True)
        told.append(spoiled.rmssd_ms[24::3][here])
        true.append(clean.rmssd_ms[there])
    return np.concatenate(told), np.concatenate(true)


@pytest.mark.parametrize(
    ("share", "off", "told"), [(0.0, 0.005, 0.97), (0.01, 0.02, 0.94), (0.03, 0.04, 0.65)]
)
def test_rmssd_with_bad_beats(share: float, off: float, told: float) -> None:
    """Missed, extra, ectopic and misplaced beats; of what is told, what is off by over 10 %."""
    ours, true = np.concatenate([minutes(share, seed) for seed in range(3)], axis=1)
    assert ours.size >= 900
    known = ~np.isnan(ours)
    wrong = np.abs(ours[known] / true[known] - 1) > 0.1
    assert wrong.mean() <= off
    assert known.mean() >= told


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_told_with_a_tenth_of_bad_beats(seed: int) -> None:
    ours, _ = minutes(0.10, seed)
    assert np.mean(np.isnan(ours)) >= 0.85


def after_rest(*shares: float) -> NDArray[np.bool_]:
    """What is believed of beats, as shares of the interval, within quiet minutes."""
    rr_ms = clean_rr_ms(BODIES[0], 200, np.random.default_rng(3))
    rr_ms[150 : 150 + len(shares)] *= shares
    return beats_at(np.concatenate(([0.0], np.cumsum(rr_ms)))).believed.valid[148:160]


@pytest.mark.parametrize(
    "shares",
    [
        (0.65, 1.35),  # a premature beat and its pause
        (0.6, 0.6, 1.5),  # a couplet
        (0.55, 0.6, 0.6, 1.5),  # a run of three
        (0.65, 1.35, 0.65, 1.35, 0.65, 1.35),  # bigeminy for six beats
        (2.0,),  # missed
        (0.4, 0.6),  # seen twice
    ],
)
def test_what_ectopics_do_to_a_quiet_heart(shares: tuple[float, ...]) -> None:
    believed = after_rest(*shares)
    assert not believed[2 : 2 + len(shares)].any()
    assert believed[:2].all()
    assert believed[3 + len(shares) :].all()


@pytest.mark.parametrize(
    "shares",
    [
        (1.05, 1.35, 1.05),  # the vagus holds one beat back
        (1.3, 1.15),  # a sigh
        (1.1, 1.4, 1.35, 1.1),
    ],
)
def test_a_heart_that_is_held_back_is_believed(shares: tuple[float, ...]) -> None:
    assert after_rest(*shares).all()


@pytest.mark.parametrize("shares", [(1.7,), (0.8, 1.35), (1.35, 0.8), (0.75,)])
def test_late_because_of_an_early_or_a_missed_beat_is_not(shares: tuple[float, ...]) -> None:
    assert not after_rest(*shares)[2 : 2 + len(shares)].any()


@pytest.mark.parametrize(
    ("name", "low"),
    [("SampleNNISeriesLong", 0.16), ("SampleNNISeriesShort", 0.25), ("rest_rri", 0.12)],
)
def test_normal_beats_alone_are_hardly_ever_told_as_less_variable(name: str, low: float) -> None:
    """Recordings without an ectopic: minutes whose RMSSD is over 10 % low (docs/beats.md)."""
    rr_ms = np.array(dict(recordings())[name])
    t_ms = np.concatenate(([0.0], np.cumsum(rr_ms)))
    told = windows(beats_at(t_ms), 60).rmssd_ms[12:]
    every = beats_at(t_ms, believe_all=True)
    true = np.array([_rmssd_ms(every, end_ns) for end_ns in windows(every, 60).t_ns[12:]])
    known = ~np.isnan(told)
    assert known.mean() >= 0.98
    assert (told[known] < 0.9 * true[known]).mean() <= low
    assert not (told[known] > 1.1 * true[known]).any()


def _rmssd_ms(beats_: Beats, end_ns: int) -> float:
    inside = (beats_.t_ns <= end_ns) & (beats_.t_ns > end_ns - 60 * NS)
    return float(np.sqrt(np.mean(np.diff(beats_.rr_ms[inside]) ** 2)))


def test_fibrillation_is_not_told_as_variability() -> None:
    """Intervals without order, spread by a fifth (usual: .18 to .25)."""
    rng = np.random.default_rng(5)
    rr_ms = np.maximum(750 * np.exp(0.2 * rng.standard_normal(3000)), 300)
    table = windows(beats_at(np.concatenate(([0.0], np.cumsum(rr_ms)))), 60)
    assert np.mean(table.irregular[12:]) >= 0.99
    assert np.isnan(table.rmssd_ms).all()


def test_bigeminy_is_not_told_as_variability() -> None:
    rr_ms = np.fromiter(itertools.islice(itertools.cycle((560.0, 1040.0)), 1200), np.float64)
    rr_ms += np.random.default_rng(6).normal(0, 10, 1200)
    table = windows(beats_at(np.concatenate(([0.0], np.cumsum(rr_ms)))), 60)
    assert np.isnan(table.rmssd_ms).all()
