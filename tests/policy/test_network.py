"""The network: how it begins, what each encoder takes in, and that nothing seen is lost on the way."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from townlet_core.config.ppo import Network
from townlet_core.policy.network import ActorCritic, Shape, log_policy, penalty_of

SHAPE = Shape(map=(3, 7, 7), features=5, actions=4)
BLIND = Shape(map=(0, 0, 0), features=5, actions=4)
ENCODERS = ("linear", "patch", "conv")


def network(shape: Shape = SHAPE, seed: int = 0, **settings: Any) -> ActorCritic:
    settings = {"hidden": (16, 8), **settings}
    return ActorCritic(shape, Network(**settings), generator=torch.Generator().manual_seed(seed))


def seen(n: int = 6, shape: Shape = SHAPE) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.rand(n, math.prod(shape.map), generator=g), torch.randn(n, shape.features, generator=g)


def assert_orthogonal(weight: Tensor, gain: float) -> None:
    """The shorter side is orthogonal: W W^T, or W^T W where there are more rows than columns, is gain^2 I."""
    rows, columns = weight.shape
    product = weight @ weight.T if rows <= columns else weight.T @ weight
    torch.testing.assert_close(product, gain**2 * torch.eye(min(rows, columns)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("activation", "gain"), [("relu", math.sqrt(2)), ("tanh", 5 / 3)])
def test_hidden_layers_begin_orthogonal_with_the_gain_of_their_activation(activation: str, gain: float) -> None:
    net = network(activation=activation)
    assert net.map_weights is not None
    # the first layer is one matrix over the map and the features together
    assert_orthogonal(torch.cat([net.map_weights.T, net.feature_layer.weight], dim=1).detach(), gain)
    assert_orthogonal(net.layers[0].weight.detach(), gain)  # type: ignore[operator]


def test_the_policy_begins_small_and_the_value_at_gain_one() -> None:
    head = network().head.weight.detach()
    assert_orthogonal(head[:-1], 0.01)
    assert_orthogonal(head[-1:], 1.0)


def test_biases_begin_at_nothing() -> None:
    biases = [value for name, value in network(encoder="conv").named_parameters() if name.endswith("bias")]
    assert len(biases) == 5, "two convolutions, features, one hidden layer, head"
    assert not any(bias.any() for bias in biases)


def test_a_policy_begins_near_uniform() -> None:
    logits, _ = network()(*seen())
    probabilities = torch.softmax(logits, dim=-1)
    assert probabilities.detach().numpy() == pytest.approx(0.25, abs=0.02)


def test_the_same_luck_gives_the_same_weights() -> None:
    one, same, other = (network(seed=seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_gives_a_logit_an_action_and_a_value(encoder: str) -> None:
    logits, values = network(encoder=encoder)(*seen(6))
    assert (logits.shape, values.shape) == ((6, 4), (6,))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_weight_learns(encoder: str) -> None:
    net = network(encoder=encoder)
    logits, values = net(*seen(32))
    (log_policy(logits, torch.zeros_like(logits))[:, 0].sum() + values.sum()).backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.any(), name


@pytest.mark.parametrize(
    ("encoder", "width"),
    [
        pytest.param("linear", 3 * 7 * 7, id="linear: the tiles as they are"),
        pytest.param("patch", 4 * 3 * 3, id="patch: 3x3 windows two apart fit 3 times on 7 tiles"),
        pytest.param("conv", 4 * 7 * 7, id="conv: padded, so a tile stays a tile"),
    ],
)
def test_what_an_encoder_gives_has_the_width_that_its_windows_make(encoder: str, width: int) -> None:
    weights = network(encoder=encoder, channels=4).map_weights
    assert weights is not None
    assert len(weights) == width


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_town_without_a_map_needs_no_encoder(encoder: str) -> None:
    net = network(BLIND, encoder=encoder)
    assert net.map_weights is None
    logits, values = net(*seen(3, BLIND))
    assert (logits.shape, values.shape) == ((3, 4), (3,))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_the_map_shows_makes_a_difference(encoder: str) -> None:
    net = network(encoder=encoder)
    drawn, features = seen()
    assert not torch.equal(net(drawn, features)[1], net(torch.zeros_like(drawn), features)[1])


def test_probabilities_are_shared_among_what_is_allowed() -> None:
    """Logits log 1, log 2, log 3, log 6 with the third forbidden: 1, 2 and 6 of 9."""
    logits = torch.log(torch.tensor([[1.0, 2.0, 3.0, 6.0]]))
    probabilities = log_policy(logits, penalty_of(torch.tensor([[1, 1, 0, 1]]))).exp()
    assert probabilities[0].tolist() == pytest.approx([1 / 9, 2 / 9, 0, 6 / 9])
    assert probabilities[0, 2] == 0


def test_the_only_action_allowed_is_certain() -> None:
    log_probs = log_policy(torch.tensor([[5.0, -3.0]]), penalty_of(torch.tensor([[0, 1]])))
    assert log_probs[0, 1] == 0
