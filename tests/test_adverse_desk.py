"""`vagalwatch adverse-event` through the running service, into the report, and out of it again."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from helpers_cli import call as command
from helpers_couple import agrees
from helpers_house import EVENING_NS, WEARER, house
from vagalwatch.alerts import consents
from vagalwatch.clock import NS
from vagalwatch.control import ControlError, call
from vagalwatch.records import Answer, AnswerKind
from vagalwatch.report import one
from vagalwatch.report.speech import Speech, lines

if TYPE_CHECKING:
    from pathlib import Path

    from helpers_cli import Told

MINUTE_NS = 60 * NS
JUDGED: dict[str, Any] = {"serious": True, "related": "possible", "expected": False, "note": ""}


def test_a_log_that_is_judged_is_told_reported_and_erased(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))
    for word in (b"fright", b"stairs"):
        assert not [f for f in tmp_path.iterdir() if f.is_file() and word in f.read_bytes()]


async def _story(folder: Path) -> None:
    config = folder / "a.toml"
    config.write_text(f'site = "test"\nstate_dir = "{folder}"\n')

    async def asked(*words: str) -> Told:
        return await asyncio.to_thread(command, "adverse-event", WEARER, *words, "--config", config)

    async with house(folder) as home:
        worse = Answer(
            wearer=WEARER, t_ns=EVENING_NS, recv_ns=EVENING_NS, answer=AnswerKind.MADE_WORSE
        )
        await home.service.hub.submit(worse)
        minute = f"{datetime.fromtimestamp(EVENING_NS / NS):%Y-%m-%dT%H:%M}"  # noqa: DTZ006 - as the command
        told = await asked()
        assert told.out.splitlines()[1].split("  ") == [
            minute, "yes", "not judged", "not judged", "not judged", ""
        ]  # fmt: skip
        half = await asked("--at", minute, "--serious")
        assert "takes all of" in half.sentence(2)
        judged = await asked(
            "--at", minute, "--serious", "--related", "possible", "--unexpected",
            "--note", "Fell on the stairs", "--json",
        )  # fmt: skip
        (harm,) = judged.json
        assert harm == {
            "wall_ns": EVENING_NS // MINUTE_NS * MINUTE_NS,
            "said": True,
            "serious": True,
            "related": "possible",
            "expected": False,
            "note": "Fell on the stairs",
        }
        later = {"not-serious": "--not-serious", "note": "Only a fright"}
        again = await asked(
            "--at", minute, later["not-serious"], "--related", "unlikely", "--expected",
            "--note", later["note"],
        )  # fmt: skip
        assert again.out.splitlines()[1:] == [f"{minute}  yes  no  unlikely  yes  Only a fright"], (
            "what is judged later takes the place of what was"
        )
        await home.service.hub.submit(agrees(WEARER, consents.THERAPIST, EVENING_NS))
        between_ns = EVENING_NS - 3600 * NS, EVENING_NS + 3600 * NS
        figures, page = one.report(
            folder / "test.sqlite", WEARER, between_ns, form="dap", speech=Speech("en", lines("en"))
        )
        assert [one_["note"] for one_ in figures["harms"]] == ["Only a fright"]
        assert "Only a fright" in page
        assert "stairs" not in page
        for wrong in ({"wearer": "kim"}, {"serious": "yes"}, {"wall_ns": 1.5}, {"related": "so"}):
            what: dict[str, Any] = {"wearer": WEARER, "wall_ns": 0} | JUDGED | wrong
            with pytest.raises(ControlError):
                await asyncio.to_thread(call, folder / "test.control", "adverse-event", **what)
        assert len((await asked("--json")).json) == 1, "what was refused is not there"
        await asyncio.to_thread(call, folder / "test.control", "erase", wearer=WEARER, timeout_s=60)
