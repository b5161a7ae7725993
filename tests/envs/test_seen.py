"""What agents see lies in the spaces that are promised, and those are no wider than they must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Dict

from tests.envs.players import busy_town, env_of, play_on
from townlet_core.envs.parallel import TownParallelEnv, parallel_env
from townlet_core.envs.seen import SIGNED
from townlet_core.world.features import FEATURES

VARIANTS = ("compact", "hybrid", "full")


def seen_in(env: TownParallelEnv, seed: int = 0) -> list[Any]:
    """All that is seen in an episode played at random."""
    observations, infos = env.reset(seed=seed)
    return [*observations.values(), *(seen for told in play_on(env, infos) for seen in told.observations.values())]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_space_contains_all_that_is_seen(variant: str, flat: bool) -> None:
    overrides = [f"features.observation={variant}"]
    env = parallel_env("poc_hybrid", overrides=overrides, ticks=300, newcomers=True, flat=flat)
    space = env.observation_space("anna")
    assert all(space.contains(seen) for seen in seen_in(env))


def test_the_space_contains_what_is_seen_by_those_who_come_and_go() -> None:
    env = env_of(busy_town())
    assert all(env.observation_space("anna").contains(seen) for seen in seen_in(env))


@pytest.mark.parametrize("variant", VARIANTS)
def test_features_that_can_be_negative_are_features(variant: str) -> None:
    signed = {name for name in FEATURES[variant] if "trust_m" in name or "time_" in name or name[-3:] in ("_d4", "_d5")}
    assert signed - {"social_trust_max"} | {name for name in FEATURES[variant] if name[-3:] == "_d2"} == SIGNED & set(
        FEATURES[variant]
    )


def test_an_observation_has_a_map_features_and_a_mask() -> None:
    env = parallel_env("poc_hybrid")
    space = env.observation_space("anna")
    assert isinstance(space, Dict)
    assert {name: (part.shape, str(part.dtype)) for name, part in space.items()} == {
        "map": (env.town.map_shape, "float32"),
        "features": ((len(env.town.features),), "float32"),
        "action_mask": ((len(env.town.actions.names),), "int8"),
    }


def test_a_flat_observation_is_the_map_and_then_the_features() -> None:
    (flat, _), (seen, _) = (parallel_env("poc_hybrid", flat=flat).reset(seed=3) for flat in (True, False))
    for agent, vector in flat.items():
        expected = np.concatenate([seen[agent]["map"].ravel(), seen[agent]["features"]])
        np.testing.assert_array_equal(vector, expected)


def test_spaces_are_the_same_objects_at_each_call() -> None:
    env = parallel_env("queue_conflict")
    assert env.observation_space("anna") is env.observation_space("anna")
    assert env.action_space("anna") is env.action_space("anna")
    assert env.action_space("anna") is not env.action_space("ben")  # each is seeded for itself
    assert env.action_space("anna").n == len(env.town.actions.names)
