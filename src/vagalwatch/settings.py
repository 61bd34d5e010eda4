"""Wiring only: who wears what, where things are kept, whom to talk to. TOML and environment.

What steers behaviour (baselines, mute, quiet hours, consent) is a record in the journal, not
configuration.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_config_path, user_state_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

ENV_PREFIX = "VAGALWATCH_"

PSEUDONYM = r"^[a-z0-9-]{1,32}$"
Pseudonym = Annotated[str, Field(pattern=PSEUDONYM)]
Port = Annotated[int, Field(ge=0, le=65535)]
INFLUX_URL = r"^https?://[^\s/]"
ADDRESS = r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"

_IN_WORDS = {
    PSEUDONYM: "a pseudonym has 1 to 32 of a-z, 0-9 and -",
    ADDRESS: "a Bluetooth address looks like A0:9E:1A:00:00:01; `vagalwatch scan` lists them",
    INFLUX_URL: "an address begins with http:// or https://",
}
"""What each pattern asks for, for a person."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` reaches this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence with the way out."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorSettings(_Section):
    """One sensor of a wearer: a model of the device registry at a Bluetooth address."""

    device: str
    address: Annotated[str, Field(pattern=ADDRESS)]
    eda_rate_hz: Literal[3, 4, 6, 8, 12, 16] = 4
    pair: bool = False

    @property
    def source(self) -> str:
        """A short stable name for its records, without its full address."""
        tail = "".join(c for c in self.address.lower() if c.isalnum())[-4:]
        return f"{self.device}-{tail}"


class NotifySettings(_Section):
    """One way to tell a wearer of a prompt that nobody answered on the page."""

    way: Literal["desktop", "apprise"]
    url_file: Path | None = None

    @model_validator(mode="after")
    def _url_only_from_a_file(self) -> NotifySettings:
        """What apprise is given holds passwords and tokens."""
        if (self.way == "apprise") != (self.url_file is not None):
            raise ValueError(
                "way “apprise” needs url_file, a file that holds one Apprise URL; others have none"
            )
        return self


class WearerSettings(_Section):
    """A wearer by pseudonym, with the sensors worn and the ways to be told, in their order."""

    id: Pseudonym
    sensors: tuple[SensorSettings, ...] = ()
    notify: Annotated[tuple[NotifySettings, ...], Field(max_length=4)] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> WearerSettings:
        """Two sensors' beats under one name would become one chain."""
        sources = [sensor.source for sensor in self.sensors]
        for source in sources:
            if sources.count(source) > 1:
                raise ValueError(
                    f"two sensors of “{self.id}” would both be named “{source}”, because their "
                    "addresses end alike; use another sensor in place of one of them"
                )
        return self


class MqttSettings(_Section):
    """The broker: embedded (amqtt on loopback), external (mosquitto), or off."""

    mode: Literal["embedded", "external", "off"] = "embedded"
    host: str = "127.0.0.1"
    port: Port = 1883
    username: str | None = None
    password_file: Path | None = None
    tls_ca_file: Path | None = None
    audience: Literal["wearer", "home"] = "wearer"
    """``home``: others may read all of this broker, so it has only what was agreed to for them."""


class InfluxSettings(_Section):
    """The InfluxDB ledger; without a URL it is off; beyond loopback only https."""

    url: Annotated[str, Field(pattern=INFLUX_URL)] | None = None
    org: str = "vagalwatch"
    bucket: str = "vagalwatch"
    token_file: Path | None = None

    @model_validator(mode="after")
    def _https_beyond_loopback(self) -> InfluxSettings:
        address = urlsplit(self.url or "")
        if address.scheme == "http" and not is_loopback(address.hostname or ""):
            raise ValueError("influx.url is beyond loopback, so it must begin with https://")
        return self


class PageSettings(_Section):
    """The client's page; beyond loopback only with TLS."""

    host: str = "127.0.0.1"
    port: Port = 8477
    public_host: str | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    @model_validator(mode="after")
    def _tls_beyond_loopback(self) -> PageSettings:
        if not is_loopback(self.host) and (self.tls_cert_file is None or self.tls_key_file is None):
            raise ValueError(
                "page.host is beyond loopback, so page.tls_cert_file and page.tls_key_file "
                "must be set; or use 127.0.0.1"
            )
        return self


class WordsSettings(_Section):
    """What is said to people: a language, and a file that changes single lines of it."""

    language: str = "en"
    file: Path | None = None


class JournalSettings(_Section):
    """How long the journal keeps records (0: for ever)."""

    retention_days: Annotated[int, Field(ge=0)] = 0


class Settings(BaseSettings):
    """The whole configuration of one site."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    site: Pseudonym = "home"
    state_dir: Path = Field(default_factory=lambda: user_state_path("vagalwatch"))
    wearers: tuple[WearerSettings, ...] = ()
    mqtt: MqttSettings = MqttSettings()
    influx: InfluxSettings = InfluxSettings()
    page: PageSettings = PageSettings()
    words: WordsSettings = WordsSettings()
    journal: JournalSettings = JournalSettings()

    @model_validator(mode="after")
    def _nobody_twice(self) -> Settings:
        """One person's body must not show on another's page."""
        ids = [wearer.id for wearer in self.wearers]
        addresses = [s.address.upper() for wearer in self.wearers for s in wearer.sensors]
        for what, names in (("wearer", ids), ("sensor address", addresses)):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"the {what} “{name}” is configured twice; once is right")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment goes before the file's values, which come in as init values."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def journal_path(self) -> Path:
        """The journal's file."""
        return self.state_dir / f"{self.site}.sqlite"

    @property
    def tombstones_path(self) -> Path:
        """Who was erased."""
        return self.state_dir / f"{self.site}.tombstones"

    @property
    def credentials_path(self) -> Path:
        """Who may see which page (hashes only)."""
        return self.state_dir / "credentials.json"

    @property
    def broker_password_path(self) -> Path:
        """The password of the embedded broker's one account."""
        return self.state_dir / "mqtt-password"

    @property
    def control_path(self) -> Path:
        """The socket by which commands reach the running service."""
        return self.state_dir / f"{self.site}.control"


def default_config_path() -> Path:
    """Where the configuration is looked for when none is named."""
    return user_config_path("vagalwatch") / "vagalwatch.toml"


def load(path: Path | None = None) -> Settings:
    """Read the configuration.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, or a value of the wrong kind.
    """
    file = path or default_config_path()
    values: dict[str, Any] = {}
    if path is not None and not file.exists():
        raise ConfigError(f"There is no configuration file at {file}.")
    if file.exists():
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} is not valid TOML: {error}.") from error
    _refuse_unknown_environment()
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, file)) from error
    except SettingsError as error:
        whole = [name for name in os.environ if name.startswith(ENV_PREFIX) and "__" not in name]
        raise ConfigError(
            f"{', '.join(whole)}: a whole section in one variable must be JSON; one key each is "
            f"easier, such as {ENV_PREFIX}MQTT__PORT=1884."
        ) from error


def _refuse_unknown_environment() -> None:
    """pydantic-settings passes over variables it does not know; a typing error must not be."""
    for name in os.environ:
        if not name.startswith(ENV_PREFIX):
            continue
        key = name.removeprefix(ENV_PREFIX).lower().split("__")[0]
        if key not in Settings.model_fields:
            near = _nearest(key, list(Settings.model_fields))
            raise ConfigError(
                f"Unknown environment variable {name}. Did you mean {ENV_PREFIX}{near.upper()}?"
            )


def _nearest(key: str, known: list[str]) -> str:
    return difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]


def _explain(error: ValidationError, file: Path) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the configuration"
    variable = ENV_PREFIX + where.replace(".", "__").upper()
    source = f"${variable}" if variable in os.environ else file
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        return f"{source}: unknown key “{where}”. Did you mean “{_nearest(key, _known_keys())}”?"
    asked = _IN_WORDS.get(first.get("ctx", {}).get("pattern", ""), first["msg"])
    return f"{source}: {where}: {asked.removeprefix('Value error, ')}."


def _known_keys() -> list[str]:
    models: tuple[type[BaseModel], ...] = (
        Settings,
        WearerSettings,
        SensorSettings,
        NotifySettings,
        MqttSettings,
        InfluxSettings,
        PageSettings,
        WordsSettings,
        JournalSettings,
    )
    return [key for model in models for key in model.model_fields]
