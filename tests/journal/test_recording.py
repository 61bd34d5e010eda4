"""A journal read as a recording: the same samples whatever file they come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers_recording import e4_folder, heart
from vagalwatch import analysis
from vagalwatch.engine import Engine
from vagalwatch.export import tidy
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.recording import open_recording, read_journal
from vagalwatch.records import (
    ClockStep,
    Contact,
    Eda,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Level,
    Marker,
    Motion,
    Setting,
    Stream,
)
from vagalwatch.sensors.recording import RecordingError, sequence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vagalwatch.records import Record

NS = 10**9
T0 = 1_700_000_001 * NS  # a second after a multiple of 5 s
BEATS = Heart(
    wearer="anna",
    source="strap",
    t_ns=T0 + 2 * NS,
    recv_ns=T0 + 3 * NS,
    hr_bpm=72.0,
    contact=True,
    beat_t_ns=(T0 + NS, T0 + NS + 840 * 10**6),
    rr_ms=(800.0, 830.078125),  # the times were pulled by 10 ms, and still it is one chain
    chained=False,
)


def journal(path: Path, *runs: Iterable[Record]) -> Path:
    for records in runs:
        written = SqliteJournal(path)
        for record in records:
            written.append(record)
        written.close()
    return path


def test_every_sample_is_taken_at_its_own_time(tmp_path: Path) -> None:
    path = journal(
        tmp_path / "home.sqlite",
        [
            BEATS,
            Eda(
                wearer="anna",
                source="ring",
                t_ns=T0 + NS,
                recv_ns=T0 + 9 * NS,
                sample_t_ns=(T0, T0 + NS),
                eda_us=(1.0, 2.0),
            ),
            Motion(
                wearer="anna",
                source="ring",
                t_ns=T0 + NS,
                recv_ns=T0 + 9 * NS,
                sample_t_ns=(T0,),
                acc_x_mg=(1.0,),
                acc_y_mg=(2.0,),
                acc_z_mg=(3.0,),
            ),
            Level(
                wearer="anna",
                source="ring",
                t_ns=T0 + NS,
                recv_ns=T0 + 9 * NS,
                signal="temp_c",
                value=31.5,
            ),
            Contact(wearer="anna", source="ring", t_ns=T0 + NS, recv_ns=T0 + 9 * NS, on_body=True),
            Marker(wearer="anna", t_ns=T0 + 2 * NS, recv_ns=T0 + 2 * NS, text="we began"),
        ],
    )
    recording = open_recording(path)
    assert recording.wearer == "anna"
    assert recording.start_ns == T0 - NS  # rows fall where they fell live
    columns = {
        (one.source, one.signal): (one.t_ns.tolist(), one.values.tolist())
        for one in recording.series
    }
    assert columns == {
        ("strap", "hr_bpm"): ([3 * NS], [72.0]),
        ("strap", "contact"): ([3 * NS], [1.0]),
        ("strap", "rr_ms"): ([2 * NS, 2_840_000_000], [800.0, 830.078125]),
        ("strap", "chained"): ([2 * NS, 2_840_000_000], [0.0, 1.0]),
        ("ring", "eda_us"): ([NS, 2 * NS], [1.0, 2.0]),
        ("ring", "acc_x_mg"): ([NS], [1.0]),
        ("ring", "acc_y_mg"): ([NS], [2.0]),
        ("ring", "acc_z_mg"): ([NS], [3.0]),
        ("ring", "temp_c"): ([2 * NS], [31.5]),
        ("ring", "contact"): ([2 * NS], [1.0]),
    }
    assert recording.markers == ((3 * NS, "we began"),)


def test_the_chain_is_what_the_link_said_and_not_what_the_times_suggest(tmp_path: Path) -> None:
    recording = open_recording(journal(tmp_path / "home.sqlite", [BEATS]))
    hearts = [r for r in sequence(recording) if isinstance(r, Heart) and r.rr_ms]
    assert [beat.chained for beat in hearts] == [False, True]


def test_a_gap_counts_once_with_its_end_and_an_open_one_to_the_last_sample(tmp_path: Path) -> None:
    lost = Gap(
        wearer="anna",
        source="strap",
        stream=Stream.HEART,
        t_ns=T0,
        recv_ns=T0 + NS,
        reason=GapReason.LINK_LOST,
    )
    closed = Gap(
        wearer="anna",
        source="strap",
        stream=Stream.HEART,
        t_ns=T0,
        recv_ns=T0 + NS,
        reason=GapReason.LINK_LOST,
        end_ns=T0 + 2 * NS,
    )
    never = Gap(
        wearer="anna",
        source="ring",
        stream=Stream.EDA,
        t_ns=T0 - 60 * NS,
        recv_ns=T0,
        reason=GapReason.NEVER_SEEN,
    )
    path = journal(tmp_path / "home.sqlite", [lost, never, BEATS, closed])
    missing = {gap.source: (gap.t_ns, gap.end_ns) for gap in open_recording(path).missing}
    assert missing == {"strap": (NS, 3 * NS), "ring": (0, 3 * NS)}


def test_clock_steps_put_a_whole_run_right(tmp_path: Path) -> None:
    wrong_ns = T0 - 1000 * NS
    late = Heart(wearer="anna", source="strap", t_ns=wrong_ns, recv_ns=wrong_ns, hr_bpm=70.0)
    step = ClockStep(t_ns=wrong_ns + NS, recv_ns=wrong_ns + NS, delta_ns=990 * NS)
    path = journal(tmp_path / "home.sqlite", [late, step], [BEATS])
    recording = open_recording(path)
    hr = recording.of("strap", "hr_bpm")
    assert hr is not None
    assert (hr.t_ns + recording.start_ns).tolist() == [T0 - 10 * NS, T0 + 2 * NS]


def hr(t_ns: int) -> Heart:
    return Heart(wearer="anna", source="strap", t_ns=t_ns, recv_ns=t_ns, hr_bpm=70.0)


@pytest.mark.parametrize("behind_s", [0, 7200])
@pytest.mark.parametrize("left_open", [False, True])
def test_the_gap_of_a_restart_is_as_long_as_it_was_whatever_both_clocks_read(
    tmp_path: Path, behind_s: int, *, left_open: bool
) -> None:
    """Each run began two hours behind; what is told of the first is in wall time."""
    begin = T0 + 30 * NS
    reason = GapReason.LINK_LOST if left_open else GapReason.RESTART
    lost = Gap(
        wearer="anna", source="strap", stream=Stream.HEART,
        t_ns=begin - 7200 * NS, recv_ns=begin - 7199 * NS, reason=reason,
    )  # fmt: skip
    now = begin + 11 * NS - behind_s * NS
    over = replace(lost, t_ns=begin, recv_ns=now, end_ns=max(begin, now))
    path = journal(
        tmp_path / "home.sqlite",
        [
            hr(T0 - 7200 * NS),
            *([lost] if left_open else []),
            ClockStep(t_ns=begin - 7198 * NS, recv_ns=begin - 7198 * NS, delta_ns=7200 * NS),
        ],
        [
            over,
            ClockStep(t_ns=now + NS, recv_ns=now + NS, delta_ns=behind_s * NS),
            hr(now + 90 * NS),
        ],
    )
    recording = read_journal(path)
    (gap,) = recording.missing
    assert gap.t_ns + recording.start_ns == begin
    assert gap.end_ns + recording.start_ns == begin + 11 * NS


def test_a_first_run_whose_clock_was_ahead_hides_no_later_one(tmp_path: Path) -> None:
    ahead = T0 + 2 * 86_400 * NS
    step = ClockStep(t_ns=ahead, recv_ns=ahead, delta_ns=-2 * 86_400 * NS - 100 * NS)
    path = journal(tmp_path / "home.sqlite", [hr(ahead), step], [hr(T0 + s * NS) for s in range(9)])

    def samples(since_ns: int | None, until_ns: int | None) -> int:
        found = read_journal(path, since_ns=since_ns, until_ns=until_ns).of("strap", "hr_bpm")
        return 0 if found is None else found.t_ns.size

    assert samples(None, ahead) == 10
    assert samples(T0, None) == 9  # the first run's sample is 100 s before, by the wall
    assert samples(T0 - 100 * NS, T0) == 1


def test_a_stretch_is_chosen_by_the_wall_where_a_run_began_behind(tmp_path: Path) -> None:
    behind = T0 - 7200 * NS
    step = ClockStep(t_ns=behind, recv_ns=behind, delta_ns=7200 * NS)
    path = journal(tmp_path / "home.sqlite", [hr(behind), step, hr(behind + 60 * NS)])
    recording = read_journal(path, since_ns=T0, until_ns=T0 + 60 * NS)
    found = recording.of("strap", "hr_bpm")
    assert found is not None
    assert (found.t_ns + recording.start_ns).tolist() == [T0]


def test_a_stretch_can_be_chosen(tmp_path: Path) -> None:
    later = Heart(wearer="anna", source="strap", t_ns=T0 + 60 * NS, recv_ns=T0 + 60 * NS, hr_bpm=70)
    path = journal(tmp_path / "home.sqlite", [BEATS, later])
    assert read_journal(path, until_ns=T0 + 60 * NS).duration_s == 3
    assert read_journal(path, since_ns=T0 + 60 * NS).of("strap", "rr_ms") is None
    with pytest.raises(RecordingError, match="holds no samples of “anna” in that time"):
        read_journal(path, since_ns=T0 + 70 * NS)


def test_who_is_meant_must_be_clear(tmp_path: Path) -> None:
    other = Heart(wearer="ben", source="strap", t_ns=T0, recv_ns=T0, hr_bpm=70.0)
    path = journal(tmp_path / "home.sqlite", [BEATS, other])
    with pytest.raises(RecordingError, match=r"holds anna, ben; choose one wearer with --wearer"):
        open_recording(path)
    with pytest.raises(RecordingError, match=r"holds nothing of “carl”; it holds anna, ben"):
        open_recording(path, "carl")
    assert open_recording(path, "ben").duration_s == 1


def test_another_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"\x00" * 100)
    with pytest.raises(RecordingError, match=r"other\.sqlite"):
        open_recording(path)


def test_anything_else_is_read_as_a_file(tmp_path: Path) -> None:
    assert open_recording(e4_folder(tmp_path / "S1"), "anna").wearer == "anna"
    with pytest.raises(RecordingError, match="There is no recording at"):
        open_recording(tmp_path / "nothing")


def test_a_tidy_export_of_a_journal_gives_its_timeline_bit_for_bit(tmp_path: Path) -> None:
    recording = heart([(8, 70), (4, 112), (2, 80)], eda=False)
    path = journal(tmp_path / "home.sqlite", sequence(recording))
    read = open_recording(path)
    (exported,) = tidy.write(read, tmp_path / "home.csv")
    timeline = analysis.run(read)
    assert analysis.run(open_recording(exported)) == timeline
    assert {row["state"] for row in timeline.rows} >= {"settled", "flooding"}


def setting(key: str, value: str, t_ns: int) -> Setting:
    return Setting(wearer="recording", t_ns=t_ns, recv_ns=t_ns, key=key, value=value)


@pytest.mark.parametrize("minute", [-60, 7])
def test_under_a_beta_blocker_the_journal_and_its_export_find_the_floodings_of_live(
    tmp_path: Path, minute: int
) -> None:
    recording = heart([(10, 88), (5, 101.5)], eda=False)  # over 100, and little above the usual
    told_ns = recording.start_ns + minute * 60 * NS
    inputs = sorted(
        [setting("beta-blocker", "true", told_ns), *sequence(recording)],
        key=lambda record: record.recv_ns,
    )
    read = open_recording(journal(tmp_path / "home.sqlite", inputs))
    timeline = analysis.run(read)
    assert not timeline.episodes
    (exported,) = tidy.write(read, tmp_path / "home.csv")
    assert analysis.run(open_recording(exported)) == timeline
    assert analysis.run(recording).episodes  # what it would be without


def test_a_usual_that_was_learnt_anew_is_learnt_anew_from_the_journal(tmp_path: Path) -> None:
    recording = heart([(16, 70)], eda=False)
    told_ns = recording.start_ns + 8 * 60 * NS
    inputs = sorted(
        [setting("baseline", "null", told_ns), *sequence(recording)],
        key=lambda record: record.recv_ns,
    )
    rows = analysis.run(open_recording(journal(tmp_path / "home.sqlite", inputs))).rows
    assert [row["state"] for row in rows if row["t_s"] == 9 * 60] == ["calibrating"]


def test_settings_of_other_times_stand_as_they_stood_at_the_chosen_stretch(tmp_path: Path) -> None:
    beats = [replace(hr(T0 + second * NS), wearer="recording") for second in range(60)]
    said = [("true", -100), ("false", -50), ("true", 20), ("false", 50)]
    settings = [setting("beta-blocker", value, T0 + second * NS) for value, second in said]
    inputs: list[Record] = [*beats, *settings]
    inputs.sort(key=lambda record: record.recv_ns)
    path = journal(tmp_path / "home.sqlite", inputs)
    read = read_journal(path, since_ns=T0 + 10 * NS, until_ns=T0 + 40 * NS)
    told = read.of("settings", "beta_blocker")
    assert told is not None
    start = read.start_ns - T0
    assert told.t_ns.tolist() == [0, 20 * NS - start]
    assert told.values.tolist() == [0.0, 1.0]


def test_the_timeline_of_a_journal_is_what_was_said_live(tmp_path: Path) -> None:
    recording = heart([(8, 70), (4, 112), (2, 80)], eda=False)
    inputs = list(sequence(recording))
    engine = Engine("recording")
    live = {
        said.t_ns: said
        for record in inputs
        for said in engine.push(record)
        if isinstance(said, Estimate)
    }
    read = open_recording(journal(tmp_path / "home.sqlite", inputs))
    rows = analysis.run(read).rows
    for row in rows[1:]:
        said = live[read.start_ns + round(float(row["t_s"] or 0)) * NS]
        assert (row["state"], row["reason"], row["arousal"]) == (
            said.state,
            said.reason,
            said.arousal,
        )
        assert all(row[name] == getattr(said.metrics, name) for name in analysis.METRICS)
