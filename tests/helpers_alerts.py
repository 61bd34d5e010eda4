"""A wearer to play with: a policy, a clock that the test moves, and what the policy said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vagalwatch.alerts.policy import Policy, PolicyState
from vagalwatch.engine import EngineState
from vagalwatch.journal.snapshot import freeze, thaw
from vagalwatch.records import (
    Alert,
    Answer,
    AnswerKind,
    BreakPhase,
    BreakStep,
    Episode,
    EpisodeKind,
    Estimate,
    Metrics,
    Run,
    Setting,
    State,
    Tick,
    Together,
)

if TYPE_CHECKING:
    from vagalwatch.records import Record

NS = 1_000_000_000
NOON_NS = 1_767_268_800 * NS  # 2026-01-01 12:00:00 UTC


class Wearer:
    """Pushes what happens to ``anna`` into her policy and keeps what it says."""

    def __init__(self, now_ns: int = NOON_NS) -> None:
        self.policy = Policy("anna", PolicyState())
        self.now_ns = now_ns
        self.said: list[Record] = []
        self.heard: list[Record] = []
        """Everything in its order: what happened, and what was said of it."""

    def push(self, record: Record) -> list[Record]:
        said = self.policy.push(record)
        self.said.extend(said)
        self.heard.extend((record, *said))
        return said

    def restart(self) -> None:
        """Go on from the state as a snapshot keeps it: as text, and read back."""
        state = thaw(freeze(EngineState(policy=self.policy.state)))
        self.policy = Policy("anna", state.policy)

    def run_starts(self, now_ns: int) -> None:
        """The machine came up again; its clock reads ``now_ns``."""
        self.restart()
        self.now_ns = now_ns
        run = Run(t_ns=now_ns, recv_ns=now_ns, version="1", engine_version=1, parameters_hash="0")
        self.push(run)

    def tick(self, seconds: float = 1) -> list[Record]:
        """Move on and say so once."""
        self.now_ns += round(seconds * NS)
        return self.push(Tick(t_ns=self.now_ns, recv_ns=self.now_ns))

    def body(
        self,
        state: State = State.SETTLED,
        hr_bpm: float | None = 70.0,
        *,
        usual: float | None = 70.0,
        motion_mg: float | None = None,
        seconds: float = 5,
    ) -> list[Record]:
        """One row of the estimate for each 5 s of ``seconds``."""
        said: list[Record] = []
        for _ in range(round(seconds / 5)):
            self.now_ns += 5 * NS
            row = Estimate(
                wearer="anna",
                t_ns=self.now_ns - 3 * NS,
                recv_ns=self.now_ns,
                state=state,
                usual_hr_bpm=usual,
                metrics=Metrics(hr_bpm=hr_bpm, motion_mg=motion_mg),
            )
            said += self.push(row)
        return said

    def episode(
        self, kind: EpisodeKind = EpisodeKind.FLOODING, *, age_s: float = 3
    ) -> list[Record]:
        """The pipeline recognises an episode: its row first, then the episode."""
        self.body(STATES[kind], hr_bpm=105)
        t_ns = self.now_ns - round(age_s * NS)
        return self.push(
            Episode(
                wearer="anna",
                t_ns=t_ns,
                recv_ns=self.now_ns,
                episode=kind,
                onset_ns=t_ns - 20 * NS,
            )
        )

    def ends(self, kind: EpisodeKind = EpisodeKind.FLOODING) -> list[Record]:
        return self.push(
            Episode(
                wearer="anna",
                t_ns=self.now_ns,
                recv_ns=self.now_ns,
                episode=kind,
                onset_ns=self.now_ns - 60 * NS,
                end_ns=self.now_ns,
            )
        )

    def says(
        self,
        answer: AnswerKind,
        *,
        about: str | None = None,
        minutes: int | None = None,
        via: Literal["page", "mqtt", "home"] = "page",
    ) -> list[Record]:
        """A person answers, about the present break if nothing else is said."""
        pause = self.policy.state.pause
        if about is None:
            about = "" if pause is None or answer == AnswerKind.START_BREAK else pause.id
        return self.push(
            Answer(
                wearer="anna",
                t_ns=self.now_ns,
                recv_ns=self.now_ns,
                answer=answer,
                about=about,
                minutes=minutes,
                via=via,
            )
        )

    def sets(self, key: str, value: str) -> None:
        self.push(
            Setting(wearer="anna", t_ns=self.now_ns, recv_ns=self.now_ns, key=key, value=value)
        )

    def together(self, minutes: int) -> list[Record]:
        """The partner's break, of which the shell tells, lasts for so long from now."""
        until_ns = self.now_ns + minutes * 60 * NS
        return self.push(
            Together(wearer="anna", t_ns=self.now_ns, recv_ns=self.now_ns, until_ns=until_ns)
        )

    @property
    def alerts(self) -> list[Alert]:
        return [record for record in self.said if isinstance(record, Alert)]

    @property
    def steps(self) -> list[BreakStep]:
        return [record for record in self.said if isinstance(record, BreakStep)]

    @property
    def phases(self) -> list[BreakPhase]:
        return [step.phase for step in self.steps]

    @property
    def prompts(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.alert != EpisodeKind.SAFETY]


STATES = {
    EpisodeKind.FLOODING: State.FLOODING,
    EpisodeKind.SHUTDOWN: State.SHUTDOWN,
    EpisodeKind.SAFETY: State.RISING,
}
