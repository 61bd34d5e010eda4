"""What came of the demo's evening: counted in its journal, as anybody could, after it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from vagalwatch.alerts import words
from vagalwatch.alerts.couple import Couples, Gone, Seen, Shown, after
from vagalwatch.clock import NS
from vagalwatch.journal.reader import open_reader
from vagalwatch.records import Alert, BreakStep, Eda, Gap, Heart

if TYPE_CHECKING:
    from pathlib import Path

    from vagalwatch.records import Record

NOTHING: Final = "nothing"
"""In place of what was said: from then on there was nothing to see of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSeen:
    """An alert as it stands in the journal; ``t_s`` counts from the story's beginning."""

    wearer: str
    kind: str
    t_s: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakSeen:
    """A break's last step."""

    wearer: str
    origin: str
    phase: str
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSeen:
    """What the page of ``wearer`` began to say of the other, and by when the other checks in.

    ``say`` is a key of the words file (``partner.*``), or :data:`NOTHING`.
    """

    wearer: str
    t_s: float
    say: str
    name: str
    check_in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was counted, each at its own end of the line.

    ``beats`` and ``eda_samples`` are those in the journal, ``notifications`` what the wearables
    sent; ``mqtt_messages`` what an independent subscriber received of what the service published.
    """

    story: str
    seed: int
    wearers: tuple[str, ...]
    duration_s: float
    beats: int
    eda_samples: int
    gaps: int
    alerts: tuple[AlertSeen, ...]
    breaks: tuple[BreakSeen, ...]
    partners: tuple[PartnerSeen, ...]
    journal_rows: int
    mqtt_messages: int
    notifications: int
    took_s: float

    def sentences(self) -> list[str]:
        """For a person."""
        lines = [
            (
                f"In {self.duration_s / 60:.0f} minutes {self.notifications} notifications over "
                f"Bluetooth became {self.beats} beats and {self.eda_samples} skin samples in "
                f"{self.journal_rows} journal rows."
            ),
            f"{self.mqtt_messages} messages went out over MQTT.",
        ]
        told = [
            (alert.t_s, f"{alert.wearer} was prompted, possible {alert.kind}.")
            for alert in self.alerts
        ]
        told += [(seen.t_s, f"{seen.wearer} was told: {_told(seen)}") for seen in self.partners]
        lines += [f"{t_s / 60:.1f} min: {said}" for t_s, said in sorted(told)]
        lines += [
            f"{pause.wearer} took "
            + (f"a break of {pause.minutes:.0f} min" if pause.minutes else "no break")
            + f" ({pause.phase})."
            for pause in self.breaks
        ]
        return lines if self.alerts else [*lines, "Nobody was prompted."]


class Counted(NamedTuple):
    """The part of an :class:`Outcome` that its journal tells."""

    beats: int
    eda_samples: int
    gaps: int
    alerts: tuple[AlertSeen, ...]
    breaks: tuple[BreakSeen, ...]
    partners: tuple[PartnerSeen, ...]
    journal_rows: int


def count(journal: Path, zero_ns: int) -> Counted:
    """Read what happened since ``zero_ns``, the story's second 0."""
    beats = eda_samples = rows = 0
    gaps = set()
    alerts = []
    breaks: dict[str, BreakStep] = {}
    partners = _Partners(zero_ns)
    with open_reader(journal) as reader:
        after_place = 0
        while entries := reader.read(after_place):
            after_place = entries[-1].place
            rows += len(entries)
            for _, record in entries:
                partners.push(record)
                match record:
                    case Heart():
                        beats += len(record.rr_ms)
                    case Eda():
                        eda_samples += len(record.eda_us)
                    case Gap():
                        gaps.add((record.wearer, record.source, record.stream, record.t_ns))
                    case Alert():
                        alerts.append(_alert(record, zero_ns))
                    case BreakStep():
                        breaks[record.id] = record
                    case _:
                        pass
    return Counted(
        beats=beats,
        eda_samples=eda_samples,
        gaps=len(gaps),
        alerts=tuple(alerts),
        breaks=tuple(
            BreakSeen(
                wearer=step.wearer,
                origin=step.origin,
                phase=step.phase,
                minutes=round((step.until_ns - step.began_ns) / NS / 60, 1),
            )
            for step in breaks.values()
        ),
        partners=tuple(partners.seen),
        journal_rows=rows,
    )


class _Partners:
    """What each could see of the other, reduced from the records as the page does it."""

    def __init__(self, zero_ns: int) -> None:
        self.seen: list[PartnerSeen] = []
        self._zero_ns = zero_ns
        self._couples = Couples()
        self._shown: dict[str, Shown | None] = {}
        self._said: dict[str, tuple[str, int]] = {}

    def push(self, record: Record) -> None:
        for word in self._couples.push(record):
            match word:
                case Seen(to):
                    self._shown[to] = after(self._shown.get(to), word)
                case Gone(to):
                    self._shown[to] = None
        for wearer, shown in self._shown.items():
            self._say(wearer, shown, record.recv_ns)

    def _say(self, wearer: str, shown: Shown | None, now_ns: int) -> None:
        said = (NOTHING, 0) if shown is None else (shown.say_at(now_ns), shown.until_ns)
        if said != self._said.get(wearer, (NOTHING, 0)):
            self._said[wearer] = said
            self.seen.append(
                PartnerSeen(
                    wearer=wearer,
                    t_s=round((now_ns - self._zero_ns) / NS, 1),
                    say=said[0],
                    name="" if shown is None else shown.name,
                    check_in_s=0.0 if shown is None else round((said[1] - self._zero_ns) / NS, 1),
                )
            )


def _told(seen: PartnerSeen) -> str:
    if seen.say == NOTHING:
        return "nothing more."
    line = words.lines()[f"partner.{seen.say}"]
    return line.format(name=seen.name, time=f"minute {seen.check_in_s / 60:.0f}")


def _alert(alert: Alert, zero_ns: int) -> AlertSeen:
    return AlertSeen(
        wearer=alert.wearer,
        kind=alert.alert,
        t_s=round((alert.t_ns - zero_ns) / NS, 1),
        reasons=tuple(reason.code for reason in alert.reasons),
    )
