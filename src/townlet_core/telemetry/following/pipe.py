"""The lines of what can be read only once, as they come: standard input, or a pipe with a name."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from townlet_core.errors import InputError
from townlet_core.telemetry.lines import GZIP_MAGIC, MOST_LINE_BYTES, STDIN, Fault, judged, too_long

PIECE_BYTES: Final = 2**16
MOST_PIECES: Final = 2**10  # a poll


class Pipe:
    """What comes through a pipe. That of standard input has an end; to one with a name another writer may come.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.is_ended = False
        self.pieces = 0  # that have come
        self._path = path
        self._has_end = path == STDIN
        self._descriptor = sys.stdin.fileno() if self._has_end else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._number = 0
        self._held = b""
        self._over = 0  # bytes of a line that is too long

    def poll(self) -> Iterator[tuple[int, bytes | Fault]]:
        """Give the lines that have come, with their numbers.

        Raises:
            InputError: they are compressed.
        """
        for _ in range(MOST_PIECES):
            if self.is_ended or not select.select([self._descriptor], [], [], 0)[0]:
                return
            try:
                piece = os.read(self._descriptor, PIECE_BYTES)
            except BlockingIOError:
                return
            if not piece:
                self.is_ended = self._has_end
                yield from self._end()
                return
            self.pieces += 1
            if self.pieces == 1 and piece.startswith(GZIP_MAGIC):
                raise InputError("is compressed", where=str(self._path), hint="unpack it first, such as with 'zcat'")
            yield from self._lines(piece)

    def close(self) -> None:
        """Let go of the pipe; standard input is not ours to close."""
        if not self._has_end:
            os.close(self._descriptor)

    def _lines(self, piece: bytes) -> Iterator[tuple[int, bytes | Fault]]:
        *ended, rest = piece.split(b"\n")
        for each in ended:
            yield from self._line(each + b"\n")
        self._held += rest
        if self._over or len(self._held) >= MOST_LINE_BYTES:
            self._over += len(self._held)
            self._held = b""

    def _line(self, end: bytes) -> Iterator[tuple[int, bytes | Fault]]:
        line, self._held = self._held + end, b""
        self._number += 1
        found: bytes | Fault | None
        if self._over or len(line) > MOST_LINE_BYTES:
            found, self._over = too_long(self._over + len(line) - 1), 0
        else:
            found = judged(line, is_first=self._number == 1)
        if found is not None:
            yield self._number, found

    def _end(self) -> Iterator[tuple[int, bytes | Fault]]:
        """Give what the writer has not written to its end."""
        if self._over:
            self._number += 1
            fault, self._over = too_long(self._over), 0
            yield self._number, fault
        elif self._held:
            yield from self._line(b"")
