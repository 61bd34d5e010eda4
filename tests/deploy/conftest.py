from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from helpers_dashboard import DEPLOY
from helpers_real import need

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A copy of ``deploy`` in which ``prepare`` has run for two wearers and Home Assistant."""
    need("mosquitto_passwd")
    need("openssl")
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns("secrets"))
    accounts = ("ada", "bo", "homeassistant")
    subprocess.run([copy / "prepare", "gateway.test", *accounts], check=True, capture_output=True)
    return copy
