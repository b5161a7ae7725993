"""A folder in which one process at a time writes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
