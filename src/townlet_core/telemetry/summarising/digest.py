"""The numbers of every key of a run, in one pass over its records and no more memory than the keys need.

Means and deviations are put together block by block (Chan, Golub, LeVeque 1983, doi:10.1080/00031305.1983.10483115).
Of the course of each key a thinned history is kept, the sums over stretches of equally many records; when it is full,
stretches are joined two by two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.telemetry.summarising.summary import Metric
from townlet_core.telemetry.summarising.trend import MOST_WINDOWS, Point, trend_of

STRETCHES: Final = 512  # of the history; at least half of them are in use once there are so many records
ABSENT: Final = math.inf  # what a block has where a record lacks the key; null is NaN there

Column = NDArray[np.float64]


class Block(NamedTuple):
    """Some records that follow each other."""

    keys: list[str]  # those of earlier blocks first, in the same order
    values: Column  # [records, keys]
    epochs: Column  # [records]
    worst: list[str | None]  # the agent with the least reward of each


@dataclass
class _Columns:
    """What is known of each key, all arrays [keys] but the history, [stretches, keys]."""

    count: Column
    nulls: Column
    missing: Column
    zeros: Column
    beyond: Column  # how often it was larger than its limit, by amount
    mean: Column
    square: Column  # sum of squared differences from the mean
    first: Column
    last: Column
    least: Column
    least_at: Column  # epoch
    most: Column
    most_at: Column
    sums: Column
    counts: Column


FILL: Final = {"least": math.inf, "most": -math.inf, "least_at": math.nan, "most_at": math.nan}
NAMES: Final = tuple(_Columns.__annotations__)


@dataclass
class Digest:
    """Takes blocks in, and gives the numbers of each key.

    Args:
        limits: key -> amount; it is counted how often the key is beyond it.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    records: int = 0
    worst: Counter[str] = field(default_factory=Counter)  # agent -> how often it had the least reward

    def __post_init__(self) -> None:
        shape = {name: (STRETCHES, 0) if name in ("sums", "counts") else (0,) for name in NAMES}
        self._of = _Columns(**{name: np.zeros(shape[name]) for name in NAMES})
        self._every = 1  # records a stretch
        self._epochs = np.zeros((2, STRETCHES))  # sums and counts
        self._limits = np.zeros(0)

    def add(self, block: Block) -> None:
        """Take the next records in."""
        self._grow(block.keys)
        with np.errstate(all="ignore"):  # what overflows is infinite, and shown as unknown
            found = np.isfinite(block.values)
            values = np.where(found, block.values, 0.0)
            self._count(block.values, values, found)
            self._join(values, found)
            self._extremes(block, found)
            self._remember(values, found, block.epochs)
        self.records += len(block.values)
        self.worst.update(agent for agent in block.worst if agent is not None)

    def beyond(self, key: str) -> int:
        """Tell how often a key was beyond its limit."""
        return int(self._of.beyond[self.keys.index(key)])

    def metric(self, key: str, nonfinite: int = 0) -> Metric:
        """Give the numbers of a key."""
        of, i = self._of, self.keys.index(key)
        count = int(of.count[i])
        some = count > 0
        course = self._course(i)
        tenth = max(1, round(len(course[0]) / 10))
        return Metric(
            count=count,
            nulls=int(of.nulls[i]) - min(nonfinite, int(of.nulls[i])),
            missing=self.records - count - int(of.nulls[i]),
            nonfinite=nonfinite,
            zeros=int(of.zeros[i]),
            first=_number(of.first[i], some),
            last=_number(of.last[i], some),
            mean=_number(of.mean[i], some),
            sd=_number(math.sqrt(of.square[i] / (count - 1)), True) if count > 1 else None,
            min=_number(of.least[i], some),
            min_epoch=whole(of.least_at[i]),
            max=_number(of.most[i], some),
            max_epoch=whole(of.most_at[i]),
            start=self._mean(i, [each[:tenth] for each in course]),
            end=self._mean(i, [each[-tenth:] for each in course]),
            trend=trend_of(self.windows(key)),
        )

    def windows(self, key: str, share: float = 1.0) -> list[Point]:
        """Give epoch and mean of a key in at most MOST_WINDOWS equal windows of the last share of its epochs."""
        i = self.keys.index(key)
        course = self._course(i)
        length = round(len(course[0]) * share)
        if not length:
            return []
        parts = zip(*(np.array_split(each[-length:], min(MOST_WINDOWS, length)) for each in course), strict=True)
        with np.errstate(all="ignore"):
            points = [(float(e.sum() / w.sum()), self._within(i, s.sum() / n.sum())) for s, n, e, w in parts]
        return [point for point in points if all(map(math.isfinite, point))]

    def _course(self, i: int) -> list[Column]:
        """Give the stretches that have a number of a key: sums, their counts, sums of epochs, their counts."""
        some = self._of.counts[:, i] > 0
        return [self._of.sums[some, i], self._of.counts[some, i], *self._epochs[:, some]]

    def _mean(self, i: int, course: list[Column]) -> float | None:
        count = float(course[1].sum())
        with np.errstate(over="ignore"):
            return _number(self._within(i, course[0].sum() / count), True) if count else None

    def _within(self, i: int, mean: Any) -> float:
        """Keep rounding from carrying a mean beyond the least and the most: that of a constant is the constant."""
        return float(min(max(mean, self._of.least[i]), self._of.most[i])) if math.isfinite(mean) else math.nan

    def _grow(self, keys: Sequence[str]) -> None:
        new = keys[len(self.keys) :]
        if not new:
            return
        for name in NAMES:
            old: Column = getattr(self._of, name)
            more = np.full((*old.shape[:-1], len(new)), FILL.get(name, 0.0))
            setattr(self._of, name, np.concatenate([old, more], axis=-1))
        self._limits = np.append(self._limits, [self.limits.get(key, math.inf) for key in new])
        self.keys += new

    def _count(self, raw: Column, values: Column, found: NDArray[np.bool_]) -> None:
        of, width = self._of, values.shape[1]
        of.nulls[:width] += np.isnan(raw).sum(0)
        of.zeros[:width] += (found & (values == 0)).sum(0)
        of.beyond[:width] += (np.abs(values) > self._limits[:width]).sum(0)

    def _join(self, values: Column, found: NDArray[np.bool_]) -> None:
        """Join counts, means and squares with those so far."""
        of, width = self._of, values.shape[1]
        count, before = found.sum(0).astype(np.float64), of.count[:width]
        first = values[found.argmax(0), np.arange(width)]
        near = np.where(before > 0, of.mean[:width], first)  # so that rounding gives a constant no deviation
        off = np.where(found, values - near, 0.0)
        mean = off.sum(0) / np.maximum(count, 1)
        square = (np.where(found, off - mean, 0.0) ** 2).sum(0)
        after = np.maximum(before + count, 1)
        of.square[:width] += square + mean * mean * before * count / after
        of.mean[:width] = np.where(count > 0, near + mean * count / after, of.mean[:width])
        of.count[:width] += count

    def _extremes(self, block: Block, found: NDArray[np.bool_]) -> None:
        of, epochs = self._of, block.epochs
        rows, width = block.values.shape
        columns = np.arange(width)
        for value, at, sign in (("least", "least_at", 1.0), ("most", "most_at", -1.0)):
            amounts = np.where(found, sign * block.values, math.inf)
            place = amounts.argmin(0)
            here = amounts[place, columns]
            best, best_at = getattr(of, value), getattr(of, at)
            better = here < sign * best[:width]
            best[:width] = np.where(better, sign * here, best[:width])
            best_at[:width] = np.where(better, epochs[place], best_at[:width])
        some = found.any(0)
        new = some & (of.count[:width] == found.sum(0))  # counted already, so these are all
        of.first[:width] = np.where(new, block.values[found.argmax(0), columns], of.first[:width])
        of.last[:width] = np.where(some, block.values[rows - 1 - found[::-1].argmax(0), columns], of.last[:width])

    def _remember(self, values: Column, found: NDArray[np.bool_], epochs: Column) -> None:
        """Add records to the history."""
        while (self.records + len(values) - 1) // self._every >= STRETCHES:
            self._of.sums, self._of.counts = _halved(self._of.sums), _halved(self._of.counts)
            self._epochs = _halved(self._epochs.T).T
            self._every *= 2
        of, width = self._of, values.shape[1]
        stretch = np.arange(self.records, self.records + len(values)) // self._every
        begins = np.flatnonzero(np.diff(stretch, prepend=-1))
        at = stretch[begins]
        of.sums[at, :width] += np.add.reduceat(values, begins)
        of.counts[at, :width] += np.add.reduceat(found.astype(np.float64), begins)
        known = np.isfinite(epochs)
        self._epochs[0, at] += np.add.reduceat(np.where(known, epochs, 0.0), begins)
        self._epochs[1, at] += np.add.reduceat(known.astype(np.float64), begins)


def _halved(history: Column) -> Column:
    """Join stretches two by two."""
    joined = history[0::2] + history[1::2]
    return np.concatenate([joined, np.zeros_like(joined)])


def _number(value: Any, known: bool) -> float | None:
    """Give a number as plain Python; None where there is none, or where it has overflown."""
    return float(value) if known and math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """Give a whole number, which the predecessor wrote as 1.0; None where there is none."""
    return int(value) if value is not None and math.isfinite(value) else None
