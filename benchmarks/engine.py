"""The engine without a service: a second of one wearer, and a recorded hour."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.house import VAGALWATCH
from benchmarks.outside import EDA_HZ

from vagalwatch.clock import NS
from vagalwatch.engine import Engine
from vagalwatch.export import tidy
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.recording import open_recording
from vagalwatch.records import Tick
from vagalwatch.sensors.decode import heart_rate, nuanic
from vagalwatch.sensors.devices import driver_for
from vagalwatch.sensors.simulated.ring import Ring
from vagalwatch.sensors.simulated.stories import story
from vagalwatch.sensors.simulated.strap import Strap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vagalwatch.records import Record

START_NS: Final = 1_795_446_000 * NS
HOUR_S: Final = 3600


def measure(recording: Path | None = None) -> dict[str, Any]:
    """Push an hour second by second; then analyse it, and ``recording``, as a person would."""
    seconds = list(hour())
    engine = Engine("alex")
    row_us: list[float] = []
    other_us: list[float] = []
    for records in seconds:
        began_ns = time.perf_counter_ns()
        outputs = [said for record in records for said in engine.push(record)]
        took_us = (time.perf_counter_ns() - began_ns) / 1000
        (row_us if any(said.kind == "estimate" for said in outputs) else other_us).append(took_us)
    with tempfile.TemporaryDirectory(prefix="vagalwatch-bench-") as name:
        folder = Path(name)
        asyncio.run(_journal(seconds, folder / "bench.sqlite"))
        tidy.write(open_recording(folder / "bench.sqlite", "alex"), folder / "tidy.csv")
        analysed = {
            "journal": _analyse(folder / "bench.sqlite", folder),
            "tidy_csv": _analyse(folder / "tidy.csv", folder),
        }
        if recording is not None:
            analysed[recording.name] = _analyse(recording, folder)
    return {
        "records_a_second": round(sum(map(len, seconds)) / HOUR_S, 1),
        "push_second_without_row_us": _spread(other_us),
        "push_second_with_row_us": _spread(row_us),
        "engine_s_for_the_hour": round((sum(row_us) + sum(other_us)) / 1e6, 2),
        "analyze": analysed,
    }


def hour(length_s: int = HOUR_S) -> Iterator[list[Record]]:
    """What a gateway's engine is told of one wearer with strap and ring, a list a second."""
    body = story("hard", 1).body("alex", eda_hz=EDA_HZ)
    strap, ring = Strap(), Ring(silence_s=0.0)
    heart = driver_for("heart-rate", wearer="alex", source="strap")
    skin = driver_for("nuanic", wearer="alex", source="ring", eda_rate_hz=EDA_HZ)
    ring.write(nuanic.MODE_UUID, bytes([nuanic.MODE_RAW_EDA]))
    ring.write(nuanic.RATE_UUID, bytes([EDA_HZ]))
    for wearable, driver in ((strap, heart), (ring, skin)):
        driver.opened(START_NS)
        for uuid in driver.notify:
            wearable.listen(uuid, on=True)
    for second in range(1, length_s + 1):
        signals = body.advance(second)
        frames = sorted(strap.advance(signals, second) + ring.advance(signals, second))
        records: list[Record] = []
        for t_s, uuid, value in frames:
            driver = heart if uuid == heart_rate.MEASUREMENT_UUID else skin
            records += driver.frame(uuid, value, START_NS + round(t_s * NS))
        now_ns = START_NS + second * NS
        yield [*records, Tick(t_ns=now_ns, recv_ns=now_ns)]


async def _journal(seconds: list[list[Record]], path: Path) -> None:
    journal = SqliteJournal(path)
    for records in seconds:
        places = [journal.append(record) for record in records]
        if journal.newest < places[-1] - 10_000:  # it drops what comes much faster than a disk
            await journal.committed(places[-1])
    journal.close()


def _analyse(recording: Path, folder: Path) -> dict[str, float]:
    """Wall and CPU seconds of ``vagalwatch analyze``, and of a start that analyses nothing."""
    out = str(folder / "out")
    base_s, base_cpu_s = _run("analyze", "--help")
    wall_s, used_s = _run("analyze", str(recording), "--out", out)
    minutes = json.loads((folder / "out" / "summary.json").read_text())["duration_s"] / 60
    return {
        "minutes": round(minutes, 1),
        "wall_s": round(wall_s, 2),
        "cpu_s": round(used_s, 2),
        "start_alone_wall_s": round(base_s, 2),
        "start_alone_cpu_s": round(base_cpu_s, 2),
    }


def _run(*arguments: str) -> tuple[float, float]:
    before, began = _children_cpu_s(), time.perf_counter()
    subprocess.run([VAGALWATCH, *arguments], check=True, capture_output=True)
    return time.perf_counter() - began, _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spread(values: list[float]) -> dict[str, int]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered)),
        "p99": round(ordered[int(0.99 * len(ordered))]),
        "max": round(ordered[-1]),
    }
