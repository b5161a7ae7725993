"""The losses and their derivatives once more, a transition at a time, for this processor.

There the sixty small steps in which `losses` works on tensors take as long as a layer of the network. Tests hold the
two to each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from townlet_core.world.kernel import kernel

f64 = np.float64


@kernel
def differentiate_rows(
    output: Any,
    penalty: Any,
    actions: Any,
    old_log_probs: Any,
    advantages: Any,
    returns: Any,
    old_values: Any,
    weights: Any,
    choices: Any,
    compared: bool,
    clip_range: float,
    value_clip_range: float,
    value_coef: float,
    entropy_coef: float,
    by_output: Any,
    outcome: Any,
) -> None:
    """Do what losses.differentiate does.

    Args:
        output: [n, N + 1], and those that follow as in losses.Minibatch.
        compared: by the surrogate; else by regression.
        value_clip_range: infinity where values are free.
        by_output: [n, N + 1] to be filled.
        outcome: [6] zeros, to which is added.
    """
    last = output.shape[1] - 1
    for i in range(len(output)):
        value, slope = value_loss(f64(output[i, last]), f64(returns[i]), f64(old_values[i]), value_clip_range)
        outcome[1] += weights[i] * value
        by_output[i, last] = value_coef * weights[i] * slope
        share = f64(choices[i])
        if share == 0:
            for j in range(last):
                by_output[i, j] = 0
            continue
        log_total, entropy = probabilities(output[i], penalty[i], by_output[i])
        action = actions[i]
        chosen = output[i, action] - log_total
        if compared:
            log_ratio = chosen - old_log_probs[i]
            policy, slope = surrogate(math.exp(log_ratio), f64(advantages[i]), clip_range)
        else:
            log_ratio = 0.0
            policy, slope = -advantages[i] * chosen, -f64(advantages[i])
        ratio = math.exp(log_ratio)
        outcome[0] += share * policy
        outcome[2] += share * entropy
        outcome[3] += share * (abs(ratio - 1) > clip_range)
        outcome[4] -= share * log_ratio
        outcome[5] += share * (ratio - 1 - log_ratio)
        for j in range(last):
            if penalty[i, j] == 0:
                log_prob = output[i, j] - log_total
                by_output[i, j] *= share * (entropy_coef * (log_prob + entropy) - slope)
        by_output[i, action] += share * slope


@kernel
def probabilities(logits: Any, penalty: Any, probs: Any) -> tuple[float, float]:
    """Put probabilities into the first N of `probs`; give the logarithm of the sum of exponentials, and the entropy.

    Args:
        logits: [N or more].
        penalty: [N] 0 where allowed; what is not has probability 0.
    """
    most = -np.inf
    for j in range(len(penalty)):
        if penalty[j] == 0 and not logits[j] <= most:  # so that what is no number is seen
            most = f64(logits[j])
    total, weighted = 0.0, 0.0
    for j in range(len(penalty)):
        probs[j] = 0
        if penalty[j] != 0:
            total += 0 * logits[j]  # nothing, unless it is no number
        else:
            grown = math.exp(logits[j] - most)
            probs[j] = grown
            total += grown
            weighted += grown * (logits[j] - most)
    for j in range(len(penalty)):
        probs[j] /= total
    return most + math.log(total), math.log(total) - weighted / total


@kernel
def surrogate(ratio: float, advantage: float, clip_range: float) -> tuple[float, float]:
    """Give the clipped loss and its derivative by the log-probability, see losses.surrogate."""
    free = ratio * advantage
    held = min(max(ratio, 1 - clip_range), 1 + clip_range) * advantage
    if held < free:
        return -held, 0.0
    return -free, -free


@kernel
def value_loss(value: float, wanted: float, old: float, clip_range: float) -> tuple[float, float]:
    """Give the loss of one value and its derivative, see losses.value_loss."""
    error = value - wanted
    moved = value - old
    held = old + min(max(moved, -clip_range), clip_range) - wanted
    if not held * held >= error * error:  # nor where one is no number
        return 0.5 * error * error, error
    return 0.5 * held * held, held if abs(moved) <= clip_range else 0.0
