"""Records for tests of the estimate: plain series, real recordings, and a small known body."""

from __future__ import annotations

import gzip
import itertools
import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vagalwatch.records import Eda, Heart, Motion, Record, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

NS = 1_000_000_000
T0_NS = 1_700_000_000 * NS
"""A UTC multiple of 5 s."""
WEARER = "ada"
LATENCY_NS = NS // 2


def ticks(start_ns: int, end_ns: int) -> Iterator[Record]:
    for t_ns in range(start_ns, end_ns, NS):
        yield Tick(t_ns=t_ns, recv_ns=t_ns)


def in_order(*series: Iterable[Record]) -> list[Record]:
    """One sequence by arrival, as a journal holds it."""
    return sorted(itertools.chain(*series), key=lambda record: record.recv_ns)


def hearts(
    rr_ms: Iterable[float], *, start_ns: int = T0_NS, source: str = "strap", with_rate: bool = True
) -> list[Heart]:
    """A strap: a notification a second with the beats of that second and a smoothed rate."""
    beats: dict[int, list[tuple[int, float]]] = {}
    t_ns, last_second = start_ns, start_ns // NS
    for rr in rr_ms:
        t_ns += round(rr * 1e6)
        last_second = -(-t_ns // NS)
        beats.setdefault(last_second, []).append((t_ns, rr))
    records: list[Heart] = []
    recent: list[float] = []
    for second in range(start_ns // NS + 1, last_second + 1):
        here = beats.get(second, [])
        recent = (recent + [rr for _, rr in here])[-8:]
        records.append(
            Heart(
                wearer=WEARER,
                source=source,
                t_ns=second * NS,
                recv_ns=second * NS + LATENCY_NS,
                hr_bpm=float(round(60_000 * len(recent) / sum(recent)))
                if with_rate and recent
                else None,
                beat_t_ns=tuple(t for t, _ in here),
                rr_ms=tuple(rr for _, rr in here),
                chained=bool(records) and len(recent) > len(here),
            )
        )
    return records


def edas(
    eda_us: Iterable[float], hz: float, *, start_ns: int = T0_NS, source: str = "ring"
) -> list[Eda]:
    """A ring: chunks of a second; the first sample is one interval after the start."""
    chunks: dict[int, list[tuple[int, float]]] = {}
    for i, value in enumerate(eda_us, start=1):
        t_ns = start_ns + round(i * NS / hz)
        chunks.setdefault(-(-t_ns // NS), []).append((t_ns, float(value)))
    return [
        Eda(
            wearer=WEARER,
            source=source,
            t_ns=chunk[-1][0],
            recv_ns=second * NS + LATENCY_NS,
            sample_t_ns=tuple(t for t, _ in chunk),
            eda_us=tuple(v for _, v in chunk),
        )
        for second, chunk in chunks.items()
    ]


def motions(
    xyz_mg: Iterable[tuple[float, float, float]],
    hz: float,
    *,
    start_ns: int = T0_NS,
    source: str = "ring",
) -> list[Motion]:
    """The ring's accelerometer, chunks of a second."""
    chunks: dict[int, list[tuple[int, tuple[float, float, float]]]] = {}
    for i, triple in enumerate(xyz_mg, start=1):
        t_ns = start_ns + round(i * NS / hz)
        chunks.setdefault(-(-t_ns // NS), []).append((t_ns, triple))
    return [
        Motion(
            wearer=WEARER,
            source=source,
            t_ns=chunk[-1][0],
            recv_ns=second * NS + LATENCY_NS,
            sample_t_ns=tuple(t for t, _ in chunk),
            acc_x_mg=tuple(v[0] for _, v in chunk),
            acc_y_mg=tuple(v[1] for _, v in chunk),
            acc_z_mg=tuple(v[2] for _, v in chunk),
        )
        for second, chunk in chunks.items()
    ]


def e4(folder: Path, *, minutes: float | None = None) -> list[Record]:
    """An Empatica E4 session, its EDA start laid on ``T0_NS``."""
    eda = _rows(folder / "EDA.csv.gz")
    start_s = float(eda[0][0])
    limit_s = math.inf if minutes is None else minutes * 60
    cut = None if minutes is None else round(limit_s * 4)
    skin = edas((float(row[0]) for row in eda[2:][:cut]), 4.0, source="e4")
    acc = _rows(folder / "ACC.csv.gz")[2:]
    move = motions(
        (
            (float(x) * 15.625, float(y) * 15.625, float(z) * 15.625)
            for x, y, z in acc[: None if cut is None else cut * 8]
        ),
        32.0,
        source="e4",
    )
    rates = _rows(folder / "HR.csv.gz")
    offset_s = float(rates[0][0]) - start_s
    pulse: list[Heart] = [
        Heart(
            wearer=WEARER,
            source="e4",
            t_ns=(t_ns := T0_NS + round((offset_s + i) * NS)),
            recv_ns=t_ns + LATENCY_NS,
            hr_bpm=float(row[0]),
        )
        for i, row in enumerate(rates[2:])
        if offset_s + i <= limit_s
    ]
    ibi = _rows(folder / "IBI.csv.gz")
    offset_s = float(ibi[0][0]) - start_s
    before_s = -math.inf
    for text_s, text_rr in ibi[1:]:
        t_s, rr_s = float(text_s), float(text_rr)
        t_ns = T0_NS + round((offset_s + t_s) * NS)
        if offset_s + t_s <= limit_s:
            pulse.append(
                Heart(
                    wearer=WEARER,
                    source="e4",
                    t_ns=t_ns,
                    recv_ns=t_ns + LATENCY_NS,
                    beat_t_ns=(t_ns,),
                    rr_ms=(rr_s * 1000,),
                    chained=abs(t_s - before_s - rr_s) < 0.02,
                )
            )
        before_s = t_s
    end_ns = T0_NS + NS * (math.ceil(len(skin)) + 5)
    return in_order(ticks(T0_NS, end_ns), skin, move, pulse)


def _rows(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt") as lines:
        return [line.strip().split(",") for line in lines if line.strip()]
