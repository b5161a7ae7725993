"""What learning makes smaller: functions of tensors, one number a transition. n transitions, N actions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.marks import Marks
from townlet_core.ppo.loss_kernel import differentiate_rows


class Minibatch(NamedTuple):
    """Transitions of one gradient step, or the part of them that one thread takes."""

    map: Tensor | Marks  # [n, planes * rows * columns], or the list of it
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


def value_loss(values: Tensor, returns: Tensor, old_values: Tensor, clip_range: float | None) -> tuple[Tensor, Tensor]:
    """Give half the squared error of values, or the larger one of it and that of values held near the old ones.

    Source: the clipped form is that of the authors' code, see arXiv:2005.12729, section 3; half is its convention too.

    Returns:
        The loss and its derivative by the values, both [n].
    """
    error = values - returns
    if clip_range is None:
        return 0.5 * error * error, error
    moved = values - old_values
    held = old_values + moved.clamp(-clip_range, clip_range) - returns
    free = error * error > held * held
    within = moved.abs() <= clip_range
    return 0.5 * torch.max(error * error, held * held), torch.where(free, error, held * within)


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


class PolicyTerm(NamedTuple):
    """What a policy's loss is made of, each [n]."""

    loss: Tensor
    slope: Tensor  # derivative by the log-probability of the action taken
    log_ratio: Tensor
    ratio: Tensor


Term = Callable[[Tensor, Minibatch, PPO], PolicyTerm]  # of the log-probabilities of the actions taken, [n]


def surrogate(chosen: Tensor, batch: Minibatch, settings: PPO) -> PolicyTerm:
    """Compare with the policy that acted: the clipped loss, flat where more would be won by going further."""
    log_ratio = chosen - batch.old_log_probs
    ratio = log_ratio.exp()
    free = ratio * batch.advantages
    held = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range) * batch.advantages
    return PolicyTerm(-torch.min(free, held), -free * (free <= held), log_ratio, ratio)


def regression(chosen: Tensor, batch: Minibatch, settings: PPO) -> PolicyTerm:
    """Compare with nothing: raise the log-probability of what somebody did, each by its `advantages`.

    Those are weights here, not below 0: 1 makes it behaviour cloning, exp(A / temperature) advantage-weighted
    regression (Peng et al. 2019, arXiv:1910.00177, algorithm 1). No use is made of old log-probabilities.
    """
    return PolicyTerm(-batch.advantages * chosen, -batch.advantages, torch.zeros_like(chosen), torch.ones_like(chosen))


def differentiate(
    output: Tensor, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term
) -> tuple[Tensor, Tensor]:
    """Give the derivative of the loss by what the network says, and what there is to tell of the loss.

    On this processor a kernel does it, see loss_kernel; what follows is for other devices.

    The loss is policy_loss + value_coef * value_loss - entropy_coef * entropy of Outcome. Autograd would take some
    forty small steps through it, which with small batches cost more than the network. Its derivative by a logit is the
    policy term's slope times that of the log-probability taken (1 - p where it is the action's, else -p), and
    entropy_coef * p (log p + H) for the entropy. Tests hold it to autograd.

    Args:
        output: [n, N + 1] logits and value, as the network's head gives them.

    Returns:
        The derivative, [n, N + 1], and the fields of Outcome in one tensor.
    """
    if output.device.type == "cpu":
        return _by_kernel(output, batch, settings, entropy_coef, term)
    return differentiate_tensors(output, batch, settings, entropy_coef, term)


def differentiate_tensors(
    output: Tensor, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term
) -> tuple[Tensor, Tensor]:
    """Do it in steps of tensors."""
    logits, values = output[:, :-1], output[:, -1]
    masked = logits + batch.penalty
    log_probs = torch.log_softmax(masked, dim=-1)
    probs = torch.softmax(masked, dim=-1)  # exp takes thrice as long where there are logs of 0
    actions = batch.actions.unsqueeze(1)
    policy = term(log_probs.gather(1, actions).squeeze(1), batch, settings)
    entropy = -(probs * log_probs).sum(1)
    value, value_slope = value_loss(values, batch.returns, batch.old_values, settings.value_clip_range)
    beyond = ((policy.ratio - 1).abs() > settings.clip_range).to(values.dtype)
    k1, k3 = kl_k1(policy.log_ratio), kl_k3(policy.log_ratio)
    of_choices = torch.stack([policy.loss, entropy, beyond, k1, k3]) @ batch.choices
    outcome = torch.cat([of_choices[:1], (batch.weights @ value).unsqueeze(0), of_choices[1:]])

    slope = (policy.slope * batch.choices).unsqueeze(1)
    spread = (entropy_coef * batch.choices).unsqueeze(1) * (log_probs + entropy.unsqueeze(1)) - slope
    by_output = torch.empty_like(output)
    torch.mul(probs, spread, out=by_output[:, :-1])
    by_output.scatter_add_(1, actions, slope)
    torch.mul(batch.weights * value_slope, settings.value_coef, out=by_output[:, -1])
    return by_output, outcome


def action_values(output: Tensor, actions: Tensor) -> Tensor:
    """Give what actions are worth, [n]: the value of the situation and what the action adds to it.

    Source: a dueling network, Wang et al. 2016, arXiv:1511.06581, eq. 7.

    Args:
        output: [n, N + 1] as a network's head gives it, here of a critic: what each action adds, and the value.
    """
    return output[:, -1] + output.gather(1, actions.unsqueeze(1)).squeeze(1)


def differentiate_action_values(
    output: Tensor, actions: Tensor, returns: Tensor, share: float
) -> tuple[Tensor, Tensor]:
    """Give the derivative of half the squared errors of action_values, each by `share`, and Outcome with their sum."""
    error = action_values(output, actions) - returns
    by_output = torch.zeros_like(output)
    by_output.scatter_(1, actions.unsqueeze(1), share * error.unsqueeze(1))
    by_output[:, -1] = share * error
    outcome = torch.zeros(len(Outcome._fields), dtype=output.dtype, device=output.device)
    outcome[Outcome._fields.index("value_loss")] = 0.5 * share * (error @ error)
    return by_output, outcome


def _by_kernel(
    output: Tensor, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term
) -> tuple[Tensor, Tensor]:
    by_output, outcome = torch.empty_like(output), np.zeros(len(Outcome._fields))
    differentiate_rows(
        output.numpy(),
        batch.penalty.numpy(),
        batch.actions.numpy(),
        batch.old_log_probs.numpy(),
        batch.advantages.numpy(),
        batch.returns.numpy(),
        batch.old_values.numpy(),
        batch.weights.numpy(),
        batch.choices.numpy(),
        term is surrogate,
        settings.clip_range,
        math.inf if settings.value_clip_range is None else settings.value_clip_range,
        settings.value_coef,
        entropy_coef,
        by_output.numpy(),
        outcome,
    )
    return by_output, torch.from_numpy(outcome).to(output.dtype)
