"""Records in, estimates out: when a row is due, what it is made of, and what it says.

The row for T (a UTC multiple of 5 s) is made from the samples with t_ns <= T that came before
the first record received at or after T + 3 s, and leaves before that record is taken in. It is
never revised; what comes later serves later windows. After a jump of the clock only the last five
minutes are told row by row (all ``unknown``: nothing was received): older rows are skipped, and
the shell's gap says why.

Rows begin with the first sample or tick. Sources are judged one by one; of several, the first
that is fit speaks, most beats first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from vagalwatch.hrv import arousal, beats, eda, motion, quality, states
from vagalwatch.hrv import baseline as bl
from vagalwatch.hrv.breathing import Breathing, breathing
from vagalwatch.hrv.codes import (
    CALIBRATING,
    EXPIRED,
    HEART_GATES,
    STATE_GATES,
    Gate,
    Why,
)
from vagalwatch.hrv.metrics import Variability, variability
from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.hrv.spectrum import lf_hf_ms2
from vagalwatch.records import (
    SITE,
    Contact,
    Device,
    Eda,
    Episode,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Level,
    Metrics,
    Motion,
    Reason,
    Run,
    Setting,
    State,
    Stream,
    Tick,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.records import Record

_S = TypeVar("_S")
_ROWS = PARAMETERS.rows
_STEP_NS: Final = _ROWS.step_s * NS
_WAIT_NS: Final = _ROWS.wait_s * NS
_BACKWARDS_NS: Final = 60 * NS
"""Less is waited for: rows go on as soon as the clock is there again."""
_TRUNK: Final = frozenset({"chest", "torso", "trunk", "waist"})
BETA_BLOCKER_KEY: Final = "beta-blocker"
"""Key of the ``Setting`` by which a person says that they take one (JSON ``true`` or ``false``)."""
_FORGET_NS: Final = 3600 * NS
"""A source that has said nothing for an hour is forgotten (its state would be snapshotted)."""


@dataclass(slots=True, kw_only=True)
class PipelineState:
    """Everything the estimate remembers of one wearer, keyed by source where it is a source's."""

    next_row_ns: int | None = None
    hearts: dict[str, beats.HeartState] = field(default_factory=dict)
    skins: dict[str, eda.EdaState] = field(default_factory=dict)
    motions: dict[str, motion.MotionState] = field(default_factory=dict)
    links: dict[str, quality.LinkState] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    exercise: motion.ExerciseState = field(default_factory=motion.ExerciseState)
    beta_blocker: bool = False
    baseline: bl.BaselineState = field(default_factory=bl.BaselineState)
    machine: states.Machine = field(default_factory=states.Machine)


class _Evidence(NamedTuple):
    """What the sources say for one row."""

    pulse: quality.Pulse | None
    steady_bpm: float | None
    variability: Variability | None
    moved: motion.Moved
    skin: eda.Skin
    eda_source: str
    gates: tuple[Gate, ...]


class Pipeline:
    """One wearer's estimate. Owns and mutates ``state``; everything else is a pure function."""

    def __init__(self, wearer: str, state: PipelineState) -> None:
        """Go on from ``state``."""
        self._wearer = wearer
        self._concerning = frozenset({wearer, SITE})
        self._state = state

    def push(self, record: Record) -> list[Record]:
        """Tell the rows that are due, then take ``record`` in. Never raises for any record.

        Nearly all records are single samples of a ring, with no row due: they come first here.
        """
        if record.wearer not in self._concerning:
            return []
        next_row_ns = self._state.next_row_ns
        outputs: list[Record] = []
        if next_row_ns is None:
            self._begin(record)
        elif record.recv_ns >= next_row_ns + _WAIT_NS:
            outputs = self._due(next_row_ns, record.recv_ns)
        if isinstance(record, Eda):
            if not self._off_body(record.source):
                eda.take(_of(self._state.skins, record.source, eda.EdaState), record)
        elif isinstance(record, Run):
            if not record.ended:
                outputs.extend(self._begin_run(record.recv_ns))
        else:
            self._take(record)
        return outputs

    def _begin(self, record: Record) -> None:
        """Rows begin with the first sample or tick."""
        if isinstance(record, Tick | Heart | Eda | Motion | Level | Contact):
            # A first chunk may reach back before its arrival, but not by minutes (a backlog).
            first_ns = max(span(record)[0], record.recv_ns - 2 * _STEP_NS)
            self._state.next_row_ns = first_ns // _STEP_NS * _STEP_NS + _STEP_NS

    def _begin_run(self, recv_ns: int) -> list[Record]:
        """Where the clock has gone back (a machine without one of its own), begin anew.

        Rows that wait for the time of the run before would wait for years. Nothing that was
        received can be placed any more; only what is worn, who is who and the usual still hold.
        """
        state = self._state
        if state.next_row_ns is None or recv_ns >= state.next_row_ns - _BACKWARDS_NS:
            return []
        changes = states.end_all(state.machine)
        bl.reset_time(state.baseline, recv_ns)
        state.next_row_ns = None
        for sources in (state.hearts, state.skins, state.motions):
            sources.clear()
        for link in state.links.values():
            quality.reset_time(link, recv_ns)
        state.exercise = motion.ExerciseState()
        state.machine = states.Machine()
        return [self._episode(change, recv_ns) for change in changes]

    def _due(self, next_row_ns: int, recv_ns: int) -> list[Record]:
        """The rows from ``next_row_ns`` on, the first that has not been told."""
        outputs: list[Record] = []
        due = (recv_ns - _WAIT_NS - next_row_ns) // _STEP_NS + 1
        if due > _ROWS.burst_rows:
            next_row_ns += (due - _ROWS.burst_rows) * _STEP_NS
        while recv_ns >= next_row_ns + _WAIT_NS:
            outputs.extend(self._row(next_row_ns, recv_ns))
            next_row_ns += _STEP_NS
        self._state.next_row_ns = next_row_ns
        return outputs

    # --- taking in ------------------------------------------------------------------------------

    def _take(self, record: Record) -> None:  # noqa: C901 - one case a kind of record
        state = self._state
        match record:
            case Motion():
                if not self._off_body(record.source):
                    motion.take(_of(state.motions, record.source, motion.MotionState), record)
            case Heart():
                if record.contact is not None:
                    link = self._link(record.source)
                    quality.take_contact(link, record.t_ns, on_body=record.contact)
                heart = _of(state.hearts, record.source, beats.HeartState)
                if self._off_body(record.source):
                    beats.cut_chain(heart)
                else:
                    beats.take(heart, record)
            case Contact():
                quality.take_contact(self._link(record.source), record.t_ns, on_body=record.on_body)
            case Device():
                state.places[record.source] = record.body_location.lower()
            case Level():
                eda.take_level(state.skins.get(record.source), record)
            case Gap():
                quality.take_gap(self._link(record.source), record)
            case Setting(key=bl.BASELINE_KEY | bl.WINDOW_KEY):
                bl.take_setting(state.baseline, record.key, record.value)
            case Setting(key=key, value="true" | "false") if key == BETA_BLOCKER_KEY:
                state.beta_blocker = record.value == "true"

    def _link(self, source: str) -> quality.LinkState:
        return _of(self._state.links, source, quality.LinkState)

    def _off_body(self, source: str) -> bool:
        link = self._state.links.get(source)
        return link is not None and quality.off_body_now(link)

    # --- a row ----------------------------------------------------------------------------------

    def _row(self, t_ns: int, recv_ns: int) -> list[Record]:
        state = self._state
        usual = bl.current(state.baseline, t_ns)
        evidence = self._evidence(t_ns, None if usual is None else usual.hr.median)
        metrics, row = _figures(t_ns, evidence, usual)
        blocked = next((gate for gate in evidence.gates if gate in STATE_GATES), None)
        calibrated = False
        changes: list[states.Change] = []
        reasons: tuple[Reason, ...] = ()
        value: float | None = None
        exerted = (
            state.exercise.moving_ns is not None
            and t_ns - state.exercise.moving_ns <= PARAMETERS.safety.exertion_s * NS
        )
        if row is None or blocked is not None:
            verdict, reason = State.UNKNOWN, str(blocked or Gate.HEART_THIN)
            changes = states.miss(state.machine, t_ns)
            if usual is None:
                bl.calibrate(state.baseline, t_ns, None, evidence.eda_source)
            else:
                bl.drift(state.baseline, t_ns, None, evidence.eda_source)
        elif usual is None:
            verdict = State.CALIBRATING
            reason = EXPIRED if state.baseline.expired else CALIBRATING
            changes = states.watch_uncalibrated(state.machine, row, exerted=exerted)
            progress = bl.calibrate(
                state.baseline, t_ns, _for_baseline(evidence, metrics), evidence.eda_source
            )
            calibrated = progress is None and not bl.provisional(state.baseline)
            reasons = _progress(progress)
        else:
            aroused, parts = arousal.weigh(_terms(evidence, usual, row.hr_bpm))
            changes = states.step(state.machine, row, usual, exerted=exerted, arousal=aroused)
            if states.shown(state.machine, row):
                verdict, reason, value = state.machine.phase, "", aroused
                reasons = (
                    *parts,
                    *states.conditions_met(state.machine, row, usual),
                )
            else:  # neither still shut down nor settled: whether it goes on cannot be told
                missing = Gate.MOTION_MISSING if row.still is None else Gate.EDA_UNUSUAL
                verdict, reason = State.UNKNOWN, str(evidence.skin.gate or missing)
            usable = states.may_drift(
                state.machine, row, usual, provisional=bl.provisional(state.baseline)
            )
            calibrated = bl.drift(
                state.baseline,
                t_ns,
                _for_baseline(evidence, metrics) if usable else None,
                evidence.eda_source,
            )
        self._trim(t_ns)
        outputs: list[Record] = [
            Estimate(
                wearer=self._wearer,
                t_ns=t_ns,
                recv_ns=recv_ns,
                state=verdict,
                reason=reason,
                arousal=value,
                usual_hr_bpm=None if usual is None else usual.hr.median,
                metrics=metrics,
                reasons=reasons,
                gates=tuple(str(gate) for gate in evidence.gates),
            )
        ]
        outputs.extend(self._episode(change, recv_ns) for change in changes)
        if calibrated:
            outputs.append(
                Setting(
                    wearer=self._wearer,
                    t_ns=t_ns,
                    recv_ns=recv_ns,
                    key=bl.BASELINE_KEY,
                    value=bl.to_json(state.baseline),
                )
            )
        return outputs

    def _evidence(self, t_ns: int, usual_bpm: float | None) -> _Evidence:
        state = self._state
        gates: list[Gate] = []
        pulses = self._pulses(t_ns)
        pulse = pulses[0] if pulses else None
        gate = Gate.HEART_MISSING if pulse is None else pulse.gate
        if gate is not None:
            gates.append(gate)
        moved = self._moved(t_ns)
        hr_bpm = None if pulse is None else pulse.hr_bpm
        gate = motion.exercise_gate(state.exercise, moved, t_ns, hr_bpm, usual_bpm)
        if gate is not None:
            gates.append(gate)
        eda_source, skin = self._skin(t_ns)
        if skin.gate is not None:
            gates.append(skin.gate)
        minute = None
        if pulse is not None:
            minute = variability(pulse.minutes.last(PARAMETERS.figures.variability_s))
            if minute.irregular:
                gates.append(Gate.RR_IRREGULAR)
            elif minute.rmssd_ms is None:
                gates.append(Gate.RR_THIN)
        if moved.motion_mg is None:
            gates.append(Gate.MOTION_MISSING)
        if state.beta_blocker:
            gates.append(Gate.BETA_BLOCKER)
        return _Evidence(
            pulse=pulse,
            steady_bpm=quality.steady_bpm(pulses),
            variability=minute,
            moved=moved,
            skin=skin,
            eda_source=eda_source,
            gates=tuple(gates),
        )

    def _pulses(self, t_ns: int) -> list[quality.Pulse]:
        """What the sources say: those that are fit first, and of them those with most beats."""
        pulses = [
            quality.judge_heart(heart, self._link(source), t_ns)
            for source, heart in sorted(self._state.hearts.items())
        ]
        return sorted(pulses, key=lambda p: (p.gate is not None, -p.minutes.t_s.size))

    def _skin(self, t_ns: int) -> tuple[str, eda.Skin]:
        state = self._state
        best: tuple[str, eda.Skin] = ("", eda.Skin(gate=Gate.EDA_MISSING))
        for source, bins in sorted(state.skins.items()):
            reason = quality.link_gate(self._link(source), Stream.EDA, bins.last_ns, t_ns)
            if reason is None:
                hand = state.motions.get(source)
                skin = eda.judge(bins, t_ns, None if hand is None else partial(motion.shaken, hand))
            elif reason is GapReason.OFF_BODY:
                skin = eda.Skin(gate=Gate.EDA_OFF_BODY)
            else:
                skin = eda.Skin(gate=Gate.EDA_GAP)
            if skin.gate is None:
                return source, skin
            best = (source, skin)
        return best

    def _moved(self, t_ns: int) -> motion.Moved:
        for source, seconds in sorted(self._state.motions.items()):
            motion.sum_up(seconds)
            if quality.link_gate(self._link(source), Stream.MOTION, seconds.last_ns, t_ns) is None:
                trunk = self._state.places.get(source, "") in _TRUNK
                moved = motion.judge(seconds, t_ns, trunk=trunk)
                if moved.motion_mg is not None:
                    return moved
        return motion.Moved()

    def _trim(self, t_ns: int) -> None:
        state = self._state
        for source, heart in list(state.hearts.items()):
            beats.trim(heart, t_ns)
            if heart.last_ns < t_ns - _FORGET_NS:
                del state.hearts[source]
        for source, skin in list(state.skins.items()):
            eda.trim(skin, t_ns)
            if skin.last_ns < t_ns - _FORGET_NS:
                del state.skins[source]
        for source, seconds in list(state.motions.items()):
            motion.trim(seconds, t_ns)
            if seconds.last_ns < t_ns - _FORGET_NS:
                del state.motions[source]

    def _episode(self, change: states.Change, recv_ns: int) -> Episode:
        return Episode(
            wearer=self._wearer,
            t_ns=change.episode.t_ns,
            recv_ns=recv_ns,
            episode=change.episode.kind,
            onset_ns=change.episode.onset_ns,
            end_ns=change.end_ns,
            peak_hr_bpm=change.episode.peak_hr_bpm,
            reasons=change.episode.reasons,
        )


def _of(sources: dict[str, _S], source: str, new: Callable[[], _S]) -> _S:
    """A source's state, made only if there is none: making one costs as much as a sample."""
    held = sources.get(source)
    if held is None:
        held = sources[source] = new()
    return held


def _figures(
    t_ns: int, evidence: _Evidence, usual: bl.Minutes | None
) -> tuple[Metrics, states.Row | None]:
    """The row's figures, and what of them the states judge (``None``: no believable rate)."""
    pulse, minute, skin = evidence.pulse, evidence.variability, evidence.skin
    fit = pulse is not None and pulse.gate is None
    hr_bpm = pulse.hr_bpm if fit and pulse is not None else None
    shown = minute if fit and minute is not None else Variability(coverage=0.0)
    lf_ms2 = hf_ms2 = None
    breath = Breathing()
    if fit and pulse is not None and not shown.irregular:
        lf_ms2, hf_ms2 = lf_hf_ms2(pulse.minutes)
        breath = breathing(pulse.minutes)
    z_hr = z_scl = z_nsr = None
    if usual is not None:
        z_hr = usual.hr.z(hr_bpm)
        if usual.eda_source == evidence.eda_source:
            z_scl = usual.ln_scl.z(_ln(skin.scl_us)) if usual.ln_scl else None
            z_nsr = usual.nsr.z(skin.nsr_per_min) if usual.nsr else None
    metrics = Metrics(
        hr_bpm=hr_bpm,
        rmssd_ms=shown.rmssd_ms,
        sdnn_ms=shown.sdnn_ms,
        pnn50=shown.pnn50,
        sd1_ms=shown.sd1_ms,
        sd2_ms=shown.sd2_ms,
        lf_ms2=lf_ms2,
        hf_ms2=hf_ms2,
        breaths_per_min=breath.breaths_per_min,
        coherence=breath.coherence,
        coverage=None if minute is None else minute.coverage,
        scl_us=skin.scl_us,
        nsr_per_min=skin.nsr_per_min,
        motion_mg=evidence.moved.motion_mg,
        z_hr=z_hr,
        z_scl=z_scl,
        z_nsr=z_nsr,
    )
    if hr_bpm is None or pulse is None:
        return metrics, None
    return metrics, states.Row(
        t_ns=t_ns,
        hr_bpm=hr_bpm,
        short_bpm=pulse.short_bpm,
        z_hr=0.0 if z_hr is None else z_hr,
        z_scl=z_scl,
        nsr_per_min=skin.nsr_per_min,
        z_nsr=z_nsr,
        still=evidence.moved.still,
        beta_blocker=Gate.BETA_BLOCKER in evidence.gates,
    )


def _for_baseline(evidence: _Evidence, metrics: Metrics) -> bl.Figures | None:
    """A row that may enter a baseline: a believable rate and nobody moving about."""
    if metrics.hr_bpm is None or any(
        gate in HEART_GATES or gate in STATE_GATES for gate in evidence.gates
    ):
        return None
    return bl.Figures(
        hr_bpm=metrics.hr_bpm,
        steady_bpm=evidence.steady_bpm,
        ln_rmssd=_ln(metrics.rmssd_ms),
        ln_scl=_ln(metrics.scl_us),
        nsr=metrics.nsr_per_min,
    )


def _terms(evidence: _Evidence, usual: bl.Minutes, hr_bpm: float) -> list[arousal.Term]:
    return arousal.terms(
        hr_bpm if evidence.steady_bpm is None else evidence.steady_bpm,
        evidence.skin,
        usual,
        same_skin=usual.eda_source == evidence.eda_source,
    )


def _progress(progress: bl.Progress | None) -> tuple[Reason, ...]:
    if progress is None:
        return ()
    needed_s = float(PARAMETERS.calibration.min_s)
    how_far = Reason(code=Why.USABLE_SECONDS, value=progress.usable_s, threshold=needed_s)
    if progress.trend_bpm is None:
        return (how_far,)
    return (how_far, Reason(code=Why.NOT_LEVEL_YET, value=progress.trend_bpm))


def _ln(value: float | None) -> float | None:
    return math.log(value) if value is not None and value > 0 else None
