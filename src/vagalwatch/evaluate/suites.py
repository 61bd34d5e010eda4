"""The suites by name: which cases there are, and what a reader of the figures must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.evaluate import labelled, simulated
from vagalwatch.sensors.recording import RecordingError
from vagalwatch.sensors.simulated.traps import TRAPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vagalwatch.evaluate.case import Source

NAMES: Final = ("simulated", "stress-predict", "valsalva", "stairs")
DEVELOPMENT_SEEDS: Final = range(100)
TEST_SEEDS: Final = range(1000, 2000)
"""Nothing has been chosen by looking at these; whoever does needs others."""


class Suite(NamedTuple):
    """Cases, and in one sentence what they are."""

    name: str
    about: str
    sources: Sequence[Source]


def simulated_suite(seeds: range, stories: Sequence[str] = ()) -> Suite:
    """Every one of ``stories`` (none named: all there are) with each person of ``seeds``.

    Raises:
        RecordingError: there is no such story.
    """
    names = list(dict.fromkeys(stories)) or list(TRAPS)
    for name in names:
        if name not in TRAPS:
            raise RecordingError(f"There is no story “{name}”; there are {', '.join(TRAPS)}.")
    if all(seed in TEST_SEEDS for seed in seeds):
        kind = "frozen thresholds, unseen seeds"
    elif all(seed in DEVELOPMENT_SEEDS for seed in seeds):
        kind = "development seeds, on which thresholds may have been chosen"
    else:
        kind = "seeds of no set"
    told = f"{len(names)} stories" if len(names) > 1 else f"the story {names[0]}"
    about = f"Simulated people, seeds {seeds.start} to {seeds.stop - 1} ({kind}), in {told}."
    return Suite("simulated", about, simulated.sources(seeds, names))


def labelled_suite(name: str, folder: Path) -> Suite:
    """The recordings in ``folder``, laid out as the suite ``name`` needs them.

    Raises:
        RecordingError: they are not.
    """
    if not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}.")
    if name == "stress-predict":
        cases = labelled.stress_predict(folder)
        about = "Labelled recordings: tasks against the rests beside them; false alerts in rests."
        return Suite(name, about, cases)
    about = f"Recordings with marked stretches that could fool a detector, {name} among them."
    return Suite(name, about, labelled.intervals(folder, name))
