"""Every number that decides, in one place, each with where it comes from.

"Proposed" marks numbers that this project derives itself because no peer-reviewed figure was
found; they wait for the test on labelled recordings. A number without a remark shares that of the
line before it. Changing one changes
:func:`parameters_hash`, which every run writes into the journal.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Final

NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """When rows are due (the contract of the engine)."""

    # Half of the shortest window (short_s), so that nothing passes between two rows.
    step_s: int = 5
    wait_s: int = 3  # the slowest strap measured trails by 3.3 s (KTH, Physiol Meas 46:085001)
    burst_rows: int = 60  # after a jump only the last 5 min are told row by row
    future_s: int = 10  # a sample later than its arrival by more is a clock's fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """Beat classification: Lipponen & Tarvainen 2019, J Med Eng Technol 43:173."""

    alpha: float = 5.2  # theirs, as are c1, c2, 91 and 11 beats
    c1: float = 0.13
    c2: float = 0.17
    deviation_beats: int = 91
    median_beats: int = 11
    median_factor: float = 3.0  # |mRR| over this is long or short (their figure 1)
    # Ectopics by the dozen widen the quartile deviation until it hides them. The lower quartile
    # hardly moves: steps over four standard deviations as it tells them (.319 of one, if normal),
    # and over 3 % of the interval, are far (chosen on MIT-BIH Long-Term and healthy rest).
    far_quartiles: float = 4.0 / 0.319
    far_share: float = 0.03
    context_s: int = 600  # older beats tell nothing of the present spread (proposed)
    few_beats: int = 20  # a quartile deviation of fewer is chance; until then Malik's rule
    malik: float = 0.20  # Malik et al. 1989: 20 % of the interval before
    coarsest_tick_ms: float = 1000 / 64  # Empatica E4; a smaller difference is resolution
    rr_min_ms: float = 300.0  # 200 bpm; Task Force 1996 leaves it open, usual in HRV software
    rr_max_ms: float = 2000.0  # 30 bpm
    hr_min_bpm: float = 25.0  # a device that reports 0 has nothing to say
    hr_max_bpm: float = 250.0  # over any human rate; the wire goes on to 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Evidence that a figure needs."""

    # Three times the 10 s that suffice for a rate (Baek 2015), so that single beats do not rule it.
    hr_s: int = 30
    hr_beats: int = 5  # a median of fewer follows single wrong beats (proposed)
    steady_s: int = 60  # of arousal: the wrist talks in one half minute and not in the next
    short_s: int = 10  # the short median of the heart; Baek 2015: 10 s suffice for a rate
    short_beats: int = 5  # as hr_beats
    variability_s: int = 60  # RMSSD against 4-5 min: r .85 at 10 s, .99 at 120 s (Munoz 2015)
    min_pairs: int = 20  # proposed with coverage; Munoz 2015 for RMSSD from 60 s and less
    # One artefact can distort a short epoch (Berntson 1997); the share is proposed.
    min_coverage: float = 0.70
    # Pairs that jump by over Malik's 20 %: the pRRx of Bus 2023 (J Clin Med 12:687), which finds
    # fibrillation in a minute; its 3.25 % would, at rest, find every fit young heart too.
    # Measured: at most 9 % in 60 s of healthy rest, 19 % in a very fit person's paced breathing,
    # 33 % and more in half the minutes of two MIT-BIH patients with ectopics, 89 % in bigeminy.
    irregular_share: float = 0.20
    # Where more beats than this are refused, others that are as bad were not (simulated: at 10 %
    # bad beats a tenth of the minutes would still be told, most of them wrong).
    refused_share: float = 0.07
    # RMSSD over the mean step: 1.25 if normal, at most 1.7 in nearly all healthy minutes; more
    # and a few steps make the figure.
    peaked: float = 1.7
    spectrum_s: int = 300  # Task Force 1996: 5 min
    spectrum_coverage: float = 0.80  # holes over 20 % are more than filling can mend (Cajal 2022)
    spectrum_span_s: float = 270.0  # ten periods of .04 Hz are 250 s (Task Force 1996)
    spectrum_hole_s: float = 10.0  # the period of .1 Hz, the middle of LF (proposed)
    # Usual in HRV software: ten times the highest frequency.
    resample_hz: float = 4.0
    lf_hz: tuple[float, float] = (0.04, 0.15)  # Task Force 1996
    hf_hz: tuple[float, float] = (0.15, 0.40)
    breathing_s: int = 64  # HeartMath's window for coherence; five breaths at the slowest rate
    breathing_hz: tuple[float, float] = (0.08, 0.5)  # 4.8 to 30 a minute
    # Of all power, what the wave told as breathing must hold. Measured: a minute of noise reaches
    # it once in 6,000; of two equal waves, breathing and blood pressure, neither does in 19 of 20
    # minutes and the wrong one in none of 1,000 (at .45: noise in 1 of 90).
    breathing_share: float = 0.55
    # Under .15 Hz the waves of blood pressure lie, too. Measured: where somebody at rest breathed
    # at 16 a minute, they held up to .62 at 5; true slow breathing held more in most minutes.
    breathing_slow_share: float = 0.65
    coherence_hz: tuple[float, float] = (0.04, 0.24)  # where HeartMath's peak may lie ...
    coherence_width_hz: float = 0.015  # ... and what of both its sides is of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """Skin conductance."""

    scl_s: int = 30  # as hr_s: level and rate of one row speak of the same time
    scl_share: float = 0.5  # of the window's quarter seconds that hold a sample (proposed)
    nsr_s: int = 60  # responses are counted a minute (Boucsein 2012)
    nsr_lost_s: float = 15.0  # at most so much of it unseen; the rest stands for it (proposed)
    hole_s: float = 2.0  # shorter than a response's rise (Boucsein 2012: .5 to 5 s)
    # Between Boucsein's .01 (computer) and .05 (by hand): over what a ripple of .02 uS from peak
    # to peak becomes at 24 breaths a minute.
    scr_min_us: float = 0.04
    # And, squares added, so many noise sd (recovery undone): one in 9,000 stretches of 80 s with
    # noise, ripple and drift (measured).
    scr_noise: float = 8.0
    rise_max_s: float = 5.0  # Boucsein 2012
    # A time constant that undoes no recovery more than it is: the fastest half recovery is 2 s
    # (Boucsein 2012), which is 2.9 s; slower ones are undone in part.
    recovery_s: float = 2.0
    # Of the level a second, as others use them (Kocielnik et al. 2013, not re-read: proposed);
    # an artefact only where the hand moves as well.
    jump_up: float = 0.2
    jump_down: float = 0.1
    open_us: float = 0.05  # Kleckner 2018, IEEE TBME 65:1460
    saturated_us: float = 60.0  # Kleckner 2018, as the slope and the 5 s around
    slope_us_per_s: float = 10.0
    around_s: float = 5.0
    # Kleckner's 30 to 40 C would withhold two thirds and more of five of 13 people who wore an E4
    # in spring: they lay between 26.8 and 30 C. Worn, none cooled by over .6 C in 30 s; taken off,
    # by 1.7 to 7.3.
    temp_min_c: float = 25.0
    temp_max_c: float = 40.0
    cooling_c: float = 1.0
    cooling_s: int = 30
    stuck_sd_us: float = 0.0004  # over 60 s; worn E4 sensors never fell under .0007
    stuck_values: int = 4  # distinct values in 30 s
    silent_s: int = 10  # forty samples at 4 Hz (proposed)
    # The skin compared with itself; on labelled wrist recordings these said more than level and
    # responses (measured on Stress-Predict).
    change_s: int = 120
    slow_s: float = 600.0  # half-life of the slow mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Gates before the estimate."""

    silent_s: int = 10  # ten notifications of a strap (proposed)
    frozen_rr: int = 10  # identical intervals in a row
    # More neighbours that jump by over Malik's 20 % than do not. Measured in 30 s: at most .15 in
    # simulated healthy hearts, over .5 some 20 s after an electrode has only noise, and in a third
    # of the time in two of three MIT-BIH patients with ectopics.
    jumping_share: float = 0.5
    frozen_hr_s: int = 180  # a device without intervals; weak, so long
    guess: float = 0.15  # what white noise reaches as a pulse (sensors/optical.py)
    disagree: float = 0.10  # beats against the device's rate
    # Only a device that gives nearly all of its beats can contradict itself: the E4 gives those
    # it trusts (median 26 % of a minute), and its rate trails them by 30 to 45 s (measured).
    disagree_coverage: float = 0.70
    disagree_s: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Movement; per-second standard deviation of |a| in mg.

    Vähä-Ypyä 2015 (PLoS ONE 10:e0134813) gives mean amplitude deviations: 16.7 mg ends
    sitting still, 91 mg is 3 MET. A standard deviation is 1.25 times that for normal noise.
    """

    moving_mg: float = 114.0  # 1.25 times 91 mg
    still_mg: float = 21.0  # 1.25 times 16.7 mg
    moving_s: int = 30  # the window of the rate that it may have moved
    moving_share: float = 0.8  # of these seconds: gestures come in bursts, walking goes on
    still_s: int = 60  # twice the swing of the heart after sitting down (Heidelbach 2026: 30 s)
    lock_s: int = 480  # at most 8 min after exercise (proposed)
    lock_bpm: float = 5.0  # the heart is back when under usual + max(5, 7 %) for 20 s
    lock_share: float = 0.07
    lock_clear_s: int = 20
    turn_deg: float = 30.0  # gravity turned on the trunk: sat down, stood up, lay down
    turn_hold_s: int = 60  # Heidelbach 2026: the swing of the heart is over in 30 s
    share: float = 0.5  # of the window's seconds that hold a figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The personal baseline."""

    settle_s: int = 60  # electrodes and clothes settle, 60 s windows fill
    want_s: int = 300  # Laborde 2017: five minutes seated
    min_s: int = 180  # judging may begin with these; the rest refines (proposed)
    level_bpm: float = 5.0  # from the first to the last third; more is not at rest yet (proposed)
    level_share: float = 0.07
    expiry_s: int = 24 * 3600  # circadian swing and yesterday's electrodes (proposed)
    keep: int = 7  # slow drift: the median of the last seven
    mad: float = 1.4826  # a normal distribution's sd from its MAD
    # Floors of the spreads: under them a z would be resolution (proposed).
    floor_hr_bpm: float = 2.0
    floor_ln_rmssd: float = 0.15
    floor_ln_scl: float = 0.08
    floor_nsr: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arousal:
    """One signed number: a weighted mean of comparisons with oneself, each softly limited.

    Half heart, half skin: on the wrist the heart rate is what can be trusted (van Lier 2020,
    Milstein & Gordon 2020), and speech moves the hand that the optical heart is read from. The
    skin's weights are round and were chosen on the 13 people of Stress-Predict, where any near
    them do as well (docs/arousal.md).
    """

    weight_heart: float = 0.5
    weight_skin_level: float = 0.2
    weight_skin_change: float = 0.2
    weight_skin_responses: float = 0.1
    limit_z: float = 6.0  # limit * tanh(z / limit): no single term runs away


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooding:
    """Gottman's diffuse physiological arousal, made relative to the person."""

    absolute_bpm: float = 100.0  # Gottman 1994: at 100 the stress reaction
    absolute_over_bpm: float = 10.0  # and at least this over usual, for fast resting hearts
    # With over_share between Gottman's 10 % that is not felt and 100 from 72 (proposed).
    over_bpm: float = 12.0
    over_share: float = 0.18
    z_nsr: float = 0.5  # one of the two skin witnesses, where skin can be judged
    z_scl: float = 1.0
    dwell_s: float = 20.0  # leaky: filled by rows that agree, drained by those that do not
    exit_bpm: float = 6.0  # under usual + 6 ...
    exit_s: float = 60.0  # ... for a minute

    rising_share: float = 0.5  # of the flooding margin; shown, never prompted
    rising_dwell_s: float = 10.0  # two rows, as nothing hangs on it (proposed)
    rising_slack_bpm: float = 2.0  # floor_hr_bpm: less is no change
    rising_exit_s: float = 20.0

    recovered_share: float = 0.10  # Gottman: people feel calm while still 10 % over resting
    recovered_s: float = 120.0  # as long as the break's own rule asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """A low-arousal pattern after engagement; no published detector exists (Beutler 2022)."""

    below_bpm: float = 5.0
    below_share: float = 0.07  # freezing: deceleration (Roelofs 2010)
    # More than breathing and the swing of a change of posture leave in 30 s medians (proposed).
    fell_bpm: float = 8.0
    fell_share: float = 0.10
    fell_s: int = 300  # as long as the baseline: five minutes
    nsr: float = 1.0  # at most this many responses a minute ...
    nsr_share: float = 0.34  # ... and this share of the usual
    z_scl: float = -0.5  # half a spread under usual (proposed)
    # Longer than the swing of the heart after sitting down (Heidelbach 2026: 30 s).
    dwell_s: float = 45.0
    exit_bpm: float = 3.0  # over floor_hr_bpm, under below_bpm: hysteresis (proposed)
    exit_s: float = 60.0

    drowsing_from_s: int = 600  # already quiet 3 to 10 min ago: drowsing, not a fall
    drowsing_to_s: int = 180
    engaged_s: int = 600  # somewhere in the last 10 min ...
    engaged_rows: int = 12  # ... a minute in all with the heart over usual and the skin
    engaged_z_hr: float = 1.0  # as alive as flooding asks of a witness: a fall from rest is rest
    engaged_z_nsr: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """A rapid fall of the heart: a faint may be coming.

    Virag 2018: heart rate alone warns a median of 73 s before; duration, not depth, separates
    it from a Valsalva. The figures are proposed.
    """

    before_from_s: int = 180  # two and a half minutes, without the fall itself (proposed)
    before_to_s: int = 30
    before_rows: int = 12  # a minute of rows that know
    fall_bpm: float = 15.0
    fall_share: float = 0.25
    under_usual_bpm: float = 5.0  # recovery ends at the usual rate, a faint goes on falling
    under_usual_share: float = 0.15
    dwell_s: float = 20.0
    exit_s: float = 60.0  # a minute within 5 bpm of usual
    exertion_s: int = 300  # no exertion just before
    # The steady fall, seen long before it is deep: derived on simulated faints (95-130 to 40-65
    # bpm in 1 to 5 min), talk, slow breathing and Valsalvas; on 13 people with an E4 it spoke
    # once in 12 h. A Valsalva's fall lasts 10 s and a breath of 4-7-8 19 s: 50 s outlast both.
    steady_s: int = 50
    # Over what a simulated flooding by 40 % of rest falls as it ebbs (three quarters in 150 s).
    steady_bpm_per_min: float = 17.0
    # A flooding that the skin shows, too, may ebb this fast: one by 55 % does so at up to 20.
    steady_ebb_bpm_per_min: float = 25.0
    steady_fit: float = 0.9  # share of the variance that a line explains
    peak_s: int = 60  # that long before the fall the heart was ...
    peak_share: float = 0.20  # ... this far over usual (as flooding's margin)
    peak_rows: int = 6  # half of these rows must be known


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The one table."""

    rows: Rows = Rows()
    beats: Beats = Beats()
    figures: Figures = Figures()
    skin: Skin = Skin()
    quality: Quality = Quality()
    movement: Movement = Movement()
    calibration: Calibration = Calibration()
    arousal: Arousal = Arousal()
    flooding: Flooding = Flooding()
    shutdown: Shutdown = Shutdown()
    safety: Safety = Safety()
    unknown_ends_s: float = 60.0  # an episode unseen for so long has ended as far as we know


PARAMETERS: Final = Parameters()


def parameters_hash(parameters: Parameters = PARAMETERS) -> str:
    """Twelve hex digits that change with any parameter."""
    return hashlib.sha256(repr(asdict(parameters)).encode()).hexdigest()[:12]
