"""Every code that an estimate can carry. Codes are stable: they stand in journals for years.

Words for them are made on reading (``alerts/words.py``), so a code never changes its meaning;
a new meaning gets a new code.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Gate(StrEnum):
    """Why something cannot be judged now (``Estimate.gates``)."""

    # The heart: one of these and the state is unknown, named in ``Estimate.reason``.
    HEART_MISSING = "heart-missing"  # no heart source has been seen within the hour
    HEART_SILENT = "heart-silent"  # nothing for ten seconds
    HEART_GAP = "heart-gap"  # the link says that the stream is interrupted
    HEART_OFF_BODY = "heart-off-body"  # the sensor says that it is not worn
    HEART_FROZEN = "heart-frozen"  # one value repeats
    HEART_DISAGREES = "heart-disagrees"  # beats and the device's own rate contradict each other
    HEART_THIN = "heart-thin"  # signals come, but too few believable beats for a rate

    # Movement: the heart serves the muscles; the state is unknown.
    MOVING = "moving"  # moving about now
    AFTER_EXERCISE = "after-exercise"  # the heart has not come back from it
    POSTURE = "posture"  # sat down or stood up within the last minute

    # Skin conductance: the state stands, but no shutdown can be seen and flooding loses a witness.
    # In a shutdown the state is unknown: whether it goes on cannot be told.
    EDA_MISSING = "eda-missing"
    EDA_SILENT = "eda-silent"
    EDA_GAP = "eda-gap"
    EDA_OFF_BODY = "eda-off-body"
    EDA_OPEN = "eda-open"  # under .05 uS: the electrodes do not touch
    EDA_SATURATED = "eda-saturated"  # over 60 uS
    EDA_ARTEFACT = "eda-artefact"  # steeper than skin can be, or a jump in a moving hand
    EDA_TEMPERATURE = "eda-temperature"  # too hot or cold for skin, or cooling as if taken off
    EDA_STUCK = "eda-stuck"  # no live noise, or a handful of values
    EDA_UNUSUAL = "eda-unusual"  # measured by another sensor than the usual was learnt with

    # Evidence for single figures.
    RR_THIN = "rr-thin"  # under 70 % of the minute is covered by good beats: no variability
    RR_IRREGULAR = "rr-irregular"  # a rhythm in which beat-to-beat figures mean nothing
    MOTION_MISSING = "motion-missing"  # nothing tells stillness: no shutdown can be seen

    # Said by the person: 100 bpm means nothing, and the heart shows less of what goes on.
    BETA_BLOCKER = "beta-blocker"


class Why(StrEnum):
    """What an estimate rests on (``Reason.code``)."""

    # Terms of ``arousal``; their contributions add up to it.
    HEART_RATE = "heart-rate"
    SKIN_OVER_MEAN = "skin-over-mean"  # the level against its own slow mean
    SKIN_CHANGE = "skin-change"  # the level against that of two minutes ago
    SKIN_RESPONSES = "skin-responses"
    SKIN_LEVEL = "skin-level"  # the level against the baseline's: a term until engine version 1

    # Conditions of the states. ``held_s`` is how long the condition's dwell has filled.
    HEART_FAST = "heart-fast"  # at or over the personal threshold (or 100)
    HEART_SLOW = "heart-slow"  # under the personal threshold
    HEART_FELL = "heart-fell"  # under its own highest of the last five minutes
    HEART_FALLS_FAST = "heart-falls-fast"  # a short median under the median of the minutes before
    SKIN_QUIET = "skin-quiet"  # few responses
    SKIN_LOW = "skin-low"  # level under the person's own
    STILL = "still"  # no movement for a minute

    # Calibration: how far it is. ``value`` of ``threshold``.
    USABLE_SECONDS = "usable-seconds"
    NOT_LEVEL_YET = "not-level-yet"  # the heart still rises or falls: bpm from first to last third


HEART_GATES: Final = frozenset(
    {
        Gate.HEART_MISSING,
        Gate.HEART_SILENT,
        Gate.HEART_GAP,
        Gate.HEART_OFF_BODY,
        Gate.HEART_FROZEN,
        Gate.HEART_DISAGREES,
        Gate.HEART_THIN,
    }
)
MOVEMENT_GATES: Final = frozenset({Gate.MOVING, Gate.AFTER_EXERCISE, Gate.POSTURE})
STATE_GATES: Final = HEART_GATES | MOVEMENT_GATES
"""One of these closed and the state is ``unknown``."""

EDA_GATES: Final = frozenset(
    {
        Gate.EDA_MISSING,
        Gate.EDA_SILENT,
        Gate.EDA_GAP,
        Gate.EDA_OFF_BODY,
        Gate.EDA_OPEN,
        Gate.EDA_SATURATED,
        Gate.EDA_ARTEFACT,
        Gate.EDA_TEMPERATURE,
        Gate.EDA_STUCK,
        Gate.EDA_UNUSUAL,
    }
)

LOST_IN_SHUTDOWN: Final = EDA_GATES | {Gate.MOTION_MISSING}
"""Closed in the middle of a shutdown, one of these makes the state ``unknown``: what was seen can
no longer be told. At any other time they only withhold figures."""

CALIBRATING: Final = "no-baseline"
"""``Estimate.reason`` while there is no personal baseline yet."""
EXPIRED: Final = "baseline-expired"
"""``Estimate.reason`` when the baseline is too old to stand."""
