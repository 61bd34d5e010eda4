"""Parquet: the long table of the tidy CSV, with the units in the schema's metadata.

Columns: ``t_s`` (from the recording's start), ``signal``, ``value`` (null for a marker),
``source``, ``text`` (of a marker, else null).
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vagalwatch import __version__
from vagalwatch.export import tidy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording

UNITS = {
    "rr_ms": "ms",
    "chained": "1",
    "hr_bpm": "/min",
    "contact": "1",
    "eda_us": "uS",
    "acc_x_mg": "mg",
    "acc_y_mg": "mg",
    "acc_z_mg": "mg",
    "temp_c": "Cel",
    "dne": "1",
    "battery_percent": "%",
    "gap": "s",
}
"""UCUM, with uS for microsiemens and mg for thousandths of standard gravity."""
_ROW_GROUP = 1 << 20


class MissingExtraError(Exception):
    """Something optional is not installed; the message is one sentence that says what to do."""


def write(recording: Recording, path: Path) -> list[Path]:
    """Write ``recording`` to ``path``.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    columns: dict[str, list[object]] = {
        name: [] for name in ("t_s", "signal", "value", "source", "text")
    }
    for row in tidy.rows(recording):
        is_text = isinstance(row.value, str)
        columns["t_s"].append(row.t_s)
        columns["signal"].append(row.signal)
        columns["value"].append(None if is_text else row.value)
        columns["source"].append(row.source)
        columns["text"].append(row.value if is_text else None)
    types = {"t_s": "float64", "value": "float64"}
    about = {"start_ns": recording.start_ns, "units": {"t_s": "s", **UNITS}}
    write_table(path, columns, types, about)
    return [path]


def write_table(
    path: Path,
    columns: Mapping[str, Sequence[object]],
    types: Mapping[str, str],
    about: Mapping[str, object],
) -> None:
    """Write equally long ``columns``; a column without a type is text.

    ``about`` goes as JSON into the schema's metadata under ``vagalwatch``.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow, parquet = _load()
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    schema = pyarrow.schema(
        [(name, getattr(pyarrow, types[name])() if name in types else text) for name in columns],
        metadata={"vagalwatch": json.dumps({"version": __version__, **about})},
    )
    table = pyarrow.table(dict(columns), schema=schema)
    parquet.write_table(table, path, row_group_size=_ROW_GROUP)


def _load() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Parquet needs the extra “research”: pip install 'vagalwatch[research]'."
        ) from error
