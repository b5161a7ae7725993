"""The environment plays the town that is captured: the same seed and actions give the same arrays, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.envs.players import busy_town
from townlet_core.config.load import load_town
from townlet_core.config.scenario import Town
from townlet_core.envs.parallel import TownParallelEnv
from townlet_core.policy.decision import KERNEL_POLICIES
from townlet_core.rollout.collect import collect
from townlet_core.rollout.frames import Frames
from townlet_core.rollout.horizon import with_ticks
from townlet_core.world.records import NOTHING
from townlet_core.world.town import compile_town

EPISODES = 3


def slots_of(env: TownParallelEnv) -> dict[str, int]:
    return {agent: env.town.slots.index(agent.partition(".")[0]) for agent in env.agents}


def check_seen(env: TownParallelEnv, observation: dict[str, NDArray[Any]], frames: Frames, t: int, slot: int) -> None:
    """Compare an observation with row t, or with that of a life which ended before it."""
    end = NOTHING if t == 0 else int(frames.end_row[t - 1, 0, slot])
    if end != NOTHING and env.town.slots[slot] not in {agent.partition(".")[0] for agent in env.agents}:
        rows = frames.end_map[0, end], frames.end_features[0, end], frames.end_mask[0, end]
    else:
        rows = frames.map[t, 0, slot], frames.features[t, 0, slot], frames.action_mask[t, 0, slot]
    np.testing.assert_array_equal(observation["map"].ravel(), rows[0])
    np.testing.assert_array_equal(observation["features"], rows[1])
    np.testing.assert_array_equal(observation["action_mask"], rows[2])


def check_tick(env: TownParallelEnv, frames: Frames, t: int) -> None:
    """Play tick t with the actions of the frames and compare what is told."""
    acted = slots_of(env)
    assert sorted(acted.values()) == np.flatnonzero(frames.alive[t, 0]).tolist()
    told = env.step({agent: frames.actions[t, 0, slot] for agent, slot in acted.items()})
    for agent, slot in acted.items():
        assert np.float32(told.rewards[agent]) == frames.rewards[t, 0, slot]
        assert told.terminations[agent] == frames.terminated[t, 0, slot]
        assert told.truncations[agent] == frames.truncated[t, 0, slot]
        terms = list(told.infos[agent]["reward_terms"].values())
        np.testing.assert_array_equal(np.array(terms, np.float32), frames.terms[t, 0, slot])
        counted = [told.infos[agent]["events"].get(event, 0) for event in env.town.events]
        np.testing.assert_array_equal(counted, frames.events[t, 0, slot])
        check_seen(env, told.observations[agent], frames, t + 1, slot)
    for agent in told.observations.keys() - acted.keys():
        check_seen(env, told.observations[agent], frames, t + 1, slots_of(env)[agent])


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(busy_town(), id="deaths, newcomers and arrivals"),
        pytest.param(with_ticks(load_town("poc_hybrid"), 150), id="poc_hybrid"),
    ],
)
def test_the_environment_plays_what_a_capture_records(config: Town) -> None:
    compiled = compile_town(config)
    ticks = EPISODES * compiled.horizon
    policy = KERNEL_POLICIES["random"]
    (frames,) = collect(compiled, worlds=1, seed=6, policy=policy, ticks=ticks, chunk_ticks=ticks, planes=True)
    env = TownParallelEnv(compiled, seed=6)
    for t in range(ticks):
        if t % compiled.horizon == 0:
            assert env.agents == []
            observations, _ = env.reset()
            for agent, slot in slots_of(env).items():
                check_seen(env, observations[agent], frames, t, slot)
        check_tick(env, frames, t)
    assert env.agents == []
    assert frames.terminated.any() == (config.scenario.name == "small")
