"""Columns: a metric over epochs in bounded memory, of which nothing large or small is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.plotting.columns import LARGEST, MOST_BUCKETS, Column, Crossing, Point

numbers = st.floats(-LARGEST, LARGEST) | st.none()


def filled(values: Sequence[float | None], **options: float) -> Column:
    """Make a column of values in the epochs from 1."""
    column = Column(**options)  # type: ignore[arg-type]  # the width is none of them
    for epoch, value in enumerate(values, start=1):
        column.add(epoch, value)
    return column


def test_while_there_are_few_every_value_is_a_point() -> None:
    assert filled([3.0, None, 5.0]).points() == [
        Point(1, 1, 1, 3.0, 3.0, 3.0, 3.0, 0),
        Point(2, 2, 2, None, None, None, None, 1),
        Point(3, 3, 3, 5.0, 5.0, 5.0, 5.0, 0),
    ]


def test_where_there_are_many_a_point_is_the_mean_of_several_with_their_least_and_most() -> None:
    """1,001 epochs in buckets of two: epoch 1, epochs 2 and 3, ..., 1,000 and 1,001. The value is the epoch."""
    column = filled([float(epoch) for epoch in range(1, MOST_BUCKETS + 2)])
    assert column.width == 2
    first, second, *_, last = column.points()
    assert first == Point(1, 1, 1, 1.0, 1.0, 1.0, 1.0, 0)
    assert second == Point(2, 3, 2.5, 2.5, 2.0, 3.0, 2.5, 0)
    assert last == Point(1000, 1001, 1000.5, 1000.5, 1000.0, 1001.0, 1000.5, 0)


def test_smoothing_is_of_every_value_also_where_a_point_is_several() -> None:
    """A weight of 1/2 and values 0, 0, ..., 0, 3: the last average is 3 * 1/2; that of its bucket is the half of it."""
    column = filled([0.0] * MOST_BUCKETS + [3.0], weight=0.5)
    assert column.points()[-1].smooth == pytest.approx(0.75)


def test_what_is_no_number_is_counted_and_changes_no_average() -> None:
    found = filled([None, 2.0, math.inf, math.nan, -math.inf, 4.0], weight=0.5).points()
    assert [point.odd for point in found] == [1, 0, 1, 1, 1, 0]
    assert [point.value for point in found] == [None, 2.0, None, None, None, 4.0]
    assert found[-1].smooth == pytest.approx((2.0 * 0.5 + 4.0) / 1.5)


def test_crossings_are_where_a_value_comes_to_the_other_side() -> None:
    """A value that equals the threshold is on no side, so that 1, 2, 1 does not cross 2."""
    column = filled([1.0, 2.0, 1.0, 3.0, None, 2.0, 2.5, 0.0], threshold=2.0)
    assert column.crossings == [Crossing(4, True), Crossing(8, False)]


@given(st.lists(numbers, min_size=1, max_size=40), st.integers(1, 200))
def test_nothing_is_lost_however_many_epochs_there_are(pattern: list[float | None], times: int) -> None:
    values = (pattern * times)[: 3 * MOST_BUCKETS]
    points = filled(values).points()
    finite = [value for value in values if value is not None]
    assert len(points) <= MOST_BUCKETS
    assert sum(point.odd for point in points) == len(values) - len(finite)
    assert min((point.low for point in points if point.low is not None), default=None) == min(finite, default=None)
    assert max((point.high for point in points if point.high is not None), default=None) == max(finite, default=None)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=2_500), st.floats(-100, 100))
def test_points_are_in_order_and_values_lie_within_them(gaps: list[int], start: float) -> None:
    column = Column()
    for epoch in accumulate(gaps):
        column.add(epoch, start + epoch % 7)
    points = column.points()
    assert len(points) <= MOST_BUCKETS
    assert points[0].first == gaps[0]
    assert points[-1].last == sum(gaps)
    assert all(before.last < after.first and before.epoch < after.epoch for before, after in pairwise(points))
    for point in points:
        assert point.low is not None
        assert point.value is not None
        assert point.high is not None
        assert point.first <= point.epoch <= point.last
        assert point.low - 1e-9 <= point.value <= point.high + 1e-9
