"""The order of a tick: the table of contents of the rule book."""

from __future__ import annotations

import numpy as np

from townlet_core.world import rng
from townlet_core.world.events import INVALID_ACTION
from townlet_core.world.kernel import kernel, kernel_apart
from townlet_core.world.observe import observe
from townlet_core.world.records import NOTHING, WAIT
from townlet_core.world.rules.affordances import restock, start, use
from townlet_core.world.rules.counting import count
from townlet_core.world.rules.employment import employ
from townlet_core.world.rules.lifecycle import depart, enter, found, judge, leave_things
from townlet_core.world.rules.movement import walk
from townlet_core.world.rules.needs import live
from townlet_core.world.rules.perturbations import disturb
from townlet_core.world.rules.queues import release, request, rotate_stalled, serve
from townlet_core.world.rules.relationships import chat, fade
from townlet_core.world.rules.rewards import score
from townlet_core.world.scalars import ZERO

i64, u8 = np.int64, np.uint8


@kernel
def listen(agents, actions, mask, act, events):
    """Take the actions that the mask allows; the others become waits and are counted."""
    for a in range(len(agents)):
        me = agents[a]
        c = i64(actions[a])
        allowed = 0 <= c < mask.shape[1] and mask[a, c] == 1
        act[a] = c if allowed else WAIT
        me.last = act[a]
        me.last_ok = 1 if allowed else 0
        me.fresh = 0
        me.paid = ZERO
        me.warmth = ZERO
        if not allowed and me.alive == 1:
            count(events[a], INVALID_ACTION)


@kernel
def clear(events, terms, freed, stepped, over):
    """Begin the tick with empty accounts."""
    for a in range(events.shape[0]):
        over[a] = 0
        for e in range(events.shape[1]):
            events[a, e] = 0
        for k in range(terms.shape[1]):
            terms[a, k] = ZERO
    for o in range(len(freed)):
        freed[o] = NOTHING
        stepped[o] = 0


@kernel
def grow_needs(agents, params):
    """Everybody in town lives for one tick."""
    for a in range(len(agents)):
        if agents[a].alive == 1:
            live(agents[a], params)


@kernel
def judge_lives(agents, things, grid, events, over, town):
    """End lives, and free what those who go held."""
    for a in range(len(agents)):
        if agents[a].alive == 1:
            judge(a, agents, events, over, town.params[0])
            if over[a] == 1:
                leave_things(a, agents, things, town.spots, grid, events)


@kernel
def reward_all(agents, events, terms, rewards, over, town, time):
    """Reward everybody who lived through the tick. `time` is the tick of the day that comes next."""
    for a in range(len(agents)):
        rewards[a] = ZERO
        if agents[a].alive == 1:
            rewards[a] = score(agents[a], events[a], terms[a], over[a] == 1, town, time)


@kernel
def tick(world, agents, things, ties, cooldown, grid, until, actions, mask, events, terms, rewards, town, scratch):
    """Play one tick of one world. `mask` is what the agents saw; events `[A, E]`, terms and rewards are filled in."""
    params = town.params[0]
    act, freed, stepped = scratch.act, scratch.freed, scratch.stepped
    now = rng.tick_key(world.key, world.tick)
    time = (world.tick + params.dawn) % params.day
    clear(events, terms, freed, stepped, scratch.over)
    listen(agents, actions, mask, act, events)
    # what agents do
    release(agents, act, things, town.spots, grid)
    chat(agents, ties, act, scratch.won, events, now, world.tick, params)
    walk(agents, act, scratch.claim, grid, world.tick)
    request(agents, act, things, ties, cooldown, events, town, world.tick)
    start(agents, act, things, town.offers, world, events, params)
    # what happens to things
    use(agents, things, ties, cooldown, grid, events, world, town, freed)
    rotate_stalled(agents, things, events, town.spots, grid, freed, stepped, world.tick, params)
    serve(
        agents, things, ties, events, town.spots, grid, freed, stepped, scratch.best, scratch.head, world.tick, params
    )
    restock(things, town.spots, world.tick)
    # what happens to agents
    grow_needs(agents, params)
    employ(agents, ties, town.jobs, events, time, params)
    fade(agents, ties, params)
    judge_lives(agents, things, grid, events, scratch.over, town)
    reward_all(agents, events, terms, rewards, scratch.over, town, (time + 1) % params.day)
    # what the next tick brings, before anybody looks
    world.tick += 1
    disturb(world, town.troubles, until)


@kernel
def mark_ends(world, agents, over, alive, terminated, truncated, params):
    """Write who lived, whose life ended in this tick and whose episode did; tell whether anything ended."""
    cut = world.tick >= params.horizon
    ended = False
    for a in range(len(agents)):
        alive[a] = agents[a].alive
        terminated[a] = over[a]
        truncated[a] = 1 if cut and agents[a].alive == 1 and over[a] == 0 else 0
        if terminated[a] == 1 or truncated[a] == 1:
            ended = True
    return ended or cut


@kernel
def keep_last(frames, t, w):
    """Keep the last observation of every life that ended, since the next row belongs to somebody else."""
    for a in range(frames.alive.shape[2]):
        frames.end_row[t, w, a] = NOTHING
        if frames.terminated[t, w, a] == 0 and frames.truncated[t, w, a] == 0:
            continue
        row = i64(frames.ends[w])
        frames.ends[w] += 1
        frames.end_row[t, w, a] = row
        for i in range(frames.tiles.shape[3]):
            frames.end_tiles[w, row, i] = frames.tiles[t + 1, w, a, i]
        for i in range(frames.map.shape[3]):
            frames.end_map[w, row, i] = frames.map[t + 1, w, a, i]
        for i in range(frames.features.shape[3]):
            frames.end_features[w, row, i] = frames.features[t + 1, w, a, i]
        for i in range(frames.action_mask.shape[3]):
            frames.end_mask[w, row, i] = frames.action_mask[t + 1, w, a, i]


@kernel_apart
def look(town, state, frames, scratch, t, w):
    """Write row t of the observations of world w."""
    observe(
        state.worlds[w], state.agents[w], state.things[w], state.ties[w], state.cooldown[w], state.grid[w],
        town, scratch, frames.tiles[t, w], frames.map[t, w], frames.features[t, w], frames.action_mask[t, w],
    )  # fmt: skip


@kernel
def advance(town, state, frames, scratch, t, w):
    """Play tick t of a chunk in world w with the actions in the frames, and write the outcome and what is seen next.

    At the horizon everybody still alive is truncated and the next episode begins.
    """
    world, agents, things, ties = state.worlds[w], state.agents[w], state.things[w], state.ties[w]
    cooldown, grid, until, params = state.cooldown[w], state.grid[w], state.until[w], town.params[0]
    tick(
        world, agents, things, ties, cooldown, grid, until, frames.actions[t, w], frames.action_mask[t, w],
        frames.events[t, w], frames.terms[t, w], frames.rewards[t, w], town, scratch,
    )  # fmt: skip
    ended = mark_ends(
        world, agents, scratch.over, frames.alive[t, w], frames.terminated[t, w], frames.truncated[t, w], params
    )
    if ended:
        look(town, state, frames, scratch, t + 1, w)
        for a in range(len(agents)):
            if scratch.over[a] == 1:
                depart(a, agents, ties, cooldown, grid, world.tick, params)
    keep_last(frames, t, w)
    if world.tick >= params.horizon:
        world.episode += 1
        found(world, agents, things, ties, cooldown, grid, until, town)
    else:
        enter(agents, grid, town, world, rng.tick_key(world.key, world.tick))
    look(town, state, frames, scratch, t + 1, w)


@kernel
def begin_range(town, state, frames, scratch, first, ticks, low, high):
    """Begin the first episode of worlds low to high and write what is seen in row `first`."""
    for w in range(low, high):
        found(
            state.worlds[w], state.agents[w], state.things[w], state.ties[w], state.cooldown[w], state.grid[w],
            state.until[w], town,
        )  # fmt: skip
        look(town, state, frames, scratch, first, w)


@kernel
def advance_range(town, state, frames, scratch, first, ticks, low, high):
    """Play ticks first to first + ticks of worlds low to high with the actions in the frames."""
    for w in range(low, high):
        for t in range(first, first + ticks):
            advance(town, state, frames, scratch, t, w)
