"""The committed dashboard, and its queries with Grafana's macros filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


def live_session() -> dict[str, Any]:
    path = DEPLOY / "grafana" / "dashboards" / "live-session.json"
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))


def panel(title: str) -> dict[str, Any]:
    (found,) = [panel for panel in live_session()["panels"] if panel["title"] == title]
    return cast("dict[str, Any]", found)


def annotation(name: str) -> dict[str, Any]:
    (found,) = [one for one in live_session()["annotations"]["list"] if one["name"] == name]
    return cast("dict[str, Any]", found)


def expanded(query: str, *, wearer: str, from_ms: int, to_ms: int, interval: str = "5s") -> str:
    """``query`` as Grafana sends it (*Grafana documentation*, "InfluxDB query editor": macros)."""
    return (
        query.replace("$timeFilter", f"time >= {from_ms}ms and time <= {to_ms}ms")
        .replace("$__interval", interval)
        .replace("$wearer", wearer)
    )
