"""Drawing actions from the logits of a network, by the luck of each agent."""

from __future__ import annotations

import math

import numpy as np

from townlet_core.world.kernel import kernel
from townlet_core.world.records import WAIT

f32, f64, i64 = np.float32, np.float64, np.int64


@kernel
def draw(logits, mask, luck, actions, log_probs):
    """Draw an action for each of n agents by inverting its distribution function.

    A dozen small steps of torch a tick would cost more than the network of a few hundred agents. Where nothing is
    allowed (nobody lives there) the action is to wait, with probability 1.

    Args:
        logits: [n, actions], or more columns, which are not looked at.
        mask: [n, actions] 1 where allowed.
        luck: [n] uniform in [0, 1).
        actions, log_probs: [n] what is drawn, and its log-probability among what is allowed. An action whose
            probability is 0 is never drawn, since the distribution function does not grow there.
    """
    for row in range(len(logits)):
        most = -np.inf
        for action in range(mask.shape[1]):
            if mask[row, action] == 1 and logits[row, action] > most:
                most = f64(logits[row, action])
        total = 0.0
        for action in range(mask.shape[1]):
            if mask[row, action] == 1:
                total += math.exp(f64(logits[row, action]) - most)
        target, reached = f64(luck[row]) * total, 0.0
        drawn = i64(WAIT)
        for action in range(mask.shape[1]):
            if mask[row, action] == 1:
                grown = reached + math.exp(f64(logits[row, action]) - most)
                if grown > reached:
                    drawn = i64(action)
                reached = grown
                if reached > target:
                    break
        actions[row] = drawn
        log_probs[row] = f32(f64(logits[row, drawn]) - most - math.log(total)) if total > 0 else f32(0)
