"""The mean of several runs of a metric, and the band from the least to the largest of them.

Runs are taken where all of them are: a mean would jump where one of them ends. Between its epochs a run is a straight
line, as it is drawn; where one had values that were no numbers there is a gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from townlet_core.telemetry.plotting.columns import MOST_BUCKETS, Point


def bands(runs: Sequence[Sequence[Point]]) -> list[Point]:
    """Give the mean of the runs at their epochs; low and high are of the smoothed runs, as `smooth` is their mean.

    Args:
        runs: points of each, in the order of epochs.
    """
    first = max(run[0].epoch for run in runs)
    last = min(run[-1].epoch for run in runs)
    grid = sorted({point.epoch for run in runs for point in run if first <= point.epoch <= last})
    grid = grid[:: -(-len(grid) // MOST_BUCKETS) or 1]
    places = [[point.epoch for point in run] for run in runs]
    found = []
    for epoch in grid:
        values = [_at(run, own, epoch) for run, own in zip(runs, places, strict=True)]
        there = [value for value in values if value is not None]
        if len(there) < len(values):
            found.append(Point(epoch, epoch, epoch, None, None, None, None, len(values) - len(there)))
            continue
        raw, smooth = [value[0] for value in there], [value[1] for value in there]
        mean, smooth_mean = sum(raw) / len(raw), sum(smooth) / len(smooth)
        found.append(Point(epoch, epoch, epoch, mean, min(smooth), max(smooth), smooth_mean, 0))
    return found


def _at(run: Sequence[Point], places: Sequence[float], epoch: float) -> tuple[float, float] | None:
    """Give a run's value and smoothed value at an epoch within it."""
    place = bisect_left(places, epoch)
    after = run[place]
    if after.value is None or after.smooth is None:
        return None
    if after.epoch == epoch or place == 0:
        return after.value, after.smooth
    before = run[place - 1]
    if before.value is None or before.smooth is None:
        return None
    share = (epoch - before.epoch) / (after.epoch - before.epoch)
    return before.value + (after.value - before.value) * share, before.smooth + (after.smooth - before.smooth) * share
