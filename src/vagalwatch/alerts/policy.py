"""When to prompt, and when to keep still: all alert hygiene in one place; pure.

* At most three prompts in any 24 hours, and never two at once: none while a break is offered or
  on, none while a rapid-fall alert waits for an answer.
* A time without prompts after each one; it doubles when the person says "wrong" and is back at
  its least when the person says "yes".
* None while muted or in quiet hours. The person can always start a break.
* A fault is no alarm: nothing is prompted on an unknown state.
* A late prompt is history: it ends unanswered after ``prompt-valid-s``.
* "Later" asks once more, as a new prompt, and only if the episode still lasts.
* One gentle repeat and then silence. The repeat is the same alert with the same id, so it lives
  where alerts are shown or sent, which do it at :func:`repeat_at_ns`.

The rapid fall of the heart (``safety``) is an alert of its own: it opens no break, ends an offer
that is open, counts towards no limit, and has its own refractory time. Mute and quiet hours do
not silence it (see :mod:`vagalwatch.alerts.preferences`).

Time comes from the records' ``recv_ns``. Over a restart a break runs on by wall time; where the
clock has gone backwards, the time in between is unknown and counts as none.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from vagalwatch.alerts.pause import MINUTE_NS, NS, Pause, Sign
from vagalwatch.alerts.preferences import MAX_BREAK_MINUTES, MIN_BREAK_MINUTES, Preferences
from vagalwatch.records import (
    SITE,
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    Episode,
    EpisodeKind,
    Estimate,
    Run,
    Setting,
    State,
    Tick,
)

if TYPE_CHECKING:
    from vagalwatch.records import Record

DAY_NS: Final = 24 * 60 * MINUTE_NS
MAX_REFRACTORY_MINUTES: Final = 24 * 60

SAFETY_REFRACTORY_MINUTES: Final = 10
"""No second rapid-fall alert sooner: the first says what to do for the next minutes."""
MAX_SAFETY_REFRACTORY_MINUTES: Final = 60

BACKWARDS_NS: Final = MINUTE_NS
"""Records of one run overtake each other by seconds; more than this and the clock went back."""


@dataclass(slots=True, kw_only=True)
class PolicyState:
    """Everything the policy remembers, as plain values. Times in UTC ns, 0 for never."""

    preferences: Preferences = field(default_factory=Preferences)
    now_ns: int = 0
    wall_offset_ns: int = 0
    """How far this run's clock has been found behind the wall clock (sum of clock steps)."""

    body_state: State = State.UNKNOWN
    lasting: dict[str, Episode] = field(default_factory=dict)
    """Episodes that have not ended, by kind."""

    pause: Pause | None = None
    """The break that is offered or on, or the last one."""
    wrong_id: str = ""
    """The last alert called wrong: one alert doubles a refractory time once."""

    prompted_ns: list[int] = field(default_factory=list)
    """When prompts were raised in the last 24 hours."""
    refractory_minutes: int = 0
    """0 until the first "wrong": then the preference counts."""
    ask_again_ns: int = 0
    ask_about: str = ""
    asked_again: bool = False
    """Whether the last prompt was itself the second asking."""

    safety_id: str = ""
    safety_raised_ns: int = 0
    safety_until_ns: int = 0
    """The rapid-fall alert ``safety_id`` waits for an answer until then."""
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
        self.state = state

    def push(self, record: Record) -> list[Record]:
        """Take one record and return the alerts and break steps it brings about, in order."""
        if record.wearer not in {self._wearer, SITE}:
            return []
        match record:
            case ClockStep():
                self.state.wall_offset_ns += record.delta_ns
                return []
            case Run(ended=False):
                _shift(self.state, self.state.wall_offset_ns)
                self.state.wall_offset_ns = 0
                self._moves_to(record.recv_ns)
                return []
            case Tick() | Estimate() | Episode() | Answer() | Setting():
                self._moves_to(record.recv_ns)
            case _:
                return []
        said: list[Record] = []
        self._time(said)
        match record:
            case Estimate():
                self._estimate(record)
            case Episode():
                self._episode(record, said)
            case Answer():
                self._answer(record, said)
            case Setting():
                self._setting(record)
            case _:
                pass
        return said

    def remember(self, event: Record) -> None:
        """Know of an alert, a break step or an answer from before, and say nothing about it.

        For a policy that begins anew while its journal goes on. In the journal's order; times
        are put on this run's clock by the clock steps and runs among the events.
        """
        state = self.state
        match event:
            case Alert(alert=EpisodeKind.SAFETY):
                state.safety_id, state.safety_raised_ns = event.id, event.recv_ns
                state.safety_until_ns = event.valid_until_ns
            case Alert():
                state.prompted_ns.append(event.recv_ns)
            case BreakStep():
                state.pause = Pause(
                    id=event.id,
                    phase=event.phase,
                    began_ns=event.began_ns,
                    until_ns=event.until_ns,
                    origin=event.origin,
                    about=event.about,
                    alert_id=event.alert_id,
                    offer_until_ns=event.recv_ns,  # an offer from before has run out
                )
            case Answer() if state.safety_id and event.about == state.safety_id:
                self._answer_safety(event)
            case Answer() if (pause := state.pause) is not None and _concerns(event, pause):
                if not _is_late_yes(event, pause):
                    self._learn(event, pause)
            case ClockStep() | Run():
                self.push(event)
            case _:
                pass

    # --- time -------------------------------------------------------------------------------

    def _moves_to(self, recv_ns: int) -> None:
        state = self.state
        if recv_ns < state.now_ns - BACKWARDS_NS:
            _shift(state, recv_ns - state.now_ns)
        state.now_ns = max(state.now_ns, recv_ns)

    def _time(self, said: list[Record]) -> None:
        """Do what has come due by now."""
        state = self.state
        if state.pause is not None and (due := state.pause.due(state.now_ns)) is not None:
            sign, reason = due
            state.pause.happens(sign, state.now_ns, reason=reason)
            said.append(self._step(state.pause))
        if state.ask_again_ns and state.now_ns >= state.ask_again_ns:
            state.ask_again_ns = 0
            episode = state.lasting.get(state.ask_about)
            if episode is not None and self._may_prompt(asked_for=True):
                self._prompt(episode, state.now_ns, said)
                state.asked_again = True

    # --- what the body shows -------------------------------------------------------------------

    def _estimate(self, row: Estimate) -> None:
        self.state.body_state = row.state
        if (pause := self.state.pause) is not None and not pause.final:
            pause.body.take(row, pause.about)

    def _episode(self, episode: Episode, said: list[Record]) -> None:
        state = self.state
        if episode.end_ns is not None:
            state.lasting.pop(episode.episode, None)
            return
        state.lasting[episode.episode] = episode
        if state.now_ns >= episode.t_ns + state.preferences.prompt_valid_s * NS:
            return  # recognised too late to act on: history
        if episode.episode == EpisodeKind.SAFETY:
            self._safety(episode, said)
            return
        pause = state.pause
        if pause is not None and not pause.final:
            turns = episode.episode == EpisodeKind.SHUTDOWN and pause.about != EpisodeKind.SHUTDOWN
            if turns and pause.happens(Sign.SHUTDOWN, state.now_ns):
                said.append(self._step(pause))
        elif self._may_prompt():
            self._prompt(episode, episode.t_ns, said)

    def _may_prompt(self, *, asked_for: bool = False) -> bool:
        """Whether a break may be offered now; the refractory time is waived if asked for."""
        state, wishes = self.state, self.state.preferences
        state.prompted_ns = [t for t in state.prompted_ns if state.now_ns - t < DAY_NS]
        last_ns = state.prompted_ns[-1] if state.prompted_ns else 0
        refractory_ns = self._refractory_minutes() * MINUTE_NS
        return not (
            (state.pause is not None and not state.pause.final)
            or state.now_ns < state.safety_until_ns
            or state.body_state in {State.UNKNOWN, State.CALIBRATING}
            or state.now_ns < wishes.mute_until_ns
            or wishes.quiet_at(state.now_ns + state.wall_offset_ns)
            or len(state.prompted_ns) >= wishes.prompts_per_day
            or (last_ns and not asked_for and state.now_ns - last_ns < refractory_ns)
        )

    def _refractory_minutes(self) -> int:
        return max(self.state.refractory_minutes, self.state.preferences.refractory_minutes)

    def _prompt(self, episode: Episode, t_ns: int, said: list[Record]) -> None:
        state = self.state
        alert = self._alert(episode, t_ns)
        state.prompted_ns.append(state.now_ns)
        state.ask_again_ns, state.asked_again = 0, False
        step_t_ns = self._step_time()
        state.pause = Pause(
            id=f"{self._wearer}-break-{step_t_ns}",
            phase=BreakPhase.OFFERED,
            began_ns=step_t_ns,
            until_ns=step_t_ns,
            origin="prompt",
            about=episode.episode,
            alert_id=alert.id,
            offer_until_ns=alert.valid_until_ns,
        )
        said.extend((alert, self._step(state.pause, step_t_ns)))

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
        if state.pause is not None and state.pause.happens(Sign.SAFETY, state.now_ns):
            said.append(self._step(state.pause))
        said.append(alert)

    # --- what people say ------------------------------------------------------------------

    def _answer(self, answer: Answer, said: list[Record]) -> None:
        state, pause = self.state, self.state.pause
        if state.safety_id and answer.about == state.safety_id:
            self._answer_safety(answer)
        elif answer.answer == AnswerKind.START_BREAK:
            self._start(answer, said)
        elif pause is None or not _concerns(answer, pause):
            pass  # about something long gone
        elif answer.answer == AnswerKind.IM_HERE:
            pause.here = True
        elif _is_late_yes(answer, pause):
            self._open(answer, pause.about, pause.alert_id, said)  # the wish has not run out
        else:
            if pause.happens(answer.answer, state.now_ns, minutes=self._minutes(answer)):
                said.append(self._step(pause))
                if answer.answer == AnswerKind.LATER and not state.asked_again:
                    state.ask_again_ns = state.now_ns + state.preferences.later_minutes * MINUTE_NS
                    state.ask_about = pause.about or ""
            self._learn(answer, pause)

    def _learn(self, answer: Answer, pause: Pause) -> None:
        """Prompts grow rarer with "wrong", and are as frequent as wished after a "yes"."""
        state = self.state
        if answer.answer == AnswerKind.YES:
            state.refractory_minutes = 0
        elif answer.answer == AnswerKind.WRONG and pause.alert_id not in {"", state.wrong_id}:
            state.wrong_id = pause.alert_id
            doubled = 2 * self._refractory_minutes()
            state.refractory_minutes = min(doubled, MAX_REFRACTORY_MINUTES)

    def _answer_safety(self, answer: Answer) -> None:
        """Any answer ends the wait; "wrong" doubles this alert's own refractory time."""
        state = self.state
        state.safety_until_ns = 0
        if answer.answer == AnswerKind.WRONG and state.wrong_id != state.safety_id:
            state.wrong_id = state.safety_id
            doubled = 2 * state.safety_refractory_minutes
            state.safety_refractory_minutes = min(doubled, MAX_SAFETY_REFRACTORY_MINUTES)

    def _start(self, answer: Answer, said: list[Record]) -> None:
        """A person may start a break at any time; during one it is no new one."""
        state, pause = self.state, self.state.pause
        if pause is not None and pause.happens(
            answer.answer, state.now_ns, minutes=self._minutes(answer)
        ):
            said.append(self._step(pause))
        if pause is None or pause.final:
            shown = {State.FLOODING: EpisodeKind.FLOODING, State.SHUTDOWN: EpisodeKind.SHUTDOWN}
            self._open(answer, shown.get(state.body_state), "", said)

    def _open(
        self, answer: Answer, about: EpisodeKind | None, alert_id: str, said: list[Record]
    ) -> None:
        """Start a break at once: self-started, or on a prompt that had run out."""
        state = self.state
        step_t_ns = self._step_time()
        state.pause = Pause(
            id=f"{self._wearer}-break-{step_t_ns}",
            phase=BreakPhase.ON,
            began_ns=step_t_ns,
            until_ns=step_t_ns + self._minutes(answer) * MINUTE_NS,
            origin="prompt" if alert_id else "self",
            about=about,
            alert_id=alert_id,
        )
        state.ask_again_ns = 0
        said.append(self._step(state.pause, step_t_ns))

    def _minutes(self, answer: Answer) -> int:
        """A break lasts 20 min at least; more time may be less than that."""
        minutes = answer.minutes or self.state.preferences.break_minutes
        least = 1 if answer.answer == AnswerKind.MORE_TIME else MIN_BREAK_MINUTES
        return min(max(minutes, least), MAX_BREAK_MINUTES)

    def _setting(self, setting: Setting) -> None:
        # Refused where people enter it (preferences.check); an old journal may still hold it.
        with suppress(ValueError):
            self.state.preferences.take(setting.key, setting.value)

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

    def _step_time(self) -> int:
        self.state.step_t_ns = max(self.state.now_ns, self.state.step_t_ns + 1)
        return self.state.step_t_ns

    def _step(self, pause: Pause, t_ns: int | None = None) -> BreakStep:
        return BreakStep(
            wearer=self._wearer,
            t_ns=self._step_time() if t_ns is None else t_ns,
            recv_ns=self.state.now_ns,
            id=pause.id,
            phase=pause.phase,
            began_ns=pause.began_ns,
            until_ns=pause.until_ns,
            origin=pause.origin,
            about=pause.about,
            alert_id=pause.alert_id,
            reason=pause.reason,
        )


def _concerns(answer: Answer, pause: Pause) -> bool:
    return answer.about in {pause.id, pause.alert_id} - {""}


def _is_late_yes(answer: Answer, pause: Pause) -> bool:
    return answer.answer == AnswerKind.YES and pause.phase == BreakPhase.EXPIRED


def _shift(state: PolicyState, delta_ns: int) -> None:
    """Put every remembered time on a clock that reads ``delta_ns`` more."""
    if delta_ns:
        shifted = _shifted(state, delta_ns)
        for item in fields(state):
            setattr(state, item.name, getattr(shifted, item.name))


def _shifted(value: Any, delta_ns: int) -> Any:  # noqa: ANN401 - any dataclass, and the same back
    changed: dict[str, object] = {}
    for item in fields(value):
        match getattr(value, item.name):
            case int(t_ns) if item.name.endswith("_ns") and item.name != "wall_offset_ns":
                changed[item.name] = t_ns + delta_ns if t_ns else 0
            case list(times) if item.name.endswith("_ns"):
                changed[item.name] = [t_ns + delta_ns for t_ns in times]
            case dict(episodes):
                changed[item.name] = {k: _shifted(v, delta_ns) for k, v in episodes.items()}
            case inner if is_dataclass(inner) and not isinstance(inner, type):
                changed[item.name] = _shifted(inner, delta_ns)
    return replace(value, **changed)
