"""Which keys of a log are metrics, which of them are shown, and which of them are better when there is more or less."""

from __future__ import annotations

from typing import Final, NamedTuple

from townlet_core.telemetry.baseline import PLACES
from townlet_core.telemetry.patterns import fits

# Keys that are words, or that tell where a record stands: there is no mean of these. How fast it went is a metric.
NO_METRICS: Final = (PLACES - {"epoch_duration_sec", "sps"}) | {
    "data_mode",
    "agents.worst",
    "run_id",
    "reason",
    "scenario",
    "config_hash",
    "time",
    "nonfinite",
}

# What a run is judged by: the first of these that it has enough of.
SCORES: Final = {
    "eval_return_mean": "return in evaluation",
    "ep_return_mean": "return",
    "signal.reward_mean": "reward a tick",
}

MORE, LESS = 1, -1
# Pattern of keys -> whether more of it is better, or less. This is the one list: of all others nobody can say.
DIRECTIONS: Final = {
    "eval_return_mean": MORE,
    "ep_return_mean": MORE,
    "ep_return_min": MORE,
    "ep_return_max": MORE,
    "signal.reward_mean": MORE,
    "signal.reward_clip_fraction": LESS,
    "agents.reward_min": MORE,
    "agents.reward_max": MORE,
    "agents.*.reward_mean": MORE,
    "welfare.*_mean": MORE,
    "welfare.lives_ended": LESS,
    "explained_variance": MORE,
    "sps": MORE,
    "epoch_duration_sec": LESS,
    "conflict.rivalry_max_*": LESS,
    "events.invalid_action": LESS,
    "events.affordance_fail": LESS,
    "events.shift_on_time": MORE,
    "events.shift_late": LESS,
    "events.shift_absent": LESS,
    "events.faint": LESS,
    "events.eviction": LESS,
}


class Section(NamedTuple):
    """Rows of the table."""

    title: str
    patterns: tuple[str, ...]  # of keys, in their order
    hides_zeros: bool = False  # those that are 0 throughout are only named


SECTIONS: Final = (
    Section(
        "outcome",
        (
            "eval_return_mean",
            "ep_return_mean",
            "ep_return_min",
            "ep_return_max",
            "ep_count",
            "ep_len_mean",
            "signal.reward_mean",
            "welfare.*",
        ),
    ),
    Section(
        "learning",
        (
            "loss_policy",
            "loss_value",
            "loss_entropy",
            "explained_variance",
            "approx_kl",
            "kl_divergence",
            "kl_divergence_max",
            "clip_fraction",
            "grad_norm",
            "adv_std",
            "reward_advantage_corr",
            "replay_loss",
            "lr",
            "sps",
        ),
    ),
    Section("reward terms", ("reward_terms.*",), hides_zeros=True),
    Section("conflicts and events", ("conflict.*", "events.*", "*_events"), hides_zeros=True),
)


def direction_of(key: str) -> int | None:
    """Say whether more of a metric is better, or less; None where neither is."""
    return next((direction for pattern, direction in DIRECTIONS.items() if fits(key, pattern)), None)
