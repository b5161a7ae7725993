"""An epoch in the words of telemetry: the values of its record."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from townlet_core.dataset.replay import Baseline
from townlet_core.ppo.facts import Column, Facts
from townlet_core.ppo.replay import Judged
from townlet_core.ppo.train import Epoch, Plan

MOST_AGENTS = 16  # that are told of one by one; of more, only the worst and the best
RIVALRY = ("rivalry_max", "rivalry_avoid_count")
OF_LIVES = {  # what has no value in an epoch in which nobody lived
    *("loss_policy", "loss_value", "loss_entropy", "loss_total", "batch_entropy_mean", "batch_entropy_std"),
    *("clip_fraction", "approx_kl", "kl_divergence", "kl_divergence_max"),
}
OF_STEPS = {"grad_norm", "grad_norm_max"}  # and what has none without a gradient step
Values = dict[str, Any]


def describe(plan: Plan, epoch: Epoch, *, steps: int, cycle: int) -> Values:
    """Give the values of an epoch's record, those of the log's own keys apart.

    Args:
        steps: transitions taken in so far, this epoch included.
        cycle: collections so far, this epoch included.
    """
    values = _learning(plan, epoch)
    values |= {
        "epoch": epoch.number,
        "transitions": epoch.transitions,
        "steps": steps,
        "epoch_duration_sec": epoch.seconds,
        "sps": epoch.transitions / epoch.seconds,
        "data_mode": plan.mode,
        "cycle_id": max(cycle - 1, 0),
        "rollout_ticks": plan.ticks if epoch.facts is not None else 0,
        "epochs_planned": plan.epochs,
        "seed": plan.seed,
    }
    baseline = plan.dataset.baseline if plan.dataset is not None else None
    if baseline is not None:
        values |= _baseline(baseline)
    if epoch.facts is not None:
        values |= _town(plan, epoch.facts)
    elif epoch.judged is not None:
        values |= _captures(plan, epoch.judged, baseline)
    return values


def _learning(plan: Plan, epoch: Epoch) -> Values:
    """Give what the gradient steps came to. Without lives there are no losses, without an old policy there is no KL."""
    updated, outcome, ppo = epoch.updated, epoch.updated.outcome, plan.settings.ppo
    entropy_coef = plan.entropy_coef(epoch.number)
    total = outcome.policy_loss + ppo.value_coef * outcome.value_loss - entropy_coef * outcome.entropy
    values: Values = {
        "updates": updated.updates,
        "loss_policy": outcome.policy_loss,
        "loss_value": outcome.value_loss,
        "loss_entropy": outcome.entropy,
        "batch_entropy_mean": outcome.entropy,
        "batch_entropy_std": updated.entropy_std,
        "clip_fraction": outcome.clip_fraction if epoch.compared else None,
        "kl_divergence": outcome.k1 if epoch.compared else None,
        "kl_divergence_max": updated.kl_max if epoch.compared else None,
        "approx_kl": outcome.k3 if epoch.compared else None,
        "grad_norm": updated.grad_norm,
        "grad_norm_max": updated.grad_norm_max,
        "lr": plan.learning_rate(epoch.number),
        "entropy_coef": entropy_coef,
        "value_coef": ppo.value_coef,
    }
    if plan.mode == "mixed" and epoch.facts is not None:
        coefficient = plan.replay_coef(epoch.number)
        values |= {
            "replay_coef": coefficient,
            "replay_loss": updated.further_loss / coefficient if coefficient else None,
        }
        total += updated.further_loss
    values["loss_total"] = total
    unknown = (set() if epoch.transitions else OF_LIVES) | (set() if updated.updates else OF_STEPS)
    return values | dict.fromkeys(unknown)


def _town(plan: Plan, facts: Facts) -> Values:
    """Give what happened in the town."""
    town = plan.town
    assert town is not None
    sums = facts.sums
    steps = float(sums["steps"][0])
    if steps == 0:
        return _unknown()
    adv_mean, adv_std = _moments(sums["advantage"], steps)
    _, reward_std = _moments(sums["reward"], steps)
    spread = _moments(sums["returns"], steps)[1]
    values: Values = {
        "adv_mean": adv_mean,
        "adv_std": adv_std,
        "reward_advantage_corr": _correlation(sums, steps),
        "explained_variance": 1 - _moments(sums["errors"], steps)[1] ** 2 / spread**2 if spread > 0 else None,
        **_episodes(facts),
        **_conflict(sums),
        **{f"reward_terms.{name}": total / steps for name, total in _named(town.terms, sums["terms"])},
        **{f"events.{name}": int(count) for name, count in _named(town.events, sums["events"])},
        "welfare.lives_ended": int(sums["lives_ended"][0]),
        "signal.reward_mean": float(sums["reward"][0]) / steps,
        "signal.reward_std": reward_std,
        "signal.reward_clip_fraction": float(sums["clipped"][0]) / steps,
        "signal.unused_actions": int(((sums["allowed"] > 0) & (sums["used"] == 0)).sum()),
    }
    needs = ("hunger", "hygiene", "energy")
    values |= {f"welfare.{name}_mean": total / steps for name, total in _named(needs, sums["needs"])}
    return values | _agents(town.slots, sums)


def _episodes(facts: Facts) -> Values:
    """Give the returns of episodes that ended: the sum of rewards of each agent's place, newcomers included."""
    returns = facts.returns
    if not len(returns):
        return {"ep_count": 0, "ep_len_mean": _mean(facts.lengths)}
    return {
        "ep_return_mean": float(returns.mean()),
        "ep_return_std": float(returns.std()),
        "ep_return_min": float(returns.min()),
        "ep_return_max": float(returns.max()),
        "ep_count": len(returns),
        "ep_len_mean": _mean(facts.lengths),
    }


def _mean(column: Column) -> float | None:
    return float(column.mean()) if len(column) else None


def _agents(slots: tuple[str, ...], sums: dict[str, Column]) -> Values:
    """Give the reward of each agent, or of many the least and the largest, and who has the least."""
    rewards = {
        slot: total / steps
        for slot, total, steps in zip(slots, sums["slot_reward"].tolist(), sums["slot_steps"].tolist(), strict=True)
        if steps
    }
    worst = min(rewards, key=rewards.__getitem__)
    values: Values = {
        "agents.worst": worst,
        "agents.reward_min": rewards[worst],
        "agents.reward_max": max(rewards.values()),
    }
    if len(slots) <= MOST_AGENTS:
        values |= {f"agents.{slot}.reward_mean": reward for slot, reward in rewards.items()}
    return values


def _conflict(sums: dict[str, Column]) -> Values:
    agents = float(sums["agents"][0])
    return {
        f"conflict.{name}_{kind}_avg": float(sums[name][place]) / agents
        for name in RIVALRY
        for place, kind in enumerate(("mean", "max"))
    }


def _captures(plan: Plan, judged: Judged, baseline: Baseline | None) -> Values:
    """Give what the captures are worth."""
    dataset = plan.dataset
    assert dataset is not None
    advantages = judged.advantages.astype(np.float64)
    rewards = dataset.rewards.astype(np.float64)
    constant = advantages.std() == 0 or rewards.std() == 0
    return {
        **_unknown(),
        **({f"conflict.{name}": getattr(baseline, name) for name in _rivalry_names()} if baseline is not None else {}),
        "adv_mean": float(advantages.mean()),
        "adv_std": float(advantages.std()),
        "reward_advantage_corr": None if constant else _held(float(np.corrcoef(rewards, advantages)[0, 1])),
        "explained_variance": judged.explained(),
        "replay_weight_mean": float(judged.weights.mean(dtype=np.float64)) if (judged.weights >= 0).all() else None,
        "signal.reward_mean": float(rewards.mean()),
        "signal.reward_std": float(rewards.std()),
    }


def _unknown() -> Values:
    """Give the required keys that an epoch may have nothing to say about."""
    names = ("adv_mean", "adv_std", "reward_advantage_corr", *(f"conflict.{name}" for name in _rivalry_names()))
    return dict.fromkeys(names)


def _rivalry_names() -> tuple[str, ...]:
    return tuple(f"{name}_{kind}_avg" for name in RIVALRY for kind in ("mean", "max"))


def _baseline(baseline: Baseline) -> Values:
    names = ("sample_count", "reward_mean", "reward_sum", "reward_sum_mean", "log_prob_mean")
    return {f"baseline_{name}": getattr(baseline, name) for name in names}


def _named(names: tuple[str, ...], column: Column) -> list[tuple[str, float]]:
    return list(zip(names, column.tolist(), strict=True))


def _moments(powers: Column, count: float) -> tuple[float, float]:
    """Give mean and standard deviation from sum and sum of squares."""
    mean = float(powers[0]) / count
    return mean, math.sqrt(max(float(powers[1]) / count - mean * mean, 0.0))


def _correlation(sums: dict[str, Column], count: float) -> float | None:
    """Give Pearson's correlation of rewards and advantages; None where either is constant."""
    (a, deviation_a), (r, deviation_r) = (_moments(sums[name], count) for name in ("advantage", "reward"))
    if deviation_a * deviation_r == 0:
        return None
    return _held((float(sums["reward_advantage"][0]) / count - a * r) / (deviation_a * deviation_r))


def _held(correlation: float) -> float:
    """Keep what rounding may carry beyond 1 within."""
    return max(-1.0, min(1.0, correlation))
