"""What everybody in the home can see: only what was agreed to, and nothing by its coming."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_homeassistant import rendered
from helpers_mqtt import NS, a_row, a_step, an_alert, hold_against_schema
from vagalwatch.alerts import consents, words
from vagalwatch.alerts.table import RUNNING
from vagalwatch.deliver.homeassistant import Home, discovery_topic
from vagalwatch.deliver.mqtt_inbox import CommandReader
from vagalwatch.records import AnswerKind, BreakPhase, BreakStep, Setting, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.deliver.mqtt_outbox import Outgoing
    from vagalwatch.records import Record

NOW_NS = 1_767_268_800 * NS  # 2026-01-01 12:00:00 UTC
ANNA = discovery_topic("home", "anna")
EVERYTHING = ("break", "button", "state")
QUIET = {"on_break": False, "return_at": None}


def a_setting(key: str, value: str, wearer: str = "anna") -> Setting:
    return Setting(wearer=wearer, t_ns=NOW_NS, recv_ns=NOW_NS, key=key, value=value)


def agrees(*to: str, wearer: str = "anna") -> Setting:
    return a_setting(consents.HOME_ASSISTANT, json.dumps({"to": to, "text": 1}), wearer)


def pauses(value: str = "true") -> Setting:
    return a_setting("paused", value)


def sent(*records: Record, home: Home | None = None) -> list[Outgoing]:
    """Everything that went out, when it is asked after each record."""
    home = home or Home("home", ("anna", "ben"))
    said: list[Outgoing] = []
    for record in records:
        home.take(record)
        said += home.due(NOW_NS)
    for message in said:
        hold_against_schema(message.topic, message.payload)
    return said


def shown(messages: Iterable[Outgoing], name: str) -> list[Any]:
    return [json.loads(m.payload or b"null") for m in messages if m.topic.endswith(f"/{name}")]


def entities(messages: Iterable[Outgoing]) -> dict[str, dict[str, Any]]:
    """As the newest announcement has them."""
    payload = [m.payload for m in messages if m.topic == ANNA][-1]
    found: dict[str, dict[str, Any]] = json.loads(payload)["components"] if payload else {}
    return found


def test_nothing_at_all_without_a_word_about_it() -> None:
    assert sent(a_row(NOW_NS), an_alert(NOW_NS), a_step(NOW_NS, BreakPhase.ON)) == []
    assert sent(agrees("break", wearer="eve")) == []


@pytest.mark.parametrize(
    ("to", "there"),
    [
        (("break",), {"on-break", "back-at"}),
        (("button",), {"need"}),
        (("state",), {"state"}),
        (EVERYTHING, {"on-break", "back-at", "need", "state"}),
    ],
)
def test_only_what_was_agreed_to_is_announced(to: tuple[str, ...], there: set[str]) -> None:
    messages = sent(agrees(*to), a_row(NOW_NS), a_step(NOW_NS, BreakPhase.ON))
    assert set(entities(messages)) == there
    assert bool(shown(messages, "home-state")) == ("state" in to)
    breaks = [said for said in shown(messages, "home") if said is not None]
    assert bool(breaks) == ("break" in to)
    assert {m.topic for m in messages if m.retain} == {ANNA, "vagalwatch/1/home/anna/home"}


def test_the_announcement_is_one_that_home_assistant_takes() -> None:
    first, last, *_ = [m for m in sent(agrees("break")) if m.topic == ANNA]
    gone = json.loads(first.payload)["components"]
    assert gone["need"] == {"platform": "button"}, "no more than the platform: it is removed"
    assert gone["state"] == {"platform": "sensor"}
    device = json.loads(last.payload)
    assert device["device"] == {"identifiers": ["vagalwatch_home_anna"], "name": "Pause anna"}
    assert device["origin"]["name"]
    assert [each["topic"] for each in device["availability"]] == ["vagalwatch/1/home/availability"]
    for key, entity in device["components"].items():
        assert entity["unique_id"] == f"vagalwatch_home_anna_{key}"
        assert entity["name"] == words.sentence(f"home.{key}")
    assert all(message.retain and message.qos == 1 for message in (first, last)), (
        "retained: Home Assistant may start later"
    )


def test_two_people_are_never_one_device() -> None:
    assert discovery_topic("a-b", "c") != discovery_topic("a", "b-c")


def test_a_press_as_home_assistant_fills_it_in_starts_a_break() -> None:
    home = Home("home", ("anna", "ben"))
    need = entities(sent(agrees("button"), home=home))["need"]
    now = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    reader = CommandReader("home", ("anna", "ben"), takes_presses=home.takes_presses)
    answer = reader.read(
        need["command_topic"],
        rendered(need["command_template"], now).encode(),
        retained=need["retain"],
        now_ns=NOW_NS,
        wall_ns=NOW_NS,
    )
    assert (answer.wearer, answer.answer) == ("anna", AnswerKind.START_BREAK)
    assert not home.takes_presses("ben")
    home.take(agrees("break"))
    assert not home.takes_presses("anna")


def test_a_break_shows_as_on_until_when_and_off() -> None:
    on = a_step(NOW_NS, BreakPhase.ON)
    later = BreakStep(
        wearer="anna",
        t_ns=NOW_NS,
        recv_ns=NOW_NS,
        id=on.id,
        phase=BreakPhase.ON,
        began_ns=on.began_ns,
        until_ns=on.until_ns + 600 * NS,
        origin="self",
        reason="extended",
    )
    messages = sent(agrees("break"), on, later, a_step(NOW_NS, BreakPhase.RETURNED))
    assert shown(messages, "home") == [
        QUIET,
        {"on_break": True, "return_at": "2026-01-01T12:20:00Z"},
        {"on_break": True, "return_at": "2026-01-01T12:30:00Z"},
        QUIET,
    ]


def test_a_state_that_has_run_out_is_not_shown_and_paused_is_not_known() -> None:
    home = Home("home", ("anna",))
    old = a_row(NOW_NS - 31 * NS, State.FLOODING)
    messages = sent(agrees("state"), old, a_row(NOW_NS, State.RISING), home=home)
    assert [said["state"] for said in shown(messages, "home-state")] == ["rising"]
    paused = sent(pauses(), a_row(NOW_NS, State.RISING), home=home)
    assert [said["state"] for said in shown(paused, "home-state")] == ["unknown"]
    unworn = sent(pauses("false"), a_row(NOW_NS, State.UNKNOWN), home=home)
    assert [m.payload for m in unworn] == [m.payload for m in paused], "paused is as not worn"


def test_a_consent_taken_back_clears_everything_now_and_on_each_connection() -> None:
    home = Home("home", ("anna",))
    given_ = sent(agrees(*EVERYTHING), a_step(NOW_NS, BreakPhase.ON), home=home)
    retained = {message.topic for message in given_ if message.retain}
    for messages in (sent(agrees(), home=home), _again(home)):
        assert {message.topic for message in messages} == retained
        assert all(m.payload == b"" and m.retain for m in messages)
    assert sent(a_step(NOW_NS, BreakPhase.ON), a_row(NOW_NS), home=home) == []
    # After a restart the journal tells of both.
    assert {m.topic for m in sent(agrees("break"), agrees()) if not m.payload} == retained


def test_a_part_taken_back_goes_from_the_device_and_from_the_broker() -> None:
    home = Home("home", ("anna",))
    sent(agrees("break", "state"), a_step(NOW_NS, BreakPhase.ON), home=home)
    messages = sent(agrees("state"), home=home)
    assert set(entities(messages)) == {"state"}
    assert shown(messages, "home") == [None]


def test_a_new_connection_hears_what_stands() -> None:
    home = Home("home", ("anna",))
    sent(agrees("break"), a_step(NOW_NS, BreakPhase.ON), home=home)
    messages = _again(home)
    assert set(entities(messages)) == {"on-break", "back-at"}
    assert shown(messages, "home") == [{"on_break": True, "return_at": "2026-01-01T12:20:00Z"}]


def test_of_who_is_erased_nothing_more_is_said() -> None:
    home = Home("home", ("anna",))
    sent(agrees("break"), home=home)
    home.forget("anna")
    assert sent(a_step(NOW_NS, BreakPhase.ON), agrees("break"), home=home) == []
    assert _again(home) == []
    assert not home.takes_presses("anna")


def _again(home: Home) -> list[Outgoing]:
    home.connected()
    return home.due(NOW_NS)


# --- what must not be told apart ------------------------------------------------------------------

UNACCEPTED = sorted(set(BreakPhase) - RUNNING)
"""What becomes of a prompt that nobody took up; also the ends of a break."""

OFFERS = st.lists(st.sampled_from(UNACCEPTED), min_size=1, max_size=4).map(
    lambda phases: [a_step(NOW_NS, phase, alert_id="a") for phase in phases]
)
UNSEEN = st.one_of(
    OFFERS,
    st.sampled_from([[pauses(), pauses("false")], [pauses("false")]]),
    st.builds(lambda state: [a_row(NOW_NS, state)], st.sampled_from(list(State))),
    st.builds(lambda: [an_alert(NOW_NS)]),
    st.sampled_from(
        [
            ("mute-until", str(NOW_NS + 3600 * NS)),
            ("quiet-hours", '{"from": "11:00", "to": "13:00", "zone": "UTC"}'),
            (consents.MQTT, '{"to": ["state"], "text": 1}'),
            (consents.MEASURE, '{"to": [], "text": 1}'),
        ]
    ).map(lambda said: [a_setting(*said)]),
)
ENDS = st.sampled_from(sorted(set(UNACCEPTED) - {BreakPhase.OFFERED, BreakPhase.STEADYING}))
ADVICE = st.lists(st.sampled_from([BreakPhase.SETTLED, BreakPhase.NOT_SETTLED]), max_size=3)


@given(
    hours=st.lists(st.tuples(st.lists(UNSEEN, max_size=3), st.booleans(), ADVICE, ENDS), max_size=5)
)
def test_what_nobody_took_up_is_told_neither_by_a_message_nor_by_its_bytes(
    hours: list[tuple[list[list[Record]], bool, list[BreakPhase], BreakPhase]],
) -> None:
    """Evenings with the same breaks look the same, whatever else came in them."""
    full: list[Record] = [agrees("break", "button")]
    bare: list[Record] = [agrees("break", "button")]
    for unseen, takes_a_break, advice, end in hours:
        full += [record for records in unseen for record in records]
        if takes_a_break:
            full.append(a_step(NOW_NS, BreakPhase.ON))
            full += [a_step(NOW_NS, phase) for phase in advice]
            full.append(a_step(NOW_NS, end))
            bare += [a_step(NOW_NS, BreakPhase.ON), a_step(NOW_NS, BreakPhase.RETURNED)]
    # Two breaks never share an id.
    messages = sent(*_told_apart(full))
    assert messages == sent(*_told_apart(bare))
    for one, other in pairwise(shown(messages, "home")):
        assert one != other


def _told_apart(records: list[Record]) -> list[Record]:
    """Each offer and each break under an id of its own."""
    count = 0
    named: list[Record] = []
    for record in records:
        if isinstance(record, BreakStep):
            count += record.phase == BreakPhase.ON or record.alert_id != ""
            named.append(replace(record, id=f"anna-break-{count}"))
        else:
            named.append(record)
    return named


@given(phases=st.lists(st.sampled_from(sorted(BreakPhase)), max_size=6), on_first=st.booleans())
def test_while_everything_is_paused_it_looks_quiet_and_stays_so_for_that_break(
    phases: list[BreakPhase], *, on_first: bool
) -> None:
    before: list[Record] = [a_step(NOW_NS, BreakPhase.ON)] if on_first else []
    home = Home("home", ("anna",))
    sent(agrees("break"), *before, home=home)
    messages = sent(
        pauses(),
        *(a_step(NOW_NS, phase) for phase in phases),
        pauses("false"),
        a_step(NOW_NS, BreakPhase.NOT_SETTLED) if on_first or phases else a_row(NOW_NS),
        home=home,
    )
    assert shown(messages, "home") == ([QUIET] if on_first else [])


def test_while_everything_is_paused_the_home_cannot_begin_a_break() -> None:
    home = Home("home", ("anna",))
    sent(agrees("button"), pauses(), home=home)
    assert not home.takes_presses("anna")
    home.take(pauses("false"))
    assert home.takes_presses("anna")


def test_who_only_ever_said_no_is_not_announced() -> None:
    home = Home("home", ("anna",))
    assert sent(agrees(), home=home) == []
    home.connected()
    assert home.due(NOW_NS) == []
