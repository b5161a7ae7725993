"""When a curve changes: change points of straight lines in noise, and how far numbers before and after lie apart.

A curve is taken for straight pieces, which may jump or bend where one ends and the next begins, plus noise. The pieces
are those with the least squared error where each change costs PENALTY * log(points) times the variance of the noise:
optimal partitioning (Jackson et al. 2005, doi:10.1109/LSP.2001.838216). Learning moves smoothly, so that a curve that
just rises is one piece, and not a change in every epoch. The point at which two pieces meet may belong to neither.

What the noise is must not depend on the changes, nor be taken for smaller than it is where an epoch resembles the one
before it: its size and its correlation from point to point come from differences, after Chakar et al. 2017
(doi:10.3150/15-BEJ782). Single points far off are held back before (Hampel's filter,
Pearson et al. 2016, doi:10.1186/s13634-016-0383-6). Nothing here is random.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORTEST: Final = 5  # points of a piece
FEWEST: Final = 2 * SHORTEST + 2  # points of a curve in which a change can be looked for
PENALTY: Final = 5.0
HALFWAY: Final = 0.5  # of the penalty: what it costs to leave out the point between two pieces
MOST_CORRELATION: Final = 0.75  # that is believed: beyond it noise cannot be told from change in so few points
LIKELY: Final = 7.35  # likelihood ratio for intervals of 95 % (Hansen 2000, doi:10.1111/1468-0262.00124)
NORMAL: Final = 1.4826  # standard deviation of a normal variable over its median absolute deviation
NORMAL_MEAN: Final = 1.2533  # the same over its mean absolute deviation
SPOILT: Final = 4  # second differences, two points apart, that a step is in
FAR_OFF: Final = 5.0  # standard deviations of a point that is held back
BESIDE: Final = 3  # points on either side that it is compared with
ROUNDING: Final = 1e-9  # of the largest number: noise is never less
SUMMING: Final = 1e-6  # of the range of numbers: nor less than this, or rounding in the sums would be taken for it
CERTAIN: Final = 4.0  # standard errors of what is told of
LEAST_EFFECT: Final = 1.0

Curve = NDArray[np.float64]


class Noise(NamedTuple):
    """What a curve does beside what it shows."""

    sd: float  # of a point
    correlation: float  # of a point with the next

    @property
    def variance(self) -> float:
        """Of a mean of many points, times their number: more than sd² where neighbours resemble each other."""
        return self.sd**2 * (1 + self.correlation) / (1 - self.correlation)


class Change(NamedTuple):
    """A point at which one straight piece ends and the next begins."""

    point: int  # the first one after it
    low: int  # the change lies from here
    high: int  # to here with a confidence of 95 %
    gain: float  # squared error that it saves, in variances of the noise
    step: float  # by how much the level jumps
    is_step: bool  # it jumps by more than noise explains; otherwise it bends


class Effect(NamedTuple):
    """How far numbers after something lie from those before it."""

    before: float  # median
    after: float
    size: float | None  # difference over the standard deviation; None: there is no noise at all
    limit: float  # from which on chance alone would seldom do it

    @property
    def is_sure(self) -> bool:
        """Say whether chance alone would seldom do it."""
        return self.before != self.after and (self.size is None or abs(self.size) >= self.limit)


def noise_of(y: Curve) -> Noise:
    """Estimate the noise of a curve from its differences, in which steps are rare and a straight line is a constant.

    With noise of standard deviation s and correlation r from point to point, differences of points h apart have the
    variance 2 s² (1 - r^h), second differences 2 s² (1 - r^h) (3 - r^h). Their ratios for two h give r. Steps and bends
    make r larger, first differences and second ones in different ways, so the smaller r is believed.
    """
    near = _trimmed(_second(y, 1))
    if near == 0:
        return Noise(_least(y), 0.0)
    first = _correlation(_trimmed(_first(y, 3)), _trimmed(_first(y, 1)), lambda r: (1 - r**3) / (1 - r))
    second = _correlation(_trimmed(_second(y, 2)), near, lambda r: (1 + r) * (3 - r * r) / (3 - r))
    r = min(first, second)
    return Noise(max(near / math.sqrt(2 * (1 - r) * (3 - r)), _least(y)), r)


def changes_of(x: Curve, y: Curve) -> list[Change]:
    """Find the changes of a curve, in their order; none where there are fewer than FEWEST points.

    Args:
        x: [N] places of the points, which grow.
        y: [N] finite numbers.
    """
    if len(y) < FEWEST or np.ptp(y) <= ROUNDING * np.abs(y).max():
        return []
    noise = noise_of(y)
    costs = _Costs(x, held_back(y))
    ends = _partition(costs, len(y), PENALTY * math.log(len(y)) * noise.variance)
    return [
        _change(costs, x, begin, index, end, noise.variance)
        for begin, index, end in zip(ends, ends[1:], ends[2:], strict=False)
    ]


def effect(before: Curve, after: Curve) -> Effect:
    """Compare numbers by the difference of their medians, in robust standard deviations (1.4826 MAD) about these."""
    low, high = float(np.median(before)), float(np.median(after))
    spread = _spread(np.concatenate([before - low, after - high]))
    is_noise = spread > ROUNDING * max(abs(low), abs(high))
    size = (high - low) / spread if is_noise else (None if low != high else 0.0)
    error = NORMAL_MEAN * math.sqrt(1 / len(before) + 1 / len(after))  # of a difference of medians
    return Effect(low, high, size, max(LEAST_EFFECT, CERTAIN * error))


class _Costs:
    """Squared errors of straight lines through any stretch of a curve, from sums over its beginnings."""

    def __init__(self, x: Curve, y: Curve) -> None:
        x, y = x - x.mean(), y - y.mean()
        columns = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
        self._sums = np.concatenate([np.zeros((6, 1)), np.cumsum(columns, axis=1)], axis=1)

    def before(self, end: int, most: int) -> Curve:
        """Give the errors of the stretches from 0, 1, ... most - 1 to before the end."""
        return self._error(self._sums[:, end, None] - self._sums[:, :most])

    def of(self, begins: list[int], ends: list[int]) -> Curve:
        """Give the errors of the stretches from each begin to before its end."""
        return self._error(self._sums[:, ends] - self._sums[:, begins])

    def line(self, begin: int, end: int) -> tuple[float, float]:
        """Give level and slope of the best line through a stretch, the level at its middle."""
        n, sx, sy, sxx, sxy, _ = (self._sums[:, end] - self._sums[:, begin]).tolist()
        width = sxx - sx * sx / n
        return sy / n, (sxy - sx * sy / n) / width if width > 0 else 0.0

    @staticmethod
    def _error(sums: Curve) -> Curve:
        n, sx, sy, sxx, sxy, syy = sums
        width = np.maximum(sxx - sx * sx / n, np.finfo(float).tiny)
        errors: Curve = np.maximum(syy - sy * sy / n - (sxy - sx * sy / n) ** 2 / width, 0.0)
        return errors


def _partition(costs: _Costs, points: int, penalty: float) -> list[int]:
    """Give the begins of the best pieces, 0 first, and the number of points last.

    A point that is neither of the piece before it nor of that after it may be left out, for HALFWAY of the penalty.
    """
    best = np.full(points + 1, np.inf)  # of the points before each index
    begun = np.full(points + 1, np.inf)  # the same where the next piece begins there
    best[0] = begun[0] = -penalty
    begins = np.zeros(points + 1, dtype=int)  # of the last piece of these
    is_left_out = np.zeros(points + 1, dtype=bool)  # the point before a piece that begins there
    for end in range(SHORTEST, points + 1):
        most = end - SHORTEST + 1
        totals = begun[:most] + costs.before(end, most) + penalty
        begins[end] = begin = int(np.argmin(totals))
        best[end] = totals[begin]
        without = best[end - 1] + HALFWAY * penalty
        is_left_out[end] = without < best[end]
        begun[end] = min(best[end], without)
    found = []
    begin = int(begins[points])
    while begin:
        found.append(begin)
        begin = int(begins[begin - is_left_out[begin]])
    return [0, *found[::-1], points]


def _change(costs: _Costs, x: Curve, begin: int, index: int, end: int, variance: float) -> Change:
    """Describe the change between two pieces; it may lie wherever they would fit nearly as well."""
    places = list(range(begin + SHORTEST, end - SHORTEST + 1))
    errors = costs.of([begin] * len(places), places) + costs.of(places, [end] * len(places))
    fits = np.flatnonzero(errors <= errors.min() + LIKELY * variance)
    gain = float(costs.of([begin], [end])[0] - errors.min()) / variance
    (level, slope), (next_level, next_slope) = costs.line(begin, index), costs.line(index, end)
    at = (x[index - 1] + x[index]) / 2
    step = next_level + next_slope * (at - x[index:end].mean()) - level - slope * (at - x[begin:index].mean())
    error = math.sqrt(variance * 4 * (1 / (index - begin) + 1 / (end - index)))  # of the ends of two lines
    low, high = min(places[fits[0]], index), max(places[fits[-1]], index)
    return Change(index, low, high, gain, float(step), bool(abs(step) > CERTAIN * error))


def held_back(y: Curve) -> Curve:
    """Move single points that lie far off those about them to the median of these, the first and last ones apart."""
    inner = y[BESIDE:-BESIDE]
    usual = np.median(np.lib.stride_tricks.sliding_window_view(y, 2 * BESIDE + 1), axis=1)
    limit = FAR_OFF * _spread(inner - usual)
    held = y.copy()
    if limit > 0:
        held[BESIDE:-BESIDE] = np.where(np.abs(inner - usual) > limit, usual, inner)
    return held


def _spread(errors: Curve) -> float:
    """Estimate a standard deviation by the median; where most errors are 0, as of rare events, by the mean."""
    sizes = np.abs(errors)
    return float(np.median(sizes)) * NORMAL or float(np.mean(sizes)) * NORMAL_MEAN


def _trimmed(errors: Curve) -> float:
    """Estimate a standard deviation by the mean without the largest tenth, or what one step spoils if that is more.

    Where all the others are 0, it is estimated by the mean of all.
    """
    sizes = np.sort(np.abs(errors))
    few = max(min(math.ceil(0.9 * len(sizes)), len(sizes) - SPOILT), len(sizes) // 2)
    normal = NormalDist()
    edge = normal.inv_cdf((1 + few / (len(sizes) + 1)) / 2)
    expected = 2 * (normal.pdf(0) - normal.pdf(edge)) * (len(sizes) + 1) / few  # of normal errors up to the edge
    return float(sizes[:few].mean()) / expected or float(sizes.mean()) * NORMAL_MEAN


def _first(y: Curve, apart: int) -> Curve:
    """Give differences of points so far apart, less the usual slope."""
    found = y[apart:] - y[:-apart]
    return found - np.median(found)


def _second(y: Curve, apart: int) -> Curve:
    return y[2 * apart :] - 2 * y[apart:-apart] + y[: -2 * apart]


def _correlation(apart: float, near: float, ratio: Callable[[float], float]) -> float:
    """Find the r at which two standard deviations have their ratio, squared: by halving, as the ratio grows with r."""
    low, high = 0.0, MOST_CORRELATION
    for _ in range(30):
        r = (low + high) / 2
        low, high = (r, high) if ratio(r) * near**2 < apart**2 else (low, r)
    return (low + high) / 2


def _least(y: Curve) -> float:
    return float(max(ROUNDING * np.abs(y).max(), SUMMING * np.ptp(y), np.finfo(float).tiny))
