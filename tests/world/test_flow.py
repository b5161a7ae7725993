"""Ways: distances agree with a plain search, steps lead there, and the floor is the largest room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from townlet_core.config.ground import Ground
from townlet_core.config.regions import Regions
from townlet_core.world.flow import crowding, flow_fields, nearest_things
from townlet_core.world.records import EAST, FAR, NORTH, NOTHING, SOUTH, WAIT, WEST

Tile = tuple[int, int]
MOVES = {NORTH: (0, -1), EAST: (1, 0), SOUTH: (0, 1), WEST: (-1, 0)}


@st.composite
def grounds(draw: st.DrawFn) -> Any:
    """Solid tiles [H, W] of towns up to 9 x 9."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    tiles = draw(st.lists(st.sampled_from([False, False, True]), min_size=height * width, max_size=height * width))
    return np.array(tiles).reshape(height, width)


def beside(solid: Any, tile: Tile) -> Iterator[Tile]:
    for dx, dy in MOVES.values():
        x, y = tile[0] + dx, tile[1] + dy
        if 0 <= x < solid.shape[1] and 0 <= y < solid.shape[0] and not solid[y, x]:
            yield x, y


def distances(solid: Any, goals: list[Tile]) -> dict[Tile, int]:
    """Walk outward from the goals, one tile after another."""
    found = dict.fromkeys(goals, 0)
    edge = deque(goals)
    while edge:
        tile = edge.popleft()
        for near in beside(solid, tile):
            if near not in found:
                found[near] = found[tile] + 1
                edge.append(near)
    return found


@settings(deadline=None)
@given(grounds(), st.integers(0, 8), st.integers(0, 8), st.integers(0, 2))
def test_distances_are_those_of_a_plain_search_and_each_step_comes_nearer(
    solid: Any, x0: int, y0: int, radius: int
) -> None:
    x0, y0 = x0 % solid.shape[1], y0 % solid.shape[0]
    around = [(x, y) for y, x in np.argwhere(~solid).tolist() if abs(x - x0) <= radius and abs(y - y0) <= radius]
    plain = distances(solid, around)
    route, steps = flow_fields(solid, [(x0, y0, radius)])
    for y, x in np.ndindex(*solid.shape):
        assert steps[0, y, x] == plain.get((x, y), FAR)
        move = int(route[0, y, x])
        if plain.get((x, y), 0) > 0:
            dx, dy = MOVES[move]
            assert plain[x + dx, y + dy] == plain[x, y] - 1
        else:
            assert move == WAIT


def test_a_way_around_a_wall() -> None:
    solid = np.array([[c == "#" for c in row] for row in ("...", ".#.", ".#.")])
    route, steps = flow_fields(solid, [(2, 2, 0)])
    assert steps[0].tolist() == [[4, 3, 2], [5, FAR, 1], [6, FAR, 0]]
    assert [int(move) for move in (route[0, 2, 0], route[0, 0, 0], route[0, 0, 2])] == [NORTH, EAST, SOUTH]


def test_a_way_longer_than_a_short_integer_holds() -> None:
    # a snake of 259 rows: 130 rows of 259 tiles and 129 gaps between them, so 130 * 259 + 129 - 1 tiles to walk
    solid = np.zeros((259, 259), bool)
    solid[1::2] = True
    solid[1::4, -1] = False
    solid[3::4, 0] = False
    route, steps = flow_fields(solid, [(0, 0, 0)])
    assert steps[0].max(initial=0, where=~solid) == 33798
    assert route[0, 258, 0] in (EAST, WEST)


@settings(deadline=None)
@given(grounds())
def test_the_main_floor_is_the_largest_room(solid: Any) -> None:
    rooms = {frozenset(distances(solid, [(x, y)])) for y, x in np.argwhere(~solid).tolist()}
    height, width = solid.shape
    floor = set(Regions(Ground(width, height, tuple(map(tuple, solid.tolist())), ())).main_tiles())
    assert len(floor) == max(map(len, rooms), default=0)
    assert floor in rooms or not rooms


def test_the_nearest_thing_of_a_kind_is_the_nearest_on_foot_then_the_lower_id() -> None:
    # things 0 and 1 of kind 0 in a corridor of five tiles, thing 2 of kind 1 behind a wall
    steps = np.array([[[0, 1, 2, 3, 4]], [[4, 3, 2, 1, 0]], [[FAR] * 5]], np.int32)
    assert nearest_things(steps, [0, 0, 1], 2).tolist() == [[[0, 0, 0, 1, 1]], [[NOTHING] * 5]]


def test_crowding_is_the_share_of_the_window_with_things() -> None:
    # a window of 3 x 3 tiles has 9, also where it hangs over the edge
    objects = np.array([[True, False, False], [False, False, True]])
    ninths = (crowding(objects, 1) * 9).round(6)
    assert ninths.tolist() == [[1, 2, 1], [1, 2, 1]]
