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
from vagalwatch.records import Marker, Session, Tick
from vagalwatch.settings import InfluxSettings

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:1"


def writing_with(file: Path) -> None:
    InfluxLedger(InfluxSettings(url=NOWHERE, token_file=file), "home").write([Entry(1, heart())])


def test_a_token_that_may_not_be_used_is_told_and_asked_for_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0o644)
    with pytest.raises(UnavailableError, match=r"Others can read influx\.token_file") as refused:
        writing_with(file)
    assert refused.value.retry_after_s == 60


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8086",
        "influxdb://localhost",
        "http://",
        "http://influx.example.org:8086",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org:8086",
        "http://127.0.0.1@example.org/",
    ],
)
def test_an_address_that_is_no_web_address_or_goes_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        InfluxSettings(url=url)


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://127.0.0.1:8086/", "http://[::1]:8086", "https://a.example"]
)
def test_loopback_and_https_are_taken(url: str) -> None:
    assert InfluxSettings(url=url).url == url


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


def test_a_session_of_two_read_before_one_was_erased_is_written_of_the_other_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[bytes] = []
    ledger = InfluxLedger(InfluxSettings(url=NOWHERE), "home")
    monkeypatch.setattr(ledger, "post", written.append)
    ledger.forget("ada")
    session = Session(t_ns=1, recv_ns=1, session="one", started=True, wearers=("ada", "sam"))
    ledger.write([Entry(1, session)])
    (body,) = written
    assert b"ada" not in body
    assert b"wearer=sam" in body
