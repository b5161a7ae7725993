"""The bytes of a file of a log, by place, unpacked if they are compressed: held open, or found again by name."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from townlet_core.telemetry.lines import GZIP_MAGIC

HEAD_BYTES: Final = 2**10  # at the begin of a file, by which it is known again
DAMAGES: Final = (EOFError, zlib.error, gzip.BadGzipFile)

Identity = tuple[int, int]


class Content:
    """What is in a file. Its head is to be read first, and whenever it has changed.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file: io.FileIO | None = io.FileIO(path)
        stat = os.fstat(self._file.fileno())
        self.identity: Identity = (stat.st_dev, stat.st_ino)
        self.is_packed = False
        self.damage: str | None = None  # why the compressed data end where they do
        self._packed: gzip.GzipFile | None = None
        self._held, self._held_at = b"", 0  # what was unpacked, and where it begins

    @property
    def is_open(self) -> bool:
        """Say whether the file is held, so that it can be read even if it has no name any more."""
        return self._file is not None

    def open(self, path: Path) -> bool:
        """Hold the file, if it can still be found under its name."""
        if self._file is not None:
            return True
        try:
            file = io.FileIO(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        stat = os.fstat(file.fileno())
        if (stat.st_dev, stat.st_ino) != self.identity:
            file.close()
            return False
        self._file = file
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._file = self._packed = None

    def stat(self, path: Path) -> os.stat_result:
        """Look at the file, by its name if it is not held."""
        return os.stat(path) if self._file is None else os.fstat(self._file.fileno())

    def head(self) -> bytes:
        """Read how the file begins, and see whether it is compressed."""
        self.is_packed = os.pread(self._descriptor, len(GZIP_MAGIC), 0) == GZIP_MAGIC
        with suppress(*DAMAGES):
            return self.rewound().read(HEAD_BYTES)
        return b""

    def rewound(self) -> BinaryIO:
        """Give the content to be read from its begin, until anything else is read."""
        self._packed = None
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        file = io.BufferedReader(io.FileIO(self._descriptor, closefd=False))
        return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if self.is_packed else file

    def at(self, place: int, most: int) -> bytes:
        """Read some bytes; fewer than wanted are all that there are. Compressed data are best read from place to place.

        Where they are damaged, `damage` says what is wrong after the bytes that are given.
        """
        if not self.is_packed:
            return os.pread(self._descriptor, most, place)
        if self._packed is None or not self._held_at <= place <= self._held_at + len(self._held):
            self._packed = cast(gzip.GzipFile, self.rewound())
            self._held, self._held_at, self.damage = b"", place, None
        try:
            if self._packed.tell() < place:
                self._packed.seek(place)
            self._held, self._held_at = self._held[place - self._held_at :], place
            while len(self._held) < most and (piece := self._packed.read1(most - len(self._held))):
                self._held += piece
        except DAMAGES as error:
            self.damage = str(error).lower()
        return self._held[:most]

    def forget(self) -> None:
        """Unpack anew what is read next: more may have been added where the data ended too soon."""
        self._packed = None

    @property
    def _descriptor(self) -> int:
        assert self._file is not None
        return self._file.fileno()
