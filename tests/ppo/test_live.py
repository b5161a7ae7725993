"""Living in the town: head starts, advantages of a life that was watched, and going on from a state bit for bit."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.playing import crowded
from townlet_core.config.ppo import PPO, Network
from townlet_core.policy.learned import LearnedPolicy
from townlet_core.policy.network import ActorCritic, Shape, log_policy
from townlet_core.ppo.live import Part, head_starts
from townlet_core.ppo.update import Columns
from townlet_core.world.town import CompiledTown, compile_town

SETTINGS = PPO(gamma=0.9, gae_lambda=0.7)


@cache
def the_town() -> CompiledTown:
    """Six agents in a town of hunger: who faints is replaced two ticks later; an episode has forty ticks."""
    return compile_town(crowded())


def part(ticks: int, ahead: tuple[int, ...] = (0, 0), settings: PPO = SETTINGS) -> Part:
    town = the_town()
    shape = Shape(town.map_shape, len(town.features), len(town.actions.names))
    network = ActorCritic(shape, Network(hidden=(16,)), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        network.head.weight[:-1].mul_(100)  # far from uniform
    policy = LearnedPolicy(network, name="test")
    return Part(town, policy, settings, ahead=np.array(ahead), first_world=0, seed=1, ticks=ticks)


def test_worlds_begin_spread_over_the_episode_the_first_furthest_ahead() -> None:
    """Forty ticks among four worlds: ten apart."""
    assert head_starts(the_town(), 4, stagger=True).tolist() == [30, 20, 10, 0]


def test_of_three_worlds_the_spread_is_rounded_down() -> None:
    """2 * 40 / 3 = 26.7 and 40 / 3 = 13.3."""
    assert head_starts(the_town(), 3, stagger=True).tolist() == [26, 13, 0]


def test_worlds_that_are_not_staggered_begin_together() -> None:
    assert head_starts(the_town(), 4, stagger=False).tolist() == [0, 0, 0, 0]


def test_a_world_with_a_head_start_ends_its_episode_sooner() -> None:
    ours = part(ticks=12, ahead=(30, 0))
    ours.collect()
    cut = ours.frames.truncated.max(axis=2)
    assert [np.flatnonzero(world).tolist() for world in cut.T] == [[9], []]


def advantages_by_definition(ours: Part) -> NDArray[np.float64]:
    """Walk back through each place tick by tick, looking values up where a life, or the recording, ends."""
    frames, policy = ours.frames, ours.policy
    ticks, worlds, agents = frames.actions.shape
    found = np.zeros((ticks, worlds, agents))
    choices = frames.action_mask.sum(-1) > 1

    def value(map: NDArray[np.float32], features: NDArray[np.float32]) -> float:
        return float(policy.values(map[None], features[None])[0])

    for w in range(worlds):
        for a in range(agents):
            running = 0.0
            for t in reversed(range(ticks)):
                lam = SETTINGS.gae_lambda if choices[t + 1, w, a] else 1.0
                cut = frames.truncated[t, w, a] and ours.settings.at_horizon == "end"
                if frames.terminated[t, w, a] or cut:
                    after, running = 0.0, 0.0
                elif frames.truncated[t, w, a]:
                    row = frames.end_row[t, w, a]
                    after, running = value(frames.end_map[w, row], frames.end_features[w, row]), 0.0
                else:
                    after = value(frames.map[t + 1, w, a], frames.features[t + 1, w, a])
                error = frames.rewards[t, w, a] + SETTINGS.gamma * after - frames.values[t, w, a]
                running = error + SETTINGS.gamma * lam * running
                found[t, w, a] = running
    return found


@pytest.mark.parametrize("at_horizon", ["bootstrap", "end"])
def test_advantages_are_those_of_the_lives_that_were_watched(at_horizon: Any) -> None:
    """Fifty ticks of an episode of forty: deaths, a time limit, and lives that the recording leaves in the middle."""
    ours = part(ticks=50, settings=SETTINGS.model_copy(update={"at_horizon": at_horizon}))
    batch, _ = ours.collect()
    assert ours.frames.terminated.any(), "somebody dies"
    assert ours.frames.truncated[39].any(), "the episode ends"
    lived = ours.frames.alive == 1
    found = Columns(*batch.columns).advantages.numpy().reshape(lived.shape)
    np.testing.assert_allclose(found[lived], advantages_by_definition(ours)[lived], atol=2e-5)


def test_returns_are_advantages_and_values() -> None:
    batch, _ = part(ticks=12).collect()
    columns = Columns(*batch.columns)
    assert torch.equal(columns.returns, columns.advantages + columns.old_values)


def test_what_was_acted_on_has_ratio_one() -> None:
    """The log-probabilities of a batch, worked out again all together, are those that the actions were drawn by."""
    ours = part(ticks=30)
    batch, _ = ours.collect()
    columns = Columns(*batch.columns)
    with torch.no_grad():
        logits, values = ours.policy.network(batch.map, batch.features.flatten(0, 1))
        log_probs = log_policy(logits, batch.penalty.flatten(0, 1))
    again = log_probs.gather(1, batch.actions.reshape(-1, 1)).reshape(batch.actions.shape)
    assert columns.old_log_probs.min() < -1, "some deeds were not certain"
    torch.testing.assert_close(again, columns.old_log_probs, atol=1e-6, rtol=0)
    torch.testing.assert_close(values.reshape(columns.old_values.shape), columns.old_values, atol=1e-6, rtol=0)


def test_an_empty_place_has_no_weight_and_who_has_no_choice_none_in_the_policys_loss() -> None:
    ours = part(ticks=40)
    batch, _ = ours.collect()
    columns = Columns(*batch.columns)
    alive = ours.frames.alive.reshape(40, -1)
    allowed = ours.frames.action_mask[:-1].sum(-1).reshape(40, -1)
    assert not alive.all()
    assert ((allowed == 1) & (alive == 1)).any(), "somebody is busy"
    assert np.array_equal(columns.weights.numpy(), alive)
    assert np.array_equal(columns.choices.numpy(), (alive == 1) & (allowed > 1))


def test_moments_are_those_of_the_advantages_of_choices() -> None:
    batch, _ = part(ticks=8).collect()
    columns = Columns(*batch.columns)
    chosen = columns.advantages.double() * columns.choices
    sums = [
        columns.weights.sum(1),
        columns.choices.sum(1),
        chosen.sum(1),
        (chosen**2).sum(1),
    ]
    np.testing.assert_allclose(batch.moments, torch.stack([each.double() for each in sums], 1).numpy(), rtol=1e-6)


def test_an_epoch_begins_with_what_was_seen_at_the_end_of_the_one_before() -> None:
    ours, through = part(ticks=10), part(ticks=20)
    halves = [[field.copy() for field in played(ours)] for _ in range(2)]
    for first, second, both in zip(*halves, played(through), strict=True):
        assert np.array_equal(np.concatenate([first, second]), both)


def played(ours: Part) -> list[Any]:
    """Collect; give what was seen, done and expected."""
    ours.collect()
    frames = ours.frames
    return [frames.map[:-1], frames.features[:-1], frames.action_mask[:-1], frames.actions, frames.log_probs]


def everything(ours: Part) -> list[Any]:
    batch, facts = ours.collect()
    tensors = [*batch.map, *batch[1:-1]]
    return [*(tensor.numpy().copy() for tensor in tensors), batch.moments, *facts.sums.values(), *facts[1:]]


def test_a_part_goes_on_from_its_state_bit_for_bit() -> None:
    """Collected three times; another part that takes over the state after the first time does the rest alike."""
    ours, heir = part(ticks=25, ahead=(20, 0)), part(ticks=25, ahead=(20, 0))
    ours.collect()
    state = {name: array.copy() for name, array in ours.state().items()}
    later = [everything(ours) for _ in range(2)]
    heir.restore(state)
    for epoch in later:
        for mine, theirs in zip(epoch, everything(heir), strict=True):
            assert mine.tobytes() == theirs.tobytes()


def test_taking_the_state_changes_nothing() -> None:
    watched, alone = part(ticks=10), part(ticks=10)
    for ours in (watched, alone):
        ours.collect()
    watched.state()
    for mine, theirs in zip(everything(watched), everything(alone), strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_the_state_of_another_number_of_worlds_is_refused() -> None:
    ours, smaller = part(ticks=5), part(ticks=5, ahead=(0,))
    with pytest.raises(ValueError, match="bytes of records"):
        ours.restore(smaller.state())
