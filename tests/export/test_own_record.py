"""A person's copy of their own record: all of theirs, nothing of others, in little memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import pytest

from vagalwatch.alerts import words
from vagalwatch.alerts.couple import LINK
from vagalwatch.export import own_record
from vagalwatch.export.own_record import record_zip
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.recording import read_journal
from vagalwatch.records import (
    Answer,
    AnswerKind,
    ClockStep,
    Contact,
    Eda,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Level,
    Marker,
    Metrics,
    Motion,
    Notice,
    Record,
    Session,
    Setting,
    State,
    Stream,
    Tick,
)
from vagalwatch.sensors.recording import read

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.sensors.recording import Recording

S = 1_000_000_000
EVENING = round(datetime(2026, 5, 4, 23, 58, 20, tzinfo=UTC).timestamp()) * S


async def a_journal(path: Path, *records: Record) -> Path:
    journal = SqliteJournal(path / "home.sqlite")
    place = 0
    for record in records:
        place = journal.append(record)
    await journal.committed(place)
    journal.close()
    return path / "home.sqlite"


def copied(journal: Path, wearer: str = "ada") -> dict[str, str]:
    body = b"".join(record_zip(journal, wearer, words.lines()))
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert file.testzip() is None
        return {name: file.read(name).decode() for name in file.namelist()}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def heart(t_ns: int, wearer: str = "ada", **more: object) -> Heart:
    beats: Any = {"beat_t_ns": (t_ns - S, t_ns), "rr_ms": (812.5, 1000.0), "chained": True}
    both = beats | more
    return Heart(wearer=wearer, source="strap", t_ns=t_ns, recv_ns=t_ns, hr_bpm=66.0, **both)


def an_evening(wearer: str = "ada") -> list[Record]:
    """Four minutes over midnight, with every kind of record that a sensor makes."""
    records: list[Record] = []
    for second in range(0, 240, 2):
        t_ns = EVENING + second * S
        records.append(heart(t_ns, wearer, chained=second > 0))
        times = (t_ns - S // 4, t_ns)
        eda = Eda(wearer=wearer, source="ring", t_ns=t_ns, recv_ns=t_ns, sample_t_ns=times)
        records.append(Eda(**{**_fields(eda), "eda_us": (2.125, 2.25)}))
        motion = Motion(wearer=wearer, source="ring", t_ns=t_ns, recv_ns=t_ns, sample_t_ns=times)
        axes: Any = {"acc_x_mg": (1.0, 2.0), "acc_y_mg": (3.0, 4.0), "acc_z_mg": (5.0, 6.0)}
        records.append(Motion(**{**_fields(motion), **axes}))
    end_ns = EVENING + 240 * S
    at: Any = {"wearer": wearer, "t_ns": end_ns, "recv_ns": end_ns}
    records += [
        Level(source="ring", signal="temp_c", value=31.5, **at),
        Contact(source="strap", on_body=False, **at),
        Gap(
            wearer=wearer,
            source="strap",
            stream=Stream.HEART,
            t_ns=EVENING - 3600 * S,
            recv_ns=end_ns,
            reason=GapReason.OFF_BODY,
            end_ns=EVENING,
        ),
    ]
    return records


def _fields(record: Eda | Motion) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__ if name != "kind"}


def said(wearer: str = "ada") -> list[Record]:
    at: Any = {"wearer": wearer, "t_ns": EVENING, "recv_ns": EVENING}
    answer: Any = {"answer": AnswerKind.SET_OFF, "about": "b", "text": f'"{wearer}", bins\u00e4'}
    return [
        Setting(key="agreed-place", value='"the attic"', **at),
        Answer(**answer, **at),
        Marker(text="a note", **at),
        Notice(alert_id="a", way="desktop-1", repeat=False, outcome="taken", **at),
        Estimate(state=State.SETTLED, arousal=0.5, metrics=Metrics(hr_bpm=66.0), **at),
        Gap(
            wearer=wearer,
            source="strap",
            stream=Stream.HEART,
            t_ns=EVENING,
            recv_ns=EVENING,
            reason=GapReason.OFF_BODY,
        ),
    ]


async def test_everything_that_was_said_and_made_of_it_is_there(tmp_path: Path) -> None:
    files = copied(await a_journal(tmp_path, *said()))
    assert rows(files["settings.csv"]) == [
        {"t_utc": "2026-05-04T23:58:20.000Z", "key": "agreed-place", "value": '"the attic"'}
    ]
    (answer,) = rows(files["answers.csv"])
    assert (answer["answer"], answer["text"], answer["minutes"]) == ("set-off", '"ada", binsä', "")
    assert rows(files["notes.csv"])[0]["text"] == "a note"
    (notice,) = rows(files["notices.csv"])
    assert (notice["way"], notice["repeat"], notice["outcome"]) == ("desktop-1", "False", "taken")
    (estimate,) = rows(files["estimates.csv"])
    assert (estimate["state"], estimate["hr_bpm"], estimate["scl_us"]) == ("settled", "66.0", "")
    (gap,) = rows(files["gaps.csv"])
    assert (gap["end_utc"], gap["reason"]) == ("", "off-body")
    assert "Made 20" in files["README.txt"]
    assert "{" not in files["README.txt"]


async def test_each_day_of_sensors_reads_back_to_what_the_journal_holds(tmp_path: Path) -> None:
    """No sample is lost at midnight, and none is there twice."""
    journal = await a_journal(tmp_path, *an_evening())
    files = copied(journal)
    starts = {row["file"]: row["start_utc"] for row in rows(files["sensors/files.csv"])}
    assert [*starts] == ["2026-05-04.csv", "2026-05-05.csv"]
    found = _samples(read_journal(journal, "ada"))
    told: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for name, start in starts.items():
        path = tmp_path / name
        path.write_text(files[f"sensors/{name}"], "utf-8")
        zero_ns = round(datetime.fromisoformat(start).timestamp() * 1000) * 1_000_000
        recording = read(path, "ada")
        for key, samples in _samples(recording, zero_ns).items():
            told.setdefault(key, []).extend(samples)
    assert told == found


def _samples(
    recording: Recording, zero_ns: int | None = None
) -> dict[tuple[str, str], list[tuple[int, float]]]:
    zero_ns = recording.start_ns if zero_ns is None else zero_ns
    return {
        (one.source, one.signal): [
            (zero_ns + int(t_ns), float(value))
            for t_ns, value in zip(one.t_ns, one.values, strict=True)
        ]
        for one in recording.series
    }


def test_every_kind_that_is_somebodys_is_in_it() -> None:
    """The site's own records (ticks, runs, sessions) are nobody's, and stay out."""
    kinds = {
        known["kind"].default
        for known in ({each.name: each for each in fields(cls)} for cls in get_args(Record))
        if known["wearer"].default is MISSING
    }
    told = {kind for kind, _ in own_record._EVENTS.values()} | {*own_record._SENSED, "estimate"}
    assert kinds == told


async def test_nothing_of_others_is_in_it_nor_a_name(tmp_path: Path) -> None:
    at: Any = {"t_ns": EVENING, "recv_ns": EVENING}
    journal = await a_journal(
        tmp_path,
        *said("ada"),
        *said("sam"),
        *an_evening("sam"),
        Session(session="s", started=True, wearers=("ada", "sam"), **at),
        Setting(wearer="ada", key=LINK, value='{"partner": "sam", "by": "dr-b"}', **at),
        Setting(wearer="ada", key=LINK, value="null", **at),
        Tick(**at),
    )
    files = copied(journal, "ada")
    text = "\n".join([*files, *files.values()])
    assert "sam" not in text.replace("same", "")
    assert "dr-b" not in text
    assert [row["value"] for row in rows(files["settings.csv"])][1:] == ["linked", "null"]
    assert rows(files["sensors/files.csv"]) == []
    nobody = copied(journal, "eve")
    assert all(not rows(text) for name, text in nobody.items() if name.endswith(".csv"))


async def test_a_sample_from_long_before_its_file_begins_another(tmp_path: Path) -> None:
    """Two sensors' clocks may disagree by more than the margin; nothing gets a time before zero."""
    noon = EVENING - 12 * 3600 * S
    late = Level(
        wearer="ada",
        source="ring",
        t_ns=noon - 600 * S,
        recv_ns=noon,
        signal="temp_c",
        value=30.0,
    )
    files = copied(await a_journal(tmp_path, heart(noon), late, heart(noon + 2 * S)))
    names = [row["file"] for row in rows(files["sensors/files.csv"])]
    assert names == ["2026-05-04.csv", "2026-05-04-2.csv"]
    for name in names:
        assert all(float(row["t_s"]) >= 0 for row in rows(files[f"sensors/{name}"]))
    assert rows(files["sensors/2026-05-04-2.csv"])[0]["value"] == "30.0"


async def test_samples_far_before_the_first_of_their_record_do_not_make_the_copy_endless(
    tmp_path: Path,
) -> None:
    noon = EVENING - 12 * 3600 * S
    back = Eda(
        wearer="ada",
        source="ring",
        t_ns=noon,
        recv_ns=noon,
        sample_t_ns=(noon, noon - 61 * S),
        eda_us=(1.0, 2.0),
    )
    path = await a_journal(tmp_path, back)
    body = b"".join(islice(record_zip(path, "ada", words.lines()), 2))  # or it would not end
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        (name,) = (row["file"] for row in rows(file.read("sensors/files.csv").decode()))
        told = rows(file.read(f"sensors/{name}").decode())
    assert [(row["t_s"], row["value"]) for row in told] == [("121.0", "1.0"), ("60.0", "2.0")]


async def test_times_are_those_of_the_wall_also_where_the_clock_was_set(tmp_path: Path) -> None:
    hour = 3600 * S
    step = ClockStep(t_ns=EVENING + S, recv_ns=EVENING + S, delta_ns=hour)
    setting = Setting(
        wearer="ada", t_ns=EVENING + 2 * S, recv_ns=EVENING + 2 * S, key="mute-until", value="null"
    )
    files = copied(await a_journal(tmp_path, step, setting))
    assert rows(files["settings.csv"])[0]["t_utc"] == "2026-05-05T00:58:22.000Z"


async def test_a_long_record_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    day_s = timedelta(days=1).total_seconds()
    for name, count in (("short", 600), ("long", 3_000)):
        (tmp_path / name).mkdir()
        every_ns = round(day_s / 600) * S
        await a_journal(tmp_path / name, *(heart(EVENING + n * every_ns) for n in range(count)))

    def most(name: str) -> int:
        tracemalloc.start()
        for _ in record_zip(tmp_path / name / "home.sqlite", "ada", words.lines()):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most("short")  # what is made once, and then kept, is not the record's
    assert most("long") < most("short") + 200_000


async def test_without_a_journal_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="There is no journal"):
        next(record_zip(tmp_path / "none.sqlite", "ada", words.lines()))
