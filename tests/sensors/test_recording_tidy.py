from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_real import shared_data
from helpers_recording import put
from vagalwatch.records import Contact, Gap, GapReason, Heart, Marker, Stream
from vagalwatch.sensors.recording import RecordingError, read, sequence

if TYPE_CHECKING:
    from pathlib import Path

NS = 10**9
HEAD = "t_s,signal,value,source\n"


def test_rows_in_any_order_are_put_in_order_of_time(tmp_path: Path) -> None:
    rows = "2.5,rr_ms,800,strap\n1.7,rr_ms,750,strap\n0.000000001,eda_us,1.5,ring\n"
    recording = read(put(tmp_path / "a.csv", HEAD + rows))
    rr, eda = recording.of("strap", "rr_ms"), recording.of("ring", "eda_us")
    assert rr is not None
    assert eda is not None
    assert rr.t_ns.tolist() == [1_700_000_000, 2_500_000_000]
    assert recording.chain(rr).tolist() == [False, True]
    assert eda.t_ns.tolist() == [1]


def test_without_a_source_all_rows_are_of_one(tmp_path: Path) -> None:
    recording = read(put(tmp_path / "a.csv", "t_s,signal,value\n1,hr_bpm,70\n"))
    assert recording.of("file", "hr_bpm") is not None


def test_the_wide_form_leaves_empty_cells_out_and_names_what_it_does_not_use(
    tmp_path: Path,
) -> None:
    recording = read(put(tmp_path / "a.csv", "t_s,rr_ms,beat\n1,,N\n2,1000,N\n"))
    rr = recording.of("file", "rr_ms")
    assert rr is not None
    assert rr.values.tolist() == [1000.0]
    assert recording.notes == ("column 'beat' is not used",)


def test_contact_goes_with_the_heart_rate_of_its_time_or_stands_alone(tmp_path: Path) -> None:
    rows = "1,hr_bpm,70,strap\n1,contact,1,strap\n2,contact,0,strap\n"
    records = list(sequence(read(put(tmp_path / "a.csv", HEAD + rows))))
    hearts = [r for r in records if isinstance(r, Heart)]
    contacts = [r for r in records if isinstance(r, Contact)]
    assert [(heart.hr_bpm, heart.contact) for heart in hearts] == [(70.0, True)]
    assert [contact.on_body for contact in contacts] == [False]


def test_a_gap_is_told_when_it_opens_and_when_it_closes_and_breaks_the_chain(
    tmp_path: Path,
) -> None:
    rows = "1,rr_ms,800,strap\n1.2,gap,0.5,strap/heart/link-lost\n1.8,rr_ms,800,strap\n"
    recording = read(put(tmp_path / "a.csv", HEAD + rows))
    start_ns = recording.start_ns
    gaps = [record for record in sequence(recording) if isinstance(record, Gap)]
    assert [(g.recv_ns - start_ns, g.end_ns and g.end_ns - start_ns) for g in gaps] == [
        (1_200_000_000, None),
        (1_700_000_000, 1_700_000_000),
    ]
    assert {(g.stream, g.reason) for g in gaps} == {(Stream.HEART, GapReason.LINK_LOST)}
    rr = recording.of("strap", "rr_ms")
    assert rr is not None
    assert recording.chain(rr).tolist() == [False, False]


@pytest.mark.parametrize(("source", "expected"), [("strap", {"heart"}), ("", {"heart", "eda"})])
def test_a_gap_without_a_stream_is_of_all_streams_there_are(
    tmp_path: Path, source: str, expected: set[str]
) -> None:
    rows = f"1,rr_ms,800,strap\n1,eda_us,1,ring\n2,gap,3,{source}\n"
    recording = read(put(tmp_path / "a.csv", HEAD + rows))
    assert {missing.stream.value for missing in recording.missing} == expected


def test_as_many_sources_as_are_read(tmp_path: Path) -> None:
    rows = "".join(f"1,eda_us,{i},s{i}\n" for i in range(64)) + "1,gap,1,\n1,gap,1,s3\n"
    recording = read(put(tmp_path / "a.csv", HEAD + rows))
    found = [recording.of(f"s{i}", "eda_us") for i in range(64)]
    assert [one and one.values.tolist() for one in found] == [[float(i)] for i in range(64)]
    assert len(recording.missing) == 65


def test_chained_has_the_last_word(tmp_path: Path) -> None:
    rows = "1,rr_ms,800,s\n1.8,rr_ms,800,s\n1.8,chained,0,s\n2.7,rr_ms,800,s\n2.7,chained,1,s\n"
    recording = read(put(tmp_path / "a.csv", HEAD + rows))
    rr = recording.of("s", "rr_ms")
    assert rr is not None
    assert recording.chain(rr).tolist() == [False, False, True]


def test_a_marker_is_text(tmp_path: Path) -> None:
    rows = '1,hr_bpm,70,strap\n0.5,marker,"words, and ""more""",\n'
    markers = [
        r for r in sequence(read(put(tmp_path / "a.csv", HEAD + rows))) if isinstance(r, Marker)
    ]
    assert [marker.text for marker in markers] == ['words, and "more"']


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("t_s,value\n1,2\n", r"a.csv, line 1: the columns t_s, signal and value were expected"),
        ("time,rr_ms\n1,2\n", r"a.csv, line 1: the columns t_s, signal and value"),
        (HEAD, r"a.csv holds no samples"),
        (HEAD + "1,hr_bpm\n", r"a.csv, line 2: 4 cells were expected, not 2"),
        (HEAD + "soon,hr_bpm,70,s\n", r"a.csv, line 2: t_s in seconds was expected, not 'soon'"),
        (HEAD + "-1,hr_bpm,70,s\n", r"a.csv, line 2: t_s from 0, .* not '-1'"),
        (HEAD + "inf,hr_bpm,70,s\n", r"a.csv, line 2: t_s in seconds"),
        (HEAD + "1644829925,hr_bpm,70,s\n", r"a.csv, line 2: t_s from 0, the recording's start,"),
        (HEAD + "1,hr_bpm,fast,s\n", r"a.csv, line 2: a number for hr_bpm .* not 'fast'"),
        (HEAD + "1,hr_bpm,nan,s\n", r"a.csv, line 2: a number for hr_bpm"),
        (HEAD + "1,pulse,70,s\n", r"a.csv, line 2: one of the signals rr_ms, .* not 'pulse'"),
        (HEAD + "1,contact,2,s\n", r"a.csv, line 2: contact 1 or 0 was expected, not '2'"),
        (HEAD + "1,gap,-1,s\n", r"a.csv, line 2: a gap of 0 s or more"),
        (HEAD + "1,gap,1,s/nose/lost\n", r"a.csv, line 2: the source of a gap"),
        (HEAD + "1,rr_ms,0,s\n", r"rr_ms of “s” is 0 at 1 s; an interval above 0"),
        (HEAD + "1,hr_bpm,70,s\n1,hr_bpm,71,s\n", r"hr_bpm of “s” has two values at 1 s"),
        (HEAD + "1,acc_x_mg,1,s\n1,acc_y_mg,1,s\n", r"acc_z_mg of “s” were expected at the same"),
        (HEAD + "1,rr_ms,8\r00,s\n", r"a.csv, line 2: a row of CSV was expected"),
        (HEAD + "1,temp_c,1e306,s\n", r"a.csv, line 2: a number for temp_c"),
        (
            HEAD + "".join(f"1,eda_us,1,s{i}\n" for i in range(65)),
            r"a.csv, line 66: at most 64 sources were expected",
        ),
        (
            HEAD + "1,eda_us,1,s\n" + "".join(f"1,gap,1,s{i}/eda/link-lost\n" for i in range(64)),
            r"a.csv, line 66: at most 64 sources were expected",
        ),
        (
            HEAD + "".join(f"1,eda_us,1,s{i}\n" for i in range(60)) + "1,gap,1,\n" * 1700,
            r"a.csv: at most 100000 gaps were expected",
        ),
        (HEAD + '1,marker,"' + "x\n" * 100_000, r"a row of CSV was expected"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        read(put(tmp_path / "a.csv", content))


@pytest.mark.parametrize(
    ("parts", "beats"),
    [
        (("mitbih_ltdb_rr", "14134_rr.csv.gz"), 35_440),
        (("polar_h10_pvc", "ecg_rr.csv.gz"), 798),
    ],
)
def test_real_wide_files(parts: tuple[str, str], beats: int) -> None:
    rr = read(shared_data(*parts)).of("file", "rr_ms")
    assert rr is not None
    assert rr.t_ns.size == beats
