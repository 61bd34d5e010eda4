"""Erasing from the real journal, shown by the bytes of every file, while others write on."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import MISSING, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import pytest

from helpers_couple import attested
from vagalwatch.alerts.couple import LINK
from vagalwatch.clock import NS
from vagalwatch.journal import erase as erasing
from vagalwatch.journal import log
from vagalwatch.journal.erase import damaged_with
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import NotRecordingError, Snapshot
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import Eda, Gap, Heart, Marker, Record, Session, Setting, Tick

if TYPE_CHECKING:
    from pathlib import Path

GONE, STAYS = "zoe-who-leaves", "ben"


def heart(n: int, wearer: str) -> Heart:
    return Heart(
        wearer=wearer,
        source="strap-9a",
        t_ns=n * NS,
        recv_ns=n * NS,
        hr_bpm=64.0,
        beat_t_ns=(n * NS,),
        rr_ms=(937.5,),
        chained=True,
        codec="2a37",
        raw=bytes([16, 64, n % 256, 3]),
    )


def tick(n: int) -> Tick:
    return Tick(t_ns=n * NS, recv_ns=n * NS)


def evening(n: int, chance: random.Random) -> list[Record]:
    """What two people leave in a second, in rows of very different lengths."""
    said: list[Record] = [tick(n)]
    for wearer in (GONE, STAYS):
        said += [heart(n, wearer)] * chance.randrange(3)
        if chance.random() < 0.05:
            text = f"{wearer} " * chance.randrange(1, 3000)  # several pages long at times
            said.append(Marker(wearer=wearer, t_ns=n * NS, recv_ns=n * NS, text=text))
        if chance.random() < 0.1:
            value = f'"{chance.random()}"'
            said.append(
                Setting(wearer=wearer, t_ns=n * NS, recv_ns=n * NS, key="mute", value=value)
            )
    if n % 50 == 0:
        both = Session(
            t_ns=n * NS, recv_ns=n * NS, session="s", started=True, wearers=(STAYS, GONE)
        )
        said += [both, *attested(GONE, STAYS, n * NS)]
    return said


def snapshot(place: int, wearer: str, size: int = 1) -> Snapshot:
    return Snapshot(place, 1, "hash", f'["{wearer}"]' * size)


async def filled(journal: SqliteJournal, seconds: int = 400, seed: int = 7) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    place = 0
    for n in range(1, seconds):
        for record in evening(n, chance):
            place = journal.append(record)
        if n % 10 == 0:  # snapshots grow and shrink, over page borders too
            for wearer in (GONE, STAYS):
                journal.save_snapshot(wearer, snapshot(place, wearer, chance.randrange(1, 2000)))
            await journal.committed(journal.append(tick(n), urgent=True))
    journal.set_aside("influxdb", 1 << 32 | 3, f"refused: heart,wearer={GONE} hr_bpm=64")
    await journal.committed(journal.append(tick(seconds), urgent=True))


async def recording(journal: SqliteJournal, *, wanted: bool) -> None:
    while journal.recording != wanted:  # noqa: ASYNC110 - told by the writer's thread
        await asyncio.sleep(0.01)


def files_with(folder: Path, word: str) -> list[str]:
    return [file.name for file in folder.iterdir() if word.encode() in file.read_bytes()]


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the whole file was written anew."""
    times: list[str] = []

    def noted(db: sqlite3.Connection) -> int:
        times.append("anew")
        return erasing.write_anew(db)

    monkeypatch.setattr(log, "write_anew", noted)
    return times


@pytest.mark.parametrize("seed", range(4))
async def test_no_file_holds_a_byte_of_the_name_while_another_is_written(
    tmp_path: Path, seed: int, rewritten: list[str]
) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        await filled(journal, seed=seed)
        theirs = [
            e
            for e in journal.read(limit=99_999)
            if e.record.wearer == STAYS
            and not (isinstance(e.record, Setting) and e.record.key == LINK)  # it names the other
        ]
        assert files_with(tmp_path, GONE)
        written: list[int] = []

        async def write_on() -> None:
            while True:
                written.append(journal.append(heart(1000 + len(written), STAYS)))
                await asyncio.sleep(0.002)

        writing = asyncio.create_task(write_on())
        rows = await journal.erase(GONE)
        assert files_with(tmp_path, GONE) == []
        writing.cancel()
        await journal.committed(written[-1])
        assert rows > 400
        kept = [e for e in journal.read(limit=99_999) if e.record.wearer == STAYS]
        assert kept[: len(theirs)] == theirs
        assert [e.place for e in kept[len(theirs) :]] == written
        assert journal.read(kinds=("session",)) == [], "a session of both names both"
        assert journal.snapshot(GONE) is None
        assert journal.snapshot(STAYS) is not None
        assert await journal.erase(GONE) == 0, "once more does no harm"
        with open_reader(path) as reader:
            assert reader.count_left(GONE) == 0
            assert reader.known_wearers() == {STAYS}
            assert [reason for _, _, reason in reader.set_aside() if reason] == []
    assert files_with(tmp_path, GONE) == []
    assert len(rewritten) <= 1


def of_kind(kind: Any, wearer: str, n: int) -> Record:  # noqa: ANN401 - one of Record
    """A record in which every text that may be somebody's holds the name."""
    said: dict[str, object] = {"wearer": wearer, "t_ns": n * NS, "recv_ns": n * NS}
    hints: dict[str, Any] = get_type_hints(kind)
    for name, hint in hints.items():
        (item,) = (each for each in fields(kind) if each.name == name)
        of = get_args(hint)
        if name == "kind" or (item.default is not MISSING and str not in (hint, *of)):
            continue
        match hint:
            case _ if get_origin(hint) is Literal:
                value: object = of[0]
            case type() if issubclass(hint, Enum):
                value = next(iter(hint))
            case _ if get_origin(hint) is tuple:
                value = (f"{wearer}-{name}",)
            case _ if str in (hint, *of):
                value = f"{wearer}-{name}"
            case _:
                value = {int: 1, float: 1.0, bool: True}[hint]
        said.setdefault(name, value)
    made: Record = kind(**said)
    return made


async def test_of_every_kind_of_record_nothing_is_left_and_the_others_is(tmp_path: Path) -> None:
    """Whatever comes to be journalled of somebody, in whatever field their name stands."""
    kinds = [
        kind
        for kind in get_args(Record)
        if {each.name: each for each in fields(kind)}["wearer"].default is MISSING
    ]
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        for n, kind in enumerate(kinds, 1):
            for wearer in (GONE, STAYS):
                journal.append(of_kind(kind, wearer, n))
        await journal.committed(journal.append(tick(len(kinds)), urgent=True))
        before = [entry.record for entry in journal.read()]
        assert {record.kind for record in before if record.wearer == GONE} == {
            record.kind for record in before if record.wearer == STAYS
        }
        assert sum(record.wearer == GONE for record in before) == len(kinds)
        assert await journal.erase(GONE) == len(kinds)
        left = [entry.record for entry in journal.read()]
        assert left == [record for record in before if record.wearer != GONE]
        assert files_with(tmp_path, GONE) == []


async def test_a_short_name_erases_no_note_of_what_was_set_aside_of_others(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        theirs, own = (journal.append(heart(n, name)) for n, name in enumerate((STAYS, "a")))
        await journal.committed(own)
        for place in (theirs, own):
            journal.set_aside("influxdb", place, "cannot be written as line protocol")
        await journal.erase("a")
        with open_reader(path) as reader:
            assert reader.set_aside() == [("influxdb", theirs, "")]
            assert reader.count_left("a") == 0


async def test_a_note_of_a_session_of_two_goes_with_either(tmp_path: Path) -> None:
    """What was said of both is no more the one's than the other's; a note of one's own stays."""

    def note(n: int, wearer: str, text: str, wearers: tuple[str, ...] | None = None) -> Marker:
        return Marker(wearer=wearer, t_ns=n, recv_ns=n, text=text, wearers=wearers)

    both = "Went quiet when the other one left"
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:
        own = [note(1, STAYS, "Tea"), note(2, STAYS, GONE), note(3, STAYS, "x", (STAYS, "kim"))]
        joint = [note(n, who, both, (STAYS, GONE)) for n in range(4, 40) for who in (STAYS, GONE)]
        for record in (*own, *joint):
            journal.append(record)
        await journal.committed(journal.append(tick(40), urgent=True))
        assert files_with(tmp_path, both)
        await journal.erase(GONE)
        assert [e.record for e in journal.read(kinds=("marker",))] == own
        assert files_with(tmp_path, both) == []


async def test_rows_that_are_blanked_first_leave_nothing_that_needs_a_rewrite(
    tmp_path: Path, rewritten: list[str]
) -> None:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:
        for n in range(1, 3000):
            journal.append(heart(n, GONE if n % 3 else STAYS))
        await journal.committed(journal.append(tick(3000), urgent=True))
        assert await journal.erase(GONE) > 1900
        assert files_with(tmp_path, GONE) == []
    assert rewritten == []


async def test_what_an_earlier_deletion_left_in_the_pages_goes_too(
    tmp_path: Path, rewritten: list[str]
) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        await filled(journal, seed=0)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("DELETE FROM set_aside")
        db.execute("DELETE FROM snapshots")
        db.execute("DELETE FROM records WHERE instr(body, ?)", (GONE,))
        for start in range(1 << 32, (1 << 32) + 2000, 100):
            db.execute(
                "DELETE FROM records WHERE place BETWEEN ? AND ? AND wearer = ?",
                (start, start + 99, GONE),
            )
            db.commit()
        assert erasing.count_left(db, GONE) == 0
    assert files_with(tmp_path, GONE) == [path.name], "secure_delete alone is not enough"
    with closing(SqliteJournal(path)) as journal:
        await journal.erase(GONE)
        assert files_with(tmp_path, GONE) == []
    assert rewritten == ["anew"]


async def test_what_waits_for_the_disk_is_erased_too(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "site.sqlite")) as journal:
        place = 0
        for n in range(1, 3 * log.CHUNK):  # more than one transaction takes
            place = journal.append(heart(n, GONE))
        journal.save_snapshot(GONE, snapshot(place, GONE))
        assert await journal.erase(GONE) == 3 * log.CHUNK - 1
        await journal.committed(journal.append(tick(1), urgent=True))
        assert files_with(tmp_path, GONE) == []
        assert journal.snapshot(GONE) is None


async def test_no_gap_stands_for_what_was_dropped_of_the_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "KEEP_ROWS", 5)
    with closing(SqliteJournal(tmp_path / "site.sqlite", tell=lambda _: None)) as journal:
        refused = sqlite3.OperationalError("database or disk is full")
        with monkeypatch.context() as full:

            def refuse(_batch: object) -> None:
                raise refused

            full.setattr(journal._store, "write", refuse)
            for n in range(1, 20):
                journal.append(heart(n, GONE))
                journal.append(heart(n, STAYS))
            await recording(journal, wanted=False)
            with pytest.raises(NotRecordingError):
                await journal.erase(GONE)
        await recording(journal, wanted=True)
        await journal.committed(journal.append(tick(1), urgent=True))
        await journal.erase(GONE)
        gaps = [e.record for e in journal.read(kinds=("gap",)) if isinstance(e.record, Gap)]
        assert {gap.wearer for gap in gaps} == {STAYS}
        assert files_with(tmp_path, GONE) == []


async def test_a_copy_in_the_wal_that_another_program_holds_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.sqlite"
    monkeypatch.setattr(erasing, "WAL_TRIES", 1)
    monkeypatch.setattr(log, "WAL_TRIES", 1)
    with closing(SqliteJournal(path)) as journal:
        await filled(journal, seconds=60)
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM records").fetchone()
            with pytest.raises(NotRecordingError, match="another program is reading"):
                await journal.erase(GONE)
        await journal.erase(GONE)
        assert files_with(tmp_path, GONE) == []


async def test_a_damaged_journal_moved_aside_is_searched_and_named(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        await filled(journal, seconds=60)
    held = tmp_path / "site.sqlite.broken-20260101T000000Z"
    held.write_bytes(b"\0" + path.read_bytes()[1:])
    wal = tmp_path / "site.sqlite.broken-20260101T000000Z-wal"
    wal.write_bytes(b"x" * ((1 << 20) - 4) + GONE.encode())  # over the border of two pieces
    other = tmp_path / "site.sqlite.broken-20260102T000000Z"
    other.write_bytes(STAYS.encode())
    assert damaged_with(path, GONE) == [held, wal]
    assert damaged_with(path, "nobody-at-all") == []


def test_the_names_in_a_record_are_those_of_this_version() -> None:
    """A new kind that names somebody else than its wearer has to be thought of in erase.py."""
    assert Eda.__dataclass_fields__["wearer"]
    naming = [
        cls.__name__
        for cls in Record.__args__
        if any("wearer" in name and name != "wearer" for name in cls.__dataclass_fields__)
    ]
    assert naming == ["Session", "Marker"]
