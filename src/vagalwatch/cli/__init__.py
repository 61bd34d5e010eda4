"""The command line: one verb a use. Every verb that prints data has `--json`.

Exit codes: 0 done, 1 it failed, 2 the input was bad. An error is one sentence on stderr, with
the way out. What a verb needs is imported when it is called, so that each starts quickly.
"""

from __future__ import annotations

# Importing these puts their verbs into app, in the order in which the help shows them.
from vagalwatch.cli import home, reach, therapist, couple, recordings  # isort: skip
from vagalwatch.cli.terminal import app

__all__ = ["app", "couple", "home", "main", "reach", "recordings", "therapist"]


def main() -> None:
    """Entry point."""
    app()
