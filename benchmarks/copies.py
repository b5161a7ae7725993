"""Several copies of the PettingZoo environment as one environment of Stable-Baselines3, each with luck of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from masked import MaskedEnv
from numpy.typing import NDArray

from townlet_core.envs.parallel import parallel_env

Told = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]


class Copies(MaskedEnv):
    """Every agent of every copy is an environment; a copy begins its next episode when all its agents are through.

    Who has died sees zeros and earns nothing until then, as with SuperSuit's black_death.
    """

    def __init__(self, scenario: str, copies: int, *, seed: int) -> None:
        self.towns = [parallel_env(scenario, flat=True) for _ in range(copies)]
        self.seeds = [seed * copies + number for number in range(copies)]
        self.names = self.towns[0].possible_agents
        agents = len(self.names)
        space = self.towns[0].observation_space(self.names[0])
        actions = self.towns[0].action_space(self.names[0])
        assert isinstance(space, spaces.Box)
        self.seen = np.zeros((copies, agents, *space.shape), np.float32)
        self.masks = np.ones((copies, agents, int(actions.n)), np.bool_)
        self.chosen: NDArray[Any] = np.zeros((copies, agents), np.int64)
        super().__init__(copies * agents, space, actions)

    def reset(self) -> NDArray[np.float32]:
        for number, (town, seed) in enumerate(zip(self.towns, self.seeds, strict=True)):
            self._note(number, *town.reset(seed=seed))
        return self._flat(self.seen).copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        self.chosen = actions.reshape(self.chosen.shape)

    def step_wait(self) -> Told:
        rewards = np.zeros(self.chosen.shape, np.float32)
        done = np.zeros(self.chosen.shape, np.bool_)
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for number, town in enumerate(self.towns):
            actions = dict(zip(self.names, self.chosen[number].tolist(), strict=True))
            seen, earned, died, cut, infos = town.step({name: actions[name] for name in town.agents})
            self._note(number, seen, infos)
            for agent, name in enumerate(self.names):
                rewards[number, agent] = earned.get(name, 0.0)
                done[number, agent] = died.get(name, False) or cut.get(name, False)
                if cut.get(name, False) and not died[name]:
                    last = self.seen[number, agent].copy()
                    told[number * len(self.names) + agent] |= {
                        "terminal_observation": last,
                        "TimeLimit.truncated": True,
                    }
            if not town.agents:
                self._note(number, *town.reset())
        return self._flat(self.seen).copy(), rewards.reshape(-1), done.reshape(-1), told

    def _note(self, number: int, seen: dict[str, Any], infos: dict[str, Any]) -> None:
        """Keep what the agents of a copy see, and what they may do."""
        self.seen[number], self.masks[number] = 0, True
        for agent, name in enumerate(self.names):
            if name in seen:
                self.seen[number, agent] = seen[name]
                self.masks[number, agent] = infos[name]["action_mask"]

    def _flat(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.reshape(self.num_envs, *array.shape[2:])

    def masks_now(self) -> NDArray[np.bool_]:
        return self._flat(self.masks)

    def close(self) -> None:
        for town in self.towns:
            town.close()
