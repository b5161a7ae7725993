"""Every record of the town: its fields, their units and their sentinels, once.

State is kept in arrays of these records (W worlds, A slots for agents, O things, K ties an agent):
worlds `[W]`, agents `[W, A]`, things `[W, O]`, ties `[W, A, K]`, cooldown `[W, A, O]`,
grid `[W, H + 2 PAD, W + 2 PAD]`.
No field may have the name of an ndarray method: the records are also read as `np.recarray` (see kernel.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTHING = -1  # no thing, no agent, no affordance, no job
NEVER = 2**30  # a tick that does not come
PAD = 5  # solid tiles around the town in `grid` and `ground`: the radius of the widest window
MAX_TIES = 16  # ties an agent keeps; the weakest makes room
N_NEEDS = 3
HUNGER, HYGIENE, ENERGY = range(N_NEEDS)

# bits of a tile in `grid`; the high four bits hold 1 + the kind of the thing that stands there
AGENT_BIT, OBJECT_BIT, RESERVED_BIT, SOLID_BIT = 1, 2, 4, 8
KIND_SHIFT = 4

# shift states
PRE, ON_TIME, LATE, ABSENT, POST = range(5)

# the fixed part of the action table; then one request a kind, then one start an affordance
WAIT, NORTH, EAST, SOUTH, WEST, RELEASE, CHAT, FIRST_REQUEST = range(8)


def record(*fields: tuple[object, ...]) -> np.dtype[np.void]:
    """Make an aligned record type."""
    return np.dtype(list(fields), align=True)


WORLD = record(
    ("seed", "u8"),  # mix(seed, world id): the same in every episode
    ("key", "u8"),  # mix(seed, world id, episode): see rng.py
    ("episode", "i4"),  # episodes begun, less one
    ("tick", "i4"),  # ticks played in this episode
    ("power_until", "i4"),  # no power before this tick
    ("water_until", "i4"),  # no water before this tick
    ("spike", "f4"),  # what prices are multiplied by now: the largest factor of the spikes that are on, or 1
)

AGENT = record(
    ("alive", "u1"),  # 1: lives in the town; 0: the slot is empty
    ("life", "i4"),  # lives that this slot has seen in the episode; 1 is the first
    ("enters", "i4"),  # tick at which an empty slot is filled, or NEVER
    ("x", "i2"),
    ("y", "i2"),  # tile, [0, 0] at the north-west corner
    ("doing", "i2"),  # affordance in use, or NOTHING
    ("left", "i4"),  # ticks until that use ends
    ("holds", "i2"),  # thing reserved for the agent, or NOTHING
    ("queued", "i2"),  # thing waited for, or NOTHING
    ("since", "i4"),  # tick of the first request for it
    ("ticket", "i4"),  # tick of joining the queue, or of being sent to its back
    ("finished", "i4"),  # uses finished in this life
    ("near", "i2"),  # nearest living agent in the window, or NOTHING
    ("near_tiles", "i2"),  # Chebyshev distance to it
    ("talks", "i4"),  # tick from which the agent may start a chat
    ("job", "i2"),  # job, or NOTHING
    ("shift", "i1"),  # shift state
    ("lates", "i4"),  # shifts come to late
    ("absences", "i4"),  # shifts missed
    ("due", "i4"),  # ticks of shifts so far
    ("present", "i4"),  # of those, ticks present
    ("arrived", "u1"),  # 1: was at work in the present shift
    ("covers", "u1"),  # 1: took the shift of a colleague over in the present shift
    ("last", "i2"),  # last action, after the mask
    ("last_ok", "u1"),  # 0: the mask turned it into a wait
    ("bottom", "i4"),  # ticks at the bottom of hunger or energy, one after another
    ("fresh", "u1"),  # 1: this life has not acted yet
    ("needs", "f4", (N_NEEDS,)),  # hunger, hygiene, energy: satisfaction in [0, 1]; 0 is desperate
    ("pace", "f4", (N_NEEDS,)),  # multiplies the decay of each need
    ("wallet", "f4"),  # money, never negative
    ("earned", "f4"),
    ("spent", "f4"),
    ("fined", "f4"),  # money in and out in this life
    ("withheld", "f4"),  # wages not paid for ticks away from work
    ("paid", "f4"),  # wages and bonuses of this tick
    ("warmth", "f4"),  # trust and familiarity gained less rivalry gained through events of this tick
    ("potential", "f4"),  # shaping potential after the last tick
    ("extroversion", "f4"),
    ("forgiveness", "f4"),
    ("ambition", "f4"),  # traits in [0, 1]
)

THING = record(
    ("holder", "i2"),  # agent it is reserved for, or NOTHING
    ("stalled", "i4"),  # ticks it was held, not used, and wanted by others
    ("waiting", "i2"),  # agents in its queue
    ("stock", "i4"),  # units in it
)

TIE = record(
    ("other", "i2"),  # the agent this tie is with, or NOTHING
    ("rivalry", "f4"),  # in [0, 1]
    ("trust", "f4"),  # in [-1, 1]
    ("familiarity", "f4"),  # in [0, 1]
)

# ---- read-only tables ------------------------------------------------------------------------------------------

SPOT = record(
    ("kind", "i2"),
    ("x", "i2"),
    ("y", "i2"),
    ("stock", "i4"),  # units at the start
    ("capacity", "i4"),
    ("restock", "i4"),  # units a delivery
    ("every", "i4"),  # ticks between deliveries
)

OFFER = record(
    ("kind", "i2"),  # kind of thing that offers it
    ("duration", "i4"),  # ticks
    ("effect", "f4", (N_NEEDS,)),
    ("price", "f4"),
    ("uses", "i4"),  # units of stock
    ("makes", "i2"),  # kind that receives, or NOTHING
    ("amount", "i4"),  # units it receives
    ("utility", "i1"),  # NO_UTILITY, POWER or WATER
    ("event", "i2"),  # event counted at the finish, or NOTHING
    ("shared", "u1"),
    ("code", "i4"),
    ("ops", "i4"),  # its requirement: `ops` operations from `code` on
)
NO_UTILITY, POWER, WATER = range(3)

OP = record(("code", "i2"), ("number", "f4"))

JOB = record(
    ("start", "i4"),
    ("finish", "i4"),  # ticks of the day
    ("x", "i2"),
    ("y", "i2"),
    ("radius", "i2"),
    ("place", "i2"),  # row of `route` and `steps`
    ("wage", "f4"),
    ("fine", "f4"),
    ("grace", "i4"),
    ("cutoff", "i4"),  # ticks after the start
)

SLOT = record(
    ("enters", "i4"),
    ("x", "i2"),
    ("y", "i2"),  # tile, or NOTHING: drawn at random
    ("job", "i2"),
    ("made", "u1"),  # 1: needs, wallet and traits are drawn at random
    ("needs", "f4", (N_NEEDS,)),
    ("wallet", "f4"),
    ("extroversion", "f4"),
    ("forgiveness", "f4"),
    ("ambition", "f4"),
)

TROUBLE = record(
    ("kind", "i1"),  # POWER, WATER, or NO_UTILITY for a price spike
    ("at", "i4"),
    ("every", "i4"),  # ticks of the episode; every is NEVER where it comes once
    ("chance", "f4"),  # chance a tick, or 0
    ("duration", "i4"),
    ("factor", "f4"),
)

PARAMS = record(
    ("day", "i4"), ("dawn", "i4"),  # ticks a day; tick of the day at which an episode begins
    ("horizon", "i4"),  # ticks an episode
    ("kinds", "i4"), ("actions", "i4"),
    ("social_rewards", "u1"), ("lifecycle", "u1"), ("replace", "u1"),
    ("radius", "i4"), ("social_slots", "u1"), ("kind_planes", "u1"),
    ("decay", "f4", (N_NEEDS,)), ("weight", "f4", (N_NEEDS,)),
    ("faint_below", "f4"), ("faint_after", "i4"), ("max_absences", "i4"), ("replace_after", "i4"),
    ("cooldown", "i4"), ("ghost_after", "i4"), ("age_weight", "f4"), ("makers_first", "u1"),
    ("conflict", "f4"), ("ghost_factor", "f4"), ("chat_failure", "f4"), ("takeover_rivalry", "f4"),
    ("rivalry_decay", "f4"), ("avoid", "f4"),
    ("polite", "f4"), ("polite_relief", "f4"), ("chat_trust", "f4"), ("chat_familiarity", "f4"),
    ("meal_trust", "f4"), ("help_trust", "f4"), ("takeover_trust", "f4"), ("trust_decay", "f4"),
    ("familiarity_decay", "f4"),
    ("chat_range", "i4"), ("chat_cooldown", "i4"), ("chat_base", "f4"), ("chat_gain", "f4"), ("chat_loss", "f4"),
    ("meal_range", "i4"), ("takeover_bonus", "f4"),
    ("survival", "f4"), ("needs_scale", "f4"), ("wage_rate", "f4"), ("punctuality", "f4"), ("lateness", "f4"),
    ("absence", "f4"), ("social_rate", "f4"), ("faint", "f4"), ("eviction", "f4"),
    ("shaping", "f4"), ("discount", "f4"), ("commute", "f4"), ("bound", "f4"),
)  # fmt: skip


class Tables(NamedTuple):
    """A compiled town: read-only. H x W tiles, O things, M affordances, J jobs, P places (things, jobs, then tiles)."""

    params: NDArray[np.void]  # PARAMS [1]
    spots: NDArray[np.void]  # SPOT [O]
    offers: NDArray[np.void]  # OFFER [M]
    ops: NDArray[np.void]  # OP [.]
    jobs: NDArray[np.void]  # JOB [J]
    slots: NDArray[np.void]  # SLOT [A]
    troubles: NDArray[np.void]  # TROUBLE [.]
    ground: NDArray[np.uint8]  # [H + 2 PAD, W + 2 PAD] tiles without agents
    floor: NDArray[np.int16]  # [S, 2] x, y of the tiles on which agents may be put
    route: NDArray[np.int8]  # [P, H, W] next move towards a place; WAIT where it is reached or out of reach
    steps: NDArray[np.int32]  # [P, H, W] tiles to walk to a place; FAR where it is out of reach
    nearest: NDArray[np.int16]  # [K, H, W] nearest thing of a kind, by walking, or NOTHING
    serves: NDArray[np.int16]  # [N_NEEDS, M] affordances that serve a need, best first, then NOTHING
    row_from: NDArray[np.int16]  # [H + 1] things of row y are row_things[row_from[y]:row_from[y + 1]]
    row_things: NDArray[np.int16]  # [O]
    crowd: NDArray[np.float32]  # [H, W] share of the window's tiles with things
    clock: NDArray[np.float32]  # [day, 2] sine and cosine of the time of day


FAR = 2**30  # more tiles than any walk


class State(NamedTuple):
    """All that changes in W worlds."""

    worlds: NDArray[np.void]  # WORLD [W]
    agents: NDArray[np.void]  # AGENT [W, A]
    things: NDArray[np.void]  # THING [W, O]
    ties: NDArray[np.void]  # TIE [W, A, K]
    cooldown: NDArray[np.int32]  # [W, A, O] tick from which an agent may ask for a thing again
    grid: NDArray[np.uint8]  # [W, H + 2 PAD, W + 2 PAD] bits of each tile
    until: NDArray[np.int32]  # [W, troubles] tick at which each disturbance is over


class Scratch(NamedTuple):
    """Working memory of one thread, since kernels cannot allocate."""

    act: NDArray[np.int16]  # [A] action of each agent, after the mask
    claim: NDArray[np.int16]  # [H, W] who claims a tile this tick, in rotating order; FREE_TILE between ticks
    freed: NDArray[np.int16]  # [O] who gave a thing up this tick, or NOTHING
    stepped: NDArray[np.uint8]  # [O] 1: it was taken from a stalled holder
    best: NDArray[np.float64]  # [O] priority of the first waiter
    head: NDArray[np.int16]  # [O] the first waiter
    won: NDArray[np.uint8]  # [A] 1: the chat started this tick goes well
    over: NDArray[np.uint8]  # [A] 1: the life ended this tick
    row_from: NDArray[np.int32]  # [H + 2] living agents of row y are row_agents[row_from[y]:row_from[y + 1]]
    row_agents: NDArray[np.int16]  # [A]
    top: NDArray[np.int16]  # [SLOTS] strongest ties of the agent that is described
    stack: NDArray[np.float32]  # [MAX_DEPTH] of the expression machine


FREE_TILE = 32767
