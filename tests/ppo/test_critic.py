"""The critic of actions: what it expects, what it prefers, and when it has a say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.ppo.test_replay import BANDIT, Lived, buffer, chance_of_the_better, dataset_of, learn, learner


def test_a_critic_of_actions_prefers_what_earned_more() -> None:
    assert chance_of_the_better("retrace") == pytest.approx(1 / (1 + math.exp(-4)), abs=0.02)


DRAW = math.log(0.5)
# the first action leads to a second, of which one earns 1 and the other loses 1: nothing in the mean, if left to chance
FORK = [
    Lived([(1, 0), (0, 1), (0, 0)], [first, arm], [0.2 * first, 1.0 - 2 * arm], log_probs=[DRAW, DRAW], kind="true")
    for arm in (0, 1)
    for first in (0, 1)
] * 16


def test_a_critic_expects_what_the_policy_will_do_and_not_what_the_behaviour_did() -> None:
    ours = learner(learning_rate=0.01, gamma=1.0)
    with torch.no_grad():
        ours.network.head.weight[:-1].mul_(0.01)
    held = buffer(dataset_of(*FORK), ours, method="retrace", temperature=0.1)
    learn(held, 100)
    judged = held.judge(101)
    assert judged.returns[:8:2] == pytest.approx([1, 1.2, 1, 1.2], abs=0.05), "whichever arm was then taken"


def test_an_advantage_is_what_came_of_an_action_and_not_what_the_critic_holds_of_it() -> None:
    """One arm brought 1 and the other nothing, and of the same situation the same was expected: they are 1 apart."""
    judged = buffer(dataset_of(*BANDIT), method="retrace", critic_epochs=1).judge(2)
    assert judged.returns[:2].tolist() == [1, 0]
    assert judged.advantages[0] - judged.advantages[1] == pytest.approx(1)


def test_a_critic_has_no_say_before_it_has_learned() -> None:
    """Cloning first: all weigh the same, since all were as likely."""
    held = buffer(dataset_of(*BANDIT), method="retrace", critic_epochs=2)
    assert held.judge(2).weights == pytest.approx(np.ones(64))
    assert held.judge(3).weights.std() > 0
