"""Many wearers in one process: updates a second of processor time, and what one of them holds."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.engine import hour

from vagalwatch.engine import Engine
from vagalwatch.records import Eda, Heart, Motion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.records import Record

ROW_S: Final = 5
WARM_S: Final = 1080
"""Until then a calibration is over, and all that looks back ten minutes is full."""
MEASURED_S: Final = 60
TRACED: Final = 50
"""Engines whose allocations are counted one by one, which is slow."""


def measure(wearers: int) -> dict[str, Any]:
    """Each way of feeding, and the memory, in a process of its own."""
    return {
        "wearers": wearers,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        **{what: _alone(what, wearers) for what in PARTS},
    }


def as_sent() -> list[list[Record]]:
    """Five seconds an item, as a gateway gets them: strap 1/s, EDA 16 Hz one a record, motion."""
    seconds = list(hour(WARM_S + MEASURED_S))
    return [list(chain(*seconds[i : i + ROW_S])) for i in range(0, len(seconds), ROW_S)]


def in_chunks() -> list[list[Record]]:
    """The same samples, one record a signal and a tick for each five seconds."""
    return [
        [
            *(_joined([r for r in some if isinstance(r, kind)]) for kind in (Heart, Eda, Motion)),
            some[-1],
        ]
        for some in as_sent()
    ]


def _joined(records: Sequence[Any]) -> Record:
    """Samples of one source as one record of the last one's arrival."""
    names = {"sample_t_ns", "eda_us", "acc_x_mg", "acc_y_mg", "acc_z_mg", "beat_t_ns", "rr_ms"}
    first, last = records[0], records[-1]
    joined: Record = replace(
        last,
        **({"chained": first.chained} if isinstance(first, Heart) else {}),
        **{
            name: tuple(chain.from_iterable(getattr(record, name) for record in records))
            for name in names & set(type(last).__slots__)
        },
    )
    return joined


def _speed(fives: list[list[Record]], wearers: int) -> dict[str, float]:
    """Every wearer's engine in turn, so that each finds the caches full of others'."""
    engines = [Engine("alex") for _ in range(wearers)]
    warm = fives[: WARM_S // ROW_S]
    for engine in engines:
        _push(engine, warm)
    used = time.process_time()
    for five in fives[len(warm) :]:
        for engine in engines:
            _push(engine, [five])
    each_s = (time.process_time() - used) / (MEASURED_S // ROW_S * wearers)
    return {
        "records_an_update": sum(map(len, fives)) / len(fives),
        "update_us": round(each_s * 1e6, 1),
        "updates_a_core_second": round(1 / each_s),
        "wearers_a_core": round(ROW_S / each_s),
    }


def _memory(fives: list[list[Record]], wearers: int) -> dict[str, float]:
    """What a wearer adds to the process, and how much of it Python knows of."""
    warm = fives[: WARM_S // ROW_S]
    _push(Engine("alex"), warm)  # what all wearers share
    gc.collect()
    before = _resident_bytes()
    engines = []
    for _ in range(wearers):
        engines.append(Engine("alex"))
        _push(engines[-1], warm)
    gc.collect()
    grown = _resident_bytes() - before
    tracemalloc.start()
    traced = []
    for _ in range(TRACED):
        traced.append(Engine("alex"))
        _push(traced[-1], warm)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    return {
        "resident_kib_a_wearer": round(grown / wearers / 1024, 1),
        "allocated_kib_a_wearer": round(held / TRACED / 1024, 1),
    }


def _push(engine: Engine, fives: list[list[Record]]) -> None:
    for five in fives:
        for record in five:
            engine.push(record)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _alone(what: str, wearers: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fleet", what, str(wearers)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


PARTS: Final = {
    "as_sent": lambda wearers: _speed(as_sent(), wearers),
    "in_chunks": lambda wearers: _speed(in_chunks(), wearers),
    "memory": lambda wearers: _memory(in_chunks(), wearers),
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](int(sys.argv[2]))))
