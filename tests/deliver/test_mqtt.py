"""What the mailbox refuses before it connects; the rest needs a broker (tests/real)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_mqtt import WEARERS, JournalInbox
from vagalwatch.clock import StoryClock
from vagalwatch.deliver.mqtt import Mailbox
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.settings import ConfigError, MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal")
    yield opened
    opened.close()


def a_mailbox(journal: SqliteJournal, settings: MqttSettings) -> Mailbox:
    return Mailbox(journal, settings, "home", WEARERS, StoryClock(0), JournalInbox(journal))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_password_that_others_can_read_is_refused(
    tmp_path: Path, journal: SqliteJournal, mode: int
) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {file}"):
        a_mailbox(journal, MqttSettings(password_file=file))
    file.chmod(0o600)
    a_mailbox(journal, MqttSettings(password_file=file))


def test_a_password_file_that_is_not_there_is_a_sentence(
    tmp_path: Path, journal: SqliteJournal
) -> None:
    with pytest.raises(ConfigError, match=r"password_file .* cannot be read"):
        a_mailbox(journal, MqttSettings(password_file=tmp_path / "none"))


@pytest.mark.parametrize("host", ["broker.example", "192.0.2.7", "0.0.0.0", "::"])
def test_beyond_loopback_only_with_tls(journal: SqliteJournal, host: str) -> None:
    with pytest.raises(ConfigError, match=r"beyond loopback"):
        a_mailbox(journal, MqttSettings(mode="external", host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_without(journal: SqliteJournal, host: str) -> None:
    a_mailbox(journal, MqttSettings(mode="external", host=host))


def test_a_ca_that_cannot_be_used_is_a_sentence(tmp_path: Path, journal: SqliteJournal) -> None:
    no_ca = tmp_path / "ca.pem"
    no_ca.write_text("nothing")
    for file in (no_ca, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"tls_ca_file .* cannot be used"):
            a_mailbox(journal, MqttSettings(host="broker.example", tls_ca_file=file))
