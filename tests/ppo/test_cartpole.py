"""CartPole through the same core: what has nothing to do with the town, learning has to solve as others do."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from townlet_core.config.ppo import PPO, Network
from townlet_core.policy.decision import Observation
from townlet_core.policy.learned import LearnedPolicy
from townlet_core.policy.network import ActorCritic, Shape, penalty_of
from townlet_core.ppo.advantages import gae, next_values
from townlet_core.ppo.learner import Learner
from townlet_core.ppo.update import Batch, Columns, moments_of, update

CARTS, TICKS, MOST_STEPS = 8, 32, 150_000
SOLVED = 475.0  # of at most 500, over the last twenty episodes
SETTINGS = PPO(learning_rate=0.0025, update_epochs=8, minibatches=4, gamma=0.98, gae_lambda=0.9, entropy_coef=0.0)

f32 = np.float32
Floats = NDArray[np.float32]


class Carts:
    """Carts side by side. One whose pole falls, or whose time is over, begins anew within the same step."""

    def __init__(self, seed: int) -> None:
        self.env = gymnasium.make_vec(
            "CartPole-v1",
            num_envs=CARTS,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        )
        self.seen: Floats = self.env.reset(seed=seed)[0]
        self.chance = np.random.default_rng(seed)
        self.earned = np.zeros(CARTS)
        self.returns: list[float] = []  # of episodes that ended

    def collect(self, policy: LearnedPolicy) -> Batch:
        """Play some ticks: row t of everything is what was seen, done and got in tick t."""
        now = (TICKS, CARTS)
        features, actions, rewards = np.zeros((*now, 4), f32), np.zeros(now, np.int64), np.zeros(now, f32)
        log_probs, values, last_values = np.zeros(now, f32), np.zeros((TICKS + 1, CARTS), f32), np.zeros(now, f32)
        terminated, truncated = np.zeros(now, np.bool_), np.zeros(now, np.bool_)
        for t in range(TICKS):
            features[t] = self.seen
            decision = policy.decide(observation(self.seen), self.chance.random((CARTS, 1), f32))
            actions[t], log_probs[t], values[t] = (part[:, 0] for part in decision)
            self.seen, rewards[t], terminated[t], truncated[t], told = self.env.step(actions[t])
            truncated[t] &= ~terminated[t]
            self._count(rewards[t], terminated[t] | truncated[t])
            for cart in np.flatnonzero(truncated[t]):
                last_values[t, cart] = policy.values(nothing(1), told["final_obs"][cart][None])[0]
        values[-1] = policy.values(nothing(CARTS), self.seen)
        after = next_values(values, last_values, terminated, truncated)
        advantages = gae(
            rewards, values[:-1], after, terminated | truncated, gamma=SETTINGS.gamma, lam=SETTINGS.gae_lambda
        ).astype(f32)
        return batch(features, actions, log_probs, values[:-1], advantages)

    def _count(self, rewards: Floats, over: NDArray[np.bool_]) -> None:
        self.earned += rewards
        self.returns += self.earned[over].tolist()
        self.earned[over] = 0


def observation(seen: Floats) -> Observation:
    """One agent a world, who may go left or right."""
    none = np.zeros((CARTS, 1, 0))
    mask = np.ones((CARTS, 1, 2), np.uint8)
    return Observation(none.astype(np.uint8), none.astype(f32), seen[:, None].astype(f32), mask)


def nothing(n: int) -> Floats:
    return np.zeros((n, 0), f32)


def batch(features: Floats, actions: Any, log_probs: Floats, values: Floats, advantages: Floats) -> Batch:
    ones = np.ones_like(advantages)
    return Batch(
        map=torch.zeros(TICKS, CARTS, 0),
        features=torch.from_numpy(features),
        penalty=penalty_of(torch.ones(TICKS, CARTS, 2)),
        actions=torch.from_numpy(actions),
        columns=torch.stack(
            Columns(
                old_log_probs=torch.from_numpy(log_probs),
                advantages=torch.from_numpy(advantages),
                returns=torch.from_numpy(advantages + values),
                old_values=torch.from_numpy(values),
                weights=torch.from_numpy(ones),
                choices=torch.from_numpy(ones),
            )
        ),
        moments=moments_of(advantages, ones, ones),
    )


def steps_to_solve(seed: int) -> int | None:
    """Train until the last twenty episodes earn enough; give the steps that took, None if they were too few."""
    network = ActorCritic(
        Shape((0, 0, 0), 4, 2),
        Network(hidden=(64, 64), activation="tanh"),
        generator=torch.Generator().manual_seed(seed),
    )
    learner, policy, carts = Learner(network, SETTINGS), LearnedPolicy(network, name="carts"), Carts(seed)
    epochs = MOST_STEPS // (TICKS * CARTS)
    for epoch in range(epochs):
        learner.set_rate(SETTINGS.learning_rate * (1 - epoch / epochs))
        update(learner, [carts.collect(policy)], entropy_coef=0.0, key=[seed, epoch])
        if len(carts.returns) >= 20 and np.mean(carts.returns[-20:]) >= SOLVED:
            return (epoch + 1) * TICKS * CARTS
    return None


@pytest.mark.slow
def test_the_pole_is_held_up_within_150_000_steps() -> None:
    assert steps_to_solve(seed=1) is not None


if __name__ == "__main__":
    print([steps_to_solve(seed) for seed in (1, 2, 3)])
