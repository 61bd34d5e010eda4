"""Believed beats and RMSSD against what experts say of the same beats (docs/beats.md)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
import pytest

from helpers_artefacts import Annotated, beats_at, mitbih
from helpers_real import shared_data
from vagalwatch.hrv.windows import windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Minutes 5 s apart: how many, the share told, and of these the share off by over 10 %."""

    count: int
    told: float
    off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Shares of one recording; minutes with under 5 % of abnormal intervals, and with over 10 %."""

    sensitivity: float
    specificity: float
    few: Minutes
    many: Minutes


def truth(recording: Annotated) -> Truth:
    beats, normal = recording.beats, recording.normal
    table = windows(beats, 60)
    stop = np.searchsorted(beats.t_ns, table.t_ns, side="right")
    start = np.searchsorted(beats.t_ns, table.t_ns - 60 * 10**9, side="right")
    pair = normal.copy()
    pair[1:] &= normal[:-1]
    steps = np.concatenate(([0.0], np.diff(beats.rr_ms)))
    squares = np.concatenate(([0.0], np.cumsum(np.where(pair, steps, 0.0) ** 2)))
    pairs = np.concatenate(([0], np.cumsum(pair)))
    abnormal = np.concatenate(([0], np.cumsum(~normal)))
    inside = np.minimum(start + 1, stop)  # a window's first pair reaches out of it
    count = pairs[stop] - pairs[inside]
    share = (abnormal[stop] - abnormal[start]) / np.maximum(stop - start, 1)
    expert_ms = np.sqrt((squares[stop] - squares[inside]) / np.maximum(count, 1))

    def minutes(which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Minutes:
        known = ~np.isnan(table.rmssd_ms[which])
        ratio = table.rmssd_ms[which][known] / expert_ms[which][known]
        wrong = (np.abs(ratio - 1) > 0.1) | (count[which][known] < 20)
        return Minutes(
            count=int(known.size),
            told=float(known.mean()),
            off=float(wrong.mean() if wrong.size else 0),
        )

    full = (stop > start) & (np.arange(stop.size) >= 12)
    refused = ~beats.believed.valid
    return Truth(
        sensitivity=float(refused[recording.label != "N"].mean()),
        specificity=float(1 - refused[normal].mean()),
        few=minutes(full & (share < 0.05)),
        many=minutes(full & (share > 0.10)),
    )


@pytest.mark.parametrize(
    ("name", "sensitivity", "told_few", "off_few", "told_many"),
    [
        ("14134", 0.14, 0.80, 0.35, 0.06),
        ("14172", 0.66, 0.72, 0.50, 0.01),
        ("15814", 0.74, 0.80, 0.50, 0.08),
    ],
)
def test_patients_with_many_ectopics(
    name: str, sensitivity: float, told_few: float, off_few: float, told_many: float
) -> None:
    """A quarter to an eighth of the beats are ectopic: the minutes full of them are not told."""
    got = truth(mitbih(name))
    assert got.sensitivity >= sensitivity, got
    assert got.specificity >= 0.97, got
    assert got.few.told >= told_few, got
    assert got.few.off <= off_few, got
    assert got.many.told <= told_many, got


def test_ten_minutes_of_bigeminy_tell_nothing() -> None:
    with gzip.open(shared_data("polar_h10_pvc", "ecg_rr.csv.gz"), "rt") as lines:
        rows = [line.strip().split(",") for line in lines][1:]
    rr_ms = np.array([float(row[3]) for row in rows if row[3]])
    table = windows(beats_at(np.concatenate(([0.0], np.cumsum(rr_ms)))), 60)
    assert np.isnan(table.rmssd_ms).all()
    assert np.mean(table.irregular[12:]) >= 0.9
