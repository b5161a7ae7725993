"""A metric of a run over its epochs, in bounded memory: each value while there are few, buckets of epochs later on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from townlet_core.telemetry.plotting.smoothing import Average

MOST_BUCKETS: Final = 1_000  # of a column: more than a picture has dots for
LARGEST: Final = 1e300  # what is larger cannot be drawn beside its negative
MOST_CROSSINGS: Final = 1_000  # that are remembered, the first


class Point(NamedTuple):
    """What there is of a metric in some epochs, or in one. A value is None where none of them was a number."""

    first: float  # epoch
    last: float  # epoch
    epoch: float  # mean of those that were numbers
    value: float | None  # mean
    low: float | None
    high: float | None
    smooth: float | None  # mean of the smoothed values
    odd: int  # values that were no numbers


class Crossing(NamedTuple):
    """Where a metric gets from one side of a threshold to the other."""

    epoch: float
    rises: bool


@dataclass(slots=True)
class _Bucket:
    """The epochs from number * width to the next bucket."""

    number: int
    first: float
    last: float
    epoch: float = 0.0  # mean
    count: int = 0  # of values that were numbers
    value: float = 0.0  # mean
    low: float = 0.0
    high: float = 0.0
    smooth: float = 0.0  # mean
    odd: int = 0

    def add(self, epoch: float, value: float, smooth: float) -> None:
        """Take in a value that is a number."""
        self.count += 1
        if self.count == 1:
            self.epoch, self.value, self.smooth, self.low, self.high = epoch, value, smooth, value, value
            return
        share = 1.0 / self.count
        self.epoch += (epoch - self.epoch) * share
        self.value += (value - self.value) * share
        self.smooth += (smooth - self.smooth) * share
        if value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value

    def take(self, other: _Bucket) -> None:
        """Take in the bucket that comes next."""
        self.last = other.last
        self.odd += other.odd
        if not other.count:
            return
        if not self.count:
            self.low, self.high = other.low, other.high
        self.count += other.count
        share = other.count / self.count
        self.epoch += (other.epoch - self.epoch) * share
        self.value += (other.value - self.value) * share
        self.smooth += (other.smooth - self.smooth) * share
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def point(self) -> Point:
        if not self.count:
            return Point(self.first, self.last, (self.first + self.last) / 2, None, None, None, None, self.odd)
        return Point(self.first, self.last, self.epoch, self.value, self.low, self.high, self.smooth, self.odd)


@dataclass(slots=True)
class Column:
    """Values of a metric, added in the order of their epochs.

    Args:
        weight: of the smoothing, which is of each value and not of buckets.
        threshold: crossings of it are remembered; a value that equals it is on the side of the one before.
    """

    weight: float = 0.0
    threshold: float | None = None
    width: int = 1  # epochs in a bucket
    crossings: list[Crossing] = field(default_factory=list)  # the first of them
    last: float | None = None  # value
    _above: bool | None = None  # whether the last value was above the threshold
    _buckets: list[_Bucket] = field(default_factory=list)
    _average: Average = field(init=False)

    def __post_init__(self) -> None:
        self._average = Average(self.weight)

    def add(self, epoch: float, value: float | None) -> None:
        """Add the value of an epoch; None is one that was no number."""
        number = int(epoch // self.width)
        buckets = self._buckets
        if not buckets or buckets[-1].number != number:
            if len(buckets) >= MOST_BUCKETS:
                self._halve()
                self.add(epoch, value)  # to a bucket that is twice as wide, or to one that is wider still
                return
            buckets.append(_Bucket(number, epoch, epoch))
        bucket = buckets[-1]
        bucket.last = epoch
        if value is None or not -LARGEST <= value <= LARGEST:
            bucket.odd += 1
            return
        self.last = value = float(value)
        bucket.add(epoch, value, self._average.add(value))
        if self.threshold is not None and value != self.threshold:
            self._watch(epoch, value > self.threshold)

    def points(self) -> list[Point]:
        """Give what there is, in the order of epochs."""
        return [bucket.point() for bucket in self._buckets]

    def _watch(self, epoch: float, above: bool) -> None:
        if self._above is not None and above != self._above and len(self.crossings) < MOST_CROSSINGS:
            self.crossings.append(Crossing(epoch, above))
        self._above = above

    def _halve(self) -> None:
        """Make the buckets twice as wide."""
        self.width *= 2
        wider: list[_Bucket] = []
        for bucket in self._buckets:
            bucket.number = int(bucket.first // self.width)
            if wider and wider[-1].number == bucket.number:
                wider[-1].take(bucket)
            else:
                wider.append(bucket)
        self._buckets = wider
