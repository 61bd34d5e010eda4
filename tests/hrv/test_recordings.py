"""Real bodies: the E4 sessions and RR files that lie beside the clone."""

from __future__ import annotations

import statistics

import pytest

from helpers_hrv import NS, T0_NS, WEARER, e4, hearts, in_order, ticks
from helpers_real import shared_data
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import Estimate, Record, State

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
