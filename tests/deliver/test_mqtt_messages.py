"""Payloads and their published schemas."""

from __future__ import annotations

import json
from dataclasses import fields

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_mqtt import a_row, a_step, an_alert, hold_against_schema, published_schema, schema
from vagalwatch.deliver import mqtt_messages as messages
from vagalwatch.records import (
    BreakPhase,
    EpisodeKind,
    Estimate,
    Metrics,
    Reason,
    State,
)

NOW_NS = 1_767_268_800_123_456_789  # 2026-01-01 12:00:00.123 UTC
NS = 1_000_000_000
ALL = [*messages.OUTGOING, *messages.INCOMING]
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("name", ALL)
def test_the_published_schema_is_that_of_the_code(name: str) -> None:
    assert published_schema(name) == schema(name), "run: python tests/helpers_mqtt.py"
    jsonschema.Draft202012Validator.check_schema(published_schema(name))


def test_a_payload_of_another_shape_does_not_pass() -> None:
    said = json.loads(messages.alert_message(an_alert(NOW_NS), NOW_NS).payload())
    for wrong in (
        {**said, "name": "Anna"},
        {**said, "kind": "panic"},
        {**said, "issued_at": "yesterday"},
        {key: value for key, value in said.items() if key != "valid_until"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            hold_against_schema("x/alert", json.dumps(wrong).encode())


@given(
    state=st.sampled_from(list(State)),
    reason=st.text(max_size=20),
    numbers=st.lists(NUMBERS, min_size=len(fields(Metrics)), max_size=len(fields(Metrics))),
    arousal=NUMBERS,
)
def test_any_row_is_a_valid_message_and_reads_back_exactly(
    state: State, reason: str, numbers: list[float | None], arousal: float | None
) -> None:
    names = [field.name for field in fields(Metrics)]
    row = Estimate(
        wearer="anna",
        t_ns=NOW_NS,
        recv_ns=NOW_NS,
        state=state,
        reason=reason,
        arousal=arousal,
        metrics=Metrics(**dict(zip(names, numbers, strict=True))),
        reasons=(Reason(code="heart-rate", value=arousal),),
    )
    payload = messages.estimate_message(row).payload()
    hold_against_schema("x/estimate", payload)
    hold_against_schema("x/state", messages.state_message(row).payload())
    back = json.loads(payload)
    assert [back["metrics"][name] for name in names] == numbers
    assert back["arousal"] == arousal


@pytest.mark.parametrize("kind", EpisodeKind)
def test_an_alert_says_when_it_is_over_and_nothing_of_the_body_in_its_text(
    kind: EpisodeKind,
) -> None:
    alert = an_alert(NOW_NS, kind=kind)
    said = json.loads(messages.alert_message(alert, NOW_NS + 59 * NS).payload())
    assert said["issued_at"] == "2026-01-01T12:00:00.123000Z"
    assert said["valid_until"] == "2026-01-01T12:02:00.123000Z"
    assert said["repeat"] is False
    assert "heart" not in said["text"]
    later = json.loads(messages.alert_message(alert, NOW_NS + 60 * NS).payload())
    assert later == {**said, "repeat": True}


@pytest.mark.parametrize("phase", BreakPhase)
def test_every_phase_of_a_break_is_a_valid_message(phase: BreakPhase) -> None:
    payload = messages.break_message(a_step(NOW_NS, phase)).payload()
    hold_against_schema("x/break", payload)
    assert (json.loads(payload)["return_at"] is None) == (phase == BreakPhase.OFFERED)


def test_a_state_says_until_when_it_may_be_believed() -> None:
    said = json.loads(messages.state_message(a_row(NOW_NS, State.UNKNOWN)).payload())
    assert said["expires_at"] == "2026-01-01T12:00:15.123000Z"
    assert "snug" in said["text"]


def test_topics() -> None:
    assert messages.topic("home", "anna", "alert") == "vagalwatch/1/home/anna/alert"
    assert messages.topic("home", "", "availability") == "vagalwatch/1/home/availability"
