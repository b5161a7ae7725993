"""An epoch in the words of telemetry: hand-made facts, hand-made numbers, and records that are valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.towns import town
from townlet_core.config.ppo import TrainingSettings
from townlet_core.dataset.columns import new_columns
from townlet_core.dataset.packed import Layout, Packed
from townlet_core.dataset.replay import Baseline, Dataset, LifeSpan
from townlet_core.dataset.tables import Tables
from townlet_core.policy.network import Shape
from townlet_core.ppo.describe import MOST_AGENTS, describe
from townlet_core.ppo.facts import Facts, Ledger
from townlet_core.ppo.losses import Outcome
from townlet_core.ppo.replay import Judged
from townlet_core.ppo.train import Epoch, Plan
from townlet_core.ppo.update import Updated
from townlet_core.rollout.frames import new_frames
from townlet_core.telemetry.record import epoch_record
from townlet_core.world.town import CompiledTown, compile_town

TWO = compile_town(town("a..b", ticks=4))
UPDATED = Updated(
    updates=4,
    outcome=Outcome(*(-0.5, 2.0, 1.0, 0.25, 0.01, 0.02)),  # type: ignore[arg-type]
    further_loss=0.3,
    clip_fraction_max=0.5,
    entropy_std=0.1,
    grad_norm=0.75,
    grad_norm_max=1.5,
    kl_max=0.03,
)
BASELINE = Baseline(2, 0.5, 6.0, 3.0, None, 0.1, 0.2, 0.3, 0.4)
f32 = np.float32


def facts(town: CompiledTown = TWO, episodes: Any = (), lives: Any = (), **sums: list[float]) -> Facts:
    """Facts in which nothing happened but what is given."""
    slots = len(town.slots)
    nobody = Ledger(town, np.zeros(1, np.int64)).take(
        new_frames(town, 1, 1), np.zeros((1, 1, slots), f32), np.zeros((1, 1, slots), f32)
    )
    told = {name: np.array(column, np.float64) for name, column in sums.items()}
    return Facts(nobody.sums | told, np.array(episodes, np.float64).reshape(-1, slots), np.array(lives, np.float64))


# Anna earns 0 and 1 in two ticks, ben 2 in one. Advantages are 0, 2, 1; returns 0, 3, 6 with errors 1, -1, 0.
THREE: dict[str, Any] = {
    "steps": [3],
    "reward": [3, 5],
    "advantage": [3, 5],
    "reward_advantage": [0 * 0 + 1 * 2 + 2 * 1],
    "returns": [9, 45],
    "errors": [0, 2],
    "slot_reward": [1, 2],
    "slot_steps": [2, 1],
    "agents": [2],
    "rivalry_max": [0.8, 1.4],
    "rivalry_avoid_count": [1, 3],
}


def plan(mode: Any = "rollout", dataset: Dataset | None = None, town: CompiledTown = TWO, **settings: Any) -> Plan:
    return Plan(
        mode=mode, town=town, dataset=dataset, settings=TrainingSettings(**settings), shape=Shape((0, 0, 0), 1, 1),
        epochs=10, worlds=1, ticks=32, seed=7, device=torch.device("cpu"),
    )  # fmt: skip


def values(told: Facts | None, of: Plan | None = None, **others: Any) -> dict[str, Any]:
    """Describe the sixth of ten epochs, which took two seconds; what is said must make a record."""
    updated, judged, compared = others.get("updated", UPDATED), others.get("judged"), others.get("compared", True)
    epoch = Epoch(6, updated, told, judged, compared, others.get("transitions", 300), 2.0)
    found = describe(of or plan(), epoch, steps=1800, cycle=6)
    epoch_record({**found, "telemetry_version": 1.1, "log_stream_offset": 1})
    return found


def captures(rewards: list[float], baseline: Baseline | None = BASELINE) -> Dataset:
    columns = new_columns(len(rewards))
    columns.rewards[:] = rewards
    packed = Packed(len(rewards) + 1, Layout(0, 1, 1, binary=True), memory_bytes=2**20, folder=None)
    life = LifeSpan(0, len(rewards), Path("captures"), "anna.npz", "anna", "deterministic", True)
    return Dataset([], Tables((), (0, 0, 0), ("x",), ("wait",)), [life], columns, packed, baseline)


def judged(advantages: list[float], weights: list[float]) -> Judged:
    """Values of 0, and returns 1, 2, 3."""
    zeros = np.zeros(3, f32)
    return Judged(np.array(weights, f32), np.array([1, 2, 3], f32), zeros, zeros, np.array(advantages, f32))


def test_an_epoch_says_where_and_when_it_is() -> None:
    found = values(facts(**THREE))
    keys = ("epoch", "transitions", "steps", "sps", "cycle_id", "rollout_ticks", "epochs_planned", "seed", "data_mode")
    assert [found[key] for key in keys] == [6, 300, 1800, 150, 5, 32, 10, 7, "rollout"]


def test_the_learning_rate_of_the_sixth_of_ten_epochs_is_half() -> None:
    assert values(facts(**THREE), plan(ppo={"learning_rate": 0.01}))["lr"] == pytest.approx(0.005)


def test_the_total_loss_is_put_together_from_its_parts() -> None:
    """-0.5 + 0.5 * 2 - 0.01 * 1"""
    assert values(facts(**THREE))["loss_total"] == pytest.approx(0.49)


def test_the_total_loss_of_both_holds_that_of_the_captures_which_is_told_without_its_weight() -> None:
    """The weight falls from 0.2 to 0, and is 0.1 in the sixth of ten epochs; 0.3 is what it came to."""
    mixed = plan("mixed", captures([0.0]), mixed={"replay_coef": 0.2, "warm_start_epochs": 1})
    found = values(facts(**THREE), mixed)
    assert (found["replay_coef"], found["replay_loss"]) == (pytest.approx(0.1), pytest.approx(3))
    assert found["loss_total"] == pytest.approx(0.49 + 0.3)


def test_what_is_not_compared_with_an_old_policy_has_no_kl() -> None:
    keys = ("clip_fraction", "kl_divergence", "kl_divergence_max", "approx_kl")
    found = values(facts(**THREE))
    assert [found[key] for key in keys] == [0.25, 0.01, 0.03, 0.02]
    found = values(facts(**THREE), compared=False)
    assert [found[key] for key in keys] == [None] * 4


def test_rewards_and_advantages_by_hand() -> None:
    """0, 1, 2 and 0, 2, 1: both of mean 1 and variance 2/3; the mean product is 4/3, so the covariance 1/3."""
    found = values(facts(**THREE))
    assert (found["adv_mean"], found["signal.reward_mean"]) == (1, 1)
    assert (found["adv_std"], found["signal.reward_std"]) == pytest.approx(((2 / 3) ** 0.5, (2 / 3) ** 0.5))
    assert found["reward_advantage_corr"] == pytest.approx(0.5)


def test_explained_variance_by_hand() -> None:
    """Returns 0, 3, 6 have variance 6, errors 1, -1, 0 have 2/3: 1 - 1/9."""
    assert values(facts(**THREE))["explained_variance"] == pytest.approx(8 / 9)


def test_what_is_constant_correlates_with_nothing_and_explains_nothing() -> None:
    found = values(facts(**{**THREE, "advantage": [3, 3], "returns": [9, 27]}))
    assert (found["reward_advantage_corr"], found["explained_variance"]) == (None, None)


def test_a_correlation_beyond_1_by_rounding_is_1() -> None:
    found = values(facts(**{**THREE, "advantage": [3, 5], "reward_advantage": [5.000001]}))
    assert found["reward_advantage_corr"] == 1


def test_the_worst_agent_is_the_one_with_the_least_reward_a_tick() -> None:
    """Anna has 1 in two ticks, ben 2 in one."""
    found = values(facts(**THREE))
    assert (found["agents.worst"], found["agents.reward_min"], found["agents.reward_max"]) == ("anna", 0.5, 2)
    assert (found["agents.anna.reward_mean"], found["agents.ben.reward_mean"]) == (0.5, 2)


def test_an_agent_who_never_lived_is_not_the_worst() -> None:
    found = values(facts(**{**THREE, "slot_reward": [0, -3], "slot_steps": [0, 3]}))
    assert found["agents.worst"] == "ben"
    assert "agents.anna.reward_mean" not in found


def test_of_many_agents_only_the_worst_and_the_best_are_told() -> None:
    many = compile_town(town(*["." * 10] * 2, agents={}, population={"count": MOST_AGENTS + 1}))
    crowd = {**THREE, "slot_reward": [float(n) for n in range(17)], "slot_steps": [1.0] * 17}
    found = values(facts(many, **crowd), plan(town=many))
    assert (found["agents.worst"], found["agents.reward_max"]) == (many.slots[0], 16)
    assert {key for key in found if key.startswith("agents.")} == {
        "agents.worst",
        "agents.reward_min",
        "agents.reward_max",
    }


def test_rivalry_is_averaged_over_agents() -> None:
    found = values(facts(**THREE))
    assert [found[f"conflict.rivalry_{name}_avg"] for name in ("max_mean", "max_max")] == pytest.approx([0.4, 0.7])
    assert [found[f"conflict.rivalry_avoid_count_{kind}_avg"] for kind in ("mean", "max")] == [0.5, 1.5]


def test_returns_are_those_of_each_place_in_each_episode() -> None:
    found = values(facts(episodes=[[1, 2], [3, 6]], lives=[4, 2], **THREE))
    keys = ("ep_return_mean", "ep_return_min", "ep_return_max", "ep_count", "ep_len_mean")
    assert [found[key] for key in keys] == [3, 1, 6, 2, 3]


def test_without_an_episode_that_ended_there_is_no_return() -> None:
    found = values(facts(**THREE))
    assert (found["ep_count"], found["ep_len_mean"]) == (0, None)
    assert "ep_return_mean" not in found


def test_actions_that_were_allowed_and_never_used_are_counted() -> None:
    names = len(TWO.actions.names)
    found = values(facts(**THREE, allowed=[3.0] * (names - 1) + [0.0], used=[3.0] + [0.0] * (names - 1)))
    assert found["signal.unused_actions"] == names - 2


def test_terms_and_needs_are_means_and_events_counts() -> None:
    terms, events = [0.0] * len(TWO.terms), [0.0] * len(TWO.events)
    terms[0], events[0] = 1.5, 2.0
    found = values(facts(**THREE, terms=terms, events=events, needs=[1.5, 3, 0.75]))
    assert found[f"reward_terms.{TWO.terms[0]}"] == 0.5
    assert found[f"events.{TWO.events[0]}"] == 2
    assert [found[f"welfare.{need}_mean"] for need in ("hunger", "hygiene", "energy")] == [0.5, 1, 0.25]


def test_an_epoch_in_which_nobody_lived_has_nothing_to_say() -> None:
    found = values(facts())
    assert (found["adv_mean"], found["conflict.rivalry_max_mean_avg"]) == (None, None)


LOSSES = {"loss_policy", "loss_value", "loss_entropy", "loss_total", "approx_kl", "kl_divergence_max", "clip_fraction"}


def test_an_epoch_in_which_nobody_lived_has_no_losses() -> None:
    """Its means would be of nothing: 0 is a loss, and a very good one."""
    none = UPDATED._replace(updates=0, outcome=Outcome(*[0.0] * 6))  # type: ignore[arg-type]
    found = values(facts(), updated=none, transitions=0)
    assert {found[key] for key in LOSSES | {"grad_norm", "grad_norm_max"}} == {None}
    assert (found["updates"], found["lr"]) == (0, values(facts())["lr"])


def test_captures_have_a_loss_where_nobody_lived() -> None:
    found = values(facts(), plan("mixed", captures([0.0, 1.0])), transitions=0)
    assert {found[key] for key in LOSSES} == {None}
    assert (found["updates"], found["grad_norm"]) == (4, 0.75)
    assert found["replay_loss"] == pytest.approx(0.3 / found["replay_coef"])


def test_captures_are_described_by_what_they_are_worth() -> None:
    """Rewards 0, 1, 2 and advantages 0, 2, 1 correlate by 0.5; values of 0 explain none of returns 1, 2, 3."""
    replay = plan("replay", captures([0.0, 1.0, 2.0]))
    found = values(None, replay, judged=judged([0, 2, 1], [0.5, 2.0, 0.5]), compared=False)
    assert (found["adv_mean"], found["rollout_ticks"], found["replay_weight_mean"]) == (1, 0, 1)
    assert found["reward_advantage_corr"] == pytest.approx(0.5)
    assert found["explained_variance"] == 0
    assert found["baseline_reward_sum"] == 6
    assert found["conflict.rivalry_max_mean_avg"] == 0.1


def test_advantages_of_both_signs_are_no_weights() -> None:
    replay = plan("replay", captures([0.0, 1.0, 2.0]))
    assert values(None, replay, judged=judged([0, 2, 1], [-1, 1, 0]))["replay_weight_mean"] is None


def test_captures_without_metrics_have_no_baseline() -> None:
    replay = plan("replay", captures([0.0, 1.0, 2.0], baseline=None))
    found = values(None, replay, judged=judged([0, 2, 1], [1, 1, 1]))
    assert "baseline_reward_sum" not in found
    assert found["conflict.rivalry_max_mean_avg"] is None
