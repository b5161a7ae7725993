"""Queues: who gets a thing next. Holders who stall are rotated; those who use a thing are never interrupted.

Order of waiting: the tick of joining (or of being sent to the back), less `age_weight` for each tick since the first
request; ties go to the lower slot.
"""

from __future__ import annotations

import numpy as np

from townlet_core.world.events import GHOST_STEP, HANDOVER, QUEUE_CONFLICT
from townlet_core.world.kernel import kernel
from townlet_core.world.records import FIRST_REQUEST, NOTHING, PAD, RELEASE, RESERVED_BIT
from townlet_core.world.rules.counting import count
from townlet_core.world.rules.movement import apart
from townlet_core.world.rules.relationships import both_feel
from townlet_core.world.scalars import ZERO

f64, i64, u8 = np.float64, np.int64, np.uint8
RESERVED, OPEN = u8(RESERVED_BIT), u8(255 - RESERVED_BIT)
EMPTY = 2**30  # longer than any queue


@kernel
def reserve(o, a, agents, things, spots, grid):
    """Give a thing to an agent."""
    things[o].holder = a
    agents[a].holds = o
    grid[spots[o].y + PAD, spots[o].x + PAD] |= RESERVED


@kernel
def give_up(a, agents, things, spots, grid):
    """Take whatever an agent holds or waits for away from it."""
    me = agents[a]
    if me.holds != NOTHING:
        things[me.holds].holder = NOTHING
        grid[spots[me.holds].y + PAD, spots[me.holds].x + PAD] &= OPEN
        me.holds = NOTHING
    if me.queued != NOTHING:
        things[me.queued].waiting -= 1
        me.queued = NOTHING


@kernel
def serve_maker(a, o, agents, things, spots, grid):
    """Who has put something into a thing that nobody uses goes first; a mere holder waits again, in its turn."""
    thing = things[o]
    if thing.holder != NOTHING:
        h = i64(thing.holder)
        if agents[h].doing != NOTHING:
            return
        give_up(h, agents, things, spots, grid)
        agents[h].queued = o  # with its old ticket
        thing.waiting += 1
    thing.stalled = 0
    reserve(o, a, agents, things, spots, grid)


@kernel
def release(agents, act, things, spots, grid):
    """Those who release give up what they hold or wait for."""
    for a in range(len(agents)):
        if act[a] == RELEASE:
            give_up(a, agents, things, spots, grid)


@kernel
def is_askable(me, o, spots, cooldown, tick):
    """Whether a thing is within reach (one tile, diagonals included) and not on cooldown for the agent."""
    return apart(spots[o], me) <= 1 and tick >= cooldown[o]


@kernel
def choose_thing(me, kind, spots, things, cooldown, row_from, row_things, tick):
    """Of the things of a kind that can be asked for: a free one, else that with the shortest queue; else NOTHING.

    One with stock comes before any that is empty; ties go to the lower id.
    """
    best = NOTHING
    crowd = i64(0)
    for i in range(row_from[max(i64(me.y) - 1, 0)], row_from[min(i64(me.y) + 2, len(row_from) - 1)]):
        o = i64(row_things[i])
        if spots[o].kind != kind or not is_askable(me, o, spots, cooldown, tick):
            continue
        ahead = i64(things[o].waiting) + (1 if things[o].holder != NOTHING else 0)
        ahead += EMPTY if things[o].stock == 0 else 0  # alike for all things of a kind that holds nothing
        if best == NOTHING or ahead < crowd or (ahead == crowd and o < best):
            best = o
            crowd = ahead
    return best


@kernel
def somebody_else(a, o, agents, things):
    """Who holds a thing or, if nobody does, waits longest for it; NOTHING if nobody wants it."""
    if things[o].holder != NOTHING:
        return i64(things[o].holder)
    first = NOTHING
    for b in range(len(agents)):
        if b != a and agents[b].queued == o and (first == NOTHING or agents[b].ticket < agents[first].ticket):
            first = b
    return first


@kernel
def request(agents, act, things, ties, cooldown, events, town, tick):
    """Join the queue of a thing within reach. Asking for what others hold or want breeds rivalry on both sides."""
    params = town.params[0]
    for a in range(len(agents)):
        kind = i64(act[a]) - FIRST_REQUEST
        if kind < 0 or kind >= params.kinds:
            continue
        me = agents[a]
        o = choose_thing(me, kind, town.spots, things, cooldown[a], town.row_from, town.row_things, tick)
        b = somebody_else(a, o, agents, things)
        me.queued = o
        me.since = tick
        me.ticket = tick
        things[o].waiting += 1
        if b != NOTHING:
            count(events[a], QUEUE_CONFLICT)
            both_feel(agents, ties, a, b, params.conflict, ZERO)


@kernel
def priority(me, tick, params):
    """Place of a waiter in the order of service: the lowest is served first."""
    return f64(me.ticket) - f64(params.age_weight) * f64(tick - me.since)


@kernel
def rotate_stalled(agents, things, events, spots, grid, freed, stepped, tick, params):
    """Ghost step: a holder who has not started for `ghost_after` ticks while others wait goes to the back."""
    for o in range(len(things)):
        thing = things[o]
        h = i64(thing.holder)
        if h == NOTHING or thing.waiting == 0 or agents[h].doing != NOTHING:
            thing.stalled = 0
            continue
        thing.stalled += 1
        if thing.stalled >= params.ghost_after:
            since = agents[h].since
            give_up(h, agents, things, spots, grid)
            me = agents[h]
            me.queued = o
            me.since = since
            me.ticket = tick + 1  # behind all who are waiting now
            thing.waiting += 1
            thing.stalled = 0
            freed[o] = h
            stepped[o] = 1
            count(events[h], GHOST_STEP)


@kernel
def serve(agents, things, ties, events, spots, grid, freed, stepped, best, head, tick, params):
    """Every free thing goes to the first of its queue. An orderly wait builds trust; a ghost step leaves rivalry."""
    for o in range(len(things)):
        head[o] = NOTHING
    for a in range(len(agents)):
        me = agents[a]
        o = i64(me.queued)
        if o == NOTHING or things[o].holder != NOTHING or (freed[o] == a and stepped[o] == 1):
            continue
        mine = priority(me, tick, params)
        if head[o] == NOTHING or mine < best[o]:
            head[o] = a
            best[o] = mine
    for o in range(len(things)):
        a = i64(head[o])
        if a == NOTHING:
            continue
        agents[a].queued = NOTHING
        things[o].waiting -= 1
        reserve(o, a, agents, things, spots, grid)
        b = i64(freed[o])
        if b == NOTHING or b == a:
            continue
        if stepped[o] == 1:
            both_feel(agents, ties, a, b, params.conflict * params.ghost_factor, ZERO)
        else:
            count(events[a], HANDOVER)
            both_feel(agents, ties, a, b, -params.polite_relief, params.polite)
