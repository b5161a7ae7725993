"""Chunks of play, kept on disk until lives can be read from them one at a time.

Frames come tick by tick with all agents side by side; a sample is one agent through all its ticks. Each chunk is
therefore turned round before it is written: a slot's ticks lie together, so that a life is read in one stretch a chunk.
There are five files, however many agents there are.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from townlet_core.rollout.frames import Frames
from townlet_core.rollout.lives import Life, LifeCutter, end_rows
from townlet_core.world.town import CompiledTown

PIECE_TICKS = 1024  # ticks of a life that are in memory at a time: 2 MB of hybrid maps

Rows = NDArray[Any]


class Sizes(NamedTuple):
    """Sizes of what is recorded of an agent in a tick."""

    tiles: int
    features: int
    actions: int
    terms: int
    events: int

    def observation(self) -> np.dtype[np.void]:
        """The record of an observation."""
        return np.dtype(
            [
                ("tiles", "|u1", (self.tiles,)),
                ("features", "<f4", (self.features,)),
                ("action_mask", "|u1", (self.actions,)),
            ]
        )

    def columns(self) -> np.dtype[np.void]:
        """The record of all else: fields of Frames."""
        return np.dtype(
            [
                *(("actions", "<i2"), ("log_probs", "<f4"), ("values", "<f4"), ("rewards", "<f4")),
                *(("terms", "<f4", (self.terms,)), ("events", "|u1", (self.events,))),
                *(("terminated", "|u1"), ("truncated", "|u1")),
            ]
        )


def sizes_of(town: CompiledTown) -> Sizes:
    """Measure what the agents of a town give to record."""
    _, height, width = town.map_shape
    return Sizes(height * width, len(town.features), len(town.actions.names), len(town.terms), len(town.events))


class Spool:
    """All chunks of a capture.

    Args:
        folder: where the files go; it exists.
        slots: which slots are recorded.
    """

    def __init__(self, folder: Path, sizes: Sizes, *, worlds: int, slots: Sequence[int]) -> None:
        self._slots = list(slots)
        self._sizes = sizes
        self._cutter = LifeCutter(worlds, len(slots))
        self._starts = [0]  # first tick of each chunk, and the tick after the last
        observation = sizes.observation()
        kinds = {name: observation[name] for name in observation.names or ()}
        kinds |= {"columns": sizes.columns(), "ends": observation}
        self._kinds: dict[str, np.dtype[Any]] = kinds
        self._lanes = worlds * len(slots)  # slots of all worlds
        with ExitStack() as stack:  # those that are open are closed where one cannot be opened
            self._files: dict[str, IO[bytes]] = {
                name: stack.enter_context((folder / name).open("w+b")) for name in self._kinds
            }
            self._closing = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def add(self, frames: Frames) -> None:
        """Write the next chunk, and note the lives that begin and end in it."""
        ticks = len(frames.actions)
        for name in ("tiles", "features", "action_mask"):
            self._write(name, np.moveaxis(self._recorded(getattr(frames, name)[:ticks]), 0, 2))
        columns = np.empty((len(frames.ends), len(self._slots), ticks), self._kinds["columns"])
        for name in columns.dtype.names or ():
            columns[name] = np.moveaxis(self._recorded(getattr(frames, name)), 0, 2)
        self._write("columns", columns)
        alive, terminated, truncated, end_row = (
            self._recorded(part) for part in (frames.alive, frames.terminated, frames.truncated, frames.end_row)
        )
        ended = self._cutter.add(alive != 0, (terminated | truncated) != 0)
        self._write("ends", _observations(frames, end_rows(ended, end_row), self._kinds["ends"]))
        self._starts.append(self._starts[-1] + ticks)

    def lives(self) -> list[Life]:
        """Give all lives by world, slot and time, when the last chunk has been added."""
        for file in self._files.values():
            file.flush()
        return self._cutter.lives()

    def pieces(self, name: str, life: Life, *, ticks: int = PIECE_TICKS) -> Iterator[Rows]:
        """Yield the rows of a life in pieces of so many ticks: tiles, features, action_mask or columns."""
        for low in range(life.first, life.stop, ticks):
            yield self._read(name, life, low, min(low + ticks, life.stop))

    def columns(self, life: Life) -> NDArray[np.void]:
        """Give all of a life but its observations, in records [T]."""
        return self._read("columns", life, life.first, life.stop)

    def end(self, life: Life) -> np.void:
        """Give the last observation of a life, in a record."""
        row = np.empty(1, self._kinds["ends"])
        self._fill("ends", row, life.end_row * row.itemsize)
        record: np.void = row[0]
        return record

    def _recorded(self, part: Rows) -> Rows:
        """Pick the slots that are recorded out of [T, W, A, ...]."""
        return part if len(self._slots) == part.shape[2] else part[:, :, self._slots]

    def _write(self, name: str, rows: Rows) -> None:
        self._files[name].write(np.ascontiguousarray(rows).data)

    def _read(self, name: str, life: Life, low: int, high: int) -> Rows:
        """Read ticks low to high - 1 of a slot, a stretch a chunk."""
        rows = np.empty(high - low, self._kinds[name])
        size, lane = self._kinds[name].itemsize, life.world * len(self._slots) + life.slot
        at = low
        while at < high:
            chunk = bisect_right(self._starts, at) - 1
            first, stop = self._starts[chunk : chunk + 2]
            until = min(stop, high)
            place = first * self._lanes + lane * (stop - first) + at - first  # in rows
            self._fill(name, rows[at - low : until - low], place * size)
            at = until
        return rows

    def _fill(self, name: str, rows: Rows, offset: int) -> None:
        """Read bytes at a place into an array."""
        left = memoryview(rows.view(np.uint8).reshape(-1))  # type: ignore[arg-type]
        while left:
            got = os.preadv(self._files[name].fileno(), [left], offset)
            if got == 0:
                raise EOFError(f"the spool's {name} are shorter than they were")
            left, offset = left[got:], offset + got


def _observations(frames: Frames, rows: NDArray[np.int64], kind: np.dtype[np.void]) -> NDArray[np.void]:
    """Collect last observations, given world and row of each."""
    worlds, places = rows.T
    ends = np.empty(len(rows), kind)
    ends["tiles"] = frames.end_tiles[worlds, places]
    ends["features"] = frames.end_features[worlds, places]
    ends["action_mask"] = frames.end_mask[worlds, places]
    return ends
