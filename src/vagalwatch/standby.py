"""In place of an engine that failed: says that nothing is measured, and lets the break go on; pure.

A fault in the estimate must not take away the page, the record, or a break that somebody is on;
nor may it look like a quiet evening. So each row says ``unknown``, and the prompts' policy, which
needs no measurement (time and the person's word decide), goes on with what it knew.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.records import Estimate, State, Tick

if TYPE_CHECKING:
    from vagalwatch.alerts.pause import Pause
    from vagalwatch.records import Record

ENGINE_FAILED: Final = "engine-failed"
"""``Estimate.reason`` of every row from a standby."""

_STEP_NS: Final = PARAMETERS.rows.step_s * NS


class Standby:
    """What the hub and a start put in an engine's place; ``fault`` is the last, for a developer."""

    def __init__(self, wearer: str, fault: str, policy: PolicyState | None = None) -> None:
        """Go on from ``policy``, which the standby then owns; ``None`` where that is not known."""
        self.fault = fault
        self._wearer = wearer
        self._policy = Policy(wearer, PolicyState() if policy is None else policy)
        self._row_ns: int | None = None

    @property
    def pause(self) -> Pause | None:
        """As :attr:`vagalwatch.engine.Engine.pause`."""
        return self._policy.state.pause

    def push(self, record: Record) -> list[Record]:
        """Take one record and return a row, each time one begins, and what the policy says.

        The first row is the first to begin from now on: the engine may have told the one before.
        """
        outputs: list[Record] = []
        if isinstance(record, Tick):
            row_ns = record.recv_ns // _STEP_NS * _STEP_NS
            if self._row_ns is not None and row_ns > self._row_ns:
                row = Estimate(
                    wearer=self._wearer,
                    t_ns=row_ns,
                    recv_ns=record.recv_ns,
                    state=State.UNKNOWN,
                    reason=ENGINE_FAILED,
                )
                outputs += [row, *self._decided(row)]
            self._row_ns = row_ns
        return [*outputs, *self._decided(record)]

    def _decided(self, record: Record) -> list[Record]:
        """What the policy says; a record that it fails over is passed over, and the break stands.

        Rows go on: that nothing is measured must be said whatever else fails.
        """
        try:
            return self._policy.push(record)
        except Exception as error:  # noqa: BLE001 - nothing stands behind a standby
            self.fault = fault_of(error)
            return []


def fault_of(error: Exception) -> str:
    """Where of our own it failed, without the message: that may quote what a body does."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if __package__ in PurePath(frame.filename).parts]
    last = own[-1] if own else frames[-1]
    return f"{type(error).__name__} at {PurePath(last.filename).name}:{last.lineno}"
