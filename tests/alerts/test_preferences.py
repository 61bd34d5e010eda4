from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.alerts.preferences import BOUNDS, Preferences, check


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize("key", BOUNDS)
def test_numbers_stay_within_their_bounds(key: str) -> None:
    low, high = BOUNDS[key]
    wishes = Preferences()
    name = key.replace("-", "_")
    assert low <= getattr(wishes, name) <= high, "the default too"
    wishes.take(key, "-1000000")
    assert getattr(wishes, name) == low
    wishes.take(key, "1000000")
    assert getattr(wishes, name) == high


@pytest.mark.parametrize(
    ("time", "quiet"),
    [
        ("2026-01-01T19:59", False),  # 21:59 in Helsinki
        ("2026-01-01T20:00", True),
        ("2026-01-01T04:59", True),
        ("2026-01-01T05:00", False),  # 07:00
        ("2026-07-01T18:59", False),  # summer time: 21:59
        ("2026-07-01T19:00", True),
    ],
)
def test_quiet_hours_over_midnight_in_their_zone(time: str, quiet: bool) -> None:
    wishes = Preferences()
    wishes.take("quiet-hours", '{"from": "22:00", "to": "07:00", "zone": "Europe/Helsinki"}')
    assert wishes.quiet_at(at(time)) == quiet


def test_quiet_hours_within_a_day_and_none() -> None:
    wishes = Preferences()
    wishes.take("quiet-hours", '{"from": "09:00", "to": "12:00", "zone": "UTC"}')
    assert [wishes.quiet_at(at(f"2026-01-01T{hour}:00")) for hour in ("08", "09", "12")] == [
        False,
        True,
        False,
    ]
    wishes.take("quiet-hours", "null")
    assert not wishes.quiet_at(at("2026-01-01T10:00"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prompts-per-day", '"3"'),
        ("prompts-per-day", "2.5"),
        ("prompts-per-day", "true"),
        ("prompts-per-day", "{"),
        ("mute-until", '"tomorrow"'),
        ("safety-alerts", "1"),
        ("quiet-hours", "[]"),
        ("quiet-hours", '{"from": "25:00", "to": "07:00", "zone": "UTC"}'),
        ("quiet-hours", '{"from": "22:00", "to": "07:00", "zone": "Mars/Olympus"}'),
        ("quiet-hours", '{"from": "22:00", "to": "07:00", "zone": "../../etc/passwd"}'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_and_changes_nothing(key: str, value: str) -> None:
    wishes = Preferences()
    with pytest.raises(ValueError, match=r".+"):
        wishes.take(key, value)
    assert wishes == Preferences()
    with pytest.raises(ValueError, match=r".+"):
        check(key, value)


@given(st.sampled_from([*BOUNDS, "mute-until", "safety-alerts", "quiet-hours"]), st.text())
def test_any_text_is_taken_or_refused(key: str, value: str) -> None:
    wishes = Preferences()
    try:
        wishes.take(key, value)
    except ValueError:
        assert wishes == Preferences()


def test_other_settings_are_somebody_elses() -> None:
    check("baseline", "whatever")
