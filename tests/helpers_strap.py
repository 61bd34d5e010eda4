"""A strap for timing tests: true beats in, notifications of the Heart Rate Service out."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS


class Notification(NamedTuple):
    """Intervals, when they arrived, and (the test's knowledge) when their beats were."""

    recv_ns: int
    rr_1024: tuple[int, ...]
    beats_ns: tuple[int, ...]


@dataclass(frozen=True)
class Heart:
    """A heart with breathing, a slow wave and noise."""

    bpm: float = 70.0
    rsa_ms: float = 40.0
    noise_ms: float = 15.0
    seed: int = 1

    def rr_1024(self, count: int) -> list[int]:
        """Intervals in ticks."""
        rng = random.Random(self.seed)  # noqa: S311 - a story, not a secret
        ticks: list[int] = []
        t_s = 0.0
        for _ in range(count):
            rr_ms = 60_000 / self.bpm
            rr_ms += self.rsa_ms * math.sin(2 * math.pi * 0.25 * t_s)
            rr_ms += self.noise_ms * rng.uniform(-1, 1)
            ticks.append(min(max(round(rr_ms * 1.024), 310), 2040))
            t_s += ticks[-1] / 1024
        return ticks


@dataclass(frozen=True)
class Strap:
    """Sends, once a period, the beats that ended ``latency_s`` ago or earlier."""

    latency_s: float = 0.9
    period_s: float = 1.0
    phase_s: float = 0.3
    jitter_s: float = 0.1
    seed: int = 2

    @property
    def median_latency_s(self) -> float:
        """What a latency table would say of it."""
        return self.latency_s + self.period_s / 2 + self.jitter_s / 2

    def notifications(self, rr_1024: list[int]) -> list[Notification]:
        """Everything it sends, from its first beat on."""
        rng = random.Random(self.seed)  # noqa: S311
        ends = [START_NS + ticks * NS // 1024 for ticks in accumulate(rr_1024)]
        sent: list[Notification] = []
        index = tick = 0
        while index < len(ends):
            due_ns = START_NS + round((self.phase_s + tick * self.period_s) * NS)
            tick += 1
            upto = index
            while upto < len(ends) and ends[upto] + self.latency_s * NS <= due_ns:
                upto += 1
            recv_ns = due_ns + round(rng.uniform(0, self.jitter_s) * NS)
            sent.append(Notification(recv_ns, tuple(rr_1024[index:upto]), tuple(ends[index:upto])))
            index = upto
        first = next(n for n, one in enumerate(sent) if one.rr_1024)
        return sent[first:]


def without(sent: list[Notification], index: int) -> list[Notification]:
    """One notification never arrives."""
    return sent[:index] + sent[index + 1 :]


def twice(sent: list[Notification], index: int, after_s: float) -> list[Notification]:
    """One notification arrives a second time."""
    again = sent[index]
    copy = replace_recv(again, again.recv_ns + round(after_s * NS))
    return sorted([*sent, copy], key=lambda one: one.recv_ns)


def replace_recv(one: Notification, recv_ns: int) -> Notification:
    """The same bytes at another time."""
    return Notification(recv_ns, one.rr_1024, one.beats_ns)
