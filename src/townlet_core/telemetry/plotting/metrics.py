"""Which metrics of a log are drawn, and what they mean in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from townlet_core.errors import InputError
from townlet_core.telemetry.formats import LaterKeys
from townlet_core.telemetry.patterns import matching, missing
from townlet_core.telemetry.record import FAMILIES, EpochRecord

# What an operator looks at, in this order, where it is there.
USUAL: Final = (
    "ep_return_mean",
    "eval_return_mean",
    "signal.reward_mean",
    "loss_policy",
    "loss_value",
    "loss_entropy",
    "kl_divergence",
    "clip_fraction",
    "explained_variance",
    "grad_norm",
    "lr",
    "sps",
)
# What the words of their family leave open.
OF_FAMILIES: Final = {
    "signal.reward_mean": "reward of an agent and tick: mean",
    "signal.reward_std": "reward of an agent and tick: standard deviation",
    "signal.reward_clip_fraction": "share of the rewards that were clipped",
    "signal.unused_actions": "actions that were allowed, and never taken",
    "welfare.lives_ended": "lives that ended",
    "welfare.hunger_mean": "how satisfied hunger is, from 0 to 1: mean",
    "welfare.hygiene_mean": "how satisfied hygiene is, from 0 to 1: mean",
    "welfare.energy_mean": "how much energy there is, from 0 to 1: mean",
}


def chosen(patterns: Sequence[str], there: Mapping[str, bool], where: str) -> tuple[list[str], list[InputError]]:
    """Give the metrics to draw, and what is asked for and is not there.

    Args:
        patterns: keys and globs, in the order in which they are drawn; none of them: the usual ones.
        there: keys of the logs; true if one has a number somewhere.
        where: names the logs, for errors.

    Raises:
        InputError: there is nothing to draw.
    """
    known = [key for key, has_numbers in there.items() if has_numbers]
    if not patterns:
        usual: list[str] = [key for key in USUAL if key in known]
        if not usual:
            raise InputError("has none of the usual metrics", where=where, hint="name some: --metrics 'agents.*'")
        return usual, []
    lacking = [
        InputError(f"has no number for '{pattern}'", where=where)
        if pattern in there
        else missing(pattern, known, where)
        for pattern in patterns
        if not matching((pattern,), known)
    ]
    if len(lacking) == len(patterns):
        raise lacking[0]
    return matching(patterns, known), lacking


@cache
def meaning(key: str) -> str:
    """Describe a metric in some words, which name its unit; nothing is known of a key that is in no list."""
    for model in (EpochRecord, LaterKeys):
        for name, info in model.model_fields.items():
            if key == (info.alias or name):
                return info.description or ""
    if key in OF_FAMILIES:
        return OF_FAMILIES[key]
    if key.startswith("agents.") and key.endswith(".reward_mean"):
        return "mean reward a tick of this agent"
    family = FAMILIES.get(key.partition(".")[0], "") if "." in key else ""
    return family.partition(": ")[2].partition(", such as")[0]
