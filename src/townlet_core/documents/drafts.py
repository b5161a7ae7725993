"""A file that has its name only when it is complete."""

from __future__ import annotations

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

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if file.exists() and not file.is_file():
            with file.open("wb") as device:
                yield device
            return
        target = Path(os.path.realpath(file))
        draft = target.with_name(f"{target.name}.{DRAFT}")
        try:
            with draft.open("wb") as open_file:
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
