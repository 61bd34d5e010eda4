"""The page of a session of two: what came first, both at once, together or not, and in its order.

It describes. Nobody is marked as the one who began it, nothing is counted up against anyone, and
what somebody declined does not stand here.
"""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any, Final

from vagalwatch.hrv.dyad import NOT_JUDGED
from vagalwatch.records import State
from vagalwatch.report import page, svg
from vagalwatch.report.joint import Joint, read_joint
from vagalwatch.report.pictures import Picture, foot, with_gaps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vagalwatch.hrv.dyad import Order, Round, Track
    from vagalwatch.hrv.linkage import Linkage
    from vagalwatch.report.speech import Speech

MINUTE_NS: Final = 60_000_000_000
LEVEL: Final = 0.05
"""Under it linkage is said; the usual convention, and with one test a session no more than that."""


def report(
    journal: Path, one: str, other: str, session: str | None, speech: Speech
) -> tuple[dict[str, Any], str]:
    """The figures as JSON says them, and the page.

    Raises:
        ConsentError: the link and both consents do not stand.
        ReportError: there is no such session.
        JournalError: it cannot be read.
    """
    told = read_joint(journal, one, other, session)
    figures = {
        "session": told.session,
        "wearers": list(told.wearers),
        "start_ns": told.start_ns + told.wall_ns,
        "end_ns": told.end_ns + told.wall_ns,
        **asdict(told.dyad),
        "moves": [
            {"t_ns": move.t_ns + told.wall_ns, "wearer": move.wearer, "what": move.what}
            for move in told.dyad.moves
        ],
        "rounds": [_as_json(each, told.wall_ns) for each in told.dyad.rounds],
        "markers": [{"t_ns": t_ns + told.wall_ns, "text": text} for t_ns, text in told.markers],
    }
    return figures, _page(told, speech)


def _as_json(each: Round, wall_ns: int) -> dict[str, Any]:
    end_ns = None if each.end_ns is None else each.end_ns + wall_ns
    orders = {
        name: None if order is None else order._asdict()
        for name, order in (("onset", each.onset), ("recovery", each.recovery))
    }
    return {"kinds": each.kinds, "onset_ns": each.onset_ns + wall_ns, "end_ns": end_ns, **orders}


def _page(told: Joint, speech: Speech) -> str:
    one, other = told.wearers
    title = speech.say("page.joint-title", one=one, other=other)
    minutes = round((told.end_ns - told.start_ns) / MINUTE_NS)
    when = speech.say(
        "joint.session", when=speech.when(told.start_ns + told.wall_ns), minutes=minutes
    )
    judged = speech.say("joint.judged", judged=told.dyad.judged_s // 60, minutes=minutes)
    both = speech.say(
        "joint.both-fast",
        minutes=told.dyad.both_flooded_s // 60,
        seconds=told.dyad.both_flooded_s % 60,
    )
    body = [
        f"<h1>{escape(title)}</h1>",
        page.paragraph(f"{when}. {speech.say('page.draft')}"),
        page.paragraph(speech.say("page.joint-chart")),
        page.paragraph(f"{speech.say('page.knows')} {speech.say('page.court')}"),
        page.figure(_picture(told, speech)),
        page.legend(_LEGEND, speech),
        page.paragraph(f"{judged} {both}"),
        page.heading(speech.say("joint.order")),
        *_rounds(told, speech),
        page.paragraph(speech.say("joint.error"), "soft"),
        page.heading(speech.say("joint.linkage")),
        *(page.paragraph(line) for line in _linkage(told.dyad.linkage, speech)),
        page.paragraph(speech.say("joint.linkage-note"), "soft"),
        page.heading(speech.say("joint.moves")),
        _moves(told, speech),
        page.paragraph(speech.say("joint.moves-note"), "soft"),
    ]
    return page.document(title, body, told.end_ns + told.wall_ns, speech)


_LEGEND: Final = ("flooding", "shutdown", "settled", "own-break", "prompted-break", "unusable")


# --- figures in words ----------------------------------------------------------------------------


def _rounds(told: Joint, speech: Speech) -> Iterator[str]:
    if not told.dyad.rounds:
        yield page.paragraph(speech.say("joint.no-round"))
    for count, each in enumerate(told.dyad.rounds, 1):
        when = speech.when(each.onset_ns + told.wall_ns, "%H:%M")
        yield f"<h3>{escape(speech.say('joint.round', count=count, when=when))}</h3>"
        kinds = [
            f"{who}: {', '.join(speech.say(f'mark.{kind}') for kind in theirs)}"
            for who, theirs in zip(told.wearers, each.kinds, strict=True)
            if theirs
        ]
        yield page.paragraph("; ".join(kinds))
        if each.onset is None or each.recovery is None:
            alone = next(w for w, k in zip(told.wearers, each.kinds, strict=True) if k)
            yield page.paragraph(speech.say("joint.only", who=alone))
            continue
        for key, order in (("joint.rise", each.onset), ("joint.back", each.recovery)):
            yield page.paragraph(f"{speech.say(key)}: {_order(order, told.wearers, speech)}")


def _order(order: Order, wearers: tuple[str, str], speech: Speech) -> str:
    if order.first is None:
        if order.low_s is None or order.high_s is None:
            return speech.say("joint.cannot-tell-open")
        return speech.say("joint.cannot-tell", low=f"{order.low_s:.0f}", high=f"{order.high_s:.0f}")
    who = wearers[0] if order.first == "one" else wearers[1]
    sign = 1 if order.first == "one" else -1
    bounds = sorted(sign * edge for edge in (order.low_s, order.high_s) if edge is not None)
    if order.after_s is None or len(bounds) < 2:  # noqa: PLR2004 - low and high
        return speech.say("joint.first-open", who=who, low=f"{bounds[0]:.0f}")
    seconds, low, high = (f"{value:.0f}" for value in (sign * order.after_s, *bounds))
    return speech.say("joint.first", who=who, seconds=seconds, low=low, high=high)


def _linkage(linkage: Linkage | None, speech: Speech) -> Iterator[str]:
    if linkage is None:
        yield speech.say("joint.linked-thin")
        return
    p = f"{linkage.p:.3f}"
    if linkage.p >= LEVEL:
        yield speech.say("joint.not-linked", p=p)
        return
    yield speech.say("joint.linked-same" if linkage.r > 0 else "joint.linked-other")
    yield speech.say(
        "joint.linked-figure",
        r=f"{linkage.r:.2f}",
        lag=linkage.lag_s,
        p=p,
        windows=linkage.windows,
        shifts=linkage.shifts,
    )


def _moves(told: Joint, speech: Speech) -> str:
    lines = [(move.t_ns, move.wearer, speech.say(f"mark.{move.what}")) for move in told.dyad.moves]
    lines += [(t_ns, "", speech.say("mark.marker", text=text)) for t_ns, text in told.markers]
    if not lines:
        return page.paragraph(speech.say("joint.nothing"))
    rows = [
        (speech.when(t_ns + told.wall_ns, "%H:%M:%S"), who, what)
        for t_ns, who, what in sorted(lines)
    ]
    heads = (speech.say("table.when"), speech.say("joint.who"), speech.say("joint.what"))
    return page.table(speech.say("joint.moves"), heads, rows)


# --- the picture ---------------------------------------------------------------------------------

_STRIP: Final = 26.0


def _picture(told: Joint, speech: Speech) -> Picture:
    """Both heart rates over their own usual, and under them a strip of states for each."""
    curves = [_over_usual(track, told.start_ns) for track in told.tracks]
    values = [value for curve in curves for _, value in curve if value is not None]
    area = svg.Area(
        left=30.0,
        right=svg.WIDTH - 6.0,
        top=22.0,
        bottom=150.0,
        x_from=0.0,
        x_to=max((told.end_ns - told.start_ns) / MINUTE_NS, 1.0),
        y_from=min([-10.0, *values]) - 2,
        y_to=max([20.0, *values]) + 2,
    )
    area.levels()
    foot(area, speech.say("picture.minutes"))
    for curve, name in zip(curves, ("one", "other"), strict=True):
        area.curve(curve, name)
    area.parts.append(svg.text(0, 10, speech.say("picture.over-usual")))
    x = float(svg.WIDTH)
    for who, name in reversed(list(zip(told.wearers, ("one", "other"), strict=True))):
        area.parts.append(svg.text(x, 10, who, "end"))
        x -= 7.0 * len(who) + 4
        area.parts.append(svg.line(x - 18, 6, x, 6, name))
        x -= 30
    for index, track in enumerate(told.tracks):
        _strip(area, track, told, area.bottom + 30 + index * _STRIP)
    height = area.bottom + 30 + 2 * _STRIP
    said = [
        f"{who}: {speech.say(f'mark.{kind}')} {speech.when(t_ns + told.wall_ns, '%H:%M')}"
        for t_ns, who, kind in told.dyad.moves
    ]
    title = speech.say("page.joint-title", one=told.wearers[0], other=told.wearers[1])
    alt = f"{speech.say('picture.over-usual')}. {'; '.join(said)}"
    return Picture(title, speech.say("joint.picture-note"), svg.picture(height, alt, *area.parts))


def _over_usual(track: Track, start_ns: int) -> list[tuple[float, float | None]]:
    points: list[tuple[float, float | None]] = []
    for row in track.rows:
        over = None
        if row.metrics.hr_bpm is not None and row.usual_hr_bpm:
            over = 100 * (row.metrics.hr_bpm / row.usual_hr_bpm - 1)
        points.append(((row.t_ns - start_ns) / MINUTE_NS, over))
    return with_gaps(points)


def _strip(area: svg.Area, track: Track, told: Joint, y: float) -> None:
    """A person's states: bars where away from usual, a thin line where nothing could be read."""
    area.parts.append(svg.text(0, y + 4, track.wearer[:4]))
    pieces: list[tuple[str, float, float]] = []
    for row in track.rows:
        at = (row.t_ns - told.start_ns) / MINUTE_NS
        kind = _BARS.get(row.state, "unusable" if row.state in NOT_JUDGED else "")
        if pieces and pieces[-1][0] == kind and at - pieces[-1][2] < 0.2:  # noqa: PLR2004 - 2 rows
            pieces[-1] = (kind, pieces[-1][1], at)
        else:
            pieces.append((kind, at - 5 / 60, at))
    for kind, from_min, to_min in pieces:
        x, end = area.x(from_min), area.x(to_min)
        if kind:
            tall = kind != "unusable"
            area.parts.append(svg.bar(x, y - 4 if tall else y, end - x, 8.0 if tall else 2.0, kind))
    for move in told.dyad.moves:
        if move.wearer == track.wearer and move.what in _MARKS:
            x = area.x((move.t_ns - told.start_ns) / MINUTE_NS)
            area.parts.append(svg.mark(_MARKS[move.what], x, y - 9))
    for x, end, kind in _breaks(area, told, track):
        area.parts.append(svg.bar(x, y + 6, end - x, 4.0, kind))


_BARS: Final = {State.FLOODING: "flooding", State.SHUTDOWN: "shutdown"}
_MARKS: Final = {"flooding": "flooding", "shutdown": "shutdown", "settled": "settled"}
_BEGINS: Final = {"own-break", "prompted-break"}
_ENDS: Final = {"returned", "not-resumed"}


def _breaks(area: svg.Area, told: Joint, track: Track) -> Iterator[tuple[float, float, str]]:
    """Where each break begins and ends; one that goes on lasts to the end."""
    moves = [move for move in told.dyad.moves if move.wearer == track.wearer]
    for index, move in enumerate(moves):
        if move.what in _BEGINS:
            end = next((m.t_ns for m in moves[index:] if m.what in _ENDS), told.end_ns)
            edges = ((t_ns - told.start_ns) / MINUTE_NS for t_ns in (move.t_ns, end))
            x, until = (area.x(edge) for edge in edges)
            yield x, until, move.what
