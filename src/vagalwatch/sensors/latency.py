"""How late each model of heart-rate sensor reports, so that beats are placed when they happened.

Figures: KTH, Physiol. Meas. 46(8) 085001, 2025 (diva2:1995470): median latency of RR intervals
and of the heart rate against an ECG. The heart rate is filtered by the sensor, in each model
its own way: later than the beats in some, as late or a little earlier in others.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Latency(NamedTuple):
    """Median delay from a beat (or a change of rate) to its notification, in seconds."""

    rr_s: float
    hr_s: float


_MEASURED: Final = {
    "movesense": Latency(0.4, 1.0),
    "hrm-dual": Latency(0.7, 3.3),  # Garmin
    "trackr": Latency(2.1, 2.2),  # Wahoo
    "h10": Latency(2.6, 2.3),  # Polar
}

UNKNOWN: Final = Latency(1.4, 2.2)
"""The middle of the four measured models: at most 1.2 s wrong for beats of any of them."""


def latency_of(manufacturer: str, model: str) -> Latency:
    """Look a sensor up by its Device Information strings."""
    name = f"{manufacturer} {model}".lower()
    return next((latency for key, latency in _MEASURED.items() if key in name), UNKNOWN)
