"""What the heart shows of breathing: its rate, and how much of the rhythm follows one wave.

Both come from one spectrum of the resampled intervals of 64 s (as
:mod:`vagalwatch.hrv.spectrum`), padded so that a peak can be placed between the bins.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from vagalwatch.hrv.parameters import PARAMETERS
from vagalwatch.hrv.spectrum import even_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import BeatWindow

    Floats = NDArray[np.float64]

_FIGURES = PARAMETERS.figures
_HZ: Final = _FIGURES.resample_hz
_PADDED: Final = 2048  # .002 Hz a bin: a tenth of a breath a minute
_BIN_HZ: Final = _HZ / _PADDED
# Half the width of a Hann window's main lobe: a pure wave lies within.
_LOBE_HZ: Final = 2 / _FIGURES.breathing_s


class Breathing(NamedTuple):
    """Figures of one window; ``None`` where the evidence is too thin.

    ``breaths_per_min`` is the rate of respiratory sinus arrhythmia: the highest peak of the
    spectrum between .08 and .5 Hz (Schäfer & Kratky 2008, Ann Biomed Eng 36:476, compare such
    methods). Unknown where no single wave holds 55 % of the power over .04 Hz (speech, a weak
    arrhythmia, a slow blood pressure wave beside), or 65 % under .15 Hz, where the waves of blood
    pressure lie, too; and near or over half the heart rate, which beats cannot show (Witte 1988).

    ``coherence`` is HeartMath's ratio, P(peak) / (P(total) - P(peak)): the peak is the highest
    between .04 and .24 Hz and .015 Hz to both sides of it; the total goes up to .4 Hz. Over 1,
    more than half of the rhythm is one wave. Slow breathing raises it in anyone; it is a measure
    of pacing, not of calm.
    """

    breaths_per_min: float | None = None
    coherence: float | None = None


def breathing(beats: BeatWindow) -> Breathing:
    """Both figures of the last 64 s of ``beats``; none where the spectrum would be thin."""
    window = beats.last(_FIGURES.breathing_s)
    power = _power(window)
    if power is None:
        return Breathing()
    return Breathing(_breaths_per_min(power, window), _coherence(power))


def _breaths_per_min(power: Floats, window: BeatWindow) -> float | None:
    low_hz, highest_hz = _FIGURES.breathing_hz
    high_hz = min(highest_hz, 500.0 / float(np.mean(window.rr_ms[window.valid])) - _LOBE_HZ)
    low, high = math.ceil(low_hz / _BIN_HZ), math.floor(high_hz / _BIN_HZ)
    if high < low:
        return None
    top = low + int(power[low : high + 1].argmax())
    if power[top] < power[top - 1] or power[top] < power[top + 1]:
        return None  # the slope of a wave beyond the range
    lobe = math.floor(_LOBE_HZ / _BIN_HZ)
    wave = np.add.reduce(power[max(0, top - lobe) : top + lobe + 1])
    everything = np.add.reduce(power[math.ceil(_FIGURES.lf_hz[0] / _BIN_HZ) :])
    slow = top * _BIN_HZ < _FIGURES.lf_hz[1]
    share = _FIGURES.breathing_slow_share if slow else _FIGURES.breathing_share
    return 60.0 * _BIN_HZ * top if wave >= share * everything else None


def _coherence(power: Floats) -> float | None:
    low_hz, high_hz = _FIGURES.coherence_hz
    low, high = math.ceil(low_hz / _BIN_HZ), math.floor(high_hz / _BIN_HZ)
    top = low + int(power[low : high + 1].argmax())
    side = math.floor(_FIGURES.coherence_width_hz / _BIN_HZ)
    peak = float(np.add.reduce(power[top - side : top + side + 1]))
    rest = float(np.add.reduce(power[1 : math.ceil(_FIGURES.hf_hz[1] / _BIN_HZ)])) - peak
    return peak / rest if rest > 0 else None


def _power(window: BeatWindow) -> Floats | None:
    """Power (of no unit) at each multiple of 1/512 Hz up to 2 Hz, trend removed, Hann."""
    values = even_ms(window, _FIGURES.breathing_s)
    if values is None:
        return None
    hann, slope, ramp = _plan(values.size)
    flat_ms = values - np.add.reduce(values) / values.size
    trend = np.add.reduce(slope * flat_ms)
    flat_ms *= hann
    flat_ms -= trend * ramp
    if not flat_ms.any():
        return None
    bins = np.fft.rfft(flat_ms, _PADDED).view(np.float64)
    bins *= bins
    power: Floats = bins[::2] + bins[1::2]
    return power


@lru_cache(maxsize=24)  # 6 KB each; in a steady stream there are some ten lengths
def _plan(size: int) -> tuple[Floats, Floats, Floats]:
    """Hann's window, the trend a sample, and the windowed trend of slope 1."""
    index = np.arange(size, dtype=np.float64) - (size - 1) / 2
    hann: Floats = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / size)
    slope: Floats = index / float((index * index).sum())
    return hann, slope, index * hann
