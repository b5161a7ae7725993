"""The files of a log: the active one, which keeps its name, older segments numbered by age, and what was set aside."""

from __future__ import annotations

import os
import re
from pathlib import Path

from townlet_core.errors import OutputError

SUPERSEDING, SUPERSEDED = "superseding", "superseded"  # why a record is set aside: it will be, is written anew
PACKED = ".gz"  # how the name of a compressed segment ends


def numbered(path: Path) -> list[Path]:
    """Give the files LOG.n and LOG.n.gz by their number; where both are there, the one that is not compressed."""
    found: dict[int, str] = {}
    for number, name in sorted(_numbers(path)):
        if path.with_name(name).is_file():
            found.setdefault(number, name)
    return [path.with_name(name) for name in found.values()]


def next_segment(path: Path) -> Path:
    """Name the segment that the active file becomes when it is full: segments are never renamed again."""
    most = max((number for number, _ in _numbers(path)), default=0)
    return path.with_name(f"{path.name}.{most + 1}")


def set_aside(path: Path, why: str, data: bytes) -> Path:
    """Write what is taken out of a log to a new file beside it, LOG.<why>-<n>, and wait until it is on the disk."""
    number = 1
    while True:
        aside = beside(path, why, number)
        try:
            file = aside.open("xb")
        except FileExistsError:
            number += 1
            continue
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return aside


def asides(path: Path, why: str) -> list[Path]:
    """Give the files with what was set aside for a reason, oldest first."""
    return [path.with_name(name) for _, name in sorted(_names(path, rf"\.{why}-([1-9][0-9]*)"))]


def beside(path: Path, why: str, number: int) -> Path:
    """Name a file with what was set aside."""
    return path.with_name(f"{path.name}.{why}-{number}")


def cannot_write(error: OSError, path: Path) -> OutputError:
    """Say what keeps a log from being written."""
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot be written: {reason}", where=str(path), hint="name another file for the log")


def _numbers(path: Path) -> list[tuple[int, str]]:
    """Give the numbers of segments with their names, in no order."""
    return _names(path, rf"\.([1-9][0-9]*)(?:{re.escape(PACKED)})?")


def _names(path: Path, ending: str) -> list[tuple[int, str]]:
    """Find the names beside a log that begin as its own; the ending has a group for their number."""
    name = re.compile(re.escape(path.name) + ending)
    names = os.listdir(path.parent) if path.parent.is_dir() else []
    return [(int(found[1]), each) for each in names if (found := name.fullmatch(each))]
