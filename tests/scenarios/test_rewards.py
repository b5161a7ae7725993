"""The rewards of the shipped scenarios carry information: they vary, are not clipped, and tell sense from chance."""

from __future__ import annotations

import numpy as np
import pytest
from scenarios import play

from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.collect import collect
from townlet_core.world.town import compile_town

BASELINE = "observation_baseline"
LEARNABLE = [name for name in list_scenarios() if name != BASELINE]
WORLDS = dict.fromkeys(list_scenarios(), 16) | {"market_town": 4}


@pytest.mark.parametrize("name", LEARNABLE)
@pytest.mark.parametrize("policy", ["scripted", "random"])
def test_rewards_are_neither_constant_nor_clipped(name: str, policy: str) -> None:
    town = compile_town(load_town(name))
    clip = np.float32(town.config.scenario.rewards.clip)
    chunks = collect(town, worlds=1, seed=town.config.scenario.seed, policy=find_policy(policy), ticks=town.horizon)
    rewards = np.concatenate([frames.rewards[:, 0].copy() for frames in chunks])
    assert np.all(rewards.std(axis=0) > 0.005)
    assert np.abs(rewards).max() < clip


@pytest.mark.parametrize("name", LEARNABLE)
def test_the_script_earns_clearly_more_than_chance(name: str) -> None:
    town = compile_town(load_town(name))
    script, chance = (play(town, policy, worlds=WORLDS[name], seed=5) for policy in ("scripted", "random"))
    assert script.interval[0] > chance.interval[1]
    assert script.mean - chance.mean > 2
    assert script.lives_ended <= 0.02 * len(town.slots)


def test_no_action_changes_the_rewards_of_the_baseline() -> None:
    town = compile_town(load_town(BASELINE))
    script, chance = (play(town, policy, worlds=16, seed=5) for policy in ("scripted", "random"))
    assert script.by_world.tolist() == chance.by_world.tolist()
