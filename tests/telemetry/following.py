"""Who reads a log while it is written, and keeps what the log would hold if nothing had been taken out of it."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from itertools import islice
from pathlib import Path
from typing import Any, Self

from tests.telemetry.reading import line, ours
from townlet_core.telemetry.following.follow import Follower, Line, Notice
from townlet_core.telemetry.lines import Fault


class Reader:
    """Follows a log and believes what it is told."""

    def __init__(self, log: Path) -> None:
        self.follower = Follower(log)
        self.lines: list[Line] = []
        self.notices: list[Notice] = []

    def poll(self, most: int | None = None) -> list[Line]:
        """Take what is new, or only some of it; give the lines."""
        taken: list[Line] = []
        for each in islice(self.follower.poll(), most):
            if isinstance(each, Line):
                self.lines.append(each)
                taken.append(each)
            else:
                self.notices.append(each)
                self._believe(each)
        return taken

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records that were given and not taken back."""
        return [json.loads(each.line) for each in self.lines if not isinstance(each.line, Fault)]

    @property
    def epochs(self) -> list[int]:
        return [record["epoch"] for record in self.records]

    @property
    def told(self) -> list[str]:
        """What the notices say, with the names of the files."""
        return [f"{notice.file.name} {notice.what}" for notice in self.notices]

    def _believe(self, notice: Notice) -> None:
        if notice.line is not None:
            while self.lines and self.lines[-1].number > notice.line:
                self.lines.pop()
        if notice.run is not None:
            run = notice.run
            self.lines = [each for each in self.lines if isinstance(each.line, Fault) or not run.supersedes(each.line)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.follower.close()


def add(log: Path, *numbers: int) -> None:
    """Append records as anybody would who writes a log."""
    with log.open("ab") as file:
        file.writelines(line(ours(number)) for number in numbers)


def pack(file: Path) -> None:
    """Compress a file as gzip does: the new one is complete before the old one goes."""
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()


def shift(log: Path) -> None:
    """Rename the segments as logrotate does, so that LOG.1 is free."""
    found = [(int(path.name.removeprefix(f"{log.name}.").removesuffix(".gz")), path) for path in segments_of(log)]
    for number, path in sorted(found, reverse=True):
        path.rename(log.with_name(f"{log.name}.{number + 1}{'.gz' if path.suffix == '.gz' else ''}"))


def segments_of(log: Path) -> list[Path]:
    names = (path.name.removeprefix(f"{log.name}.") for path in log.parent.iterdir() if path != log)
    return [log.with_name(f"{log.name}.{name}") for name in names if name.removesuffix(".gz").isdigit()]


def move_away(log: Path) -> None:
    """Rotate as logrotate does."""
    shift(log)
    log.rename(log.with_name(f"{log.name}.1"))


def copy_and_empty(log: Path) -> None:
    """Rotate as logrotate does with copytruncate."""
    shift(log)
    shutil.copy(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def save_again(log: Path) -> None:
    """Replace a file by one with the same content, as editors do."""
    copy = log.with_name("copy")
    shutil.copy(log, copy)
    copy.replace(log)


def held_files() -> list[str]:
    """Name the files that this process holds open."""
    return [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
