"""The draft of a progress note, from the record alone; pure.

DAP (data, assessment, plan) or SOAP (subjective: answers; objective: figures; assessment; plan).
The assessment is blank: what it all means is the therapist's to write. Nothing here infers a
feeling, a motive or a diagnosis, and nothing of the other person is in it: of the agreement only
what this person does. It belongs in progress notes; psychotherapy notes are a thing of their own,
which leaves out just such summaries (45 CFR 164.501), and is never written by a machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from vagalwatch.report.figures import ENOUGH

if TYPE_CHECKING:
    from vagalwatch.alerts.preferences import Preferences
    from vagalwatch.report.figures import Progress
    from vagalwatch.report.speech import Speech

Form = Literal["dap", "soap"]
_OF_THE_OTHER: Final = {"agreed.other-place", "agreed.children"}


class Part(NamedTuple):
    """A head of the note and the lines under it."""

    head: str
    lines: tuple[str, ...]


def six(told: Progress, speech: Speech) -> list[tuple[str, str, str]]:
    """The six numbers in words: head, number, what it is."""
    ends = {ending.replace("-", "_"): count for ending, count in told.check_ins.items()}
    counts = {name: ends.get(name, 0) for name in _ENDINGS}
    values: dict[str, object] = {
        "own": told.own_breaks,
        "prompted": told.prompted_breaks,
        **counts,
        "count": len(told.settled),
        "minutes": "" if told.median_settle_min is None else f"{told.median_settle_min:.0f}",
        "unseen": told.unseen,
        "mended": told.mended,
        "said": told.repair_said,
        "returned": told.returned,
        "right": told.right,
        "judged": told.judged,
        "prompts": told.prompts,
        "usable": f"{told.usable_h:.1f}",
        "recorded": f"{told.recorded_h:.1f}",
    }
    settle = "settle-said" if told.settled else "settle-none"
    rows = (
        ("breaks", "breaks-said", "breaks-note"),
        ("check-ins", "check-ins-said", "check-ins-rest"),
        ("settle", settle, "settle-note"),
        ("repairs", "repairs-said", "repairs-note"),
        ("prompts", "prompts-said", "prompts-note"),
        ("hours", "hours-said", "hours-note"),
    )

    def line(key: str) -> str:
        return speech.say(f"six.{key}", **values)

    return [(line(head), line(number), line(about)) for head, number, about in rows]


_ENDINGS: Final = ("on_time", "new_time", "past_time", "not_resumed", "no_break", "open")


def first(told: Progress, speech: Speech) -> list[str]:
    """What is spoken of before any number."""
    worse = [speech.when(t_ns, "%Y-%m-%d") for t_ns in told.made_worse_ns]
    lines = []
    if worse:
        when = ", ".join(worse)
        lines.append(speech.say("first.made-worse", count=len(worse), when=when))
    if serious := sum(harm.serious is True for harm in told.harms):
        lines.append(speech.say("first.serious", count=serious))
    if open_ := sum(harm.serious is None for harm in told.harms):
        lines.append(speech.say("first.not-judged", count=open_))
    if told.falls:
        lines.append(speech.say("first.falls", count=told.falls))
    return lines


def private(told: Progress, speech: Speech) -> list[str]:
    """What to ask this person alone, once there are enough breaks to ask about.

    Uneven calling, or not coming back, can be what the other does or what is done to the other.
    It is asked of each in private and computed of nobody: no number here is the other's, nothing
    of it is told to them, and it is never an alert.
    """
    if len(told.breaks) < ENOUGH:
        return []
    lines = [speech.say("private.calling")]
    if told.check_ins.get("not-resumed", 0):
        lines.append(speech.say("private.not-resumed"))
    return lines


def draft(told: Progress, preferences: Preferences, form: Form, speech: Speech) -> list[Part]:
    """The note; what was agreed on is told as the person's own page tells it."""
    objective = [f"{head}: {number}. {about}" for head, number, about in six(told, speech)]
    objective = [*first(told, speech), *objective]
    subjective = _answers(told, speech)
    blank = Part(speech.say("note.assessment"), (speech.say("note.blank"),))
    plan = Part(speech.say("note.plan"), tuple(_plan(preferences, speech)))
    if form == "dap":
        return [Part(speech.say("note.data"), (*objective, *subjective)), blank, plan]
    return [
        Part(speech.say("note.subjective"), tuple(subjective)),
        Part(speech.say("note.objective"), tuple(objective)),
        blank,
        plan,
    ]


def _answers(told: Progress, speech: Speech) -> list[str]:
    """What the person said, in their own words where they are their own."""
    felt = [one.felt for one in told.breaks if one.felt is not None]
    lines = []
    if felt:
        counts = {word: felt.count(word) for word in ("better", "same", "worse")}
        lines.append(speech.say("note.felt", **counts))
    for one in told.breaks:
        if one.set_off:
            when = speech.when(one.began_ns, "%Y-%m-%d")
            lines.append(speech.say("note.set-off", text=one.set_off, when=when))
    return lines or [speech.say("note.none-said")]


def _plan(preferences: Preferences, speech: Speech) -> list[str]:
    agreed = [
        speech.page[key].format(what=what)
        for key, what in preferences.agreement.lines()
        if key not in _OF_THE_OTHER
    ]
    minutes = speech.say("note.minutes", minutes=preferences.break_minutes)
    return [speech.say("note.agreed"), minutes, *(agreed or [speech.say("note.not-agreed")])]
