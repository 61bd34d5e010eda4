"""What is due to be sent, and in which order, without any broker."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_couple import attested, shares
from helpers_mqtt import NS, a_consent, a_row, a_step, agrees_at_home, an_alert
from vagalwatch.deliver.homeassistant import Home
from vagalwatch.deliver.mqtt_outbox import RESEND_NS, Outbox, Outgoing
from vagalwatch.journal.port import Entry
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    EpisodeKind,
    Reason,
    Setting,
    State,
    Tick,
    Together,
)
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from vagalwatch.records import Record

NOW_NS = 1_767_268_800 * NS


class Filled:
    """An outbox that takes records as they would be committed."""

    def __init__(self, *records: Record) -> None:
        self.box = Outbox("home", ("anna", "ben"))
        self.place = 0
        self.take(*records)

    def take(self, *records: Record) -> None:
        for record in records:
            self.place += 1
            self.box.take(Entry(self.place, record))

    def due(self, after_s: float = 0) -> list[str]:
        """Topics, without what is common to them."""
        return [short(message) for message in self.box.due(NOW_NS + round(after_s * NS))]


def short(message: Outgoing) -> str:
    return message.topic.removeprefix("vagalwatch/1/home/")


def answer(kind: AnswerKind, about: str) -> Answer:
    return Answer(wearer="anna", t_ns=NOW_NS, recv_ns=NOW_NS, answer=kind, about=about)


def test_alerts_go_before_everything_and_safety_before_all() -> None:
    filled = Filled(
        a_consent(NOW_NS, "state"),
        a_row(NOW_NS),
        an_alert(NOW_NS),
        an_alert(NOW_NS, wearer="ben", kind=EpisodeKind.SAFETY),
    )
    assert filled.due() == ["ben/alert", "anna/alert", "anna/state"]


def test_an_alert_goes_again_until_its_time_is_over_and_not_after() -> None:
    filled = Filled(an_alert(NOW_NS))
    sent = [second for second in range(300) if filled.due(second)]
    assert sent[0] == 0
    assert 60 in sent, "the gentle repeat is on time"
    assert sent[-1] < 120
    assert all(b - a <= RESEND_NS // NS for a, b in pairwise(sent))


def test_a_late_alert_is_history() -> None:
    assert Filled(an_alert(NOW_NS)).due(120) == []
    assert Filled(an_alert(NOW_NS)).due(119.9) == ["anna/alert"]


@pytest.mark.parametrize("about", ["alert", "break"])
@pytest.mark.parametrize("kind", AnswerKind)
def test_any_answer_about_it_ends_the_sending(kind: AnswerKind, about: str) -> None:
    alert = an_alert(NOW_NS)
    step = a_step(NOW_NS, BreakPhase.OFFERED, alert_id=alert.id)
    filled = Filled(alert, step)
    filled.due()
    filled.take(answer(kind, {"alert": alert.id, "break": step.id}[about]))
    assert filled.due(30) == []


def test_an_answer_about_something_else_does_not() -> None:
    filled = Filled(an_alert(NOW_NS))
    filled.due()
    filled.take(answer(AnswerKind.START_BREAK, ""), answer(AnswerKind.YES, "other"))
    assert filled.due(30) == ["anna/alert"]


@pytest.mark.parametrize("phase", sorted(set(BreakPhase) - {BreakPhase.OFFERED}))
def test_a_break_that_is_no_longer_offered_ends_its_alert(phase: BreakPhase) -> None:
    alert = an_alert(NOW_NS)
    filled = Filled(alert, a_step(NOW_NS, phase, alert_id=alert.id))
    assert filled.due() == ["anna/break"]


def test_only_the_latest_of_state_row_and_break_goes() -> None:
    filled = Filled(
        a_consent(NOW_NS, "state", "estimate"),
        *(a_row(NOW_NS + i, State.RISING) for i in range(100)),
        a_row(NOW_NS + 200, State.FLOODING),
        a_step(NOW_NS, BreakPhase.ON),
        a_step(NOW_NS, BreakPhase.RETURNED),
    )
    said = {short(message): json.loads(message.payload) for message in filled.box.due(NOW_NS)}
    assert said["anna/state"]["state"] == said["anna/estimate"]["state"] == "flooding"
    assert said["anna/break"]["phase"] == "returned"
    assert filled.due() == []


def test_a_row_that_has_run_out_is_not_sent_as_the_present() -> None:
    filled = Filled(a_consent(NOW_NS, "state", "estimate"), a_row(NOW_NS))
    assert filled.due(30) == []


@given(st.integers(0, 60))
def test_a_row_holds_as_long_over_mqtt_and_in_the_home_as_on_the_page(after_s: int) -> None:
    then_ns = NOW_NS + after_s * NS
    view = View("anna")
    for record in (a_row(NOW_NS), Tick(t_ns=then_ns, recv_ns=then_ns)):
        view.push(record)
    on_page: Any = view.as_json()
    assert (on_page["measure"]["kind"] == "measuring") == (after_s < 15)
    filled = Filled(a_consent(NOW_NS, "state", "estimate"), a_row(NOW_NS))
    sent = {"anna/state", "anna/estimate"} & set(filled.due(after_s))
    home = Home("home", ("anna",))
    home.take(agrees_at_home(NOW_NS, "state"))
    home.take(a_row(NOW_NS))
    shown = {short(message) for message in home.due(then_ns)} & {"anna/home-state"}
    assert len(sent | shown) == (3 if after_s < 15 else 0)


def test_without_a_usable_sensor_the_state_says_so() -> None:
    filled = Filled(a_consent(NOW_NS, "state"), a_row(NOW_NS))
    filled.due()
    filled.take(a_row(NOW_NS, State.UNKNOWN))
    said = {short(message): message.payload for message in filled.box.due(NOW_NS)}
    assert b'"unknown"' in said["anna/state"]


@pytest.mark.parametrize("value", ["", "{", "null", "true", '"state"', '["stat"]', "[[]]"])
def test_a_consent_that_cannot_be_read_is_none(value: str) -> None:
    setting = Setting(wearer="anna", t_ns=NOW_NS, recv_ns=NOW_NS, key="consent-mqtt", value=value)
    filled = Filled(a_consent(NOW_NS, "state", "estimate"), setting, a_row(NOW_NS))
    assert [message.payload for message in filled.box.due(NOW_NS)] == [b""]


def test_nobody_consents_for_somebody_else() -> None:
    filled = Filled(a_consent(NOW_NS, "state", wearer="ben"), a_row(NOW_NS))
    assert "anna/state" not in filled.due()


def test_a_new_connection_gets_all_that_is_valid_again() -> None:
    records = (
        a_consent(NOW_NS, "state", "estimate"),
        a_consent(NOW_NS, "state", wearer="ben"),
        a_consent(NOW_NS, wearer="ben"),
        a_row(NOW_NS),
        an_alert(NOW_NS),
        a_step(NOW_NS, BreakPhase.ON),
    )
    filled = Filled(*records)
    first = filled.due()
    filled.box.connected()
    assert sorted(filled.due()) == sorted(first)
    assert "ben/state" in first, "what was retained is cleared"


def test_who_only_ever_said_no_is_not_announced() -> None:
    filled = Filled(a_consent(NOW_NS))
    assert filled.due() == []
    filled.box.connected()
    assert filled.due() == []


@pytest.mark.parametrize("to", [(), ("state",)])
def test_where_others_read_along_what_is_left_from_before_is_cleared(to: tuple[str, ...]) -> None:
    box = Outbox("home", ("anna", "ben"), tells=False)
    given = (a_consent(NOW_NS, "state", "estimate"), a_consent(NOW_NS, *to))
    for record in (*given, a_row(NOW_NS), an_alert(NOW_NS), a_step(NOW_NS, BreakPhase.ON)):
        box.take(Entry(1, record))
    for _ in range(2):
        said = box.due(NOW_NS)
        assert {short(message) for message in said} == {"anna/state"}
        assert all(message.payload == b"" and message.retain for message in said)
        box.connected()
    assert [short(message) for message in box.goodbye()] == ["availability"]


def test_the_numbers_behind_an_alert_go_only_by_consent() -> None:
    reasons = (Reason(code="hr-high", value=118.0, usual=66.0, z=4.1),)
    alert = replace(an_alert(NOW_NS), reasons=reasons)
    for to in ((), ("state",)):
        (payload, *_) = [m.payload for m in Filled(a_consent(NOW_NS, *to), alert).box.due(NOW_NS)]
        assert b"hr-high" in payload
        assert not any(number in payload for number in (b"118", b"66.0", b"4.1"))
    agreed = Filled(a_consent(NOW_NS, "estimate"), alert).box.due(NOW_NS)
    assert b"118" in agreed[0].payload


def test_nobody_stops_the_alert_of_another() -> None:
    alert = an_alert(NOW_NS, kind=EpisodeKind.SAFETY)
    filled = Filled(alert)
    filled.due()
    for kind in AnswerKind:
        filled.take(replace(answer(kind, alert.id), wearer="ben"))
    assert filled.due(30) == ["anna/alert"]


def test_nothing_of_an_erased_wearer_is_said_again() -> None:
    filled = Filled(a_consent(NOW_NS, "state"), a_row(NOW_NS), an_alert(NOW_NS))
    filled.box.forget("anna")
    for record in (a_consent(NOW_NS, "state"), a_row(NOW_NS + NS), an_alert(NOW_NS + NS)):
        filled.take(record)  # committed before, and read only now
    filled.box.connected()
    assert filled.box.due(NOW_NS + 30 * NS) == []
    assert [short(message) for message in filled.box.goodbye()] == ["availability"]


def pausing(value: str) -> Setting:
    return Setting(wearer="anna", t_ns=NOW_NS, recv_ns=NOW_NS, key="paused", value=value)


def test_while_paused_only_a_rapid_fall_goes_out() -> None:
    filled = Filled(a_consent(NOW_NS, "state", "estimate"), a_row(NOW_NS))
    filled.take(a_step(NOW_NS, BreakPhase.ON))
    filled.due()
    filled.take(pausing("true"))
    cleared = [(short(each), each.payload) for each in filled.box.due(NOW_NS)]
    assert sorted(cleared) == [("anna/state", b"")]
    filled.take(a_row(NOW_NS + NS), a_step(NOW_NS + NS, BreakPhase.RETURNED))
    assert filled.due(1) == []
    filled.box.connected()
    assert all(not each.payload for each in filled.box.due(NOW_NS + NS))
    filled.take(an_alert(NOW_NS + NS, kind=EpisodeKind.SAFETY))
    assert filled.due(1) == ["anna/alert"]


def test_going_on_tells_nothing_of_the_time_between() -> None:
    filled = Filled(a_consent(NOW_NS, "state"), pausing("true"), a_step(NOW_NS, BreakPhase.ON))
    filled.take(a_row(NOW_NS), pausing("false"))
    filled.box.connected()
    assert filled.due() == ["anna/state"]
    filled.take(a_step(NOW_NS, BreakPhase.RETURNED))
    assert filled.due() == [], "nor how that break ended"


RECORDS = st.lists(
    st.one_of(
        st.builds(a_row, st.just(NOW_NS), st.sampled_from(list(State))),
        st.builds(an_alert, st.integers(NOW_NS - 100 * NS, NOW_NS)),
        st.builds(a_step, st.just(NOW_NS), st.sampled_from(list(BreakPhase))),
        st.builds(answer, st.sampled_from(list(AnswerKind)), st.sampled_from(["", "x"])),
    ),
    max_size=40,
)


@given(RECORDS)
def test_what_goes_out_without_consent_says_nothing_of_the_body(records: list[Record]) -> None:
    filled = Filled(*records)
    topics = filled.due()
    filled.box.connected()
    assert {topic.split("/")[1] for topic in topics + filled.due()} <= {"alert", "break"}


@given(RECORDS, st.data())
def test_a_restart_sends_the_same(records: list[Record], data: st.DataObject) -> None:
    """What is to be sent is a function of what is committed, not of when it was read."""
    straight, resumed = Filled(*records), Filled()
    cut = data.draw(st.integers(0, len(records)))
    resumed.take(*records[:cut])
    resumed.due()
    resumed.take(*records[cut:])
    for box in (straight, resumed):
        box.due()
        box.box.connected()
    assert sorted(straight.due()) == sorted(resumed.due())
    valid = {r.id for r in records if isinstance(r, Alert) and r.valid_until_ns > NOW_NS}
    straight.box.connected()
    assert len([t for t in straight.due() if t == "anna/alert"]) == len(valid)


def test_a_link_and_what_partners_tell_each_other_puts_nothing_on_mqtt() -> None:
    def sent(*couple: Record) -> list[Outgoing]:
        filled = Filled(a_step(NOW_NS, BreakPhase.ON), *couple)
        return filled.box.due(NOW_NS)

    until_ns = NOW_NS + 3600 * NS
    of_two: tuple[Record, ...] = (
        *attested("anna", "ben", NOW_NS),
        shares("anna", NOW_NS),
        shares("ben", NOW_NS),
        Together(wearer="ben", t_ns=NOW_NS, recv_ns=NOW_NS, until_ns=until_ns),
        Answer(wearer="ben", t_ns=NOW_NS, recv_ns=NOW_NS, answer=AnswerKind.HEARD),
    )
    assert sent(*of_two) == sent()
    assert [short(message) for message in sent()] == ["anna/break"]
