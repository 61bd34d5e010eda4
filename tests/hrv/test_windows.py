"""The table of a recording's windows: each row is what the live row said, or scipy says."""

from __future__ import annotations

import csv
import gzip
import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.interpolate
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, in_order, rr_around, ticks
from helpers_real import shared_data
from vagalwatch.engine import Engine
from vagalwatch.hrv.beats import Classified, classify
from vagalwatch.hrv.metrics import variability
from vagalwatch.hrv.spectrum import lf_hf_ms2
from vagalwatch.hrv.windows import Beats, Windows, windows
from vagalwatch.records import Estimate, Heart

if TYPE_CHECKING:
    from collections.abc import Iterable

TIME_DOMAIN = ("rmssd_ms", "sdnn_ms", "pnn50", "sd1_ms", "sd2_ms")


def about(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def beats_of(
    rr_ms: Iterable[float], *, gaps: dict[int, float] | None = None, start_ns: int = T0_NS
) -> Beats:
    """Chained beats; before beat ``i`` of ``gaps`` so many seconds are lost, and the link."""
    gaps = gaps or {}
    t_ns, times, linked = start_ns, [], []
    values = list(rr_ms)
    for i, rr in enumerate(values):
        t_ns += round(rr * 1e6) + round(gaps.get(i, 0.0) * NS)
        times.append(t_ns)
        linked.append(i > 0 and i not in gaps)
    series = (np.array(times), np.array(values, dtype=np.float64), np.array(linked))
    return Beats(t_ns=series[0], rr_ms=series[1], linked=series[2], believed=classify(*series))


def live(beats: Beats) -> dict[int, Estimate]:
    """What the engine says of the same beats, row by row."""
    records = [
        Heart(
            wearer=WEARER,
            source="strap",
            t_ns=t,
            recv_ns=t + NS // 2,
            beat_t_ns=(t,),
            rr_ms=(rr,),
            chained=linked,
        )
        for t, rr, linked in zip(
            beats.t_ns.tolist(), beats.rr_ms.tolist(), beats.linked.tolist(), strict=True
        )
    ]
    end_ns = int(beats.t_ns[-1]) + 20 * NS
    engine = Engine(WEARER)
    said = [
        output
        for record in in_order(ticks(T0_NS - 10 * NS, end_ns), records)
        for output in engine.push(record)
    ]
    return {row.t_ns: row for row in said if isinstance(row, Estimate)}


def held_against_live(beats: Beats) -> int:
    """Compare every row; the number of those with all figures."""
    rows = live(beats)
    minute, five = windows(beats, 60), windows(beats, 300)
    whole = 0
    for k, t_ns in enumerate(minute.t_ns.tolist()):
        metrics = rows[t_ns].metrics
        if any(gate.startswith("heart-") for gate in rows[t_ns].gates):
            continue  # then the row shows nothing, whatever its beats would say
        assert minute.coverage[k] == about(metrics.coverage or 0.0)
        for table, names in ((minute, TIME_DOMAIN), (five, ("lf_ms2", "hf_ms2"))):
            if table is five and "rr-irregular" in rows[t_ns].gates:
                assert (metrics.lf_ms2, metrics.hf_ms2) == (None, None)
                continue  # the row withholds them; the table asks no gate
            for name in names:
                theirs, ours = getattr(metrics, name), float(getattr(table, name)[k])
                assert math.isnan(ours) == (theirs is None), (name, k)
                if theirs is not None:
                    assert ours == about(theirs), (name, k)
        whole += metrics.lf_ms2 is not None and metrics.rmssd_ms is not None
    return whole


@st.composite
def series(draw: st.DrawFn) -> Beats:
    """Minutes of a heart with ectopics, missed and doubled beats, and gaps."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - a series, not a secret
    rate = draw(st.floats(35, 150))
    rr_ms = rr_around(rng, lambda _: rate, draw(st.integers(60, 700)))
    if draw(st.booleans()):  # any float, not only a strap's ticks
        rr_ms = [rr + rng.random() for rr in rr_ms]
    bad = draw(st.sampled_from([0.0, 0.01, 0.05]))
    dirty: list[float] = []
    for rr in rr_ms:
        if rng.random() < bad:
            kind = rng.randrange(3)
            if kind == 0 and dirty:
                dirty[-1] *= 0.7
                dirty.append(rr * 1.3)
            elif kind == 1:
                dirty.append(rr * 2)
            else:
                dirty += [rr * 0.4, rr * 0.6]
        else:
            dirty.append(rr)
    gaps = draw(
        st.dictionaries(st.integers(1, len(dirty) - 1), st.floats(0.1, 40), max_size=3)
        | st.just({})
    )
    return beats_of(dirty, gaps=gaps, start_ns=T0_NS + draw(st.integers(0, 5 * NS)))


@settings(max_examples=10)
@given(series())
def test_the_table_is_what_the_live_rows_said(beats: Beats) -> None:
    held_against_live(beats)


def test_a_healthy_quarter_of_an_hour_is_compared_whole() -> None:
    """The property would hold for nothing if every row were thin."""
    rr_ms = rr_around(random.Random(8), lambda _: 66.0, 900)  # noqa: S311 - a series, not a secret
    assert held_against_live(beats_of(rr_ms)) >= 120


def test_a_patient_with_many_ectopics() -> None:
    path = shared_data("mitbih_ltdb_rr") / "14172_rr.csv.gz"
    with gzip.open(path, "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if row["rr_ms"]][2400:4800]
    assert held_against_live(beats_of(float(row["rr_ms"]) for row in rows)) >= 40


@settings(max_examples=15)
@given(series(), st.sampled_from([30, 60, 120]))
def test_each_window_is_its_direct_definition(beats: Beats, seconds: int) -> None:
    table = windows(beats, seconds)
    for k in range(0, table.t_ns.size, 3):
        window = beats.window(int(table.t_ns[k]), seconds)
        figures = variability(window, seconds)
        lf_ms2, hf_ms2 = lf_hf_ms2(window, seconds)
        assert bool(table.irregular[k]) == figures.irregular
        expected = {name: getattr(figures, name) for name in (*TIME_DOMAIN, "mean_hr_bpm")}
        expected |= {"lf_ms2": lf_ms2, "hf_ms2": hf_ms2}
        for name, value in expected.items():
            ours = float(getattr(table, name)[k])
            assert math.isnan(ours) == (value is None), (name, k)
            if value is not None:
                assert ours == about(value), (name, k)


def test_in_hindsight_the_spectrum_is_scipys_of_the_whole_curve() -> None:
    rr_ms = rr_around(random.Random(9), lambda t: 64 + 6 * math.sin(t / 50), 400)  # noqa: S311 - a series
    beats = beats_of(rr_ms)
    every = np.ones(len(rr_ms), dtype=np.bool_)
    beats = Beats(
        t_ns=beats.t_ns,
        rr_ms=beats.rr_ms,
        linked=beats.linked,
        believed=Classified(valid=every, valid_last=every),
    )
    table = windows(beats, 60, as_live=False)
    t_s = (beats.t_ns - T0_NS) / NS
    curve = scipy.interpolate.CubicSpline(t_s, beats.rr_ms)
    compared = 0
    for k, end_ns in enumerate(table.t_ns.tolist()):
        end_s = (end_ns - T0_NS) / NS
        inside = t_s[(t_s > end_s - 60) & (t_s <= end_s)]
        if inside[-1] - inside[0] < 54:
            assert math.isnan(table.hf_ms2[k])
            continue
        even = curve(np.arange(math.ceil(inside[0] * 4), math.floor(inside[-1] * 4) + 1) / 4)
        hz, density = scipy.signal.welch(even, 4, "hann", nperseg=even.size, detrend="linear")
        for name, low, high in (("lf_ms2", 0.04, 0.15), ("hf_ms2", 0.15, 0.40)):
            power = density[(hz >= low) & (hz < high)].sum() * (hz[1] - hz[0])
            assert getattr(table, name)[k] == about(float(power))
            compared += 1
    assert compared > 100


def test_a_window_says_what_it_is_too_short_for() -> None:
    beats = beats_of(rr_around(random.Random(2), lambda _: 70.0, 400))  # noqa: S311 - a series
    minute, five = windows(beats, 60), windows(beats, 300)
    assert {"lf_ms2", "lf_hf", "sdnn_ms"} <= set(minute.short)
    assert {"rmssd_ms", "hf_ms2"}.isdisjoint(minute.short)
    assert five.short == ()


def test_few_beats_make_a_table_of_nothing() -> None:
    one = windows(beats_of([800.0]), 60)
    assert one.t_ns.size == 0
    few: Windows = windows(beats_of([800.0] * 12), 60)
    assert few.t_ns.tolist() == [T0_NS + 5 * NS]
    assert few.coverage[0] == about(0.08)
    assert np.isnan(few.rmssd_ms).all()
    assert np.isnan(few.lf_ms2).all()
