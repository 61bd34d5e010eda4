"""A home as real processes: the gateway alone in its own, everything else in others."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from benchmarks.outside import EDA_HZ, RINGS, STRAPS

from helpers_influx import InfluxProxy, InfluxServer
from helpers_real import free_port, need
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import Setting
from vagalwatch.sensors.simulated.stories import WEARERS
from vagalwatch.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[1]
VAGALWATCH: Final = Path(sys.executable).with_name("vagalwatch")
SITE: Final = "bench"
BUCKET: Final = "vagalwatch"
LIVE_WITHIN_S: Final = 60.0


class House:
    """Two wearers with a strap and a ring each, InfluxDB and MQTT; as a context manager.

    The gateway is ``vagalwatch run`` as installed, with a configuration file; its Bluetooth is
    bleak's BlueZ backend over a private D-Bus.
    """

    def __init__(self, folder: Path) -> None:
        """Keep everything under ``folder``."""
        self._folder = folder
        self._stack = ExitStack()
        self.config = folder / "vagalwatch.toml"
        self.log = folder / "gateway.log"

    def __enter__(self) -> Self:
        """Start everything but the gateway."""
        self.influx = self._stack.enter_context(InfluxServer(self._folder))
        self.influx.query(f"CREATE DATABASE {BUCKET}")
        proxy = self._stack.enter_context(InfluxProxy(self.influx))
        bus = self._process(
            [need("dbus-daemon"), "--session", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
        )
        self.bus_address = _stdout(bus).readline().strip()
        self.config.write_text(_configuration(self._folder, proxy.url), encoding="utf-8")
        self.settings = load(self.config)
        _share_over_mqtt(self.settings)
        self.outside = self._process(
            [sys.executable, "-m", "benchmarks.outside", self.bus_address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        _stdout(self.outside).readline()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process that was started here."""
        self._stack.close()

    def start_gateway(self, **environment: str) -> tuple[subprocess.Popen[str], float]:
        """Start ``vagalwatch run``; return it and the seconds until its page answers."""
        url = f"http://127.0.0.1:{self.settings.page.port}/"
        with self.log.open("a", encoding="utf-8") as log:
            began = time.perf_counter()
            gateway = self._process(
                [str(VAGALWATCH), "run", "--config", str(self.config)],
                stderr=log,
                environment={"DBUS_SYSTEM_BUS_ADDRESS": self.bus_address, **environment},
            )
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return gateway, time.perf_counter() - began
            except (urllib.error.URLError, ConnectionError):
                if gateway.poll() is not None or time.perf_counter() - began > LIVE_WITHIN_S:
                    raise RuntimeError(self.log.read_text(encoding="utf-8")) from None
                time.sleep(0.002)

    def open_pages(self) -> None:
        """Open a page a wearer, and one MQTT subscription, outside."""
        order = {
            "pages": {wearer: self._pairing_url(wearer) for wearer in WEARERS},
            "mqtt": {
                "port": self.settings.mqtt.port,
                "username": "vagalwatch",
                "password": self.settings.broker_password_path.read_text(encoding="utf-8").strip(),
            },
        }
        stdin = self.outside.stdin
        assert stdin is not None  # noqa: S101 - asked for
        print(json.dumps(order), file=stdin, flush=True)

    def told_outside(self) -> dict[str, Any]:
        """End the outside; what it measured."""
        out, _ = self.outside.communicate()
        told: dict[str, Any] = json.loads(out)
        return told

    def _pairing_url(self, wearer: str) -> str:
        command = [str(VAGALWATCH), "pair", wearer, "--config", str(self.config), "--json"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return str(json.loads(out)["url"])

    def _process(
        self,
        command: list[str],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: IO[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env=os.environ | dict(environment or {}),
        )
        self._stack.callback(end, process)
        return process


def end(process: subprocess.Popen[str]) -> None:
    """Ask it to stop, and wait."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _configuration(folder: Path, influx_url: str) -> str:
    wearers = "".join(
        f"""
[[wearers]]
id = "{wearer}"
sensors = [
    {{ device = "heart-rate", address = "{STRAPS[wearer]}" }},
    {{ device = "nuanic", address = "{RINGS[wearer]}", eda_rate_hz = {EDA_HZ} }},
]
"""
        for wearer in WEARERS
    )
    return f"""
site = "{SITE}"
state_dir = "{folder}/state"
{wearers}
[mqtt]
mode = "embedded"
port = {free_port()}

[page]
port = {free_port()}

[influx]
url = "{influx_url}"
bucket = "{BUCKET}"
"""


def _share_over_mqtt(settings: Settings) -> None:
    """Both have agreed to share their state in this house, so that MQTT has work."""
    now_ns = time.time_ns()
    journal = SqliteJournal(settings.journal_path)
    places = [
        journal.append(
            Setting(
                wearer=wearer,
                t_ns=now_ns,
                recv_ns=now_ns,
                key="consent-mqtt",
                value='["state", "estimate"]',
            )
        )
        for wearer in WEARERS
    ]
    asyncio.run(journal.committed(places[-1]))
    journal.close()


def _stdout(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None  # noqa: S101 - asked for
    return process.stdout
