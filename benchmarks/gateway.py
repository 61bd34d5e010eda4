"""Memory, CPU and beat-to-page latency of a home gateway at work."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.house import BUCKET, House, end

from vagalwatch.journal.reader import open_reader

SAMPLE_S: Final = 10.0
SETTLE_S: Final = 75.0
"""Four links and the minute in which a ring is silent after its change of mode."""


def measure(minutes: float) -> dict[str, Any]:
    """Run a gateway for ``minutes`` with everything at work."""
    with (
        tempfile.TemporaryDirectory(prefix="vagalwatch-bench-") as folder,
        House(Path(folder)) as house,
    ):
        gateway, start_s = house.start_gateway()
        start_cpu_s = cpu_s(gateway.pid)
        house.open_pages()
        settled, began = None, time.monotonic()
        samples: list[tuple[float, float, int]] = []
        while (now := time.monotonic() - began) < minutes * 60:
            time.sleep(SAMPLE_S)
            if gateway.poll() is not None:
                raise RuntimeError(house.log.read_text(encoding="utf-8"))
            now = time.monotonic() - began
            samples.append((now, cpu_s(gateway.pid), memory_kb(gateway.pid)["Pss"]))
            if settled is None and now >= SETTLE_S:
                settled = samples[-1]
        told = house.told_outside()
        at_end, peak_rss_kb = memory_kb(gateway.pid), peak_rss(gateway.pid)
        written = house.influx.rows("SELECT count(rr_ms) FROM beat", BUCKET)
        end(gateway)
        again, restart_s = house.start_gateway()
        end(again)
        rows = _journal_rows(house)
        log = house.log.read_text(encoding="utf-8")
    settled = settled or samples[0]
    shares = [
        100 * (b[1] - a[1]) / (b[0] - a[0])
        for a, b in zip(samples, samples[6:], strict=False)
        if a[0] >= settled[0]
    ]
    latency_ms = sorted(told["latency_ms"])
    return {
        "minutes": minutes,
        "start_s": round(start_s, 2),
        "start_cpu_s": round(start_cpu_s, 2),
        "restart_with_this_journal_s": round(restart_s, 2),
        "peak_rss_mb": mb(peak_rss_kb),
        "peak_pss_mb": mb(max(pss for *_, pss in samples)),
        "end_rss_mb": mb(at_end["Rss"]),
        "end_pss_mb": mb(at_end["Pss"]),
        "pss_mb_by_time": [mb(pss) for *_, pss in samples[:: max(len(samples) // 12, 1)]],
        "cpu_percent_of_a_core": round(
            100 * (samples[-1][1] - settled[1]) / max(samples[-1][0] - settled[0], 1e-9), 2
        ),
        "cpu_percent_worst_minute": round(max(shares, default=0.0), 2),
        "cpu_percent_whole_with_start": round(100 * samples[-1][1] / samples[-1][0], 2),
        "notifications": told["notifications"],
        "notifications_on_page": len(latency_ms),
        "notifications_not_on_page": told["lost"],
        "latency_ms": {
            "p50": round(statistics.median(latency_ms), 2),
            "p95": round(latency_ms[int(0.95 * len(latency_ms))], 2),
            "p99": round(latency_ms[int(0.99 * len(latency_ms))], 2),
            "max": round(latency_ms[-1], 2),
        },
        "journal_rows": rows,
        "influx_beats": written[0][1] if written else 0,
        "mqtt_messages": told["mqtt_messages"],
        "log_lines": log.count("\n"),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def cpu_s(pid: int) -> float:
    """User and system seconds of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int) -> dict[str, int]:
    """Resident (Rss) and proportional (Pss) kilobytes, among others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def peak_rss(pid: int) -> int:
    """The most that was ever resident, in kilobytes, as the kernel keeps it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def mb(kilobytes: int) -> float:
    """Megabytes of 1,000,000 bytes."""
    return round(kilobytes * 1024 / 1e6, 1)


def _journal_rows(house: House) -> int:
    rows = after = 0
    with open_reader(house.settings.journal_path) as reader:
        while entries := reader.read(after):
            after, rows = entries[-1].place, rows + len(entries)
    return rows
