"""The window around an agent: packed tiles or planes, and whom and what it shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet_core.world.kernel import kernel
from townlet_core.world.records import AGENT_BIT, KIND_SHIFT, NOTHING, OBJECT_BIT, PAD, RESERVED_BIT, SOLID_BIT
from townlet_core.world.rules.movement import apart
from townlet_core.world.scalars import ONE, ZERO

i64 = np.int64


@kernel
def copy_tiles(me, grid, radius, tiles):
    """Write the window as one byte a tile."""
    side = 2 * radius + 1
    west = me.x + PAD - radius
    for i in range(side):
        row = grid[me.y + PAD - radius + i, west : west + side]
        out = tiles[i * side : (i + 1) * side]
        for j in range(len(row)):
            out[j] = row[j]


@kernel
def clear_planes(planes, side):
    """Begin the drawings of all agents' windows as planes of 0 and 1: nothing but each agent itself, in the middle."""
    for a in range(planes.shape[0]):
        for i in range(planes.shape[1]):
            planes[a, i] = ZERO
    for a in range(planes.shape[0]):
        planes[a, side * side // 2] = ONE


@kernel
def draw_solids(me, grid, radius, planes):
    """Draw the planes of the variant full: walls, then a plane for each kind of thing."""
    side = 2 * radius + 1
    for i in range(side):
        for j in range(side):
            tile = grid[me.y + PAD - radius + i, me.x + PAD - radius + j]
            if tile & SOLID_BIT != 0:
                planes[(4 + (tile >> KIND_SHIFT)) * side * side + i * side + j] = ONE


@kernel
def place_in(me, other, radius):
    """Place of a tile in a plane of the window around an agent."""
    return (i64(other.y) - i64(me.y) + radius) * (2 * radius + 1) + i64(other.x) - i64(me.x) + radius


def planes(tiles: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Expand windows of one byte a tile `[..., D * D]` to float32 planes `[..., C, D, D]`, as `observe` draws them."""
    channels, side, _ = shape
    middle = side * side // 2
    out = np.zeros((*tiles.shape[:-1], channels, side * side), np.float32)
    out[..., 0, middle] = 1
    out[..., 1, :] = tiles & AGENT_BIT != 0
    out[..., 1, middle] = 0
    out[..., 2, :] = tiles & OBJECT_BIT != 0
    out[..., 3, :] = tiles & RESERVED_BIT != 0
    if channels > len(("self", "agents", "objects", "reservations")):
        solid = tiles & SOLID_BIT != 0
        for kind in range(channels - 4):
            out[..., 4 + kind, :] = solid & (tiles >> KIND_SHIFT == kind)
    return out.reshape(*tiles.shape[:-1], *shape)


@kernel
def sort_by_row(agents, row_from, row_agents):
    """List the living agents row by row: row y from row_from[y] to row_from[y + 1], so that a window is one run."""
    for y in range(len(row_from)):
        row_from[y] = 0
    for a in range(len(agents)):
        if agents[a].alive == 1:
            row_from[agents[a].y + 2] += 1
    for y in range(2, len(row_from)):
        row_from[y] += row_from[y - 1]
    for a in range(len(agents)):  # row_from[y + 1] is where row y begins, and moves on to where it ends
        if agents[a].alive == 1:
            y = i64(agents[a].y)
            row_agents[row_from[y + 1]] = a
            row_from[y + 1] += 1


@kernel
def see_agents(a, agents, row_from, row_agents, radius, height, planes):
    """Find the nearest agent in the window, its distance, and how many there are; draw them if there are planes.

    Ties go to the lower row, then slot.
    """
    me = agents[a]
    area = (2 * radius + 1) * (2 * radius + 1)
    near = NOTHING
    tiles = radius + 1
    count = 0
    for i in range(row_from[max(i64(me.y) - radius, 0)], row_from[min(i64(me.y) + radius + 1, height)]):
        b = i64(row_agents[i])
        d = apart(agents[b], me)
        if b == a or d > radius:
            continue
        count += 1
        if d < tiles:
            tiles = d
            near = b
        if len(planes) > 0:
            planes[area + place_in(me, agents[b], radius)] = ONE
    return near, tiles, count


@kernel
def see_things(me, things, spots, row_from, row_things, radius, height, planes):
    """Count the reserved things in the window; draw things and reservations if there are planes."""
    area = (2 * radius + 1) * (2 * radius + 1)
    count = 0
    for i in range(row_from[max(i64(me.y) - radius, 0)], row_from[min(i64(me.y) + radius + 1, height)]):
        o = i64(row_things[i])
        if apart(spots[o], me) > radius:
            continue
        reserved = things[o].holder != NOTHING
        if reserved:
            count += 1
        if len(planes) > 0:
            planes[2 * area + place_in(me, spots[o], radius)] = ONE
            planes[3 * area + place_in(me, spots[o], radius)] = ONE if reserved else ZERO
    return count
