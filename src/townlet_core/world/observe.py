"""What an agent sees before it acts: the map around it, its features and the actions allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet_core.world.features import AROUND, GOALS, PATHS, SELF, SLOT_SIZE, SOCIAL_SLOTS
from townlet_core.world.kernel import kernel
from townlet_core.world.records import (
    AGENT_BIT, CHAT, FAR, FIRST_REQUEST, KIND_SHIFT, LATE, N_NEEDS, NORTH, NOTHING, OBJECT_BIT, ON_TIME, PAD, RELEASE,
    RESERVED_BIT, SOLID_BIT, WAIT, WEST,
)  # fmt: skip
from townlet_core.world.rules.affordances import is_served, may_start
from townlet_core.world.rules.movement import ahead, apart, is_free
from townlet_core.world.rules.relationships import ONE, ZERO, weight_of
from townlet_core.world.rules.requirements import is_on_shift

f32, i64, u8 = np.float32, np.int64, np.uint8
PATHS_AT = len(SELF)
DISTANCES_AT = PATHS_AT + N_NEEDS
STEPS_AT = DISTANCES_AT + len(GOALS)
AROUND_AT = PATHS_AT + len(PATHS)
SOCIAL_AT = AROUND_AT + len(AROUND)
TEN, THREE = f32(10), f32(3)


@kernel
def share(n):
    """A count or an amount squeezed into [0, 1): n / (n + 1)."""
    return n / (n + ONE)


@kernel
def sort_by_row(agents, row_from, row_agents):
    """List the living agents row by row, so that a window is one run of the list: row y from row_from[y] to row_from[y + 1]."""
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
    """Expand windows of one byte a tile `[..., D * D]` to planes of float32 `[..., C, D, D]`, as `observe` draws them."""
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


@kernel
def describe_self(a, me, slots, world, town, ft):
    """Write the features about the agent itself and the state of the town."""
    params = town.params[0]
    time = (world.tick + params.dawn) % params.day
    for need in range(N_NEEDS):
        ft[need] = me.needs[need]
    ft[3] = share(me.wallet)
    ft[4] = f32(me.lates) / (f32(me.lates) + THREE)
    ft[5] = ONE if is_on_shift(me, town.jobs, time) and (me.shift == ON_TIME or me.shift == LATE) else ZERO
    ft[6] = town.clock[time, 0]
    ft[7] = town.clock[time, 1]
    ft[8] = f32(me.present) / f32(me.due) if me.due > 0 else ZERO
    ft[9] = share(me.withheld)
    for shift in range(5):
        ft[10 + shift] = ONE if me.job != NOTHING and me.shift == shift else ZERO
    ft[15] = f32(a) / f32(slots)
    ft[16] = f32(me.fresh)
    ft[17] = f32(world.tick) / f32(params.horizon)
    ft[18] = f32(me.last) / f32(params.actions - 1)
    ft[19] = f32(me.last_ok)
    ft[20] = f32(me.left) / f32(town.offers[me.doing].duration) if me.doing != NOTHING else ZERO
    ft[21] = ONE if me.holds != NOTHING else ZERO
    ft[22] = ONE if me.queued != NOTHING else ZERO
    ft[23] = ONE if world.tick >= me.talks else ZERO
    ft[24] = ONE if world.tick >= world.power_until else ZERO
    ft[25] = ONE if world.tick >= world.water_until else ZERO
    ft[26] = share(world.spike if world.tick < world.spike_until else ONE)


@kernel
def provider(me, need, things, world, town):
    """The best affordance for a need that can be had now at the nearest thing, and that thing.

    Where none can be had: the best one, and False.
    """
    first = NOTHING
    for i in range(town.serves.shape[1]):
        m = i64(town.serves[need, i])
        if m == NOTHING:
            break
        o = i64(town.nearest[town.offers[m].kind, me.y, me.x])
        if o == NOTHING:
            continue
        if first == NOTHING:
            first = o
        if is_served(me, things[o], town.offers[m], world):
            return o, True
    return first, False


@kernel
def describe_path(goal, place, me, town, ft):
    """Write how far a place is and where the next step goes."""
    if place == NOTHING:
        ft[DISTANCES_AT + goal] = ONE
        return
    tiles = f32(town.steps[place, me.y, me.x])
    ft[DISTANCES_AT + goal] = tiles / (tiles + TEN)
    move = i64(town.route[place, me.y, me.x])
    if move != WAIT:
        ft[STEPS_AT + 4 * goal + move - NORTH] = ONE


@kernel
def describe_paths(me, things, world, town, ft):
    """Write the ways to what serves each need, and to work."""
    for i in range(STEPS_AT, AROUND_AT):
        ft[i] = ZERO
    for need in range(N_NEEDS):
        place, served = provider(me, need, things, world, town)
        ft[PATHS_AT + need] = ONE if served else ZERO
        describe_path(need, place, me, town, ft)
    describe_path(N_NEEDS, i64(town.jobs[me.job].place) if me.job != NOTHING else NOTHING, me, town, ft)


@kernel
def describe_ties(ties, slots, avoid, top, ft):
    """Write the sums over all ties and pick the strongest into `top`."""
    others = f32(max(slots - 1, 1))
    rivalry = ZERO
    trust = ZERO
    familiarity = ZERO
    rivalry_max = ZERO
    trust_max = ZERO
    rivals = ZERO
    for s in range(SOCIAL_SLOTS):
        top[s] = NOTHING
    for k in range(len(ties)):
        tie = ties[k]
        if tie.other == NOTHING:
            continue
        rivalry += tie.rivalry
        trust += tie.trust
        familiarity += tie.familiarity
        rivalry_max = max(rivalry_max, tie.rivalry)
        trust_max = max(trust_max, tie.trust)
        if tie.rivalry >= avoid:
            rivals += ONE
        keep = k
        for s in range(SOCIAL_SLOTS):
            if top[s] == NOTHING or weight_of(ties[keep]) > weight_of(ties[top[s]]):
                weaker = i64(top[s])
                top[s] = keep
                if weaker == NOTHING:
                    break
                keep = weaker
    ft[AROUND_AT + 4] = rivalry_max
    ft[AROUND_AT + 5] = rivals / others
    ft[AROUND_AT + 6] = trust / others
    ft[AROUND_AT + 7] = trust_max
    ft[AROUND_AT + 8] = rivalry / others
    ft[AROUND_AT + 9] = familiarity / others


@kernel
def describe_other(at, me, agents, tie, town, ft):
    """Write one social slot."""
    params = town.params[0]
    you = agents[tie.other]
    d = apart(me, you)
    seen = d <= params.radius
    ft[at] = f32(tie.other + 1) / f32(len(agents))
    ft[at + 1] = tie.rivalry
    ft[at + 2] = tie.trust
    ft[at + 3] = tie.familiarity
    ft[at + 4] = f32(i64(you.x) - i64(me.x)) / f32(town.crowd.shape[1]) if seen else ZERO
    ft[at + 5] = f32(i64(you.y) - i64(me.y)) / f32(town.crowd.shape[0]) if seen else ZERO
    ft[at + 6] = f32(d) / f32(params.radius + 1) if seen else ONE
    ft[at + 7] = ONE if seen else ZERO
    ft[at + 8] = ONE if seen and you.doing != NOTHING else ZERO
    ft[at + 9] = ONE if you.job != NOTHING and you.job == me.job else ZERO
    ft[at + 10] = ONE if tie.rivalry >= params.avoid else ZERO


@kernel
def describe(a, agents, things, ties, world, town, seen, reserved, top, ft):
    """Write all features of one agent."""
    params = town.params[0]
    me = agents[a]
    tiles = f32((2 * params.radius + 1) * (2 * params.radius + 1))
    describe_self(a, me, len(agents), world, town, ft)
    describe_paths(me, things, world, town, ft)
    ft[AROUND_AT] = f32(seen) / tiles
    ft[AROUND_AT + 1] = town.crowd[me.y, me.x]
    ft[AROUND_AT + 2] = f32(reserved) / tiles
    ft[AROUND_AT + 3] = f32(me.near_tiles) / f32(params.radius + 1)
    describe_ties(ties, len(agents), params.avoid, top, ft)
    if params.social_slots == 0:
        return
    for s in range(SOCIAL_SLOTS):
        at = SOCIAL_AT + s * SLOT_SIZE
        if top[s] != NOTHING:
            describe_other(at, me, agents, ties[top[s]], town, ft)
        else:
            for i in range(at, at + SLOT_SIZE):
                ft[i] = ZERO


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
            if apart(me, town.spots[o]) <= 1 and world.tick >= cooldown[o]:
                mask[FIRST_REQUEST + town.spots[o].kind] = 1


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
    """Write what every agent of a world sees: tiles `[A, D * D]` or planes `[A, C * D * D]` (either may have no columns), features, mask."""
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
        near, near_tiles, seen = see_agents(
            a, agents, scratch.row_from, scratch.row_agents, radius, height, planes[a]
        )
        reserved = see_things(me, things, town.spots, town.row_from, town.row_things, radius, height, planes[a])
        me.near = near
        me.near_tiles = near_tiles
        describe(a, agents, things, ties[a], world, town, seen, reserved, scratch.top, features[a])
        allow(me, things, cooldown[a], grid, world, town, scratch.stack, mask[a])
