"""PettingZoo's own tests of its interface, passed without a warning."""

from __future__ import annotations

import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from tests.envs.players import FAINTS_AFTER_3, STARVED, busy_town, env_of
from tests.towns import town
from townlet_core.envs.parallel import TownParallelEnv, parallel_env

# Newcomers may come, or not: in most episodes some of the possible agents do not.
UNCERTAIN = pytest.mark.filterwarnings("ignore:No agents present but not all possible_agents")


def mortal() -> TownParallelEnv:
    """Anna faints in the third tick, ben comes in the fifth."""
    what = town("a.F", "b.S", agents={"anna": STARVED, "ben": {"arrives_tick": 5}}, lifecycle=FAINTS_AFTER_3, ticks=30)
    return env_of(what)


def changing() -> TownParallelEnv:
    return env_of(busy_town())


TOWNS = [
    pytest.param(lambda: parallel_env("poc_hybrid"), id="poc_hybrid"),
    pytest.param(lambda: parallel_env("queue_conflict", flat=True), id="queue_conflict flat"),
    pytest.param(mortal, id="deaths and arrivals"),
    pytest.param(changing, id="newcomers", marks=UNCERTAIN),
]


@pytest.mark.parametrize("make", TOWNS)
def test_it_is_a_parallel_environment(make: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(make)
    parallel_api_test(make(), num_cycles=1000)
    assert capsys.readouterr().out == "Passed Parallel API test\n"


@pytest.mark.parametrize("make", TOWNS)
def test_the_same_seed_gives_the_same_course(make: object) -> None:
    assert callable(make)
    parallel_seed_test(make, num_cycles=1000)


@pytest.mark.parametrize("make", TOWNS)
def test_one_after_another_the_same_seed_gives_the_same_course_too(make: object) -> None:
    assert callable(make)
    seed_test(lambda: parallel_to_aec(make()), num_cycles=300)


@pytest.mark.parametrize("make", [mortal, changing])
def test_one_after_another_agents_play_to_the_end_of_the_episode(make: object) -> None:
    assert callable(make)
    env = parallel_to_aec(make())
    env.reset(seed=1)
    gone = []
    for agent in env.agent_iter(max_iter=10_000):
        seen, _, terminated, truncated, _ = env.last()
        if terminated or truncated:
            gone.append((agent, terminated))
        env.step(None if terminated or truncated else env.action_space(agent).sample(seen["action_mask"]))
    assert env.agents == []
    assert {agent.partition(".")[0] for agent, _ in gone} == {"anna", "ben"} | ({"cara"} if make is changing else set())
    assert ("anna", True) in gone
    assert len(gone) == len({agent for agent, _ in gone})


def test_the_conversion_back_is_the_environment_itself() -> None:
    env = mortal()
    assert aec_to_parallel(parallel_to_aec(env)) is env
