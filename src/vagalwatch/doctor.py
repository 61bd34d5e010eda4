"""`vagalwatch doctor`: each part the service stands on is ok, or here is the way to mend it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vagalwatch.settings import Settings

FREE_DISK_MIB = 500
"""About ten days of one wearer's journal; below it, retention or a larger disk is due."""

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``ok`` is ``None`` where it could not be told. ``mend`` is the way out."""

    check: str
    ok: bool | None
    found: str
    mend: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Run every check, cheapest first, each within a few seconds."""
    yield _disk(settings.state_dir)
    yield await asyncio.to_thread(_clock)
    yield await _adapter()
    yield _wearers(settings)
    yield await _broker(settings)
    yield await asyncio.to_thread(_influx, settings)


def _disk(state_dir: Path) -> Finding:
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = state_dir / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            "disk",
            ok=False,
            found=f"{state_dir} cannot be written: {error.strerror}.",
            mend="Give the service's user this folder, or set state_dir to one it owns.",
        )
    free_mib = shutil.disk_usage(state_dir).free // 2**20
    if free_mib < FREE_DISK_MIB:
        return Finding(
            "disk",
            ok=False,
            found=f"{free_mib} MiB are free at {state_dir}.",
            mend=f"Free at least {FREE_DISK_MIB} MiB, or set journal.retention_days.",
        )
    return Finding("disk", ok=True, found=f"{free_mib} MiB are free at {state_dir}.")


def _clock() -> Finding:
    mend = "Switch network time on: timedatectl set-ntp true."
    program = shutil.which("timedatectl")
    if program is None:
        return Finding("clock", ok=None, found="There is no timedatectl to ask.", mend=mend)
    asked = subprocess.run(  # noqa: S603 - a fixed command, found on PATH
        [program, "show", "--property=NTPSynchronized", "--value"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if asked.returncode != 0:
        return Finding("clock", ok=None, found="timedatectl gave no answer.", mend=mend)
    if asked.stdout.strip() == "yes":
        return Finding("clock", ok=True, found="The clock follows network time.")
    return Finding("clock", ok=False, found="The clock is not set by network time.", mend=mend)


async def _adapter() -> Finding:
    from bleak import BleakScanner  # noqa: PLC0415 - costs .2 s that other verbs need not pay

    from vagalwatch.sensors.link_trouble import trouble_of  # noqa: PLC0415 - as above

    try:
        async with asyncio.timeout(TIMEOUT_S), BleakScanner():
            return Finding("bluetooth", ok=True, found="An adapter is powered and may be used.")
    except Exception as error:  # noqa: BLE001 - whatever the stack below raises, it has a name there
        trouble = trouble_of(error)
        return Finding("bluetooth", ok=False, found=trouble.status, mend=trouble.advice)


def _wearers(settings: Settings) -> Finding:
    if not any(wearer.sensors for wearer in settings.wearers):
        return Finding(
            "sensors",
            ok=False,
            found="No sensor is configured.",
            mend="Find yours with `vagalwatch scan` and name it in the configuration.",
        )
    count = sum(len(wearer.sensors) for wearer in settings.wearers)
    return Finding(
        "sensors", ok=True, found=f"{count} for {len(settings.wearers)} wearer(s) configured."
    )


async def _broker(settings: Settings) -> Finding:
    mqtt = settings.mqtt
    if mqtt.mode == "off":
        return Finding("broker", ok=None, found="MQTT is switched off.")
    if mqtt.mode == "embedded":
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", mqtt.port))
            except OSError:
                return await _somebody_listens(mqtt.port)
        return Finding("broker", ok=True, found=f"Port {mqtt.port} is free for the embedded one.")
    from vagalwatch.deliver.mqtt import probe as probe_broker  # noqa: PLC0415 - as above

    trouble = await probe_broker(mqtt, TIMEOUT_S)
    if trouble is None:
        return Finding("broker", ok=True, found=f"{mqtt.host}:{mqtt.port} lets us in.")
    return Finding(
        "broker",
        ok=False,
        found=trouble,
        mend="Check mqtt.host, port, username, password_file and tls_ca_file.",
    )


async def _somebody_listens(port: int) -> Finding:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return Finding(
                "broker",
                ok=True,
                found=f"Something answers on port {port}: vagalwatch itself, if it is running.",
                mend="If it is another broker, set mqtt.mode = 'external' or another mqtt.port.",
            )
    return Finding(
        "broker",
        ok=False,
        found=f"Port {port} is taken and does not answer.",
        mend="Set another mqtt.port.",
    )


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
