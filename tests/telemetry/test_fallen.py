"""Whether a score fell back, or only varies about a level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from townlet_core.telemetry.summarising.digest import Block, Digest
from townlet_core.telemetry.summarising.fallen import epidemic, fell_back, umbrella

KEY = "ep_return_mean"
SEEDS = range(200)


def judged(course: NDArray[np.float64]) -> bool:
    """Judge an epoch a number."""
    digest, epochs = Digest(), np.arange(1.0, len(course) + 1)
    digest.add(Block([KEY], course[:, None], epochs, [None] * len(course)))
    found = digest.metric(KEY)
    assert found.start is not None
    assert found.end is not None
    return fell_back(digest.windows(KEY), found.start, found.end)


def noise(seed: int, epochs: int, like_the_last: float) -> NDArray[np.float64]:
    """Draw noise of deviation 1, of which an epoch is like the one before it by so much."""
    drawn = np.random.default_rng(seed).standard_normal(epochs + 100)
    for n in range(1, len(drawn)):
        drawn[n] = like_the_last * drawn[n - 1] + math.sqrt(1 - like_the_last**2) * drawn[n]
    return drawn[100:]


def rise_and_fall(epochs: int, most: float) -> NDArray[np.float64]:
    """Rise over six tenths of the epochs, and be at 0 from there."""
    high = epochs * 6 // 10
    return np.concatenate([np.linspace(0, most, high), np.zeros(epochs - high)])


@pytest.mark.parametrize(
    ("values", "much"),
    [
        # peak at the third: 3 pairs rise up to it, 3 fall from it; the variance of both is 3 * 2 * 11 / 18
        pytest.param([1, 2, 3, 2, 1], 6 / math.sqrt(2 * 66 / 18), id="an umbrella"),
        # peak at the fourth of five: 6 pairs rise, and the one after it does too; 4 * 3 * 13 / 18 and 2 * 1 * 9 / 18
        pytest.param([1, 2, 3, 4, 5], (6 - 1) / math.sqrt((156 + 18) / 18), id="a rise"),
        pytest.param([2, 2, 2, 2, 2], 0, id="nothing"),
    ],
)
def test_how_much_of_an_umbrella_numbers_are(values: list[float], much: float) -> None:
    assert umbrella(np.array(values, dtype=float)) == pytest.approx(much)


@pytest.mark.parametrize(
    ("values", "much"),
    [
        # mean 1; two of six are 2 above it each; where one has variance 1, their sum has 2 * (1 - 2 / 6)
        pytest.param([0, 0, 3, 3, 0, 0], 4 / math.sqrt(2 * 4 / 6), id="an epidemic"),
        # mean 3; of those between the first and the last the fourth alone is 1 above it
        pytest.param([1, 2, 3, 4, 5], 1 / math.sqrt(4 / 5), id="a rise"),
        pytest.param([2, 2, 2, 2, 2], 0, id="nothing"),
    ],
)
def test_how_much_of_an_epidemic_numbers_are(values: list[float], much: float) -> None:
    assert epidemic(np.array(values, dtype=float)) == pytest.approx(much)


@pytest.mark.parametrize("epochs", [20, 40, 100, 400])
@pytest.mark.parametrize(("begin", "end"), [(0.1, 0.3), (0.2, 0.8), (0.2, 0.9)], ids=["soon", "late", "at the end"])
@pytest.mark.parametrize("like_the_last", [0.0, 0.3])
def test_what_learned_and_was_level_until_it_fell_and_after_is_said_to(
    epochs: int, begin: float, end: float, like_the_last: float
) -> None:
    """Nothing goes up or down for most of the time."""
    at = np.linspace(0, 1, epochs)
    course = np.where(at < end, np.minimum(at / begin, 1), 0) * 12
    found = [judged(course + noise(seed, epochs, like_the_last)) for seed in SEEDS[:40]]
    assert sum(found) >= 0.9 * len(found)


@pytest.mark.parametrize("epochs", [8, 12, 20, 40, 100, 400])
@pytest.mark.parametrize("like_the_last", [0.0, 0.3])
def test_noise_about_a_level_seldom_falls_back(epochs: int, like_the_last: float) -> None:
    """Without looking at the order it did in up to one run of twenty-five."""
    assert sum(judged(noise(seed, epochs, like_the_last)) for seed in SEEDS) <= 0.015 * len(SEEDS)


@pytest.mark.parametrize("epochs", [100, 400])
def test_noise_that_wanders_a_little_falls_back_no_more_often_in_long_runs(epochs: int) -> None:
    assert sum(judged(noise(seed, epochs, 0.6)) for seed in SEEDS) <= 0.02 * len(SEEDS)


@pytest.mark.parametrize(("epochs", "most"), [(20, 16.0), (40, 8.0), (100, 8.0), (400, 4.0)])
@pytest.mark.parametrize("like_the_last", [0.0, 0.6])
def test_what_rose_and_fell_far_beyond_noise_is_said_to(epochs: int, most: float, like_the_last: float) -> None:
    course = rise_and_fall(epochs, most)
    found = [judged(course + noise(seed, epochs, like_the_last)) for seed in SEEDS[:40]]
    assert sum(found) >= 0.85 * len(found)


def test_the_same_run_gets_the_same_verdict_each_time() -> None:
    course = rise_and_fall(40, 4.0) + noise(3, 40, 0.3)
    assert len({judged(course) for _ in range(5)}) == 1
