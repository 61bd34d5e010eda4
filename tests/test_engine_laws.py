"""The five laws of the engine, on whole engines: estimate, prompts and break together.

1. chunk invariance: how samples of one arrival are cut into records changes nothing
2. promptness: the row for T leaves with the first record received at or after T + 3 s
3. restart: a state that went through a snapshot goes on as if nothing had been
4. replay: the same records give the same outputs
5. agreement: each figure equals its direct definition (tests/hrv/test_agreement.py)
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_hrv import NS, T0_NS, WEARER, in_order, sitter, ticks
from vagalwatch.engine import Engine
from vagalwatch.journal.snapshot import freeze, thaw
from vagalwatch.records import (
    Answer,
    AnswerKind,
    Contact,
    Eda,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Motion,
    Record,
    Setting,
    State,
    Stream,
    Tick,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP_NS = 5 * NS
_WAIT_NS = 3 * NS


@st.composite
def evenings(draw: st.DrawFn) -> list[Record]:
    """Some minutes of a sitter with everything that can go wrong, in order of arrival.

    The baseline mostly comes early (a setting), so that every state can be reached; else the
    evening lasts until there is one, and is judged by it before it is whole.
    """
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - a story, not a secret
    known = draw(st.sampled_from([True, True, False]))
    minutes = draw(st.integers(3, 6) if known else st.integers(5, 7))
    records = sitter(
        rng,
        minutes=minutes,
        fast_from_s=draw(st.none() | (st.integers(60, 180) if known else st.integers(250, 300))),
        eda_hz=draw(st.sampled_from([3.0, 4.0, 16.0])),
    )
    end_ns = T0_NS + minutes * 60 * NS
    troubles: list[Record] = []
    for _ in range(draw(st.integers(0, 3))):
        t_ns = T0_NS + draw(st.integers(60, minutes * 60)) * NS + draw(st.integers(0, NS))
        gap = Gap(
            wearer=WEARER,
            source=draw(st.sampled_from(["strap", "ring"])),
            stream=draw(st.sampled_from(list(Stream))),
            t_ns=t_ns - 2 * NS,
            recv_ns=t_ns,
            reason=draw(st.sampled_from(list(GapReason))),
        )
        end = replace(gap, recv_ns=t_ns + 20 * NS, end_ns=t_ns + 19 * NS)
        worn = [
            Contact(wearer=WEARER, source="ring", t_ns=at_ns, recv_ns=at_ns, on_body=on_body)
            for at_ns, on_body in ((t_ns, False), (t_ns + 15 * NS, True))
        ]
        said = Answer(
            wearer=WEARER,
            t_ns=t_ns,
            recv_ns=t_ns,
            answer=draw(st.sampled_from(list(AnswerKind))),
        )
        troubles += draw(st.sampled_from([[gap, end], [gap], worn, [said], []]))
    silence_ns = (
        T0_NS + draw(st.integers(60, 200)) * NS,
        draw(st.sampled_from([0, 8, 40, 400])) * NS,
    )
    kept = [
        r
        for r in in_order(records, troubles)
        if not _within(r.recv_ns, silence_ns) and (known or not isinstance(r, Setting))
    ]
    return in_order(kept, ticks(end_ns, end_ns + 30 * NS))


def _within(recv_ns: int, span_ns: tuple[int, int]) -> bool:
    return span_ns[0] <= recv_ns < span_ns[0] + span_ns[1]


def said(engine: Engine, records: list[Record]) -> list[Record]:
    return [output for record in records for output in engine.push(record)]


def halves(record: Record, rng: random.Random) -> Iterator[Record]:
    """The same samples as two records of the same arrival."""
    match record:
        case Heart(beat_t_ns=times) if times:
            k = rng.randint(0, len(times))
            yield replace(record, beat_t_ns=times[:k], rr_ms=record.rr_ms[:k], hr_bpm=None)
            yield replace(
                record,
                beat_t_ns=times[k:],
                rr_ms=record.rr_ms[k:],
                chained=record.chained or k > 0,
            )
        case Eda(sample_t_ns=times):
            k = rng.randint(0, len(times))
            yield replace(record, sample_t_ns=times[:k], eda_us=record.eda_us[:k])
            yield replace(record, sample_t_ns=times[k:], eda_us=record.eda_us[k:])
        case Motion(sample_t_ns=times):
            k = rng.randint(0, len(times))
            for part in (slice(0, k), slice(k, None)):
                yield replace(
                    record,
                    sample_t_ns=times[part],
                    acc_x_mg=record.acc_x_mg[part],
                    acc_y_mg=record.acc_y_mg[part],
                    acc_z_mg=record.acc_z_mg[part],
                )
        case _:
            yield record


@settings(max_examples=12, deadline=None)
@given(evenings(), st.randoms(use_true_random=False))
def test_chunk_invariance(records: list[Record], rng: random.Random) -> None:
    cut = [part for record in records for part in halves(record, rng)]
    assert len(cut) > len(records)
    assert said(Engine(WEARER), cut) == said(Engine(WEARER), records)


def in_fives(records: list[Record]) -> list[Record]:
    """As a gateway that batches tells them: EDA and motion of five seconds, arrived together."""
    held: dict[type, list[Eda | Motion]] = {Eda: [], Motion: []}
    out: list[Record] = []
    for record in records:
        if isinstance(record, Eda | Motion):
            held[type(record)].append(record)
            continue
        out.append(record)
        if isinstance(record, Tick) and record.recv_ns % _STEP_NS == 0:
            for some in held.values():
                out += [replace(joined(some), recv_ns=record.recv_ns)] if some else []
                some.clear()
    return out


def joined(records: list[Eda | Motion]) -> Eda | Motion:
    """One record of all their samples."""
    tuples = [
        name for name in type(records[0]).__slots__ if isinstance(getattr(records[0], name), tuple)
    ]
    together: dict[str, tuple[float, ...]] = {
        name: tuple(itertools.chain.from_iterable(getattr(r, name) for r in records))
        for name in tuples
    }
    return replace(records[-1], **together)  # type: ignore[arg-type] # times are ints


def sample_by_sample(record: Record) -> Iterator[Record]:
    """The same samples as a record each, of the same arrival."""
    match record:
        case Eda():
            for t_ns, value in zip(record.sample_t_ns, record.eda_us, strict=True):
                yield replace(record, sample_t_ns=(t_ns,), eda_us=(value,))
        case Motion():
            for i, t_ns in enumerate(record.sample_t_ns):
                yield replace(
                    record,
                    sample_t_ns=(t_ns,),
                    acc_x_mg=record.acc_x_mg[i : i + 1],
                    acc_y_mg=record.acc_y_mg[i : i + 1],
                    acc_z_mg=record.acc_z_mg[i : i + 1],
                )
        case _:
            yield record


@settings(max_examples=8, deadline=None)
@given(evenings())
def test_chunks_of_five_seconds_are_what_their_samples_are(records: list[Record]) -> None:
    chunks = in_fives(records)
    alone = [part for record in chunks for part in sample_by_sample(record)]
    assert len(alone) > 5 * len(chunks)
    assert said(Engine(WEARER), chunks) == said(Engine(WEARER), alone)


@settings(max_examples=12, deadline=None)
@given(evenings())
def test_promptness(records: list[Record]) -> None:
    engine = Engine(WEARER)
    seen: list[int] = []
    newest_ns = 0
    for record in records:
        for output in engine.push(record):
            if isinstance(output, Estimate):
                assert output.t_ns % _STEP_NS == 0
                assert output.recv_ns == record.recv_ns
                assert newest_ns < output.t_ns + _WAIT_NS <= record.recv_ns
                seen.append(output.t_ns)
        newest_ns = max(newest_ns, record.recv_ns)
    # One row a step, none twice; the end of the story has told all that were due.
    assert seen[0] == T0_NS + _STEP_NS
    assert seen[-1] + _STEP_NS + _WAIT_NS > newest_ns
    skipped = [b - a for a, b in itertools.pairwise(seen) if b - a != _STEP_NS]
    assert all(step > 0 for step in skipped)
    assert len(skipped) <= 1  # only a silence of more than five minutes is cut short


@settings(max_examples=12, deadline=None)
@given(evenings(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_restart(records: list[Record], places: list[float]) -> None:
    engine = Engine(WEARER)
    outputs: list[Record] = []
    cuts = {int(place * len(records)) for place in places}
    for i, record in enumerate(records):
        if i in cuts:
            engine = Engine(WEARER, thaw(freeze(engine.state)))
        outputs += engine.push(record)
    assert outputs == said(Engine(WEARER), records)


@settings(max_examples=6, deadline=None)
@given(evenings())
def test_replay(records: list[Record]) -> None:
    first, second = Engine(WEARER), Engine(WEARER)
    assert said(first, records) == said(second, records)
    assert first.state == second.state


@settings(max_examples=6, deadline=None)
@given(evenings())
def test_what_the_engine_said_itself_may_stand_in_the_sequence(records: list[Record]) -> None:
    """A re-run reads its own journalled baselines back: they must change nothing."""
    engine = Engine(WEARER)
    journal: list[Record] = []
    for record in records:
        journal += [record, *engine.push(record)]
    rows = [o for o in journal if isinstance(o, Estimate)]
    again = [o for o in said(Engine(WEARER), journal) if isinstance(o, Estimate)]
    assert again == rows


def test_the_evenings_reach_the_states_the_laws_are_about() -> None:
    """A law that is only ever tried on ``unknown`` would say little."""
    records = sitter(random.Random(1), minutes=6, fast_from_s=90, eda_hz=4.0)  # noqa: S311 - a story
    rows = [o for o in said(Engine(WEARER), records) if isinstance(o, Estimate)]
    assert {State.SETTLED, State.RISING, State.FLOODING} <= {row.state for row in rows}
    new = sitter(random.Random(1), minutes=7, fast_from_s=300, eda_hz=4.0)  # noqa: S311 - a story
    rows = [
        o
        for o in said(Engine(WEARER), [r for r in new if not isinstance(r, Setting)])
        if isinstance(o, Estimate)
    ]
    assert {State.CALIBRATING, State.SETTLED, State.FLOODING} <= {row.state for row in rows}


def test_a_tick_alone_moves_time() -> None:
    engine = Engine(WEARER)
    assert engine.push(Tick(t_ns=T0_NS, recv_ns=T0_NS)) == []
    [row] = engine.push(Tick(t_ns=T0_NS + 8 * NS, recv_ns=T0_NS + 8 * NS))
    assert isinstance(row, Estimate)
    assert (row.t_ns, row.state, row.reason) == (T0_NS + 5 * NS, State.UNKNOWN, "heart-missing")
