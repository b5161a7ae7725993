"""What agents see before they act: the map around them, their features and the actions allowed."""

from __future__ import annotations

import numpy as np

from townlet_core.world.describe import describe
from townlet_core.world.kernel import kernel
from townlet_core.world.mask import allow
from townlet_core.world.records import WAIT
from townlet_core.world.scalars import ZERO
from townlet_core.world.view import clear_planes, copy_tiles, draw_solids, see_agents, see_things, sort_by_row

i64 = np.int64


@kernel
def see_nothing(tiles, planes, ft, mask):
    """Write the observation of an empty slot: zeros, and nothing but waiting."""
    for i in range(len(tiles)):
        tiles[i] = 0
    for i in range(len(planes)):
        planes[i] = ZERO
    for i in range(len(ft)):
        ft[i] = ZERO
    for i in range(len(mask)):
        mask[i] = 0
    mask[WAIT] = 1


@kernel
def observe(world, agents, things, ties, cooldown, grid, town, scratch, tiles, planes, features, mask):
    """Write what every agent of a world sees: the map, features, mask.

    The map goes to tiles `[A, D * D]` or planes `[A, C * D * D]`; either may have no columns.
    """
    params = town.params[0]
    radius = i64(params.radius)
    height = town.crowd.shape[0]
    if planes.shape[1] > 0:
        clear_planes(planes, 2 * radius + 1)
    sort_by_row(agents, scratch.row_from, scratch.row_agents)
    for a in range(len(agents)):
        me = agents[a]
        if me.alive == 0:
            see_nothing(tiles[a], planes[a], features[a], mask[a])
            continue
        if planes.shape[1] > 0 and params.kind_planes == 1:
            draw_solids(me, grid, radius, planes[a])
        if tiles.shape[1] > 0:
            copy_tiles(me, grid, radius, tiles[a])
        near, near_tiles, seen = see_agents(a, agents, scratch.row_from, scratch.row_agents, radius, height, planes[a])
        reserved = see_things(me, things, town.spots, town.row_from, town.row_things, radius, height, planes[a])
        me.near = near
        me.near_tiles = near_tiles
        describe(a, agents, things, ties[a], world, town, seen, reserved, scratch.top, features[a])
        allow(me, things, cooldown[a], grid, world, town, scratch.stack, mask[a])
