"""Loading all that captures need before the first of them: modules, and kernels from the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import townlet_core.rollout.attempt  # noqa: F401  # for those who are forked
from townlet_core.config.load import load_town
from townlet_core.policy.decision import KERNEL_POLICIES, Decision, KernelPolicy, Observation, Policy, PolicyKind
from townlet_core.policy.sampling import draw
from townlet_core.rollout.collect import collect
from townlet_core.world.compiling import notice_compiling
from townlet_core.world.town import compile_town

SMALL_TOWN = "observation_baseline"
DRAW: Any = draw  # kernels bear no types


class _Even:
    """A policy outside of the kernels that calls those which a learned one calls."""

    name = "even"
    kind: PolicyKind = "stochastic"
    policy_hash = None

    def decide(self, observation: Observation, luck: NDArray[np.float32]) -> Decision:
        """Choose evenly among what is allowed."""
        mask = observation.action_mask.reshape(-1, observation.action_mask.shape[-1])
        actions, log_probs = np.empty(len(mask), np.int16), np.empty(len(mask), np.float32)
        DRAW(np.zeros(mask.shape, np.float32), mask, luck.reshape(-1), actions, log_probs)
        return Decision(actions.reshape(luck.shape), log_probs.reshape(luck.shape), np.zeros(luck.shape, np.float32))

    def values(self, map: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Expect nothing."""
        return np.zeros(len(features), np.float32)


def warm_up(on_compile: Callable[[], None], *, learned: bool) -> None:
    """Play a tick, so that the kernels are loaded, or compiled where the cache does not have them.

    Args:
        on_compile: called before they are compiled, which takes a while.
        learned: load what networks need, too.
    """
    policy: Policy | KernelPolicy = KERNEL_POLICIES["scripted"]
    if learned:
        import townlet_core.policy.learned  # noqa: F401

        policy = _Even()
    with notice_compiling(on_compile):
        for _ in collect(compile_town(load_town(SMALL_TOWN)), worlds=1, seed=0, policy=policy, ticks=1):
            pass
