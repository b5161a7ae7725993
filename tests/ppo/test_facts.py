"""Facts of an epoch: returns of whole episodes, ages of lives, and sums that parts add up."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.towns import town
from townlet_core.ppo.facts import Facts, Ledger, add_up
from townlet_core.rollout.frames import Frames, new_frames
from townlet_core.world.town import CompiledTown, compile_town

TICKS = 4  # of an episode


@cache
def two() -> CompiledTown:
    """Anna and ben, in episodes of four ticks."""
    return compile_town(town("a..b", ticks=TICKS))


def frames(rewards: list[list[list[float]]], died: tuple[tuple[int, int, int], ...] = ()) -> Frames:
    """Ticks [T][W][A] of agents who live all the time, but for those who die at (t, w, a), replaced in the next."""
    array = np.array(rewards, np.float32)
    ticks, worlds, _ = array.shape
    made = new_frames(two(), worlds, ticks)
    made.rewards[:] = array
    made.alive[:] = 1
    for place in died:
        made.terminated[place] = 1
    return made


def ledger(*ticks: int) -> Ledger:
    return Ledger(two(), np.array(ticks, np.int64))


def take(held: Ledger, played: Frames, advantages: Any = 0.0, returns: Any = 0.0) -> Facts:
    shape, f32 = played.rewards.shape, np.float32
    return held.take(played, np.full(shape, advantages, f32), np.full(shape, returns, f32))


FOUR = [[[1.0, 10.0]], [[2.0, 20.0]], [[3.0, 30.0]], [[4.0, 40.0]]]


def test_the_return_of_an_episode_is_the_sum_of_its_rewards() -> None:
    assert take(ledger(0), frames(FOUR)).returns.tolist() == [[10, 100]]


def test_an_episode_is_added_up_across_epochs() -> None:
    held = ledger(0)
    assert take(held, frames(FOUR[:3])).returns.tolist() == []
    assert take(held, frames([FOUR[3], *FOUR[:2]])).returns.tolist() == [[10, 100]]
    assert take(held, frames(FOUR[2:])).returns.tolist() == [[10, 100]], "and the next begins at nothing"


def test_a_newcomer_goes_on_with_the_return_of_its_place() -> None:
    assert take(ledger(0), frames(FOUR, died=((1, 0, 0),))).returns.tolist() == [[10, 100]]


def test_an_episode_that_was_not_seen_from_its_beginning_is_not_counted() -> None:
    """World 0 is at tick 3, so its first episode ends at once, and its second has a tick to go after four."""
    held = ledger(3, 0)
    assert take(held, frames([[[1.0, 1.0], [7.0, 8.0]]] * 4)).returns.tolist() == [[28, 32]], "world 1 alone"
    assert held.tick.tolist() == [3, 0]


def test_the_second_episode_of_a_world_with_a_head_start_is_counted() -> None:
    assert take(ledger(3), frames([[[1.0, 2.0]]] * 5)).returns.tolist() == [[4, 8]]


def test_a_life_is_as_long_as_its_ticks() -> None:
    """Anna dies in the second tick and her successor in the fourth."""
    facts = take(ledger(0), frames(FOUR, died=((1, 0, 0), (3, 0, 0))))
    assert facts.lengths.tolist() == [2, 2]
    assert facts.sums["lives_ended"].tolist() == [2]


def test_a_tick_without_life_does_not_age() -> None:
    played = frames(FOUR, died=((0, 0, 0), (3, 0, 0)))
    played.alive[1:3, 0, 0] = 0
    assert take(ledger(0), played).lengths.tolist() == [1, 1]


def test_a_life_that_was_not_seen_from_its_beginning_is_not_measured() -> None:
    """The world begins at tick 1: who then dies has lived longer than was seen, the successor has not."""
    held = ledger(1)
    assert take(held, frames(FOUR[:1], died=((0, 0, 0),))).lengths.tolist() == []
    assert take(held, frames(FOUR[:2], died=((1, 0, 0),))).lengths.tolist() == [2]


def test_a_life_is_measured_across_epochs() -> None:
    held = ledger(0)
    assert take(held, frames(FOUR[:2])).lengths.tolist() == []
    assert take(held, frames(FOUR[2:], died=((0, 0, 1),))).lengths.tolist() == [3]


def test_sums_are_those_of_the_living() -> None:
    played = frames([[[1.0, 3.0]], [[2.0, 0.0]]])
    played.alive[1, 0, 1] = 0
    sums = take(ledger(0), played, advantages=0.5, returns=2.0).sums
    assert sums["steps"].tolist() == [3]
    assert sums["reward"].tolist() == [6, 14]  # 1 + 3 + 2; 1 + 9 + 4
    assert sums["advantage"].tolist() == [1.5, 0.75]
    assert sums["reward_advantage"].tolist() == [3]
    assert sums["returns"].tolist() == [6, 12]
    assert sums["errors"].tolist() == [6, 12]  # nobody expected anything
    assert (sums["slot_reward"].tolist(), sums["slot_steps"].tolist()) == ([3, 3], [2, 1])
    assert sums["used"].tolist()[0] == 3, "all waited"


def test_a_reward_at_its_bound_counts_as_clipped() -> None:
    bound = two().config.scenario.rewards.clip
    sums = take(ledger(0), frames([[[bound, -bound]], [[bound / 2, 0.0]]])).sums
    assert sums["clipped"].tolist() == [2]


def test_rivalry_is_averaged_over_the_agents_life_and_told_at_its_most() -> None:
    """Anna feels 0.2 and 0.4, ben 0 and 1: means 0.3 + 0.5, most 0.4 + 1."""
    played = frames([[[0.0, 0.0]]] * 2)
    played.features[:2, 0, :, two().features.index("rivalry_max")] = [[0.2, 0.0], [0.4, 1.0]]
    sums = take(ledger(0), played).sums
    assert sums["agents"].tolist() == [2]
    assert sums["rivalry_max"].tolist() == pytest.approx([0.8, 1.4])


def test_the_facts_of_parts_are_added_and_their_episodes_put_together() -> None:
    one = take(ledger(0), frames(FOUR, died=((1, 0, 0),)))
    other = take(ledger(0), frames([[[1.0, 1.0]]] * 4, died=((2, 0, 1),)))
    both = add_up([one, other])
    assert both.sums["steps"].tolist() == [16]
    assert both.sums["slot_reward"].tolist() == [14, 104]
    assert both.returns.tolist() == [[10, 100], [4, 4]]
    assert both.lengths.tolist() == [2, 3]


def test_two_worlds_of_one_part_are_two_parts_of_one_world() -> None:
    chance = np.random.default_rng(0)
    rewards = chance.normal(size=(6, 2, 2))
    whole = take(ledger(0, 0), frames(rewards.tolist()))
    parts = add_up([take(ledger(0), frames(rewards[:, [w]].tolist())) for w in range(2)])
    for name, column in whole.sums.items():
        np.testing.assert_allclose(column, parts.sums[name], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(whole.returns, parts.returns)
