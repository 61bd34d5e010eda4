"""The page of a session of two: what came first, both at once, together or not, and in its order.

It describes. Nobody is marked as the one who began it, nothing is counted up against anyone, and
what somebody declined does not stand here.
"""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any, Final

from vagalwatch.report import page
from vagalwatch.report.joint import Joint, read_joint
from vagalwatch.report.joint_picture import LEGEND, MINUTE_NS, both

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vagalwatch.hrv.dyad import Order, Round
    from vagalwatch.hrv.linkage import Linkage
    from vagalwatch.report.speech import Speech

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
        "start_ns": told.start_ns,
        "end_ns": told.end_ns,
        "too_late": list(told.too_late),
        **asdict(told.dyad),
        "moves": [
            {"t_ns": move.t_ns, "wearer": move.wearer, "what": move.what}
            for move in told.dyad.moves
        ],
        "rounds": [_as_json(each) for each in told.dyad.rounds],
        "markers": [{"t_ns": t_ns, "text": text} for t_ns, text in told.markers],
    }
    return figures, _page(told, speech)


def _as_json(each: Round) -> dict[str, Any]:
    orders = {
        name: None if order is None else order._asdict()
        for name, order in (("onset", each.onset), ("recovery", each.recovery))
    }
    return {"kinds": each.kinds, "onset_ns": each.onset_ns, "end_ns": each.end_ns, **orders}


def _page(told: Joint, speech: Speech) -> str:
    one, other = told.wearers
    title = speech.say("page.joint-title", one=one, other=other)
    minutes = round((told.end_ns - told.start_ns) / MINUTE_NS)
    when = speech.say("joint.session", when=speech.when(told.start_ns), minutes=minutes)
    judged = speech.say("joint.judged", judged=told.dyad.judged_s // 60, minutes=minutes)
    at_once = speech.say(
        "joint.both-fast",
        minutes=told.dyad.both_flooded_s // 60,
        seconds=told.dyad.both_flooded_s % 60,
    )
    body = [
        f"<h1>{escape(title)}</h1>",
        page.paragraph(f"{when}. {speech.say('page.draft')}"),
        page.paragraph(speech.say("page.joint-chart")),
        page.paragraph(f"{speech.say('page.knows')} {speech.say('page.court')}"),
        page.figure(both(told, speech)),
        page.legend(LEGEND, speech),
        page.paragraph(f"{judged} {at_once}"),
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
    return page.document(title, body, told.end_ns, speech)


# --- figures in words ----------------------------------------------------------------------------


def _rounds(told: Joint, speech: Speech) -> Iterator[str]:
    if not told.dyad.rounds:
        yield page.paragraph(speech.say("joint.no-round"))
    for count, each in enumerate(told.dyad.rounds, 1):
        when = speech.when(each.onset_ns, "%H:%M")
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
        if told.too_late:
            yield page.paragraph(speech.say("joint.too-late", who=", ".join(told.too_late)))
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
    rows = [(speech.when(t_ns, "%H:%M:%S"), who, what) for t_ns, who, what in sorted(lines)]
    heads = (speech.say("table.when"), speech.say("joint.who"), speech.say("joint.what"))
    return page.table(speech.say("joint.moves"), heads, rows)
