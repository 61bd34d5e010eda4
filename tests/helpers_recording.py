"""Recordings for tests: written as files, or drawn by hypothesis."""

from __future__ import annotations

import gzip
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from vagalwatch.records import GapReason, Stream
from vagalwatch.sensors.recording import Missing, Recording, Series
from vagalwatch.sensors.recording.model import AXES, UNDATED_NS
from vagalwatch.sensors.recording.text import MAX_NUMBER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vagalwatch.sensors.recording import Signal

SUBJECTS = (
    "S03",
    "S04",
    "S05",
    "S11",
    "S13",
    "S18",
    "S19",
    "S20",
    "S22",
    "S27",
    "S28",
    "S31",
    "S35",
)
"""The E4 sessions that live beside the clone."""


def put(path: Path, text: str) -> Path:
    """Write ``text``, gzipped if the name says so."""
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def e4_folder(folder: Path, suffix: str = "", **files: str) -> Path:
    """A small valid E4 session of 20 s, with ``files`` (EDA="...") put in the place of its own."""
    folder.mkdir()
    own = {
        "EDA": "1644829925.0\n4.0\n" + "0.5\n" * 80,
        "HR": "1644829935.0\n1.0\n" + "80.0\n" * 10,
        "TEMP": "1644829925.0\n4.0\n" + "30.1\n" * 80,
        "ACC": "1644829925.0, 1644829925.0, 1644829925.0\n32.0, 32.0, 32.0\n" + "-2,3,64\n" * 640,
        "IBI": "1644829925.0, IBI\n2.0,0.75\n2.78125,0.78125\n5.0,0.75\n",
        "BVP": "1644829925.0\n64.0\n" + "0.0\n" * 64,
    }
    for name, text in {**own, **files}.items():
        put(folder / f"{name}.csv{suffix}", text)
    return folder


def heart(stretches: Sequence[tuple[float, float]], *, eda: bool = True) -> Recording:
    """A strap (and a ring) on somebody whose heart keeps to (minutes, bpm), without chance."""
    minutes = sum(length for length, _ in stretches)
    rr_ms: list[float] = []
    for length, bpm in stretches:
        wave = np.sin(np.arange(round(length * bpm)) / 2.5)
        rr_ms += np.round((60000 / bpm + 0.025 * 60000 / bpm * wave) * 1.024).tolist()
    values = np.array(rr_ms) / 1.024  # ticks of 1/1024 s, as straps send them
    quarter_ns = np.arange(0, round(minutes * 240)) * 250_000_000
    eda_us = 2 + 0.1 * np.sin(quarter_ns / 7e9) + 0.002 * (np.arange(quarter_ns.size) % 7)
    ring = Series(signal="eda_us", source="ring", t_ns=quarter_ns, values=eda_us)
    return Recording(
        description="a heart",
        wearer="recording",
        start_ns=UNDATED_NS + 3_123_456_789,
        series=(
            Series(
                signal="rr_ms",
                source="strap",
                t_ns=np.cumsum(np.rint(values * 1e6).astype(np.int64)),
                values=values,
            ),
            *((ring,) if eda else ()),
        ),
    )


def steady(minutes: float) -> Recording:
    """Somebody quiet."""
    return heart([(minutes, 70.0)])


_GROUPS: tuple[tuple[Signal, ...], ...] = (
    ("rr_ms",),
    ("rr_ms", "chained"),
    ("hr_bpm",),
    ("hr_bpm", "hr_quality"),
    ("contact",),
    ("eda_us",),
    ("temp_c",),
    ("beta_blocker",),
    ("baseline_anew",),
    AXES,
)
"""Signals that share their times."""

_values = st.floats(min_value=-MAX_NUMBER, max_value=MAX_NUMBER)
_times = st.lists(
    st.integers(min_value=0, max_value=3600 * 10**9), min_size=1, max_size=8, unique=True
).map(sorted)
_names = st.text(min_size=1, max_size=8).filter(
    lambda name: name.isprintable() and name.strip() == name
)
_texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Any recording, however odd: several sources, gaps, markers, every signal."""
    series: list[Series] = []
    for source in draw(st.lists(_names, min_size=1, max_size=2, unique=True)):
        for group in draw(
            st.lists(st.sampled_from(_GROUPS), min_size=1, max_size=4, unique_by=itemgetter(0))
        ):
            times = draw(_times)
            series += [_series(draw, signal, source, times) for signal in group]
    return Recording(
        description="drawn",
        wearer="recording",
        start_ns=draw(st.integers(min_value=1, max_value=2**61)),
        series=tuple(series),
        missing=tuple(draw(st.lists(_missing(), max_size=3))),
        markers=tuple(draw(st.lists(st.tuples(st.integers(0, 3600 * 10**9), _texts), max_size=3))),
    )


def _series(draw: st.DrawFn, signal: Signal, source: str, times: list[int]) -> Series:
    match signal:
        case "contact" | "chained" | "beta_blocker" | "baseline_anew":
            one = st.sampled_from([0.0, 1.0])
        case "rr_ms":
            one = st.floats(min_value=0, max_value=60_000, exclude_min=True)
        case _:
            one = _values
    values = draw(st.lists(one, min_size=len(times), max_size=len(times)))
    return Series(
        signal=signal,
        source=source,
        t_ns=np.array(times, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
    )


@st.composite
def _missing(draw: st.DrawFn) -> Missing:
    t_ns = draw(st.integers(0, 3600 * 10**9))
    return Missing(
        source=draw(_names),
        stream=draw(st.sampled_from(Stream)),
        t_ns=t_ns,
        end_ns=t_ns + draw(st.integers(0, 3600 * 10**9)),
        reason=draw(st.sampled_from(GapReason)),
    )
