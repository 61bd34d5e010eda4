"""The three pictures of one person's report. What was not recorded is empty, never filled in."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.hrv.dyad import back
from vagalwatch.hrv.linkage import STEP_S
from vagalwatch.records import EpisodeKind
from vagalwatch.report import svg
from vagalwatch.report.figures import ENOUGH, MINUTE_NS, NS, WEEK_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vagalwatch.records import Episode
    from vagalwatch.report.figures import Progress
    from vagalwatch.report.gather import Diary
    from vagalwatch.report.speech import Speech

DAYS: Final = 7
BIN_S: Final = 300
"""A band of the week is told in five minutes: about a pixel of a phone."""
BEFORE_MIN, AFTER_MIN, LONGEST_MIN = 10.0, 5.0, 90.0
GAP_S: Final = 3 * STEP_S
"""A heart rate is missing, and not only a row late."""


class Picture(NamedTuple):
    """A picture with its head and what it shows; without ``svg``, ``note`` says why."""

    title: str
    note: str
    svg: str = ""


def pictures(diary: Diary, told: Progress, speech: Speech) -> list[Picture]:
    """The week, one episode, the trend."""
    return [week(diary, told, speech), episode(diary, told, speech), trend(told, speech)]


# --- the week ------------------------------------------------------------------------------------

_ROW, _LABEL, _BAND = 29.0, 30.0, 10.0


def week(diary: Diary, told: Progress, speech: Speech) -> Picture:
    """The last seven days, a strip each: what could be read, marks and breaks."""
    last = speech.at(diary.until_ns)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [midnight - timedelta(days=DAYS - 1 - day) for day in range(DAYS + 1)]
    edges_ns = [round(start.timestamp()) * NS for start in starts]
    parts, said = [], []
    for day, (from_ns, to_ns) in enumerate(pairwise(edges_ns)):
        area = svg.Area(
            left=_LABEL,
            right=svg.WIDTH - 4.0,
            top=day * _ROW + 10,
            bottom=day * _ROW + 10 + _BAND,
            x_from=0.0,
            x_to=(to_ns - from_ns) / NS,
            y_from=0.0,
            y_to=1.0,
        )
        name = speech.say("picture.days").split()[starts[day].weekday()]
        area.parts.append(svg.text(0, area.bottom, name))
        hours = _strip(area, diary, from_ns, to_ns)
        _marks(area, diary, told, from_ns, to_ns)
        parts += area.parts
        said.append(f"{name} {hours:.1f} h")
    foot = DAYS * _ROW + 14
    for hour in range(0, 25, 6):
        x = _LABEL + hour / 24 * (svg.WIDTH - 4 - _LABEL)
        anchor = "start" if hour == 0 else "end" if hour == 24 else "middle"  # noqa: PLR2004 - hours
        parts.append(svg.text(x, foot, f"{hour}:00", anchor))
        parts.insert(0, svg.line(x, 4, x, foot - 12, "grid"))
    alt = f"{speech.say('picture.week')}. {speech.say('mark.usable')}: {', '.join(said)}."
    return Picture(
        speech.say("picture.week"),
        speech.say("picture.week-note"),
        svg.picture(foot + 6, alt, *parts),
    )


def _strip(area: svg.Area, diary: Diary, from_ns: int, to_ns: int) -> float:
    """A band as high as the share of each bin that could be read; returns the hours of it."""
    judged = (row.t_ns for row in diary.rows if row.state.judged)
    every = chain(diary.idle_ns, (row.t_ns for row in diary.rows))

    def by_bin(times_ns: Iterable[int]) -> Counter[int]:
        of_day = (t_ns - from_ns for t_ns in times_ns if from_ns <= t_ns < to_ns)
        return Counter(since_ns // NS // BIN_S for since_ns in of_day)

    usable, recorded = by_bin(judged), by_bin(every)
    for index, count in sorted(recorded.items()):
        x, end = area.x(index * BIN_S), area.x((index + 1) * BIN_S)
        if usable[index] < count:
            area.parts.append(svg.bar(x, area.bottom - 1, end - x, 2.0, "unusable"))
        y = area.y(usable[index] * STEP_S / BIN_S)
        if usable[index]:
            area.parts.append(svg.bar(x, y, end - x, area.bottom - y, "usable"))
    return usable.total() * STEP_S / 3600


def _marks(area: svg.Area, diary: Diary, told: Progress, from_ns: int, to_ns: int) -> None:
    for one in told.breaks:
        end_ns = one.began_ns + round((one.lasted_min or one.agreed_min) * MINUTE_NS)
        if one.began_ns < to_ns and end_ns > from_ns:
            x, end = (area.x((t_ns - from_ns) / NS) for t_ns in (one.began_ns, end_ns))
            kind = "own-break" if one.own else "prompted-break"
            area.parts.append(svg.bar(x, area.bottom + 3, end - x, 4.0, kind))
    for each in diary.episodes:
        if from_ns <= each.onset_ns < to_ns:
            x = area.x((each.onset_ns - from_ns) / NS)
            area.parts.append(svg.mark(each.episode, x, area.top - 5))


# --- one episode ---------------------------------------------------------------------------------


def episode(diary: Diary, told: Progress, speech: Speech) -> Picture:
    """The last one whose way back was seen; else the last one."""
    title = speech.say("picture.episode")
    of_break = [one for one in diary.episodes if one.episode != EpisodeKind.SAFETY]
    if not of_break:
        return Picture(title, speech.say("picture.episode-none"))
    seen = {one.onset_ns for one in told.settled}
    shown = next((one for one in reversed(of_break) if one.onset_ns in seen), of_break[-1])
    return Picture(title, speech.say("picture.episode-note"), _heart(diary, told, shown, speech))


def _heart(diary: Diary, told: Progress, shown: Episode, speech: Speech) -> str:
    """The heart rate around an episode, in minutes from its onset."""
    judged = [row for row in diary.rows if row.state.judged]
    back_ns = back(judged, shown).high_ns
    back_min = math.inf if math.isinf(back_ns) else (back_ns - shown.onset_ns) / MINUTE_NS
    last_min = min(max(back_min, 20.0) + AFTER_MIN, LONGEST_MIN)
    if math.isinf(back_min):
        last_min = 30.0 + AFTER_MIN
    rows = {
        (row.t_ns - shown.onset_ns) / MINUTE_NS: row
        for row in diary.rows
        if -BEFORE_MIN <= (row.t_ns - shown.onset_ns) / MINUTE_NS <= last_min
    }
    points = with_gaps([(at, row.hr_bpm) for at, row in rows.items()])
    usual = next((row.usual_bpm for row in rows.values() if row.usual_bpm is not None), None)
    values = [value for _, value in points if value is not None] + ([usual] if usual else [])
    area = svg.Area(
        left=30.0,
        right=svg.WIDTH - 6.0,
        top=34.0,
        bottom=186.0,
        x_from=-BEFORE_MIN,
        x_to=last_min,
        y_from=min(values, default=60) - 4,
        y_to=max(values, default=80) + 6,
    )
    area.levels()
    foot(area, speech.say("picture.minutes"))
    _no_signal(area, points, speech.say("picture.no-signal"))
    for one in told.breaks:
        began_min = (one.began_ns - shown.onset_ns) / MINUTE_NS
        end_min = began_min + (one.lasted_min or one.agreed_min)
        if began_min < last_min and end_min > -BEFORE_MIN:
            x, end = area.x(began_min), area.x(end_min)
            kind = "own-break" if one.own else "prompted-break"
            area.parts.append(svg.bar(x, area.bottom - 6, end - x, 5.0, kind))
    label = speech.say("picture.bpm")
    if usual:
        y = area.y(usual)
        area.parts.append(svg.line(area.left, y, area.right, y, "usual"))
        label = speech.say("picture.bpm-usual", usual=f"{usual:.0f}")
    area.curve(points, "heart")
    area.parts.append(svg.mark(shown.episode, area.x(0), 22))
    if back_min <= last_min:
        area.parts.append(svg.mark("settled", area.x(back_min), 22))
    area.parts.append(svg.text(0, 10, label))
    ended = "" if math.isinf(back_min) else f" {speech.say('mark.settled')}: {back_min:.0f} min."
    peak = (
        ""
        if shown.peak_hr_bpm is None
        else f" {shown.peak_hr_bpm:.0f} {speech.say('picture.bpm')}."
    )
    return svg.picture(
        area.bottom + 18, f"{speech.say(f'mark.{shown.episode}')}.{peak}{ended}", *area.parts
    )


def with_gaps(points: list[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """With a missing value wherever rows themselves are missing."""
    told: list[tuple[float, float | None]] = []
    for at, value in points:
        if told and (at - told[-1][0]) * 60 > GAP_S:
            told.append((told[-1][0], None))
        told.append((at, value))
    return told


def _no_signal(area: svg.Area, points: list[tuple[float, float | None]], label: str) -> None:
    """A band wherever the line breaks off for longer than a row; with words where there is room."""
    seen = [area.x_from, *(at for at, value in points if value is not None), area.x_to]
    for before, after in pairwise(seen):
        if (after - before) * 60 > GAP_S:
            x, end = area.x(before), area.x(after)
            area.parts.append(svg.bar(x, area.top, end - x, area.bottom - area.top, "missing"))
            if end - x > 62:  # noqa: PLR2004 - units that the words take
                area.parts.append(svg.text((x + end) / 2, area.top + 12, label, "middle"))


def foot(area: svg.Area, unit: str) -> None:
    """The x axis, with its unit at the end."""
    for value in svg.ticks(area.x_from, area.x_to, 8):
        x = area.x(value)
        area.parts.append(svg.line(x, area.bottom, x, area.bottom + 3, "axis"))
        if x < area.right - 34:  # room for the unit
            area.parts.append(svg.text(x, area.bottom + 14, f"{value:g}", "middle"))
    area.parts.append(svg.line(area.left, area.bottom, area.right, area.bottom, "axis"))
    area.parts.append(svg.text(area.right, area.bottom + 14, unit, "end"))


# --- the trend -----------------------------------------------------------------------------------


def trend(told: Progress, speech: Speech) -> Picture:
    """Each time to settle as a dot, the median of a week only where it holds enough of them."""
    title = speech.say("picture.trend")
    if len(told.settled) < ENOUGH:
        few = speech.say("picture.trend-few", count=len(told.settled), enough=ENOUGH)
        return Picture(title, few)
    since_ns = told.weeks[0].since_ns
    area = svg.Area(
        left=30.0,
        right=svg.WIDTH - 6.0,
        top=24.0,
        bottom=156.0,
        x_from=0.0,
        x_to=float(len(told.weeks)),
        y_from=0.0,
        y_to=max(one.minutes for one in told.settled) * 1.1,
    )
    area.levels()
    for index, each in enumerate(told.weeks):
        middle = area.x(index + 0.5)
        area.parts.append(svg.text(middle, area.bottom + 14, f"{index + 1}", "middle"))
        if each.median_settle_min is not None:
            y = area.y(each.median_settle_min)
            area.parts.append(svg.line(area.x(index + 0.08), y, area.x(index + 0.92), y, "median"))
    area.parts.append(svg.line(area.left, area.bottom, area.right, area.bottom, "axis"))
    for one in told.settled:
        x = area.x((one.onset_ns - since_ns) / WEEK_NS)
        area.parts.append(svg.mark("settled", x, area.y(one.minutes)))
    area.parts.append(svg.text(0, 10, speech.say("picture.trend-label")))
    weeks = (
        f"{index + 1}: {each.median_settle_min:.0f} min (n {each.settled})"
        for index, each in enumerate(told.weeks)
        if each.median_settle_min is not None
    )
    alt = f"{speech.say('picture.trend-label')}. {'; '.join(weeks)}"
    return Picture(
        title, speech.say("picture.trend-note"), svg.picture(area.bottom + 20, alt, *area.parts)
    )
