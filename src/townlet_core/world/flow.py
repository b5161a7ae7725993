"""Walking distances and directions over the ground: breadth-first flow fields towards every place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet_core.world.kernel import kernel
from townlet_core.world.records import EAST, FAR, NORTH, NOTHING, SOUTH, WAIT, WEST

Bits = NDArray[np.bool_]


@kernel
def flow(solid, x0, y0, radius, route, steps, queue):
    """Fill in, for one place, the next move from each tile and the tiles still to walk.

    A tile within `radius` of the place is there. Neighbours are looked at in the order north, east, south, west.
    """
    height, width = solid.shape
    n = 0
    for y in range(height):
        for x in range(width):
            route[y, x] = WAIT
            steps[y, x] = FAR
            if not solid[y, x] and abs(x - x0) <= radius and abs(y - y0) <= radius:
                steps[y, x] = 0
                queue[n] = y * width + x
                n += 1
    i = 0
    while i < n:
        y = queue[i] // width
        x = queue[i] % width
        i += 1
        for move in range(NORTH, WEST + 1):
            # a move in this direction from (from_x, from_y) leads to (x, y)
            from_x = x - (1 if move == EAST else 0) + (1 if move == WEST else 0)
            from_y = y - (1 if move == SOUTH else 0) + (1 if move == NORTH else 0)
            if not (0 <= from_x < width and 0 <= from_y < height) or solid[from_y, from_x]:
                continue
            if steps[from_y, from_x] == FAR:
                steps[from_y, from_x] = steps[y, x] + 1
                route[from_y, from_x] = move
                queue[n] = from_y * width + from_x
                n += 1


@kernel
def flow_all(solid, goals, route, steps, queue):
    """Fill in the flow fields of all places; goals `[P, 3]` are x, y, radius."""
    for p in range(len(goals)):
        flow(solid, goals[p, 0], goals[p, 1], goals[p, 2], route[p], steps[p], queue)


def flow_fields(solid: Bits, goals: list[tuple[int, int, int]]) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Make route `[P, H, W]` and steps `[P, H, W]` for places given as (x, y, radius)."""
    route = np.empty((len(goals), *solid.shape), np.int8)
    steps = np.empty((len(goals), *solid.shape), np.int32)
    flow_all(solid, np.array(goals, np.int64).reshape(-1, 3), route, steps, np.empty(solid.size, np.int64))
    return route, steps


def nearest_things(steps: NDArray[np.int32], kind_of: list[int], kinds: int) -> NDArray[np.int16]:
    """Find the nearest thing of each kind by walking, `[K, H, W]`.

    NOTHING where none is in reach, the lower id where two are alike.
    """
    nearest = np.full((kinds, *steps.shape[1:]), NOTHING, np.int16)
    least = np.full(nearest.shape, FAR, np.int32)
    for thing, kind in enumerate(kind_of):
        closer = steps[thing] < least[kind]
        nearest[kind][closer] = thing
        least[kind][closer] = steps[thing][closer]
    return nearest


def crowding(objects: Bits, radius: int) -> NDArray[np.float32]:
    """Measure the share of the tiles within `radius` that have a thing on them, `[H, W]`."""
    side = 2 * radius + 1
    padded = np.pad(objects.astype(np.float32), radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    share: NDArray[np.float32] = windows.sum((2, 3)) / np.float32(side * side)
    return share
