"""What the partner's browser receives, frame by frame: whatever is not to be seen leaves no trace.

Two people, real engines, the real hub and page; a browser of ada's takes every message that would
be sent to it, and when. Worlds that must look alike are held against each other byte by byte.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_couple import attested, link, named, sets, shares
from helpers_journal import MemoryJournal
from vagalwatch.alerts import consents, couple
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.clock import NS, StoryClock
from vagalwatch.engine import Engine
from vagalwatch.hub import Hub
from vagalwatch.records import (
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Episode,
    EpisodeKind,
    Estimate,
    Gap,
    GapReason,
    Heart,
    Metrics,
    Setting,
    State,
    Stream,
    Tick,
)
from vagalwatch.settings import PageSettings
from vagalwatch.web.app import Page
from vagalwatch.web.credentials import Credentials
from vagalwatch.web.partner import STEPS
from vagalwatch.web.seats import Browser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.records import Record

T0_NS = 1_777_915_170 * NS
A, P = AnswerKind, BreakPhase
ACCEPTS = {A.YES, A.START_BREAK}

Action = tuple[str, str, Any]
"""What happens, to whom, and how."""


class World:
    """ada and sam in one house, and what one browser of ada's is sent."""

    def __init__(self, before: Sequence[Setting] = ()) -> None:
        self.now_ns = T0_NS
        self.journal = MemoryJournal()
        self.hub = Hub(self.journal, {wearer: Engine(wearer) for wearer in ("ada", "sam")})
        folder = Path(tempfile.gettempdir())
        credentials = Credentials(folder / "never-written.json")
        clock = StoryClock(T0_NS)
        self.page = Page(PageSettings(), ("ada", "sam"), credentials, self.hub, clock)
        self.hub.watchers.append(self.page.publish)
        for setting in before:
            self.hub.take(setting)
        self.tick(1)
        self.browsers = {"ada": Browser(), "sam": Browser()}
        self.frames: dict[str, list[str]] = {"ada": [], "sam": []}
        self.views: dict[str, dict[str, Any]] = {"ada": {}, "sam": {}}
        for wearer, browser in self.browsers.items():
            self.page._seats[wearer].browsers.add(browser)
        self.send()

    def send(self) -> None:
        """Every page that woke up gets its message."""
        for wearer, browser in self.browsers.items():
            if browser.wake.is_set():
                browser.wake.clear()
                frame = self.page._seats[wearer].message(browser)
                self.frames[wearer].append(frame)
                self.views[wearer] = json.loads(frame).get("view", self.views[wearer])

    def take(self, record: Record) -> None:
        self.hub.take(record)
        if hasattr(self, "browsers"):
            self.send()

    def tick(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS)
        self.take(Tick(t_ns=self.now_ns, recv_ns=self.now_ns))

    def says(self, wearer: str, answer: AnswerKind, minutes: int | None = None) -> None:
        pause = self.hub.engines[wearer].pause
        own = answer in {A.START_BREAK, A.HEARD} or pause is None
        about = "" if own or pause is None else pause.id
        now_ns = self.now_ns
        self.take(
            Answer(
                wearer=wearer,
                t_ns=now_ns,
                recv_ns=now_ns,
                answer=answer,
                about=about,
                minutes=minutes,
            )
        )

    def floods(self, wearer: str, kind: EpisodeKind = EpisodeKind.FLOODING) -> None:
        """The body's row, and the episode that a prompt may follow."""
        now_ns = self.now_ns
        self.row(wearer, State.SHUTDOWN if kind == EpisodeKind.SHUTDOWN else State.FLOODING)
        self.take(
            Episode(wearer=wearer, t_ns=now_ns, recv_ns=now_ns, episode=kind, onset_ns=now_ns)
        )

    def row(self, wearer: str, state: State) -> None:
        now_ns = self.now_ns
        metrics = Metrics(hr_bpm=118.0)
        self.take(
            Estimate(
                wearer=wearer,
                t_ns=now_ns,
                recv_ns=now_ns,
                state=state,
                usual_hr_bpm=66.0,
                metrics=metrics,
            )
        )

    def gap(self, wearer: str, reason: GapReason) -> None:
        now_ns = self.now_ns
        self.take(
            Gap(
                wearer=wearer,
                source="strap",
                stream=Stream.HEART,
                t_ns=now_ns,
                recv_ns=now_ns,
                reason=reason,
            )
        )

    def beats(self, wearer: str, hr_bpm: float) -> None:
        now_ns = self.now_ns
        self.take(Heart(wearer=wearer, source="strap", t_ns=now_ns, recv_ns=now_ns, hr_bpm=hr_bpm))

    def sets(self, wearer: str, pair: tuple[str, str]) -> None:
        self.take(sets(wearer, *pair, t_ns=self.now_ns))

    def live(self, actions: Sequence[Action]) -> None:
        for name, wearer, how in actions:
            if name == "tick":
                self.tick(how)
            else:
                getattr(self, name)(wearer, how)

    @property
    def partner(self) -> dict[str, Any]:
        """What ada's page shows of sam; empty: nothing."""
        return self.views["ada"]["partner"] or {}


TICKS = st.tuples(st.just("tick"), st.just(""), st.sampled_from([1, 60, 130, 1300, 7200, 90000]))


def own(wearer: str, answers: Sequence[AnswerKind]) -> st.SearchStrategy[Action]:
    """What may happen to one of them, with these answers among it."""
    who = st.just(wearer)
    return st.one_of(
        st.tuples(st.just("says"), who, st.sampled_from(answers)),
        st.tuples(st.just("floods"), who, st.sampled_from(list(EpisodeKind))),
        st.tuples(st.just("row"), who, st.sampled_from(list(State))),
        st.tuples(st.just("gap"), who, st.sampled_from(list(GapReason))),
        st.tuples(st.just("beats"), who, st.sampled_from([48.0, 118.0])),
        st.tuples(
            st.just("sets"),
            who,
            st.sampled_from(
                [
                    ("break-minutes", "45"),
                    ("mute-until", str(T0_NS + 3600 * NS)),
                    ("agreed-check-in", '"both"'),
                    ("name-for-partner", '"Sammy"'),
                ]
            ),
        ),
    )


ALL = [kind for kind in A if kind != A.SET_OFF]
HERS = own("ada", ALL)
UNACCEPTED = st.lists(
    TICKS | HERS | own("sam", [kind for kind in ALL if kind not in ACCEPTS]), max_size=25
)
HIS_BREAKS: st.SearchStrategy[Action] = st.sampled_from(
    [
        ("floods", "sam", EpisodeKind.FLOODING),
        *(("says", "sam", answer) for answer in (A.YES, A.START_BREAK, A.MORE_TIME, A.IM_BACK)),
    ]
)
ANYTHING = st.lists(TICKS | HERS | HIS_BREAKS | own("sam", ALL), min_size=5, max_size=25)

SHARED = (*attested("ada", "sam"), shares("sam"), shares("ada"))
ALONE = (attested("ada", "sam")[0], shares("ada"))
"""ada's own rows alone: what the other has, or has not, must not show."""


def sent_to_ada(before: Sequence[Setting], actions: Sequence[Action]) -> list[str]:
    world = World(before)
    world.live(actions)
    return world.frames["ada"]


def without(wearer: str, actions: Sequence[Action]) -> list[Action]:
    return [action for action in actions if action[1] != wearer]


@settings(max_examples=150, deadline=None)
@given(UNACCEPTED)
def test_declined_expired_wrong_unmeasured_and_quiet_are_the_same_bytes(
    actions: list[Action],
) -> None:
    absent = sent_to_ada(ALONE, without("sam", actions))
    assert sent_to_ada(SHARED, actions) == absent


WORLDS: dict[str, tuple[Setting, ...]] = {
    "unlinked": (),
    "attested only": tuple(attested("ada", "sam")),
    "only ada shares": (*attested("ada", "sam"), shares("ada")),
    "consent without a link": (shares("sam"), shares("ada")),
    "withdrawn": (*SHARED, shares("sam", yes=False)),
    "paused": (*SHARED, sets("sam", PAUSED, "true")),
    "ended by sam": (*SHARED, link("sam", None)),
    "ended by ada": (*SHARED, link("ada", None)),
    "linked anew": (*SHARED, *attested("ada", "sam")),
    "an older text": (
        *attested("ada", "sam"),
        sets("sam", consents.PARTNER, '{"to": ["breaks"], "text": 0}'),
    ),
}


@settings(max_examples=120, deadline=None)
@given(ANYTHING, st.sampled_from(sorted(WORLDS)))
def test_who_shares_nothing_is_the_same_bytes_whatever_was_accepted(
    actions: list[Action], name: str
) -> None:
    absent = sent_to_ada((), without("sam", actions))
    assert sent_to_ada(WORLDS[name], actions) == absent


def test_of_a_break_begun_while_paused_nothing_comes_after_going_on() -> None:
    """Neither by a small step, nor by a longer time, nor by a service that starts anew."""
    both = (*attested("ada", "sam"), shares("sam"), shares("ada"))
    world, absent = World(both), World(both)

    def pauses(paused: str) -> None:
        world.take(sets("sam", PAUSED, paused, world.now_ns))

    for each in (world, absent):
        each.says("ada", A.START_BREAK, 20)
        each.tick(1)
    pauses("true")
    world.says("sam", A.START_BREAK, 60)
    pauses("false")
    again = couple.Couples()
    for entry in world.journal.read():
        again.push(entry.record)
    world.says("sam", A.FAR_AWAY)
    for each in (world, absent):
        each.tick(60)
    assert world.frames["ada"] == absent.frames["ada"]
    step = world.journal.read(wearer="sam", kinds=("break",))[-1].record
    assert again.push(step) == []


def test_a_press_in_the_home_moves_no_time_that_the_partner_was_told() -> None:
    """Anybody there can press: a new time would read as its wearer's own word."""
    world, alone = World(SHARED), World(SHARED)
    for each in (world, alone):
        each.says("sam", A.START_BREAK, 20)
    for minutes in (1, 20, 1):  # while it is on, when its time is up, and later
        for each in (world, alone):
            each.tick(minutes * 60)
        now_ns = world.now_ns
        world.take(
            Answer(wearer="sam", t_ns=now_ns, recv_ns=now_ns, answer=A.START_BREAK, via="home")
        )
    assert world.views["ada"]["partner"]["say"] == "partner.on"
    assert world.frames["ada"] == alone.frames["ada"]


NAMES = {"sam", "Sammy"}
SAYS = {f"partner.{say}" for say in couple.Say}


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_what_is_seen_is_a_name_a_time_and_words_and_only_after_acceptance(
    actions: list[Action],
) -> None:
    actions = without("ada", actions)
    world, absent = World(SHARED), World(ALONE)
    accepted: list[BreakStep] = []
    world.hub.watchers.append(
        lambda record: (
            accepted.append(record)
            if isinstance(record, BreakStep) and record.phase == P.ON
            else None
        )
    )
    for action in actions:
        world.live([action])
        absent.live(without("sam", [action]))
        seen = world.partner
        rest = [
            {key: each for key, each in world.views["ada"].items() if key != "partner"}
            for world in (world, absent)
        ]
        assert rest[0] == rest[1], "nothing else is touched"
        if not accepted:
            assert seen == {}
        if seen:
            assert set(seen) == {"say", "name", "until_ms", "lines", "hears", "steps"}
            assert seen["say"] in SAYS
            assert seen["name"] in NAMES
            assert seen["until_ms"] in {
                -(-step.until_ns // (60 * NS)) * 60_000 for step in accepted
            }
            assert {*seen["lines"]} <= {"partner.tells", "partner.told"}
            assert seen["steps"] in ([], [*STEPS]), "for everybody the same ones"
            assert isinstance(seen["hears"], bool)


@pytest.mark.parametrize(
    "last",
    [
        ("sam", consents.PARTNER, '{"to": [], "text": 1}'),
        ("sam", couple.LINK, "null"),
        ("ada", couple.LINK, "null"),
        ("sam", PAUSED, "true"),
    ],
)
@settings(max_examples=40, deadline=None)
@given(begun=ANYTHING, then=ANYTHING)
def test_after_it_ends_there_is_simply_nothing_more(
    last: tuple[str, str, str], begun: list[Action], then: list[Action]
) -> None:
    begun, then = without("ada", begun), without("ada", then)
    world, absent = World(SHARED), World(ALONE)
    wearer, key, value = last
    world.live([*begun, ("says", "sam", A.START_BREAK)])
    assert world.partner
    absent.live(without("sam", begun))
    for each in (world, absent):
        each.sets(wearer, (key, value))
        each.tick(1)
    assert world.views["ada"] == absent.views["ada"]
    sent = [len(each.frames["ada"]) for each in (world, absent)]
    world.live(then)
    absent.live(without("sam", then))
    assert world.frames["ada"][sent[0] :] == absent.frames["ada"][sent[1] :]


# --- one story, step by step --------------------------------------------------------------------


def test_one_break_as_the_partner_sees_it() -> None:
    world = World((*SHARED, named("sam", "Sammy")))
    world.floods("sam")
    assert world.views["sam"]["screen"] == "prompt"
    assert world.partner == {}
    world.says("sam", A.YES)
    assert world.partner["say"] == "partner.on"
    assert world.partner["name"] == "Sammy"
    assert world.partner["until_ms"] % 60_000 == 0
    assert world.partner["lines"] == ["partner.tells"]
    assert not world.views["sam"]["break"]["heard"]

    world.says("ada", A.HEARD)
    assert (world.partner["hears"], world.partner["lines"]) == (False, ["partner.told"])
    assert world.views["sam"]["break"]["heard"]

    sent = len(world.frames["ada"])
    world.says("sam", A.FAR_AWAY)  # other steps for sam: nobody else's business
    world.says("sam", A.DIZZY)
    assert len(world.frames["ada"]) == sent, "the page does not even wake up"
    assert world.views["sam"]["break"]["heard"]

    world.says("sam", A.MORE_TIME, 20)
    assert world.partner["say"] == "partner.new-time"
    assert world.partner["hears"], "a new time is a new thing to hear"
    assert not world.views["sam"]["break"]["heard"]

    world.tick(40 * 60 + 30)
    assert world.views["sam"]["screen"] == "time-up"
    assert world.partner["say"] == "partner.new-time", "the wearer has said nothing yet"
    world.tick(300)
    assert world.partner["say"] == "partner.no-word"
    assert not world.partner["hears"]
    world.says("sam", A.IM_BACK)
    assert world.partner["say"] == "partner.back"
    assert world.partner["steps"] == []
    world.tick(601)
    assert world.partner == {}


@pytest.mark.parametrize("key", [couple.LINK, consents.PARTNER, PAUSED])
def test_who_was_heard_is_not_told_that_the_other_has_ended_it(key: str) -> None:
    world = World(SHARED)
    world.says("sam", A.START_BREAK)
    world.says("ada", A.HEARD)
    sent = len(world.frames["sam"])
    value = {couple.LINK: "null", PAUSED: "true"}.get(key, '{"to": [], "text": 1}')
    world.sets("ada", (key, value))
    assert len(world.frames["sam"]) == sent
    assert world.views["sam"]["break"]["heard"]


def test_what_has_ended_goes_when_it_was_heard() -> None:
    world = World(SHARED)
    world.says("sam", A.START_BREAK)
    world.says("sam", A.NO_BREAK)
    assert world.partner["say"] == "partner.cancelled"
    world.says("ada", A.HEARD)
    assert world.partner == {}
    assert world.views["sam"]["break"] is None


def test_i_heard_is_about_the_break_that_is_on() -> None:
    world = World(SHARED)
    world.says("ada", A.HEARD)
    world.says("sam", A.START_BREAK)
    assert not world.views["sam"]["break"]["heard"]


def test_a_day_without_a_word_ends_it() -> None:
    world = World(SHARED)
    world.says("sam", A.START_BREAK)
    world.tick(23 * 3600)
    assert world.partner["say"] == "partner.no-word"
    world.tick(2 * 3600)
    assert world.views["sam"]["break"]["say"] == "break.not-resumed-no-word"
    assert world.partner == {}


def test_an_erased_partner_is_seen_no_more() -> None:
    world = World((*SHARED, named("sam", "Sammy")))
    world.says("sam", A.START_BREAK)
    assert world.partner
    world.hub.forget("sam")
    world.page.forget("sam")
    del world.browsers["sam"]
    world.send()
    assert world.partner == {}
    assert "sam" not in repr(world.page._couples._sides).lower()
    assert "sam" not in repr(world.page._seats["ada"]._view._partner.__dict__).lower()


def test_one_whose_erasure_a_crash_cut_short_is_not_seen_at_the_next_start() -> None:
    before = World(SHARED)
    before.says("sam", A.START_BREAK)
    page = Page(PageSettings(), ("ada",), before.page._credentials, before.hub, before.page._clock)
    for entry in before.journal.entries:
        page.publish(entry.record)
    assert json.loads(page._seats["ada"].message(Browser()))["view"]["partner"] is None


def test_both_on_a_break_the_longer_time_counts_for_both() -> None:
    world = World(SHARED)
    world.says("ada", A.START_BREAK, 20)
    first = world.views["ada"]["break"]["until_ms"]
    world.floods("sam")
    world.tick(1)
    assert world.views["ada"]["break"]["until_ms"] == first, "nothing before the other accepts"
    world.says("sam", A.YES, 45)
    ada, sam = (world.views[wearer]["break"] for wearer in ("ada", "sam"))
    assert ada["until_ms"] == sam["until_ms"] > first
    assert (ada["say"], sam["say"]) == ("break.on-longer", "break.on")
    world.says("ada", A.MORE_TIME, 20)
    ada, sam = (world.views[wearer]["break"] for wearer in ("ada", "sam"))
    assert ada["until_ms"] == sam["until_ms"]
    world.says("sam", A.IM_BACK)
    assert world.views["ada"]["screen"] == "break", "the other decides alone"
