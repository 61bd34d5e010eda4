"""What Home Assistant would make of templates and discovery, as far as ours use it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EXPRESSIONS: Final[dict[str, Callable[[datetime], str]]] = {
    "utcnow().timestamp()": lambda now: str(now.timestamp()),
    "utcnow().isoformat()": lambda now: now.isoformat(),
}


def rendered(template: str, now: datetime | None = None) -> str:
    """A template with the two functions that ours call; another one fails."""
    now = now or datetime.now(UTC)
    return re.sub(r"\{\{ *(.+?) *\}\}", lambda found: EXPRESSIONS[found.group(1)](now), template)
