"""Needs: they fall with time, each at the agent's own pace, and never leave [0, 1]."""

from __future__ import annotations

from townlet_core.world.kernel import kernel
from townlet_core.world.records import ENERGY, HUNGER, N_NEEDS
from townlet_core.world.scalars import ONE, ZERO


@kernel
def live(me, params):
    """Grow one tick hungrier, dirtier and more tired, and count the ticks spent at the bottom."""
    for need in range(N_NEEDS):
        me.needs[need] = max(me.needs[need] - me.pace[need] * params.decay[need], ZERO)
    if me.needs[HUNGER] <= params.faint_below or me.needs[ENERGY] <= params.faint_below:
        me.bottom += 1
    else:
        me.bottom = 0


@kernel
def deprivation(me, params):
    """Weighted squares of what is missing to content: 0 when all needs are met."""
    total = ZERO
    for need in range(N_NEEDS):
        missing = ONE - me.needs[need]
        total += missing * missing * params.weight[need]
    return total
