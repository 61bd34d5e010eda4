"""The notifier on a real journal, with ways that take, refuse, hang and break."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from helpers_mqtt import NS, a_step, an_alert, until
from helpers_notify import START_NS, House, Screen, a_house, running
from vagalwatch.alerts import words
from vagalwatch.deliver import notify
from vagalwatch.records import BreakPhase, EpisodeKind, Notice

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", EpisodeKind)
async def test_a_prompt_is_told_by_the_first_and_repeated_by_the_next(
    tmp_path: Path, kind: EpisodeKind
) -> None:
    first, second = Screen(), Screen()
    async with a_house(tmp_path, anna={"a-1": first, "b-2": second}) as house:
        alert = an_alert(START_NS, kind=kind)
        urgent = kind == EpisodeKind.SAFETY
        await house.add(alert)
        if urgent:
            await until(house.notices)  # at once
        await house.passes(20)
        await until(house.notices)
        line = words.lock_screen(alert)
        assert first.told == [(line, urgent, 120_000 if urgent else 100_000)]
        await house.passes(40)
        await until(lambda: len(house.notices()) == 2)
        assert second.told == [(line, urgent, 60_000)]
        assert house.notices() == [("a-1", False, "taken"), ("b-2", True, "taken")]
        assert house.notifier.problems == []


async def test_a_way_that_breaks_gives_way_to_the_next_at_once(tmp_path: Path) -> None:
    broken, good = Screen(fails=RuntimeError("no such topic")), Screen()
    async with a_house(tmp_path, anna={"a-1": broken, "b-2": good}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: len(house.notices()) == 2)
        assert house.notices() == [("a-1", False, "failed"), ("b-2", False, "taken")]
        assert house.notifier.problems == ["a-1: no such topic"]


async def test_one_that_hangs_delays_nobody_else(tmp_path: Path) -> None:
    hangs, bens = Screen(hangs=asyncio.Event()), Screen()
    async with a_house(tmp_path, anna={"a-1": hangs}, ben={"a-1": bens}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: hangs.told)
        await house.add(an_alert(START_NS, wearer="ben"))
        await house.passes(1)  # returns when the journal has committed
        await until(lambda: house.notices("ben"))
        assert house.notices() == []
        assert hangs.hangs is not None
        hangs.hangs.set()
        await until(house.notices)


async def test_one_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "ATTEMPT_S", 0.05)
    hangs, good = Screen(hangs=asyncio.Event()), Screen()
    async with a_house(tmp_path, anna={"a-1": hangs, "b-2": good}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: len(house.notices()) == 2)
        assert house.notices() == [("a-1", False, "too-slow"), ("b-2", False, "taken")]
        assert hangs.given_up == 1


async def test_what_is_answered_on_the_page_is_told_nowhere(tmp_path: Path) -> None:
    screen = Screen()
    async with a_house(tmp_path, anna={"a-1": screen}) as house:
        alert, later = an_alert(START_NS), an_alert(START_NS + 600 * NS)
        await house.add(alert)
        await house.passes(10)
        await house.add(a_step(START_NS, BreakPhase.DECLINED, alert_id=alert.id))
        await house.passes(50)
        await house.passes(540)
        await house.add(later)
        await house.passes(20)
        await until(house.notices)
        entries = house.journal.read(kinds=("notice",))
        assert [e.record.alert_id for e in entries if isinstance(e.record, Notice)] == [later.id]


async def test_a_restart_tells_what_is_valid_and_nothing_twice(tmp_path: Path) -> None:
    screen = Screen()
    async with a_house(tmp_path, anna={"a-1": screen}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(house.notices)
    again = Screen()
    async with a_house(tmp_path, anna={"a-1": again}) as house:
        await house.passes(30)
        await house.passes(30)
        await until(lambda: len(house.notices()) == 2)
        assert house.notices() == [("a-1", False, "taken"), ("a-1", True, "taken")]
        assert len(again.told) == 1
    late = Screen()
    async with a_house(tmp_path, anna={"a-1": late}) as house:
        await house.passes(120)
        old = an_alert(START_NS + 100 * NS)  # another is still valid: then both were looked at
        await house.add(old)
        await house.passes(1)
        await until(lambda: late.told)
        assert len(late.told) == 1


async def test_what_stands_when_it_starts_waits_for_no_second_to_pass(tmp_path: Path) -> None:
    screen = Screen()
    house = House(tmp_path / "j", anna={"a-1": screen})
    await house.add(an_alert(START_NS, kind=EpisodeKind.SAFETY))
    async with running(house):
        await until(house.notices)
        assert house.notices() == [("a-1", False, "taken")]


async def test_nothing_is_told_of_who_is_erased(tmp_path: Path) -> None:
    hangs, bens = Screen(hangs=asyncio.Event()), Screen()
    async with a_house(tmp_path, anna={"a-1": hangs}, ben={"a-1": bens}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: hangs.told)
        await house.notifier.forget("anna")
        assert hangs.given_up == 1
        await house.add(an_alert(START_NS + 20 * NS))
        await house.add(an_alert(START_NS + 20 * NS, wearer="ben"))
        await house.passes(40)
        await until(lambda: house.notices("ben"))
        assert len(hangs.told) == 1
        assert house.notices() == []


async def test_an_outcome_of_who_was_erased_meanwhile_is_not_kept(tmp_path: Path) -> None:
    hangs, bens = Screen(hangs=asyncio.Event()), Screen()
    async with a_house(tmp_path, anna={"a-1": hangs}, ben={"a-1": bens}) as house:
        await house.add(an_alert(START_NS))
        await house.passes(20)
        await until(lambda: hangs.told)
        house.erased.add("anna")
        assert hangs.hangs is not None
        hangs.hangs.set()
        await house.add(an_alert(START_NS + 20 * NS, wearer="ben"))
        await house.passes(20)
        await until(lambda: house.notices("ben"))
        assert house.notices() == []
