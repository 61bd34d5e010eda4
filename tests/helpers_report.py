"""Journals to make reports of: weeks of one person, and an evening of two who both agreed."""

from __future__ import annotations

import json
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from helpers_couple import agrees, attested
from helpers_dyad import two_sensors
from vagalwatch.alerts import consents
from vagalwatch.alerts.table import EXTENDED
from vagalwatch.engine import Engine
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.records import (
    AdverseEvent,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Device,
    Episode,
    EpisodeKind,
    Estimate,
    Heart,
    Marker,
    Metrics,
    Session,
    State,
)
from vagalwatch.sensors.recording import sequence
from vagalwatch.sensors.simulated.stories import story

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.records import Record

NS = 1_000_000_000
MINUTE_NS = 60 * NS
DAY_NS = 24 * 60 * MINUTE_NS
END_NS = 1_795_460_400 * NS
"""Monday 2026-11-23, 19:00 UTC: when reports are made."""


def weeks(wearer: str, count: int = 8, seed: int = 1) -> list[Record]:
    """Evenings of some weeks: most end settled, some break off; a little less each week."""
    rng = np.random.default_rng([seed, 8])
    records: list[Record] = []
    for day in range(count * 7):
        start_ns = END_NS - (count * 7 - day) * DAY_NS + round(rng.uniform(-2, 1) * 60) * MINUTE_NS
        start_ns -= start_ns % (5 * NS)
        if rng.random() < 0.25:
            continue
        flood = rng.random() < 0.8 - 0.3 * day / (count * 7)
        settle_min = 14 - 5 * day / (count * 7) + float(rng.normal(0, 2))
        records += evening(wearer, start_ns, rng, settle_min if flood else None, day)
    return records


def evening(
    wearer: str, start_ns: int, rng: np.random.Generator, settle_min: float | None, day: int
) -> list[Record]:
    """An hour with a hole; with ``settle_min`` an episode after 20 minutes, and a break."""
    records: list[Record] = []
    usual = 66.0
    onset, hole = 20 * 12, (int(rng.integers(500, 560)), int(rng.integers(600, 700)))
    back = onset if settle_min is None else onset + round(max(settle_min, 3) * 12)
    kind, slow = EpisodeKind.FLOODING, rng.random() < 0.25
    if slow:
        kind = EpisodeKind.SHUTDOWN
    for row in range(720):
        t_ns = start_ns + row * 5 * NS
        state, hr_bpm = State.SETTLED, usual + 3 * np.sin(row / 30) + float(rng.normal(0, 1))
        if row < 48:
            state = State.CALIBRATING
        elif hole[0] <= row < hole[1] or (onset + 30 < row < onset + 44 and day % 3 == 0):
            state = State.UNKNOWN
        elif onset <= row < back:
            state = State(kind.value) if row < onset + 60 else State.RECOVERING
            share = min(1.0, (row - onset + 6) / 12) * (
                1 if row < onset + 60 else (back - row) / max(back - onset - 60, 1)
            )
            hr_bpm += (-9 if slow else 36) * share
        records.append(
            Estimate(
                wearer=wearer,
                t_ns=t_ns,
                recv_ns=t_ns + 3 * NS,
                state=state,
                reason="heart-silent" if state is State.UNKNOWN else "",
                usual_hr_bpm=None if state is State.CALIBRATING else usual,
                metrics=Metrics(hr_bpm=None if state is State.UNKNOWN else round(hr_bpm, 1)),
            )
        )
    if settle_min is not None:
        records += episode(wearer, kind, start_ns + onset * 5 * NS, rng, slow=slow)
    return sorted(records, key=lambda record: record.recv_ns)


def episode(
    wearer: str, kind: EpisodeKind, onset_ns: int, rng: np.random.Generator, *, slow: bool
) -> list[Record]:
    """What was recognised, asked, taken, and said of it."""
    t_ns = onset_ns + 20 * NS
    first = Episode(
        wearer=wearer,
        t_ns=t_ns,
        recv_ns=t_ns + 3 * NS,
        episode=kind,
        onset_ns=onset_ns,
        peak_hr_bpm=70.0,
    )
    end_ns = onset_ns + 300 * NS
    ended = Episode(
        wearer=wearer,
        t_ns=t_ns,
        recv_ns=end_ns + 3 * NS,
        episode=kind,
        onset_ns=onset_ns,
        end_ns=end_ns,
        peak_hr_bpm=58.0 if slow else 104.0,
    )
    own = bool(rng.random() < 0.4)
    prompt = f"{wearer}-{kind}-{t_ns // NS}"
    records: list[Record] = [first, ended]
    if not own:
        records.append(
            Alert(
                wearer=wearer,
                t_ns=t_ns,
                recv_ns=t_ns + 3 * NS,
                id=prompt,
                alert=kind,
                onset_ns=onset_ns,
                valid_until_ns=t_ns + 120 * NS,
            )
        )
    began_ns = t_ns + 30 * NS
    until_ns = began_ns + 20 * MINUTE_NS
    name = f"{wearer}-break-{began_ns}"

    def step(phase: BreakPhase, at_ns: int, until: int, reason: str = "") -> BreakStep:
        return BreakStep(
            wearer=wearer,
            t_ns=at_ns,
            recv_ns=at_ns,
            id=name,
            phase=phase,
            began_ns=began_ns,
            until_ns=until,
            origin="self" if own else "prompt",
            about=kind,
            alert_id="" if own else prompt,
            reason=reason,
        )

    def answer(said: AnswerKind, at_ns: int, text: str | None = None) -> Answer:
        return Answer(wearer=wearer, t_ns=at_ns, recv_ns=at_ns, answer=said, about=name, text=text)

    records.append(step(BreakPhase.ON, began_ns, until_ns))
    luck = rng.random()
    if luck < 0.15:
        at_ns = until_ns + 90 * MINUTE_NS
        records.append(step(BreakPhase.NOT_RESUMED, at_ns, until_ns))
        return records
    if luck < 0.35:
        until_ns += 20 * MINUTE_NS
        records.append(step(BreakPhase.ON, until_ns - 20 * MINUTE_NS, until_ns, EXTENDED))
    at_ns = until_ns + round(rng.uniform(-3, 9)) * MINUTE_NS
    records.append(step(BreakPhase.RETURNED, at_ns, until_ns))
    if not own:
        records.append(answer(AnswerKind.RIGHT if rng.random() < 0.8 else AnswerKind.WRONG, at_ns))
    records.append(answer(AnswerKind.BETTER if rng.random() < 0.7 else AnswerKind.SAME, at_ns + NS))
    records.append(
        answer(AnswerKind.MENDED if rng.random() < 0.6 else AnswerKind.NOT_MENDED, at_ns + 2 * NS)
    )
    if rng.random() < 0.3:
        records.append(answer(AnswerKind.SET_OFF, at_ns + 3 * NS, "The bill, and who had paid it"))
    return records


def agreed(one: str, other: str, t_ns: int) -> list[Record]:
    """An attested link, and both consents to be looked at together."""
    consent = (agrees(who, consents.JOINT, t_ns) for who in (one, other))
    return [*attested(one, other, t_ns), *consent]


def two() -> list[Record]:
    """The hard talk of ``alex`` and ``sam`` as a session, through the engine; both take a break."""
    return list(_two())


@cache
def _two() -> tuple[Record, ...]:
    start_ns = END_NS - 60 * MINUTE_NS
    told = story("hard", 3)
    records: list[Record] = []
    for who in ("alex", "sam"):
        recording = two_sensors(who, told.body(who), told.duration_s, start_ns)
        engine = Engine(who)
        for record in sequence(recording):
            for said in engine.push(record):
                records.append(said)
                if isinstance(said, Alert):
                    at_ns = record.recv_ns + 10 * NS
                    yes = Answer(
                        wearer=who, t_ns=at_ns, recv_ns=at_ns, answer=AnswerKind.YES, about=said.id
                    )
                    records += [yes, *engine.push(yes)]
    records.sort(key=lambda record: record.recv_ns)
    names = ("alex", "sam")
    end_ns = start_ns + round(told.duration_s) * NS
    begun = Session(t_ns=start_ns, recv_ns=start_ns, session="one", started=True, wearers=names)
    over = Session(t_ns=end_ns, recv_ns=end_ns, session="one", started=False, wearers=names)
    notes = [
        Marker(
            wearer=who,
            t_ns=start_ns + 300 * NS,
            recv_ns=start_ns + 300 * NS,
            text="Start of the talk",
        )
        for who in names
    ]
    beats = [each for who in names for each in chest_strap(who, start_ns + NS)]
    return (*agreed("alex", "sam", start_ns - DAY_NS), begun, *beats, *notes, *records, over)


def chest_strap(
    who: str, t_ns: int, model: str = "Polar H10", source: str = "strap"
) -> list[Record]:
    """A sensor and a beat of it."""
    return [
        Device(wearer=who, source=source, t_ns=t_ns, recv_ns=t_ns, model_key="x", model=model),
        Heart(
            wearer=who, source=source, t_ns=t_ns, recv_ns=t_ns, beat_t_ns=(t_ns,), rr_ms=(800.0,)
        ),
    ]


def shown(wearer: str, t_ns: int = END_NS) -> Record:
    """``wearer`` agrees that the therapist makes a report."""
    return agrees(wearer, consents.THERAPIST, t_ns)


def harm(wearer: str) -> list[Record]:
    """Said once that it was made worse, which nobody has judged, and a serious event that was."""
    t_ns = END_NS - 2 * DAY_NS
    return [
        Answer(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, answer=AnswerKind.MADE_WORSE),
        AdverseEvent(
            wearer=wearer,
            t_ns=END_NS - DAY_NS,
            recv_ns=END_NS - DAY_NS,
            wall_ns=t_ns - DAY_NS,
            serious=True,
            related="unlikely",
            expected=False,
            note="A fall on the stairs, a night in hospital",
        ),
    ]


def journal(path: Path, records: list[Record]) -> Path:
    with closing(SqliteJournal(path)) as written:
        for record in records:
            written.append(record)
    return path


def configuration(folder: Path, *wearers: str) -> Path:
    """A configuration whose journal stands in ``folder``."""
    lines = [f"state_dir = {json.dumps(str(folder))}"]
    lines += [f'[[wearers]]\nid = "{who}"' for who in wearers]
    path = folder / "vagalwatch.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
