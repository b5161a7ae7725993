"""Rules that need no file: those of options, and those to start from where nobody has said anything.

The limits to start from are well beyond the furthest value of an epoch in 480 epochs of PPO, in queue_conflict,
kitchen_breakfast, employment_punctuality and rivalry_decay, all of which learned. `docs/howto/watch_a_run.md` has the
numbers.
"""

from __future__ import annotations

from typing import Any, Final

from townlet_core.telemetry.rules import Rule

_KL: Final = "steps of the policy are too large: lower lr, clip_coef or epochs of updates, or set target_kl"
_GRAD: Final = "look at the value loss and the rewards of that epoch; lower lr or max_grad_norm"
_ENTROPY: Final = "the policy has stopped to explore: raise entropy_coef, or stop if the return is good"
_CORR: Final = "what is rewarded and what is thought good differ: look at explained_variance, and at the rewards"
_CONSTANT: Final = "every reward is the same, there is nothing to learn: look at rewards.clip and at the scenario"
_LOSS: Final = "look at which part of the loss grew; lower lr or value_coef"

# Option -> the rules that it stands for, all but the limit.
OPTIONS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "kl": (
        {"metric": "kl_divergence", "side": "above", "amount": True, "message": _KL},
        {"metric": "kl_divergence_max", "side": "above", "amount": True, "message": _KL},
    ),
    "grad": (
        {"metric": "grad_norm", "side": "above", "message": _GRAD},
        {"metric": "grad_norm_max", "side": "above", "message": _GRAD},
    ),
    "entropy": ({"metric": "loss_entropy", "side": "below", "message": _ENTROPY},),
    "reward_corr": ({"metric": "reward_advantage_corr", "side": "below", "message": _CORR},),
    "loss": ({"metric": "loss_total", "side": "above", "amount": True, "message": _LOSS},),
}


def rules_of_option(option: str, limit: float) -> list[Rule]:
    """Give the rules that a threshold of the command line stands for."""
    return [_rule(limit, **values) for values in OPTIONS[option]]


def default_rules() -> list[Rule]:
    """Give the rules to start from."""
    return [
        _rule(0.02, "kl_divergence", "above", amount=True, **{"for": 3}, message=_KL),
        _rule(0.1, "kl_divergence_max", "above", amount=True, **{"for": 3}, message=_KL),
        _rule(0.3, "clip_fraction", "above", **{"for": 3}, message=_KL),
        _rule(6.0, "grad_norm", "above", **{"for": 3}, message=_GRAD),
        _rule(15.0, "grad_norm_max", "above", **{"for": 3}, message=_GRAD),
        _rule(0.05, "loss_entropy", "below", **{"for": 3}, message=_ENTROPY),
        _rule(5.0, "loss_total", "above", amount=True, severity="critical", message=_LOSS),
        _rule(0.0, "explained_variance", "below", **{"for": 10}, message="the values have learned nothing: raise lr"),
        _rule(-0.2, "reward_advantage_corr", "below", **{"for": 3}, message=_CORR),
        _rule(1e-9, "reward_advantage_corr", "below", amount=True, **{"for": 3}, message=_CONSTANT),
        _rule(
            1e-6,
            "signal.reward_std",
            "below",
            severity="critical",
            message=_CONSTANT,
        ),
        _rule(
            0.1,
            "signal.reward_clip_fraction",
            "above",
            **{"for": 3},
            message="the clip hides what agents did: raise rewards.clip, or lower the terms of the reward",
        ),
        _rule(
            0.0, "lost_records", "above", severity="critical", message="the log could not be written: is the disk full?"
        ),
    ]


def _rule(limit: float, metric: str, side: str, **others: Any) -> Rule:
    return Rule.model_validate({"metric": metric, side: limit, **others})
