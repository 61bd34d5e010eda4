"""Text files read with bounds: a damaged or hostile file costs one sentence, not the machine.

Every reader of this package gets its lines here, so the bounds hold for all formats: a line is
at most ``MAX_LINE_BYTES`` long, a file has at most ``MAX_LINES`` lines (gzip is unpacked as it is
read, so a bomb meets the same bounds) and every number is at most ``MAX_NUMBER`` from zero.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING, NoReturn, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAX_LINES = 20_000_000
"""A week of acceleration at 32 Hz; three values a line take half a gigabyte of memory."""
MAX_LINE_BYTES = 4096
MAX_NUMBER = 1e15
"""Above any time or unit here (the year 2100 is 4.1e12 ms); its squares and sums stay finite."""
_BLOCK_BYTES = 1 << 20
_SHOWN_CHARS = 40  # of a line that is quoted in an error


class RecordingError(Exception):
    """The recording cannot be read; the message is one sentence: file, line, what was expected."""


def refuse(path: Path, line: int | None, expected: str) -> NoReturn:
    """Raise the one sentence for ``path`` (and ``line``, counted from 1)."""
    where = path.name if line is None else f"{path.name}, line {line}"
    raise RecordingError(f"{where}: {expected}.")


def shown(text: str) -> str:
    """``text`` cut and made printable, for quoting in an error."""
    return ascii(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line, without its end; ``.gz`` is unpacked.

    Raises:
        RecordingError: unreadable, not UTF-8, not gzip inside, or beyond the bounds.
    """
    for number, block in line_blocks(path):
        yield from enumerate(block, number)


def line_blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Like :func:`lines`, about a megabyte at a time, with the number of the first line."""
    number = 1
    for block in _byte_blocks(path):
        if number + len(block) > MAX_LINES:
            refuse(path, None, f"has more than {MAX_LINES} lines, which is more than is read")
        try:
            texts = [raw.decode() for raw in block]
        except UnicodeDecodeError:
            refuse(path, number, "text in UTF-8 was expected here or soon after")
        if number == 1 and texts:
            texts[0] = texts[0].removeprefix("\ufeff")
        yield number, texts
        number += len(texts)


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV that are not blank, each with the number of the line it ends on.

    Raises:
        RecordingError: it is no CSV, or what :func:`lines` raises.
    """
    reader = csv.reader(text + "\n" for _, text in lines(path))
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        refuse(path, reader.line_num, f"a row of CSV was expected ({error})")


def _byte_blocks(path: Path) -> Iterator[list[bytes]]:
    rest = b""
    try:
        with _open(path) as file:
            while chunk := file.read(_BLOCK_BYTES):
                *block, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_LINE_BYTES or any(len(raw) > MAX_LINE_BYTES for raw in block):
                    refuse(path, None, f"has a line of more than {MAX_LINE_BYTES} bytes")
                yield [raw.rstrip(b"\r") for raw in block]
    except (gzip.BadGzipFile, EOFError, zlib.error):
        refuse(path, None, "is damaged: its gzip data cannot be unpacked to the end")
    except OSError as error:
        refuse(path, None, f"cannot be read ({error.strerror or error})")
    if rest:
        yield [rest.rstrip(b"\r")]


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def number(path: Path, line: int, text: str, what: str) -> float:
    """``text`` as a number, or the sentence that says which ``what`` was expected."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_NUMBER or "_" in text:  # NaN is not either
        refuse(path, line, f"{what} was expected, not {shown(text)}")
    return value


def unix_ns(path: Path, line: int, text: str) -> int:
    """Unix seconds as nanoseconds, exactly (a float would lose 0.2 us)."""
    try:
        seconds = Decimal(text.strip())
    except InvalidOperation:
        seconds = Decimal("NaN")
    if not (seconds.is_finite() and 0 < seconds < _YEAR_2100_S):
        refuse(path, line, f"a start in unix seconds was expected, not {shown(text)}")
    return round(seconds * 10**9)


_YEAR_2100_S = 4_102_444_800


def table(path: Path, *, header_lines: int, columns: int) -> NDArray[np.float64]:
    """The numbers below the header: shape (rows, columns), fields parted by commas.

    Raises:
        RecordingError: a line that is blank, short, long, or not all numbers.
    """
    parts: list[NDArray[np.float64]] = []
    for first, block in line_blocks(path):
        texts = block[max(0, header_lines + 1 - first) :]
        if not texts:
            continue
        if not any(map(str.strip, texts)):  # loadtxt would warn and go on
            _blame(path, max(first, header_lines + 1), texts, columns)
        try:
            # Blank lines are passed over by loadtxt, so the shape tells on them.
            values = np.loadtxt(texts, delimiter=",", comments=None, ndmin=2)
        except ValueError:
            values = np.empty((0, 0))
        if values.shape != (len(texts), columns) or not (np.abs(values) <= MAX_NUMBER).all():
            _blame(path, max(first, header_lines + 1), texts, columns)
        parts.append(values)
    return np.concatenate(parts) if parts else np.empty((0, columns))


def _blame(path: Path, first: int, texts: list[str], columns: int) -> NoReturn:
    what = "a number" if columns == 1 else f"{columns} numbers parted by commas"
    for line, text in enumerate(texts, first):
        fields = text.split(",")
        if len(fields) != columns:
            refuse(path, line, f"{what} was expected, not {shown(text)}")
        for part in fields:
            number(path, line, part, what)
    refuse(path, first, f"{what} was expected in each line")
