"""What a policy is: something that looks at what all agents see and decides for each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import UsageError, did_you_mean

PolicyKind = Literal["deterministic", "stochastic", "learned"]


class Observation(NamedTuple):
    """What the A agents of W worlds see; either tiles or map is empty (no last column)."""

    tiles: NDArray[np.uint8]  # [W, A, D * D]
    map: NDArray[np.float32]  # [W, A, C * D * D]
    features: NDArray[np.float32]  # [W, A, F]
    action_mask: NDArray[np.uint8]  # [W, A, N]


class Decision(NamedTuple):
    """What they do, how likely that was, and what they expect."""

    actions: NDArray[np.int16]  # [W, A]
    log_probs: NDArray[np.float32]  # [W, A]
    values: NDArray[np.float32]  # [W, A]


class Policy(Protocol):
    """A policy that runs outside of the kernels, such as a network."""

    @property
    def name(self) -> str:
        """What the policy is called in captures."""

    @property
    def kind(self) -> PolicyKind:
        """Deterministic policies have the log-probability 0, the others their true one."""

    @property
    def policy_hash(self) -> str | None:
        """sha256 of its parameters; None for a policy without, or while they change."""

    def decide(self, observation: Observation, luck: NDArray[np.float32]) -> Decision:
        """Choose an action for every agent; an action that the mask forbids is played as a wait.

        Args:
            luck: [W, A] a number in [0, 1) for each agent and tick, from the town's own stream for policies: a policy
                that draws with it does the same in any batch of worlds.
        """

    def values(self, map: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate the return `[n]` from observations `[n, ...]` on; 0 for a policy that estimates nothing."""


@dataclass(frozen=True)
class KernelPolicy:
    """A policy that runs inside the kernels, many ticks a call."""

    name: str
    kind: PolicyKind
    code: int  # what rollout.collect tells them apart by
    noise: float = 0.0  # share of decisions that chance takes instead


SCRIPTED, RANDOM = 1, 2
KERNEL_POLICIES = {
    "scripted": KernelPolicy("scripted", "deterministic", SCRIPTED),
    "random": KernelPolicy("random", "stochastic", RANDOM),
}


def names_a_policy(text: str) -> bool:
    """Tell the name of a policy from the path of a checkpoint."""
    return text in KERNEL_POLICIES or not ("/" in text or Path(text).exists())


def find_policy(name: str, noise: float = 0.0) -> KernelPolicy:
    """Find a policy by name.

    Args:
        noise: share of its decisions that chance takes, evenly among what is allowed; the policy is stochastic then.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in KERNEL_POLICIES:
        known = list(KERNEL_POLICIES)
        hint = did_you_mean(name, known) or f"known are {', '.join(known)}, or give the folder of a checkpoint"
        raise UsageError(f"unknown policy '{name}'", where="--policy", hint=hint)
    policy = KERNEL_POLICIES[name]
    shown = (
        f"{noise:g}" if float(f"{noise:g}") == noise else repr(noise)
    )  # from the name the same policy is found again
    return replace(policy, name=f"{name}+{shown}", kind="stochastic", noise=noise) if noise else policy
