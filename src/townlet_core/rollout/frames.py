"""A chunk of play: what W worlds of A agents saw, did and got in T ticks, in the order observe, act, reward."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.world.records import NOTHING
from townlet_core.world.town import CompiledTown


class Frames(NamedTuple):
    """Arrays of a chunk; row T of the observations is row 0 of the next chunk. D x D tiles a window, C planes.

    Tiles or map may be empty (no last column), as the maker of the frames chose.
    """

    tiles: NDArray[np.uint8]  # [T + 1, W, A, D * D] window, a byte a tile: bits of world.records
    map: NDArray[np.float32]  # [T + 1, W, A, C * D * D] window as planes
    features: NDArray[np.float32]  # [T + 1, W, A, F]
    action_mask: NDArray[np.uint8]  # [T + 1, W, A, N] 1: allowed
    actions: NDArray[np.int16]  # [T, W, A] as chosen; one that the mask forbids was played as a wait
    log_probs: NDArray[np.float32]  # [T, W, A] log-probability of the action under the policy that chose it
    values: NDArray[np.float32]  # [T, W, A] the policy's estimate of the return, 0 where it makes none
    rewards: NDArray[np.float32]  # [T, W, A]
    terms: NDArray[np.float32]  # [T, W, A, R] terms of the reward
    events: NDArray[np.uint8]  # [T, W, A, E] counts
    alive: NDArray[np.uint8]  # [T, W, A] 1: somebody lived in the slot when the tick began
    terminated: NDArray[np.uint8]  # [T, W, A] 1: the life ended in this tick
    truncated: NDArray[np.uint8]  # [T, W, A] 1: the episode was cut off after this tick
    end_row: NDArray[np.int32]  # [T, W, A] row of the last observation of a life that ended here, or NOTHING
    ends: NDArray[np.int32]  # [W] rows used of those that follow
    end_tiles: NDArray[np.uint8]  # [W, T * A, D * D]
    end_map: NDArray[np.float32]  # [W, T * A, C * D * D]
    end_features: NDArray[np.float32]  # [W, T * A, F]
    end_mask: NDArray[np.uint8]  # [W, T * A, N]


def new_frames(
    town: CompiledTown, worlds: int, ticks: int, *, planes: bool = False, tiles: bool | None = None
) -> Frames:
    """Make room for a chunk, which takes memory when it is written.

    Args:
        planes: have the map drawn as float32 planes.
        tiles: have it as packed tiles; if left out, where there are no planes.
    """
    slots, features, actions = len(town.slots), len(town.features), len(town.actions.names)
    channels, side, _ = town.map_shape
    packed = side * side if tiles or (tiles is None and not planes) else 0
    plane_tiles = channels * side * side if planes else 0
    now, after, last = (ticks, worlds, slots), (ticks + 1, worlds, slots), (worlds, ticks * slots)
    return Frames(
        tiles=np.zeros((*after, packed), np.uint8),
        map=np.zeros((*after, plane_tiles), np.float32),
        features=np.zeros((*after, features), np.float32),
        action_mask=np.zeros((*after, actions), np.uint8),
        actions=np.zeros(now, np.int16),
        log_probs=np.zeros(now, np.float32),
        values=np.zeros(now, np.float32),
        rewards=np.zeros(now, np.float32),
        terms=np.zeros((*now, len(town.terms)), np.float32),
        events=np.zeros((*now, len(town.events)), np.uint8),
        alive=np.zeros(now, np.uint8),
        terminated=np.zeros(now, np.uint8),
        truncated=np.zeros(now, np.uint8),
        end_row=np.full(now, NOTHING, np.int32),
        ends=np.zeros(worlds, np.int32),
        end_tiles=np.zeros((*last, packed), np.uint8),
        end_map=np.zeros((*last, plane_tiles), np.float32),
        end_features=np.zeros((*last, features), np.float32),
        end_mask=np.zeros((*last, actions), np.uint8),
    )


def turn_over(frames: Frames) -> None:
    """Begin the next chunk in the same memory: its first observations are the last of this one."""
    for observations in (frames.tiles, frames.map, frames.features, frames.action_mask):
        observations[0] = observations[-1]
    frames.ends[:] = 0
