"""Schedules: what a scenario tells an agent to do, step by step.

`move` walks until it is there, `request` until the thing is reserved, `start` walks, asks, waits and uses to the end. A
step that is not done after its `max_ticks` is given up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.config.agents import Step
from townlet_core.policy.walking import follow
from townlet_core.world.kernel import kernel, records
from townlet_core.world.records import CHAT, FIRST_REQUEST, NEVER, NOTHING, RELEASE, WAIT, record
from townlet_core.world.town import CompiledTown

MOVE, REQUEST, START, WAIT_FOR, WAIT_UNTIL, LET_GO, TALK = range(7)

STEP = record(
    ("kind", "i1"),
    ("place", "i2"),  # row of the flow fields to follow, or NOTHING
    ("thing", "i2"),  # thing to ask for, or NOTHING
    ("request", "i2"),  # action that asks for it
    ("start", "i2"),  # action that begins the use
    ("other", "i2"),  # agent to talk to, or NOTHING for anybody
    ("ticks", "i4"),  # how long, or until which tick of the day
    ("limit", "i4"),  # ticks after which it is given up
)
SCHEDULE = record(("from_tick", "i4"), ("cycle", "u1"), ("first", "i4"), ("steps", "i4"))
PLAN = record(
    ("life", "i4"),  # life that the plan was made for
    ("episode", "i4"),  # and the episode it was lived in
    ("step", "i4"),  # present step, counted from 0; the number of steps when all are done
    ("since", "i4"),  # tick at which the present step began
    ("finished", "i4"),  # uses that the agent had finished then
    ("acted", "u1"),  # 1: the present step has sent its one action
)


class Schedules(NamedTuple):
    """The schedules of a town: one row an agent slot, `steps` 0 where it has none."""

    rows: NDArray[np.void]  # SCHEDULE [A]
    steps: NDArray[np.void]  # STEP [.]


def compile_schedules(town: CompiledTown) -> Schedules:
    """Turn the names in schedules into numbers."""
    rows = np.zeros(len(town.slots), SCHEDULE)
    steps: list[tuple[int, ...]] = []
    for a, agent in enumerate(town.config.scenario.agents):
        if agent.schedule is not None:
            rows[a] = (agent.schedule.from_tick, agent.schedule.cycle, len(steps), len(agent.schedule.steps))
            steps += [_step(town, step) for step in agent.schedule.steps]
    return Schedules(records(rows), records(np.array(steps, STEP)))


def new_plans(town: CompiledTown, worlds: int) -> NDArray[np.void]:
    """Make the plans `[W, A]` of agents who have not begun."""
    return records(np.zeros((worlds, len(town.slots)), PLAN))


def _step(town: CompiledTown, step: Step) -> tuple[int, ...]:
    place = thing = request = start = other = NOTHING
    ticks, limit = 0, step.max_ticks
    kinds = {"move": MOVE, "request": REQUEST, "start": START, "release": LET_GO, "chat": TALK}
    kind = kinds.get(step.do, WAIT_FOR if step.ticks is not None else WAIT_UNTIL)
    if step.do == "move":
        place = town.places[step.to]
    if step.object is not None:
        thing = town.things.index(step.object)
        place = town.places[step.object]
        request = FIRST_REQUEST + int(town.tables.spots["kind"][thing])
    if step.affordance is not None:
        start = FIRST_REQUEST + len(town.kinds) + town.affordances.index(step.affordance)
    if step.do == "wait":
        ticks, limit = step.ticks if step.ticks is not None else step.until_tick or 0, NEVER
    if step.agent is not None:
        other = town.slots.index(step.agent)
    return kind, place, thing, request, start, other, ticks, limit


@kernel
def is_alike(o, other, town):
    """Whether two things are of a kind; NOTHING is of none."""
    return o != NOTHING and town.spots[o].kind == town.spots[other].kind


@kernel
def is_done(me, step, plan, place_steps, tick, town):
    """Whether a step has done what it is for."""
    day = town.params[0].day
    began = (plan.since + town.params[0].dawn) % day
    if step.kind == MOVE:
        return place_steps == 0
    if step.kind == REQUEST:
        return is_alike(me.holds, step.thing, town)
    if step.kind == START:
        return me.finished > plan.finished
    if step.kind == WAIT_FOR:
        return tick - plan.since >= step.ticks
    if step.kind == WAIT_UNTIL:
        return tick - plan.since >= (step.ticks - began) % day
    return plan.acted == 1


@kernel
def get(a, me, step, town, mask, tick):
    """Walk to a thing, ask for it, wait for it and, in a `start`, use it; another of the kind will do if it is given.

    Whatever else is held or waited for is given up first.
    """
    mine = me.holds if me.holds != NOTHING else me.queued
    if mine == NOTHING:
        if town.steps[step.place, me.y, me.x] == 0:
            return step.request if mask[step.request] == 1 else WAIT
        return follow(a, me, step.place, town, mask, tick)
    if not is_alike(mine, step.thing, town):
        return RELEASE
    if step.kind == START and mask[step.start] == 1:
        return step.start
    return follow(a, me, mine, town, mask, tick)


@kernel
def act_on(a, me, step, plan, town, mask, tick):
    """The action that brings a step forward."""
    if step.kind == MOVE:
        return follow(a, me, step.place, town, mask, tick)
    if step.kind == LET_GO or step.kind == TALK:
        action = RELEASE if step.kind == LET_GO else CHAT
        if mask[action] == 1 and (step.other == NOTHING or me.near == step.other):
            plan.acted = 1
            return action
        if step.kind == LET_GO:
            plan.acted = 1
        return WAIT
    if step.kind == REQUEST or step.kind == START:
        return get(a, me, step, town, mask, tick)
    return WAIT


@kernel
def begin_step(me, plan, step, tick):
    """Go on to a step."""
    plan.step = step
    plan.since = tick
    plan.finished = me.finished
    plan.acted = 0


@kernel
def scheduled_action(a, me, schedule, steps, plan, town, mask, world):
    """Follow a schedule: pass over the steps that are done, then do what the present one asks.

    Whoever gives up getting a thing lets go of what they hold or wait for.
    """
    tick = world.tick
    if plan.life != me.life or plan.episode != world.episode:
        plan.life = me.life
        plan.episode = world.episode
        begin_step(me, plan, 0, max(tick, schedule.from_tick))
    if tick < schedule.from_tick or me.doing != NOTHING:
        return WAIT
    for _ in range(schedule.steps):
        if plan.step >= schedule.steps:
            if schedule.cycle == 0:
                return WAIT
            begin_step(me, plan, 0, tick)
        step = steps[schedule.first + plan.step]
        place_steps = town.steps[step.place, me.y, me.x] if step.place != NOTHING else 1
        if not is_done(me, step, plan, place_steps, tick, town):
            if tick - plan.since < step.limit:
                return act_on(a, me, step, plan, town, mask, tick)
            if step.request != NOTHING and mask[RELEASE] == 1:
                return RELEASE
        begin_step(me, plan, plan.step + 1, tick)
    return WAIT
