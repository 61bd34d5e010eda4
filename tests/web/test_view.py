"""What the page is told. The story's policies are the real ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_page import Story
from vagalwatch.alerts.readiness import Unsettled
from vagalwatch.alerts.words import lines
from vagalwatch.clock import NS
from vagalwatch.hrv.codes import CALIBRATING, EXPIRED, STATE_GATES, Gate, Why
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    ClockStep,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Reason,
    Record,
    Run,
    Setting,
    State,
    Stream,
    Tick,
)
from vagalwatch.web.view import View

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def shown_view(story: Story, wearer: str = "ada") -> View:
    """The view of a page that was opened now."""
    view = View(wearer)
    for record in story.records:
        if record.wearer in {"", wearer}:
            view.push(record)
    return view


def shown(story: Story, wearer: str = "ada") -> dict[str, Any]:
    """What a page that was opened now would show."""
    return shown_view(story, wearer).as_json()


def say(story: Story, answer: AnswerKind, about: str = "", wearer: str = "ada") -> None:
    now_ns = story.clock.now_ns()
    story.take(Answer(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, answer=answer, about=about))


# --- measuring ----------------------------------------------------------------------------------


def test_knowing_nothing_is_not_measuring(story: Story) -> None:
    story.tick()
    assert shown(story)["measure"]["kind"] == "not-measuring"


async def test_a_row_that_is_not_followed_is_soon_history(story: Story) -> None:
    story.row(State.SETTLED)
    await story.move(14)
    assert shown(story)["measure"] == {
        "kind": "measuring",
        "say": "state.settled",
        "also": [],
        "progress": None,
    }
    await story.move(1)
    assert shown(story)["measure"]["kind"] == "not-measuring"


async def test_a_heart_gap_shows_at_once_and_until_it_ends(story: Story) -> None:
    story.heart(70)
    story.row(State.SETTLED)
    await story.move(1)
    gap = story.gap(GapReason.OFF_BODY)
    story.heart(70)  # an off-body sensor keeps reporting
    now = shown(story)
    assert now["measure"]["kind"] == "not-measuring"
    assert now["measure"]["say"] == "gate.heart-off-body"
    assert now["missing"] == [{"stream": "heart", "since_ms": gap.t_ns // 1_000_000}]
    await story.move(2)
    story.take(replace(gap, end_ns=story.clock.now_ns(), recv_ns=story.clock.now_ns()))
    assert shown(story)["measure"]["kind"] == "measuring"
    assert shown(story)["missing"] == []


async def test_a_second_sensor_stands_in(story: Story) -> None:
    story.row(State.SETTLED)
    story.heart(70)
    story.gap(GapReason.LINK_LOST, source="watch")
    assert shown(story)["missing"] == []
    story.gap(GapReason.LINK_LOST)
    assert [each["stream"] for each in shown(story)["missing"]] == ["heart"]


async def test_silence_shows_without_anybody_reporting_it(story: Story) -> None:
    story.heart(70)
    last_ms = story.clock.now_ns() // 1_000_000
    for _ in range(13):
        story.row(State.SETTLED)
        await story.move(5)
    now = shown(story)
    assert now["missing"] == [{"stream": "heart", "since_ms": last_ms}]
    assert now["measure"]["say"] == "gate.heart-silent"


def test_skin_gates_are_told_and_figures_are_not(story: Story) -> None:
    story.row(State.SETTLED, gates=(Gate.EDA_OPEN, Gate.RR_THIN))
    assert shown(story)["measure"]["also"] == ["gate.eda-open"]


FAST = (
    Reason(code=Why.SKIN_LEVEL, value=3.0, usual=2.0, contribution=0.2),
    Reason(code=Why.HEART_RATE, value=104.0, usual=66.0, contribution=0.8),
    Reason(code=Why.HEART_FAST, value=104.0, threshold=92.0, held_s=20.0),
)


def test_why_is_told_in_words_and_with_numbers_only_to_who_asked(story: Story) -> None:
    story.row(State.FLOODING, reasons=FAST)
    assert shown_view(story).why(numbers=False) == [
        {"say": "because.heart-fast"},
        {"say": "because.heart-rate"},
    ]
    assert shown_view(story).why(numbers=True) == [
        {"say": "why.heart-fast", "value": "104", "threshold": "92"},
        {"say": "why.heart-rate", "value": "104", "usual": "66"},
    ]
    # A code of a newer version has no words yet; one whose numbers are missing says nothing.
    story.row(State.FLOODING, reasons=(Reason(code="of-tomorrow"), Reason(code=Why.HEART_FAST)))
    assert shown_view(story).why(numbers=False) == [{"say": "because.heart-fast"}]
    assert shown_view(story).why(numbers=True) == []


async def test_there_is_no_why_of_what_is_not_measured(story: Story) -> None:
    story.row(State.FLOODING, reasons=FAST)
    story.gap(GapReason.OFF_BODY)
    assert shown_view(story).why(numbers=True) == []


async def test_a_start_says_that_it_is_looking_before_it_says_that_nothing_is_found(
    story: Story,
) -> None:
    now_ns = story.clock.now_ns()
    run = Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash="x")
    story.take(run)
    assert shown(story)["measure"]["say"] == "page.finding"
    gap = story.gap(GapReason.NEVER_SEEN)
    story.gap(GapReason.NEVER_SEEN, Stream.EDA, source="ring")
    for _ in range(5):
        await story.move(5)
        story.row(State.UNKNOWN, reason="heart-missing", gates=(Gate.EDA_MISSING,))
        now = shown(story)
        assert now["measure"]["kind"] == "not-measuring"
        assert (now["measure"]["say"], now["measure"]["also"]) == ("page.finding", [])
        assert now["missing"] == []
    await story.move(5)
    now = shown(story)
    assert now["measure"]["say"] == "gate.heart-missing"
    assert now["measure"]["also"] == ["gate.eda-missing"]
    assert [each["stream"] for each in now["missing"]] == ["heart", "eda"]
    story.take(replace(gap, end_ns=story.clock.now_ns(), recv_ns=story.clock.now_ns()))
    assert [each["stream"] for each in shown(story)["missing"]] == ["eda"]


async def test_what_fails_after_it_was_found_is_said_at_once_also_at_a_start(
    story: Story,
) -> None:
    now_ns = story.clock.now_ns()
    story.take(Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash="x"))
    story.heart(70)
    story.gap(GapReason.OFF_BODY)
    assert shown(story)["measure"]["say"] == "gate.heart-off-body"


def test_calibration_tells_how_far_it_is(story: Story) -> None:
    story.calibrating(75)
    assert shown(story)["measure"] == {
        "kind": "calibrating",
        "say": "gate.no-baseline",
        "also": [],
        "progress": 0.25,
    }


def test_numbers_are_never_in_the_picture(story: Story) -> None:
    story.heart(117)
    story.row(State.FLOODING, hr_bpm=117)
    assert "117" not in json.dumps(shown(story))


# --- prompts --------------------------------------------------------------------------------------


async def test_a_prompt_stands_until_answered_or_expired(story: Story) -> None:
    alert = story.episode(EpisodeKind.FLOODING)
    now = shown(story)
    assert now["screen"] == "prompt"
    assert now["prompt"] == {
        "id": alert.id,
        "about": "flooding",
        "say": "prompt.flooding",
        "minutes": 20,
    }
    await story.move(119)
    assert shown(story)["screen"] == "prompt"
    await story.move(1)
    now = shown(story)
    assert now["screen"] == "measure"
    assert now["notice"] == {"say": "break.expired", "about": alert.id}
    say(story, AnswerKind.YES, alert.id)
    assert shown(story)["screen"] == "break"


@pytest.mark.parametrize(
    ("answer", "notice"),
    [
        (AnswerKind.NOT_NOW, "break.declined"),
        (AnswerKind.WRONG, "break.wrong"),
        (AnswerKind.LATER, "page.later"),
    ],
)
async def test_what_is_said_after_an_answer(story: Story, answer: AnswerKind, notice: str) -> None:
    alert = story.episode(EpisodeKind.SHUTDOWN)
    say(story, answer, alert.id)
    story.take(alert)  # a repeat that was on its way
    now = shown(story)
    assert now["screen"] == "measure"
    assert now["notice"] == {"say": notice, "about": alert.id}
    await story.move(601)
    assert shown(story)["notice"] is None


def test_an_answer_about_something_else_closes_nothing(story: Story) -> None:
    story.episode(EpisodeKind.FLOODING)
    say(story, AnswerKind.NOT_NOW, "another")
    assert shown(story)["screen"] == "prompt"


def test_a_sleep_of_the_machine_is_why_nothing_is_measured(story: Story) -> None:
    story.heart(70)
    story.row(State.SETTLED)
    story.gap(GapReason.SUSPEND)
    measure = shown(story)["measure"]
    assert (measure["kind"], measure["say"]) == ("not-measuring", "page.slept")


def test_the_offer_is_as_long_as_agreed(story: Story) -> None:
    now_ns = story.clock.now_ns()
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key="break-minutes", value="45"))
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key="break-minutes", value='"x"'))
    story.episode(EpisodeKind.FLOODING)
    assert shown(story)["prompt"]["minutes"] == 45


# --- safety -------------------------------------------------------------------------------------


async def test_safety_goes_before_everything_and_does_not_expire_with_its_prompt(
    story: Story,
) -> None:
    say(story, AnswerKind.START_BREAK)
    alert = story.episode(EpisodeKind.SAFETY)
    assert shown(story)["screen"] == "safety"
    await story.move(600)  # long after valid_until: who has fainted has not read it yet
    assert shown(story)["screen"] == "safety"
    say(story, AnswerKind.SEEN, alert.id)
    assert shown(story)["screen"] == "break"


@pytest.mark.parametrize("kind", EpisodeKind)
def test_a_machines_ack_leaves_the_screen_where_it_is(story: Story, kind: EpisodeKind) -> None:
    alert = story.episode(kind)
    before = shown(story)
    assert before["screen"] in {"safety", "prompt"}
    say(story, AnswerKind.SHOWN, alert.id)
    assert shown(story) == before


async def test_safety_is_not_there_the_next_morning(story: Story) -> None:
    story.episode(EpisodeKind.SAFETY)
    await story.move(1801)
    assert shown(story)["screen"] == "measure"


# --- the break ----------------------------------------------------------------------------------


async def test_a_break_from_start_to_return(story: Story) -> None:
    say(story, AnswerKind.START_BREAK)
    now = shown(story)
    assert now["screen"] == "break"
    pause = now["break"]
    assert pause["say"] == "break.on"
    assert pause["minutes"] == 20
    assert pause["until_ms"] == (story.clock.now_ns() + 20 * 60 * NS) // 1_000_000
    say(story, AnswerKind.MORE_TIME, pause["id"])
    assert shown(story)["break"]["minutes"] == 40
    await story.move(40 * 60 + 1)
    now = shown(story)
    assert now["screen"] == "time-up"
    assert now["break"]["say"] == "break.not-settled-not-measured"
    say(story, AnswerKind.IM_BACK, pause["id"])
    now = shown(story)
    assert now["screen"] == "after"
    assert now["break"]["say"] == "break.returned"
    await story.move(601)
    assert shown(story)["screen"] == "measure"


def test_no_break_now_takes_it_back(story: Story) -> None:
    say(story, AnswerKind.START_BREAK)
    say(story, AnswerKind.WRONG, shown(story)["break"]["id"])
    assert shown(story)["screen"] == "measure"


async def test_times_follow_a_wall_clock_that_was_put_right(story: Story) -> None:
    say(story, AnswerKind.START_BREAK)
    before_ms = shown(story)["break"]["until_ms"]
    now_ns = story.clock.now_ns()
    hour_ns = 3600 * NS
    story.take(ClockStep(t_ns=now_ns, recv_ns=now_ns, delta_ns=hour_ns))
    assert shown(story)["break"]["until_ms"] == before_ms + 3_600_000
    # The next run starts at the right time, and the break goes on by wall time.
    later_ns = now_ns + hour_ns + 60 * NS
    story.take(
        Run(t_ns=later_ns, recv_ns=later_ns, version="1", engine_version=1, parameters_hash="")
    )
    assert shown(story)["break"]["until_ms"] == before_ms + 3_600_000


@pytest.mark.parametrize("hours", [2, -2])
def test_a_run_clock_put_right_moves_safety_prompt_and_what_was_answered_with_it(
    hours: int,
) -> None:
    """By hours either way: nothing vanishes, nothing stays for hours, nothing is asked again."""

    def pictures(hours: int) -> list[str]:
        wrong_ns, right_ns = -hours * 3600 * NS, 1_760_000_000 * NS
        now_ns = right_ns + wrong_ns
        view = View("ada")
        view.push(_run(now_ns))
        view.push(ClockStep(t_ns=now_ns, recv_ns=now_ns, delta_ns=-wrong_ns))
        asked = replace(_step(BreakPhase.RETURNED, now_ns), asks=("felt",))
        view.push(asked)
        safety = _alert("fall", EpisodeKind.SAFETY, now_ns)
        answered = _alert("alert", EpisodeKind.SHUTDOWN, now_ns)
        open_ = _alert("prompt", EpisodeKind.FLOODING, now_ns)
        for record in (answered, _event("answer not-now", now_ns), safety, open_):
            view.push(record)
        out = []
        for seconds in (10, 110, 130, 1700, 1900, 23 * 3600, 25 * 3600):
            at_ns = right_ns + seconds * NS
            view.push(_run(at_ns) if seconds == 10 else _event("tick", at_ns))
            picture: Any = view.as_json()
            shown = (picture[key] for key in ("screen", "prompt", "safety", "notice", "ask"))
            out.append(json.dumps(list(shown)))
        return out

    assert pictures(hours) == pictures(0)


def test_a_clock_that_was_set_back_without_a_word_keeps_no_fall_for_hours() -> None:
    t_ns = 1_760_000_000 * NS
    view = View("ada")
    view.push(_run(t_ns))
    view.push(_alert("fall", EpisodeKind.SAFETY, t_ns))
    view.push(_run(t_ns - 5 * 3600 * NS))
    assert view.as_json()["screen"] == "safety"
    view.push(_event("tick", t_ns - 5 * 3600 * NS + 1801 * NS))
    assert view.as_json()["screen"] != "safety"


def test_a_restart_forgets_what_was_measured_but_not_what_was_agreed(story: Story) -> None:
    story.heart(70)
    story.row(State.SETTLED)
    story.gap(GapReason.OFF_BODY, Stream.EDA, source="ring")
    say(story, AnswerKind.START_BREAK)
    now_ns = story.clock.now_ns()
    story.take(Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash=""))
    now = shown(story)
    assert now["screen"] == "break"
    assert now["missing"] == []
    assert now["measure"]["kind"] == "not-measuring"


# --- numbers --------------------------------------------------------------------------------------


async def test_the_pulse_of_ten_minutes_and_no_more(story: Story) -> None:
    view = View("ada")
    for n in range(700):
        await story.clock.advance(1)
        now_ns = story.clock.now_ns()
        view.push(
            Heart(
                wearer="ada",
                source="strap",
                t_ns=now_ns,
                recv_ns=now_ns,
                hr_bpm=60 + n % 10,
                contact=None if n % 2 else False,
            )
        )
    points = view.pulse()
    assert len(points) == 301, "readings without contact are no heart rate"
    end_ms = story.clock.now_ns() // 1_000_000
    assert [ms for ms, _ in points] == list(range(end_ms - 600_000, end_ms + 1, 2000))
    assert view.pulse(end_ms - 2000) == [points[-1]]


# --- laws -----------------------------------------------------------------------------------------


def test_every_line_that_can_be_asked_for_exists() -> None:
    keys = {f"gate.{gate}" for gate in (*STATE_GATES, CALIBRATING, EXPIRED, Gate.EDA_OPEN)}
    keys |= {f"state.{state}" for state in State} | {f"prompt.{kind}" for kind in EpisodeKind}
    keys |= {f"break.not-settled-{reason}" for reason in Unsettled}
    assert keys <= lines().keys()
    for reason in GapReason:
        view = View("ada")
        view.push(
            Gap(wearer="ada", source="s", stream=Stream.HEART, t_ns=1, recv_ns=1, reason=reason)
        )
        assert view.as_json()["measure"]["say"] in lines()  # type: ignore[index] # a picture
    for phase in BreakPhase:
        view = View("ada")
        view.push(_step(phase))
        picture: Any = view.as_json()
        assert picture["break"] is None or picture["break"]["say"] in lines()


def _step(phase: BreakPhase, t_ns: int = 1, alert_id: str = "") -> BreakStep:
    return BreakStep(
        wearer="ada",
        t_ns=t_ns,
        recv_ns=t_ns,
        id="b",
        phase=phase,
        began_ns=1,
        until_ns=20 * 60 * NS,
        origin="self",
        alert_id=alert_id,
    )


def _run(t_ns: int) -> Run:
    return Run(t_ns=t_ns, recv_ns=t_ns, version="1", engine_version=1, parameters_hash="")


def _alert(alert_id: str, kind: EpisodeKind, t_ns: int) -> Alert:
    return Alert(
        wearer="ada",
        t_ns=t_ns,
        recv_ns=t_ns,
        id=alert_id,
        alert=kind,
        onset_ns=t_ns,
        valid_until_ns=t_ns + 120 * NS,
    )


def _event(what: str, t_ns: int) -> Record:
    own: dict[str, Any] = {"wearer": "ada", "t_ns": t_ns, "recv_ns": t_ns}
    match what.split():
        case ["state", name]:
            return Estimate(**own, state=State(name), reason="moving")
        case ["gap", stream]:
            return Gap(**own, source="s", stream=Stream(stream), reason=GapReason.SILENT)
        case ["break", phase]:
            return _step(BreakPhase(phase), t_ns, "alert")
        case ["answer", kind]:
            return Answer(**own, answer=AnswerKind(kind), about="alert")
        case ["heart"]:
            return Heart(**own, source="s", hr_bpm=123)
        case _:
            return Tick(t_ns=t_ns, recv_ns=t_ns)


EVENTS = (
    ["heart", "tick"]
    + [f"state {state}" for state in State]
    + [f"gap {stream}" for stream in Stream]
    + [f"break {phase}" for phase in BreakPhase]
    + [f"answer {kind}" for kind in AnswerKind]
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 30))))
def test_whatever_happens_a_repeat_changes_nothing_and_no_signal_never_reads_as_measuring(
    events: list[tuple[str, int]],
) -> None:
    once, twice = View("ada"), View("ada")
    t_ns, row_ns = 0, None
    for what, seconds in events:
        t_ns += seconds * NS
        record = _event(what, t_ns)
        once.push(record)
        for _ in range(2):
            twice.push(record)
        if isinstance(record, Estimate):
            row_ns = t_ns if record.state not in {State.UNKNOWN, State.CALIBRATING} else None
        picture: Any = once.as_json()
        assert picture == twice.as_json()
        assert json.loads(json.dumps(picture)) == picture
        if picture["measure"]["kind"] == "measuring":
            assert row_ns is not None
            assert t_ns - row_ns <= 15 * NS
            assert not any(each["stream"] == "heart" for each in picture["missing"])


# --- everything is paused -----------------------------------------------------------------------


def sets(story: Story, key: str, value: str) -> None:
    now_ns = story.clock.now_ns()
    story.take(Setting(wearer="ada", t_ns=now_ns, recv_ns=now_ns, key=key, value=value))


def test_a_pause_says_what_goes_on_all_the_same(story: Story) -> None:
    story.row(State.SETTLED)
    assert shown(story)["paused"] is None
    sets(story, "paused", "true")
    assert shown(story)["paused"] == "page.paused-tells"
    sets(story, "safety-alerts", "false")
    assert shown(story)["paused"] == "page.paused-silent"
    sets(story, "paused", "false")
    assert shown(story)["paused"] is None


def test_a_pause_does_not_say_measuring_where_nothing_is(story: Story) -> None:
    story.row(State.SETTLED)
    sets(story, "paused", "true")
    story.gap(GapReason.OFF_BODY)
    assert shown(story)["paused"] == "gate.heart-off-body"


def test_a_question_is_gone_when_everything_is_paused(story: Story) -> None:
    story.row(State.SETTLED)
    story.episode(EpisodeKind.FLOODING)
    sets(story, "paused", "true")
    assert (shown(story)["screen"], shown(story)["prompt"]) == ("measure", None)
