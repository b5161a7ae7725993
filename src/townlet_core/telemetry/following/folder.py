"""The names of a log's files in their folder, which is read again only when it may have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from townlet_core.telemetry.segments import SUPERSEDED, SUPERSEDING, asides, numbered
from townlet_core.telemetry.stream import real

SURE_NS: Final = 2 * 10**9  # a folder that was read so soon after a change may change again at what seems the same time
MOST_NS: Final = 10 * 10**9  # after which it is read again in any case


class Folder:
    """The files of a log: its segments by their numbers, and the one with its own name."""

    def __init__(self, log: Path) -> None:
        self.older: list[Path] = []
        self.is_in_turmoil = False  # a run that is resumed puts the log in order
        self._log = log
        self._known: set[Path] | None = None  # what runs have set aside
        self._stamp: tuple[int, ...] | None = None
        self._read_at = 0  # ns

    def has_changed(self) -> bool:
        """Say whether the folder may hold anything else than when it was read."""
        stamp = self._look()
        is_sure = stamp is None or self._read_at - stamp[-1] > SURE_NS
        return stamp != self._stamp or not is_sure or not 0 <= time.time_ns() - self._read_at <= MOST_NS

    def names(self) -> Iterator[Path]:
        """Read the names of the files, the active one first.

        The others are looked for only when the first has been taken: so all that were written before it are among them.
        """
        self._stamp, self._read_at = self._look(), time.time_ns()
        self.older = []
        log = real(self._log)
        if self._known is None:
            self._known = set(asides(log, SUPERSEDED))
        self.is_in_turmoil = bool(asides(log, SUPERSEDING))
        if self._log.exists():
            yield self._log
        self.older = numbered(log)
        yield from self.older

    def forget(self) -> None:
        """Have the folder read again."""
        self._read_at = 0

    def set_aside(self) -> list[Path]:
        """Name what runs have set aside since this was last told."""
        new = [aside for aside in asides(real(self._log), SUPERSEDED) if aside not in (self._known or ())]
        self._known = {*(self._known or ()), *new}
        return new

    def _look(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(real(self._log).parent)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return stat.st_dev, stat.st_ino, stat.st_mtime_ns
