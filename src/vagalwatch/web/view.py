"""What one wearer's page shows, reduced from that wearer's records; pure.

The page gets times and keys of lines in the words file (``say``), no sentence. It gets no
number of the body either, unless the person asked for them (:meth:`View.pulse`).
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts import afterwards, consents, steps, words
from vagalwatch.alerts.calling import Calling
from vagalwatch.alerts.policy import BACKWARDS_NS, STEPS_IN
from vagalwatch.alerts.preferences import PAUSED, Preferences
from vagalwatch.alerts.shift import shifted
from vagalwatch.alerts.table import RUNNING
from vagalwatch.hrv.codes import LOST_IN_SHUTDOWN, Gate, Why
from vagalwatch.records import (
    ROW_HOLDS_NS,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    Eda,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Motion,
    Run,
    Setting,
    State,
    Stream,
)
from vagalwatch.standby import ENGINE_FAILED
from vagalwatch.web.partner import Partner

if TYPE_CHECKING:
    from vagalwatch.alerts.couple import Word
    from vagalwatch.records import Record

S_NS: Final = 1_000_000_000

SILENT_NS: Final = 60 * S_NS
"""The longest silence that any stream is granted before it counts as not measured."""
SAFETY_STAYS_NS: Final = 30 * 60 * S_NS
"""Our choice: who has fainted finds the screen when coming to, and not the next morning."""
LOOKS_BACK_NS: Final = 10 * 60 * S_NS
"""Our choice: how long an answer, an expired prompt or a return is still spoken of, and how
far the curve of the heart rate reaches."""
PULSE_POINTS: Final = 1200
"""Ten minutes at two notifications a second, more than any strap sends."""
CLOSED_KEPT: Final = 64
"""Answered prompts remembered against repeats; a few a day are asked."""

ASKS_STAY_NS: Final = 24 * 60 * 60 * S_NS
"""Our choice: the next day, how a break went is told the therapist and not a page."""

_SCREENS: Final = {
    BreakPhase.STEADYING: "steadying",
    BreakPhase.ON: "break",
    BreakPhase.SETTLED: "time-up",
    BreakPhase.NOT_SETTLED: "time-up",
    BreakPhase.RETURNED: "after",
    BreakPhase.NOT_RESUMED: "after",
}
"""Phases that have a screen of their own; an offer's is its prompt's."""
_ENDED: Final = {BreakPhase.RETURNED, BreakPhase.NOT_RESUMED}
_UNANSWERED: Final = {
    BreakPhase.DECLINED: "break.declined",
    BreakPhase.THINKING: "break.thinking",
    BreakPhase.WRONG: "break.wrong",
    BreakPhase.EXPIRED: "break.expired",
}
_CLOSES: Final = {
    AnswerKind.YES: "",
    AnswerKind.FAR_AWAY: "",
    AnswerKind.SEEN: "",
    AnswerKind.NOT_NOW: "break.declined",
    AnswerKind.IM_THINKING: "break.thinking",
    AnswerKind.WRONG: "break.wrong",
    AnswerKind.LATER: "page.later",
}
"""Answers that close a prompt at once, and what is said then; a break's step says more."""
_WORSE: Final = {AnswerKind.WORSE, AnswerKind.MADE_WORSE}
_SHARING: Final = {PAUSED, *consents.TABLE} - {*consents.COUPLE}
"""Settings on which hangs who can see what: an open screen of them looks again when one comes. Not
those of a link, of which no picture tells (docs/couples.md)."""

FINDING_NS: Final = 30 * S_NS
"""Our choice: so long after a start nobody is told that a sensor cannot be found. A search lasts
10 s, and a sensor that is worn is found and connected within one or two."""
WHY_LINES: Final = 2

_HEART_GAP: Final = {
    GapReason.NEVER_SEEN: "gate.heart-missing",
    GapReason.SILENT: "gate.heart-silent",
    GapReason.OFF_BODY: "gate.heart-off-body",
    GapReason.FROZEN: "gate.heart-frozen",
    GapReason.STOPPED: "page.stopped",
    GapReason.MODE_CHANGE: "page.short-pause",
    GapReason.SUSPEND: "page.slept",
}
"""What is said of a gap in the heart before the next row names it; else "gate.heart-gap"."""
_NOT_FOUND: Final = {Gate.HEART_MISSING, Gate.HEART_GAP}
"""What rows from before the first sample say."""
_TOLD: Final = LOST_IN_SHUTDOWN | {Gate.BETA_BLOCKER}
"""Gates worth a line of their own; those of single figures are for the therapist."""


class View:
    """Push every record of one wearer and of the site; ask for what the page shows.

    Records may come again (an alert is repeated, a start re-reads the journal): that changes
    nothing. The present is the latest ``recv_ns`` seen, so ticks make things expire.
    """

    def __init__(self, wearer: str) -> None:
        """Know nothing yet: that shows as not measuring."""
        self._wearer = wearer
        self._now_ns = 0
        self._began_ns: int | None = None
        self._step_ns = 0
        self._estimate: Estimate | None = None
        self._seen_ns: dict[tuple[Stream, str], int] = {}
        self._gaps: dict[tuple[Stream, str, int], Gap] = {}
        self._prompt: Alert | None = None
        self._safety: Alert | None = None
        self._break: BreakStep | None = None
        self._told: BreakStep | None = None
        """The last step as it came, to know it when it comes again."""
        self._notice: tuple[str, str, int] | None = None
        self._asks: tuple[str, tuple[str, ...], int] = ("", (), 0)
        """What is still asked about the break that ended last, and since when."""
        self._closed: dict[str, int] = {}
        self._pulse: deque[tuple[int, float]] = deque(maxlen=PULSE_POINTS)
        self._preferences = Preferences()
        self._calling = Calling()
        self._read = 0
        """The text on being measured that this person has answered to; 0: none yet."""
        self._sharing = 0
        self._partner = Partner()

    def push(self, record: Record) -> None:  # noqa: C901 - one flat case a kind of record
        """Take one record of this wearer or of the site."""
        before_ns, self._now_ns = self._now_ns, max(self._now_ns, record.recv_ns)
        match record:
            case Heart():
                self._heart(record)
            case Eda() | Motion():
                self._seen_ns[Stream(record.kind), record.source] = record.t_ns
            case Gap():
                self._gap(record)
            case Estimate():
                self._estimate = record
            case Alert():
                self._alert(record)
            case Answer():
                self._answer(record)
            case BreakStep():
                self._break_step(record)
            case Setting():
                self._setting(record)
            case ClockStep():
                self._step_ns += record.delta_ns
            case Run(ended=False):
                self._new_run(record.recv_ns, before_ns)
            case _:
                pass
        self._expire()

    def hear(self, word: Word) -> bool:
        """Take what the partner lets be known; whether it changes the picture."""
        return self._partner.take(word)

    def as_json(self) -> dict[str, object]:
        """What the page shows. Times are UTC ms of the wall clock."""
        return {
            "screen": self._screen(),
            "measure": self._measure(),
            "missing": [
                {"stream": stream, "since_ms": self._wall_ms(since_ns)}
                for stream, (why, since_ns) in self._missing().items()
                if why is not GapReason.NEVER_SEEN or not self._finding()
            ],
            "prompt": None if self._prompt is None else self._prompt_json(self._prompt),
            "safety": None if self._safety is None else {"id": self._safety.id},
            "break": None if self._break is None else self._break_json(self._break),
            "notice": None
            if self._notice is None
            else {"say": self._notice[0], "about": self._notice[1]},
            "ask": self._ask_json(),
            "paused": self._paused(),
            "ready": self._ready_json(),
            "first": self._read < consents.TABLE[consents.MEASURE].text,
            "call": self._calling.as_json(),
            "sharing": self._sharing,
            "partner": self._partner.as_json(self._now_ns, self._wall_ms),
        }

    def why(self, *, numbers: bool) -> list[dict[str, str]]:
        """What the state that is shown rests on, what weighs most first; a line's key and values.

        Without ``numbers`` the lines are others, and there are no values.
        """
        estimate = self._fresh_estimate()
        if estimate is None or self._measure()["kind"] == "not-measuring":
            return []
        # Conditions of a state tell more than the terms of ``arousal``, which carry a share of it.
        reasons = sorted(
            estimate.reasons, key=lambda r: (r.contribution is not None, -abs(r.contribution or 0))
        )
        known = words.lines()
        said = []
        for reason in reasons:
            key = f"{'why' if numbers else 'because'}.{reason.code}"
            values = words.figures(reason) if numbers else {}
            if key in known and words.placeholders(known[key]) <= values.keys():
                said.append({"say": key} | values)
        return said[:WHY_LINES]

    def breathed(self, *, numbers: bool) -> dict[str, object] | None:
        """What the heart did while a shape was followed, once the break is over; as :meth:`why`."""
        step = self._break
        if step is None or step.phase not in _ENDED:
            return None
        key = f"breath.{step.breathed}"
        if key not in words.lines():
            return None
        if not numbers or not step.breathed_bpm:
            return {"say": key}
        before, end = (round(bpm) for bpm in step.breathed_bpm)
        return {"say": f"{key}-numbers", "before": before, "end": end}

    def pulse(self, after_ms: int = 0) -> list[tuple[int, int]]:
        """Heart rate later than ``after_ms``, for a person who asked: (wall ms, bpm) by time."""
        later = takewhile(lambda point: self._wall_ms(point[0]) > after_ms, reversed(self._pulse))
        return [(self._wall_ms(t_ns), round(hr_bpm)) for t_ns, hr_bpm in later][::-1]

    def usual_bpm(self) -> int | None:
        """The personal baseline of the latest row, in whole beats a minute."""
        usual = None if self._estimate is None else self._estimate.usual_hr_bpm
        return None if usual is None else round(usual)

    def now_ms(self) -> int:
        """The present by the wall clock, as far as the records tell."""
        return self._wall_ms(self._now_ns)

    # --- taking records -----------------------------------------------------------------------

    def _heart(self, record: Heart) -> None:
        if record.hr_bpm is None and not record.beat_t_ns:
            return
        self._seen_ns[Stream.HEART, record.source] = record.t_ns
        if record.hr_bpm is not None and record.contact is not False:
            self._pulse.append((record.t_ns, record.hr_bpm))

    def _setting(self, setting: Setting) -> None:
        with suppress(ValueError):  # refused where people enter it
            self._preferences.take(setting.key, setting.value)
            self._calling.take(setting.key, setting.value)
        if setting.key in _SHARING:
            self._sharing += 1
        if setting.key == consents.MEASURE:
            self._read = consents.given(setting.key, setting.value).text

    def _gap(self, record: Gap) -> None:
        key = (record.stream, record.source, record.t_ns)
        if record.end_ns is None:
            self._gaps[key] = record
        else:
            self._gaps.pop(key, None)

    def _new_run(self, recv_ns: int, before_ns: int) -> None:
        """What was open when the service stopped is measured anew, or reported anew.

        Times of the old run go on by wall time, as the break engine has it.
        """
        self._gaps.clear()
        self._seen_ns.clear()
        self._estimate = None
        delta_ns, self._step_ns = self._step_ns, 0
        back_ns = recv_ns - (before_ns + delta_ns)
        if back_ns < -BACKWARDS_NS:  # as the break engine has it: the time in between is unknown
            delta_ns += back_ns
        self._now_ns = self._began_ns = recv_ns
        self._shift(delta_ns)

    def _shift(self, delta_ns: int) -> None:
        """Put every remembered time on a clock that reads ``delta_ns`` more."""
        if self._prompt is not None:
            self._prompt = shifted(self._prompt, delta_ns)
        if self._safety is not None:
            self._safety = shifted(self._safety, delta_ns)
        if self._break is not None:
            self._break = shifted(self._break, delta_ns)
        if self._notice is not None:
            self._notice = *self._notice[:2], self._notice[2] + delta_ns
        self._asks = *self._asks[:2], self._asks[2] + delta_ns
        self._closed = {key: until_ns + delta_ns for key, until_ns in self._closed.items()}
        self._partner.shift(delta_ns)
        points = [(t_ns + delta_ns, hr_bpm) for t_ns, hr_bpm in self._pulse]
        self._pulse = deque(points, maxlen=PULSE_POINTS)

    def _alert(self, alert: Alert) -> None:
        if alert.valid_until_ns <= self._closed.get(alert.id, 0):
            return  # a repeat of what was answered; asked anew it is valid for longer
        if alert.alert is EpisodeKind.SAFETY:
            self._safety = alert
        else:
            self._prompt = alert
            self._notice = None

    def _answer(self, answer: Answer) -> None:
        if answer.answer in _CLOSES:
            self._close(answer.about, _CLOSES[answer.answer])
        about, asks, since_ns = self._asks
        if about and answer.about == about:
            self._asks = about, afterwards.left(asks, answer.answer), since_ns
        if answer.answer == AnswerKind.HEARD:
            self._partner.say_heard()
        if answer.answer in _WORSE:
            self._notice = "ask.thanks-worse", answer.about, self._now_ns
        shown = self._break
        running = shown is not None and shown.phase in RUNNING
        mine = shown is not None and answer.about in {shown.id, shown.alert_id} - {""}
        if answer.answer == AnswerKind.IM_HERE and running and mine:
            # The break goes on as it was: without this, nothing would show that it was heard.
            self._notice = "break.here", answer.about, self._now_ns

    def _break_step(self, step: BreakStep) -> None:
        if step == self._told:
            return  # questions that were answered since are not asked anew
        self._partner.own_break(step, running=step.phase in RUNNING)
        self._told, shown = step, self._break
        if step.phase in _UNANSWERED:
            say = _UNANSWERED[step.phase]
            if shown is not None and shown.id == step.id:  # "no break now", or no step helped
                self._break = None
                self._notice = (say, step.alert_id, self._now_ns) if step.alert_id else None
            self._close(step.alert_id, say)
        elif step.phase in _SCREENS:
            if shown is None or (shown.id, shown.phase) != (step.id, step.phase):
                self._notice = None
            self._break = step
            self._close(step.alert_id, "")
        if (step.id, step.asks) != self._asks[:2]:
            self._asks = (step.id, step.asks, self._now_ns) if step.asks else ("", (), 0)

    def _close(self, alert_id: str, say: str) -> None:
        """End an open prompt or safety screen; ``say`` is then said for a while."""
        until_ns = max(self._now_ns, self._closed.get(alert_id, 0))
        if self._safety is not None and self._safety.id == alert_id:
            until_ns = max(until_ns, self._safety.valid_until_ns)
            self._safety = None
        if self._prompt is not None and self._prompt.id == alert_id:
            until_ns = max(until_ns, self._prompt.valid_until_ns)
            self._prompt = None
            self._notice = (say, alert_id, self._now_ns) if say else None
        if alert_id:
            self._closed[alert_id] = until_ns
            if len(self._closed) > CLOSED_KEPT:
                del self._closed[next(iter(self._closed))]

    def _expire(self) -> None:
        now_ns = self._now_ns
        if self._prompt is not None and now_ns >= self._prompt.valid_until_ns:
            self._close(self._prompt.id, "break.expired")
        if self._safety is not None and now_ns - self._safety.t_ns > SAFETY_STAYS_NS:
            self._close(self._safety.id, "")
        if self._notice is not None and now_ns - self._notice[2] > LOOKS_BACK_NS:
            self._notice = None
        ended = self._break
        if ended is not None and ended.phase in _ENDED and now_ns - ended.t_ns > LOOKS_BACK_NS:
            self._break = None
        if self._asks[0] and now_ns - self._asks[2] > ASKS_STAY_NS:
            self._asks = ("", (), 0)
        self._partner.expire(now_ns)
        while self._pulse and now_ns - self._pulse[0][0] > LOOKS_BACK_NS:
            self._pulse.popleft()

    # --- showing ------------------------------------------------------------------------------

    def _screen(self) -> str:
        if self._safety is not None:
            return "safety"
        shown = self._break
        if shown is not None and shown.phase not in _ENDED:
            return _SCREENS[shown.phase]
        if self._prompt is not None:
            return "prompt"
        return "measure" if shown is None else _SCREENS[shown.phase]

    def _measure(self) -> dict[str, object]:
        """Whether and what is measured now; never more than the latest row says."""
        estimate = self._fresh_estimate()
        told = () if estimate is None else estimate.gates
        finding = self._finding()
        out: dict[str, object] = {
            "kind": "not-measuring",
            "say": "page.finding" if finding else "state.unknown",
            "also": [f"gate.{gate}" for gate in told if gate in _TOLD and not finding],
            "progress": None,
        }
        why, _ = self._missing().get(Stream.HEART, (None, 0))
        if why is not None and not (finding and why is GapReason.NEVER_SEEN):
            return out | {"say": _HEART_GAP.get(why, "gate.heart-gap")}
        if estimate is None or (finding and estimate.reason in _NOT_FOUND):
            return out
        if estimate.state is State.UNKNOWN:
            failed = estimate.reason == ENGINE_FAILED
            return out | {"say": "page.engine-failed" if failed else f"gate.{estimate.reason}"}
        if estimate.state is State.CALIBRATING:
            say = f"gate.{estimate.reason}"
            return out | {"kind": "calibrating", "say": say, "progress": _progress(estimate)}
        return out | {"kind": "measuring", "say": f"state.{estimate.state}"}

    def _paused(self) -> str | None:
        """While everything is paused, what goes on all the same: a line's key."""
        if not self._preferences.paused:
            return None
        measure = self._measure()
        if measure["kind"] == "not-measuring":
            return str(measure["say"])
        return "page.paused-tells" if self._preferences.safety_alerts else "page.paused-silent"

    def _finding(self) -> bool:
        """Whether sensors that were never seen may still be on their way."""
        return self._began_ns is not None and self._now_ns - self._began_ns < FINDING_NS

    def _fresh_estimate(self) -> Estimate | None:
        last = self._estimate
        return last if last and self._now_ns < last.t_ns + ROW_HOLDS_NS else None

    def _missing(self) -> dict[Stream, tuple[GapReason, int]]:
        """Streams that no source delivers now: why, and since when (ns)."""
        out = {
            key: (GapReason.SILENT, seen_ns)
            for key, seen_ns in self._seen_ns.items()
            if self._now_ns - seen_ns > SILENT_NS
        }
        for (stream, source, t_ns), gap in sorted(self._gaps.items()):
            out[stream, source] = (gap.reason, t_ns)
        delivering = {stream for stream, source in self._seen_ns if (stream, source) not in out}
        why = {stream: reason for (stream, _), reason in sorted(out.items())}
        return {stream: why[stream] for stream in Stream if stream in why.keys() - delivering}

    def _prompt_json(self, alert: Alert) -> dict[str, object]:
        return {
            "id": alert.id,
            "about": alert.alert,
            "say": f"prompt.{alert.alert}",
            "minutes": self._preferences.break_minutes,
        }

    def _break_json(self, step: BreakStep) -> dict[str, object]:
        choices, small = self._preferences.choices, step.steps
        if not small and step.phase in STEPS_IN:  # a break from before steps were recorded
            small = steps.offered(None, choices)
        return {
            "id": step.id,
            "about": step.about,
            "say": words.break_key(step),
            "minutes": round((step.until_ns - step.began_ns) / (60 * S_NS)),
            "until_ms": self._wall_ms(step.until_ns),
            "heard": self._partner.heard,
            "steps": self._steps_json(small),
            "agreed": [
                {"say": say, "what": what} for say, what in self._preferences.agreement.lines()
            ],
        }

    def _ready_json(self) -> dict[str, object]:
        """What a break shows that the person begins where there is no line.

        Whatever the body did last: steps that fit also after a possible shutdown.
        """
        wishes = self._preferences
        small = self._steps_json(steps.offered(None, wishes.choices))
        return {"minutes": wishes.break_minutes, "steps": small}

    def _steps_json(self, codes: tuple[str, ...]) -> list[dict[str, object]]:
        own = self._preferences.choices.own
        return [
            {
                "say": f"step.{code}",
                "pace": _pace(code),
                "own": own if code == steps.Step.OWN else "",
            }
            for code in codes
        ]

    def _ask_json(self) -> dict[str, object] | None:
        """The question that is open, and what can be said to it."""
        about, asks, _ = self._asks
        if not asks:
            return None
        answers = afterwards.CHOICES.get(asks[0], ())
        return {"about": about, "ask": asks[0], "answers": list(answers)}

    def _wall_ms(self, t_ns: int) -> int:
        return (t_ns + self._step_ns) // 1_000_000


def _pace(code: str) -> dict[str, int | None] | None:
    """The pace of a breathing step; for another step nothing."""
    pace = steps.PACES.get(code)
    return None if pace is None else pace._asdict()


def _progress(estimate: Estimate) -> float | None:
    """How far the baseline is, 0 to 1, if the row says so."""
    for reason in estimate.reasons:
        if reason.code == Why.USABLE_SECONDS and reason.value is not None and reason.threshold:
            return max(0.0, min(1.0, reason.value / reason.threshold))
    return None
