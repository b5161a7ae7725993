"""What commands print: data to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from townlet_core.errors import ConfigError, OutputError, TownletError

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPE_COLUMNS = 10_000  # nothing reads a pipe's width, so no line of a table is folded or cut there


def put(text: str) -> None:
    """Print data.

    Raises:
        OutputError: standard output cannot take it.
    """
    try:
        print(text.rstrip("\n"), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", where="standard output") from error


def put_rich(*parts: RenderableType) -> None:
    """Print tables: in colour on a terminal (unless NO_COLOR is set), as plain text into a pipe."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    put("\n".join(line.rstrip() for line in captured.get().splitlines()))


def note(text: str) -> None:
    """Print something good to know."""
    print(f"note: {text}", file=sys.stderr)


def warn(text: str) -> None:
    """Print something that makes the result doubtful."""
    print(f"warning: {text}", file=sys.stderr)


def problem(error: TownletError) -> None:
    """Print an error, with its place before it and its hint on a line below; of a ConfigError, every problem."""
    for each in error.problems if isinstance(error, ConfigError) else [error]:
        print(f"error: {each}", file=sys.stderr)
