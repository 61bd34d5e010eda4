"""The mailbox on mosquitto: TLS, accounts and ACL, and every way in which a broker goes away."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from helpers_mqtt import NS, a_consent, a_house, a_listener, a_row, a_step, an_alert, until
from helpers_real import free_port, need
from vagalwatch.deliver import mqtt as mailbox_module
from vagalwatch.deliver.mqtt import probe
from vagalwatch.records import BreakPhase
from vagalwatch.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real

ACL = (Path(__file__).parents[2] / "deploy" / "mosquitto" / "acl").read_text(encoding="utf-8")
"""What is shipped is what is tested."""
ACCOUNTS = ("vagalwatch", "anna", "ben", "homeassistant")


class Mosquitto:
    """A real broker on a free port of loopback, which can be killed and started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._config.write_text("\n".join((f"listener {self.port} 127.0.0.1", *lines, "")))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork, over in a moment
                [need("mosquitto"), "-c", str(self._config)], stdout=log, stderr=log
            )
        await until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with (
            suppress(OSError),
            closing(socket.create_connection(("127.0.0.1", self.port), 1)),
        ):
            return True
        return False

    def kill(self) -> None:
        """As a power cut for the process: no goodbye, nothing written."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Mosquitto]:
    """Not started yet."""
    broker = Mosquitto(tmp_path, "allow_anonymous true")
    yield broker
    broker.stop()


@pytest.fixture
def plain_mqtt(plain: Mosquitto) -> MqttSettings:
    return MqttSettings(mode="external", port=plain.port)


def certificates(folder: Path) -> Path:
    """A CA and a certificate for 127.0.0.1 by it; returns the CA's file."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    begin, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=1)

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )

    ca_usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    ca = (
        build(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(ca_usage, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = build(name, key.public_key()).add_extension(host, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "broker.pem").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "broker.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem"


class Guarded:
    """A broker with TLS, an account a wearer and the ACL; passwords are the names reversed."""

    def __init__(self, folder: Path) -> None:
        self.ca = certificates(folder)
        (folder / "acl").write_text(ACL)
        (folder / "acl").chmod(0o600)
        passwords = folder / "passwords"
        passwords.touch(0o600)
        for name in ACCOUNTS:
            subprocess.run(
                [need("mosquitto_passwd"), "-b", str(passwords), name, name[::-1]], check=True
            )
        self.broker = Mosquitto(
            folder,
            "allow_anonymous false",
            "user root",  # where the tests run as root: it would give up its rights to read these
            f"password_file {passwords}",
            f"acl_file {folder / 'acl'}",
            f"cafile {self.ca}",
            f"certfile {folder / 'broker.pem'}",
            f"keyfile {folder / 'broker.key'}",
        )
        self._folder = folder

    def settings(self, name: str = "vagalwatch", password: str | None = None) -> MqttSettings:
        file = self._folder / f"password-{name}"
        file.touch(0o600)
        file.write_text(password or name[::-1])
        return MqttSettings(
            mode="external",
            port=self.broker.port,
            username=name,
            password_file=file,
            tls_ca_file=self.ca,
        )

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    made = Guarded(tmp_path)
    await made.broker.start()
    yield made
    made.broker.stop()


# --- who may hear and say what --------------------------------------------------------------------


async def test_each_hears_and_speaks_only_for_oneself(tmp_path: Path, guarded: Guarded) -> None:
    tls = guarded.tls()
    async with (
        a_listener(guarded.settings("anna"), tls_context=tls) as anna,
        a_listener(guarded.settings("ben"), tls_context=tls) as ben,
        a_house(tmp_path / "j", guarded.settings()) as house,
    ):
        await until(lambda: house.mailbox.connected)
        first, second = an_alert(house.now_ns), an_alert(house.now_ns, wearer="ben")
        house.append(
            a_consent(house.now_ns, "state", "estimate"),
            a_row(house.now_ns),
            first,
            a_step(house.now_ns, BreakPhase.OFFERED, alert_id=first.id),
            second,
        )
        for name in ("alert", "estimate", "state", "break"):
            await until(lambda name=name: anna.on(name))  # type: ignore[misc] # bound now
        await until(lambda: ben.on("alert", "ben"))
        assert [message["id"] for message in anna.on("alert")] == [first.id]
        assert {str(m.topic) for m in ben.heard} <= {
            "vagalwatch/1/home/availability",
            "vagalwatch/1/home/ben/alert",
        }
        for said_id, wearer in (("as-anna", "anna"), ("own", "ben")):
            await ben.say("command", {"id": said_id, "command": "start-break"}, wearer=wearer)
        await ben.say("alert", {"id": "forged"}, wearer="anna")
        await until(house.answers)
        assert [(answer.wearer, answer.id) for answer in house.answers()] == [("ben", "own")]
        assert [message["id"] for message in anna.on("alert")] == [first.id]


async def test_a_wrong_password_is_a_sentence_and_tried_again(
    tmp_path: Path, guarded: Guarded
) -> None:
    settings = guarded.settings(password="wrong")  # noqa: S106 - no secret
    async with a_house(tmp_path / "j", settings) as house:
        await until(lambda: "refuses us" in house.mailbox.problem)
        assert "mqtt.password_file" in house.mailbox.problem
        assert settings.password_file is not None
        settings.password_file.write_text("vagalwatch"[::-1])
        await until(lambda: house.mailbox.connected)
        assert house.mailbox.problem == ""


# paho leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_with_another_ca_is_not_trusted(tmp_path: Path, guarded: Guarded) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settings = guarded.settings().model_copy(update={"tls_ca_file": certificates(other)})
    assert "certificate verify failed" in str(await probe(settings, 10))
    assert await probe(guarded.settings(), 10) is None


# --- brokers that go away -----------------------------------------------------------------------


async def test_a_broker_that_comes_later_gets_what_is_still_valid(
    tmp_path: Path, plain: Mosquitto, plain_mqtt: MqttSettings
) -> None:
    async with a_house(tmp_path / "j", plain_mqtt) as house:
        late, valid = an_alert(house.now_ns, valid_s=1), an_alert(house.now_ns + NS)
        house.append(late, valid)
        await until(lambda: "does not answer" in house.mailbox.problem)
        await until(lambda: house.now_ns > late.valid_until_ns)
        await plain.start()
        async with a_listener(plain_mqtt) as phone:
            await until(lambda: phone.on("alert"))
            assert [message["id"] for message in phone.on("alert")] == [valid.id]


async def test_a_killed_broker_loses_no_alert(
    tmp_path: Path, plain: Mosquitto, plain_mqtt: MqttSettings
) -> None:
    """Its PUBACKs are no promise: it may take all 60 and forget all of them."""
    await plain.start()
    async with a_house(tmp_path / "j", plain_mqtt) as house:
        await until(lambda: house.mailbox.connected)
        alerts = [an_alert(house.now_ns + i * NS) for i in range(60)]
        house.append(*alerts)
        await until(lambda: house.mailbox.published > 5)
        plain.kill()
        await until(lambda: not house.mailbox.connected)
        await plain.start()  # without its queue
        async with a_listener(plain_mqtt) as phone:
            await until(lambda: len({m["id"] for m in phone.on("alert")}) == len(alerts))
            house.append(a_step(house.now_ns, BreakPhase.DECLINED, alert_id=alerts[0].id))


async def test_an_unanswered_alert_comes_once_more_as_the_gentle_repeat(
    tmp_path: Path, plain: Mosquitto, plain_mqtt: MqttSettings
) -> None:
    await plain.start()
    async with a_listener(plain_mqtt) as phone, a_house(tmp_path / "j", plain_mqtt) as house:
        alert = an_alert(house.now_ns, valid_s=3)
        house.append(alert)
        await until(lambda: len(phone.on("alert")) == 2)
        assert [message["repeat"] for message in phone.on("alert")] == [False, True]
        await until(lambda: house.now_ns > alert.valid_until_ns + NS)
        assert len(phone.on("alert")) == 2


class Wire:
    """A TCP proxy whose wire can be cut or go dead (open, but nothing passes)."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.dead = False
        self._target = target_port
        self._writers: list[asyncio.StreamWriter] = []

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out_reader, out_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, out_writer]
        await asyncio.gather(self._pump(reader, out_writer), self._pump(out_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self.dead:
                    writer.write(data)
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.sleep(0.05)


async def test_a_dead_wire_is_noticed_and_the_alert_arrives(
    tmp_path: Path,
    plain: Mosquitto,
    plain_mqtt: MqttSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox_module, "KEEPALIVE_S", 2)
    monkeypatch.setattr(mailbox_module, "PATIENCE_S", 2.0)
    await plain.start()
    async with a_listener(plain_mqtt) as phone, Wire(plain.port).laid() as wire:
        through_wire = plain_mqtt.model_copy(update={"port": wire.port})
        async with a_house(tmp_path / "j", through_wire) as house:
            await until(lambda: house.mailbox.connected)
            wire.dead = True
            house.append(an_alert(house.now_ns))
            await until(lambda: not house.mailbox.connected, within_s=10)
            wire.dead = False
            await until(lambda: phone.on("alert"))
            online = [m.payload for m in phone.heard if str(m.topic).endswith("home/availability")]
            assert online[-1] == b'{"online":true}', "the old will must not come after the hello"


async def test_the_last_will_says_that_the_service_is_gone(
    tmp_path: Path, plain: Mosquitto, plain_mqtt: MqttSettings
) -> None:
    await plain.start()
    async with a_listener(plain_mqtt) as phone, Wire(plain.port).laid() as wire:
        through_wire = plain_mqtt.model_copy(update={"port": wire.port})
        async with a_house(tmp_path / "j", through_wire) as house:
            await until(lambda: phone.heard)
            wire.cut()
            await until(lambda: len(phone.heard) >= 3)
            assert [m.payload for m in phone.heard][:3] == [
                b'{"online":true}',
                b'{"online":false}',
                b'{"online":true}',
            ]
            assert house.mailbox.connected


CRASHING = """
import asyncio, sys
from pathlib import Path

from helpers_mqtt import a_consent, a_house, a_row, a_step, agrees_at_home
from vagalwatch.records import BreakPhase
from vagalwatch.settings import MqttSettings


async def live():
    settings = MqttSettings(mode="external", port=int(sys.argv[2]))
    async with a_house(Path(sys.argv[1]), settings) as house:
        house.append(
            a_consent(house.now_ns, "state"),
            agrees_at_home(house.now_ns, "break", "state"),
            a_step(house.now_ns, BreakPhase.ON),
            a_row(house.now_ns),
        )
        await asyncio.Event().wait()


asyncio.run(live())
"""


async def test_after_a_crash_nothing_that_the_broker_holds_says_that_somebody_is_measured(
    tmp_path: Path, plain: Mosquitto, plain_mqtt: MqttSettings
) -> None:
    await plain.start()
    site, own = (f"vagalwatch/1/home/{name}" for name in ("availability", "anna/state"))
    device = "homeassistant/device/vagalwatch/home_anna/config"
    service = subprocess.Popen(  # noqa: ASYNC220 - a fork, over in a moment
        [sys.executable, "-c", CRASHING, str(tmp_path / "j"), str(plain.port)],
        cwd=Path(__file__).parents[1],
    )
    try:
        async with a_listener(plain_mqtt, "#") as phone:
            await until(lambda: {own, device} <= {str(m.topic) for m in phone.heard}, within_s=30)
            service.kill()
            await until(lambda: phone.heard[-1].payload == b'{"online":false}')
    finally:
        service.kill()
        service.wait(10)
    async with a_listener(plain_mqtt, "#") as later:
        await until(lambda: {site, own, device} <= {str(m.topic) for m in later.heard})
        held = {str(m.topic): json.loads(str(m.payload, "ascii")) for m in later.heard}
    assert [held[each["topic"]] for each in held[device]["availability"]] == [{"online": False}]
    assert not any(said.get("online") for said in held.values())
    begin, end = (datetime.fromisoformat(held[own][name]) for name in ("at", "expires_at"))
    assert end - begin == timedelta(seconds=15)
