"""The log of a capture of a suite: a file of its own, which is never somebody else's."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from townlet_core.errors import OutputError
from townlet_core.locks import open_file

WORD = b" attempt "  # what follows the time in the first line of a log
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")


def line(text: str) -> bytes:
    """Give a line of a log, with the time."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return f"{now} {text}\n".encode("utf-8", "backslashreplace")


def open_log(log: Path, *, anew: bool) -> int:
    """Open a log to write at its end; give the descriptor.

    Args:
        anew: drop what an earlier suite has written. What somebody else has is refused.

    Raises:
        OutputError: it is not a log of a suite, or cannot be written.
    """
    hint = "move it away, or choose another --output-root"
    try:
        if log.is_symlink():
            raise OutputError("is a link, where the log of a capture is to be", where=str(log), hint=hint)
        not_a_file = OutputError("is not a file, where the log of a capture is to be", where=str(log), hint=hint)
        descriptor = open_file(log, os.O_APPEND, not_a_file)
        try:
            if anew:
                if not _is_log(os.pread(descriptor, 100, 0)):
                    raise OutputError("is there already, and is no log of a capture", where=str(log), hint=hint)
                os.ftruncate(descriptor, 0)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(log)) from error
    return descriptor


def add_to_log(log: Path, text: str) -> None:
    """Write a line into a log from outside of an attempt.

    Raises:
        OutputError: it is not a log of a suite, or cannot be written.
    """
    descriptor = open_log(log, anew=False)
    try:
        os.write(descriptor, line(text))
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(log)) from error
    finally:
        os.close(descriptor)


def _is_log(beginning: bytes) -> bool:
    """Say whether a file begins as a log does, be it cut off by a full disk."""
    time = TIME.match(beginning)
    if time is None:
        return not beginning
    word = beginning[time.end() :][: len(WORD)]
    return WORD.startswith(word)
