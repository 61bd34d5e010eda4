"""Fields of records as columns: times in words are UTC of the wall clock, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime

NS = 1_000_000_000


def utc(t_ns: int) -> str:
    """ISO 8601."""
    moment = datetime.fromtimestamp(t_ns // NS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{t_ns % NS // 1_000_000:03}Z"


def heads(columns: tuple[str, ...]) -> tuple[str, ...]:
    """A field ``until_ns`` stands under ``until_utc``."""
    return tuple(column.removesuffix("_ns") + "_utc" * column.endswith("_ns") for column in columns)


def cell(record: object, column: str) -> object:
    """What ``record`` has of it; nothing for what it has not, or does not know."""
    value = getattr(record, column, None)
    return utc(value) if column.endswith("_ns") and value is not None else value
