"""Random evenings by the very policy that runs live: figures add up, and no page fails."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_alerts import NOON_NS, Wearer
from vagalwatch.alerts import words
from vagalwatch.alerts.preferences import Preferences
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakStep,
    Episode,
    EpisodeKind,
    Estimate,
    State,
)
from vagalwatch.report import note, page, pictures
from vagalwatch.report.figures import progress
from vagalwatch.report.gather import Diary, Row
from vagalwatch.report.speech import Speech

NS = 1_000_000_000
WEEK_NS = 7 * 24 * 3600 * NS
ANSWERS = [kind for kind in AnswerKind if kind not in {AnswerKind.SHOWN, AnswerKind.SET_OFF}]
HAPPENS = st.one_of(
    st.sampled_from(ANSWERS),
    st.sampled_from([State.SETTLED, State.FLOODING, State.RECOVERING, State.UNKNOWN]),
    st.sampled_from([*EpisodeKind]),
    st.integers(1, 3600),
)


def lived(happens: list[object]) -> Diary:
    wearer = Wearer()
    wearer.now_ns -= wearer.now_ns % (5 * NS)
    for one in happens:
        match one:
            case AnswerKind():
                wearer.tick()
                wearer.says(one)
            case State():
                bpm = None if one is State.UNKNOWN else 100.0 if one is State.FLOODING else 70.0
                wearer.body(one, bpm, seconds=60)
            case EpisodeKind():
                wearer.episode(one)
            case int():
                wearer.tick(one)
    rows, idle_ns = {}, []
    for record in wearer.heard:
        if isinstance(record, Estimate):
            if not record.state.judged:
                idle_ns.append(record.t_ns)
            else:
                rows[record.t_ns] = Row(record.t_ns, record.state, record.metrics.hr_bpm, 70.0)
    episodes = {(r.episode, r.onset_ns): r for r in wearer.heard if isinstance(r, Episode)}
    return Diary(
        wearer="anna",
        since_ns=NOON_NS - 4 * WEEK_NS,
        until_ns=max(wearer.now_ns, NOON_NS) + NS,
        rows=tuple(rows[t_ns] for t_ns in sorted(rows)),
        idle_ns=idle_ns,
        episodes=tuple(sorted(episodes.values(), key=lambda one: one.onset_ns)),
        alerts=tuple(r for r in wearer.heard if isinstance(r, Alert)),
        steps=tuple(r for r in wearer.heard if isinstance(r, BreakStep)),
        answers=tuple(r for r in wearer.heard if isinstance(r, Answer)),
        judged=(),
        preferences=Preferences(),
    )


@settings(max_examples=60)
@given(st.lists(HAPPENS, max_size=40))
def test_figures_add_up_and_every_page_is_whole(happens: list[object]) -> None:
    diary = lived(happens)
    told = progress(diary)
    assert (
        told.own_breaks + told.prompted_breaks == len(told.breaks) == sum(told.check_ins.values())
    )
    assert told.mended <= told.repair_said <= len(told.breaks)
    assert told.right <= told.judged <= told.prompts
    assert told.usable_h <= told.recorded_h
    assert all(one.minutes > 0 for one in told.settled)
    falls = sum(one.episode == EpisodeKind.SAFETY for one in diary.episodes)
    assert len(told.settled) + told.unseen + falls == len(diary.episodes)
    for one in told.breaks:
        assert one.agreed_min >= 20
        assert (one.lasted_min is not None) == (one.ending in {"on-time", "new-time", "past-time"})
    for language in words.languages():
        speech = Speech(language, words.lines(language))
        drawn = pictures.pictures(diary, told, speech)
        for picture in drawn:
            if picture.svg:
                ET.fromstring(picture.svg)  # noqa: S314 - our own
        for form in ("dap", "soap"):
            written = note.draft(told, diary.preferences, form, speech)
            assert page.of_one(told, drawn, written, speech).endswith("</html>\n")
