"""Files that get new contents together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from townlet_core.errors import OutputError


def put_in_place(files: Sequence[tuple[Path, bytes]]) -> None:
    """Put new contents into place, one file after the other, when all of them are on the disk.

    Raises:
        OSError: one cannot be written; that one, and those after it, are as they were.
        OutputError: all are in place, and nobody knows whether they would outlast a power cut.
    """
    drafts = [path.with_name(f".{path.name}.draft") for path, _ in files]
    try:
        for draft, (path, data) in zip(drafts, files, strict=True):
            with draft.open("wb") as file:
                if path.exists():
                    os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for draft, (path, _) in zip(drafts, files, strict=True):
            os.replace(draft, path)
    finally:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    _sync_folder(files[-1][0])


def _sync_folder(path: Path) -> None:
    """Wait until the name of a file is on the disk.

    Raises:
        OutputError: nobody knows whether it is, and the new file is in place.
    """
    try:
        sync(path.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "the new one is in place, and may not outlast a power cut"
        raise OutputError(f"cannot be synced: {reason}", where=str(path), hint=hint) from error


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
