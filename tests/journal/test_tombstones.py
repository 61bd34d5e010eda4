from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from vagalwatch.journal.tombstones import Tombstones
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

GONE = "zoe-who-leaves"


def test_the_name_stands_there_only_until_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "state" / "home.tombstones"
    stones = Tombstones(path)
    assert GONE not in stones
    stones.bury(GONE)
    stones.bury("ben")
    stones.bury(GONE)
    assert GONE in Tombstones(path)
    assert Tombstones(path).pending() == (GONE, "ben")
    stones.finish(GONE)
    assert stones.pending() == ("ben",)
    assert GONE in Tombstones(path), "the hash still knows it"
    assert all(GONE.encode() not in file.read_bytes() for file in path.parent.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_site_cannot_be_compared_with_another(tmp_path: Path) -> None:
    for site in ("a", "b"):
        Tombstones(tmp_path / site).bury(GONE)
        Tombstones(tmp_path / site).finish(GONE)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_only_lifting_takes_it_away(tmp_path: Path) -> None:
    stones = Tombstones(tmp_path / "stones")
    stones.bury(GONE)
    stones.finish(GONE)
    assert not stones.lift("ben")
    assert GONE in stones
    assert stones.lift(GONE)
    assert GONE not in stones


def test_a_damaged_file_is_not_taken_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "stones"
    path.write_text('{"version": 1, "sha')
    with pytest.raises(ConfigError, match="erase these wearers again"):
        _ = GONE in Tombstones(path)
