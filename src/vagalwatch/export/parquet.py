"""Parquet: the long table of the tidy CSV, with the units in the schema's metadata.

Columns: ``t_s`` (from the recording's start), ``signal``, ``value`` (null for a marker),
``source`` (null for a marker), ``text`` (of a marker, else null).
"""

from __future__ import annotations

import csv
import json
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from vagalwatch import __version__
from vagalwatch.export import tidy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vagalwatch.sensors.recording import Recording

UNITS = {
    "rr_ms": "ms",
    "chained": "1",
    "hr_bpm": "/min",
    "hr_quality": "1",
    "contact": "1",
    "eda_us": "uS",
    "acc_x_mg": "mg",
    "acc_y_mg": "mg",
    "acc_z_mg": "mg",
    "temp_c": "Cel",
    "dne": "1",
    "battery_percent": "%",
    "beta_blocker": "1",
    "baseline_anew": "1",
    "gap": "s",
}
"""UCUM, with uS for microsiemens and mg for thousandths of standard gravity."""


class MissingExtraError(Exception):
    """Something optional is not installed; the message is one sentence that says what to do."""


def write(recording: Recording, path: Path) -> list[Path]:
    """Write ``recording`` to ``path``.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="vagalwatch-") as folder:
        table = Path(folder) / "table.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("t_s", "signal", "value", "source", "text"))
            for t_s, signal, value, source in tidy.rows(recording):
                cells = ("", source, value) if isinstance(value, str) else (value, source, "")
                writer.writerow((t_s, signal, *cells))
        about = {"start_ns": recording.start_ns, "units": {"t_s": "s", **UNITS}}
        from_csv(table, path, numbers=("t_s", "value"), about=about)
    return [path]


def from_csv(
    table: Path, path: Path, *, numbers: Collection[str], about: Mapping[str, object]
) -> None:
    """Write the CSV ``table`` to ``path``: ``numbers`` as float64, the rest as text, empty as null.

    By way of CSV because pyarrow, given Python values, imports all of pandas (a second or two),
    and because a block at a time is in memory. ``about`` goes as JSON into the schema's metadata
    under ``vagalwatch``.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow, pyarrow_csv, parquet = _load()
    with table.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    types = {name: pyarrow.float64() if name in numbers else pyarrow.string() for name in names}
    schema = pyarrow.schema(
        list(types.items()),
        metadata={"vagalwatch": json.dumps({"version": __version__, **about})},
    )
    blocks = pyarrow_csv.open_csv(
        table,
        parse_options=pyarrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True
        ),
    )
    with blocks, parquet.ParquetWriter(path, schema) as writer:
        for block in blocks:
            writer.write_batch(block.cast(schema))


def _load() -> tuple[Any, Any, Any]:
    try:
        return (
            import_module("pyarrow"),
            import_module("pyarrow.csv"),
            import_module("pyarrow.parquet"),
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            # Not `pip install vagalwatch[research]`: the name is not ours in any registry.
            "Parquet needs the extra “research”. Run “bash scripts/environment dev” in the "
            "project's folder."
        ) from error
