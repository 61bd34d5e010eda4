"""Placeholder while the first sitting builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vagalwatch.records import Record


@dataclass(slots=True, kw_only=True)
class PolicyState:
    """State."""


class Policy:
    """Estimates in, prompts out."""

    def __init__(self, wearer: str, state: PolicyState) -> None:
        """Own ``state``."""

    def push(self, record: Record) -> list[Record]:
        """Take one record."""
        del record
        return []
