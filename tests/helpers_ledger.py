"""A hand-made session of one wearer, for tests of what is made of records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vagalwatch.clock import NS
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Contact,
    Eda,
    Episode,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Level,
    Marker,
    Metrics,
    Motion,
    Reason,
    Run,
    Session,
    State,
    Stream,
    Tick,
)

if TYPE_CHECKING:
    from vagalwatch.records import Record

T0_NS = 1_790_000_000 * NS + 123_456_789
"""An odd nanosecond in September 2026: what is cut to ms or us shows."""


def heart(
    beats: int = 1, *, start_ns: int = T0_NS, wearer: str = "ada", rr_ms: float = 732.421875
) -> Heart:
    """One notification with ``beats`` beats, each a whole number of 1/1024 s apart."""
    step_ns = round(rr_ms * 1_000_000)
    times = tuple(start_ns + n * step_ns for n in range(1, beats + 1))
    return Heart(
        wearer=wearer,
        source="strap",
        t_ns=times[-1],
        recv_ns=times[-1] + 40_000_000,
        hr_bpm=60_000 / rr_ms,
        contact=True,
        beat_t_ns=times,
        rr_ms=(rr_ms,) * beats,
    )


def estimate(t_ns: int, state: State = State.SETTLED, *, wearer: str = "ada") -> Estimate:
    """A row with every figure, different at every time."""
    step = (t_ns // (5 * NS)) % 100
    known = state not in {State.UNKNOWN, State.CALIBRATING}
    return Estimate(
        wearer=wearer,
        t_ns=t_ns,
        recv_ns=t_ns + 3 * NS,
        state=state,
        reason="" if known else "off-body",
        arousal=0.25 * step if known else None,
        usual_hr_bpm=71.5 if known else None,
        metrics=Metrics(hr_bpm=72.5 + step, rmssd_ms=41.25 + step, scl_us=3.125, nsr_per_min=4.0)
        if known
        else Metrics(coverage=0.0),
        reasons=(Reason(code="hr-high", value=101.0), Reason(code="scl-high")) if known else (),
    )


def session(minutes: float = 4.0, *, wearer: str = "ada", start_ns: int = T0_NS) -> list[Record]:
    """A hand-made session: settled, flooding with its prompt and break, then the strap is off.

    The rows stand at multiples of 5 s; the last quarter is ``unknown`` and has no beats.
    """
    first_ns = start_ns // (5 * NS) * 5 * NS
    end_ns = first_ns + round(minutes * 60) * NS
    off_ns = first_ns + round(minutes * 45) * NS
    alert_ns = first_ns + round(minutes * 15) // 5 * 5 * NS
    records: list[Record] = [
        Run(
            t_ns=first_ns - NS,
            recv_ns=first_ns - NS,
            version="0",
            engine_version=1,
            parameters_hash="0",
        ),
        Session(t_ns=first_ns, recv_ns=first_ns, session="s1", started=True, wearers=(wearer,)),
    ]
    for t_ns in range(first_ns, end_ns, NS):
        records.append(Tick(t_ns=t_ns, recv_ns=t_ns))
        if t_ns < off_ns:
            records += _sensors(wearer, t_ns)
        if t_ns % (5 * NS) == 0:
            state = State.UNKNOWN if t_ns >= off_ns else State.SETTLED
            if alert_ns <= t_ns < off_ns:
                state = State.FLOODING
            records.append(estimate(t_ns, state, wearer=wearer))
        if t_ns == alert_ns:
            records += _prompt(wearer, t_ns)
        if t_ns == off_ns:
            records.append(
                Contact(wearer=wearer, source="strap", t_ns=t_ns, recv_ns=t_ns, on_body=False)
            )
            records.append(_gap(wearer, t_ns, None))
    records.append(_gap(wearer, off_ns, end_ns))
    return records


def _sensors(wearer: str, t_ns: int) -> list[Record]:
    quarter_ns = NS // 4
    times = tuple(t_ns + n * quarter_ns + 7 for n in range(4))
    return [
        heart(start_ns=t_ns + 1, wearer=wearer),
        Eda(
            wearer=wearer,
            source="ring",
            t_ns=times[-1],
            recv_ns=times[-1],
            sample_t_ns=times,
            eda_us=(3.0, 3.1, 3.2, 3.3),
        ),
        Motion(
            wearer=wearer,
            source="ring",
            t_ns=times[-1],
            recv_ns=times[-1],
            sample_t_ns=times,
            acc_x_mg=(10.0, 12.0, 14.0, 16.0),
            acc_y_mg=(0.0, 0.0, 0.0, 0.0),
            acc_z_mg=(1000.0, 1000.0, 1000.0, 1000.0),
        ),
        Level(
            wearer=wearer,
            source="ring",
            t_ns=t_ns,
            recv_ns=t_ns,
            signal="battery_percent",
            value=88,
        ),
    ]


def _gap(wearer: str, t_ns: int, end_ns: int | None) -> Gap:
    return Gap(
        wearer=wearer,
        source="strap",
        stream=Stream.HEART,
        t_ns=t_ns,
        recv_ns=end_ns or t_ns,
        reason=GapReason.OFF_BODY,
        end_ns=end_ns,
    )


def _prompt(wearer: str, t_ns: int) -> list[Record]:
    def step(phase: BreakPhase, at_ns: int) -> BreakStep:
        return BreakStep(
            wearer=wearer,
            t_ns=at_ns,
            recv_ns=at_ns,
            id="b1",
            phase=phase,
            began_ns=t_ns,
            until_ns=t_ns + 1200 * NS,
            origin="prompt",
            about=EpisodeKind.FLOODING,
            alert_id="a1",
        )

    return [
        Episode(
            wearer=wearer,
            t_ns=t_ns,
            recv_ns=t_ns,
            episode=EpisodeKind.FLOODING,
            onset_ns=t_ns - 20 * NS,
        ),
        Alert(
            wearer=wearer,
            t_ns=t_ns,
            recv_ns=t_ns,
            id="a1",
            alert=EpisodeKind.FLOODING,
            onset_ns=t_ns - 20 * NS,
            valid_until_ns=t_ns + 120 * NS,
            reasons=(Reason(code="hr-high", value=104.0, usual=71.5),),
        ),
        step(BreakPhase.OFFERED, t_ns),
        Answer(wearer=wearer, t_ns=t_ns + NS // 3, recv_ns=t_ns, answer=AnswerKind.YES, id="q1"),
        step(BreakPhase.ON, t_ns + NS // 3),
        Marker(
            wearer=wearer, t_ns=t_ns + NS // 2, recv_ns=t_ns, text='they said "later", \\ then left'
        ),
    ]
