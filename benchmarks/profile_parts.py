"""Where the time of a tick goes: each part of it, run alone over worlds in the middle of play."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from measure import table, taken

from townlet_core.config.load import load_town
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.collect import Player
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world.describe import describe, describe_paths, describe_self, describe_ties
from townlet_core.world.kernel import kernel
from townlet_core.world.mask import allow
from townlet_core.world.rules.employment import employ
from townlet_core.world.rules.relationships import fade
from townlet_core.world.tick import advance_range, clear, reward_all
from townlet_core.world.town import compile_town
from townlet_core.world.view import clear_planes, copy_tiles, see_agents, see_things, sort_by_row
from townlet_core.world.worlds import Worlds

TICKS = 32
RADIUS, SIDE = 5, 11  # of the window, as in poc_hybrid and market_town


@kernel
def run_clear(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            clear(frames.events[t, w], frames.terms[t, w], scratch.freed, scratch.stepped, scratch.over)


@kernel
def run_employ(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            employ(state.agents[w], state.ties[w], town.jobs, frames.events[t, w], t, town.params[0])


@kernel
def run_fade(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for _ in range(ticks):
            fade(state.agents[w], state.ties[w], town.params[0])


@kernel
def run_reward(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            reward_all(
                state.agents[w], frames.events[t, w], frames.terms[t, w], frames.rewards[t, w], scratch.over, town, 0
            )


@kernel
def run_planes(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            clear_planes(frames.map[t, w], SIDE)


@kernel
def run_see(town, state, frames, scratch, first, ticks, low, high):
    height = town.crowd.shape[0]
    for w in range(low, high):
        for t in range(ticks):
            sort_by_row(state.agents[w], scratch.row_from, scratch.row_agents)
            for a in range(state.agents.shape[1]):
                planes, me = frames.map[t, w, a], state.agents[w, a]
                near, _, seen = see_agents(
                    a, state.agents[w], scratch.row_from, scratch.row_agents, RADIUS, height, planes
                )
                reserved = see_things(
                    me, state.things[w], town.spots, town.row_from, town.row_things, RADIUS, height, planes
                )
                frames.features[t, w, a, 0] = near + seen + reserved


@kernel
def run_tiles(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            for a in range(state.agents.shape[1]):
                copy_tiles(state.agents[w, a], state.grid[w], RADIUS, frames.tiles[t, w, a])


@kernel
def run_describe(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            for a in range(state.agents.shape[1]):
                describe(
                    a, state.agents[w], state.things[w], state.ties[w, a], state.worlds[w], town, 1, 1, scratch.top,
                    frames.features[t, w, a],
                )  # fmt: skip


@kernel
def run_describe_self(town, state, frames, scratch, first, ticks, low, high):
    slots = state.agents.shape[1]
    for w in range(low, high):
        for t in range(ticks):
            for a in range(slots):
                describe_self(a, state.agents[w, a], slots, state.worlds[w], town, frames.features[t, w, a])


@kernel
def run_describe_paths(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            for a in range(state.agents.shape[1]):
                describe_paths(state.agents[w, a], state.things[w], state.worlds[w], town, frames.features[t, w, a])


@kernel
def run_describe_ties(town, state, frames, scratch, first, ticks, low, high):
    slots = state.agents.shape[1]
    for w in range(low, high):
        for t in range(ticks):
            for a in range(slots):
                describe_ties(state.ties[w, a], slots, town.params[0].avoid, scratch.top, frames.features[t, w, a])


@kernel
def run_allow(town, state, frames, scratch, first, ticks, low, high):
    for w in range(low, high):
        for t in range(ticks):
            for a in range(state.agents.shape[1]):
                allow(
                    state.agents[w, a], state.things[w], state.cooldown[w, a], state.grid[w], state.worlds[w], town,
                    scratch.stack, frames.action_mask[t, w, a],
                )  # fmt: skip


# What it is called -> what to run, and whether on planes. What is indented is a part of what stands above it. The rules
# as a whole cannot run alone: they do what the mask allows without asking again, and the mask is a part of observing.
ALL, RULES = "all, actions given, float32 maps", "  rules and bookkeeping: the rest"
OBSERVE = ("  clear planes", "  see agents and things, draw them", "  features", "  action mask")
PARTS: dict[str, tuple[Callable[..., None], bool]] = {
    "all, actions given, packed tiles": (advance_range, False),
    "  copy tiles": (run_tiles, False),
    "  see agents and things": (run_see, False),
    ALL: (advance_range, True),
    OBSERVE[0]: (run_planes, True),
    OBSERVE[1]: (run_see, True),
    OBSERVE[2]: (run_describe, True),
    "    self and town": (run_describe_self, True),
    "    ways": (run_describe_paths, True),
    "    ties": (run_describe_ties, True),
    OBSERVE[3]: (run_allow, True),
    RULES: (advance_range, True),  # ALL less OBSERVE
    "    clear the accounts": (run_clear, True),
    "    work": (run_employ, True),
    "    ties fade": (run_fade, True),
    "    rewards": (run_reward, True),
}


def profile(rounds: int) -> None:
    """Print nanoseconds an agent-step for each part; parts run alone, so they need not add up."""
    for scenario, worlds in (("poc_hybrid", 512), ("market_town", 16)):
        town = compile_town(load_town(scenario))
        players = {planes: _in_mid_play(Worlds(town, worlds, seed=1), planes) for planes in (True, False)}
        steps = TICKS * worlds * len(town.slots)
        times: dict[str, list[float]] = {part: [] for part in PARTS}
        for number in range(rounds + 1):
            for part, (entry, planes) in PARTS.items():
                playing, frames = players[planes]
                turn_over(frames)  # the mask of row 0 must be that of the worlds as they are
                time = taken(lambda e=entry, w=playing, f=frames: w.each(e, f, 0, TICKS))  # type: ignore[misc]
                times[part] += [time.processor] if number else []  # the first call compiles
        times[RULES] = [a - sum(b) for a, *b in zip(times[ALL], *(times[part] for part in OBSERVE), strict=True)]
        rows = [
            (part, f"{statistics.median(each) / steps * 1e9:.0f}", f"{min(each) / steps * 1e9:.0f}")
            for part, each in times.items()
        ]
        print(f"\n## {scenario}, {len(town.slots)} agents, {worlds} worlds, one thread\n")
        print(table(("part", "ns an agent-step", "least"), rows))


def _in_mid_play(worlds: Worlds, planes: bool) -> tuple[Worlds, Frames]:
    frames = new_frames(worlds.town, len(worlds.state.worlds), TICKS, planes=planes)
    player = Player(worlds, find_policy("random"))
    worlds.begin(frames)
    for _ in range(3):
        player.play(frames, 0, TICKS)
        turn_over(frames)
    return worlds, frames
