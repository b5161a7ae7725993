"""The way back through the network, written out, beside autograd's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.ppo.test_losses import learned, minibatch
from townlet_core.config.ppo import PPO, Network
from townlet_core.policy.marks import list_marks
from townlet_core.policy.network import ActorCritic, Shape
from townlet_core.ppo.gradients import chain_rule
from townlet_core.ppo.losses import action_values, differentiate, differentiate_action_values, surrogate

SETTINGS = PPO(value_coef=0.7)


def network(tiles: int, **settings: Any) -> ActorCritic:
    shape = Shape(map=(2, tiles // 6, 3), features=5, actions=4) if tiles else Shape((0, 0, 0), 5, 4)
    made = ActorCritic(shape, Network(**settings), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        made.head.weight.mul_(100)  # far from uniform
    return made


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(8,), (8, 6), (8, 6, 7)], ids=str)
@pytest.mark.parametrize("tiles", [18, 0], ids=["with a map", "without"])
def test_the_chain_rule_is_autograds(tiles: int, hidden: tuple[int, ...], activation: str) -> None:
    """Bit for bit but for the map's weights, whose sums autograd takes in another order."""
    net = network(tiles, hidden=hidden, activation=activation)
    dense = (torch.rand(12, tiles, generator=torch.Generator().manual_seed(3)) < 0.2).float()
    batch = minibatch(map=list_marks(dense.numpy()) if tiles else dense)
    output = net.say(net.hidden(batch.map, batch.features)[-1])
    by_output, _ = differentiate(output.detach(), batch, SETTINGS, 0.01, surrogate)
    theirs = torch.autograd.grad(output, list(net.parameters()), by_output)
    with torch.no_grad():
        given = net.hidden(batch.map, batch.features)
        slopes: dict[torch.Tensor, torch.Tensor] = {each: torch.zeros_like(each) for each in net.parameters()}
        chain_rule(net, batch.map, batch.features, given, by_output, slopes)
    ours = list(slopes.values())
    assert len(ours) == len(theirs) == 2 * len(hidden) + 2 + bool(tiles)
    for parameter, own, other in zip(net.parameters(), ours, theirs, strict=True):
        if parameter is net.map_weights:
            torch.testing.assert_close(own, other)
        else:
            assert torch.equal(own, other)
        assert own.any()


@pytest.mark.parametrize("encoder", ["linear", "patch", "conv"])
def test_maps_that_are_drawn_are_left_to_autograd(encoder: str) -> None:
    """Whatever the encoder, raising the loss along the gradient raises it by the gradient's square."""
    net = network(18, encoder=encoder, hidden=(8, 8)).double()
    single = minibatch(map=torch.rand(12, 18, generator=torch.Generator().manual_seed(3)))
    doubled = {name: part.double() for name, part in single._asdict().items() if part.is_floating_point()}
    batch = single._replace(**doubled)
    _, before, found = learned(net, batch, SETTINGS, 0.0, surrogate)
    step, square = 1e-6, sum(float((each * each).sum()) for each in found)
    with torch.no_grad():
        for parameter, slope in zip(net.parameters(), found, strict=True):
            parameter.add_(step * slope / square)
    _, after, _ = learned(net, batch, SETTINGS, 0.0, surrogate)
    rise = (after[0] - before[0]) + SETTINGS.value_coef * (after[1] - before[1])
    assert float(rise) == pytest.approx(step, rel=1e-3)


def test_the_slope_of_what_actions_are_worth_by_hand() -> None:
    """Values 1 and 2, to which the actions taken add 3 and -1: 4 and 1, where 2 came of each; the mean of both."""
    output, actions = torch.tensor([[3.0, 9.0, 1.0], [9.0, -1.0, 2.0]]), torch.tensor([0, 1])
    assert action_values(output, actions).tolist() == [4, 1]
    slope, outcome = differentiate_action_values(output, actions, torch.tensor([2.0, 2.0]), 0.5)
    assert slope.tolist() == [[1, 0, 1], [0, -0.5, -0.5]]  # errors 2 and -1, for the action taken and for the value
    assert outcome.tolist() == [0, 1.25, 0, 0, 0, 0]  # (4 / 2 + 1 / 2) / 2


def test_the_slope_of_what_actions_are_worth_is_autograds() -> None:
    output = torch.randn(12, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    batch = minibatch()
    loss = 0.5 * ((action_values(output, batch.actions) - batch.returns) ** 2).mean()
    (theirs,) = torch.autograd.grad(loss, output)
    ours, told = differentiate_action_values(output.detach(), batch.actions, batch.returns, 1 / 12)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(told[1], loss.detach())


def test_a_list_and_the_map_that_it_lists_have_the_same_gradient() -> None:
    net = network(18, hidden=(8, 8))
    dense = (torch.rand(12, 18, generator=torch.Generator().manual_seed(3)) < 0.3).float()
    listed = learned(net, minibatch(map=list_marks(dense.numpy())), SETTINGS, 0.01, surrogate)
    drawn = learned(net, minibatch(map=dense), SETTINGS, 0.01, surrogate)
    torch.testing.assert_close(listed[0], drawn[0])
    for one, other in zip(listed[2], drawn[2], strict=True):
        torch.testing.assert_close(one, other)
