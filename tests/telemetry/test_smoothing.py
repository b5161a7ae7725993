"""Smoothing: a moving average that does not lean towards zero at its start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.plotting.smoothing import smoothed

weights = st.floats(0, 0.999)
values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def test_each_value_weighs_more_than_the_one_before() -> None:
    # With a weight of 1/2: 4; (4/2 + 1) / (1/2 + 1) = 2; (4/4 + 1/2 + 2) / (1/4 + 1/2 + 1) = 3.5 / 1.75 = 2.
    assert smoothed([4.0, 1.0, 2.0], 0.5) == pytest.approx([4.0, 2.0, 2.0])


@given(values)
def test_a_weight_of_nothing_leaves_values_as_they_are(found: list[float]) -> None:
    assert smoothed(found, 0.0) == found


@given(st.floats(-1e6, 1e6), weights, st.integers(1, 30))
def test_what_is_constant_stays_so(value: float, weight: float, count: int) -> None:
    assert smoothed([value] * count, weight) == pytest.approx([value] * count, rel=1e-9, abs=1e-9)


@given(values, weights)
def test_an_average_lies_between_the_least_and_the_most(found: list[float], weight: float) -> None:
    room = 1e-9 * max(1.0, *map(abs, found))
    assert all(min(found) - room <= value <= max(found) + room for value in smoothed(found, weight))
