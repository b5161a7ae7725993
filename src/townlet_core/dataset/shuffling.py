"""The order in which a dataset is gone through: every row once, shuffled in blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def shuffled(steps: int, *, seed: int, epoch: int, batch: int, block: int) -> Iterator[NDArray[np.int64]]:
    """Give the rows 0 to steps - 1 in batches; the last may be shorter.

    Rows that lie together are read together, so blocks of so many rows are shuffled and not single ones. The blocks
    begin at another row each epoch, so that the same rows do not always come together.
    """
    chance = np.random.default_rng((seed, epoch))
    cuts = np.arange(int(chance.integers(block)), steps, block)
    edges = np.unique(np.concatenate(([0], cuts, [steps])))
    order = chance.permutation(len(edges) - 1)
    firsts, lengths = edges[:-1][order], np.diff(edges)[order]
    stops = np.cumsum(lengths)
    shifts = firsts - (stops - lengths)  # from a position in the order to the row that stands there
    for low in range(0, steps, batch):
        positions = np.arange(low, min(low + batch, steps))
        yield positions + shifts[np.searchsorted(stops, positions, side="right")]
