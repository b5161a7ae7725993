"""Where lives begin and end in a stream of chunks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.world.records import NOTHING


class Life(NamedTuple):
    """One life in one slot of one world: ticks first to stop - 1."""

    world: int  # counted from 0 in the batch
    slot: int  # counted from 0 among the slots recorded
    number: int  # 1 for the first life in the slot
    first: int
    stop: int
    end_row: int  # place of its last observation among those of all lives


class LifeCutter:
    """Finds the lives in chunks that come one after another.

    A life begins where somebody is alive who was not there, or had died, in the tick before; it ends in a tick that is
    marked terminated or truncated.
    """

    def __init__(self, worlds: int, slots: int) -> None:
        self._on = np.zeros((1, worlds, slots), np.bool_)  # lives that go on after the last tick seen
        self._ticks = 0
        self._starts: list[NDArray[np.int64]] = []  # [lives, 3] world, slot, tick
        self._ends: list[NDArray[np.int64]] = []

    def add(self, alive: NDArray[Any], ended: NDArray[Any]) -> NDArray[np.int64]:
        """Take the next chunk; give tick in the chunk, world and slot of each life that ended in it, as rows.

        Args:
            alive, ended: bool [T, W, A]; somebody lived when the tick began, that life ended in it.
        """
        on = alive & ~ended
        before = np.concatenate([self._on, on[:-1]])
        if (before & ~alive).any():
            raise ValueError("a life stops without having ended")
        ends = np.argwhere(alive & ended)
        self._starts.append(self._placed(np.argwhere(alive & ~before)))
        self._ends.append(self._placed(ends))
        self._on = on[-1:]
        self._ticks += len(alive)
        return ends

    def _placed(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn (tick in the chunk, world, slot) to (world, slot, tick)."""
        return np.stack([rows[:, 1], rows[:, 2], rows[:, 0] + self._ticks], axis=1)

    def lives(self) -> list[Life]:
        """Give all lives by world, slot and time, when the last chunk has been taken."""
        if self._on.any():
            raise ValueError("the last chunk is over and lives go on")
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        by_start, by_end = (np.lexsort(rows.T[::-1]) for rows in (starts, ends))
        lives: list[Life] = []
        for row, end in zip(by_start.tolist(), by_end.tolist(), strict=True):
            world, slot, first = starts[row].tolist()
            again = bool(lives) and lives[-1][:2] == (world, slot)
            number = lives[-1].number + 1 if again else 1
            lives.append(Life(world, slot, number, first, int(ends[end, 2]) + 1, end))
        return lives


def end_rows(ends: NDArray[np.int64], end_row: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give world and row of the last observations of lives that ended in a chunk, in the order of `ends`.

    Args:
        ends: [lives, 3] tick in the chunk, world and slot, as LifeCutter.add gives them.
        end_row: [T, W, A] row among the world's last observations, or NOTHING.
    """
    rows = end_row[ends[:, 0], ends[:, 1], ends[:, 2]]
    if (rows == NOTHING).any():
        raise ValueError("a life has ended without a last observation")
    return np.stack([ends[:, 1], rows], axis=1)
