"""What an agent is rewarded for in a tick: named terms, and their clipped sum."""

from __future__ import annotations

import numpy as np

from townlet_core.world.events import EVICTION as EVICTED
from townlet_core.world.events import FAINT as FAINTED
from townlet_core.world.events import SHIFT_ABSENT, SHIFT_LATE
from townlet_core.world.kernel import kernel
from townlet_core.world.records import FAR, NOTHING, ON_TIME, POST
from townlet_core.world.rules.employment import is_at_work
from townlet_core.world.rules.needs import deprivation
from townlet_core.world.scalars import ZERO, clip

f32 = np.float32
CALL_TICKS = 60  # before a shift, in which the way to work comes to count
REWARD_TERMS = {
    "needs": "-needs_scale * sum over needs of weight * (1 - need)^2",
    "wages": "wage_rate * money earned in the tick (wages and bonuses)",
    "punctuality": "punctuality, if at work in the state on time",
    "lateness": "-lateness when becoming late, -absence when becoming absent",
    "social": "social_rate * (trust + familiarity - rivalry gained through events of the tick), "
    "if features.social_rewards",
    "faint": "-faint when fainting",
    "eviction": "-eviction when evicted",
    "survival": "survival, for every tick lived to its end",
    "shaping": "shaping_discount * potential(after) - potential(before); "
    "potential = -shaping_scale * the sum under needs, 0 after death",
    "commute": "-commute * c * tiles to walk to work; c grows from 0 to 1 in the 60 ticks before the shift, is 1 while "
    "it runs and 0 at other times",
}
NEEDS, WAGES, PUNCTUALITY, LATENESS, SOCIAL, FAINT, EVICTION, SURVIVAL, SHAPING, COMMUTE = range(len(REWARD_TERMS))


@kernel
def way_to_work(me, town, time):
    """The tiles that an agent has to walk to work while it is awaited there; 0 at other times.

    It comes gradually, over CALL_TICKS, so that setting out in time costs less than setting out late.
    """
    if me.job == NOTHING or me.shift == POST:
        return ZERO
    job = town.jobs[me.job]
    called = min(time - job.start + CALL_TICKS, CALL_TICKS)
    tiles = town.steps[job.place, me.y, me.x]
    if called <= 0 or time >= job.finish or tiles == FAR:  # a newcomer may stand where no way leads to work
        return ZERO
    return f32(called) / f32(CALL_TICKS) * f32(tiles)


@kernel
def potential_of(me, params):
    """Shaping potential of an agent's needs (Ng, Harada, Russell 1999, potential-based shaping)."""
    return -params.shaping * deprivation(me, params)


@kernel
def score(me, events, terms, over, town, time):
    """Fill in the terms of one agent's reward and return their sum, held within the bound.

    `time` is the tick of the day that comes next.
    """
    params = town.params[0]
    after = ZERO if over else potential_of(me, params)
    works = me.job != NOTHING and me.shift == ON_TIME and is_at_work(me, town.jobs)
    terms[NEEDS] = -params.needs_scale * deprivation(me, params)
    terms[WAGES] = params.wage_rate * me.paid
    terms[PUNCTUALITY] = params.punctuality if works else ZERO
    terms[LATENESS] = -params.lateness * f32(events[SHIFT_LATE]) - params.absence * f32(events[SHIFT_ABSENT])
    terms[SOCIAL] = params.social_rate * me.warmth if params.social_rewards == 1 else ZERO
    terms[FAINT] = -params.faint * f32(events[FAINTED])
    terms[EVICTION] = -params.eviction * f32(events[EVICTED])
    terms[SURVIVAL] = ZERO if over else params.survival
    terms[SHAPING] = params.discount * after - me.potential
    terms[COMMUTE] = -params.commute * way_to_work(me, town, time)
    me.potential = after
    total = ZERO
    for term in terms:
        total += term
    return clip(total, -params.bound, params.bound)
