"""Rules, the forest and the way learners are kept from whom they judge."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from helpers_recording import heart
from vagalwatch.evaluate import benchmark
from vagalwatch.evaluate.detector import Person
from vagalwatch.evaluate.forest import Forest, _heart, _shape, _windows
from vagalwatch.evaluate.peers import (
    Clock,
    HeartRateOver100,
    HeartRateOver110Percent,
    heart_rate,
    rising_edges,
)
from vagalwatch.evaluate.simulated import Simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vagalwatch.evaluate.detector import Values


def person(*stretches: tuple[float, float], eda: bool = False) -> Person:
    return Person(recording=heart(stretches, eda=eda), baseline_s=(60, 360))


def test_the_rules_alert_when_a_median_of_30_s_passes_their_level() -> None:
    somebody = person((8, 70), (2, 80), (3, 110), (5, 70))
    (alert,) = HeartRateOver100().detect(somebody).alerts
    assert 600 + 15 <= alert.t_s <= 600 + 20
    (alert,) = HeartRateOver110Percent().detect(somebody).alerts  # 77 is passed at 480 s
    assert 480 + 15 <= alert.t_s <= 480 + 20
    rows = HeartRateOver100().detect(somebody).rows
    assert rows[70].arousal == pytest.approx(0, abs=1)
    assert rows[130].arousal == pytest.approx(40, abs=3)
    assert {row.state for row in rows} == {"settled", "flooding"}


def test_a_rule_says_nothing_before_the_baseline_ends_and_unknown_without_a_heart() -> None:
    fast = person((10, 110), eda=True)
    assert [alert.t_s for alert in HeartRateOver100().detect(fast).alerts] == [365.0]
    rows = HeartRateOver100().detect(person((6, 70))).rows
    assert all(row.arousal is not None for row in rows[10:])
    assert heart_rate(fast)[-1] == pytest.approx(110, abs=3)
    assert Clock().detect(fast).rows[0] == (5.0, -5.0, "unknown")


def test_an_alert_again_only_after_a_minute_of_quiet() -> None:
    t_s = np.arange(5.0, 400.0, 5.0)
    holds = np.isin(t_s, [50, 55, 100, 160, 165, 230])
    assert [a.t_s for a in rising_edges("flooding", holds, t_s)] == [50, 230]


def test_the_forests_figures_are_relative_to_the_baseline_and_unknown_where_nothing_is() -> None:
    x = Forest().features(person((8, 70), (4, 100)))
    rate = x[:, 5]
    assert rate[70] == pytest.approx(0, abs=0.5)
    assert rate[-1] == pytest.approx(30, abs=1)  # all of the last three minutes
    assert np.isnan(x[:, 8:]).all()  # neither device heart rate nor skin nor movement
    assert np.isnan(x[0]).all() or x[0, 0] == pytest.approx(0, abs=20)


def test_windows_worked_out_together_are_what_each_is_alone() -> None:
    rng = np.random.default_rng(7)
    t_s = np.cumsum(rng.exponential(0.3, 2000))
    samples = t_s, rng.normal(5, 1, t_s.size)
    row_t_s = np.arange(5.0, t_s[-1], 5.0)
    for figures, count in ((_shape, 7), (_heart, 8)):
        together = _windows(row_t_s, samples, 60.0, figures, count)
        alone = [_windows(row_t_s[i : i + 1], samples, 60.0, figures, count) for i in range(100)]
        assert np.array_equal(together[:100], np.concatenate(alone), equal_nan=True)
        assert not np.isnan(together[5:]).any()


class Spy:
    """A learner whose one feature is who it is; its classifier remembers whom it was taught."""

    name = "spy"
    taught: ClassVar[list[set[float]]] = []
    judged: ClassVar[list[set[float]]] = []
    classes_: ClassVar = np.array(["flooding", "rest"])

    def features(self, person: Person) -> Values:
        seed = float(person.recording.description.rsplit(" ", 1)[1])
        return np.full((person.row_t_s.size, 1), seed)

    def classifier(self) -> Spy:
        return Spy()

    def fit(self, x: Values, y: Sequence[str]) -> None:
        assert set(y) == {"flooding", "rest"}
        self.taught.append(set(x[:, 0].tolist()))
        self.judged.append(set())

    def predict_proba(self, x: Values) -> Values:
        self.judged[-1] |= set(x[:, 0].tolist())
        return np.tile([0.9, 0.1], (len(x), 1))


def test_nobody_is_judged_by_what_has_seen_them(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_spy")
    vars(module).update(Spy=Spy)
    monkeypatch.setitem(sys.modules, "a_spy", module)
    Spy.taught, Spy.judged = [], []
    sources = [Simulated(name, seed) for seed in (0, 1, 2) for name in ("flooding-mild", "posture")]
    judged = benchmark.run(sources, ["a_spy:Spy"])
    assert len(Spy.taught) == 3
    for taught, exam in zip(Spy.taught, Spy.judged, strict=True):
        assert len(exam) == 1
        assert not taught & exam
        assert taught | exam == {0, 1, 2}
    track = judged[0].tracks["spy"]
    assert track.arousal == pytest.approx(0.9)
    # Chances pass a half from the first row, but nothing is said before the baseline has ended.
    assert [alert.t_s for alert in track.alerts] == [365.0]


def test_processes_say_what_one_says() -> None:
    sources = [Simulated("posture", seed) for seed in (0, 1)]
    names = benchmark.PEERS[1:3]
    alone, spread = (benchmark.run(sources, names, jobs=jobs) for jobs in (1, 2))
    for one, other in zip(alone, spread, strict=True):
        assert one.truth == other.truth
        for name, track in one.tracks.items():
            assert track.alerts == other.tracks[name].alerts
            assert np.array_equal(track.arousal, other.tracks[name].arousal)
