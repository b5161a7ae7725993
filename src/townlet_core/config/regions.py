"""Which tiles one can walk between: floor falls into regions, joined north, east, south and west.

Things are used, and places kept, from all around: diagonals count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from townlet_core.config.ground import Ground

_FLOOR = re.compile(rb"\x00+")


class Regions:
    """The regions of a ground. Runs of floor in a row are joined with those they touch in the row before."""

    def __init__(self, ground: Ground) -> None:
        solid = [bytearray(row) for row in ground.walls]
        for thing in ground.things:
            x, y = thing.at
            if y < ground.height and x < ground.width:
                solid[y][x] = 1
        self.starts: list[list[int]] = []  # [y][run]: first tile
        self.ends: list[list[int]] = []  # [y][run]: tile after the last
        self.first: list[int] = []  # [y]: number of the row's first run
        self.parents: list[int] = []  # [run over all rows]
        for row in solid:
            self._add_row(row)

    @property
    def floor(self) -> int:
        """Count the tiles that one can stand on."""
        return sum(sum(ends) - sum(starts) for starts, ends in zip(self.starts, self.ends, strict=True))

    def sizes(self) -> dict[int, int]:
        """Count the tiles of every region, in the reading order of their first tiles."""
        sizes: Counter[int] = Counter()
        for y, (starts, ends) in enumerate(zip(self.starts, self.ends, strict=True)):
            for run, (start, end) in enumerate(zip(starts, ends, strict=True)):
                sizes[self._root(self.first[y] + run)] += end - start
        return dict(sizes)

    @property
    def main(self) -> int | None:
        """Give the largest region, of several alike the first in reading order; None where there is no floor."""
        sizes = self.sizes()
        return max(sizes, key=sizes.__getitem__, default=None)

    def main_tiles(self) -> Iterator[tuple[int, int]]:
        """Give the tiles [x, y] of the largest region, in reading order: newcomers begin on them."""
        main = self.main
        for y, (starts, ends) in enumerate(zip(self.starts, self.ends, strict=True)):
            for run, (start, end) in enumerate(zip(starts, ends, strict=True)):
                if self._root(self.first[y] + run) == main:
                    yield from ((x, y) for x in range(start, end))

    def at(self, x: int, y: int) -> int | None:
        """Give the region of a tile; None where there is no floor."""
        if not 0 <= y < len(self.starts):
            return None
        run = bisect_right(self.starts[y], x) - 1
        if run < 0 or x >= self.ends[y][run]:
            return None
        return self._root(self.first[y] + run)

    def within(self, x: int, y: int, radius: int) -> set[int]:
        """Give the regions that have floor within so many tiles, diagonals too."""
        square = ((x + dx, y + dy) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1))
        return {region for tile in square if (region := self.at(*tile)) is not None}

    def _add_row(self, row: bytearray) -> None:
        runs = [match.span() for match in _FLOOR.finditer(row)]
        self.first.append(len(self.parents))
        self.parents.extend(range(len(self.parents), len(self.parents) + len(runs)))
        self.starts.append([start for start, _ in runs])
        self.ends.append([end for _, end in runs])
        for above, below in self._touching(len(self.starts) - 1):
            self.parents[self._root(above)] = self._root(below)

    def _touching(self, y: int) -> Iterator[tuple[int, int]]:
        above = below = 0
        while y and above < len(self.starts[y - 1]) and below < len(self.starts[y]):
            if max(self.starts[y - 1][above], self.starts[y][below]) < min(
                self.ends[y - 1][above], self.ends[y][below]
            ):
                yield self.first[y - 1] + above, self.first[y] + below
            if self.ends[y - 1][above] < self.ends[y][below]:
                above += 1
            else:
                below += 1

    def _root(self, run: int) -> int:
        while self.parents[run] != run:
            self.parents[run] = self.parents[self.parents[run]]
            run = self.parents[run]
        return run
