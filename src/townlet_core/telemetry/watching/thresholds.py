"""Rules that need no file: those of options, and those to start from where nobody has said anything.

The limits to start from are beyond the furthest value of an epoch in 720 epochs of PPO, in queue_conflict,
kitchen_breakfast, employment_punctuality and rivalry_decay, all of which learned. `docs/howto/watch_a_run.md` has the
numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from townlet_core.telemetry.watching.rules import Rule, load_rules

DEFAULT: Final = "default"  # in place of a file: the rules to start from; a file of that name is ./default

_KL: Final = "the policy moves too far in an epoch: lower ppo.learning_rate or ppo.update_epochs, or set ppo.target_kl"
_GRAD: Final = "look at loss_value and the rewards of that epoch; lower ppo.learning_rate or ppo.value_coef"
_ENTROPY: Final = "the policy explores no more: raise ppo.entropy_coef, or stop here if the return is good"
_CORR: Final = "what was rewarded is thought bad: look at explained_variance, and at rewards that come late"
_CONSTANT: Final = "every reward is the same, there is nothing to learn: look at rewards.clip and at the scenario"
_LOSS: Final = "look which part of the loss it is; lower ppo.learning_rate, or ppo.value_coef if it is loss_value"
_VALUES: Final = "the values foretell less than a constant would: look at loss_value; lower ppo.learning_rate"

_UNDEFINED: Final = {"allow_null": "unmeasured"}  # without an old policy to compare with, or a step

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


def rules_named(name: str) -> tuple[Rule, ...]:
    """Give the rules of a file, or those to start from, which are called DEFAULT.

    Raises:
        InputError: the file cannot be read.
        ConfigError: all that is wrong with it.
    """
    return tuple(default_rules()) if name == DEFAULT else load_rules(Path(name))


def default_rules() -> list[Rule]:
    """Give the rules to start from."""
    return [
        _rule(0.02, "kl_divergence", "above", amount=True, **{"for": 3}, **_UNDEFINED, message=_KL),
        _rule(0.1, "kl_divergence_max", "above", amount=True, **{"for": 3}, **_UNDEFINED, message=_KL),
        _rule(0.3, "clip_fraction", "above", **{"for": 3}, **_UNDEFINED, message=_KL),
        _rule(6.0, "grad_norm", "above", **{"for": 3}, **_UNDEFINED, message=_GRAD),
        _rule(15.0, "grad_norm_max", "above", **{"for": 3}, **_UNDEFINED, message=_GRAD),
        _rule(0.02, "loss_entropy", "below", **{"for": 3}, **_UNDEFINED, message=_ENTROPY),
        _rule(5.0, "loss_total", "above", amount=True, severity="critical", **_UNDEFINED, message=_LOSS),
        _rule(0.0, "explained_variance", "below", **{"for": 10}, message=_VALUES),
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
