"""Who may know what of whom: nothing before it was attested, agreed to and accepted."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers_alerts import NOON_NS, Wearer
from helpers_couple import agrees, attested, known, link, named, sets, shares
from vagalwatch.alerts import consents, couple
from vagalwatch.alerts.couple import Couples, Gone, Heard, Say, Seen, Shown, after, may_be_joined
from vagalwatch.alerts.pause import DAY_NS, MINUTE_NS
from vagalwatch.alerts.preferences import PAUSED
from vagalwatch.records import Answer, AnswerKind, BreakPhase, BreakStep, EpisodeKind, Together

if TYPE_CHECKING:
    from vagalwatch.alerts.pause import Pause
    from vagalwatch.records import Setting

A, P = AnswerKind, BreakPhase
BOTH = [
    *attested("ada", "sam"),
    *(agrees(w, key) for w in ("ada", "sam") for key in sorted(consents.COUPLE)),
]


def step(phase: BreakPhase = P.ON, until_min: int = 20, reason: str = "", n: int = 1) -> BreakStep:
    return BreakStep(
        wearer="sam",
        t_ns=NOON_NS,
        recv_ns=NOON_NS,
        id=f"sam-break-{n}",
        phase=phase,
        began_ns=NOON_NS,
        until_ns=NOON_NS + until_min * MINUTE_NS,
        origin="prompt",
        about=EpisodeKind.FLOODING,
        reason=reason,
    )


# --- the link ---------------------------------------------------------------------------------


def test_linked_is_who_was_attested_on_both_sides_at_once() -> None:
    couples = known(attested("ada", "sam"))
    assert (couples.partner("ada"), couples.partner("sam")) == ("sam", "ada")
    assert couples.partner("zoe") == ""


@pytest.mark.parametrize(
    "rows",
    [
        [link("ada", "sam")],  # a crash between the two
        [link("ada", "sam"), link("sam", "zoe")],
        [link("ada", "sam"), link("sam", "ada", at="2027-01-01T00:00:00+00:00")],
        [*attested("ada", "sam"), link("ada", None)],
        [*attested("ada", "sam"), link("sam", None)],
        [*attested("ada", "sam"), *attested("sam", "zoe")],
        [link("ada", "ada")],
        [sets("ada", couple.LINK, "[" * 100_000), link("sam", "ada")],
        [sets("ada", couple.LINK, '{"partner": "sam"}'), link("sam", "ada")],
    ],
)
def test_half_a_link_is_none(rows: list[Setting]) -> None:
    couples = known(rows, agrees("sam", consents.PARTNER), shares("ada"))
    assert couples.partner("ada") == couples.audience("ada") == ""
    assert couples.audience("sam") in {"", "zoe"}
    assert not couples.may_be_joined("ada", "sam")


def test_an_attestation_alone_shares_nothing() -> None:
    couples = known(attested("ada", "sam"))
    assert couples.audience("ada") == couples.audience("sam") == ""
    assert couples.push(step()) == []


def test_a_consent_without_an_attestation_shares_nothing() -> None:
    couples = known(shares("ada"), shares("sam"))
    assert couples.push(step()) == []
    assert not couples.may_be_joined("ada", "sam")


def test_a_new_attestation_asks_for_the_consents_anew() -> None:
    couples = known(BOTH, named("sam", "Sammy"), attested("ada", "sam"))
    assert couples.audience("ada") == couples.audience("sam") == ""
    couples.push(shares("sam"))
    assert couples.push(step()) == [Seen("ada", step(), "sam")]


@pytest.mark.parametrize(
    "value",
    ['{"to": ["breaks"], "text": 0}', '["breaks"]', '{"to": [], "text": 1}', "true", "{", "null"],
)
def test_only_a_yes_to_the_words_of_today_counts(value: str) -> None:
    couples = known(attested("ada", "sam"), sets("sam", consents.PARTNER, value))
    assert couples.audience("sam") == ""


def test_one_may_share_while_the_other_does_not() -> None:
    couples = known(attested("ada", "sam"), shares("sam"))
    assert couples.audience("sam") == "ada"
    assert couples.audience("ada") == ""


def test_a_name_of_ones_own_is_shown_in_place_of_the_pseudonym() -> None:
    couples = known(attested("ada", "sam"), shares("sam"), named("sam", " Sammy "))
    assert couples.push(step()) == [Seen("ada", step(), "Sammy")]
    couples.push(named("sam", "S\nam"))
    assert couples.push(step()) == [Seen("ada", step(), "sam")]


def test_both_records_are_joined_by_both_consents_only() -> None:
    assert may_be_joined(BOTH, "ada", "sam")
    assert may_be_joined(BOTH, "sam", "ada")
    assert not may_be_joined(BOTH, "ada", "zoe")
    assert not may_be_joined(BOTH, "ada", "ada")
    for left_out in range(len(BOTH)):
        rest = [*BOTH[:left_out], *BOTH[left_out + 1 :]]
        joint = BOTH[left_out].key in {couple.LINK, consents.JOINT}
        assert may_be_joined(rest, "ada", "sam") == (not joint)
    assert not may_be_joined([*BOTH, agrees("sam", consents.JOINT, yes=False)], "ada", "sam")
    assert not may_be_joined([*BOTH, link("ada", None)], "ada", "sam")


@pytest.mark.parametrize("who", ["ada", "sam"])
def test_while_one_has_paused_everything_nobody_looks_at_both(who: str) -> None:
    couples = known(BOTH, sets(who, PAUSED, "true"))
    assert not couples.may_be_joined("ada", "sam")
    couples.push(sets(who, PAUSED, "false"))
    assert couples.may_be_joined("ada", "sam")


# --- what crosses -----------------------------------------------------------------------------


def test_whoever_withdraws_is_seen_no_more_and_the_other_is_not_told_why() -> None:
    for last in (
        shares("sam", yes=False),
        link("sam", None),
        link("ada", None),
        sets("sam", PAUSED, "true"),
    ):
        couples = known(attested("ada", "sam"), shares("sam"))
        assert couples.push(last) == [Gone("ada")]
        assert couples.push(step()) == []


def test_what_changes_nothing_for_the_other_is_no_word() -> None:
    couples = known(attested("ada", "sam"), shares("sam"))
    for setting in (
        shares("sam"),
        named("sam", "Sammy"),
        sets("sam", "mute-until", "null"),
        shares("ada"),
        shares("ada", yes=False),
        sets("ada", PAUSED, "true"),
    )[:4]:
        assert couples.push(setting) == []


def test_a_press_that_anybody_can_have_made_is_no_promise_until_its_wearer_says_something() -> None:
    couples = known(attested("ada", "sam"), shares("sam"))

    def says(answer: AnswerKind, via: Literal["page", "home"]) -> Answer:
        return Answer(wearer="sam", t_ns=NOON_NS, recv_ns=NOON_NS, answer=answer, via=via)

    assert couples.push(says(AnswerKind.START_BREAK, "home")) == []
    assert couples.push(step()) == couples.push(step(until_min=30)) == []
    assert couples.push(says(AnswerKind.MORE_TIME, "page")) == []
    longer = step(until_min=40)
    assert couples.push(longer) == [Seen("ada", longer, "sam")]
    couples.push(
        says(AnswerKind.START_BREAK, "home")
    )  # which changes nothing of a break that is on
    assert couples.push(longer) == [Seen("ada", longer, "sam")]
    couples.push(says(AnswerKind.START_BREAK, "page"))
    assert couples.push(step(n=2)) == [Seen("ada", step(n=2), "sam")]


@pytest.mark.parametrize("accepted_first", [True, False])
def test_a_break_in_which_all_was_paused_stays_unseen_and_the_next_is_seen(
    *, accepted_first: bool
) -> None:
    """Going on with a small step later would tell of what nobody was to see."""
    couples = known(attested("ada", "sam"), shares("sam"))
    if accepted_first:
        assert couples.push(step()) == [Seen("ada", step(), "sam")]
        assert couples.push(sets("sam", PAUSED, "true")) == [Gone("ada")]
    else:
        couples.push(sets("sam", PAUSED, "true"))
        assert couples.push(step()) == []
    assert couples.push(sets("sam", PAUSED, "false")) == []
    assert couples.push(step()) == []
    assert couples.push(step(P.RETURNED)) == []
    assert couples.push(step(n=2)) == [Seen("ada", step(n=2), "sam")]


def test_i_heard_is_told_to_who_shares_and_to_nobody_else() -> None:
    def heard(wearer: str) -> Answer:
        return Answer(wearer=wearer, t_ns=1, recv_ns=1, answer=A.HEARD)

    couples = known(attested("ada", "sam"), shares("sam"))
    assert couples.push(heard("ada")) == [Heard("sam")]
    assert couples.push(heard("sam")) == []
    assert couples.push(heard("zoe")) == []
    couples.push(shares("sam", yes=False))
    assert couples.push(heard("ada")) == []


def test_an_erased_partner_leaves_nothing_behind() -> None:
    couples = known(BOTH, named("sam", "Sammy"))
    assert set(couples.forget("sam")) == {Gone("ada"), Gone("sam")}
    assert "sam" not in repr(couples._sides).lower()
    assert couples.link("ada") is None
    assert known(BOTH).forget("zoe") == []


# --- what is seen -----------------------------------------------------------------------------


def seen(*steps: BreakStep) -> list[Shown | None]:
    shown: list[Shown | None] = [None]
    for each in steps:
        shown.append(after(shown[-1], Seen("ada", each, "Sam")))
    return shown[1:]


@pytest.mark.parametrize("phase", [phase for phase in P if phase != P.ON])
def test_nothing_is_seen_before_a_break_is_accepted(phase: BreakPhase) -> None:
    assert seen(step(phase)) == [None]
    on, then = seen(step(), step(phase, n=2))
    assert then == on, "nor anything of another prompt"


@pytest.mark.parametrize(
    ("phase", "reason", "say"),
    [
        (P.RETURNED, "", Say.BACK),
        (P.DECLINED, "", Say.CANCELLED),
        (P.WRONG, "", Say.CANCELLED),
        (P.NOT_RESUMED, "put-off", Say.NOT_TODAY),
        (P.NOT_RESUMED, "dropped", Say.OVER),
    ],
)
def test_the_end_is_what_the_wearer_has_said(phase: BreakPhase, reason: str, say: Say) -> None:
    on, ended, late = seen(step(), step(phase, reason=reason), step(P.RETURNED))
    assert on is not None
    assert ended is not None
    assert (on.say, on.ended_ns) == (Say.ON, 0)
    assert (ended.say, ended.ended_ns) == (say, NOON_NS)
    assert late == ended


def test_a_day_without_a_word_ends_without_one() -> None:
    assert seen(step(), step(P.NOT_RESUMED, reason="no-word"))[-1] is None


def test_what_the_body_shows_changes_nothing_and_a_new_time_does() -> None:
    on, worse, up, still, longer = seen(
        step(),
        step(reason="heart-fast"),
        step(P.NOT_SETTLED, reason="heart-fast"),
        step(P.SETTLED),
        step(until_min=40, reason="extended"),
    )
    assert on == worse == up == still
    assert longer is not None
    assert (longer.say, longer.until_ns) == (Say.NEW_TIME, NOON_NS + 40 * MINUTE_NS)


def test_no_word_comes_with_time_alone() -> None:
    on, ended = seen(step(), step(P.RETURNED))
    assert on is not None
    assert ended is not None
    due_ns = on.until_ns + couple.NO_WORD_AFTER_NS
    assert (on.say_at(due_ns - 1), on.say_at(due_ns)) == (Say.ON, Say.NO_WORD)
    assert ended.say_at(due_ns) == Say.BACK


# --- one break of two -------------------------------------------------------------------------


def pauses(ada: Wearer, sam: Wearer) -> dict[str, Pause | None]:
    return {"ada": ada.policy.state.pause, "sam": sam.policy.state.pause}


def on_a_break(minutes: int, now_ns: int = NOON_NS) -> Wearer:
    wearer = Wearer(now_ns)
    wearer.says(A.START_BREAK, minutes=minutes)
    return wearer


def test_the_longer_time_wins_and_both_check_in_at_it() -> None:
    ada, sam = on_a_break(20), on_a_break(45)
    (longer,) = known(BOTH).longer(pauses(ada, sam), NOON_NS)
    assert longer == Together(
        wearer="ada", t_ns=NOON_NS, recv_ns=NOON_NS, until_ns=NOON_NS + 45 * MINUTE_NS
    )
    (said,) = ada.together(45)
    assert isinstance(said, BreakStep)
    assert (said.phase, said.reason, said.until_ns) == (P.ON, "longer", longer.until_ns)
    assert known(BOTH).longer(pauses(ada, sam), NOON_NS) == [], "now they are one"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        attested("ada", "sam"),
        [*attested("ada", "sam"), shares("ada")],
        [*attested("ada", "sam"), shares("sam")],
        [*BOTH, sets("ada", PAUSED, "true")],
        [*BOTH, sets("sam", PAUSED, "true")],
        [*BOTH, link("sam", None)],
    ],
)
def test_only_by_both_consents(rows: list[Setting]) -> None:
    assert known(rows).longer(pauses(on_a_break(20), on_a_break(45)), NOON_NS) == []


@pytest.mark.parametrize("who", ["ada", "sam"])
def test_a_break_in_which_all_was_paused_lengthens_no_other(who: str) -> None:
    """Nor is it lengthened: the other's page would say a new time, and why is not hard to guess."""
    ada, sam = on_a_break(20), on_a_break(45)
    pause = pauses(ada, sam)[who]
    assert pause is not None
    couples = known(BOTH, sets(who, PAUSED, "true"))
    couples.push(replace(step(), wearer=who, id=pause.id))
    couples.push(sets(who, PAUSED, "false"))
    assert couples.longer(pauses(ada, sam), NOON_NS) == []


def test_only_once_both_have_accepted() -> None:
    ada, sam = on_a_break(45), Wearer()
    sam.episode()
    assert sam.phases == [P.OFFERED]
    assert known(BOTH).longer(pauses(ada, sam), NOON_NS) == []
    sam.says(A.YES)
    assert [each.wearer for each in known(BOTH).longer(pauses(ada, sam), NOON_NS)] == ["sam"]
    sam.says(A.IM_BACK)
    assert known(BOTH).longer(pauses(ada, sam), NOON_NS) == []
    assert known(BOTH).longer({"ada": ada.policy.state.pause}, NOON_NS) == []


def test_whose_time_is_up_decides_alone() -> None:
    ada = on_a_break(20)
    ada.tick(21 * 60)
    assert ada.phases[-1] == P.NOT_SETTLED
    assert ada.together(60) == []


def test_nobody_is_held_over_a_day() -> None:
    ada = on_a_break(20)
    (said,) = ada.together(3 * 24 * 60)
    assert isinstance(said, BreakStep)
    assert said.until_ns == NOON_NS + DAY_NS


def test_told_again_it_says_nothing_new() -> None:
    ada = on_a_break(20)
    assert len(ada.together(30)) == 1
    ada.says(A.MORE_TIME, minutes=20)
    assert ada.together(30) == []
    assert ada.steps[-1].reason == "extended"


# --- whatever comes in whatever order ----------------------------------------------------------

ROWS = st.lists(
    st.sampled_from(
        [
            *BOTH,
            *attested("sam", "zoe"),
            link("ada", None),
            link("sam", None),
            shares("sam", yes=False),
            sets("sam", PAUSED, "true"),
            sets("sam", PAUSED, "false"),
            sets("sam", couple.LINK, "nonsense"),
            named("sam", "Sammy"),
        ]
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(ROWS)
def test_what_is_shared_is_exactly_what_stands(rows: list[Setting]) -> None:
    couples = known(rows)
    last = {(row.wearer, row.key): (n, row) for n, row in enumerate(rows)}

    def agreed(wearer: str, key: str) -> bool:
        linked_at = last[wearer, couple.LINK][0]
        at, row = last.get((wearer, key), (-1, None))
        return row is not None and at > linked_at and '"to": []' not in row.value

    def linked(one: str, other: str) -> bool:
        said = [last.get((w, couple.LINK)) for w in (one, other)]
        names = [json.loads(s[1].value) if s and s[1].value != "nonsense" else None for s in said]
        return [n and n["partner"] for n in names] == [other, one]

    paused = last.get(("sam", PAUSED))
    for one, other in itertools.permutations(("ada", "sam", "zoe"), 2):
        shared = linked(one, other) and agreed(one, consents.PARTNER)
        if one == "sam" and paused is not None and paused[1].value == "true":
            shared = False
        assert (couples.audience(one) == other) == shared
        joint = linked(one, other) and all(agreed(w, consents.JOINT) for w in (one, other))
        if "sam" in (one, other) and paused is not None and paused[1].value == "true":
            joint = False
        assert couples.may_be_joined(one, other) == joint
        crossed = [word.to for word in couples.push(step()) if isinstance(word, Seen)]
        assert crossed == ([couples.audience("sam")] if couples.audience("sam") else [])


@settings(max_examples=200)
@given(ROWS, st.sampled_from(["ada", "sam", "zoe"]))
def test_after_an_erasure_nobody_is_linked_with_them(rows: list[Setting], gone: str) -> None:
    couples: Couples = known(rows)
    couples.forget(gone)
    assert couples.partner(gone) == couples.audience(gone) == ""
    assert all(couples.partner(each) != gone for each in ("ada", "sam", "zoe"))
    assert gone not in repr(couples._sides)
