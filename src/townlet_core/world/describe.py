"""The features of an agent, in the order and with the formulas of features.py."""

from __future__ import annotations

import numpy as np

from townlet_core.world.features import AROUND, GOALS, PATHS, SELF, SLOT_SIZE, SOCIAL_SLOTS
from townlet_core.world.kernel import kernel
from townlet_core.world.records import N_NEEDS, NORTH, NOTHING, WAIT
from townlet_core.world.rules.affordances import is_served
from townlet_core.world.rules.movement import apart
from townlet_core.world.rules.relationships import weight_of
from townlet_core.world.rules.requirements import is_on_shift
from townlet_core.world.scalars import ONE, ZERO

f32, i64 = np.float32, np.int64
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
def describe_shift(me, time, town, ft):
    """Write when the agent's shift begins and ends."""
    ft[27] = ONE
    ft[28] = ZERO
    if me.job == NOTHING:
        return
    job = town.jobs[me.job]
    if job.start <= time < job.finish:
        ft[27] = ZERO
        ft[28] = f32(job.finish - time) / f32(job.finish - job.start)
    else:
        day = i64(town.params[0].day)
        ft[27] = f32((i64(job.start) - time + day) % day) / f32(day)


@kernel
def describe_self(a, me, slots, world, town, ft):
    """Write the features about the agent itself and the state of the town."""
    params = town.params[0]
    time = (world.tick + params.dawn) % params.day
    for need in range(N_NEEDS):
        ft[need] = me.needs[need]
    ft[3] = share(me.wallet)
    ft[4] = f32(me.lates) / (f32(me.lates) + THREE)
    ft[5] = ONE if me.arrived == 1 and is_on_shift(me, town.jobs, time) else ZERO
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
    ft[26] = share(world.spike)
    describe_shift(me, time, town, ft)


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
