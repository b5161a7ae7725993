"""The random policy: uniform over the actions that the mask allows."""

from __future__ import annotations

import numpy as np

from townlet_core.world import rng
from townlet_core.world.kernel import kernel
from townlet_core.world.records import WAIT

i64 = np.int64
MAX_ACTIONS = 1024  # more than config.checks lets a town have
# log-probability of one of n actions, by n; a table, so that compiled and plain kernels agree to the bit
LOG_UNIFORM = -np.log(np.maximum(np.arange(MAX_ACTIONS + 1), 1)).astype(np.float32)


@kernel
def uniform_action(now, a, mask):
    """Draw one of the allowed actions; return it and its log-probability."""
    allowed = i64(0)
    for c in range(len(mask)):
        allowed += i64(mask[c])
    pick = rng.below(now, a, rng.POLICY, allowed)
    for c in range(len(mask)):
        if mask[c] == 1:
            if pick == 0:
                return c, LOG_UNIFORM[allowed]
            pick -= 1
    return WAIT, LOG_UNIFORM[1]
