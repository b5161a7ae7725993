"""The random policy: uniform over the actions that the mask allows; and chance that interferes with another policy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet_core.world import rng
from townlet_core.world.kernel import kernel
from townlet_core.world.records import WAIT

i64 = np.int64
MAX_ACTIONS = 1024  # more than config.checks lets a town have
# log-probability of one of n actions, by n; a table, so that compiled and plain kernels agree to the bit
LOG_UNIFORM = -np.log(np.maximum(np.arange(MAX_ACTIONS + 1), 1)).astype(np.float32)


@kernel
def count_allowed(mask):
    """How many actions the mask allows."""
    allowed = i64(0)
    for c in range(len(mask)):
        allowed += i64(mask[c])
    return allowed


@kernel
def uniform_action(now, a, mask):
    """Draw one of the allowed actions; return it and its log-probability."""
    allowed = count_allowed(mask)
    pick = rng.below(now, a, rng.POLICY, allowed)
    for c in range(len(mask)):
        if mask[c] == 1:
            if pick == 0:
                return c, LOG_UNIFORM[allowed]
            pick -= 1
    return WAIT, LOG_UNIFORM[1]


def log_shares(noise: float) -> NDArray[np.float32]:
    """Give the log-probabilities of an action, by how many are allowed: [0] where it is not what the policy chose, [1]
    where it is. A table, for the same reason.
    """
    each = noise / np.maximum(np.arange(MAX_ACTIONS + 1), 1)
    with np.errstate(divide="ignore"):
        return np.log(np.stack([each, 1 - noise + each])).astype(np.float32)


@kernel
def disturb(chosen, noise, logs, now, a, mask):
    """Let chance take a share of the decisions; return the action and its log-probability."""
    action = chosen
    if rng.chance(now, a, rng.NOISE) < noise:
        action, _ = uniform_action(now, a, mask)
    return action, logs[i64(action == chosen), count_allowed(mask)]
