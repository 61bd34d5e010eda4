"""Two linked people through the whole service: attested, shared, restarted, replayed, erased."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

import helpers_cli
from helpers_couple import named, shares
from helpers_house import EVENING_NS
from vagalwatch.alerts.couple import ATTESTATION, LINK, NAME, link_value
from vagalwatch.clock import StoryClock
from vagalwatch.control import ControlError, call
from vagalwatch.engine import Engine
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Marker,
    Record,
    Setting,
    Together,
)
from vagalwatch.replay import check
from vagalwatch.service import Service
from vagalwatch.settings import MqttSettings, PageSettings, Settings, WearerSettings
from vagalwatch.standby import Standby
from vagalwatch.web.seats import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ADA, SAM, ZOE = "ada-who-stays", "sam-who-leaves", "zoe"
A = AnswerKind


class Home:
    """A service of three wearers without sensors, and a clock that the test moves."""

    def __init__(self, folder: Path, service: Service, clock: StoryClock) -> None:
        self.folder, self.service, self.clock = folder, service, clock

    async def asked(self, verb: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever JSON says
        return await asyncio.to_thread(call, self.folder / "test.control", verb, **arguments)

    async def attest(self, one: str = ADA, other: str = SAM) -> Any:  # noqa: ANN401 - as above
        return await self.asked(
            "link", one=one, other=other, by="therapist-1", sentence=ATTESTATION
        )

    async def linked(self) -> None:
        await self.attest()
        for wearer in (ADA, SAM):
            await self.service.hub.submit(shares(wearer, self.clock.now_ns()))

    async def says(self, wearer: str, answer: AnswerKind, minutes: int | None = None) -> None:
        pause = self.service.hub.engines[wearer].pause
        about = "" if pause is None or answer == A.START_BREAK else pause.id
        now_ns = self.clock.now_ns()
        await self.service.hub.submit(
            Answer(
                wearer=wearer,
                t_ns=now_ns,
                recv_ns=now_ns,
                answer=answer,
                about=about,
                minutes=minutes,
            )
        )

    def view(self, wearer: str) -> Any:  # noqa: ANN401 - as above
        return json.loads(self.service.page._seats[wearer].message(Browser()))["view"]

    def until_ns(self, wearer: str) -> int:
        pause = self.service.hub.engines[wearer].pause
        assert pause is not None
        return pause.until_ns


@asynccontextmanager
async def home(folder: Path, clock: StoryClock | None = None) -> AsyncIterator[Home]:
    clock = clock or StoryClock(EVENING_NS)
    settings = Settings(
        site="test",
        state_dir=folder,
        wearers=tuple(WearerSettings(id=wearer) for wearer in (ADA, SAM, ZOE)),
        mqtt=MqttSettings(mode="off"),
        page=PageSettings(port=0),
    )
    service = Service(settings, clock)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        life = group.create_task(service.run(stop))
        await service.live.wait()
        yield Home(folder, service, clock)
        assert service.hub.faults == {}
        stop.set()
        await life


def journalled(folder: Path) -> list[Record]:
    with open_reader(folder / "test.sqlite") as reader:
        return [entry.record for entry in reader.read(limit=1_000_000)]


def steps(folder: Path, wearer: str) -> list[BreakStep]:
    records = journalled(folder)
    return [each for each in records if isinstance(each, BreakStep) and each.wearer == wearer]


# --- linking ----------------------------------------------------------------------------------


async def test_an_attestation_stands_in_both_records_and_shares_nothing(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        before = house.view(ADA)
        told = await house.attest()
        assert told["by"] == "therapist-1"
        await house.says(SAM, A.START_BREAK)
        assert house.view(ADA) == before
        (listed,) = await house.asked("links")
        assert listed["wearers"] == [ADA, SAM]
        assert listed["at"] == told["at"] == "2026-11-23T15:00:00+00:00"
    rows = [each for each in journalled(tmp_path) if isinstance(each, Setting)]
    assert [(row.wearer, row.key, json.loads(row.value)["partner"]) for row in rows] == [
        (ADA, LINK, SAM),
        (SAM, LINK, ADA),
    ]
    assert {json.loads(row.value)["sentence"] for row in rows} == {1}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"sentence": ATTESTATION.lower()}, "not the sentence"),
        ({"sentence": ""}, "not the sentence"),
        ({"by": ""}, "by a pseudonym or a role"),
        ({"by": "Dr. Müller"}, "by a pseudonym or a role"),
        ({"by": ADA}, "Nobody attests for themselves"),
        ({"other": ADA}, "takes two wearers"),
        ({"other": "nobody"}, "not watched here"),
    ],
)
async def test_what_is_no_attestation_links_nobody(
    tmp_path: Path, changed: dict[str, str], why: str
) -> None:
    said = {"one": ADA, "other": SAM, "by": "therapist-1", "sentence": ATTESTATION} | changed
    async with home(tmp_path) as house:
        with pytest.raises(ControlError, match=why):
            await house.asked("link", **said)
        assert await house.asked("links") == []
    assert not [each for each in journalled(tmp_path) if isinstance(each, Setting)]


async def test_nobody_is_linked_with_two_and_an_end_is_for_both(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.attest()
        with pytest.raises(ControlError, match="linked with somebody else"):
            await house.attest(SAM, ZOE)
        assert await house.asked("unlink", one=ZOE, other=SAM) is False
        assert await house.asked("unlink", one=SAM, other=ADA) is True
        assert await house.asked("unlink", one=SAM, other=ADA) is False
        assert await house.asked("links") == []
        await house.attest(SAM, ZOE)
        assert house.service.hub.couples.partner(ADA) == ""


async def test_a_link_with_one_who_is_no_longer_watched_can_be_ended(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.attest()
        house.service.hub.engines.pop(SAM)
        assert await house.asked("unlink", one=SAM, other=ADA) is True
        assert house.service.hub.couples.link(ADA) is None
        await house.attest(ADA, ZOE)
        with pytest.raises(ControlError, match="not watched here"):
            await house.asked("unlink", one=SAM, other="nobody")


async def test_a_name_for_a_partner_is_refused_where_there_is_none(tmp_path: Path) -> None:
    name = {"wearer": ADA, "key": NAME, "value": "Addie"}
    async with home(tmp_path) as house:
        with pytest.raises(ControlError, match="is not linked with anybody"):
            await house.asked("set", **name)
        await house.linked()
        assert (await house.asked("set", **name))[NAME] == '"Addie"'


async def test_the_list_does_not_tell_who_has_ended_it(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.linked()
        before = await house.asked("links")
        now_ns = house.clock.now_ns()
        ended = Setting(wearer=SAM, t_ns=now_ns, recv_ns=now_ns, key=LINK, value=link_value(None))
        await house.service.hub.submit(ended)
        assert house.service.hub.couples.partner(ADA) == ""
        assert await house.asked("links") == before


def test_the_command_line_wants_the_sentence_typed(tmp_path: Path) -> None:
    config = tmp_path / "vagalwatch.toml"
    config.write_text(f'site = "test"\nstate_dir = "{tmp_path}"\n')

    def told(*said: str, stdin: str = "") -> helpers_cli.Told:
        return helpers_cli.call("link", *said, "--config", config, stdin=stdin)

    async def live() -> None:
        async with home(tmp_path):
            attest = (ADA, SAM, "--attest", "--by", "therapist-1")
            refused = await asyncio.to_thread(told, *attest, stdin="yes\n")
            assert refused.code == 2
            assert "Nothing was linked" in refused.err
            linked = await asyncio.to_thread(told, *attest, stdin=f"{ATTESTATION}\n")
            assert linked.code == 0, linked
            assert "Linked. Nothing is shared by this" in linked.out
            listed = await asyncio.to_thread(told, "--list")
            assert (
                listed.out
                == f"{ADA} and {SAM}: attested by therapist-1, 2026-11-23T15:00:00+00:00\n"
            )
            ended = await asyncio.to_thread(told, SAM, ADA, "--end", "--json")
            assert ended.json == {"ended": True}
            assert (await asyncio.to_thread(told, "--list", "--json")).json == []

    asyncio.run(live())
    for wrong in ((ADA, SAM), (ADA, "--end"), ("--list", "--end"), (ADA, SAM, "--list"), ()):
        assert "Say one of" in told(*wrong).sentence(2)
    assert "not running" in told("--list").sentence(2)


# --- restart and replay -----------------------------------------------------------------------


async def test_both_on_a_break_over_a_restart_and_in_a_replay(tmp_path: Path) -> None:
    clock = StoryClock(EVENING_NS)
    async with home(tmp_path, clock) as house:
        await house.linked()
        await house.says(ADA, A.START_BREAK, 20)
        await clock.advance(30)
        await house.says(SAM, A.START_BREAK, 45)
        assert house.until_ns(ADA) == house.until_ns(SAM)
        seen = house.view(ADA)["partner"]
        assert seen["say"] == "partner.on"
    await clock.advance(60)
    async with home(tmp_path, clock) as house:
        assert house.view(ADA)["partner"] == seen
        assert house.until_ns(ADA) == house.until_ns(SAM)
        await house.says(SAM, A.MORE_TIME, 20)
        assert house.until_ns(ADA) == house.until_ns(SAM)
        assert house.view(ADA)["partner"]["say"] == "partner.new-time"
        await house.says(SAM, A.IM_BACK)
        assert house.view(ADA)["partner"]["say"] == "partner.back"
    together = [each for each in journalled(tmp_path) if isinstance(each, Together)]
    assert [each.wearer for each in together] == [ADA, ADA]
    assert [(s.phase, s.reason) for s in steps(tmp_path, ADA)] == [
        (BreakPhase.ON, ""),
        (BreakPhase.ON, "longer"),
        (BreakPhase.ON, "longer"),
    ]
    for wearer in (ADA, SAM):
        checked = check(tmp_path / "test.sqlite", wearer)
        assert checked.compared >= 3
        assert checked.differences == ()


async def test_a_crash_before_the_other_was_told_is_made_up_for_at_the_next_start(
    tmp_path: Path,
) -> None:
    clock = StoryClock(EVENING_NS)
    async with home(tmp_path, clock) as house:
        await house.linked()
        await house.says(ADA, A.START_BREAK, 20)
        hub, shown = house.service.hub, house.view(ADA)["break"]["until_ms"]
        hub.couples.forget(SAM)  # the process dies between the acceptance and what follows of it
        await house.says(SAM, A.START_BREAK, 45)
        assert house.view(ADA)["break"]["until_ms"] == shown
    async with home(tmp_path, clock) as house:
        assert house.until_ns(ADA) == house.until_ns(SAM)
        assert house.view(ADA)["break"]["until_ms"] > shown
    async with home(tmp_path, clock):
        pass
    together = [each for each in journalled(tmp_path) if isinstance(each, Together)]
    assert len(together) == 1, "told once"
    assert check(tmp_path / "test.sqlite", ADA).differences == ()


async def test_nothing_crosses_before_the_acceptance_is_in_the_journal(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.linked()
        await house.says(ADA, A.START_BREAK, 20)
        await house.says(SAM, A.START_BREAK, 45)
    kinds = [
        (each.kind, each.wearer)
        for each in journalled(tmp_path)
        if each.kind in {"answer", "break", "together"}
    ]
    assert kinds == [
        ("answer", ADA),
        ("break", ADA),
        ("answer", SAM),
        ("break", SAM),
        ("together", ADA),
        ("break", ADA),
    ]


async def test_an_engine_that_failed_keeps_the_break_of_two(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.linked()
        await house.says(ADA, A.START_BREAK, 20)
        hub = house.service.hub
        engine = hub.engines[ADA]
        assert isinstance(engine, Engine)
        hub.engines[ADA] = Standby(ADA, "broken", engine.state.policy)
        await house.says(SAM, A.START_BREAK, 45)
        assert house.until_ns(ADA) == house.until_ns(SAM)
        hub.engines[ADA] = engine  # what the house looks for at its end


# --- erasing ----------------------------------------------------------------------------------


def files_with(folder: Path, word: str) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sorted(file.name for file in files if word.encode() in file.read_bytes())


async def test_no_file_holds_a_byte_of_an_erased_partner_and_the_other_keeps_their_own(
    tmp_path: Path,
) -> None:
    clock = StoryClock(EVENING_NS)
    async with home(tmp_path, clock) as house:
        await house.linked()
        await house.service.hub.submit(named(SAM, "Sammy-of-mine", clock.now_ns()))
        await house.says(ADA, A.START_BREAK, 20)
        await house.says(SAM, A.START_BREAK, 45)
        await house.service.hub.submit(
            Answer(
                wearer=ADA,
                t_ns=clock.now_ns(),
                recv_ns=clock.now_ns(),
                answer=A.HEARD,
            )
        )
        assert house.view(ADA)["partner"]["name"] == "Sammy-of-mine"
        until_ns = house.until_ns(ADA)
        written = asyncio.create_task(writes_on(house))
        report = await house.asked("erase", wearer=SAM)
        written.cancel()
        assert {store["store"] for store in report["stores"] if store["left"]} == {"configuration"}
        assert house.view(ADA)["partner"] is None
        assert house.view(ADA)["break"]["heard"] is False
        assert house.until_ns(ADA) == until_ns, "what was agreed for ada's own break stays"
        assert await house.asked("links") == []
        assert files_with(tmp_path, SAM) == []
        assert files_with(tmp_path, "Sammy-of-mine") == []
    assert files_with(tmp_path, SAM) == []
    kept = [each for each in journalled(tmp_path) if each.wearer == ADA]
    assert {each.kind for each in kept} >= {"answer", "break", "setting", "together"}
    assert not [each for each in kept if isinstance(each, Setting) and each.key == LINK]


async def writes_on(house: Home) -> None:
    """The other is written meanwhile."""
    now_ns = house.clock.now_ns()
    while True:
        await house.service.hub.submit(Marker(wearer=ADA, t_ns=now_ns, recv_ns=now_ns, text="x"))


async def test_erasing_one_leaves_another_link_alone(tmp_path: Path) -> None:
    """Also of one whose pseudonym is part of another's."""
    journal = SqliteJournal(tmp_path / "test.sqlite")
    journal.close()
    async with home(tmp_path) as house:
        await house.attest(ADA, ZOE)
        now_ns = house.clock.now_ns()
        own = Setting(wearer=ADA, t_ns=now_ns, recv_ns=now_ns, key="agreed-sign", value='"zo"')
        await house.service.hub.submit(own)
        await house.asked("erase", wearer="zo")
        assert house.service.hub.couples.partner(ADA) == ZOE
    rows = [each for each in journalled(tmp_path) if isinstance(each, Setting)]
    assert {(row.wearer, row.key) for row in rows} == {
        (ADA, LINK),
        (ZOE, LINK),
        (ADA, "agreed-sign"),
    }
