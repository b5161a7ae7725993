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
from townlet_core.policy.network import ActorCritic, Weights
from townlet_core.ppo.learner import Slopes, dividing
from townlet_core.ppo.losses import Minibatch, Term, differentiate


def gradients(
    network: ActorCritic,
    batch: Minibatch,
    settings: PPO,
    entropy_coef: float,
    term: Term,
    *,
    slopes: Slopes,
    threads: int = 1,
) -> Tensor:
    """Write the derivative of the loss of a minibatch by each parameter, and give the outcome.

    Args:
        term: losses.surrogate, or losses.regression.
        slopes: where to write.
        threads: see through.
    """
    differentiated = partial(differentiate, batch=batch, settings=settings, entropy_coef=entropy_coef, term=term)
    return through(network, batch.map, batch.features, differentiated, slopes=slopes, threads=threads)


def through(
    network: ActorCritic,
    map: Tensor | Marks,
    features: Tensor,
    differentiated: Callable[[Tensor], tuple[Tensor, Tensor]],
    *,
    slopes: Slopes,
    threads: int,
) -> Tensor:
    """Write the derivative of a loss by each parameter, and give its outcome.

    Args:
        differentiated: gives the derivative of the loss by what the head gives, and the outcome.
        slopes: where to write.
        threads: among which each product of the network is divided. All else stays on this thread: divided, the small
            steps of the loss take longer.
    """
    if isinstance(map, Marks) or network.map_weights is None:
        with torch.no_grad():
            with dividing(threads):
                hidden = network.hidden(map, features)
                output = network.say(hidden[-1])
            by_output, outcome = differentiated(output)
            with dividing(threads):
                chain_rule(network, map, features, hidden, by_output, slopes)
        return outcome
    output = network.say(network.hidden(map, features)[-1])
    by_output, outcome = differentiated(output.detach())
    for slope, found in zip(slopes.values(), torch.autograd.grad(output, list(slopes), by_output), strict=True):
        slope.copy_(found)
    return outcome


def chain_rule(
    network: ActorCritic,
    map: Tensor | Marks,
    features: Tensor,
    hidden: Sequence[Tensor],
    by_output: Tensor,
    slopes: Slopes,
) -> None:
    """Go back from the head to the first layer.

    Args:
        hidden: what each hidden layer gave, [n, width].
        by_output: [n, N + 1] derivative by what the head gave.
    """
    by_layer = by_output  # derivative by what a layer gives before its activation, [n, width]
    for layer, below in zip(reversed(network.after_first), reversed(hidden), strict=True):
        _linear_back(layer, below, by_layer, slopes)
        by_layer = network.activate_back(by_layer @ layer.weight, below)
    _linear_back(network.first, features, by_layer, slopes)
    if isinstance(map, Marks) and network.map_weights is not None:
        sum_rows_back(map, by_layer, slopes[network.map_weights])


def _linear_back(layer: Weights, taken: Tensor, by_layer: Tensor, slopes: Slopes) -> None:
    torch.mm(by_layer.T, taken, out=slopes[layer.weight])
    torch.sum(by_layer, 0, out=slopes[layer.bias])
