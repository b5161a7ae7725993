"""A file that is written whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from townlet_core.errors import OutputError


@contextmanager
def written_whole(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Lend a file to write to, which takes its name when the body is done; if that fails, it is gone without trace.

    Args:
        force: replace a file of that name.

    Raises:
        OutputError: the file is there already, or cannot be written.
    """
    if path.is_dir():
        raise OutputError("is a folder, not a file", where=str(path))
    if os.path.lexists(path) and not force:
        raise OutputError("is there already", where=str(path), hint="give --force to replace it, or name another file")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent)
        try:
            with open(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot be written: {reason}", where=str(path), hint="nothing was changed") from error


def _umask() -> int:
    """Look up which permissions new files do not get; a draft has fewer."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
