"""Playing worlds with a policy, a chunk of ticks at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from townlet_core.policy.decision import KERNEL_POLICIES, RANDOM, SCRIPTED, KernelPolicy, Observation, Policy
from townlet_core.policy.schedule import compile_schedules, new_plans
from townlet_core.policy.scripted import scripted_action
from townlet_core.policy.uniform import disturb, log_shares, uniform_action
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world import rng
from townlet_core.world.kernel import kernel, kernel_apart
from townlet_core.world.records import WAIT
from townlet_core.world.scalars import ZERO
from townlet_core.world.tick import advance
from townlet_core.world.town import CompiledTown
from townlet_core.world.view import planes
from townlet_core.world.worlds import Worlds

CHUNK_BYTES = 48 * 2**20  # memory that a chunk of packed observations takes, about


@kernel_apart
def decide(policy, noise, logs, town, schedules, plans, state, frames, stack, t, w):
    """Write the actions of world w at tick t, and their log-probabilities."""
    world, agents, things, ties = state.worlds[w], state.agents[w], state.things[w], state.ties[w]
    now = rng.tick_key(world.key, world.tick)
    for a in range(len(agents)):
        mask = frames.action_mask[t, w, a]
        action = WAIT
        log_prob = ZERO
        if agents[a].alive == 0:
            pass
        elif policy == RANDOM:
            action, log_prob = uniform_action(now, a, mask)
        elif policy == SCRIPTED:
            action = scripted_action(a, agents, things, ties, world, town, schedules, plans[w, a], mask, stack)
            if noise > 0:
                action, log_prob = disturb(action, noise, logs, now, a, mask)
        frames.actions[t, w, a] = action
        frames.log_probs[t, w, a] = log_prob


@kernel
def play_range(town, state, frames, scratch, policy, noise, logs, schedules, plans, first, ticks, low, high):
    """Play ticks first to first + ticks of worlds low to high with a policy of the kernels."""
    for w in range(low, high):
        for t in range(first, first + ticks):
            decide(policy, noise, logs, town, schedules, plans, state, frames, scratch.stack, t, w)
            advance(town, state, frames, scratch, t, w)


@kernel
def draw_luck(town, state, luck, scratch, low, high):
    """Draw a number for each agent of worlds low to high, for a policy outside of the kernels to choose with."""
    for w in range(low, high):
        now = rng.tick_key(state.worlds[w].key, state.worlds[w].tick)
        for a in range(luck.shape[1]):
            luck[w, a] = rng.chance(now, a, rng.POLICY)


class Player:
    """Worlds in the hands of a policy."""

    def __init__(self, worlds: Worlds, policy: Policy | KernelPolicy) -> None:
        self.worlds = worlds
        self.policy = policy
        self._who = _words_of(policy) if isinstance(policy, KernelPolicy) else ()
        self._schedules = compile_schedules(worlds.town)
        self._plans = new_plans(worlds.town, len(worlds.state.worlds))
        self._luck = np.zeros(worlds.state.agents.shape, np.float32)

    def play(self, frames: Frames, first: int, ticks: int) -> None:
        """Fill rows first to first + ticks of the frames; their first observations are already there."""
        if isinstance(self.policy, KernelPolicy):
            self.worlds.play(play_range, frames, first, ticks, *self._who, self._schedules, self._plans)
            return
        for t in range(first, first + ticks):
            self.worlds.each(draw_luck, self._luck)
            decision = self.policy.decide(self._seen(frames, t), self._luck)
            frames.actions[t], frames.log_probs[t], frames.values[t] = decision
            self.worlds.step(frames, t)

    def run_ahead(self, frames: Frames, ticks: NDArray[np.int64]) -> None:
        """Play each world some ticks at random, so that worlds are at different times; row 0 is then what is seen.

        Args:
            ticks: [W] how many, no world more than the one before it.
        """
        if (np.diff(ticks) > 0).any():
            raise ValueError("a world runs further ahead than the one before it")
        seen = (frames.tiles, frames.map, frames.features, frames.action_mask)
        chance = _words_of(KERNEL_POLICIES["random"])
        for tick in range(int(ticks.max(initial=0))):
            worlds = int((ticks > tick).sum())
            self.worlds.play(play_range, frames, 0, 1, *chance, self._schedules, self._plans, worlds=worlds)
            for observations in seen:
                observations[0, :worlds] = observations[1, :worlds]
            frames.ends[:] = 0

    def _seen(self, frames: Frames, t: int) -> Observation:
        """Give what is seen at tick t, the map drawn where the frames have packed tiles."""
        town, tiles, drawn = self.worlds.town, frames.tiles[t], frames.map[t]
        if not drawn.shape[-1]:
            drawn = planes(tiles, town.map_shape).reshape(*tiles.shape[:-1], -1)
        return Observation(tiles, drawn, frames.features[t], frames.action_mask[t])


def _words_of(policy: KernelPolicy) -> tuple[int, np.float32, NDArray[np.float32]]:
    """Give what kernels are told of a policy."""
    return policy.code, np.float32(policy.noise), log_shares(policy.noise)


def chunk_length(town: CompiledTown, worlds: int, ticks: int) -> int:
    """Choose the ticks a chunk, so that its memory does not depend on how many worlds and ticks there are."""
    _, side, _ = town.map_shape
    row = worlds * len(town.slots) * (side * side + 4 * len(town.features) + 2 * len(town.actions.names) + 64)
    return max(1, min(ticks, CHUNK_BYTES // row, 1024))


def collect(
    town: CompiledTown,
    *,
    worlds: int,
    seed: int,
    policy: Policy | KernelPolicy,
    ticks: int,
    first_world: int = 0,
    threads: int = 1,
    chunk_ticks: int | None = None,
    planes: bool = False,
) -> Iterator[Frames]:
    """Play `ticks` ticks of `worlds` worlds from their beginning, and yield them in chunks.

    The frames of a chunk are overwritten by the next: use them before going on. The last chunk may be shorter.
    """
    player = Player(Worlds(town, worlds, seed=seed, first_world=first_world, threads=threads), policy)
    length = chunk_ticks or chunk_length(town, worlds, ticks)
    frames = new_frames(town, worlds, length, planes=planes)
    player.worlds.begin(frames)
    for first in range(0, ticks, length):
        if first > 0:
            turn_over(frames)
        n = min(length, ticks - first)
        player.play(frames, 0, n)
        yield frames if n == length else first_ticks(frames, n)


def first_ticks(frames: Frames, ticks: int) -> Frames:
    """Cut a chunk down to its first ticks, without copying."""
    seen = Observation._fields
    kept = {
        name: getattr(frames, name)[: ticks + (name in seen)] for name in Frames._fields[: Frames._fields.index("ends")]
    }
    return frames._replace(**kept)
