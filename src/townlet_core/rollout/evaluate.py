"""What a policy earns: whole episodes in worlds of their own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.policy.decision import KernelPolicy, Policy
from townlet_core.rollout.collect import collect
from townlet_core.world.town import CompiledTown

FIRST_WORLD = 2**20  # evaluation has worlds, and so luck, that training never sees


class Evaluation(NamedTuple):
    """One episode in each of W worlds."""

    returns: NDArray[np.float64]  # [W, A] sum of the rewards of each agent's place, newcomers included
    events: dict[str, float]  # how often each happened, per world
    lives_ended: float  # in fainting or eviction, per world

    @property
    def by_world(self) -> NDArray[np.float64]:
        """[W] mean over agents."""
        by_world: NDArray[np.float64] = self.returns.mean(1)
        return by_world


def evaluate(
    town: CompiledTown,
    policy: Policy | KernelPolicy,
    *,
    worlds: int,
    seed: int,
    first_world: int = FIRST_WORLD,
    threads: int = 1,
) -> Evaluation:
    """Play one episode in each world and add up what it brought."""
    returns = np.zeros((worlds, len(town.slots)))
    events = np.zeros(len(town.events))
    ended = 0
    for frames in collect(
        town,
        worlds=worlds,
        seed=seed,
        policy=policy,
        ticks=town.horizon,
        first_world=first_world,
        threads=threads,
        planes=not isinstance(policy, KernelPolicy),
    ):
        returns += frames.rewards.sum(0, dtype=np.float64)
        events += frames.events.sum((0, 1, 2), dtype=np.float64)
        ended += int(frames.terminated.sum())
    counts = (events / worlds).tolist()
    return Evaluation(returns, dict(zip(town.events, counts, strict=True)), ended / worlds)
