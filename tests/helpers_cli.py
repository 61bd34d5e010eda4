"""The command line for tests: called in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from typer.testing import CliRunner

from vagalwatch.cli import app
from vagalwatch.settings import ENV_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

PROCESS_LIMIT_S = 60.0


class Told(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the verb prints
        """All of stdout as one JSON value."""
        return json.loads(self.out)

    def sentence(self, code: int) -> str:
        """The one line on stderr of a command that ended with ``code`` and printed nothing."""
        assert self.code == code, self
        assert self.out == "", self.out
        (line,) = self.err.splitlines()
        assert line == line.strip()
        assert line[-1] in ".?", line
        for internal in ("Traceback", "Error:", "Errno", "Exception", "<class", "object at 0x"):
            assert internal not in line, line
        return line


def call(*words: object, stdin: bytes | str = "") -> Told:
    """Call the command line in this process."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Told(result.exit_code, result.stdout, result.stderr)


def command(*words: object) -> list[str]:
    """The arguments of the process that :func:`run` starts."""
    return [sys.executable, "-m", "vagalwatch", *map(str, words)]


def environment() -> dict[str, str]:
    """This process's, without what would configure vagalwatch."""
    return {name: text for name, text in os.environ.items() if not name.startswith(ENV_PREFIX)}


def run(*words: object, stdin: bytes = b"", cwd: Path | None = None) -> Told:
    """Call the command line as a process of its own."""
    done = subprocess.run(
        command(*words),
        input=stdin,
        capture_output=True,
        timeout=PROCESS_LIMIT_S,
        check=False,
        cwd=cwd,
        env=environment(),
    )
    return Told(done.returncode, done.stdout.decode(), done.stderr.decode())
