"""One writer at a time. A lock goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from townlet_core.errors import OutputError

HOLDER: Final = re.compile(rb"[1-9]\d{0,17}\n")  # what stands in the lock of a writer: its process
MOST_BYTES: Final = 1000  # that are read of a lock
LOOKING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # how a lock is opened that is not to be taken


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
        OutputError: somebody else writes it, or has something of that name that is no lock.
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


def holder_of(path: Path) -> int | None:
    """Give the process that PATH.lock names, which need not be there any more; the lock is not touched."""
    try:
        descriptor = os.open(f"{path}.lock", LOOKING)
    except OSError:
        return None
    try:
        found = os.pread(descriptor, MOST_BYTES, 0)
    except OSError:
        return None  # a folder, or a pipe
    finally:
        os.close(descriptor)
    return int(found) if HOLDER.fullmatch(found) else None


def is_held(lock: Path) -> bool:
    """Say whether some process, on this machine or where else locks are seen, holds a lock."""
    try:
        descriptor = os.open(lock, LOOKING)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def open_lock(lock: Path, ours: re.Pattern[bytes], *, instead: str) -> int:
    """Open a file that is there to be locked, and make it if it is not there; give the descriptor.

    Args:
        ours: what stands in one that was left behind. Nothing is lost of one that is empty.
        instead: what somebody can do who wants to leave what is there where it is.

    Raises:
        OutputError: something else has its name, which stays as it is.
        OSError: it cannot be opened.
    """
    foreign = OutputError("is there already, and is no lock", where=str(lock), hint=f"move it away, or {instead}")
    if os.path.lexists(lock) and not stat.S_ISREG(os.lstat(lock).st_mode):
        raise foreign
    descriptor = open_file(lock, 0, foreign)
    try:
        found = os.pread(descriptor, MOST_BYTES, 0)
        if found and not ours.fullmatch(found):
            raise foreign
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_file(path: Path, flags: int, not_a_file: OutputError) -> int:
    """Open a file to read and write, and make it if it is not there; give the descriptor.

    A link would lead to a file of somebody else, and a pipe would wait for its reader: neither is followed or waited
    for.

    Args:
        flags: of os.open, beside those.
        not_a_file: raised where something else has the name.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise not_a_file
    return descriptor


def _take(lock: Path, where: Path, instead: str) -> int:
    """Open and lock the file; again if its holder has removed it in between."""
    while True:
        descriptor = open_lock(lock, HOLDER, instead=instead)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, MOST_BYTES, 0).decode().strip()
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
