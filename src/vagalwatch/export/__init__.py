"""One file an export format; ``FORMATS`` is the list of them.

Of a recording each writes what its sensors delivered, of one wearer; of a journal ``events``
writes what was asked and answered. Each returns the files it wrote.

An export is for a study. So of a journal, whose wearer has a page to say so, it takes their
agreement (``consent-research``), and holds what came from then on. Recordings made elsewhere have
no such page: whether they may be used was agreed on there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from vagalwatch.alerts.consents import RESEARCH, ConsentError
from vagalwatch.export import events, kubios, parquet, tidy
from vagalwatch.journal.agreed import agreed_at
from vagalwatch.journal.database import JournalError
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import choose, is_journal, open_recording, read_journal
from vagalwatch.sensors.recording import RecordingError
from vagalwatch.sensors.recording.model import SAID

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.sensors.recording import Recording

SERIES: Final[dict[str, Callable[[Recording, Path], list[Path]]]] = {
    "tidy": tidy.write,
    "parquet": parquet.write,
    "kubios": kubios.write,
}
EVENTS: Final = "events"
FORMATS: Final = (*SERIES, EVENTS)


def export(
    recording: Path, out: Path, kind: str, wearer: str | None = None, *, own: bool = False
) -> list[Path]:
    """Write the recording or journal at ``recording`` to ``out`` as ``kind``, one of ``FORMATS``.

    All of it or nothing: files stand under their names only once they are whole. ``own``: it is
    the wearer's own copy, or they have agreed elsewhere, so all of the journal is written.

    Raises:
        RecordingError: it cannot be read, or ``out`` would take the place of something recorded.
        ConsentError: the wearer of a journal has not agreed to it.
        MissingExtraError: the format needs an extra that is not installed.
        OSError: ``out`` cannot be written.
    """
    write = _writer(recording, kind, wearer, own=own)
    if out.is_dir():
        raise RecordingError(f"{out} is a folder; name a file in it.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".vagalwatch-", dir=out.parent) as folder:
        written = write(Path(folder, out.name))
        targets = [out.with_name(file.name) for file in written]
        for target in targets:
            _keep_recorded(target, recording)
        return [file.replace(target) for file, target in zip(written, targets, strict=True)]


def _writer(
    recording: Path, kind: str, wearer: str | None, *, own: bool
) -> Callable[[Path], list[Path]]:
    """What writes it, once all is read that may be refused."""
    if not is_journal(recording):
        if kind == EVENTS:
            raise RecordingError(f"{recording.name} is no journal, so nobody was asked anything.")
        told = open_recording(recording, wearer)
        return lambda out: SERIES[kind](told, out)
    chosen, after = _may(recording, kind, wearer, own=own)
    if kind == EVENTS:
        return lambda out: _events(recording, chosen, after, out)
    told = read_journal(recording, chosen, after=after or 0)
    if not own:  # agreed is what is measured: no medicine, and no note of a session, which is a
        # therapist's word and may speak of another
        measured = tuple(one for one in told.series if one.signal not in SAID)
        told = replace(told, markers=(), series=measured)
    return lambda out: SERIES[kind](told, out)


def _may(journal: Path, kind: str, wearer: str | None, *, own: bool) -> tuple[str, int | None]:
    """Whose it is, and behind which place it may be written; ``None``: all."""
    purpose = "answers" if kind == EVENTS else "series"
    try:
        with open_reader(journal) as reader:
            chosen = choose(journal, reader.wearers(), wearer)
            if own:
                return chosen, None
            after = agreed_at(reader, chosen, RESEARCH, purpose)
    except JournalError as error:
        raise RecordingError(str(error)) from error
    if after is None:
        raise ConsentError(
            f"“{chosen}” has not agreed to this for a study, or pauses everything: that is a yes "
            "on their own page, under “Who sees what”. For their own copy, or by their word given "
            "elsewhere: --own."
        )
    return chosen, after


def _events(journal: Path, wearer: str, after: int | None, out: Path) -> list[Path]:
    try:
        with open_reader(journal) as reader:
            return events.write(reader, wearer, out, after=after)
    except JournalError as error:
        raise RecordingError(str(error)) from error


def _keep_recorded(target: Path, recording: Path) -> None:
    """Refuse to overwrite a journal, the recording itself or a file of it, or no plain file."""
    if not target.exists():
        return
    if target.samefile(recording) or target.parent.samefile(recording) or is_journal(target):
        raise RecordingError(f"{target} is recorded data, which an export does not overwrite.")
    if not target.is_file():
        raise RecordingError(f"{target} is no plain file, so nothing is written there.")
