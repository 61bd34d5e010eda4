"""One person's report: figures as JSON, and the page."""

from __future__ import annotations

from dataclasses import asdict
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from vagalwatch.alerts.consents import THERAPIST, ConsentError
from vagalwatch.journal.agreed import agreed_at
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.recording import is_journal
from vagalwatch.report.figures import progress
from vagalwatch.report.gather import ReportError, read_diary
from vagalwatch.report.note import Form, draft
from vagalwatch.report.page import of_one
from vagalwatch.report.pictures import pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vagalwatch.report.speech import Speech


def report(
    journal: Path,
    wearer: str,
    between_ns: tuple[int, int],
    *,
    form: Form,
    speech: Speech,
    done: Callable[[float], None] = lambda _share: None,
) -> tuple[dict[str, Any], str]:
    """The figures as JSON says them, and the page that shows them.

    Raises:
        ConsentError: ``wearer`` does not agree to it now; nothing was read.
        ReportError: the journal holds nothing of ``wearer`` in that time.
        JournalError: it cannot be read.
    """
    _need_consent(journal, wearer)
    diary = read_diary(journal, wearer, *between_ns, done)
    if not (diary.rows or diary.steps or diary.answers):
        raise ReportError(f"{journal.name} holds nothing of “{wearer}” in that time.")
    told = progress(diary)
    written = draft(told, diary.preferences, form, speech)
    page = of_one(told, pictures(diary, told, speech), written, speech)
    return {**asdict(told), "note": [part._asdict() for part in written]}, page


def _need_consent(journal: Path, wearer: str) -> None:
    with open_reader(journal) as reader:
        if wearer not in reader.known_wearers():
            raise ReportError(f"{journal.name} holds nothing of “{wearer}”.")
        if agreed_at(reader, wearer, THERAPIST, "report") is None:
            raise ConsentError(
                f"“{wearer}” has not agreed to a report, or pauses everything: that is a yes to "
                "“My therapist” on their own page, under “Who sees what”, which they can take "
                "back there."
            )


def write(page: str, out: Path) -> None:
    """Put ``page`` at ``out``, whole or not at all, for its owner's eyes alone (0600).

    Raises:
        ReportError: a journal stands there.
        OSError: it cannot be written.
    """
    if is_journal(out):
        raise ReportError(f"{out} is a journal, which a report does not overwrite.")
    with NamedTemporaryFile("w", encoding="utf-8", dir=out.parent, delete=False) as file:
        file.write(page)
    try:
        out.parent.joinpath(file.name).replace(out)
    except OSError:
        out.parent.joinpath(file.name).unlink()
        raise
