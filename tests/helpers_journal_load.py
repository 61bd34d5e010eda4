"""A nursery of services that write under load until they are killed; run as a program.

Each line on stdin (journal, external ledger, seed) starts a child, whose process id is printed;
when it is dead, its exit status. Children are forked from here, where everything is imported and
no thread runs, so that hundreds of deaths take seconds.

What a child is about to append it writes to the external ledger first: ``+ seq time``; what the
journal has confirmed to it afterwards: ``! seq``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import time
from pathlib import Path

from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.port import Snapshot
from vagalwatch.records import Eda, Heart, Record, Setting, Tick


def record(seq: int) -> Record:
    """The record with this number, always the same."""
    match seq % 4:
        case 0:
            return Tick(t_ns=seq, recv_ns=seq)
        case 1:
            raw = seq.to_bytes(8) * (1 + seq % 7)
            return Heart(
                wearer="ada", source="s", t_ns=seq, recv_ns=seq, hr_bpm=seq / 7, raw=raw, codec="x"
            )
        case 2:
            times = tuple(range(seq - 40, seq))
            values = tuple(time / 9 for time in times)
            return Eda(
                wearer="bob", source="s", t_ns=seq, recv_ns=seq, sample_t_ns=times, eda_us=values
            )
        case _:
            return Setting(wearer="ada", t_ns=seq, recv_ns=seq, key="k", value=str(seq) * 9)


async def write_on(journal_path: Path, ledger_path: Path, seed: int) -> None:
    """Append, with urgent records in between unless ``seed`` is a multiple of ten."""
    chance = random.Random(seed)  # noqa: S311 - a load that can be repeated
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    journal = SqliteJournal(journal_path)
    os.write(ledger, f"run {journal.run}\n".encode())
    for seq in itertools.count(1):
        os.write(ledger, f"+ {seq} {time.monotonic_ns()}\n".encode())
        urgent = seed % 10 != 0 and chance.random() < 0.05
        place = journal.append(record(seq), urgent=urgent)
        if urgent:
            await journal.committed(place)
            os.write(ledger, f"! {seq}\n".encode())
        if chance.random() < 0.02:
            journal.move_cursor("sink", place)
            journal.save_snapshot("ada", Snapshot(place, 1, "hash", str(seq)))
        if seq % 5 == 0:
            await asyncio.sleep(0.004)


def main() -> None:
    """Fork a child a line."""
    for line in sys.stdin:
        journal, ledger, seed = line.split("\t")
        pid = os.fork()
        if pid == 0:
            asyncio.run(write_on(Path(journal), Path(ledger), int(seed)))
        print(pid, flush=True)  # noqa: T201 - the answer
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
