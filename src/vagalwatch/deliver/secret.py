"""Passwords and tokens come from files that only the service can read, and from nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vagalwatch.settings import ConfigError


def read_secret(file: Path, key: str) -> str:
    """The text of ``file``, which the configuration names under ``key``.

    Raises:
        ConfigError: it cannot be read, or others can read it; the message never quotes it.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{key} {file} cannot be read ({type(error).__name__}).") from error
    if mode & _too_open(file):
        raise ConfigError(f"Others can read {key}. Run: chmod 600 {file}, and replace the secret.")
    return text.strip()


def _too_open(file: Path) -> int:
    """Permission bits that a secret must not have.

    systemd hands credentials over in a directory of the service's own, as 0440 with an access
    list whose mask shows as the group's bits (systemd.exec(5), LoadCredential=).
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and file.is_relative_to(Path(credentials)):
        return 0o037
    return 0o077
