"""Every detector on every case of a suite: in processes, and learners with one person left out."""

from __future__ import annotations

import multiprocessing
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from vagalwatch.evaluate import peers
from vagalwatch.evaluate.detector import DetectorError, Row, Said, load, track
from vagalwatch.evaluate.score import MATCH_S, rows_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from vagalwatch.evaluate.case import Source, Truth
    from vagalwatch.evaluate.detector import Learner, Person, Track, Values
    from vagalwatch.evaluate.score import Alert

    Progress = Callable[[float], None]
    Features = NDArray[np.float32]

FOREST: Final = "vagalwatch.evaluate.forest:Forest"
PEERS: Final = (
    "vagalwatch.evaluate.peers:Vagalwatch",
    "vagalwatch.evaluate.peers:HeartRateOver100",
    "vagalwatch.evaluate.peers:HeartRateOver110Percent",
    FOREST,
    "vagalwatch.evaluate.peers:Clock",
)
"""What stands in every report, in its order; others are named the same way."""
FOLDS: Final = 20
"""Up to so many people each is left out alone; of more, a twentieth of them at a time."""
SEEING: Final = 0.7
"""The share of the time that judging takes, with the usual detectors; teaching takes the rest."""
TEACH_ROWS: Final = 8000
"""Rows a learner is taught with, drawn from those of all others: more only cost time."""
SMOOTH_ROWS: Final = 6
"""A learner's chances are averaged over 30 s, as the heart rate of every other detector is."""

Task = TypeVar("Task")
Result = TypeVar("Result")


class Judged(NamedTuple):
    """A case as every detector saw it."""

    truth: Truth
    row_t_s: Values
    tracks: dict[str, Track]


class _Seen(NamedTuple):
    """What a process sends back of one case: features are of learners that are still to teach."""

    judged: Judged
    features: dict[str, Features]


class _Lesson(NamedTuple):
    """One fold: whom it was taught with, and the rows that are to be judged."""

    learner: str
    x: Features
    y: NDArray[np.str_]
    exams: tuple[tuple[int, Features, Values, float], ...]


def run(
    sources: Sequence[Source],
    detectors: Sequence[str],
    *,
    jobs: int = 1,
    progress: Progress = lambda _share: None,
) -> list[Judged]:
    """Judge each of ``sources`` by each of ``detectors`` (``module:object``), in their order.

    Raises:
        RecordingError: a recording cannot be read.
        DetectorError: a detector cannot be loaded or failed.
        MissingExtraError: a detector needs what is not installed.
    """
    names = [load(name).name for name in detectors]
    for name in names:
        if names.count(name) > 1:
            raise DetectorError(f"Two detectors are called “{name}”.")
    seen: list[_Seen | None] = [None] * len(sources)
    pairs = [(source, tuple(detectors)) for source in sources]
    with _workers(min(jobs, len(sources))) as pool:
        for done, (index, one) in enumerate(_spread(_see, pairs, pool), start=1):
            seen[index] = one
            progress(SEEING * done / len(sources))
        known = [one for one in seen if one is not None]
        lessons = [lesson for name in detectors for lesson in _lessons(name, known)]
        for done, (_, (name, learnt)) in enumerate(_spread(_teach, lessons, pool), start=1):
            for index, said in learnt:
                known[index].judged.tracks[name] = said
            progress(SEEING + (1 - SEEING) * done / len(lessons))
    return [
        one.judged._replace(
            tracks={name: one.judged.tracks[name] for name in names if name in one.judged.tracks}
        )
        for one in known
    ]


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes for a whole run, since each takes seconds to import; none for a single one."""
    if jobs <= 1:
        yield None
        return
    # Spawned, not forked: numpy's threads do not survive a fork.
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _spread(
    work: Callable[[Task], Result], tasks: Sequence[Task], pool: ProcessPoolExecutor | None
) -> Iterator[tuple[int, Result]]:
    """Results as they are ready, each with the index of its task."""
    if pool is None:
        yield from ((index, work(task)) for index, task in enumerate(tasks))
        return
    futures = {pool.submit(work, task): index for index, task in enumerate(tasks)}
    for future in as_completed(futures):
        yield futures.pop(future), future.result()


def _see(task: tuple[Source, tuple[str, ...]]) -> _Seen:
    source, names = task
    person, truth = source.load()
    tracks: dict[str, Track] = {}
    features: dict[str, Features] = {}
    for name in names:
        detector: Any = load(name)
        try:
            if hasattr(detector, "detect"):
                said = detector.detect(person)
                tracks[detector.name] = track(said, person.row_t_s, detector.name)
            else:
                features[name] = _table(detector, person)
        except DetectorError:
            raise
        except Exception as error:  # somebody else's code: whatever it raises is its failure
            where = f"{truth.who}, {truth.story}" if truth.story else truth.who
            raise DetectorError(f"{detector.name} failed on {where}: {_told(error)}") from error
    return _Seen(Judged(truth, person.row_t_s, tracks), features)


def _table(learner: Learner, person: Person) -> Features:
    x = np.asarray(learner.features(person), dtype=np.float32)
    if x.ndim != 2 or len(x) != person.row_t_s.size:  # noqa: PLR2004 - rows and figures
        raise DetectorError(f"{learner.name} gave no row for each of person.row_t_s.")
    return x


# --- learners ---------------------------------------------------------------------------------


def classes(truth: Truth, row_t_s: Values) -> NDArray[np.str_]:
    """What a learner is taught of each row; empty where nothing is sure (a transition)."""
    told = np.full(row_t_s.shape, "", dtype="U16")
    if truth.events or not truth.phases:
        told[row_t_s > truth.baseline_s[0]] = "rest"
    for phase in truth.phases:
        if phase.load == "ignore":
            told[rows_in(row_t_s, phase, settle_s=0)] = ""
        elif not truth.events:
            told[rows_in(row_t_s, phase)] = phase.load
    for event in truth.events:
        told[(row_t_s > event.from_s) & (row_t_s <= event.to_s + MATCH_S)] = ""
        told[(row_t_s > event.crossed_s) & (row_t_s <= event.to_s)] = event.kind
    return told


def _lessons(name: str, seen: Sequence[_Seen]) -> Iterator[_Lesson]:
    if not all(name in one.features for one in seen):
        return
    people = sorted({one.judged.truth.who for one in seen})
    y = [classes(one.judged.truth, one.judged.row_t_s) for one in seen]
    rng = np.random.default_rng(0)
    for fold in range(min(len(people), FOLDS)):
        away = set(people[fold::FOLDS])
        others = [i for i, one in enumerate(seen) if one.judged.truth.who not in away]
        if not others:
            return
        all_x = np.concatenate([seen[i].features[name] for i in others])
        all_y = np.concatenate([y[i] for i in others])
        rows = np.flatnonzero(all_y != "")
        if rows.size > TEACH_ROWS:
            rows = np.sort(rng.choice(rows, TEACH_ROWS, replace=False))
        if len(set(all_y[rows].tolist())) < 2:  # noqa: PLR2004 - one class teaches nothing
            return
        yield _Lesson(
            name,
            all_x[rows],
            all_y[rows],
            tuple(
                (i, one.features[name], one.judged.row_t_s, one.judged.truth.baseline_s[1])
                for i, one in enumerate(seen)
                if one.judged.truth.who in away
            ),
        )


def _teach(lesson: _Lesson) -> tuple[str, list[tuple[int, Track]]]:
    learner: Any = load(lesson.learner)
    try:
        classifier = learner.classifier()
        classifier.fit(lesson.x, lesson.y)
        names = [str(name) for name in classifier.classes_]
        return learner.name, [
            (index, track(_say(classifier.predict_proba(x), names, t_s, end_s), t_s, learner.name))
            for index, x, t_s, end_s in lesson.exams
        ]
    except Exception as error:  # as above
        raise DetectorError(f"{learner.name} failed to learn: {_told(error)}") from error


def _told(error: Exception) -> str:
    """What went wrong and where, for whoever wrote the detector."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{error} ({type(error).__name__} in {Path(last.filename).name}, line {last.lineno})."


def _say(chances: Values, names: list[str], row_t_s: Values, from_s: float) -> Said:
    """Chances to rows and alerts: aroused less shut down, and an alert where one passes a half."""
    sums = np.cumsum(np.vstack([np.zeros((1, len(names))), chances]), axis=0)
    last = np.arange(1, len(chances) + 1)
    first = np.maximum(last - SMOOTH_ROWS, 0)
    smooth = (sums[last] - sums[first]) / (last - first)[:, None]
    chance = {name: smooth[:, index] for index, name in enumerate(names)}
    none = np.zeros(len(chances))
    high = chance.get("task", none) + chance.get("flooding", none)
    low = chance.get("shutdown", none)
    alerts: list[Alert] = []
    for kind, value in (
        ("flooding", high),
        ("shutdown", low),
        ("safety", chance.get("safety", none)),
    ):
        alerts += peers.rising_edges(kind, (value > 0.5) & (row_t_s > from_s), row_t_s)  # noqa: PLR2004 - likelier than not
    state = [names[index] for index in smooth.argmax(axis=1).tolist()]
    rows = [
        Row(t_s, value, word)
        for t_s, value, word in zip(row_t_s.tolist(), (high - low).tolist(), state, strict=True)
    ]
    return Said(rows, alerts)
