"""Using things: what a start demands, a finish gives, an outage breaks off. Effects come once, at the finish."""

from __future__ import annotations

import numpy as np

from townlet_core.world.events import AFFORDANCE_FAIL, AFFORDANCE_FINISH, AFFORDANCE_START, SHARED_MEAL
from townlet_core.world.kernel import kernel
from townlet_core.world.records import FIRST_REQUEST, N_NEEDS, NOTHING, POWER, WATER
from townlet_core.world.rules.counting import count
from townlet_core.world.rules.movement import apart
from townlet_core.world.rules.queues import give_up, serve_maker
from townlet_core.world.rules.relationships import both_feel
from townlet_core.world.rules.requirements import is_met
from townlet_core.world.scalars import ONE, ZERO, clip

f32, i64 = np.float32, np.int64


@kernel
def price_of(offer, world):
    """What an affordance costs at this moment."""
    return offer.price * world.spike


@kernel
def is_out(utility, world):
    """Whether an outage has cut a utility off."""
    return (utility == POWER and world.tick < world.power_until) or (
        utility == WATER and world.tick < world.water_until
    )


@kernel
def is_served(me, thing, offer, world):
    """Whether there are stock, money and utilities for an affordance at a thing."""
    return thing.stock >= offer.uses and me.wallet >= price_of(offer, world) and not is_out(offer.utility, world)


@kernel
def may_start(me, thing, offer, world, town, stack):
    """Whether an agent who holds a thing and stands beside it may begin this affordance."""
    return is_served(me, thing, offer, world) and is_met(me, thing, offer, price_of(offer, world), world, town, stack)


@kernel
def start(agents, act, things, offers, world, events, params):
    """Begin to use what is held: pay the price, take the stock."""
    for a in range(len(agents)):
        m = i64(act[a]) - FIRST_REQUEST - params.kinds
        if m < 0:
            continue
        me = agents[a]
        offer = offers[m]
        price = price_of(offer, world)
        me.doing = m
        me.left = offer.duration
        me.wallet -= price
        me.spent += price
        things[me.holds].stock -= offer.uses
        count(events[a], AFFORDANCE_START)


@kernel
def fail(a, agents, things, spots, grid, events):
    """Break a use off: the thing is free, nothing is gained, nothing comes back."""
    agents[a].doing = NOTHING
    agents[a].left = 0
    give_up(a, agents, things, spots, grid)
    count(events[a], AFFORDANCE_FAIL)


@kernel
def deliver(me, offer, things, spots, nearest):
    """Put what an affordance makes into the nearest thing of the kind that receives it, as far as it fits.

    Returns:
        That thing, or NOTHING.
    """
    if offer.makes == NOTHING:
        return NOTHING
    o = i64(nearest[offer.makes, me.y, me.x])
    if o != NOTHING:
        things[o].stock = min(things[o].stock + offer.amount, spots[o].capacity)
    return o


@kernel
def share_meal(a, agents, ties, offers, events, params):
    """Who finishes a meal near somebody still at theirs has shared it; both warm to each other."""
    for b in range(len(agents)):
        you = agents[b]
        if b == a or you.alive == 0 or you.doing == NOTHING or offers[you.doing].shared == 0:
            continue
        if apart(agents[a], you) <= params.meal_range:
            count(events[a], SHARED_MEAL)
            both_feel(agents, ties, a, b, ZERO, params.meal_trust)


@kernel
def finish(a, agents, things, ties, cooldown, grid, events, town, freed, tick):
    """Apply the effects of a use that has run to its end, and let go of the thing."""
    me = agents[a]
    params = town.params[0]
    offer = town.offers[me.doing]
    o = i64(me.holds)
    for need in range(N_NEEDS):
        me.needs[need] = clip(me.needs[need] + offer.effect[need], ZERO, ONE)
    filled = deliver(me, offer, things, town.spots, town.nearest)
    if offer.shared == 1:
        share_meal(a, agents, ties, town.offers, events, params)
    me.doing = NOTHING
    me.finished += 1
    give_up(a, agents, things, town.spots, grid)
    cooldown[a, o] = tick + params.cooldown
    freed[o] = a
    if params.makers_first == 1 and filled != NOTHING:
        serve_maker(a, filled, agents, things, town.spots, grid)
    count(events[a], AFFORDANCE_FINISH)
    if offer.event != NOTHING:
        count(events[a], offer.event)


@kernel
def use(agents, things, ties, cooldown, grid, events, world, town, freed):
    """Spend a tick on every use: it fails in an outage, and ends when its time is up."""
    for a in range(len(agents)):
        me = agents[a]
        if me.doing == NOTHING:
            continue
        me.left -= 1
        if is_out(town.offers[me.doing].utility, world):
            fail(a, agents, things, town.spots, grid, events)
        elif me.left <= 0:
            finish(a, agents, things, ties, cooldown, grid, events, town, freed, world.tick)


@kernel
def restock(things, spots, tick):
    """Deliveries: each `every` ticks after the first of the episode a thing gets `restock` units, as far as fits."""
    for o in range(len(things)):
        spot = spots[o]
        if spot.restock > 0 and tick > 0 and tick % spot.every == 0:
            things[o].stock = min(things[o].stock + spot.restock, max(spot.capacity, things[o].stock))
