"""What is asked when a break or an offer has ended: a few questions, each can be skipped; pure.

The answers change nothing about the break. They are kept for the person, the therapist and, by
consent, for research: "was this prompt right" and "too many" teach how often to prompt, "this
made it worse" is an adverse event (only 6 of 23 digital trials reported any: Gomez Bergin 2023).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from vagalwatch.records import AnswerKind, BreakPhase

if TYPE_CHECKING:
    from vagalwatch.alerts.pause import Pause


class Question(StrEnum):
    """A question afterwards (``BreakStep.asks``)."""

    PROMPT = "prompt"  # was this prompt right?
    FELT = "felt"  # better, same or worse?
    CAUSE = "cause"  # did this make it worse? Only after "worse"
    MENDED = "mended"  # did you two mend a bit? Only after coming back
    SET_OFF = "set-off"  # what set it off, in the person's own words
    TOO_MANY = "too-many"  # once a week, also of who never takes a break


CHOICES: Final[dict[str, tuple[AnswerKind, ...]]] = {
    Question.PROMPT: (AnswerKind.RIGHT, AnswerKind.WRONG),
    Question.FELT: (AnswerKind.BETTER, AnswerKind.SAME, AnswerKind.WORSE),
    Question.CAUSE: (AnswerKind.MADE_WORSE, AnswerKind.NOT_FROM_THIS),
    Question.MENDED: (AnswerKind.MENDED, AnswerKind.NOT_MENDED),
    Question.SET_OFF: (AnswerKind.SET_OFF,),
    Question.TOO_MANY: (AnswerKind.FEWER, AnswerKind.NOT_TOO_MANY),
}

LONGEST_WORDS: Final = 200
"""Characters of what set it off: a sentence or two. The pattern is asked for, not an account."""

TAKEN: Final = frozenset({BreakPhase.RETURNED, BreakPhase.NOT_RESUMED})
"""Ends of a break that was taken."""
ASKED: Final = TAKEN | {BreakPhase.DECLINED, BreakPhase.THINKING}
"""Ends after which there are questions; else nobody was there, or "wrong" has said enough."""


def questions(pause: Pause, *, weekly: bool) -> tuple[str, ...]:
    """What to ask now that ``pause`` has ended; ``weekly``: a week since "too many?"."""
    asks: list[Question] = []
    if pause.phase in TAKEN:
        if pause.alert_id:
            asks.append(Question.PROMPT)
        asks.append(Question.FELT)
        if pause.phase == BreakPhase.RETURNED:
            asks.append(Question.MENDED)
        asks.append(Question.SET_OFF)
    if weekly and pause.phase in ASKED:
        asks.append(Question.TOO_MANY)
    return tuple(asks)


def left(asks: tuple[str, ...], answer: AnswerKind) -> tuple[str, ...]:
    """What is still to be asked after ``answer``; the first of it is on the screen."""
    if answer == AnswerKind.SKIP_ALL:
        return ()
    if answer == AnswerKind.SKIP:
        return asks[1:]
    if answer == AnswerKind.WORSE and Question.FELT in asks:
        return tuple(Question.CAUSE if ask == Question.FELT else ask for ask in asks)
    return tuple(ask for ask in asks if answer not in CHOICES.get(ask, ()))
