"""Updating: minibatches of whole ticks, advantages normalised over all parts, steps that do not depend on threads."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from townlet_core.config.ppo import PPO, Network
from townlet_core.policy.network import ActorCritic, Shape, log_policy, penalty_of
from townlet_core.ppo.learner import Learner, Slopes
from townlet_core.ppo.update import Batch, Columns, minibatches, moments_of, scaling, update

SHAPE = Shape(map=(0, 0, 0), features=3, actions=2)


def learner(threads: int = 1, **settings: Any) -> Learner:
    network = ActorCritic(SHAPE, Network(hidden=(8,)), generator=torch.Generator().manual_seed(5))
    return Learner(network, PPO(**settings), threads=threads)


def wide_network() -> ActorCritic:
    return ActorCritic(SHAPE, Network(hidden=(128, 128)), generator=torch.Generator().manual_seed(5))


def batch(network: ActorCritic, agents: int = 4, ticks: int = 8, seed: int = 0) -> Batch:
    """What a network did: its own log-probabilities and values, advantages at random; agent 0 dies halfway."""
    g = torch.Generator().manual_seed(seed)
    features = torch.randn(ticks, agents, 3, generator=g)
    penalty = penalty_of(torch.ones(ticks * agents, 2))
    with torch.no_grad():
        logits, values = network(torch.zeros(ticks * agents, 0), features.flatten(0, 1))
    actions = torch.randint(2, (ticks, agents), generator=g)
    log_probs = log_policy(logits, penalty).gather(1, actions.reshape(-1, 1)).reshape(ticks, agents)
    advantages, weights = torch.randn(ticks, agents, generator=g), torch.ones(ticks, agents)
    weights[ticks // 2 :, 0] = 0
    choices = weights.clone()
    choices[:2, 1] = 0  # agent 1 has none at first
    return Batch(
        map=torch.zeros(ticks, agents, 0),
        features=features,
        penalty=penalty.reshape(ticks, agents, 2),
        actions=actions,
        columns=torch.stack(
            Columns(
                old_log_probs=log_probs,
                advantages=advantages,
                returns=torch.randn(ticks, agents, generator=g),
                old_values=values.reshape(ticks, agents),
                weights=weights,
                choices=choices,
            )
        ),
        moments=moments_of(advantages.numpy(), weights.numpy(), choices.numpy()),
    )


def weights(learner: Learner) -> Any:
    return torch.cat([parameter.detach().reshape(-1) for parameter in learner.parameters]).numpy()


def split(whole: Batch, at: int) -> list[Batch]:
    """The agents before and from `at` on as two parts."""
    parts = []
    for agents in (slice(None, at), slice(at, None)):
        fields = {name: getattr(whole, name)[:, agents] for name in ("map", "features", "penalty", "actions")}
        columns = whole.columns[:, :, agents]
        _, advantages, _, _, weights, choices = columns.numpy()
        parts.append(Batch(**fields, columns=columns, moments=moments_of(advantages, weights, choices)))
    return parts


def test_a_pass_deals_every_tick_once_and_the_next_in_another_order() -> None:
    passes = list(minibatches(8, PPO(update_epochs=2, minibatches=4), key=[1, 2]))
    assert [[len(dealt) for dealt in each] for each in passes] == [[2] * 4] * 2
    orders = [np.concatenate(each).tolist() for each in passes]
    assert [sorted(order) for order in orders] == [list(range(8))] * 2
    assert orders[0] != orders[1]


def test_the_order_depends_on_the_key_alone() -> None:
    def order(*key: int) -> list[int]:
        return np.concatenate(next(minibatches(8, PPO(), key=key))).tolist()  # type: ignore[no-any-return]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)


def test_the_advantages_of_choices_are_normalised_by_mean_and_unbiased_deviation() -> None:
    """1, 2, 3, 6: mean 3, squares of the distances 4 + 1 + 0 + 9 = 14, variance 14 / 3. Two lived without a choice."""
    advantages = np.array([[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]])
    moments = moments_of(advantages, np.ones((3, 2)), np.array([[1, 1], [1, 1], [0, 0]]))
    found = scaling(moments.sum(0), normalize=True)
    assert found[:3] == (1 / 6, 0.25, 3)
    assert found.factor == pytest.approx((3 / 14) ** 0.5)
    assert scaling(moments.sum(0), normalize=False) == (1 / 6, 0.25, 0, 1)


def test_advantages_that_are_all_the_same_become_nothing() -> None:
    found = scaling(moments_of(np.full((2, 2), 5.0), np.ones((2, 2)), np.ones((2, 2))).sum(0), normalize=True)
    assert (found.choice_share, (5.0 - found.mean) * found.factor) == (0.25, 0)


def test_a_minibatch_without_a_choice_moves_no_policy() -> None:
    found = scaling(moments_of(np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2))).sum(0), normalize=True)
    assert found == (0.25, 0, 0, 1)


def test_the_first_minibatch_of_fresh_experience_has_ratio_one() -> None:
    ours = learner(update_epochs=1, minibatches=1)
    updated = update(ours, [batch(ours.network)], entropy_coef=0.0, key=[0])
    assert updated.outcome.k1 == pytest.approx(0, abs=1e-7)
    assert updated.outcome.k3 == pytest.approx(0, abs=1e-7)
    assert updated.outcome.clip_fraction == 0
    # with ratio 1 the policy loss is minus the mean advantage, which normalising makes 0
    assert updated.outcome.policy_loss == pytest.approx(0, abs=1e-6)


def test_two_parts_are_one_batch() -> None:
    one, two = learner(), learner()
    whole = batch(one.network)
    update(one, [whole], entropy_coef=0.01, key=[3])
    update(two, split(whole, 1), entropy_coef=0.01, key=[3])
    assert weights(one) == pytest.approx(weights(two), abs=1e-6)


def test_threads_change_no_bit() -> None:
    alone, together = learner(threads=1), learner(threads=2)
    parts = split(batch(alone.network), 2)
    for each in (alone, together):
        update(each, parts, entropy_coef=0.01, key=[3])
    assert weights(alone).tobytes() == weights(together).tobytes()


def test_threads_that_divide_the_products_of_a_part_that_is_alone_change_no_bit() -> None:
    """In a network and a minibatch of usual sizes; products of odd sizes can differ in their last bits."""
    one, two = (Learner(wide_network(), PPO(update_epochs=1), threads=threads) for threads in (1, 2))
    for each in (one, two):
        update(each, [batch(each.network, agents=16, ticks=128)], entropy_coef=0.01, key=[3])
    assert weights(one).tobytes() == weights(two).tobytes()
    assert torch.get_num_threads() == 1, "and this thread has one again"


def test_the_gradient_is_shortened_to_its_limit_and_told_as_it_was() -> None:
    """Plain Adam scales any gradient, so the limit is looked at where it acts: on the gradient."""
    ours = learner(update_epochs=1, minibatches=1, max_grad_norm=0.01)
    updated = update(ours, [batch(ours.network)], entropy_coef=0.0, key=[0])
    assert updated.grad_norm > 0.1
    assert torch.linalg.vector_norm(ours.gradient).item() == pytest.approx(0.01, rel=1e-3)


def test_a_pass_with_too_much_kl_is_the_last() -> None:
    eager: dict[str, Any] = {"learning_rate": 0.05, "update_epochs": 10, "minibatches": 2}
    free, held = learner(**eager), learner(**eager, target_kl=0.001)
    assert update(free, [batch(free.network)], entropy_coef=0.0, key=[0]).updates == 20
    assert update(held, [batch(held.network)], entropy_coef=0.0, key=[0]).updates == 2


def deserted(whole: Batch, ticks: slice) -> Batch:
    """The same, but nobody lives in some ticks."""
    _, advantages, _, _, lives, choices = columns = whole.columns.clone()
    lives[ticks], choices[ticks] = 0, 0
    moments = moments_of(advantages.numpy(), lives.numpy(), choices.numpy())
    return whole._replace(columns=columns, moments=moments)


def test_nothing_is_learned_from_a_minibatch_in_which_nobody_lived() -> None:
    """Adam would go on in its old direction, and zeros would pass for losses."""
    ours = learner(update_epochs=1, minibatches=8, target_kl=1.0)
    whole = batch(ours.network)
    update(ours, [whole], entropy_coef=0.01, key=[0])
    before = weights(ours).copy()
    nothing = update(ours, [deserted(whole, slice(None))], entropy_coef=0.01, key=[1])
    assert (nothing.updates, nothing.grad_norm) == (0, 0.0)
    assert weights(ours).tobytes() == before.tobytes()
    some = update(ours, [deserted(whole, slice(2, None))], entropy_coef=0.01, key=[1])
    assert some.updates == 2  # of eight minibatches of a tick
    assert some.outcome.entropy == pytest.approx(0.69, abs=0.05)  # of two actions, nearly as likely


def test_what_is_learned_from_beside_is_learned_where_nobody_lived_too() -> None:
    ours = learner(update_epochs=1, minibatches=8)
    whole = deserted(batch(ours.network), slice(2, None))

    def nothing(slopes: Slopes, threads: int) -> torch.Tensor:
        for slope in slopes.values():
            slope.zero_()
        return torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])

    updated = update(ours, [whole], entropy_coef=0.0, key=[0], also=itertools.repeat([nothing]))
    assert (updated.updates, updated.further_loss) == (8, 1.0)
    assert updated.outcome.entropy == pytest.approx(0.69, abs=0.05)


def test_what_is_learned_from_beside_pulls_too() -> None:
    alone, beside = learner(), learner()
    whole = batch(alone.network)
    update(alone, [whole], entropy_coef=0.0, key=[0])

    def pull(slopes: Slopes, threads: int) -> torch.Tensor:
        """The loss 10 bias^2 + 10 bias, by hand."""
        bias = beside.network.head.bias
        first = float(bias.detach()[0])
        for slope in slopes.values():
            slope.zero_()
        slopes[bias][0] = 20 * first + 10
        return torch.tensor([10 * first * first + 10 * first, 0.0, 0.0, 0.0, 0.0, 0.0])

    updated = update(beside, [whole], entropy_coef=0.0, key=[0], also=itertools.repeat([pull]))
    assert beside.network.head.bias[0].item() < alone.network.head.bias[0].item()
    assert updated.further_loss < 0
