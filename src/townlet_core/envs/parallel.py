"""The town as an environment of PettingZoo, in which all agents act at once."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from townlet_core.config.load import load_town
from townlet_core.config.scenario import Town
from townlet_core.envs.course import Course
from townlet_core.envs.extra import Discrete, ParallelEnv, Space
from townlet_core.envs.lives import possible_lives
from townlet_core.envs.picture import draw
from townlet_core.envs.seen import Observation, Seen, copy_seen, feature_space, observation_space
from townlet_core.errors import InputError, UsageError
from townlet_core.rollout.horizon import with_ticks
from townlet_core.rollout.placeholders import is_empty, seed_agents
from townlet_core.rollout.request import MOST_TICKS
from townlet_core.world.records import NOTHING, WAIT
from townlet_core.world.town import CompiledTown, compile_town


class Told(NamedTuple):
    """What a step tells of every agent who acted in it or came in it."""

    observations: dict[str, Observation]
    rewards: dict[str, float]
    terminations: dict[str, bool]  # the life ended
    truncations: dict[str, bool]  # the episode was cut off
    infos: dict[str, dict[str, Any]]


def parallel_env(
    config: str,
    *,
    overrides: Sequence[str] = (),
    ticks: int | None = None,
    seed: int | None = None,
    auto_seed_agents: bool = False,
    newcomers: bool = False,
    flat: bool = False,
    render_mode: str | None = None,
) -> TownParallelEnv:
    """Make an environment of a town.

    Args:
        config: path of a YAML file, or the name of a shipped scenario.
        overrides: key.path=value each.
        ticks: length of an episode; if left out, as the scenario says.
        seed: of the first episode, and of those after it until reset is given another; if left out, the scenario's.
        auto_seed_agents: place alice and bob in a town in which nobody lives.
        newcomers: let newcomers take the places of those who have gone, where the scenario says so. Each is an agent of
            its own, so that `possible_agents` becomes long. Otherwise who has gone stays away, and the possible agents
            are those of the scenario, which is what most libraries expect.
        flat: make each observation one vector instead of a dictionary.
        render_mode: "ansi" or None.

    Raises:
        InputError: the configuration cannot be read or is wrong, or nobody lives in the town.
        UsageError: there is no such seed, length or mode, or the episode is over before anybody comes.
    """
    if ticks is not None and not 1 <= ticks <= MOST_TICKS:
        raise UsageError(f"must be a whole number from 1 to {MOST_TICKS}, found {ticks!r}", where="ticks")
    town = load_town(config, overrides)
    if is_empty(town):
        if not auto_seed_agents:
            hint = "list some under agents, or give auto_seed_agents=True"
            raise InputError("nobody lives in this town", where=config, hint=hint)
        town = seed_agents(town)
    town = town if ticks is None else with_ticks(town, ticks)
    town = town if newcomers else _without_newcomers(town)
    seed = town.scenario.seed if seed is None else seed
    return TownParallelEnv(compile_town(town), seed=seed, flat=flat, render_mode=render_mode)


def _without_newcomers(town: Town) -> Town:
    """Let who has gone stay away."""
    lifecycle = town.scenario.lifecycle.model_copy(update={"replace": False})
    return town.model_copy(update={"scenario": town.scenario.model_copy(update={"lifecycle": lifecycle})})


class TownParallelEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo gives no types
    """A town in which everybody who lives there acts at once.

    `agents` are those who live in town now, in the order of the scenario. Who comes later joins them in the step after
    which it is there, with a first observation and a reward of 0. A life that ends is terminated, and its agent does
    not come back: a newcomer in its place is another agent, named `<slot>.2`, `<slot>.3`, ... as in captures.
    `possible_agents` are all whom the rules can bring in an episode, whether or not they come in each. Ticks in which
    nobody lives in town go by within a step, so that `agents` is empty only when the episode is over.

    At the horizon all who live are truncated. The observation of a life that ends is its own last one. An action that
    the mask forbids is played as a wait and counted as the event `invalid_action`.

    The course of things depends on the seed and the actions alone, and is that of world 0 of a capture:
    `reset(seed=...)` begins the first episode of a seed, `reset()` the next one, with new luck. A copy, pickled or not,
    goes on from where the original stands; copies that play side by side have the same luck unless each is given a seed
    of its own.

    Observations are dictionaries of `map` `[C, H, W]`, `features` `[F]` and `action_mask` `[N]`, or, if flat, vectors
    `[C * H * W + F]`. The info of an agent has `action_mask` `[N]`; `reward_terms`, by name; `events`, how often each
    happened to the agent, if at all. All arrays are copies.
    """

    def __init__(self, town: CompiledTown, *, seed: int, flat: bool = False, render_mode: str | None = None) -> None:
        if render_mode not in (None, "ansi"):
            raise UsageError(f"must be 'ansi' or None, found {render_mode!r}", where="render_mode")
        self.town = town
        self.metadata = {
            "name": f"townlet_{town.config.scenario.name}",
            "render_modes": ["ansi"],
            "is_parallelizable": True,
        }
        self.render_mode = render_mode
        self.possible_agents = possible_lives(town)
        if not self.possible_agents:
            hint = "make the episodes longer"
            raise UsageError("is over before anybody comes to town", where=f"{town.horizon} ticks", hint=hint)
        self.agents: list[str] = []
        self.state_space = feature_space(town, len(town.slots))
        self._observation_space = observation_space(town, flat=flat)
        self._action_spaces: dict[str, Discrete] = {}
        self._flat = flat
        self._course = Course(town, seed)

    def observation_space(self, agent: str) -> Space[Any]:
        """Give the space of observations, the same for all agents."""
        return self._observation_space

    def action_space(self, agent: str) -> Discrete:
        """Give the space of an agent's actions: the ids of the town's action table."""
        if agent not in self._action_spaces:
            self._action_spaces[agent] = Discrete(len(self.town.actions.names))
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begin the first episode of a seed, or the next episode if none is given. There are no options.

        Raises:
            UsageError: there is no such seed.
        """
        told = Told({}, {}, {}, {}, {})
        self._tell_of_arrivals(told, self._course.begin(seed))
        return told.observations, told.infos

    def step(self, actions: Mapping[str, SupportsIndex]) -> Told:
        """Play a tick with an action of each agent; without agents, and so without actions, nothing happens.

        Raises:
            UsageError: the episode has not begun, an agent has no action or does not live in town, or there is no such
                action.
        """
        if not self._course.begun:
            raise UsageError("the episode has not begun", where="step", hint="call reset() first")
        choices = self._read(actions)
        if not choices:
            return Told({}, {}, {}, {}, {})
        self._course.play(choices)
        told = self._tell()
        self._tell_of_arrivals(told, self._course.turn())
        return told

    def state(self) -> NDArray[np.float32]:
        """Give the features of all slots one after the other, zeros where nobody lives."""
        return self._course.features.flatten()

    def render(self) -> str:
        """Draw the town as text; agents only while the episode goes on.

        Raises:
            UsageError: the environment was made to draw nothing.
        """
        if self.render_mode is None:
            raise UsageError("there is no render mode", where="render", hint="make it with render_mode='ansi'")
        return draw(self.town, self._course.state, self._course.living)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _read(self, actions: Mapping[str, SupportsIndex]) -> list[int]:
        """Check actions and put them in the order of slots; give nothing when there is nobody to act."""
        living = self._course.living
        if actions.keys() != living.keys():
            raise _misfit(actions, living)
        choices, most = [WAIT] * len(self.town.slots), len(self.town.actions.names) - 1
        for agent, action in actions.items():
            try:
                number = operator.index(action)
            except TypeError:
                number = -1
            if not 0 <= number <= most:
                raise UsageError(
                    f"must be a whole number from 0 to {most}, found {action!r}", where=f"action of {agent}"
                )
            choices[living[agent]] = number
        return choices if living else []

    def _tell(self) -> Told:
        """Tell what the tick that was just played brought to those who acted in it."""
        told, frames = Told({}, {}, {}, {}, {}), self._course.frames
        seen, events = self._look(1), self._count_events()
        last = self._look_back() if frames.ends[0] else seen
        rewards, terms = frames.rewards[0, 0].tolist(), frames.terms[0, 0].tolist()
        terminated, truncated = frames.terminated[0, 0].tolist(), frames.truncated[0, 0].tolist()
        end_row = frames.end_row[0, 0].tolist()
        for agent, slot in self._course.living.items():
            source, row = (seen, slot) if end_row[slot] == NOTHING else (last, end_row[slot])
            told.observations[agent] = source.observations[row]
            told.rewards[agent] = rewards[slot]
            told.terminations[agent] = terminated[slot] == 1
            told.truncations[agent] = truncated[slot] == 1
            told.infos[agent] = self._info(source.masks[row], terms[slot], events[slot])
        return told

    def _tell_of_arrivals(self, told: Told, arrivals: list[str]) -> None:
        """Add what those see who have just come; bring `agents` up to date."""
        self.agents = list(self._course.living)
        if not arrivals:
            return
        seen, nothing = self._look(0), [0.0] * len(self.town.terms)
        for agent in arrivals:
            slot = self._course.living[agent]
            told.observations[agent] = seen.observations[slot]
            told.rewards[agent] = 0.0
            told.terminations[agent] = told.truncations[agent] = False
            told.infos[agent] = self._info(seen.masks[slot], nothing, {})

    def _info(self, mask: NDArray[np.int8], terms: list[float], events: dict[str, int]) -> dict[str, Any]:
        return {"action_mask": mask, "reward_terms": dict(zip(self.town.terms, terms, strict=True)), "events": events}

    def _count_events(self) -> list[dict[str, int]]:
        """Name what happened to each slot in the tick, and how often."""
        counts = self._course.frames.events[0, 0]
        named: list[dict[str, int]] = [{} for _ in counts]
        for slot, event in zip(*(places.tolist() for places in counts.nonzero()), strict=True):
            named[slot][self.town.events[event]] = int(counts[slot, event])
        return named

    def _look(self, row: int) -> Seen:
        """Copy what all slots see in a row of the frames."""
        frames = self._course.frames
        rows = frames.map[row, 0], frames.features[row, 0], frames.action_mask[row, 0]
        return copy_seen(*rows, shape=self.town.map_shape, flat=self._flat)

    def _look_back(self) -> Seen:
        """Copy the last observations of the lives that ended in the tick."""
        frames, n = self._course.frames, self._course.frames.ends[0]
        rows = frames.end_map[0, :n], frames.end_features[0, :n], frames.end_mask[0, :n]
        return copy_seen(*rows, shape=self.town.map_shape, flat=self._flat)


def _misfit(actions: Mapping[str, SupportsIndex], living: Mapping[str, int]) -> UsageError:
    """Say whose action is missing, or who acts without living in town."""
    for agent in living:
        if agent not in actions:
            return UsageError("has no action", where=agent, hint="give one to everybody in env.agents")
    stranger = next(agent for agent in actions if agent not in living)
    return UsageError("acts, but does not live in town now", where=stranger, hint="give actions to env.agents alone")
