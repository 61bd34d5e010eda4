"""The journal as a port: what engines' shells, ledgers and mailboxes may ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from vagalwatch.records import Record

RUN_SHIFT = 32
"""A place is ``run << RUN_SHIFT | n``: the n-th record of a run. Places only grow."""


class Entry(NamedTuple):
    """A committed record and its place."""

    place: int
    record: Record


class Snapshot(NamedTuple):
    """What a wearer's engine remembered once it had seen everything up to ``place``."""

    place: int
    engine_version: int
    parameters_hash: str
    state: str


class Journal(Protocol):
    """Append, read, wait. One process writes; any thread of it may read."""

    def append(self, record: Record, *, urgent: bool = False) -> int:
        """Take ``record`` and return its place at once; commit within a second, or now.

        Never blocks and never raises for a full disk (see :meth:`recording`).
        """
        ...

    async def committed(self, place: int) -> None:
        """Return when everything up to ``place`` is on disk.

        Raises:
            NotRecordingError: the disk refuses; the record is kept in memory and retried.
        """
        ...

    async def wait_beyond(self, place: int) -> int:
        """Return the newest committed place as soon as it is greater than ``place``."""
        ...

    def read(
        self,
        after: int = 0,
        *,
        wearer: str | None = None,
        kinds: Collection[str] = (),
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """Committed records after ``after`` in order of place.

        ``wearer`` selects that wearer's records and the site's (ticks, runs); ``kinds`` by
        the records' ``kind``; ``since_ns`` by ``recv_ns``. Blocking: not for the event loop
        when much is asked for.
        """
        ...

    def cursor(self, name: str) -> int:
        """Where the reader ``name`` stands: the last place it has finished with (0: none)."""
        ...

    def move_cursor(self, name: str, place: int) -> None:
        """Remember that ``name`` has finished with everything up to ``place``."""
        ...

    def set_aside(self, name: str, place: int, reason: str) -> None:
        """Remember that the reader ``name`` could not use the record at ``place``, and why."""
        ...

    def snapshot(self, wearer: str) -> Snapshot | None:
        """The newest committed snapshot of ``wearer``'s engine."""
        ...

    def save_snapshot(self, wearer: str, snapshot: Snapshot) -> None:
        """Replace ``wearer``'s snapshot; on disk never before what was appended before it."""
        ...

    @property
    def newest(self) -> int:
        """The newest committed place (0: the journal is empty)."""
        ...

    @property
    def recording(self) -> bool:
        """False while the disk refuses what is appended."""
        ...


class NotRecordingError(Exception):
    """The journal cannot write at present (disk full, file gone)."""
