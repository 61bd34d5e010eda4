"""One file an export format; ``FORMATS`` is the list of them.

Each writes what a recording's sensors delivered, for one wearer, and returns the files it wrote.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vagalwatch.export import kubios, parquet, tidy
from vagalwatch.journal.recording import is_journal, open_recording
from vagalwatch.sensors.recording import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vagalwatch.sensors.recording import Recording

FORMATS: dict[str, Callable[[Recording, Path], list[Path]]] = {
    "tidy": tidy.write,
    "parquet": parquet.write,
    "kubios": kubios.write,
}


def export(recording: Path, out: Path, kind: str, wearer: str | None = None) -> list[Path]:
    """Write the recording or journal at ``recording`` to ``out`` as ``kind``, one of ``FORMATS``.

    All of it or nothing: files stand under their names only once they are whole.

    Raises:
        RecordingError: it cannot be read, or ``out`` would take the place of something recorded.
        MissingExtraError: the format needs an extra that is not installed.
        OSError: ``out`` cannot be written.
    """
    told = open_recording(recording, wearer)
    if out.is_dir():
        raise RecordingError(f"{out} is a folder; name a file in it.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".vagalwatch-", dir=out.parent) as folder:
        written = FORMATS[kind](told, Path(folder, out.name))
        targets = [out.with_name(file.name) for file in written]
        for target in targets:
            _keep_recorded(target, recording)
        return [file.replace(target) for file, target in zip(written, targets, strict=True)]


def _keep_recorded(target: Path, recording: Path) -> None:
    """Refuse to overwrite a journal, the recording itself or a file of it, or no plain file."""
    if not target.exists():
        return
    if target.samefile(recording) or target.parent.samefile(recording) or is_journal(target):
        raise RecordingError(f"{target} is recorded data, which an export does not overwrite.")
    if not target.is_file():
        raise RecordingError(f"{target} is no plain file, so nothing is written there.")
