"""`vagalwatch doctor`: each part the service stands on is ok, or here is the way to mend it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vagalwatch import __version__, language
from vagalwatch.control import ControlError, NotRunningError, call
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from vagalwatch.settings import (
        MqttSettings,
        NotifySettings,
        PageSettings,
        Settings,
        WordsSettings,
    )

    Status = dict[str, Any]
    """What the running service says of itself."""

FREE_DISK_MIB: Final = 500
"""About ten days of one wearer's journal; below it, retention or a larger disk is due."""

TIMEOUT_S: Final = 5.0

LAG_S: Final = 60.0
"""InfluxDB may be this far behind: the drain's longest pause between two attempts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``ok`` is ``None`` where it could not be told. ``mend`` is the way out."""

    check: str
    ok: bool | None
    found: str
    mend: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Run every check, each within a few seconds; then what the service says, if it runs."""
    service, status = await asyncio.to_thread(_service, settings)
    yield service
    yield _disk(settings.state_dir)
    for finding in _journal(settings.journal_path):
        yield finding
    yield await asyncio.to_thread(_clock)
    yield await _adapter()
    yield _sensors(settings)
    yield _words(settings.words)
    running = service.ok is not None
    yield _page(settings.page, running=running)
    yield await _broker(settings.mqtt, running=running)
    yield await asyncio.to_thread(_influx, settings)
    for wearer in settings.wearers:
        for place, way in enumerate(wearer.notify, start=1):
            yield await _way(f"{way.way}-{place} of {wearer.id}", way)
    for finding in await asyncio.to_thread(_erasures, settings):
        yield finding
    if status is not None:
        for finding in _told(settings, status):
            yield finding


def _service(settings: Settings) -> tuple[Finding, Status | None]:
    try:
        status: Status = call(settings.control_path, "status", timeout_s=TIMEOUT_S)
    except NotRunningError:
        mend = "Start it with `vagalwatch run`."
        return Finding("service", ok=None, found="vagalwatch is not running.", mend=mend), None
    except ControlError as error:
        mend = "Ask as the service's own user; if that is so, look into its log and restart it."
        return Finding("service", ok=False, found=str(error), mend=mend), None
    if status["version"] != __version__:
        found = f"Version {status['version']} runs, but {__version__} is installed."
        return Finding("service", ok=False, found=found, mend="Restart the service."), None
    found = f"Version {status['version']} runs; its page listens on {status['page']}."
    return Finding("service", ok=True, found=found), status


def _told(settings: Settings, status: Status) -> Iterator[Finding]:
    """What the running service says of its parts."""
    if status["recording"]:
        yield Finding("recording", ok=True, found="What comes in reaches the disk.")
    else:
        yield Finding(
            "recording",
            ok=False,
            found="The disk takes nothing: what comes in waits in memory.",
            mend=f"Free space at {settings.state_dir}, or see to that disk.",
        )
    for wearer, fault in status["faults"].items():
        yield Finding(
            "estimate",
            ok=False,
            found=f"Nothing is measured for {wearer}: the estimate failed ({fault}).",
            mend="Restart the service. Nothing that came in is lost; please report it.",
        )
    for sensor in status["sensors"]:
        # A link that is only being made has no advice yet, and is neither well nor ill.
        ok = True if sensor["status"] == "connected" else False if sensor["advice"] else None
        yield Finding(
            "sensor", ok=ok, found=f"{sensor['source']}: {sensor['status']}.", mend=sensor["advice"]
        )
    if settings.mqtt.mode != "off":
        yield Finding(
            "mqtt",
            ok=not status["mqtt"],
            found=status["mqtt"] or "Connected.",
            mend="It goes on trying; what is still valid then is sent then.",
        )
    for problem in status.get("notify", ()):  # a service older than this did not say
        mend = "The next way of the chain had its turn; `vagalwatch notify-test WEARER` tries all."
        yield Finding("notify", ok=False, found=f"Not taken last time: {problem}", mend=mend)
    if settings.influx.url is not None:
        yield _lag(status)


def _lag(status: Status) -> Finding:
    lag_s, aside = status["influxdb_lag_s"], status["influxdb_set_aside"]
    found = f"InfluxDB is {lag_s:.0f} s behind the journal; {aside} records were set aside."
    if aside:
        mend = "They are kept: the journal's table set_aside says which and why. Please report it."
    else:
        mend = status["influxdb"] or "InfluxDB was away or is slow; it is being told all of it."
    return Finding("lag", ok=lag_s <= LAG_S and not aside, found=found, mend=mend)


def _words(settings: WordsSettings) -> Finding:
    try:
        language.load(settings)
    except ConfigError as error:
        mend = (
            "Mend that line of the file, or the configuration; `vagalwatch run` does not start so."
        )
        return Finding("words", ok=False, found=str(error), mend=mend)
    own = "" if settings.file is None else f", with the lines of {settings.file}"
    return Finding("words", ok=True, found=f"People are told in “{settings.language}”{own}.")


def _disk(state_dir: Path) -> Finding:
    """Only looks: what root made here would be root's, and the service could not write it."""
    try:
        nearest = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
        free_mib = shutil.disk_usage(nearest).free // 2**20
        why = "" if nearest.is_dir() else f"{nearest} is no folder"
        if not why and not os.access(nearest, os.W_OK | os.X_OK):
            why = f"{nearest} is not this user's to write"
    except OSError as error:
        why = str(error.strerror)
    if why:
        return Finding(
            "disk",
            ok=False,
            found=f"{state_dir} cannot be written: {why}.",
            mend="Give the service's user this folder, or set state_dir to one it owns.",
        )
    if free_mib < FREE_DISK_MIB:
        return Finding(
            "disk",
            ok=False,
            found=f"{free_mib} MiB are free at {state_dir}.",
            mend=f"Free at least {FREE_DISK_MIB} MiB, or set journal.retention_days.",
        )
    return Finding("disk", ok=True, found=f"{free_mib} MiB are free at {state_dir}.")


def _journal(path: Path) -> Iterator[Finding]:
    from vagalwatch.journal.database import moved_aside  # noqa: PLC0415 - as bleak, below

    for aside in moved_aside(path):
        yield Finding(
            "journal",
            ok=False,
            found=f"A journal was damaged and is kept as {aside.name}; a new one began.",
            mend="What could be read of settings and breaks goes on, consents are asked for anew; "
            "samples are in that file. Move it away once you have seen to it.",
        )


def _clock() -> Finding:
    mend = "Switch network time on: timedatectl set-ntp true."
    program = shutil.which("timedatectl")
    if program is None:
        return Finding("clock", ok=None, found="There is no timedatectl to ask.", mend=mend)
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command, found on PATH
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return Finding("clock", ok=None, found="timedatectl gave no answer.", mend=mend)
    if asked.stdout.strip() == "yes":
        return Finding("clock", ok=True, found="The clock follows network time.")
    return Finding("clock", ok=False, found="The clock is not set by network time.", mend=mend)


async def _adapter() -> Finding:
    from bleak import BleakScanner  # noqa: PLC0415 - costs .2 s that other verbs need not pay

    from vagalwatch.sensors.link_trouble import REFUSED, trouble_of  # noqa: PLC0415 - as above

    try:
        async with asyncio.timeout(TIMEOUT_S), BleakScanner():
            return Finding("bluetooth", ok=True, found="An adapter is powered and may be used.")
    except Exception as error:  # noqa: BLE001 - whatever the stack below raises, it has a name there
        trouble = trouble_of(error)
        if trouble is REFUSED:  # which speaks of a sensor, and none was asked
            found = f"Bluetooth does not search ({type(error).__name__})."
            mend = "Restart it: systemctl restart bluetooth"
        else:
            what, _, mend = trouble.advice.partition(". ")
            found = f"{what}."
        return Finding("bluetooth", ok=False, found=found, mend=mend)


def _sensors(settings: Settings) -> Finding:
    from vagalwatch.sensors.devices import UnknownDeviceError, model_of  # noqa: PLC0415 - as above

    if not any(wearer.sensors for wearer in settings.wearers):
        return Finding(
            "sensors",
            ok=False,
            found="No sensor is configured.",
            mend="Find yours with `vagalwatch scan` and name it in the configuration.",
        )
    sensors = [sensor for wearer in settings.wearers for sensor in wearer.sensors]
    try:
        for sensor in sensors:
            model_of(sensor.device)
    except UnknownDeviceError as error:
        mend = "Name one of these in the configuration."
        return Finding("sensors", ok=False, found=str(error), mend=mend)
    count = len(sensors)
    return Finding(
        "sensors", ok=True, found=f"{count} for {len(settings.wearers)} wearer(s) configured."
    )


def _page(page: PageSettings, *, running: bool) -> Finding:
    if page.tls_cert_file is not None:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(page.tls_cert_file, page.tls_key_file)
        except OSError as error:  # also what ssl raises
            return Finding(
                "page",
                ok=False,
                found=f"The page's certificate cannot be used: {error}.",
                mend="Check page.tls_cert_file and page.tls_key_file.",
            )
    if running:
        return Finding("page", ok=True, found="The running service has its port.")
    try:
        _listen(page.host, page.port)
    except OSError as error:
        return Finding(
            "page",
            ok=False,
            found=f"The page cannot listen on {page.host}, port {page.port}: {error.strerror}.",
            mend="Stop what uses it, or set page.host and page.port to others.",
        )
    return Finding("page", ok=True, found=f"Port {page.port} of {page.host} is free for it.")


def _listen(host: str, port: int) -> None:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        probe.bind(address)


async def _broker(mqtt: MqttSettings, *, running: bool) -> Finding:
    if mqtt.mode == "off":
        return Finding("broker", ok=None, found="MQTT is switched off.")
    if mqtt.mode == "embedded":
        return _embedded(mqtt.port, running=running)
    from vagalwatch.deliver.mqtt import probe  # noqa: PLC0415 - as above

    trouble = await probe(mqtt, TIMEOUT_S)
    if trouble is None:
        return Finding("broker", ok=True, found=f"{mqtt.host}:{mqtt.port} lets us in.")
    return Finding(
        "broker",
        ok=False,
        found=trouble,
        mend="Check mqtt.host, port, username, password_file and tls_ca_file.",
    )


def _embedded(port: int, *, running: bool) -> Finding:
    if running:
        return Finding("broker", ok=True, found="The embedded one runs in the service.")
    try:
        _listen("127.0.0.1", port)
    except OSError:
        return Finding(
            "broker",
            ok=False,
            found=f"Port {port} is taken, so the embedded broker cannot have it.",
            mend="Set another mqtt.port; or use what is there with mqtt.mode = 'external'.",
        )
    return Finding("broker", ok=True, found=f"Port {port} is free for the embedded one.")


def _influx(settings: Settings) -> Finding:
    if settings.influx.url is None:
        return Finding("influxdb", ok=None, found="InfluxDB is switched off (influx.url).")
    from vagalwatch.deliver.influx import probe as probe_influx  # noqa: PLC0415 - .6 s to import

    trouble = probe_influx(settings.influx, TIMEOUT_S)
    if trouble is None:
        return Finding("influxdb", ok=True, found=f"{settings.influx.url} takes writes.")
    return Finding(
        "influxdb",
        ok=False,
        found=trouble,
        mend="Check influx.url, org, bucket and token_file. Nothing is lost meanwhile.",
    )


async def _way(name: str, way: NotifySettings) -> Finding:
    """Whether this way could tell somebody; nothing is sent."""
    from vagalwatch.deliver import notify_apprise  # noqa: PLC0415 - as bleak, above

    try:
        async with asyncio.timeout(TIMEOUT_S):
            if way.url_file is not None:
                await notify_apprise.probe(way.url_file)
                found = f"{name} has a URL that Apprise can use; nothing was sent."
            else:
                from vagalwatch.deliver import notify_desktop  # noqa: PLC0415 - Linux alone has it

                found = f"{name} is shown by {await notify_desktop.probe()}."
    except TimeoutError:
        why = f"{name} gave no answer in time."
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
        why = str(error) or f"{name}: {type(error).__name__}."
    else:
        return Finding("notify", ok=True, found=found)
    return Finding("notify", ok=False, found=why, mend=f"Mend {name}, or take it out of notify.")


def _erasures(settings: Settings) -> Iterator[Finding]:
    from vagalwatch.journal.tombstones import Tombstones  # noqa: PLC0415 - as bleak, above

    try:
        pending = len(Tombstones(settings.tombstones_path).pending())
    except OSError:
        return  # the disk's own check says it
    except ConfigError as error:
        mend = "Nobody can be erased, and nobody erased be known, before that file can be read."
        yield Finding("erasure", ok=False, found=str(error), mend=mend)
        return
    if pending:
        yield Finding(
            "erasure",
            ok=False,
            found=f"{pending} wearer(s) are not erased everywhere yet.",
            mend="The running service tries every five minutes; `vagalwatch erase WEARER` says "
            "what is left and why.",
        )
