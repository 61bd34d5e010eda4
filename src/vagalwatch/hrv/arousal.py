"""Arousal: one signed number in units of the person's own spread, and the terms that make it up.

Above 0 towards flooding, below 0 towards shutdown. A weighted mean of four comparisons of the
person with themself, of those that are known:

* the heart of the last minute with the usual, each beat and rate weighing as far as it can be
  trusted;
* the skin's level with its own slow mean: skin drifts either way for an hour, so against a
  fixed baseline it mostly tells how long the electrodes have been on;
* the skin's level with that of two minutes ago;
* the skin's responses with the usual.

Skin levels are compared as logarithms, in spreads of the log level at rest. Each term is limited
softly, so none runs away with the mean. Nothing here knows the time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.hrv.codes import Why
from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.records import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.hrv.baseline import Minutes
    from vagalwatch.hrv.eda import Skin

_AROUSAL = PARAMETERS.arousal
_LIMIT_Z: Final = _AROUSAL.limit_z


class Term(NamedTuple):
    """One comparison: ``z`` spreads between ``value`` and ``usual``, and its weight."""

    code: Why
    value: float | None
    usual: float | None
    z: float
    weight: float


def terms(steady_bpm: float, skin: Skin, usual: Minutes, *, same_skin: bool) -> list[Term]:
    """What is known of a row. ``same_skin``: the baseline is of the skin sensor worn now."""
    heart = usual.hr if usual.steady is None else usual.steady
    heart_z = (steady_bpm - heart.median) / heart.spread
    found = [Term(Why.HEART_RATE, steady_bpm, heart.median, heart_z, _AROUSAL.weight_heart)]
    if not same_skin or skin.scl_us is None:
        return found
    if usual.ln_scl is not None:
        for code, ln, weight in (
            (Why.SKIN_OVER_MEAN, skin.ln_over_mean, _AROUSAL.weight_skin_level),
            (Why.SKIN_CHANGE, skin.ln_change, _AROUSAL.weight_skin_change),
        ):
            if ln is not None and skin.level_us is not None:
                # Of the level that the ratio is of: with another, "before" was never measured.
                before_us = skin.level_us / math.exp(ln)
                found.append(Term(code, skin.level_us, before_us, ln / usual.ln_scl.spread, weight))
    if usual.nsr is not None and skin.nsr_per_min is not None:
        z = (skin.nsr_per_min - usual.nsr.median) / usual.nsr.spread
        found.append(
            Term(
                Why.SKIN_RESPONSES,
                skin.nsr_per_min,
                usual.nsr.median,
                z,
                _AROUSAL.weight_skin_responses,
            )
        )
    return found


def weigh(known: Sequence[Term]) -> tuple[float, tuple[Reason, ...]]:
    """The number, and each term with its contribution; the contributions add up to it.

    ``known`` holds at least one term.
    """
    total = math.fsum(term.weight for term in known)
    shares = [_LIMIT_Z * math.tanh(t.z / _LIMIT_Z) * t.weight / total for t in known]
    return math.fsum(shares), tuple(
        Reason(code=term.code, value=term.value, usual=term.usual, z=term.z, contribution=share)
        for term, share in zip(known, shares, strict=True)
    )
