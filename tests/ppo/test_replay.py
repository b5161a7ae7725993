"""Learning from captures: what a captured action is worth, by hand, and which numbers never reach a loss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from tests.ppo.test_losses import written_by
from townlet_core.config.ppo import PPO, Network, Replay
from townlet_core.dataset.columns import LogProbs, new_columns
from townlet_core.dataset.packed import Layout, Packed
from townlet_core.dataset.replay import Dataset, LifeSpan
from townlet_core.dataset.tables import Tables
from townlet_core.errors import InputError, UsageError
from townlet_core.policy.network import ActorCritic, Shape, log_policy
from townlet_core.ppo.learner import Learner
from townlet_core.ppo.losses import Outcome
from townlet_core.ppo.method import Method, choose_method
from townlet_core.ppo.replay import ReplayBuffer
from townlet_core.ppo.weights import regression_weights

f32 = np.float32
HERE = Path("captures")
BOTH, FIRST = (1, 1), (1, 0)  # what is allowed
NO_CAPTURE: list[Any] = []


class Lived(NamedTuple):
    """One life of an agent who sees two numbers and has two actions."""

    seen: list[tuple[float, float]]  # a tick, and at the end once more
    actions: list[int]
    rewards: list[float]
    died: bool = True
    masks: list[tuple[int, int]] | None = None
    log_probs: list[float] | None = None
    kind: LogProbs = "deterministic"
    learned: bool = False


def some_life(ticks: int, seed: int, *, died: bool) -> Lived:
    chance = np.random.default_rng(seed)
    masks = [BOTH if chance.random() < 0.7 else FIRST for _ in range(ticks)]
    actions = [int(chance.integers(2)) if mask == BOTH else 0 for mask in masks]
    seen = [(a, b) for a, b in chance.normal(size=(ticks + 1, 2)).tolist()]
    return Lived(seen, actions, chance.normal(size=ticks).tolist(), died, masks)


def dataset_of(*lives: Lived) -> Dataset:
    """Put lives into rows as reading captures does."""
    steps = sum(len(life.actions) for life in lives)
    columns = new_columns(steps)
    packed = Packed(steps + len(lives), Layout(0, 2, 2, binary=True), memory_bytes=2**20, folder=None)
    spans, at = [], 0
    for number, life in enumerate(lives):
        stop = at + len(life.actions)
        span = slice(at, stop)
        columns.actions[span], columns.rewards[span] = life.actions, life.rewards
        if life.log_probs is not None:
            columns.log_probs[span] = life.log_probs
        columns.terminated[stop - 1], columns.truncated[stop - 1] = life.died, not life.died
        seen, masks = np.array(life.seen, f32), np.array(life.masks or [BOTH] * len(life.actions), np.bool_)
        packed.put(at, np.zeros((len(masks), 0)), seen[:-1], masks)
        packed.put(steps + number, np.zeros((1, 0)), seen[-1:], np.ones((1, 2), np.bool_))
        spans.append(LifeSpan(at, stop, HERE, f"life_{number}.npz", "anna", life.kind, True, life.learned))
        at = stop
    packed.keep()
    return Dataset(NO_CAPTURE, Tables((), (0, 0, 0), ("x", "y"), ("wait", "eat")), spans, columns, packed, None)


def learner(**settings: Any) -> Learner:
    network = ActorCritic(Shape((0, 0, 0), 2, 2), Network(hidden=(8,)), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        network.head.weight[:-1].mul_(100)  # far from uniform
    return Learner(network, PPO(**settings))


def buffer(dataset: Dataset, ours: Learner | None = None, **settings: Any) -> ReplayBuffer:
    return ReplayBuffer(dataset, ours or learner(), Replay(**settings), seed=0, parts=1, own=range(1))


def own_log_probs(ours: Learner, life: Lived) -> list[float]:
    """What the network itself would say of the actions, all allowed."""
    with torch.no_grad():
        logits, _ = ours.network(torch.zeros(len(life.actions), 0), torch.tensor(life.seen[:-1], dtype=torch.float32))
        log_probs = log_policy(logits, torch.zeros_like(logits))
    return [float(log_probs[t, action]) for t, action in enumerate(life.actions)]


def values_of(ours: Learner, life: Lived) -> list[float]:
    with torch.no_grad():
        return ours.network(torch.zeros(len(life.seen), 0), torch.tensor(life.seen, dtype=torch.float32))[1].tolist()  # type: ignore[no-any-return]


def learn(held: ReplayBuffer, epochs: int, entropy_coef: float = 0.0) -> None:
    for epoch in range(1, epochs + 1):
        for losses in held.steps(held.judge(epoch), epoch, entropy_coef):
            held.learner.step(losses)


def test_cloning_weighs_every_action_the_same() -> None:
    judged = buffer(dataset_of(some_life(9, 0, died=True)), method="clone").judge(1)
    assert judged.weights.tolist() == [1] * 9
    assert judged.advantages.std() > 0, "though they are not worth the same"


def test_advantage_weights_are_those_of_ticks_with_a_choice() -> None:
    held = buffer(dataset_of(some_life(30, 0, died=True)), method="awr")
    judged = held.judge(1)
    chosen = held.choices
    assert 0 < chosen.sum() < 30
    assert judged.weights[chosen] == pytest.approx(
        regression_weights(judged.advantages[chosen], np.full(chosen.sum(), np.nan, f32), Replay())
    )
    assert judged.weights[chosen].mean() == pytest.approx(1, rel=1e-5)


def test_the_anchored_form_clones_first_and_then_compares_with_the_clone() -> None:
    life = some_life(9, 0, died=True)._replace(masks=[BOTH] * 9)
    held = buffer(dataset_of(life), method="anchored", anchor_epochs=2)
    assert [held.compares(epoch) for epoch in (1, 2, 3)] == [False, False, True]
    learn(held, 2)
    assert held.anchor is None
    clone = own_log_probs(held.learner, life)
    assert held.judge(3).log_probs == pytest.approx(clone, abs=1e-6)
    held.learner.step(next(held.steps(held.judge(3), 3, 0.0)))
    assert own_log_probs(held.learner, life) != pytest.approx(clone, abs=1e-6)
    assert held.judge(4).log_probs == pytest.approx(clone, abs=1e-6), "the anchor stays"


def test_the_anchored_form_weighs_by_standard_advantages() -> None:
    judged = buffer(dataset_of(some_life(30, 0, died=True)), method="anchored", anchor_epochs=1).judge(2)
    weights = judged.weights[judged.weights != 0]
    assert (weights.mean(), weights.std()) == pytest.approx((0, 1), abs=1e-5)


TRUE: dict[str, Any] = {"log_probs": [-0.5] * 4, "kind": "true"}


def test_vtrace_compares_with_the_true_log_probabilities() -> None:
    life = some_life(4, 0, died=True)._replace(log_probs=[-0.5, -0.25, -1.0, -2.0], kind="true")
    held = buffer(dataset_of(life), method="vtrace")
    assert held.judge(1).log_probs.tolist() == [-0.5, -0.25, -1.0, -2.0]
    assert held.compares(1)


def test_vtrace_of_what_the_network_would_do_itself_is_gae() -> None:
    ours = learner()
    life = some_life(9, 3, died=False)._replace(masks=[BOTH] * 9, kind="true")
    own = dataset_of(life._replace(log_probs=own_log_probs(ours, life)))
    other = dataset_of(life._replace(log_probs=[-0.1] * 9))
    expected = buffer(own, ours, method="awr").judge(1).returns
    assert buffer(own, ours, method="vtrace").judge(1).returns == pytest.approx(expected, abs=1e-5)
    assert buffer(other, ours, method="vtrace").judge(1).returns != pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("method", "also"), [("vtrace", ""), ("retrace", " or with --noise")])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("deterministic", "its policy had no choice"), ("unknown", "nobody knows of which policy")],
)
def test_captures_without_true_log_probabilities_are_refused_by_name_where_they_are_needed(
    method: Method, also: str, kind: LogProbs, reason: str
) -> None:
    life = some_life(4, 0, died=True)
    mixed = dataset_of(life._replace(**TRUE), life._replace(kind=kind))
    with pytest.raises(InputError) as caught:
        choose_method(Replay(method=method), mixed)
    assert str(caught.value) == (
        f"captures: life_1.npz: has no true log-probabilities ({reason}), which {method} needs\n"
        f"hint: use --set replay.method=awr, or captures of a learned policy{also}"
    )


def test_a_critic_of_actions_is_refused_beside_the_town() -> None:
    noisy = dataset_of(some_life(4, 0, died=True)._replace(**TRUE))
    assert choose_method(Replay(method="retrace"), noisy) == "retrace"
    with pytest.raises(UsageError, match="retrace learns from captures alone"):
        choose_method(Replay(method="retrace"), noisy, alone=False)


def test_left_alone_it_is_vtrace_where_a_network_has_acted_in_all_and_else_a_regression() -> None:
    life = some_life(4, 0, died=True)
    noisy = life._replace(**TRUE)
    true = noisy._replace(learned=True)
    assert choose_method(Replay(), dataset_of(true, noisy)) == "retrace"
    assert choose_method(Replay(), dataset_of(true, noisy), alone=False) == "awr"
    assert choose_method(Replay(), dataset_of(true, true)) == "vtrace"
    assert choose_method(Replay(), dataset_of(true, life)) == "awr"


def test_advantages_by_hand_of_a_life_that_was_cut_off() -> None:
    """gamma 0.5, lambda 0: one-step errors, the last of which looks at the value of the last observation."""
    ours = learner(gamma=0.5, gae_lambda=0.0)
    life = Lived([(0, 1), (1, 0), (1, 1)], [0, 1], [2.0, -1.0], died=False)
    v = values_of(ours, life)
    cut = buffer(dataset_of(life), ours, method="clone").judge(1)
    assert cut.advantages == pytest.approx([2 + 0.5 * v[1] - v[0], -1 + 0.5 * v[2] - v[1]], abs=1e-6)
    dead = buffer(dataset_of(life._replace(died=True)), ours, method="clone").judge(1)
    assert dead.advantages == pytest.approx([2 + 0.5 * v[1] - v[0], -1 - v[1]], abs=1e-6)
    assert dead.returns == pytest.approx(dead.advantages + v[:2], abs=1e-6)


@pytest.mark.parametrize("method", ["awr", "vtrace", "retrace"])
def test_lives_of_all_lengths_side_by_side_are_judged_as_each_alone(method: str) -> None:
    lives = [some_life(ticks, ticks, died=ticks % 2 == 0) for ticks in (5, 1, 40, 2, 17, 3, 16, 1)]
    lives = [life._replace(log_probs=[-0.7] * len(life.actions), kind="true") for life in lives]
    ours = learner()
    whole = buffer(dataset_of(*lives), ours, method=method, critic_epochs=1).judge(2)
    at = 0
    for life in lives:
        alone = buffer(dataset_of(life), ours, method=method, critic_epochs=1).judge(2)
        rows = slice(at, at + len(life.actions))
        assert whole.advantages[rows] == pytest.approx(alone.advantages, abs=1e-5)
        assert whole.returns[rows] == pytest.approx(alone.returns, abs=1e-5)
        at = rows.stop


def test_a_tick_without_a_choice_bears_no_weight_in_the_policys_loss() -> None:
    """Of two rows one has a choice: the loss is that of its action alone, not halved."""
    life = Lived([(0, 1), (1, 0), (1, 1)], [0, 1], [0.0, 0.0], masks=[FIRST, BOTH])
    held = buffer(dataset_of(life), method="clone")
    (losses,) = held.steps(held.judge(1), 1, 0.0)
    assert Outcome(*written_by(losses[0], held.learner.network)[1]).policy_loss.item() == pytest.approx(
        -own_log_probs(held.learner, life)[1], abs=1e-6
    )


HALF: dict[str, Any] = {"log_probs": [math.log(0.5)], "kind": "true"}
BANDIT = [Lived([(1, 0), (1, 0)], [arm], [1.0 - arm], **HALF) for arm in (0, 1)] * 32


def chance_of_the_better(method: str) -> float:
    ours = learner(learning_rate=0.01)
    with torch.no_grad():
        ours.network.head.weight[:-1].mul_(0.01)
    learn(buffer(dataset_of(*BANDIT), ours, method=method), 100)
    with torch.no_grad():
        logits, _ = ours.network(torch.zeros(1, 0), torch.tensor([[1.0, 0.0]]))
    return float(torch.softmax(logits, 1)[0, 0])


def test_what_earned_more_is_preferred_though_both_were_done_as_often() -> None:
    """Half deviate by +1 and half by -1: at temperature 0.5 weights exp 2 and exp -2, a chance of 0.982."""
    assert chance_of_the_better("awr") == pytest.approx(1 / (1 + math.exp(-4)), abs=0.02)


def test_cloning_does_as_the_captured_did() -> None:
    assert chance_of_the_better("clone") == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("method", ["awr", "clone", "anchored"])
def test_log_probabilities_that_are_not_true_never_reach_a_loss(method: str) -> None:
    """They are NaN in the dataset, so one that did would leave nothing but NaN."""
    dataset = dataset_of(*(some_life(20, seed, died=True) for seed in range(3)))
    assert np.isnan(dataset.log_probs).all()
    held = buffer(dataset, method=method, anchor_epochs=1, batch=16)
    learn(held, 3, entropy_coef=0.01)
    assert all(torch.isfinite(parameter).all() for parameter in held.learner.parameters)
    assert np.isfinite(held.judge(4).log_probs).all()


def test_a_batch_dealt_to_parts_is_the_batch() -> None:
    """The gradients and losses of three parts sum to those of one."""
    dataset, ours = dataset_of(some_life(20, 1, died=True)), learner()
    told = []
    for parts in (1, 3):
        held = ReplayBuffer(dataset, ours, Replay(method="awr"), seed=0, parts=parts, own=range(parts))
        (losses,) = held.steps(held.judge(1), 1, 0.01)
        assert len(losses) == parts
        written = [written_by(loss, ours.network) for loss in losses]
        told.append(sum(torch.cat([*map(torch.flatten, slopes), outcome]) for slopes, outcome in written))
    torch.testing.assert_close(told[0], told[1], atol=1e-5, rtol=1e-4)
