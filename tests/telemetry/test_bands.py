"""Bands: the mean of several runs, from the least to the largest of them."""

from __future__ import annotations

import pytest

from townlet_core.telemetry.plotting.bands import bands
from townlet_core.telemetry.plotting.columns import MOST_BUCKETS, Point


def run(*values: float | None, first: int = 1, step: int = 1) -> list[Point]:
    """Points of a run that is not smoothed."""
    return [
        Point(epoch, epoch, epoch, value, value, value, value, int(value is None))
        for epoch, value in zip(range(first, first + step * len(values), step), values, strict=True)
    ]


def shown(points: list[Point]) -> list[tuple[float, float | None, float | None, float | None]]:
    return [(point.epoch, point.value, point.low, point.high) for point in points]


def test_the_mean_lies_between_the_least_and_the_largest_run() -> None:
    assert shown(bands([run(1.0, 2.0), run(3.0, 8.0), run(2.0, 2.0)])) == [(1, 2.0, 1.0, 3.0), (2, 4.0, 2.0, 8.0)]


def test_only_epochs_that_all_runs_have_reached_are_shown() -> None:
    """The second begins at epoch 2, the first ends at epoch 3."""
    assert [point.epoch for point in bands([run(1.0, 1.0, 1.0), run(2.0, 2.0, 2.0, first=2)])] == [2, 3]


def test_between_its_epochs_a_run_is_a_straight_line() -> None:
    """A run that is logged every other epoch, 0 and 4, is 2 between them: (2 + 6) / 2 = 4."""
    assert shown(bands([run(0.0, 4.0, step=2), run(6.0, 6.0, 6.0)]))[1] == (2, 4.0, 2.0, 6.0)


def test_where_a_run_has_no_number_there_is_a_gap() -> None:
    found = bands([run(1.0, None, 1.0), run(2.0, 2.0, 2.0)])
    assert shown(found)[1] == (2, None, None, None)
    assert [point.odd for point in found] == [0, 1, 0]


def test_runs_that_share_no_epoch_have_no_band() -> None:
    assert bands([run(1.0), run(1.0, first=5)]) == []


def test_long_runs_of_different_epochs_stay_bounded() -> None:
    odd, even = run(*[1.0] * 900, first=1, step=2), run(*[2.0] * 900, first=2, step=2)
    found = bands([odd, even])
    assert len(found) <= MOST_BUCKETS
    assert all(point.value == pytest.approx(1.5) for point in found)
