from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vagalwatch.journal.codec import DamagedRowError, UnwritableError, decode, encode
from vagalwatch.records import Eda, Heart, Marker, Motion, Record, Setting, Tick, span

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: tuple[type[Record], ...] = get_args(Record)
INT64 = st.integers(-(2**63), 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    int: INT64,
    float: FINITE,
    str: TEXT,
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a type hint is anything
    if hint in SIMPLE:
        return SIMPLE[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        parts = {field.name: values(hints[field.name]) for field in fields(hint)}
        return st.builds(cast("Callable[..., Any]", hint), **parts)
    args = get_args(hint)
    if get_origin(hint) is tuple:
        return st.lists(values(args[0]), max_size=5).map(tuple)
    if get_origin(hint) is Literal:
        return st.sampled_from(args)
    return st.one_of([values(arg) for arg in args]) if args else st.sampled_from(hint)


@pytest.mark.parametrize("cls", KINDS)
@settings(max_examples=50)
@given(data=st.data())
def test_every_kind_reads_back_exactly(cls: type[Record], data: st.DataObject) -> None:
    record = data.draw(values(cls))
    read = decode(encode(record))
    assert read == record
    assert repr(read) == repr(record)  # tells -0.0 from 0.0 and 1 from 1.0


@pytest.mark.parametrize("cls", KINDS)
def test_what_may_be_none_is_none_by_default(cls: type[Record]) -> None:
    # None is left out of the body, so reading must put it back.
    hints = get_type_hints(cls)
    for field in fields(cls):
        if NoneType in get_args(hints[field.name]):
            assert field.default is None


@given(data=st.data(), cls=st.sampled_from(KINDS))
def test_the_columns_say_what_the_record_says(data: st.DataObject, cls: type[Record]) -> None:
    record = data.draw(values(cls))
    row = encode(record)
    assert (row.wearer, row.kind, row.t_ns, row.recv_ns) == (
        record.wearer,
        record.kind,
        record.t_ns,
        record.recv_ns,
    )
    moment = (row.t_ns, row.t_ns)
    assert (moment if row.t0_ns is None else (row.t0_ns, row.t1_ns)) == span(record)
    assert isinstance(json.loads(row.body or "{}"), dict)


HEART = Heart(
    wearer="ada",
    source="strap",
    t_ns=5_000,
    recv_ns=6_000,
    hr_bpm=72.5,
    beat_t_ns=(3_900, 4_700),
    rr_ms=(812.5, 800.78125),
    chained=True,
    codec="2A37",
    raw=b"\x10H\x40\x03",
)


def test_the_body_can_be_read_by_a_person() -> None:
    assert encode(HEART).body == (
        '{"hr_bpm":72.5,"beat_t_ns":[-1100,800],"rr_ms":[812.5,800.78125],"chained":true}'
    )


def test_a_tick_has_no_body() -> None:
    row = encode(Tick(t_ns=5, recv_ns=5))
    assert (row.body, row.raw, row.t0_ns, row.t1_ns) == ("", b"", None, None)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(UnwritableError):
        encode(replace(HEART, hr_bpm=number))
    with pytest.raises(UnwritableError):
        encode(replace(HEART, rr_ms=(800.0, number)))


def test_the_word_nan_is_only_a_word() -> None:
    note = Marker(wearer="ada", t_ns=1, recv_ns=1, text="NaN is not -Infinity")
    assert decode(encode(note)) == note


@pytest.mark.parametrize(
    "wrong",
    [
        {"hr_bpm": "72"},
        {"wearer": None},
        {"raw": "text"},
        {"t_ns": 2**63},
        {"recv_ns": 1.5},
        {"source": "\ud800"},
        {"rr_ms": (800.0, "x")},
    ],
)
def test_a_value_of_a_wrong_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnwritableError):
        encode(replace(HEART, **wrong))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "unheard-of"),
        ("kind", "eda"),
        ("body", '{"hr_bpm":72'),  # cut off, and still a number
        ("body", '"hr_bpm":72}'),
        ("body", '{"hr_bpm":"72"}'),
        ("body", '{"hr_bpm":NaN}'),
        ("body", '{"unheard_of":1}'),
        ("body", "[]"),
        ("body", "x"),
        ("epoch", None),
    ],
)
def test_a_damaged_row_is_told_without_its_values(column: str, value: object) -> None:
    changed: dict[str, Any] = {column: value}
    row = encode(HEART)._replace(**changed)
    with pytest.raises(DamagedRowError) as told:
        decode(row)
    assert "72" not in str(told.value)


def test_a_body_cannot_claim_to_be_another_wearers() -> None:
    row = encode(Setting(wearer="ada", t_ns=1, recv_ns=1, key="mute", value="true"))
    forged = row._replace(body=row.body[:-1] + ',"wearer":"bob"}')
    assert decode(forged).wearer == "ada"


@given(st.binary(max_size=60))
def test_whatever_stands_in_a_body_it_is_a_record_or_damaged(body: bytes) -> None:
    row = encode(HEART)._replace(body=body.decode(errors="replace"))
    with suppress(DamagedRowError):
        assert isinstance(decode(row), Heart)


def test_times_of_samples_are_steps_that_cost_little() -> None:
    times = tuple(1_790_000_000_000_000_000 + n * 7_692_308 for n in range(73))
    common: dict[str, Any] = {
        "wearer": "a", "source": "s", "t_ns": times[-1], "recv_ns": times[-1], "sample_t_ns": times
    }  # fmt: skip
    eda = Eda(**common, eda_us=(1.0,) * 73)
    motion = Motion(**common, acc_x_mg=(), acc_y_mg=(), acc_z_mg=())
    for record in (eda, motion):
        assert decode(encode(record)) == record
    assert len(encode(motion).body) < 10 * 73
