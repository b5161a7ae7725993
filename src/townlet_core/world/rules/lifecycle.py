"""Lives: how they begin, how they end in fainting or eviction, and who comes next."""

from __future__ import annotations

import numpy as np

from townlet_core.world import rng
from townlet_core.world.events import AFFORDANCE_FAIL, EVICTION, FAINT
from townlet_core.world.kernel import kernel
from townlet_core.world.records import N_NEEDS, NEVER, NOTHING, POST, PRE, WAIT
from townlet_core.world.rules.counting import count
from townlet_core.world.rules.movement import is_free, occupy, vacate
from townlet_core.world.rules.perturbations import disturb
from townlet_core.world.rules.queues import give_up
from townlet_core.world.rules.relationships import forget_everything, sever
from townlet_core.world.rules.rewards import potential_of
from townlet_core.world.scalars import HALF, ONE, ZERO

f32, i64 = np.float32, np.int64
THREE_QUARTERS, TWO = f32(0.75), f32(2)


@kernel
def free_tile(a, grid, floor, now):
    """A free tile of the floor, drawn at random; from there on the next that is free."""
    s = rng.below(now, a, rng.TILE, len(floor))
    while not is_free(grid, floor[s, 0], floor[s, 1]):
        s = (s + 1) % len(floor)
    return i64(floor[s, 0]), i64(floor[s, 1])


@kernel
def clean_slate(me):
    """Forget the life that was lived in a slot before."""
    me.doing = NOTHING
    me.left = 0
    me.holds = NOTHING
    me.queued = NOTHING
    me.finished = 0
    me.near = NOTHING
    me.talks = 0
    me.lates = 0
    me.absences = 0
    me.due = 0
    me.present = 0
    me.arrived = 0
    me.covers = 0
    me.last = WAIT
    me.last_ok = 1
    me.bottom = 0
    me.fresh = 1
    me.earned = ZERO
    me.spent = ZERO
    me.fined = ZERO
    me.withheld = ZERO
    me.paid = ZERO
    me.warmth = ZERO


@kernel
def draw_character(a, me, now):
    """Give a newcomer needs in [0.5, 1], a wallet in [1, 3] and traits in [0, 1]."""
    for need in range(N_NEEDS):
        me.needs[need] = HALF + HALF * rng.chance(now, a, rng.FIRST_NEED + need)
    me.wallet = ONE + TWO * rng.chance(now, a, rng.WEALTH)
    me.extroversion = rng.chance(now, a, rng.EXTROVERSION)
    me.forgiveness = rng.chance(now, a, rng.FORGIVENESS)
    me.ambition = rng.chance(now, a, rng.AMBITION)


@kernel
def settle(a, me, slot, grid, town, now, time):
    """Begin a life: the first of a slot as the scenario says, later ones as newcomers at random."""
    params = town.params[0]
    clean_slate(me)
    me.alive = 1
    me.life += 1
    me.enters = NEVER
    x = i64(slot.x)
    y = i64(slot.y)
    if me.life > 1 or x == NOTHING or not is_free(grid, x, y):
        x, y = free_tile(a, grid, town.floor, now)
    me.x = x
    me.y = y
    occupy(grid, x, y)
    made = me.life > 1 or slot.made == 1
    if made:
        draw_character(a, me, now)
    else:
        for need in range(N_NEEDS):
            me.needs[need] = slot.needs[need]
        me.wallet = slot.wallet
        me.extroversion = slot.extroversion
        me.forgiveness = slot.forgiveness
        me.ambition = slot.ambition
    for need in range(N_NEEDS):
        me.pace[need] = THREE_QUARTERS + HALF * rng.chance(now, a, rng.FIRST_PACE + need) if made else ONE
    me.job = slot.job
    me.shift = PRE if me.job == NOTHING or time <= town.jobs[me.job].start else POST
    me.potential = potential_of(me, params)


@kernel
def judge(a, agents, events, over, params):
    """End the lives of those who faint or are evicted."""
    me = agents[a]
    if params.lifecycle == 0:
        return
    if me.bottom >= params.faint_after:
        count(events[a], FAINT)
        over[a] = 1
    elif me.absences >= params.max_absences:
        count(events[a], EVICTION)
        over[a] = 1


@kernel
def leave_things(a, agents, things, spots, grid, events):
    """Whoever goes lets go of everything; a use that was going on has failed."""
    if agents[a].doing != NOTHING:
        count(events[a], AFFORDANCE_FAIL)
        agents[a].doing = NOTHING
    give_up(a, agents, things, spots, grid)


@kernel
def depart(a, agents, ties, cooldown, grid, tick, params):
    """Empty a slot; whether and when it is filled again is the scenario's choice."""
    me = agents[a]
    vacate(grid, me.x, me.y)
    me.alive = 0
    me.near = NOTHING
    me.enters = tick + params.replace_after if params.replace == 1 else NEVER
    forget_everything(a, ties)
    for o in range(cooldown.shape[1]):
        cooldown[a, o] = 0


@kernel
def enter(agents, grid, town, world, now):
    """Those whose time has come move into town."""
    params = town.params[0]
    for a in range(len(agents)):
        me = agents[a]
        if me.alive == 0 and world.tick >= me.enters:
            settle(a, me, town.slots[a], grid, town, now, (world.tick + params.dawn) % params.day)


@kernel
def found(world, agents, things, ties, cooldown, grid, until, town):
    """Begin an episode: things in their places, and everybody who is there from the start.

    Those with a tile of their own come first, so that nobody drawn at random takes it.
    """
    params = town.params[0]
    world.key = rng.episode_key(world.seed, world.episode)
    world.tick = 0
    world.power_until = 0
    world.water_until = 0
    for t in range(len(until)):
        until[t] = 0
    disturb(world, town.troubles, until)
    for y in range(grid.shape[0]):
        for x in range(grid.shape[1]):
            grid[y, x] = town.ground[y, x]
    for o in range(len(things)):
        things[o].holder = NOTHING
        things[o].stalled = 0
        things[o].waiting = 0
        things[o].stock = town.spots[o].stock
    now = rng.tick_key(world.key, 0)
    for a in range(len(agents)):
        clean_slate(agents[a])
        agents[a].alive = 0
        agents[a].life = 0
        agents[a].enters = town.slots[a].enters
        for k in range(ties.shape[1]):
            sever(ties[a, k])
        for o in range(cooldown.shape[1]):
            cooldown[a, o] = 0
        if town.slots[a].enters == 0 and town.slots[a].x != NOTHING:
            settle(a, agents[a], town.slots[a], grid, town, now, params.dawn)
    enter(agents, grid, town, world, now)
