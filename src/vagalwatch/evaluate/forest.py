"""A random forest on window features as FLIRT computes them: what the field's papers use.

Föll et al. 2021 (Comput Methods Programs Biomed 212:106461): heart features over 180 s, skin and
movement over 60 s, each window ending at the row. Features are told relative to their median in
the person's baseline, which does a forest good across people. Learner in the benchmark's sense:
each person is judged by a forest that has not seen them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vagalwatch.export.parquet import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.evaluate.detector import Person, Values

HEART_S: Final = 180.0
OTHER_S: Final = 60.0
TREES: Final = 100
MIN_LEAF: Final = 5
_FEW: Final = 5


class Forest:
    """scikit-learn's, with its usual settings."""

    name = "random forest"

    def __init__(self) -> None:
        """See whether scikit-learn is there.

        Raises:
            MissingExtraError: it is not installed.
        """
        if find_spec("sklearn") is None:
            raise MissingExtraError(
                "The random forest needs the extra “research”. Run “bash scripts/environment dev” "
                "in the project's folder."
            )

    def features(self, person: Person) -> Values:
        """A row for each of ``person.row_t_s``, less its median in the baseline."""
        row_t_s = person.row_t_s
        acc_t_s, acc_mg = person.acc_mg
        size_mg = np.sqrt((acc_mg**2).sum(axis=1)) if acc_mg.size else np.empty(0)
        table = np.hstack(
            [
                _windows(row_t_s, person.beats, HEART_S, _heart, 8),
                _windows(row_t_s, person.hr_bpm, OTHER_S, _shape, 7),
                _windows(row_t_s, person.eda_us, OTHER_S, _shape, 7),
                _windows(row_t_s, (acc_t_s, size_mg), OTHER_S, _shape, 7),
            ]
        )
        begin_s, end_s = person.baseline_s
        quiet = table[(row_t_s > begin_s + OTHER_S) & (row_t_s <= end_s)]
        known = ~np.isnan(quiet).all(axis=0) if quiet.size else np.zeros(table.shape[1], np.bool_)
        usual = np.zeros(table.shape[1])
        usual[known] = np.nanmedian(quiet[:, known], axis=0)
        return table - usual

    def classifier(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """A forest that has learnt nothing yet; rare classes weigh as much as common ones."""
        # Where it is taught only: it takes seconds to import, and pandas with it.
        return import_module("sklearn.ensemble").RandomForestClassifier(
            n_estimators=TREES,
            min_samples_leaf=MIN_LEAF,
            class_weight="balanced_subsample",
            random_state=0,
            n_jobs=1,  # the benchmark spreads people over processes
        )


def _windows(
    row_t_s: Values,
    samples: tuple[Values, Values],
    length_s: float,
    figures: Callable[[Values], tuple[Values, ...]],
    count: int,
) -> Values:
    """``figures`` of the samples in (t - length, t] for each row; NaN with fewer than 5.

    Windows with as many samples are worked out together, each as it would be alone.
    """
    t_s, values = samples
    table = np.full((row_t_s.size, count), np.nan)
    first = np.searchsorted(t_s, row_t_s - length_s, side="right")
    size = np.searchsorted(t_s, row_t_s, side="right") - first
    for samples_each in np.unique(size[size >= _FEW]).tolist():
        rows = np.flatnonzero(size == samples_each)
        windows = values[first[rows, np.newaxis] + np.arange(samples_each)]
        table[rows] = np.column_stack(figures(windows))
    return table


def _heart(rr_ms: Values) -> tuple[Values, ...]:
    """Mean, SDNN, RMSSD, SDSD, pNN50, mean, highest and lowest heart rate (FLIRT's time domain).

    Of each row of shape (windows, beats), as :func:`_shape`.
    """
    step = np.diff(rr_ms)
    rate = 60_000 / rr_ms
    return (
        rr_ms.mean(axis=1),
        rr_ms.std(axis=1, ddof=1),
        np.sqrt((step * step).mean(axis=1)),
        step.std(axis=1),
        (np.abs(step) > 50).mean(axis=1),  # noqa: PLR2004 - the 50 of pNN50
        rate.mean(axis=1),
        rate.max(axis=1),
        rate.min(axis=1),
    )


def _shape(values: Values) -> tuple[Values, ...]:
    """Mean, spread, range, slope, median, interquartile range and mean absolute step."""
    low, middle, high = np.percentile(values, (25, 50, 75), axis=1)
    place = np.linspace(-0.5, 0.5, values.shape[1])
    return (
        values.mean(axis=1),
        values.std(axis=1),
        np.ptp(values, axis=1),
        (values * place).sum(axis=1) / (place * place).sum(),
        middle,
        high - low,
        np.abs(np.diff(values)).mean(axis=1),
    )
