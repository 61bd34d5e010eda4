"""Records for tests of the estimate: plain series, real recordings, and a small known body."""

from __future__ import annotations

import gzip
import itertools
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from vagalwatch.records import Eda, Heart, Motion, Record, Setting, Tick

if TYPE_CHECKING:
    import random
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


def moved_by(record: Record, delta_ns: int) -> Record:
    """The same, later."""
    match record:
        case Heart(beat_t_ns=times):
            record = replace(record, beat_t_ns=tuple(t + delta_ns for t in times))
        case Eda(sample_t_ns=times) | Motion(sample_t_ns=times):
            record = replace(record, sample_t_ns=tuple(t + delta_ns for t in times))
        case _:
            pass
    return replace(record, t_ns=record.t_ns + delta_ns, recv_ns=record.recv_ns + delta_ns)


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


def baseline_setting(hr_bpm: float = 70.0, *, scl_us: float = 5.0, nsr: float = 3.0) -> Setting:
    """A personal baseline, as a former run journalled it."""
    part = {
        "t_ns": T0_NS - NS,
        "eda_source": "ring",
        "hr": [hr_bpm, 2.0],
        "ln_rmssd": [math.log(40.0), 0.2],
        "ln_scl": [math.log(scl_us), 0.08],
        "nsr": [nsr, 1.0],
    }
    return Setting(
        wearer=WEARER,
        t_ns=T0_NS - NS,
        recv_ns=T0_NS - NS,
        key="baseline",
        value=json.dumps([part]),
    )


def rr_around(
    rng: random.Random, rate_bpm: Callable[[float], float], until_s: float
) -> list[float]:
    """Intervals in SIG ticks with breathing and noise, following ``rate_bpm(t_s)``."""
    rr_ms: list[float] = []
    t_s = 0.0
    while t_s < until_s:
        mean_ms = 60_000 / rate_bpm(t_s)
        rr = mean_ms * (1 + 0.03 * math.sin(2 * math.pi * 0.25 * t_s) + rng.gauss(0, 0.01))
        rr_ms.append(round(rr * 1.024) / 1.024)
        t_s += rr_ms[-1] / 1000
    return rr_ms


def skin_around(
    rng: random.Random,
    hz: float,
    until_s: float,
    *,
    scl_us: Callable[[float], float],
    responses_at_s: Iterable[float] = (),
    noise_us: float = 0.002,
) -> list[float]:
    """A level with responses of .3 uS (rise about 1.5 s) and noise."""
    onsets = list(responses_at_s)
    return [
        scl_us(i / hz)
        + sum(_response_us(i / hz - onset) for onset in onsets if 0 <= i / hz - onset < 30)
        + rng.gauss(0, noise_us)
        for i in range(1, round(until_s * hz) + 1)
    ]


def _response_us(age_s: float) -> float:
    return 0.63 * (math.exp(-age_s / 3.0) - math.exp(-age_s / 0.8))


def still_hand(rng: random.Random, hz: float, until_s: float) -> list[tuple[float, float, float]]:
    return [
        (rng.gauss(0, 3), rng.gauss(0, 3), 1000 + rng.gauss(0, 3))
        for _ in range(round(until_s * hz))
    ]


def sitter(
    rng: random.Random, *, minutes: int, fast_from_s: int | None = None, eda_hz: float = 4.0
) -> list[Record]:
    """Somebody who sits, with a baseline of 70 bpm; from ``fast_from_s`` on the heart races."""
    until_s = minutes * 60.0

    def rate_bpm(t_s: float) -> float:
        return 110.0 if fast_from_s is not None and t_s >= fast_from_s else 70.0

    onsets = [t for t in range(5, minutes * 60, 5) if fast_from_s is not None and t >= fast_from_s]
    return in_order(
        [baseline_setting()],
        ticks(T0_NS, T0_NS + minutes * 60 * NS),
        hearts(rr_around(rng, rate_bpm, until_s)),
        edas(
            skin_around(rng, eda_hz, until_s, scl_us=lambda _: 5.0, responses_at_s=onsets), eda_hz
        ),
        motions(still_hand(rng, 14.0, until_s), 14.0),
    )
