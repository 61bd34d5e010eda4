"""The six numbers and what the pictures show, of one wearer's diary; pure.

Six numbers for five minutes: breaks, check-ins, time to settle, repairs, prompts judged right,
usable hours. No streaks, ranks or grades, and nothing of the other one. Times are UTC ns of the
wall clock.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from vagalwatch.alerts.adverse import log
from vagalwatch.alerts.table import AGAIN, EXTENDED
from vagalwatch.hrv.dyad import back
from vagalwatch.hrv.linkage import STEP_S
from vagalwatch.records import AnswerKind, BreakPhase, EpisodeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.alerts.adverse import Harm
    from vagalwatch.records import Answer, BreakStep, Episode
    from vagalwatch.report.gather import Diary, Row

NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
WEEK_NS: Final = 7 * 24 * 60 * MINUTE_NS

ON_TIME_NS: Final = 5 * MINUTE_NS
"""Our choice, as for the partner's page: who comes back on time may talk before tapping."""
UNSEEN_NS: Final = 60 * NS
"""A way back that ends in a longer gap is not timed: an episode ends by itself in a minute of
unknown rows (``PARAMETERS.unknown_ends_s``), so its end says nothing."""
ENOUGH: Final = 5
"""Fewer are single evenings and no trend (shown alone, a median of three invites a story)."""

Ending = Literal["on-time", "new-time", "past-time", "not-resumed", "no-break", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A break that was taken.

    ``settle_min`` is that of the episode it was about, if any: one of that kind which lasted into
    it or began in it.
    ``ending``: came back by the agreed time; by a new time that was sent; after it; not at all
    ("put off", "let it drop" or no word for a day); called off; or it still lasts.
    ``agreed_min`` is as agreed at its start, ``lasted_min`` until the person was back.
    """

    began_ns: int
    own: bool
    about: str | None
    agreed_min: float
    lasted_min: float | None
    ending: Ending
    settle_min: float | None
    felt: str | None
    mended: bool | None
    set_off: str | None


class Settled(NamedTuple):
    """An episode and how long it took to be back within 10 % of usual for two minutes."""

    onset_ns: int
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Seven days from ``since_ns`` on; the median only of at least :data:`ENOUGH` episodes."""

    since_ns: int
    settled: int
    median_settle_min: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a diary says in figures. Counts; ``None`` where there is nothing to count from.

    ``settled`` are the episodes whose way back was seen, ``unseen`` how many were not;
    ``check_ins`` by :data:`Ending`; ``repair_said`` of how many returns it was said whether they
    mended, ``mended`` of how many that they did, a bit; ``judged`` prompts of ``prompts`` were said
    to be right or wrong. ``usable_h`` of ``recorded_h`` had a state. ``made_worse_ns`` (when it
    was said that this made it worse), ``harms`` (the log of adverse events, with what was judged
    of each) and ``falls`` (rapid falls of the heart) are talked about first where there are any.
    """

    wearer: str
    since_ns: int
    until_ns: int
    own_breaks: int
    prompted_breaks: int
    check_ins: dict[Ending, int]
    settled: tuple[Settled, ...]
    median_settle_min: float | None
    unseen: int
    returned: int
    repair_said: int
    mended: int
    prompts: int
    judged: int
    right: int
    usable_h: float
    recorded_h: float
    made_worse_ns: tuple[int, ...]
    harms: tuple[Harm, ...]
    falls: int
    breaks: tuple[Break, ...]
    weeks: tuple[Week, ...]


def progress(diary: Diary) -> Progress:
    """The figures of ``diary``."""
    judged_rows = [row for row in diary.rows if row.state.judged]
    episodes = [e for e in diary.episodes if e.episode != EpisodeKind.SAFETY]
    settle_min = {e: _settle_min(judged_rows, e) for e in episodes}
    settled = tuple(Settled(e.onset_ns, minutes) for e, minutes in settle_min.items() if minutes)
    breaks = tuple(_breaks(diary, settle_min))
    verdicts = _verdicts(diary)
    repairs = [one.mended for one in breaks if one.mended is not None]
    return Progress(
        wearer=diary.wearer,
        since_ns=diary.since_ns,
        until_ns=diary.until_ns,
        own_breaks=sum(one.own for one in breaks),
        prompted_breaks=sum(not one.own for one in breaks),
        check_ins=dict(Counter(one.ending for one in breaks)),
        settled=settled,
        median_settle_min=_median(settled),
        unseen=len(episodes) - len(settled),
        returned=sum(one.ending in {"on-time", "new-time", "past-time"} for one in breaks),
        repair_said=len(repairs),
        mended=sum(repairs),
        prompts=sum(alert.alert != EpisodeKind.SAFETY for alert in diary.alerts),
        judged=len(verdicts),
        right=sum(verdicts.values()),
        usable_h=len(judged_rows) * STEP_S / 3600,
        recorded_h=(len(diary.rows) + len(diary.idle_ns)) * STEP_S / 3600,
        made_worse_ns=tuple(
            one.t_ns for one in diary.answers if one.answer == AnswerKind.MADE_WORSE
        ),
        harms=tuple(
            harm
            for harm in log(diary.answers, diary.judged)
            if diary.since_ns <= harm.wall_ns + MINUTE_NS and harm.wall_ns < diary.until_ns
        ),
        falls=sum(one.episode == EpisodeKind.SAFETY for one in diary.episodes),
        breaks=breaks,
        weeks=tuple(_weeks(diary, settled)),
    )


def _settle_min(judged: Sequence[Row], episode: Episode) -> float | None:
    """From the onset to the first row that is back; ``None``: that was not seen."""
    since = bisect_left(judged, episode.onset_ns, key=lambda row: row.t_ns)
    from_ns, to_ns = back(judged[since:], episode)
    if math.isinf(to_ns) or to_ns - from_ns > UNSEEN_NS:
        return None
    return (to_ns - episode.onset_ns) / MINUTE_NS


def _median(settled: Sequence[Settled]) -> float | None:
    return statistics.median(one.minutes for one in settled) if settled else None


def _weeks(diary: Diary, settled: Sequence[Settled]) -> list[Week]:
    """Whole weeks, counted back from the end."""
    count = (diary.until_ns - diary.since_ns) // WEEK_NS
    starts = [diary.until_ns - (count - index) * WEEK_NS for index in range(count)]
    weeks = []
    for since_ns in starts:
        of_it = [one for one in settled if since_ns <= one.onset_ns < since_ns + WEEK_NS]
        median = _median(of_it) if len(of_it) >= ENOUGH else None
        weeks.append(Week(since_ns=since_ns, settled=len(of_it), median_settle_min=median))
    return weeks


# --- breaks --------------------------------------------------------------------------------------


def _breaks(diary: Diary, settle_min: dict[Episode, float | None]) -> list[Break]:
    """Those that were taken, by when they began."""
    by_id: dict[str, list[BreakStep]] = {}
    for step in diary.steps:
        by_id.setdefault(step.id, []).append(step)
    taken = [steps for steps in by_id.values() if any(s.phase is BreakPhase.ON for s in steps)]
    breaks = [_break(diary, steps, settle_min) for steps in taken]
    return sorted(breaks, key=lambda one: one.began_ns)


def _break(diary: Diary, steps: list[BreakStep], settle_min: dict[Episode, float | None]) -> Break:
    begun = next(step for step in steps if step.phase is BreakPhase.ON)
    end = next((step for step in steps if step.phase in _ENDS), None)
    last_on = [step for step in steps if step.phase is BreakPhase.ON][-1]
    about = next((step.about for step in reversed(steps) if step.about is not None), None)
    names = {begun.id, begun.alert_id} - {""}  # what is said of a prompt is said of its break
    said = {one.answer: one for one in diary.answers if one.about in names}
    episode = _episode([e for e in settle_min if e.episode == about], begun, end)
    came = end is not None and end.phase is BreakPhase.RETURNED
    words = said.get(AnswerKind.SET_OFF)
    mended = _said_last(said, (AnswerKind.MENDED, AnswerKind.NOT_MENDED))
    return Break(
        began_ns=begun.began_ns,
        own=begun.origin == "self",
        about=about,
        agreed_min=(begun.until_ns - begun.began_ns) / MINUTE_NS,
        lasted_min=(end.t_ns - begun.began_ns) / MINUTE_NS if end and came else None,
        ending=_ending(steps, last_on, end),
        settle_min=None if episode is None else settle_min[episode],
        felt=_said_last(said, _FELT),
        mended=None if mended is None else mended is AnswerKind.MENDED,
        set_off=None if words is None else words.text,
    )


def _episode(of_kind: list[Episode], begun: BreakStep, end: BreakStep | None) -> Episode | None:
    """The last one that lasted into the break, else the first that began in it.

    What was over before, an hour or some weeks ago, is not what the break was about.
    """
    lasted = [
        e
        for e in of_kind
        if e.onset_ns <= begun.began_ns and (e.end_ns is None or e.end_ns >= begun.began_ns)
    ]
    if lasted:
        return lasted[-1]
    until_ns = math.inf if end is None else end.t_ns
    return next((e for e in of_kind if begun.began_ns < e.onset_ns <= until_ns), None)


_ENDS: Final = frozenset(
    {BreakPhase.RETURNED, BreakPhase.NOT_RESUMED, BreakPhase.DECLINED, BreakPhase.WRONG}
)
_FELT: Final = (AnswerKind.BETTER, AnswerKind.SAME, AnswerKind.WORSE)


def _ending(steps: list[BreakStep], last_on: BreakStep, end: BreakStep | None) -> Ending:
    """A longer time that was the other's is no new time that was sent."""
    if end is None:
        return "open"
    if end.phase is BreakPhase.NOT_RESUMED:
        return "not-resumed"
    if end.phase is not BreakPhase.RETURNED:
        return "no-break"
    if end.t_ns > last_on.until_ns + ON_TIME_NS:
        return "past-time"
    return "new-time" if any(step.reason in {EXTENDED, AGAIN} for step in steps) else "on-time"


def _said_last(said: dict[AnswerKind, Answer], kinds: tuple[AnswerKind, ...]) -> AnswerKind | None:
    answers = [said[kind] for kind in kinds if kind in said]
    return max(answers, key=lambda one: one.t_ns).answer if answers else None


def _verdicts(diary: Diary) -> dict[str, bool]:
    """Of each prompt that was judged, whether it was right, as it was said last."""
    prompt_of = {step.id: step.alert_id for step in diary.steps if step.alert_id}
    prompts = {alert.id for alert in diary.alerts if alert.alert != EpisodeKind.SAFETY}
    verdicts: dict[str, bool] = {}
    for answer in diary.answers:
        prompt = prompt_of.get(answer.about, answer.about)
        if prompt in prompts and answer.answer in {AnswerKind.RIGHT, AnswerKind.WRONG}:
            verdicts[prompt] = answer.answer is AnswerKind.RIGHT
    return verdicts
