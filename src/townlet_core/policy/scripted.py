"""The scripted policy: agents follow their schedule if they have one, else their job and their needs.

It is a function of the state of the town and of the time, without chance, so its log-probability is 0. It knows
more than an observation shows: stock and queues all over the town.
"""

from __future__ import annotations

import numpy as np

from townlet_core.policy.schedule import scheduled_action
from townlet_core.policy.walking import follow, stroll
from townlet_core.world.kernel import kernel
from townlet_core.world.records import (
    CHAT,
    EAST,
    FAR,
    FIRST_REQUEST,
    N_NEEDS,
    NORTH,
    NOTHING,
    RELEASE,
    SOUTH,
    WAIT,
    WEST,
)
from townlet_core.world.rules.affordances import is_served, price_of
from townlet_core.world.rules.employment import is_at_work
from townlet_core.world.rules.relationships import rivalry_with
from townlet_core.world.rules.requirements import is_met, is_on_shift
from townlet_core.world.scalars import ZERO

f32, i64 = np.float32, np.int64
URGENT = f32(0.3)  # a need below this comes before work
WANTED = f32(0.65)  # a need below this is seen to when there is time
MARGIN = 4  # ticks earlier than the walk demands that an agent leaves for work
PRICE_COST = f32(30)  # ticks that a unit of money is worth
ROAM = 6  # ticks between two steps of somebody with nothing to do
RIVAL_COST = 400  # ticks that it is worth to keep away from a rival


@kernel
def neediest(me):
    """The need that is met least; the first of several."""
    lowest = 0
    for need in range(1, N_NEEDS):
        if me.needs[need] < me.needs[lowest]:
            lowest = need
    return lowest


@kernel
def is_rivals(o, agents, things, ties, avoid):
    """Whether a rival holds a thing or waits for it."""
    if things[o].holder != NOTHING and rivalry_with(ties, things[o].holder) >= avoid:
        return True
    if things[o].waiting == 0:
        return False
    for b in range(len(agents)):
        if agents[b].queued == o and rivalry_with(ties, b) >= avoid:
            return True
    return False


@kernel
def cost_of(o, offer, me, agents, things, ties, world, town):
    """What it costs to use a thing, in ticks: the walk, the queue, the use, the price, and rivals in the queue."""
    crowd = i64(things[o].waiting) + (1 if things[o].holder != NOTHING else 0)
    ticks = i64(town.steps[o, me.y, me.x]) + i64(offer.duration) * (1 + crowd)
    if crowd > 0 and is_rivals(o, agents, things, ties, town.params[0].avoid):
        ticks += RIVAL_COST
    return f32(ticks) + PRICE_COST * price_of(offer, world)


@kernel
def best_thing(need, me, agents, things, ties, world, town, stack):
    """Where to go for a need, and for which affordance: what can be had now at the least cost for what it gives."""
    best = i64(NOTHING)
    chosen = i64(NOTHING)
    best_cost = ZERO
    for i in range(town.serves.shape[1]):
        m = i64(town.serves[need, i])
        if m == NOTHING:
            break
        offer = town.offers[m]
        for o in range(len(things)):
            if town.spots[o].kind != offer.kind or not is_served(me, things[o], offer, world):
                continue
            if town.steps[o, me.y, me.x] == FAR:
                continue
            cost = cost_of(o, offer, me, agents, things, ties, world, town) / offer.effect[need]
            if best != NOTHING and cost >= best_cost:
                continue
            if is_met(me, things[o], offer, price_of(offer, world), world, town, stack):
                best = i64(o)
                chosen = m
                best_cost = cost
    return best, chosen


@kernel
def best_start(need, mask, town):
    """Of the affordances that may be started now, the action of the best one for a need; WAIT if there is none."""
    for i in range(town.serves.shape[1]):
        m = i64(town.serves[need, i])
        if m == NOTHING:
            break
        action = FIRST_REQUEST + town.params[0].kinds + m
        if mask[action] == 1:
            return action
    return WAIT


@kernel
def use_held(need, a, me, world, town, mask):
    """Use the thing that is held: for the need if it serves it, else for any other; let go of it if it serves none."""
    action = best_start(need, mask, town)
    for other in range(N_NEEDS):
        if action == WAIT:
            action = best_start(other, mask, town)
    if action != WAIT:
        return action
    if town.steps[me.holds, me.y, me.x] == 0:
        return RELEASE
    return follow(a, me, me.holds, town, mask, world.tick)


@kernel
def see_to(need, a, agents, things, ties, world, town, mask, stack):
    """Meet a need: use what is held, wait near what is queued for, or walk to a thing and ask for it."""
    me = agents[a]
    if me.holds != NOTHING:
        return use_held(need, a, me, world, town, mask)
    if me.queued != NOTHING:
        return follow(a, me, me.queued, town, mask, world.tick)
    o, m = best_thing(need, me, agents, things, ties[a], world, town, stack)
    if o == NOTHING:
        return idle(a, me, ties[a], world, town, mask)
    if town.steps[o, me.y, me.x] > 0:
        return follow(a, me, o, town, mask, world.tick)
    action = FIRST_REQUEST + i64(town.offers[m].kind)
    return action if mask[action] == 1 else stroll(a, me, mask, world.tick)


@kernel
def is_time_for_work(me, world, town):
    """Whether the shift is on, or it is time to leave for it."""
    if me.job == NOTHING:
        return False
    params = town.params[0]
    job = town.jobs[me.job]
    time = (world.tick + params.dawn) % params.day
    ahead = i64(job.start) - time
    return is_on_shift(me, town.jobs, time) or 0 <= ahead <= i64(town.steps[job.place, me.y, me.x]) + MARGIN


@kernel
def go_to_work(a, me, ties, world, town, mask):
    """Let go of everything and walk to the workplace; there, make room for those who come after, talk or wait."""
    if mask[RELEASE] == 1:
        return RELEASE
    if not is_at_work(me, town.jobs):
        return follow(a, me, town.jobs[me.job].place, town, mask, world.tick)
    step = move_up(me, town.jobs[me.job], mask)
    return step if step != WAIT else talk(me, ties, world, town, mask)


@kernel
def move_up(me, job, mask):
    """A step towards the middle of the workplace for somebody who has others beside it; WAIT where none is free."""
    if me.near == NOTHING or me.near_tiles > 1:
        return WAIT
    if me.x != job.x:
        move = EAST if me.x < job.x else WEST
        if mask[move] == 1:
            return move
    if me.y != job.y:
        move = SOUTH if me.y < job.y else NORTH
        if mask[move] == 1:
            return move
    return WAIT


@kernel
def talk(me, ties, world, town, mask):
    """Talk to whoever is near, unless it is a rival; else wait."""
    if mask[CHAT] == 1 and rivalry_with(ties, me.near) < town.params[0].avoid:
        return CHAT
    return WAIT


@kernel
def idle(a, me, ties, world, town, mask):
    """Nothing to do: let go, stay out of people's way, talk."""
    if mask[RELEASE] == 1:
        return RELEASE
    if (world.tick + 3 * a) % ROAM == 0:
        return stroll(a, me, mask, world.tick)
    for c in range(FIRST_REQUEST, FIRST_REQUEST + town.params[0].kinds):
        if mask[c] == 1:
            return stroll(a, me, mask, world.tick)  # stands in the way of those who want a thing
    return talk(me, ties, world, town, mask)


@kernel
def needs_driven_action(a, agents, things, ties, world, town, mask, stack):
    """Urgent needs first, then work, then the other needs, then company."""
    me = agents[a]
    if me.doing != NOTHING:
        return WAIT
    need = neediest(me)
    if is_time_for_work(me, world, town) and me.needs[need] >= URGENT:
        return go_to_work(a, me, ties[a], world, town, mask)
    if me.needs[need] < WANTED or me.holds != NOTHING or me.queued != NOTHING:
        return see_to(need, a, agents, things, ties, world, town, mask, stack)
    return idle(a, me, ties[a], world, town, mask)


@kernel
def scripted_action(a, agents, things, ties, world, town, schedules, plan, mask, stack):
    """What the script does for one agent: the schedule in its first life, needs and job otherwise."""
    me = agents[a]
    schedule = schedules.rows[a]
    if schedule.steps > 0 and me.life == 1:
        return scheduled_action(a, me, schedule, schedules.steps, plan, town, mask, world)
    return needs_driven_action(a, agents, things, ties, world, town, mask, stack)
