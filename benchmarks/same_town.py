"""Learning in the same town beside Stable-Baselines3: `python benchmarks/same_town.py [SCENARIO] [--seeds N]`.

The same network, agents, transitions and settings for all: Townlet's own loop, Stable-Baselines3's PPO, and the
MaskablePPO of sb3-contrib on the PettingZoo environment. Each policy then plays whole episodes in the same 64 worlds,
which nobody has learned in.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from copies import Copies
from measure import load, machine, table
from numpy.typing import NDArray
from peers import Trunk
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

from townlet_core.config.load import load_town
from townlet_core.config.ppo import TrainingSettings
from townlet_core.policy.decision import KERNEL_POLICIES, Decision, Observation, PolicyKind
from townlet_core.policy.learned import load_policy
from townlet_core.ppo.request import TrainRequest
from townlet_core.ppo.run import train
from townlet_core.rollout.evaluate import evaluate
from townlet_core.world.town import CompiledTown, compile_town

THREADS = 2
WORLDS = 64  # that a policy is evaluated in
STEPS = 1_000_000
SHARED = TrainingSettings().ppo


class Stranger:
    """A policy of Stable-Baselines3 that acts in the town."""

    kind: PolicyKind = "learned"
    policy_hash = None

    def __init__(self, model: Any, *, masks: bool) -> None:
        self.name = type(model).__name__
        self.model, self.masks = model, masks

    def decide(self, observation: Observation, luck: NDArray[np.float32]) -> Decision:
        """Choose an action for every agent."""
        seen = np.concatenate([observation.map, observation.features], axis=-1)
        mask = observation.action_mask.reshape(-1, observation.action_mask.shape[-1]) == 1
        told = {"action_masks": mask} if self.masks else {}
        actions, _ = self.model.predict(seen.reshape(len(mask), -1), deterministic=False, **told)
        nothing = np.zeros(luck.shape, np.float32)
        return Decision(actions.astype(np.int16).reshape(luck.shape), nothing, nothing)

    def values(self, map: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate nothing."""
        return np.zeros(len(features), np.float32)


def ours(scenario: str, town: CompiledTown, steps: int, copies: int, seed: int) -> tuple[Any, float]:
    """Train as `townlet train ppo` does; give the policy and the seconds."""
    epochs = steps // (SHARED.rollout_ticks * copies * len(town.slots))
    with tempfile.TemporaryDirectory() as folder:
        request = TrainRequest(
            scenario,
            worlds=copies,
            epochs=epochs,
            seed=seed,
            device="cpu",
            checkpoint_dir=Path(folder),
        )
        began = time.perf_counter()
        train(request)
        taken = time.perf_counter() - began
        return load_policy(Path(folder), town), taken


def theirs(scenario: str, steps: int, copies: int, seed: int, *, masks: bool) -> tuple[Any, float]:
    """Train a peer with the same settings; give the policy and the seconds."""
    torch.set_num_threads(THREADS)
    env = Copies(scenario, copies, seed=seed)
    batch = env.num_envs * SHARED.rollout_ticks // SHARED.minibatches
    model = (MaskablePPO if masks else PPO)(
        "MlpPolicy",
        env,
        learning_rate=lambda remaining: SHARED.learning_rate * remaining,
        n_steps=SHARED.rollout_ticks,
        batch_size=batch,
        n_epochs=SHARED.update_epochs,
        gamma=SHARED.gamma,
        gae_lambda=SHARED.gae_lambda,
        clip_range=SHARED.clip_range,
        ent_coef=SHARED.entropy_coef,
        vf_coef=SHARED.value_coef / 2,  # whose loss is the squared error, not half of it
        max_grad_norm=SHARED.max_grad_norm or 1e9,
        policy_kwargs={
            "features_extractor_class": Trunk,
            "net_arch": [],
            "optimizer_kwargs": {"eps": SHARED.adam_eps},
        },
        device="cpu",
        seed=seed,
    )
    began = time.perf_counter()
    model.learn(steps // (batch * SHARED.minibatches) * batch * SHARED.minibatches, log_interval=10**9)
    return Stranger(model, masks=masks), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scenario", nargs="?", default="kitchen_breakfast")
    parser.add_argument("--steps", type=int, default=STEPS, help="transitions of each training")
    parser.add_argument("--copies", type=int, default=32, help="towns side by side")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    town = compile_town(load_town(given.scenario))
    print(f"{machine()}; {THREADS} threads; before: {load()}\n")
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(1, given.seeds + 1):
        for name in ("Townlet", "Stable-Baselines3 PPO", "sb3-contrib MaskablePPO"):
            if name == "Townlet":
                policy, seconds = ours(given.scenario, town, given.steps, given.copies, seed)
            else:
                masks = name.endswith("MaskablePPO")
                policy, seconds = theirs(given.scenario, given.steps, given.copies, seed, masks=masks)
            result = evaluate(town, policy, worlds=WORLDS, seed=seed, first_world=2**21)
            found.setdefault(name, []).append((float(result.by_world.mean()), seconds))
            print(f"seed {seed}, {name}: {found[name][-1][0]:.2f}, {seconds:.0f} s", flush=True)
    scripted = evaluate(town, KERNEL_POLICIES["scripted"], worlds=WORLDS, seed=1, first_world=2**21)
    rows = []
    for name, figures in found.items():
        returns, times = zip(*figures, strict=True)
        each = " ".join(f"{value:.2f}" for value in returns)
        rate = given.steps / statistics.median(times)
        rows.append((name, f"{statistics.fmean(returns):.2f}", each, f"{rate:,.0f}"))
    print(f"\n{given.scenario}, {given.steps:,} transitions; the script earns {scripted.by_world.mean():.2f}\n")
    print(table(("", "return", "by seed", "steps/s"), rows))


if __name__ == "__main__":
    main()
