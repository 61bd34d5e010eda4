from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vagalwatch.settings import ConfigError, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def _write(text: str) -> Path:
        file = tmp_path / "vagalwatch.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return _write


GOOD = """
site = "flat-3"
[[wearers]]
id = "alex"
[[wearers.sensors]]
device = "heart-rate"
address = "AA:BB:CC:DD:EE:01"
[mqtt]
mode = "external"
port = 8883
"""


def test_a_file_becomes_settings(write: Callable[[str], Path]) -> None:
    settings = load(write(GOOD))
    assert settings.site == "flat-3"
    assert settings.wearers[0].sensors[0].device == "heart-rate"
    assert settings.mqtt.port == 8883
    assert settings.journal_path.name == "flat-3.sqlite"


def test_the_environment_goes_before_the_file(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAGALWATCH_MQTT__PORT", "1999")
    settings = load(write(GOOD))
    assert settings.mqtt.port == 1999
    assert settings.mqtt.mode == "external"


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("sit = 'x'", "site"),
        ("[mqtt]\nprot = 1", "port"),
        ("[[wearers]]\nid = 'a'\nsensor = []", "sensors"),
    ],
)
def test_an_unknown_key_names_the_nearest_known(
    write: Callable[[str], Path], text: str, near: str
) -> None:
    with pytest.raises(ConfigError, match=f"Did you mean “{near}”"):
        load(write(text))


def test_an_unknown_environment_variable_names_the_nearest_known(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAGALWATCH_MQQT__PORT", "1")
    with pytest.raises(ConfigError, match="Did you mean VAGALWATCH_MQTT"):
        load(write(GOOD))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("site = ", "not valid TOML"),
        ("site = 'Not A Pseudonym'", "site"),
        ("[mqtt]\nport = 'x'", "mqtt.port"),
        ("[page]\nhost = '0.0.0.0'", "beyond loopback"),
    ],
)
def test_a_bad_value_is_one_clear_sentence(
    write: Callable[[str], Path], text: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load(write(text))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("second", "twice"),
    [("alex", "wearer “alex”"), ("sam", "sensor address “AA:BB:CC:DD:EE:01”")],
)
def test_no_body_can_show_on_two_pages(
    write: Callable[[str], Path], second: str, twice: str
) -> None:
    first, _, _ = GOOD.partition("[mqtt]")
    text = (
        f'{first}[[wearers]]\nid = "{second}"\n[[wearers.sensors]]\n'
        'device = "nuanic"\naddress = "aa:bb:cc:dd:ee:01"\n'
    )
    with pytest.raises(ConfigError, match=f"{twice} is configured twice"):
        load(write(text))


def test_two_sensors_of_one_wearer_that_would_share_a_name_are_refused(
    write: Callable[[str], Path],
) -> None:
    def configured(second: str, device: str = "heart-rate", wearer: str = "alex") -> Path:
        sensors = [("alex", "heart-rate", "AA:BB:CC:DD:12:34"), (wearer, device, second)]
        return write(
            "".join(
                f'[[wearers]]\nid = "{each}"\nsensors = ['
                + ", ".join(
                    f'{{ device = "{device}", address = "{address}" }}'
                    for whose, device, address in sensors
                    if whose == each
                )
                + "]\n"
                for each in dict.fromkeys(whose for whose, _, _ in sensors)
            )
        )

    with pytest.raises(ConfigError, match=r"both be named “heart-rate-1234”.*another") as caught:
        load(configured("AA:BB:CC:EE:12:34"))
    assert "\n" not in str(caught.value)
    # Another device, another wearer or another ending is another name.
    load(configured("AA:BB:CC:EE:12:34", device="nuanic"))
    load(configured("AA:BB:CC:EE:12:34", wearer="sam"))
    load(configured("AA:BB:CC:EE:12:35"))


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load(tmp_path / "none.toml")
