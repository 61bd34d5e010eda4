"""The picture of a session of two: both heart rates over their own usual, and a strip for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vagalwatch.records import State
from vagalwatch.report import svg
from vagalwatch.report.pictures import Picture, foot, with_gaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vagalwatch.hrv.dyad import Track
    from vagalwatch.report.joint import Joint
    from vagalwatch.report.speech import Speech

MINUTE_NS: Final = 60_000_000_000
LEGEND: Final = ("flooding", "shutdown", "settled", "own-break", "prompted-break", "unusable")
_STRIP: Final = 26.0


def both(told: Joint, speech: Speech) -> Picture:
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
        f"{who}: {speech.say(f'mark.{kind}')} {speech.when(t_ns, '%H:%M')}"
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
        kind = _BARS.get(row.state, "" if row.state.judged else "unusable")
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
