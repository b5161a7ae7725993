"""What advantages come to in a regression, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from townlet_core.config.ppo import Replay
from townlet_core.ppo.weights import regression_weights

f32 = np.float32

# deviation of -1, 0, 1 is sqrt(2 / 3): they become -1.2247, 0 and 1.2247; over 0.5: exp of -2.4495, 0 and 2.4495
LOW, HIGH = math.exp(-math.sqrt(6)), math.exp(math.sqrt(6))


def unknown(n: int) -> NDArray[np.float32]:
    """Log-probabilities that nobody knows."""
    return np.full(n, np.nan, f32)


@pytest.mark.parametrize(
    ("most", "raw"),
    [
        pytest.param(20.0, [LOW, 1, HIGH], id="free: 0.0863, 1, 11.58"),
        pytest.param(2.0, [LOW, 1, 2], id="held at 2"),
    ],
)
def test_the_weights_of_a_regression_are_exponential_up_to_a_bound_and_1_in_the_mean(
    most: float, raw: list[float]
) -> None:
    weights = regression_weights(np.array([-1, 0, 1], f32), unknown(3), Replay(temperature=0.5, max_weight=most))
    assert weights == pytest.approx([3 * weight / sum(raw) for weight in raw], rel=1e-5)


def test_advantages_that_are_all_the_same_weigh_the_same() -> None:
    assert regression_weights(np.full(3, 7, f32), unknown(3), Replay()).tolist() == [1, 1, 1]


def test_what_the_behaviour_held_unlikely_counts_less() -> None:
    """Probabilities of 0.5 and 0.1 and an unknown one, to the power of 2: 0.25, 0.01 and 1, over their mean of 0.42."""
    log_probs = np.array([math.log(0.5), math.log(0.1), np.nan], f32)
    weights = regression_weights(np.zeros(3, f32), log_probs, Replay(sharpness=2.0))
    assert weights.tolist() == pytest.approx([0.25 / 0.42, 0.01 / 0.42, 1 / 0.42])


def test_weights_are_numbers_however_sharp_they_are() -> None:
    worth, likely = np.array([[1, 1, -1], [0.8, 0.8, 0.05]], f32)  # to the power of 1000 all of these are 0 in float32
    assert regression_weights(worth, np.log(likely), Replay(sharpness=1e3, temperature=1e-30)).tolist() == [1.5, 1.5, 0]
