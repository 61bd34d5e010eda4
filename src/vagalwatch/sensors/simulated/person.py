"""How one simulated person is made, drawn from a seed: set points relative to their own rest."""

from __future__ import annotations

from typing import Final

import numpy as np

from vagalwatch.sensors.simulated.script import Drive, Phase

UPRIGHT: Final = (0.1, 0.2, 0.97)
LEANING: Final = (0.75, 0.2, 0.63)  # the hand's gravity turned by some 40 degrees


class Person:
    """How one person's body is made, and set points relative to that."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw them from ``rng``, of which later variations are drawn, too."""
        self.rng = rng
        # Gottman's resting means are 72 (men) and 82 (women); healthy adults sit at 58 to 82.
        self.hr_bpm = float(rng.uniform(58, 82))
        # RMSSD of healthy adults is 19 to 75 ms (Nunan et al. 2010); a sine of this amplitude
        # at 0.25 Hz and 70 bpm makes about 1.1 times it.
        self.rsa_ms = float(np.clip(rng.lognormal(np.log(28), 0.3), 15, 50))
        self.breath_hz = float(rng.uniform(0.2, 0.28))
        # Boucsein 2012: 2 to 20 uS at the fingers.
        self.scl_us = float(np.clip(rng.lognormal(np.log(5), 0.4), 2.5, 12))
        self.nsr_per_min = float(rng.uniform(2, 3.5))

    def drive(
        self,
        hr_bpm: float = 0.0,
        *,
        scl: float = 1.0,
        nsr_per_min: float | None = None,
        rsa: float = 1.0,
        fidgets_per_min: float = 0.5,
        speaking: bool = False,
        gravity: tuple[float, float, float] = UPRIGHT,
    ) -> Drive:
        """Set points ``hr_bpm`` above the resting rate, with ``scl`` and ``rsa`` as factors."""
        return Drive(
            hr_bpm=self.hr_bpm + hr_bpm,
            rsa_ms=self.rsa_ms * rsa,
            breath_hz=self.breath_hz,
            breath_spread=0.5 if speaking else 0.1,
            scl_us=self.scl_us * scl,
            nsr_per_min=self.nsr_per_min if nsr_per_min is None else nsr_per_min,
            fidgets_per_min=fidgets_per_min,
            ectopics_per_min=0.05,
            gravity_x=gravity[0],
            gravity_y=gravity[1],
            gravity_z=gravity[2],
        )

    def about(self, value: float, spread: float) -> float:
        """``value`` give or take ``spread``."""
        return value + float(self.rng.uniform(-spread, spread))

    def sits_down_and_rests(self) -> tuple[Phase, Phase]:
        """The beginning of every evening: still a little quick, then at rest."""
        return (
            Phase(0, self.drive(self.about(3, 1), scl=1.05)),
            Phase(5, self.drive(), over_s=150),
        )
