"""Those who learn beside Townlet: Stable-Baselines3, its maskable form, and a plain loop.

Like for like, all have the network of Townlet: one trunk of 128 and 128 for policy and value, ReLU, orthogonal weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from masked import MaskedEnv
from numpy.typing import NDArray
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from still import EPOCHS, MINIBATCHES, PASSES, THREADS, TICKS, Seen
from torch import Tensor, nn
from torch.distributions.categorical import Categorical

WIDTH = 128
RATE = 0.001


class Trunk(BaseFeaturesExtractor):
    """Two layers before policy and value, which SB3 would otherwise give one such trunk each."""

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, WIDTH)
        self.layers = trunk(observation_space.shape[0])

    def forward(self, observations: Tensor) -> Tensor:
        result: Tensor = self.layers(observations)
        return result


def trunk(inputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())


class Replayed(MaskedEnv):
    """Shows what was seen beforehand, whatever is done; a step costs nothing."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.t = 0
        _, agents, width = seen.observations.shape
        self.nothing: list[dict[str, Any]] = [{} for _ in range(agents)]
        box = spaces.Box(-np.inf, np.inf, (width,), np.float32)
        super().__init__(agents, box, spaces.Discrete(seen.masks.shape[-1]))

    def reset(self) -> NDArray[np.float32]:
        self.t = 0
        first: NDArray[np.float32] = self.seen.observations[0]
        return first

    def step_async(self, actions: NDArray[Any]) -> None:
        pass

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        t = self.t
        self.t = (t + 1) % TICKS
        return self.seen.observations[t + 1], self.seen.rewards[t], self.seen.ended[t], self.nothing

    def masks_now(self) -> NDArray[np.bool_]:
        masks: NDArray[np.bool_] = self.seen.masks[self.t]
        return masks


class StableBaselines:
    """Stable-Baselines3's PPO, or its maskable form, with the settings of the comparison."""

    def __init__(self, seen: Seen, *, masks: bool) -> None:
        agents = seen.observations.shape[1]
        self.steps = TICKS * agents
        self.model = (MaskablePPO if masks else PPO)(
            "MlpPolicy",
            Replayed(seen),
            n_steps=TICKS,
            batch_size=self.steps // MINIBATCHES,
            n_epochs=PASSES,
            learning_rate=RATE,
            ent_coef=0.01,
            policy_kwargs={"features_extractor_class": Trunk, "net_arch": []},
            device="cpu",
            seed=1,
        )

    def iterate(self) -> None:
        """Collect and learn once."""
        torch.set_num_threads(THREADS)
        self.model.learn(self.steps, reset_num_timesteps=False, log_interval=EPOCHS)


class UsualRoute:
    """PettingZoo, SuperSuit and Stable-Baselines3 with the defaults of all three, on one town."""

    def __init__(self) -> None:
        import supersuit

        from townlet_core.envs.parallel import parallel_env

        env = supersuit.black_death_v3(parallel_env("poc_hybrid", flat=True, newcomers=False))
        env = supersuit.pettingzoo_env_to_vec_env_v1(env)
        env = supersuit.concat_vec_envs_v1(env, 1, num_cpus=1, base_class="stable_baselines3")
        self.model = PPO("MlpPolicy", env, device="cpu")  # a seed is refused: SuperSuit's worlds take none
        self.steps = int(self.model.n_steps * env.num_envs)

    def iterate(self) -> None:
        """Collect and learn once."""
        torch.set_num_threads(THREADS)
        self.model.learn(self.steps, reset_num_timesteps=False, log_interval=EPOCHS)


class Agent(nn.Module):
    """Policy and value as a plain loop has them."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.trunk = trunk(inputs)
        self.actor, self.critic = nn.Linear(WIDTH, actions), nn.Linear(WIDTH, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, 2**0.5)
                nn.init.zeros_(layer.bias)

    def forward(self, observations: Tensor, actions: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give actions, their log-probabilities, entropies and values, all [n]."""
        hidden = self.trunk(observations)
        policy = Categorical(logits=self.actor(hidden))
        actions = policy.sample() if actions is None else actions  # type: ignore[no-untyped-call]
        log_probs, entropies = policy.log_prob(actions), policy.entropy()  # type: ignore[no-untyped-call]
        return actions, log_probs, entropies, self.critic(hidden).squeeze(-1)


class PlainLoop:
    """PPO in one file, in the manner of CleanRL's ppo.py (https://docs.cleanrl.dev/rl-algorithms/ppo): no masks."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        _, agents, inputs = seen.observations.shape
        self.agent = Agent(inputs, seen.masks.shape[-1])
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=RATE, eps=1e-5)
        self.observations = torch.zeros(TICKS, agents, inputs)
        self.actions = torch.zeros(TICKS, agents, dtype=torch.int64)
        self.log_probs, self.rewards, self.ended, self.values = (torch.zeros(TICKS, agents) for _ in range(4))

    def iterate(self) -> None:
        """Collect and learn once."""
        torch.set_num_threads(THREADS)
        self._collect()
        advantages = self._advantages()
        flat = (
            self.observations.flatten(0, 1),
            self.actions.flatten(),
            self.log_probs.flatten(),
            advantages.flatten(),
            (advantages + self.values).flatten(),
        )
        rows = np.arange(self.actions.numel())
        for _ in range(PASSES):
            np.random.shuffle(rows)
            for chosen in np.split(rows, MINIBATCHES):
                self._learn(*(part[chosen] for part in flat))

    @torch.no_grad()
    def _collect(self) -> None:
        for t in range(TICKS):
            self.observations[t] = torch.Tensor(self.seen.observations[t])
            self.actions[t], self.log_probs[t], _, self.values[t] = self.agent(self.observations[t])
            self.actions[t].numpy()  # for the environment
            self.rewards[t] = torch.tensor(self.seen.rewards[t])
            self.ended[t] = torch.Tensor(self.seen.ended[t])

    @torch.no_grad()
    def _advantages(self) -> Tensor:
        """[T, B]"""
        after = self.agent(torch.Tensor(self.seen.observations[TICKS]))[3]
        advantages, running = torch.zeros_like(self.rewards), torch.zeros_like(after)
        for t in reversed(range(TICKS)):
            goes_on = 1 - self.ended[t]
            error = self.rewards[t] + 0.99 * after * goes_on - self.values[t]
            advantages[t] = running = error + 0.99 * 0.95 * goes_on * running
            after = self.values[t]
        return advantages

    def _learn(self, seen: Tensor, actions: Tensor, old: Tensor, advantages: Tensor, returns: Tensor) -> None:
        _, log_probs, entropies, values = self.agent(seen, actions)
        log_ratio = log_probs - old
        ratio = log_ratio.exp()
        with torch.no_grad():
            (ratio - 1 - log_ratio).mean().item()
            ((ratio - 1).abs() > 0.2).float().mean().item()
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        policy = torch.max(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.2)).mean()
        loss = policy - 0.01 * entropies.mean() + 0.5 * 0.5 * ((values - returns) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), 0.5)
        self.optimizer.step()
