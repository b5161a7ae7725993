"""Advantages: by hand, against Stable-Baselines3 and against a slow form of their definition."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.buffers import RolloutBuffer

from townlet_core.ppo.advantages import explained_variance, gae, lambdas, next_values, retrace, vtrace

f32 = np.float32


def column(*values: float) -> Any:
    """One agent's ticks as [T, 1]."""
    return np.array(values)[:, None]


def test_a_tick_that_led_on_is_worth_the_next_value_and_death_is_worth_nothing() -> None:
    values = column(1, 2, 3, 4)
    last = column(0, 0, 9)
    terminated, truncated = column(0, 1, 0) == 1, column(0, 0, 1) == 1
    assert next_values(values, last, terminated, truncated).ravel().tolist() == [2, 0, 9]


def test_gae_by_hand() -> None:
    """gamma 0.5, lambda 0.5: errors 1 + 0.5*2 - 4 = -2, 2 + 0.5*8 - 2 = 4, 3 + 0.5*4 - 8 = -3."""
    advantages = gae(column(1, 2, 3), column(4, 2, 8), column(2, 8, 4), column(0, 0, 0) == 1, gamma=0.5, lam=0.5)
    # backwards: -3; 4 + 0.25 * -3 = 3.25; -2 + 0.25 * 3.25 = -1.1875
    assert advantages.ravel().tolist() == [-1.1875, 3.25, -3]


def test_nothing_flows_from_one_life_into_the_one_before_it() -> None:
    ended = column(0, 1, 0) == 1
    advantages = gae(column(1, 2, 3), column(4, 2, 8), column(2, 0, 4), ended, gamma=0.5, lam=0.5)
    # 2 - 2 = 0 where the life ended; -2 + 0.25 * 0
    assert advantages.ravel().tolist() == [-2, 0, -3]


def test_a_time_limit_bootstraps_and_a_death_does_not() -> None:
    """The same ticks, ended by death and by the clock, differ by the discounted value of the last observation."""
    reward, value, nobody = column(1.0), column(0.0, 5.0), column(0.0) == 1
    ended = column(1) == 1
    death, clock = (
        gae(reward, value[:1], next_values(value, column(8.0), *how), ended, gamma=0.5, lam=1)
        for how in ((ended, nobody), (nobody, ended))
    )
    assert (death.item(), clock.item()) == (1, 5)  # 1, and 1 + 0.5 * 8


def test_gae_is_that_of_stable_baselines3() -> None:
    rng = np.random.default_rng(1)
    ticks, agents = 13, 3
    rewards, values = rng.normal(size=(ticks, agents)).astype(f32), rng.normal(size=(ticks + 1, agents)).astype(f32)
    died = rng.random((ticks, agents)) < 0.2
    box = gymnasium.spaces.Box(-1, 1, (1,))
    theirs = RolloutBuffer(ticks, box, gymnasium.spaces.Discrete(2), gae_lambda=0.9, gamma=0.97, n_envs=agents)
    began = np.ones(agents)
    for t in range(ticks):
        nothing = np.zeros((agents, 1))
        theirs.add(nothing, nothing, rewards[t], began, torch.from_numpy(values[t]), torch.zeros(agents))
        began = died[t].astype(f32)
    theirs.compute_returns_and_advantage(torch.from_numpy(values[-1]), died[-1])
    after = next_values(values, np.zeros_like(rewards), died, np.zeros_like(died))
    ours = gae(rewards, values[:-1], after, died, gamma=0.97, lam=0.9)
    np.testing.assert_allclose(ours, theirs.advantages, rtol=1e-5, atol=1e-6)


lives = st.integers(1, 12).flatmap(
    lambda ticks: st.lists(
        st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.sampled_from("  xl")),
        min_size=ticks,
        max_size=ticks,
    )
)


@given(life=lives, bootstrap=st.floats(-2, 2), lam=st.floats(0, 1), gamma=st.floats(0, 1))
def test_gae_is_the_sum_of_its_definition(life: Any, bootstrap: float, lam: float, gamma: float) -> None:
    """A_t is the sum of (gamma lam)^k delta_(t+k) over the ticks of the life that are left (eq. 16)."""
    rewards, values, last = (column(*(row[i] for row in life)) for i in range(3))
    died, cut = (column(*(row[3] == how for row in life)) for how in "xl")
    after = next_values(np.append(values, [[bootstrap]], axis=0), last, died, cut)
    found = gae(rewards, values, after, died | cut, gamma=gamma, lam=lam).ravel()
    for t in range(len(life)):
        total = 0.0
        for k in range(t, len(life)):
            follows = 0.0 if life[k][3] == "x" else life[k][2] if life[k][3] == "l" else None
            if follows is None:
                follows = life[k + 1][1] if k + 1 < len(life) else bootstrap
            total += (gamma * lam) ** (k - t) * (life[k][0] + gamma * follows - life[k][1])
            if life[k][3] != " ":
                break
        assert found[t] == pytest.approx(total, abs=1e-9)


@given(life=lives, bootstrap=st.floats(-2, 2), lam=st.floats(0, 1))
def test_vtrace_of_a_policy_with_itself_is_the_return_of_gae(life: Any, bootstrap: float, lam: float) -> None:
    """With all ratios 1, vs is V + GAE (remark 1 of the paper: the on-policy n-step target at lambda 1)."""
    rewards, values, last = (column(*(row[i] for row in life)) for i in range(3))
    died, cut = (column(*(row[3] == how for row in life)) for how in "xl")
    after = next_values(np.append(values, [[bootstrap]], axis=0), last, died, cut)
    ended = died | cut
    targets, _ = vtrace(rewards, values, after, ended, np.zeros_like(values), gamma=0.9, lam=lam)
    expected = values + gae(rewards, values, after, ended, gamma=0.9, lam=lam)
    np.testing.assert_allclose(targets, expected, atol=1e-9)


def test_what_a_choice_led_to_is_traced_through_ticks_without_one() -> None:
    """A choice, two ticks of waiting, a choice: with lambda 0 the first takes in all errors up to the second."""
    lam = lambdas(column(1, 0, 0, 1) == 1, 0.0)
    assert lam.ravel().tolist() == [1, 1, 0]
    advantages = gae(column(1, 2, 4), column(0, 0, 0), column(0, 0, 0), column(0, 0, 0) == 1, gamma=0.5, lam=lam)
    assert advantages.ravel().tolist() == [1 + 0.5 * (2 + 0.5 * 4), 4, 4]


def test_vtrace_by_hand() -> None:
    """gamma 0.5; ratios 0.5 and 4, which is clipped to 1."""
    log_rhos = np.log(column(0.5, 4.0))
    targets, advantages = vtrace(
        column(1.0, 2.0), column(2.0, 4.0), column(4.0, 0.0), column(0, 1) == 1, log_rhos, gamma=0.5
    )
    # errors: 0.5 * (1 + 2 - 2) = 0.5, 1 * (2 + 0 - 4) = -2; vs: 4 - 2 = 2, 2 + 0.5 + 0.5 * 0.5 * -2 = 2
    assert targets.ravel() == pytest.approx([2, 2])
    # r + gamma vs' - V: 1 + 0.5 * 2 - 2 = 0, 2 + 0 - 4 = -2
    assert advantages.ravel() == pytest.approx([0, -2])


@given(life=lives, bootstrap=st.floats(-2, 2), lam=st.floats(0, 1))
def test_retrace_of_a_policy_with_itself_is_the_return_of_gae(life: Any, bootstrap: float, lam: float) -> None:
    """With all ratios 1 and no action better than another, Q is V."""
    rewards, values, last = (column(*(row[i] for row in life)) for i in range(3))
    died, cut = (column(*(row[3] == how for row in life)) for how in "xl")
    after = next_values(np.append(values, [[bootstrap]], axis=0), last, died, cut)
    ended = died | cut
    targets = retrace(rewards, values, after, ended, np.zeros_like(values), gamma=0.9, lam=lam)
    np.testing.assert_allclose(targets, values + gae(rewards, values, after, ended, gamma=0.9, lam=lam), atol=1e-9)


def test_retrace_by_hand() -> None:
    """gamma 0.5, lambda 0.5; of the first action the ratio is not looked at, the others are 0.5 and 4, clipped to 1."""
    log_rhos = np.log(column(9.0, 0.5, 4.0))
    targets = retrace(
        column(1.0, 2.0, 3.0), column(2.0, 4.0, 1.0), column(6.0, 4.0, 0.0), column(0, 0, 1) == 1, log_rhos,
        gamma=0.5, lam=0.5,
    )  # fmt: skip
    # errors: 1 + 3 - 2 = 2, 2 + 2 - 4 = 0, 3 + 0 - 1 = 2; sums: 0 + 0.25 * 1 * 2 = 0.5, 2 + 0.25 * 0.5 * 0.5 = 2.0625
    assert targets.ravel() == pytest.approx([4.0625, 4.5, 3])


def test_what_the_policy_would_not_have_done_ends_a_trace() -> None:
    """A reward of 8 comes of a second action that the policy does with a chance of 1 in 10^9."""
    log_rhos = np.log(column(1.0, 1e-9))
    nothing = column(0.0, 0.0)
    targets = retrace(column(0.0, 8.0), nothing, nothing, column(0, 1) == 1, log_rhos, gamma=1.0, lam=1.0)
    assert targets.ravel() == pytest.approx([0, 8], abs=1e-7)


def test_values_that_are_right_explain_all_and_a_constant_explains_nothing() -> None:
    actual = np.array([1.0, 2.0, 3.0])
    assert explained_variance(actual, actual) == 1
    assert explained_variance(np.full(3, 7.0), actual) == 0
    assert explained_variance(np.array([1.0, 2.0, 1.0]), actual) == pytest.approx(1 - (8 / 9) / (2 / 3))
    assert explained_variance(actual, np.full(3, 5.0)) is None
