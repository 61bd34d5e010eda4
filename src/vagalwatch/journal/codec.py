"""A record as a row, and back; pure.

What every record has stands in columns of its own; the rest is the ``body``, compact JSON that a
person can read in the sqlite3 shell. Two things in it differ from the record: what is ``None`` is
left out, and times of samples stand as steps in ns (the first from ``t_ns``, each other one from
the one before it), which for a stream of 130 Hz is a third of the bytes.

Reading is strict: a row is the record that was written, or a :class:`DamagedRowError`.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import accumulate, pairwise
from typing import Annotated, Final, NamedTuple, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from vagalwatch.records import Eda, Heart, Motion, Record, span


class UnwritableError(ValueError):
    """A record breaks the conventions of ``records.py``, so it could not be read back."""


class DamagedRowError(ValueError):
    """A row is not what was once written; the message holds no values."""


class Row(NamedTuple):
    """A record as it stands in the table, without its place.

    ``t0_ns`` and ``t1_ns`` are the record's span, ``None`` where it is the moment ``t_ns``
    alone (most rows are; it saves 1.7 MB a wearer and day).
    """

    wearer: str
    kind: str
    source: str
    epoch: int
    t_ns: int
    t0_ns: int | None
    t1_ns: int | None
    recv_ns: int
    codec: str
    raw: bytes
    body: str


_COLUMNS: Final = frozenset(
    {"wearer", "kind", "source", "epoch", "t_ns", "recv_ns", "codec", "raw"}
)
_ADAPTER: Final[TypeAdapter[Record]] = TypeAdapter(
    Annotated[Record, Field(discriminator="kind")],
    config=ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # written as such, so that they can be seen and refused
        val_json_bytes="hex",
    ),
)
_HEADS: Final[dict[str, tuple[str, ...]]] = {
    str(known["kind"].default): tuple(sorted(_COLUMNS & known.keys()))
    for known in ({field.name: field for field in fields(cls)} for cls in get_args(Record))
}
"""Which columns are fields of a kind."""

_INT64_END: Final = 1 << 63


def encode(record: Record) -> Row:
    """The row for ``record``.

    Raises:
        UnwritableError: a number that is not finite, or a value of the wrong type.
    """
    try:
        body = _ADAPTER.dump_json(
            _as_steps(record), exclude=set(_COLUMNS), exclude_none=True, warnings="error"
        ).decode()
    except (PydanticSerializationError, TypeError) as error:
        raise UnwritableError(
            f"A {type(record).__name__} holds a value of a wrong type."
        ) from error
    t0_ns, t1_ns = span(record)
    moment = t0_ns == t1_ns == record.t_ns
    row = Row(
        record.wearer,
        record.kind,
        getattr(record, "source", ""),
        getattr(record, "epoch", 0),
        record.t_ns,
        None if moment else t0_ns,
        None if moment else t1_ns,
        record.recv_ns,
        getattr(record, "codec", ""),
        getattr(record, "raw", b""),
        "" if body == "{}" else body,
    )
    _check_columns(row)
    if "NaN" in body or "Infinity" in body:  # a number, or only a word in a text
        try:
            decode(row)
        except DamagedRowError as error:
            raise UnwritableError(f"A {record.kind} holds a number that is not finite.") from error
    return row


def decode(row: Row) -> Record:
    """The record that ``row`` was made from.

    Raises:
        DamagedRowError: the row is not one that :func:`encode` makes.
    """
    names = _HEADS.get(row.kind)
    if names is None:
        raise DamagedRowError("its kind is not known")
    columns = row._asdict() | {"raw": row.raw.hex()}
    head = json.dumps({name: columns[name] for name in names})
    text = head
    if row.body:
        if not (row.body.startswith("{") and row.body.endswith("}") and _is_unicode(row.body)):
            raise DamagedRowError("its body is no JSON object")
        # The columns stand last, where they win over a body that claims to be another's.
        text = f"{row.body[:-1]},{head[1:]}"
    try:
        return _from_steps(_ADAPTER.validate_json(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise DamagedRowError(f"{first['loc']}: {first['type']}") from None


def _check_columns(row: Row) -> None:
    """What SQLite would refuse (or bend) is refused here, where the caller can see it."""
    texts = (row.wearer, row.source, row.codec)
    numbers = (row.epoch, row.t_ns, row.recv_ns, row.t0_ns or 0, row.t1_ns or 0)
    if not (
        all(isinstance(text, str) and _is_unicode(text) for text in texts)
        and all(isinstance(n, int) and -_INT64_END <= n < _INT64_END for n in numbers)
        and isinstance(row.raw, bytes)
    ):
        raise UnwritableError(f"A {row.kind} holds a value of a wrong type or size.")


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _as_steps(record: Record) -> Record:
    match record:
        case Heart(beat_t_ns=times) if times:
            return replace(record, beat_t_ns=_steps(record.t_ns, times))
        case Eda(sample_t_ns=times) | Motion(sample_t_ns=times) if times:
            return replace(record, sample_t_ns=_steps(record.t_ns, times))
        case _:
            return record


def _from_steps(record: Record) -> Record:
    match record:
        case Heart(beat_t_ns=steps) if steps:
            return replace(record, beat_t_ns=_times(record.t_ns, steps))
        case Eda(sample_t_ns=steps) | Motion(sample_t_ns=steps) if steps:
            return replace(record, sample_t_ns=_times(record.t_ns, steps))
        case _:
            return record


def _steps(t_ns: int, times: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(after - before for before, after in pairwise((t_ns, *times)))


def _times(t_ns: int, steps: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(accumulate(steps, initial=t_ns))[1:]
