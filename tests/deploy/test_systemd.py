from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from helpers_dashboard import DEPLOY
from helpers_real import need

if TYPE_CHECKING:
    from pathlib import Path

UNITS = DEPLOY / "systemd"
EXPOSED_AT_MOST = 15
"""Tenths of systemd's scale from 0 to 10; an ordinary unit without hardening has 96."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with its drop-in, starting a program that is there."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "vagalwatch.service"
    text = file.read_text()
    file.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    return file


def analysed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("systemd-analyze"), *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_understands_every_line(unit: Path) -> None:
    verified = analysed("verify", "--man=no", str(unit))
    said = [line for line in verified.stderr.splitlines() if "vagalwatch" in line]
    assert said == []
    assert verified.returncode == 0


def test_a_misspelt_line_would_be_noticed(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSistem="))
    assert "ProtectSistem" in analysed("verify", "--man=no", str(unit)).stderr


def test_the_service_is_locked_in(unit: Path) -> None:
    judged = analysed(
        "security", "--offline=true", "--no-pager", f"--threshold={EXPOSED_AT_MOST}", str(unit)
    )
    assert judged.returncode == 0, judged.stdout[-300:]


def test_it_is_supervised_and_comes_back() -> None:
    lines = (UNITS / "vagalwatch.service").read_text().splitlines()
    for line in ("Type=notify", "WatchdogSec=30", "Restart=on-failure", "StartLimitIntervalSec=0"):
        assert line in lines


def test_the_drop_in_hands_the_token_over_as_a_credential() -> None:
    text = (UNITS / "vagalwatch.service.d" / "influxdb.conf").read_text()
    (name,) = re.findall(r"^LoadCredential=(\S+?):", text, re.MULTILINE)
    assert f"VAGALWATCH_INFLUX__TOKEN_FILE=%d/{name}" in text
