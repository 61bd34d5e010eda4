"""The break as one table: where it stands, what happens, where it stands then, with what effect.

Data alone. ``pause.py`` moves a break by it and carries out what concerns the break itself,
``policy.py`` what concerns prompts. What is not in a row leaves everything as it is: a second
tab, a late or doubled answer. ``docs/break.md`` shows the same table, and a test holds it there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from vagalwatch.records import LONGER, AnswerKind, BreakPhase


class Sign(StrEnum):
    """What happens to a break without anybody speaking."""

    PROMPT = "prompt"  # an episode is worth a question, and nothing speaks against asking
    OFFER_OVER = "offer-over"  # nobody answered in time
    SAFETY = "safety"  # the heart falls fast: that alert goes first
    SHUTDOWN = "shutdown"  # a possible shutdown was recognised
    SETTLED = "settled"  # the time is up (or was) and the heart has settled
    NOT_SETTLED = "not-settled"  # the time is up and it has not, or cannot be judged
    DAY_OVER = "day-over"  # no word for a day
    TOGETHER = "together"  # the partner is on a longer break, and both share theirs


Event = AnswerKind | Sign


class Effect(StrEnum):
    """What a row does besides moving the break. Up to ``STEADY`` they concern the break itself."""

    OFFER = "offer"  # a new break, offered by a prompt
    OWN = "own"  # a new break, the person's own: counted apart
    SAME_PROMPT = "same-prompt"  # a new break, late, on the prompt of the last one
    BEGIN = "begin"  # the agreed time begins now
    NEW_TIME = "new-time"  # a new time of return: never an earlier one, within a day of the start
    AS_LONG = "as-long"  # until the partner's time, within a day of the own start
    SHUTDOWN_RULE = "shutdown-rule"  # other steps, other rule of readiness, evidence anew
    HERE = "here"  # the person's own word, which the rule for a possible shutdown asks for
    NO_BREATH = "no-breath"  # no breathing step for the rest of this break
    BREATHE = "breathe"  # a breathing shape is followed: what the heart does is kept for afterwards
    BREATHED = "breathed"  # no longer
    STEADY = "steady"  # the offer stays open for 20 minutes, with small steps and no question
    ASK_AGAIN = "ask-again"  # once more, as a new prompt, if the episode still lasts
    AS_WISHED = "as-wished"  # the time without prompts is back at its least
    RARER = "rarer"  # the time without prompts doubles, once a prompt
    FEWER = "fewer"  # one prompt a day fewer, until the person sets a number


class Row(NamedTuple):
    """Where a break goes, with what effects, and the code of why (``BreakStep.reason``)."""

    phase: BreakPhase
    effects: tuple[Effect, ...] = ()
    reason: str = ""


# Why a break is where it is (``BreakStep.reason``); more of them in ``readiness.Unsettled``.
EXTENDED: Final = "extended"
AGAIN: Final = "again"
PUT_OFF: Final = "put-off"
DROPPED: Final = "dropped"
NO_WORD: Final = "no-word"
HEART_SLOW: Final = "heart-slow"
SAY_HERE: Final = "say-here"

_A, _E, _P = AnswerKind, Effect, BreakPhase

_ANEW: Final[dict[Event, Row]] = {
    # The person can start a break at any time. Whether to prompt is the policy's to decide.
    _A.START_BREAK: Row(_P.ON, (_E.OWN, _E.BEGIN)),
    Sign.PROMPT: Row(_P.OFFERED, (_E.OFFER,)),
}


def _ended(phase: BreakPhase) -> dict[Event, Row]:
    """Rows of a final phase: it stays, answers are kept, prompts are learnt from."""
    kept = (_A.MADE_WORSE, _A.NOT_TOO_MANY, _A.SKIP, _A.SKIP_ALL)
    return {
        **_ANEW,
        **dict.fromkeys(kept, Row(phase)),
        _A.WRONG: Row(phase, (_E.RARER,)),
        _A.FEWER: Row(phase, (_E.FEWER,)),
    }


def _taken(phase: BreakPhase) -> dict[Event, Row]:
    """Rows of a break that was taken and has ended: how it was is asked as well."""
    kept = (_A.BETTER, _A.SAME, _A.WORSE, _A.NOT_FROM_THIS, _A.MENDED, _A.NOT_MENDED, _A.SET_OFF)
    return {
        **_ended(phase),
        **dict.fromkeys(kept, Row(phase)),
        _A.RIGHT: Row(phase, (_E.AS_WISHED,)),
    }


def _open(phase: BreakPhase) -> dict[Event, Row]:
    """Rows of an offer, with the question on the screen or with small steps."""
    return {
        _A.YES: Row(_P.ON, (_E.BEGIN, _E.AS_WISHED)),
        _A.START_BREAK: Row(_P.ON, (_E.BEGIN,)),
        _A.NOT_NOW: Row(_P.DECLINED),
        _A.IM_THINKING: Row(_P.THINKING),  # needing time is not withdrawal: nothing asks again
        _A.WRONG: Row(_P.WRONG, (_E.RARER,)),
        _A.MADE_WORSE: Row(phase, (_E.NO_BREATH,)),
        Sign.OFFER_OVER: Row(_P.EXPIRED),
        Sign.SAFETY: Row(_P.EXPIRED),
    }


def _running(phase: BreakPhase) -> dict[Event, Row]:
    """Rows of a break that is on, its time up or not: the person decides, at any moment."""
    return {
        _A.IM_BACK: Row(_P.RETURNED),
        _A.MORE_TIME: Row(_P.ON, (_E.NEW_TIME,), EXTENDED),
        _A.NOT_TODAY: Row(_P.NOT_RESUMED, (), PUT_OFF),
        _A.LET_IT_DROP: Row(_P.NOT_RESUMED, (), DROPPED),
        _A.NO_BREAK: Row(_P.DECLINED),
        _A.WRONG: Row(_P.WRONG, (_E.RARER,)),
        _A.IM_HERE: Row(phase, (_E.HERE,)),
        _A.FAR_AWAY: Row(phase, (_E.SHUTDOWN_RULE,)),
        _A.DIZZY: Row(phase, (_E.NO_BREATH,)),
        _A.MADE_WORSE: Row(phase, (_E.NO_BREATH,)),
        Sign.SHUTDOWN: Row(phase, (_E.SHUTDOWN_RULE,)),
        Sign.SETTLED: Row(_P.SETTLED),
        Sign.NOT_SETTLED: Row(_P.NOT_SETTLED),
    }


def _time_up(phase: BreakPhase) -> dict[Event, Row]:
    """Rows of a break whose time is up: a shutdown now is not settled, whatever was."""
    return {
        **_running(phase),
        _A.FAR_AWAY: Row(_P.NOT_SETTLED, (_E.SHUTDOWN_RULE,), SAY_HERE),
        Sign.SHUTDOWN: Row(_P.NOT_SETTLED, (_E.SHUTDOWN_RULE,), HEART_SLOW),
        _A.START_BREAK: Row(_P.ON, (_E.NEW_TIME,), AGAIN),  # a second break, within the same day
        Sign.DAY_OVER: Row(_P.NOT_RESUMED, (), NO_WORD),
    }


TABLE: Final[dict[BreakPhase | None, dict[Event, Row]]] = {
    None: _ANEW,  # there was no break yet
    _P.OFFERED: {
        **_open(_P.OFFERED),
        _A.LATER: Row(_P.DECLINED, (_E.ASK_AGAIN,)),
        _A.FAR_AWAY: Row(_P.STEADYING, (_E.SHUTDOWN_RULE, _E.STEADY)),
        Sign.SHUTDOWN: Row(_P.OFFERED, (_E.SHUTDOWN_RULE,)),
    },
    _P.STEADYING: {
        **_open(_P.STEADYING),
        _A.IM_HERE: Row(_P.DECLINED),
        _A.DIZZY: Row(_P.STEADYING, (_E.NO_BREATH,)),
    },
    _P.ON: {
        **_running(_P.ON),
        _A.PACE: Row(_P.ON, (_E.BREATHE,)),
        _A.PACE_OVER: Row(_P.ON, (_E.BREATHED,)),
        Sign.TOGETHER: Row(_P.ON, (_E.AS_LONG,), LONGER),  # whose time is up decides alone
    },
    _P.SETTLED: _time_up(_P.SETTLED),
    _P.NOT_SETTLED: _time_up(_P.NOT_SETTLED),
    _P.RETURNED: _taken(_P.RETURNED),
    _P.NOT_RESUMED: _taken(_P.NOT_RESUMED),
    _P.DECLINED: _ended(_P.DECLINED),
    _P.THINKING: {
        **_ended(_P.THINKING),
        _A.YES: Row(_P.ON, (_E.SAME_PROMPT, _E.BEGIN)),
    },
    _P.WRONG: _ended(_P.WRONG),
    _P.EXPIRED: {
        **_ended(_P.EXPIRED),
        _A.YES: Row(_P.ON, (_E.SAME_PROMPT, _E.BEGIN)),  # the wish has not run out
    },
}

RUNNING: Final = frozenset({_P.ON, _P.SETTLED, _P.NOT_SETTLED})
TIME_UP: Final = frozenset({_P.SETTLED, _P.NOT_SETTLED})
WAITING: Final = frozenset({_P.OFFERED, _P.STEADYING})
FINAL: Final = frozenset(set(BreakPhase) - RUNNING - WAITING)
"""Nothing moves such a break any more; only a new one can begin."""
