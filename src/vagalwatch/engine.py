"""One wearer's engine: the estimate, and on top of it the prompts and the break; pure.

The same object serves live, replay and analysis. Its input is one journalled sequence of
records (with a :class:`~vagalwatch.records.Tick` each second), its output is what it says of
them, in order. See the laws in ``tests/test_engine_laws.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vagalwatch.alerts.policy import SAMPLES, Policy, PolicyState
from vagalwatch.hrv.baseline import BASELINE_KEY
from vagalwatch.hrv.pipeline import Pipeline, PipelineState
from vagalwatch.records import Alert, BreakStep, Episode, Estimate, Run, Setting

if TYPE_CHECKING:
    from vagalwatch.alerts.pause import Pause
    from vagalwatch.records import Record

ENGINE_VERSION = 5
"""Raised when the same input may give another output; snapshots of another version are dropped."""


@dataclass(slots=True, kw_only=True)
class EngineState:
    """Everything an engine remembers, as plain values (see the journal's snapshots)."""

    pipeline: PipelineState = field(default_factory=PipelineState)
    policy: PolicyState = field(default_factory=PolicyState)


class Engine:
    """Push records in, get estimates, episodes, alerts and break steps out."""

    def __init__(self, wearer: str, state: EngineState | None = None) -> None:
        """Start new, or go on from ``state``, which the engine then owns."""
        self.state = EngineState() if state is None else state
        self._pipeline = Pipeline(wearer, self.state.pipeline)
        self._policy = Policy(wearer, self.state.policy)

    @property
    def pause(self) -> Pause | None:
        """The break that is offered or on, or the last one."""
        return self.state.policy.pause

    def push(self, record: Record) -> list[Record]:
        """Take one record and return what the engine says now, in order."""
        # A run's clock may be years ahead of the last one's: remembered times (a break's) are put
        # on it before the rows that it makes due.
        first = isinstance(record, Run)
        outputs = self._policy.push(record) if first else []
        for said in self._pipeline.push(record):
            outputs.append(said)
            outputs.extend(self._policy.push(said))
        if not first and not isinstance(record, SAMPLES):
            outputs.extend(self._policy.push(record))
        return outputs


def is_input(record: Record) -> bool:
    """Whether an engine is told ``record``, or has said it.

    A baseline is said by the engine; only ``null``, which asks for a new one, comes from a person.
    """
    match record:
        case Estimate() | Episode() | Alert() | BreakStep():
            return False
        case Setting(key=key, value=value):
            return key != BASELINE_KEY or value == "null"
        case _:
            return True
