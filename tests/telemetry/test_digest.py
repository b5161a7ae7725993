"""The numbers of a run, in one pass and bounded memory."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.summarising.digest import STRETCHES, Block, Digest


def block(values: Sequence[float], first: int = 1, key: str = "loss_value") -> Block:
    """Records with one key, of epochs one after the other."""
    epochs = np.arange(first, first + len(values), dtype=np.float64)
    return Block([key], np.array(values, dtype=np.float64)[:, None], epochs, [None] * len(values))


def digest(*blocks: Block) -> Digest:
    found = Digest()
    for each in blocks:
        found.add(each)
    return found


def test_a_row_has_its_mean_and_deviation_and_extremes_with_their_epochs() -> None:
    # mean 40 / 8 = 5; squares of the differences 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32; sd = sqrt(32 / 7)
    found = digest(block([2, 4, 4]), block([4, 5, 5, 7, 9], 4)).metric("loss_value")
    assert (found.count, found.mean, found.first, found.last) == (8, 5, 2, 9)
    assert found.sd == pytest.approx(math.sqrt(32 / 7))
    assert (found.min, found.min_epoch, found.max, found.max_epoch) == (2, 1, 9, 8)


def test_the_first_of_several_extremes_is_named() -> None:
    found = digest(block([3, 1, 7]), block([1, 7, 3], 4)).metric("loss_value")
    assert (found.min_epoch, found.max_epoch) == (2, 3)


def test_null_absent_and_zero_are_three_things() -> None:
    found = digest(block([math.nan, math.inf, 0.0, 2.0])).metric("loss_value")
    assert (found.count, found.nulls, found.missing, found.zeros) == (2, 1, 1, 1)
    assert (found.first, found.mean) == (0, 1)


def test_what_was_not_finite_is_no_null() -> None:
    found = digest(block([math.nan, math.nan, 1.0])).metric("loss_value", nonfinite=1)
    assert (found.nulls, found.nonfinite) == (1, 1)


def test_a_key_without_a_number_has_none() -> None:
    found = digest(block([math.nan, math.nan])).metric("loss_value")
    assert (found.count, found.nulls) == (0, 2)
    numbers = (found.first, found.last, found.mean, found.sd, found.min, found.max, found.start, found.end, found.trend)
    assert set(numbers) == {None}


def test_a_key_that_comes_later_has_been_missing_before() -> None:
    both = Block(["loss_value", "ep_return_mean"], np.array([[3.0, 8.0]]), np.array([3.0]), [None])
    found = digest(block([1, 2]), both)
    assert (found.metric("ep_return_mean").missing, found.metric("ep_return_mean").mean) == (2, 8)
    assert found.metric("loss_value").mean == 2


def test_start_and_end_are_means_of_tenths() -> None:
    found = digest(block(range(1, 31))).metric("loss_value")  # (1 + 2 + 3) / 3 and (28 + 29 + 30) / 3
    assert (found.start, found.end) == (2, 29)


def test_the_history_of_a_long_run_is_thinned_to_its_course() -> None:
    found = digest(*(block(range(first, first + 100), first) for first in range(1, 100_001, 100)))
    # 100,000 epochs in stretches of 256: 391 of them, of which a tenth is 39 with 9984 epochs
    assert found.metric("loss_value").start == (1 + 9984) / 2
    windows = found.windows("loss_value")
    assert len(windows) == 20
    assert all(epoch == pytest.approx(value) for epoch, value in windows)
    trend = found.metric("loss_value").trend
    assert trend is not None
    assert trend.direction == "rises"
    assert trend.slope == pytest.approx(1)


def test_rounding_makes_nothing_of_a_constant() -> None:
    found = digest(*(block([0.1] * size, size) for size in (3, 7, 1, 64, 5, 11, 13))).metric("loss_value")
    assert (found.mean, found.sd, found.start, found.end) == (0.1, 0, 0.1, 0.1)
    assert found.trend is not None
    assert (found.trend.direction, found.trend.p) == ("steady", 1)


def test_how_often_a_key_is_beyond_its_limit_is_counted_by_amount() -> None:
    found = Digest({"loss_value": 2.0})
    found.add(block([1, 2, -3, 4, math.nan]))
    assert found.beyond("loss_value") == 2


def test_numbers_beyond_all_measure_have_no_mean_but_do_no_harm() -> None:
    found = digest(block([1e308, -1e308, 1e308])).metric("loss_value")
    assert (found.count, found.mean, found.sd, found.max) == (3, None, None, 1e308)
    many = digest(block([1e308] * 30)).metric("loss_value")
    assert (many.count, many.start, many.end, many.max) == (30, None, None, 1e308)  # 3e308, of a tenth, is infinite


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), min_size=1, max_size=40),
)
def test_blocks_of_any_size_come_to_what_the_whole_row_does(blocks: list[list[float]]) -> None:
    values = [value for each in blocks for value in each]
    found = Digest()
    for each in blocks:
        found.add(block(each, found.records + 1))
    metric = found.metric("loss_value")
    assert metric.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    if len(values) > 1:
        assert metric.sd == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-5)
    assert (metric.min, metric.max) == (min(values), max(values))
    assert (metric.min_epoch, metric.max_epoch) == (values.index(min(values)) + 1, values.index(max(values)) + 1)
    assert (metric.first, metric.last) == (values[0], values[-1])
    if len(values) <= STRETCHES:
        tenth = max(1, round(len(values) / 10))
        assert metric.end == pytest.approx(statistics.fmean(values[-tenth:]), rel=1e-9, abs=1e-6)
