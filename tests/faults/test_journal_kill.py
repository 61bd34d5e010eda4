"""kill -9 at random moments under load, held against a ledger kept outside of the process."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from helpers_journal_load import record
from vagalwatch.journal.port import RUN_SHIFT
from vagalwatch.journal.reader import open_reader

NURSERY = Path(__file__).parents[1] / "helpers_journal_load.py"
DEATHS = 200
SEED = 20261123


@pytest.mark.slow
def test_after_kill_9_at_most_the_last_second_is_missing(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a test that can be repeated
    journal = tmp_path / "site.sqlite"
    committed = 0
    with subprocess.Popen(
        [sys.executable, str(NURSERY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for death in range(DEATHS):
            ledger = tmp_path / f"ledger-{death}"
            print(f"{journal}\t{ledger}\t{death}", file=nursery.stdin, flush=True)
            pid = int(nursery.stdout.readline())
            # Every tenth commits by the clock only, and lives to see a commit or two; some die
            # while they open the journal.
            time.sleep(chance.uniform(0.4, 1.7) if death % 10 == 0 else chance.uniform(0.0, 0.15))
            killed_ns = time.monotonic_ns()  # before: this process may have to wait its turn
            os.kill(pid, signal.SIGKILL)
            assert int(nursery.stdout.readline()) == signal.SIGKILL, f"seed {SEED}, death {death}"
            committed += check(journal, ledger, killed_ns, f"seed {SEED}, death {death}")
        nursery.stdin.close()
    assert not [file for file in tmp_path.iterdir() if "broken" in file.name]
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT count(*) FROM records").fetchone()[0] == committed
    assert committed > DEATHS  # the load was one


def check(journal: Path, ledger: Path, killed_ns: int, which: str) -> int:
    """What must be there of the run that just died; returns how many records are."""
    lines = ledger.read_text().split("\n")[:-1] if ledger.exists() else []
    if not lines:
        return 0  # died before it had opened the journal
    run = int(lines[0].removeprefix("run "))
    handed: list[tuple[int, int]] = []
    confirmed = 0
    for line in lines[1:]:
        match line.split():
            case ["+", seq, at]:
                handed.append((int(seq), int(at)))
            case ["!", seq]:
                confirmed = int(seq)
    with open_reader(journal) as reader:
        entries = reader.read(run << RUN_SHIFT, limit=100_000)
        cursor, snapshot, newest = reader.cursor("sink"), reader.snapshot("ada"), reader.newest
    assert [entry.record for entry in entries] == [
        record(seq) for seq in range(1, len(entries) + 1)
    ], which
    assert [entry.place for entry in entries] == [
        run << RUN_SHIFT | seq for seq in range(1, len(entries) + 1)
    ], which
    assert len(entries) <= len(handed), which
    assert len(entries) >= confirmed, which
    old_ns = killed_ns - 1_000_000_000
    assert all(seq <= len(entries) for seq, at in handed if at <= old_ns), which
    # Notes are never ahead of what they speak of.
    assert cursor <= newest, which
    assert snapshot is None or snapshot.place <= newest, which
    return len(entries)
