"""Scales: round numbers on axes, and how they are written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from townlet_core.telemetry.plotting.scales import labels, short, ticks


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.0, 1.0, ["0.0", "0.5", "1.0"]),
        (-4.5, 1.5, ["-4", "-2", "0"]),
        (35_000.0, 64_000.0, ["40k", "50k", "60k"]),
        (1.0, 150.0, ["50", "100", "150"]),
        (-0.007, 0.0, ["-0.006", "-0.004", "-0.002", "0.000"]),
        (5e-6, 2e-5, ["5e-6", "1e-5", "1.5e-5", "2e-5"]),
        (-1e300, 1e300, ["-1e300", "-5e299", "0", "5e299", "1e300"]),
        (0.25, 0.25, ["0.25"]),
    ],
)
def test_the_numbers_of_an_axis_are_round_and_written_alike(low: float, high: float, written: list[str]) -> None:
    assert labels(ticks(low, high, 5)) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.2345, "1.23"),
        (-12.34, "-12.3"),
        (1234.0, "1230"),
        (99_999.0, "100k"),
        (2.5e6, "2.5M"),
        (1.2e-7, "1.2e-7"),
    ],
)
def test_a_number_by_itself_has_three_digits_that_count(value: float, text: str) -> None:
    assert short(value) == text


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.integers(2, 10))
def test_numbers_of_an_axis_lie_on_it_at_equal_distances_and_differ_as_they_are_written(
    one: float, other: float, most: int
) -> None:
    low, high = sorted((one, other))
    assume(high - low > 1e-6 * max(abs(low), abs(high)) > 1e-200)
    found = ticks(low, high, most)
    room = (high - low) * 1e-6
    assert len(found) <= most
    assert all(low - room <= tick <= high + room for tick in found)
    steps = [after - before for before, after in pairwise(found)]
    assert all(step == pytest.approx(steps[0], rel=1e-3) for step in steps)
    assert len(set(labels(found))) == len(found)
