"""Real bodies: the E4 sessions and RR files that lie beside the clone."""

from __future__ import annotations

import math
import statistics

import neurokit2 as nk
import numpy as np
import pandas as pd
import pytest

from helpers_hrv import NS, T0_NS, WEARER, e4, hearts, in_order, ticks
from helpers_real import shared_data
from vagalwatch.hrv.beats import classify
from vagalwatch.hrv.breathing import breathing
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.hrv.windows import Beats
from vagalwatch.records import Estimate, Record, State

SPAN_S = PARAMETERS.figures.breathing_s
UNJUDGED = {State.UNKNOWN, State.CALIBRATING}


def estimates(records: list[Record]) -> list[Estimate]:
    pipeline = Pipeline(WEARER, PipelineState())
    return [o for r in records for o in pipeline.push(r) if isinstance(o, Estimate)]


@pytest.mark.parametrize("subject", ["S18", "S35"])
def test_arousal_stands_in_nine_of_ten_worn_rows(subject: str) -> None:
    """Two with much movement and sparse beats; all 13 are in ``tests/test_analysis.py``."""
    rows = estimates(e4(shared_data("stress_predict", subject)))
    judged = next(i for i, row in enumerate(rows) if row.state not in UNJUDGED)
    assert judged * 5 <= 300
    assert sum(row.arousal is not None for row in rows) >= 0.9 * len(rows)
    after = rows[judged:]
    assert sum(any(g.startswith("eda-") for g in row.gates) for row in after) <= 0.2 * len(after)


@pytest.mark.parametrize("name", ["SampleNNISeriesLong.csv", "SampleNNISeriesShort.csv"])
def test_intervals_alone_give_rate_and_variability(name: str) -> None:
    rr_ms = [float(line) for line in shared_data("pyhrv_nni", name).read_text().split()[1:]]
    beats = hearts(rr_ms, with_rate=False)
    rows = estimates(in_order(beats, ticks(T0_NS, beats[-1].recv_ns + 5 * NS)))
    full = [row.metrics for row in rows if row.t_ns > T0_NS + 60 * NS]
    rates = [m.hr_bpm for m in full if m.hr_bpm is not None]
    assert len(rates) >= 0.98 * len(full)
    assert statistics.median(rates) == pytest.approx(60_000 / statistics.median(rr_ms), rel=0.03)
    # Normal beats only: the flags may cost little.
    assert sum(m.rmssd_ms is not None for m in full) >= 0.9 * len(full)


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("bio_resting_8min", 30), ("bio_resting_5min", 0), ("bio_eventrelated", 0)],
)
def test_a_breathing_rate_that_is_told_is_that_of_the_chest(name: str, at_least: int) -> None:
    """In the second a wave of blood pressure at 5 a minute stood for a breath at 16."""
    table = pd.read_csv(shared_data("neurokit_bio", f"{name}_100hz.csv.gz"))
    ecg = nk.signal_resample(
        nk.ecg_clean(table["ECG"].to_numpy(), sampling_rate=100),
        sampling_rate=100,
        desired_sampling_rate=1000,
        method="interpolation",
    )
    at_s = nk.ecg_peaks(ecg, sampling_rate=1000)[1]["ECG_R_Peaks"] / 1000
    belt = nk.rsp_clean(table["RSP"].to_numpy(), sampling_rate=100)
    breath_s = nk.rsp_peaks(belt, sampling_rate=100)[1]["RSP_Peaks"] / 100

    t_ns, rr_ms = np.round(at_s[1:] * NS).astype(np.int64), np.diff(at_s) * 1000
    linked = np.ones(rr_ms.size, dtype=np.bool_)
    beats = Beats(t_ns=t_ns, rr_ms=rr_ms, linked=linked, believed=classify(t_ns, rr_ms, linked))
    told = 0
    for end_s in range(SPAN_S + 5, math.floor(at_s[-1]), 5):
        found = breathing(beats.window(end_s * NS, SPAN_S)).breaths_per_min
        inside = breath_s[(breath_s > end_s - SPAN_S) & (breath_s <= end_s)]
        if found is not None:
            told += 1
            assert found == pytest.approx(60 / np.diff(inside).mean(), abs=2.5), end_s
    assert told >= at_least
