"""Losses: by hand, and against the formulas of CleanRL's ppo.py written out with torch's own distributions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.distributions import Categorical

from townlet_core.config.ppo import PPO, Network
from townlet_core.policy.network import FORBIDDEN, ActorCritic, Shape, log_policy, penalty_of
from townlet_core.ppo.gradients import gradients
from townlet_core.ppo.learner import Loss
from townlet_core.ppo.losses import (
    Minibatch,
    Outcome,
    Term,
    differentiate,
    differentiate_tensors,
    kl_k1,
    kl_k3,
    regression,
    surrogate,
    value_loss,
)

SHAPE = Shape(map=(2, 3, 3), features=5, actions=4)


def network(seed: int = 0) -> ActorCritic:
    made = ActorCritic(SHAPE, Network(hidden=(8, 8)), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        made.head.weight.mul_(100)  # far from uniform
    return made


def minibatch(n: int = 12, seed: int = 1, **changes: Any) -> Minibatch:
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(n, 4, generator=g) < 0.7
    actions = torch.randint(4, (n,), generator=g)
    mask[torch.arange(n), actions] = True
    batch = Minibatch(
        map=torch.rand(n, 18, generator=g),
        features=torch.randn(n, 5, generator=g),
        penalty=penalty_of(mask),
        actions=actions,
        old_log_probs=-torch.rand(n, generator=g) * 2,
        advantages=torch.randn(n, generator=g),
        returns=torch.randn(n, generator=g),
        old_values=torch.randn(n, generator=g),
        weights=torch.full((n,), 1 / n),
        choices=torch.full((n,), 1 / n),
    )
    return batch._replace(**changes)


def learned(
    net: ActorCritic, batch: Minibatch, settings: PPO, entropy_coef: float, term: Term
) -> tuple[torch.Tensor, Outcome, list[torch.Tensor]]:
    """Give the loss, its outcome and its gradient."""
    found, told = written_by(lambda slopes, _: gradients(net, batch, settings, entropy_coef, term, slopes=slopes), net)
    outcome = Outcome(*told)
    loss = outcome.policy_loss + settings.value_coef * outcome.value_loss - entropy_coef * outcome.entropy
    return loss, outcome, found


def written_by(loss: Loss, net: ActorCritic) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Give the gradient that a loss writes, and its outcome."""
    slopes: dict[torch.Tensor, torch.Tensor] = {each: torch.full_like(each, 7.0).detach() for each in net.parameters()}
    outcome = loss(slopes, 1)
    return list(slopes.values()), outcome


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        pytest.param(1.1, 2.0, -2.2, -2.2, id="within the range"),
        pytest.param(1.5, 2.0, -2.4, 0, id="no more to be won above it"),
        pytest.param(0.5, 2.0, -1.0, -1.0, id="a bad step is taken back in full"),
        pytest.param(0.5, -2.0, 1.6, 0, id="no more to be won below it"),
        pytest.param(1.5, -2.0, 3.0, 3.0, id="and a worse one too"),
    ],
)
def test_the_surrogate_is_clipped_where_more_would_be_won(
    ratio: float, advantage: float, loss: float, slope: float
) -> None:
    """The slope by the log-probability is minus ratio times advantage, or 0."""
    batch = minibatch(1, old_log_probs=torch.zeros(1), advantages=torch.tensor([advantage]))
    found = surrogate(torch.tensor([math.log(ratio)]), batch, PPO(clip_range=0.2))
    assert (found.loss.item(), found.slope.item()) == pytest.approx((loss, slope), rel=1e-6)


def test_the_value_loss_is_half_the_square_and_clipped_takes_the_larger() -> None:
    values, returns, old = torch.tensor([3.0, 0.0]), torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0])
    assert [each.tolist() for each in value_loss(values, returns, old, None)] == [[2.0, 0.5], [2.0, -1.0]]
    # held within 0.5 of the old one: 0.5 v 1 gives 0.125, less than 2; then 0 v 1 either way
    assert [each.tolist() for each in value_loss(values, returns, old, 0.5)] == [[2.0, 0.5], [2.0, -1.0]]
    # 0.5 v 3 gives 3.125, more than 0; and moving the value changes nothing there
    only = (torch.tensor([3.0]), torch.tensor([3.0]), torch.tensor([0.0]))
    assert [each.tolist() for each in value_loss(*only, 0.5)] == [[3.125], [0.0]]


def test_the_entropy_of_an_even_choice_of_two_is_log_two() -> None:
    batch = minibatch(penalty=penalty_of(torch.tensor([[1, 0, 1, 0]] * 12)), actions=torch.zeros(12, dtype=torch.int64))
    _, told = differentiate(torch.zeros(12, 5), batch, PPO(), 0.0, surrogate)
    assert Outcome(*told).entropy.item() == pytest.approx(math.log(2))


def test_both_estimates_of_kl_by_hand() -> None:
    log_ratio = torch.tensor([math.log(0.5), math.log(2.0)])
    assert kl_k1(log_ratio).tolist() == pytest.approx([math.log(2), -math.log(2)])
    assert kl_k3(log_ratio).tolist() == pytest.approx([0.5 - 1 + math.log(2), 2 - 1 - math.log(2)])


def test_both_estimates_of_kl_agree_in_the_mean() -> None:
    """Over draws of the old policy both have the mean KL(old, new), here 0.5 log(0.5/0.9) + 0.5 log(0.5/0.1)."""
    old, new = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    log_ratio = new.log() - old.log()
    exact = (old * (old.log() - new.log())).sum().item()
    assert (old * kl_k1(log_ratio)).sum().item() == pytest.approx(exact)
    assert (old * kl_k3(log_ratio)).sum().item() == pytest.approx(exact)


def test_what_is_forbidden_has_no_probability_and_no_gradient() -> None:
    output = torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
    logits = output[:, :-1]
    mask = torch.tensor([[1, 0, 1, 1]] * 5)
    assert (log_policy(logits, penalty_of(mask)).exp()[:, 1] == 0).all()
    batch = minibatch(5, penalty=penalty_of(mask), actions=torch.zeros(5, dtype=torch.int64))
    batch = batch._replace(old_log_probs=log_policy(logits, batch.penalty)[:, 0])
    gradient, _ = differentiate(output, batch, PPO(), 0.1, surrogate)
    assert (gradient[:, 1] == 0).all()
    assert (gradient[:, [0, 2, 3]] != 0).all()


@pytest.mark.parametrize("value_clip", [None, 0.3])
def test_the_loss_and_its_gradient_are_cleanrls(value_clip: float | None) -> None:
    settings = PPO(clip_range=0.15, value_clip_range=value_clip, value_coef=0.7)
    batch, net = minibatch(), network()
    loss, outcome, found = learned(net, batch, settings, 0.03, surrogate)

    logits, values = net(batch.map, batch.features)
    choice = Categorical(logits=logits.masked_fill(batch.penalty < 0, torch.finfo().min))
    logratio = choice.log_prob(batch.actions) - batch.old_log_probs
    ratio = logratio.exp()
    pg_loss = torch.max(-batch.advantages * ratio, -batch.advantages * torch.clamp(ratio, 0.85, 1.15)).mean()
    v_loss = (values - batch.returns) ** 2
    if value_clip is not None:
        clipped = batch.old_values + torch.clamp(values - batch.old_values, -value_clip, value_clip)
        v_loss = torch.max(v_loss, (clipped - batch.returns) ** 2)
    expected = pg_loss - 0.03 * choice.entropy().mean() + 0.7 * 0.5 * v_loss.mean()
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(found, torch.autograd.grad(expected, list(net.parameters())), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert outcome.policy_loss.item() == pytest.approx(pg_loss.item(), abs=1e-6)
    assert outcome.clip_fraction.item() == pytest.approx(((ratio - 1).abs() > 0.15).float().mean().item(), abs=1e-6)
    assert outcome.k1.item() == pytest.approx(-logratio.mean().item(), abs=1e-6)
    assert outcome.k3.item() == pytest.approx((ratio - 1 - logratio).mean().item(), abs=1e-5)


@pytest.mark.parametrize("term", [surrogate, regression])
@pytest.mark.parametrize("value_clip", [None, 0.3])
def test_the_kernel_and_the_steps_of_tensors_say_the_same(value_clip: float | None, term: Term) -> None:
    """Over 2,000 transitions: far and near ratios, values held and free, and who does not live or has no choice."""
    g = torch.Generator().manual_seed(6)
    settings = PPO(clip_range=0.2, value_clip_range=value_clip, value_coef=0.7)
    batch = minibatch(2000)
    lives = (torch.rand(2000, generator=g) < 0.9).float()
    batch = batch._replace(weights=lives / 2000, choices=lives * (torch.rand(2000, generator=g) < 0.9) / 2000)
    output = torch.randn(2000, 5, generator=g)
    mine, told = differentiate(output, batch, settings, 0.03, term)
    theirs, told_there = differentiate_tensors(output, batch, settings, 0.03, term)
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(told, told_there, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("column", [0, 2, 4], ids=["a logit", "one that is forbidden", "a value"])
def test_what_is_no_number_is_seen_in_the_loss_and_its_gradient(column: int) -> None:
    output, everything = torch.randn(12, 5, generator=torch.Generator().manual_seed(3)), torch.zeros(12, 4)
    everything[:, 2] = FORBIDDEN
    output[3, column] = math.nan
    for value_clip in (None, 0.3):
        settings = PPO(value_clip_range=value_clip)
        batch = minibatch(penalty=everything, actions=torch.zeros(12, dtype=torch.int64))
        by_output, told = differentiate(output, batch, settings, 0.01, surrogate)
        assert by_output[3].isnan().any()
        assert math.isnan(Outcome(*told).value_loss if column == 4 else Outcome(*told).policy_loss)


def test_who_does_not_live_changes_nothing() -> None:
    """Transitions of weight 0 leave loss and gradient as they are without them, whatever stands in them."""
    net, some = network(), minibatch(6)
    noise = minibatch(4, seed=9, weights=torch.zeros(4), choices=torch.zeros(4))
    more = Minibatch(*(torch.cat(pair) for pair in zip(some, noise, strict=True)))  # type: ignore[arg-type]
    few, many = (learned(net, each, PPO(), 0.01, surrogate)[2] for each in (some, more))
    for a, b in zip(few, many, strict=True):
        torch.testing.assert_close(a, b)


def test_cloning_raises_the_log_probability_of_what_was_done() -> None:
    net, batch = network(), minibatch(advantages=torch.ones(12))
    loss, outcome, _ = learned(net, batch, PPO(value_coef=0.0), 0.0, regression)
    log_probs = log_policy(net(batch.map, batch.features)[0], batch.penalty)
    expected = -log_probs.gather(1, batch.actions.unsqueeze(1)).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(outcome.policy_loss, expected.detach())


def test_a_regression_never_looks_at_old_log_probabilities() -> None:
    batch = minibatch(advantages=torch.rand(12))
    strange = batch._replace(old_log_probs=torch.full((12,), math.nan))
    one, other = (learned(network(), each, PPO(), 0.01, regression)[0] for each in (strange, batch))
    assert one == other
