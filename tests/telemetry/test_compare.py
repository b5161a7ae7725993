"""Whether groups of runs differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.summarising.compare import differences, estimate, holm, permutation_test


def test_four_runs_that_are_all_better_than_four_others_are_so_by_chance_in_two_deals_of_seventy() -> None:
    found = permutation_test([1, 2, 3, 4], [5, 6, 7, 8])
    assert found.method == "exact"
    assert found.p == pytest.approx(2 / 70)


def test_all_deals_that_are_as_far_apart_are_counted() -> None:
    # sums of four of 1..8: 1 way to make 10, 1 for 11, 2 for 12, 3 for 13, 5 for 14, and as many for 26 down to 22.
    # 1 + 2 + 3 + 8 = 14 against 22: (1 + 1 + 2 + 3 + 5) * 2 = 24 deals are as far apart or further
    assert permutation_test([1, 2, 3, 8], [4, 5, 6, 7]).p == pytest.approx(24 / 70)


def test_sides_may_differ_in_size() -> None:
    # of 126 deals only the one found puts the four least together; (1+2+3+4)/4 - (5+..+9)/5 = -4.5, and the other
    # way round (9+8+7+6)/4 - (1+..+5)/5 = 4.5
    assert permutation_test([1, 2, 3, 4], [5, 6, 7, 8, 9]).p == pytest.approx(2 / 126)


def test_three_runs_a_side_are_not_tested() -> None:
    assert permutation_test([1, 2, 3], [7, 8, 9, 10]) == ("not testable", None)


def test_runs_that_are_all_alike_do_not_differ() -> None:
    assert permutation_test([0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]).p == 1


def test_of_too_many_deals_some_are_drawn_and_always_the_same() -> None:
    # 12 and 12 runs: 2,704,156 deals; all of one side better has p = 2 / 2,704,156, and 1 / 100,001 is the least
    # that can be drawn
    a, b = list(range(12)), list(range(12, 24))
    found = permutation_test(a, b)
    assert found.method == "sampled"
    assert found.p == pytest.approx(1 / 100_001)
    assert permutation_test(a, b) == found


def test_p_values_are_corrected_by_holm() -> None:
    # in order 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1, none less than the one before: 0.02, 0.03, 0.06, 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_corrected_p_lies_between_itself_and_bonferronis(ps: list[float]) -> None:
    for p, corrected in zip(ps, holm(ps), strict=True):
        assert p <= corrected <= min(1, p * len(ps)) + 1e-12


def test_an_interval_is_always_the_same_and_holds_the_mean() -> None:
    found = estimate([1.0, 2.0, 3.0, 6.0])
    assert found == estimate([1.0, 2.0, 3.0, 6.0])
    assert found.mean == 3
    assert found.low is not None
    assert found.high is not None
    # of 4 ** 4 = 256 ways to draw, 1 has the mean 1 and 4 more 1.25 (5 / 256 = 2.0 %), 6 more 1.5: the 2.5 % point
    # is 1.5; at the other end 1 has the mean 6, 4 have 5.25 (2.0 %) and 4 have 5 (3.5 %): 5
    assert (found.low, found.high) == (1.5, 5)


def test_one_run_has_no_interval() -> None:
    found = estimate([4.0])
    assert (found.mean, found.low, found.high, found.runs) == (4, None, None, 1)


RUNS = {"slow": [1.0, 2.0, 3.0, 4.0], "fast": [5.0, 6.0, 7.0, 8.0]}


@pytest.mark.parametrize(
    ("key", "better"),
    [
        pytest.param("ep_return_mean", "fast", id="more is better"),
        pytest.param("events.faint", "slow", id="less is better"),
        pytest.param("loss_policy", None, id="nobody can say"),
    ],
)
def test_the_better_group_is_named_where_one_is(key: str, better: str | None) -> None:
    (found,) = differences([(name, {key: values}) for name, values in RUNS.items()], [key], [])
    assert (found.group, found.reference, found.difference, found.better) == ("fast", "slow", 4, better)


def test_two_tests_decide_less_than_one() -> None:
    groups = [(name, {"ep_return_mean": values, "events.faint": values}) for name, values in RUNS.items()]
    found = differences(groups, ["ep_return_mean", "events.faint"], [])
    assert [each.p_holm for each in found] == pytest.approx([4 / 70, 4 / 70])
    assert [each.better for each in found] == [None, None]


def test_what_is_only_shown_is_not_tested() -> None:
    groups = [(name, {"ep_return_mean": values, "lr": values}) for name, values in RUNS.items()]
    found = {each.metric: each for each in differences(groups, ["ep_return_mean"], ["ep_return_mean", "lr"])}
    assert (found["lr"].method, found["lr"].p, found["lr"].difference) == ("not tested", None, 4)
    assert found["ep_return_mean"].p_holm == pytest.approx(2 / 70)


def test_three_groups_are_compared_with_the_first() -> None:
    groups = [(name, {"ep_return_mean": [float(n)] * 4}) for n, name in enumerate("abc")]
    assert [(each.group, each.reference) for each in differences(groups, [], ["ep_return_mean"])] == [
        ("b", "a"),
        ("c", "a"),
    ]
