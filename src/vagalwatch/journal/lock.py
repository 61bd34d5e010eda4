"""One service a journal: an advisory lock on a file beside it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class LockedError(Exception):
    """Another process writes this journal; the message names it and the way out."""


class Lock:
    """Held from construction to :meth:`release`, or to the end of the process however it ends.

    The kernel frees a flock with its process, so no lock is ever stale; the process id in the
    file only serves the message.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock beside the journal at ``path``.

        Raises:
            LockedError: another process holds it.
        """
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._file, 20).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise LockedError(
                f"vagalwatch already runs as process {owner} with the journal {path}. "
                "Stop that one first, or give this one another site or state_dir."
            ) from None
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # a full disk must not keep the service from starting; the lock itself holds

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would race with who opens it."""
        os.close(self._file)
