"""W worlds of one town: their state, and kernels run over them on one thread or several."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from townlet_core.config.expression import MAX_DEPTH
from townlet_core.world import rng
from townlet_core.world.features import SOCIAL_SLOTS
from townlet_core.world.kernel import records
from townlet_core.world.records import (
    AGENT,
    FREE_TILE,
    MAX_TIES,
    NOTHING,
    PAD,
    THING,
    TIE,
    WORLD,
    Scratch,
    State,
)  # fmt: skip
from townlet_core.world.tick import advance_range, begin_range
from townlet_core.world.town import CompiledTown


class Worlds:
    """W copies of a town, each on its own trajectory, numbered from `first_world` on.

    A world's trajectory depends on the seed, its number and the actions taken in it, and on nothing else.
    """

    def __init__(self, town: CompiledTown, worlds: int, *, seed: int, first_world: int = 0, threads: int = 1) -> None:
        self.town = town
        self.state = _new_state(town, worlds, seed, first_world)
        size = -(-worlds // threads)
        self._parts = [(low, min(low + size, worlds)) for low in range(0, worlds, size)]
        self._scratch = [_new_scratch(town) for _ in self._parts]
        self._pool = ThreadPoolExecutor(len(self._parts)) if len(self._parts) > 1 else None
        self._mask = np.zeros(0, np.uint8)  # what the agents may do now

    def each(self, entry: Callable[..., None], frames: Any, *args: Any, worlds: int | None = None) -> None:
        """Run `entry(tables, state, frames, scratch, *args, low, high)` over all worlds, a part a thread.

        Args:
            worlds: so many of the first ones, instead of all.
        """
        most = len(self.state.worlds) if worlds is None else worlds

        def run(part: tuple[int, int], scratch: Scratch) -> None:
            low, high = part
            if low < most:
                entry(self.town.tables, self.state, frames, scratch, *args, low, min(high, most))

        if self._pool is None:
            run(self._parts[0], self._scratch[0])
        else:
            list(self._pool.map(run, self._parts, self._scratch))

    def begin(self, frames: Any) -> None:
        """Begin the first episode everywhere and write the first observations into row 0 of the frames."""
        self.each(begin_range, frames, 0, 0)
        self.go_on(frames)

    def go_on(self, frames: Any) -> None:
        """Take row 0 of the frames for what the agents see now: where a state was put back together with it."""
        self._mask = frames.action_mask[0].copy()

    def play(
        self, entry: Callable[..., None], frames: Any, first: int, ticks: int, *args: Any, worlds: int | None = None
    ) -> None:
        """Run a kernel that plays ticks first to first + ticks of the frames, in so many of the first worlds or in all.

        Raises:
            ValueError: row `first` is not what the agents see now. Kernels do what the mask allows without asking
                again, so a mask of another moment would let them use what is not held.
        """
        if not np.array_equal(frames.action_mask[first], self._mask):
            raise ValueError(f"row {first} of the frames is not what the agents see now: turn the frames over first")
        self.each(entry, frames, *args, first, ticks, worlds=worlds)
        self._mask[:worlds] = frames.action_mask[first + ticks, :worlds]

    def step(self, frames: Any, t: int) -> None:
        """Play tick t of the frames with the actions written there.

        Raises:
            ValueError: row t of the frames is not what the agents see now.
        """
        self.play(advance_range, frames, t, 1)


def _new_state(town: CompiledTown, worlds: int, seed: int, first_world: int) -> State:
    slots, things = len(town.slots), len(town.things)
    kept = min(slots - 1, MAX_TIES) if town.config.scenario.features.relationships else 0
    state = State(
        worlds=np.zeros(worlds, WORLD),
        agents=np.zeros((worlds, slots), AGENT),
        things=np.zeros((worlds, things), THING),
        ties=np.zeros((worlds, slots, kept), TIE),
        cooldown=np.zeros((worlds, slots, things), np.int32),
        grid=np.zeros((worlds, *town.tables.ground.shape), np.uint8),
        until=np.zeros((worlds, len(town.tables.troubles)), np.int32),
    )
    state.worlds["seed"] = [rng.world_seed(np.uint64(seed), np.uint64(first_world + w)) for w in range(worlds)]
    return State(*(records(array) for array in state))


def _new_scratch(town: CompiledTown) -> Scratch:
    slots, things = len(town.slots), len(town.things)
    height, width = (side - 2 * PAD for side in town.tables.ground.shape)
    return Scratch(
        act=np.zeros(slots, np.int16),
        claim=np.full((height, width), FREE_TILE, np.int16),
        freed=np.full(things, NOTHING, np.int16),
        stepped=np.zeros(things, np.uint8),
        best=np.zeros(things, np.float64),
        head=np.full(things, NOTHING, np.int16),
        won=np.zeros(slots, np.uint8),
        over=np.zeros(slots, np.uint8),
        row_from=np.zeros(height + 2, np.int32),
        row_agents=np.zeros(slots, np.int16),
        top=np.zeros(SOCIAL_SLOTS, np.int16),
        stack=np.zeros(MAX_DEPTH, np.float32),
    )
