"""What agents saw, packed: a row an observation, in memory or, where there are too many, in files.

The files have no names: they are gone when they are closed, and with the program however it ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import OutputError

PIECE_ROWS = 512  # rows that are packed or unpacked at a time: the bits between fit the processor's cache

Rows = NDArray[Any]


class Observations(NamedTuple):
    """What n agents saw and might do."""

    map: NDArray[np.float32]  # [n, C*H*W]
    features: NDArray[np.float32]  # [n, F]
    action_mask: NDArray[np.bool_]  # [n, N] true where allowed


class Layout(NamedTuple):
    """Sizes of an observation."""

    tiles: int  # C*H*W
    features: int  # F
    actions: int  # N
    binary: bool  # the map holds only 0 and 1, and is kept in bits

    def kinds(self) -> tuple[tuple[np.dtype[Any], int], ...]:
        """Give type and length of a row of each part: map, features, mask."""
        bits, floats = np.dtype(np.uint8), np.dtype(np.float32)
        tiles = (bits, _bytes(self.tiles)) if self.binary else (floats, self.tiles)
        return tiles, (floats, self.features), (bits, _bytes(self.actions))

    def row_bytes(self) -> int:
        """Give the bytes that an observation takes."""
        return sum(kind.itemsize * length for kind, length in self.kinds())


class Packed:
    """Rows of observations: put in place one after another, kept, and then read in any order by any thread.

    Args:
        memory_bytes: more than that goes into files.
        folder: of the files; None for the system's.

    Raises:
        OutputError: on making and putting: the folder is missing or full.
    """

    def __init__(self, rows: int, layout: Layout, *, memory_bytes: int, folder: Path | None) -> None:
        self.layout = layout
        self.spilled = rows * layout.row_bytes() > memory_bytes
        self._folder = folder
        self._rows = rows
        self._closing = ExitStack()
        self._files: list[IO[bytes]] = []
        self._parts: list[Rows] | None = None
        if self.spilled:
            with self._blame_folder():
                for _ in layout.kinds():
                    self._files.append(self._closing.enter_context(_nameless(folder)))
        else:
            self._parts = [np.empty((rows, length), kind) for kind, length in layout.kinds()]

    def put(self, first: int, maps: Rows, features: Rows, mask: Rows) -> None:
        """Write rows from a place on: maps [n, C, H, W], features [n, F], mask [n, N]. Bits are 1 where not 0."""
        for low in range(0, len(maps), PIECE_ROWS):
            piece = slice(low, low + PIECE_ROWS)
            tiles = maps[piece].reshape(len(maps[piece]), self.layout.tiles)  # of 0 tiles where there is no map
            tiles = np.packbits(tiles != 0, axis=1) if self.layout.binary else tiles
            self._write(first + low, (tiles, features[piece], np.packbits(mask[piece], axis=1)))

    def keep(self) -> None:
        """Make what was put readable; nothing can be put from here on."""
        if self.spilled:
            kinds = self.layout.kinds()
            self._parts = [_mapped(file, self._rows, *kind) for file, kind in zip(self._files, kinds, strict=True)]
            self._closing.close()

    def take(self, rows: NDArray[np.int64]) -> Observations:
        """Read rows, unpacked."""
        if self._parts is None:
            raise ValueError("the dataset is closed")
        maps, features, mask = self._parts
        return Observations(
            _unpacked(maps, rows, self.layout.tiles) if self.layout.binary else maps[rows],
            features[rows],
            np.unpackbits(mask[rows], axis=1, count=self.layout.actions).view(np.bool_),
        )

    def close(self) -> None:
        """Let go of memory and files."""
        self._parts = None
        self._closing.close()

    def _write(self, first: int, parts: tuple[Rows, ...]) -> None:
        """Put rows of each part in place."""
        if self._parts is not None:
            for held, part in zip(self._parts, parts, strict=True):
                held[first : first + len(part)] = part
            return
        with self._blame_folder():
            for file, part in zip(self._files, parts, strict=True):
                _write_at(file, first * part.shape[1] * part.itemsize, part.tobytes())

    @contextmanager
    def _blame_folder(self) -> Iterator[None]:
        """Say what kept the files from being written."""
        try:
            yield
        except OSError as error:
            self.close()
            raise OutputError(
                f"cannot hold what the captures show: {(error.strerror or str(error)).lower()}",
                where=str(self._folder or tempfile.gettempdir()),
                hint="free some space there, set TMPDIR to another folder, or raise replay.memory_mb",
            ) from error


def is_binary(maps: Rows) -> bool:
    """Say whether there is nothing but 0 and 1."""
    return all(
        bool(((piece == 0) | (piece == 1)).all())
        for piece in (maps[low : low + PIECE_ROWS] for low in range(0, len(maps), PIECE_ROWS))
    )


def _bytes(bits: int) -> int:
    """Give the bytes that so many bits take."""
    return -(-bits // 8)


@contextmanager
def _nameless(folder: Path | None) -> Iterator[IO[bytes]]:
    """Open a file that no folder lists."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        yield file


def _write_at(file: IO[bytes], offset: int, data: bytes) -> None:
    """Write bytes at a place, however many calls that takes."""
    left = memoryview(data)
    while left:
        written = os.pwrite(file.fileno(), left, offset)
        left, offset = left[written:], offset + written


def _mapped(file: IO[bytes], rows: int, kind: np.dtype[Any], length: int) -> Rows:
    """Open a file as an array; of nothing there can be no map."""
    if length == 0:
        return np.empty((rows, length), kind)
    return np.asarray(np.memmap(file, kind, "r", shape=(rows, length)))


def _unpacked(bits: Rows, rows: NDArray[np.int64], tiles: int) -> NDArray[np.float32]:
    """Give rows of bits as floats."""
    maps = np.empty((len(rows), tiles), np.float32)
    for low in range(0, len(rows), PIECE_ROWS):
        piece = slice(low, low + PIECE_ROWS)
        maps[piece] = np.unpackbits(bits[rows[piece]], axis=1, count=tiles)
    return maps
