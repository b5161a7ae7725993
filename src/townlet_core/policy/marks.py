"""Maps as lists of what is on them.

Hardly anything is: of the 484 tiles of four planes that an agent of poc_hybrid sees, four are not 0. A linear layer
over a list takes the sum of a few rows of its weights for a product of the whole map with all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.world.kernel import kernel


class Marks(NamedTuple):
    """What is not 0 on n maps, map after map; M in all."""

    cells: Tensor  # [M] int32 place on its map
    worths: Tensor  # [M] what stands there
    starts: Tensor  # [n + 1] int32 where the list of each map begins; M at the end

    def take(self, groups: Tensor, size: int = 1) -> Self:
        """Take some of the maps, in the order in which the numbers of their groups `[k]` stand.

        Args:
            size: of the groups into which all maps, one after another, are divided.
        """
        wanted, begins = groups.numpy(), self.starts.numpy()
        starts = np.zeros(len(wanted) * size + 1, np.int32)
        count_taken(begins, wanted, size, starts)
        cells, worths = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
        copy_taken(self.cells.numpy(), self.worths.numpy(), begins, wanted, size, cells, worths)
        return type(self)(*(torch.from_numpy(part) for part in (cells, worths, starts)))


def sum_rows(marks: Marks, weights: Tensor) -> Tensor:
    """Multiply n maps by weights `[D, width]`: give `[n, width]`."""
    return torch.nn.functional.embedding_bag(
        marks.cells, weights, marks.starts, mode="sum", per_sample_weights=marks.worths, include_last_offset=True
    )


def sum_rows_back(marks: Marks, gradient: Tensor, by_weights: Tensor) -> None:
    """Write the derivative by the weights, `[tiles, width]`, from that by what sum_rows gave, `[n, width]`.

    Autograd's own way sorts all marks first, and takes seven times as long.
    """
    by_weights.zero_()
    add_rows(*(part.numpy() for part in (*marks, gradient.contiguous(), by_weights)))


def list_marks(maps: NDArray[np.float32]) -> Marks:
    """List what is on maps `[..., D]`, the axes before the last taken as one."""
    flat = maps.reshape(-1, maps.shape[-1])
    starts = np.zeros(len(flat) + 1, np.int32)
    cells, worths = np.empty(flat.size, np.int32), np.empty(flat.size, np.float32)  # of this, memory has what is used
    find_marks(flat, cells, worths, starts)
    many = starts[-1]
    return Marks(torch.from_numpy(cells[:many]), torch.from_numpy(worths[:many]), torch.from_numpy(starts))


@kernel
def find_marks(maps: Any, cells: Any, worths: Any, starts: Any) -> None:
    """Write the lists of all maps, and where each begins."""
    at = 0
    for i in range(maps.shape[0]):
        for j in range(maps.shape[1]):
            if maps[i, j] != 0:
                cells[at] = j
                worths[at] = maps[i, j]
                at += 1
        starts[i + 1] = at


@kernel
def count_taken(begins: Any, groups: Any, size: Any, starts: Any) -> None:
    """Find out where the list of each map begins that is taken."""
    for i in range(len(groups)):
        for j in range(size):
            taken, wanted = i * size + j, groups[i] * size + j
            starts[taken + 1] = starts[taken] + begins[wanted + 1] - begins[wanted]


@kernel
def copy_taken(cells: Any, worths: Any, begins: Any, groups: Any, size: Any, to_cells: Any, to_worths: Any) -> None:
    """Copy the lists of the maps that are taken."""
    at = 0
    for i in range(len(groups)):
        for place in range(begins[groups[i] * size], begins[(groups[i] + 1) * size]):
            to_cells[at], to_worths[at] = cells[place], worths[place]
            at += 1


@kernel
def add_rows(cells: Any, worths: Any, starts: Any, gradient: Any, by_weights: Any) -> None:
    """Add the gradient of each map, times what is marked, to the row of each mark."""
    for i in range(len(starts) - 1):
        for at in range(starts[i], starts[i + 1]):
            row, worth = by_weights[cells[at]], worths[at]
            for j in range(len(row)):
                row[j] += worth * gradient[i, j]
