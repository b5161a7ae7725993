"""From what a minibatch says of the network's output to the derivative of its loss by every weight.

The network with a linear encoder, or without a map, is a chain of a few products, and the way back through it is
written out: autograd's own way takes a fifth longer with small batches, and threads wait for each other in its many
small steps. Convolutions are left to autograd. Tests hold the two to each other, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.marks import Marks, sum_rows_back
from townlet_core.policy.network import ActorCritic
from townlet_core.ppo.losses import Minibatch, Term, differentiate


def gradients(
    network: ActorCritic, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term, *, threads: int = 1
) -> tuple[Sequence[Tensor], Tensor]:
    """Give the derivative of the loss of a minibatch by each parameter, in the network's order, and its outcome.

    Args:
        term: losses.surrogate, or losses.regression.
        threads: among which each product of the network is divided. All else stays on this thread: divided, the small
            steps of the loss take longer.
    """
    if isinstance(batch.map, Marks) or network.map_weights is None:
        with torch.no_grad():
            with dividing_products(threads):
                hidden = network.hidden(batch.map, batch.features)
                output = network.say(hidden[-1])
            by_output, outcome = differentiate(output, batch, settings, entropy_coef, term)
            with dividing_products(threads):
                return chain_rule(network, batch.map, batch.features, hidden, by_output), outcome
    output = network.say(network.hidden(batch.map, batch.features)[-1])
    by_output, outcome = differentiate(output.detach(), batch, settings, entropy_coef, term)
    return torch.autograd.grad(output, list(network.parameters()), by_output), outcome


@contextmanager
def dividing_products(threads: int) -> Iterator[None]:
    """Let torch divide what this thread computes among some threads of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    for layer, below in zip(reversed(network.after_first), reversed(hidden), strict=True):
        found[layer.weight], found[layer.bias] = by_layer.T @ below, by_layer.sum(0)
        by_layer = network.activate_back(by_layer @ layer.weight, below)
    first = network.feature_layer
    found[first.weight], found[first.bias] = by_layer.T @ features, by_layer.sum(0)
    if isinstance(map, Marks) and network.map_weights is not None:
        found[network.map_weights] = sum_rows_back(map, by_layer, len(network.map_weights))
    return [found[parameter] for parameter in network.parameters()]
