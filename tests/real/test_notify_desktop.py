"""The desktop's way, against a notification service on a private session bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_desktop import Screen, a_screen, a_session_bus
from helpers_house import WEARER, house, journalled
from helpers_mqtt import an_alert, until
from vagalwatch.alerts import words
from vagalwatch.deliver import notify, notify_desktop
from vagalwatch.deliver.notify_desktop import CRITICAL, NORMAL, Desktop, DesktopError
from vagalwatch.records import Answer, AnswerKind, EpisodeKind, Estimate, Notice
from vagalwatch.settings import NotifySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

LINE = "Pause: one question for you."


@pytest.fixture
def bus_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A private session bus, which is the only one there is."""
    with a_session_bus() as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address


@pytest.fixture
async def screen(bus_address: str) -> AsyncIterator[Screen]:
    async with a_screen(bus_address) as made:
        yield made


async def test_one_neutral_line_and_the_next_replaces_it(screen: Screen) -> None:
    (way,) = notify.chain([NotifySettings(way="desktop")]).values()
    assert await notify.attempt(way, LINE, urgent=False, for_ms=100_000) == ("taken", "")
    assert await notify.attempt(way, LINE, urgent=True, for_ms=60_000) == ("taken", "")
    told = [(body[0], body[1], body[3], body[4], body[5], body[7]) for body in screen.shown]
    assert told == [
        ("Pause", 0, LINE, "", [], 100_000),
        ("Pause", 42, LINE, "", [], 60_000),
    ]
    hints = [body[6] for body in screen.shown]
    assert [hint["urgency"].value for hint in hints] == [NORMAL, CRITICAL]  # type: ignore[index]


async def test_one_that_hangs_is_given_up(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "ATTEMPT_S", 0.5)
    screen.hangs = True
    (way,) = notify.chain([NotifySettings(way="desktop")]).values()
    assert (await notify.attempt(way, LINE, urgent=False, for_ms=100_000))[0] == "too-slow"
    assert screen.asked.is_set()
    screen.hangs = False
    monkeypatch.setattr(notify, "ATTEMPT_S", 10.0)
    assert (await notify.attempt(way, LINE, urgent=False, for_ms=100_000))[0] == "taken"


async def test_doctor_can_ask_who_shows_them(screen: Screen) -> None:
    assert await notify_desktop.probe() == "fake"
    assert screen.shown == []


async def test_a_bus_where_nobody_shows_them(bus_address: str) -> None:
    assert bus_address
    with pytest.raises(DesktopError, match="Nobody on the session bus"):
        await Desktop().tell(LINE, urgent=False, for_ms=1000)


async def test_no_bus_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(DesktopError, match="There is no session bus"):
        await Desktop().tell(LINE, urgent=False, for_ms=1000)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    with pytest.raises(DesktopError, match="cannot be reached"):
        await notify_desktop.probe()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "nonsense")
    with pytest.raises(DesktopError, match="cannot be reached"):
        await notify_desktop.probe()


# --- the whole house ------------------------------------------------------------------------------


async def test_a_prompt_that_the_page_did_not_settle_reaches_the_desktop(
    tmp_path: Path, screen: Screen
) -> None:
    async with house(tmp_path, notify=(NotifySettings(way="desktop"),)) as home:
        alert = an_alert(home.service._clock.now_ns(), wearer=WEARER)
        home.service.hub.keep(alert)
        await home.live(20)
        await until(lambda: len(screen.shown) == 1)
        await home.live(40)
        await until(lambda: len(screen.shown) == 2)
        await home.live(70)
    told = [record for record in journalled(tmp_path) if isinstance(record, Notice)]
    assert [(notice.way, notice.repeat, notice.outcome) for notice in told] == [
        ("desktop-1", False, "taken"),
        ("desktop-1", True, "taken"),
    ]
    assert {notice.alert_id for notice in told} == {alert.id}
    line = words.lock_screen(alert)
    assert [body[3:5] for body in screen.shown] == [[line, ""]] * 2


async def test_a_prompt_that_was_answered_reaches_it_not_and_a_rapid_fall_at_once(
    tmp_path: Path, screen: Screen
) -> None:
    async with house(tmp_path, notify=(NotifySettings(way="desktop"),)) as home:
        now_ns = home.service._clock.now_ns()
        alert = an_alert(now_ns, wearer=WEARER)
        home.service.hub.keep(alert)
        await home.service.hub.submit(
            Answer(
                wearer=WEARER,
                t_ns=now_ns,
                recv_ns=now_ns,
                answer=AnswerKind.NOT_NOW,
                about=alert.id,
            )
        )
        await home.live(30)
        fall = an_alert(home.service._clock.now_ns(), wearer=WEARER, kind=EpisodeKind.SAFETY)
        home.service.hub.keep(fall)
        await home.live(1)
        await until(lambda: screen.shown)
    assert [body[3] for body in screen.shown] == [words.lock_screen(fall)]


async def test_a_desktop_that_hangs_delays_neither_engine_nor_journal_nor_the_end(
    tmp_path: Path, screen: Screen
) -> None:
    screen.hangs = True
    async with house(tmp_path, notify=(NotifySettings(way="desktop"),)) as home:
        home.service.hub.keep(an_alert(home.service._clock.now_ns(), wearer=WEARER))
        await home.live(20)
        await screen.asked.wait()
        rows = len(home.rows())
        await home.live(60)  # in real time far less than an attempt may take
        assert len(home.rows()) == rows + 12
    written = journalled(tmp_path)
    assert len([record for record in written if isinstance(record, Estimate)]) >= rows + 12
    assert not [r for r in written if isinstance(r, Notice)], "nobody waited for the attempt"
