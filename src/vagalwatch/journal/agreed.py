"""What a wearer of a journal has agreed to (:mod:`vagalwatch.alerts.consents`), and since when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vagalwatch.alerts import consents
from vagalwatch.journal.recording import entries
from vagalwatch.journal.walltime import AsKnownNow
from vagalwatch.records import SITE, Setting

if TYPE_CHECKING:
    from vagalwatch.journal.reader import Reader


def agreed_ns(reader: Reader, wearer: str, key: str, purpose: str) -> int | None:
    """Since when ``wearer`` agrees to it (UTC ns of the wall clock); ``None``: not now.

    A run's time is put right by all of its clock steps, as a recording's samples are.
    """
    wall = AsKnownNow(entries(reader, SITE, ("clock-step",)))
    settings = (
        replace(record, recv_ns=record.recv_ns + wall.step_ns(place))
        for place, record in entries(reader, wearer, ("setting",))
        if isinstance(record, Setting) and record.wearer == wearer
    )
    began = consents.began(settings, key, purpose)
    return None if began is None else began.recv_ns
