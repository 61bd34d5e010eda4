"""The command line as a person or a program meets it: output, errors, exit codes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from helpers_cli import call, command, environment, run
from helpers_real import free_port
from helpers_recording import e4_folder, heart, steady
from vagalwatch import __version__
from vagalwatch.control import call as ask
from vagalwatch.engine import ENGINE_VERSION, Engine
from vagalwatch.export import FORMATS, SERIES, tidy
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import Alert, Run
from vagalwatch.sensors.decode.kinds import KINDS
from vagalwatch.sensors.recording import sequence
from vagalwatch.web.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEASUREMENT = "16 48 54 01 EC 02"
DECODED = {
    "hr_bpm": 72,
    "contact": True,
    "energy_kj": None,
    "rr_ms": [332.03125, 730.46875],
}
FRAMES = {
    "2A37": MEASUREMENT,
    "2A19": "64",
    "2A38": "01",
    "nuanic-eda": "0500 0100 A0860100 00F8B6C8 9E010000 40420F00 20A10700",
}
CONFIG = """
state_dir = "{state}"
[[wearers]]
id = "alex"
[[wearers.sensors]]
device = "{device}"
address = "A0:9E:1A:00:00:01"
[page]
port = {page}
[mqtt]
port = 0
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Eight quiet minutes as tidy CSV."""
    (path,) = tidy.write(steady(8), tmp_path / "quiet.csv")
    return path


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal as the service writes it, of an evening with a flooding."""
    return write_journal(tmp_path_factory.mktemp("journal") / "home.sqlite")


def write_journal(path: Path, *, forget_alerts: bool = False) -> Path:
    evening = heart([(8, 70), (4, 112), (3, 70)], eda=False)
    began = Run(
        t_ns=evening.start_ns,
        recv_ns=evening.start_ns,
        version=__version__,
        engine_version=ENGINE_VERSION,
        parameters_hash=parameters_hash(),
    )
    engine = Engine("alex")
    with closing(SqliteJournal(path)) as journal:
        for record in [began, *sequence(replace(evening, wearer="alex"))]:
            for one in (record, *engine.push(record)):
                if not (forget_alerts and isinstance(one, Alert)):
                    journal.append(one)
    return path


def config(folder: Path, *, device: str = "heart-rate", page: int = 0, name: str = "a") -> Path:
    path = folder / f"{name}.toml"
    state = folder / f"state-{name}"
    path.write_text(CONFIG.format(state=state, device=device, page=page), encoding="utf-8")
    return path


# --- decode ---------------------------------------------------------------------------------------


def test_decode_prints_what_a_strap_said() -> None:
    assert call("decode", "2A37", MEASUREMENT, "--json") == (0, f"{json.dumps(DECODED)}\n", "")
    assert call("decode", "2a37", MEASUREMENT.replace(" ", "").lower(), "--json").json == DECODED
    assert call("decode", "2A37", MEASUREMENT).out.splitlines() == [
        "hr_bpm: 72",
        "contact: true",
        "energy_kj: null",
        "rr_ms: [332.03125, 730.46875]",
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_decode_knows_every_kind_and_refuses_an_empty_frame_of_it(kind: str) -> None:
    told = call("decode", kind, "", "--json")
    assert told.code == 2
    assert set(told.json["error"]) == {"reason", "offset"}
    assert told.err.startswith("Refused at byte 0: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["2A37", "16"], "Refused at byte 1: truncated."),
        (["2A37", "zz"], "“zz” is not hexadecimal."),
        (["2A99", "00"], f"There is no kind “2A99”; there are {', '.join(KINDS)}."),
        (["2A37"], "Give a kind and its bytes, or --lines FILE."),
        ([], "Give a kind and its bytes, or --lines FILE."),
        (["2A37", "00", "--lines", "-"], "Give a kind and its bytes, or --lines FILE."),
        (["--lines", "nowhere.txt"], "nowhere.txt: No such file or directory."),
        (["--lines", "/"], "/: Is a directory."),
    ],
)
def test_decode_says_in_one_sentence_what_it_cannot(words: list[str], sentence: str) -> None:
    assert call("decode", *words).sentence(2) == sentence


def test_decode_goes_on_behind_a_line_that_it_cannot_read(tmp_path: Path) -> None:
    text = f"2A37 {MEASUREMENT}\n\n2A37 16\n 2a19\t64 \r\n2A99 00\n2A37\n2A37 zz\n2A19 63"
    lines = tmp_path / "frames.txt"
    lines.write_text(text)
    told = call("decode", "--lines", lines)
    assert (told.code, told.err) == (0, "")
    assert [json.loads(line) for line in told.out.splitlines()] == [
        DECODED,
        {"error": {"reason": "truncated", "offset": 1}},
        {"battery_percent": 100},
        {"error": {"reason": "unknown-kind", "offset": 0}},
        {"error": {"reason": "truncated", "offset": 0}},
        {"error": {"reason": "not-hex", "offset": 0}},
        {"battery_percent": 99},
    ]
    assert call("decode", "--lines", "-", stdin=text) == told
    assert call("decode", "--lines", "-", "--json", stdin=text) == told


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=40)).map(
                lambda frame: f"{frame[0]} {frame[1].hex()}".encode()
            ),
        ),
        max_size=8,
    ).map(b"\n".join)
)
def test_decode_answers_any_line_with_one_json_object(text: bytes) -> None:
    told = call("decode", "--lines", "-", stdin=text)
    assert (told.code, told.err) == (0, "")
    asked = [line for line in text.decode(errors="replace").split("\n") if line.strip()]
    answers = [json.loads(line) for line in told.out.splitlines()]
    assert len(answers) == len(asked)
    assert all(isinstance(answer, dict) and answer for answer in answers)


# --- analyze --------------------------------------------------------------------------------------


def test_analyze_writes_its_files_and_says_what_is_in_them(recording: Path, tmp_path: Path) -> None:
    told = call("analyze", recording, "--out", tmp_path / "out", "--baseline", "0:300")
    assert (told.code, told.err) == (0, "")
    first, *_, last = told.out.splitlines()
    assert first.startswith("96 rows over 8.0 min: ")
    assert last == f"Written to {tmp_path / 'out'}."
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "timeline.csv",
        "timeline.parquet",
        "episodes.json",
        "summary.json",
    }
    again = call("analyze", recording, "--out", tmp_path / "out", "--baseline", "0:300", "--json")
    assert again.code == 0
    assert again.json == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert again.json["baseline"]["asked_s"] == [0, 300]


def test_analyze_of_a_recording_without_a_row_says_so(tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("t_s,signal,value\n1,rr_ms,800\n")
    told = call("analyze", tmp_path / "short.csv", "--out", tmp_path / "out")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("0 rows over 0.0 min: too short.\n")


BAD = {
    "columns.csv": (b"time,heart\n1,2\n", "line 1: the columns t_s, signal and value"),
    "text.csv": (b"t_s,signal,value\n1,rr_ms,fast\n", "line 2: a number for rr_ms was expected"),
    "nan.csv": (b"t_s,signal,value\n1,rr_ms,nan\n", "line 2: a number for rr_ms was expected"),
    "signal.csv": (b"t_s,signal,value\n1,pulse,70\n", "line 2: one of the signals rr_ms"),
    "cells.csv": (b"t_s,signal,value\n1,rr_ms\n", "line 2: 3 cells were expected, not 2"),
    "heading.csv": (b"t_s,signal,value\n", "holds no samples"),
    "empty": (b"", "an RR interval"),
    "binary": (bytes(range(256)) * 20, "UTF-8"),
    "binary.gz": (bytes(range(256)) * 20, "gzip"),
    "cut.sqlite": (b"SQLite format 3\x00" + bytes(200), "not a journal"),
    "words.txt": (b"RR\neight hundred\n", "line 2: an RR interval"),
}
"""Name of a bad recording: its bytes, and what the sentence must say."""


@pytest.mark.parametrize("verb", ["analyze", "export", "replay"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_recording_is_one_sentence_and_nothing_is_written(
    verb: str, name: str, tmp_path: Path
) -> None:
    content, says = BAD[name]
    (tmp_path / name).write_bytes(content)
    out = [] if verb == "replay" else ["--out", tmp_path / "out" / "x"]
    sentence = call(verb, tmp_path / name, *out).sentence(2)
    assert says in sentence
    assert name in sentence
    assert {path.name for path in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("verb", ["analyze", "export", "replay"])
def test_what_is_no_recording_is_one_sentence(verb: str, tmp_path: Path) -> None:
    out = [] if verb == "replay" else ["--out", tmp_path / "out"]
    assert call(verb, tmp_path / "gone", *out).sentence(2) == (
        f"There is no recording at {tmp_path / 'gone'}."
    )
    folder = tmp_path / "photos"
    folder.mkdir()
    assert "photos is no Empatica E4 session" in call(verb, folder, *out).sentence(2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("stretch", "says"),
    [
        ("five", "“five” is no stretch; give START:END in seconds, such as 0:300."),
        ("1:2:3", "“1:2:3” is no stretch"),
        ("300:0", "was expected to lie within the recording"),
        ("0:1e9", "was expected to lie within the recording, 0 to 480"),
        ("nan:nan", "was expected to lie within the recording"),
        ("-1:300", "was expected to lie within the recording"),
    ],
)
def test_a_baseline_that_cannot_be_is_one_sentence(
    stretch: str, says: str, recording: Path, tmp_path: Path
) -> None:
    told = call("analyze", recording, "--out", tmp_path / "out", f"--baseline={stretch}")
    assert says in told.sentence(2)
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_put_there_are_one_sentence(recording: Path) -> None:
    sentence = call("analyze", recording, "--out", recording).sentence(2)
    assert sentence == f"{recording}: File exists."
    sentence = call("analyze", recording, "--out", recording / "out").sentence(2)
    assert sentence == f"{recording / 'out'}: Not a directory."


# --- export ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [("tidy", "a.csv"), ("tidy", "a.csv.gz"), ("parquet", "a.parquet")]
)
def test_export_writes_one_whole_file(
    kind: str, name: str, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / name
    told = call("export", recording, "--format", kind, "--out", out)
    assert told == (0, f"Written {out}\n", "")
    assert call("export", recording, "--format", kind, "--out", out, "--json").json == {
        "files": [str(out)]
    }
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_export_for_kubios_writes_a_file_a_stretch(flooded: Path, tmp_path: Path) -> None:
    out = tmp_path / "rr.txt"
    told = call("export", flooded, "--own", "--format", "kubios", "--out", out, "--json")
    files = [tmp_path / "rr-001.txt"]
    assert told.json == {"files": [str(file) for file in files]}
    beats = [float(line) for line in files[0].read_text().split()]
    assert len(beats) > 900
    assert sorted(tmp_path.iterdir()) == files


def test_what_export_writes_of_a_journal_analyze_reads_to_the_same_timeline(
    flooded: Path, tmp_path: Path
) -> None:
    call("export", flooded, "--own", "--out", tmp_path / "a.csv")
    for name, path in (("journal", flooded), ("tidy", tmp_path / "a.csv")):
        assert call("analyze", path, "--out", tmp_path / name).code == 0
    for name in ("timeline.csv", "episodes.json"):
        assert (tmp_path / "journal" / name).read_bytes() == (tmp_path / "tidy" / name).read_bytes()
    assert "flooding" in (tmp_path / "tidy" / "episodes.json").read_text()


def test_an_unknown_format_names_those_there_are(recording: Path, tmp_path: Path) -> None:
    told = call("export", recording, "--format", "edf", "--out", tmp_path / "x.edf")
    assert told.sentence(2) == f"There is no format “edf”; there are {', '.join(FORMATS)}."
    assert not (tmp_path / "x.edf").exists()


def test_an_export_never_takes_the_place_of_what_was_recorded(
    recording: Path, flooded: Path, tmp_path: Path
) -> None:
    session = e4_folder(tmp_path / "session")
    before = {path: path.read_bytes() for path in (recording, flooded, *session.iterdir())}
    for source, out in (
        (recording, recording),
        (flooded, flooded),
        (recording, flooded),
        (session, session / "EDA.csv"),
    ):
        assert "is recorded data" in call("export", source, "--own", "--out", out).sentence(2)
    beats = tmp_path / "rr-001.txt"
    beats.write_text("800\n810\n")
    told = call("export", beats, "--format", "kubios", "--out", tmp_path / "rr.txt")
    assert told.sentence(2) == f"{beats} is recorded data, which an export does not overwrite."
    assert beats.read_text() == "800\n810\n"
    assert {path: path.read_bytes() for path in before} == before


def test_an_export_that_finds_no_place_is_one_sentence(recording: Path, tmp_path: Path) -> None:
    assert call("export", recording, "--out", tmp_path).sentence(2) == (
        f"{tmp_path} is a folder; name a file in it."
    )
    assert call("export", recording, "--out", recording / "x.csv").sentence(2) == (
        f"{recording}: File exists."
    )
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no plain file" in call("export", recording, "--out", pipe).sentence(2)


def test_a_full_disk_is_a_failure_and_leaves_the_last_export_whole(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("the last one")

    def half(told: object, path: Path) -> list[Path]:
        del told
        path.write_text("t_s,signal,value\n1,rr_")
        with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - the real refusal
            full.write("x")
        return [path]

    monkeypatch.setitem(SERIES, "tidy", half)
    assert call("export", recording, "--out", out).sentence(1) == "No space left on device."
    assert out.read_text() == "the last one"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "quiet.csv"}


# --- replay ---------------------------------------------------------------------------------------


def test_replay_says_what_live_would_have_said(flooded: Path) -> None:
    told = call("replay", flooded, "--json")
    assert (told.code, told.err) == (0, "")
    events = [json.loads(line) for line in told.out.splitlines()]
    assert {event["kind"] for event in events} == {"state", "episode", "alert", "break"}
    assert [event["t_s"] for event in events] == sorted(event["t_s"] for event in events)
    assert {event["wearer"] for event in events} == {"alex"}
    lines = call("replay", flooded, "--wearer", "alex").out.splitlines()
    assert len(lines) == len(events)
    assert any("alert" in line and "flooding" in line for line in lines)


def test_replay_keeps_time(recording: Path) -> None:
    told = call("replay", recording, "--speed", "100000", "--json")
    assert told == call("replay", recording, "--json")
    assert told.code == 0


def test_a_journal_that_says_the_same_again_passes_the_check(flooded: Path) -> None:
    told = call("replay", flooded, "--check")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith(" compared, 0 differ.\n")
    result = call("replay", flooded, "--check", "--json").json
    assert result["differences"] == []
    assert result["compared"] >= 3


def test_a_journal_that_says_something_else_fails_the_check(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "home.sqlite", forget_alerts=True)
    told = call("replay", path, "--check")
    assert (told.code, told.err) == (1, "")
    first, second, *_ = told.out.splitlines()
    assert first.endswith(" compared, 1 differ.")
    assert second.startswith("alert ")
    result = call("replay", path, "--check", "--json")
    assert result.code == 1
    assert len(result.json["differences"]) == 1


def test_only_a_journal_can_be_checked(recording: Path) -> None:
    assert call("replay", recording, "--check").sentence(2) == (
        "quiet.csv is no journal, so there is nothing to check it against."
    )


@pytest.mark.parametrize("verb", ["analyze", "export", "replay"])
def test_the_wrong_wearer_of_a_journal_is_one_sentence(
    verb: str, flooded: Path, tmp_path: Path
) -> None:
    out = [] if verb == "replay" else ["--out", tmp_path / "out"]
    told = call(verb, flooded, "--wearer", "sam", *out)
    assert told.sentence(2) == "home.sqlite holds nothing of “sam”; it holds alex."


@pytest.mark.parametrize("words", [["--check"], []])
def test_a_damaged_journal_is_one_sentence(words: list[str], flooded: Path, tmp_path: Path) -> None:
    content = bytearray(flooded.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40_000] = b"Z" * 40_000
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(content)
    sentence = call("replay", damaged, *words).err.splitlines()[-1]
    assert sentence.startswith(f"{damaged} cannot be read to its end: ")
    out = tmp_path / "out"
    for verb in ("analyze", "export"):
        assert str(damaged) in call(verb, damaged, "--out", out).sentence(2)
        assert not out.exists()


# --- pair, run, scan, demo: what is wrong before anything starts ----------------------------------


def test_pair_gives_a_code_for_a_wearer_of_the_configuration(tmp_path: Path) -> None:
    path = config(tmp_path, page=8477)
    told = call("pair", "alex", "--config", path, "--json")
    assert (told.code, told.err) == (0, "")
    assert told.json["wearer"] == "alex"
    first = urlsplit(told.json["url"])
    assert (first.scheme, first.netloc, first.path) == ("http", "127.0.0.1:8477", "/pair")
    lines = call("pair", "alex", "--config", path).out.splitlines()
    second = urlsplit(lines[-2])
    assert second.fragment not in {"", first.fragment}
    assert sum("█" in line for line in lines) > 10
    assert lines[-1].startswith("It works once")
    kept = (tmp_path / "state-a" / "credentials.json").read_text()
    assert first.fragment not in kept
    assert second.fragment not in kept


def test_pair_says_when_no_phone_can_open_the_link(tmp_path: Path) -> None:
    """The default page listens on this machine alone, and its QR code looked as good as any."""
    path = config(tmp_path, page=8477)
    assert "docs/page.md" in call("pair", "alex", "--config", path).err
    text = path.read_text().replace("[page]", '[page]\npublic_host = "pause.home.arpa"')
    path.write_text(text)
    told = call("pair", "alex", "--config", path)
    assert (told.code, told.err) == (0, "")
    assert "https://pause.home.arpa/pair#" in told.out


def test_a_setting_needs_a_service_a_key_and_a_value(tmp_path: Path) -> None:
    path = config(tmp_path)
    told = call("set", "alex", "break-minutes", "30", "--config", path)
    assert told.code == 2
    assert told.err == "vagalwatch is not running here. Start it with “vagalwatch run”.\n"
    assert "takes a key and a value" in call("set", "alex", "break-minutes", "--config", path).err


def test_a_pairing_can_be_ended_while_no_service_runs(tmp_path: Path) -> None:
    path = config(tmp_path, page=8477)
    code = urlsplit(call("pair", "alex", "--config", path, "--json").json["url"]).fragment
    credentials = Credentials(tmp_path / "state-a" / "credentials.json")
    session = credentials.redeem(code)
    assert session is not None
    unused = urlsplit(call("pair", "alex", "--config", path, "--json").json["url"]).fragment
    told = call("pair", "alex", "--end", "--config", path)
    assert (told.code, told.err) == (0, "")
    assert told.out == "The page of “alex” is closed on 1 phone(s); unused codes are void.\n"
    assert credentials.wearer_of(session.token) is None
    assert credentials.redeem(unused) is None
    assert call("pair", "alex", "--end", "--config", path, "--json").json == {
        "wearer": "alex",
        "ended": 0,
    }
    assert "No phone had" in call("pair", "sam", "--end", "--config", path).out


def test_pair_refuses_who_is_not_configured(tmp_path: Path) -> None:
    told = call("pair", "sam", "--config", config(tmp_path, page=8477))
    assert told.sentence(2) == "“sam” is not configured. Configured: alex."
    (tmp_path / "none.toml").write_text("")
    told = call("pair", "sam", "--config", tmp_path / "none.toml")
    assert told.sentence(2) == "“sam” is not configured. Configured: nobody."


def test_pair_refuses_an_address_that_nobody_could_open(tmp_path: Path) -> None:
    assert "page.port is 0" in call("pair", "alex", "--config", config(tmp_path)).sentence(2)
    (tmp_path / "state-a").write_text("a file where the folder should be")
    told = call("pair", "alex", "--config", config(tmp_path, page=8477))
    assert str(tmp_path / "state-a") in told.sentence(2)


@pytest.mark.parametrize("verb", [["run"], ["doctor"], ["pair", "alex"]])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('state_dri = "x"', "unknown key “state_dri”. Did you mean “state_dir”?"),
        ("[page]\nprot = 1", "unknown key “page.prot”. Did you mean “port”?"),
        ("[page]\nport = 'high'", "page.port"),
        ("site = 'Our Home'", "site: a pseudonym has 1 to 32 of a-z, 0-9 and -."),
        (
            "[[wearers]]\nid = 'a'\nsensors = [{ device = 'nuanic', address = 'ring' }]",
            "a Bluetooth address looks like",
        ),
        ("[[", "is not valid TOML"),
        ("[page]\nhost = '192.0.2.1'", "page.tls_cert_file"),
        ("[influx]\nurl = 'http://db.example'", "https://"),
    ],
)
def test_a_bad_configuration_is_one_sentence(
    verb: list[str], text: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "vagalwatch.toml"
    path.write_text(text)
    sentence = call(*verb, "--config", path).sentence(2)
    assert str(path) in sentence
    assert says in sentence


@pytest.mark.parametrize("verb", [["run"], ["doctor"], ["pair", "alex"]])
def test_a_configuration_that_is_not_there_is_one_sentence(verb: list[str], tmp_path: Path) -> None:
    told = call(*verb, "--config", tmp_path / "gone.toml")
    assert told.sentence(2) == f"There is no configuration file at {tmp_path / 'gone.toml'}."
    assert call(*verb, "--config", tmp_path).sentence(2) == f"{tmp_path}: Is a directory."


def test_a_typing_error_in_the_environment_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAGALWATCH_STAT_DIR", "x")
    told = call("run", "--config", config(tmp_path))
    assert "VAGALWATCH_STAT_DIR" in told.err
    assert "VAGALWATCH_STATE_DIR" in told.err
    assert told.code == 2


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("VAGALWATCH_WEARERS", "alex", "VAGALWATCH_WEARERS: a whole section"),
        ("VAGALWATCH_MQTT__PORT", "high", "$VAGALWATCH_MQTT__PORT: mqtt.port: "),
    ],
)
def test_a_bad_value_in_the_environment_is_one_sentence_that_names_it(
    name: str, value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert says in call("run", "--config", config(tmp_path)).sentence(2)


def test_run_without_wearers_says_how_to_name_one(tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text("")
    sentence = call("run", "--config", tmp_path / "none.toml").sentence(2)
    assert sentence.startswith("Nobody is configured.")
    assert str(tmp_path / "none.toml") in sentence


def test_run_with_an_unknown_device_leaves_no_trace(tmp_path: Path) -> None:
    told = call("run", "--config", config(tmp_path, device="polr"))
    assert told.sentence(2).startswith("Unknown device “polr”. Known devices: “heart-rate”")
    assert not (tmp_path / "state-a").exists()


def test_scan_without_bluetooth_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    for words in ([], ["--json"]):
        sentence = call("scan", *words).sentence(1)
        assert sentence == "No Bluetooth adapter was found. Plug one in, or start bluetoothd."


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["demo", "--story", "bad"], "'hard'"),
        (["demo", "--seed", "-1"], "--seed"),
        (["scan", "--seconds", "0"], "--seconds"),
        (["analyze", "x"], "--out"),
        (["replay"], "recording"),
        (["decode", "--wrong"], "--wrong"),
        (["wonder"], "wonder"),
    ],
)
def test_wrong_options_get_the_usage_and_2(words: list[str], says: str) -> None:
    told = call(*words)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("Usage: ")
    assert says in told.err
    assert "Traceback" not in told.err


def test_every_verb_has_help_and_data_comes_as_json_on_demand() -> None:
    verbs = ("run", "demo", "scan", "pair", "doctor", "decode", "analyze", "replay", "export")
    overview = call("--help").out
    for verb in verbs:
        assert verb in overview
        assert ("--json" in call(verb, "--help").out) == (verb != "run")
    assert call("--version") == (0, f"{__version__}\n", "")


# --- as a process ---------------------------------------------------------------------------------


def imported(code: str, *names: str) -> set[str]:
    """Which of ``names`` are imported once ``code`` has run in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split()) & set(names)


HEAVY = ("scipy", "neurokit2", "pandas", "pyarrow", "matplotlib", "influxdb_client", "bumble")


def test_nothing_heavy_on_the_live_path() -> None:
    assert imported("import vagalwatch.service, vagalwatch.cli", *HEAVY) == set()


@pytest.mark.parametrize("words", [["--help"], ["decode", "2A37", MEASUREMENT], ["--version"]])
def test_small_verbs_start_without_what_they_do_not_need(words: list[str]) -> None:
    code = (
        "import sys\nfrom vagalwatch.cli import main\n"
        f"sys.argv = ['vagalwatch', *{words!r}]\ntry:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert imported(code, *HEAVY, "numpy", "bleak", "amqtt", "starlette", "sqlite3") == set()


def test_the_script_of_the_package_is_this_command_line() -> None:
    told = run("decode", "2A37", MEASUREMENT, "--json")
    assert told == (0, f"{json.dumps(DECODED)}\n", "")
    assert run("decode", "2A37", "16").sentence(2) == "Refused at byte 1: truncated."


def test_who_has_read_enough_hears_no_complaint(flooded: Path) -> None:
    with subprocess.Popen(
        command("replay", flooded, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as talking:
        assert talking.stdout is not None
        assert talking.stderr is not None
        talking.stdout.close()
        assert talking.stderr.read() == b""
        assert talking.wait(30) == 1


def test_ctrl_c_ends_without_a_traceback(flooded: Path) -> None:
    with subprocess.Popen(
        command("replay", flooded, "--speed", "1", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as talking:
        assert talking.stdout is not None
        assert talking.stderr is not None
        json.loads(talking.stdout.readline())
        talking.send_signal(signal.SIGINT)
        assert talking.wait(30) == 130
        assert talking.stderr.read() == b""


# --- run ------------------------------------------------------------------------------------------


@contextmanager
def living(path: Path) -> Iterator[subprocess.Popen[str]]:
    """`vagalwatch run` from the moment it is live; nothing of it survives the block."""
    with subprocess.Popen(
        command("run", "--config", path), stderr=subprocess.PIPE, text=True, env=environment()
    ) as service:
        try:
            assert service.stderr is not None
            heard = ""
            while "Live." not in heard:
                line = service.stderr.readline()
                assert line, heard
                heard += line
            yield service
        finally:
            if service.poll() is None:
                service.kill()


def ended(service: subprocess.Popen[str]) -> str:
    """Stop the service as systemd does and return what else it said."""
    service.send_signal(signal.SIGTERM)
    _, said = service.communicate(timeout=60)
    assert service.returncode == 0, said
    return said


def page_of(url: str) -> ClientConnection:
    """Pair with the address of the QR code and open the page."""
    where = urlsplit(url)
    origin = f"{where.scheme}://{where.netloc}"
    line = http.client.HTTPConnection(where.netloc, timeout=30)
    body = json.dumps({"code": where.fragment})
    line.request("POST", "/pair", body, {"Origin": origin, "Content-Type": "application/json"})
    answer = line.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    line.close()
    assert answer.status == 200
    return connect(
        f"ws://{where.netloc}/live",
        origin=Origin(origin),
        additional_headers={"Cookie": cookie},
        proxy=None,
    )


def see(url: str) -> dict[str, Any]:
    """What the page shows once rows must have come: they take eight seconds at most."""
    view: dict[str, Any] = {}
    with page_of(url) as page:
        first_ms = now_ms = 0
        while now_ms < first_ms + 9000:
            message = json.loads(page.recv(timeout=60))
            now_ms = message["now_ms"]
            first_ms = first_ms or now_ms
            view = message.get("view", view)
    return view


@pytest.mark.real
def test_a_service_without_bluetooth_stays_up_says_so_and_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    path = config(tmp_path, page=free_port())
    with living(path) as service:
        view = see(call("pair", "alex", "--config", path, "--json").json["url"])
        assert view["screen"] == "measure"
        assert view["measure"]["kind"] == "not-measuring"
        assert view["measure"]["say"] == "page.finding"  # for half a minute
        status = ask(tmp_path / "state-a" / "home.control", "status")
        assert [sensor["status"] for sensor in status["sensors"]] == ["no-adapter"]
        assert call("set", "alex", "agreed-place", "the kitchen", "--config", path).out.startswith(
            'agreed-place         "the kitchen"'
        )
        assert call("set", "alex", "--config", path, "--json").json == {
            "agreed-place": "the kitchen"
        }
        with page_of(call("pair", "alex", "--config", path, "--json").json["url"]) as page:
            assert "view" in json.loads(page.recv(timeout=60))
            assert call("pair", "alex", "--end", "--config", path, "--json").json["ended"] == 2
            with pytest.raises(ConnectionClosed):
                list(page)
        second = run("run", "--config", path)
        assert "already runs as process" in second.sentence(2)
        assert str(service.pid) in second.err
        said = ended(service)
    assert "Traceback" not in said
    with open_reader(tmp_path / "state-a" / "home.sqlite") as reader:
        records = [entry.record for entry in reader.read()]
    runs = [record for record in records if isinstance(record, Run)]
    assert [record.ended for record in runs] == [False, True]
    rows = [record for record in records if record.kind == "estimate"]
    assert {(row.state, row.reason) for row in rows} == {("unknown", "heart-missing")}
    gaps = [record for record in records if record.kind == "gap"]
    assert gaps[0].reason == "never-seen"


@pytest.mark.real
def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    taken = config(tmp_path, page=free_port(), name="first")
    port = tomllib.loads(taken.read_text())["page"]["port"]
    with living(taken) as service:
        told = run("run", "--config", config(tmp_path, page=port, name="second"))
        start = f"The page cannot listen on 127.0.0.1, port {port}: "
        assert told.sentence(2).startswith(start)
        ended(service)


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [
        ("file/state", 1, "Not a directory"),
        ("x" * 120, 2, "Cannot listen at"),
    ],
)
def test_a_state_folder_that_cannot_be_is_one_sentence(
    state: str, code: int, says: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    path = config(tmp_path)
    path.write_text(path.read_text().replace("state-a", state))
    told = run("run", "--config", path)
    assert (told.code, told.out) == (code, "")
    assert says in told.err.splitlines()[-1]
    assert "Traceback" not in told.err


def test_run_refuses_a_journal_of_a_newer_version_and_leaves_it_alone(tmp_path: Path) -> None:
    path = config(tmp_path)
    journal = write_journal(tmp_path / "state-a" / "home.sqlite")
    with closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA user_version = 99")
        count = db.execute("SELECT count(*) FROM records").fetchone()
    told = run("run", "--config", path)
    assert "was written by a newer vagalwatch" in told.sentence(2)
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("SELECT count(*) FROM records").fetchone() == count


def test_doctor_prints_one_json_list_and_fails_if_something_needs_mending(tmp_path: Path) -> None:
    told = call("doctor", "--config", config(tmp_path, device="polr"), "--json")
    findings = told.json
    assert told.code == 1
    assert told.err == ""
    assert isinstance(findings, list)
    assert all(finding.keys() == {"check", "ok", "found", "mend"} for finding in findings)
    text = call("doctor", "--config", config(tmp_path, device="polr"))
    assert text.code == 1
    assert "MEND  sensors" in text.out
    assert "Unknown device “polr”" in text.out
