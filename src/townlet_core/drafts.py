"""A file that has its name only when it is complete."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from townlet_core.errors import OutputError
from townlet_core.locks import is_named

DRAFT: Final = "draft"  # what the name of a file ends in before it is complete


@contextmanager
def complete(file: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
    """Lend a file to write to; what has its name is replaced when all of it is written, and else left as it was.

    A device or a pipe has nothing that must be left whole, and is written to; of a link, what it leads to is replaced.
    What is replaced hands its permissions on.

    Args:
        replace: take the place of what has that name.

    Raises:
        OutputError: it is there already, somebody else is writing it, or it cannot be written.
    """
    _leave(file, replace)
    try:
        if file.exists() and not file.is_file():
            with file.open("wb") as device:
                yield device
            return
        target = Path(os.path.realpath(file))
        draft = target.with_name(f".{target.name}.{DRAFT}")
        with _alone(draft, file) as open_file:
            try:
                _leave(file, replace)  # somebody else may have been faster
                if target.exists():
                    os.fchmod(open_file.fileno(), target.stat().st_mode & 0o777)
                yield open_file
                open_file.flush()
                os.fsync(open_file.fileno())
                os.replace(draft, target)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # the reader has gone, and wants no more
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(file)) from error


def _leave(file: Path, replace: bool) -> None:
    """Refuse to replace what is there, unless asked to."""
    if not replace and os.path.lexists(file):
        raise OutputError("is there already", where=str(file), hint="give --force to replace it, or name another file")


@contextmanager
def _alone(draft: Path, file: Path) -> Iterator[BinaryIO]:
    """Open a draft that nobody else has open; what a crash has left of one is written over.

    Raises:
        OutputError: somebody else has it open.
    """
    while True:
        with open(draft, "w+b", opener=_without_link) as open_file:
            try:
                fcntl.flock(open_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                hint = "wait until it has ended, or name another file"
                raise OutputError("somebody else is writing it", where=str(file), hint=hint) from error
            if is_named(open_file.fileno(), draft):  # else it was somebody's, who has just put it into place
                open_file.truncate()
                yield open_file
                return


def _without_link(path: str, _: int) -> int:
    """Open a file to write to, as it is: it may be somebody's."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
