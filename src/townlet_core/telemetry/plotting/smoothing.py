"""Smoothing of a curve as TensorBoard does it: an exponential moving average that does not lean towards its start."""

from __future__ import annotations

from collections.abc import Iterable


class Average:
    """A moving average in which each value weighs `weight` times as much as the one after it.

    After n values it is sum(weight^(n-i) * v_i) / sum(weight^(n-i)): the plain average of the first few values, not one
    that starts at zero. Source: the bias correction of Kingma and Ba 2015, arXiv:1412.6980, section 3, which
    TensorBoard's charts use too.

    Args:
        weight: 0 (the values themselves) up to, not including, 1.
    """

    __slots__ = ("_rest", "_sum", "_weight")

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._sum = 0.0  # (1 - weight) * sum(weight^(n-i) * v_i)
        self._rest = 1.0  # weight^n, which is what the start still weighs

    def add(self, value: float) -> float:
        """Take the next value in; give the average so far."""
        weight = self._weight
        self._sum = self._sum * weight + (1.0 - weight) * value
        self._rest *= weight
        return self._sum / (1.0 - self._rest)


def smoothed(values: Iterable[float], weight: float) -> list[float]:
    """Smooth values that are all there."""
    average = Average(weight)
    return [average.add(value) for value in values]
