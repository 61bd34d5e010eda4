"""What the heart shows of breathing: its rate, and how much of the rhythm follows one wave.

Both come from one spectrum of the resampled intervals of about a minute (as
:mod:`vagalwatch.hrv.spectrum`), padded so that a peak can be placed between the bins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.hrv.spectrum import even_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

    Floats = NDArray[np.float64]

BREATHING_S: Final = 60  # six breaths at the slowest rate, 12 at rest
COHERENCE_S: Final = 64  # HeartMath's window
_HZ: Final = PARAMETERS.figures.resample_hz
_PADDED: Final = 2048  # .002 Hz a bin: a tenth of a breath a minute
_BREATHS_HZ: Final = (0.08, 0.5)  # 4.8 to 30 a minute
# Half the width of a Hann window's main lobe over 60 s: a pure wave lies within.
_LOBE_HZ: Final = 2 / BREATHING_S
# Measured: a minute of noise reaches this once in 1,000; of two equal waves, breathing and blood
# pressure, neither does in 9 minutes of 10; at .45 it would be noise in 1 of 70, and the wrong
# wave in 1 of 3.
_CLEAR_SHARE: Final = 0.55
_PEAK_HZ: Final = (0.04, 0.24)  # HeartMath, as the width to both sides of the peak
_PEAK_WIDTH_HZ: Final = 0.015


def breaths_per_min(beats: BeatWindow) -> float | None:
    """Breathing rate from respiratory sinus arrhythmia over the last 60 s.

    The highest peak of the spectrum between .08 and .5 Hz (Schäfer & Kratky 2008, Ann Biomed Eng
    36:476, compare such methods). ``None`` where the spectrum would be thin, where no single
    wave holds 55 % of the power over .04 Hz (speech, a weak arrhythmia, a slow blood pressure
    wave beside), and near or over half the heart rate, which beats cannot show (Witte 1988).
    """
    spectrum = _power(beats, BREATHING_S)
    if spectrum is None:
        return None
    hz, power = spectrum
    window = beats.last(BREATHING_S)
    highest_hz = min(_BREATHS_HZ[1], 500.0 / float(np.mean(window.rr_ms[window.valid])) - _LOBE_HZ)
    possible = np.flatnonzero((hz >= _BREATHS_HZ[0]) & (hz <= highest_hz))
    if not possible.size:
        return None
    top = int(possible[np.argmax(power[possible])])
    if power[top] < power[top - 1] or power[top] < power[top + 1]:
        return None  # the slope of a wave beyond the range
    everything = power[hz >= PARAMETERS.figures.lf_hz[0]].sum()
    if power[np.abs(hz - hz[top]) <= _LOBE_HZ].sum() < _CLEAR_SHARE * everything:
        return None
    return 60.0 * float(hz[top])


def coherence(beats: BeatWindow) -> float | None:
    """HeartMath's coherence ratio over the last 64 s: P(peak) / (P(total) - P(peak)).

    The peak is the highest between .04 and .24 Hz and .015 Hz to both sides of it; the total
    goes up to .4 Hz. Over 1, more than half of the rhythm is one wave. Slow breathing raises it
    in anyone; it is a measure of pacing, not of calm. ``None`` where the spectrum would be thin.
    """
    spectrum = _power(beats, COHERENCE_S)
    if spectrum is None:
        return None
    hz, power = spectrum
    possible = np.flatnonzero((hz >= _PEAK_HZ[0]) & (hz <= _PEAK_HZ[1]))
    top_hz = hz[possible[np.argmax(power[possible])]]
    peak = float(power[np.abs(hz - top_hz) <= _PEAK_WIDTH_HZ].sum())
    rest = float(power[(hz > 0) & (hz < PARAMETERS.figures.hf_hz[1])].sum()) - peak
    return peak / rest if rest > 0 else None


def _power(beats: BeatWindow, seconds: int) -> tuple[Floats, Floats] | None:
    """Frequencies and power (of no unit) of the last ``seconds``, trend removed, Hann."""
    values = even_ms(beats.last(seconds), seconds)
    if values is None:
        return None
    index = np.arange(values.size) - (values.size - 1) / 2
    flat = values - values.mean()
    flat -= float((index * flat).sum() / (index * index).sum()) * index
    if not flat.any():
        return None
    hann = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(values.size) / values.size)
    power: Floats = np.abs(np.fft.rfft(flat * hann, _PADDED)) ** 2
    hz: Floats = np.linspace(0.0, _HZ / 2, power.size)
    return hz, power
