"""A file that has its name only when it is complete."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from townlet_core.errors import OutputError

DRAFT: Final = "draft"  # what the name of a file ends in before it is complete


@contextmanager
def complete(file: Path) -> Iterator[BinaryIO]:
    """Lend a file to write to; what has its name is replaced when all of it is written, and else left as it was.

    A device or a pipe has nothing that must be left whole, and is written to; of a link, what it leads to is replaced.
    Of two that write one file at once the second is refused.

    Raises:
        OutputError: it cannot be written, or somebody else is writing it.
    """
    try:
        if file.exists() and not file.is_file():
            with file.open("wb") as device:
                yield device
            return
        target = Path(os.path.realpath(file))
        draft = target.with_name(f"{target.name}.{DRAFT}")
        with _alone(draft, file) as open_file:
            try:
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


@contextmanager
def _alone(draft: Path, file: Path) -> Iterator[BinaryIO]:
    """Open a draft that nobody else writes to; the lock goes with the process."""
    with open(draft, "wb", opener=_as_it_is) as open_file:
        try:
            fcntl.flock(open_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(open_file.fileno()), os.lstat(draft))
        except (BlockingIOError, FileNotFoundError):
            is_ours = False  # another has it, or had it and is done
        if not is_ours:
            hint = "wait until it has ended, or name another file"
            raise OutputError("another command is writing it", where=str(file), hint=hint)
        open_file.truncate()
        yield open_file


def _as_it_is(path: str, flags: int) -> int:
    """Open a file that may be another's: nothing in it is lost, and no link is followed."""
    return os.open(path, flags & ~os.O_TRUNC | os.O_NOFOLLOW, 0o666)
