"""How often is often enough: bounded in every stretch of time, and a queue empties itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vagalwatch.web.allowance import Allowance

AT_ONCE = st.integers(1, 60)
EACH_NS = st.integers(1, 10**10)


@given(AT_ONCE, EACH_NS, st.lists(st.floats(0, 5), max_size=200))
def test_no_stretch_of_time_holds_more_than_its_share(
    at_once: int, each_ns: int, waits: list[float]
) -> None:
    allowance, now_ns, taken_ns = Allowance(at_once, each_ns), 0, []
    for wait in waits:
        now_ns += int(wait * each_ns)
        if allowance.take(now_ns):
            taken_ns.append(now_ns)
    for n, first_ns in enumerate(taken_ns):
        for count, last_ns in enumerate(taken_ns[n:], 1):
            assert count <= at_once + (last_ns - first_ns) / each_ns


@given(AT_ONCE, EACH_NS, st.integers(0, 300), st.floats(1, 5))
def test_what_is_tried_again_gets_through_and_nothing_beyond_its_share_waits(
    at_once: int, each_ns: int, queued: int, pause: float
) -> None:
    allowance, now_ns, tries = Allowance(at_once, each_ns), 0, 0
    while queued:
        while queued and allowance.take(now_ns):
            queued -= 1
        now_ns += -int(-pause * each_ns)
        tries += 1
        assert tries <= 301
    assert allowance.take(now_ns)
