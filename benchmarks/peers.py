"""This project beside the libraries people use today: the same series, the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks import fleet

ROOT: Final = Path(__file__).parents[1]
ENVIRONMENTS: Final = ROOT / "build" / "peers"
# What imports and runs together on Python 3.11, which the newest of each do not: numpy 2.4 has no
# trapz, nolds 0.6.3 breaks both its users, biosppy does not name peakutils, and setuptools 81 has
# no pkg_resources.
REQUIREMENTS: Final = {
    "hrv-analysis": ("hrv-analysis==1.0.5", "nolds==0.6.2", "numpy==2.3.5"),
    "pyhrv": (
        *("pyhrv==0.5.0", "nolds==0.6.2", "numpy==2.3.5"),
        *("peakutils==1.3.5", "setuptools==80.9.0"),
    ),
    "heartpy": ("heartpy==1.2.7", "numpy==2.3.5", "setuptools==80.9.0"),
}
NAMES: Final = ("vagalwatch", "neurokit2", *REQUIREMENTS)
HOURS: Final = 24
WEARERS: Final = 25
"""Of the fleet that is measured along; `fleet` by itself measures many more."""
MINUTES_MEASURED: Final = 60
"""Windows that a peer is timed on, spread over the day; all of them would take it minutes."""
EDA_HZ: Final = 4
NS: Final = 1_000_000_000
START_NS: Final = 1_795_446_000 * NS


def measure(repeats: int) -> dict[str, Any]:
    """Each contestant in turn, ``repeats`` times; medians and ratios with their extremes."""
    pythons = {name: _python(name) for name in NAMES}
    series = day()
    with tempfile.TemporaryDirectory(prefix="vagalwatch-bench-") as folder:
        path = Path(folder) / "series.npz"
        np.savez(path, allow_pickle=False, **series)
        runs = [{name: _run(pythons[name], name, path) for name in NAMES} for _ in range(repeats)]
    windows, *_ = [int(run["vagalwatch"].pop("windows")) for run in runs]
    for run in runs:
        for name in NAMES[1:]:
            run[name]["day_s"] = run[name]["window_s"] * windows
        for name in ("vagalwatch", "neurokit2"):
            run[name]["wearers_a_core"] = 5 / run[name]["update_s"]
        run["vagalwatch"]["wearers_a_core_whole"] = 5 / run["vagalwatch"]["update_whole_s"]
    many = fleet.measure(WEARERS)
    return {
        "fleet": many,
        "beats": int(series["rr_ms"].size),
        "windows": windows,
        "repeats": repeats,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "contestants": {
            name: {figure: _spread([run[name][figure] for run in runs]) for figure in runs[0][name]}
            for name in NAMES
        },
        "times_ours": {
            label: _spread([run[name][theirs] / run["vagalwatch"][ours] for run in runs])
            for label, name, theirs, ours in (
                *((f"day, {name}", name, "day_s", "day_s") for name in NAMES[1:]),
                *((f"day as live, {name}", name, "day_s", "day_as_live_s") for name in NAMES[1:]),
                ("day's beats, neurokit2", "neurokit2", "day_beats_s", "day_beats_s"),
                ("update, neurokit2", "neurokit2", "update_s", "update_s"),
                ("update of the whole, neurokit2", "neurokit2", "update_s", "update_whole_s"),
                ("import, neurokit2", "neurokit2", "import_cpu_s", "import_cpu_s"),
            )
        },
    }


def day(seed: int = 1) -> dict[str, np.ndarray[Any, Any]]:
    """A day at 60 to 80 bpm with breathing, a slow wave, noise and .5 % ectopics; skin at 4 Hz.

    Intervals are a strap's ticks (1/1024 s). An ectopic comes 35 % early, with a pause after it.
    """
    rng = np.random.default_rng(seed)
    mean_ms = 60_000 / 70
    count = int(HOURS * 3_600_000 / mean_ms * 1.2)
    t_s = np.arange(count) * mean_ms / 1000
    rr_ms = mean_ms * (
        1
        + 0.03 * np.sin(2 * np.pi * 0.25 * t_s)
        + 0.03 * np.sin(2 * np.pi * 0.1 * t_s)
        + 0.15 * np.sin(2 * np.pi * t_s / 5000)
        + rng.normal(0, 0.01, count)
    )
    early = rng.choice(np.arange(5, count - 5), count // 200, replace=False)
    shift_ms = 0.35 * rr_ms[early]
    rr_ms[early] -= shift_ms
    rr_ms[early + 1] += shift_ms
    rr_ms = np.round(rr_ms * 1.024) / 1.024
    t_ns = START_NS + np.cumsum(np.round(rr_ms * 1e6)).astype(np.int64)
    inside = t_ns <= START_NS + HOURS * 3600 * NS
    at_s = np.arange(3600 * EDA_HZ) / EDA_HZ
    eda_us = 5 + rng.normal(0, 0.002, at_s.size)
    for onset_s in np.cumsum(rng.exponential(15, 200)):
        age_s = np.maximum(at_s - onset_s, 0)
        eda_us += 0.63 * (np.exp(-age_s / 3) - np.exp(-age_s / 0.8))  # .3 uS, rises in 1.5 s
    return {
        "t_ns": t_ns[inside],
        "rr_ms": rr_ms[inside],
        "linked": np.arange(int(inside.sum())) > 0,
        "eda_us": eda_us,
    }


def _python(name: str) -> Path:
    """The interpreter that has the contestant; its environment is made once."""
    if name not in REQUIREMENTS:
        return Path(sys.executable)
    folder = ENVIRONMENTS / name
    python, stamp = folder / "bin" / "python", folder / "made-from"
    wanted = "\n".join(REQUIREMENTS[name])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"Setting up {name} in {folder.relative_to(ROOT)} (once) ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        subprocess.run([*map(str, pip), *REQUIREMENTS[name]], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _run(python: Path, name: str, series: Path) -> dict[str, float]:
    """One thread each, so that a second core gives nobody more."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    script = Path(__file__).with_name("contestants.py")
    done = subprocess.run(
        [python, script, name, series, str(MINUTES_MEASURED)],
        env=os.environ | one_thread | {"MPLBACKEND": "Agg"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": float(f"{ordered[len(ordered) // 2]:.4g}"),
        "min": float(f"{ordered[0]:.4g}"),
        "max": float(f"{ordered[-1]:.4g}"),
    }
