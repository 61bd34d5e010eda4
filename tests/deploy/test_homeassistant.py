"""The shipped Home Assistant files: they parse, and what they send is taken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from helpers_homeassistant import rendered
from helpers_mqtt import FORMATS, NS, published_schema
from vagalwatch.deliver.mqtt_inbox import CommandReader
from vagalwatch.records import Answer, AnswerKind

FOLDER = Path(__file__).parents[2] / "deploy" / "homeassistant"
NOW = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NOW_NS = round(NOW.timestamp() * NS)


class Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML publishes no types
    """With Home Assistant's own tag."""


class Input(str):
    """A blueprint's ``!input``."""

    __slots__ = ()


Loader.add_constructor("!input", lambda loader, node: Input(loader.construct_scalar(node)))


def load(name: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader


def read(topic: str, payload: str) -> Answer:
    reader = CommandReader("home", ("ada",), takes_presses=lambda _: True)
    return reader.read(topic, payload.encode(), retained=False, now_ns=NOW_NS, wall_ns=NOW_NS)


PUBLISHED = [
    action["data"]
    for automation in load("automations.yaml")
    for action in automation["actions"]
    if action["action"] == "mqtt.publish"
]


@pytest.mark.parametrize("data", PUBLISHED, ids=lambda data: str(data["topic"]))
def test_what_an_automation_publishes_starts_a_break(data: dict[str, Any]) -> None:
    payload = rendered(data["payload"], NOW)
    jsonschema.validate(
        json.loads(payload),
        published_schema(data["topic"].rsplit("/", 1)[1]),
        cls=jsonschema.Draft202012Validator,
        format_checker=FORMATS,
    )
    answer = read(data["topic"], payload)
    assert (answer.wearer, answer.answer) == ("ada", AnswerKind.START_BREAK)
    assert not data.get("retain")


def test_both_ways_of_a_message_are_shown() -> None:
    assert [data["topic"].rsplit("/", 1)[1] for data in PUBLISHED] == ["home-command", "command"]


def test_the_blueprint_presses_what_it_is_given() -> None:
    blueprint = load("break-button.yaml")
    assert blueprint["blueprint"]["domain"] == "automation"
    used = {blueprint["triggers"], blueprint["actions"][0]["target"]["entity_id"]}
    assert all(isinstance(each, Input) for each in used)
    assert used == set(blueprint["blueprint"]["input"])
    assert [action["action"] for action in blueprint["actions"]] == ["button.press"]


def test_every_automation_has_an_id_of_its_own() -> None:
    ids = [automation["id"] for automation in load("automations.yaml")]
    assert len(set(ids)) == len(ids)
    assert all(automation["triggers"] for automation in load("automations.yaml"))
