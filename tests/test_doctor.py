"""What `doctor` finds, with the real parts where they run here, and what it says to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from helpers_cli import call as vagalwatch
from helpers_house import house
from helpers_influx import InfluxProxy, InfluxServer
from helpers_mqtt import until
from helpers_real import free_port, need, need_extra
from vagalwatch import __version__, doctor
from vagalwatch.control import ControlServer
from vagalwatch.doctor import FREE_DISK_MIB, LAG_S, Finding, examine
from vagalwatch.journal.database import moved_aside
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.settings import (
    InfluxSettings,
    MqttSettings,
    NotifySettings,
    PageSettings,
    SensorSettings,
    Settings,
    WearerSettings,
    WordsSettings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

OFF = MqttSettings(mode="off")


def settings(
    folder: Path,
    *,
    device: str = "heart-rate",
    mqtt: MqttSettings = OFF,
    influx: InfluxSettings | None = None,
    page: PageSettings | None = None,
) -> Settings:
    sensor = SensorSettings(device=device, address="A0:9E:1A:00:00:01")
    return Settings(
        site="test",
        state_dir=folder / "state",
        wearers=(WearerSettings(id="alex", sensors=(sensor,)),),
        mqtt=mqtt,
        influx=influx or InfluxSettings(),
        page=page or PageSettings(port=0),
    )


async def findings(configured: Settings) -> dict[str, Finding]:
    found = [finding async for finding in examine(configured)]
    for finding in found:
        assert finding.found[-1] in ".?", finding
        assert finding.mend or finding.ok is not False, finding
    return {finding.check: finding for finding in found}


async def one(check: str, configured: Settings) -> Finding:
    return (await findings(configured))[check]


# --- this machine ---------------------------------------------------------------------------------


async def test_each_part_is_named_once_and_in_order(tmp_path: Path) -> None:
    found = [finding.check async for finding in examine(settings(tmp_path))]
    assert found == [
        "service",
        "disk",
        "clock",
        "bluetooth",
        "sensors",
        "words",
        "page",
        "broker",
        "influxdb",
    ]


async def test_a_line_that_does_not_exist_is_found_before_the_service_starts(
    tmp_path: Path,
) -> None:
    assert (await one("words", settings(tmp_path))).ok
    file = tmp_path / "words.toml"
    file.write_text('[answer]\nyess = "Yes, please"\n', encoding="utf-8")
    own = settings(tmp_path).model_copy(update={"words": WordsSettings(file=file)})
    finding = await one("words", own)
    assert not finding.ok
    assert "Did you mean “answer.yes”?" in finding.found


def changed(folder: Path) -> dict[Path, int]:
    """When each thing in ``folder``, and itself, was changed last."""
    return {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("there", [False, True])
async def test_the_disk_is_only_looked_at(tmp_path: Path, *, there: bool) -> None:
    """What root makes is root's: the service could not write its own state folder."""
    if there:
        (tmp_path / "state").mkdir()
        (tmp_path / "state").chmod(0o700)
    os.utime(tmp_path, ns=(0, 0))
    before = changed(tmp_path)
    disk = await one("disk", settings(tmp_path))
    assert disk.ok is True
    assert changed(tmp_path) == before


async def test_a_state_folder_of_another_user_is_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests' user may be root
    disk = await one("disk", settings(tmp_path))
    assert (disk.ok, disk.found) == (
        False,
        f"{tmp_path / 'state'} cannot be written: {tmp_path} is not this user's to write.",
    )


async def test_little_room_is_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage((FREE_DISK_MIB << 20) - 1))
    disk = await one("disk", settings(tmp_path))
    assert (disk.ok, disk.found) == (
        False,
        f"{FREE_DISK_MIB - 1} MiB are free at {tmp_path / 'state'}.",
    )
    assert "retention_days" in disk.mend
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(FREE_DISK_MIB << 20))
    assert (await one("disk", settings(tmp_path))).ok is True


async def test_a_state_folder_that_cannot_be_written_is_to_mend(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    disk = await one("disk", settings(tmp_path))
    assert disk.ok is False
    state = tmp_path / "state"
    assert disk.found == f"{state} cannot be written: {state} is no folder."
    assert "state_dir" in disk.mend


@pytest.mark.parametrize(
    ("script", "ok", "says"),
    [
        ("echo yes", True, "follows network time"),
        ("echo no", False, "not set by network time"),
        ("exit 1", None, "gave no answer"),
        ("sleep 5", None, "gave no answer"),
        (None, None, "no timedatectl"),
    ],
)
async def test_the_clock_is_what_timedatectl_says(
    script: str | None, ok: bool | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script == "sleep 5":
        monkeypatch.setattr(doctor, "TIMEOUT_S", 0.2)
    asked = tmp_path / "timedatectl"
    if script is not None:
        asked.write_text(f"#!/bin/sh\n{script}\n")
        asked.chmod(0o700)
    sleep = tmp_path / "sleep"
    sleep.symlink_to(need("sleep"))
    monkeypatch.setenv("PATH", str(tmp_path))
    clock = await one("clock", settings(tmp_path))
    assert clock.ok is ok
    assert says in clock.found


async def test_a_journal_that_was_moved_aside_is_said_until_its_file_is_gone(
    tmp_path: Path,
) -> None:
    configured = settings(tmp_path)
    assert "journal" not in await findings(configured)
    path = configured.journal_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no journal at all" * 1000)
    SqliteJournal(path, tell=lambda _: None).close()
    (aside,) = moved_aside(path)
    journal = (await findings(configured))["journal"]
    assert journal.ok is False
    assert aside.name in journal.found
    aside.unlink()
    assert "journal" not in await findings(configured)


async def test_no_bluetooth_is_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    assert await one("bluetooth", settings(tmp_path)) == Finding(
        "bluetooth",
        ok=False,
        found="No Bluetooth adapter was found.",
        mend="Plug one in, or start bluetoothd.",
    )


# --- the configuration ----------------------------------------------------------------------------


async def test_sensors_are_counted_and_unknown_ones_named(tmp_path: Path) -> None:
    sensors = await one("sensors", settings(tmp_path))
    assert (sensors.ok, sensors.found) == (True, "1 for 1 wearer(s) configured.")
    sensors = await one("sensors", settings(tmp_path, device="polr"))
    assert sensors.ok is False
    assert "“polr”" in sensors.found
    assert "“nuanic”" in sensors.found
    nobody = Settings(state_dir=tmp_path / "state", mqtt=OFF, page=PageSettings(port=0))
    sensors = await one("sensors", nobody)
    assert (sensors.ok, sensors.found) == (False, "No sensor is configured.")
    assert "vagalwatch scan" in sensors.mend


async def test_a_taken_port_is_to_mend(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        configured = settings(tmp_path, mqtt=MqttSettings(port=port), page=PageSettings(port=port))
        found = await findings(configured)
        assert found["page"].ok is found["broker"].ok is False
        assert f"port {port}: Address already in use." in found["page"].found
        assert "page.port" in found["page"].mend
        assert f"Port {port} is taken" in found["broker"].found
        assert "mqtt.port" in found["broker"].mend
    found = await findings(configured)
    assert found["page"].ok is found["broker"].ok is True


async def test_a_certificate_that_cannot_be_used_is_to_mend(tmp_path: Path) -> None:
    certificate = tmp_path / "page.pem"
    page = PageSettings(port=0, tls_cert_file=certificate, tls_key_file=certificate)
    assert "No such file" in (await one("page", settings(tmp_path, page=page))).found
    certificate.write_text("no certificate")
    found = await one("page", settings(tmp_path, page=page))
    assert found.ok is False
    assert "tls_key_file" in found.mend


async def test_what_is_switched_off_is_no_fault(tmp_path: Path) -> None:
    found = await findings(settings(tmp_path))
    assert found["broker"] == Finding("broker", ok=None, found="MQTT is switched off.")
    assert found["influxdb"].ok is None


# --- the servers ----------------------------------------------------------------------------------


class Account(NamedTuple):
    port: int
    password_file: Path


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Account]:
    """A real broker that knows one account."""
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("right\n")
    accounts = tmp_path / "accounts"
    subprocess.run(  # noqa: ASYNC221 - a moment, before anything else runs
        [need("mosquitto_passwd"), "-b", "-c", str(accounts), "vagalwatch", "right"],
        check=True,
        capture_output=True,
    )
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""  # else it may not read the test's folder
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {accounts}\n{user}"
    )

    def answers() -> bool:
        with closing(socket.socket()) as line:
            return line.connect_ex(("127.0.0.1", port)) == 0

    with subprocess.Popen(  # noqa: ASYNC220 - as above
        [need("mosquitto"), "-c", str(config)], stderr=subprocess.DEVNULL
    ) as broker:
        await until(answers)
        yield Account(port, password)
        broker.terminate()


@pytest.mark.real
async def test_a_broker_lets_us_in_or_says_why_not(tmp_path: Path, mosquitto: Account) -> None:
    def asked(**more: object) -> Settings:
        account = {
            "mode": "external",
            "port": mosquitto.port,
            "username": "vagalwatch",
            "password_file": mosquitto.password_file,
        }
        return settings(tmp_path, mqtt=MqttSettings.model_validate(account | more))

    broker = await one("broker", asked())
    assert (broker.ok, broker.found) == (True, f"127.0.0.1:{mosquitto.port} lets us in.")
    mosquitto.password_file.write_text("wrong")
    broker = await one("broker", asked())
    assert broker.ok is False
    assert "refuses us" in broker.found
    assert "wrong" not in broker.found
    assert "password_file" in broker.mend
    mosquitto.password_file.chmod(0o644)
    assert "chmod 600" in (await one("broker", asked())).found
    assert "cannot be read" in (await one("broker", asked(password_file=tmp_path / "x"))).found
    away = await one("broker", asked(password_file=None, port=free_port()))
    assert away.ok is False
    assert "does not answer" in away.found
    beyond = await one("broker", asked(password_file=None, host="192.0.2.1"))
    assert "mqtt.tls_ca_file" in beyond.found


async def test_a_broker_that_says_nothing_costs_a_few_seconds_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TIMEOUT_S", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        mqtt = MqttSettings(mode="external", port=mute.getsockname()[1])
        broker = await one("broker", settings(tmp_path, mqtt=mqtt))
    assert broker.ok is False
    assert "does not answer" in broker.found


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[InfluxProxy]:
    with InfluxServer(tmp_path) as server, InfluxProxy(server, token="right") as proxy:  # noqa: S106 - the test's own
        server.query("CREATE DATABASE vagalwatch")
        yield proxy


@pytest.mark.real
async def test_influxdb_takes_writes_or_says_why_not(tmp_path: Path, influx: InfluxProxy) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("right")

    def asked(bucket: str = "vagalwatch", url: str = influx.url) -> Settings:
        wanted = InfluxSettings(url=url, bucket=bucket, token_file=token)
        return settings(tmp_path, influx=wanted)

    influxdb = await one("influxdb", asked())
    assert (influxdb.ok, influxdb.found) == (True, f"{influx.url} takes writes.")
    nowhere = await one("influxdb", asked(bucket="another"))
    assert nowhere.ok is False
    assert "no bucket “another”" in nowhere.found
    token.write_text("wrong")
    refused = await one("influxdb", asked())
    assert refused.ok is False
    assert "refuses the token" in refused.found
    assert "token_file" in refused.mend
    away = await one("influxdb", asked(url=f"http://127.0.0.1:{free_port()}"))
    assert "cannot be reached" in away.found


# --- the running service --------------------------------------------------------------------------


async def test_a_service_that_does_not_run_is_said_and_is_no_fault(tmp_path: Path) -> None:
    service = await one("service", settings(tmp_path))
    assert service == Finding(
        "service",
        ok=None,
        found="vagalwatch is not running.",
        mend="Start it with `vagalwatch run`.",
    )


async def test_a_running_service_is_asked_how_it_stands(tmp_path: Path) -> None:
    async with house(tmp_path / "state", mqtt="embedded") as home:
        configured = settings(tmp_path, mqtt=MqttSettings(port=0))
        mailbox = home.service.mailbox
        assert mailbox is not None
        await until(lambda: mailbox.connected)
        found = [finding async for finding in examine(configured)]
        by_check = {finding.check: finding for finding in found}
        assert by_check["service"].ok is True
        assert f"Version {__version__} runs" in by_check["service"].found
        assert f":{home.service.page.port}." in by_check["service"].found
        assert by_check["page"].found == "The running service has its port."
        assert by_check["broker"].found == "The embedded one runs in the service."
        assert by_check["recording"].ok is True
        sensors = [finding for finding in found if finding.check == "sensor"]
        assert [(one.ok, one.found.split(": ")[1]) for one in sensors] == [(True, "connected.")] * 2
        assert (by_check["mqtt"].ok, by_check["mqtt"].found) == (True, "Connected.")
        assert "lag" not in by_check


STATUS: dict[str, object] = {
    "version": __version__,
    "page": "127.0.0.1:8477",
    "recording": True,
    "faults": {},
    "sensors": [],
    "mqtt": "",
    "notify": [],
    "influxdb": "",
    "influxdb_lag_s": 0.0,
    "influxdb_set_aside": 0,
}


async def asked(tmp_path: Path, **said: object) -> dict[str, Finding]:
    """The findings about a service that says ``said`` of itself."""

    async def status() -> dict[str, object]:
        return STATUS | said

    configured = settings(
        tmp_path,
        mqtt=MqttSettings(port=0),
        influx=InfluxSettings(url=f"http://127.0.0.1:{free_port()}"),
    )
    async with ControlServer(configured.control_path, {"status": status}):
        return await findings(configured)


async def test_an_older_service_that_says_nothing_of_notify_is_still_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(STATUS, "notify")
    found = await asked(tmp_path, influxdb_lag_s=LAG_S + 1)
    assert "notify" not in found
    assert found["lag"].ok is False


async def test_a_service_in_trouble_says_which(tmp_path: Path) -> None:
    found = await asked(
        tmp_path,
        recording=False,
        sensors=[{"source": "nuanic-0001", "status": "not-found", "advice": "Put it on."}],
        mqtt="The MQTT broker refuses us.",
        notify=["apprise-1: It gave no answer in time."],
        influxdb="InfluxDB refuses the token.",
        influxdb_lag_s=LAG_S + 1,
    )
    assert found["recording"].ok is False
    assert found["notify"].ok is False
    assert "apprise-1: It gave no answer in time." in found["notify"].found
    assert str(tmp_path / "state") in found["recording"].mend
    assert found["sensor"] == Finding(
        "sensor", ok=False, found="nuanic-0001: not-found.", mend="Put it on."
    )
    assert found["mqtt"].ok is False
    assert found["mqtt"].found == "The MQTT broker refuses us."
    assert found["lag"].ok is False
    assert found["lag"].found.startswith("InfluxDB is 61 s behind the journal")
    assert found["lag"].mend == "InfluxDB refuses the token."


async def test_a_wearer_for_whom_nothing_is_measured_is_named_with_the_fault(
    tmp_path: Path,
) -> None:
    found = await asked(tmp_path, faults={"alex": "KeyError at pipeline.py:7"})
    assert found["estimate"].ok is False
    assert "alex" in found["estimate"].found
    assert "KeyError at pipeline.py:7" in found["estimate"].found
    assert found["estimate"].mend.startswith("Restart the service.")


async def test_a_link_that_is_only_being_made_is_neither_well_nor_ill(tmp_path: Path) -> None:
    found = await asked(
        tmp_path, sensors=[{"source": "heart-rate-0001", "status": "searching", "advice": ""}]
    )
    assert found["sensor"].ok is None
    assert found["lag"].ok is True


async def test_records_set_aside_are_to_mend_at_any_lag(tmp_path: Path) -> None:
    found = await asked(tmp_path, influxdb_set_aside=2)
    assert found["lag"].ok is False
    assert found["lag"].found.endswith("2 records were set aside.")
    assert "set_aside" in found["lag"].mend


async def test_a_service_of_another_version_is_to_be_restarted(tmp_path: Path) -> None:
    found = await asked(tmp_path, version="0.0.1")
    assert found["service"].ok is False
    assert found["service"].mend == "Restart the service."
    assert "recording" not in found


async def test_a_service_that_hangs_is_named_and_keeps_its_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TIMEOUT_S", 0.3)

    async def hang() -> None:
        await asyncio.Event().wait()

    configured = settings(tmp_path)
    async with ControlServer(configured.control_path, {"status": hang}):
        found = await findings(configured)
    assert found["service"].ok is False
    assert "did not answer" in found["service"].found
    assert found["page"].ok is True


# --- as a verb ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("device", "code"), [("heart-rate", 0), ("polr", 1)])
def test_the_exit_code_says_whether_something_needs_mending(
    device: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def well() -> Finding:
        return Finding("bluetooth", ok=True, found="As if there were some.")

    monkeypatch.setattr(doctor, "_adapter", well)  # this machine may have none
    monkeypatch.setattr(doctor, "_clock", lambda: Finding("clock", ok=None, found="As if."))
    path = tmp_path / "vagalwatch.toml"
    path.write_text(
        f'state_dir = "{tmp_path / "state"}"\npage.port = 0\nmqtt.mode = "off"\n'
        f'[[wearers]]\nid = "alex"\n[[wearers.sensors]]\ndevice = "{device}"\n'
        'address = "AA:BB:CC:DD:EE:01"\n'
    )
    told = vagalwatch("doctor", "--config", path)
    assert told.code == code
    assert told.err == ""
    assert ("MEND " in told.out) == bool(code)
    assert vagalwatch("doctor", "--config", path, "--json").code == code


# --- reaching the person --------------------------------------------------------------------------


def told_by(folder: Path, *ways: NotifySettings) -> Settings:
    wearer = WearerSettings(id="alex", notify=ways)
    return settings(folder).model_copy(update={"wearers": (wearer,)})


async def test_a_way_that_cannot_tell_anybody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    found = await one("notify", told_by(tmp_path, NotifySettings(way="desktop")))
    assert found.ok is False
    assert "There is no session bus" in found.found
    assert "desktop-1 of alex" in found.mend


async def test_the_file_of_a_url_is_looked_at_and_never_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_extra("apprise", "notify")
    monkeypatch.setattr(
        "vagalwatch.doctor.TIMEOUT_S", 60.0
    )  # a loaded machine imports it for seconds
    url = tmp_path / "url"
    url.write_text("ntfy://tk-secret@127.0.0.1/pause")
    url.chmod(0o644)
    configured = told_by(tmp_path, NotifySettings(way="apprise", url_file=url))
    found = await one("notify", configured)
    assert (found.ok, "chmod 600" in found.found) == (False, True)
    url.chmod(0o600)
    assert (await one("notify", configured)).ok is True
    url.write_text("nonsense://tk-secret")
    found = await one("notify", configured)
    assert found.ok is False
    assert "tk-secret" not in f"{found}"


# --- erasing --------------------------------------------------------------------------------------


async def test_an_erasure_that_is_not_done_is_said_without_the_name(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    assert "erasure" not in await findings(configured)
    tombstones = Tombstones(configured.tombstones_path)
    tombstones.bury("somebody")
    found = await one("erasure", configured)
    assert (found.ok, found.found) == (False, "1 wearer(s) are not erased everywhere yet.")
    assert "somebody" not in f"{found}"
    tombstones.finish("somebody")
    assert "erasure" not in await findings(configured)
    configured.tombstones_path.write_text("{")
    assert "damaged" in (await one("erasure", configured)).found
