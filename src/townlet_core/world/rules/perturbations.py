"""Disturbances of the whole town: power and water outages, price spikes, on a schedule or at random.

They begin before agents look: a price that the mask found affordable is the price that is paid.
"""

from __future__ import annotations

from townlet_core.world import rng
from townlet_core.world.kernel import kernel
from townlet_core.world.records import POWER, WATER
from townlet_core.world.scalars import ONE, ZERO


@kernel
def is_due(trouble, t, now, tick):
    """Whether a disturbance begins at this tick: by its chance if it has one, else by its schedule."""
    if trouble.chance > ZERO:
        return rng.chance(now, t, rng.TROUBLE_LUCK) < trouble.chance
    return tick >= trouble.at and (tick - trouble.at) % trouble.every == 0


@kernel
def disturb(world, troubles, until):
    """Begin the disturbances that are due at the tick to come; one that is already on lasts until the later end.

    Of price spikes that are on at once the one with the largest factor counts.
    """
    now = rng.tick_key(world.key, world.tick)
    world.spike = ZERO
    for t in range(len(troubles)):
        trouble = troubles[t]
        if is_due(trouble, t, now, world.tick):
            until[t] = max(until[t], world.tick + trouble.duration)
        if trouble.kind == POWER:
            world.power_until = max(world.power_until, until[t])
        elif trouble.kind == WATER:
            world.water_until = max(world.water_until, until[t])
        elif world.tick < until[t]:
            world.spike = max(world.spike, trouble.factor)
    if world.spike == ZERO:
        world.spike = ONE
