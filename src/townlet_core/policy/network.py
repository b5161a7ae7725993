"""The actor-critic network: what an agent sees to the logits of its actions and the value of its situation."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from townlet_core.config.ppo import Network
from townlet_core.policy.marks import Marks, list_marks, sum_rows

FORBIDDEN = -1.0e9  # added to the logit of an action that is not allowed: its probability is exactly 0 in float32
POLICY_GAIN, VALUE_GAIN = 0.01, 1.0  # of the head; small logits make a policy begin near uniform


class Shape(NamedTuple):
    """Sizes of what goes in and comes out."""

    map: tuple[int, int, int]  # planes, rows, columns; (0, 0, 0) where there is no map
    features: int
    actions: int


class Weights(NamedTuple):
    """The parameters of a linear layer; to ask a module for each of them costs a tenth as much as a small product."""

    weight: Tensor
    bias: Tensor


class ActorCritic(nn.Module):
    """Policy and value of one agent, with all layers but the last in common; every agent uses the same weights.

    Args:
        generator: draws the initial weights, which are orthogonal (arXiv:2006.05990, section 3.2).
    """

    def __init__(self, shape: Shape, settings: Network, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        first, *others = settings.hidden
        self.encoder = _encoder(shape, settings)
        encoded = _encoded(self.encoder, shape)
        self.map_weights = nn.Parameter(torch.empty(encoded, first)) if encoded else None
        self.feature_layer = nn.Linear(shape.features, first)
        widths = [first, *others]
        inner = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(inner)
        self.head = nn.Linear(widths[-1], shape.actions + 1)
        self.first, *after = (Weights(each.weight, each.bias) for each in (self.feature_layer, *inner, self.head))
        self.after_first = tuple(after)
        self.activate = {"relu": torch.relu_, "tanh": torch.tanh_}[settings.activation]  # in place
        self._initialise(5 / 3 if settings.activation == "tanh" else math.sqrt(2), generator)

    def look(self, maps: NDArray[np.float32]) -> Tensor | Marks:
        """Put maps `[..., planes * rows * columns]`, n in all, into the form in which they are the fastest to read."""
        device = self.head.weight.device
        if self.map_weights is not None and isinstance(self.encoder, nn.Identity) and device.type == "cpu":
            return list_marks(maps)
        flat = torch.from_numpy(maps.reshape(math.prod(maps.shape[:-1]), maps.shape[-1]))
        return flat.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else flat

    def forward(self, map: Tensor | Marks, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits `[n, actions]` and values `[n]`.

        Args:
            map: [n, planes * rows * columns], or the list of it, which only a linear encoder can read.
            features: [n, features].
        """
        output = self.say(self.hidden(map, features)[-1])
        return output[:, :-1], output[:, -1]

    def say(self, last: Tensor) -> Tensor:
        """Give logits and value, `[n, actions + 1]`, from what the last hidden layer gives."""
        return linear(last, self.after_first[-1])

    def hidden(self, map: Tensor | Marks, features: Tensor) -> list[Tensor]:
        """Give what each hidden layer gives, `[n, width]`, the first one first."""
        first = linear(features, self.first)
        of_map = self.map_weights
        if of_map is not None:
            first += sum_rows(map, of_map) if isinstance(map, Marks) else self.encoder(map) @ of_map
        given = [self.activate(first)]
        for layer in self.after_first[:-1]:
            given.append(self.activate(linear(given[-1], layer)))
        return given

    def activate_back(self, gradient: Tensor, given: Tensor) -> Tensor:
        """Give the derivative by what an activation took, from that by what it gave, and what it gave itself."""
        if self.activate is torch.relu_:
            back: Tensor = torch.ops.aten.threshold_backward(gradient, given, 0)
        else:
            back = torch.ops.aten.tanh_backward(gradient, given)
        return back

    @torch.no_grad()
    def _initialise(self, gain: float, generator: torch.Generator | None) -> None:
        # the first layer is one matrix over map and features together
        encoded = len(self.map_weights) if self.map_weights is not None else 0
        first = torch.empty(self.feature_layer.out_features, encoded + self.shape.features)
        nn.init.orthogonal_(first, gain, generator=generator)
        self.feature_layer.weight.copy_(first[:, encoded:])
        if self.map_weights is not None:
            self.map_weights.copy_(first[:, :encoded].T)
        inner = [layer for layer in self.encoder.modules() if isinstance(layer, nn.Conv2d)]
        for layer in (*inner, *self.layers):
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.orthogonal_(self.head.weight[:-1], POLICY_GAIN, generator=generator)
        nn.init.orthogonal_(self.head.weight[-1:], VALUE_GAIN, generator=generator)
        for layer in (*inner, self.feature_layer, *self.layers, self.head):
            nn.init.zeros_(layer.bias)


def linear(inputs: Tensor, layer: Weights) -> Tensor:
    """Pass a linear layer, without the ceremony of a module's call, which costs half as much as a small product."""
    return nn.functional.linear(inputs, layer.weight, layer.bias)


def _encoder(shape: Shape, settings: Network) -> nn.Module:
    """Make what the map passes before the first layer."""
    planes = shape.map[0]
    if settings.encoder == "linear" or not math.prod(shape.map):
        return nn.Identity()
    convolutions: list[nn.Module] = [nn.Unflatten(-1, shape.map), nn.Conv2d(planes, settings.channels, 3, stride=2)]
    if settings.encoder == "conv":
        convolutions[1] = nn.Conv2d(planes, settings.channels, 3, padding=1)
        convolutions += [nn.ReLU(), nn.Conv2d(settings.channels, settings.channels, 3, padding=1)]
    return nn.Sequential(*convolutions, nn.ReLU(), nn.Flatten())


def _encoded(encoder: nn.Module, shape: Shape) -> int:
    """Measure what the encoder gives."""
    with torch.no_grad():
        return int(encoder(torch.zeros(1, math.prod(shape.map))).shape[-1])


def log_policy(logits: Tensor, penalty: Tensor) -> Tensor:
    """Give the log-probabilities `[n, actions]` of all actions; an action that is not allowed has probability 0.

    Args:
        penalty: [n, actions] 0 where allowed, FORBIDDEN elsewhere. Adding it, rather than filling in, leaves the
            gradient of a forbidden logit exactly 0 as well, since that is a multiple of its probability.
    """
    return torch.log_softmax(logits + penalty, dim=-1)


def penalty_of(action_mask: Tensor) -> Tensor:
    """Turn a mask (1: allowed) into what is added to logits."""
    return (1.0 - action_mask.to(torch.float32)) * FORBIDDEN
