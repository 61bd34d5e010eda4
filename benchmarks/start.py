"""From `exec` of ``vagalwatch run`` to its page answering."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.gateway import cpu_s
from benchmarks.house import ROOT, House, end

WARM_STARTS: Final = 11
COLD_STARTS: Final = 5


def measure() -> dict[str, Any]:
    """Start a gateway many times: warm, from a cold page cache, and for the first time ever."""
    with (
        tempfile.TemporaryDirectory(prefix="vagalwatch-bench-") as folder,
        House(Path(folder)) as house,
    ):
        _start(house)  # makes the journal, passwords and bytecode
        warm = [_start(house) for _ in range(WARM_STARTS)]
        cold = []
        for _ in range(COLD_STARTS):
            _evict()
            cold.append(_start(house))
        _evict()
        first, _ = _start(house, PYTHONPYCACHEPREFIX=str(Path(folder) / "no-bytecode"))
    return {
        "warm_s": _spread([seconds for seconds, _ in warm]),
        "warm_cpu_s": _spread([cpu for _, cpu in warm]),
        "cold_s": _spread([seconds for seconds, _ in cold]),
        "first_ever_s": round(first, 2),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def _start(house: House, **environment: str) -> tuple[float, float]:
    gateway, seconds = house.start_gateway(**environment)
    used_s = cpu_s(gateway.pid)
    end(gateway)
    return seconds, used_s


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 2),
        "median": round(statistics.median(values), 2),
        "max": round(max(values), 2),
    }


def _evict() -> None:
    """Ask the kernel to forget the files of Python and all that is installed.

    It keeps what other processes have mapped (libc, and libpython while any Python runs), so this
    is colder than a restart and warmer than a power-up.
    """
    for folder in {Path(sys.prefix), Path(sys.base_prefix) / "lib", ROOT / "src"}:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(handle)
