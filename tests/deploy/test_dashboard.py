"""Rules of the committed dashboard; its queries run in tests/real/test_dashboard.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with amqtt, without types

from helpers_dashboard import DEPLOY, live_session, panel
from vagalwatch.hrv.codes import CALIBRATING, EXPIRED, LOST_IN_SHUTDOWN, STATE_GATES
from vagalwatch.records import State

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILDER = DEPLOY / "grafana" / "build_dashboards.py"


def queries() -> list[dict[str, Any]]:
    board = live_session()
    found = [target for one in board["panels"] for target in one.get("targets", [])]
    return found + [one["target"] for one in board["annotations"]["list"]]


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)


def mappings() -> dict[str, dict[str, Any]]:
    (mapping,) = panel("What the measurements suggest")["fieldConfig"]["defaults"]["mappings"]
    options: dict[str, dict[str, Any]] = mapping["options"]
    return options


def test_the_committed_dashboard_is_what_the_code_builds() -> None:
    checked = subprocess.run(
        [sys.executable, str(BUILDER), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_it_can_be_provisioned_again_and_again() -> None:
    board = live_session()
    assert board["uid"] == "vagalwatch-live-session"
    assert "id" not in board
    assert "version" not in board
    assert board["schemaVersion"] >= 36  # data sources by uid
    ids = [one["id"] for one in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_query_goes_to_the_provisioned_data_source() -> None:
    file = DEPLOY / "grafana" / "provisioning" / "datasources" / "influxdb.yaml"
    (source,) = yaml.safe_load(file.read_text())["datasources"]
    expected = {"type": source["type"], "uid": source["uid"]}
    board = live_session()
    found = [target["datasource"] for target in queries()]
    found += [one["datasource"] for one in board["panels"] if one["type"] != "text"]
    found += [one["datasource"] for one in board["annotations"]["list"]]
    found += [one["datasource"] for one in board["templating"]["list"]]
    assert all(reference == expected for reference in found)
    assert len(found) > 10


def test_every_query_shows_one_person_in_the_chosen_time() -> None:
    for target in queries():
        assert "\"wearer\" = '$wearer'" in target["query"]
        assert "$timeFilter" in target["query"]
        assert target["rawQuery"] is True
    (variable,) = live_session()["templating"]["list"]
    assert variable["name"] == "wearer"
    assert variable["multi"] is False
    assert variable["includeAll"] is False
    assert variable["allowCustomValue"] is False


def test_a_gap_is_drawn_as_a_gap() -> None:
    for one in live_session()["panels"]:
        custom = one.get("fieldConfig", {}).get("defaults", {}).get("custom", {})
        if one["type"] == "timeseries":
            assert custom["spanNulls"] is False
            assert one["interval"] == "5s"
            assert all("fill(null)" in target["query"] for target in one["targets"])
        if one["type"] == "state-timeline":
            assert custom["spanNulls"] is False
            assert custom["insertNulls"] == 15_000


@pytest.mark.parametrize("state", State)
def test_every_state_has_words_and_a_colour(state: State) -> None:
    shown = mappings()[state.value]
    assert shown["text"]
    if state in {State.FLOODING, State.SHUTDOWN}:
        assert shown["text"].startswith("Possible")


def test_what_is_not_known_is_grey_and_has_a_reason_in_words() -> None:
    shown = mappings()
    codes: set[str] = {*STATE_GATES, *LOST_IN_SHUTDOWN, CALIBRATING, EXPIRED}
    for code in codes:
        assert shown.pop(code)["color"] == shown["unknown"]["color"]
    assert set(shown) == set(State)  # and no words for a code that nobody says
    for state in set(State) - {State.UNKNOWN}:
        assert shown[state.value]["color"] != shown["unknown"]["color"]


def test_nothing_is_red() -> None:
    red = re.compile(r"(?:.*-)?red|#[c-f][0-9a-f][0-3][0-9a-f][0-3][0-9a-f]", re.IGNORECASE)
    assert not [text for text in strings(live_session()) if red.fullmatch(text)]


def test_every_panel_says_what_it_is_and_its_limits() -> None:
    for one in live_session()["panels"]:
        said = one.get("description") or one["options"]["content"]
        assert len(said) > 80, one["title"]
        if one["type"] == "timeseries":
            assert one["fieldConfig"]["defaults"]["unit"].startswith("suffix:")


def test_no_word_claims_more_than_the_evidence() -> None:
    board = json.dumps(live_session(), ensure_ascii=False).lower()
    for word in ("dissociat", "polyvagal", "vagal tone", "dorsal", "diagnosed", "you are safe"):
        assert word not in board
    assert "is calm" not in board
    assert "never means calm" in board
