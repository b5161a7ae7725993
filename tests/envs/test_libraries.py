"""Other people's libraries take the town as it is."""

from __future__ import annotations

import pytest

from townlet_core.envs.parallel import parallel_env

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")
def test_stable_baselines_learns_in_a_flat_town_by_way_of_supersuit() -> None:
    supersuit, sb3 = pytest.importorskip("supersuit"), pytest.importorskip("stable_baselines3")
    env = supersuit.black_death_v3(parallel_env("poc_hybrid", flat=True, ticks=60))
    worlds = supersuit.pettingzoo_env_to_vec_env_v1(env)
    vector = supersuit.concat_vec_envs_v1(worlds, 2, num_cpus=1, base_class="stable_baselines3")
    assert vector.num_envs == 16  # 8 agents in each of 2 copies
    model = sb3.PPO("MlpPolicy", vector, n_steps=70, batch_size=560, n_epochs=1, device="cpu")
    model.learn(1120)
    assert model.num_timesteps == 1120
