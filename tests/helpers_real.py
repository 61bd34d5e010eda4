"""Real parts for tests: found, or a failure under CI and a skip with its reason elsewhere."""

from __future__ import annotations

import os
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest


def need(program: str) -> str:
    """Path of a program on this machine."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        _missing(f"{program} is not installed (scripts/test installs it on Debian as root)")
    return str(found)


def need_extra(module: str, extra: str) -> None:
    """Skip, or fail under CI, where the optional extra that brings ``module`` is missing."""
    if find_spec(module) is None:
        _missing(f"{module} is not installed (extra “{extra}”; requirements/dev.txt has it)")


def shared_data(*parts: str) -> Path:
    """A real recording that lives beside the clone and is never committed."""
    path = Path(__file__).resolve().parents[2].joinpath("shared", "data", *parts)
    if not path.exists():
        pytest.skip(f"the recordings are not beside this clone: {'/'.join(parts)}")
    return path


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
