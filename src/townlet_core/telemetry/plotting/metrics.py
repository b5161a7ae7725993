"""Which metrics of a log are drawn, and what they mean in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from townlet_core.errors import InputError, did_you_mean
from townlet_core.telemetry.formats import LaterKeys
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
# Where a record stands: no curve, and drawn only where somebody asks for it by its name.
PLACES: Final = frozenset(
    {"epoch", "telemetry_version", "log_stream_offset", "seq", "seed", "epochs_planned", "finished", "migrated_from"}
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
SIGNS_OF_A_GLOB: Final = frozenset("*?[")


def is_wanted(key: str, patterns: Sequence[str]) -> bool:
    """Say whether a key is one of those named, or fits one of the globs."""
    return any(_fits(key, pattern) for pattern in patterns)


def chosen(patterns: Sequence[str], there: Mapping[str, bool], where: str) -> list[str]:
    """Give the metrics to draw: in the order of the patterns, and in that of the log where a glob fits several.

    Args:
        patterns: keys and globs; none of them: the usual ones.
        there: keys of the logs; true if one has a number somewhere.
        where: names the logs, for the error.

    Raises:
        InputError: there is none for a pattern.
    """
    known = [key for key, has_numbers in there.items() if has_numbers]
    if not patterns:
        usual: list[str] = [key for key in USUAL if key in known]
        if not usual:
            raise InputError("has none of the usual metrics", where=where, hint="name some: --metrics 'agents.*'")
        return usual
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = [key for key in known if _fits(key, pattern)]
        if not fitting:
            raise _missing(pattern, there, known, where)
        found |= dict.fromkeys(fitting)
    return list(found)


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


def _fits(key: str, pattern: str) -> bool:
    if key == pattern:
        return True
    return key not in PLACES and not SIGNS_OF_A_GLOB.isdisjoint(pattern) and fnmatchcase(key, pattern)


def _missing(pattern: str, there: Mapping[str, bool], known: Sequence[str], where: str) -> InputError:
    """Say that no log has a metric, and which it has."""
    if pattern in there:
        return InputError(f"has no number for '{pattern}'", where=where)
    is_glob = not SIGNS_OF_A_GLOB.isdisjoint(pattern)
    problem = f"has no metric that fits '{pattern}'" if is_glob else f"has no metric '{pattern}'"
    return InputError(problem, where=where, hint=did_you_mean(pattern, known) or _some_of(known))


def _some_of(known: Sequence[str]) -> str:
    shown = [key for key in known if key not in PLACES]
    return f"it has {', '.join(shown[:8])}{' ...' if len(shown) > 8 else ''}"
