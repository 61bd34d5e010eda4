"""kill -9 in the middle of erasing, again and again: it goes on, and others lose nothing."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import helpers_cli
from vagalwatch.clock import NS
from vagalwatch.journal.log import SqliteJournal
from vagalwatch.journal.reader import open_reader
from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.records import Marker, Tick

if TYPE_CHECKING:
    from pathlib import Path

GONE, STAYS = "zoe-who-leaves", "ben"
DEATHS = 6
ROWS = 15_000


async def filled(path: Path) -> None:
    with closing(SqliteJournal(path)) as journal:
        for n in range(ROWS):
            for wearer in (GONE, STAYS):
                t_ns = n * NS
                text = f"{wearer} {n}"
                journal.append(Marker(wearer=wearer, t_ns=t_ns, recv_ns=t_ns, text=text))
        await journal.committed(journal.append(Tick(t_ns=1, recv_ns=1), urgent=True))


def test_it_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    config = tmp_path / "vagalwatch.toml"
    state = tmp_path / "state"
    config.write_text(f'state_dir = "{state}"\n[mqtt]\nmode = "off"\n')
    asyncio.run(filled(state / "home.sqlite"))
    chance = random.Random(20261123)  # noqa: S311 - no secret
    stones = Tombstones(state / "home.tombstones")
    left = [ROWS]
    for _ in range(DEATHS):
        written = _mtime(state / "home.tombstones")
        with subprocess.Popen(
            helpers_cli.command("erase", GONE, "--yes", "--config", config),
            env=helpers_cli.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as erasing:
            deadline = time.monotonic() + helpers_cli.PROCESS_LIMIT_S
            while _mtime(state / "home.tombstones") == written and erasing.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.001)  # another process is at work
            # A moment of the work, however fast this machine is: by rows, not by the clock.
            enough = left[-1] - chance.randrange(left[-1] // 4 + 1)
            with open_reader(state / "home.sqlite") as reader:
                while reader.count_left(GONE) > enough and erasing.poll() is None:
                    assert time.monotonic() < deadline
            erasing.kill()
        assert GONE in stones, "from the first moment on"
        with open_reader(state / "home.sqlite") as reader:
            left.append(reader.count_left(GONE))
            assert reader.count_left(STAYS) == ROWS
    assert left == sorted(left, reverse=True)
    told = helpers_cli.run("erase", GONE, "--yes", "--json", "--config", config)
    assert told.json["nothing_left"], told
    assert stones.pending() == ()
    assert GONE in stones
    files = [file for file in state.iterdir() if GONE.encode() in file.read_bytes()]
    assert files == []
    with open_reader(state / "home.sqlite") as reader:
        assert reader.count_left(STAYS) == ROWS
    assert any(0 < rows < ROWS for rows in left), "some deaths came in the middle"


def _mtime(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
