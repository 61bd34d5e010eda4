"""Commands and acks from outside: taken once, or refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.deliver.mqtt_inbox import LONGEST_BYTES, REMEMBERED, CommandReader, RefusedError
from vagalwatch.records import Answer, AnswerKind

NS = 1_000_000_000
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WALL_NS = round(NOON.timestamp()) * NS
NOW_NS = WALL_NS - 5 * NS
"""The run's clock, which the wall clock has left by 5 s."""


@pytest.fixture
def reader() -> CommandReader:
    return CommandReader("home", ("anna", "ben"), takes_presses=lambda wearer: wearer == "anna")


def command(**said: object) -> bytes:
    whole = {"id": "c1", "issued_at": NOON.isoformat(), "command": "yes", "about": "a1", **said}
    return json.dumps({key: value for key, value in whole.items() if value is not ...}).encode()


def read(
    reader: CommandReader, payload: bytes, topic: str = "anna/command", *, retained: bool = False
) -> Answer:
    return reader.read(
        f"vagalwatch/1/home/{topic}", payload, retained=retained, now_ns=NOW_NS, wall_ns=WALL_NS
    )


def refused(
    reader: CommandReader, payload: bytes, topic: str = "anna/command", *, retained: bool = False
) -> str:
    with pytest.raises(RefusedError) as caught:
        read(reader, payload, topic, retained=retained)
    return str(caught.value)


@pytest.mark.parametrize("kind", AnswerKind)
def test_every_answer_can_be_given(reader: CommandReader, kind: AnswerKind) -> None:
    assert read(reader, command(command=kind, minutes=30)) == Answer(
        wearer="anna",
        t_ns=NOW_NS,
        recv_ns=NOW_NS,
        answer=kind,
        about="a1",
        minutes=30,
        via="mqtt",
        id="c1",
    )


def test_an_ack_is_shown_and_not_a_persons_im_fine(reader: CommandReader) -> None:
    payload = json.dumps({"id": "anna-flooding-1", "issued_at": NOON.isoformat()}).encode()
    said = read(reader, payload, "ben/ack")
    assert (said.wearer, said.answer, said.about) == ("ben", AnswerKind.SHOWN, "anna-flooding-1")
    assert refused(reader, payload, "ben/ack") == "twice"


def test_an_id_counts_once_for_a_wearer(reader: CommandReader) -> None:
    read(reader, command())
    assert refused(reader, command(command="not-now")) == "twice"
    read(reader, command(), "ben/command")


def test_an_id_from_before_a_restart_counts_too(reader: CommandReader) -> None:
    reader.remember("anna", "c1")
    assert refused(reader, command()) == "twice"


def test_what_was_refused_may_come_again_mended(reader: CommandReader) -> None:
    assert refused(reader, command(command="explode")) == "payload"
    read(reader, command())


@pytest.mark.parametrize(
    ("seconds", "reason"), [(-121, "stale"), (-119, ""), (59, ""), (61, "future")]
)
def test_its_age_is_judged_by_the_wall_clock(
    reader: CommandReader, seconds: int, reason: str
) -> None:
    payload = command(issued_at=(NOON + timedelta(seconds=seconds)).isoformat())
    if reason:
        assert refused(reader, payload) == reason
    else:
        read(reader, payload)


def test_a_retained_message_is_the_past(reader: CommandReader) -> None:
    assert refused(reader, command(), retained=True) == "retained"


@pytest.mark.parametrize(
    "topic", ["carol/command", "anna/alert", "anna", "anna/command/x", "", "anna/ack/command"]
)
def test_a_topic_of_somebody_else_is_refused(reader: CommandReader, topic: str) -> None:
    assert refused(reader, command(), topic) == "topic"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"id": "c1"}',
        b"[" * 900,
        command(extra=1),
        command(id=""),
        command(id="a b"),
        command(id="x" * 97),
        command(id=...),
        command(issued_at="2026-01-01T12:00:00"),  # whose clock?
        command(issued_at=1767268800),
        command(minutes=0),
        command(minutes=1441),
        command(minutes="20"),
        command(minutes=True),
        command(about="../../etc"),
    ],
)
def test_what_is_not_a_command_is_refused(reader: CommandReader, payload: bytes) -> None:
    assert refused(reader, payload) == "payload"


def test_an_oversized_message_is_not_even_read(reader: CommandReader) -> None:
    assert refused(reader, command(about=" " * LONGEST_BYTES)) == "size"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_bytes_are_taken_or_refused(payload: bytes, topic: str) -> None:
    reader = CommandReader("home", ("anna",), takes_presses=lambda _: True)
    for where in (topic, "anna/command", "anna/ack", "anna/home-command"):
        with pytest.raises(RefusedError):
            read(reader, payload, where)


def test_what_is_remembered_is_bounded(reader: CommandReader) -> None:
    for i in range(REMEMBERED + 10):
        read(reader, command(id=f"c{i}"))
    assert refused(reader, command(id=f"c{REMEMBERED + 9}")) == "twice"
    assert len(reader._taken["anna"]) == REMEMBERED


def test_many_ids_of_one_wearer_make_nobody_elses_be_forgotten(reader: CommandReader) -> None:
    read(reader, command(), "ben/command")
    for i in range(REMEMBERED + 10):
        read(reader, command(id=f"c{i}"))
    assert refused(reader, command(), "ben/command") == "twice"


@pytest.mark.parametrize("name", ["command", "ack"])
def test_what_was_not_subscribed_to_is_not_heard_either(name: str) -> None:
    """A broker may send what it likes; where others read along, only the button counts."""
    reader = CommandReader("home", ("anna",), takes_presses=lambda _: True, hears=("home-command",))
    assert refused(reader, command(), f"anna/{name}") == "topic"


# --- from the home --------------------------------------------------------------------------------


def press(**said: object) -> bytes:
    return command(**{"command": "start-break", "about": ..., **said})


def test_a_press_starts_a_break_and_counts_once(reader: CommandReader) -> None:
    answer = read(reader, press(), "anna/home-command")
    assert (answer.answer, answer.about, answer.minutes) == (AnswerKind.START_BREAK, "", None)
    assert (answer.via, answer.id) == ("home", "home:c1")
    assert refused(reader, press(), "anna/home-command") == "twice"
    assert read(reader, command()).id == "c1", "ids of the home are its own"


@pytest.mark.parametrize("kind", sorted(set(AnswerKind) - {AnswerKind.START_BREAK}))
def test_nothing_else_can_be_said_from_the_home(reader: CommandReader, kind: AnswerKind) -> None:
    assert refused(reader, press(command=kind), "anna/home-command") == "payload"
    assert refused(reader, press(about="a1"), "anna/home-command") == "payload"
    assert refused(reader, press(minutes=600), "anna/home-command") == "payload"


def test_a_press_counts_only_by_consent_and_while_fresh(reader: CommandReader) -> None:
    assert refused(reader, press(), "ben/home-command") == "consent"
    old = (NOON - timedelta(seconds=121)).isoformat()
    assert refused(reader, press(issued_at=old), "anna/home-command") == "stale"
    assert refused(reader, press(), "anna/home-command", retained=True) == "retained"
