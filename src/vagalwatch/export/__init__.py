"""One file an export format; ``FORMATS`` is the list of them.

Each writes what a recording's sensors delivered, for one wearer, and returns the files it wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.export import kubios, parquet, tidy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording

FORMATS: dict[str, Callable[[Recording, Path], list[Path]]] = {
    "tidy": tidy.write,
    "parquet": parquet.write,
    "kubios": kubios.write,
}
