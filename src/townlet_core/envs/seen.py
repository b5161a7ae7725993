"""What an agent sees, as spaces of Gymnasium and as arrays that may be kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.envs.extra import Box, Dict, Space
from townlet_core.world.features import SOCIAL_SLOTS
from townlet_core.world.town import CompiledTown

# The features that can be negative, down to -1. All others lie between 0 and 1.
SIGNED = {
    "time_sin",
    "time_cos",
    "social_trust_mean",
    *(f"social_slot{slot}_d{d}" for slot in range(SOCIAL_SLOTS) for d in (2, 4, 5)),  # trust; where the other stands
}

# A dictionary of arrays, or a vector [C * H * W + F] of the map and then the features, as the environment was made.
Observation = Any


class Seen(NamedTuple):
    """What agents see at one moment, one entry an agent."""

    observations: list[Observation]
    masks: NDArray[np.int8]  # [A, N]


def feature_space(town: CompiledTown, agents: int = 1) -> Box:
    """Bound the features of so many agents, one after the other."""
    low = np.array([-1 if name in SIGNED else 0 for name in town.features], np.float32)
    return Box(np.tile(low, agents), np.ones(agents * len(low), np.float32))


def observation_space(town: CompiledTown, *, flat: bool) -> Space[Any]:
    """Describe what an agent of a town sees."""
    features = feature_space(town)
    if flat:
        tiles = int(np.prod(town.map_shape))
        low = np.concatenate([np.zeros(tiles, np.float32), features.low])
        return Box(low, np.ones(len(low), np.float32))
    return Dict(
        {
            "map": Box(0, 1, town.map_shape, np.float32),
            "features": features,
            "action_mask": Box(0, 1, (len(town.actions.names),), np.int8),
        }
    )


def copy_seen(
    maps: NDArray[np.float32],
    features: NDArray[np.float32],
    masks: NDArray[np.uint8],
    *,
    shape: tuple[int, int, int],
    flat: bool,
) -> Seen:
    """Copy what A agents see out of frames.

    Args:
        maps: [A, C * H * W]
        features: [A, F]
        masks: [A, N]
        shape: C, H and W.
    """
    allowed = masks.astype(np.int8)
    if flat:
        return Seen(list(np.concatenate([maps, features], axis=1)), allowed)
    planes, facts = maps.reshape(-1, *shape).copy(), features.copy()
    return Seen(
        [
            {"map": plane, "features": fact, "action_mask": mask}
            for plane, fact, mask in zip(planes, facts, allowed, strict=True)
        ],
        allowed,
    )
