"""From what a minibatch says of the network's output to the derivative of its loss by every weight.

The network with a linear encoder, or without a map, is a chain of a few products, and the way back through it is
written out: autograd's own way takes a fifth longer with small batches, and threads wait for each other in its many
small steps. Convolutions are left to autograd. Tests hold the two to each other, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.marks import Marks, sum_rows_back
from townlet_core.policy.network import ActorCritic
from townlet_core.ppo.losses import Minibatch, Term, differentiate


def gradients(
    network: ActorCritic, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term
) -> tuple[Sequence[Tensor], Tensor]:
    """Give the derivative of the loss of a minibatch by each parameter, in the network's order, and its outcome.

    Args:
        term: losses.surrogate, or losses.regression.
    """
    slope = partial(differentiate, batch=batch, settings=settings, entropy_coef=entropy_coef, term=term)
    return through(network, batch.map, batch.features, slope)


def through(
    network: ActorCritic, map: Tensor | Marks, features: Tensor, slope: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> tuple[Sequence[Tensor], Tensor]:
    """Give the derivative of a loss by each parameter, in the network's order, and the outcome of the loss.

    Args:
        slope: gives the derivative of the loss by what the head gives, and the outcome.
    """
    if isinstance(map, Marks) or network.map_weights is None:
        with torch.no_grad():
            hidden = network.hidden(map, features)
            by_output, outcome = slope(network.say(hidden[-1]))
            return chain_rule(network, map, features, hidden, by_output), outcome
    output = network.say(network.hidden(map, features)[-1])
    by_output, outcome = slope(output.detach())
    return torch.autograd.grad(output, list(network.parameters()), by_output), outcome


def chain_rule(
    network: ActorCritic, map: Tensor | Marks, features: Tensor, hidden: Sequence[Tensor], by_output: Tensor
) -> list[Tensor]:
    """Go back from the head to the first layer.

    Args:
        hidden: what each hidden layer gave, [n, width].
        by_output: [n, N + 1] derivative by what the head gave.
    """
    found: dict[Tensor, Tensor] = {}
    by_layer = by_output  # derivative by what a layer gives before its activation, [n, width]
    for layer, below in zip(reversed(network.linears()), reversed(hidden), strict=True):
        found[layer.weight], found[layer.bias] = by_layer.T @ below, by_layer.sum(0)
        by_layer = network.activate_back(by_layer @ layer.weight, below)
    first = network.feature_layer
    found[first.weight], found[first.bias] = by_layer.T @ features, by_layer.sum(0)
    if isinstance(map, Marks) and network.map_weights is not None:
        found[network.map_weights] = sum_rows_back(map, by_layer, len(network.map_weights))
    return [found[parameter] for parameter in network.parameters()]
