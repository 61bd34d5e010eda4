"""The restart law, and what is known after an upgrade.

Whenever the service dies, what stands in the journal at the end is what the engine says of the
committed records.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, edas, hearts, in_order, ticks
from helpers_journal import MemoryJournal
from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.engine import ENGINE_VERSION, Engine, is_input
from vagalwatch.hrv.pipeline import Pipeline
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import RUN_SHIFT, Journal, Snapshot
from vagalwatch.journal.walltime import AsKnownThen
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    Episode,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Record,
    Run,
    Setting,
    State,
    Stream,
    Tick,
)
from vagalwatch.recover import recover, restart_gaps, snapshot_of
from vagalwatch.standby import ENGINE_FAILED, Standby

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60
CALM_S, STORM_S = 7 * MINUTE, 3 * MINUTE


@cache
def story() -> list[Record]:
    """Seven calm minutes, three stormy ones, and a break that the person starts."""
    rr_ms, t_s = [], 0.0
    while t_s < CALM_S + STORM_S:
        usual = 850.0 if t_s < CALM_S else 540.0
        rr_ms.append(usual + 25.0 * math.sin(t_s * 1.6))
        t_s += rr_ms[-1] / 1000
    eda_us = [2.0 + (0.0 if n < CALM_S * 4 else 0.004 * (n - CALM_S * 4)) for n in range(2400)]
    start = Answer(
        wearer=WEARER,
        t_ns=T0_NS + 580 * NS,
        recv_ns=T0_NS + 580 * NS,
        answer=AnswerKind.START_BREAK,
    )
    end_ns = T0_NS + (CALM_S + STORM_S + 5) * NS
    return in_order(ticks(T0_NS, end_ns), hearts(rr_ms), edas(eda_us, 4.0), [start])


def run_record(now_ns: int) -> Run:
    return Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash="x")


def recovered(journal: Journal) -> Engine:
    engine, _ = recover(journal, WEARER)
    assert isinstance(engine, Engine)
    return engine


class Site:
    """What the service does with the journal and the engine, without its sensors."""

    def __init__(self, journal: MemoryJournal, now_ns: int) -> None:
        self.journal = journal
        engine, late = recover(journal, WEARER)
        assert isinstance(engine, Engine)
        self.engine = engine
        gaps = restart_gaps(journal, WEARER, now_ns)
        for record in late:
            journal.append(record)
        self.take(run_record(now_ns))
        for gap in gaps:
            self.take(gap)

    def take(self, record: Record) -> None:
        self.journal.append(record)
        for said in self.engine.push(record):
            self.journal.append(said)

    def snapshot(self) -> None:
        place = self.journal.newest
        self.journal.save_snapshot(WEARER, snapshot_of(self.engine, place))


def split(journal: Journal) -> tuple[list[Record], list[Record]]:
    """What the engine was told, and what it said."""
    records = [entry.record for entry in journal.read(limit=1_000_000)]
    inputs = [record for record in records if is_input(record)]
    return inputs, [record for record in records if not is_input(record)]


def said_of(inputs: list[Record]) -> list[Record]:
    engine = Engine(WEARER)
    return [said for record in inputs for said in engine.push(record)]


@settings(max_examples=8, deadline=None)
@given(
    deaths=st.lists(st.tuples(st.integers(1, len(story()) - 1), st.integers(0, 12)), max_size=4),
    every=st.integers(20, 400),
)
def test_the_outputs_over_any_crashes_are_those_of_the_committed_records(
    deaths: list[tuple[int, int]], every: int
) -> None:
    at = dict(deaths)
    records = story()
    site = Site(MemoryJournal(), records[0].recv_ns)
    for n, record in enumerate(records):
        site.take(record)
        if n % every == 0:
            site.snapshot()
        if n in at:
            # The last few rows had not been committed: inputs, outputs, or a part of these.
            entries = site.journal.entries
            kept = entries[max(0, len(entries) - 1 - at[n])].place
            site = Site(site.journal.crashed(kept), record.recv_ns + 2 * NS)
    inputs, outputs = split(site.journal)
    assert outputs == said_of(inputs)


def test_the_story_has_everything_that_the_law_is_about() -> None:
    kinds = {record.kind for record in said_of(list(story()))}
    assert {"estimate", "setting", "episode", "alert", "break"} <= kinds


def half(journal: MemoryJournal | None = None) -> Site:
    records = story()
    site = Site(journal or MemoryJournal(), records[0].recv_ns)
    for record in records[: len(records) * 98 // 100]:
        site.take(record)
    site.snapshot()
    return site


def test_a_first_start_has_nothing_to_say() -> None:
    engine, late = recover(MemoryJournal(), WEARER)
    assert late == []
    assert isinstance(engine, Engine)
    assert engine.state == Engine(WEARER).state
    assert restart_gaps(MemoryJournal(), WEARER, 5) == []


def test_a_damaged_last_row_takes_back_nothing_that_was_wished(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    with closing(SqliteJournal(path)) as journal:
        journal.append(
            Setting(wearer=WEARER, t_ns=T0_NS, recv_ns=T0_NS, key="paused", value="true")
        )
        journal.append(Tick(t_ns=T0_NS, recv_ns=T0_NS))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE records SET body = '{' WHERE place = (SELECT max(place) FROM records)")
        db.commit()
    with closing(SqliteJournal(path)) as journal:
        assert recovered(journal).state.policy.preferences.paused


@pytest.mark.parametrize("damage", ["version", "hash", "text", "shape"])
def test_after_an_upgrade_the_engine_knows_the_usual_and_says_nothing_of_the_past(
    damage: str,
) -> None:
    site = half()
    snapshot = site.journal.snapshot(WEARER)
    assert snapshot is not None
    changes: dict[str, dict[str, object]] = {
        "version": {"engine_version": snapshot.engine_version + 1},
        "hash": {"parameters_hash": "other"},
        "text": {"state": snapshot.state[:-5]},
        "shape": {"state": snapshot.state.replace('"next_row_ns"', '"no_such_field"', 1)},
    }
    broken: Snapshot = snapshot._replace(**changes[damage])  # type: ignore[arg-type]
    site.journal.save_snapshot(WEARER, broken)
    after = site.journal.crashed(site.journal.newest)
    engine, late = recover(after, WEARER)
    assert late == []
    assert isinstance(engine, Engine)
    assert engine.state.pipeline.baseline.usual == site.engine.state.pipeline.baseline.usual
    assert engine.state.pipeline.baseline.usual is not None
    before, now = site.engine.state.policy, engine.state.policy
    assert before.pause is not None
    assert now.pause is not None
    assert (now.pause.id, now.pause.phase, now.pause.until_ns) == (
        before.pause.id,
        before.pause.phase,
        before.pause.until_ns,
    )
    assert now.limits.prompted_ns == before.limits.prompted_ns
    # From here on the new engine's own law holds: it begins with a snapshot.
    fresh = after.snapshot(WEARER)
    assert fresh is not None
    assert fresh.engine_version == ENGINE_VERSION


@pytest.mark.parametrize(
    ("last_began_ns", "stepped_ns", "read_again"),
    [
        (T0_NS + 2 * 3600 * NS, 0, 301 + 1),  # the last run alone reaches back far enough ...
        (T0_NS + 3610 * NS, 0, 590 + 301 + 1),  # ... or the run before it is read, too
        (5 * NS, T0_NS + 3605 * NS, 590 + 301 + 1),  # ... whose clock may be put right
        (5 * NS, 0, 301 + 1),  # never put right: how long ago the run before it was, is not known
    ],
)
def test_after_an_upgrade_the_last_minutes_are_read_again_whatever_clocks_said(
    monkeypatch: pytest.MonkeyPatch, last_began_ns: int, stepped_ns: int, read_again: int
) -> None:
    """A last run whose clock stood in 1970 had the whole journal read again: a year's."""
    journal = MemoryJournal()
    for second in range(3600):
        journal.append(tick_at(T0_NS + second * NS))
    journal = journal.crashed(journal.newest)
    for second in range(301):
        journal.append(tick_at(last_began_ns + second * NS))
    end_ns = last_began_ns + 300 * NS
    journal.append(ClockStep(t_ns=end_ns, recv_ns=end_ns, delta_ns=stepped_ns))
    told: list[Record] = []
    push = Engine.push

    def counted(engine: Engine, record: Record) -> list[Record]:
        told.append(record)
        return push(engine, record)

    monkeypatch.setattr(Engine, "push", counted)
    recovered(journal.crashed(journal.newest))
    assert len(told) == read_again


def test_an_offer_from_before_an_upgrade_has_run_out() -> None:
    journal = MemoryJournal()
    offer = BreakStep(
        wearer=WEARER, t_ns=T0_NS, recv_ns=T0_NS, id="b", phase=BreakPhase.OFFERED,
        began_ns=T0_NS, until_ns=T0_NS, origin="prompt", alert_id="a",
    )  # fmt: skip
    journal.append(offer)
    engine = recovered(journal)
    (said,) = engine.push(next(ticks(T0_NS + NS, T0_NS + 2 * NS)))
    assert isinstance(said, BreakStep)
    assert (said.id, said.phase) == ("b", BreakPhase.EXPIRED)


@pytest.mark.parametrize("after_days", [0, 3])
def test_a_break_keeps_its_time_whenever_its_runs_clock_was_put_right(after_days: int) -> None:
    """A machine without a clock of its own: its time was put right early in a long run."""
    day_ns, wrong_ns = 86_400 * NS, 400 * 86_400 * NS
    journal = MemoryJournal()
    journal.append(run_record(T0_NS))
    journal.append(ClockStep(t_ns=T0_NS + NS, recv_ns=T0_NS + NS, delta_ns=wrong_ns))
    began_ns = T0_NS + after_days * day_ns + 60 * NS
    until_ns = began_ns + 20 * MINUTE * NS
    pause = BreakStep(
        wearer=WEARER, t_ns=began_ns, recv_ns=began_ns, id="b", phase=BreakPhase.ON,
        began_ns=began_ns, until_ns=until_ns, origin="self",
    )  # fmt: skip
    journal.append(pause)
    journal.append(tick_at(began_ns + NS))
    engine = recovered(journal)
    engine.push(run_record(began_ns + wrong_ns + 5 * NS))
    assert engine.state.policy.pause is not None
    assert engine.state.policy.pause.until_ns == until_ns + wrong_ns


def test_settings_of_people_outlive_an_upgrade() -> None:
    journal = MemoryJournal()
    for minutes in (30, 40):
        journal.append(
            Setting(wearer=WEARER, t_ns=5, recv_ns=5, key="break-minutes", value=str(minutes))
        )
    for tick in ticks(T0_NS, T0_NS + 2000 * NS):
        journal.append(tick)
    engine = recovered(journal)
    assert engine.state.policy.preferences.break_minutes == 40


WEEK_NS = 7 * 86_400 * NS


def asked_to_ask_less(weeks: int) -> tuple[MemoryJournal, Policy]:
    """A prompt every eight days, "not now", and "fewer" each time that "too many?" is asked."""
    journal, live = MemoryJournal(), Policy(WEARER, PolicyState())

    def happens(record: Record) -> list[Record]:
        said = live.push(record)
        for one in (record, *said):
            journal.append(one)
        return said

    happens(run_record(T0_NS))
    for week in range(weeks):
        t_ns = T0_NS + week * (WEEK_NS + 86_400 * NS) + NS
        happens(Estimate(wearer=WEARER, t_ns=t_ns, recv_ns=t_ns, state=State.FLOODING))
        flood = Episode(
            wearer=WEARER, t_ns=t_ns, recv_ns=t_ns, episode=EpisodeKind.FLOODING, onset_ns=t_ns
        )
        (alert,) = (one for one in happens(flood) if isinstance(one, Alert))
        (step,) = (
            one
            for one in happens(answered(t_ns + NS, AnswerKind.NOT_NOW, alert.id))
            if isinstance(one, BreakStep)
        )
        if "too-many" in step.asks:
            happens(answered(t_ns + 2 * NS, AnswerKind.FEWER, step.id))
        happens(replace(flood, recv_ns=t_ns + 3 * NS, end_ns=t_ns + 3 * NS))
    return journal, live


def answered(recv_ns: int, answer: AnswerKind, about: str) -> Answer:
    return Answer(wearer=WEARER, t_ns=recv_ns, recv_ns=recv_ns, answer=answer, about=about)


@pytest.mark.parametrize("weeks", [1, 2, 3])
def test_ask_less_outlives_an_upgrade(weeks: int) -> None:
    journal, live = asked_to_ask_less(weeks)
    now = recovered(journal.crashed(journal.newest)).state.policy.limits
    before = live.state.limits
    assert before.fewer == weeks - 1
    assert (now.fewer, now.too_many_ns, now.too_many_open) == (
        before.fewer,
        before.too_many_ns,
        before.too_many_open,
    )


@pytest.mark.parametrize("after_it", [False, True])
def test_a_number_of_prompts_counts_over_an_upgrade_when_it_was_set(*, after_it: bool) -> None:
    """Set after "fewer" it takes its place; set before, "fewer" is one less than that."""
    journal, _ = asked_to_ask_less(2)
    number = Setting(wearer=WEARER, t_ns=T0_NS, recv_ns=T0_NS, key="prompts-per-day", value="2")
    if after_it:
        journal.append(number)
    else:
        journal.entries.insert(1, journal.entries[0]._replace(record=number))
    policy = recovered(journal.crashed(journal.newest)).state.policy
    assert policy.preferences.prompts_per_day == 2
    assert policy.limits.fewer == (0 if after_it else 1)


def test_a_mute_is_as_long_after_an_upgrade_whatever_runs_there_were_before_it() -> None:
    day_ns = 86_400 * NS
    set_ns = T0_NS + 100 * day_ns
    until_ns = set_ns + 8 * 3600 * NS
    journal = MemoryJournal()
    for record in (
        run_record(T0_NS),
        run_record(T0_NS + 99 * day_ns),
        Setting(wearer=WEARER, t_ns=set_ns, recv_ns=set_ns, key="mute-until", value=str(until_ns)),
        tick_at(set_ns + NS),
    ):
        journal.append(record)
    engine = recovered(journal.crashed(journal.newest))
    engine.push(run_record(set_ns + 60 * NS))
    policy = engine.state.policy
    assert policy.preferences.mute_until_ns - policy.now_ns == until_ns - set_ns - 60 * NS


def test_one_record_that_the_policy_fails_over_costs_no_break_at_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = half()
    pause = site.engine.state.policy.pause
    assert pause is not None
    t_ns = story()[-1].recv_ns
    site.journal.append(
        Setting(wearer=WEARER, t_ns=t_ns, recv_ns=t_ns, key="own-step", value='"x"')
    )

    def failing(policy: Policy, setting: Setting) -> None:
        raise KeyError(policy, setting)

    monkeypatch.setattr(Policy, "_setting", failing)
    engine, _ = recover(site.journal.crashed(site.journal.newest), WEARER)
    said = [one for s in range(1300) for one in engine.push(tick_at(t_ns + s * NS))]
    assert {one.id for one in said if isinstance(one, BreakStep)} == {pause.id}


def poisoned(monkeypatch: pytest.MonkeyPatch, poison_ns: int) -> None:
    """From now on the estimate fails over what was received at ``poison_ns``."""
    push = Pipeline.push

    def failing(pipeline: Pipeline, record: Record) -> list[Record]:
        if record.recv_ns == poison_ns:
            raise KeyError(record)
        return push(pipeline, record)

    monkeypatch.setattr(Pipeline, "push", failing)


def test_a_record_that_the_engine_fails_over_does_not_stop_every_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = half()
    pause = site.engine.state.policy.pause
    assert pause is not None
    poison = tick_at(story()[-1].recv_ns)
    site.journal.append(poison)
    poisoned(monkeypatch, poison.recv_ns)
    # Within the quarter of an hour that a new engine is told: a standby, with the break.
    engine, late = recover(site.journal.crashed(site.journal.newest), WEARER)
    assert isinstance(engine, Standby)
    assert engine.fault.startswith("KeyError at ")
    assert late == []
    said = [one for s in range(1200) for one in engine.push(tick_at(poison.recv_ns + s * NS))]
    assert {one.reason for one in said if isinstance(one, Estimate)} == {ENGINE_FAILED}
    assert {one.id for one in said if isinstance(one, BreakStep)} == {pause.id}
    # Later it is passed over: the usual is known, and the snapshot stands behind it.
    for s in range(1, 1000):
        site.journal.append(tick_at(poison.recv_ns + s * NS))
    after = site.journal.crashed(site.journal.newest)
    engine, late = recover(after, WEARER)
    assert isinstance(engine, Engine)
    assert engine.state.pipeline.baseline.usual == site.engine.state.pipeline.baseline.usual
    assert late == []
    snapshot = after.snapshot(WEARER)
    assert snapshot is not None
    assert snapshot.place == after.newest


def tick_at(recv_ns: int) -> Tick:
    return Tick(t_ns=recv_ns, recv_ns=recv_ns)


def beat(source: str, recv_ns: int) -> Heart:
    return Heart(wearer=WEARER, source=source, t_ns=recv_ns - 1, recv_ns=recv_ns, hr_bpm=60.0)


def missing(source: str, t_ns: int, end_ns: int | None, reason: GapReason) -> Gap:
    return Gap(
        wearer=WEARER, source=source, stream=Stream.HEART, t_ns=t_ns, recv_ns=t_ns,
        reason=reason, end_ns=end_ns,
    )  # fmt: skip


def test_each_stream_has_its_gap_for_the_time_between_two_runs() -> None:
    journal = MemoryJournal()
    for record in (
        beat("long-gone", 10 * NS),
        missing("long-gone", 11 * NS, None, GapReason.LINK_LOST),
        missing("back-again", 300 * NS, None, GapReason.SILENT),
        missing("back-again", 300 * NS, 310 * NS, GapReason.SILENT),
        beat("delivering", 900 * NS),
        beat("back-again", 950 * NS),
        beat("delivering", 999 * NS),
        *ticks(1000 * NS, 1001 * NS),
    ):
        journal.append(record)
    now_ns = 5000 * NS
    found = restart_gaps(journal.crashed(journal.newest), WEARER, now_ns)
    assert {(g.source, g.t_ns, g.end_ns, g.reason) for g in found} == {
        ("long-gone", 11 * NS, now_ns, GapReason.LINK_LOST),
        ("back-again", 950 * NS, now_ns, GapReason.RESTART),
        ("delivering", 999 * NS, now_ns, GapReason.RESTART),
    }
    assert restart_gaps(journal.crashed(journal.newest), "bob", now_ns) == []


def test_a_gap_over_a_restart_is_no_longer_for_the_last_runs_clock_having_been_behind() -> None:
    behind_ns = 7200 * NS
    journal = MemoryJournal()
    step = ClockStep(t_ns=100 * NS, recv_ns=100 * NS, delta_ns=behind_ns)
    for record in (
        run_record(0),
        missing("lost-before", 90 * NS, None, GapReason.LINK_LOST),
        step,
        missing("lost-after", 500 * NS, None, GapReason.LINK_LOST),
        replace(missing("back-again", 600 * NS, 990 * NS, GapReason.SILENT), recv_ns=991 * NS),
        beat("delivering", 999 * NS),
        *ticks(1000 * NS, 1001 * NS),
    ):
        journal.append(record)
    opened = AsKnownThen(journal)
    begins = {
        told.source: told.t_ns
        for entry in journal.read(kinds=("gap",))
        if isinstance(told := opened.corrected(entry).record, Gap)
    }
    now_ns = behind_ns + 1010 * NS
    for _ in range(2):  # of a start that falls again, each stream is still told of once
        journal = journal.crashed(journal.newest)
        found = restart_gaps(journal, WEARER, now_ns)
        assert {g.source: (g.t_ns, g.end_ns) for g in found} == {
            # As they left the house when they opened, so that the end replaces them there.
            "lost-before": (begins["lost-before"], now_ns),
            "lost-after": (500 * NS + behind_ns, now_ns),
            "delivering": (999 * NS + behind_ns, now_ns),
            "back-again": (990 * NS + behind_ns, now_ns),
        }
        assert begins["lost-after"] == 500 * NS + behind_ns


def test_a_clock_that_went_back_makes_no_negative_gap() -> None:
    journal = MemoryJournal()
    journal.append(beat("strap", 900 * NS))
    (found,) = restart_gaps(journal.crashed(journal.newest), WEARER, 5 * NS)
    assert found.end_ns == found.t_ns


def test_the_gaps_are_those_of_the_last_run_only() -> None:
    journal = MemoryJournal()
    journal.append(missing("strap", 5 * NS, None, GapReason.LINK_LOST))
    second = journal.crashed(journal.newest)
    second.append(missing("strap", 5 * NS, 100 * NS, GapReason.LINK_LOST))
    for record in (beat("strap", 900 * NS), *ticks(901 * NS, 902 * NS)):
        second.append(record)
    found = restart_gaps(second.crashed(second.newest), WEARER, 950 * NS)
    assert [(g.t_ns, g.reason) for g in found] == [(900 * NS, GapReason.RESTART)]
    assert second.newest >> RUN_SHIFT == 2


def test_a_stream_without_a_gap_that_is_left_has_one_from_its_last_word() -> None:
    """A smooth run of months: retention has taken the gaps that it began with."""
    journal = MemoryJournal()
    for record in (beat("strap", 900 * NS), *ticks(901 * NS, 902 * NS)):
        journal.append(record)
    (found,) = restart_gaps(journal.crashed(journal.newest), WEARER, 950 * NS)
    assert (found.t_ns, found.end_ns) == (900 * NS, 950 * NS)


def test_a_service_that_falls_again_while_it_starts_leaves_no_hole() -> None:
    journal = MemoryJournal()
    streams = ("chest", "wrist", "lost")
    lived: tuple[Record, ...] = (
        beat("chest", 899 * NS),
        beat("wrist", 900 * NS),
        missing("lost", 500 * NS, None, GapReason.LINK_LOST),
        *ticks(901 * NS, 902 * NS),
    )
    for record in lived:
        journal.append(record)
    known: dict[tuple[str, int], Gap] = {}
    for start, kept in enumerate((0, 1, 2, 3, 4, 2, 4)):  # of what the start writes
        journal = journal.crashed(journal.newest)
        now_ns = (1000 + 300 * start) * NS
        written: list[Record] = [run_record(now_ns), *restart_gaps(journal, WEARER, now_ns)]
        for record in written[:kept]:
            journal.append(record)
            if isinstance(record, Gap):
                known[record.source, record.t_ns] = record
    for source in streams:
        pieces = [gap for (whose, _), gap in sorted(known.items()) if whose == source]
        assert pieces[0].t_ns == {"chest": 899, "wrist": 900, "lost": 500}[source] * NS
        assert pieces[-1].end_ns == now_ns
        assert all(a.end_ns == b.t_ns for a, b in pairwise(pieces))
