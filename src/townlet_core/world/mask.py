"""The action mask: what an agent may do now. Preconditions are written here and nowhere else."""

from __future__ import annotations

import numpy as np

from townlet_core.world.kernel import kernel
from townlet_core.world.records import CHAT, FIRST_REQUEST, NORTH, NOTHING, RELEASE, WAIT, WEST
from townlet_core.world.rules.affordances import may_start
from townlet_core.world.rules.movement import ahead, apart, is_free
from townlet_core.world.rules.queues import is_askable

i64 = np.int64


@kernel
def allow(me, things, cooldown, grid, world, town, stack, mask):
    """Write which actions are allowed now. This is the law: `tick` does what the mask allows and nothing else."""
    params = town.params[0]
    for i in range(len(mask)):
        mask[i] = 0
    mask[WAIT] = 1
    if me.doing != NOTHING:
        return  # a use runs to its end
    for move in range(NORTH, WEST + 1):
        x, y = ahead(me, move)
        mask[move] = is_free(grid, x, y)
    mask[RELEASE] = me.holds != NOTHING or me.queued != NOTHING
    mask[CHAT] = me.near != NOTHING and me.near_tiles <= params.chat_range and world.tick >= me.talks
    if me.holds != NOTHING:
        thing = things[me.holds]
        spot = town.spots[me.holds]
        if apart(me, spot) <= 1:
            for m in range(len(town.offers)):
                if town.offers[m].kind == spot.kind:
                    mask[FIRST_REQUEST + params.kinds + m] = may_start(me, thing, town.offers[m], world, town, stack)
    elif me.queued == NOTHING:
        rows = town.row_from
        for i in range(rows[max(i64(me.y) - 1, 0)], rows[min(i64(me.y) + 2, len(rows) - 1)]):
            o = town.row_things[i]
            if is_askable(me, o, town.spots, cooldown, world.tick):
                mask[FIRST_REQUEST + town.spots[o].kind] = 1
