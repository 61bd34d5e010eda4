"""Put every remembered time on another clock: over a restart, a break runs on by wall time."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

_NOT_OF_THE_RUN: Final = frozenset({"wall_offset_ns", "mute_until_ns"})
"""End like a time of the run, and are a difference and a time of the wall clock."""


def shifted(value: Any, delta_ns: int) -> Any:  # noqa: ANN401 - any dataclass, and the same back
    """``value`` on a clock that reads ``delta_ns`` more: every field ``*_ns`` but 0 ("never")."""
    changed: dict[str, object] = {}
    for item in fields(value):
        match getattr(value, item.name):
            case int(t_ns) if item.name.endswith("_ns") and item.name not in _NOT_OF_THE_RUN:
                changed[item.name] = t_ns + delta_ns if t_ns else 0
            case list(times) if item.name.endswith("_ns"):
                changed[item.name] = [t_ns + delta_ns for t_ns in times]
            case dict(parts):
                changed[item.name] = {k: shifted(v, delta_ns) for k, v in parts.items()}
            case inner if is_dataclass(inner) and not isinstance(inner, type):
                changed[item.name] = shifted(inner, delta_ns)
    return replace(value, **changed)
