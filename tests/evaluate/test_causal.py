"""Who knows the future is told so."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from vagalwatch.evaluate.benchmark import PEERS
from vagalwatch.evaluate.causal import looking_ahead, until
from vagalwatch.evaluate.detector import Person, Row, Said
from vagalwatch.evaluate.labelled import intervals
from vagalwatch.evaluate.simulated import Simulated

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from vagalwatch.evaluate.detector import Values

HERE = "test_causal_detectors"


class Smooth:
    """Centres its window, as filters in both directions do."""

    name = "smooth"

    def detect(self, person: Person) -> Said:
        t_s, rr_ms = person.beats
        return Said(
            [
                Row(t, float(rr_ms[np.abs(t_s - t) < 30].mean()), "judged")
                for t in person.row_t_s.tolist()
            ]
        )


class Scaled:
    """A learner whose features are scaled by the whole session."""

    name = "scaled"

    def features(self, person: Person) -> Values:
        return person.row_t_s[:, None] / float(person.row_t_s.mean())

    def classifier(self) -> None: ...


def test_what_centres_or_scales_by_the_session_is_found_and_the_peers_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType(HERE)
    vars(module).update(Smooth=Smooth, Scaled=Scaled)
    monkeypatch.setitem(sys.modules, HERE, module)
    names = (*PEERS, f"{HERE}:Smooth", f"{HERE}:Scaled")
    assert looking_ahead(Simulated("speech", 0), names) == ("smooth", "scaled")


def test_a_cut_recording_is_the_recording_so_far() -> None:
    whole = Simulated("sensor-off", 1).load().person.recording
    cut = until(whole, 600)
    assert cut.duration_s <= 600
    for before, after in zip(whole.series, cut.series, strict=True):
        kept = before.t_ns <= 600 * 10**9
        assert np.array_equal(after.t_ns, before.t_ns[kept])
        assert np.array_equal(after.values, before.values[kept])


def test_a_recording_whose_samples_come_late_says_nothing_of_anybody(tmp_path: Path) -> None:
    rows = "".join(f"{t},eda_us,2\n" for t in range(900, 1000))
    (tmp_path / "a.csv").write_text("t_s,signal,value\n" + rows)
    (tmp_path / "labels.csv").write_text("recording,label,start_s,end_s\na.csv,stairs,910,920\n")
    assert looking_ahead(intervals(tmp_path, "stairs")[0], PEERS) == ()
