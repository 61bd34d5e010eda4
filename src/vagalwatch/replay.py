"""A recording or a journal through the engine again: what live would have said.

The replay law: the engine over a journal's inputs, in the order of the journal, says exactly
what was said live, if engine version and parameters are the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from vagalwatch.engine import ENGINE_VERSION, Engine, is_input
from vagalwatch.hrv.parameters import parameters_hash
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import choose, entries, is_journal
from vagalwatch.records import Alert, BreakStep, Device, Episode, Estimate, Run, Session, Setting
from vagalwatch.sensors.recording import RecordingError, read, sequence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from vagalwatch.clock import Clock
    from vagalwatch.records import Record

    Event = dict[str, Any]

NS = 1_000_000_000
_STILL_HOLD = (Device, Run, Session, Setting)
"""Kinds of which retention keeps the last, however old."""
Lasting = Episode | Alert | BreakStep
"""What a check compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A journal held against its replay.

    ``compared`` counts the alerts, episodes and break steps that stand in the journal;
    ``differences`` has a sentence for each that the replay does not say, or says otherwise, or
    says beyond it; ``notes`` say why that may be (another engine version, damaged rows).
    """

    wearer: str
    compared: int
    differences: tuple[str, ...]
    notes: tuple[str, ...]


def replay(path: Path, wearer: str | None = None) -> Iterator[Event]:
    """What live would have said of the recording or journal at ``path``, in order.

    Events are JSON-able: ``kind`` (``state``, ``episode``, ``alert``, ``break``), ``wearer``,
    ``t_s`` (since the first record) and ``t_ns`` of when it was said, and what was said. A state
    is an event when it or its reason changes.

    Raises:
        RecordingError: one clear sentence.
    """
    if is_journal(path):
        chosen = _choose(path, wearer)
        yield from events(outputs(inputs(path, chosen), chosen))
    else:
        recording = read(path, wearer or "recording")
        yield from events(
            outputs(sequence(recording), recording.wearer), start_ns=recording.start_ns
        )


async def paced(happened: Iterable[Event], clock: Clock, speed: float) -> AsyncIterator[Event]:
    """The events in time, ``speed`` times as fast as they happened."""
    last_s: float | None = None
    for event in happened:
        if last_s is not None and event["t_s"] > last_s:
            await clock.sleep((event["t_s"] - last_s) / speed)
        last_s = event["t_s"]
        yield event


def inputs(path: Path, wearer: str) -> Iterator[Record]:
    """All that stands in the journal for ``wearer`` and the site, in the order it came.

    Raises:
        RecordingError: the journal cannot be read.
    """
    try:
        with open_reader(path) as reader:
            for entry in entries(reader, wearer):
                yield entry.record
    except JournalError as error:
        raise RecordingError(str(error)) from error


def outputs(records: Iterable[Record], wearer: str) -> Iterator[Record]:
    """What the engine says of ``records``; what it once said itself is passed over.

    Where retention has taken the beginning of a journal, which shows in a baseline that stands
    before anything it could be made of, the engine cannot make the same baselines again: there,
    and only there, it is told those that it has not made itself.
    """
    engine = Engine(wearer)
    made: set[Setting] = set()
    begun = beginning_left = False
    for record in records:
        if is_input(record):
            begun = begun or not isinstance(record, _STILL_HOLD)
        elif isinstance(record, Setting):
            beginning_left = beginning_left or not begun
            if not beginning_left or record in made:
                continue
        else:
            continue
        for said in engine.push(record):
            if isinstance(said, Setting):
                made.add(said)
            yield said


def events(said: Iterable[Record], start_ns: int | None = None) -> Iterator[Event]:
    """States when they change, episodes, alerts and break steps, as :func:`replay` says."""
    state: tuple[str, str] | None = None
    for record in said:
        start_ns = record.recv_ns if start_ns is None else start_ns
        t_s = (record.recv_ns - start_ns) / NS
        match record:
            case Estimate() if (record.state, record.reason) != state:
                state = record.state, record.reason
                figures = {"arousal": record.arousal, "hr_bpm": record.metrics.hr_bpm}
                told = {"state": record.state.value, "reason": record.reason, **figures}
                yield {
                    "kind": "state",
                    "wearer": record.wearer,
                    "t_s": t_s,
                    "t_ns": record.t_ns,
                    **told,
                }
            case Episode() | Alert() | BreakStep():
                yield {**asdict(record), "t_s": t_s}
            case _:
                pass


def check(path: Path, wearer: str | None = None) -> Check:
    """Hold a journal's alerts, episodes and break steps against its replay.

    Raises:
        RecordingError: ``path`` is no journal, or the wearer is not clear.
    """
    if not is_journal(path):
        raise RecordingError(f"{path.name} is no journal, so there is nothing to check it against.")
    chosen = _choose(path, wearer)
    recorded: dict[tuple[object, ...], Lasting] = {}
    versions: set[tuple[int, str]] = set()

    def watched() -> Iterator[Record]:
        for record in inputs(path, chosen):
            if isinstance(record, Run):
                versions.add((record.engine_version, record.parameters_hash))
            elif isinstance(record, Lasting):
                recorded[_key(record)] = record
            yield record

    said = {
        _key(record): record for record in outputs(watched(), chosen) if isinstance(record, Lasting)
    }
    return Check(
        wearer=chosen,
        compared=len(recorded),
        differences=tuple(_differences(recorded, said)),
        notes=tuple(
            f"part of it was said by engine {engine} with parameters {parameters}"
            for engine, parameters in sorted(versions - {(ENGINE_VERSION, parameters_hash())})
        ),
    )


def _differences(
    recorded: dict[tuple[object, ...], Lasting], said: dict[tuple[object, ...], Lasting]
) -> Iterator[str]:
    for key, record in recorded.items():
        name = " ".join(map(str, key))
        again = said.get(key)
        if again is None:
            yield f"{name}: recorded, but the replay does not say it"
        elif replace(again, recv_ns=record.recv_ns) != record:
            old, new = asdict(record), asdict(again)
            fields = [field for field in old if field != "recv_ns" and old[field] != new[field]]
            yield f"{name}: the replay differs in {', '.join(fields)}"
    for key in said.keys() - recorded.keys():
        yield f"{' '.join(map(str, key))}: the replay says it, but it is not recorded"


def _key(record: Lasting) -> tuple[object, ...]:
    """What names an output, whatever else it says."""
    match record:
        case Episode():
            ended = "began" if record.end_ns is None else "ended"
            return record.kind, record.episode, record.onset_ns, ended
        case Alert():
            return record.kind, record.id
        case BreakStep():
            return record.kind, record.id, record.phase, record.t_ns


def _choose(path: Path, wearer: str | None) -> str:
    try:
        with open_reader(path) as reader:
            return choose(path, reader.wearers(), wearer)
    except JournalError as error:
        raise RecordingError(str(error)) from error
