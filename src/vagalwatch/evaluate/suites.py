"""The suites by name: which cases there are, and what a reader of the figures must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.evaluate import labelled
from vagalwatch.sensors.recording import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vagalwatch.evaluate.case import Source

NAMES: Final = ("stress-predict", "valsalva", "stairs")


class Suite(NamedTuple):
    """Cases, and in one sentence what they are."""

    name: str
    about: str
    sources: Sequence[Source]


def suite(name: str, folder: Path | None) -> Suite:
    """The suite ``name``: of recordings in ``folder``.

    Raises:
        RecordingError: the folder is not laid out as the suite needs it.
    """
    if folder is None:
        raise RecordingError(f"The suite {name} needs the folder of its recordings.")
    if not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}.")
    if name == "stress-predict":
        cases = labelled.stress_predict(folder)
        about = "Labelled wrist recordings: tasks against the rests beside them, causal."
        return Suite(name, about, cases)
    about = f"Recordings with marked stretches ({name}) in which nobody floods or faints."
    return Suite(name, about, labelled.intervals(folder))
