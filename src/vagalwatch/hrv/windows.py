"""All sliding windows of a whole recording at once: the live row's figures as one table.

Figures, definitions and conditions are those of :mod:`vagalwatch.hrv.metrics` and
:mod:`vagalwatch.hrv.spectrum`, which take one window each; here every beat is touched once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vagalwatch.hrv.beats import BeatWindow
from vagalwatch.hrv.metrics import MS_PER_MINUTE, NN50_MS, STANDARD_S, is_irregular
from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.hrv.spectrum import SPAN_SHARE, lf_hf_ms2
from vagalwatch.hrv.window_spectra import FEWEST_KNOTS, Knots, spectra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vagalwatch.hrv.beats import Classified

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_FIGURES = PARAMETERS.figures
STEP_S: Final = PARAMETERS.rows.step_s
_STEP_NS: Final = STEP_S * NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """A recording's beats in order of time, shape (beats,), and which to believe.

    ``t_ns`` is the beat that ends the interval ``rr_ms``; ``linked``: that interval starts at the
    beat before; ``believed``: see :func:`vagalwatch.hrv.beats.classify`.
    """

    t_ns: Ints
    rr_ms: Floats
    linked: Bools
    believed: Classified

    def window(self, t_ns: int, seconds: int) -> BeatWindow:
        """The beats of (t - seconds, t] as a live row at t believes them."""
        start = int(np.searchsorted(self.t_ns, t_ns - seconds * NS, side="right"))
        stop = int(np.searchsorted(self.t_ns, t_ns, side="right"))
        valid = self.believed.valid[start:stop].copy()
        valid[-2:] = self.believed.valid_last[start:stop][-2:]
        paired = self.linked[start:stop] & valid
        paired[:1] = False
        paired[1:] &= valid[:-1]
        return BeatWindow(
            t_s=(self.t_ns[start:stop] - t_ns) / NS,
            rr_ms=self.rr_ms[start:stop],
            valid=valid,
            paired=paired,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Figures of the windows (t - ``seconds``, t], each of shape (rows,); NaN: thin evidence.

    A row each 5 s (``t_ns``, UTC multiples), from the first at or after the first beat to the
    last at or before the last. ``short`` names the figures whose standards ask for longer windows
    than these (:data:`vagalwatch.hrv.metrics.STANDARD_S`).
    """

    seconds: int
    short: tuple[str, ...]
    t_ns: Ints
    coverage: Floats
    irregular: Bools
    mean_hr_bpm: Floats
    rmssd_ms: Floats
    sdnn_ms: Floats
    pnn50: Floats
    sd1_ms: Floats
    sd2_ms: Floats
    lf_ms2: Floats
    hf_ms2: Floats
    lf_hf: Floats


def windows(beats: Beats, seconds: int, *, as_live: bool = True) -> Windows:
    """Every window of ``seconds``, a multiple of 5, over one source's beats (at least one).

    ``as_live``: a window knows what a live row knew at its end, and nothing of what came after.
    Without it, the last beats of a window are judged with those that follow, and the curve that
    the spectrum is taken of goes on beyond the window's ends (LF differs by up to 1e-4), in
    less time.
    """
    first_ns = -(-int(beats.t_ns[0]) // _STEP_NS) * _STEP_NS
    t_ns = np.arange(first_ns, int(beats.t_ns[-1]) + 1, _STEP_NS)
    bounds = np.arange(first_ns - seconds * NS, int(beats.t_ns[-1]) + 1, _STEP_NS)
    rows = _Rows(
        t_ns=t_ns,
        seconds=seconds,
        as_live=as_live,
        until=np.searchsorted(beats.t_ns, bounds, side="right"),
    )
    sums = _sums(beats, rows)
    lf_ms2, hf_ms2 = _lf_hf_ms2(beats, rows, sums.valid_ms)
    irregular, figures = _time_domain(sums, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        lf_hf = lf_ms2 / hf_ms2
    return Windows(
        seconds=seconds,
        short=tuple(name for name, least_s in STANDARD_S.items() if seconds < least_s),
        t_ns=t_ns,
        coverage=sums.valid_ms / (1000.0 * seconds),
        irregular=irregular,
        lf_ms2=lf_ms2,
        hf_ms2=hf_ms2,
        lf_hf=lf_hf,
        **figures,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The windows' ends, and ``until``: beats up to each bound of the 5 s bins they are made of."""

    t_ns: Ints
    seconds: int
    as_live: bool
    until: Ints

    @property
    def start(self) -> Ints:
        """The first beat of each window."""
        return self.until[: self.t_ns.size]

    @property
    def stop(self) -> Ints:
        """The beat after each window."""
        return self.until[self.until.size - self.t_ns.size :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums over each window, of shape (rows,).

    Over its ``valid`` beats: of their intervals less ``centre_ms`` (``x``) and of the squares;
    over its ``pairs``: of the steps ``d``, of their sizes (``a``), of the intervals' sums less
    twice the centre (``s``), of steps and sums squared, and how many steps are over 50 ms and
    over 20 %.
    """

    centre_ms: float
    valid: Floats
    x: Floats
    xx: Floats
    pairs: Floats
    d: Floats
    dd: Floats
    a: Floats
    s: Floats
    ss: Floats
    over_50: Floats
    over_malik: Floats

    @property
    def valid_ms(self) -> Floats:
        """Of the valid intervals."""
        return self.x + self.valid * self.centre_ms


def _sums(beats: Beats, rows: _Rows) -> _Sums:
    """Sums over bins of 5 s, then over windows: nothing is the difference of two large sums."""
    valid = beats.believed.valid
    centre_ms = float(np.median(beats.rr_ms[valid])) if valid.any() else 0.0
    paired = beats.linked & valid
    paired[0] = False
    paired[1:] &= valid[:-1]
    everyone = slice(0, valid.size)
    terms = _terms(beats, everyone, valid, paired, centre_ms)
    bins = np.add.reduceat(terms, rows.until, axis=1)[:, :-1]
    bins[:, rows.until[1:] == rows.until[:-1]] = 0.0
    sums = _sliding(bins, rows.seconds // STEP_S)
    # A window's first pair would reach out of it.
    begins = np.flatnonzero(rows.start < rows.stop)
    sums[_PAIR_TERMS:, begins] -= terms[_PAIR_TERMS:, rows.start[begins]]
    if rows.as_live:
        _put_last_right(beats, rows, terms, sums, centre_ms)
    return _Sums(centre_ms=centre_ms, **dict(zip(_TERMS, sums, strict=True)))


_TERMS: Final = ("valid", "x", "xx", "pairs", "d", "dd", "a", "s", "ss", "over_50", "over_malik")
_PAIR_TERMS: Final = _TERMS.index("pairs")


def _terms(
    beats: Beats, which: slice | Ints, valid: Bools, paired: Bools, centre_ms: float
) -> Floats:
    """What each beat adds to the sums, shape (terms, beats + 1); the last column is 0."""
    here = beats.rr_ms[which]
    before = beats.rr_ms[which - 1] if isinstance(which, np.ndarray) else np.roll(beats.rr_ms, 1)
    terms = np.zeros((len(_TERMS), here.size + 1))
    one, x, xx, pair, d, dd, a, s, ss, over_50, over_malik = terms[:, :-1]
    one[:] = valid
    np.subtract(here, centre_ms, out=x)
    x *= valid
    np.multiply(x, x, out=xx)
    pair[:] = paired
    np.subtract(here, before, out=d)
    d *= paired
    np.multiply(d, d, out=dd)
    np.add(here, before, out=s)
    s -= 2 * centre_ms
    s *= paired
    np.multiply(s, s, out=ss)
    np.abs(d, out=a)
    np.greater(a, NN50_MS, out=over_50)
    np.greater(a, PARAMETERS.beats.malik * before, out=over_malik)
    return terms


def _sliding(bins: Floats, width: int) -> Floats:
    """Sums of ``width`` neighbouring bins, by doubling; shape (terms, bins - width + 1)."""
    count = bins.shape[1] - width + 1
    total = np.zeros((bins.shape[0], count))
    done, size = 0, 1
    while True:
        if width & size:
            total += bins[:, done : done + count]
            done += size
        if done == width:
            return total
        bins = bins[:, :-size] + bins[:, size:]
        size *= 2


def _put_last_right(
    beats: Beats, rows: _Rows, terms: Floats, sums: Floats, centre_ms: float
) -> None:
    """Believe the last two beats of each window as far as a row that ends there does."""
    valid, valid_last = beats.believed.valid, beats.believed.valid_last
    differs = valid != valid_last
    start, stop = rows.start, rows.stop
    some = stop > start
    two = stop - 1 > start
    odd = np.flatnonzero((some & differs[stop - 1]) | (two & differs[stop - 2]))
    start, last, two = start[odd], stop[odd] - 1, two[odd]
    before = last - 1
    paired = two & beats.linked[last] & valid_last[last] & valid_last[before]
    sums[:, odd] += _terms(beats, last, valid_last[last], paired, centre_ms)[:, :-1]
    sums[:_PAIR_TERMS, odd] -= terms[:_PAIR_TERMS, last]
    sums[_PAIR_TERMS:, odd] -= terms[_PAIR_TERMS:, last] * two
    odd, before = odd[two], before[two]
    inside = before > start[two]
    paired = inside & beats.linked[before] & valid_last[before] & valid[before - 1]
    sums[:, odd] += _terms(beats, before, valid_last[before], paired, centre_ms)[:, :-1]
    sums[:_PAIR_TERMS, odd] -= terms[:_PAIR_TERMS, before]
    sums[_PAIR_TERMS:, odd] -= terms[_PAIR_TERMS:, before] * inside


def _time_domain(sums: _Sums, rows: _Rows) -> tuple[Bools, dict[str, Floats]]:
    """The figures of :func:`vagalwatch.hrv.metrics.variability`, and where rhythm is none."""
    n, m = sums.valid, sums.pairs
    enough = m >= _FIGURES.min_pairs
    irregular = enough & is_irregular(
        beats=(rows.stop - rows.start).astype(np.float64),
        valid=n,
        pairs=m,
        over_malik=sums.over_malik,
        size_ms=sums.a,
        squares_ms2=sums.dd,
    )
    thin = ~enough | irregular | (sums.valid_ms / (1000.0 * rows.seconds) < _FIGURES.min_coverage)
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "mean_hr_bpm": MS_PER_MINUTE * n / sums.valid_ms,
            "rmssd_ms": np.sqrt(sums.dd / m),
            "sdnn_ms": _sd(n, sums.x, sums.xx),
            "pnn50": 100.0 * sums.over_50 / m,
            "sd1_ms": _sd(m, sums.d, sums.dd) / np.sqrt(2),
            "sd2_ms": _sd(m, sums.s, sums.ss) / np.sqrt(2),
        }
    for figure in figures.values():
        figure[thin] = np.nan
    return irregular, figures


def _sd(n: Floats, total: Floats, squares: Floats) -> Floats:
    """With ddof 1, from sums about a value near the mean."""
    sd: Floats = np.sqrt(np.maximum(squares - total * total / n, 0.0) / (n - 1))
    return sd


def _lf_hf_ms2(beats: Beats, rows: _Rows, valid_ms: Floats) -> tuple[Floats, Floats]:
    """As :func:`vagalwatch.hrv.spectrum.lf_hf_ms2`, NaN where that gives none."""
    valid, valid_last = beats.believed.valid, beats.believed.valid_last
    lf, hf = np.full((2, rows.t_ns.size), np.nan)
    at = np.flatnonzero(valid)
    if not at.size:
        return lf, hf
    knots = Knots.of(beats.t_ns[at], beats.rr_ms[at])
    first = np.minimum(np.searchsorted(at, rows.start), at.size - 1)
    last = np.searchsorted(at, rows.stop) - 1
    odd = np.zeros(lf.size, dtype=np.bool_)
    if rows.as_live:
        one, two = (np.maximum(rows.stop - back, 0) for back in (1, 2))
        # A beat that is dropped at the end moves the end. One that is dropped before, or that
        # only what follows will drop, makes another curve.
        last = last - (valid & ~valid_last)[one] - (valid & ~valid_last)[two]
        odd = (valid_last & ~valid)[one] | (valid_last & ~valid)[two]
        odd |= (valid & ~valid_last)[two] & valid_last[one]
    enough = valid_ms >= 1000 * _FIGURES.spectrum_coverage * rows.seconds
    plain = np.flatnonzero(~odd & enough)
    lf[plain], hf[plain] = _spectra(knots, first[plain], last[plain], rows)
    apart = np.flatnonzero(odd & enough)
    if apart.size:
        lf[apart], hf[apart] = _spectra(*_set_apart(beats, rows, apart), rows)
    return lf, hf


def _spectra(knots: Knots, first: Ints, last: Ints, rows: _Rows) -> tuple[Floats, Floats]:
    """Those of the windows that their knots span without a hole."""
    lf, hf = np.full((2, first.size), np.nan)
    span_s = (knots.t_ns[last] - knots.t_ns[first]) / NS
    spanned = span_s >= SPAN_SHARE * rows.seconds
    spanned &= knots.stretch[first] == knots.stretch[last]
    many = last - first >= FEWEST_KNOTS
    at = np.flatnonzero(spanned & many)
    lf[at], hf[at] = spectra(knots, first[at], last[at], own_ends=rows.as_live)
    for row in np.flatnonzero(spanned & ~many).tolist():  # under 40 bpm
        own = slice(int(first[row]), int(last[row]) + 1)
        every = np.ones(own.stop - own.start, dtype=np.bool_)
        origin_ns = knots.t_ns[last[row]] // _STEP_NS * _STEP_NS
        window = BeatWindow(
            t_s=(knots.t_ns[own] - origin_ns) / NS,
            rr_ms=knots.rr_ms[own],
            valid=every,
            paired=every,
        )
        powers = lf_hf_ms2(window, rows.seconds)
        if powers[0] is not None and powers[1] is not None:
            lf[row], hf[row] = powers
    return lf, hf


def _set_apart(beats: Beats, rows: _Rows, which: Ints) -> tuple[Knots, Ints, Ints]:
    """The knots of some windows as a row at their end sees them, one window after the other.

    They are moved by whole steps, so that quarter seconds stay quarter seconds. What their
    curves do to each other in between is put right with their ends.
    """
    start, count = rows.start[which], (rows.stop - rows.start)[which]
    begins = np.cumsum(count) - count
    at = np.arange(int(count.sum())) + np.repeat(start - begins, count)
    valid = beats.believed.valid[at]
    for back in (1, 2):
        place = (begins + count - back)[count >= back]
        valid[place] = beats.believed.valid_last[at[place]]
    moved_ns = np.arange(which.size) * (rows.seconds * NS + _STEP_NS) - rows.t_ns[which]
    t_ns = beats.t_ns[at] + np.repeat(moved_ns, count)
    kept = np.concatenate(([0], np.cumsum(valid)))
    knots = Knots.of(t_ns[valid], beats.rr_ms[at][valid])
    return knots, kept[begins], kept[begins + count] - 1
