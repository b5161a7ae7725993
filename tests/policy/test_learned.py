"""The learned policy: what luck draws from a network, and that it draws the same in any batch of worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.playing import crowded
from townlet_core.config.ppo import Network
from townlet_core.policy.decision import Decision, Observation
from townlet_core.policy.learned import LearnedPolicy
from townlet_core.policy.network import ActorCritic, Shape, log_policy, penalty_of
from townlet_core.policy.sampling import draw
from townlet_core.rollout.collect import collect
from townlet_core.world.records import WAIT
from townlet_core.world.town import compile_town

SHAPE = Shape(map=(1, 3, 3), features=4, actions=5)
BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))


def policy(shape: Shape = SHAPE) -> LearnedPolicy:
    """A policy far from uniform."""
    network = ActorCritic(shape, Network(hidden=(16,)), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        network.head.weight[:-1].mul_(300)
    return LearnedPolicy(network, name="test")


def observation(worlds: int = 8, agents: int = 3, seed: int = 0) -> Observation:
    chance = np.random.default_rng(seed)
    mask = (chance.random((worlds, agents, 5)) < 0.6).astype(np.uint8)
    mask[..., 0] = 1
    return Observation(
        tiles=np.zeros((worlds, agents, 0), np.uint8),
        map=chance.random((worlds, agents, 9), np.float32),
        features=chance.normal(size=(worlds, agents, 4)).astype(np.float32),
        action_mask=mask,
    )


def luck(worlds: int = 8, agents: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(9).random((worlds, agents), np.float32)


def drawn_from(logits: list[float], mask: list[int], u: float) -> tuple[int, float]:
    """Draw for one agent; give the action and its log-probability."""
    actions, log_probs = np.empty(1, np.int16), np.empty(1, np.float32)
    logit, luck = np.array([logits], np.float32), np.array([u], np.float32)
    draw(logit, np.array([mask], np.uint8), luck, actions, log_probs)
    return int(actions[0]), float(log_probs[0])


@pytest.mark.parametrize(
    ("u", "action"),
    [
        pytest.param(0.0, 1, id="0 passes by what is forbidden at the front"),
        pytest.param(0.2499, 1, id="below a quarter"),
        pytest.param(0.25, 3, id="a quarter begins the next"),
        pytest.param(BELOW_ONE, 3, id="just below 1 passes by what is forbidden at the end"),
    ],
)
def test_luck_falls_into_the_share_of_an_action(u: float, action: int) -> None:
    """Actions 1 and 3 have a quarter and three quarters; 0, 2 and 4 are forbidden."""
    drawn, log_prob = drawn_from([math.log(share) for share in (9, 1, 9, 3, 9)], [0, 1, 0, 1, 0], u)
    assert drawn == action
    assert log_prob == pytest.approx(math.log(0.25 if action == 1 else 0.75), abs=1e-6)


@given(
    logits=st.lists(st.floats(-200, 200, width=32), min_size=6, max_size=6),
    allowed=st.lists(st.booleans(), min_size=6, max_size=6).filter(any),
    u=st.floats(0, 1, exclude_max=True, width=32) | st.sampled_from([0.0, BELOW_ONE]),
)
def test_what_is_forbidden_is_never_drawn_and_the_rest_as_torch_has_it(
    logits: list[float], allowed: list[bool], u: float
) -> None:
    action, log_prob = drawn_from(logits, list(map(int, allowed)), u)
    assert allowed[action]
    wanted = log_policy(torch.tensor([logits]), penalty_of(torch.tensor([allowed])))[0, action]
    assert log_prob == pytest.approx(float(wanted), abs=1e-4, rel=1e-6)
    assert math.exp(log_prob) > 0


def test_where_nothing_is_allowed_one_waits() -> None:
    assert drawn_from([1.0, 2.0], [0, 0], 0.5) == (WAIT, 0.0)


def test_actions_are_drawn_as_often_as_they_are_likely() -> None:
    """Luck in steps of 1/1000 is a census: each action gets its share, give or take one."""
    logits = np.log(np.tile(np.array([0.1, 0.2, 0.3, 0.4], np.float32), (1000, 1)))
    actions, log_probs = np.empty(1000, np.int16), np.empty(1000, np.float32)
    draw(logits, np.ones((1000, 4), np.uint8), np.arange(1000, dtype=np.float32) / 1000, actions, log_probs)
    assert np.bincount(actions).tolist() == pytest.approx([100, 200, 300, 400], abs=1)


def decide_by_network(acting: LearnedPolicy, seen: Observation, decision: Decision) -> tuple[float, float]:
    """How far log-probabilities and values are from what the network itself says."""
    flat = [torch.from_numpy(part.reshape(24, -1)) for part in (seen.map, seen.features, seen.action_mask)]
    logits, values = acting.network(flat[0], flat[1])
    log_probs = log_policy(logits, penalty_of(flat[2])).detach().numpy()
    chosen = log_probs[np.arange(24), decision.actions.reshape(-1)]
    return (
        float(np.abs(chosen - decision.log_probs.reshape(-1)).max()),
        float(np.abs(values.detach().numpy() - decision.values.reshape(-1)).max()),
    )


def test_a_decision_says_how_likely_its_actions_were_and_what_is_expected() -> None:
    acting, seen = policy(), observation()
    decision = acting.decide(seen, luck())
    assert decide_by_network(acting, seen, decision) == pytest.approx((0, 0), abs=1e-6)
    assert (decision.log_probs <= 0).all()
    assert decision.log_probs.min() < math.log(0.1), "some unlikely action is among them"


def test_a_decision_is_allowed() -> None:
    seen = observation()
    actions = policy().decide(seen, luck()).actions
    assert np.take_along_axis(seen.action_mask, actions[..., None].astype(np.int64), axis=2).all()


def test_values_are_those_of_the_decision() -> None:
    acting, seen = policy(), observation()
    values = acting.values(seen.map.reshape(24, 9), seen.features.reshape(24, 4))
    assert values == pytest.approx(acting.decide(seen, luck()).values.reshape(-1), abs=1e-6)


def test_a_world_among_eight_is_played_as_alone() -> None:
    """World 3 of a batch of eight and world 3 by itself: the same luck, so the same deeds for sixty ticks."""
    town = compile_town(crowded())
    acting = policy(Shape(town.map_shape, len(town.features), len(town.actions.names)))
    played = {}
    for first, worlds in ((0, 8), (3, 1)):
        chunks = collect(town, worlds=worlds, first_world=first, seed=2, policy=acting, ticks=60, planes=True)
        played[worlds] = np.concatenate([chunk.actions.copy() for chunk in chunks])
    assert np.array_equal(played[8][:, 3], played[1][:, 0])
    assert not np.array_equal(played[8][:, 2], played[1][:, 0])
