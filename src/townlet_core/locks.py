"""One writer at a time. A lock goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from townlet_core.errors import OutputError


@contextmanager
def only_one(folder: Path, what: str, *, hint: str) -> Iterator[None]:
    """Keep others out of a folder who ask for it in the same way; the lock leaves no file, and goes with the process.

    Args:
        what: who does what there, for those who are kept out: "another capture is writing here".

    Raises:
        OutputError: somebody else is at work there, or the folder has just been removed.
        OSError: it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(what, where=str(folder), hint=hint) from error
        if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            raise OutputError("was removed and made anew at this moment", where=str(folder), hint="try again")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def only_writer(path: Path, where: Path, *, instead: str = "name another file for the log") -> Iterator[None]:
    """Keep other writers away, by the file PATH.lock, which outlasts the rotation of a log and names its holder.

    The lock of a process that was killed is free; its file is used again.

    Args:
        where: what the user calls that which is written, for the error.
        instead: what somebody can do who does not want to wait.

    Raises:
        OutputError: somebody else writes it.
    """
    lock = path.with_name(f"{path.name}.lock")
    descriptor = _take(lock, where, instead)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        with suppress(OSError):  # the folder may be gone, or the lock be another's
            if is_named(descriptor, lock):
                os.unlink(lock)
        os.close(descriptor)


def _take(lock: Path, where: Path, instead: str) -> int:
    """Open and lock the file; again if its holder has removed it in between."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode().strip()
            os.close(descriptor)
            hint = f"wait until it has ended, or {instead}"
            problem = f"is being written by process {holder}" if holder else "is being written by another process"
            raise OutputError(problem, where=str(where), hint=hint) from error
        if is_named(descriptor, lock):
            return descriptor
        os.close(descriptor)


def is_named(descriptor: int, path: Path) -> bool:
    """Say whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
