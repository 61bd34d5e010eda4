"""The embedded broker: amqtt on loopback, so that a home needs no second program.

It has one account, ``vagalwatch``, whose password stands in a file that only the service's user
can read; nobody gets in without it, also from this machine, because another program here (a
home automation, say) may belong to somebody else. Beyond loopback, or with an account a wearer,
use mosquitto (``docs/mqtt.md``).

Retained messages live in memory: after a restart the mailbox publishes them anew.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin

from vagalwatch.deliver.secret import read_secret
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from amqtt.session import Session

    from vagalwatch.settings import MqttSettings

HOST: Final = "127.0.0.1"
USERNAME: Final = "vagalwatch"
MAX_CONNECTIONS: Final = 50


class PasswordPlugin(BaseAuthPlugin):  # type: ignore[misc] # amqtt publishes no types
    """Lets in who knows the one password.

    amqtt's own file plugin hashes by argon2, which takes 64 MB a check: too much for a gateway,
    and no gain where the password is long, random and in a file anyway.
    """

    @dataclass
    class Config:
        """What amqtt hands to the plugin."""

        username: str
        password: str

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this session may connect."""
        user = hmac.compare_digest((session.username or "").encode(), self._wanted("username"))
        word = hmac.compare_digest((session.password or "").encode(), self._wanted("password"))
        return user and word

    def _wanted(self, name: str) -> bytes:
        return str(getattr(self.config, name)).encode()


class EmbeddedBroker:
    """An MQTT 3.1.1 broker in this process; use as an asynchronous context manager."""

    def __init__(self, port: int, password_file: Path) -> None:
        """``port`` 0 lets the system choose; the password file is made if there is none."""
        self.port = port
        """Where it listens; with 0, known once started."""
        self.password_file = password_file
        self._broker: Broker | None = None

    def client_settings(self, settings: MqttSettings) -> MqttSettings:
        """``settings`` as a client of this broker needs them."""
        account = {"username": USERNAME, "password_file": self.password_file}
        return settings.model_copy(
            update={"host": HOST, "port": self.port, "tls_ca_file": None, **account}
        )

    async def __aenter__(self) -> Self:
        """Start listening.

        Raises:
            ConfigError: the port is taken, or the password file cannot be made.
        """
        password = _password(self.password_file)
        # Its messages name clients and topics at every level; what matters is told by clients.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.WARNING)
        config = BrokerConfig(
            listeners={
                "default": ListenerConfig(
                    bind=f"{HOST}:{self.port}", max_connections=MAX_CONNECTIONS
                )
            },
            plugins={
                f"{__name__}.{PasswordPlugin.__name__}": {
                    "username": USERNAME,
                    "password": password,
                }
            },
        )
        self._broker = Broker(config)
        try:
            await self._broker.start()
        except BrokerError as error:
            raise ConfigError(
                f"The embedded MQTT broker cannot listen on port {self.port}. "
                "Set another mqtt.port, or 0 for a free one."
            ) from error
        # amqtt keeps to itself which port it got for 0.
        (listening,) = self._broker._servers["default"].instance.sockets  # noqa: SLF001
        self.port = int(listening.getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye to everybody and stop listening."""
        if self._broker is not None:
            with suppress(BrokerError):
                await self._broker.shutdown()


def _password(file: Path) -> str:
    """The password in ``file``, made on the first start.

    Raises:
        ConfigError: it cannot be made or read, is empty, or others can read it.
    """
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as made:
                made.write(secrets.token_urlsafe(24))
    except OSError as error:
        raise ConfigError(
            f"The MQTT password file {file} cannot be made: {error.strerror}."
        ) from error
    password = read_secret(file, "the embedded broker's password file")
    if not password:  # the disk was full when it was made; an empty one would let in anybody
        raise ConfigError(f"The MQTT password file {file} is empty. Remove it: a new one is made.")
    return password
