"""When a curve changes, and when it is only noise. The curves are seeded: each rate is the same in every run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from townlet_core.telemetry.explaining.changes import PENALTY, changes_of, effect, held_back, noise_of

Curve = NDArray[np.float64]


def noise(seed: int, points: int, correlation: float = 0.0) -> Curve:
    """Draw noise of standard deviation 1 in which each point resembles the one before it."""
    draws = np.random.default_rng(seed).normal(size=points)
    for point in range(1, points):
        draws[point] = correlation * draws[point - 1] + math.sqrt(1 - correlation**2) * draws[point]
    return draws


def places(y: Curve) -> Curve:
    return np.arange(1.0, len(y) + 1)


def test_a_step_is_found_where_it_is() -> None:
    y = noise(1, 80)
    y[40:] += 6
    (found,) = changes_of(places(y), y)
    assert (found.point, found.is_step) == (40, True)
    assert found.low <= 40 <= found.high
    assert found.step == pytest.approx(6, abs=1.5)


def test_a_bend_is_found_about_where_it_is_and_is_no_step() -> None:
    y = 0.3 * noise(2, 100) + np.minimum(np.arange(100.0), 50) * 0.2
    (found,) = changes_of(places(y), y)
    assert abs(found.point - 50) <= 3
    assert found.low <= 50 <= found.high
    assert not found.is_step


def test_two_steps_are_found_in_their_order() -> None:
    y = noise(3, 90)
    y[30:60] += 8
    assert [found.point for found in changes_of(places(y), y)] == [30, 60]


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.full(50, 3.0), id="constant"),
        pytest.param(np.linspace(0.001, 0, 50), id="line with rounding"),
        pytest.param(0.1 * noise(4, 80) + np.linspace(0, 5, 80), id="slope"),
        pytest.param(noise(5, 80) + np.where(np.arange(80) == 33, 50.0, 0.0), id="one point far off"),
        pytest.param(np.concatenate([np.zeros(5), np.ones(6)]), id="too few points"),
    ],
)
def test_what_is_no_change_is_not_found(y: Curve) -> None:
    assert changes_of(places(y), y) == []


@pytest.mark.parametrize(("points", "correlation", "most"), [(30, 0.0, 3), (60, 0.0, 3), (60, 0.3, 12), (150, 0.6, 36)])
def test_noise_seldom_seems_to_change(points: int, correlation: float, most: int) -> None:
    """Of 300 curves, 1 % where points know nothing of each other, 4 % and 12 % where they resemble each other."""
    curves = (noise(seed, points, correlation) + 0.02 * np.arange(points) for seed in range(300))
    assert sum(bool(changes_of(places(y), y)) for y in curves) <= most


def test_a_plain_step_is_seldom_missed_and_its_interval_seldom_wrong() -> None:
    found, within = 0, 0
    for seed in range(200):
        y = noise(seed, 80)
        y[40:] += 5
        changes = changes_of(places(y), y)
        found += len(changes) == 1
        within += any(change.low <= 40 <= change.high for change in changes)
    assert found >= 180
    assert within >= 180


def test_an_interval_holds_a_step_that_is_hard_to_place() -> None:
    """A step of three standard deviations: its likeliest point is often wrong, its interval seldom."""
    found = right = within = 0
    for seed in range(200):
        y = noise(seed, 80)
        y[40:] += 3
        for change in changes_of(places(y), y):
            found += 1
            right += change.point == 40
            within += change.low <= 40 <= change.high
    assert found >= 160
    assert right < 0.9 * found
    assert within >= 0.98 * found


def test_a_change_lies_where_two_lines_fit_best() -> None:
    """Of 14 points, each piece has 5: the change is one of five, which are tried one by one here."""

    def error(x: Curve, y: Curve) -> float:
        return float(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum())

    seen = set()
    for seed in range(100):
        raw = np.random.default_rng(seed).uniform(-1, 1, 14)
        raw[5 + seed % 5 :] += 40
        x, y, variance = places(raw), held_back(raw), noise_of(raw).variance
        errors = {at: error(x[:at], y[:at]) + error(x[at:], y[at:]) for at in range(5, 10)}
        best = min(errors, key=errors.__getitem__)
        gain = (error(x, y) - errors[best]) / variance
        found = changes_of(x, raw)
        assert [change.point for change in found] == ([best] if gain > PENALTY * math.log(14) else [])
        assert all(change.gain == pytest.approx(gain, rel=1e-6) for change in found)
        seen |= {change.point for change in found}
    assert seen == {5, 6, 7, 8, 9}


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_noise_is_measured_beside_steps_and_slopes(correlation: float) -> None:
    y = noise(6, 4000, correlation) + np.linspace(0, 40, 4000)
    y[2000:] += 100
    found = noise_of(y)
    assert found.sd == pytest.approx(1, rel=0.1)
    assert found.correlation == pytest.approx(correlation, abs=0.08)


def test_the_variance_of_a_mean_grows_where_points_resemble_each_other() -> None:
    """With a correlation of 0.5 it is (1 + 0.5) / (1 - 0.5) = 3 times that of points on their own."""
    found = noise_of(noise(7, 4000))
    assert found._replace(sd=2.0, correlation=0.5).variance == pytest.approx(12)


@pytest.mark.parametrize(("scale", "shift"), [(0.25, 0.0), (1024.0, 0.0), (-1.0, 0.0), (1.0, 64.0)])
def test_the_unit_of_a_curve_does_not_matter(scale: float, shift: float) -> None:
    y = np.round(noise(8, 80) * 64) / 64
    y[30:] += 5
    expected = [(each.point, each.low, each.high) for each in changes_of(places(y), y)]
    y = scale * y + shift
    assert [(each.point, each.low, each.high) for each in changes_of(places(y), y)] == expected
    assert len(expected) == 1


def test_an_effect_is_a_difference_of_medians_in_robust_standard_deviations() -> None:
    """Medians 3 and 13, from which the ten numbers are 0, 0, 1, 1, 1, 1, 2, 2, 2, 2 off: their median is 1."""
    found = effect(np.arange(1.0, 6), np.arange(11.0, 16))
    assert (found.before, found.after) == (3, 13)
    assert found.size == pytest.approx(10 / 1.4826)
    assert found.limit == pytest.approx(4 * 1.2533 * math.sqrt(1 / 5 + 1 / 5))
    assert found.is_sure


def test_one_number_far_off_hardly_changes_an_effect() -> None:
    found = effect(np.array([1.0, 2, 3, 4, 5000]), np.arange(11.0, 16))
    assert found.size == pytest.approx(10 / 1.4826)


@pytest.mark.parametrize(("after", "size", "is_sure"), [(2.0, 0.0, False), (7.0, None, True)])
def test_without_noise_there_is_no_unit(after: float, size: float | None, is_sure: bool) -> None:
    found = effect(np.full(5, 2.0), np.full(5, after))
    assert (found.size, found.is_sure) == (size, is_sure)
