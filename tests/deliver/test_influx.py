"""What the InfluxDB ledger decides before anything is sent (the rest is in tests/real)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from helpers_ledger import heart
from vagalwatch.deliver.influx import InfluxLedger
from vagalwatch.deliver.port import PoisonedError, UnavailableError
from vagalwatch.journal.port import Entry
from vagalwatch.records import Marker, Tick
from vagalwatch.settings import InfluxSettings

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:1"


def writing_with(file: Path) -> None:
    InfluxLedger(InfluxSettings(url=NOWHERE, token_file=file), "home").write([Entry(1, heart())])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_token_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(UnavailableError, match=r"can be read by others.*chmod 600") as refused:
        writing_with(file)
    assert "secret" not in str(refused.value)
    assert refused.value.retry_after_s == 60


@pytest.mark.parametrize(("mode", "used"), [(0o440, True), (0o400, True), (0o444, False)])
def test_systemd_credentials_are_known_by_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, *, used: bool
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = tmp_path / "influx-token"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(UnavailableError, match="cannot be reached" if used else "by others"):
        writing_with(file)


def test_a_missing_token_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be read"):
        writing_with(tmp_path / "nothing")


@pytest.mark.parametrize("url", ["localhost:8086", "influxdb://localhost", "http://"])
def test_an_address_that_is_no_web_address_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ValidationError):
        InfluxSettings(url=url)


def test_a_batch_without_points_needs_no_server(tmp_path: Path) -> None:
    ledger = InfluxLedger(InfluxSettings(url=NOWHERE, token_file=tmp_path / "no"), "home")
    ledger.write([Entry(1, Tick(t_ns=1, recv_ns=1))])


def test_what_cannot_be_written_down_is_poison() -> None:
    ledger = InfluxLedger(InfluxSettings(url=NOWHERE), "home")
    with pytest.raises(PoisonedError):
        ledger.write([Entry(1, Marker(wearer="ada", t_ns=1, recv_ns=1, text="\ud800"))])


def test_the_client_library_is_not_loaded_on_the_way_to_a_live_service() -> None:
    code = (
        "import sys, vagalwatch.deliver.influx, vagalwatch.deliver.drain;"
        "sys.exit('influxdb_client' in sys.modules or 'urllib3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
