"""An engine's state as text and back: plain values only, never pickle.

Floats keep their bits (JSON with round-trip digits), and reading is strict: text that is not
exactly a state of this version is refused, and the caller re-reads the journal instead.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from vagalwatch.engine import EngineState

_CONFIG: Final = ConfigDict(
    strict=True,
    extra="forbid",
    allow_inf_nan=True,
    ser_json_inf_nan="constants",
    ser_json_bytes="base64",
    val_json_bytes="base64",
)


class UnusableSnapshotError(ValueError):
    """The text is not a state of this version; the message holds no values."""


def freeze(state: EngineState) -> str:
    """``state`` as JSON.

    Raises:
        PydanticSerializationError: it holds something that is not a plain value.
    """
    return _adapter().dump_json((state,), warnings="error").decode()


def thaw(text: str) -> EngineState:
    """The state that :func:`freeze` was given.

    Raises:
        UnusableSnapshotError: this is not one.
    """
    try:
        return _adapter().validate_json(text)[0]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UnusableSnapshotError(f"{first['loc']}: {first['type']}") from None


@cache
def _adapter() -> TypeAdapter[tuple[EngineState]]:
    # A bare dataclass takes no config; within another type it takes that of the adapter.
    return TypeAdapter(tuple[EngineState], config=_CONFIG)
