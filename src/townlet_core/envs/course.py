"""One world of a town, taken through its episodes: who lives there, who has come, and when it is over."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from townlet_core.envs.lives import life_id
from townlet_core.errors import UsageError
from townlet_core.rollout.frames import new_frames, turn_over
from townlet_core.rollout.request import MOST_SEED
from townlet_core.world.records import NOTHING, WAIT, State
from townlet_core.world.town import CompiledTown
from townlet_core.world.worlds import Worlds


class Course:
    """World 0 of a seed. Row 0 of `frames` is what is seen now; between `play` and `turn` that is row 1."""

    def __init__(self, town: CompiledTown, seed: int) -> None:
        self.town = town
        self.frames = new_frames(town, 1, 1, planes=True)
        self.living: dict[str, int] = {}  # agents who live in town now, with their slots, in the order of these
        self.begun = False
        self._worlds = _found_world(town, seed)
        self._episode = -1  # the one that is played, from 0 on
        self._alive = b""  # a byte a slot: 1 if somebody lives there
        self._last: NDArray[np.float32] | None = None  # [A, F] features at the horizon, when it has been reached

    @property
    def state(self) -> State:
        """The records of the world. After the horizon they are those of the next episode."""
        return self._worlds.state

    @property
    def features(self) -> NDArray[np.float32]:
        """[A, F] features of all slots now; zeros where nobody lives."""
        return self.frames.features[0, 0] if self._last is None else self._last

    def begin(self, seed: int | None) -> list[str]:
        """Begin the first episode of a seed, or the next one if none is given; give those who live there."""
        if seed is not None:
            self._worlds, self._episode = _found_world(self.town, seed), -1
        self._episode += 1
        self._worlds.state.worlds["episode"] = self._episode
        self._worlds.begin(self.frames)
        self.begun, self.living, self._last = True, {}, None
        return self._welcome()

    def play(self, choices: Sequence[int]) -> None:
        """Play a tick with the actions of all slots."""
        self.frames.actions[0, 0] = choices
        self._worlds.step(self.frames, 0)

    def turn(self) -> list[str]:
        """Go on to the next tick: take leave of those who have gone, and give those who have come."""
        if self.frames.ends[0] == 0 and self._alive_now() == self._alive:
            turn_over(self.frames)
            return []
        end_row = self.frames.end_row[0, 0]
        self.living = {agent: slot for agent, slot in self.living.items() if end_row[slot] == NOTHING}
        self._turn_over()
        return self._welcome()

    def _welcome(self) -> list[str]:
        """Let ticks go by until somebody lives in town or it is clear that nobody will; give those who have come."""
        while not self._is_over() and not any(self._alive_now()) and self._is_awaited():
            self.play([WAIT] * len(self.town.slots))
            self._turn_over()
        self._alive = self._alive_now()
        if self._is_over():
            return []
        agents, known = self.state.agents[0], set(self.living.values())
        come = {
            life_id(self.town.slots[slot], int(agents["life"][slot])): slot
            for slot in np.flatnonzero(agents["alive"]).tolist()
            if slot not in known
        }
        self.living = dict(sorted((self.living | come).items(), key=operator.itemgetter(1)))
        return list(come)

    def _turn_over(self) -> None:
        """Turn the frames over; at the horizon, keep the features of those who are cut off there."""
        frames = self.frames
        if self._is_over():
            self._last = np.zeros_like(frames.features[0, 0])
            for slot in np.flatnonzero(frames.truncated[0, 0]):
                self._last[slot] = frames.end_features[0, frames.end_row[0, 0, slot]]
        turn_over(frames)

    def _alive_now(self) -> bytes:
        return bytes(self.state.agents["alive"][0].tobytes())

    def _is_over(self) -> bool:
        """Say whether the horizon has been reached: the world has then begun its next episode."""
        return bool(self.state.worlds["episode"][0] != self._episode)

    def _is_awaited(self) -> bool:
        """Say whether somebody will come before the horizon."""
        return bool((self.state.agents["enters"][0] < self.town.horizon).any())


def _found_world(town: CompiledTown, seed: int) -> Worlds:
    """Make world 0 of a seed.

    Raises:
        UsageError: the seed is none that there is.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number <= MOST_SEED:
        raise UsageError(f"must be a whole number from 0 to {MOST_SEED}, found {seed!r}", where="seed")
    return Worlds(town, 1, seed=number)
