"""Environments of hand-made towns, and hands that play them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.towns import town
from townlet_core.config.scenario import Town
from townlet_core.envs.parallel import Told, TownParallelEnv
from townlet_core.world.town import compile_town

STARVED: dict[str, Any] = {"needs": {"hunger": 0.0}}  # faints after so many ticks as lifecycle.faint_after_ticks
FAINTS_AFTER_3 = {"faint_after_ticks": 3, "replace": False}
REPLACED_AFTER_2 = {"faint_after_ticks": 3, "replace_after_ticks": 2}


def env_of(what: Town, *, seed: int = 0, **options: Any) -> TownParallelEnv:
    return TownParallelEnv(compile_town(what), seed=seed, **options)


def begun(what: Town, **options: Any) -> TownParallelEnv:
    env = env_of(what, **options)
    env.reset()
    return env


def busy_town(ticks: int = 40) -> Town:
    """Anna starves at once and newcomers come after her, cara comes at tick 7; all grow hungry fast."""
    needs = {"hunger": {"decay": 0.1, "weight": 1.0}}
    return town(
        "a..F",
        "b..S",
        agents={"anna": STARVED, "cara": {"arrives_tick": 7}},
        ticks=ticks,
        lifecycle=REPLACED_AFTER_2,
        needs=needs,
    )


def wait(env: TownParallelEnv, ticks: int = 1) -> Told:
    """Let everybody wait for some ticks, and tell of the last."""
    for _ in range(ticks):
        told = env.step(dict.fromkeys(env.agents, 0))
    return told


def allowed(env: TownParallelEnv, infos: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Choose an action for everybody at random, among those that the mask allows."""
    return {agent: int(env.action_space(agent).sample(infos[agent]["action_mask"])) for agent in env.agents}


def play_on(env: TownParallelEnv, infos: dict[str, dict[str, Any]]) -> Iterator[Told]:
    """Play at random to the end of the episode."""
    while env.agents:
        told = env.step(allowed(env, infos))
        infos = told.infos
        yield told


def feature(env: TownParallelEnv, observation: Any, name: str) -> float:
    return round(float(observation["features"][env.town.features.index(name)]), 6)
