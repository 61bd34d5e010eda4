"""The detectors that stand in every report: today's rules, the clock, and vagalwatch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch import analysis
from vagalwatch.evaluate.detector import Row, Said
from vagalwatch.evaluate.score import Alert

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.evaluate.detector import Person, Values

HR_S: Final = 30.0
"""Heart rate of the rules is the median of 30 s, as vagalwatch's own: the rules shall not lose by
the choice of a window."""
REARM_S: Final = 60.0
"""A rule that has held alerts again only after it has not held for a minute."""


class Vagalwatch:
    """The very engine that runs live. Its alerts are the episodes as they are recognised.

    That is before the rules of prompting (a few a day, refractory time), which would flatter it.
    """

    name = "vagalwatch"

    def detect(self, person: Person) -> Said:
        """Tell the recording to a new engine."""
        timeline = analysis.run(person.recording, baseline=person.baseline_s)
        return Said(
            rows=[
                Row(
                    float(row["t_s"] or 0),
                    None if row["arousal"] is None else float(row["arousal"]),
                    str(row["state"]),
                )
                for row in timeline.rows
            ],
            alerts=[Alert(episode.kind, episode.alert_s) for episode in timeline.episodes],
        )


class HeartRateOver100:
    """An oximeter that rings at 100, as couples' clinics use it (Gottman 1999: over 100)."""

    name = "HR > 100"

    def detect(self, person: Person) -> Said:
        """``flooding`` while the heart rate is over 100."""
        return _rule(person, 100.0)


class HeartRateOver110Percent:
    """Ten percent over one's own resting rate, the relative rule that is quoted beside 100."""

    name = "HR > 110 %"

    def detect(self, person: Person) -> Said:
        """``flooding`` while the heart rate is over 1.1 times the baseline's median."""
        return _rule(person, None)


class Clock:
    """No sensor at all: minus the time. Whoever does not beat it on LOC has learnt the protocol."""

    name = "clock"

    def detect(self, person: Person) -> Said:
        """Arousal falls as time goes by."""
        return Said([Row(t_s, -t_s) for t_s in person.row_t_s.tolist()])


def heart_rate(person: Person) -> Values:
    """Median heart rate of the last 30 s at each row, NaN without one.

    As the device shows it, which is what people have today; of the RR intervals where it does not.
    """
    t_s, bpm = person.device_hr_bpm
    if not t_s.size:
        t_s, rr_ms = person.beats
        bpm = 60_000 / rr_ms
    first = np.searchsorted(t_s, person.row_t_s - HR_S, side="right")
    last = np.searchsorted(t_s, person.row_t_s, side="right")
    return np.array(
        [np.median(bpm[a:b]) if b > a else np.nan for a, b in zip(first, last, strict=True)]
    )


def rising_edges(
    kind: str, holds: NDArray[np.bool_], row_t_s: Values, rearm_s: float = REARM_S
) -> list[Alert]:
    """An alert where ``holds`` begins, if it has not held for ``rearm_s``."""
    alerts, held_s = [], -np.inf
    for t_s, here in zip(row_t_s.tolist(), holds.tolist(), strict=True):
        if here:
            if t_s - held_s > rearm_s:
                alerts.append(Alert(kind, t_s))
            held_s = t_s
    return alerts


def _rule(person: Person, limit_bpm: float | None) -> Said:
    """Rows are heart rate over the baseline's; alerts wait for the end of the baseline."""
    bpm = heart_rate(person)
    t_s = person.row_t_s
    quiet = bpm[(t_s > person.baseline_s[0] + HR_S) & (t_s <= person.baseline_s[1])]
    quiet = quiet[~np.isnan(quiet)]
    usual_bpm = float(np.median(quiet)) if quiet.size else np.nan
    level_bpm = 1.1 * usual_bpm if limit_bpm is None else limit_bpm
    over = (bpm > level_bpm) & (t_s > person.baseline_s[1])
    rows = [
        Row(at_s, None)
        if np.isnan(rate + level_bpm)
        else Row(
            at_s,
            None if np.isnan(usual_bpm) else rate - usual_bpm,
            "flooding" if high else "settled",
        )
        for at_s, rate, high in zip(t_s.tolist(), bpm.tolist(), over.tolist(), strict=True)
    ]
    return Said(rows, rising_edges("flooding", over, t_s))
