"""Settings as people enter them: what is taken reaches the engine, what is not is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers_couple import link as side_of_link
from helpers_couple import named
from vagalwatch.alerts import consents
from vagalwatch.alerts.agreement import Agreement
from vagalwatch.alerts.couple import Link
from vagalwatch.alerts.preferences import BOUNDS, Preferences
from vagalwatch.engine import Engine
from vagalwatch.records import Marker, Setting
from vagalwatch.wishes import KEYS, consent, in_force, wish

if TYPE_CHECKING:
    from vagalwatch.records import Record

AT = "2026-11-23T17:00:00+00:00"
NOW_NS = 1_700_000_000_000_000_000
GOOD = {
    "break-minutes": "30",
    "prompts-per-day": "2",
    "refractory-minutes": "45",
    "prompt-valid-s": "60",
    "later-minutes": "15",
    "quiet-hours": '{"from": "22:00", "to": "07:00", "zone": "Europe/Helsinki"}',
    "mute-until": "2026-11-23T22:00",
    "safety-alerts": "false",
    "paused": "true",
    "steps-chosen": '["four-seven-eight"]',
    "steps-left-out": "[]",
    "own-step": "my stamps",
    "holds-ok": "true",
    "help-number": "911",
    "contact-name": "Kim",
    "contact-number": "+49 30 1234",
    "name-for-partner": "Sammy",
    "agreed-sign": "time out",
    "agreed-place": "the kitchen",
    "agreed-other-place": "the garden",
    "agreed-children": "grandmother",
    "agreed-check-in": "both",
    "agreed-how": "in-person",
    "agreed-if-not-ready": "new-time",
    "beta-blocker": "true",
    "baseline": "null",
}


def test_every_key_takes_what_it_says() -> None:
    assert GOOD.keys() == KEYS.keys()
    for key, text in GOOD.items():
        record = wish("alex", key, text, NOW_NS)
        assert (record.wearer, record.key, record.t_ns) == ("alex", key, NOW_NS)
        json.loads(record.value)
        Engine("alex").push(record)


def test_who_sits_at_the_machine_may_pause_everything_and_not_end_a_pause() -> None:
    """It would share anew, behind the back of who has paused."""
    assert wish("alex", "paused", "true", NOW_NS).value == "true"
    for text in ("false", "null", "0", '"true"'):
        with pytest.raises(ValueError, match="takes true: ask and share nothing"):
            wish("alex", "paused", text, NOW_NS)


def test_a_name_for_the_partner_is_in_force_for_the_link_that_stands_and_no_other() -> None:
    """As `couple.py` takes it: one set before a link, or for an earlier one, is shown to nobody."""
    name = named("alex", "Lex")
    other = side_of_link("alex", "kim", at="2027-01-01T00:00:00+00:00")
    for said in (
        [name],
        [name, side_of_link("alex", "sam")],
        [side_of_link("alex", "sam"), name, other],
        [side_of_link("alex", "sam"), name, side_of_link("alex", None)],
        [side_of_link("alex", "sam"), side_of_link("alex", None), name],
    ):
        assert in_force("alex", said) == {}
    assert in_force("alex", [side_of_link("alex", "sam"), name]) == {"name-for-partner": '"Lex"'}


def test_what_is_set_is_in_force() -> None:
    preferences = Preferences()
    for key, text in GOOD.items():
        preferences.take(key, wish("alex", key, text, NOW_NS).value)
    assert preferences.break_minutes == 30
    assert preferences.safety_alerts is False
    assert preferences.mute_until_ns / 1e9 == datetime(2026, 11, 23, 22, 0).timestamp()  # noqa: DTZ001 - local, as typed
    assert preferences.agreement == Agreement(
        sign="time out",
        place="the kitchen",
        other_place="the garden",
        children="grandmother",
        check_in="both",
        how="in-person",
        if_not_ready="new-time",
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *((key, str(bounds[0] - 1)) for key, bounds in BOUNDS.items()),
        *((key, str(bounds[1] + 1)) for key, bounds in BOUNDS.items()),
        ("break-minutes", "half an hour"),
        ("quiet-hours", "22:00"),
        ("mute-until", "soon"),
        ("safety-alerts", "no"),
        ("agreed-check-in", "grandmother"),
        ("agreed-place", "x" * 61),
        ("own-step", "x" * 3000),
        ("beta-blocker", "yes"),
        ("baseline", "[]"),
        ("help-number", "help"),
        ("contact-name", "x" * 41),
        ("name-for-partner", "x" * 31),
        ("name-for-partner", "7"),
        ("steps-chosen", "[" * 1500),
    ],
)
def test_what_would_have_no_effect_is_refused_with_what_the_key_takes(key: str, text: str) -> None:
    with pytest.raises(ValueError, match="takes") as refused:
        wish("alex", key, text, NOW_NS)
    assert KEYS[key] in str(refused.value)


def test_an_unknown_key_names_the_nearest_and_consent_is_not_for_others_to_give() -> None:
    with pytest.raises(ValueError, match="Did you mean “break-minutes”"):
        wish("alex", "break-minute", "30", NOW_NS)
    with pytest.raises(ValueError, match="on their own page alone"):
        wish("alex", "consent-mqtt", '["state"]', NOW_NS)


def test_a_wearer_agrees_on_their_own_page_to_what_they_have_read() -> None:
    said = {"purpose": "state", "on": True, "text": 1}
    record = consent("alex", "consent-mqtt", said, NOW_NS, standing="", link=None)
    assert (record.wearer, record.key, json.loads(record.value)) == (
        "alex",
        "consent-mqtt",
        {"to": ["state"], "text": 1},
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("mute-until", {"purpose": "state", "on": True, "text": 1}),
        ("mute-until", {"purpose": "state", "on": False, "text": 1}),
        ("consent-mqtt", ["state"]),
        ("consent-mqtt", {"to": ["state"], "text": 1}),
        ("consent-mqtt", {"purpose": "state", "on": True}),
        ("consent-mqtt", {"purpose": "state", "on": 1, "text": 1}),
        ("consent-mqtt", {"purpose": "body", "on": True, "text": 1}),
        ("consent-mqtt", {"purpose": "body", "on": False, "text": 1}),
        ("consent-mqtt", {"purpose": ["state"], "on": True, "text": 1}),
        ("consent-mqtt", {"purpose": "state", "on": True, "text": 2}),
        ("consent-mqtt", {"purpose": "state", "on": True, "text": 1, "partner": "sam"}),
        ("consent-partner", {"purpose": "breaks", "on": True, "text": 1}),
    ],
)
def test_nothing_else_is_a_consent(key: str, said: object) -> None:
    with pytest.raises(ValueError, match=r"expected|nothing of that name|not what is|link"):
        consent("alex", key, said, NOW_NS, standing="", link=None)


def test_what_was_asked_about_one_partner_is_not_given_to_another() -> None:
    """A screen that asked about sam is answered after the link went to bo."""
    said = {"purpose": "breaks", "on": True, "text": 1, "partner": "sam", "at": AT}
    for link in (None, Link("bo", "dr-b", AT, 1), Link("sam", "dr-b", "2026-11-24", 1)):
        with pytest.raises(ValueError, match="another link"):
            consent("alex", consents.PARTNER, said, NOW_NS, standing="", link=link)
        back = consent(
            "alex", consents.PARTNER, {**said, "on": False}, NOW_NS, standing="", link=link
        )
        assert json.loads(back.value)["to"] == [], "taking back is never refused"
    sams = consent(
        "alex", consents.PARTNER, said, NOW_NS, standing="", link=Link("sam", "dr-b", AT, 1)
    )
    assert json.loads(sams.value)["to"] == ["breaks"]


@given(st.lists(st.tuples(st.sampled_from(["break", "button", "state"]), st.booleans())))
def test_one_box_changes_one_purpose_of_what_stands_now(taps: list[tuple[str, bool]]) -> None:
    standing = ""
    stands: frozenset[str] = frozenset()
    for purpose, on in taps:
        said = {"purpose": purpose, "on": on, "text": 1}
        standing = consent(
            "alex", consents.HOME_ASSISTANT, said, NOW_NS, standing=standing, link=None
        ).value
        stands = stands | {purpose} if on else stands - {purpose}
        assert consents.given(consents.HOME_ASSISTANT, standing) == (stands, 1)


def test_what_stays_when_one_is_taken_back_was_agreed_to_as_it_was_read_then() -> None:
    said = {"purpose": "state", "on": False, "text": 0}
    standing = '["button", "state"]'
    kept = consent("alex", consents.HOME_ASSISTANT, said, NOW_NS, standing=standing, link=None)
    assert json.loads(kept.value) == {"to": ["button"], "text": 0}


@given(st.sampled_from(sorted(KEYS)), st.text() | st.integers().map(str) | st.just("NaN"))
def test_any_text_is_a_setting_or_one_sentence(key: str, text: str) -> None:
    record = None
    with suppress(ValueError):
        record = wish("alex", key, text, NOW_NS)
    if record is not None:
        Engine("alex").push(record)
        assert Setting(**asdict(record)) == record


def test_the_newest_value_stands_and_only_ones_own() -> None:
    said: list[Record] = [
        wish("alex", "break-minutes", "30", NOW_NS),
        wish("sam", "break-minutes", "60", NOW_NS),
        wish("alex", "break-minutes", "25", NOW_NS),
        wish("alex", "baseline", "null", NOW_NS),
        Setting(wearer="alex", t_ns=NOW_NS, recv_ns=NOW_NS, key="consent-mqtt", value="[]"),
        Marker(wearer="alex", t_ns=NOW_NS, recv_ns=NOW_NS, text="break-minutes"),
    ]
    assert in_force("alex", said) == {"break-minutes": "25"}
