"""What the mailbox refuses before it connects; the rest needs a broker (tests/real)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import pytest

from helpers_mqtt import WEARERS, JournalInbox, a_step
from vagalwatch.clock import StoryClock
from vagalwatch.deliver import mqtt
from vagalwatch.deliver.mqtt import Mailbox
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import BreakPhase
from vagalwatch.settings import ConfigError, MqttSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
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


class ForgetfulClient:
    """aiomqtt on Python 3.11: a cancellation that comes as the answer does is forgotten.

    (``asyncio.wait_for`` did so before Python 3.12, python/cpython#86296.) The call numbered
    ``forgets`` waits until it is cancelled, and then ends well; all others end at once.
    """

    def __init__(self, forgets: int) -> None:
        self.asked = asyncio.Event()
        self.said: list[tuple[str, bytes]] = []
        self._forgets = forgets
        self._calls = 0

    async def _answer(self) -> None:
        self._calls += 1
        if self._calls == self._forgets:
            self.asked.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async def __aenter__(self) -> Self:
        await self._answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def subscribe(self, *_: object, **__: object) -> None:
        await self._answer()

    async def publish(self, topic: str, payload: bytes, **_: object) -> None:
        self.said.append((topic, payload))
        await self._answer()

    @property
    async def messages(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


CALLS = 1 + 2 * len(WEARERS) + 1 + 1
"""Connecting, subscribing to acks and commands, "online", and one step of a break."""


@pytest.mark.parametrize("forgets", range(1, CALLS + 1))
async def test_a_stop_that_comes_with_the_brokers_answer_is_not_forgotten(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, forgets: int
) -> None:
    client = ForgetfulClient(forgets)
    monkeypatch.setattr(mqtt, "connection", lambda *_: client)
    running = asyncio.create_task(a_mailbox(journal, MqttSettings()).run())
    while not client.asked.is_set():
        await journal.committed(journal.append(a_step(1, BreakPhase.ON), urgent=True))
    running.cancel()
    await asyncio.wait({running}, timeout=20)
    assert running.cancelled()
    # Who was told "online" is told "offline": the last will does not speak after a clean goodbye.
    on_site = [payload for topic, payload in client.said if topic.endswith("home/availability")]
    assert on_site in ([], [b'{"online":true}', b'{"online":false}'])
