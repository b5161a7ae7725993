"""What advantages come to in a policy loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet_core.config.ppo import Replay

Floats = NDArray[np.float32]


def regression_weights(advantages: Floats, log_probs: Floats, settings: Replay) -> Floats:
    """Turn advantages into the weights of a regression: exp(A / temperature) up to a bound, scaled to mean 1.

    Source: Peng et al. 2019 (AWR), arXiv:1910.00177, algorithm 1; advantages are taken in their standard deviations, so
    that a temperature means the same in every town. What the behaviour itself held unlikely, such as the noise of a
    script, counts less: weights take on a power of its probability. Noise then shows the town beyond the script's own
    path (Laskey et al. 2017, arXiv:1703.09327) without being imitated.

    Args:
        advantages: [n].
        log_probs: [n] true ones of the behaviour; NaN where nobody knows them.
    """
    with np.errstate(over="ignore"):
        logs = np.minimum(standardised(advantages) / settings.temperature, np.log(settings.max_weight))
    logs += settings.sharpness * np.nan_to_num(log_probs)
    weights = np.exp(logs - logs.max())  # else they could all round to 0
    scaled: Floats = (weights / weights.mean(dtype=np.float64)).astype(np.float32)
    return scaled


def standardised(advantages: Floats) -> Floats:
    """Shift to mean 0 and scale to deviation 1; constant ones become 0."""
    mean, deviation = advantages.mean(dtype=np.float64), advantages.std(dtype=np.float64)
    standard: Floats = ((advantages - mean) / (deviation + 1e-8)).astype(np.float32)
    return standard
