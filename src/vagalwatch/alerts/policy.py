"""When to prompt, and when to keep still; what moves the break; pure.

* At most a few prompts a day and a time without prompts after each: see ``limits.py``, which
  also learns from answers. Never two at once: none while a break is offered or on, none while a
  rapid-fall alert waits for an answer.
* None while muted, in quiet hours or while everything is paused, which also takes an open question
  back. The person can always start a break. What lasts beyond these is asked about once then, if
  no limit speaks against it; what a limit held back, or a break that was on, is not: the one is
  there to ask less, and the other was the answer.
* A fault is no alarm: nothing is prompted on an unknown state.
* A late prompt is history: it ends unanswered after ``prompt-valid-s``.
* One gentle repeat and then silence. The repeat is the same alert with the same id, so it lives
  where alerts are shown or sent, which do it at :func:`repeat_at_ns`.

How a break moves stands in ``table.py``; here is only what makes its events happen.

The rapid fall of the heart (``safety``) is an alert of its own: it opens no break, ends an offer
that is open, counts towards no limit, and has its own refractory time. Mute, quiet hours and
pausing do not silence it (see :mod:`vagalwatch.alerts.preferences`).

Time comes from the records' ``recv_ns``. Over a restart a break runs on by wall time; where the
clock has gone backwards, the time in between is unknown and counts as none.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts import afterwards, steps
from vagalwatch.alerts.limits import Limits
from vagalwatch.alerts.pause import MINUTE_NS, NS, Occasion, Pause, due, transition
from vagalwatch.alerts.preferences import MAX_BREAK_MINUTES, MIN_BREAK_MINUTES, Preferences
from vagalwatch.alerts.shift import shifted
from vagalwatch.alerts.table import RUNNING, Sign
from vagalwatch.records import (
    SITE,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    Eda,
    Episode,
    EpisodeKind,
    Estimate,
    Heart,
    Motion,
    Run,
    Setting,
    State,
    Tick,
    Together,
)

if TYPE_CHECKING:
    from vagalwatch.alerts.table import Effect, Event
    from vagalwatch.records import Record

SAFETY_REFRACTORY_MINUTES: Final = 10
"""No second rapid-fall alert sooner: the first says what to do for the next minutes."""
MAX_SAFETY_REFRACTORY_MINUTES: Final = 60

BACKWARDS_NS: Final = MINUTE_NS
"""Records of one run overtake each other by seconds; more than this and the clock went back."""

SAMPLES: Final = (Eda, Motion, Heart)
"""Nearly all records there are; they tell the policy nothing, so it need not be asked."""

LATE_NS: Final = 10 * MINUTE_NS
"""As late as an answer may come (``web/answers.py``); one that claims to be older is of then."""

STEPS_IN: Final = frozenset({BreakPhase.STEADYING, BreakPhase.ON})
"""Phases in which small steps are on offer."""


@dataclass(slots=True, kw_only=True)
class PolicyState:
    """Everything the policy remembers, as plain values. Times in UTC ns, 0 for never."""

    preferences: Preferences = field(default_factory=Preferences)
    limits: Limits = field(default_factory=Limits)
    now_ns: int = 0
    wall_offset_ns: int = 0
    """How far this run's clock has been found behind the wall clock (sum of clock steps)."""

    body_state: State = State.UNKNOWN
    lasting: dict[str, Episode] = field(default_factory=dict)
    """Episodes that have not ended, by kind."""
    withheld: str = ""
    """The kind that nothing but the person's own silence (mute, quiet hours) kept from asking."""

    pause: Pause | None = None
    """The break that is offered or on, or the last one."""
    ended_ns: int = 0
    """When the person last said that a break was over."""

    safety_id: str = ""
    safety_raised_ns: int = 0
    safety_until_ns: int = 0
    """The rapid-fall alert ``safety_id`` waits for an answer until then."""
    safety_wrong_id: str = ""
    safety_refractory_minutes: int = SAFETY_REFRACTORY_MINUTES

    alert_t_ns: int = 0
    step_t_ns: int = 0
    """Times of the last outputs: no two alerts, and no two steps, share one."""


def repeat_at_ns(alert: Alert) -> int:
    """When the one gentle repeat of ``alert`` is due, if nobody has answered: half way."""
    return (alert.t_ns + alert.valid_until_ns) // 2


class Policy:
    """One wearer's prompts and breaks: estimates, episodes, answers and settings in."""

    def __init__(self, wearer: str, state: PolicyState) -> None:
        """Go on from ``state``, which the policy then owns."""
        self._wearer = wearer
        self._concerning = frozenset({wearer, SITE})
        self.state = state

    def push(self, record: Record) -> list[Record]:
        """Take one record and return the alerts and break steps it brings about, in order."""
        if record.wearer not in self._concerning:
            return []
        match record:
            case ClockStep():
                self.state.wall_offset_ns += record.delta_ns
                return []
            case Run(ended=False):
                self._shift(self.state.wall_offset_ns)
                self.state.wall_offset_ns = 0
                self._moves_to(record.recv_ns)
                return []
            case Tick() | Estimate() | Episode() | Answer() | Setting() | Together():
                self._moves_to(record.recv_ns)
            case _:
                return []
        said: list[Record] = []
        if isinstance(record, Setting):
            self._setting(record)  # who mutes is not asked about what has come due just before
        self._time(said)
        match record:
            case Estimate():
                self._estimate(record)
            case Episode():
                self._episode(record, said)
            case Answer():
                self._answer(record, said)
            case Together():
                self._together(record, said)
            case _:
                pass
        return said

    def remember(self, event: Record) -> None:
        """Know of an alert, a break step, an answer or a wish from before; say nothing about it.

        For a policy that begins anew while its journal goes on. In the journal's order; times
        are put on this run's clock by the clock steps and runs among the events.
        """
        state = self.state
        match event:
            case Alert(alert=EpisodeKind.SAFETY):
                state.safety_id, state.safety_raised_ns = event.id, event.recv_ns
                state.safety_until_ns = event.valid_until_ns
            case Alert():
                state.limits.prompted(event.recv_ns, asked_for=False)
            case BreakStep():
                last = state.pause if state.pause and state.pause.id == event.id else None
                state.pause = Pause(
                    id=event.id,
                    phase=event.phase,
                    began_ns=event.began_ns,
                    until_ns=event.until_ns,
                    origin=event.origin,
                    about=event.about,
                    alert_id=event.alert_id,
                    offer_until_ns=event.recv_ns,  # an offer from before has run out
                    reason=event.reason,
                    here=last is not None and last.about == event.about and last.here,
                    breath=last is None or last.breath,
                )
                if afterwards.Question.TOO_MANY in event.asks:
                    state.limits.asked_too_many(event.recv_ns)
            case Setting():
                self._setting(event)
            case Answer() if state.safety_id and event.about == state.safety_id:
                self._answer_safety(event)
            case Answer():
                self._remember_answer(event)
            case ClockStep() | Run():
                self.push(event)
            case _:
                pass

    def _remember_answer(self, answer: Answer) -> None:
        """What it taught and said of the body; where the break went, the next step tells."""
        pause = self.state.pause
        if pause is None or not _concerns(answer, pause):
            return
        occasion = Occasion(now_ns=answer.recv_ns)
        moved = transition(pause, answer.answer, occasion)
        if moved is None:
            return
        after, effects = moved
        self._learn(pause, effects)
        self._ended(pause, after, answer)
        if after.id == pause.id:
            self.state.pause = replace(pause, here=after.here, breath=after.breath)

    # --- time -------------------------------------------------------------------------------

    def _moves_to(self, recv_ns: int) -> None:
        state = self.state
        if recv_ns < state.now_ns - BACKWARDS_NS:
            self._shift(recv_ns - state.now_ns)
        state.now_ns = max(state.now_ns, recv_ns)

    def _shift(self, delta_ns: int) -> None:
        """Put every remembered time on a clock that reads ``delta_ns`` more."""
        if delta_ns:
            moved = shifted(self.state, delta_ns)
            for item in fields(moved):
                setattr(self.state, item.name, getattr(moved, item.name))

    def _time(self, said: list[Record]) -> None:
        """Do what has come due by now."""
        state, limits = self.state, self.state.limits
        self._take_back_if_paused(said)
        if state.pause is not None and (happening := due(state.pause, state.now_ns)) is not None:
            sign, reason = happening
            self._happens(sign, said, reason=reason)
        if limits.ask_again_ns and state.now_ns >= limits.ask_again_ns:
            limits.ask_again_ns = 0
            episode = state.lasting.get(limits.ask_about)
            if episode is not None and self._may_prompt(asked_for=True):
                self._prompt(episode, state.now_ns, said, asked_for=True)
        if state.withheld and not self._silent():
            self._make_up(said)

    def _make_up(self, said: list[Record]) -> None:
        """The silence is over: ask about what it held back, once, and only if it still shows."""
        state = self.state
        episode = state.lasting.get(state.withheld)
        if episode is not None and (
            state.body_state != state.withheld or state.now_ns < state.safety_until_ns
        ):
            return  # it cannot be seen just now, or a rapid fall goes first: wait
        state.withheld = ""
        if episode is not None and self._may_prompt():
            self._prompt(episode, state.now_ns, said)

    # --- what the body shows -------------------------------------------------------------------

    def _estimate(self, row: Estimate) -> None:
        self.state.body_state = row.state
        if self.state.pause is not None:
            self.state.pause = self.state.pause.sees(row)

    def _episode(self, episode: Episode, said: list[Record]) -> None:
        state = self.state
        if episode.end_ns is not None:
            state.lasting.pop(episode.episode, None)
            if state.withheld == episode.episode:
                state.withheld = ""
            return
        state.lasting[episode.episode] = episode
        if state.now_ns >= episode.t_ns + state.preferences.prompt_valid_s * NS:
            return  # recognised too late to act on: history
        if episode.episode == EpisodeKind.SAFETY:
            self._safety(episode, said)
            return
        pause = state.pause
        if pause is not None and not pause.final:
            if episode.episode == EpisodeKind.SHUTDOWN and pause.about != EpisodeKind.SHUTDOWN:
                self._happens(Sign.SHUTDOWN, said)
        elif self._may_prompt():
            self._prompt(episode, episode.t_ns, said)
        elif self._silent():
            state.withheld = episode.episode

    def _silent(self) -> bool:
        """Whether the person wishes not to be asked now."""
        state = self.state
        return state.preferences.silent_at(state.now_ns + state.wall_offset_ns)

    def _may_prompt(self, *, asked_for: bool = False) -> bool:
        """Whether a break may be offered now; the refractory time is waived if asked for."""
        state = self.state
        return not (
            (state.pause is not None and not state.pause.final)
            or state.now_ns < state.safety_until_ns
            or not state.body_state.judged
            or self._silent()
        ) and state.limits.may_prompt(state.now_ns, state.preferences, asked_for=asked_for)

    def _prompt(
        self, episode: Episode, t_ns: int, said: list[Record], *, asked_for: bool = False
    ) -> None:
        alert = self._alert(episode, t_ns)
        said.append(alert)
        self._happens(Sign.PROMPT, said, about=episode.episode, alert=alert)
        self.state.limits.prompted(self.state.now_ns, asked_for=asked_for)

    def _safety(self, episode: Episode, said: list[Record]) -> None:
        state = self.state
        quiet_ns = state.safety_refractory_minutes * MINUTE_NS
        raised_ns = state.safety_raised_ns
        if not state.preferences.safety_alerts or (
            raised_ns and state.now_ns - raised_ns < quiet_ns
        ):
            return
        alert = self._alert(episode, episode.t_ns)
        state.safety_id, state.safety_raised_ns = alert.id, state.now_ns
        state.safety_until_ns = alert.valid_until_ns
        self._happens(Sign.SAFETY, said)
        said.append(alert)

    # --- what people say ------------------------------------------------------------------

    def _answer(self, answer: Answer, said: list[Record]) -> None:
        state, pause = self.state, self.state.pause
        starts = answer.answer == AnswerKind.START_BREAK
        if state.safety_id and answer.about == state.safety_id:
            self._answer_safety(answer)
        elif starts or (pause is not None and _concerns(answer, pause)):
            shown = {State.FLOODING: EpisodeKind.FLOODING, State.SHUTDOWN: EpisodeKind.SHUTDOWN}
            about = shown.get(state.body_state)
            minutes = self._minutes(answer)
            # A time of return was promised when it was said, also where no line was.
            said_ns = _said_ns(answer, state.now_ns)
            if answer.via == "home" and pause is not None and pause.phase in RUNNING:
                return  # a promised time is moved by who promised it
            if starts and said_ns < state.ended_ns:
                return  # late by a lost line: the break that was meant has been, on another page
            self._happens(answer.answer, said, about=about, minutes=minutes, said_ns=said_ns)
            self._ended(pause, state.pause, answer)
            # The last break's day was over: that ended it, and the wish still stands.
            if starts and state.pause is not None and state.pause.final:
                self._happens(answer.answer, said, about=about, minutes=minutes, said_ns=said_ns)

    def _ended(self, before: Pause | None, after: Pause | None, answer: Answer) -> None:
        """Know when the person ended a break; that its day was over is nobody's word."""
        ends = before is not None and before.phase in RUNNING and after is not None and after.final
        if ends and answer.answer != AnswerKind.START_BREAK:
            self.state.ended_ns = _said_ns(answer, answer.recv_ns)

    def _answer_safety(self, answer: Answer) -> None:
        """Any answer ends the wait; "wrong" doubles this alert's own refractory time."""
        state = self.state
        if answer.answer == AnswerKind.SHOWN:
            return  # a machine cannot know how somebody is
        state.safety_until_ns = 0
        if answer.answer == AnswerKind.WRONG and state.safety_wrong_id != state.safety_id:
            state.safety_wrong_id = state.safety_id
            doubled = 2 * state.safety_refractory_minutes
            state.safety_refractory_minutes = min(doubled, MAX_SAFETY_REFRACTORY_MINUTES)

    def _minutes(self, answer: Answer) -> int:
        """A break lasts 20 min at least; more time may be less than that."""
        minutes = answer.minutes or self.state.preferences.break_minutes
        least = 1 if answer.answer == AnswerKind.MORE_TIME else MIN_BREAK_MINUTES
        return min(max(minutes, least), MAX_BREAK_MINUTES)

    def _setting(self, setting: Setting) -> None:
        # Refused where people enter it (preferences.check); an old journal may still hold it.
        with suppress(ValueError):
            self.state.preferences.take(setting.key, setting.value)
        if setting.key == "prompts-per-day":
            self.state.limits.fewer = 0

    def _take_back_if_paused(self, said: list[Record]) -> None:
        """End a question that nobody has answered; small steps that were begun go on."""
        wishes, pause = self.state.preferences, self.state.pause
        if wishes.paused and pause is not None and pause.phase == BreakPhase.OFFERED:
            self._happens(Sign.OFFER_OVER, said)

    def _together(self, both: Together, said: list[Record]) -> None:
        pause = self.state.pause
        if pause is not None and both.until_ns > pause.until_ns:  # told again, it says nothing new
            self._happens(Sign.TOGETHER, said, until_ns=both.until_ns)

    # --- the break --------------------------------------------------------------------------

    def _happens(
        self,
        event: Event,
        said: list[Record],
        *,
        said_ns: int = 0,
        minutes: int = 0,
        until_ns: int = 0,
        reason: str = "",
        about: EpisodeKind | None = None,
        alert: Alert | None = None,
    ) -> None:
        """Let ``event`` happen to the break, and tell where that shows."""
        state, before = self.state, self.state.pause
        t_ns = max(state.now_ns, state.step_t_ns + 1)
        moved = transition(
            before,
            event,
            Occasion(
                now_ns=state.now_ns,
                said_ns=said_ns,
                minutes=minutes,
                until_ns=until_ns,
                reason=reason,
                new_id=f"{self._wearer}-break-{t_ns}",
                about=about,
                alert_id="" if alert is None else alert.id,
                valid_until_ns=0 if alert is None else alert.valid_until_ns,
            ),
        )
        if moved is None:
            return
        state.pause, effects = moved
        if before is None or before.id != state.pause.id:
            state.limits.ask_again_ns, state.withheld = 0, ""
        self._learn(state.pause, effects)
        if before is None or _shows(before) != _shows(state.pause):
            state.step_t_ns = t_ns
            said.append(self._step(state.pause, t_ns, self._asks(state.pause)))

    def _asks(self, pause: Pause) -> tuple[str, ...]:
        """What to ask now that ``pause`` has come this far; "too many?" then counts as asked."""
        prompted = pause.phase in afterwards.ASKED and pause.alert_id != ""
        weekly = prompted and self.state.limits.week_is_over(self.state.now_ns)
        return afterwards.questions(pause, weekly=weekly)

    def _learn(self, pause: Pause, effects: tuple[Effect, ...]) -> None:
        state = self.state
        state.limits.learn(
            effects, pause.alert_id, pause.about or "", state.now_ns, state.preferences
        )

    # --- outputs --------------------------------------------------------------------------

    def _alert(self, episode: Episode, t_ns: int) -> Alert:
        state = self.state
        state.alert_t_ns = max(t_ns, state.alert_t_ns + 1)
        return Alert(
            wearer=self._wearer,
            t_ns=state.alert_t_ns,
            recv_ns=state.now_ns,
            id=f"{self._wearer}-{episode.episode}-{t_ns // NS}",
            alert=episode.episode,
            onset_ns=episode.onset_ns,
            valid_until_ns=t_ns + state.preferences.prompt_valid_s * NS,
            reasons=episode.reasons,
        )

    def _step(self, pause: Pause, t_ns: int, asks: tuple[str, ...]) -> BreakStep:
        state = self.state
        choices, small = state.preferences.choices, pause.phase in STEPS_IN
        taken = pause.phase in afterwards.TAKEN
        breathed, breathed_bpm = pause.breathing.told(pause.about) if taken else ("", ())
        return BreakStep(
            wearer=self._wearer,
            t_ns=t_ns,
            recv_ns=state.now_ns,
            id=pause.id,
            phase=pause.phase,
            began_ns=pause.began_ns,
            until_ns=pause.until_ns,
            origin=pause.origin,
            about=pause.about,
            alert_id=pause.alert_id,
            reason=pause.reason,
            steps=steps.offered(pause.about, choices, breath=pause.breath) if small else (),
            asks=asks,
            breathed=breathed,
            breathed_bpm=breathed_bpm,
        )


def _said_ns(answer: Answer, now_ns: int) -> int:
    return min(max(answer.t_ns, now_ns - LATE_NS), now_ns)


def _concerns(answer: Answer, pause: Pause) -> bool:
    return answer.about in {pause.id, pause.alert_id} - {""}


def _shows(pause: Pause) -> tuple[object, ...]:
    """What a step tells of a break; with the same, there is nothing new to tell."""
    until_ns = pause.until_ns if pause.phase in RUNNING else 0
    breath = pause.breath and pause.phase in STEPS_IN
    return pause.id, pause.phase, until_ns, pause.about, pause.reason, breath
