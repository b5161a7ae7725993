"""The file that records are appended to: a whole line or nothing, in one write; and what must be right before that."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

BLOCK_BYTES = 2**20


class ActiveFile:
    """An open file that grows by lines. Pipes and devices will do too: nothing is cut off or counted there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _open(path)
        try:
            self.is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            self.records = _count_lines(path) if self.is_regular else 0
        except OSError:
            os.close(self._descriptor)
            raise
        self._sound: int | None = None  # length to cut the file back to, where that is still to be done

    def append(self, line: bytes) -> None:
        """Write a line; what there is of one that does not fit is cut off again.

        Raises:
            OSError: nothing was written.
        """
        if not self.is_regular:
            self._push(line)
            return
        self._cut_back()
        self._sound = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):  # it is tried again before the next line
                self._cut_back()
            raise
        self._sound = None
        self.records += 1

    def has_its_name(self) -> bool:
        """Say whether the path still leads to this file, which somebody may have moved or removed."""
        try:
            return not self.is_regular or os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def sync(self) -> None:
        """Wait until all is on the disk."""
        if self.is_regular:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file; a network's disk may complain even then, when nothing is left to do about it."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _cut_back(self) -> None:
        if self._sound is not None:
            os.ftruncate(self._descriptor, self._sound)
            self._sound = None

    def _push(self, line: bytes) -> None:
        """Write to what takes a line in several pieces, such as a pipe that is nearly full."""
        left = memoryview(line)
        while left:
            left = left[os.write(self._descriptor, left) :]


def _open(path: Path) -> int:
    """Open a file to append to. A pipe that nobody reads is refused at once, else it would keep us waiting here."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    os.set_blocking(descriptor, True)
    return descriptor


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK_BYTES), b""))
