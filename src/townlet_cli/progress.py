"""A progress bar for people who wait, and nothing for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how much of the work is done, on a terminal and once it has lasted longer than PATIENCE_SECONDS.

    Yields:
        what to call with the number done and the number of all; None where nobody watches.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        if time.monotonic() - began >= PATIENCE_SECONDS:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()
