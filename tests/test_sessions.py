"""Sessions: one at a time, of two only with both consents, and never longer than agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers_couple import agrees, link
from helpers_report import agreed
from vagalwatch.alerts import consents
from vagalwatch.journal.port import RUN_SHIFT, Entry
from vagalwatch.records import ClockStep, Marker, Run, Session, Setting
from vagalwatch.sessions import LONGEST_NOTE, LONGEST_NS, said, sittings, wall_ns

if TYPE_CHECKING:
    from vagalwatch.records import Record

NS = 1_000_000_000
NOW_NS = 1_795_460_400 * NS  # 2026-11-23 19:00:00 UTC


class Desk:
    """A journal of settings and sessions, and a clock that the test moves."""

    def __init__(self, *records: Record) -> None:
        self.known = [Entry(index, record) for index, record in enumerate(records, 1)]
        self.now_ns = NOW_NS

    def do(self, what: str, *wearers: str, note: str = "", step_ns: int = 0) -> list[Record]:
        records: list[Record] = [
            *said(what, wearers, note, known=self.known, now_ns=self.now_ns, wall_step_ns=step_ns)
        ]
        self.known += [Entry(len(self.known) + 1 + i, r) for i, r in enumerate(records)]
        return records


def of_two() -> Desk:
    return Desk(*agreed("ada", "sam", NOW_NS - NS))


def test_a_session_of_one_needs_nobodys_word_but_theirs() -> None:
    desk = Desk()
    (begun,) = desk.do("start", "ada")
    assert isinstance(begun, Session)
    assert (begun.session, begun.wearers, begun.started) == ("20261123-190000", ("ada",), True)
    desk.now_ns += 50 * 60 * NS
    (ended,) = desk.do("stop")
    assert isinstance(ended, Session)
    assert (ended.session, ended.started) == (begun.session, False)
    (sitting,) = sittings(desk.known)
    assert sitting.as_json(desk.now_ns) == {
        "id": "20261123-190000",
        "wearers": ["ada"],
        "minutes": 50.0,
        "running": False,
    }


def test_its_name_is_the_time_that_people_read() -> None:
    """A machine whose clock was put right since it started."""
    (begun,) = Desk().do("start", "ada", step_ns=3600 * NS)
    assert isinstance(begun, Session)
    assert (begun.session, begun.t_ns) == ("20261123-200000", NOW_NS)


def test_a_second_session_of_one_second_is_refused_and_not_lost() -> None:
    desk = Desk()
    desk.do("start", "ada")
    desk.do("stop")
    with pytest.raises(ValueError, match="in this very second"):
        desk.do("start", "ada")


def test_two_take_part_only_with_a_link_and_both_consents() -> None:
    with pytest.raises(ValueError, match="can't be looked at together"):
        Desk().do("start", "ada", "sam")
    for missing in range(4):
        settings = agreed("ada", "sam", NOW_NS - NS)
        del settings[missing]
        with pytest.raises(ValueError, match="can't be looked at together"):
            Desk(*settings).do("start", "ada", "sam")
    assert len(of_two().do("start", "sam", "ada")) == 1


def test_a_consent_that_was_taken_back_counts_no_more_and_nobody_is_named() -> None:
    taken = Setting(
        wearer="sam",
        t_ns=NOW_NS,
        recv_ns=NOW_NS,
        key="consent-joint",
        value='{"to": [], "text": 1}',
    )
    told = []
    for who in ("ada", "sam"):
        desk = Desk(
            *agreed("ada", "sam", NOW_NS - NS),
            Setting(wearer=who, t_ns=NOW_NS, recv_ns=NOW_NS, key=taken.key, value=taken.value),
        )
        with pytest.raises(ValueError, match="together") as refused:
            desk.do("start", "ada", "sam")
        told.append(str(refused.value))
    assert told[0] == told[1], "who took it back is not to be seen"


@pytest.mark.parametrize("who", ["ada", "sam"])
@pytest.mark.parametrize("ends", ["consent", "link"])
def test_a_consent_or_a_link_that_ends_in_mid_session_ends_it(who: str, ends: str) -> None:
    desk = of_two()
    desk.do("start", "ada", "sam")
    desk.now_ns += 60 * NS
    no = agrees(who, consents.JOINT, desk.now_ns, yes=False)
    gone = no if ends == "consent" else link(who, None, desk.now_ns)
    desk.known.append(Entry(len(desk.known) + 1, gone))
    with pytest.raises(ValueError, match="No session goes on"):
        desk.do("mark", note="Both are loud")
    (sitting,) = sittings(desk.known)
    assert (sitting.end_place, sitting.end_ns) == (len(desk.known), desk.now_ns)
    yes = Entry(len(desk.known) + 1, agrees(who, consents.JOINT, desk.now_ns + NS))
    assert sittings([*desk.known, yes]) == [sitting], "it was not agreed to go on"


def test_what_a_partner_still_sees_ends_no_session_of_two() -> None:
    desk = of_two()
    desk.do("start", "ada", "sam")
    desk.known.append(Entry(9, agrees("ada", consents.PARTNER, NOW_NS, yes=False)))
    assert desk.do("mark", note="Still there")


def test_one_at_a_time() -> None:
    desk = of_two()
    desk.do("start", "ada", "sam")
    with pytest.raises(ValueError, match="20261123-190000 still goes on"):
        desk.do("start", "ada")
    desk.do("stop")
    with pytest.raises(ValueError, match="No session goes on"):
        desk.do("stop")


def test_one_that_nobody_stopped_ends_by_itself() -> None:
    desk = of_two()
    desk.do("start", "ada", "sam")
    desk.now_ns += LONGEST_NS
    with pytest.raises(ValueError, match="No session goes on"):
        desk.do("mark", note="Still there?")
    desk.do("start", "ada")
    assert [one.runs(desk.now_ns) for one in sittings(desk.known)] == [False, True]
    assert sittings(desk.known)[0].as_json(desk.now_ns)["minutes"] == 180.0


HOUR_NS = 3600 * NS


@pytest.mark.parametrize("behind_ns", [0, 5 * HOUR_NS, -5 * HOUR_NS, -365 * 24 * HOUR_NS])
@pytest.mark.parametrize(("after_ns", "running"), [(HOUR_NS, True), (30 * 24 * HOUR_NS, False)])
def test_over_a_restart_a_clock_that_was_put_right_neither_ends_nor_prolongs_it(
    behind_ns: int, after_ns: int, running: bool
) -> None:
    """It was over at once where the first run's clock was behind, and went on where ahead."""
    begun_ns, now_ns = NOW_NS - behind_ns, NOW_NS + after_ns
    step = ClockStep(t_ns=begun_ns, recv_ns=begun_ns, delta_ns=behind_ns)
    start = Session(t_ns=begun_ns, recv_ns=begun_ns, session="one", started=True, wearers=("ada",))
    again = Run(t_ns=now_ns, recv_ns=now_ns, version="", engine_version=1, parameters_hash="")
    first, second = 1 << RUN_SHIFT, 2 << RUN_SHIFT
    known = [Entry(first + 1, start), Entry(first + 2, step), Entry(second + 1, again)]
    (sitting,) = sittings(known)
    at_ns = wall_ns(known, now_ns)
    assert (sitting.start_ns, at_ns, sitting.runs(at_ns)) == (NOW_NS, now_ns, running)
    assert sitting.as_json(at_ns)["minutes"] == (60.0 if running else 180.0)
    if running:
        (ended,) = said("stop", (), "", known=known, now_ns=now_ns, wall_step_ns=0)
        (sitting,) = sittings([*known, Entry(second + 2, ended)])
        assert sitting.end_ns == now_ns


def test_a_clock_that_is_not_put_right_yet_keeps_no_session_going() -> None:
    """After a restart it stood a year before the start: "running" for a year and three hours."""
    desk = Desk()
    desk.do("start", "ada")
    desk.now_ns -= 365 * 24 * HOUR_NS
    (sitting,) = sittings(desk.known)
    assert not sitting.runs(desk.now_ns)
    assert sitting.as_json(desk.now_ns)["minutes"] == 0.0
    with pytest.raises(ValueError, match="No session goes on"):
        desk.do("mark", note="Still there?")


def test_a_note_stands_in_the_record_of_each_and_of_nobody_else() -> None:
    """It says of whom it may speak, so that erasing either takes both."""
    desk = of_two()
    desk.do("start", "ada", "sam", note="First talk")
    notes = desk.do("mark", note=" A new subject ")
    assert all(isinstance(note, Marker) for note in notes)
    assert {
        (note.wearer, note.text, note.wearers) for note in notes if isinstance(note, Marker)
    } == {
        ("ada", "A new subject", ("ada", "sam")),
        ("sam", "A new subject", ("ada", "sam")),
    }
    alone = Desk()
    alone.do("start", "ada")
    (note,) = alone.do("mark", note="Tea")
    assert isinstance(note, Marker)
    assert note.wearers is None


@pytest.mark.parametrize("note", ["", "  ", "two\nlines", "x" * (LONGEST_NOTE + 1)])
def test_a_note_is_one_short_line(note: str) -> None:
    desk = Desk()
    desk.do("start", "ada")
    with pytest.raises(ValueError, match=r".+"):
        desk.do("mark", note=note)
    assert desk.do("list") == []


@pytest.mark.parametrize("who", [(), ("ada", "sam", "kim")])
def test_a_session_is_of_one_or_of_two(who: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="of one person or of two"):
        Desk().do("start", *who)
