"""What keys of a record are about, and what other programs call them.

The names of others are those of their sources: Stable-Baselines3 2.9.2 (stable_baselines3/ppo/ppo.py,
common/on_policy_algorithm.py and common/callbacks.py at https://github.com/DLR-RM/stable-baselines3) and CleanRL
(cleanrl/ppo.py at https://github.com/vwxyzjn/cleanrl, commit 020cf0e). A key is renamed only where it means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Names = Literal["townlet", "sb3", "cleanrl"]

# Group -> what its keys begin with, or are. A family is a group of its own; the first group that fits is taken.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "loss": ("loss_", "replay_loss"),
    "agents": ("agents.",),
    "reward_terms": ("reward_terms.",),
    "events": (
        "events.",
        "queue_conflict_events",
        "shared_meal_events",
        "late_help_events",
        "shift_takeover_events",
        "chat_success_events",
        "chat_failure_events",
    ),
    "data": ("updates", "transitions", "rollout_ticks", "cycle_id", "baseline_", "ep_count", "eval_count"),
    "returns": ("ep_", "eval_"),
    "learning": (
        "clip_",
        "adv_",
        "grad_norm",
        "kl_divergence",
        "approx_kl",
        "batch_entropy_",
        "reward_advantage_corr",
        "explained_variance",
        "replay_weight_mean",
    ),
    "town": ("welfare.", "conflict.", "queue_conflict_intensity_sum", "chat_quality_mean"),
    "signal": ("signal.",),
    "settings": ("lr", "entropy_coef", "value_coef", "replay_coef"),
    "machine": ("system.", "sps", "epoch_duration_sec", "lost_records"),
    "place": (
        "epoch",
        "steps",
        "seq",
        "log_stream_offset",
        "epochs_planned",
        "telemetry_version",
        "migrated_from",
        "seed",
    ),
}
OTHER: Final = "other"
FAMILIES: Final = ("agents.", "reward_terms.", "events.", "welfare.", "conflict.", "signal.", "system.")


class Name(NamedTuple):
    """What another program calls a key, and by what our value is multiplied to be its."""

    name: str
    factor: float = 1.0
    note: str = ""  # what is not quite the same


RENAMED: Final[Mapping[Names, Mapping[str, Name]]] = {
    "townlet": {},
    "sb3": {
        "ep_return_mean": Name("rollout/ep_rew_mean", note="of the episodes of the epoch, not of the last 100"),
        "ep_len_mean": Name("rollout/ep_len_mean", note="of the episodes of the epoch, not of the last 100"),
        "eval_return_mean": Name("eval/mean_reward"),
        "sps": Name("time/fps", note="of the epoch, not since the start"),
        "epoch": Name("time/iterations"),
        "steps": Name("time/total_timesteps"),
        "loss_policy": Name("train/policy_gradient_loss"),
        "loss_value": Name("train/value_loss", 2.0, "ours is half the squared error"),
        "loss_entropy": Name("train/entropy_loss", -1.0, "a loss, so its sign is the opposite"),
        "loss_total": Name("train/loss", note="mean of the epoch, not the last minibatch"),
        "approx_kl": Name("train/approx_kl"),
        "clip_fraction": Name("train/clip_fraction"),
        "explained_variance": Name("train/explained_variance"),
        "lr": Name("train/learning_rate"),
    },
    "cleanrl": {
        "ep_return_mean": Name("charts/episodic_return", note="mean of the epoch, not one episode"),
        "ep_len_mean": Name("charts/episodic_length", note="mean of the epoch, not one episode"),
        "sps": Name("charts/SPS", note="of the epoch, not since the start"),
        "steps": Name("global_step"),
        "loss_policy": Name("losses/policy_loss", note="mean of the epoch, not the last minibatch"),
        "loss_value": Name("losses/value_loss", note="mean of the epoch, not the last minibatch"),
        "loss_entropy": Name("losses/entropy", note="mean of the epoch, not the last minibatch"),
        "kl_divergence": Name("losses/old_approx_kl", note="mean of the epoch, not the last minibatch"),
        "approx_kl": Name("losses/approx_kl", note="mean of the epoch, not the last minibatch"),
        "clip_fraction": Name("losses/clipfrac"),
        "explained_variance": Name("losses/explained_variance"),
        "lr": Name("charts/learning_rate"),
    },
}


def group_of(key: str) -> str:
    """Say what a key is about."""
    if key in GROUPS["place"]:
        return "place"
    return next((group for group, begins in GROUPS.items() if key.startswith(begins)), OTHER)


def tag_of(key: str) -> str:
    """Name a key in the manner of TensorBoard, which makes a group of what stands before the first slash."""
    family = next((family for family in FAMILIES if key.startswith(family)), None)
    return f"{family[:-1]}/{key[len(family) :]}" if family else f"{group_of(key)}/{key}"
