"""Whatever a file holds, reading it gives a recording or one sentence, without a warning."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.sensors.recording import RecordingError, read, sequence
from vagalwatch.sensors.recording.model import SIGNALS

if TYPE_CHECKING:
    from pathlib import Path

_HEADS = (
    "",
    "rr",
    "t_s,signal,value,source",
    "t_s,rr_ms,eda_us",
    "timestamp, rr,x",
    "[Params]\nInterval=238\n[HRData]",
    "1644829925.0\n4.0",
    "1644829925.0, IBI",
    "1644829925,1644829925,1644829925\n32,32,32",
)
_ODD = ("", " ", "nan", "inf", "1e308", "-1e15", "1e-320", '"', '"a', "\r", "\0", "1_0", "4e12")
_CELLS = st.one_of(
    st.sampled_from(_ODD),
    st.sampled_from(("gap", "marker", "s/heart/link-lost", "s/eda/", *SIGNALS)),
    st.integers(0, 2000).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
_TEXTS = st.tuples(
    st.sampled_from(_HEADS),
    st.lists(st.lists(_CELLS, max_size=5).map(",".join), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
).map(lambda parts: parts[2].join([parts[0], *parts[1]]).encode())
_FILES = st.one_of(_TEXTS, st.binary(max_size=200))


def _recording_or_sentence(path: Path) -> None:
    sentence = ""
    try:
        for _ in itertools.islice(sequence(read(path)), 500):
            pass
    except RecordingError as error:
        sentence = str(error)
    assert "\n" not in sentence


@settings(max_examples=150)  # each writes to disk
@given(content=_FILES, name=st.sampled_from(["a.csv", "a.hrm", "a.csv.gz"]))
def test_any_file(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    _recording_or_sentence(path)


@settings(max_examples=100)  # each writes to disk
@given(st.dictionaries(st.sampled_from(["EDA", "HR", "TEMP", "ACC", "IBI", "BVP", "tags"]), _FILES))
def test_any_e4_folder(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    folder = tmp_path_factory.mktemp("e4")
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content)
    _recording_or_sentence(folder)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("IBI.csv", "", r"holds no samples"),  # it was min() of nothing
        ("EDA.csv", "1644829925.0\n4.0\n\n", r"EDA.csv, line 3: a number"),  # it warned
    ],
)
def test_what_was_found_so(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RecordingError, match=sentence):
        read(tmp_path)
