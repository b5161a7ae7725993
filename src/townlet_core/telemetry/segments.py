"""The files of a log: the active one, which keeps its name, older segments numbered by age, and what was set aside."""

from __future__ import annotations

import os
import re
from pathlib import Path

from townlet_core.errors import OutputError

DRAFT = "draft"  # what is added to the name of a file that is not complete yet


def segments(path: Path) -> list[Path]:
    """Give the files that a log consists of, oldest first, the active one last if it is there."""
    numbered = [(number, path.with_name(f"{path.name}.{number}")) for number in _numbers(path)]
    return [file for _, file in sorted(numbered) if file.is_file()] + ([path] if path.is_file() else [])


def next_segment(path: Path) -> Path:
    """Name the segment that the active file becomes when it is full: segments are never renamed again."""
    return path.with_name(f"{path.name}.{max(_numbers(path), default=0) + 1}")


def set_aside(path: Path, why: str, data: bytes) -> Path:
    """Write what is taken out of a log to a new file beside it, LOG.<why>-<n>, and wait until it is on the disk."""
    number = 1
    while True:
        aside = path.with_name(f"{path.name}.{why}-{number}")
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


def cannot_write(error: OSError, path: Path) -> OutputError:
    """Say what keeps a log from being written."""
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot be written: {reason}", where=str(path), hint="name another file for the log")


def _numbers(path: Path) -> list[int]:
    """Give the numbers in use, in no order."""
    segment = re.compile(rf"{re.escape(path.name)}\.([1-9][0-9]*)")
    return [int(found[1]) for name in os.listdir(path.parent) if (found := segment.fullmatch(name))]
