"""`vagalwatch erase` over all stores: with the service and without, killed, and after back-ups."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

import helpers_cli
from helpers_house import EVENING_NS, WEARER, house
from vagalwatch import erase as erasing
from vagalwatch.clock import NS
from vagalwatch.control import call
from vagalwatch.hub import UnknownWearerError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.records import Answer, AnswerKind, Marker, Tick
from vagalwatch.web.credentials import Credentials

if TYPE_CHECKING:
    from pathlib import Path

GONE, STAYS = "zoe-who-leaves", "ben"


def files_with(folder: Path, word: str) -> list[str]:
    """Every file under ``folder`` that holds the word; sockets hold nothing."""
    found = []
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a new one on its way into the place of the old
            if file.is_file() and word.encode() in file.read_bytes():
                found.append(file.name)
    return sorted(found)


def marker(n: int, wearer: str) -> Marker:
    return Marker(wearer=wearer, t_ns=EVENING_NS + n * NS, recv_ns=EVENING_NS + n * NS, text="x")


async def journalled(path: Path, *wearers: str, rows: int = 50) -> None:
    with closing(SqliteJournal(path)) as journal:
        for n in range(rows):
            for wearer in wearers:
                journal.append(marker(n, wearer))
        now_ns = EVENING_NS + rows * NS
        await journal.committed(journal.append(Tick(t_ns=now_ns, recv_ns=now_ns), urgent=True))


def rows_of(path: Path, wearer: str) -> int:
    with open_reader(path) as reader:
        return reader.count_left(wearer)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site of one who stays; no broker and no database."""
    file = tmp_path / "vagalwatch.toml"
    file.write_text(
        f'state_dir = "{tmp_path / "state"}"\n[mqtt]\nmode = "off"\n[[wearers]]\nid = "{STAYS}"\n'
    )
    return file


@pytest.fixture
async def state(config: Path, tmp_path: Path) -> Path:
    del config
    folder = tmp_path / "state"
    await journalled(folder / "home.sqlite", GONE, STAYS)
    credentials = Credentials(folder / "credentials.json")
    for wearer in (GONE, STAYS):
        assert credentials.redeem(credentials.new_code(wearer)) is not None
        credentials.new_code(wearer)
    return folder


# --- without the service ----------------------------------------------------------------------


def test_without_a_service_nothing_is_left_in_any_file(config: Path, state: Path) -> None:
    assert files_with(state, GONE) == ["credentials.json", "home.sqlite"]
    told = helpers_cli.run("erase", GONE, "--yes", "--json", "--config", config)
    assert told.code == 0, told
    report = told.json
    assert report["nothing_left"]
    deleted = {store["store"]: store["deleted"] for store in report["stores"]}
    assert deleted == {"journal": 50, "credentials": 1}
    assert files_with(state, GONE) == []
    assert rows_of(state / "home.sqlite", STAYS) == 50
    assert Credentials(state / "credentials.json").wearers() == {STAYS}
    again = helpers_cli.run("erase", GONE, "--yes", "--config", config)
    assert again.code == 0
    assert again.out.splitlines()[0] == "journal          0 deleted. Nothing is left."


def test_a_name_typed_wrong_erases_nothing(config: Path, state: Path) -> None:
    told = helpers_cli.call("erase", GONE, "--config", config, stdin="ben\n")
    assert told.code == 2
    assert "Nothing was erased." in told.err
    assert rows_of(state / "home.sqlite", GONE) == 50
    assert GONE not in Tombstones(state / "home.tombstones")


def test_a_pseudonym_of_which_nothing_is_known_is_said(config: Path, state: Path) -> None:
    told = helpers_cli.call("erase", "nobody", "--yes", "--config", config)
    assert told.code == 0
    assert (
        f"Nothing of “nobody” was found. If that is not the right pseudonym: configured are {STAYS}"
        in told.err
    )
    assert rows_of(state / "home.sqlite", GONE) == 50


def test_the_name_typed_right_erases(config: Path, state: Path) -> None:
    told = helpers_cli.call("erase", GONE, "--config", config, stdin=f"{GONE}\n")
    assert told.code == 0
    assert files_with(state, GONE) == []


def test_what_is_no_pseudonym_is_refused(config: Path) -> None:
    told = helpers_cli.call("erase", "a' OR '1'='1", "--yes", "--config", config)
    assert "no pseudonym" in told.sentence(2)


def test_a_configuration_that_names_the_wearer_is_left_and_said(config: Path, state: Path) -> None:
    told = helpers_cli.call("erase", STAYS, "--yes", "--json", "--config", config)
    assert told.code == 1
    left = {store["store"] for store in told.json["stores"] if store["left"]}
    assert left == {"configuration"}
    assert rows_of(state / "home.sqlite", STAYS) == 0
    assert Tombstones(state / "home.tombstones").pending() == ()
    refused = helpers_cli.call("pair", STAYS, "--config", config)
    assert "was erased" in refused.sentence(2)
    assert helpers_cli.call("erase", STAYS, "--allow-again", "--config", config).code == 0
    assert STAYS not in Tombstones(state / "home.tombstones")
    assert "was not erased" in helpers_cli.call(
        "erase", STAYS, "--allow-again", "--config", config
    ).sentence(2)


def test_a_damaged_journal_that_lies_beside_is_left_and_named(config: Path, state: Path) -> None:
    broken = state / "home.sqlite.broken-20260101T000000Z"
    shutil.copy(state / "home.sqlite", broken)
    told = helpers_cli.call("erase", GONE, "--yes", "--config", config)
    assert told.code == 1
    assert broken.name in told.out
    broken.unlink()
    assert helpers_cli.call("erase", GONE, "--yes", "--config", config).code == 0


def test_one_who_is_still_being_erased_is_not_allowed_again(config: Path, state: Path) -> None:
    Tombstones(state / "home.tombstones").bury(GONE)
    told = helpers_cli.call("erase", GONE, "--allow-again", "--config", config)
    assert "still being erased" in told.sentence(2)


# --- while the service runs -------------------------------------------------------------------


async def asked(state: Path, wearer: str) -> dict[str, Any]:
    report = await asyncio.to_thread(
        call, state / "test.control", "erase", wearer=wearer, timeout_s=60
    )
    assert isinstance(report, dict)
    return report


def left_in(report: dict[str, Any]) -> set[str]:
    return {store["store"] for store in report["stores"] if store["left"]}


async def test_the_running_service_erases_somebody_while_another_is_written(
    tmp_path: Path,
) -> None:
    await journalled(tmp_path / "test.sqlite", GONE, rows=3000)
    async with house(tmp_path, mqtt="embedded") as home:
        await home.live(30)
        erasing_her = asyncio.create_task(asked(tmp_path, GONE))
        before = len(home.rows())
        while not erasing_her.done():
            await home.live(1)
            await asyncio.sleep(0)
        assert len(home.rows()) > before, "the other was measured meanwhile"
        report = await erasing_her
        assert report["nothing_left"], report
        assert report["stores"][0]["deleted"] == 3000
        assert {store["store"] for store in report["stores"]} == {"journal", "credentials", "mqtt"}
        assert all(store["looked"] for store in report["stores"])
        assert files_with(tmp_path, GONE) == []
    assert files_with(tmp_path, GONE) == []


async def test_a_worn_sensor_is_let_go_and_nothing_is_written_again(tmp_path: Path) -> None:
    async with house(tmp_path, mqtt="embedded") as home:
        url = home.service.page.pairing_url(WEARER)
        credentials = Credentials(tmp_path / "credentials.json")
        assert credentials.redeem(url.partition("#")[2]) is not None
        await home.live(90)
        now_ns = EVENING_NS + 91 * NS
        place = home.service.hub.take(Tick(t_ns=now_ns, recv_ns=now_ns))
        await home.service.journal.committed(place)
        assert rows_of(tmp_path / "test.sqlite", WEARER) > 50
        report = await asked(tmp_path, WEARER)
        assert left_in(report) == {"configuration"}
        said = len(home.said)
        assert home.service.links == ()
        assert home.service.hub.engines == {}
        assert home.service.page._seats == {}
        with pytest.raises(UnknownWearerError):
            home.service.hub.take(marker(1, WEARER))
        now_ns = EVENING_NS + 100 * NS
        answer = Answer(wearer=WEARER, t_ns=now_ns, recv_ns=now_ns, answer=AnswerKind.START_BREAK)
        with pytest.raises(UnknownWearerError):
            await home.service.hub.submit(answer)
        await home.live(90)
        assert {record.kind for record in home.said[said:]} == {"tick"}
        assert credentials.wearers() == set()
        assert rows_of(tmp_path / "test.sqlite", WEARER) == 0
    names = {file for file in files_with(tmp_path, WEARER) if not file.endswith(".control")}
    assert names == set(), "also what the service says when it goes to sleep"


async def test_a_restart_with_the_old_configuration_watches_nobody(tmp_path: Path) -> None:
    stones = Tombstones(tmp_path / "test.tombstones")
    stones.bury(WEARER)
    stones.finish(WEARER)
    async with house(tmp_path) as home:
        await home.live(30)
        assert home.service.links == ()
        assert {record.kind for record in home.said} == {"tick"}
    assert rows_of(tmp_path / "test.sqlite", WEARER) == 0


async def test_an_erasure_that_a_crash_cut_short_goes_on_at_the_next_start(tmp_path: Path) -> None:
    await journalled(tmp_path / "test.sqlite", GONE, rows=500)
    Tombstones(tmp_path / "test.tombstones").bury(GONE)  # and then the power went
    async with house(tmp_path) as home:
        async with asyncio.timeout(20):
            while Tombstones(tmp_path / "test.tombstones").pending():
                await home.live(1)
                await asyncio.sleep(0.01)
        assert files_with(tmp_path, GONE) == []


async def test_a_journal_from_a_back_up_is_erased_again(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    await journalled(path, GONE)
    back_up = path.read_bytes()
    async with house(tmp_path) as home:
        assert (await asked(tmp_path, GONE))["nothing_left"]
        await home.live(1)
    path.write_bytes(back_up)
    Credentials(tmp_path / "credentials.json").new_code(GONE)
    stones = Tombstones(tmp_path / "test.tombstones")
    assert stones.pending() == ()
    async with house(tmp_path) as home:
        async with asyncio.timeout(20):
            while stones.pending():
                await home.live(1)
                await asyncio.sleep(0.01)
        assert files_with(tmp_path, GONE) == []


async def test_a_credentials_file_that_cannot_be_used_keeps_nobody_from_being_watched(
    tmp_path: Path,
) -> None:
    Tombstones(tmp_path / "test.tombstones").bury(GONE)
    (tmp_path / "credentials.json").write_text("{")
    (tmp_path / "credentials.json").chmod(0o600)
    async with house(tmp_path) as home:
        await home.live(10)
        assert home.rows()
        assert left_in(await asked(tmp_path, GONE)) == {"credentials"}


async def test_a_disk_that_refuses_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vagalwatch.service.RETRY_S", 3)
    await journalled(tmp_path / "test.sqlite", GONE)
    async with house(tmp_path) as home:
        await home.live(1)
        with monkeypatch.context() as broken:

            def refuse(*_: object) -> int:
                raise sqlite3.OperationalError("database or disk is full")

            broken.setattr("vagalwatch.journal.erase.Deletion.step", refuse)
            report = await asked(tmp_path, GONE)
        assert left_in(report) == {"journal"}
        assert "disk is full" in report["stores"][0]["left"]
        assert Tombstones(tmp_path / "test.tombstones").pending() == (GONE,)
        async with asyncio.timeout(30):
            while Tombstones(tmp_path / "test.tombstones").pending():
                await home.live(1)
                await asyncio.sleep(0.01)
        assert files_with(tmp_path, GONE) == []


def test_the_report_says_done_only_when_another_attempt_is_of_no_use() -> None:
    fine = erasing.Store(store="journal", deleted=3)
    away = erasing.Store(store="mqtt", deleted=None, left="away")
    named = erasing.Store(store="configuration", left="named", by_hand=True)
    for stores, done, nothing_left in (
        ((fine,), True, True),
        ((fine, named), True, False),
        ((fine, named, away), False, False),
    ):
        report = erasing.Report(GONE, stores)
        assert (report.done, report.nothing_left) == (done, nothing_left)
        assert json.loads(json.dumps(report.as_json()))["nothing_left"] == nothing_left
