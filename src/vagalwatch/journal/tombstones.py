"""Who was erased: a file beside the journal, so that no back-up of the journal undoes it.

While a wearer is being erased the file holds the pseudonym, since every store is asked for it by
name; afterwards only a salted hash stands there. It recognises the name when it comes again (a
configuration that still names it, a journal from a back-up) and does not tell it. Somebody who
has the file can try a name; who was erased without a trace could be written anew by a mistake.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    salt: str = Field(default_factory=lambda: secrets.token_hex(16))
    sha256: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


class Tombstones:
    """The tombstones of one site; who writes holds the journal's lock.

    Every method raises :class:`ConfigError` when the file is damaged: without it, who was erased
    would be watched and written again.
    """

    def __init__(self, path: Path) -> None:
        """Use the file at ``path``, which need not exist yet."""
        self._path = path

    def __contains__(self, wearer: str) -> bool:
        """Whether ``wearer`` was erased, or is being erased."""
        file = self._read()
        return _hash(file, wearer) in file.sha256

    def __len__(self) -> int:
        """How many were erased."""
        return len(self._read().sha256)

    def pending(self) -> tuple[str, ...]:
        """Whose erasure is not done."""
        return self._read().pending

    def bury(self, wearer: str) -> None:
        """From now on nothing of ``wearer`` may be written; on disk when this returns."""
        file = self._read()
        hashed = _hash(file, wearer)
        self._write(
            file.model_copy(
                update={
                    "sha256": tuple(dict.fromkeys((*file.sha256, hashed))),
                    "pending": tuple(dict.fromkeys((*file.pending, wearer))),
                }
            )
        )

    def finish(self, wearer: str) -> None:
        """Nothing is left: forget the name and keep its hash."""
        file = self._read()
        pending = tuple(kept for kept in file.pending if kept != wearer)
        self._write(file.model_copy(update={"pending": pending}))

    def lift(self, wearer: str) -> bool:
        """Let ``wearer`` be watched again; whether there was a tombstone."""
        file = self._read()
        hashed = _hash(file, wearer)
        kept = tuple(known for known in file.sha256 if known != hashed)
        self._write(file.model_copy(update={"sha256": kept}))
        return len(kept) < len(file.sha256)

    def _read(self) -> _File:
        try:
            return _File.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _File()
        except ValidationError as error:
            raise ConfigError(
                f"{self._path} is damaged, so nobody knows who was erased. Put it back from a "
                "back-up, or move it away and erase these wearers again."
            ) from error

    def _write(self, file: _File) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(file.model_dump_json().encode())
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too, outlives a power cut
        finally:
            os.close(folder)


def _hash(file: _File, wearer: str) -> str:
    return hashlib.sha256(f"{file.salt}:{wearer}".encode()).hexdigest()
