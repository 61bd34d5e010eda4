"""The log of adverse events: what the person said, beside what whoever cares for them judged; pure.

That "this made it worse" is the person's own word (an ``Answer``). What a trial reports of it is
judged by a person, never by a rule: whether it is serious (it ended in death, endangered life, took
a stay in hospital or made one longer, left lasting harm, or is as grave in a doctor's judgement:
ICH E2A, II.B), how likely it comes from taking part, and whether it was to be expected. Terms as
in ICH E6; what is reported of each is CONSORT Harms 2022.

An event is named by the minute in which it happened, on the wall clock: what is judged of the same
minute later takes the place of what was judged before, as a follow-up does, and the journal keeps
both. Harm that the person told somebody, and no page, stands there in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from vagalwatch.alerts.steps import one_line
from vagalwatch.records import AdverseEvent, AnswerKind, Relatedness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Answer

RELATED: Final[tuple[Relatedness, ...]] = get_args(Relatedness)
LONGEST: Final = 200
"""Characters of a note."""
MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One event of the log; what is ``None`` nobody has judged yet.

    ``wall_ns``: its minute (UTC ns of the wall clock); ``said``: by the person, on their page.
    """

    wall_ns: int
    said: bool
    serious: bool | None = None
    related: Relatedness | None = None
    expected: bool | None = None
    note: str = ""


def log(answers: Iterable[Answer], judged: Iterable[AdverseEvent]) -> list[Harm]:
    """Every event once, by time; of what was ``judged``, in its order, the last of each stands.

    Times of ``answers`` are the wall clock's.
    """
    said = {_minute(one.t_ns) for one in answers if one.answer == AnswerKind.MADE_WORSE}
    known = {minute_ns: Harm(wall_ns=minute_ns, said=True) for minute_ns in said}
    for one in judged:
        known[one.wall_ns] = Harm(
            wall_ns=one.wall_ns,
            said=one.wall_ns in said,
            serious=one.serious,
            related=one.related,
            expected=one.expected,
            note=one.note,
        )
    return [known[minute_ns] for minute_ns in sorted(known)]


def judge(
    wearer: str,
    wall_ns: int,
    *,
    serious: bool,
    related: str,
    expected: bool,
    note: str,
    now_ns: int,
    wall_step_ns: int,
) -> AdverseEvent:
    """The record of what was judged now of an event at ``wall_ns``.

    Raises:
        ValueError: one sentence on what is wrong with it.
    """
    if not 0 <= wall_ns <= now_ns + wall_step_ns:
        raise ValueError("An event has happened: its time can't be in the future.")
    degree = next((one for one in RELATED if one == related), None)
    if degree is None:
        raise ValueError(f"“{related}” is not one of: {', '.join(RELATED)}.")
    try:
        text = one_line(note, LONGEST)
    except ValueError as error:
        raise ValueError(f"The note was not taken: {error}.") from error
    return AdverseEvent(
        wearer=wearer,
        t_ns=now_ns,
        recv_ns=now_ns,
        wall_ns=_minute(wall_ns),
        serious=serious,
        related=degree,
        expected=expected,
        note=text,
    )


def _minute(t_ns: int) -> int:
    return t_ns // MINUTE_NS * MINUTE_NS
