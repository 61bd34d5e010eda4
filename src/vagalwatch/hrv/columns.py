"""Columns of numbers as packed bytes: what a state remembers of a series.

Bytes take an eighth of a list's memory, stand in a snapshot as they are, and are read by numpy
without a copy; as they never change, a view stays true. Little-endian, eight bytes a number.
"""

from __future__ import annotations

from struct import Struct, pack
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH: Final = 8
"""Bytes a number."""
_INT64: Final = np.dtype("<i8")
_FLOAT64: Final = np.dtype("<f8")
pack_int: Final = Struct("<q").pack
pack_float: Final = Struct("<d").pack


def pack_ints(values: Sequence[int]) -> bytes:
    """As a column."""
    return pack(f"<{len(values)}q", *values)


def pack_floats(values: Sequence[float]) -> bytes:
    """As a column."""
    return pack(f"<{len(values)}d", *values)


def ints(column: bytes) -> NDArray[np.int64]:
    """The column's whole numbers, shape (n,)."""
    return np.frombuffer(column, _INT64)


def floats(column: bytes) -> NDArray[np.float64]:
    """The column's floats, shape (n,)."""
    return np.frombuffer(column, _FLOAT64)


def spliced(column: bytes, place: int, packed: bytes) -> bytes:
    """The column with numbers put in before ``place``."""
    return column[: place * WIDTH] + packed + column[place * WIDTH :]
