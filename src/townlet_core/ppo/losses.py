"""What learning makes smaller: functions of tensors, one number a transition. n transitions, N actions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.network import ActorCritic, log_policy


class Minibatch(NamedTuple):
    """Transitions of one gradient step, or the part of them that one thread takes."""

    map: Tensor  # [n, planes * rows * columns]
    features: Tensor  # [n, F]
    penalty: Tensor  # [n, N] see network.log_policy
    actions: Tensor  # [n] int64
    old_log_probs: Tensor  # [n] under the policy that acted
    advantages: Tensor  # [n] scaled as they are used
    returns: Tensor  # [n] that values are fitted to
    old_values: Tensor  # [n] that were expected when the action was chosen
    weights: Tensor  # [n] share of each transition in the value loss: all parts together sum to 1
    choices: Tensor  # [n] the same in the policy's losses: 0 where only one action was allowed


class Outcome(NamedTuple):
    """Sums of a minibatch, each a tensor without a shape; those of all parts of a step add up to its means."""

    policy_loss: Tensor
    value_loss: Tensor
    entropy: Tensor
    clip_fraction: Tensor
    k1: Tensor
    k3: Tensor


def clipped_surrogate(log_ratio: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """Give the clipped policy loss `[n]`.

    Source: Schulman et al. 2017, arXiv:1707.06347, eq. 7, with its sign turned.

    Args:
        log_ratio: [n] log-probability of the action now, less that when it was chosen.
    """
    ratio = log_ratio.exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip_range, 1 + clip_range) * advantages)


def value_loss(values: Tensor, returns: Tensor, old_values: Tensor, clip_range: float | None) -> Tensor:
    """Give half the squared error of values `[n]`, or the larger one of it and that of values held near the old ones.

    Source: the clipped form is that of the authors' code, see arXiv:2005.12729, section 3; half is its convention too.
    """
    errors = (values - returns) ** 2
    if clip_range is not None:
        near = old_values + (values - old_values).clamp(-clip_range, clip_range)
        errors = torch.max(errors, (near - returns) ** 2)
    return 0.5 * errors


def entropy_of(log_probs: Tensor) -> Tensor:
    """Give the entropy `[n]`, in nats, of policies `[n, N]`; what is not allowed adds nothing."""
    return -(log_probs.exp() * log_probs).sum(-1)


def kl_k1(log_ratio: Tensor) -> Tensor:
    """Estimate KL(old, new) without bias: -log ratio `[n]`. Its mean can be negative.

    Source: k1 of Schulman 2020, http://joschu.net/blog/kl-approx.html.
    """
    return -log_ratio


def kl_k3(log_ratio: Tensor) -> Tensor:
    """Estimate KL(old, new) without bias, with little variance and never below 0: ratio - 1 - log ratio `[n]`.

    Source: k3 of Schulman 2020, http://joschu.net/blog/kl-approx.html.
    """
    return log_ratio.exp() - 1 - log_ratio


def ppo_loss(network: ActorCritic, batch: Minibatch, settings: PPO, entropy_coef: float) -> tuple[Tensor, Outcome]:
    """Give the loss of a minibatch, and what there is to tell of it."""
    logits, values = network(batch.map, batch.features)
    log_probs = log_policy(logits, batch.penalty)
    log_ratio = log_probs.gather(1, batch.actions.unsqueeze(1)).squeeze(1) - batch.old_log_probs
    choices = batch.choices
    policy = choices @ clipped_surrogate(log_ratio, batch.advantages, settings.clip_range)
    value = batch.weights @ value_loss(values, batch.returns, batch.old_values, settings.value_clip_range)
    entropy = choices @ entropy_of(log_probs)
    with torch.no_grad():
        beyond = ((log_ratio.exp() - 1).abs() > settings.clip_range).to(choices.dtype)
        outcome = Outcome(
            policy.detach(),
            value.detach(),
            entropy.detach(),
            choices @ beyond,
            choices @ kl_k1(log_ratio),
            choices @ kl_k3(log_ratio),
        )
    return policy + settings.value_coef * value - entropy_coef * entropy, outcome


def regression_loss(
    network: ActorCritic, batch: Minibatch, settings: PPO, entropy_coef: float
) -> tuple[Tensor, Outcome]:
    """Give the loss of raising the log-probabilities of actions that somebody took, each by its `advantages`.

    Those are weights here, not below 0: 1 makes it behaviour cloning, exp(A / temperature) advantage-weighted
    regression (Peng et al. 2019, arXiv:1910.00177, eq. 10). No use is made of old log-probabilities.
    """
    logits, values = network(batch.map, batch.features)
    log_probs = log_policy(logits, batch.penalty)
    chosen = log_probs.gather(1, batch.actions.unsqueeze(1)).squeeze(1)
    policy = -(batch.choices * batch.advantages) @ chosen
    value = batch.weights @ value_loss(values, batch.returns, batch.old_values, None)
    entropy = batch.choices @ entropy_of(log_probs)
    nothing = torch.zeros_like(policy).detach()
    outcome = Outcome(policy.detach(), value.detach(), entropy.detach(), nothing, nothing, nothing)
    return policy + settings.value_coef * value - entropy_coef * entropy, outcome
