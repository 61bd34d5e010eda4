from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with amqtt, without types

from helpers_dashboard import DEPLOY
from vagalwatch.settings import InfluxSettings

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_part_is_pinned_watched_restarted_and_bound_to_this_machine(name: str) -> None:
    part = SERVICES[name]
    assert re.search(r":\d+\.\d+\.\d+$", part["image"])
    assert part["healthcheck"]["test"]
    assert part["restart"] == "unless-stopped"
    assert "no-new-privileges:true" in part["security_opt"]
    assert part["ports"]
    assert all(port.startswith("127.0.0.1:") for port in part["ports"])


def test_influxdb_stays_the_one_that_answers_influxql_over_weeks() -> None:
    assert SERVICES["influxdb"]["image"].startswith("influxdb:2.")


def test_no_secret_stands_in_the_file() -> None:
    for part in SERVICES.values():
        for key, value in part.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", key):
                assert key.endswith("_FILE"), key
                assert value.removeprefix("/run/secrets/") in part["secrets"]


def test_database_and_service_mean_the_same_place() -> None:
    environment = SERVICES["influxdb"]["environment"]
    assert environment["DOCKER_INFLUXDB_INIT_BUCKET"] == InfluxSettings().bucket
    assert environment["DOCKER_INFLUXDB_INIT_ORG"] == InfluxSettings().org
    file = DEPLOY / "grafana" / "provisioning" / "datasources" / "influxdb.yaml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    assert source["jsonData"]["dbName"] == InfluxSettings().bucket
    (secret,) = re.findall(r"/run/secrets/([\w.-]+)", source["secureJsonData"]["password"])
    assert secret in SERVICES["grafana"]["secrets"]


def test_every_mounted_file_is_there() -> None:
    for part in SERVICES.values():
        for mount in part["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists()
            else:
                assert source in COMPOSE["volumes"]


def test_prepare_makes_every_secret_for_its_reader_alone(prepared: Path) -> None:
    users = {"mosquitto": 1883, "influxdb": 1000, "grafana": 472}
    for name, part in SERVICES.items():
        for secret in part["secrets"]:
            file = prepared / COMPOSE["secrets"][secret]["file"]
            assert file.stat().st_size > 0
            public = secret == "mqtt-ca.crt"  # noqa: S105 - a certificate is no secret
            assert stat.S_IMODE(file.stat().st_mode) == (0o644 if public else 0o600)
            if os.geteuid() == 0 and not public:
                assert file.stat().st_uid == users[name]
    assert stat.S_IMODE((prepared / "secrets").stat().st_mode) == 0o700


def test_prepare_again_adds_a_wearer_and_keeps_the_rest(prepared: Path) -> None:
    folder = prepared / "secrets"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    subprocess.run([prepared / "prepare", "gateway.test", "cy"], check=True, capture_output=True)
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert set(after) - set(before) == {"mqtt-cy"}
    assert {name for name in before if after[name] != before[name]} == {"mqtt-accounts"}
    accounts = [line.split(":")[0] for line in after["mqtt-accounts"].decode().splitlines()]
    assert accounts == ["ada", "bo", "cy", "homeassistant", "vagalwatch"]


@pytest.mark.parametrize("name", ["Ada", "a/b", "", "+", "ada lovelace"])
def test_prepare_refuses_what_is_no_pseudonym(prepared: Path, name: str) -> None:
    refused = subprocess.run(
        [prepared / "prepare", "gateway.test", name], check=False, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "pseudonym" in refused.stderr


@pytest.mark.parametrize("name", ["vagalwatch", "accounts"])
def test_prepare_gives_no_wearer_the_services_own_account(prepared: Path, name: str) -> None:
    """A wearer called "vagalwatch" would have got the password that opens everybody's topics."""
    refused = subprocess.run(
        [prepared / "prepare", "gateway.test", name], check=False, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "taken" in refused.stderr


FAKE_INFLUX = """#!/bin/bash
printf '%s\\n' "$*" >>"$CALLS"
[ "$1 $2" = "auth create" ] && printf '{\\n\\t"id": "1",\\n\\t"token": "tok-en==",\\n}\\n'
exit 0
"""


def test_influxdb_gets_a_mapping_a_reader_and_a_writer(tmp_path: Path) -> None:
    (tmp_path / "influxdb-grafana-password").write_text("pass-word")
    (tmp_path / "influx").write_text(FAKE_INFLUX)
    (tmp_path / "influx").chmod(0o755)
    script = (DEPLOY / "influxdb" / "10-accounts.sh").read_text()
    here = script.replace("/run/secrets", str(tmp_path)).replace(
        "/var/lib/influxdb2", str(tmp_path)
    )
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "DOCKER_INFLUXDB_INIT_BUCKET_ID": "b1",
        "DOCKER_INFLUXDB_INIT_BUCKET": "vagalwatch",
        "DOCKER_INFLUXDB_INIT_ORG": "vagalwatch",
    }
    subprocess.run(["bash", "-c", here], env=environment, check=True)
    mapping, reader, writer = (tmp_path / "calls").read_text().splitlines()
    assert mapping.startswith("v1 dbrp create") and "--db vagalwatch" in mapping  # noqa: PT018
    assert "--read-bucket b1" in reader and "write" not in reader  # noqa: PT018
    assert "--write-bucket b1" in writer and "read" not in writer  # noqa: PT018
    token = tmp_path / "vagalwatch-token"
    assert token.read_text() == "tok-en==\n"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
