"""Whether a row of numbers goes up or down."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.summarising.trend import Point, trend_of


def points(*values: float) -> list[Point]:
    return [(float(epoch), value) for epoch, value in enumerate(values, 1)]


def test_eight_numbers_that_rise_one_by_one_rise_by_one_an_epoch() -> None:
    # all 28 pairs rise: S = 28, its variance 8 * 7 * 21 / 18 = 65.33, z = (28 - 1) / 8.083 = 3.340
    found = trend_of(points(1, 2, 3, 4, 5, 6, 7, 8))
    assert found is not None
    assert (found.direction, found.slope, found.slope_low, found.slope_high) == ("rises", 1, 1, 1)
    assert found.p == pytest.approx(math.erfc(27 / math.sqrt(1176 / 18) / math.sqrt(2)))
    assert found.p == pytest.approx(0.000836, abs=1e-6)


def test_ties_make_chance_less_wide() -> None:
    # 4 of the 28 pairs are tied: S = 24; variance (1176 - 4 * (2 * 1 * 9)) / 18 = 61.33, z = 23 / 7.832 = 2.937
    found = trend_of(points(1, 1, 2, 2, 3, 3, 4, 4))
    assert found is not None
    assert found.direction == "rises"
    assert found.p == pytest.approx(0.00332, abs=1e-5)


def test_the_slope_is_that_of_most_and_not_of_an_outlier() -> None:
    found = trend_of(points(1, 2, 3, 4, 5, 6, 7, 800))
    assert found is not None
    assert found.slope == 1


def test_the_interval_of_a_slope_holds_what_the_order_of_pairs_leaves_open() -> None:
    # 28 slopes of the squares: (b² - a²) / (b - a) = a + b. Reach 2.576 * 8.083 = 20.82: from the third of them, as
    # (28 - 20.82) / 2 = 3.59, to the third from the end, as (28 + 20.82) / 2 = 24.41: 3, 4, 5, 5, ..., 13, 13, 14, 15
    found = trend_of(points(*(k * k for k in range(1, 9))))
    assert found is not None
    assert (found.slope_low, found.slope, found.slope_high) == (5, 9, 13)


@pytest.mark.parametrize(
    ("values", "direction"),
    [
        pytest.param((8, 7, 6, 5, 4, 3, 2, 1), "falls", id="falls"),
        pytest.param((5, 5, 5, 5, 5, 5, 5, 5), "steady", id="constant"),
        pytest.param((1, 2, 1, 2, 1, 2, 1, 2), "steady", id="to and fro"),
        pytest.param((1, 2, 3, 4, 4, 3, 2, 1), "steady", id="up and down again"),
    ],
)
def test_the_direction_is_told(values: tuple[float, ...], direction: str) -> None:
    found = trend_of(points(*values))
    assert found is not None
    assert found.direction == direction


def test_seven_numbers_are_too_few() -> None:
    assert trend_of(points(1, 2, 3, 4, 5, 6, 7)) is None


@given(st.lists(st.integers(-1000, 1000), min_size=8, max_size=20))
def test_a_row_turned_upside_down_goes_the_other_way(values: list[int]) -> None:
    one, other = trend_of(points(*values)), trend_of(points(*(-value for value in values)))
    assert one is not None
    assert other is not None
    assert one.p == other.p
    assert one.slope == -other.slope
    assert {one.direction, other.direction} in ({"rises", "falls"}, {"steady"})
