"""Keys that are not what they were: which are compared, how they are told and ranked."""

from __future__ import annotations

import re
from typing import Any, Final

from townlet_core.telemetry.explaining.changes import Effect
from townlet_core.telemetry.explaining.curves import Curves
from townlet_core.telemetry.explaining.explanation import Moved
from townlet_core.telemetry.exporting.names import group_of

SKIPPED: Final = frozenset({"place", "data", "machine"})  # groups that explain nothing about learning
IS_AGENT: Final = re.compile(r"agents(\.[a-z0-9_]+){2,}")
EXTREMES: Final = ("agents.reward_min", "agents.reward_max")  # nothing new where each agent is told of
ENTROPY_AGAIN: Final = "batch_entropy_mean"  # what loss_entropy says


def moved_key(key: str, found: Effect) -> dict[str, Any]:
    """Give what is told of a key whose numbers differ."""
    return {
        "key": key,
        "group": group_of(key),
        "before": found.before,
        "after": found.after,
        "difference": found.after - found.before,
        "effect": found.size,
        "limit": found.limit,
    }


def ranked(moved: list[Moved]) -> list[Moved]:
    """Order keys by effect, the largest first; those without any noise before all."""
    return sorted(moved, key=lambda each: (each.effect is not None, -abs(each.effect or 0.0), each.key))


def compared_keys(curves: Curves) -> list[str]:
    """Give the keys that can tell what happened, those left out that say what another one does."""
    keys = [key for key in curves.keys if group_of(key) not in SKIPPED]
    each_agent = any(IS_AGENT.fullmatch(key) for key in keys)
    told = set(EXTREMES) if each_agent else set()
    told |= {ENTROPY_AGAIN} if "loss_entropy" in keys else set()
    return [key for key in keys if key not in told]
