"""The restart law: what is said over a crash is what the engine says of the committed records.

A snapshot holds the engine's state after everything up to its place. What was committed since is
told again, and what the engine then says is compared with what stands in the journal already:
the rest had been lost on its way there, and is journalled now. The time in between stands in the
journal as gaps, which the engine is told like any other.

After an upgrade old states mean nothing: the new engine starts from the settings (baselines among
them) and the last quarter of an hour, in silence, and goes on with the break that is running.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.engine import ENGINE_VERSION, Engine, EngineState, is_input
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.journal.port import RUN_SHIFT, Snapshot
from vagalwatch.journal.snapshot import UnusableSnapshotError, freeze, thaw
from vagalwatch.journal.walltime import AsKnownNow, AsKnownThen
from vagalwatch.records import (
    SITE,
    Alert,
    BreakStep,
    Eda,
    Episode,
    Gap,
    GapReason,
    Heart,
    Motion,
    Setting,
    Stream,
)
from vagalwatch.standby import Standby, fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vagalwatch.journal.port import Entry, Journal
    from vagalwatch.records import Record

_log: Final = logging.getLogger(__name__)

_MINUTE_NS: Final = 60_000_000_000

REREAD_NS: Final = 15 * _MINUTE_NS
"""After an upgrade: three times the longest window, the 300 s of LF and HF."""

EVENTS: Final = ("alert", "answer", "break", "clock-step", "run")
"""What people saw and said. They are few, so they are read from the first one on: a run's times
mean nothing without all of its clock steps, and a run may last for months."""

DELIVERING_NS: Final = 2 * _MINUTE_NS
"""A stream that said something this shortly before the end was being delivered; a silence twice
as short (the longest that counts as none is 60 s) stands in the journal as a gap of its own."""

_STREAMS: Final = {"heart": Stream.HEART, "eda": Stream.EDA, "motion": Stream.MOTION}


def snapshot_of(engine: Engine, place: int) -> Snapshot:
    """``engine`` after everything up to ``place``, what it said of it included."""
    return Snapshot(place, ENGINE_VERSION, parameters_hash(), freeze(engine.state))


def recover(journal: Journal, wearer: str) -> tuple[Engine | Standby, list[Record]]:
    """The engine as it was, and what it had said that the journal does not hold.

    To be called before anything is appended. The second part is to be appended, in order, and
    not told to the engine.

    An engine that fails over these records begins anew, as after an upgrade; where the last
    quarter of an hour makes it fail again, a standby takes its place until the next start.
    """
    try:
        if (recovered := _told_on(journal, wearer)) is not None:
            return recovered
    except Exception as error:  # noqa: BLE001 - a start that fails would fail for ever
        _log.error("%s: the estimate begins anew: %s", wearer, fault_of(error))
    try:
        engine = _begun_anew(journal, wearer)
    except Exception as error:  # noqa: BLE001 - as above
        _log.error("%s: nothing is measured until a restart: %s", wearer, fault_of(error))
        return Standby(wearer, fault_of(error), _remembered(journal, wearer)), []
    journal.save_snapshot(wearer, snapshot_of(engine, journal.newest))
    return engine, []


def _told_on(journal: Journal, wearer: str) -> tuple[Engine, list[Record]] | None:
    """From the snapshot to the end; ``None`` where no snapshot can be used."""
    snapshot = journal.snapshot(wearer)
    engine = _thawed(wearer, snapshot)
    if snapshot is None or engine is None:
        return None
    said: list[Record] = []
    known = set()
    for entry in _entries(journal, snapshot.place, wearer):
        if is_input(entry.record):
            said += engine.push(entry.record)
        else:
            known.add(_key(entry.record))
    return engine, [record for record in said if _key(record) not in known]


def restart_gaps(journal: Journal, wearer: str, now_ns: int) -> list[Gap]:
    """The gaps from the last life that watched ``wearer`` to ``now_ns``, for each stream.

    A gap that was open then ends now; a stream that was being delivered has one from its last
    sample's arrival, or from where its last gap ended. That was by the last run's clock, and the
    gap is the next run's: it begins where the last run's clock steps put it. To be called before
    anything is appended; the records are to be appended and told to the engine.
    """
    run_start, since_ns = _last_watched(journal, wearer)
    now = AsKnownNow(_entries(journal, run_start, SITE, kinds=("clock-step",)))
    then = AsKnownThen(journal)
    missing: dict[tuple[str, Stream, int], GapReason] = {}
    delivered: dict[tuple[str, Stream], int] = {}
    for entry in _entries(journal, run_start, wearer, kinds=("gap",)):
        # A gap keeps the beginning under which it left the house: its end replaces it there.
        if isinstance(gap := entry.record, Gap) and isinstance(
            told := then.corrected(entry).record, Gap
        ):
            missing[gap.source, gap.stream, told.t_ns] = gap.reason
            if gap.end_ns is not None:
                del missing[gap.source, gap.stream, told.t_ns]
                if since_ns is None or gap.recv_ns >= since_ns:
                    # Never after it was told: a start whose clock was behind ends it at its begin.
                    end_ns = min(gap.end_ns, gap.recv_ns)
                    delivered[gap.source, gap.stream] = end_ns + now.step_ns(entry.place)
    for entry in _entries(journal, run_start, wearer, kinds=tuple(_STREAMS), since_ns=since_ns):
        if isinstance(sample := entry.record, Heart | Eda | Motion):
            key = sample.source, _STREAMS[sample.kind]
            known_ns = sample.recv_ns + now.step_ns(entry.place)
            delivered[key] = max(known_ns, delivered.get(key, 0))
    silent = {(source, stream) for source, stream, _ in missing}
    for (source, stream), known_ns in delivered.items():
        if (source, stream) not in silent:
            missing[source, stream, known_ns] = GapReason.RESTART
    return [
        Gap(
            wearer=wearer,
            source=source,
            stream=stream,
            t_ns=t_ns,
            recv_ns=now_ns,
            reason=reason,
            end_ns=max(now_ns, t_ns),  # a clock that went back makes no negative gap
        )
        for (source, stream, t_ns), reason in missing.items()
    ]


def _thawed(wearer: str, snapshot: Snapshot | None) -> Engine | None:
    if snapshot is None or snapshot[1:3] != (ENGINE_VERSION, parameters_hash()):
        return None
    try:
        return Engine(wearer, thaw(snapshot.state))
    except UnusableSnapshotError:
        return None


def _begun_anew(journal: Journal, wearer: str) -> Engine:
    settings = _last_settings(journal, wearer)
    silent = Engine(wearer)
    for setting in settings:
        silent.push(setting)
    for entry in _last_minutes(journal, wearer):
        if is_input(entry.record) and not isinstance(entry.record, Setting):
            silent.push(entry.record)
    for setting in settings:
        if not is_input(setting):  # the baseline knew these minutes already: not twice
            silent.push(setting)
    # What that engine would have prompted was never shown: its policy is left behind, and the
    # prompts and the break that people did see are put in its place.
    policy = _remembered(journal, wearer)
    return Engine(wearer, EngineState(pipeline=silent.state.pipeline, policy=policy))


def _last_minutes(journal: Journal, wearer: str) -> Iterator[Entry]:
    """What came in the last :data:`REREAD_NS` of wall time, of the last runs that it reaches into.

    Each run is asked by its own clock. One that by the wall ended after the next began had, or
    has, a wrong clock: nobody knows how long ago that was, so neither it nor any before it is read.
    """
    wall = AsKnownNow(_entries(journal, 0, SITE, kinds=("clock-step",)))
    runs: list[tuple[int, int, int]] = []
    since_ns, until_ns = None, None
    last = _newest(journal)
    while last is not None:
        run_start, step_ns = _run(last) << RUN_SHIFT, wall.step_ns(last.place)
        last_ns = last.record.recv_ns + step_ns
        since_ns = last_ns - REREAD_NS if since_ns is None else since_ns
        if last_ns < since_ns or (until_ns is not None and last_ns > until_ns):
            break
        runs.append((run_start, last.place, since_ns - step_ns))
        until_ns = journal.read(run_start, limit=1)[0].record.recv_ns + step_ns
        last = _newest(journal, beyond=run_start)
    for run_start, end, run_since_ns in reversed(runs):
        for entry in _entries(journal, run_start, wearer, since_ns=run_since_ns):
            if entry.place > end:
                break
            yield entry


def _remembered(journal: Journal, wearer: str) -> PolicyState:
    """Wishes, prompts and the break so far, in order, without saying anything of them.

    What it fails over is passed over: the break that somebody is on must not hang on one record.
    """
    policy = Policy(wearer, PolicyState())
    for entry in _entries(journal, 0, wearer, kinds=("setting", *EVENTS)):
        try:
            policy.remember(entry.record)
        except Exception as error:  # noqa: BLE001 - as above
            _log.error("%s: passed over (%s): %s", wearer, entry.record.kind, fault_of(error))
    return policy.state


def _last_settings(journal: Journal, wearer: str) -> list[Setting]:
    """The value that stands of each key, in the order in which they were set."""
    settings: dict[str, Setting] = {}
    for entry in _entries(journal, 0, wearer, kinds=("setting",)):
        if isinstance(setting := entry.record, Setting):
            settings.pop(setting.key, None)
            settings[setting.key] = setting
    return list(settings.values())


def _last_watched(journal: Journal, wearer: str) -> tuple[int, int | None]:
    """After which place the last run begins that watched ``wearer``, and from when to look there.

    Its links began it with gaps: who is left out of the configuration for a while is not spoken
    of by those runs. Starts that came to no tick said nothing of their own, and perhaps not all
    of their gaps, so they are read with the run before them. Where no gap is left (of a smooth run
    of months retention has taken the first ones), it is the last run that came to a tick.
    """
    run_start = 0
    beyond = end = journal.newest
    while gap := _newest(journal, ("gap",), wearer=wearer, beyond=beyond):
        beyond = run_start = _run(gap) << RUN_SHIFT
        tick = _newest(journal, ("tick",), beyond=min(end, run_start + (1 << RUN_SHIFT) - 1))
        if tick is not None and tick.place > run_start:
            return run_start, tick.record.recv_ns - DELIVERING_NS
    tick = None if run_start else _newest(journal, ("tick",))
    if tick is None:
        return run_start, None
    return _run(tick) << RUN_SHIFT, tick.record.recv_ns - DELIVERING_NS


def _newest(
    journal: Journal,
    kinds: tuple[str, ...] = (),
    *,
    wearer: str | None = None,
    beyond: int | None = None,
) -> Entry | None:
    """The newest entry (of ``kinds``, up to a place) that can be read, found by halving."""
    before, beyond = 0, journal.newest if beyond is None else beyond
    newest: Entry | None = None
    while before < beyond:
        middle = (before + beyond) // 2
        found = journal.read(middle, wearer=wearer, kinds=kinds, limit=1)
        if found and found[0].place <= beyond:
            newest = found[0]
            before = newest.place
        else:
            beyond = middle
    return newest


def _run(entry: Entry) -> int:
    return entry.place >> RUN_SHIFT


def _entries(
    journal: Journal,
    after: int,
    wearer: str,
    *,
    kinds: tuple[str, ...] = (),
    since_ns: int | None = None,
) -> Iterator[Entry]:
    while batch := journal.read(after, wearer=wearer, kinds=kinds, since_ns=since_ns):
        yield from batch
        after = batch[-1].place


def _key(record: Record) -> tuple[object, ...]:
    """What makes an output the same when it is said again."""
    match record:
        case Episode():
            which: tuple[object, ...] = (record.episode, record.onset_ns, record.end_ns is None)
        case Alert():
            which = (record.id,)
        case BreakStep():
            which = (record.id, record.phase)
        case Setting():
            which = (record.key,)
        case _:
            which = ()
    return (record.wearer, record.kind, record.t_ns, *which)
