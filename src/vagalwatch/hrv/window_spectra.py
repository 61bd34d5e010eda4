"""LF and HF of all windows of a recording: one curve, and one matrix product a window length.

Each window is :func:`vagalwatch.hrv.spectrum.lf_hf_ms2` of its beats, at a thousandth of the cost.
A window's own spline differs from that of the whole recording by what its two ends do, and an
end's influence falls to about .268 with each knot, so the difference is put right over a few knots.
Trend, window and Fourier bins are one matrix (nothing decides on these figures, so BLAS may sum).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vagalwatch.hrv.parameters import NS, PARAMETERS
from vagalwatch.hrv.spectrum import band_plan, knot_slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_FIGURES = PARAMETERS.figures
_SAMPLE_NS: Final = round(NS / _FIGURES.resample_hz)
_HOLE_NS: Final = round(_FIGURES.spectrum_hole_s * NS)
_CHUNK: Final = 4096
"""Knots that are worked on at a time: as many as stay in a core's cache; so the rows, too."""
_CHUNK_ROWS: Final = 96
_LEAD: Final = 32
"""Knots on either side of a chunk: .268 to the 32nd is under the last digit."""
_REACH: Final = 22
"""Knots to which an end is put right: to 3e-13 of the end's own change, which is large where the
last intervals jump, and is seen in full by a slow heart's minute or a weak band."""
FEWEST_KNOTS: Final = _LEAD
"""Knots of a window whose ends do not feel each other."""
_DECAY: Final = math.sqrt(3) - 2
_TURNS: Final = 12
"""Each turn of the decays' recursion leaves .07 of their error; a quarter with uneven knots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knots:
    """Valid beats, shape (knots,), no hole over 10 s among those that a window may hold.

    ``stretch`` counts such holes up to the knot.
    """

    t_ns: Ints
    rr_ms: Floats
    stretch: Ints

    @classmethod
    def of(cls, t_ns: Ints, rr_ms: Floats) -> Knots:
        """Number the stretches."""
        holes = np.cumsum(np.diff(t_ns) > _HOLE_NS)
        return cls(t_ns=t_ns, rr_ms=rr_ms, stretch=np.concatenate(([0], holes)))


def spectra(knots: Knots, first: Ints, last: Ints, *, own_ends: bool) -> tuple[Floats, Floats]:
    """LF and HF in ms² of the windows from knot ``first`` to knot ``last``, shape (rows,).

    ``own_ends``: the curve ends with each window; else it goes on as the recording does. A window
    must lie in one stretch and hold at least 32 knots.
    """
    lf_hf = np.empty((2, first.size))
    if not first.size:
        return lf_hf[0], lf_hf[1]
    curve = _draw(knots, decays=own_ends)
    begin = -(-knots.t_ns[first] // _SAMPLE_NS) - curve.first
    length = knots.t_ns[last] // _SAMPLE_NS - curve.first - begin + 1
    order = np.argsort(length, kind="stable")
    first, last, begin, length = first[order], last[order], begin[order], length[order]
    ends: tuple[_End, ...] = ()
    if own_ends:
        ends = (
            _first_end(knots, curve, first, begin, int(length[0])),
            _last_end(knots, curve, last, begin + length, int(length[0])),
        )
    powers = np.empty_like(lf_hf)
    edges = np.flatnonzero(np.diff(length, prepend=-1)).tolist()
    for low, high in zip(edges, [*edges[1:], length.size], strict=True):
        size = int(length[low])
        matrix, lf, ms2 = _matrix(size)
        windows = sliding_window_view(curve.even, size)
        for start in range(low, high, _CHUNK_ROWS):
            rows = slice(start, min(start + _CHUNK_ROWS, high))
            even = windows[begin[rows]]
            for end in ends:
                end.put_right(even, rows, begin[rows])
            bins = even @ matrix
            bins *= bins
            np.add.reduce(bins[:, :lf], 1, out=powers[0, rows])
            np.add.reduce(bins[:, lf:], 1, out=powers[1, rows])
        powers[:, low:high] *= ms2
    lf_hf[:, order] = powers
    return lf_hf[0], lf_hf[1]


@lru_cache(maxsize=64)  # 60 s: 80 KB each and some ten lengths; 300 s: 2 MB each
def _matrix(size: int) -> tuple[Floats, int, float]:
    """From samples to bins (real and imaginary part side by side): trend off, Hann, Fourier.

    Also the columns that are LF, and the power in ms² of a bin's squared modulus.
    """
    plan = band_plan(size)
    index = np.arange(size)
    turns = np.exp(-2j * math.pi / size * (index[:, None] * plan.bins % size)).view(np.float64)
    turns *= plan.hann[:, None]
    turns -= turns.sum(axis=0) / size
    turns -= plan.slope[:, None] * ((index - (size - 1) / 2) @ turns)
    return turns, 2 * plan.lf_bins, plan.ms2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """The spline through all knots; on the grid, at the knots, and how an end would fade.

    On the grid of quarter seconds from number ``first``: ``even`` are the values, ``piece`` the
    knot at or before, and ``lift`` what a change of the slope at that knot and at the next adds
    (real and minus imaginary part). At the knots: ``h_s`` to the next, ``rise`` to it, ``slope``;
    a change of a slope fades by the factor ``onward`` from the knot before, ``back`` from the one
    after.
    """

    first: int
    even: Floats
    piece: Ints
    lift: NDArray[np.complex128]
    h_s: Floats
    rise: Floats
    slope: Floats
    onward: Floats
    back: Floats


def _draw(knots: Knots, *, decays: bool) -> _Curve:
    count = knots.t_ns.size
    grid = -(-knots.t_ns // _SAMPLE_NS)
    first = int(grid[0])
    samples = int(knots.t_ns[-1] // _SAMPLE_NS) - first + 1
    curve = _Curve(
        first=first,
        even=np.zeros(samples),
        piece=np.zeros(samples, dtype=np.int64),
        lift=np.zeros(samples if decays else 0, dtype=np.complex128),
        h_s=np.diff(knots.t_ns, append=0) / NS,
        rise=np.zeros(count),
        slope=np.zeros(count),
        onward=np.zeros(count if decays else 0),
        back=np.zeros(count if decays else 0),
    )
    edges = [0, *(np.flatnonzero(np.diff(knots.stretch)) + 1).tolist(), count]
    for begin, end in itertools.pairwise(edges):
        if end - begin < FEWEST_KNOTS:
            continue
        grid[end - 1] = knots.t_ns[end - 1] // _SAMPLE_NS + 1  # the last knot itself, if on it
        for low in range(begin, end - 1, _CHUNK):
            high = min(low + _CHUNK, end - 1)
            seen = slice(max(begin, low - _LEAD), min(end, high + 1 + _LEAD))
            _draw_chunk(knots, grid, curve, seen, slice(low, high))
    return curve


def _draw_chunk(knots: Knots, grid: Ints, curve: _Curve, seen: slice, own: slice) -> None:
    """The pieces from the knots ``own``, of the spline through the knots ``seen``."""
    begin, low, high = seen.start, own.start, own.stop
    h = curve.h_s[begin : seen.stop - 1]
    rr_ms = knots.rr_ms[seen]
    rise = rr_ms[1:] - rr_ms[:-1]
    rise /= h
    slopes = knot_slopes(h, rise)
    both = slice(low - begin, high - begin + 1)  # the ends of all these pieces
    curve.slope[low : high + 1] = slopes[both]
    curve.rise[low:high] = rise[low - begin : high - begin]
    if curve.onward.size:
        onward, back = _fading(h)
        curve.onward[low : high + 1] = onward[both]
        curve.back[low : high + 1] = back[both]
    pieces = slice(low - begin, high - begin)
    left, h, rise = slopes[pieces], h[pieces], rise[pieces]
    cubic = left + slopes[low - begin + 1 : high - begin + 1]
    cubic -= rise
    cubic -= rise
    square = rise - left
    square -= cubic
    piece = np.repeat(np.arange(high - low), np.diff(grid[low : high + 1]))
    here = slice(int(grid[low]) - curve.first, int(grid[high]) - curve.first)
    origin = int(grid[low])  # seconds from here, so that a day's have all their digits
    u = np.arange(piece.size) * (_SAMPLE_NS / NS)
    u -= ((knots.t_ns[low:high] - origin * _SAMPLE_NS) / NS).take(piece)
    part = u / h.take(piece)
    even = cubic.take(piece)
    for factor, coefficient in ((part, square), (part, left), (u, rr_ms[pieces])):
        even *= factor
        even += coefficient.take(piece)
    curve.even[here] = even
    np.add(piece, low, out=curve.piece[here])
    if curve.lift.size:
        rest = 1 - part
        u *= rest
        lift = curve.lift[here]
        np.multiply(u, rest, out=lift.real)
        np.multiply(u, part, out=lift.imag)


def _fading(h: Floats) -> tuple[Floats, Floats]:
    """How a change of one slope fades to the next knots and to those before, shape (n,)."""
    onward, back = np.full((2, h.size + 1), _DECAY)
    before, after = h[:-1], h[1:]
    both = before + after
    both *= 2
    other = np.empty_like(both)
    for _ in range(_TURNS):
        for fade, near, far, known in (
            (onward[1:-1], after, before, onward[2:]),
            (back[1:-1], before, after, back[:-2]),
        ):
            np.multiply(far, known, out=other)
            np.add(other, both, out=other)
            np.divide(near, other, out=fade)
            np.negative(fade, out=fade)
    return onward, back


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What the windows' ends change of the slopes near them.

    ``left`` and ``right``: shape (22, rows), of the slopes at both knots of each piece that is
    reached. They stand from column ``column`` on in a table of ``width`` columns a row, the first
    of which is the piece ``zero``, shape (rows,); of the rest nothing is changed. ``piece`` and
    ``lift`` are the curve's, shape (starts, samples): the samples reached at most, from the first
    or (``at_last``) up to the last.
    """

    left: Floats
    right: Floats
    column: int
    width: int
    zero: Ints
    piece: Ints
    lift: NDArray[np.complex128]
    at_last: bool

    def put_right(self, even: Floats, rows: slice, begin: Ints) -> None:
        """Add the change to ``even``, shape (rows, samples), whose first samples are ``begin``."""
        reach = self.piece.shape[1]
        part = slice(0, reach)
        if self.at_last:
            part = slice(even.shape[1] - reach, even.shape[1])
            begin = begin + part.start
        table = np.zeros((begin.size, self.width), dtype=np.complex128)
        table.real[:, self.column : self.column + _REACH] = self.left[:, rows].T
        table.imag[:, self.column : self.column + _REACH] = self.right[:, rows].T
        place = self.piece[begin]
        place += (np.arange(0, table.size, self.width) - self.zero[rows])[:, None]
        lifted = table.ravel().take(place)
        lifted *= self.lift[begin]
        even[:, part] += lifted.real


def _first_end(knots: Knots, curve: _Curve, first: Ints, begin: Ints, most: int) -> _End:
    change = _change(
        (curve.h_s[first], curve.h_s[first + 1], curve.rise[first], curve.rise[first + 1]),
        (curve.slope[first], curve.slope[first + 1]),
        [curve.onward[first + k] for k in range(1, _REACH + 1)],
    )
    reach_ns = knots.t_ns[first + _REACH] - knots.t_ns[first]
    samples = min(int(reach_ns.max() // _SAMPLE_NS) + 1, most)
    furthest = curve.piece[np.minimum(begin + samples, curve.piece.size) - 1] - first
    return _End(
        left=change[:-1],
        right=change[1:],
        column=0,
        width=max(int(furthest.max()) + 1, _REACH),
        zero=first,
        piece=sliding_window_view(curve.piece, samples),
        lift=sliding_window_view(curve.lift, samples),
        at_last=False,
    )


def _last_end(knots: Knots, curve: _Curve, last: Ints, end: Ints, most: int) -> _End:
    change = _change(
        (curve.h_s[last - 1], curve.h_s[last - 2], curve.rise[last - 1], curve.rise[last - 2]),
        (curve.slope[last], curve.slope[last - 1]),
        [curve.back[last - k] for k in range(1, _REACH + 1)],
    )[::-1]
    reach_ns = knots.t_ns[last] - knots.t_ns[last - _REACH]
    samples = min(int(reach_ns.max() // _SAMPLE_NS) + 1, most)
    furthest = max(int((last - curve.piece[np.maximum(end - samples, 0)]).max()), _REACH)
    return _End(
        left=change[:-1],
        right=change[1:],
        column=furthest - _REACH,
        width=furthest + 1,  # a sample on the last knot is in the piece after the last
        zero=last - furthest,
        piece=sliding_window_view(curve.piece, samples),
        lift=sliding_window_view(curve.lift, samples),
        at_last=True,
    )


def _change(
    end: tuple[Floats, Floats, Floats, Floats], slopes: tuple[Floats, Floats], fades: list[Floats]
) -> Floats:
    """By what not-a-knot at an end changes the slopes from there on, shape (knots, rows)."""
    h, h2, rise, rise2 = end
    both = h + h2
    add = ((h + 2 * both) * h2 * rise + h * h * rise2) / (both * h2)
    by = -both / h2
    change = np.empty((len(fades) + 1, h.size))
    change[0] = (add + by * slopes[1] - slopes[0]) / (1 - by * fades[0])
    for k, fade in enumerate(fades):
        np.multiply(change[k], fade, out=change[k + 1])
    return change
