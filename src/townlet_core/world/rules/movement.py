"""Walking: one tile a tick, onto tiles that were free when the tick began; a rotating claim decides conflicts."""

from __future__ import annotations

import numpy as np

from townlet_core.world.kernel import kernel
from townlet_core.world.records import AGENT_BIT, EAST, FREE_TILE, NORTH, PAD, SOLID_BIT, SOUTH, WEST

i16, i64, u8 = np.int16, np.int64, np.uint8
BLOCKED = u8(AGENT_BIT | SOLID_BIT)
OCCUPIED, VACATED = u8(AGENT_BIT), u8(255 - AGENT_BIT)


@kernel
def apart(one, other):
    """Chebyshev distance in tiles between two records with x and y."""
    return max(abs(i64(one.x) - i64(other.x)), abs(i64(one.y) - i64(other.y)))


@kernel
def is_free(grid, x, y):
    """Whether nobody and nothing solid is on a tile."""
    return grid[y + PAD, x + PAD] & BLOCKED == 0


@kernel
def occupy(grid, x, y):
    """Mark a tile as taken by an agent."""
    grid[y + PAD, x + PAD] |= OCCUPIED


@kernel
def vacate(grid, x, y):
    """Mark a tile as left by its agent."""
    grid[y + PAD, x + PAD] &= VACATED


@kernel
def is_move(action):
    """Whether an action is one of the four moves."""
    return NORTH <= action <= WEST


@kernel
def ahead(me, action):
    """Tile that a move leads to."""
    x = i64(me.x) + (1 if action == EAST else 0) - (1 if action == WEST else 0)
    y = i64(me.y) + (1 if action == SOUTH else 0) - (1 if action == NORTH else 0)
    return x, y


@kernel
def rank(agent, tick, agents):
    """Place of an agent in the order of claims, which rotates by one each tick."""
    return i16((agent + tick) % agents)


@kernel
def walk(agents, act, claim, grid, tick):
    """Of those who want a tile, the first in the rotating order steps onto it; the others stay."""
    walkers = 0
    for a in range(len(agents)):
        if is_move(act[a]):
            x, y = ahead(agents[a], act[a])
            claim[y, x] = min(claim[y, x], rank(a, tick, len(agents)))
            walkers += 1
    if walkers == 0:
        return
    for a in range(len(agents)):
        if is_move(act[a]):
            me = agents[a]
            x, y = ahead(me, act[a])
            if claim[y, x] == rank(a, tick, len(agents)):
                claim[y, x] = i16(FREE_TILE)
                vacate(grid, me.x, me.y)
                occupy(grid, x, y)
                me.x = x
                me.y = y
