"""scripts/bench: measure, and add the figures to benchmarks/results as JSON lines."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import engine, fleet, gateway, page, peers, start


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    home = what.add_parser("gateway", help=gateway.__doc__)
    home.add_argument("--minutes", type=float, default=60)
    what.add_parser("start", help=start.__doc__)
    kernel = what.add_parser("engine", help=engine.__doc__)
    kernel.add_argument("--recording", type=Path, help="analyse this one, too")
    beside = what.add_parser("peers", help=peers.__doc__)
    beside.add_argument("--repeats", type=int, default=5)
    many = what.add_parser("fleet", help=fleet.__doc__)
    many.add_argument("--wearers", type=int, default=1000)
    phone = what.add_parser("page", help=page.__doc__)
    phone.add_argument("--visits", type=int, default=9)
    chosen = parser.parse_args()
    known = surroundings()  # before: the work tree may change while an hour passes
    match chosen.what:
        case "gateway":
            figures = gateway.measure(chosen.minutes)
        case "start":
            figures = start.measure()
        case "fleet":
            figures = fleet.measure(chosen.wearers)
        case "page":
            figures = page.measure(chosen.visits)
        case "peers":
            figures = peers.measure(chosen.repeats)
        case _:
            figures = engine.measure(chosen.recording)
    report(chosen.what, known | figures)


def report(what: str, figures: dict[str, Any]) -> None:
    """Print ``figures`` and add them to the results."""
    line = json.dumps(figures)
    print(line)
    results = Path(__file__).parent / "results" / f"{what}.jsonl"
    with results.open("a", encoding="utf-8") as file:
        print(line, file=file)


def surroundings() -> dict[str, Any]:
    """Date, machine and versions."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "python": platform.python_version(),
        "cpu": cpu,
        "kernel": platform.release(),
        "versions": {
            name: version(name)
            for name in (
                *("bleak", "dbus-fast", "numpy", "scipy", "neurokit2"),
                *("amqtt", "uvicorn", "influxdb-client"),
            )
        },
    }


if __name__ == "__main__":
    main()
