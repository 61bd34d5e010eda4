"""Who may open which wearer's page: single-use codes and long-lived sessions, in one 0600 file.

Codes and session tokens are 128 and 256 random bits; the file holds only their SHA-256, so
that whoever reads it (a back-up, a support bundle) cannot open a page with it. A plain hash is
enough for random secrets of that length; slow hashes are for words people choose.

The file is shared between the service and ``vagalwatch pair``: writers hold a lock file and
replace the file whole, readers need no lock.

A gateway may start before its clock is set, and a clock may be wrong for a while. A code's ten
minutes are therefore counted by CLOCK_BOOTTIME, which never steps and is the same in all
processes; a boot ends it. A session outlives boots, so it has only the wall clock: while that is
past its end the session opens nothing, but no wrong clock deletes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from vagalwatch.settings import ConfigError, PageSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE_LIFE_S: Final = 600
"""A code is for the person who stands beside the gateway now."""
SESSION_LIFE_S: Final = 400 * 86400
"""The longest life that browsers grant a cookie (RFC 6265bis, 5.5). Being locked out in the
middle of a hard evening would be worse than a long session that `pair --end` can end."""
SESSIONS_PER_WEARER: Final = 8
"""A phone, a tablet, a computer and their successors; the oldest gives way."""


class Paired(NamedTuple):
    """A browser that has just been paired; ``token`` goes into its cookie and nowhere else."""

    wearer: str
    token: str


class _Secret(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    wearer: str
    until_s: float
    """Of a session UTC, of a code the machine's uptime."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    codes: tuple[_Secret, ...] = ()
    sessions: tuple[_Secret, ...] = ()


class Credentials:
    """The credentials file of one site.

    Every method raises :class:`ConfigError` when the file is open to others or damaged.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], float] = time.time,
        uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        """Use the file at ``path``, which need not exist yet.

        ``now`` is UTC seconds; ``uptime`` is seconds since the machine's boot, sleep included.
        """
        self._path = path
        self._now = now
        self._uptime = uptime

    def new_code(self, wearer: str) -> str:
        """Make a code that pairs one browser with ``wearer``, once, within ten minutes."""
        code = secrets.token_urlsafe(16)
        made = _Secret(sha256=_sha256(code), wearer=wearer, until_s=self._uptime() + CODE_LIFE_S)
        with self._locked():
            file = self._read()
            self._write(_File(codes=(*self._live_codes(file), made), sessions=file.sessions))
        return code

    def redeem(self, code: str) -> Paired | None:
        """Spend ``code`` for a session; ``None`` if it is unknown, spent or too old."""
        spent = _sha256(code)
        with self._locked():
            file = self._read()
            codes = self._live_codes(file)
            wearer = _wearer_of(spent, codes)
            if wearer is None:
                return None
            token = secrets.token_urlsafe(32)
            session = _Secret(
                sha256=_sha256(token), wearer=wearer, until_s=self._now() + SESSION_LIFE_S
            )
            own = [kept for kept in file.sessions if kept.wearer == wearer]
            others = [kept for kept in file.sessions if kept.wearer != wearer]
            self._write(
                _File(
                    codes=tuple(kept for kept in codes if kept.sha256 != spent),
                    sessions=(*others, *own[1 - SESSIONS_PER_WEARER :], session),
                )
            )
        return Paired(wearer, token)

    def wearer_of(self, token: str) -> str | None:
        """Whose page ``token`` opens; ``None`` if it is unknown, too old or revoked."""
        return _wearer_of(_sha256(token), self._live_sessions(self._read()))

    def void_old_codes(self) -> None:
        """Delete the codes of earlier boots, before this one is as old as they were."""
        with self._locked():
            file = self._read()
            codes = self._live_codes(file)
            if codes != file.codes:
                self._write(_File(codes=codes, sessions=file.sessions))

    def forget(self, wearer: str) -> int:
        """End every session and code of ``wearer``; return how many sessions those were."""
        with self._locked():
            file = self._read()
            ended = [kept for kept in self._live_sessions(file) if kept.wearer == wearer]
            self._write(
                _File(
                    codes=tuple(kept for kept in file.codes if kept.wearer != wearer),
                    sessions=tuple(kept for kept in file.sessions if kept.wearer != wearer),
                )
            )
        return len(ended)

    def wearers(self) -> set[str]:
        """Whom the file names: those whose pages somebody may open, or once could."""
        file = self._read()
        return {kept.wearer for kept in (*file.codes, *file.sessions)}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> _File:
        try:
            with self._path.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                content = opened.read()
        except FileNotFoundError:
            return _File()
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                f"{self._path} can be read by others, so it is not used. "
                f"Run: chmod 600 {self._path}"
            )
        try:
            return _File.model_validate_json(content)
        except ValidationError as error:
            raise ConfigError(
                f"{self._path} is damaged. Move it away and pair the phones again."
            ) from error

    def _live_codes(self, file: _File) -> tuple[_Secret, ...]:
        """Writers leave the others out; one that ends too late is of an earlier boot."""
        up_s = self._uptime()
        return tuple(kept for kept in file.codes if up_s < kept.until_s <= up_s + CODE_LIFE_S)

    def _live_sessions(self, file: _File) -> tuple[_Secret, ...]:
        """By the clock as it stands: it may be wrong, so writers keep the others too."""
        now_s = self._now()
        return tuple(kept for kept in file.sessions if kept.until_s > now_s)

    def _write(self, file: _File) -> None:
        new = self._path.with_suffix(".new")
        # Made anew with its mode, never chmod-ed afterwards: there is no moment at which
        # others could open it.
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(file.model_dump_json().encode())
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(self._path)


def pairing_url(settings: PageSettings, code: str, *, host: str | None = None) -> str:
    """Where a phone pairs itself with ``code``.

    The code stands in the fragment, which browsers never send: it is in no log on the way.
    """
    if host is None and settings.public_host is not None and settings.tls_cert_file is None:
        # A TLS proxy in front: phones reach that, and never this port.
        return f"https://{settings.public_host}/pair#{code}"
    shown = host or settings.public_host or settings.host
    if ":" in shown:
        shown = f"[{shown}]"
    scheme = "http" if settings.tls_cert_file is None else "https"
    return f"{scheme}://{shown}:{settings.port}/pair#{code}"


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _wearer_of(sha256: str, among: tuple[_Secret, ...]) -> str | None:
    return next((kept.wearer for kept in among if kept.sha256 == sha256), None)
