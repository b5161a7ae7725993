"""Files that commands write for their users."""

from __future__ import annotations

import os
from pathlib import Path

from townlet_core.errors import OutputError


def write_whole(output: Path, text: str) -> None:
    """Write a file, which appears when it is complete and on the disk; an older one is replaced then.

    Raises:
        OutputError: it cannot be written; an older one is as it was.
    """
    try:
        if output.exists() and not output.is_file():  # a device or a pipe has nothing to be kept whole
            output.write_text(text, encoding="utf-8")
            return
        draft = output.with_name(f"{output.name}.draft")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, output)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(output)) from error
